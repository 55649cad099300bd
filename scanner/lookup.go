package scanner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/lookup"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// lookup opens the database of a target to read single objects, once.
func (s *scan) lookup(ctx context.Context, t *target) (*lookup.Database, error) {
	if t.db != nil {
		return t.db, nil
	}
	db, err := lookup.Open(ctx, t.repo, gitdb.OpenOptions{
		ObjectDirs: s.opts.ObjectDirs, FollowAlternates: s.opts.FollowAlternates,
		Workers: s.opts.Workers, MaxObject: uint64(s.opts.MaxObject),
	})
	if err != nil {
		return nil, err
	}
	t.db = db
	s.skip(t.repo.Skipped...)
	s.skip(db.Skipped()...)
	return db, nil
}

// openIndex opens the index of a target, once.
func (s *scan) openIndex(t *target) (*lookup.Index, error) {
	if t.index == nil && t.indexErr == nil {
		t.index, t.indexErr = lookup.OpenIndex(s.opts.Staged.indexPath(t.repo), t.repo.Format)
	}
	return t.index, t.indexErr
}

// unreadable notes an object without which nothing can be compared.
func (s *scan) unreadable(what string, err error) {
	reason := finding.ReasonDamaged
	if errors.Is(err, lookup.ErrAbsent) {
		reason = finding.ReasonMissing
	}
	s.skipOne(reason, fmt.Sprintf("%s: %v", what, err))
}

// The errors of ReadFile, besides fs.ErrNotExist.
var (
	ErrNotFile  = errors.New("not a regular file")
	ErrTooLarge = errors.New("larger than allowed")
)

// ReadFile returns the bytes, at most limit, of the file at path in the tree of
// the revision rev, of the repository that a scan of Staged or Range is about.
// path is '/'-separated, from the top. Without a rev, it is the file as it is
// staged. The error wraps fs.ErrNotExist if there is none, if rev names nothing,
// as HEAD before the first commit, or if the index cannot be read, which Scan
// reports.
func (p *Prepared) ReadFile(ctx context.Context, rev, path string, limit int64) ([]byte, error) {
	t := p.targets[0]
	if t.repo == nil {
		return nil, fs.ErrNotExist
	}
	var entry pack.TreeEntry
	db, err := p.lookup(ctx, t)
	switch {
	case err != nil:
		return nil, err
	case rev == "":
		x, err := p.openIndex(t)
		if err != nil {
			return nil, fs.ErrNotExist
		}
		staged, found, err := x.Find(path)
		if err != nil || !found {
			return nil, fs.ErrNotExist
		}
		entry = pack.TreeEntry{Mode: staged.Mode, ID: oid.FromBytes(staged.ID)}
	default:
		id, err := db.Resolve(ctx, rev)
		if err == nil {
			entry, err = db.AtPath(ctx, id, path)
		}
		if errors.Is(err, lookup.ErrRevision) && !errors.Is(err, lookup.ErrAbsent) {
			return nil, fs.ErrNotExist
		}
		if err != nil {
			return nil, err
		}
	}
	if entry.Mode&0o170000 != 0o100000 {
		return nil, ErrNotFile
	}
	return readBlob(ctx, db, entry.ID, limit)
}

// readBlob returns a blob of at most limit bytes.
func readBlob(ctx context.Context, db *lookup.Database, id oid.ID, limit int64) (text []byte, err error) {
	err = db.Read(ctx, id, func(o *pack.Object) error {
		switch {
		case o.Type != oid.Blob:
			return fmt.Errorf("%w: %s is no blob", pack.ErrCorrupt, id)
		case int64(o.Size) > limit:
			return ErrTooLarge
		case o.Stream != nil:
			text, err = io.ReadAll(o.Stream)
			return err
		}
		text = bytes.Clone(o.Data)
		return nil
	})
	return text, err
}
