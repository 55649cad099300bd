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

// tags2 are those before one of two: of Java's constants and serialization, and of
// MessagePack.
const tags2 = "\x01\x74\xda"

// length is a length of a body that the bytes before its prefix give.
type length struct {
	n  int
	is weight
}

// weight is how much a length is worth.
type weight uint8

const (
	weak   weight = iota // if it ends the run
	fits                 // or has a documented shape
	paired               // the same, and it cannot be chance
	strong               // whatever it is
)

// The reach of what is looked for before a text, in bytes.
const (
	counted     = 64  // of a text, with the key at its end
	header      = 256 // of a record, if lengths have four bytes
	recordReach = 40  // if they have one, and the value before the key is a word
	pairReach   = 10  // if it is the end of one
	minName     = 3   // of the value before the key
)

// lengthsAround appends to dst the lengths that are directly before the prefix of size
// bytes at b[at:], before the text that ends with the key, and in the header of a record
// in which the key follows another value:
//
//	05 00 19 4d 35 | stripe | sk_live_…    SQLite: 13+2n
//	06 20 0a …     | stripe | sk_live_…    Aria and, in reverse, InnoDB
//	06 00 00 00 20 00 00 00 | stripe | …   bbolt, cdb
//	20 00 00 00 00 00 06 00 | stripe | …   LMDB
func lengthsAround(dst []length, b []byte, at, size int) []length {
	dst = lengthsBefore(dst, b, at, size)
	first := ascii.RunStart(b, at, counted, func(c byte) bool { return c >= ' ' && c < 0x7f })
	for start := first; start < min(first+2, at); start++ { // a length may be a letter, too
		for _, l := range lengthsBefore(nil, b, start, size+at-start) {
			if l.is == strong {
				dst = append(dst, length{l.n, paired})
			}
		}
	}
	word := ascii.RunStart(b, at, counted, ascii.IsDotted)
	// pair notes two lengths that end at b[:end], of a value of k bytes and the key.
	pair := func(end, k, n int) {
		start := at - k
		if k >= minName && start >= word && end <= start && n > size && n <= size+maxBody {
			dst = append(dst, length{n - size, paired})
		}
	}
	for i := max(0, word-header); i+2 <= at; i++ {
		if i+8 <= at {
			k, n := binary.LittleEndian.Uint32(b[i:]), binary.LittleEndian.Uint32(b[i+4:])
			if n&0xffff == 0 {
				n >>= 16
			}
			if k <= maxBody+maxLiteral && n <= maxBody+maxLiteral {
				pair(i+8, int(k), int(n))
				pair(i+8, int(n), int(k))
			}
		}
		k, n := int(b[i]), int(b[i+1])
		if at-k-i <= pairReach || at-k == word && word-i <= recordReach {
			pair(i+2, k, n)
		}
		if at-n-i <= pairReach || at-n == word && word-i <= recordReach {
			pair(i+2, n, k)
		}
		if k, n = (k-13)/2, (n-13)/2; b[i]&b[i+1]&1 == 1 && at-k-i <= pairReach {
			pair(i+2, k, n)
		}
	}
	return dst
}

// lengthsBefore appends to dst the lengths of a body behind a prefix of size bytes
// at b[at:], which is no text.
func lengthsBefore(dst []length, b []byte, at, size int) []length {
	add := func(total int, is weight) { dst = append(dst, length{total - size, is}) }
	if at == 0 {
		return dst
	}
	head := [4]byte{1, 1, 1, 1} // before the start of b is what says nothing
	copy(head[max(0, 4-at):], b[max(0, at-4):at])
	v, before := int(head[3]), head[2]
	plist := before == 0x10 && head[1] == 0x5f
	tagged := plist || bytes.IndexByte([]byte(tags1), before) >= 0
	is := weak
	if tagged || before == 0 || before == '@' || ascii.IsWord(byte(v)) {
		is = fits
	}
	if tagged && before != 0x18 {
		add(v, strong)
	}
	add(v, is)
	if is == fits {
		add(v-1, is) // with a NUL
	}
	if is == fits || before == '"' {
		add(v-5, is) // Ruby's Marshal
	}
	if v%2 == 0 {
		add(v/2, is) // zigzag
	} else {
		add((v-13)/2, is)  // SQLite
		add((v-1)/2-1, is) // Postgres
	}
	if n := v & 0x3f; v>>6 == 2 && at+n < len(b) && int(b[at+n]) == n+1 { // Redis' listpack
		add(n, strong)
	}
	add(int(before)|v<<8, fits)
	if is = fits; strings.IndexByte(tags2, head[1]) >= 0 {
		is = paired
	}
	add(v|int(before)<<8, is)
	for _, u := range [...]int{int(before)&0x7f | v<<7, int(before)&0x7f<<7 | v} { // least group first, and last
		if before >= 0x80 && v < 0x80 {
			add(u, fits)
			add(u/2, fits)
			add((u-13)/2, fits)
		}
	}
	if v == 0 { // Excel
		add(int(head[1])|int(before)<<8, fits)
	}
	for _, u := range [...]uint32{binary.LittleEndian.Uint32(head[:]), binary.BigEndian.Uint32(head[:])} {
		if u <= maxBody+maxLiteral {
			add(int(u), strong)
			add(int(u)-1, fits)
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

// Programs and databases put texts beside each other, and their lengths elsewhere, with
// where each begins in the file:
//
//	address, 8 bytes | length, 8 bytes           Rust, and what is linked at 0
//	address, 8 bytes | key, value: 4 bytes each  GDBM: where the record of both begins
//	distance, 4 bytes | opcode b8…bf | length, 4 bytes
//	                                             lea and mov of x86-64: Go, Rust, C++
//
// Hermes, of React Native, has a table. The size of a function depends on the version:
//
//	header, 128 bytes | functions | kinds, hashes: 4 bytes each |
//	texts: wide, 1 bit; from, 23; length, 8 | long ones, 8 bytes each | characters
//
// An address leaves no room for chance: a length that it gives is a strong one.

const (
	addressReach = 1 << 20 // how far from a key such a place is looked for, in bytes
	maxAddresses = 1 << 16 // that are noted
)

// readAddresses notes the lengths of the texts of m.buf near m.core: -1 if two differ.
func (m *Matcher) readAddresses() {
	m.addressed = map[int]int{}
	note := func(at, n int) {
		old, ok := m.addressed[at]
		if ok && old != n {
			n = -1
		}
		if n != 0 && (ok || len(m.addressed) < maxAddresses) {
			m.addressed[at] = n
		}
	}
	const most = maxBody + maxLiteral
	buf, low, high := m.buf, max(0, m.core.Start-addressReach), min(len(m.buf), m.core.End+addressReach)
	m.work += high - low
	if bytes.IndexByte(buf[low:high], 0) < 0 {
		return // text
	}
	if m.Base == 0 && len(buf) > hermesHead && bytes.HasPrefix(buf, []byte(hermesMagic)) {
		readHermes(buf, note)
	}
	for p := low; p+16 <= high; p++ {
		n := binary.LittleEndian.Uint64(buf[p+8:])
		if key, value := n&0xffff_ffff, n>>32; key <= most && value <= most {
			at := binary.LittleEndian.Uint64(buf[p:]) - uint64(m.Base)
			if at < uint64(len(buf)) {
				note(int(at), int(key))
				if value > 0 {
					note(int(at+key), int(value))
				}
			}
		}
		if n := binary.LittleEndian.Uint32(buf[p+5:]); n <= most && buf[p+4]>>3 == 0xb8>>3 {
			note(p+4+int(int32(binary.LittleEndian.Uint32(buf[p:]))), int(n))
		}
	}
}

const (
	hermesMagic = "\xc6\x1f\xbc\x03\xc1\x03\x19\x1f"
	hermesHead  = 128
	hermesLong  = 255 // the length of a text of which the table says no more
)

// readHermes notes the texts of Hermes' table.
func readHermes(b []byte, note func(at, n int)) {
	count := func(i int) int { return int(binary.LittleEndian.Uint32(b[40+4*i:])) }
	for _, size := range [...]int{12, 16} { // of a function
		table := hermesHead + size*count(0) + 4*(count(1)+count(2))
		end := table + 4*count(3)
		text := end + 8*count(4)
		for _, check := range [...]bool{true, false} {
			for p := table; p < end && text <= len(b); p += 4 {
				w := binary.LittleEndian.Uint32(b[p:])
				at, n := int(w>>1&0x7fffff), int(w>>24)
				switch {
				case n == hermesLong:
				case check && at+n > count(5):
					end = table // another size
				case !check && w&1 == 0:
					note(text+at, n)
				}
			}
		}
	}
}

// addressedLengths returns the lengths that addresses give of a body behind a prefix of
// size bytes at m.buf[at:]. If it is likelier that a NUL ends it, another text has to begin
// where it ends: what is behind the address of such a text may be any number.
func (m *Matcher) addressedLengths(at, size int, zero bool) (list []length) {
	if m.addressed == nil {
		m.readAddresses()
	}
	for start := max(0, at-counted); start <= at; start++ {
		if n := m.addressed[start] - (at - start) - size; n > 0 && (!zero || m.addressed[at+size+n] > 0) {
			list = append(list, length{n, strong})
		}
	}
	return list
}
