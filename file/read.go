// Package file writes files whole or not at all, reads no more of one than its
// caller allows, and decides whether a path is below a folder.
package file

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// ErrNotRegular is the error for what is no regular file: a folder, a device, a
// FIFO, which would wait for a writer.
var ErrNotRegular = errors.New("not a regular file")

// errShort is the error for a file that became shorter, or could not be read to its
// end.
var errShort = errors.New("it ended before its size")

// Read reads a regular file of at most limit bytes. The error does not name it.
func Read(path string, limit int64) ([]byte, error) {
	info, err := Stat(path) // first: opening a FIFO waits for a writer
	if err != nil {
		return nil, bare(err)
	}
	if !info.Mode().IsRegular() {
		return nil, ErrNotRegular
	}
	f, err := Open(path)
	if err != nil {
		return nil, bare(err)
	}
	defer f.Close()
	// Meanwhile another file may have been renamed to path.
	if info, err = Opened(f); err != nil {
		return nil, unknown(err)
	}
	if !info.Mode().IsRegular() {
		return nil, ErrNotRegular
	}
	text, err := ReadAll(f, info.Size(), limit)
	return text, unknown(err)
}

// unknown is bare for a file that is open: it is there, whatever the system says.
func unknown(err error) error {
	if err = bare(err); Absent(err) {
		return fmt.Errorf("of an open file: %v", err)
	}
	return err
}

// ReadAll reads r to its end, which must come within limit bytes and not before size,
// that of the file.
func ReadAll(r io.Reader, size, limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case err != nil:
	case int64(len(text)) > limit:
		err = TooLarge(limit)
	case int64(len(text)) < size:
		err = errShort
	}
	return text, err
}

// ErrTooLarge is wrapped by the error for what is larger than allowed.
var ErrTooLarge = errors.New("larger than")

// TooLarge returns the error for what is larger than limit bytes.
func TooLarge(limit int64) error {
	if limit >= 1<<20 && limit%(1<<20) == 0 {
		return fmt.Errorf("%w %d MiB", ErrTooLarge, limit>>20)
	}
	return fmt.Errorf("%w %d bytes", ErrTooLarge, limit)
}

// bare takes the name of the file out of an error: a caller says what it was
// doing and to what, and the name of a temporary file helps no user.
func bare(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}
