package inflate

import (
	"errors"
	"fmt"
	"hash"
	"hash/adler32"
	"io"
)

// A Reader decodes into a window:
//
//	+----------------+------------------------------------+---------+
//	| the last bytes | decoded, from here on not yet read | room    |
//	| of before      |                                    |         |
//	+----------------+------------------------------------+---------+
//	0                historySize                          pause     windowSize
//
// When all is read, the end of the output moves to the start of the window.
const (
	// historySize is how far back a match may reach.
	historySize = 32 << 10
	// windowSize makes moving the history one byte in eight.
	windowSize = 8 * historySize
	// pauseMargin is how many bytes before the end of the window decoding
	// pauses: the longest match and the literals that fast may write before it
	// must fit.
	pauseMargin = 258 + outMargin
)

// Reader decodes a zlib stream that is too large for one slice. It checks the
// Adler-32, and that the stream yields as many bytes as were declared: fewer or
// more are an error that wraps [ErrCorrupt], after the bytes that came.
type Reader struct {
	decoder Decoder
	s       stream // dst is the window
	read    int    // in dst, how far it was read
	moved   uint64 // bytes of the output that left the window
	size    uint64 // declared
	adler   hash.Hash32
	err     error // where decoding ended; io.EOF at the proper end
}

// NewReader returns a reader of the zlib stream at the start of src, which must
// yield size bytes.
func NewReader(src []byte, size uint64) *Reader { return newReader(src, size, windowSize) }

func newReader(src []byte, size uint64, window int) *Reader {
	r := &Reader{size: size, adler: adler32.New()}
	r.s = stream{src: src, dst: make([]byte, window), pause: window - pauseMargin}
	if err := r.s.header(); err != nil {
		r.end(err)
	}
	return r
}

func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for r.read == r.s.op {
		if r.err != nil {
			return 0, r.err
		}
		r.fill()
	}
	n := copy(p, r.s.dst[r.read:r.s.op])
	r.read += n
	return n, nil
}

// fill decodes as much as the window has room for.
func (r *Reader) fill() {
	s := &r.s
	r.moved += uint64(s.slide())
	r.read = s.op
	err := r.decoder.blocks(s)
	if err == nil {
		err = s.trailer()
	}
	if total := r.moved + uint64(s.op); total > r.size {
		s.op -= int(total - r.size)
		err = errMore
	} else if err == nil && total < r.size {
		err = errFewer
	}
	_, _ = r.adler.Write(s.dst[r.read:s.op])
	switch {
	case err == errFull:
	case err == nil && s.adler != r.adler.Sum32():
		r.end(errChecksum)
	case err == nil:
		r.err = io.EOF
	default:
		r.end(err)
	}
}

// slide moves the history to the start of the window, and returns how many bytes
// left it.
func (s *stream) slide() int {
	n := max(0, s.op-historySize)
	copy(s.dst, s.dst[n:s.op])
	s.op -= n
	return n
}

func (r *Reader) end(err error) {
	r.err = fmt.Errorf("%w (at input byte %d, output byte %d of %d)", err, r.s.input(), r.moved+uint64(r.s.op), r.size)
}

// Finish reads on to the end of the stream, and returns how many bytes of src
// the stream takes, header and Adler-32 included. The error is that of Read;
// none says that the stream is whole.
func (r *Reader) Finish() (n int, err error) {
	for r.err == nil {
		r.read = r.s.op
		r.fill()
	}
	if !errors.Is(r.err, io.EOF) {
		return 0, r.err
	}
	return r.s.ip, nil
}
