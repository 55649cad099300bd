package rules

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"keysweep/rules/ascii"
)

// Binary formats write the length of a text before it, in one, two or four bytes
// of either order or as a variable-length integer, often behind a byte that says
// what follows:
//
//	one byte   MessagePack d9, CBOR 78, pickle 8c, plist 5f 10, marshal fa
//	two bytes  Java class 01, MessagePack da, serialization 74
//	four       BSON, Thrift, pickle 58, Postgres COPY
//	2(n+1)+1   a Postgres row; 2n: Avro; 13+2n: the header of an SQLite row
//
// A byte is a weak witness: it has to be a word character, which is where it does
// harm, or to follow a tag, and has to fit the run or a documented shape.

// tags1 are the types before a length of one byte that are no signs of text.
const tags1 = "\xd9\xc4\x78\x58\x8c\xfa\xda\xe3\x12\x1a\x18\x14"

// length is a length of a body that the bytes before its prefix give.
type length struct {
	n      int
	strong bool // it need not fit anything
}

// lengthsBefore appends to dst the lengths of a body behind a prefix of size bytes
// at b[at:], which is no text.
func lengthsBefore(dst []length, b []byte, at, size int) []length {
	add := func(total int, strong bool) { dst = append(dst, length{total - size, strong}) }
	head := b[max(0, at-4):at]
	if len(head) == 0 {
		return dst
	}
	v := int(head[len(head)-1])
	before := byte(1)
	if len(head) > 1 {
		before = head[len(head)-2]
	}
	plist := before == 0x10 && len(head) > 2 && head[len(head)-3] == 0x5f
	tagged := plist || bytes.IndexByte([]byte(tags1), before) >= 0
	if tagged || before == 0 || before == '@' || ascii.IsWord(byte(v)) {
		add(v, tagged && before != 0x18)
		add(v-1, false) // with a NUL
		add(v-5, false) // Ruby's Marshal
		add(v/2, false) // zigzag
		add((v-13)/2, false)
		add((v-1)/2-1, false)
	}
	if len(head) > 1 {
		add(int(before)|v<<8, false)
		add(v|int(before)<<8, false)
		for _, u := range [...]int{int(before)&0x7f | v<<7, int(before)&0x7f<<7 | v} { // least group first, and last
			if before >= 0x80 && v < 0x80 {
				add(u, false)
				add(u/2, false)
				add((u-13)/2, false)
			}
		}
	}
	if len(head) == 4 {
		for _, u := range [...]uint32{binary.LittleEndian.Uint32(head), binary.BigEndian.Uint32(head)} {
			if u <= maxBody+maxLiteral {
				add(int(u), true)
				add(int(u)-1, false)
			}
		}
	}
	return dst
}

// textReach is how far around a key bytes are looked for that no text holds.
const textReach = 64

// isText reports whether what is around b[start:end] is text: UTF-8 without control
// characters other than those of lines and terminals.
func isText(b []byte, start, end int) bool {
	low, high := max(0, start-textReach), min(len(b), end+textReach)
	for n := 0; n < utf8.UTFMax-1 && low > 0 && low < start && !utf8.RuneStart(b[low]); n++ {
		low++ // within a character
	}
	for low < high {
		if c := b[low]; c < utf8.RuneSelf {
			if c < ' ' && strings.IndexByte("\t\n\r\f\a\x1b", c) < 0 || c == 0x7f {
				return false
			}
			low++
			continue
		}
		r, size := utf8.DecodeRune(b[low:])
		if r == utf8.RuneError && size == 1 && utf8.FullRune(b[low:]) {
			return false
		}
		low += size
	}
	return true
}
