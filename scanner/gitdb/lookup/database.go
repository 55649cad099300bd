// Package lookup reads single objects of a repository's database, in a time
// that does not depend on how many there are, and answers what follows from
// few of them: what a revision names, what commits bring in, what is staged.
package lookup

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// Database is the open object database of a repository, whose packs and folders
// are not listed. It is safe for concurrent use.
type Database struct {
	repo      *gitdb.Repository
	packs     []*indexedPack
	dirs      []string // objects folders, for loose objects
	promisor  bool
	skipped   gitdb.Skips
	workers   int
	maxObject uint64
	spare     atomic.Pointer[Reader] // one that is not in use, or nil
}

// Open opens the object database of repo. What cannot be opened is in Skipped.
// The error is ctx's alone.
func Open(ctx context.Context, repo *gitdb.Repository, opts gitdb.OpenOptions) (*Database, error) {
	stores := repo.Stores(opts)
	db := &Database{
		repo: repo, dirs: stores.Dirs, promisor: stores.Promisor, skipped: stores.Skipped,
		workers: max(opts.Workers, 1), maxObject: opts.MaxObject,
	}
	for _, path := range stores.Packs {
		p, err := openPack(ctx, path, repo.Format)
		if ctx.Err() != nil {
			db.Close()
			return nil, context.Cause(ctx)
		}
		if err != nil {
			db.skipped.Add(gitdb.ReasonOf(err), 1, "%s: %v", filepath.Base(path), err)
			continue
		}
		db.packs = append(db.packs, p)
	}
	return db, nil
}

// Skipped returns what could not be opened.
func (db *Database) Skipped() []finding.Skipped { return db.skipped }

// Close unmaps all packs.
func (db *Database) Close() {
	for _, p := range db.packs {
		p.close()
	}
}

// Has reports whether a store holds an object that bears id.
func (db *Database) Has(id oid.ID) bool {
	for _, p := range db.packs {
		if p.has(id) {
			return true
		}
	}
	for _, dir := range db.dirs {
		if _, err := os.Lstat((gitdb.LooseObject{ID: id, Dir: dir}).Path()); err == nil {
			return true
		}
	}
	return false
}

// indexedPack is a pack that is read by its index, as long as what it yields has
// the right names, and else as a scan of the history reads it.
type indexedPack struct {
	path   string
	format oid.Format
	quick  *pack.Lookup // nil: the index cannot serve, and full was opened

	mu   sync.Mutex
	full *pack.Pack // guarded by mu; nil: not opened
	old  *pack.Pack // guarded by mu; full before its index turned out to be wrong
	err  error      // guarded by mu; of opening full
}

func openPack(ctx context.Context, path string, format oid.Format) (p *indexedPack, err error) {
	p = &indexedPack{path: path, format: format}
	if p.quick, err = pack.OpenLookup(path, format); errors.Is(err, pack.ErrUnusable) {
		_, err = p.whole(ctx, false)
	}
	return p, err
}

func (p *indexedPack) close() {
	if p.quick != nil {
		p.quick.Close()
	}
	for _, full := range []*pack.Pack{p.full, p.old} {
		if full != nil {
			full.Close()
		}
	}
}

func (p *indexedPack) has(id oid.ID) (ok bool) {
	if p.quick != nil {
		_, ok = p.quick.Find(id)
	} else {
		_, ok = p.full.Find(id)
	}
	return ok
}

// whole returns the pack with all its entries numbered; again says that its
// index turned out to be wrong.
func (p *indexedPack) whole(ctx context.Context, again bool) (*pack.Pack, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case again && p.full != nil && p.full.IndexErr == nil:
		p.old = p.full // which others may be reading
		p.full, p.err = pack.OpenWithoutIndex(ctx, p.path, p.format)
	case p.full == nil && p.err == nil:
		p.full, p.err = pack.Open(ctx, p.path, p.format)
	}
	err := p.err
	if ctx.Err() != nil {
		p.err = nil
	}
	return p.full, err
}

// read reads an object: by the index, and if that yields anything but the object
// of this name, as a scan of the history would.
func (p *indexedPack) read(ctx context.Context, r *Reader, id oid.ID, checked func(*pack.Object) error) error {
	if p.quick != nil {
		offset, ok := p.quick.Find(id)
		if !ok {
			return ErrAbsent
		}
		err := r.packs.Read(p.quick, offset, checked)
		if !isDamage(err) {
			return err
		}
	}
	for again := false; ; again = true {
		full, err := p.whole(ctx, again)
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
	}
}
