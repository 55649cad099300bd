package scanner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"keysweep/file"
	"keysweep/finding"
	"keysweep/scanner/container"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/index"
	"keysweep/scanner/gitdb/pack"
	"keysweep/scanner/worktree"
)

// scanTree reads the files of a target, and returns the repositories among them.
func (s *Prepared) scanTree(ctx context.Context, t *target) ([]*gitdb.Repository, error) {
	s.opts.Progress.Phase.Store("files")
	opts := worktree.Options{Ignored: s.opts.Ignored, Exclude: s.opts.Exclude, Cloud: s.opts.Reach.Cloud, Workers: s.opts.Workers}
	if t.repo != nil && t.repo.Top != "" {
		opts.Repository = s.treeOf(t.repo)
	}
	opts.OpenNested = func(path string) (*worktree.Repository, error) {
		repo, err := gitdb.Open(t.path(path), s.opts.Reach)
		if err != nil {
			return nil, err
		}
		return s.treeOf(repo), nil
	}
	judges := make([]*judge, s.opts.Workers)
	for i := range judges {
		judges[i] = s.collector.newJudge(ctx)
	}
	sum, err := worktree.Walk(ctx, t.root, opts, func(worker int, f *worktree.File) error {
		return s.judgeFile(judges[worker], f, location{target: t, source: finding.SourceWorktree, path: f.Path})
	})
	s.result.Read.Files += sum.Files
	s.result.Read.Bytes += sum.Bytes
	s.skip(sum.Skipped...)
	if err != nil {
		return nil, err
	}
	return s.openNested(t, sum.Nested), nil
}

// judgeFile judges a file's name and its content, which is at at.
func (s *Prepared) judgeFile(j *judge, f *worktree.File, at location) error {
	t, name := at.target, at
	name.source = finding.SourcePath
	j.name(baseName(f.Path), name)
	j.commit()
	if f.Kind != worktree.Regular && f.Kind != worktree.Symlink {
		return nil
	}
	var n int64
	var skipped []finding.Skipped
	err := f.Read(func(r io.Reader) error {
		j.drop()
		skipped = nil
		return pack.Guard(func() (err error) {
			if j.collector.containers != nil {
				r = t.images.file(at, r)
			}
			n, err = j.stream(r, at)
			if err == nil && f.Kind == worktree.Regular && j.opens() {
				skipped, err = j.open(container.Random(f, f.Size), at, 0)
			}
			return err
		})
	})
	if errors.Is(err, pack.ErrCorrupt) {
		s.skipOne(finding.ReasonUnreadable, fmt.Sprintf("%s: %v", f.Path, err))
		err = nil
	}
	j.commit() // what was read of a file that broke is content, too
	s.skip(skipped...)
	if head := j.window.buf[:min(n, annexMax)]; err == nil && n == int64(len(head)) && at.source == finding.SourceWorktree {
		if p := pointerOf(head); p != nil {
			err = s.readKept(j, p, bytes.Clone(head), at, s.skip, t.keptAbove(f.Path)...)
			j.commit()
		}
	}
	s.opts.Progress.Files.Add(1)
	s.opts.Progress.Bytes.Add(f.Size)
	return err
}

// openNested opens the repositories found among the files of t whose objects are
// there, too. A file .git may name any repository of the machine: that one was
// not in the folder that we were shown.
func (s *Prepared) openNested(t *target, paths []string) (repos []*gitdb.Repository) {
	t.addNested(paths)
	for _, path := range paths {
		repo, err := gitdb.Open(t.path(path), s.opts.Reach)
		isInside := false
		if err == nil {
			isInside, err = s.opts.Reach.Real.Inside(t.root, repo.CommonDir, filepath.Join(repo.CommonDir, "objects"))
		}
		if err == nil && !isInside && t.repo != nil { // a linked working tree has its submodules there
			isInside, err = s.opts.Reach.Real.Inside(t.repo.CommonDir, repo.CommonDir, filepath.Join(repo.CommonDir, "objects"))
		}
		switch {
		case errors.Is(err, file.ErrElsewhere), errors.Is(err, file.ErrCloud):
			s.partial = true // the walk has counted it
		case err != nil:
			s.partial = true
			noted := strings.TrimPrefix(path+"/.git: ", "/") // by the walk
			if !slices.ContainsFunc(s.result.Skipped, func(k finding.Skipped) bool { return strings.HasPrefix(k.Detail, noted) }) {
				s.skipOne(finding.ReasonUnreadable, fmt.Sprintf("repository %s: %v", path, err))
			}
		case !isInside:
			s.skipOne(finding.ReasonExcluded, fmt.Sprintf("history of %s: its database is outside the scanned folder, in %s", path, repo.CommonDir))
		default:
			repos = append(repos, repo)
		}
	}
	return repos
}

// modules returns the repositories below repo's folders modules, where git keeps
// those of submodules, also of ones that are no longer checked out: there is one for
// each working tree.
func (s *Prepared) modules(t *target, repo *gitdb.Repository) []*gitdb.Repository {
	list := s.modulesIn(t, filepath.Join(repo.CommonDir, "modules"))
	worktrees := filepath.Join(repo.CommonDir, "worktrees")
	linked, _ := os.ReadDir(worktrees) // the error was noted when the refs were read
	for _, e := range linked {
		if e.IsDir() {
			list = append(list, s.modulesIn(t, filepath.Join(worktrees, e.Name(), "modules"))...)
		}
	}
	return list
}

// modulesIn is modules for one folder.
func (s *Prepared) modulesIn(t *target, top string) (list []*gitdb.Repository) {
	_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if path == top && file.Absent(err) || err == nil && !d.IsDir() {
			return nil
		}
		var found bool
		if err == nil {
			found, err = worktree.IsRepository(func(name string) (worktree.Kind, error) {
				info, err := file.Lstat(filepath.Join(path, name))
				if err != nil {
					return 0, err
				}
				return worktree.KindOf(info.Mode()), nil
			})
		}
		if err == nil && !found {
			return nil // the repositories of lib/a and lib/b are in modules/lib
		}
		var r *gitdb.Repository
		if err == nil {
			r, err = gitdb.Open(path, s.opts.Reach)
		}
		if err != nil {
			s.partial = true
			s.skipOne(gitdb.ReasonOf(err), fmt.Sprintf("repository %s: %s", t.below(path), plainError(err)))
		} else {
			list = append(list, r)
			list = append(list, s.modules(t, r)...)
		}
		return filepath.SkipDir
	})
	return list
}

// treeOf reads from the index of a repository what the walk must know of it.
// Without an index that can be read nothing is known to be tracked; then the
// ignored files are read as well, since one of them might be.
func (s *Prepared) treeOf(repo *gitdb.Repository) *worktree.Repository {
	w := &worktree.Repository{Top: repo.Top, InfoExclude: filepath.Join(repo.CommonDir, "info", "exclude"), IgnoreCase: repo.IgnoreCase}
	idx, err := index.Read(filepath.Join(repo.GitDir, "index"), repo.Format)
	if errors.Is(err, fs.ErrNotExist) {
		return w
	}
	if err != nil {
		reason := finding.ReasonUnreadable // also: another program has it locked
		switch {
		case errors.Is(err, index.ErrUnsupported):
			reason = finding.ReasonUnknownFormat
		case errors.Is(err, index.ErrCorrupt):
			reason = finding.ReasonDamaged
		}
		s.skipOne(reason, fmt.Sprintf("index of %s: %v; ignored files were read, too", repo.Top, err))
		w.Tracked = func(string) bool { return true }
		w.TrackedUnder = w.Tracked
		return w
	}
	lookup := idx.Lookup(repo.IgnoreCase)
	w.Tracked, w.TrackedUnder, w.Submodules = lookup.Tracked, lookup.TrackedUnder, idx.Submodules()
	return w
}

// scanStdin reads standard input to its end, or until ctx ends: a read that
// waits for a terminal is left behind.
func (s *Prepared) scanStdin(ctx context.Context, t *target) error {
	s.opts.Progress.Phase.Store("standard input")
	j := s.collector.newJudge(ctx)
	var n int64
	var skipped []finding.Skipped
	var err error
	done := make(chan struct{})
	go func() {
		n, skipped, err = j.streamOpened(io.TeeReader(s.opts.Stdin, counter{&s.opts.Progress.Bytes}), location{target: t, source: finding.SourceStdin}, -1)
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	j.commit()
	s.skip(skipped...)
	s.result.Read.Files++
	s.result.Read.Bytes += n
	if err != nil {
		s.skipOne(finding.ReasonUnreadable, "standard input: "+plainError(err))
	}
	return nil
}

// counter counts what is written to it.
type counter struct{ *atomic.Int64 }

func (c counter) Write(p []byte) (int, error) {
	c.Add(int64(len(p)))
	return len(p), nil
}
