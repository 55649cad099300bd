package lookup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// ErrAbsent is wrapped by the error of Read for an object that no store holds.
var ErrAbsent = errors.New("no such object")

// Reader reads single objects, and keeps what others may be built on. It is the
// scratch of one goroutine.
type Reader struct {
	db     *Database
	packs  *pack.LookupReader
	loose  *gitdb.LooseReader
	hasher *oid.Hasher
	// borrowed says that the data of the object being used is used again.
	borrowed bool
	// root is the commit that was peeled last, and its tree.
	root struct{ commit, tree oid.ID }
}

// NewReader returns a Reader that keeps up to budget bytes of objects.
func (db *Database) NewReader(budget int) *Reader {
	if r := db.spare.Swap(nil); r != nil {
		r.packs.Keep = budget
		r.share(db.budget)
		return r
	}
	r := &Reader{db: db, hasher: oid.NewHasher(db.repo.Format), packs: pack.NewLookupReader(db.budget, db.maxObject)}
	r.packs.Keep = budget
	r.loose = db.repo.NewLooseReader(r.packs.Decoder(), db.budget, db.maxObject)
	return r
}

// share makes r read objects for which budget was made.
func (r *Reader) share(budget *pack.Budget) {
	r.packs.Share(budget, budget.MaxObject())
	r.loose.Share(budget)
}

// Read calls use with the object that bears id: whole, or as a stream if it is
// a large blob. The object is valid until use returns; Starts, FreshStarts and
// TreeErr are not filled. Memory is bounded by the object and one delta base. A
// content that does not have the name id is damage: for a stream this is known,
// and returned, when use has returned.
func (db *Database) Read(ctx context.Context, id oid.ID, use func(*pack.Object) error) error {
	r := db.NewReader(0)
	defer db.spare.Store(r)
	return r.Read(ctx, id, use)
}

// Read is Database.Read.
func (r *Reader) Read(ctx context.Context, id oid.ID, use func(*pack.Object) error) error {
	failure := fmt.Errorf("%s: %w", id, ErrAbsent)
	checked := func(o *pack.Object) error { return r.check(id, o, use) }
	r.borrowed = false
	for _, p := range r.db.packs {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err := p.read(ctx, r, id, checked)
		if !isDamage(err) {
			return err
		}
		if !errors.Is(err, ErrAbsent) {
			// Another store may hold a copy that is whole.
			failure = fmt.Errorf("object %s in %s: %w", id, filepath.Base(p.path), err)
		}
	}
	r.borrowed = true
	for _, dir := range r.db.dirs {
		err := r.loose.Read(gitdb.LooseObject{ID: id, Dir: dir}, checked)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if !isDamage(err) {
			return err
		}
		failure = fmt.Errorf("object %s: %w", id, err)
	}
	return failure
}

// isDamage reports whether another copy of an object may do better.
func isDamage(err error) bool {
	return errors.Is(err, pack.ErrCorrupt) || errors.Is(err, pack.ErrUnusable) || errors.Is(err, ErrAbsent)
}

// check calls use with o if o has the name id, or while it finds out.
func (r *Reader) check(id oid.ID, o *pack.Object, use func(*pack.Object) error) error {
	h := r.hasher
	if o.Stream == nil {
		if got := h.Sum(o.Type, o.Data); got != id {
			return fmt.Errorf("%w: its content hashes to %s", pack.ErrCorrupt, got)
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
		return fmt.Errorf("%w: its content hashes to %s", pack.ErrCorrupt, got)
	}
	return nil
}

// readTyped calls use with the content of an object, which must be of type typ.
func (r *Reader) readTyped(ctx context.Context, id oid.ID, typ oid.Type, use func([]byte) error) error {
	return r.Read(ctx, id, func(o *pack.Object) error {
		if o.Type != typ {
			return fmt.Errorf("%w: %s is a %v, not a %v", ErrRevision, id, o.Type, typ)
		}
		return use(o.Data)
	})
}

// commit decodes a commit.
func (r *Reader) commit(ctx context.Context, id oid.ID) (c gitdb.Commit, err error) {
	err = r.readTyped(ctx, id, oid.Commit, func(b []byte) error {
		c, err = gitdb.ParseCommit(b)
		return err
	})
	c.ID = id
	return c, err
}

// untag follows tags from id to an object that is not a tag. It returns that, its
// type, and the tags.
func (r *Reader) untag(ctx context.Context, id oid.ID) (oid.ID, oid.Type, []gitdb.Tag, error) {
	var tags []gitdb.Tag
	for range gitdb.MaxTagDepth {
		var typ oid.Type
		var tag gitdb.Tag
		err := r.Read(ctx, id, func(o *pack.Object) (err error) {
			if typ = o.Type; typ == oid.Tag {
				tag, err = gitdb.ParseTag(o.Data)
			}
			return err
		})
		if err != nil || typ != oid.Tag {
			return id, typ, tags, err
		}
		tag.ID = id
		tags = append(tags, tag)
		id = tag.Target
	}
	return id, 0, tags, fmt.Errorf("%w: %s: more than %d tags of tags", ErrRevision, id, gitdb.MaxTagDepth)
}

// typeOf returns the type of an object.
func (r *Reader) typeOf(ctx context.Context, id oid.ID) (typ oid.Type, err error) {
	err = r.Read(ctx, id, func(o *pack.Object) error {
		typ = o.Type
		return nil
	})
	return typ, err
}

// skippedObject says why an object could not be read.
func (db *Database) skippedObject(id oid.ID, err error) finding.Skipped {
	reason := gitdb.ReasonOf(err)
	if errors.Is(err, ErrAbsent) {
		reason = finding.ReasonMissing
		if db.promisor {
			return finding.Skipped{Reason: finding.ReasonPromisor, Count: 1, Detail: gitdb.PromisorDetail}
		}
	}
	detail := err.Error()
	if !strings.Contains(detail, id.String()) {
		detail = id.String() + ": " + detail
	}
	return finding.Skipped{Reason: reason, Count: 1, Detail: detail}
}
