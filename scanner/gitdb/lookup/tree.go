package lookup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// peel follows tags, and for a tree also a commit, to an object of type typ.
func (r *Reader) peel(ctx context.Context, id oid.ID, typ oid.Type) (oid.ID, error) {
	if typ == oid.Tree && r.root.commit == id && !id.IsZero() {
		return r.root.tree, nil
	}
	id, have, _, err := r.untag(ctx, id)
	if err != nil || have == typ {
		return id, err
	}
	if typ != oid.Tree || have != oid.Commit {
		return id, fmt.Errorf("%w: %s is a %v, not a %v", ErrRevision, id, have, typ)
	}
	c, err := r.commit(ctx, id)
	if err == nil {
		r.root.commit, r.root.tree = id, c.Tree
	}
	return c.Tree, err
}

// TreeOf returns the tree of a commit, or of the commit or tree that a tag
// names. The error is ctx's, wraps ErrAbsent or pack.ErrCorrupt, or says that
// there is none.
func (db *Database) TreeOf(ctx context.Context, id oid.ID) (oid.ID, error) {
	r := db.NewReader(0)
	defer db.spare.Store(r)
	tree, err := r.peel(ctx, id, oid.Tree)
	if err != nil && errors.Is(err, ErrRevision) {
		err = fmt.Errorf("%w: %w", pack.ErrCorrupt, err)
	}
	return tree, err
}

// AtPath returns the entry at path, '/'-separated, in the tree of the object
// root: a commit, a tree or a tag of one. An error that wraps ErrRevision says
// that there is none.
func (db *Database) AtPath(ctx context.Context, root oid.ID, path string) (pack.TreeEntry, error) {
	r := db.NewReader(0)
	defer db.spare.Store(r)
	tree, err := r.peel(ctx, root, oid.Tree)
	if err != nil {
		return pack.TreeEntry{}, err
	}
	at := pack.TreeEntry{Mode: 0o040000, ID: tree}
	for name := range strings.SplitSeq(path, "/") {
		if !at.IsTree() {
			return at, fmt.Errorf("%w: nothing at %s: %s is not a folder", ErrRevision, path, at.Name)
		}
		found, err := r.entry(ctx, at.ID, name)
		switch {
		case err != nil:
			return at, err
		case found == nil:
			return at, fmt.Errorf("%w: nothing at %s", ErrRevision, path)
		}
		at = *found
	}
	return at, nil
}

// entry returns the first entry of a tree that bears a name, or nil.
func (r *Reader) entry(ctx context.Context, tree oid.ID, name string) (found *pack.TreeEntry, err error) {
	err = r.readTyped(ctx, tree, oid.Tree, func(b []byte) error {
		for next := 0; next < len(b) && found == nil; {
			e, after, err := pack.ParseTreeEntry(b, next, r.db.repo.Format.Size())
			if err != nil {
				return err
			}
			if string(e.Name) == name {
				e.Name = bytes.Clone(e.Name)
				found = &e
			}
			next = after
		}
		return nil
	})
	return found, err
}
