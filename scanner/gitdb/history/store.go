package history

import (
	"context"
	"fmt"
	"slices"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// A store is a pack, by its number, or all loose objects together: the last one.

func (db *Database) stores() int { return len(db.packs) + 1 }

// looseStore is the number of the store of the loose objects.
func (db *Database) looseStore() int { return len(db.packs) }

// newBits returns an empty set of the entries of a store.
func (db *Database) newBits(store int) *pack.Bits {
	if store == db.looseStore() {
		return pack.NewBits(len(db.loose))
	}
	return pack.NewBits(db.packs[store].Count())
}

// smallPack is the size up to which one worker reads a pack, in bytes: several gain
// little, and where a small pack unpacks to more than it may, what was read before
// does not depend on which of them came first.
const smallPack = 4 << 20

// walk is pack.Walk for any store. The workers and the limit are those of Open.
func (db *Database) walk(ctx context.Context, store int, opts pack.WalkOptions) error {
	opts.Workers, opts.MaxObject, opts.Budget = db.workers, db.maxObject, db.budget
	if store != db.looseStore() {
		if db.packs[store].Size() < smallPack {
			opts.Workers = 1
		}
		return db.packs[store].Walk(ctx, opts)
	}
	defer db.budget.Settle()
	return gitdb.InParallel(ctx, min(db.workers, pack.MaxWorkers), len(db.loose), 1, 1, func(int) func(int) error {
		v, r := opts.NewVisitor(), db.repo.NewLooseReader(nil, db.budget, db.maxObject)
		return func(i int) error {
			if opts.Need != nil && !opts.Need.Has(i) {
				return nil
			}
			var failed error // of the visitor
			visit := func(o *pack.Object) error {
				o.Entry = i
				_, failed = v.Visit(o)
				return failed
			}
			err := pack.Guard(func() error { return r.Read(db.loose[i], visit) })
			if failed != nil {
				return failed
			}
			if err != nil {
				v.Fail(i, 1, err)
			}
			if opts.Progress != nil {
				opts.Progress(1, db.loose[i].Size)
			}
			return nil
		}
	})
}

// reader is what the visitors of a store have in common.
type reader struct {
	db      *Database
	store   int
	pack    *pack.Pack // nil: loose objects
	size    int        // of an id
	skipped gitdb.Skips
}

func (db *Database) reader(store int) reader {
	r := reader{db: db, store: store, size: db.repo.Format.Size()}
	if store != db.looseStore() {
		r.pack = db.packs[store]
	}
	return r
}

// inPack reports whether a pack has an object that bears id.
func (db *Database) inPack(id oid.ID) bool {
	return slices.ContainsFunc(db.packs, func(p *pack.Pack) bool {
		_, ok := p.Find(id)
		return ok
	})
}

// claimed is the name that the store gives to an object.
func (r *reader) claimed(entry int) oid.ID {
	if r.pack == nil {
		return r.db.loose[entry].ID
	}
	return r.pack.ID(entry)
}

// Fail counts objects that could not be read, those of one entry once.
func (r *reader) Fail(entry, count int, err error) {
	if _, again := r.db.failed.LoadOrStore([2]int{r.store, entry}, nil); again {
		return
	}
	where := "loose object " + r.claimed(entry).String()
	if r.pack != nil {
		where = fmt.Sprintf("%s: entry at %d (%s)", r.pack.Name(), r.pack.Offset(entry), r.claimed(entry))
	}
	reason := gitdb.ReasonOf(err)
	if r.pack == nil && r.db.packsRead && r.db.inPack(r.claimed(entry)) {
		reason = finding.ReasonSpareCopy
	}
	r.skipped.Add(reason, int64(count), "%s: %v", where, err)
}
