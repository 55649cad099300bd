package pack

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"keysweep/scanner/gitdb/oid"
)

// ErrCut is wrapped by Pack.CutErr where a pack did not come to its end.
var ErrCut = errors.New("the pack did not come to its end")

// Incoming is a pack that arrives: what is written to it goes into a file, which is
// read without an index.
type Incoming struct {
	path   string
	format oid.Format
	file   *os.File
	limit  int64
	size   int64
	cut    error // why it is not whole

	mu     sync.Mutex
	opened *Pack // guarded by mu; nil: not yet
}

// Receive creates a file in the folder dir for a pack of at most limit bytes, zero: of
// any size.
func Receive(dir string, format oid.Format, limit int64) (*Incoming, error) {
	path := filepath.Join(dir, "tmp_pack_received")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &Incoming{path: path, format: format, file: f, limit: limit}, nil
}

// ErrLimit is returned by Write for a pack that is larger than allowed.
var ErrLimit = errors.New("the pack is larger than allowed")

// Write implements io.Writer.
func (in *Incoming) Write(b []byte) (int, error) {
	allowed := b
	if in.limit > 0 {
		allowed = b[:min(int64(len(b)), in.limit-in.size)]
	}
	n, err := in.file.Write(allowed)
	in.size += int64(n)
	if err == nil && n < len(b) {
		err = ErrLimit
	}
	return n, err
}

// Size returns how many bytes came.
func (in *Incoming) Size() int64 { return in.size }

// IsCut reports whether the pack is not whole. A nil Incoming is.
func (in *Incoming) IsCut() bool { return in != nil && in.cut != nil }

// End says that no more comes, and why if the pack is not whole; nil: it is. The file
// gets the name that git gives packs, or goes away if nothing came.
func (in *Incoming) End(cut error) error {
	trailer := make([]byte, in.format.Size())
	var err error
	switch {
	case cut != nil:
		in.cut = fmt.Errorf("%w: %w", ErrCut, cut)
		_, err = in.file.Write(trailer) // so that all bytes before it are read
	case in.size >= int64(len(trailer)):
		_, err = in.file.ReadAt(trailer, in.size-int64(len(trailer)))
	}
	if err := errors.Join(err, in.file.Close()); err != nil {
		return err
	}
	if in.size == 0 {
		return os.Remove(in.path)
	}
	path := filepath.Join(filepath.Dir(in.path), "pack-"+hex.EncodeToString(trailer)+".pack")
	if err := os.Rename(in.path, path); err != nil {
		return err
	}
	in.path = path
	return nil
}

// Open maps the pack and numbers and names its entries, once.
func (in *Incoming) Open(ctx context.Context) (*Pack, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.opened != nil {
		return in.opened, nil
	}
	f, err := openFile(in.path, in.format)
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
	in.opened = p
	return p, nil
}

// Lookup opens the pack to read single objects. Closing what it returns leaves open
// what Open returned.
func (in *Incoming) Lookup(ctx context.Context) (*Lookup, error) {
	p, err := in.Open(ctx)
	if err != nil {
		return nil, err
	}
	l := p.lookup()
	l.file = &file{Path: p.Path, format: p.format, data: p.data}
	return l, nil
}

// WriteIndex writes an index beside the pack, for git; it needs what Open read.
func (in *Incoming) WriteIndex(ctx context.Context) error {
	p, err := in.Open(ctx)
	if err != nil {
		return err
	}
	return Guard(func() error {
		return os.WriteFile(strings.TrimSuffix(in.path, ".pack")+".idx", p.index(), 0o600)
	})
}
