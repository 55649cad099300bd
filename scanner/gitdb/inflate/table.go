package inflate

import (
	"encoding/binary"
	"math/bits"
)

const (
	litBits  = 10
	distBits = 8
)

type (
	litTable  [2048]uint32
	distTable [512]uint64
)

const (
	isLiteral = 1 << 31
	isOther   = 1 << 15 // not a literal, length or distance
	isLink    = 1 << 14
	isEnd     = 1 << 13
	invalid   = isOther
)

// lengths is scratch
type lengths struct {
	pre     [128]uint32
	symbols [16*512*2 + 16]byte
	lit     [16]uint16
	all     [16]uint16
}

var (
	litBase  = makeLitBase()
	distBase = makeDistBase()
)

func makeLitBase() (t [288]uint32) {
	for i := range 256 {
		t[i] = isLiteral | uint32(i)<<16
	}
	t[256] = isOther | isEnd
	base, extra := uint32(3), uint32(0)
	for i := uint32(257); i < 285; i++ {
		if i >= 265 && (i-265)%4 == 0 {
			extra++
		}
		t[i] = (1<<extra-1)<<25 | base<<16 | extra
		base += 1 << extra
	}
	t[285] = 258 << 16
	t[286], t[287] = invalid, invalid
	return t
}

func makeDistBase() (t [32]uint64) {
	base, extra := uint64(1), uint64(0)
	for i := uint32(0); i < 30; i++ {
		if i >= 4 && i%2 == 0 {
			extra++
		}
		t[i] = base<<48 | (1<<extra-1)<<32 | extra
		base += 1 << extra
	}
	t[30], t[31] = invalid, invalid
	return t
}

var codeOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

const (
	preBad  = 1 << 7
	prePrev = 1 << 31
)

var preBase = func() (t [19]uint32) {
	for i := range uint32(16) {
		t[i] = i<<27 | 1<<23
	}
	t[16] = prePrev | 3<<23 | 3<<16 | 2
	t[17] = 3<<23 | 7<<16 | 3
	t[18] = 11<<23 | 127<<16 | 7
	return t
}()

func (d *Decoder) readCodes(s *stream) error {
	s.refill()
	if s.count < 14+4*3 {
		return errTruncated
	}
	nlit := uint32(s.bits&31) + 257
	ndist := uint32(s.bits>>5&31) + 1
	nclen := int(s.bits>>10&15) + 4
	if nlit > 286 || ndist > 30 {
		return errCounts
	}
	s.drop(14)
	l := &d.scratch

	var lens [19]uint8
	counts := uint64(0)
	for _, o := range codeOrder[:4] {
		n := uint8(s.bits & 7)
		lens[o] = n
		counts += 1 << (n * 8 & 63)
		s.drop(3)
	}
	s.refill()
	if int(s.count) < 3*(nclen-4) {
		return errTruncated
	}
	for _, o := range codeOrder[4:nclen] {
		n := uint8(s.bits & 7)
		lens[o] = n
		counts += 1 << (n * 8 & 63)
		s.drop(3)
	}
	// starts
	var starts [8]uint8
	sum := uint64(0)
	for n := uint(1); n < 8; n++ {
		starts[n] = uint8(sum)
		sum += (counts >> (n * 8) & 255) << (7 - n)
	}
	if sum != 128 {
		if sum != 0 && (sum != 64 || counts>>8&255 != 1) {
			return errLengths
		}
		for i := range l.pre {
			l.pre[i] = 1<<23 | preBad
		}
	}
	for sym, n := range lens {
		if n == 0 {
			continue
		}
		n &= 7
		e := preBase[sym] + uint32(n)*0x101
		for i := uint(bits.Reverse8(starts[n]) >> 1); i < 128; i += 1 << n {
			l.pre[i] = e
		}
		starts[n] += 128 >> n
	}

	l.all = [16]uint16{}
	i, total, prev, bad := uint32(0), nlit, uint32(16), uint32(0)
	buf, count, ip, src := s.bits, s.count, s.ip, s.src
	for phase := 0; ; phase++ {
		for i < total {
			if len(src)-ip >= 8 {
				buf |= binary.LittleEndian.Uint64(src[ip:]) << (count & 63)
				ip += int(63-count) >> 3
				count |= 56
			} else {
				for count < 56 && ip < len(src) {
					buf |= uint64(src[ip]) << (count & 63)
					ip++
					count += 8
				}
			}
			e := l.pre[buf&127]
			value := e>>27&15 | prev&uint32(int32(e)>>31)
			bad |= e&preBad | value&16
			rep := e>>23&15 + uint32(buf>>(e>>8&63))&(e>>16&127)
			n := uint(e & 63)
			if n > count {
				return errTruncated
			}
			buf >>= n
			count -= n
			value &= 15
			prev = value
			at := (value<<10 + uint32(l.all[value])<<1) & 0x3fff
			l.all[value] += uint16(rep)
			pat := uint64(i)*0x0001000100010001 + 0x0003000200010000
			binary.LittleEndian.PutUint64(l.symbols[at:], pat)
			binary.LittleEndian.PutUint64(l.symbols[at+8:], pat+0x0004000400040004)
			i += rep
		}
		if phase == 1 {
			break
		}
		l.lit = l.all
		if prev != 0 {
			l.lit[prev&15] -= uint16(i - nlit)
		}
		total = nlit + ndist
	}
	s.bits, s.count, s.ip = buf, count, ip
	if bad != 0 || i != total {
		return errLengths
	}
	if !build(l, d.dynamic.lit[:], litBits, litBase[:], 0, &[16]uint16{}, &l.lit) ||
		!build(l, d.dynamic.dist[:], distBits, distBase[:], nlit, &l.lit, &l.all) {
		return errLengths
	}
	return nil
}

func build[E uint32 | uint64](l *lengths, table []E, tableBits uint, base []E, first uint32, from, to *[16]uint16) bool {
	sum := uint32(0)
	least := uint(0)
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
		table[0], table[1] = invalid, invalid
		least = 1
	}
	code := uint32(0)
	for n := least; n <= tableBits; n++ {
		list := l.symbols[n<<10+uint(from[n])<<1 : n<<10+uint(to[n])<<1]
		step := uint32(1) << (16 - n)
		for len(list) >= 2 {
			sym := uint32(binary.LittleEndian.Uint16(list)) - first
			list = list[2:]
			table[bits.Reverse16(uint16(code))] = base[sym] + E(n)*0x101
			code += step
		}
		if n < tableBits {
			copy(table[1<<n:2<<n], table[:1<<n])
		}
	}
	if code == 1<<16 {
		return true
	}
	mask := uint32(1)<<tableBits - 1
	prefix := ^uint32(0)
	start, next := uint32(0), mask+1
	for n := tableBits + 1; n <= 15; n++ {
		list := l.symbols[n<<10+uint(from[n])<<1 : n<<10+uint(to[n])<<1]
		step := uint32(1) << (16 - n)
		for len(list) >= 2 {
			rev := uint32(bits.Reverse16(uint16(code)))
			if rev&mask != prefix {
				prefix = rev & mask
				sub := n - tableBits
				for have := len(list) / 2; have < 1<<sub && tableBits+sub < 15; {
					sub++
					have = have<<1 + int(to[tableBits+sub]-from[tableBits+sub])
				}
				start = next
				next += 1 << sub
				table[prefix] = E(start)<<16 | isOther | isLink | E(sub)<<8 | E(tableBits)
			}
			sym := uint32(binary.LittleEndian.Uint16(list)) - first
			list = list[2:]
			e := base[sym] + E(n-tableBits)*0x101
			for k := start + rev>>tableBits; k < next; k += 1 << (n - tableBits) {
				table[k] = e
			}
			code += step
		}
	}
	return true
}

func (d *Decoder) buildFixed() {
	l := &d.scratch
	l.lit = [16]uint16{}
	put := func(n uint, from, to int) {
		for i := from; i < to; i++ {
			binary.LittleEndian.PutUint16(l.symbols[n<<10+uint(l.lit[n])<<1:], uint16(i))
			l.lit[n]++
		}
	}
	put(8, 0, 144)
	put(9, 144, 256)
	put(7, 256, 280)
	put(8, 280, 288)
	var none [16]uint16
	build(l, d.fixed.lit[:], litBits, litBase[:], 0, &none, &l.lit)
	l.lit = none
	put(5, 0, 32)
	build(l, d.fixed.dist[:], distBits, distBase[:], 0, &none, &l.lit)
	d.fixedBuilt = true
}
