package inflate

import (
	"encoding/binary"
	"math/bits"
	"sync"
)

// A block of type 2 begins with its two codes, RFC 1951 section 3.2.7.
//
//	 5 bits  HLIT   number of literal/length code lengths, less 257
//	 5 bits  HDIST  number of distance code lengths, less 1
//	 4 bits  HCLEN  number of code length code lengths, less 4
//	 3 bits  each   code length code lengths, in the order of preOrder
//	 symbols of the code length code, one after the other for both codes:
//	         0-15   a code length; 0: the symbol does not occur
//	         16     repeats the previous length 3 to 6 times, by 2 extra bits
//	         17     repeats 0, 3 to 10 times, by 3 extra bits
//	         18     repeats 0, 11 to 138 times, by 7 extra bits
//
// Code lengths determine the codes, section 3.2.2: shorter ones come first,
// those of one length go by symbol, and each is the one before plus one. A
// code's first bit is its most significant, while all else in a stream starts
// with its least significant bit; so the tables, which are indexed by the next
// bits of the stream, hold each code with its bits reversed.
//
// A code must be complete, but for two: that without symbols, and that of one
// symbol whose length is 1. Both are errors only when a bit is read that they
// do not define. This is what compress/flate accepts.

// litBits and distBits are how many bits of the stream index the first table;
// longer codes go on in a second table behind it. Measured on all objects of
// git/git and stripe-go: with 9 litBits 5 % slower, with 11 as fast (streams
// below 128 bytes 2 % slower, above 4 KiB 2 % faster).
const (
	litBits  = 10
	distBits = 8
)

// The sizes are powers of two so that a masked index needs no check. The most
// entries that codes of at most 15 bits take are 1334 (288 symbols) and 402
// (32 symbols); the tests compute both.
type (
	litTable  [2048]uint32
	distTable [512]uint32
)

const (
	litMask  = 1<<litBits - 1
	distMask = 1<<distBits - 1
)

// An entry of a table:
//
//	31 30    29      25 24         16 15 14 13 12 11      8 7 6 5       0
//	+-+-----+----------+-------------+--+--+--+--+---------+---+---------+
//	|1|                |   literal   | 0| 0| 0| 0|  width  | 0 |  width  |
//	+-+-----+----------+-------------+--+--+--+--+---------+---+---------+
//	|0|     |   mask   |    base     | 0| 0| 0| 0|  width  | 0 | consume | length
//	+-+-----+----------+-------------+--+--+--+--+---------+---+---------+
//	|0|          base                | 0| 0| 0| 0|  width  | 0 | consume | distance
//	+-+------------------------------+--+--+--+--+---------+---+---------+
//	|0|          first               | 1| 1| 0| 0| log2 n  | 0 | consume | n entries from first
//	+-+------------------------------+--+--+--+--+---------+---+---------+
//	|0|                              | 1| 0| 1| 0|  width  | 0 |  width  | end of block
//	+-+------------------------------+--+--+--+--+---------+---+---------+
//	|0|                              | 1| 0| 0| 0|         | 0 |         | not valid
//	+-+------------------------------+--+--+--+--+---------+---+---------+
//
// Width is that of the code, or of what is left of it in a second table.
// Consume adds the extra bits, which follow the code and are added to the base;
// mask has as many ones. Bits 6 and 7 are zero so that the low byte can be
// subtracted from a bit count and used as a shift.
const (
	isLiteral = 1 << 31
	isOther   = 1 << 15 // neither a literal nor a base
	isLink    = 1 << 14
	isEnd     = 1 << 13

	// notValid is the entry of what is no code. In the table of preSymbols it
	// repeats 1: read must come to an end.
	notValid = isOther | 1<<23
)

// perWidth is what a code's width is multiplied by to be put into an entry.
const perWidth = 1<<8 | 1

var (
	litSymbols  = makeLitSymbols()
	distSymbols = makeDistSymbols()
)

// makeLitSymbols returns an entry for each literal and length, with a width
// of 0. Symbols 286 and 287 have fixed codes that must not occur.
func makeLitSymbols() (t [288]uint32) {
	for i := range uint32(256) {
		t[i] = isLiteral | i<<16
	}
	t[256] = isOther | isEnd
	base, extra := uint32(3), uint32(0)
	for i := 257; i < 285; i++ {
		if i >= 265 && (i-265)%4 == 0 {
			extra++
		}
		t[i] = (1<<extra-1)<<25 | base<<16 | extra
		base += 1 << extra
	}
	t[285] = 258 << 16
	t[286], t[287] = isOther, isOther
	return t
}

// makeDistSymbols returns an entry for each distance, with a width of 0.
// Symbols 30 and 31 have fixed codes that must not occur.
func makeDistSymbols() (t [32]uint32) {
	base, extra := uint32(1), uint32(0)
	for i := range 30 {
		if i >= 4 && i%2 == 0 {
			extra++
		}
		t[i] = base<<16 | extra
		base += 1 << extra
	}
	t[30], t[31] = isOther, isOther
	return t
}

// lengths holds the code lengths of a block while its tables are built.
type lengths struct {
	// pre is the table of the code length code, see preSymbols.
	pre [1 << preBits]uint32

	// lists has, for each code length n, the symbols of that length in
	// ascending order, two bytes each, from listSize*n on: first literals and
	// lengths, then distances, which are numbered on. They make the loop that
	// reads code lengths free of branches, and need no sorting: most of the
	// 316 lengths are zero, and a list is as long as there are symbols.
	// A list ends at 2*(286 + 30 + 137), if all lengths are zero and the last
	// run is too long by 137; 16 more bytes may be written.
	lists [16*listSize + 16]byte

	lit [16]uint16 // number of literals and lengths in each list
	all [16]uint16 // number of all symbols in each list
}

const listSize = 1024

// list returns the symbols whose codes have n bits, less the first from.
func (l *lengths) list(n uint, from, to *[16]uint16) []byte {
	return l.lists[n*listSize+2*uint(from[n]) : n*listSize+2*uint(to[n])]
}

// preOrder is the order of the code length code lengths.
var preOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// preSymbols has an entry for each symbol of the code length code, with a
// width of 0:
//
//	31  30      27 26       23 22    16 15 14     8 7 6 5       0
//	+--+----------+-----------+--------+--+--------+---+---------+
//	|  |  length  |  repeats  |  mask  |  | width  |   | consume |
//	+--+----------+-----------+--------+--+--------+---+---------+
//
// Bit 31 takes the previous length, bit 15 says that the code is not valid. The
// extra bits, as many as mask has ones, are added to repeats.
var preSymbols = makePreSymbols()

const (
	preBits  = 7 // of the longest code
	preAgain = 1 << 31
	// preNone stands for the length before the first.
	preNone = 16
)

func makePreSymbols() (t [19]uint32) {
	for i := range uint32(16) {
		t[i] = i<<27 | 1<<23
	}
	t[16] = preAgain | 3<<23 | 3<<16 | 2
	t[17] = 3<<23 | 7<<16 | 3
	t[18] = 11<<23 | 127<<16 | 7
	return t
}

// readCodes builds d.dynamic from the start of a block of type 2.
func (d *Decoder) readCodes(s *stream) error {
	s.refill()
	if s.count < 5+5+4 {
		return errTruncated
	}
	nlit := uint32(s.bits&31) + 257
	ndist := uint32(s.bits>>5&31) + 1
	npre := uint(s.bits>>10&15) + 4
	if nlit > 286 || ndist > 30 {
		return errCounts
	}
	s.drop(5 + 5 + 4)
	l := &d.lengths
	if err := l.readPre(s, npre); err != nil {
		return err
	}
	if err := l.read(s, nlit, ndist); err != nil {
		return err
	}
	if !l.build(d.dynamic.lit[:], litBits, litSymbols[:], 0, new([16]uint16), &l.lit) ||
		!l.build(d.dynamic.dist[:], distBits, distSymbols[:], nlit, &l.lit, &l.all) {
		return errLengths
	}
	return nil
}

// readPre reads n code length code lengths and builds l.pre.
func (l *lengths) readPre(s *stream, n uint) error {
	var widths [19]uint8
	for i, sym := range preOrder[:n] {
		if i == 0 || i == 10 { // 30 bits, 27 bits
			s.refill()
		}
		if s.count < 3 {
			return errTruncated
		}
		w := s.bits & 7
		s.drop(3)
		widths[sym] = uint8(w)
	}
	var count [16]uint16
	for sym, w := range widths {
		l.put(uint(w), sym, &count)
	}
	if !l.build(l.pre[:], preBits, preSymbols[:], 0, new([16]uint16), &count) {
		return errLengths
	}
	return nil
}

// put appends a symbol to the list of n, which has count[n].
func (l *lengths) put(n uint, sym int, count *[16]uint16) {
	binary.LittleEndian.PutUint16(l.lists[n*listSize+2*uint(count[n]):], uint16(sym))
	count[n]++
}

// read reads the code lengths of nlit literals and lengths and of ndist
// distances into the lists.
func (l *lengths) read(s *stream, nlit, ndist uint32) error {
	l.all = [16]uint16{}
	bad := uint32(0) // not zero if a symbol was not valid
	previous := uint32(preNone)
	sym, end := uint32(0), nlit
	for {
		for sym < end {
			if s.count < 7+7 {
				s.refill()
			}
			e := l.pre[s.bits&(1<<preBits-1)]
			if uint(e&63) > s.count {
				return errTruncated
			}
			length := e>>27&15 | previous&uint32(int32(e)>>31)
			bad |= e&isOther | length&preNone
			repeats := e>>23&15 + uint32(s.bits>>(e>>8&63))&(e>>16&127)
			s.drop(uint(e & 63))
			length &= 15
			previous = length

			// Write eight symbols. Six is the most that a symbol other than
			// zero is repeated; what is too much is overwritten.
			at := (length*listSize + 2*uint32(l.all[length])) & (16*listSize - 1)
			four := uint64(sym)*0x0001_0001_0001_0001 + 0x0003_0002_0001_0000
			binary.LittleEndian.PutUint64(l.lists[at:], four)
			binary.LittleEndian.PutUint64(l.lists[at+8:], four+0x0004_0004_0004_0004)
			l.all[length] += uint16(repeats)
			sym += repeats
		}
		if end == nlit+ndist {
			break
		}
		// A run may go on into the distances.
		l.lit = l.all
		l.lit[previous&15] -= uint16(sym - nlit)
		end = nlit + ndist
	}
	if bad != 0 || sym != end {
		return errLengths
	}
	return nil
}

// build fills table with the code whose symbols of n bits are in the list of
// n, from from[n] to to[n]. Entries are taken from symbols, which starts with
// the symbol first. It reports whether the code is one that is accepted.
func (l *lengths) build(table []uint32, tableBits uint, symbols []uint32, first uint32, from, to *[16]uint16) bool {
	sum, least := uint32(0), uint(1)
	for n := uint(15); n >= 1; n-- {
		if c := uint32(to[n] - from[n]); c != 0 {
			sum += c << (15 - n)
			least = n
		}
	}
	if sum != 1<<15 {
		if sum != 0 && (sum != 1<<14 || least != 1) {
			return false
		}
		table[0], table[1] = notValid, notValid
	}

	// The table for n bits is twice that for n-1 bits, and the codes of n
	// bits: the first n bits of the stream are the low ones of the index.
	code := uint32(0) // the next code, in units of 1/65536
	for n := least; ; n++ {
		for list := l.list(n, from, to); len(list) >= 2; list = list[2:] {
			sym := uint32(binary.LittleEndian.Uint16(list))
			table[bits.Reverse16(uint16(code))] = symbols[sym-first] + uint32(n)*perWidth
			code += 1 << (16 - n)
		}
		if n == tableBits {
			break
		}
		copy(table[1<<n:2<<n], table[:1<<n])
	}
	if code == 1<<16 {
		return true
	}

	// Each second table is as large as the longest code with its first bits.
	mask := uint32(1)<<tableBits - 1
	link := ^uint32(0) // index of the entry that leads to the second table
	start, end := uint32(0), mask+1
	for n := tableBits + 1; n <= 15; n++ {
		for list := l.list(n, from, to); len(list) >= 2; list = list[2:] {
			rev := uint32(bits.Reverse16(uint16(code)))
			if rev&mask != link {
				link = rev & mask
				size := n - tableBits
				for have := len(list) / 2; have < 1<<size && tableBits+size < 15; {
					size++
					have = 2*have + int(to[tableBits+size]-from[tableBits+size])
				}
				start, end = end, end+1<<size
				table[link] = start<<16 | isOther | isLink | uint32(size)<<8 | uint32(tableBits)
			}
			sym := uint32(binary.LittleEndian.Uint16(list))
			e := symbols[sym-first] + uint32(n-tableBits)*perWidth
			for i := start + rev>>tableBits; i < end; i += 1 << (n - tableBits) {
				table[i] = e
			}
			code += 1 << (16 - n)
		}
	}
	return true
}

// fixedCodes returns the codes of blocks of type 1, RFC 1951 section 3.2.6.
var fixedCodes = sync.OnceValue(func() *codes {
	c, l := new(codes), new(lengths)
	var none, count [16]uint16
	for sym := range 288 {
		switch {
		case sym < 144 || sym >= 280:
			l.put(8, sym, &count)
		case sym < 256:
			l.put(9, sym, &count)
		default:
			l.put(7, sym, &count)
		}
	}
	l.build(c.lit[:], litBits, litSymbols[:], 0, &none, &count)
	count = none
	for sym := range 32 {
		l.put(5, sym, &count)
	}
	l.build(c.dist[:], distBits, distSymbols[:], 0, &none, &count)
	return c
})
