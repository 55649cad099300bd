package encoding

import (
	"unicode/utf8"
)

// utf32Decoder reads UTF-32 of either byte order:
//
//	little endian   s 0 0 0 k 0 0 0
//	big endian      0 0 0 s 0 0 0 k
type utf32Decoder struct{}

func (utf32Decoder) name() string { return "utf-32" }

func (utf32Decoder) evidenceReach(most int) (int, bool) { return most / 4, true }

// holds leaves out wide characters within wide characters.
func (utf32Decoder) holds(inner decoder) bool { return !wide(inner) }

// wide reports whether d is UTF-16 or UTF-32.
func wide(d decoder) bool {
	switch d.(type) {
	case utf16Decoder, utf32Decoder:
		return true
	}
	return false
}

func (utf32Decoder) forms(plain []byte, _ bool) []form {
	le, be := make([]byte, 0, 4*len(plain)), make([]byte, 0, 4*len(plain))
	for _, c := range plain {
		le, be = append(le, c, 0, 0, 0), append(be, 0, 0, 0, c)
	}
	return []form{{literal: le, variant: littleEndian}, {literal: be, variant: bigEndian}}
}

func (utf32Decoder) decode(raw []byte, at int, f form, reach int, dst *Text) (plain int, ok bool) {
	dst.reset()
	start := at - 4*min(reach, at/4)
	end := min(len(raw), at+len(f.literal)+4*reach)
	for i := start; i+4 <= end; i += 4 {
		if i == at {
			plain = len(dst.B)
		}
		unit := uint32(raw[i]) | uint32(raw[i+1])<<8 | uint32(raw[i+2])<<16 | uint32(raw[i+3])<<24
		if f.variant == bigEndian {
			unit = uint32(raw[i])<<24 | uint32(raw[i+1])<<16 | uint32(raw[i+2])<<8 | uint32(raw[i+3])
		}
		if unit > utf8.MaxRune {
			unit = utf8.RuneError
		}
		dst.addRune(rune(unit), i, i+4)
	}
	return plain, true
}
