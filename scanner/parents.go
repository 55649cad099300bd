package scanner

import (
	"cmp"
	"context"
	"slices"

	"keysweep/finding"
	"keysweep/scanner/gitdb/lookup"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// keySet holds the keys of some content.
type keySet map[finding.Secret]heldKey

// heldKey is a key in a blob or a tree.
type heldKey struct {
	// reason is that of the comment keysweep:allow beside the key: in a blob, on
	// each of its lines; in a tree, in one of its blobs. "": there is none.
	reason string
	line   int // the first one, in a blob
}

// learn reads blobs and fills known.
func (c *change) learn(ctx context.Context, ids []oid.ID) error {
	slices.SortFunc(ids, oid.ID.Compare)
	ids = slices.Compact(ids)
	ids = slices.DeleteFunc(ids, func(id oid.ID) bool { _, ok := c.known[id]; return ok })
	for _, id := range ids {
		c.known[id] = nil
	}
	found, err := c.judgeObjects(ctx, oid.Blob, ids, c.source, func(j *judge, _ *pack.Object, _ location) []*candidate {
		list, _ := j.take()
		return list
	})
	if err != nil {
		return err
	}
	for id, list := range found {
		keys := make(keySet)
		for _, k := range list {
			held, ok := keys[k.match.Secret]
			if !ok {
				held = heldKey{k.view.comment.Reason, k.at.line}
			} else if held.reason != "" {
				held.reason = k.view.comment.Reason
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
	for todo := slices.Clone(roots); len(todo) > 0; {
		tree := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if c.visited[tree] {
			continue
		}
		c.visited[tree] = true
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
	for i := range j.list {
		if m := &j.list[i].match; m.Confidence > finding.Rejected {
			keys = append(keys, m.Secret)
		}
	}
	j.drop()
	return keys
}

// maxAccepted is how many accepted paths of a key are passed over in a parent's
// tree. A key that is accepted at more of them is taken for new.
const maxAccepted = 10_000

// holdsUnaccepted reports whether a tree, at path, of which below is known, holds
// the key of n at a path where it is not accepted.
func (c *change) holdsUnaccepted(ctx context.Context, d *lookup.Differ, j *judge, n *introduction, tree oid.ID, path string, left *int) (bool, error) {
	if c.accept == nil {
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
			found = found || !c.accepts(n, at, "")
		}
		switch held, ok := c.known[e.ID][key]; {
		case e.IsTree():
			if _, ok := c.below[e.ID][key]; ok {
				below = append(below, folder{e.ID, at + "/"})
			}
		case ok:
			if *left--; *left >= 0 {
				found = found || !c.accepts(n, at, held.reason)
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
