package gitdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"keysweep/finding"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// lookup finds objects in packs and folders that nobody has listed.
type lookup struct {
	packs []*lookupPack // by path, as git would try them in any order
	dirs  []string      // objects folders, for loose objects
	// spare is a reader that somebody has done with, or nil.
	spare atomic.Pointer[Reader]
}

// lookupPack is a pack that is read by its index, as long as what it yields has
// the right names, and else as a scan reads it.
type lookupPack struct {
	path  string
	quick *pack.Lookup // nil: the index cannot serve

	mu   sync.Mutex
	full *pack.Pack // guarded by mu; nil: not opened
	old  *pack.Pack // guarded by mu; full before its index turned out to lie
	err  error      // guarded by mu; of opening full
}

// openLookup opens the pack at path. The error is ctx's alone.
func (db *Database) openLookup(ctx context.Context, path string) error {
	p := &lookupPack{path: path}
	var err error
	if p.quick, err = pack.OpenLookup(path, db.repo.Format); errors.Is(err, pack.ErrUnusable) {
		_, err = p.whole(ctx, db.repo.Format, false)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		db.skip(packReason(err), "%s: %v", filepath.Base(path), err)
		return nil
	}
	db.lookup.packs = append(db.lookup.packs, p)
	return nil
}

// whole returns the pack with all its entries numbered; again says that its
// index turned out to lie.
func (p *lookupPack) whole(ctx context.Context, format oid.Format, again bool) (*pack.Pack, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case again && p.full != nil && p.full.IndexErr == nil:
		p.old = p.full // somebody may be reading it
		p.full, p.err = pack.OpenWithoutIndex(ctx, p.path, format)
	case p.full == nil && p.err == nil:
		p.full, p.err = pack.Open(ctx, p.path, format)
	}
	err := p.err
	if ctx.Err() != nil {
		p.err = nil
	}
	return p.full, err
}

func (l *lookup) close() {
	for _, p := range l.packs {
		if p.quick != nil {
			p.quick.Close()
		}
		for _, full := range []*pack.Pack{p.full, p.old} {
			if full != nil {
				full.Close()
			}
		}
	}
}

// has reports whether a store holds an object that bears id.
func (l *lookup) has(id oid.ID) bool {
	for _, p := range l.packs {
		ok := false
		if p.quick != nil {
			_, ok = p.quick.Find(id)
		} else {
			_, ok = p.full.Find(id)
		}
		if ok {
			return true
		}
	}
	for _, dir := range l.dirs {
		if _, err := os.Lstat((looseObject{id: id, dir: dir}).path()); err == nil {
			return true
		}
	}
	return false
}

// withPrefix calls see with the ids that start with digits, at least two hex
// digits in lower case, and with others.
func (l *lookup) withPrefix(digits string, see func(oid.ID)) {
	first, _ := oid.Parse([]byte(digits[:2] + zeros[:38]))
	for _, p := range l.packs {
		if p.quick != nil {
			_ = pack.Guard(func() error { p.quick.IDs(first[0], see); return nil })
		} else {
			p.full.IDs(func(id oid.ID, _ int) { see(id) })
		}
	}
	for _, dir := range l.dirs {
		list, err := os.ReadDir(filepath.Join(dir, digits[:2]))
		if err != nil {
			continue
		}
		for _, e := range list {
			if id, ok := oid.Parse([]byte(digits[:2] + e.Name())); ok {
				see(id)
			}
		}
	}
}

const zeros = "0000000000000000000000000000000000000000"

// Reader reads single objects of a database that was opened with LookupOnly,
// and keeps what others may be built on. It is the scratch of one goroutine.
type Reader struct {
	db     *Database
	packs  pack.LookupReader
	loose  looseReader
	hasher *oid.Hasher
	// borrowed says that the data of the object being used is used again.
	borrowed bool
}

// NewReader returns a Reader that keeps up to budget bytes of objects.
func (db *Database) NewReader(budget int) *Reader {
	if r := db.lookup.spare.Swap(nil); r != nil {
		r.packs.Budget = budget
		return r
	}
	r := &Reader{db: db, loose: looseReader{size: db.repo.Format.Size()}, hasher: oid.NewHasher(db.repo.Format)}
	r.packs.MaxObject, r.packs.Budget = db.maxObject, budget
	r.loose.decoder = r.packs.Decoder()
	return r
}

// Read is Database.Read. Starts, FreshStarts and TreeErr of the object are not
// filled.
func (r *Reader) Read(ctx context.Context, id oid.ID, use func(*pack.Object) error) error {
	failure := fmt.Errorf("%s: %w", id, ErrAbsent)
	checked := func(o *pack.Object) error { return checked(r.hasher, id, o, use) }
	r.borrowed = false
	for _, p := range r.db.lookup.packs {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err := r.readPack(ctx, p, id, checked)
		if !damage(err) {
			return err
		}
		if !errors.Is(err, ErrAbsent) {
			// Another store may hold a copy that is whole.
			failure = fmt.Errorf("object %s in %s: %w", id, filepath.Base(p.path), err)
		}
	}
	r.borrowed = true
	for _, dir := range r.db.lookup.dirs {
		err := r.loose.read(looseObject{id: id, dir: dir}, r.db.maxObject, checked)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if !damage(err) {
			return err
		}
		failure = fmt.Errorf("object %s: %w", id, err)
	}
	return failure
}

// readPack reads an object of one pack: by its index, and if that yields
// anything but the object of this name, as a scan would.
func (r *Reader) readPack(ctx context.Context, p *lookupPack, id oid.ID, checked func(*pack.Object) error) error {
	if p.quick != nil {
		offset, ok := p.quick.Find(id)
		if !ok {
			return ErrAbsent
		}
		err := r.packs.Read(p.quick, offset, checked)
		if !damage(err) {
			return err
		}
	}
	again := false
	for {
		full, err := p.whole(ctx, r.db.repo.Format, again)
		if err != nil {
			return err
		}
		entry, ok := full.Find(id)
		if !ok {
			return ErrAbsent
		}
		err = full.Read(entry, r.db.maxObject, checked)
		if !errors.Is(err, pack.ErrUnusable) || again {
			return err
		}
		again = true
	}
}

// skippedObject says why an object could not be read.
func (db *Database) skippedObject(id oid.ID, err error) finding.Skipped {
	reason := packReason(err)
	if errors.Is(err, ErrAbsent) {
		reason = finding.ReasonMissing
		if db.promisor {
			return finding.Skipped{Reason: finding.ReasonPromisor, Count: 1, Detail: "objects that a partial clone left on its server (git fetch --refetch brings them)"}
		}
	}
	detail := err.Error()
	if !bytes.Contains([]byte(detail), []byte(id.String())) {
		detail = id.String() + ": " + detail
	}
	return finding.Skipped{Reason: reason, Count: 1, Detail: detail}
}
