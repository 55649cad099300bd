package scanner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/lookup"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// keepNew keeps what is new of pending, and submits it. What a file held before
// it was changed is asked first: it is cheap, and an old key beside new lines is
// the ordinary case.
func (c *change) keepNew(ctx context.Context) error {
	for _, step := range []func(context.Context) error{c.findMerged, c.dropHeldAtPath, c.dropOutOfRange, c.dropHeldElsewhere, c.readTips} {
		if len(c.pending) == 0 {
			return nil
		}
		if err := step(ctx); err != nil {
			return err
		}
	}
	c.submit()
	return nil
}

// drop takes out of pending what old reports.
func (c *change) drop(old func(*introduction) bool) {
	c.pending = slices.DeleteFunc(c.pending, func(n introduction) bool { return old(&n) })
}

// dropHeldAtPath drops keys that a parent holds at the same path.
func (c *change) dropHeldAtPath(ctx context.Context) error {
	var ids []oid.ID
	for _, n := range c.pending {
		ids = append(ids, n.before...)
	}
	if err := c.learn(ctx, ids); err != nil {
		return err
	}
	c.drop(func(n *introduction) bool {
		isHeld, isAllowed, isOld := false, false, false
		for _, id := range n.before {
			if held, ok := c.known[id][n.match.Secret]; ok {
				isHeld, isAllowed = true, isAllowed || held.reason != ""
				isOld = isOld || !c.acceptsOld(n, n.path, held)
			}
		}
		if isHeld && !isAllowed {
			c.noteAllowed(n)
		}
		return isOld || isHeld && c.acceptsNew(n)
	})
	return nil
}

// dropOutOfRange drops what commits bring in that are not in the range after
// all.
func (c *change) dropOutOfRange(ctx context.Context) error {
	if c.inRange == nil {
		return nil
	}
	isInRange, err := c.inRange(ctx)
	if err != nil {
		return err
	}
	c.drop(func(n *introduction) bool {
		by := c.units[n.unit].by.ID
		return n.source != finding.SourceTag && !by.IsZero() && !isInRange(by)
	})
	return nil
}

// dropHeldElsewhere drops keys that a parent holds at any path.
func (c *change) dropHeldElsewhere(ctx context.Context) error {
	if err := c.learnParents(ctx); err != nil {
		return err
	}
	d, j := c.db.NewDiffer(treeBudget), c.collector.newJudge(ctx)
	defer func() { c.skip(d.Skipped...); d.Close() }()
	var failed error
	c.drop(func(n *introduction) bool {
		isHeld, isAllowed, isOld := false, false, false
		for _, tree := range c.units[n.unit].parents {
			held, ok := c.below[tree][n.match.Secret]
			isHeld, isAllowed = isHeld || ok, isAllowed || held.reason != ""
			if ok && !isOld && failed == nil {
				left := maxAccepted
				isOld, failed = c.holdsUnaccepted(ctx, d, j, n, tree, "", &left)
			}
		}
		if !isAllowed {
			c.noteAllowed(n)
		}
		return isOld || isHeld && c.acceptsNew(n)
	})
	return failed
}

// acceptsOld reports whether a person accepted path, or the comment beside the key
// of n that a parent has there: then it does not make the key old elsewhere.
func (c *change) acceptsOld(n *introduction, path string, held heldKey) bool {
	// Where HEAD's comments count, the key is rather taken for new.
	comment := finding.Comment{Found: held.reason != "", Reason: held.reason, Merged: c.opts.Trusted == ""}
	if len(held.inside) == 0 {
		return c.accepts(n, path, "", comment)
	}
	return !slices.ContainsFunc(held.inside, func(inside string) bool { return !c.accepts(n, path, inside, comment) })
}

// acceptsNew reports whether a person accepted the key of n where n adds it.
func (c *change) acceptsNew(n *introduction) bool {
	comment := n.view.comment
	comment.Merged = c.isMerged(n)
	return c.accepts(n, n.path, n.at.inside, comment)
}

func (c *change) accepts(n *introduction, path, inside string, comment finding.Comment) bool {
	return c.accept.Occurrence != nil && c.accept.Occurrence(n.match.Secret, &finding.Occurrence{
		Target: c.target.Name, Source: c.source, Path: path, Inside: location{inside: inside}.names(path), Comment: comment,
	})
}

// isMerged reports whether the commit whose comments count reaches what adds n.
func (c *change) isMerged(n *introduction) bool {
	by := c.units[n.unit].by.ID
	return n.source != finding.SourceTag && !by.IsZero() && c.merged(by)
}

// findMerged fills merged.
func (c *change) findMerged(ctx context.Context) error {
	merged, skipped, err := c.db.ReachedFrom(ctx, cmp.Or(c.opts.Trusted, "HEAD"), c.tips)
	c.merged = merged
	c.skip(skipped...)
	return err
}

// noteAllowed notes that the next commit accepts the key of n by a comment, if
// it does.
func (c *change) noteAllowed(n *introduction) {
	reason := n.view.comment.Reason
	if c.source != finding.SourceIndex || c.whole || reason == "" {
		return
	}
	c.result.Added = append(c.result.Added, finding.Exception{Kind: finding.KindInline, File: n.path, Line: n.at.line,
		Entry: n.match.Secret.ID(), Reason: reason})
	c.result.AddedMore += n.allowed
}

// atTip is a version of a file that a tip holds.
type atTip struct {
	blob   oid.ID
	merged bool // the commit whose comments count reaches the tip
}

// readTips gives what is pending the comment beside its key in the versions of
// its file that the tips hold, if they hold the key (a comment cannot be added to
// the past), and the line.
func (c *change) readTips(ctx context.Context) error {
	atTips := make(map[string][]atTip) // by path
	var ids []oid.ID
	for _, n := range c.pending {
		if _, known := atTips[n.path]; known || n.source != c.source || len(c.tips) == 0 {
			continue
		}
		atTips[n.path] = nil
		for _, tip := range c.tips {
			entry, err := c.db.AtPath(ctx, tip, n.path)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil && (errors.Is(err, lookup.ErrAbsent) || !errors.Is(err, lookup.ErrRevision)) {
				c.skipOne(gitdb.ReasonOf(err), fmt.Sprintf("%s at the end of the range: %v", n.path, err))
				c.cutKeys[n.match.Secret] = true
			}
			if err == nil && !entry.IsTree() && !entry.IsSubmodule() {
				merged := false
				commit, err := c.db.Resolve(ctx, tip.String()+"^{commit}")
				if err == nil {
					merged = c.merged(commit)
				} else if !errors.Is(err, lookup.ErrRevision) { // a tree is in no commit
					c.skipOne(gitdb.ReasonOf(err), fmt.Sprintf("the end of the range: %v", err))
				}
				atTips[n.path] = append(atTips[n.path], atTip{entry.ID, merged})
				ids = append(ids, entry.ID)
			}
		}
	}
	if err := c.learn(ctx, ids); err != nil {
		return err
	}
	for i := range c.pending {
		n := &c.pending[i]
		k := *n.candidate // which others share
		k.view.comment.Merged = c.isMerged(n)
		if n.source == c.source {
			k.view.readTips(atTips[n.path], c.known, k.match.Secret)
		}
		n.candidate = &k
	}
	return nil
}

// readTips takes over the comment and the line of the tips that hold the key: of
// several, the comment that is worth least.
func (v *view) readTips(tips []atTip, known map[oid.ID]keySet, key finding.Secret) {
	for _, tip := range tips {
		held, ok := known[tip.blob][key]
		if !ok {
			continue
		}
		comment := finding.Comment{Found: held.reason != "", Reason: held.reason, Foreign: v.comment.Foreign, Merged: tip.merged}
		if v.tipLine == 0 || !comment.Found || !comment.Merged && v.comment.Found {
			v.comment = comment
		}
		v.tipLine = held.line
	}
}

// submit gives what is pending to the collector, and notes which commit brought
// in each.
func (c *change) submit() {
	list := make([]candidate, 0, len(c.pending))
	merged := make(map[keyAt]bool) // as one blob may come from several commits
	for _, n := range c.pending {
		k := *n.candidate
		k.at.source, k.at.path = n.source, n.path
		list = append(list, k)
		by, brought := c.units[n.unit].by, keyAt{k.match.Secret, k.at}
		if old, ok := c.broughtBy[brought]; !ok || compareCommits(by, old) < 0 {
			c.broughtBy[brought] = by
		}
		merged[brought] = merged[brought] || k.view.comment.Merged
	}
	for i := range list {
		k := &list[i]
		k.view.comment.Merged = merged[keyAt{k.match.Secret, k.at}]
	}
	c.collector.add(list, false)
	c.pending = nil
}

// addOccurrences turns the locations at which commits of the range brought in a
// key into occurrences, and says which commit was the first.
func (c *change) addOccurrences(r *record) {
	if c.source == finding.SourceIndex {
		return
	}
	vs := make(versions)
	var first gitdb.CommitRef
	for l, v := range r.locations {
		by, ok := c.broughtBy[keyAt{cmp.Or(v.as, r.finding.Secret), l}]
		if !ok {
			continue
		}
		v.traced = true
		r.locations[l] = v
		if l.source != finding.SourceTag && !by.ID.IsZero() && (first.ID.IsZero() || compareCommits(by, first) < 0) {
			first = by
		}
		o := l.occurrence(v)
		o.Reachable = finding.Yes
		vs.add(version{o, l.object, by})
	}
	for _, o := range vs.occurrences() {
		o.Newest = o.Newest && o.Path != ""
		r.finding.Listed = append(r.finding.Listed, o)
	}
	if f := &r.finding; !first.ID.IsZero() && (f.FirstSeen.Commit == "" || sighting(first).Date.Before(f.FirstSeen.Date)) {
		f.FirstSeen = sighting(first)
	}
}

// keySet holds the keys of some content.
type keySet map[finding.Secret]heldKey

// heldKey is a key in a blob or a tree.
type heldKey struct {
	// reason is that of the comment keysweep:allow beside the key: in a blob, on
	// each of its lines; in a tree, in one of its blobs. "": there is none.
	reason string
	line   int // the first one, in a blob
	// inside are the places in a blob, as location has them.
	inside []string
}

// learn reads blobs and fills known.
func (c *change) learn(ctx context.Context, ids []oid.ID) error {
	slices.SortFunc(ids, oid.ID.Compare)
	ids = slices.Compact(ids)
	ids = slices.DeleteFunc(ids, func(id oid.ID) bool { _, ok := c.known[id]; return ok })
	for _, id := range ids {
		c.known[id] = nil
	}
	found, err := c.judgeObjects(ctx, oid.Blob, ids, false)
	if err != nil {
		return err
	}
	for id, list := range found {
		keys := make(keySet)
		for _, k := range list {
			held, ok := keys[k.match.Secret]
			if !ok {
				held = heldKey{reason: k.view.comment.Reason, line: k.at.line}
			} else if held.reason != "" {
				held.reason = k.view.comment.Reason
			}
			if n := len(held.inside); n == 0 || held.inside[n-1] != k.at.inside {
				held.inside = append(held.inside, k.at.inside)
			}
			keys[k.match.Secret] = held
		}
		c.known[id] = keys
	}
	return nil
}

// learnParents fills below for the parents of all units that pending is about.
// It reads all of their blobs, each once.
func (c *change) learnParents(ctx context.Context) error {
	var roots []oid.ID
	for _, n := range c.pending {
		roots = append(roots, c.units[n.unit].parents...)
	}
	if len(roots) == 0 {
		return nil
	}
	slices.SortFunc(roots, oid.ID.Compare)
	roots = slices.Compact(roots)
	d := c.db.NewDiffer(treeBudget)
	var blobs []oid.ID
	visited := make(map[oid.ID]bool)
	for todo := slices.Clone(roots); len(todo) > 0; {
		tree := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if visited[tree] {
			continue
		}
		visited[tree] = true
		err := d.Entries(ctx, tree, func(e *pack.TreeEntry) {
			switch {
			case e.IsTree():
				todo = append(todo, e.ID)
			case !e.IsSubmodule():
				blobs = append(blobs, e.ID)
			}
		})
		if err != nil {
			return err
		}
	}
	if err := c.learn(ctx, blobs); err != nil {
		return err
	}
	j := c.collector.newJudge(ctx)
	for _, tree := range roots {
		if _, err := c.keysBelow(ctx, d, j, tree); err != nil {
			return err
		}
	}
	c.skip(d.Skipped...)
	return nil
}

// treeBudget is how many bytes of trees are kept where one worker reads them.
const treeBudget = 32 << 20

// keysBelow returns the keys that a tree holds in blobs and in names.
func (c *change) keysBelow(ctx context.Context, d *lookup.Differ, j *judge, tree oid.ID) (keySet, error) {
	if keys, ok := c.below[tree]; ok {
		return keys, nil
	}
	c.below[tree] = nil
	var keys keySet
	add := func(k finding.Secret, reason string) {
		if keys == nil {
			keys = make(keySet)
		}
		keys[k] = heldKey{reason: cmp.Or(keys[k].reason, reason)}
	}
	var below []oid.ID
	err := d.Entries(ctx, tree, func(e *pack.TreeEntry) {
		for _, k := range keysInName(j, e) {
			add(k, "")
		}
		if e.IsTree() {
			below = append(below, e.ID)
		} else {
			for k, held := range c.known[e.ID] {
				add(k, held.reason)
			}
		}
	})
	for _, id := range below {
		var more keySet
		if err == nil {
			more, err = c.keysBelow(ctx, d, j, id)
		}
		for k, held := range more {
			add(k, held.reason)
		}
	}
	c.below[tree] = keys
	return keys, err
}

// keysInName returns the keys in the name of a tree entry.
func keysInName(j *judge, e *pack.TreeEntry) (keys []finding.Secret) {
	j.name(string(e.Name), location{})
	for _, k := range j.drain(false) {
		keys = append(keys, k.match.Secret)
	}
	return keys
}

// maxAccepted is how many accepted paths of a key are passed over in a parent's
// tree. A key that is accepted at more of them is taken for new.
const maxAccepted = 10_000

// holdsUnaccepted reports whether a tree, at path, of which below is known, holds
// the key of n at a path where it is not accepted.
func (c *change) holdsUnaccepted(ctx context.Context, d *lookup.Differ, j *judge, n *introduction, tree oid.ID, path string, left *int) (bool, error) {
	if c.accept.Occurrence == nil {
		return true, nil
	}
	key := n.match.Secret
	type folder struct {
		id   oid.ID
		path string
	}
	var below []folder
	found := false
	err := d.Entries(ctx, tree, func(e *pack.TreeEntry) {
		at := path + string(e.Name)
		if slices.Contains(keysInName(j, e), key) {
			found = found || !c.acceptsOld(n, at, heldKey{})
		}
		switch held, ok := c.known[e.ID][key]; {
		case e.IsTree():
			if _, ok := c.below[e.ID][key]; ok {
				below = append(below, folder{e.ID, at + "/"})
			}
		case ok:
			if *left--; *left >= 0 {
				found = found || !c.acceptsOld(n, at, held)
			}
		}
	})
	for _, f := range below {
		if err == nil && !found && *left > 0 {
			found, err = c.holdsUnaccepted(ctx, d, j, n, f.id, f.path, left)
		}
	}
	return found, err
}
