package gitdb

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

// closure finds every tree of the database, in use or not, from which an
// object of wanted can be reached. It needs the edges that Scan collected:
// only families where some version newly names a wanted object are read again,
// and of those only the versions that may hold it.
//
// cut says that trees nested deeper than maxTreeDepth were left out.
func (db *Database) closure(ctx context.Context, wanted map[oid.ID]struct{}) (_ graph, cut bool, _ error) {
	g := make(graph)
	for depth := 0; len(wanted) > 0; depth++ {
		if depth == maxTreeDepth {
			return g, true, nil
		}
		found, err := db.holders(ctx, wanted)
		if err != nil {
			return nil, false, err
		}
		next := make(map[oid.ID]struct{})
		for tree, links := range found {
			if _, known := g[tree]; !known {
				next[tree] = struct{}{}
			}
			g[tree] = append(g[tree], links...)
		}
		wanted = next
	}
	return g, false, nil
}

// maxTreeDepth is how deep folders may be nested: git's core.maxTreeDepth is
// 2048.
const maxTreeDepth = 2048

// holders returns the trees that name an object of wanted, with the entries
// that do.
func (db *Database) holders(ctx context.Context, wanted map[oid.ID]struct{}) (map[oid.ID][]link, error) {
	hashes := make(map[uint32]struct{}, len(wanted))
	filter := pack.NewBits(1 << 16) // lets most edges go without a look into the map
	for id := range wanted {
		hashes[childHash(id)] = struct{}{}
		filter.Add(int(uint16(childHash(id))))
	}
	found := make(map[oid.ID][]link)
	for store := range db.stores() {
		var need *pack.Bits
		for _, e := range db.edges[store] {
			if !filter.Has(int(uint16(e.child))) {
				continue
			}
			if _, ok := hashes[e.child]; !ok {
				continue
			}
			if need == nil {
				n := len(db.loose)
				if store < len(db.packs) {
					n = db.packs[store].Count()
				}
				need = pack.NewBits(n)
			}
			if store < len(db.packs) {
				db.packs[store].AddWithBases(need, int(e.tree))
			} else {
				need.Add(int(e.tree))
			}
		}
		if need == nil {
			continue
		}
		var err error
		if store < len(db.packs) {
			err = db.packHolders(ctx, db.packs[store], need, wanted, found)
		} else {
			err = db.looseHolders(ctx, need, wanted, found)
		}
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (db *Database) packHolders(ctx context.Context, p *pack.Pack, need *pack.Bits, wanted map[oid.ID]struct{}, found map[oid.ID][]link) error {
	var visitors []*holderVisitor
	err := p.Walk(ctx, pack.WalkOptions{
		Workers: db.workers, MaxObject: db.maxObject, Type: oid.Tree, Need: need,
		NewVisitor: func() pack.Visitor {
			v := &holderVisitor{pack: p, wanted: wanted, size: db.repo.Format.Size(), found: make(map[oid.ID][]link)}
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

func (db *Database) looseHolders(ctx context.Context, need *pack.Bits, wanted map[oid.ID]struct{}, found map[oid.ID][]link) error {
	size := db.repo.Format.Size()
	r := looseReader{size: size}
	for i, l := range db.loose {
		if !need.Has(i) {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		// What cannot be read was told by Scan.
		_ = r.read(l, db.maxObject, func(o *pack.Object) error {
			if links := wantedLinks(o.Data, o.Starts, wanted, size); len(links) > 0 {
				found[l.id] = links
			}
			return nil
		})
	}
	return nil
}

// wantedLinks returns the entries, of those that start at starts, that name an
// object of wanted.
func wantedLinks(tree []byte, starts []uint32, wanted map[oid.ID]struct{}, size int) (links []link) {
	for _, at := range starts {
		e, _, err := pack.ParseTreeEntry(tree, int(at), size)
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
	pack   *pack.Pack
	wanted map[oid.ID]struct{}
	size   int
	found  map[oid.ID][]link
}

// Visit implements pack.Visitor.
func (v *holderVisitor) Visit(o *pack.Object) (mark bool, err error) {
	starts := o.Starts
	if o.Delta && !o.BaseMarked {
		// No entry that it shares with its base is wanted.
		starts = o.FreshStarts
	}
	links := wantedLinks(o.Data, starts, v.wanted, v.size)
	if len(links) == 0 {
		return false, nil
	}
	v.found[v.pack.ID(o.Entry)] = links
	return true, nil
}

// Fail implements pack.Visitor: Scan has told of it.
func (v *holderVisitor) Fail(int, int, error) {}

// walker enumerates the paths that lead to wanted objects, within a budget: a
// few nested trees can make more paths than there are atoms.
type walker struct {
	ctx    context.Context
	graph  graph
	held   map[oid.ID][]int32
	budget int
	byName map[oid.ID]map[string][]oid.ID // of large trees
}

// pathBudget bounds how many tree entries one Trace follows: each may become a
// place in memory.
const pathBudget = 2_000_000

// introduced calls emit for each held object below tree, with its path, that
// stands at this path below none of parents.
func (w *walker) introduced(tree oid.ID, parents []oid.ID, path string, emit func(path string, id oid.ID)) {
	links := w.graph[tree]
	for _, l := range links {
		if w.budget--; w.budget < 0 {
			return
		}
		if w.budget%4096 == 0 && w.ctx.Err() != nil {
			w.budget = -1
			return
		}
		var below []oid.ID
		known := false
		for _, p := range parents {
			for _, id := range w.named(p, l.name) {
				known = known || id == l.id
				below = append(below, id)
			}
		}
		if known {
			continue
		}
		at := l.name
		if path != "" {
			at = path + "/" + l.name
		}
		if _, ok := w.held[l.id]; ok {
			emit(at, l.id)
		}
		if _, ok := w.graph[l.id]; ok && len(at) < maxPath {
			w.introduced(l.id, below, at, emit)
		}
	}
}

// named returns what the entries of a tree that bear a name lead to.
func (w *walker) named(tree oid.ID, name string) (ids []oid.ID) {
	links := w.graph[tree]
	if len(links) > 16 {
		index := w.byName[tree]
		if index == nil {
			index = make(map[string][]oid.ID, len(links))
			for _, l := range links {
				index[l.name] = append(index[l.name], l.id)
			}
			if w.byName == nil || len(w.byName) > 256 {
				w.byName = make(map[oid.ID]map[string][]oid.ID)
			}
			w.byName[tree] = index
		}
		return index[name]
	}
	for _, l := range links {
		if l.name == name {
			ids = append(ids, l.id)
		}
	}
	return ids
}

// maxPath ends the descent into trees that name themselves, which only a forged
// index makes possible, and into hostile depths.
const maxPath = 1 << 16
