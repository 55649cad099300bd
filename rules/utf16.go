package rules

import "unicode/utf8"

// utf16Decoder reads UTF-16 of either byte order:
//
//	little endian   s 0 k 0 _ 0
//	big endian      0 s 0 k 0 _
//
// In ASCII text both literals occur, one byte apart, and both readings give
// the same key; the matcher keeps one of them.
type utf16Decoder struct{}

const (
	littleEndian = iota
	bigEndian
)

func (utf16Decoder) name() string { return "utf-16" }

func (utf16Decoder) evidenceReach() (int, bool) { return evidenceReach / 2, true }

func (utf16Decoder) forms(prefix []byte) []form {
	var le, be []byte
	for _, c := range prefix {
		le, be = append(le, c, 0), append(be, 0, c)
	}
	return []form{{le, littleEndian}, {be, bigEndian}}
}

func (utf16Decoder) decode(raw []byte, at int, f form, reach int, dst *text) (prefix int, ok bool) {
	dst.reset()
	low, high := 0, 1
	if f.variant == bigEndian {
		low, high = 1, 0
	}
	start := at - 2*min(reach, at/2)
	end := min(len(raw), at+len(f.literal)+2*reach)
	for i := start; i+2 <= end; i += 2 {
		if i == at {
			prefix = len(dst.b)
		}
		unit := rune(raw[i+low]) | rune(raw[i+high])<<8
		if unit < utf8.RuneSelf {
			dst.add(byte(unit), i, i+2)
			continue
		}
		// A lone half of a surrogate pair becomes U+FFFD, which is no letter
		// of any body either.
		var buf [utf8.UTFMax]byte
		for _, c := range buf[:utf8.EncodeRune(buf[:], unit)] {
			dst.add(c, i, i+2)
		}
	}
	return prefix, true
}
