package lookup

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// readBudget is how many bytes of objects the readers of one batch keep
// together. In the order of a pack, what is built on each other is close together:
// four times as much (git's core.deltaBaseCacheLimit) gains nothing, and costs
// the time to get the memory.
const readBudget = 24 << 20

// ReadAll reads the objects of ids, which must be of type typ, in the order in
// which they are stored, with the workers of Open. Each worker has a function of
// its own, made by newUse; it is called once for each object that can be read.
// What cannot is returned, by reason and id. The error is ctx's or that of a
// function.
func (db *Database) ReadAll(ctx context.Context, typ oid.Type, ids []oid.ID, newUse func() func(oid.ID, *pack.Object) error) ([]finding.Skipped, error) {
	list := db.stored(ids)
	var skipped []*gitdb.Skips // by worker
	err := gitdb.InParallel(ctx, db.workers, len(list), 16, 1024, func(workers int) func(int) error {
		r, use, mine := db.NewReader(readBudget/workers), newUse(), new(gitdb.Skips)
		skipped = append(skipped, mine)
		return func(i int) error {
			id := list[i]
			var failed error
			err := r.Read(ctx, id, func(o *pack.Object) error {
				if o.Type != typ {
					return fmt.Errorf("%w: it is a %v, not a %v", pack.ErrCorrupt, o.Type, typ)
				}
				failed = use(id, o)
				return failed
			})
			switch {
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case failed != nil:
				return failed
			case err != nil:
				mine.Merge([]finding.Skipped{db.skippedObject(id, err)})
			}
			return nil
		}
	})
	var all gitdb.Skips
	for _, mine := range skipped {
		all.Merge(*mine)
	}
	sortSkipped(all)
	return all, err
}

// stored sorts ids by where the objects are, and leaves out repeated ones.
func (db *Database) stored(ids []oid.ID) []oid.ID {
	type stored struct {
		pack   int
		offset uint64
		id     oid.ID
	}
	sorted := make([]stored, len(ids))
	for i, id := range ids {
		sorted[i] = stored{len(db.packs), 0, id}
		for k, p := range db.packs {
			if offset, ok := p.Find(id); ok {
				sorted[i].pack, sorted[i].offset = k, offset
				break
			}
		}
	}
	slices.SortFunc(sorted, func(a, b stored) int {
		return cmp.Or(cmp.Compare(a.pack, b.pack), cmp.Compare(a.offset, b.offset), a.id.Compare(b.id))
	})
	list := ids[:0:0]
	for _, s := range sorted {
		list = append(list, s.id)
	}
	return slices.Compact(list)
}

// CompareAll compares n trees with their parents: compare is called with each number
// below n and a Differ, of one of the workers of Open; neighbours in number are best
// neighbours in history. What could not be read is returned. The error is ctx's or
// that of compare.
func (db *Database) CompareAll(ctx context.Context, n int, compare func(i int, d *Differ) error) ([]finding.Skipped, error) {
	var differs []*Differ // by worker
	err := gitdb.InParallel(ctx, db.workers, n, 1, 128, func(workers int) func(int) error {
		d := db.NewDiffer(readBudget / workers)
		d.keep, d.among = min(d.keep, 4*keptTrees/workers), workers > 1
		differs = append(differs, d)
		return func(i int) error { return compare(i, d) }
	})
	var all []finding.Skipped
	for _, d := range differs {
		all = append(all, d.Skipped...)
	}
	sortSkipped(all)
	// Several workers may have met the same tree.
	all = slices.CompactFunc(all, func(a, b finding.Skipped) bool { return a.Reason == b.Reason && a.Detail == b.Detail })
	return all, err
}

func sortSkipped(list []finding.Skipped) {
	slices.SortFunc(list, func(a, b finding.Skipped) int {
		return cmp.Or(cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Detail, b.Detail))
	})
}
