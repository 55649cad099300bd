package command

import (
	"strings"
	"testing"
)

func TestLinesAreCutToTheRowsThatTheyTake(t *testing.T) {
	long := strings.Repeat("x", 25) // three rows of ten
	for _, tt := range []struct {
		name  string
		lines []string
		rows  int
		want  string
	}{
		{"all fit", []string{"a", "b", "c"}, 3, "a|b|c"},
		{"one too many", []string{"a", "b", "c", "d"}, 3, "a|b|   + 2 more lines (m shows them)"},
		{"a long one", []string{"a", long, "b"}, 4, "a|   + 2 more lines (m shows them)"},
		{"a long one fits", []string{"a", long, "b", "c"}, 5, "a|" + long + "|   + 2 more lines (m shows them)"},
		{"colours take no room", []string{"\x1b[1;31m0123456789\x1b[0m", "b"}, 2, "\x1b[1;31m0123456789\x1b[0m|b"},
		{"wide letters take two", []string{strings.Repeat("漢", 6), "b"}, 2, "   + 2 more lines (m shows them)"},
	} {
		if got := strings.Join(cutTo(tt.lines, tt.rows, 10), "|"); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if got, want := wrapped("one two three  four", 9), "one two\nthree\nfour\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
