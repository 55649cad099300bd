package rules

import "unicode/utf8"

// text is bytes to judge: the buffer itself, or what a decoder made of a part
// of it, with the way back.
type text struct {
	b []byte
	// from and to give, for each byte of b, the range of raw bytes that hold
	// any bit of it. Both are nil where b is the raw buffer itself.
	from, to []int
}

// raw returns the raw range of b[start:end], which is not empty.
func (t *text) raw(start, end int) Span {
	if t.from == nil {
		return Span{start, end}
	}
	return Span{t.from[start], t.to[end-1]}
}

// reset empties a decoded text and keeps its memory.
func (t *text) reset() { t.b, t.from, t.to = t.b[:0], t.from[:0], t.to[:0] }

// add appends decoded byte c, which the raw bytes [from, to) hold.
func (t *text) add(c byte, from, to int) {
	t.b, t.from, t.to = append(t.b, c), append(t.from, from), append(t.to, to)
}

// addRune appends the UTF-8 of r, which the raw bytes [from, to) hold. Half of
// a surrogate pair becomes U+FFFD, which is no letter of any body either.
func (t *text) addRune(r rune, from, to int) {
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
func (t *text) through(outer *text) {
	if outer.from == nil {
		return
	}
	for i := range t.from {
		t.from[i], t.to[i] = outer.from[t.from[i]], outer.to[t.to[i]-1]
	}
}
