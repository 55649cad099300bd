package history

import (
	"context"

	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
)

// Trace is where and when keys were in the history.
type Trace struct {
	Keys []KeyTrace // by key number
	// Paths are those of each object that holds a key, sorted.
	Paths map[oid.ID][]PathTrace
	// Cut says that the history holds more paths than were listed.
	Cut bool
	// Skipped is what could not be read again.
	Skipped gitdb.Skips
}

// KeyTrace is the history of one key.
type KeyTrace struct {
	// First is the commit that holds the key and none of whose parents does,
	// the smallest by (date, id). Zero if no commit holds it.
	First gitdb.CommitRef
	// Last is HEAD if it holds the key, else the commit with the greatest
	// (date, id) that does.
	Last      gitdb.CommitRef
	Reachable bool // a ref reaches a commit, tag or object that holds it
	InHead    bool // HEAD's tree holds it
}

// PathTrace is a path at which commits hold an object. Path is "" for commits,
// tags, and objects that no tree names.
type PathTrace struct {
	Path      string
	Commit    gitdb.CommitRef // the first that brought it there; zero if none
	Reachable bool            // from a ref or a HEAD
	InHead    bool            // HEAD's tree holds it there
	Merged    bool            // from the trusted commit
}

// Trace finds the history of keys. held gives, for each object that holds one,
// the numbers of its keys, which are below keys. PathTrace.Merged is about the
// commit trusted; one that is not in the database reaches nothing.
func (db *Database) Trace(ctx context.Context, held map[oid.ID][]int32, keys int, trusted oid.ID) (*Trace, error) {
	t := &tracer{Trace: Trace{Keys: make([]KeyTrace, keys), Paths: make(map[oid.ID][]PathTrace, len(held))}}
	if len(held) == 0 {
		return &t.Trace, nil
	}
	wanted := make(map[oid.ID]struct{}, len(held))
	for id := range held {
		wanted[id] = struct{}{}
	}
	g, skipped, cut, err := db.graphOf(ctx, wanted)
	if err != nil {
		return nil, err
	}
	t.ctx, t.db, t.reach, t.head, t.Skipped = ctx, db, db.reach(), db.commitNumber(db.repo.Head), skipped
	t.merged = t.reachedFrom(db.commitNumber(trusted))
	t.keySets = newKeySets(g, held, keys)
	t.keys()
	t.paths, t.budget = make(map[oid.ID]map[string]*PathTrace), linksFollowed
	t.list()
	t.collect()
	t.Cut = cut || t.full || t.budget < 0
	return &t.Trace, context.Cause(ctx)
}

// tracer is one run of Trace.
type tracer struct {
	Trace
	*reach
	*keySets
	ctx    context.Context
	db     *Database
	head   int32  // commit number of HEAD, or noCommit
	merged []bool // by commit: the trusted one reaches it

	// Of listing paths:
	paths  map[oid.ID]map[string]*PathTrace
	budget int                            // links that may still be followed
	full   bool                           // an object has more paths than are kept
	byName map[oid.ID]map[string][]oid.ID // entries of large trees
}

// keys fills Keys.
func (t *tracer) keys() {
	before := make([]uint64, t.words)
	for i := range t.db.commits {
		t.sightMessage(i)
		t.sightTree(i, before)
	}
	for _, tip := range t.tips {
		if tip.commit == noCommit {
			t.each(tip.other, func(k int) { t.Keys[k].Reachable = true })
		}
	}
	for _, tag := range t.tags {
		for _, k := range t.held[tag.ID] {
			t.Keys[k].Reachable = true
		}
	}
	if t.head != noCommit {
		head := t.ref(int(t.head))
		t.each(t.db.commits[t.head].Tree, func(k int) {
			t.Keys[k].InHead = true
			t.Keys[k].Last = head
		})
	}
}

func (t *tracer) ref(commit int) gitdb.CommitRef {
	c := &t.db.commits[commit]
	return gitdb.CommitRef{ID: c.ID, Date: c.Date}
}

// sightMessage notes the keys in the message of a commit: they were not there
// before, and are not removed later.
func (t *tracer) sightMessage(commit int) {
	for _, k := range t.held[t.db.commits[commit].ID] {
		key := &t.Keys[k]
		key.sight(t.ref(commit), true)
		key.Reachable = key.Reachable || t.reachable[commit]
	}
}

// sightTree notes the keys in the tree of a commit, and which of them no parent
// holds. before is scratch.
func (t *tracer) sightTree(commit int, before []uint64) {
	ref := t.ref(commit)
	set := t.keysBelow(t.db.commits[commit].Tree)
	same := len(t.parents[commit]) > 0 // all parents hold the same keys
	clear(before)
	for _, p := range t.parents[commit] {
		if p == noCommit {
			same = false
			continue
		}
		n := t.keysBelow(t.db.commits[p].Tree)
		same = same && n == set
		unite(before, t.sets[n])
	}
	now := t.sets[set]
	eachKey(now, t.sets[0], func(k int) {
		t.Keys[k].sight(ref, false)
		t.Keys[k].Reachable = t.Keys[k].Reachable || t.reachable[commit]
	})
	if !same {
		eachKey(now, before, func(k int) { t.Keys[k].sight(ref, true) })
	}
}

// sight notes that c holds the key; first says that no parent does.
func (k *KeyTrace) sight(c gitdb.CommitRef, first bool) {
	if first && (k.First.ID.IsZero() || c.Compare(k.First) < 0) {
		k.First = c
	}
	if k.Last.ID.IsZero() || c.Compare(k.Last) > 0 {
		k.Last = c
	}
}
