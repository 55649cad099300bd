package scanner

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/index"
	"keysweep/scanner/gitdb/oid"
)

// Staged asks for what the next commit would add.
type Staged struct {
	// IndexFile is the index to read, as git has it in GIT_INDEX_FILE: a
	// relative path counts from the top of the working tree. Empty: that of the
	// repository.
	IndexFile string
	// Whole asks for all that the index holds, new or not.
	Whole bool
}

// scanStaged compares the index with HEAD, and in a merge with what is merged.
// Files of the working tree are not read.
func (s *scan) scanStaged(ctx context.Context, number int, t *target) error {
	s.progress.Phase.Store("staged files")
	path := s.opts.Staged.indexPath(t.repo)
	x, err := index.Read(path, t.repo.Format.Size())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		x = new(index.Index) // as git has it
	case err != nil:
		reason, how := finding.ReasonDamaged, "git reset makes a new one from HEAD; then git add stages again."
		if errors.Is(err, index.ErrUnsupported) {
			reason, how = finding.ReasonUnknownFormat, "git update-index --no-split-index --index-version 4 writes one that can be read."
		} else if !errors.Is(err, index.ErrCorrupt) {
			reason, how = finding.ReasonUnreadable, "See who may read it."
		}
		s.skip(finding.Skipped{Reason: reason, Count: 1, Detail: err.Error()})
		s.note(number, "What is staged is not known: the index could not be read. "+how)
		return nil
	}
	db, err := s.lookup(ctx, t.repo)
	if err != nil {
		return err
	}
	in := s.newIntroduced(number, db, finding.SourceIndex)
	s.introductions = append(s.introductions, in)
	var parents []oid.ID
	if !s.opts.Staged.Whole {
		if parents, err = s.stagedUpon(ctx, t.repo, db); err != nil {
			return err
		}
	}
	in.units = []unit{{parents: parents}}
	d := db.NewDiffer(treeBudget)
	err = d.Staged(ctx, x, parents, func(e *gitdb.Introduced) error {
		if e.IsBlob() {
			s.result.Read.Files++
		}
		return in.entry(0, e)
	})
	for _, k := range d.Skipped {
		s.skip(k)
	}
	if err == nil {
		err = in.candidates(ctx)
	}
	if err == nil {
		err = in.settle(ctx)
	}
	return err
}

// stagedUpon returns the trees that the next commit starts from.
func (s *scan) stagedUpon(ctx context.Context, repo *gitdb.Repository, db *gitdb.Database) ([]oid.ID, error) {
	var trees []oid.ID
	for i, id := range append([]oid.ID{repo.Head}, repo.MergeHeads()...) {
		if id.IsZero() {
			continue // an unborn branch: all is new
		}
		tree, err := db.TreeOf(ctx, id)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			what := "HEAD"
			if i > 0 {
				what = "MERGE_HEAD"
			}
			s.unreadable(what+", so that more may seem new", err)
			continue
		}
		trees = append(trees, tree)
	}
	return trees, nil
}

// indexPath returns the path of the index file.
func (o *Staged) indexPath(repo *gitdb.Repository) string {
	switch {
	case o.IndexFile == "":
		return filepath.Join(repo.GitDir, "index")
	case filepath.IsAbs(o.IndexFile) || repo.Top == "":
		return o.IndexFile
	}
	return filepath.Join(repo.Top, o.IndexFile)
}
