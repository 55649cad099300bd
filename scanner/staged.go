package scanner

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"keysweep/file"
	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/index"
	"keysweep/scanner/gitdb/lookup"
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
	// Message, if not nil, asks for the message of the next commit instead of
	// its files: a key is new if what is committed does not hold it.
	Message []byte
}

// scanStaged compares the index with HEAD, and in a merge with what is merged.
// Files of the working tree are not read.
func (s *Prepared) scanStaged(ctx context.Context, t *target) error {
	s.opts.Progress.Phase.Store("staged files")
	var x *lookup.Index // which a message is not compared with
	var err error
	if s.opts.Staged.Message == nil {
		if x, err = s.openIndex(t); err != nil {
			s.unreadableIndex(t, err)
			return nil
		}
	}
	if _, err := s.lookup(ctx, t); err != nil {
		return err
	}
	c := s.newChange(t, finding.SourceIndex)
	parents, err := s.stagedUpon(ctx, t)
	if err != nil {
		return err
	}
	c.units = []unit{{parents: parents}}
	if s.opts.Staged.Message != nil {
		c.readMessage(ctx)
	} else if err := c.readStaged(ctx, x); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return c.keepNew(ctx)
}

// readMessage reads the message of the next commit.
func (c *change) readMessage(ctx context.Context) {
	text := c.opts.Staged.Message
	c.result.Read.Bytes += int64(len(text))
	j := c.collector.newJudge(ctx)
	j.whole(text, location{target: c.target, source: finding.SourceCommit})
	c.drain(j, addition{source: finding.SourceCommit})
}

// readStaged reads what the next commit adds or changes; all that the index
// holds if nothing is staged and Staged.OrWhole asks for it.
func (c *change) readStaged(ctx context.Context, x *lookup.Index) error {
	none := true
	entry := func(e *lookup.Introduced) error {
		none = false
		if e.IsBlob() {
			c.result.Read.Files++
		}
		return c.entry(0, e)
	}
	err := c.compareIndex(ctx, x, entry)
	if err == nil && none && c.opts.Staged.OrWhole {
		c.whole, c.units[0].parents = true, nil
		c.target.note("Nothing is staged: all that the index holds was scanned.")
		err = c.compareIndex(ctx, x, entry)
	}
	if err != nil {
		return err
	}
	return c.readAdditions(ctx)
}

// compareIndex calls emit for what the next commit adds or changes.
func (c *change) compareIndex(ctx context.Context, x *lookup.Index, emit func(*lookup.Introduced) error) error {
	d := c.db.NewDiffer(treeBudget)
	err := d.Staged(ctx, &x.Index, c.units[0].parents, emit)
	d.Close()
	c.skip(d.Skipped...)
	if errors.Is(err, index.ErrCorrupt) {
		c.unreadableIndex(c.target, err)
		err = nil
	}
	return err
}

// unreadableIndex notes an index that could not be read.
func (s *Prepared) unreadableIndex(t *target, err error) {
	reason, how := finding.ReasonDamaged, "git reset makes a new one from HEAD; then git add stages again."
	if errors.Is(err, index.ErrUnsupported) {
		reason, how = finding.ReasonUnknownFormat, "git update-index --no-split-index --index-version 4 writes one that can be read."
	} else if !errors.Is(err, index.ErrCorrupt) {
		reason, how = finding.ReasonUnreadable, "See who may read it."
	}
	s.skipOne(reason, err.Error())
	t.note("What is staged is not known: the index could not be read. %s", how)
}

// stagedUpon returns the trees that the next commit starts from.
func (s *Prepared) stagedUpon(ctx context.Context, t *target) ([]oid.ID, error) {
	var trees []oid.ID
	var skipped gitdb.Skips
	upon := append([]oid.ID{t.repo.Head}, t.repo.MergeHeads(&skipped)...)
	s.skip(skipped...)
	for _, digits := range s.opts.Staged.Merging {
		if id, ok := oid.Parse([]byte(digits)); ok && t.db.Has(id) {
			upon = append(upon, id)
		}
	}
	for i, id := range upon {
		if id.IsZero() {
			continue // an unborn branch: all is new
		}
		tree, err := t.db.TreeOf(ctx, id)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			what := "HEAD"
			if i > 0 {
				what = "MERGE_HEAD"
			}
			reason := finding.ReasonDamaged
			if errors.Is(err, lookup.ErrAbsent) {
				reason = finding.ReasonMissing
			}
			s.skipOne(reason, fmt.Sprintf("%s, so that more may seem new: %v", what, err))
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
	case file.Rooted(o.IndexFile) || repo.Top == "":
		return o.IndexFile
	}
	return filepath.Join(repo.Top, o.IndexFile)
}
