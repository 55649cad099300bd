package document

import (
	"bufio"
	"compress/flate"
	"encoding/ascii85"
	"errors"
	"fmt"
	"io"
)

// maxFilters is how many filters a stream may have.
const maxFilters = 8

// decode returns what the data of a stream is decoded to. What it says of filters is a name
// or a list, and so is what it says of their parameters.
func (p *pdf) decode(s *pdfStream) (io.Reader, error) {
	list := func(v any) []any {
		v = p.resolve(v)
		if list, ok := v.([]any); ok {
			return list
		}
		return []any{v}
	}
	var r io.Reader = p.file.section(s.data)
	if s.dict["Filter"] == nil {
		return r, nil
	}
	filters, parameters := list(s.dict["Filter"]), list(s.dict["DecodeParms"])
	if len(filters) > maxFilters {
		return nil, fmt.Errorf("%d filters", len(filters))
	}
	for i, f := range filters {
		var d pdfDict
		if i < len(parameters) {
			d = p.dictOf(parameters[i])
		}
		number := func(name pdfName, without int) int {
			if n, ok := p.resolve(d[name]).(float64); ok && n >= 0 && n < 1<<20 {
				return int(n)
			}
			return without
		}
		switch name := p.nameOf(f); name {
		case "FlateDecode", "Fl":
			in := bufio.NewReader(r)
			_, _ = in.Discard(2) // the header of zlib; the checksum is not compared
			r = flate.NewReader(in)
		case "LZWDecode", "LZW":
			r = &pdfLZW{r: bufio.NewReader(r), early: number("EarlyChange", 1), width: 9, next: 258}
		case "ASCIIHexDecode", "AHx":
			r = &hexReader{r: &endsAt{r: bufio.NewReader(r), end: '>'}}
			continue
		case "ASCII85Decode", "A85":
			r = ascii85.NewDecoder(&endsAt{r: bufio.NewReader(r), end: '~'})
			continue
		case "RunLengthDecode", "RL":
			r = &runLength{r: bufio.NewReader(r)}
			continue
		default:
			return nil, fmt.Errorf("%w: the filter %.20q", ErrUnsupported, name)
		}
		predictor, colors, bits, columns := number("Predictor", 1), number("Colors", 1), number("BitsPerComponent", 8), number("Columns", 1)
		if predictor > 1 {
			if colors > 64 || bits > 32 || columns > 1<<16 {
				return nil, errors.New("a predictor for long rows")
			}
			r = &predicted{r: bufio.NewReader(r), tiff: predictor == 2, size: max(1, colors*bits/8), row: make([]byte, (colors*bits*columns+7)/8)}
		}
	}
	return r, nil
}

// endsAt ends at the first byte end.
type endsAt struct {
	r   *bufio.Reader
	end byte
}

func (e *endsAt) Read(p []byte) (int, error) {
	for i := range p {
		c, err := e.r.ReadByte()
		if err == nil && c == e.end {
			_ = e.r.UnreadByte()
			err = io.EOF
		}
		if err != nil {
			return i, err
		}
		p[i] = c
	}
	return len(p), nil
}

// runLength decodes runs: n up to 127 is before n+1 bytes, a larger one before a byte that
// is there 257-n times, and 128 is the end.
type runLength struct {
	r    *bufio.Reader
	left int
	same int // the byte that is repeated; -1: they differ
}

func (l *runLength) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if l.left == 0 {
			c, err := l.r.ReadByte()
			if err != nil || c == 128 {
				return n, io.EOF
			}
			l.left, l.same = int(c)+1, -1
			if c > 128 {
				b, err := l.r.ReadByte()
				if err != nil {
					return n, io.ErrUnexpectedEOF
				}
				l.left, l.same = 257-int(c), int(b)
			}
		}
		c := byte(l.same)
		if l.same < 0 {
			if c, err = l.r.ReadByte(); err != nil {
				return n, io.ErrUnexpectedEOF
			}
		}
		p[n] = c
		n++
		l.left--
	}
	return n, nil
}

// predicted undoes a predictor: each row has, after PNG, a byte for which one, then what each
// byte differs from the one of the pixel before, the row above, or both.
type predicted struct {
	r    *bufio.Reader
	tiff bool
	size int // bytes of a pixel
	row  []byte
	done int // of row; 0: read the next
	has  bool
}

func (d *predicted) Read(p []byte) (int, error) {
	if !d.has || d.done == len(d.row) {
		if err := d.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, d.row[d.done:])
	d.done += n
	return n, nil
}

func (d *predicted) next() error {
	kind := byte(1)
	if !d.tiff {
		var err error
		if kind, err = d.r.ReadByte(); err != nil {
			return err
		}
	}
	if len(d.row) == 0 {
		return io.EOF
	}
	above := append([]byte(nil), d.row...)
	n, err := io.ReadFull(d.r, d.row)
	if n == 0 && err != nil {
		return err
	}
	d.has, d.done = true, 0
	d.row = d.row[:n] // a last row may be cut
	for i := range d.row {
		var left, up, corner int
		up = int(above[i])
		if i >= d.size {
			left, corner = int(d.row[i-d.size]), int(above[i-d.size])
		}
		switch kind {
		case 1:
			d.row[i] += byte(left)
		case 2:
			d.row[i] += byte(up)
		case 3:
			d.row[i] += byte((left + up) / 2)
		case 4:
			d.row[i] += byte(paeth(left, up, corner))
		}
	}
	return nil
}

// paeth returns which of the three is nearest to left+up-corner.
func paeth(left, up, corner int) int {
	distance := func(v int) int { return max(v-(left+up-corner), (left+up-corner)-v) }
	switch {
	case distance(left) <= distance(up) && distance(left) <= distance(corner):
		return left
	case distance(up) <= distance(corner):
		return up
	}
	return corner
}

// pdfLZW decodes LZW with codes of 9 to 12 bits, the high bits first: 256 clears the table,
// 257 is the end. early is by how many codes too early the width grows.
type pdfLZW struct {
	r      *bufio.Reader
	early  int
	width  uint
	bits   uint32
	held   uint
	next   int
	last   int
	prefix [4096]uint16
	suffix [4096]byte
	stack  []byte // to be given out, last byte first
	begun  bool
	err    error
}

func (l *pdfLZW) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if k := len(l.stack); k > 0 {
			p[n], l.stack = l.stack[k-1], l.stack[:k-1]
			n++
			continue
		}
		if l.err == nil {
			l.err = l.decode()
		}
		if l.err != nil {
			break
		}
	}
	if n > 0 {
		return n, nil
	}
	return 0, l.err
}

var errLZW = errors.New("a code that is not defined")

func (l *pdfLZW) decode() error {
	for l.held < l.width {
		c, err := l.r.ReadByte()
		if err != nil {
			return err
		}
		l.bits, l.held = l.bits<<8|uint32(c), l.held+8
	}
	code := int(l.bits >> (l.held - l.width) & (1<<l.width - 1))
	l.held -= l.width
	switch {
	case code == 256:
		l.width, l.next, l.begun = 9, 258, false
		return nil
	case code == 257:
		return io.EOF
	case !l.begun:
		if code > 255 {
			return errLZW
		}
		l.begun, l.last = true, code
		l.stack = append(l.stack, byte(code))
		return nil
	case code > l.next || code == l.next && l.next >= len(l.prefix):
		return errLZW
	}
	at := code
	if code == l.next { // the text before, and its first byte again, which comes below
		l.stack = append(l.stack, 0)
		at = l.last
	}
	for at >= 258 {
		l.stack = append(l.stack, l.suffix[at])
		at = int(l.prefix[at])
	}
	l.stack = append(l.stack, byte(at))
	if code == l.next {
		l.stack[0] = byte(at)
	}
	if l.next < len(l.prefix) {
		l.prefix[l.next], l.suffix[l.next] = uint16(l.last), byte(at)
		l.next++
	}
	if l.next+l.early >= 1<<l.width && l.width < 12 {
		l.width++
	}
	l.last = code
	return nil
}
