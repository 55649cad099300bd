// Package history reads every object of a repository's database once, and then
// finds out where and when the objects that matter were in its history.
package history

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"sync"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// Database is the open object database of a repository, to be read as a whole:
// its packs, loose objects and alternates. Scan comes first; Missing and Trace
// answer from what it collected.
type Database struct {
	repo      *gitdb.Repository
	packs     []*pack.Pack        // by path
	loose     []gitdb.LooseObject // by id
	promisor  bool
	skipped   gitdb.Skips
	workers   int
	maxObject uint64
	budget    *pack.Budget

	// present holds the first eight bytes of every id, the union over packs
	// and loose objects; nil if one pack holds all.
	present map[uint64]struct{}
	// shared holds, for each store, the entries whose id is also elsewhere;
	// repeated those of them that an earlier store holds.
	shared, repeated []*pack.Bits

	// Filled by Scan:
	edges   [][]edge       // by store
	commits []gitdb.Commit // by id
	tags    []gitdb.Tag
	missing map[oid.ID]struct{}
	// packsRead says that each object of each pack was read, and is what it is called.
	packsRead bool
	// partial says that not all was read that Trace rests on.
	partial bool
	// cut says that the pack did not come whole, which the caller reports.
	cut bool
	// failed holds, by store and entry, what could not be read: the second
	// passes over trees report only what Scan could read.
	failed sync.Map
}

// Open opens the object database of repo. What cannot be opened is skipped,
// which the result of Scan says. The error is ctx's alone.
func Open(ctx context.Context, repo *gitdb.Repository, opts gitdb.OpenOptions) (*Database, error) {
	stores := repo.Stores(opts)
	packs, err := gitdb.OpenPacks(ctx, stores, func(path string) (*pack.Pack, error) {
		if opts.Incoming != nil {
			return opts.Incoming.Open(ctx, opts.Workers)
		}
		return pack.Open(ctx, path, repo.Format, opts.Workers)
	})
	db := &Database{
		repo: repo, packs: packs, promisor: stores.Promisor, skipped: stores.Skipped, cut: opts.Incoming.IsCut(),
		workers: max(opts.Workers, 1), maxObject: opts.MaxObject, budget: pack.NewBudget(opts.MaxObject), missing: make(map[oid.ID]struct{}),
	}
	if err != nil {
		db.Close()
		return nil, err
	}
	for _, dir := range stores.Dirs {
		db.loose = append(db.loose, repo.ListLoose(dir, &db.skipped)...)
	}
	slices.SortFunc(db.packs, func(a, b *pack.Pack) int { return cmp.Compare(a.Path, b.Path) })
	slices.SortFunc(db.loose, func(a, b gitdb.LooseObject) int { return cmp.Or(a.ID.Compare(b.ID), cmp.Compare(a.Dir, b.Dir)) })
	if err := db.namePacks(ctx); err != nil {
		db.Close()
		return nil, err
	}
	if err := pack.Guard(func() error { db.compareStores(); return nil }); err != nil {
		db.skipped.Add(finding.ReasonDamaged, 1, "comparing packs: %v", err)
	}
	db.edges = make([][]edge, db.stores())
	return db, nil
}

// namePacks names the objects of packs without an index. If there is one store, Scan
// does it, which builds them anyway.
func (db *Database) namePacks(ctx context.Context) error {
	for i, p := range db.packs {
		if p.IsNamed() || len(db.packs) == 1 && len(db.loose) == 0 && p.NamesBases() {
			continue
		}
		err := pack.Guard(func() error { return p.NameEntries(ctx, db.workers) })
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			p.EndNames()
			db.skipped.Add(gitdb.ReasonOf(err), 1, "%s: %v", db.packs[i].Name(), err)
		}
	}
	return nil
}

// Close unmaps all packs.
func (db *Database) Close() {
	for _, p := range db.packs {
		p.Close()
	}
}

// short is the part of an id that sets of ids keep: ids are hashes, so eight
// bytes tell ten million of them apart.
func short(id oid.ID) uint64 { return binary.LittleEndian.Uint64(id[:8]) }

// compareStores finds the ids that more than one store holds.
func (db *Database) compareStores() {
	db.shared = make([]*pack.Bits, db.stores())
	db.repeated = make([]*pack.Bits, db.stores())
	for store := range db.stores() {
		db.shared[store], db.repeated[store] = db.newBits(store), db.newBits(store)
	}
	if len(db.loose) == 0 && len(db.packs) < 2 {
		return
	}
	type location struct{ store, entry int32 }
	db.present = make(map[uint64]struct{})
	first := make(map[uint64]location)
	see := func(store, entry int, id oid.ID) {
		k := short(id)
		db.present[k] = struct{}{}
		at, ok := first[k]
		if !ok {
			first[k] = location{int32(store), int32(entry)}
			return
		}
		db.shared[at.store].Add(int(at.entry))
		db.shared[store].Add(entry)
		db.repeated[store].Add(entry)
	}
	for i, p := range db.packs {
		p.IDs(func(id oid.ID, entry int) { see(i, entry, id) })
	}
	for i, l := range db.loose {
		see(db.looseStore(), i, l.ID)
	}
}

// Has reports whether the database holds an object that bears id.
func (db *Database) Has(id oid.ID) bool {
	if db.present != nil {
		_, ok := db.present[short(id)]
		return ok
	}
	if len(db.packs) == 1 {
		_, ok := db.packs[0].Find(id)
		return ok
	}
	return false
}

// Totals returns the number of objects, each copy counted, and stored bytes
// that Scan will read.
func (db *Database) Totals() (objects, bytes int64) {
	for _, p := range db.packs {
		objects += int64(p.Count())
		bytes += p.Size()
	}
	for _, l := range db.loose {
		objects++
		bytes += l.Size
	}
	return objects, bytes
}
