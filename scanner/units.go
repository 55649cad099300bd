package scanner

import (
	"encoding/binary"
	"unicode/utf8"
)

// units returns the length of b in UTF-16 code units. A byte that is not
// UTF-8 counts as one.
func units(b []byte) int {
	n := 0
	for len(b) > 0 {
		for ; len(b) >= 32; b = b[32:] { // ASCII, a cheap pass over long lines
			v := binary.NativeEndian.Uint64(b) | binary.NativeEndian.Uint64(b[8:]) |
				binary.NativeEndian.Uint64(b[16:]) | binary.NativeEndian.Uint64(b[24:])
			if v&0x8080808080808080 != 0 {
				break
			}
			n += 32
		}
		if len(b) == 0 {
			break
		}
		r, size := utf8.DecodeRune(b)
		n++
		if r > 0xffff {
			n++ // a surrogate pair
		}
		b = b[size:]
	}
	return n
}

// characterEnd returns the length of b without the first bytes of a character
// whose last ones are missing.
func characterEnd(b []byte) int {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if at := len(b) - i; utf8.RuneStart(b[at]) {
			if !utf8.FullRune(b[at:]) {
				return at
			}
			break
		}
	}
	return len(b)
}
