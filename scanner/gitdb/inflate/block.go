package inflate

import (
	"encoding/binary"
	"unsafe"
)

func load64(p unsafe.Pointer, i int) uint64 {
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(p, i))[:])
}

func store64(p unsafe.Pointer, i int, v uint64) {
	binary.LittleEndian.PutUint64((*[8]byte)(unsafe.Add(p, i))[:], v)
}

func store8(p unsafe.Pointer, i int, v uint32) {
	*(*byte)(unsafe.Add(p, i)) = byte(v)
}

const (
	litMask   = 1<<litBits - 1
	distMask  = 1<<distBits - 1
	inMargin  = 16
	outMargin = 3
)

func (s *stream) symbols(c *codes) error {
	if len(s.src)-s.ip >= inMargin && len(s.dst)-s.op >= outMargin {
		if done, err := s.fast(c); done || err != nil {
			return err
		}
	}
	return s.careful(c)
}

func (s *stream) fast(c *codes) (done bool, err error) {
	in, dst := unsafe.Pointer(&s.src[s.ip]), unsafe.Pointer(unsafe.SliceData(s.dst))
	op := s.op
	buf, count := s.bits, uint64(s.count)
	inEnd, outEnd := uintptr(unsafe.Pointer(&s.src[len(s.src)-inMargin])), len(s.dst)-outMargin

	for uintptr(in) <= inEnd && op <= outEnd {
		buf |= load64(in, 0) << (count & 63)
		in = unsafe.Add(in, 7-(count>>3&7))
		count |= 56
		e := c.lit[buf&litMask]
		if int32(e) < 0 {
			buf >>= e & 63
			count -= uint64(e)
			store8(dst, op, e>>16)
			op++
			e = c.lit[buf&litMask]
			if int32(e) < 0 {
				buf >>= e & 63
				count -= uint64(e)
				store8(dst, op, e>>16)
				op++
				e = c.lit[buf&litMask]
				if int32(e) < 0 {
					buf >>= e & 63
					count -= uint64(e)
					store8(dst, op, e>>16)
					op++
					continue
				}
			}
		}
		if e&isOther != 0 {
			if e&isLink != 0 {
				buf >>= e & 63
				count -= uint64(e)
				e = c.lit[(e>>16+uint32(buf)&(1<<(e>>8&15)-1))&2047]
				if int32(e) < 0 {
					buf >>= e & 63
					count -= uint64(e)
					store8(dst, op, e>>16)
					op++
					continue
				}
			}
			if e&isOther != 0 {
				if e&isEnd == 0 {
					return true, s.at(in, op, count, errSymbol)
				}
				s.ip, s.op, s.bits, s.count = s.offset(in), op, buf>>(e&63), uint(count-uint64(e))&63
				return true, nil
			}
		}
		length := int(e>>16&511 + uint32(buf>>(e>>8&63))&(e>>25))
		buf >>= e & 63
		count -= uint64(e)

		buf |= load64(in, 0) << (count & 63)
		in = unsafe.Add(in, 7-(count>>3&7))
		count |= 56
		g := c.dist[buf&distMask]
		if g&isOther != 0 {
			if g&isLink == 0 {
				return true, s.at(in, op, count, errSymbol)
			}
			buf >>= g & 63
			count -= g
			g = c.dist[(g>>16+buf&(1<<(g>>8&15)-1))&511]
			if g&isOther != 0 {
				return true, s.at(in, op, count, errSymbol)
			}
		}
		distance := int(g>>48 + buf>>(g>>8&63)&(g>>32&0xffff))
		buf >>= g & 63
		count -= g
		if distance > op {
			return true, s.at(in, op, count, errDistance)
		}

		from := op - distance
		end := op + length
		if distance >= 8 && end <= outEnd-(16-outMargin) {
			store64(dst, op, load64(dst, from))
			store64(dst, op+8, load64(dst, from+8))
			op += 16
			for op < end {
				from += 16
				store64(dst, op, load64(dst, from))
				store64(dst, op+8, load64(dst, from+8))
				op += 16
			}
			op = end
			continue
		}
		if end = s.copyMatch(op, distance, length); end < 0 {
			return true, s.at(in, len(s.dst), count, errFull)
		}
		op = end
	}

	s.ip, s.op, s.bits, s.count = s.offset(in), op, buf, uint(count)&63
	return false, nil
}

func (s *stream) at(in unsafe.Pointer, op int, count uint64, err error) error {
	s.ip, s.op, s.count = s.offset(in), op, uint(count)&63
	return err
}

// copyMatch returns -1 if dst is full
//
//go:noinline
func (s *stream) copyMatch(op, distance, length int) int {
	dst := s.dst
	full := length > len(dst)-op
	if full {
		length = len(dst) - op
	}
	if distance >= length {
		copy(dst[op:op+length], dst[op-distance:])
	} else {
		for i := op; i < op+length; i++ {
			dst[i] = dst[i-distance]
		}
	}
	if full {
		return -1
	}
	return op + length
}

func (s *stream) careful(c *codes) error {
	for {
		if s.prefix && s.op == len(s.dst) {
			return errFull
		}
		s.refill()
		e := c.lit[s.bits&(1<<litBits-1)]
		if e&isLink != 0 && e&(isLiteral|isOther) == isOther {
			if uint(e&63) > s.count {
				return errTruncated
			}
			s.drop(uint(e & 63))
			e = c.lit[(e>>16+uint32(s.bits)&(1<<(e>>8&15)-1))&2047]
		}
		n := uint(e & 63)
		if n > s.count {
			return errTruncated
		}
		switch {
		case e&isLiteral != 0:
			s.drop(n)
			if s.op == len(s.dst) {
				return errFull
			}
			s.dst[s.op] = byte(e >> 16)
			s.op++
			continue
		case e&isOther != 0:
			if e&isEnd == 0 {
				return errSymbol
			}
			s.drop(n)
			return nil
		}
		length := int(e>>16&511 + uint32(s.bits>>(e>>8&63))&(e>>25))
		s.drop(n)

		s.refill()
		g := c.dist[s.bits&(1<<distBits-1)]
		if g&isOther != 0 && g&isLink != 0 {
			if uint(g&63) > s.count {
				return errTruncated
			}
			s.drop(uint(g & 63))
			g = c.dist[(g>>16+s.bits&(1<<(g>>8&15)-1))&511]
		}
		if g&isOther != 0 {
			return errSymbol
		}
		n = uint(g & 63)
		if n > s.count {
			return errTruncated
		}
		distance := int(g>>48 + s.bits>>(g>>8&63)&(g>>32&0xffff))
		s.drop(n)
		if distance > s.op {
			return errDistance
		}
		op := s.copyMatch(s.op, distance, length)
		if op < 0 {
			s.op = len(s.dst)
			return errFull
		}
		s.op = op
	}
}

func (s *stream) offset(in unsafe.Pointer) int {
	return int(uintptr(in) - uintptr(unsafe.Pointer(unsafe.SliceData(s.src))))
}
