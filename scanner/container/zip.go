package container

import (
	"archive/zip"
	"bufio"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz/lzma"
)

// The methods of zip (APPNOTE.TXT, 4.4.5) that are opened.
const (
	zipLzma = 14
	zipZstd = 93
	zipXz   = 95
	zipBzip = 12
)

// zip passes on the files of a zip: those that its directory lists, then those that
// only have a header of their own.
func (o *opening) zip() error {
	at, size, err := o.random()
	if err != nil {
		return err
	}
	var z *zip.Reader
	err = guarded(func() (err error) { z, err = zip.NewReader(at, size); return err })
	if err == nil || errors.Is(err, zip.ErrInsecurePath) {
		for method, open := range map[uint16]zip.Decompressor{
			zip.Deflate: func(r io.Reader) io.ReadCloser { return flate.NewReader(r) },
			zipBzip:     func(r io.Reader) io.ReadCloser { return io.NopCloser(bzip2.NewReader(r)) },
			zipZstd:     zipOpenZstd, zipXz: o.zipOpenXz, zipLzma: zipOpenLzma,
		} {
			z.RegisterDecompressor(method, open)
		}
		for _, f := range z.File {
			if err := o.zipMember(f); err != nil {
				return err
			}
		}
	}
	slices.SortFunc(o.covered, func(a, b Span) int { return int(min(max(a.Start-b.Start, -1), 1)) })
	if errU := o.unlisted(at, size); errU != nil {
		return errU
	}
	return err
}

// zipMember passes on one file that the directory lists.
func (o *opening) zipMember(f *zip.File) error {
	for _, text := range []string{f.Comment, string(f.Extra)} {
		if err := o.text(f.Name, text); err != nil {
			return err
		}
	}
	if f.Flags&1 != 0 {
		return o.noteMember(f.Name, Encrypted, "")
	}
	var start int64
	var r io.ReadCloser
	err := guarded(func() (err error) {
		if start, err = f.DataOffset(); err == nil {
			r, err = f.Open()
		}
		return err
	})
	if errors.Is(err, zip.ErrAlgorithm) {
		return o.noteMember(f.Name, Unsupported, fmt.Sprintf("method %d", f.Method))
	}
	if err != nil {
		return o.noteMember(f.Name, Damaged, err.Error())
	}
	defer r.Close()
	before := o.meter.produced
	if err := o.member(f.Name, r); err != nil {
		return o.zipProblem(f.Name, err)
	}
	if o.meter.produced > before || f.UncompressedSize64 == 0 {
		o.covered = append(o.covered, Span{start, start + int64(f.CompressedSize64)})
	}
	return nil
}

// zipProblem turns what ends one member into a note, unless it ends the walk.
func (o *opening) zipProblem(name string, err error) error {
	var limit *limitError
	var visit *visitError
	var failed *readerError
	switch {
	case errors.As(err, &limit), errors.As(err, &visit), o.ctx.Err() != nil:
		return err
	case errors.As(err, &failed):
		return o.noteMember(name, ReaderFailed, failed.what)
	case errors.Is(err, errDictionary):
		return o.noteMember(name, TooLarge, err.Error())
	}
	return o.noteMember(name, Damaged, err.Error())
}

// unlisted passes on the members between those of the directory, found by their own
// headers.
func (o *opening) unlisted(at io.ReaderAt, size int64) error {
	const headerSize = 30
	gaps := o.gaps(size)
	for _, gap := range gaps {
		for from := gap.Start; from < gap.End; {
			start, ok, err := find(at, from, gap.End, "PK\x03\x04")
			if err != nil || !ok {
				break
			}
			from = start + 4
			var h [headerSize]byte
			if _, err := at.ReadAt(h[:], start); err != nil {
				break
			}
			flags, method := binary.LittleEndian.Uint16(h[6:]), binary.LittleEndian.Uint16(h[8:])
			packed := int64(binary.LittleEndian.Uint32(h[18:]))
			nameLen, extraLen := int64(binary.LittleEndian.Uint16(h[26:])), int64(binary.LittleEndian.Uint16(h[28:]))
			data := start + headerSize + nameLen + extraLen
			if data >= gap.End || packed == 0 && flags&8 == 0 {
				continue // the header of a listed member, or an empty one
			}
			name := make([]byte, nameLen)
			if _, err := at.ReadAt(name, start+headerSize); err != nil {
				break
			}
			end := gap.End
			if flags&8 == 0 && packed <= gap.End-data {
				end = data + packed
			}
			if flags&1 != 0 {
				if err := o.noteMember(string(name), Encrypted, ""); err != nil {
					return err
				}
				continue
			}
			section := io.NewSectionReader(at, data, end-data)
			var r io.Reader
			switch method {
			case zip.Store:
				continue // the raw bytes hold it
			case zip.Deflate:
				r = flate.NewReader(section)
			default:
				if err := o.noteMember(string(name), Unsupported, fmt.Sprintf("method %d", method)); err != nil {
					return err
				}
				continue
			}
			if err := o.member(string(name), r); err != nil {
				if err := o.zipProblem(string(name), err); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// gaps returns what no covered span holds.
func (o *opening) gaps(size int64) (list []Span) {
	at := int64(0)
	for _, s := range o.covered {
		if s.Start > at {
			list = append(list, Span{at, s.Start})
		}
		at = max(at, s.End)
	}
	if at < size {
		list = append(list, Span{at, size})
	}
	return list
}

// find returns where text is first between from and end.
func find(r io.ReaderAt, from, end int64, text string) (int64, bool, error) {
	buf := make([]byte, 64<<10)
	for from < end {
		n, err := r.ReadAt(buf[:min(int64(len(buf)), end-from)], from)
		if i := index(buf[:n], text); i >= 0 {
			return from + int64(i), true, nil
		}
		if err != nil && err != io.EOF {
			return 0, false, err
		}
		if n < len(text) {
			break
		}
		from += int64(n - len(text) + 1)
	}
	return 0, false, nil
}

func zipOpenZstd(r io.Reader) io.ReadCloser {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxDictionary), zstd.WithDecoderLowmem(true))
	if err != nil {
		return failing{err}
	}
	return d.IOReadCloser()
}

// zipOpenLzma reads what zip has before the stream: two bytes of version, and the
// length of the properties, which must be 5; the stream itself lacks the size.
func zipOpenLzma(r io.Reader) io.ReadCloser {
	var head [9]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return failing{err}
	}
	if binary.LittleEndian.Uint16(head[2:]) != 5 {
		return failing{errUnsupported}
	}
	if binary.LittleEndian.Uint32(head[5:]) > maxDictionary {
		return failing{errDictionary}
	}
	unknown := [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	l, err := lzma.ReaderConfig{DictCap: maxDictionary}.NewReader(io.MultiReader(bytesReader(head[4:]), bytesReader(unknown[:]), r))
	if err != nil {
		return failing{err}
	}
	return io.NopCloser(l)
}

func (o *opening) zipOpenXz(r io.Reader) io.ReadCloser {
	x, err := openXz(&input{meter: &meter{walk: o.walk}, r: bufio.NewReader(r)})
	if err != nil {
		return failing{err}
	}
	return io.NopCloser(x)
}

// failing is a reader that could not be opened.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
func (f failing) Close() error             { return nil }
