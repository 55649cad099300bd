package gitdb

import (
	"strings"
	"testing"

	"keysweep/file"
	"keysweep/scanner/gitdb/oid"
)

// Where HEAD is not known, no branch is taken for it.
func TestTheHeadOfACreatedRepository(t *testing.T) {
	id, _ := oid.Parse([]byte(strings.Repeat("1", 40)))
	other, _ := oid.Parse([]byte(strings.Repeat("2", 40)))
	main := []Ref{{Name: "refs/heads/main", ID: id}}
	for name, tt := range map[string]struct {
		created Created
		want    oid.ID
	}{
		"a branch":  {Created{Refs: main, Head: "refs/heads/main"}, id},
		"no branch": {Created{Refs: main, HeadID: other}, other},
		"not known": {Created{Refs: main}, oid.ID{}},
	} {
		dir := t.TempDir()
		if err := Create(dir, tt.created); err != nil {
			t.Fatal(err)
		}
		r, err := Open(dir, file.Reach{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Head != tt.want {
			t.Errorf("%s: HEAD is %s, want %s", name, r.Head, tt.want)
		}
	}
}
