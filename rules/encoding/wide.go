package encoding

import "unicode/utf8"

// wideDecoder reads UTF-16 and UTF-32 of either byte order:
//
//	UTF-16, little endian   s 0 k 0 _ 0
//	UTF-16, big endian      0 s 0 k 0 _
//	UTF-32, little endian   s 0 0 0 k 0 0 0
//	UTF-32, big endian      0 0 0 s 0 0 0 k
//
// In ASCII text both literals of UTF-16 occur, one byte apart, and both readings
// give the same key; the matcher keeps one of them.
type wideDecoder struct{ width int } // bytes of a unit

const (
	littleEndian = iota
	bigEndian
)

func (d wideDecoder) name() string {
	if d.width == 2 {
		return "utf-16"
	}
	return "utf-32"
}

func (d wideDecoder) forms(plain []byte, _ bool) []form {
	le, be := make([]byte, d.width*len(plain)), make([]byte, d.width*len(plain))
	for i, c := range plain {
		le[d.width*i], be[d.width*(i+1)-1] = c, c
	}
	return []form{{literal: le, variant: littleEndian}, {literal: be, variant: bigEndian}}
}

func (d wideDecoder) decode(raw []byte, at int, f form, reach int, dst *Text) (plain int, ok bool) {
	start := at - d.width*min(reach, at/d.width)
	end := min(len(raw), at+len(f.literal)+d.width*reach)
	if d.width == 2 && start == 1 && raw[0] != 0 {
		// Text of the other byte order, read one byte late: its first letter.
		dst.add(raw[0], 0, 1)
	}
	for i := start; i+d.width <= end; i += d.width {
		if i == at {
			plain = len(dst.B)
		}
		unit := uint32(0)
		for j, c := range raw[i : i+d.width] {
			if f.variant == littleEndian {
				unit |= uint32(c) << (8 * j)
			} else {
				unit = unit<<8 | uint32(c)
			}
		}
		if unit > utf8.MaxRune {
			unit = utf8.RuneError
		}
		dst.addRune(rune(unit), i, i+d.width)
	}
	return plain, true
}
