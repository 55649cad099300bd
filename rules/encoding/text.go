package encoding

import (
	"slices"
	"unicode/utf8"
)

// Text is bytes to judge: the buffer itself, or what a decoder made of a part
// of it, with the way back.
type Text struct {
	B []byte
	// from and to give, for each byte of B, the range of raw bytes that hold
	// any bit of it. Both are nil where B is the raw buffer itself.
	from, to []int
	// bare is for a long text of which only the end is asked for: from and to would be
	// sixteen times as long. end is what to would say of the last byte.
	bare bool
	end  int
}

// Raw returns the range of raw bytes that hold B[start:end], which is not empty.
func (t *Text) Raw(start, end int) (from, to int) {
	if t.from == nil {
		return start, end
	}
	return t.from[start], t.to[end-1]
}

// At returns the byte of a decoded text that starts at a raw offset, if there is
// one.
func (t *Text) At(raw int) (pos int, ok bool) { return slices.BinarySearch(t.from, raw) }

// reset empties a decoded text and keeps its memory.
func (t *Text) reset() { t.B, t.from, t.to = t.B[:0], t.from[:0], t.to[:0] }

// add appends decoded byte c, which the raw bytes [from, to) hold.
func (t *Text) add(c byte, from, to int) {
	t.B, t.end = append(t.B, c), to
	if !t.bare {
		t.from, t.to = append(t.from, from), append(t.to, to)
	}
}

// addRune appends the UTF-8 of r, which the raw bytes [from, to) hold. Half of
// a surrogate pair becomes U+FFFD, which is no letter of any body either.
func (t *Text) addRune(r rune, from, to int) {
	if r < utf8.RuneSelf {
		t.add(byte(r), from, to)
		return
	}
	var buf [utf8.UTFMax]byte
	for _, c := range buf[:utf8.EncodeRune(buf[:], r)] {
		t.add(c, from, to)
	}
}

// through replaces the raw offsets of t, which count in outer's decoded bytes,
// by offsets of the bytes below outer.
func (t *Text) through(outer *Text) {
	if t.bare && outer.bare {
		t.end = outer.end
	}
	if t.bare || outer.from == nil {
		return
	}
	for i := range t.from {
		t.from[i], t.to[i] = outer.from[t.from[i]], outer.to[t.to[i]-1]
	}
}
