package gitdb

import (
	"cmp"
	"context"
	"maps"
	"math/bits"
	"slices"
	"sort"

	"keysweep/finding"
	"keysweep/scanner/gitdb/oid"
)

// Trace is where and when keys were in the history.
type Trace struct {
	Keys   []KeyTrace         // by key number
	Places map[oid.ID][]Place // of each object that holds a key, sorted by path
	// Cut says that the history holds more places than were enumerated.
	Cut bool
}

// KeyTrace is the history of one key.
type KeyTrace struct {
	// First is the commit that holds the key and none of whose parents does,
	// the smallest by (date, id). Zero if no commit holds it.
	First CommitRef
	// Last is HEAD if it holds the key, else the commit with the greatest
	// (date, id) that does.
	Last CommitRef
	// Removed is the date of the newest commit that does not hold the key
	// while a parent does; 0 if there is none.
	Removed int64
	AtTip   bool // a ref holds it
	InHead  bool // HEAD's tree holds it
}

// CommitRef is a commit and its committer date in seconds since 1970 UTC.
type CommitRef struct {
	ID   oid.ID
	Date int64
}

func (c CommitRef) compare(d CommitRef) int {
	return cmp.Or(cmp.Compare(c.Date, d.Date), c.ID.Compare(d.ID))
}

// Place is a path at which commits hold an object. Path is "" for commits,
// tags, and objects that no tree names.
type Place struct {
	Path      string
	Commit    CommitRef // the first that brought it there; zero if none
	Reachable bool      // from a ref or a HEAD
	InHead    bool      // HEAD's tree holds it there
}

// noCommit stands for a parent that is not in the database.
const noCommit = -1

// Trace finds the history of keys. held gives, for each object that holds one,
// the numbers of its keys, which are below keys.
func (db *Database) Trace(ctx context.Context, held map[oid.ID][]int32, keys int) (*Trace, error) {
	t := &Trace{Keys: make([]KeyTrace, keys), Places: make(map[oid.ID][]Place, len(held))}
	if len(held) == 0 {
		return t, nil
	}
	wanted := make(map[oid.ID]struct{}, len(held))
	for id := range held {
		wanted[id] = struct{}{}
	}
	g, cut, err := db.closure(ctx, wanted)
	if err != nil {
		return nil, err
	}
	tr := &tracer{
		db: db, Trace: t, held: held, parents: db.parents(),
		sets: newKeySets(g, held, keys), walker: walker{ctx: ctx, graph: g, held: held, budget: pathBudget},
		places: make(map[oid.ID]map[string]*Place),
	}
	tr.reach()
	tr.history()
	tr.enumerate(ctx)
	tr.collect()
	t.Cut = t.Cut || cut || tr.walker.budget < 0
	return t, context.Cause(ctx)
}

// parents returns, for each commit, the numbers of its parents.
func (db *Database) parents() [][]int32 {
	all := make([][]int32, len(db.commits))
	for i, c := range db.commits {
		list := make([]int32, len(c.Parents))
		for j, id := range c.Parents {
			list[j] = db.commitNumber(id)
		}
		all[i] = list
	}
	return all
}

// commitNumber returns the place of a commit in db.commits, or noCommit.
func (db *Database) commitNumber(id oid.ID) int32 {
	i := sort.Search(len(db.commits), func(i int) bool { return db.commits[i].ID.Compare(id) >= 0 })
	if i < len(db.commits) && db.commits[i].ID == id {
		return int32(i)
	}
	return noCommit
}

// keySets gives each wanted tree the set of keys below it. Equal sets are one.
type keySets struct {
	graph  graph
	held   map[oid.ID][]int32
	words  int
	number map[string]int32
	sets   [][]uint64 // by number; number 0 is the empty set
	of     map[oid.ID]int32
	key    []byte
}

func newKeySets(g graph, held map[oid.ID][]int32, keys int) *keySets {
	s := &keySets{graph: g, held: held, words: (keys + 63) / 64, number: make(map[string]int32), of: make(map[oid.ID]int32)}
	s.intern(make([]uint64, s.words))
	return s
}

// intern returns the number of a set.
func (s *keySets) intern(set []uint64) int32 {
	s.key = s.key[:0]
	for _, w := range set {
		for shift := 0; shift < 64; shift += 8 {
			s.key = append(s.key, byte(w>>shift))
		}
	}
	if n, ok := s.number[string(s.key)]; ok {
		return n
	}
	n := int32(len(s.sets))
	s.number[string(s.key)] = n
	s.sets = append(s.sets, slices.Clone(set))
	return n
}

// below returns the number of the set of keys that an object holds or leads to.
func (s *keySets) below(id oid.ID) int32 {
	if n, ok := s.of[id]; ok {
		return n
	}
	own, links := s.held[id], s.graph[id]
	if len(own) == 0 && len(links) == 0 {
		return 0
	}
	s.of[id] = 0 // ends a cycle, which only a forged index makes possible
	set := make([]uint64, s.words)
	for _, k := range own {
		set[k/64] |= 1 << (k % 64)
	}
	for _, l := range links {
		unite(set, s.sets[s.below(l.id)])
	}
	n := s.intern(set)
	s.of[id] = n
	return n
}

func unite(set, more []uint64) {
	for i, w := range more {
		set[i] |= w
	}
}

// each calls f with every key of set that is not in but.
func each(set, but []uint64, f func(key int)) {
	for i, w := range set {
		for w &^= but[i]; w != 0; w &= w - 1 {
			f(i*64 + bits.TrailingZeros64(w))
		}
	}
}

// tracer is one run of Trace.
type tracer struct {
	*Trace
	db        *Database
	held      map[oid.ID][]int32
	parents   [][]int32
	sets      *keySets
	walker    walker
	reachable []bool // by commit
	head      int32  // commit number of HEAD, or noCommit
	tips      []tip
	places    map[oid.ID]map[string]*Place
}

// tip is what a ref leads to, tags followed.
type tip struct {
	commit int32  // or noCommit:
	other  oid.ID // a tree or blob
}

// reach finds the tips and all commits that they reach.
func (t *tracer) reach() {
	tags := make(map[oid.ID]tagTarget, len(t.db.tags))
	for _, g := range t.db.tags {
		tags[g.id] = g
	}
	t.reachable = make([]bool, len(t.db.commits))
	var todo []int32
	seen := make(map[oid.ID]bool)
	for _, ref := range t.db.repo.Refs {
		id := ref.ID
		for range maxTags {
			g, ok := tags[id]
			if !ok {
				break
			}
			if _, ok := t.held[g.id]; ok {
				t.tagPlace(g, true)
			}
			id = g.target
		}
		if id.IsZero() || seen[id] {
			continue
		}
		seen[id] = true
		c := t.db.commitNumber(id)
		t.tips = append(t.tips, tip{c, id})
		if c != noCommit && !t.reachable[c] {
			t.reachable[c] = true
			todo = append(todo, c)
		}
	}
	for _, g := range t.db.tags {
		if _, ok := t.held[g.id]; ok {
			t.tagPlace(g, false)
		}
	}
	t.head = t.db.commitNumber(t.db.repo.Head)
	for len(todo) > 0 {
		c := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, p := range t.parents[c] {
			if p != noCommit && !t.reachable[p] {
				t.reachable[p] = true
				todo = append(todo, p)
			}
		}
	}
}

// maxTags bounds a chain of tags of tags.
const maxTags = 100

// tagPlace notes a tag that holds a key.
func (t *tracer) tagPlace(g tagTarget, reachable bool) {
	target := CommitRef{Date: g.date}
	if g.typ == oid.Commit {
		target.ID = g.target
	}
	t.place(g.id, "", target, reachable)
	if reachable {
		for _, k := range t.held[g.id] {
			t.Keys[k].AtTip = true
		}
	}
}

// placesPerObject is how many paths of one object are kept.
const placesPerObject = 10_000

// place notes that an object stands at a path.
func (t *tracer) place(id oid.ID, path string, by CommitRef, reachable bool) *Place {
	paths := t.places[id]
	if paths == nil {
		paths = make(map[string]*Place)
		t.places[id] = paths
	}
	p := paths[path]
	if p == nil && len(paths) == placesPerObject {
		t.Cut = true
		return &Place{}
	}
	if p == nil {
		p = &Place{Path: path, Commit: by}
		paths[path] = p
	}
	if !by.ID.IsZero() && (p.Commit.ID.IsZero() || by.compare(p.Commit) < 0) {
		p.Commit = by
	}
	p.Reachable = p.Reachable || reachable
	return p
}

// history fills Keys from the graph of commits.
func (t *tracer) history() {
	before := make([]uint64, t.sets.words)
	for i := range t.db.commits {
		c := &t.db.commits[i]
		ref := CommitRef{c.ID, c.Date}
		own := t.held[c.ID]
		set := t.sets.below(c.Tree)
		for _, k := range own {
			// A message: it was not there before, and is not removed later.
			key := &t.Keys[k]
			key.sight(ref, true)
			key.AtTip = key.AtTip || t.reachable[i]
		}
		same := len(t.parents[i]) > 0
		clear(before)
		for _, p := range t.parents[i] {
			if p == noCommit {
				same = false
				continue
			}
			n := t.sets.below(t.db.commits[p].Tree)
			same = same && n == set
			unite(before, t.sets.sets[n])
		}
		now := t.sets.sets[set]
		each(now, t.sets.sets[0], func(k int) { t.Keys[k].sight(ref, false) })
		if same {
			continue
		}
		each(now, before, func(k int) { t.Keys[k].sight(ref, true) })
		each(before, now, func(k int) { t.Keys[k].Removed = max(t.Keys[k].Removed, c.Date) })
	}
	for _, tip := range t.tips {
		tree := tip.other
		if tip.commit != noCommit {
			tree = t.db.commits[tip.commit].Tree
		}
		each(t.sets.sets[t.sets.below(tree)], t.sets.sets[0], func(k int) { t.Keys[k].AtTip = true })
	}
	if t.head == noCommit {
		return
	}
	head := &t.db.commits[t.head]
	each(t.sets.sets[t.sets.below(head.Tree)], t.sets.sets[0], func(k int) {
		t.Keys[k].InHead = true
		t.Keys[k].Last = CommitRef{head.ID, head.Date}
	})
}

// sight notes that c holds the key; first says that no parent does.
func (k *KeyTrace) sight(c CommitRef, first bool) {
	if first && (k.First.ID.IsZero() || c.compare(k.First) < 0) {
		k.First = c
	}
	if k.Last.ID.IsZero() || c.compare(k.Last) > 0 {
		k.Last = c
	}
}

// enumerate fills places.
func (t *tracer) enumerate(ctx context.Context) {
	// HEAD and the tips first: if the budget ends, these are what matters.
	if t.head != noCommit {
		head := t.db.commits[t.head]
		t.everything(head.Tree, func(path string, id oid.ID) {
			t.place(id, path, CommitRef{}, true).InHead = true
		})
	}
	for _, tip := range t.tips {
		if tip.commit == noCommit {
			t.everything(tip.other, func(path string, id oid.ID) { t.place(id, path, CommitRef{}, true) })
		}
	}
	named := make(map[oid.ID]bool) // trees that a commit or a tree names
	var trees []oid.ID
	for i, c := range t.db.commits {
		if i%1024 == 0 && ctx.Err() != nil {
			return
		}
		ref := CommitRef{c.ID, c.Date}
		if _, ok := t.held[c.ID]; ok {
			t.place(c.ID, "", ref, t.reachable[i])
		}
		if t.sets.below(c.Tree) == 0 {
			continue
		}
		named[c.Tree] = true
		trees = trees[:0]
		for _, p := range t.parents[i] {
			if p != noCommit {
				trees = append(trees, t.db.commits[p].Tree)
			}
		}
		if slices.Contains(trees, c.Tree) {
			continue
		}
		emit := func(path string, id oid.ID) { t.place(id, path, ref, t.reachable[i]) }
		if _, ok := t.held[c.Tree]; ok {
			emit("", c.Tree)
		}
		t.walker.introduced(c.Tree, trees, "", emit)
	}
	for _, links := range t.walker.graph {
		for _, l := range links {
			named[l.id] = true
		}
	}
	// What is left hangs from trees that nothing names, or from nothing.
	lost := make(map[oid.ID]bool)
	for id := range t.held {
		lost[id] = t.places[id] == nil
	}
	tops := slices.SortedFunc(maps.Keys(t.walker.graph), oid.ID.Compare)
	for _, tree := range tops {
		if !named[tree] {
			t.everything(tree, func(path string, id oid.ID) {
				if lost[id] {
					t.place(id, path, CommitRef{}, false)
				}
			})
		}
	}
	for id := range t.held {
		if t.places[id] == nil {
			t.place(id, "", CommitRef{}, false)
		}
	}
}

// everything calls emit for every held object at and below an object.
func (t *tracer) everything(id oid.ID, emit func(path string, id oid.ID)) {
	if _, ok := t.held[id]; ok {
		emit("", id)
	}
	t.walker.introduced(id, nil, "", emit)
}

// collect sorts places into Places.
func (t *tracer) collect() {
	for id, paths := range t.places {
		list := make([]Place, 0, len(paths))
		for _, p := range paths {
			list = append(list, *p)
		}
		slices.SortFunc(list, func(a, b Place) int { return cmp.Compare(a.Path, b.Path) })
		t.Places[id] = list
	}
}

// Missing returns the objects that are absent although something names them,
// as entries of a report. An absent object that no ref leads to is what git's
// garbage collection leaves behind, and no one misses it.
func (db *Database) Missing(ctx context.Context) ([]finding.Skipped, error) {
	var list []finding.Skipped
	if n := len(db.repo.Shallow); n > 0 {
		list = append(list, finding.Skipped{Reason: finding.ReasonShallow, Count: int64(n), Detail: "commits whose history was not cloned (git fetch --unshallow brings it)"})
	}
	wanted := make(map[oid.ID]struct{})
	for _, ref := range db.repo.Refs {
		if !ref.ID.IsZero() && !db.Has(ref.ID) {
			db.missing[ref.ID] = struct{}{}
		}
	}
	shallow := make(map[oid.ID]bool)
	for _, id := range db.repo.Shallow {
		if c := db.commitNumber(id); c != noCommit {
			for _, p := range db.commits[c].Parents {
				shallow[p] = true
			}
		}
	}
	for id := range db.missing {
		if !shallow[id] && id != emptyTree && id != emptyTree256 {
			wanted[id] = struct{}{}
		}
	}
	if len(wanted) == 0 {
		return list, nil
	}
	reached, err := db.reached(ctx, wanted)
	if err != nil {
		return list, err
	}
	if len(reached) == 0 {
		return list, nil
	}
	if db.promisor {
		return append(list, finding.Skipped{Reason: finding.ReasonPromisor, Count: int64(len(reached)), Detail: "objects that a partial clone left on its server (git fetch --refetch brings them)"}), nil
	}
	// The first few by name: a repository may miss half a million.
	slices.SortFunc(reached, oid.ID.Compare)
	for i, id := range reached {
		if i == missingNamed {
			list = append(list, finding.Skipped{Reason: finding.ReasonMissing, Count: int64(len(reached) - i), Detail: "further objects that the history names"})
			break
		}
		list = append(list, finding.Skipped{Reason: finding.ReasonMissing, Count: 1, Detail: "object " + id.String() + ", which the history names"})
	}
	return list, nil
}

// missingNamed is how many missing objects a report names.
const missingNamed = 10

// emptyTree is the tree without entries, which git knows without having it.
var (
	emptyTree, _    = oid.Parse([]byte("4b825dc642cb6eb9a060e54bf8d69288fbee4904"))
	emptyTree256, _ = oid.Parse([]byte("6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"))
)

// reached returns which of the wanted objects the refs lead to.
func (db *Database) reached(ctx context.Context, wanted map[oid.ID]struct{}) ([]oid.ID, error) {
	g, _, err := db.closure(ctx, wanted)
	if err != nil {
		return nil, err
	}
	t := &tracer{Trace: &Trace{}, db: db, parents: db.parents(), places: make(map[oid.ID]map[string]*Place)}
	t.reach()
	var list []oid.ID
	seen := make(map[oid.ID]bool)
	var todo []oid.ID
	see := func(id oid.ID) {
		if seen[id] {
			return
		}
		seen[id] = true
		if _, ok := wanted[id]; ok {
			list = append(list, id)
		}
		todo = append(todo, id)
	}
	for _, tip := range t.tips {
		if tip.commit == noCommit {
			see(tip.other)
		}
	}
	for i, c := range db.commits {
		if t.reachable[i] {
			see(c.Tree)
			for _, p := range c.Parents {
				see(p)
			}
		}
	}
	for len(todo) > 0 {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, l := range g[id] {
			see(l.id)
		}
	}
	return list, nil
}
