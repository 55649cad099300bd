package container

import (
	"encoding/binary"
	"hash/crc32"
	"io"

	"keysweep/scanner/gitdb/inflate"
)

// gzipReader reads the members of a gzip file (RFC 1952) one after the other.
//
//	1f 8b 08 | flags, 1 | time, 4 | 2 | by flags: 4: length, 2, and further fields; 8: name, NUL;
//	16: comment, NUL; 2: checksum, 2 | deflate | CRC-32, 4 | size modulo 2^32, 4
type gzipReader struct {
	*inflate.Deflated
	in        *input
	taken     int64 // of Deflated's input, what in's count has
	sum, size uint32
	texts     []string // of the headers
}

const (
	gzipMagic = "\x1f\x8b\x08"
	// maxGzipText bounds a name or comment, and maxGzipTexts how many are passed on.
	maxGzipText  = 1 << 16
	maxGzipTexts = 100
)

func openGzip(in *input) (io.Reader, error) {
	g := &gzipReader{in: in, Deflated: in.meter.walk.inflater()}
	return g, g.header()
}

// header reads the header of a member, and what is behind it is deflate.
func (g *gzipReader) header() error {
	var h [10]byte
	if _, err := io.ReadFull(g.in, h[:]); err != nil {
		return unexpected(err)
	}
	flags := h[3]
	if string(h[:3]) != gzipMagic || flags&0xe0 != 0 {
		return errHeader
	}
	if flags&4 != 0 {
		var n [2]byte
		if _, err := io.ReadFull(g.in, n[:]); err != nil {
			return unexpected(err)
		}
		extra := make([]byte, binary.LittleEndian.Uint16(n[:]))
		if _, err := io.ReadFull(g.in, extra); err != nil {
			return unexpected(err)
		}
		g.text(extra)
	}
	for _, flag := range []byte{8, 16} {
		if flags&flag == 0 {
			continue
		}
		var text []byte
		for {
			c, err := g.in.ReadByte()
			if err != nil {
				return unexpected(err)
			}
			if c == 0 {
				break
			}
			if text = append(text, c); len(text) > maxGzipText {
				return errHeader
			}
		}
		g.text(text)
	}
	if flags&2 != 0 {
		if _, err := io.CopyN(io.Discard, g.in, 2); err != nil {
			return unexpected(err)
		}
	}
	g.Deflated.Reset(g.in.r)
	g.taken, g.sum, g.size = 0, 0, 0
	return nil
}

func (g *gzipReader) text(b []byte) {
	if len(b) > 0 && len(g.texts) < maxGzipTexts {
		g.texts = append(g.texts, string(b))
	}
}

func (g *gzipReader) Read(p []byte) (int, error) {
	for {
		n, err := g.Deflated.Read(p)
		g.in.meter.consumed += g.Taken() - g.taken
		g.taken = g.Taken()
		g.sum = crc32.Update(g.sum, crc32.IEEETable, p[:n])
		g.size += uint32(n)
		if err != io.EOF {
			return n, err
		}
		var trailer [8]byte
		if _, err := io.ReadFull(g.in, trailer[:]); err != nil {
			return n, unexpected(err)
		}
		if binary.LittleEndian.Uint32(trailer[:]) != g.sum || binary.LittleEndian.Uint32(trailer[4:]) != g.size {
			return n, errChecksum
		}
		if head, _ := g.in.r.Peek(len(gzipMagic)); string(head) != gzipMagic {
			return n, io.EOF
		}
		if err := g.header(); err != nil || n > 0 {
			return n, err
		}
	}
}

// Close gives the decoder to the next file.
func (g *gzipReader) Close() { g.in.meter.walk.putInflater(g.Deflated) }

// inflater returns a decoder of deflate, to be given to putInflater.
func (w *walk) inflater() *inflate.Deflated {
	last := len(w.inflaters) - 1
	if last < 0 {
		return new(inflate.Deflated)
	}
	d := w.inflaters[last]
	w.inflaters = w.inflaters[:last]
	return d
}

func (w *walk) putInflater(d *inflate.Deflated) { w.inflaters = append(w.inflaters, d) }
