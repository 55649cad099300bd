package container

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
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
func (s *Source) format(b *Budget, name string) (*format, error) {
	head, err := s.peek(HeadSize)
	if err != nil && len(head) == 0 {
		return nil, nil
	}
	f := detect(head, name)
	if f == nil && s.at == nil && mayPrecedeZip(head) {
		spool, err := newSpool(b, s.stream)
		if err != nil {
			return nil, err
		}
		*s = Random(spool, spool.size)
		s.spool = spool
	}
	if s.at != nil && (f == nil || f.id == formatBzip2) { // the first part of a disk image
		if end := formatOfEnd(s.at, s.size); f == nil || end == &dmgFormat {
			f = end
		}
	}
	return f, nil
}

// mayPrecedeZip reports whether content that begins with head may be what a zip is
// behind: a program that unpacks it, or the signature of a browser's extension.
func mayPrecedeZip(head []byte) bool {
	for _, magic := range []string{"#!", "MZ", "\x7fELF", "Cr24"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return false
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

// spoolSize is how many bytes that are needed at random a scan holds in memory.
const spoolSize = 32 << 20

// random returns all of the content at random. What is only a stream is held in
// memory, or in an unnamed temporary file if all that is held would exceed spoolSize,
// until the container is closed.
func (o *opening) random() (*frugal, int64, error) {
	if o.src.at != nil {
		o.at = newFrugal(o.src.at, o.src.size)
		return o.at, o.src.size, nil
	}
	s, err := newSpool(o.budget, o.src.stream)
	if err != nil {
		return nil, 0, err
	}
	o.spooled = s
	o.meter.size = s.size
	o.at = newFrugal(s, s.size)
	return o.at, s.size, nil
}

// frugal is a container that is read at random, but not again and again: its members
// may overlap, and yield nothing.
type frugal struct {
	io.ReaderAt
	left int64 // bytes
}

func newFrugal(r io.ReaderAt, size int64) *frugal {
	const times, least = 8, 16 << 20
	return &frugal{r, least + min(size, 1<<50)*times}
}

// section returns what is at off, of n bytes, which count as read.
func (f *frugal) section(off, n int64) (*io.SectionReader, error) {
	if f.left < n {
		f.left = 0
		return nil, errAgain
	}
	f.left -= n
	return io.NewSectionReader(f.ReaderAt, off, n), nil
}

var errAgain error = &readerError{"reads the same bytes again and again"}

func (f *frugal) ReadAt(p []byte, off int64) (int, error) {
	if f.left < int64(len(p)) {
		f.left = 0
		return 0, errAgain
	}
	n, err := f.ReaderAt.ReadAt(p, off)
	f.left -= int64(n)
	return n, err
}

// spool is a content that was put aside.
type spool struct {
	io.ReaderAt
	size   int64
	file   *os.File // nil: in memory
	dir    string   // that holds file, to be removed; "": file has no name
	held   int64    // bytes in memory
	budget *Budget
}

// hold takes n bytes of what the scan may hold in memory.
func (s *spool) hold(n int) bool {
	if s.budget.spooled.Add(int64(n)) > spoolSize {
		s.budget.spooled.Add(-int64(n))
		return false
	}
	s.held += int64(n)
	return true
}

// newSpool puts aside what r yields. An error of r ends the content: whoever opened r
// knows of it.
func newSpool(b *Budget, r io.Reader) (*spool, error) {
	s := &spool{budget: b}
	var buf []byte
	for n := 4 << 10; s.hold(n - len(buf)); n *= 2 {
		buf = slices.Grow(buf, n-len(buf))
		read, err := io.ReadFull(r, buf[len(buf):n])
		buf = buf[:len(buf)+read]
		if err != nil {
			s.ReaderAt, s.size = bytes.NewReader(buf), int64(len(buf))
			return s, nil
		}
	}
	s.release()
	f, err := temporary()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSpool, err)
	}
	s.ReaderAt, s.file = f, f
	w := &fileWriter{file: f}
	s.size, _ = io.Copy(w, io.MultiReader(bytes.NewReader(buf), r))
	if w.err != nil {
		s.close()
		return nil, fmt.Errorf("%w: %w", errSpool, w.err)
	}
	return s, nil
}

// fileWriter keeps the error of its file apart from that of what is copied.
type fileWriter struct {
	file *os.File
	err  error
}

func (w *fileWriter) Write(p []byte) (n int, err error) {
	n, w.err = w.file.Write(p)
	return n, w.err
}

func (s *spool) all() io.Reader { return io.NewSectionReader(s, 0, s.size) }

func (s *spool) release() {
	s.budget.spooled.Add(-s.held)
	s.held = 0
}

func (s *spool) close() {
	s.release()
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}
