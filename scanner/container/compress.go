package container

import (
	"errors"
	"io"
)

// compressReader decodes what compress(1) writes: LZW with codes that grow from 9 bits
// to at most 16, the low bits first. Codes are written in groups of eight; a change of
// width or a clear code skips the rest of a group. The format is that of ncompress:
//
//	0x1f 0x9d | flags, 1 byte: bits 0-4 greatest width, bit 7 block mode | codes
type compressReader struct {
	in       *input
	maxWidth uint
	block    bool // code 256 clears the table

	width   uint
	bits    uint64
	held    uint // bits in bits
	inGroup int  // bytes read of the group of codes

	prefix [1 << 16]uint16
	suffix [1 << 16]byte
	next   int // code to be defined
	last   int // code before; -1: none
	first  byte
	stack  []byte // to be given out, last byte first
	err    error
}

const clearCode = 256

func openCompress(in *input) (io.Reader, error) {
	head, err := in.r.Peek(3)
	if err != nil {
		return nil, err
	}
	c := &compressReader{in: in, maxWidth: uint(head[2] & 0x1f), block: head[2]&0x80 != 0, width: 9, last: -1}
	for range 3 {
		_, _ = in.ReadByte()
	}
	c.next = c.firstCode()
	return c, nil
}

func (c *compressReader) firstCode() int {
	if c.block {
		return clearCode + 1
	}
	return clearCode
}

// code reads the next code; io.EOF at the end.
func (c *compressReader) code() (int, error) {
	for c.held < c.width {
		b, err := c.in.ReadByte()
		if err != nil {
			return 0, err
		}
		c.inGroup++
		c.bits |= uint64(b) << c.held
		c.held += 8
	}
	code := int(c.bits & (1<<c.width - 1))
	c.bits >>= c.width
	c.held -= c.width
	if c.inGroup >= int(c.width) && c.held == 0 {
		c.inGroup = 0
	}
	return code, nil
}

// skipGroup drops the rest of a group of eight codes, which has as many bytes as a
// code has bits.
func (c *compressReader) skipGroup() {
	c.bits, c.held = 0, 0
	for ; c.inGroup > 0 && c.inGroup < int(c.width); c.inGroup++ {
		if _, err := c.in.ReadByte(); err != nil {
			break
		}
	}
	c.inGroup = 0
}

func (c *compressReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if k := len(c.stack); k > 0 {
			p[n] = c.stack[k-1]
			c.stack = c.stack[:k-1]
			n++
			continue
		}
		if c.err == nil {
			c.err = c.decode()
		}
		if c.err != nil {
			break
		}
	}
	if n > 0 {
		return n, nil
	}
	return 0, c.err
}

var errLZW = errors.New("a code that is not defined")

// decode puts the text of the next code on the stack.
func (c *compressReader) decode() error {
	if c.next > 1<<c.width-1 && c.width < c.maxWidth {
		c.skipGroup()
		c.width++
	}
	code, err := c.code()
	if err != nil {
		return err
	}
	if code == clearCode && c.block {
		c.skipGroup()
		c.width, c.next, c.last = 9, c.firstCode(), -1
		return nil
	}
	if c.last < 0 {
		if code > 255 {
			return errLZW
		}
		c.last, c.first = code, byte(code)
		c.stack = append(c.stack, byte(code))
		return nil
	}
	at := code
	switch {
	case code > c.next, code == c.next && c.next >= 1<<c.maxWidth:
		return errLZW
	case code == c.next: // the text before, and its first byte again
		c.stack = append(c.stack, c.first)
		at = c.last
	}
	for at >= 256 {
		c.stack = append(c.stack, c.suffix[at])
		at = int(c.prefix[at])
	}
	c.first = byte(at)
	c.stack = append(c.stack, c.first)
	if c.next < 1<<c.maxWidth {
		c.prefix[c.next], c.suffix[c.next] = uint16(c.last), c.first
		c.next++
	}
	c.last = code
	return nil
}
