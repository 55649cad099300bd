package scanner

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"keysweep/file"
	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/worktree"
)

// What git keeps beside its objects is text of people, too: addresses in the
// configuration, hooks, messages in reflogs, the state of a rebase. It is read
// wherever the objects are, except for what others read, and for indexes, whose
// names are those of objects and files.
var (
	notMetadata       = []string{"packed-refs", "index"}
	notMetadataFolder = []string{"refs", "modules", "reftable", "objects/info/commit-graphs"}
)

// isMetadata reports whether a file or folder below a repository folder is to be read.
func isMetadata(below string, isFolder bool) bool {
	part := strings.SplitN(below, "/", 3)
	if part[0] == "worktrees" && len(part) == 3 {
		below = part[2] // a linked working tree has its own
	}
	switch {
	case part[0] == "objects" && len(part) > 1: // other files are objects, or what an interrupted git left of some
		return part[1] == "info" && below != "objects/info/commit-graph" && !(isFolder && slices.Contains(notMetadataFolder, below))
	case isFolder:
		return !slices.Contains(notMetadataFolder, below)
	}
	return !slices.Contains(notMetadata, below) && !strings.HasPrefix(below, "sharedindex.")
}

// scanMetadata reads what repo keeps beside its objects, only what is not in files of
// their own if those were walked.
func (s *Prepared) scanMetadata(ctx context.Context, t *target, repo *gitdb.Repository, walked bool) (err error) {
	folder := t.below(repo.CommonDir)
	if !walked {
		err = s.walkMetadata(ctx, t, repo, folder)
	}
	if err == nil {
		j := s.collector.newJudge(ctx)
		err = repo.ReftableText(func(file, member string, text []byte) error {
			at := t.below(file)
			if worktree.Exclusions(s.opts.Exclude).Match(at, false) {
				s.skipOne(finding.ReasonExcluded, at)
				return nil
			}
			_, err := j.stream(bytes.NewReader(text), location{target: t, source: finding.SourceMetadata, path: at, inside: member})
			j.commit()
			return err
		})
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		s.skipOne(gitdb.ReasonOf(err), fmt.Sprintf("what git keeps beside the objects of %s: %s", repo.CommonDir, plainError(err)))
	}
	return nil
}

// walkMetadata reads the files of the repository folder of repo, which is at folder
// from the target.
func (s *Prepared) walkMetadata(ctx context.Context, t *target, repo *gitdb.Repository, folder string) error {
	judges := make([]*judge, s.opts.Workers)
	for i := range judges {
		judges[i] = s.collector.newJudge(ctx)
	}
	// A target within the folder was walked.
	target, isWithin := file.Below(repo.CommonDir, t.root)
	target = filepath.ToSlash(target)
	opts := worktree.Options{Cloud: s.opts.Reach.Cloud, Workers: s.opts.Workers}
	sum, err := worktree.Walk(ctx, repo.CommonDir, opts, func(worker int, f *worktree.File) error {
		if !isMetadata(f.Path, f.Kind == worktree.Directory) || t.Tree && isWithin && f.Path == target {
			return worktree.ErrSkipped
		}
		if s.kept[filepath.Join(repo.CommonDir, filepath.FromSlash(f.Path))] { // no one writes to it now
			return worktree.ErrSkipped
		}
		at := path.Join(folder, f.Path)
		if worktree.Exclusions(s.opts.Exclude).Match(at, f.Kind == worktree.Directory) {
			s.skipOne(finding.ReasonExcluded, at)
			return worktree.ErrSkipped
		}
		return s.judgeFile(judges[worker], f, location{target: t, source: finding.SourceMetadata, path: at})
	})
	for _, k := range sum.Skipped {
		if k.Reason != finding.ReasonSpecialFile { // a daemon's socket
			k.Detail = path.Join(folder, k.Detail)
			s.skip(k)
		}
	}
	return err
}
