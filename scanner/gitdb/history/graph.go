package history

import (
	"context"

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

// maxTreeDepth is how deep folders may be nested: git's core.maxTreeDepth is
// 2048.
const maxTreeDepth = 2048

// graphOf finds every tree of the database, in use or not, from which an
// object of wanted can be reached. It needs the edges that Scan collected:
// only families where some version newly names a wanted object are read again,
// and of those only the versions that may hold it.
//
// cut says that trees nested deeper than maxTreeDepth were left out.
func (db *Database) graphOf(ctx context.Context, wanted map[oid.ID]struct{}) (_ graph, cut bool, _ error) {
	g := make(graph)
	for depth := 0; len(wanted) > 0; depth++ {
		if depth == maxTreeDepth {
			return g, true, nil
		}
		found, err := db.holders(ctx, wanted)
		if err != nil {
			return nil, false, err
		}
		wanted = make(map[oid.ID]struct{})
		for tree, links := range found {
			if _, known := g[tree]; !known {
				wanted[tree] = struct{}{}
			}
			g[tree] = append(g[tree], links...)
		}
	}
	return g, false, nil
}

// holders returns the trees that name an object of wanted, with the entries
// that do.
func (db *Database) holders(ctx context.Context, wanted map[oid.ID]struct{}) (graph, error) {
	found := make(graph)
	candidates := db.candidates(wanted)
	for store, p := range db.packs {
		if need := candidates[store]; need != nil {
			if err := db.packHolders(ctx, p, need, wanted, found); err != nil {
				return nil, err
			}
		}
	}
	if need := candidates[db.looseStore()]; need != nil {
		if err := db.looseHolders(ctx, need, wanted, found); err != nil {
			return nil, err
		}
	}
	return found, nil
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

func (db *Database) packHolders(ctx context.Context, p *pack.Pack, need *pack.Bits, wanted map[oid.ID]struct{}, found graph) error {
	var visitors []*holderVisitor
	err := p.Walk(ctx, pack.WalkOptions{
		Workers: db.workers, MaxObject: db.maxObject, Type: oid.Tree, Need: need,
		NewVisitor: func() pack.Visitor {
			v := &holderVisitor{pack: p, wanted: wanted, hashSize: db.repo.Format.Size(), found: make(graph)}
			visitors = append(visitors, v)
			return v
		},
	})
	for _, v := range visitors {
		for tree, links := range v.found {
			found[tree] = links
		}
	}
	return err
}

func (db *Database) looseHolders(ctx context.Context, need *pack.Bits, wanted map[oid.ID]struct{}, found graph) error {
	r := db.repo.NewLooseReader(nil)
	for i, l := range db.loose {
		if !need.Has(i) {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		// Scan has reported what cannot be read.
		_ = r.Read(l, db.maxObject, func(o *pack.Object) error {
			if links := wantedLinks(o.Data, o.Starts, wanted, db.repo.Format.Size()); len(links) > 0 {
				found[l.ID] = links
			}
			return nil
		})
	}
	return nil
}

// wantedLinks returns the entries, of those that start at starts, that name an
// object of wanted.
func wantedLinks(tree []byte, starts []uint32, wanted map[oid.ID]struct{}, hashSize int) (links []link) {
	for _, at := range starts {
		e, _, err := pack.ParseTreeEntry(tree, int(at), hashSize)
		if err != nil || e.IsSubmodule() {
			continue
		}
		if _, ok := wanted[e.ID]; ok {
			links = append(links, link{string(e.Name), e.ID})
		}
	}
	return links
}

// holderVisitor collects the trees that name an object of wanted. A tree is
// marked if it does.
type holderVisitor struct {
	pack     *pack.Pack
	wanted   map[oid.ID]struct{}
	hashSize int
	found    graph
}

// Visit implements pack.Visitor.
func (v *holderVisitor) Visit(o *pack.Object) (mark bool, err error) {
	starts := o.Starts
	if o.Delta && !o.BaseMarked {
		// No entry that it shares with its base is wanted.
		starts = o.FreshStarts
	}
	links := wantedLinks(o.Data, starts, v.wanted, v.hashSize)
	if len(links) == 0 {
		return false, nil
	}
	v.found[v.pack.ID(o.Entry)] = links
	return true, nil
}

// Fail implements pack.Visitor: Scan has reported it.
func (v *holderVisitor) Fail(int, int, error) {}
