package gitdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// ErrAbsent is wrapped by the error of Read for an object that no store holds.
var ErrAbsent = errors.New("no such object")

// Read calls use with the object that bears id: whole, or as a stream if it is
// a large blob. The object is valid until use returns; memory is bounded by it
// and one delta base. A content that does not have the name id is damage: for a
// stream this is known, and told, when use has returned.
func (db *Database) Read(ctx context.Context, id oid.ID, use func(*pack.Object) error) error {
	if db.lookup != nil {
		r := db.NewReader(0)
		defer db.lookup.spare.Store(r)
		return r.Read(ctx, id, use)
	}
	failure := fmt.Errorf("%s: %w", id, ErrAbsent)
	hasher := oid.NewHasher(db.repo.Format)
	checked := func(o *pack.Object) error { return checked(hasher, id, o, use) }
	for i, p := range db.packs {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		entry, ok := p.Find(id)
		if !ok {
			continue
		}
		err := p.Read(entry, db.maxObject, checked)
		if errors.Is(err, pack.ErrUnusable) {
			// The index lies: read through the pack, as a scan does.
			q, openErr := pack.OpenWithoutIndex(ctx, p.Path, db.repo.Format)
			if openErr != nil {
				failure = fmt.Errorf("object %s in %s: %w", id, p.Name(), openErr)
				continue
			}
			p.Close()
			db.packs[i] = q
			if entry, ok = q.Find(id); !ok {
				continue
			}
			err = q.Read(entry, db.maxObject, checked)
		}
		if !damage(err) {
			return err
		}
		// Another store may hold a copy that is whole.
		failure = fmt.Errorf("object %s in %s: %w", id, p.Name(), err)
	}
	at, _ := slices.BinarySearchFunc(db.loose, id, func(l looseObject, id oid.ID) int { return l.id.Compare(id) })
	r := looseReader{size: db.repo.Format.Size()}
	for ; at < len(db.loose) && db.loose[at].id == id; at++ {
		err := r.read(db.loose[at], db.maxObject, checked)
		if !damage(err) {
			return err
		}
		failure = fmt.Errorf("object %s: %w", id, err)
	}
	return failure
}

// damage reports whether another copy of an object may do better.
func damage(err error) bool {
	return errors.Is(err, pack.ErrCorrupt) || errors.Is(err, pack.ErrUnusable) || errors.Is(err, ErrAbsent)
}

// checked calls use with o if o has the name id, or while it finds out. h is
// scratch.
func checked(h *oid.Hasher, id oid.ID, o *pack.Object, use func(*pack.Object) error) error {
	if o.Stream == nil {
		if got := h.Sum(o.Type, o.Data); got != id {
			return fmt.Errorf("%w: its content has the name %s", pack.ErrCorrupt, got)
		}
		return use(o)
	}
	h.Begin(o.Type, int64(o.Size))
	o.Stream = io.TeeReader(o.Stream, h)
	if err := use(o); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, o.Stream); err != nil {
		return fmt.Errorf("%w: %w", pack.ErrCorrupt, err)
	}
	if got := h.ID(); got != id {
		return fmt.Errorf("%w: its content has the name %s", pack.ErrCorrupt, got)
	}
	return nil
}

// typeOf returns the type of an object.
func (db *Database) typeOf(ctx context.Context, id oid.ID) (typ oid.Type, err error) {
	err = db.Read(ctx, id, func(o *pack.Object) error {
		typ = o.Type
		return nil
	})
	return typ, err
}

// follow returns what a tag names, the tree of a commit, or a parent of it:
// whatever parse makes of the content of the object id, which must be a typ.
func (db *Database) follow(ctx context.Context, id oid.ID, typ oid.Type, parse func([]byte) error) error {
	return db.Read(ctx, id, func(o *pack.Object) error {
		if o.Type != typ {
			return fmt.Errorf("%w: %s is a %v, not a %v", ErrRevision, id, o.Type, typ)
		}
		return parse(o.Data)
	})
}
