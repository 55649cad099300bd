package rules

// base64Decoder reads base64 (RFC 4648), with either alphabet, in one line.
// Three bytes become a quantum of four characters, so a prefix has three
// forms, by its offset in the quantum; a form holds only the characters that
// no neighbour of the prefix has a bit in:
//
//	offset 0   |c2tf|bGl2|ZV9.|        c2tfbGl2ZV
//	offset 1   |.HNr|X2xp|dmVf|         NrX2xpdmVf
//	offset 2   |..cz|...                za19saXZlX
type base64Decoder struct{}

func (base64Decoder) name() string { return "base64" }

// evidenceReach is small: an encoded run holds a header or a small file, and
// decoding it again for each of its keys must stay cheap.
func (base64Decoder) evidenceReach() (int, bool) { return 1 << 10, false }

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

func (base64Decoder) forms(prefix []byte) []form {
	var list []form
	for offset := range 3 {
		bytes := append(make([]byte, offset), prefix...)
		var chars []byte
		for bit := 0; bit+6 <= 8*len(bytes); bit += 6 {
			if bit >= 8*offset {
				chars = append(chars, base64Alphabet[sextet(bytes, bit)])
			}
		}
		list = append(list, form{chars, offset})
	}
	return list
}

// sextet returns the six bits at bit of b.
func sextet(b []byte, bit int) byte {
	v := uint16(b[bit/8]) << 8
	if bit/8+1 < len(b) {
		v |= uint16(b[bit/8+1])
	}
	return byte(v >> (10 - bit%8) & 0x3F)
}

// base64Value returns the six bits of character c of either alphabet.
func base64Value(c byte) (byte, bool) {
	switch {
	case c >= 'A' && c <= 'Z':
		return c - 'A', true
	case c >= 'a' && c <= 'z':
		return c - 'a' + 26, true
	case c >= '0' && c <= '9':
		return c - '0' + 52, true
	case c == '+' || c == '-':
		return 62, true
	case c == '/' || c == '_':
		return 63, true
	}
	return 0, false
}

// firstSextet is the place in the quantum of a form's first character, by
// offset.
var firstSextet = [3]int{0, 2, 3}

func (base64Decoder) decode(raw []byte, at int, f form, reach int, dst *text) (prefix int, ok bool) {
	dst.reset()
	quantum := at - firstSextet[f.variant]
	if quantum < 0 {
		return 0, false
	}
	for i := quantum; i < at; i++ {
		if _, ok := base64Value(raw[i]); !ok {
			return 0, false // the prefix's first byte is not all there
		}
	}
	start := quantum
	for range reach / 3 {
		if start < 4 || !isBase64Quantum(raw[start-4:start]) {
			break
		}
		start -= 4
	}
	end := min(len(raw), at+len(f.literal)+reach*4/3)
	var bits uint32
	n := 0 // bits held
	for i := start; i < end; i++ {
		v, ok := base64Value(raw[i])
		if !ok {
			break
		}
		bits = bits<<6 | uint32(v)
		if n += 6; n >= 8 {
			n -= 8
			dst.add(byte(bits>>n), i-1, i+1)
		}
	}
	prefix = (quantum-start)/4*3 + f.variant
	return prefix, prefix < len(dst.b)
}

func isBase64Quantum(b []byte) bool {
	for _, c := range b {
		if _, ok := base64Value(c); !ok {
			return false
		}
	}
	return true
}
