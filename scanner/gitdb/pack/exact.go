package pack

import (
	"errors"
	"io"
)

// ExactReader reads as many bytes as were declared and no more; fewer or more
// are an error.
type ExactReader struct {
	r    io.Reader
	left uint64
	err  error
}

// NewExactReader returns a reader of size bytes from r.
func NewExactReader(r io.Reader, size uint64) *ExactReader {
	return &ExactReader{r: r, left: size}
}

// Err returns the first error, io.EOF at the proper end, or nil if the end has
// not been reached.
func (e *ExactReader) Err() error { return e.err }

func (e *ExactReader) Read(b []byte) (int, error) {
	if e.err != nil {
		return 0, e.err
	}
	n, err := e.r.Read(b)
	if uint64(n) > e.left {
		n, err = int(e.left), errors.New("more bytes than declared")
	}
	e.left -= uint64(n)
	if err == io.EOF && e.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	e.err = err
	return n, err
}
