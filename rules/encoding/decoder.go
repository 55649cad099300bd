// Package encoding says which bytes a text becomes under base64, hex, wide characters and
// escapes, and decodes around such bytes, with the way back to where they came from.
package encoding

import (
	"bytes"

	"keysweep/rules/finder"
)

// decoder undoes one encoding of text. A new form of key is a new decoder in decoders: what
// it gives is judged as any other text.
type decoder interface {
	// name is what reports call it.
	name() string
	// forms returns what plain becomes under this encoding, nothing if it
	// stays as it is. plain is a prefix or, if nested, a form of one.
	forms(plain []byte, nested bool) []form
	// decode decodes about reach bytes on either side of raw[at:], where the literal of form is,
	// into dst, which is empty. It returns where the plain text starts in dst, or false if it
	// is not there after all.
	decode(raw []byte, at int, f form, reach int, dst *Text) (plain int, ok bool)
}

// form is one byte string that shows where a text may be under an encoding:
// all of the encoded text or a part of it. What decode makes of it decides.
type form struct {
	literal []byte
	variant int  // the decoder's own: byte order, bit offset
	skip    int  // encoded characters before literal
	whole   bool // every character is an escape: only escaped again
	// single forms are searched for only where nothing else is encoded, such as text with a
	// line break: their number would multiply.
	single bool
}

// Step is one decoding on the way from raw bytes to the plain prefix.
type Step struct {
	decoder decoder
	form    form
}

// decoders are the encodings that are looked through, besides plain text.
func decoders() []decoder {
	return []decoder{
		wideDecoder{2}, wideDecoder{4}, digitDecoder{4}, digitDecoder{6}, listDecoder{16, 0}, listDecoder{10, 0}, listDecoder{16, 4}, cellDecoder{},
		escapeDecoder{percentEscapes}, escapeDecoder{stringEscapes}, escapeDecoder{entityEscapes}, escapeDecoder{markdownEscapes},
	}
}

// holds reports whether text under outer is searched for text under inner. Hex and base64 have
// no signs to escape.
func holds(outer, inner decoder) bool {
	inList, list := inner.(listDecoder)
	switch outer := outer.(type) {
	case cellDecoder:
		return false
	case listDecoder:
		wide, ok := inner.(wideDecoder)
		return ok && wide.width == 2
	case digitDecoder:
		return !list
	case wideDecoder:
		_, wide := inner.(wideDecoder)
		return !wide && (!list || outer.width == 2 && inList.base == 16 && inList.word == 0)
	case escapeDecoder:
		_, digits := inner.(digitDecoder)
		return !digits && !list && outer.kind != markdownEscapes
	}
	return true
}

// MaxForm limits the bytes of a literal that a decoder gives: every seam of a
// delta is searched as far around as the longest literal.
const MaxForm = 20

// Forms calls yield for every literal that shows where a prefix may be under one
// encoding, and under two.
func Forms(prefix []byte, yield func(literal []byte, steps Steps)) {
	add := func(literal []byte, steps ...Step) {
		yield(literal[:min(len(literal), MaxForm)], steps)
	}
	all := decoders()
	for _, inner := range all {
		seen := make(map[string]bool) // of the two, what two spellings of the inner one become
		for _, in := range inner.forms(prefix, false) {
			add(in.literal, Step{inner, in})
			if in.single {
				continue
			}
			for _, outer := range all {
				if _, escapes := outer.(escapeDecoder); !holds(outer, inner) || in.whole && !escapes {
					continue
				}
				for _, out := range outer.forms(in.literal, true) {
					if seen[string(out.literal)] {
						continue
					}
					if _, ok := outer.(escapeDecoder); ok {
						seen[string(out.literal)] = true
					}
					add(out.literal, Step{outer, out}, Step{inner, in})
				}
			}
		}
	}
}

// halves returns the two halves of an encoded text as forms, each long enough
// to be searched for: a line break in one of them leaves the other whole.
func halves(text []byte, variant int) []form {
	if len(text) < 2*finder.HeadLen {
		return []form{{literal: text, variant: variant}}
	}
	n := len(text) / 2
	// A part of 100644 or 40000 is in every entry of git's trees: the finder would stop there.
	for n+finder.HeadLen < len(text) && (bytes.Contains(text[n:n+finder.HeadLen], []byte("0064")) || bytes.Contains(text[n:n+finder.HeadLen], []byte("4000"))) {
		n++
	}
	return []form{{literal: text[:n], variant: variant}, {literal: text[n:], variant: variant, skip: n}}
}
