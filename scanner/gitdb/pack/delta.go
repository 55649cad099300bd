package pack

import (
	"fmt"
	"math/bits"
)

// A delta is (gitformat-pack(5), "Deltified representation"):
//
//	base size, result size   7 bits a byte, least significant first
//	copy    1 o4..o1 s3..s1 in bits: which bytes of offset and size follow;
//	        size 0 means 65536
//	insert  0 and a length 1..127, then that many bytes
//	0       reserved

// Span is a half-open range of byte offsets from the start of an object.
type Span struct{ Start, End int }

// op is a copy from the base (from >= 0) or an insert (from < 0), n bytes long.
type op struct{ from, n int }

// deltaSizes decodes the two sizes at the start of a delta and returns the
// rest.
func deltaSizes(delta []byte) (base, result uint64, rest []byte, err error) {
	if base, delta, err = deltaSize(delta); err != nil {
		return 0, 0, nil, err
	}
	if result, delta, err = deltaSize(delta); err != nil {
		return 0, 0, nil, err
	}
	return base, result, delta, nil
}

func deltaSize(b []byte) (uint64, []byte, error) {
	var size uint64
	for i, c := range b {
		if i > 8 {
			break
		}
		size |= uint64(c&0x7f) << (7 * i)
		if c&0x80 == 0 {
			return size, b[i+1:], nil
		}
	}
	return 0, nil, fmt.Errorf("%w: delta size is truncated or does not fit 63 bits", ErrCorrupt)
}

// maxOps is how many instructions of a delta are recorded: one of two bytes
// would take sixteen. Beyond it the version is searched whole, which is slower
// and finds the same.
const maxOps = 1 << 14

// record appends o to ops, up to maxOps.
func record(ops []op, o op) []op {
	if len(ops) < maxOps {
		return append(ops, o)
	}
	return ops
}

// apply fills dst, whose length is the result size that the delta declares,
// from the instructions that follow the sizes. It appends what it did to ops,
// unless that is maxOps or more.
func apply(dst, base, instructions []byte, ops []op) ([]op, error) {
	n, ops, err := applyFrom(dst, 0, base, instructions, ops)
	if err == nil {
		err = checkDone(n, dst)
	}
	return ops, err
}

func checkDone(n int, dst []byte) error {
	if n != len(dst) {
		return fmt.Errorf("%w: delta yields %d bytes, declares %d", ErrCorrupt, n, len(dst))
	}
	return nil
}

// applyFrom follows whole instructions, with which it fills dst from n on. It
// returns up to where.
func applyFrom(dst []byte, n int, base, instructions []byte, ops []op) (int, []op, error) {
	d := instructions
	for len(d) > 0 {
		c := d[0]
		d = d[1:]
		if c&0x80 == 0 {
			size := int(c)
			if size == 0 {
				return n, ops, fmt.Errorf("%w: reserved delta instruction", ErrCorrupt)
			}
			if size > len(d) {
				return n, ops, fmt.Errorf("%w: delta insert of %d bytes, %d left", ErrCorrupt, size, len(d))
			}
			if size > len(dst)-n {
				return n, ops, fmt.Errorf("%w: delta yields more bytes than it declares", ErrCorrupt)
			}
			copy(dst[n:], d[:size])
			d = d[size:]
			n += size
			ops = record(ops, op{from: -1, n: size})
			continue
		}
		var off, size uint32
		if len(d) < 7 {
			var err error
			if off, size, d, err = copyOperands(c, d); err != nil {
				return n, ops, err
			}
		} else {
			// At least seven operand bytes are there: no check for each.
			i := 0
			if c&0x01 != 0 {
				off = uint32(d[i])
				i++
			}
			if c&0x02 != 0 {
				off |= uint32(d[i]) << 8
				i++
			}
			if c&0x04 != 0 {
				off |= uint32(d[i]) << 16
				i++
			}
			if c&0x08 != 0 {
				off |= uint32(d[i]) << 24
				i++
			}
			if c&0x10 != 0 {
				size = uint32(d[i])
				i++
			}
			if c&0x20 != 0 {
				size |= uint32(d[i]) << 8
				i++
			}
			if c&0x40 != 0 {
				size |= uint32(d[i]) << 16
				i++
			}
			d = d[i:]
		}
		if size == 0 {
			size = 0x10000
		}
		if uint64(off)+uint64(size) > uint64(len(base)) {
			return n, ops, fmt.Errorf("%w: delta copies %d bytes at %d, base has %d", ErrCorrupt, size, off, len(base))
		}
		if int(size) > len(dst)-n {
			return n, ops, fmt.Errorf("%w: delta yields more bytes than it declares", ErrCorrupt)
		}
		copy(dst[n:], base[off:off+size])
		n += int(size)
		ops = record(ops, op{from: int(off), n: int(size)})
	}
	return n, ops, nil
}

// wholeInstructions returns the length of the instructions at the start of d that
// are whole.
func wholeInstructions(d []byte) int {
	for at := 0; ; {
		if at == len(d) {
			return at
		}
		next := at + 1 + int(d[at])
		if d[at]&0x80 != 0 {
			next = at + 1 + bits.OnesCount8(d[at]&0x7f)
		}
		if next > len(d) {
			return at
		}
		at = next
	}
}

// copyOperands decodes offset and size of the copy instruction c from d.
func copyOperands(c byte, d []byte) (off, size uint32, rest []byte, err error) {
	for i := range 7 {
		if c&(1<<i) == 0 {
			continue
		}
		if len(d) == 0 {
			return 0, 0, nil, fmt.Errorf("%w: delta copy is truncated", ErrCorrupt)
		}
		if i < 4 {
			off |= uint32(d[0]) << (8 * i)
		} else {
			size |= uint32(d[0]) << (8 * (i - 4))
		}
		d = d[1:]
	}
	return off, size, d, nil
}

// freshSpans appends what a result holds that its base does not hold in one
// piece: each inserted run, and for each seam between two instructions the
// empty span at it. Whatever bytes are outside the spans, and do not reach
// across one, are in the base as they are. Spans ascend and do not overlap.
func freshSpans(spans []Span, ops []op) []Span {
	at := 0
	for i, o := range ops {
		switch {
		case o.from < 0:
			if k := len(spans) - 1; k >= 0 && spans[k].End == at {
				spans[k].End = at + o.n
			} else {
				spans = append(spans, Span{at, at + o.n})
			}
		case i > 0 && ops[i-1].from >= 0 && ops[i-1].from+ops[i-1].n != o.from:
			// Copies that continue each other leave no seam.
			spans = append(spans, Span{at, at})
		}
		at += o.n
	}
	return spans
}
