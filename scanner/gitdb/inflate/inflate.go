// Package inflate decodes zlib streams whose size is known beforehand, as the
// entries of git packs and loose objects are, and raw deflate streams of any size, as
// gzip and zip files have them ([Deflated]).
//
// One byte slice goes in, which may be much longer than the stream (the rest
// of a mapped pack), and one slice of exactly the declared size comes out. As
// the output is one slice there is no window, and nothing is allocated for a
// stream that is whole. A Reader does the same through a window, for streams
// that are too large for one slice. It accepts and refuses what compress/zlib does, but
// for preset dictionaries, which git never writes: they are always refused.
package inflate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/adler32"
	"math"
)

// A zlib stream, RFC 1950. Bits are numbered from the least significant.
//
//	+-----+-----+========================+---+---+---+---+
//	| CMF | FLG | blocks, from bit 0 on  |    Adler-32   |
//	+-----+-----+========================+---+---+---+---+
//
//	CMF  bits 0-3  8, deflate
//	     bits 4-7  log2 of the window size less 8, at most 7
//	FLG  bits 0-4  make CMF*256 + FLG a multiple of 31
//	     bit  5    a preset dictionary's id follows
//	     bits 6-7  compression level, says nothing to a decoder
//
// The Adler-32 is of the output, most significant byte first, and starts at
// the first whole byte after the last block.
//
// A block, RFC 1951 section 3.2.3:
//
//	bit  0    this block is the last
//	bits 1-2  0: stored. The bits up to the next whole byte are skipped;
//	             then LEN and its complement, 2 bytes each, least significant
//	             first, and LEN bytes
//	          1: symbols in the fixed codes
//	          2: symbols in the codes that the block describes first (table.go)
//	          3: not used
//
// Symbols are described in block.go.

// MaxRatio is how many bytes at most one byte of a deflate stream yields: a match
// of 258 for a length code and a distance code of one bit each.
const MaxRatio = 1032

// ErrCorrupt is wrapped by every error of this package: the stream is not
// valid, or does not hold the number of bytes that were asked for.
var ErrCorrupt = errors.New("corrupt zlib stream")

// fault is what is wrong with a stream. Errors made of constants cost no time
// when a program starts.
type fault string

func (f fault) Error() string { return ErrCorrupt.Error() + ": " + string(f) }

func (fault) Unwrap() error { return ErrCorrupt }

// Each of these is wrapped once more, by stream.fail, with where it happened.
const (
	errHeader     fault = "bad header"
	errDictionary fault = "needs a preset dictionary"
	errTruncated  fault = "truncated"
	errBlockType  fault = "bad block type"
	errStored     fault = "bad length of a stored block"
	errCounts     fault = "too many code lengths"
	errLengths    fault = "bad code lengths"
	errSymbol     fault = "bad symbol"
	errDistance   fault = "distance too far back"
	errMore       fault = "yields more bytes than declared"
	errFewer      fault = "yields fewer bytes than declared"
	errChecksum   fault = "bad checksum"
)

// These are not errors of the stream: dst is full, or src used up, and more would
// follow.
const (
	errFull  fault = "output is full"
	errInput fault = "input is used up"
)

// Decoder holds the tables of one goroutine, about 27 KiB. The zero value is
// ready for use. It keeps no reference to what it was given.
type Decoder struct {
	// Checksum makes Inflate and Prefix compare the Adler-32 at the end of
	// the stream. Callers that check the object's id, or the trailer of the
	// pack that holds the stream, lose nothing without it. The four bytes
	// must be there in either case.
	Checksum bool

	dynamic codes // of the block that is being decoded
	lengths lengths
}

// codes are the two codes of a block.
type codes struct {
	lit  litTable
	dist distTable
}

// Inflate decodes the zlib stream at the start of src into dst, and returns
// how many bytes of src the stream takes, header and Adler-32 included. What
// follows the stream is not read. A stream that yields more or fewer than
// len(dst) bytes is an error, which wraps [ErrCorrupt] like all others; n is
// then 0 and dst may hold part of the output. The slices must not overlap.
func (d *Decoder) Inflate(dst, src []byte) (n int, err error) {
	s := stream{dst: dst, src: src, pause: math.MaxInt}
	if err := d.decode(&s); err != nil {
		if err == errFull {
			err = errMore
		}
		return 0, s.fail(err)
	}
	if s.op != len(dst) {
		return 0, s.fail(errFewer)
	}
	return s.ip, nil
}

// Prefix decodes the first len(dst) bytes of the zlib stream at the start of
// src, or all of it if it yields fewer, and returns how many bytes it wrote.
// It does not look at what comes after these bytes: src may be cut off there,
// and the stream may be damaged there. An error wraps [ErrCorrupt]; what was
// written before it is what the stream says up to there.
func (d *Decoder) Prefix(dst, src []byte) (written int, err error) {
	s := stream{dst: dst, src: src, pause: len(dst)}
	if err := d.decode(&s); err != nil && err != errFull {
		return s.op, s.fail(err)
	}
	return s.op, nil
}

// stream is the state of one call. src[:ip] is consumed, except that the
// count low bits of bits are still to come; bits beyond these are zero or
// what src holds there, so that refilling may OR them in again.
type stream struct {
	dst, src []byte
	op, ip   int
	bits     uint64
	count    uint // at most 63
	pause    int  // from this op on, stop with errFull
	more     bool // src is not all: stop with errInput before it ends

	// The block that is being decoded, and the one that was:
	inBlock bool
	last    bool
	codes   *codes // nil: a block of type 0
	stored  int    // bytes of it that are still to come

	adler uint32 // of the output, at the end of the stream
}

// fail adds to err where it happened.
func (s *stream) fail(err error) error {
	return fmt.Errorf("%w (at input byte %d, output byte %d of %d)", err, s.input(), s.op, len(s.dst))
}

// input is how many bytes of src are consumed.
func (s *stream) input() int { return s.ip - int(s.count/8) }

// decode decodes the stream up to and including the Adler-32.
func (d *Decoder) decode(s *stream) error {
	if err := s.header(); err != nil {
		return err
	}
	if err := d.blocks(s); err != nil {
		return err
	}
	if err := s.trailer(); err != nil {
		return err
	}
	if d.Checksum && s.adler != adler32.Checksum(s.dst[:s.op]) {
		return errChecksum
	}
	return nil
}

func (s *stream) header() error {
	if len(s.src) < 2 {
		return errTruncated
	}
	cmf, flg := s.src[0], s.src[1]
	switch {
	case cmf&15 != 8 || cmf>>4 > 7 || (uint(cmf)<<8|uint(flg))%31 != 0:
		return errHeader
	case flg&0x20 != 0:
		return errDictionary
	}
	s.ip = 2
	return nil
}

// blocks decodes all blocks. After errFull it may be called again, with room in
// dst, and goes on; after errInput with more in src.
func (d *Decoder) blocks(s *stream) error {
	if s.op >= s.pause {
		return errFull
	}
	for s.inBlock || !s.last {
		if !s.inBlock {
			if s.more && len(s.src)-s.ip < maxBlockHead {
				return errInput
			}
			if err := d.begin(s); err != nil {
				return err
			}
			s.inBlock = true
		}
		var err error
		if s.codes == nil {
			err = s.copyStored()
		} else {
			err = s.symbols(s.codes)
		}
		if err != nil {
			return err
		}
		s.inBlock = false
	}
	s.align()
	return nil
}

// trailer reads the Adler-32.
func (s *stream) trailer() error {
	if len(s.src)-s.ip < 4 {
		return errTruncated
	}
	s.adler = binary.BigEndian.Uint32(s.src[s.ip:])
	s.ip += 4
	return nil
}

// begin reads what is in front of the data of a block.
func (d *Decoder) begin(s *stream) error {
	s.refill()
	if s.count < 3 {
		return errTruncated
	}
	s.last = s.bits&1 != 0
	kind := s.bits >> 1 & 3
	s.drop(3)
	switch kind {
	case 0:
		s.codes = nil
		return s.beginStored()
	case 1:
		s.codes = fixedCodes()
	case 2:
		s.codes = &d.dynamic
		return d.readCodes(s)
	default:
		return errBlockType
	}
	return nil
}

// refill makes count at least 56, or as much as src still has.
func (s *stream) refill() {
	if len(s.src)-s.ip >= 8 {
		s.bits |= binary.LittleEndian.Uint64(s.src[s.ip:]) << (s.count & 63)
		s.ip += int(63-s.count) >> 3
		s.count |= 56
		return
	}
	for s.count < 56 && s.ip < len(s.src) {
		s.bits |= uint64(s.src[s.ip]) << (s.count & 63)
		s.ip++
		s.count += 8
	}
}

// drop consumes n bits, which the caller knows to be there.
func (s *stream) drop(n uint) {
	s.bits >>= n & 63
	s.count -= n
}

// align drops the bits up to the next whole byte of src, and takes back the
// bytes that are in bits.
func (s *stream) align() {
	s.ip -= int(s.count >> 3)
	s.bits, s.count = 0, 0
}

// beginStored reads the length of a block of type 0.
func (s *stream) beginStored() error {
	s.align()
	if len(s.src)-s.ip < 4 {
		return errTruncated
	}
	head := binary.LittleEndian.Uint32(s.src[s.ip:])
	s.ip += 4
	if head&0xffff != ^head>>16 {
		return errStored
	}
	s.stored = int(head & 0xffff)
	return nil
}

// copyStored copies what is left of a block of type 0.
func (s *stream) copyStored() error {
	have := min(s.stored, len(s.src)-s.ip)
	wrote := copy(s.dst[s.op:], s.src[s.ip:s.ip+have])
	s.op += wrote
	s.ip += wrote
	s.stored -= wrote
	switch {
	case s.op >= s.pause:
		return errFull
	case s.stored > 0 && wrote == have && s.more:
		return errInput
	case s.stored > 0 && have < s.stored+wrote:
		return errTruncated
	case s.stored > 0:
		return errFull
	}
	return nil
}
