package inflate

import (
	"encoding/binary"
	"unsafe"
)

// The symbols of a block of type 1 or 2, RFC 1951 section 3.2.5. Codes and
// entries of the tables are described in table.go.
//
//	literal/length code   0-255    that byte
//	                      256      end of the block
//	                      257-285  a length of 3 to 258, by 0 to 5 extra bits;
//	                               a symbol of the distance code follows
//	distance code         0-29     a distance of 1 to 32768, by 0 to 13 extra
//	                               bits
//
// A length and a distance copy that many bytes from that far back in the
// output. The copy may overlap itself: the bytes it writes are then repeated.

// symbols decodes the symbols of a block, including its end.
func (s *stream) symbols(c *codes) error {
	if len(s.src)-s.ip >= inMargin && len(s.dst)-s.op >= outMargin {
		if ended, err := s.fast(c); ended || err != nil {
			return err
		}
	}
	return s.careful(c)
}

// careful decodes symbols one by one, wherever src and dst end.
func (s *stream) careful(c *codes) error {
	for {
		if s.op >= s.pause {
			return errFull
		}
		if s.more && len(s.src)-s.ip < inMargin {
			return errInput
		}
		s.refill()
		e := c.lit[s.bits&litMask]
		if e&isLink != 0 {
			if !s.dropCode(e) {
				return errTruncated
			}
			e = c.lit[second(e, s.bits)%uint32(len(c.lit))]
		}
		length := e>>16&511 + uint32(s.bits>>(e>>8&63))&(e>>25)
		if !s.dropCode(e) {
			return errTruncated
		}
		switch {
		case e&isLiteral != 0:
			if s.op == len(s.dst) {
				return errFull
			}
			s.dst[s.op] = byte(e >> 16)
			s.op++
			continue
		case e&isEnd != 0:
			return nil
		case e&isOther != 0:
			return errSymbol
		}

		s.refill()
		e = c.dist[s.bits&distMask]
		if e&isLink != 0 {
			if !s.dropCode(e) {
				return errTruncated
			}
			e = c.dist[second(e, s.bits)%uint32(len(c.dist))]
		}
		distance := distance(e, s.bits)
		if !s.dropCode(e) {
			return errTruncated
		}
		if e&isOther != 0 {
			return errSymbol
		}
		if distance > s.op {
			return errDistance
		}
		s.op = s.copyMatch(s.op, distance, int(length))
		if s.op < 0 {
			s.op = len(s.dst)
			return errFull
		}
	}
}

// dropCode consumes the code of e, and its extra bits. It reports whether src
// holds that many.
func (s *stream) dropCode(e uint32) bool {
	n := uint(e & 63)
	if n > s.count {
		return false
	}
	s.drop(n)
	return true
}

// second returns where in the table the link e leads to. The bits of the
// first table are consumed.
func second(e uint32, bits uint64) uint32 {
	return e>>16 + uint32(bits)&(1<<(e>>8&15)-1)
}

// distance returns the distance of e, whose code is next in bits.
func distance(e uint32, bits uint64) int {
	return int(e>>16 + uint32(bits&(1<<(e&63)-1)>>(e>>8&63)))
}

// copyMatch copies length bytes from distance back to dst[op:], and returns
// the new op, or -1 if dst is full before that. It is not inlined to leave the
// registers to its callers.
//
//go:noinline
func (s *stream) copyMatch(op, distance, length int) int {
	room := len(s.dst) - op
	to := s.dst[op : op+min(length, room)]
	if distance >= len(to) {
		copy(to, s.dst[op-distance:])
	} else {
		// The text repeats itself: each copy doubles what is there.
		for n := copy(to, s.dst[op-distance:op]); n < len(to); {
			n += copy(to[n:], to[:n])
		}
	}
	if length > room {
		return -1
	}
	return op + length
}

const (
	// inMargin is how many bytes of src fast needs: it loads 8 bytes, moves
	// on by at most 7, and loads 8 bytes again.
	inMargin = 16
	// outMargin is how many bytes of dst fast needs: it writes at most 3
	// literals without looking.
	outMargin = 3
	// matchMargin is how many bytes behind a match fast may write, as it
	// copies 16 bytes at a time.
	matchMargin = 15
)

// fast does what careful does, as long as both margins last; it reports
// whether it came to the end of the block.
//
// It uses unsafe for loads and stores, as checks on four slices take more
// registers than there are: measured on git/git and stripe-go, the same loop
// with slices needs 10 to 15 % more time for streams of 1 KiB and more. What
// keeps it in bounds:
//
//   - in <= inEnd holds at the top of the loop, so that inMargin bytes may be
//     loaded, and in is less than inMargin further on at the end of the loop,
//     a pointer into src still;
//   - op <= outEnd holds at the top, so that outMargin literals fit;
//   - a match is copied here only if it ends matchMargin before the end of
//     dst and starts in dst; what it reads is below what it writes.
//
// The tables hold arrays, which are indexed by masked values.
func (s *stream) fast(c *codes) (ended bool, err error) {
	in, inEnd := unsafe.Pointer(&s.src[s.ip]), unsafe.Pointer(&s.src[len(s.src)-inMargin])
	dst, op, outEnd := unsafe.Pointer(&s.dst[0]), s.op, min(len(s.dst)-outMargin, s.pause)
	// Only the low 6 bits of count are valid: all of e is subtracted.
	bits, count := s.bits, uint64(s.count)

	for uintptr(in) <= uintptr(inEnd) && op <= outEnd {
		bits |= load64(in, 0) << (count & 63)
		in = unsafe.Add(in, 7-count>>3&7)
		count |= 56 // at least 56 bits: three literals (30) and a length (20)

		e := c.lit[bits&litMask]
		if e&isLiteral != 0 {
			bits >>= e & 63
			count -= uint64(e)
			store8(dst, op, e>>16)
			op++
			e = c.lit[bits&litMask]
			if e&isLiteral != 0 {
				bits >>= e & 63
				count -= uint64(e)
				store8(dst, op, e>>16)
				op++
				e = c.lit[bits&litMask]
				if e&isLiteral != 0 {
					bits >>= e & 63
					count -= uint64(e)
					store8(dst, op, e>>16)
					op++
					continue
				}
			}
		}
		if e&isOther != 0 {
			if e&isLink != 0 {
				bits >>= e & 63
				count -= uint64(e)
				e = c.lit[second(e, bits)%uint32(len(c.lit))]
				if e&isLiteral != 0 {
					bits >>= e & 63
					count -= uint64(e)
					store8(dst, op, e>>16)
					op++
					continue
				}
			}
			if e&isEnd != 0 {
				s.set(in, op, bits>>(e&63), count-uint64(e))
				return true, nil
			}
			if e&isOther != 0 {
				s.set(in, op, bits, count)
				return false, errSymbol
			}
		}
		length := int(e>>16&511 + uint32(bits>>(e>>8&63))&(e>>25))
		bits >>= e & 63
		count -= uint64(e)

		bits |= load64(in, 0) << (count & 63)
		in = unsafe.Add(in, 7-count>>3&7)
		count |= 56 // a distance takes 28

		e = c.dist[bits&distMask]
		if e&isOther != 0 {
			if e&isLink != 0 {
				bits >>= e & 63
				count -= uint64(e)
				e = c.dist[second(e, bits)%uint32(len(c.dist))]
			}
			if e&isOther != 0 {
				s.set(in, op, bits, count)
				return false, errSymbol
			}
		}
		distance := distance(e, bits)
		bits >>= e & 63
		count -= uint64(e)
		if distance > op {
			s.set(in, op, bits, count)
			return false, errDistance
		}

		from, end := op-distance, op+length
		if distance < 8 || end > outEnd-(matchMargin-outMargin) {
			if end = s.copyMatch(op, distance, length); end < 0 {
				s.set(in, len(s.dst), bits, count)
				return false, errFull
			}
			op = end
			continue
		}
		store64(dst, op, load64(dst, from))
		store64(dst, op+8, load64(dst, from+8))
		for op += 16; op < end; op += 16 {
			from += 16
			store64(dst, op, load64(dst, from))
			store64(dst, op+8, load64(dst, from+8))
		}
		op = end
	}

	s.set(in, op, bits, count)
	return false, nil
}

// set writes the state of fast back to s.
func (s *stream) set(in unsafe.Pointer, op int, bits, count uint64) {
	s.ip = int(uintptr(in) - uintptr(unsafe.Pointer(unsafe.SliceData(s.src))))
	s.op = op
	s.bits, s.count = bits, uint(count&63)
}

func load64(p unsafe.Pointer, i int) uint64 {
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(p, i))[:])
}

func store64(p unsafe.Pointer, i int, v uint64) {
	binary.LittleEndian.PutUint64((*[8]byte)(unsafe.Add(p, i))[:], v)
}

func store8(p unsafe.Pointer, i int, v uint32) {
	*(*byte)(unsafe.Add(p, i)) = byte(v)
}
