// Package lookup reads single objects of a repository's database, in a time
// that does not depend on how many there are, and answers what follows from
// few of them: what a revision names, what commits bring in, what is staged.
package lookup

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"keysweep/file"
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
	now       func() time.Time
	budget    *pack.Budget
	trees     *pack.Budget           // of Differs
	large     sync.Mutex             // held by the Differ of CompareAll that holds large trees
	spare     atomic.Pointer[Reader] // one that is not in use, or nil
}

// Open opens the object database of repo. What cannot be opened is in Skipped.
// The error is ctx's alone.
func Open(ctx context.Context, repo *gitdb.Repository, opts gitdb.OpenOptions) (*Database, error) {
	stores := repo.Stores(opts)
	packs, err := gitdb.OpenPacks(ctx, stores, func(path string) (*indexedPack, error) {
		return openPack(ctx, path, repo.Format, opts)
	})
	db := &Database{
		repo: repo, packs: packs, dirs: stores.Dirs, promisor: stores.Promisor, skipped: stores.Skipped,
		workers: min(max(opts.Workers, 1), pack.MaxWorkers), maxObject: opts.MaxObject,
		now: opts.Now, budget: pack.NewBudget(opts.MaxObject), trees: pack.NewTreeBudget(),
	}
	if err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// Skipped returns what could not be opened.
func (db *Database) Skipped() []finding.Skipped { return db.skipped }

// Close unmaps all packs.
func (db *Database) Close() {
	db.budget.Settle()
	db.trees.Settle()
	for _, p := range db.packs {
		p.close()
	}
}

// Has reports whether a store may hold an object that bears id: Read then says
// what keeps it from being read.
func (db *Database) Has(id oid.ID) bool {
	for _, p := range db.packs {
		if _, ok := p.Find(id); ok {
			return true
		}
	}
	for _, dir := range db.dirs {
		if _, err := os.Lstat((gitdb.LooseObject{ID: id, Dir: dir}).Path()); !file.Absent(err) {
			return true
		}
	}
	return false
}

// indexedPack is a pack that is read by its index. If that yields anything but
// the object of the name that is looked for, the pack is read without it.
type indexedPack struct {
	path    string
	format  oid.Format
	workers int
	*pack.Lookup

	mu      sync.Mutex
	rebuilt *pack.Lookup // guarded by mu; nil: not opened. Lookup, if its index cannot serve
	err     error        // guarded by mu; of opening rebuilt
}

func openPack(ctx context.Context, path string, format oid.Format, opts gitdb.OpenOptions) (p *indexedPack, err error) {
	p = &indexedPack{path: path, format: format, workers: max(opts.Workers, 1)}
	if opts.Incoming != nil {
		if p.Lookup, err = opts.Incoming.Lookup(ctx, p.workers); err == nil {
			p.rebuilt = p.Lookup // no index could be wrong
		}
		return p, err
	}
	if p.Lookup, err = pack.OpenLookup(path, format); errors.Is(err, pack.ErrUnusable) {
		p.Lookup, err = p.withoutIndex(ctx)
	}
	return p, err
}

func (p *indexedPack) close() {
	p.Close()
	if p.rebuilt != nil {
		p.rebuilt.Close()
	}
}

// withoutIndex opens the pack once more, without its index.
func (p *indexedPack) withoutIndex(ctx context.Context) (*pack.Lookup, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rebuilt == nil && p.err == nil {
		p.rebuilt, p.err = pack.OpenLookupWithoutIndex(ctx, p.path, p.format, p.workers)
	}
	err := p.err
	if ctx.Err() != nil {
		p.err = nil
	}
	return p.rebuilt, err
}

// read reads an object of the pack.
func (p *indexedPack) read(ctx context.Context, r *Reader, id oid.ID, checked func(*pack.Object) error) error {
	offset, ok := p.Find(id)
	if !ok {
		return ErrAbsent
	}
	err := r.packs.Read(p.Lookup, offset, checked)
	if !isDamage(err) {
		return err
	}
	rebuilt, openErr := p.withoutIndex(ctx)
	if openErr != nil || rebuilt == p.Lookup {
		return err
	}
	if offset, ok = rebuilt.Find(id); !ok {
		return err
	}
	return r.packs.Read(rebuilt, offset, checked)
}
