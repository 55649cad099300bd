package history

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
)

// A few nested trees can make more paths than there are atoms. These limits
// bound what one Trace does: the first its time, and what is beyond it is not
// known; the others its memory, and what is beyond them is known and not listed.
const (
	linksFollowed  = 20_000_000
	pathsPerObject = 10_000
	keyPaths       = 500_000 // paths, times the keys of the object there
)

// list fills paths. HEAD and the tips come first: if the budget ends, these are
// what matters.
func (t *tracer) list() {
	t.listTags()
	if t.head != noCommit {
		t.below(t.db.commits[t.head].Tree, func(path string, id oid.ID) {
			t.note(id, PathTrace{Path: path, Reachable: true, InHead: true, Merged: t.merged[t.head]})
		})
	}
	for _, tip := range t.tips {
		if tip.commit == noCommit {
			t.below(tip.other, func(path string, id oid.ID) { t.note(id, PathTrace{Path: path, Reachable: true}) })
		}
	}
	for i := range t.db.commits {
		if i%1024 == 0 && t.ctx.Err() != nil {
			return
		}
		t.listCommit(i)
	}
	t.checkLimits()
	t.listLost()
}

// checkLimits notes the limits that were met.
func (t *tracer) checkLimits() {
	limit := ""
	switch {
	case !t.Whole || t.ctx.Err() != nil: // which is noted
	case t.links < 0:
		limit = fmt.Sprintf("more than %d entries of folders lead to the keys found", linksFollowed)
	case t.long:
		limit = fmt.Sprintf("some are longer than %d bytes", gitdb.MaxPath)
	}
	if limit != "" {
		t.Skipped.Add(finding.ReasonTooLarge, 1, "paths of the history: %s", limit)
		t.Whole = false
	}
}

// collect sorts paths into Paths.
func (t *tracer) collect() {
	for id, paths := range t.paths {
		list := make([]PathTrace, 0, len(paths))
		for _, p := range paths {
			list = append(list, *p)
		}
		slices.SortFunc(list, func(a, b PathTrace) int { return cmp.Compare(a.Path, b.Path) })
		t.Paths[id] = list
	}
}

// listTags notes the tags that hold a key.
func (t *tracer) listTags() {
	note := func(tags []gitdb.Tag, reachable bool) {
		for _, tag := range tags {
			if _, ok := t.held[tag.ID]; ok {
				target := gitdb.CommitRef{Date: tag.Date}
				if tag.Type == oid.Commit {
					target.ID = tag.Target
				}
				t.note(tag.ID, PathTrace{Commit: target, Reachable: reachable})
			}
		}
	}
	note(t.tags, true)
	note(t.db.tags, false)
}

// listCommit notes what a commit holds that no parent does.
func (t *tracer) listCommit(commit int) {
	c, ref := &t.db.commits[commit], t.ref(commit)
	if _, ok := t.held[c.ID]; ok {
		t.note(c.ID, PathTrace{Commit: ref, Reachable: t.reachable[commit], Merged: t.merged[commit]})
	}
	if t.keysBelow(c.Tree) == 0 {
		return
	}
	var trees []oid.ID
	for _, p := range t.parents[commit] {
		if p != noCommit {
			trees = append(trees, t.db.commits[p].Tree)
		}
	}
	if slices.Contains(trees, c.Tree) {
		return
	}
	emit := func(path string, id oid.ID) {
		t.note(id, PathTrace{Path: path, Commit: ref, Reachable: t.reachable[commit], Merged: t.merged[commit]})
	}
	if _, ok := t.held[c.Tree]; ok {
		emit("", c.Tree)
	}
	t.introduced(c.Tree, trees, "", emit)
}

// listLost notes the objects that no commit and no ref leads to: they hang from
// trees that nothing names, or from nothing. If not all was read, that may be what
// names such a tree, and a path from there would be that of another folder.
func (t *tracer) listLost() {
	if t.Whole {
		t.listLostTrees()
		t.checkLimits()
	}
	for id := range t.held {
		if t.paths[id] == nil {
			t.note(id, PathTrace{})
		}
	}
}

func (t *tracer) listLostTrees() {
	named := make(map[oid.ID]bool) // trees that a commit or a tree names
	for _, c := range t.db.commits {
		if _, ok := t.graph[c.Tree]; ok {
			named[c.Tree] = true
		}
	}
	for _, links := range t.graph {
		for _, l := range links {
			named[l.id] = true
		}
	}
	lost := make(map[oid.ID]bool)
	for id := range t.held {
		lost[id] = t.paths[id] == nil
	}
	for _, tree := range slices.SortedFunc(maps.Keys(t.graph), oid.ID.Compare) {
		if !named[tree] {
			t.below(tree, func(path string, id oid.ID) {
				if lost[id] {
					t.note(id, PathTrace{Path: path})
				}
			})
		}
	}
}

// note notes that an object is at a path, which at.Commit brought in.
func (t *tracer) note(id oid.ID, at PathTrace) {
	paths := t.paths[id]
	if paths == nil {
		paths = make(map[string]*PathTrace)
		t.paths[id] = paths
	}
	p := paths[at.Path]
	switch cost := len(t.held[id]); {
	case p != nil:
		if !at.Commit.ID.IsZero() && (p.Commit.ID.IsZero() || at.Commit.Compare(p.Commit) < 0) {
			p.Commit = at.Commit
		}
		p.Reachable, p.Merged = p.Reachable || at.Reachable, p.Merged || at.Merged
	case len(paths) == pathsPerObject || len(paths) > 0 && t.room < cost:
		t.unlisted(id, at)
	default:
		t.room -= cost
		paths[at.Path] = &at
	}
}

// below calls emit for every held object at and below an object.
func (t *tracer) below(id oid.ID, emit func(path string, id oid.ID)) {
	if _, ok := t.held[id]; ok {
		emit("", id)
	}
	t.introduced(id, nil, "", emit)
}

// introduced calls emit for each held object below tree, which is at path, that
// none of parents has at the same path.
func (t *tracer) introduced(tree oid.ID, parents []oid.ID, path string, emit func(path string, id oid.ID)) {
	for _, l := range t.graph[tree] {
		if t.links--; t.links < 0 {
			return
		}
		if t.links%4096 == 0 && t.ctx.Err() != nil {
			t.links = -1
			return
		}
		var below []oid.ID
		known := false
		for _, p := range parents {
			for _, id := range t.named(p, l.name) {
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
		if _, ok := t.held[l.id]; ok {
			emit(at, l.id)
		}
		if _, ok := t.graph[l.id]; !ok {
			continue
		}
		// Trees that name themselves, which only a forged index makes
		// possible, end where the path is too long.
		if len(at) >= gitdb.MaxPath {
			t.long = true
			continue
		}
		t.introduced(l.id, below, at, emit)
	}
}

// named returns what the entries of a tree that bear a name lead to.
func (t *tracer) named(tree oid.ID, name string) (ids []oid.ID) {
	links := t.graph[tree]
	if len(links) > 16 {
		index := t.byName[tree]
		if index == nil {
			index = make(map[string][]oid.ID, len(links))
			for _, l := range links {
				index[l.name] = append(index[l.name], l.id)
			}
			if t.byName == nil || len(t.byName) > 256 {
				t.byName = make(map[oid.ID]map[string][]oid.ID)
			}
			t.byName[tree] = index
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
