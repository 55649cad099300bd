package worktree

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	disk "keysweep/file"
	"keysweep/finding"
)

// File is one name of the tree. It is valid until visit returns.
type File struct {
	// Path is the path below root: raw bytes of any kind, separated by '/'.
	// If root is a file, it is root's last name.
	Path string
	Kind Kind
	// Size is what the system says, once Read calls fn; a claim: procfs says
	// 0, and the file may be growing.
	Size int64

	dir    folder
	name   string
	w      *worker
	others bool // files beside it wait for this one
}

// ErrSkipped is wrapped by Read's error when the file could not be read, or
// not in one piece. It is then counted in Summary.Skipped already; visit may
// return the error, and the walk goes on.
var ErrSkipped = errors.New("skipped")

const (
	// keptHole is how much of a hole in a sparse file fn sees: nothing that is
	// searched for spans that many zero bytes, and a hole may be 8 EiB. Columns
	// behind a longer one, on the same line, are too small.
	keptHole = 64 << 10
	// askAgain is after how many bytes beyond its size a file is asked for it
	// again. One that has grown ends there: it could grow faster than we read.
	// One of procfs goes on.
	askAgain = 64 << 20
	// large files let those of the folder go first, which take a moment each: a walk
	// that is stopped has seen them.
	large = 16 << 20
)

// Read calls fn with a reader of the bytes of a regular file, or of a symbolic
// link's target. If the file changes meanwhile, fn is called once more, from the
// start, and what it saw before is void. If it changes again, what fn saw the
// second time counts, and the file is noted as changed-during-scan.
//
// The error is fn's, or wraps ErrSkipped, or is the context's. fn must return
// an error of the reader, wrapped or not.
func (f *File) Read(fn func(r io.Reader) error) error {
	if f.Kind == Symlink {
		return f.readLink(fn)
	}
	return f.readFile(fn)
}

// ReadAt reads a regular file at random, while Read calls fn. What it returns is void
// if the file changes meanwhile, as what fn reads.
func (f *File) ReadAt(p []byte, off int64) (int, error) {
	r := &f.w.reader
	if r.w.stopped.Load() {
		return 0, errStopped
	}
	return r.file.ReadAt(p, off)
}

func (f *File) readLink(fn func(r io.Reader) error) error {
	text, err := f.dir.readlink(f.name)
	if err != nil {
		return f.skip(err)
	}
	f.Size = int64(len(text))
	if err := fn(strings.NewReader(text)); err != nil {
		return err
	}
	f.w.bytes += int64(len(text))
	return nil
}

func (f *File) readFile(fn func(r io.Reader) error) error {
	var before state
	src, err := patiently(f.w.walker, func() (src file, err error) {
		src, before, err = f.dir.open(f.name, f.w.file)
		return src, err
	})
	if err != nil {
		return f.skip(err)
	}
	f.w.file = src
	defer src.close()
	if f.others && before.size >= large {
		return errLater
	}
	r := &f.w.reader
	for again := false; ; again = true {
		f.Size = before.size
		*r = reader{w: f.w.walker, file: src, first: before, limit: before.size}
		r.sparse = before.blocks >= 0 && before.size-before.blocks*512 > keptHole
		err := fn(r)
		switch {
		case r.err == errStopped, err != nil && f.w.ctx.Err() != nil:
			f.w.bytes += r.delivered
			return f.w.ctx.Err()
		case r.err != nil:
			return f.skip(r.err)
		case err != nil:
			return err
		}
		after, err := src.stat()
		if err != nil {
			return f.skip(err)
		}
		if same(before, after) {
			f.w.bytes += r.delivered
			return nil
		}
		if again {
			f.w.bytes += r.delivered
			return f.skip(errChanged)
		}
		if err := src.seek(0); err != nil {
			return f.skip(err)
		}
		before = after
	}
}

// Reread calls fn with the bytes of one regular file that Walk visited: root is
// Walk's, and path was the file's Path. Like Walk, it follows no link and opens
// nothing but a regular file, and calls fn again if the file changes meanwhile:
// see File.Read. Nothing is counted as skipped.
func Reread(ctx context.Context, root, path string, fn func(r io.Reader) error) error {
	info, err := os.Stat(root)
	if err != nil {
		return err
	}
	names := strings.Split(path, "/")
	if !info.IsDir() {
		if root, err = filepath.EvalSymlinks(root); err != nil {
			return err
		}
		root, names = filepath.Dir(root), []string{filepath.Base(root)}
	}
	dir, err := openFolder(root, true)
	if err != nil {
		return err
	}
	defer dir.close()
	last := len(names) - 1
	if last > 0 {
		if dir, err = dir.sub(names[:last]); err != nil {
			return err
		}
		defer dir.close()
	}
	w := &walker{ctx: ctx}
	defer context.AfterFunc(ctx, func() { w.stopped.Store(true) })()
	f := File{Path: path, Kind: Regular, dir: dir, name: names[last], w: &worker{walker: w}}
	return f.Read(fn)
}

var (
	errChanged = errors.New("was written to while it was read, twice")
	errStopped = errors.New("the walk was ended")
	errLater   = errors.New("is read when those beside it are") // visit returns it, and is called again
	errShort   = errors.New("it ended before its size")
)

// same compares what writing changes. The number of blocks is left out: it
// changes when the system writes back what it holds.
func same(a, b state) bool {
	return a.size == b.size && a.modified == b.modified && a.meta == b.meta
}

// skip counts the file as not read.
func (f *File) skip(err error) error {
	f.w.skip(f.Path, err)
	return fmt.Errorf("%s: %w: %w", f.Path, ErrSkipped, err)
}

// skip counts path as not read because of err.
func (w *walker) skip(path string, err error) {
	reason := finding.ReasonUnreadable
	switch {
	case errors.Is(err, errStopped):
		return // the context's error says it
	case errors.Is(err, fs.ErrNotExist):
		reason, err = finding.ReasonChanged, errors.New("vanished")
	case errors.Is(err, disk.ErrCloud):
		reason = finding.ReasonCloudFile
	case errors.Is(err, errKind), errors.Is(err, errChanged):
		reason = finding.ReasonChanged
	}
	w.skips.add(reason, path+": "+short(err).Error())
}

// short strips the path and the operation from an error of package os: the
// caller names the path, and knows more of it.
func short(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// reader reads an open file to its end.
type reader struct {
	w         *walker
	file      file
	first     state
	limit     int64 // offset beyond which to ask whether the file grows
	offset    int64
	zeros     int64 // bytes of a hole still to be delivered
	delivered int64
	sparse    bool
	grows     bool  // it is read no further
	err       error // what went wrong, other than the end
}

func (r *reader) Read(p []byte) (int, error) {
	if r.w.stopped.Load() {
		r.err = errStopped
	}
	if r.err != nil {
		return 0, r.err
	}
	if r.sparse && r.zeros == 0 && len(p) > 0 {
		if err := r.skipHole(); err != nil {
			return 0, r.fail(err)
		}
	}
	if r.zeros > 0 {
		n := int(min(r.zeros, int64(len(p))))
		clear(p[:n])
		r.zeros -= int64(n)
		r.delivered += int64(n)
		return n, nil
	}
	if r.grows {
		return 0, io.EOF // readFile sees the change, too
	}
	n, err := r.file.Read(p)
	r.offset += int64(n)
	r.delivered += int64(n)
	if err == io.EOF && r.offset < r.first.size && r.first.blocks > 0 { // those of sysfs have no blocks, and a size that is no more than a claim
		err = r.shortened()
	}
	if err != nil && err != io.EOF {
		return n, r.fail(err)
	}
	if r.offset > r.limit {
		now, err := r.file.stat()
		if err != nil {
			return n, r.fail(err)
		}
		r.grows = now.size != r.first.size
		r.limit = r.offset + askAgain
	}
	return n, err
}

// shortened returns io.EOF if the file was made shorter, which readFile sees, too.
func (r *reader) shortened() error {
	now, err := r.file.stat()
	if err == nil && same(r.first, now) {
		return errShort
	}
	return cmp.Or(err, io.EOF)
}

// skipHole moves to the next data and sets zeros if there is a hole before it.
func (r *reader) skipHole() error {
	data, err := r.file.seekData(r.offset)
	switch {
	case err == io.EOF:
		// A hole up to the end, or the end itself. Holes are no longer looked
		// for: what is appended is read.
		r.sparse = false
		data = max(r.offset, r.first.size)
		if err := r.file.seek(data); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	r.zeros = min(data-r.offset, keptHole)
	r.offset = max(r.offset, data)
	return nil
}

func (r *reader) fail(err error) error {
	r.err = err
	return err
}

// patiently calls open again while the process has too many open files:
// others will close some.
func patiently[T any](w *walker, open func() (T, error)) (T, error) {
	const atMost = 10 * time.Second
	wait := time.Millisecond
	for waited := time.Duration(0); ; waited += wait {
		v, err := open()
		if err == nil || !outOfFiles(err) || waited > atMost {
			return v, err
		}
		if w.stopped.Load() {
			return v, errStopped
		}
		time.Sleep(wait)
		wait = min(2*wait, 50*time.Millisecond)
	}
}
