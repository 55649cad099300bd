package history

import (
	"context"
	"slices"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
)

// Trace is where and when keys were in the history.
type Trace struct {
	Keys []KeyTrace // by key number
	// Paths are those of each object that holds a key, sorted.
	Paths map[oid.ID][]PathTrace
	// Whole says that nothing was left unread, of the database or by Trace. Else
	// there may be other commits and paths, and no Path is that of an object that
	// hangs from no commit: the folders above may be what was not read.
	Whole bool
	// Skipped is what could not be read again, or is beyond the limits.
	Skipped gitdb.Skips
}

// KeyTrace is the history of one key.
type KeyTrace struct {
	// First is the commit that holds the key and none of whose parents does,
	// the smallest by (date, id). Zero if no commit holds it.
	First gitdb.CommitRef
	// Last is HEAD if it holds the key, else the commit with the greatest
	// (date, id) that does.
	Last gitdb.CommitRef
	// Removed is the commit that lacks the key, although a parent's tree holds it:
	// the greatest by (date, id) of all that a ref reaches. Zero if there is none.
	Removed   gitdb.CommitRef
	Reachable bool // a ref reaches a commit, tag or object that holds it
	InHead    bool // HEAD's tree holds it
	InBranch  bool // the tree of HEAD, or of a local or remote branch, holds it
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
// commit trusted; one that is not in the database reaches nothing. An object may
// have more paths than Paths lists: each is given to unlisted, perhaps more than
// once.
func (db *Database) Trace(ctx context.Context, held map[oid.ID][]int32, keys int, trusted oid.ID, unlisted func(oid.ID, PathTrace)) (*Trace, error) {
	t := &tracer{Trace: Trace{Keys: make([]KeyTrace, keys), Paths: make(map[oid.ID][]PathTrace, len(held)), Whole: !db.partial}}
	if len(held) == 0 {
		return &t.Trace, nil
	}
	wanted := make(map[oid.ID]struct{}, len(held))
	for id := range held {
		wanted[id] = struct{}{}
	}
	g, skipped, err := db.graphOf(ctx, wanted)
	if err != nil {
		return nil, err
	}
	t.ctx, t.db, t.reach, t.head, t.Skipped = ctx, db, db.reach(), db.commitNumber(db.repo.Head), skipped
	t.merged = t.reachedFrom(db.commitNumber(trusted))
	t.Whole = t.Whole && !finding.Incomplete(skipped)
	t.keySets = newKeySets(g, held, keys)
	t.keys()
	t.paths, t.unlisted, t.links, t.room = make(map[oid.ID]map[string]*PathTrace), unlisted, linksFollowed, keyPaths
	t.list()
	t.collect()
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
	paths    map[oid.ID]map[string]*PathTrace
	unlisted func(oid.ID, PathTrace)
	links    int                            // that may still be followed
	long     bool                           // a path is longer than allowed
	room     int                            // keys times paths that may still be listed
	byName   map[oid.ID]map[string][]oid.ID // entries of large trees
}

// keys fills Keys.
func (t *tracer) keys() {
	before := make([]uint64, t.words)
	// What commits with the same set of keys say together.
	type holders struct {
		newest    gitdb.CommitRef
		reachable bool
	}
	var bySet []holders
	for i := range t.db.commits {
		t.sightMessage(i)
		set := t.sightTree(i, before)
		for len(bySet) <= int(set) {
			bySet = append(bySet, holders{})
		}
		h, ref := &bySet[set], t.ref(i)
		if h.newest.ID.IsZero() || ref.Compare(h.newest) > 0 {
			h.newest = ref
		}
		h.reachable = h.reachable || t.reachable[i]
	}
	for set, h := range bySet {
		eachKey(t.sets[set], t.sets[0], func(k int) {
			t.Keys[k].sight(h.newest, false)
			t.Keys[k].Reachable = t.Keys[k].Reachable || h.reachable
		})
	}
	for _, tip := range t.tips {
		switch {
		case tip.commit == noCommit:
			t.each(tip.other, func(k int) { t.Keys[k].Reachable = true })
		case tip.branch:
			t.each(t.db.commits[tip.commit].Tree, func(k int) { t.Keys[k].InBranch = true })
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
			t.Keys[k].InHead, t.Keys[k].InBranch = true, true
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

// sightTree notes which keys in the tree of a commit no parent holds, and which of
// a parent's it lacks. It returns the set of those in the tree. before is scratch.
func (t *tracer) sightTree(commit int, before []uint64) int32 {
	set := t.keysBelow(t.db.commits[commit].Tree)
	differs := func(p int32) bool { return p == noCommit || t.keysBelow(t.db.commits[p].Tree) != set }
	if parents := t.parents[commit]; len(parents) > 0 && !slices.ContainsFunc(parents, differs) || len(parents) == 0 && set == 0 {
		return set // most commits leave the keys as they are
	}
	clear(before)
	for _, p := range t.parents[commit] {
		if p != noCommit {
			unite(before, t.sets[t.keysBelow(t.db.commits[p].Tree)])
		}
	}
	now, ref := t.sets[set], t.ref(commit)
	eachKey(now, before, func(k int) { t.Keys[k].sight(ref, true) })
	if t.reachable[commit] {
		eachKey(before, now, func(k int) {
			if key := &t.Keys[k]; key.Removed.ID.IsZero() || ref.Compare(key.Removed) > 0 {
				key.Removed = ref
			}
		})
	}
	return set
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
