package rules

import (
	"bytes"
	"encoding/binary"
)

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
