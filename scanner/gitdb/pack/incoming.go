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
	cut    error // why it is not whole

	arrived sync.Cond // size or ended changed
	lock    sync.Mutex
	size    int64 // guarded by lock until End
	ended   bool  // guarded by lock
	finding sync.WaitGroup
	found   chain // of what was found while it arrived; valid after End

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
	in := &Incoming{path: path, format: format, file: f, limit: limit, found: chain{end: packHeader}}
	in.arrived.L = &in.lock
	in.finding.Go(in.find)
	return in, nil
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
	in.lock.Lock()
	in.size += int64(n)
	in.lock.Unlock()
	in.arrived.Signal()
	if err == nil && n < len(b) {
		err = ErrLimit
	}
	return n, err
}

// window is what was read of a file that grows.
type window struct {
	in    *Incoming
	bytes []byte
	at    int64 // where bytes begin in the file
}

// readAhead is how much a window reads at once, if that much is there.
const readAhead = 1 << 20

// from returns the bytes from offset at on, at least n, once they are there; false: no
// more come, or they cannot be read.
func (w *window) from(at int64, n int) ([]byte, bool) {
	if have := w.at + int64(len(w.bytes)) - at; have >= int64(n) {
		return w.bytes[at-w.at:], true
	}
	in := w.in
	in.lock.Lock()
	for in.size < at+int64(n) && !in.ended {
		in.arrived.Wait()
	}
	size, ended := in.size, in.ended
	in.lock.Unlock()
	if ended {
		return nil, false // several workers read the rest
	}
	rest := w.bytes[min(at-w.at, int64(len(w.bytes))):]
	length := int(min(size-at, int64(max(n, readAhead))))
	if cap(w.bytes) < length {
		rest = append(make([]byte, 0, length), rest...)
	} else {
		rest = append(w.bytes[:0], rest...)
	}
	read, err := in.file.ReadAt(rest[len(rest):length], at+int64(len(rest)))
	w.bytes, w.at = rest[:len(rest)+read], at
	return w.bytes, err == nil && len(w.bytes) >= n
}

// arrivingUpTo is the size up to which an entry is found while the pack arrives: it is
// held in memory, packed.
const arrivingUpTo = 16 << 20

// find finds entries as they arrive, and names the ones that are no deltas. It ends
// early where it cannot go on: Open reads the rest.
func (in *Incoming) find() {
	w, f := &window{in: in}, newFinder(in.format)
	c := &in.found
	for {
		b, ok := w.from(int64(c.end), maxHeader)
		if !ok {
			return
		}
		h, err := parseHeader(b, in.format.Size())
		if err != nil || h.size > arrivingUpTo {
			return
		}
		// The most that zlib makes of so many bytes; what another program makes of
		// them may be longer, and is left to Open.
		if b, ok = w.from(int64(c.end), h.stream+int(h.size+h.size>>10)+64); !ok {
			return
		}
		n, id, err := f.next(context.Background(), b)
		if err != nil {
			return
		}
		c.list = append(c.list, found{c.end, id})
		c.end += uint64(n)
	}
}

// maxHeader is the most that is before the stream of an entry, in bytes: a size of
// nine bytes, and an offset of nine or an id.
const maxHeader = 9 + 32

// Size returns how many bytes came.
func (in *Incoming) Size() int64 { return in.size }

// IsCut reports whether the pack is not whole. A nil Incoming is.
func (in *Incoming) IsCut() bool { return in != nil && in.cut != nil }

// roomForRest is how much of a pack is given up where the disk is full: room for what
// else a repository has, in bytes.
const roomForRest = 256 << 10

// End says that no more comes, and why if the pack is not whole; nil: it is. The file
// gets the name that git gives packs, or goes away if nothing came.
func (in *Incoming) End(cut error) error {
	in.lock.Lock()
	in.ended = true
	in.lock.Unlock()
	in.arrived.Signal()
	in.finding.Wait()
	trailer := make([]byte, in.format.Size())
	var err error
	switch {
	case cut != nil:
		in.cut = fmt.Errorf("%w: %w", ErrCut, cut)
		// All bytes before the trailer are read.
		if _, err = in.file.WriteAt(trailer, in.size); err != nil && in.size > roomForRest {
			in.size -= roomForRest
			if err = in.file.Truncate(in.size); err == nil {
				_, err = in.file.WriteAt(trailer, in.size)
			}
		}
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

// Open maps the pack and numbers its entries, once. It is not named then (see
// Pack.IsNamed).
func (in *Incoming) Open(ctx context.Context, workers int) (*Pack, error) {
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
	if err := Guard(func() error { return p.readWithoutIndex(ctx, in.found, workers) }); err != nil {
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
func (in *Incoming) Lookup(ctx context.Context, workers int) (*Lookup, error) {
	p, err := in.Open(ctx, workers)
	if err == nil {
		err = p.NameEntries(ctx, workers)
	}
	if err != nil {
		return nil, err
	}
	l := p.lookup()
	l.file = &file{Path: p.Path, format: p.format, data: p.data}
	return l, nil
}

// WriteIndex writes an index beside the pack, for git.
func (in *Incoming) WriteIndex(ctx context.Context, workers int) error {
	p, err := in.Open(ctx, workers)
	if err == nil {
		err = p.NameEntries(ctx, workers)
	}
	if err != nil {
		return err
	}
	return Guard(func() error {
		return os.WriteFile(strings.TrimSuffix(in.path, ".pack")+".idx", p.index(), 0o600)
	})
}
