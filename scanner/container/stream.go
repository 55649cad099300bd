package container

import (
	"bufio"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz/lzma"
)

// compressed passes on the one file in a compressed one: what is in dist.tar.gz is not
// in dist.tar in it. What follows its last
// stream and is not zero is passed on raw.
func (o *opening) compressed() error {
	in := &input{meter: o.meter, r: o.src.stream}
	open := map[formatID]func(*input) (io.Reader, error){
		formatGzip: openGzip, formatBzip2: openBzip2, formatXz: openXz, formatLzma: openLzma, formatZstd: openZstd,
		formatLz4: openLz4, formatCompress: openCompress, formatLooseObject: openLooseObject,
	}[o.format.id]
	decoder, err := open(in)
	if err != nil {
		return err
	}
	r := decoder
	if c, ok := decoder.(interface{ Close() }); ok {
		defer c.Close()
	}
	if o.meter.size >= 0 {
		a := &ahead{r: r, wait: aheadAfter}
		defer a.close() // before r
		r = a
	}
	name := o.format.without(o.name)
	file := append(o.inside[:len(o.inside):len(o.inside)], name)
	if err := o.inner(name, file, o.inside, r, o.meter.depth); err != nil {
		return err
	}
	if g, ok := decoder.(*gzipReader); ok {
		for _, text := range g.texts {
			if err := o.text(name, text); err != nil {
				return err
			}
		}
	}
	o.covered = []Span{{0, o.meter.consumed}}
	return o.behind()
}

// behind passes on what follows the end of a container, unless it is all zeros.
func (o *opening) behind() error {
	if o.src.stream == nil {
		return nil
	}
	if o.meter.depth == 0 {
		return nil // the caller of Walk has the bytes
	}
	for {
		b, err := o.src.stream.ReadByte()
		if err != nil {
			return nil
		}
		if b != 0 {
			_ = o.src.stream.UnreadByte()
			if err := o.visitor.Raw(o.inside, o.src.stream, nil); err != nil {
				return &visitError{err}
			}
			return nil
		}
	}
}

// input is the bytes of a container as a decoder reads them. It is an io.ByteReader, so
// that no decoder reads further than it must.
type input struct {
	meter *meter
	r     *bufio.Reader
	// ended says that a block of 512 zeros was read at once, as archive/tar reads
	// the end of a tar.
	ended bool
}

func (i *input) Read(p []byte) (int, error) {
	n, err := i.r.Read(p)
	if n == tarBlock && len(p) == tarBlock {
		i.ended = [tarBlock]byte(p) == [tarBlock]byte{}
	}
	i.meter.consumed += int64(n)
	return n, err
}

func (i *input) ReadByte() (byte, error) {
	b, err := i.r.ReadByte()
	if err == nil {
		i.meter.consumed++
	}
	return b, err
}

// openBzip2 reads all streams of a file; compress/bzip2 refuses what is behind them.
func openBzip2(in *input) (io.Reader, error) { return bzip2.NewReader(in), nil }

func openLzma(in *input) (io.Reader, error) {
	head, err := in.r.Peek(13)
	if err != nil {
		return nil, err
	}
	if uint32(head[1])|uint32(head[2])<<8|uint32(head[3])<<16|uint32(head[4])<<24 > maxDictionary {
		return nil, errDictionary
	}
	return lzma.ReaderConfig{DictCap: maxDictionary}.NewReader(in)
}

func openZstd(in *input) (io.Reader, error) {
	return newZstd(in)
}

type zstdReader struct{ *zstd.Decoder }

func (z zstdReader) Read(p []byte) (int, error) {
	n, err := z.Decoder.Read(p)
	if errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		err = fmt.Errorf("%w: %w", errDictionary, err)
	}
	return n, err
}

func openLz4(in *input) (io.Reader, error) { return lz4.NewReader(in), nil }
