package scanner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/lookup"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// lookup opens the database of a target to read single objects, once.
func (s *Prepared) lookup(ctx context.Context, t *target) (*lookup.Database, error) {
	if t.db != nil {
		return t.db, nil
	}
	db, err := s.openLookup(ctx, t.repo, t.incoming)
	if err != nil {
		return nil, err
	}
	t.db = db
	s.skip(t.repo.Skipped...)
	s.skip(db.Skipped()...)
	return db, nil
}

func (s *Prepared) openLookup(ctx context.Context, repo *gitdb.Repository, in *pack.Incoming) (*lookup.Database, error) {
	return lookup.Open(ctx, repo, gitdb.OpenOptions{
		ObjectDirs: s.opts.ObjectDirs, FollowAlternates: s.opts.FollowAlternates,
		Workers: s.opts.Workers, MaxObject: uint64(s.opts.MaxObject), Now: s.opts.Now, Incoming: in,
	})
}

// openIndex opens the index of a target, once.
func (s *Prepared) openIndex(t *target) (*lookup.Index, error) {
	if t.index == nil && t.indexErr == nil {
		t.index, t.indexErr = lookup.OpenIndex(s.opts.Staged.indexPath(t.repo), t.repo.Format)
	}
	return t.index, t.indexErr
}

// The errors of ReadFile, besides fs.ErrNotExist.
var (
	ErrNotFile  = errors.New("not a regular file")
	ErrTooLarge = errors.New("larger than allowed")
)

// Top returns the working tree of the repository that a scan of Staged or Range is about,
// "" if it is bare.
func (s *Prepared) Top() string { return s.targets[0].repo.Top }

// ReadFile returns the bytes, at most limit, of the file at path in the tree of
// the revision rev, of the repository that a scan of Staged or Range is about.
// path is '/'-separated, from the top. Without a rev, it is the file as it is
// staged. The error wraps fs.ErrNotExist if there is none, if rev names nothing,
// as HEAD before the first commit, or if the index cannot be read, which Scan
// reports.
func (s *Prepared) ReadFile(ctx context.Context, rev, path string, limit int64) (text []byte, err error) {
	return s.readFile(ctx, s.targets[0], rev, path, limit)
}

// ReadFetched is ReadFile for what was fetched from the address called target.
func (s *Prepared) ReadFetched(ctx context.Context, target, rev, path string, limit int64) (text []byte, err error) {
	for _, t := range s.targets {
		if t.remote != nil && t.Name == target {
			return s.readFile(ctx, t, rev, path, limit)
		}
	}
	return nil, fs.ErrNotExist
}

func (s *Prepared) readFile(ctx context.Context, t *target, rev, path string, limit int64) (text []byte, err error) {
	if t.repo == nil {
		return nil, fs.ErrNotExist
	}
	db, err := s.lookup(ctx, t)
	if err != nil {
		return nil, err
	}
	entry, err := s.entryAt(ctx, t, rev, path, 0)
	switch {
	case err != nil && (rev == "" || errors.Is(err, lookup.ErrRevision) && !errors.Is(err, lookup.ErrAbsent)):
		return nil, fs.ErrNotExist
	case err != nil:
		return nil, err
	case entry.Mode&0o170000 != 0o100000:
		return nil, ErrNotFile
	}
	err = readBlob(ctx, db, entry.ID, func(r io.Reader, size int64) error {
		if size > limit {
			return ErrTooLarge
		}
		text, err = io.ReadAll(r)
		return err
	})
	return text, err
}

// entryAt returns what rev, or the index at a stage if that is "", has at path. The error
// wraps lookup.ErrRevision if that is nothing.
func (s *Prepared) entryAt(ctx context.Context, t *target, rev, path string, stage int) (entry pack.TreeEntry, err error) {
	if rev != "" {
		id, err := t.db.Resolve(ctx, rev)
		if err != nil {
			return entry, err
		}
		return t.db.AtPath(ctx, id, path)
	}
	x, err := s.openIndex(t)
	if err != nil {
		return entry, err
	}
	staged, found, err := x.Find(path, stage)
	if err == nil && !found {
		err = fmt.Errorf("%w: the index has no %s", lookup.ErrRevision, path)
	}
	if err != nil {
		return entry, err
	}
	return pack.TreeEntry{Mode: staged.Mode, ID: oid.FromBytes(staged.ID)}, nil
}

// readBlob calls use with the content of a blob and its size.
func readBlob(ctx context.Context, db *lookup.Database, id oid.ID, use func(r io.Reader, size int64) error) error {
	return db.Read(ctx, id, func(o *pack.Object) error {
		if o.Type != oid.Blob {
			return fmt.Errorf("%w: %s is a %v, not a blob", pack.ErrCorrupt, id, o.Type)
		}
		if o.Stream != nil {
			return use(o.Stream, int64(o.Size))
		}
		return use(bytes.NewReader(o.Data), int64(o.Size))
	})
}
