package scanner

import (
	"context"
	"errors"
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
	// Merging are ids of commits that a merge under way brings in, besides those
	// of MERGE_HEAD, which git writes late.
	Merging []string
	// OrWhole asks for all that the index holds if nothing is staged.
	OrWhole bool
	// Message, if not nil, asks for the message of the next commit in the place
	// of its files: a key is new if what is committed does not hold it.
	Message []byte
}

// scanStaged compares the index with HEAD, and in a merge with what is merged.
// Files of the working tree are not read.
func (s *scan) scanStaged(ctx context.Context, number int, t *target) error {
	s.progress.Phase.Store("staged files")
	var x *gitdb.Index // which a message is not compared with
	var err error
	if s.opts.Staged.Message == nil {
		if x, err = s.index(t.repo); err != nil {
			s.unreadableIndex(number, err)
			return nil
		}
	}
	db, err := s.lookup(ctx, t.repo)
	if err != nil {
		return err
	}
	in := s.newIntroduced(number, db, finding.SourceIndex)
	s.introductions = append(s.introductions, in)
	parents, err := s.stagedUpon(ctx, t.repo, db)
	if err != nil {
		return err
	}
	in.units = []unit{{parents: parents}}
	if s.opts.Staged.Message != nil {
		return in.message(ctx)
	}
	none := true
	entry := func(e *gitdb.Introduced) error {
		none = false
		if e.IsBlob() {
			s.result.Read.Files++
		}
		return in.entry(0, e)
	}
	err = in.staged(ctx, x, entry)
	if err == nil && none && s.opts.Staged.OrWhole {
		in.whole, in.units[0].parents = true, nil
		s.note(number, "Nothing is staged: all that the index holds was looked at.")
		err = in.staged(ctx, x, entry)
	}
	if err == nil {
		err = in.candidates(ctx)
	}
	if err == nil {
		err = in.settle(ctx)
	}
	return err
}

// staged calls emit for what the next commit adds or changes.
func (in *introduced) staged(ctx context.Context, x *gitdb.Index, emit func(*gitdb.Introduced) error) error {
	d := in.db.NewDiffer(treeBudget)
	err := d.Staged(ctx, &x.Index, in.units[0].parents, emit)
	d.Close()
	for _, k := range d.Skipped {
		in.skip(k)
	}
	if errors.Is(err, index.ErrCorrupt) {
		in.unreadableIndex(in.target, err)
		err = nil
	}
	return err
}

// message looks at the message of the next commit.
func (in *introduced) message(ctx context.Context) error {
	text := in.opts.Staged.Message
	in.result.Read.Bytes += int64(len(text))
	j := in.collector.newJudge(ctx)
	j.whole(text, place{target: in.target, source: finding.SourceCommit})
	for _, s := range in.take(j) {
		in.events = append(in.events, event{spotOf{source: finding.SourceCommit}, s})
	}
	if len(in.events) == 0 {
		return context.Cause(ctx)
	}
	return in.settle(ctx)
}

// stagedIndex is the index of a repository, or why it could not be read.
type stagedIndex struct {
	index *gitdb.Index
	err   error
}

// index opens the index of a repository, once.
func (s *scan) index(repo *gitdb.Repository) (*gitdb.Index, error) {
	opened, ok := s.indexes[repo]
	if !ok {
		opened.index, opened.err = gitdb.OpenIndex(s.opts.Staged.indexPath(repo), repo.Format)
		s.indexes[repo] = opened
	}
	return opened.index, opened.err
}

// unreadableIndex tells of an index that could not be read.
func (s *scan) unreadableIndex(number int, err error) {
	reason, how := finding.ReasonDamaged, "git reset makes a new one from HEAD; then git add stages again."
	if errors.Is(err, index.ErrUnsupported) {
		reason, how = finding.ReasonUnknownFormat, "git update-index --no-split-index --index-version 4 writes one that can be read."
	} else if !errors.Is(err, index.ErrCorrupt) {
		reason, how = finding.ReasonUnreadable, "See who may read it."
	}
	s.skip(finding.Skipped{Reason: reason, Count: 1, Detail: err.Error()})
	s.note(number, "What is staged is not known: the index could not be read. "+how)
}

// stagedUpon returns the trees that the next commit starts from.
func (s *scan) stagedUpon(ctx context.Context, repo *gitdb.Repository, db *gitdb.Database) ([]oid.ID, error) {
	var trees []oid.ID
	upon := append([]oid.ID{repo.Head}, repo.MergeHeads()...)
	for _, digits := range s.opts.Staged.Merging {
		if id, ok := oid.Parse([]byte(digits)); ok && db.Has(id) {
			upon = append(upon, id)
		}
	}
	for i, id := range upon {
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
	case o == nil || o.IndexFile == "":
		return filepath.Join(repo.GitDir, "index")
	case filepath.IsAbs(o.IndexFile) || repo.Top == "":
		return o.IndexFile
	}
	return filepath.Join(repo.Top, o.IndexFile)
}
