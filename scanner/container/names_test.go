package container

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

// Names are passed on byte by byte, but for NUL, which nothing else could hold.
func TestNamesAreBytesOfAnyKind(t *testing.T) {
	for name, want := range map[string]string{
		"caf\xe9.env": "caf\xe9.env", "\x82t\x82.env": "\x82t\x82.env", "a\xff\n\x1b[31m": "a\xff\n\x1b[31m", "a\x00b": "a\ufffdb", "../../etc/x": "../../etc/x", "/etc/x": "/etc/x", "\u202eb": "\u202eb",
	} {
		b := zipped(t, map[string][]byte{strings.Repeat("N", len(name)): []byte("KEY")})
		b = bytes.ReplaceAll(b, bytes.Repeat([]byte("N"), len(name)), []byte(name))
		s := &seen{members: make(map[string]string), raw: make(map[string]string), covered: make(map[string][]Span)}
		if _, err := Walk(context.Background(), NewBudget(Limits{}), Bytes(b), "x.zip", s); err != nil || s.members[want] != "KEY" || len(s.notes) > 0 {
			t.Errorf("%q: %q, %v, notes %+v", name, s.members, err, s.notes)
		}
	}
}
