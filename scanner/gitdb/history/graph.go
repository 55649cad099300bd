package history

import (
	"context"
	"maps"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// link is an entry of a tree that leads to a wanted object.
type link struct {
	name string
	id   oid.ID
}

// graph holds, for each tree from which a wanted object can be reached, the
// entries that lead there.
type graph map[oid.ID][]link

// maxTreeDepth is how deep folders may be nested: twice git's core.maxTreeDepth,
// which older versions do not have.
const maxTreeDepth = 4096

// graphOf finds every tree of the database, in use or not, from which an
// object of wanted can be reached. It needs the edges that Scan collected:
// only families where some version newly names a wanted object are read again,
// and of those only the versions that may hold it.
//
// skipped is what could not be read again, or is nested deeper than maxTreeDepth.
// The error is ctx's alone.
func (db *Database) graphOf(ctx context.Context, wanted map[oid.ID]struct{}) (g graph, skipped gitdb.Skips, _ error) {
	g = make(graph)
	for depth := 0; len(wanted) > 0; depth++ {
		if depth == maxTreeDepth {
			skipped.Add(finding.ReasonTooLarge, 1, "paths of the history: folders are nested deeper than %d", maxTreeDepth)
			return g, skipped, nil
		}
		found := make(graph)
		for store, need := range db.candidates(wanted) {
			if need != nil {
				skipped.Merge(db.holders(ctx, store, need, wanted, found))
			}
		}
		if ctx.Err() != nil {
			return nil, skipped, context.Cause(ctx)
		}
		wanted = make(map[oid.ID]struct{})
		for tree, links := range found {
			if _, known := g[tree]; !known {
				wanted[tree] = struct{}{}
			}
			g[tree] = append(g[tree], links...)
		}
	}
	return g, skipped, nil
}

// candidates returns, for each store, the trees that may name an object of
// wanted, with all that they are built on; nil: there are none.
func (db *Database) candidates(wanted map[oid.ID]struct{}) []*pack.Bits {
	hashes := make(map[uint32]struct{}, len(wanted))
	filter := pack.NewBits(1 << 16) // spares most edges a look into the map
	for id := range wanted {
		hashes[childHash(id)] = struct{}{}
		filter.Add(int(uint16(childHash(id))))
	}
	candidates := make([]*pack.Bits, db.stores())
	for store, edges := range db.edges {
		var need *pack.Bits
		for _, e := range edges {
			if !filter.Has(int(uint16(e.child))) {
				continue
			}
			if _, ok := hashes[e.child]; !ok {
				continue
			}
			if need == nil {
				need = db.newBits(store)
			}
			if store == db.looseStore() {
				need.Add(int(e.tree))
			} else {
				db.packs[store].AddWithBases(need, int(e.tree))
			}
		}
		candidates[store] = need
	}
	return candidates
}

// holders puts into found the trees of a store that name an object of wanted,
// with the entries that do; need holds those that may. It returns what could not
// be read.
func (db *Database) holders(ctx context.Context, store int, need *pack.Bits, wanted map[oid.ID]struct{}, found graph) (skipped gitdb.Skips) {
	var visitors []*holderVisitor
	err := db.walk(ctx, store, pack.WalkOptions{
		Need: need,
		NewVisitor: func() pack.Visitor {
			v := &holderVisitor{reader: db.reader(store), wanted: wanted, found: make(graph)}
			visitors = append(visitors, v)
			return v
		},
	})
	for _, v := range visitors {
		maps.Copy(found, v.found)
		skipped.Merge(v.skipped)
	}
	if err != nil {
		skipped.Add(gitdb.ReasonOf(err), 1, "trees of the history: %v", err)
	}
	return skipped
}

// holderVisitor collects the trees that name an object of wanted. A tree is
// marked if it does.
type holderVisitor struct {
	reader
	wanted map[oid.ID]struct{}
	found  graph
}

// Visit implements pack.Visitor.
func (v *holderVisitor) Visit(o *pack.Object) (mark bool, err error) {
	starts := o.Starts
	if o.Delta && !o.BaseMarked {
		// No entry that it shares with its base is wanted.
		starts = o.FreshStarts
	}
	var links []link
	for _, at := range starts {
		e, _, err := pack.ParseTreeEntry(o.Data, int(at), v.size)
		if err != nil {
			v.Fail(o.Entry, 1, err)
			break
		}
		if e.IsSubmodule() {
			continue
		}
		if _, ok := v.wanted[e.ID]; ok {
			links = append(links, link{string(e.Name), e.ID})
		}
	}
	if len(links) == 0 {
		return false, nil
	}
	v.found[v.claimed(o.Entry)] = links
	return true, nil
}
