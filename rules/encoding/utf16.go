package encoding

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

func (utf16Decoder) evidenceReach(most int) (int, bool) { return most / 2, true }

func (utf16Decoder) holds(inner decoder) bool { return !wide(inner) }

func (utf16Decoder) forms(plain []byte, _ bool) []form {
	le, be := make([]byte, 0, 2*len(plain)), make([]byte, 0, 2*len(plain))
	for _, c := range plain {
		le, be = append(le, c, 0), append(be, 0, c)
	}
	return []form{{literal: le, variant: littleEndian}, {literal: be, variant: bigEndian}}
}

func (utf16Decoder) decode(raw []byte, at int, f form, reach int, dst *Text) (plain int, ok bool) {
	dst.reset()
	low, high := 0, 1
	if f.variant == bigEndian {
		low, high = 1, 0
	}
	start := at - 2*min(reach, at/2)
	end := min(len(raw), at+len(f.literal)+2*reach)
	if start == 1 && raw[0] != 0 {
		// Text of the other byte order, read one byte late: its first letter.
		dst.add(raw[0], 0, 1)
	}
	for i := start; i+2 <= end; i += 2 {
		if i == at {
			plain = len(dst.B)
		}
		dst.addRune(rune(raw[i+low])|rune(raw[i+high])<<8, i, i+2)
	}
	return plain, true
}
