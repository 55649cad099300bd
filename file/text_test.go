package file

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestTextOfEditorsAndShellsIsUTF8(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"UTF-8", "aü\n", "aü\n"},
		{"UTF-8 with a mark", "\xef\xbb\xbfaü\r\n", "aü\r\n"},
		{"a mark in the middle", "a\ufeff", "a\ufeff"},
		{"UTF-16, little endian", "\xff\xfea\x00\xfc\x00\x3d\xd8\x00\xde", "aü😀"},
		{"UTF-16, big endian", "\xfe\xff\x00a\x00\xfc", "aü"},
		{"UTF-16, half a unit at the end", "\xff\xfea\x00b", "a"},
		{"UTF-16, half a pair", "\xff\xfe\x3d\xd8", "\ufffd"},
		{"only a mark", "\xff\xfe", ""},
		{"half a mark", "\xff", "\xff"},
		{"nothing", "", ""},
	} {
		if got := string(Text([]byte(tt.text))); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		got, err := io.ReadAll(TextReader(iotest.OneByteReader(strings.NewReader(tt.text)), 100))
		if string(got) != tt.want || err != nil {
			t.Errorf("%s, read: %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
	broken := errors.New("broken")
	r := TextReader(io.MultiReader(strings.NewReader("\xff\xfea\x00"), iotest.ErrReader(broken)), 100)
	if got, err := io.ReadAll(r); string(got) != "a" || !errors.Is(err, broken) {
		t.Errorf("%q, %v", got, err)
	}
}

func FuzzText(f *testing.F) {
	f.Add([]byte("\xff\xfea\x00"))
	f.Add([]byte("\xef\xbb\xbfa"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if got := Text(text); len(got) > 2*len(text) {
			t.Errorf("%d bytes of %d", len(got), len(text))
		}
	})
}
