package container

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// HeadSize is how many bytes of a content its format is recognised by: a tar's magic
// number is at 257, an ISO 9660's at 32,769 (which is not opened).
const HeadSize = 4 << 10

// Source is a content: a stream, or bytes at random.
type Source struct {
	stream *bufio.Reader
	at     io.ReaderAt // nil: only stream
	size   int64       // -1: not known
	spool  *spool      // to be closed
}

func (s *Source) close() {
	if s.spool != nil {
		s.spool.close()
	}
}

// format returns the format of s, which is called name; nil if it is no container.
func (s *Source) format(name string) (*format, error) {
	head, err := s.peek(HeadSize)
	if err != nil && len(head) == 0 {
		return nil, nil
	}
	f := detect(head, name)
	if f == nil && s.at == nil && (bytes.HasPrefix(head, []byte("#!")) || bytes.HasPrefix(head, []byte("MZ"))) {
		// A script or a program of Windows may be what unpacks the zip behind it.
		spool, err := newSpool(s.stream)
		if err != nil {
			return nil, err
		}
		*s = Random(spool, spool.size)
		s.spool = spool
	}
	if f == nil && s.at != nil && endsAsZip(s.at, s.size) {
		f = &formats[zipFormat]
	}
	return f, nil
}

// Bytes returns the source of content in memory.
func Bytes(b []byte) Source {
	s := Random(bytes.NewReader(b), int64(len(b)))
	return s
}

// Random returns the source of content of size bytes that can be read anywhere.
func Random(r io.ReaderAt, size int64) Source {
	return Source{stream: bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 64<<10), at: r, size: size}
}

// Stream returns the source of content that is read once. size is in bytes; -1: not
// known.
func Stream(r io.Reader, size int64) Source {
	s := streamSource(bufio.NewReaderSize(r, 64<<10))
	s.size = size
	return s
}

func streamSource(r *bufio.Reader) Source { return Source{stream: r, size: -1} }

// peek returns the first n bytes, or fewer if there are no more.
func (s Source) peek(n int) ([]byte, error) { return s.stream.Peek(n) }

// errSpool is wrapped by the error for content that could not be put into a temporary
// file.
var errSpool = errors.New("temporary file")

// spoolSize is how much of a content that is needed at random is held in memory.
const spoolSize = 32 << 20

// random returns all of the content at random. What is only a stream is held in
// memory, or in an unnamed temporary file if it is larger than spoolSize, until the
// container is closed.
func (o *opening) random() (io.ReaderAt, int64, error) {
	if o.src.at != nil {
		return o.src.at, o.src.size, nil
	}
	s, err := newSpool(o.src.stream)
	if err != nil {
		return nil, 0, err
	}
	o.spooled = s
	o.meter.size = s.size
	return s, s.size, nil
}

// spool is a content that was put aside.
type spool struct {
	io.ReaderAt
	size int64
	file *os.File // nil: in memory
}

func newSpool(r io.Reader) (*spool, error) {
	buf, err := io.ReadAll(io.LimitReader(r, spoolSize+1))
	if err != nil {
		return nil, err
	}
	if len(buf) <= spoolSize {
		return &spool{ReaderAt: bytes.NewReader(buf), size: int64(len(buf))}, nil
	}
	f, err := temporary()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSpool, err)
	}
	s := &spool{ReaderAt: f, file: f}
	for src := io.MultiReader(bytes.NewReader(buf), r); ; {
		n, err := io.CopyN(f, src, spoolSize)
		s.size += n
		if err == io.EOF {
			return s, nil
		}
		if err != nil {
			f.Close()
			var system *os.PathError
			if errors.As(err, &system) {
				err = fmt.Errorf("%w: %w", errSpool, err)
			}
			return nil, err
		}
	}
}

func (s *spool) close() {
	if s.file != nil {
		s.file.Close()
	}
}
