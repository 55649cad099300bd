package lookup

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"keysweep/finding"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// readBudget is how many bytes of objects the readers of one ReadAll keep
// together. In the order of a pack what is built on each other stands together:
// four times as much (git's core.deltaBaseCacheLimit) gains nothing, and costs
// the time to get the memory.
const readBudget = 24 << 20

// ReadAll reads the objects of ids, which must be of type typ, in the order in
// which they are stored, with the workers of Open. Each worker has a
// function of its own, made by newUse; it is called once for each object that
// can be read. What cannot is returned, by reason and id. The error is ctx's or
// that of a function.
func (db *Database) ReadAll(ctx context.Context, typ oid.Type, ids []oid.ID, newUse func() func(oid.ID, *pack.Object) error) ([]finding.Skipped, error) {
	list := db.stored(ids)
	// Neighbours are often built on each other: few cuts, but work for all.
	step := min(max(len(list)/(8*db.workers), 16), 1024)
	workers := min(db.workers, (len(list)+step-1)/step)
	skipped := make([][]finding.Skipped, len(list)/step+1)
	errs := make([]error, workers)
	var next atomic.Int64
	var stop atomic.Bool
	var done sync.WaitGroup
	for w := range workers {
		r, use := db.NewReader(readBudget/workers), newUse()
		read := func() error {
			for !stop.Load() {
				chunk := int(next.Add(1)) - 1
				if chunk*step >= len(list) {
					return nil
				}
				for _, id := range list[chunk*step : min((chunk+1)*step, len(list))] {
					var failed error
					err := r.Read(ctx, id, func(o *pack.Object) error {
						if o.Type != typ {
							return fmt.Errorf("%w: it is a %v, not a %v", pack.ErrCorrupt, o.Type, typ)
						}
						failed = use(id, o)
						return failed
					})
					if ctx.Err() != nil {
						return context.Cause(ctx)
					}
					if failed != nil {
						return failed
					}
					if err != nil {
						skipped[chunk] = append(skipped[chunk], db.skippedObject(id, err))
					}
				}
			}
			return nil
		}
		if workers == 1 { // a hook pays for starting one
			errs[w] = read()
			break
		}
		done.Go(func() {
			if errs[w] = read(); errs[w] != nil {
				stop.Store(true)
			}
		})
	}
	done.Wait()
	var all []finding.Skipped
	for _, list := range skipped {
		for _, k := range list {
			all = finding.AddSkipped(all, k)
		}
	}
	slices.SortFunc(all, func(a, b finding.Skipped) int {
		return cmp.Or(cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Detail, b.Detail))
	})
	return all, cmp.Or(errs...)
}

// stored sorts ids by where the objects are, and leaves out repeated ones.
func (db *Database) stored(ids []oid.ID) []oid.ID {
	type stored struct {
		pack   int
		offset uint64
		id     oid.ID
	}
	places := make([]stored, len(ids))
	for i, id := range ids {
		places[i] = stored{len(db.packs), 0, id}
		for k, p := range db.packs {
			if p.quick == nil {
				continue
			}
			if offset, ok := p.quick.Find(id); ok {
				places[i].pack, places[i].offset = k, offset
				break
			}
		}
	}
	slices.SortFunc(places, func(a, b stored) int {
		return cmp.Or(cmp.Compare(a.pack, b.pack), cmp.Compare(a.offset, b.offset), a.id.Compare(b.id))
	})
	list := ids[:0:0]
	for i, p := range places {
		if i == 0 || p.id != places[i-1].id {
			list = append(list, p.id)
		}
	}
	return list
}

// CompareAll compares n trees with their parents: compare is called with each number
// below n and a Differ, of one of the workers of Open; neighbours in
// number are best neighbours in history. What could not be read is returned. The
// error is ctx's or that of compare.
func (db *Database) CompareAll(ctx context.Context, n int, compare func(i int, d *Differ) error) ([]finding.Skipped, error) {
	step := min(max(n/(8*db.workers), 1), 128)
	workers := min(db.workers, (n+step-1)/step)
	differs := make([]*Differ, workers)
	errs := make([]error, workers)
	var next atomic.Int64
	var done sync.WaitGroup
	for w := range workers {
		d := db.NewDiffer(readBudget / workers)
		differs[w] = d
		done.Go(func() {
			errs[w] = pack.Guard(func() error {
				for ctx.Err() == nil {
					from := (int(next.Add(1)) - 1) * step
					if from >= n {
						return nil
					}
					for i := from; i < min(from+step, n); i++ {
						if err := compare(i, d); err != nil {
							return err
						}
					}
				}
				return context.Cause(ctx)
			})
		})
	}
	done.Wait()
	var all []finding.Skipped
	for _, d := range differs {
		all = append(all, d.Skipped...)
	}
	slices.SortFunc(all, func(a, b finding.Skipped) int {
		return cmp.Or(cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Detail, b.Detail))
	})
	// Several workers may have met the same tree.
	all = slices.CompactFunc(all, func(a, b finding.Skipped) bool { return a.Reason == b.Reason && a.Detail == b.Detail })
	return all, cmp.Or(errs...)
}
