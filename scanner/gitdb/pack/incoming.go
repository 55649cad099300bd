package pack

import (
	"context"
	"errors"
	"fmt"
	"os"

	"keysweep/scanner/gitdb/oid"
)

// ErrCut is wrapped by Pack.CutErr where a pack did not come to its end.
var ErrCut = errors.New("the pack did not come to its end")

// Incoming is a pack that arrives: what is written to it goes into a file, from
// which Open reads it without an index.
type Incoming struct {
	Path string

	format oid.Format
	file   *os.File
	limit  int64
	size   int64
	cut    error // why it is not whole
}

// Receive creates the file at path for a pack of at most limit bytes, zero: of any
// size.
func Receive(path string, format oid.Format, limit int64) (*Incoming, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &Incoming{Path: path, format: format, file: f, limit: limit}, nil
}

// ErrLimit is returned by Write for a pack that is larger than allowed.
var ErrLimit = errors.New("the pack is larger than allowed")

// Write implements io.Writer.
func (in *Incoming) Write(b []byte) (int, error) {
	if in.limit > 0 && in.size+int64(len(b)) > in.limit {
		return 0, ErrLimit
	}
	n, err := in.file.Write(b)
	in.size += int64(n)
	return n, err
}

// Size returns how many bytes came.
func (in *Incoming) Size() int64 { return in.size }

// IsCut reports whether the pack is not whole. A nil Incoming is.
func (in *Incoming) IsCut() bool { return in != nil && in.cut != nil }

// End says that no more comes, and why if the pack is not whole; nil: it is. All
// bytes that came can be read then.
func (in *Incoming) End(cut error) error {
	if cut != nil {
		in.cut = fmt.Errorf("%w: %w", ErrCut, cut)
		if _, err := in.file.Write(make([]byte, in.format.Size())); err != nil { // for the trailer
			return errors.Join(err, in.file.Close())
		}
	}
	return in.file.Close()
}

// Open maps the pack and numbers and names its entries.
func (in *Incoming) Open(ctx context.Context) (*Pack, error) {
	f, err := openFile(in.Path, in.format)
	if err != nil {
		return nil, err
	}
	p := &Pack{file: f, incoming: in}
	if err := Guard(func() error { return p.readWithoutIndex(ctx) }); err != nil {
		p.Close()
		return nil, err
	}
	if in.cut != nil {
		p.CutErr = in.cut
	}
	return p, nil
}
