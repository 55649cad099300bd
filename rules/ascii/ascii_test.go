package ascii

import "testing"

func TestRunsEndAtTheirLimitAndAtTheTextsEnds(t *testing.T) {
	b := []byte("..abc_1..")
	for _, tt := range []struct{ at, limit, end int }{{2, 99, 7}, {2, 3, 5}, {2, 0, 2}, {2, -1, 2}, {7, 9, 7}, {9, 9, 9}} {
		if got := RunEnd(b, tt.at, tt.limit, IsWord); got != tt.end {
			t.Errorf("the run from %d, at most %d, ends at %d, want %d", tt.at, tt.limit, got, tt.end)
		}
	}
	for _, tt := range []struct{ at, limit, start int }{{7, 99, 2}, {7, 3, 4}, {7, 0, 7}, {2, 9, 2}, {0, 9, 0}} {
		if got := RunStart(b, tt.at, tt.limit, IsWord); got != tt.start {
			t.Errorf("the run to %d, at most %d, starts at %d, want %d", tt.at, tt.limit, got, tt.start)
		}
	}
}

func TestClassesOfAllBytes(t *testing.T) {
	for i := range 256 {
		c := byte(i)
		alnum := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if IsAlnum(c) != alnum || IsWord(c) != (alnum || c == '_') || IsName(c) != (alnum || c == '_' || c == '-') || IsDotted(c) != (IsName(c) || c == '.') {
			t.Errorf("%q is in the wrong class", c)
		}
		if v, ok := HexByte("0123456789abcdef"[c>>4], "0123456789ABCDEF"[c&15]); !ok || v != c {
			t.Errorf("the digits of %d mean %d", c, v)
		}
	}
	if _, ok := HexByte('g', '0'); ok {
		t.Error("g is a hexadecimal digit")
	}
}
