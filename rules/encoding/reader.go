package encoding

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// Steps are the decodings of one form of a prefix, the outermost first; none for
// plain text.
type Steps []Step

// Names returns what the steps are called in reports.
func (s Steps) Names() []string {
	var names []string
	for _, st := range s {
		names = append(names, st.decoder.name())
	}
	return names
}

// Same reports whether s and o decode alike, whatever the prefix.
func (s Steps) Same(o Steps) bool {
	return slices.EqualFunc(s, o, func(a, b Step) bool { return a.decoder == b.decoder && a.form.variant == b.form.variant })
}

// Literal returns the bytes that the steps start from.
func (s Steps) Literal() []byte { return s[0].form.literal }

// nestedReach is the reach of evidence around a key under two encodings, in bytes: each may
// take four for one.
const nestedReach = 512

// singleReach is that under one: base64 holds a header or a small file, and decoding it again
// for each of its keys must stay cheap.
const singleReach = 1 << 10

// EvidenceReach returns how many decoded bytes around a key are searched for its issuer, at most
// those of most raw bytes, and whether all keys of one alignment may share a longer decoding.
func (s Steps) EvidenceReach(most int) (reach int, shared bool) {
	if len(s) > 1 {
		return nestedReach, false
	}
	if wide, ok := s[0].decoder.(wideDecoder); ok {
		return most / wide.width, true
	}
	return singleReach, false
}

// Reader undoes steps. It is the scratch of one goroutine.
type Reader struct {
	whole   Text
	decoded [2]Text // one for each level of decoding
	bare    bool    // these texts are
	Work    int     // bytes decoded, for tests
}

// ReadAll undoes the steps of a form whose literal is at buf[at:] to the end of the encoded
// text, buf[end:], or a little more than most bytes. They are valid until the next call.
func (r *Reader) ReadAll(buf []byte, at int, steps Steps, most int) (plain []byte, end int, ok bool) {
	r.bare = true
	t, pos, ok := r.Read(buf, at, steps, most)
	r.bare = false
	if ok {
		plain, end = t.B[pos:], t.end
	}
	for i := range r.decoded {
		if cap(r.decoded[i].B) > keptBytes {
			r.decoded[i] = Text{}
		}
	}
	return plain, end, ok
}

// keptBytes is how much of a decoded text a Reader keeps the memory of.
const keptBytes = 1 << 20

// Read undoes the steps of a form whose literal is at buf[at:], reach decoded bytes on either
// side. It returns where the plain text starts in t, which is valid until the next call.
func (r *Reader) Read(buf []byte, at int, steps Steps, reach int) (t *Text, pos int, ok bool) {
	r.whole = Text{B: buf}
	t = &r.whole
	if len(steps) > 1 && !r.holdsInner(at, steps) {
		return nil, 0, false
	}
	for i, st := range steps {
		dst := &r.decoded[i]
		dst.reset()
		dst.bare = r.bare
		// The inner encodings take more bytes than they mean.
		if at, ok = st.decoder.decode(t.B, at, st.form, reach<<(2*(len(steps)-1-i)), dst); !ok {
			return nil, 0, false
		}
		r.Work += len(dst.B)
		dst.through(t)
		t = dst
	}
	return t, at, true
}

// holdsInner decodes no more than the literal of the inner step, to see whether
// it is there: a literal may be a part of what it means.
func (r *Reader) holdsInner(at int, steps Steps) bool {
	outer, want := steps[0], steps[1].form.literal
	dst := &r.decoded[0]
	dst.reset()
	at, ok := outer.decoder.decode(r.whole.B, at, outer.form, len(want)+1, dst)
	r.Work += len(dst.B)
	return ok && bytes.HasPrefix(dst.B[at:], want)
}

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

// IsRaw reports whether B is the raw buffer itself.
func (t *Text) IsRaw() bool { return t.from == nil }

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
