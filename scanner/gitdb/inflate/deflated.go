package inflate

import (
	"bufio"
	"fmt"
	"io"
)

// Deflated decodes a raw deflate stream (RFC 1951) that is neither in one slice nor
// of a known size, through a window as [Reader] does. The zero value is to be Reset.
type Deflated struct {
	decoder Decoder
	s       stream // src is what in holds; dst is the window
	in      *bufio.Reader
	read    int   // in dst, how far it was read
	taken   int64 // bytes of in that were dropped
	err     error
}

// maxBlockHead is more than what is before the data of a block takes: 320 lengths of
// codes, of 7 bits each.
const maxBlockHead = 320

// Reset makes d read the stream that in yields next; what follows the stream stays in
// it. Its buffer must have at least 512 bytes. The memory of d is used again.
func (d *Deflated) Reset(in *bufio.Reader) {
	window := d.s.dst
	if window == nil {
		window = make([]byte, windowSize)
	}
	d.s = stream{dst: window, pause: windowSize - pauseMargin, more: true}
	d.in, d.read, d.taken, d.err = in, 0, 0, nil
}

// Taken returns how many bytes of its input d has consumed since Reset.
func (d *Deflated) Taken() int64 { return d.taken }

// Read returns io.EOF at the end of the stream, io.ErrUnexpectedEOF if the input ends
// first, an error that wraps [ErrCorrupt] where the stream is not valid, or the input's.
func (d *Deflated) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for d.read == d.s.op {
		if d.err != nil {
			return 0, d.err
		}
		d.fill()
	}
	n := copy(p, d.s.dst[d.read:d.s.op])
	d.read += n
	return n, nil
}

// fill decodes what in holds, or as much as the window has room for.
func (d *Deflated) fill() {
	s := &d.s
	if s.op >= s.pause {
		s.slide()
		d.read = s.op
	}
	_, errIn := d.in.Peek(maxBlockHead + 8) // what is in bits comes again
	s.src, _ = d.in.Peek(d.in.Buffered())
	s.more = errIn == nil
	err := d.decoder.blocks(s)
	if err == nil || err == errInput || err == errFull {
		n := s.input()
		_, _ = d.in.Discard(n)
		d.taken += int64(n)
		s.src, s.ip = s.src[n:], s.ip-n
	}
	switch {
	case err == nil:
		d.err = io.EOF
	case err == errTruncated && errIn == io.EOF:
		d.err = io.ErrUnexpectedEOF
	case err == errTruncated:
		d.err = errIn
	case err != errInput && err != errFull:
		d.err = fmt.Errorf("%w (at input byte %d)", err, d.taken+int64(s.input()))
	}
}
