package pack

import (
	"bufio"
	"io"
	"math/bits"

	"keysweep/scanner/gitdb/inflate"
)

// Stored returns what the entry at offset itself holds, up to what is damaged in it: the
// content of an object, or what a delta inserts into one.
func (p *Pack) Stored(offset uint64) (io.Reader, error) {
	src := p.data[min(offset, p.end()):p.end()]
	h, err := parseHeader(src, p.format.Size())
	if err != nil {
		return nil, err
	}
	content := inflate.NewReader(src[h.stream:], h.size)
	if h.typ != ofsDelta && h.typ != refDelta {
		return content, nil
	}
	delta := bufio.NewReader(content)
	for range 2 { // sizes
		if err := skipNumber(delta); err != nil {
			return nil, err
		}
	}
	return &inserted{delta: delta}, nil
}

// skipNumber skips bytes up to the first that has no high bit.
func skipNumber(r io.ByteReader) error {
	for {
		if c, err := r.ReadByte(); err != nil || c&0x80 == 0 {
			return err
		}
	}
}

// inserted yields what a delta inserts, and a line break for what it copies.
//
//	1, 1 bit | which of offset and size follow, 7 | …: a copy
//	0, 1 bit | length, 7 | bytes: an insertion
type inserted struct {
	delta *bufio.Reader
	left  int    // bytes of the insertion
	gap   string // to be given out
}

func (d *inserted) Read(p []byte) (n int, err error) {
	for d.left == 0 && d.gap == "" {
		c, err := d.delta.ReadByte()
		if err != nil {
			return 0, err
		}
		if c&0x80 == 0 {
			d.left = int(c)
			continue
		}
		if _, err := d.delta.Discard(bits.OnesCount8(c & 0x7f)); err != nil {
			return 0, err
		}
		d.gap = " \n"
	}
	if d.gap != "" {
		n = copy(p, d.gap)
		d.gap = d.gap[n:]
		return n, nil
	}
	n, err = d.delta.Read(p[:min(len(p), d.left)])
	d.left -= n
	return n, err
}
