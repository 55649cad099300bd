package encoding

import "keysweep/rules/ascii"

// hexDecoder reads hexadecimal digits, two a byte, which may be broken into
// lines between any two digits.
type hexDecoder struct{}

const (
	lowerHex = iota
	upperHex
)

func (hexDecoder) name() string { return "hex" }

// evidenceReach is small for the reason that base64Decoder's is.
func (hexDecoder) evidenceReach(int) (int, bool) { return 1 << 10, false }

func (hexDecoder) holds(decoder) bool { return true }

func (hexDecoder) forms(plain []byte, _ bool) []form {
	list := make([]form, 0, 4)
	for variant, digits := range [...]string{lowerHex: "0123456789abcdef", upperHex: "0123456789ABCDEF"} {
		b := make([]byte, 0, 2*len(plain))
		for _, c := range plain {
			b = append(b, digits[c>>4], digits[c&15])
		}
		list = append(list, halves(b, variant)...)
	}
	return list
}

func (hexDecoder) decode(raw []byte, at int, f form, reach int, dst *Text) (plain int, ok bool) {
	dst.reset()
	// Pairs of digits are counted from the text's first digit.
	start := at
	for range f.skip {
		if start = previousOf(raw, start, ascii.IsHex); start < 0 {
			return 0, false
		}
	}
	first := start
	for range reach {
		if start < 2 || !ascii.IsHex(raw[start-1]) || !ascii.IsHex(raw[start-2]) {
			break
		}
		start -= 2
	}
	end := min(len(raw), at+len(f.literal)+2*reach+maxBreak*reach/minLine)
	plain = -1
	half := -1 // where the first digit of a pair is
	for i := start; i < end; {
		if !ascii.IsHex(raw[i]) {
			if i = lineBreak(raw, i, ascii.IsHex); i < 0 {
				break
			}
			continue
		}
		if i == first {
			plain = len(dst.B)
		}
		if half < 0 {
			half = i
		} else {
			dst.add(ascii.HexDigit(raw[half])<<4|ascii.HexDigit(raw[i]), half, i+1)
			half = -1
		}
		i++
	}
	return plain, plain >= 0 && plain < len(dst.B)
}
