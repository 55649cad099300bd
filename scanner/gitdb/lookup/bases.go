package lookup

import (
	"container/heap"
	"context"
	"slices"

	"keysweep/scanner/gitdb/oid"
)

// Bases returns commits that both a and b reach, and from which all others can be
// reached that both reach, as git merge-base --all a b has them, or a few more. What a
// shallow clone leaves out, or cannot be read, is reached by neither.
func (db *Database) Bases(ctx context.Context, a, b oid.ID) (bases []oid.ID, err error) {
	const ofA, ofB, below = 1, 2, 4 // below: a base reaches it
	r := db.NewReader(1 << 20)
	defer db.spare.Store(r)
	flags := make(map[oid.ID]uint8)
	var queue commitQueue
	open := 0 // entries of queue that are not below a base
	enter := func(id oid.ID, set uint8) {
		old := flags[id]
		if old|set == old {
			return
		}
		flags[id] = old | set
		c, err := r.commit(ctx, id)
		if err != nil {
			return // the walk that comes to it reports it
		}
		heap.Push(&queue, &walked{Commit: c, excluded: set&below != 0})
		if set&below == 0 {
			open++
		}
	}
	for i, id := range []oid.ID{a, b} {
		if id, err = r.peel(ctx, id, oid.Commit); err != nil {
			return nil, err
		}
		enter(id, uint8(ofA<<i))
	}
	for open > 0 {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		c := heap.Pop(&queue).(*walked)
		if !c.excluded {
			open--
		}
		set := flags[c.ID]
		if set == ofA|ofB {
			bases = append(bases, c.ID)
			set |= below
		}
		if !slices.Contains(db.repo.Shallow, c.ID) {
			for _, id := range c.Parents {
				enter(id, set)
			}
		}
	}
	return slices.DeleteFunc(bases, func(id oid.ID) bool { return flags[id]&below != 0 }), nil
}
