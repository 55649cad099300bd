// Package scanner knows where to look and how much at once: working trees,
// plain folders, standard input, and the object databases of repositories.
package scanner

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"keysweep/file"
	"keysweep/finding"
	"keysweep/rules"
	"keysweep/scanner/container"
	"keysweep/scanner/gitdb"
)

// Prepared is a scan whose paths are resolved and whose repositories are known:
// what they hold can be read before it is known what to look for.
type Prepared struct {
	opts      Options
	targets   []*target
	accept    Accept
	partial   bool                    // a database could not be opened
	cutKeys   map[finding.Secret]bool // they have occurrences that were not judged
	collector *collector
	histories []*scannedHistory
	changes   []*change       // of Staged and Range
	scanned   map[string]bool // databases already scanned, by real path
	kept      map[string]bool // guarded by mu; files that were read as the content of a pointer
	keptAgain int64           // guarded by mu; bytes of them that were read once more

	mu     sync.Mutex
	result *finding.Result // Skipped is guarded by mu while files are walked
}

// Prepare resolves the paths of opts. The error is one of wrong use. Close what
// it returns.
func Prepare(opts Options) (*Prepared, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	opts.Reach.Real = new(file.RealPaths)
	s := &Prepared{
		opts: opts, scanned: make(map[string]bool), kept: make(map[string]bool), cutKeys: make(map[finding.Secret]bool),
		result: &finding.Result{Started: opts.Now(), Since: opts.Since},
	}
	s.targets, err = resolve(&s.opts)
	return s, err
}

// Close closes what was opened.
func (s *Prepared) Close() {
	for _, h := range s.histories {
		h.db.Close()
	}
	for _, t := range s.targets {
		if t.db != nil {
			t.db.Close()
		}
		if t.index != nil {
			t.index.Close()
		}
		t.removeFetched()
	}
}

// Accept says what a person accepted at an occurrence, and not the key itself.
// The zero value accepts nothing.
type Accept struct {
	// Occurrence reports whether the path of o is accepted, or key by the comment
	// beside it.
	Occurrence func(key finding.Secret, o *finding.Occurrence) bool
	// Path reports whether the path of o is accepted. words are the same for
	// paths that no exception tells apart.
	Path func(o *finding.Occurrence) (words string, accepted bool)
}

// Scan reads what was prepared and returns what it found and what it could not
// read. It may be called once. The error is one of wrong use, or says that
// nothing could be read; everything else is in Result.Skipped. When ctx ends,
// Scan returns within a second what it has, with ReasonInterrupted among the
// skipped.
//
// For Staged and Range, an occurrence that accept accepts does not make its key
// an old one elsewhere. A key may have more occurrences than are listed: accept is
// asked about the others when they are met.
func (s *Prepared) Scan(ctx context.Context, set *rules.Set, accept Accept) (*finding.Result, error) {
	s.accept = accept
	s.collector = newCollector(set, s.opts.KeepRejected, s.opts.Progress)
	s.collector.foreign = s.opts.ForeignComments
	if !s.opts.NoArchives {
		s.collector.unopened, s.collector.skip = s.opts.UnopenedNoted, s.skip
		s.collector.containers = container.NewBudget(container.Limits{Produced: s.opts.MaxUnpacked, Holds: set.Finder().Contains})
	}
	for _, t := range s.targets {
		from := len(s.result.Skipped)
		err := s.scanTarget(ctx, t)
		s.nameTarget(t, from)
		if err == nil {
			continue
		} else if ctx.Err() == nil {
			return nil, err
		}
		s.skipOne(finding.ReasonInterrupted, context.Cause(ctx).Error())
		break
	}
	s.finish(ctx)
	return s.result, nil
}

// scanTarget reads all that was asked for of one target.
func (s *Prepared) scanTarget(ctx context.Context, t *target) error {
	if t.remote != nil {
		if err := s.fetch(ctx, t); err != nil || t.repo == nil {
			return err
		}
	}
	switch {
	case t.remote != nil && t.Scope == finding.ScopeWhole:
		err := s.scanHistory(ctx, t, t.repo)
		s.keepFetched(ctx, t)
		return err
	case t.Scope == finding.ScopeRange:
		err := s.scanRange(ctx, t)
		s.keepFetched(ctx, t)
		return err
	case t.Scope != finding.ScopeWhole:
		return s.scanStaged(ctx, t)
	case t.Kind == finding.TargetStdin:
		return s.scanStdin(ctx, t)
	}
	if t.unknown != nil {
		s.skipOne(finding.ReasonUnreadable, "whether there is a repository: "+t.unknown.Error())
	}
	var repos, walked []*gitdb.Repository
	if t.History {
		repos = append(repos, t.repo)
	}
	if t.Tree {
		nested, err := s.scanTree(ctx, t)
		if err != nil {
			return err
		}
		if !s.opts.onlyTree() {
			t.History = t.History || len(nested) > 0
			repos, walked = append(repos, nested...), nested
		}
	}
	for _, r := range repos {
		repos = append(repos, s.modules(t, r)...)
	}
	for _, r := range repos {
		t.addBare(r)
		real, err := s.opts.Reach.Real.Of(r.CommonDir)
		if err != nil {
			real = r.CommonDir
		}
		if s.scanned[real] {
			continue
		}
		s.scanned[real] = true
		if err := s.scanHistory(ctx, t, r); err != nil {
			return err
		}
		// The files of a bare repository were met among the others.
		if err := s.scanMetadata(ctx, t, r, r.Top == "" && slices.Contains(walked, r)); err != nil {
			return err
		}
	}
	return nil
}

// skip notes what was not read.
func (s *Prepared) skip(list ...finding.Skipped) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range list {
		s.result.Skipped = finding.AddSkipped(s.result.Skipped, k)
	}
}

// nameTarget says of what was noted as not read, from number from on, that it is of t, in
// words if there are several targets.
func (s *Prepared) nameTarget(t *target, from int) {
	for i := from; i < len(s.result.Skipped) && len(s.targets) > 1; i++ {
		k := &s.result.Skipped[i]
		k.Target = t.Name
		if t.Kind == finding.TargetFile {
			k.Detail = strings.TrimPrefix(k.Detail, filepath.Base(t.Name)+": ")
		}
		if !strings.HasPrefix(k.Detail, t.Name+": ") {
			k.Detail = t.Name + ": " + k.Detail
		}
	}
}

// skipIn notes what was not read of a repository of t.
func (s *Prepared) skipIn(t *target, repo *gitdb.Repository, list ...finding.Skipped) {
	folder := t.below(cmp.Or(repo.Top, repo.GitDir))
	for _, k := range list {
		k.Target, k.Folder = t.Name, folder
		if folder != "" && !file.Rooted(folder) && !file.Up(filepath.FromSlash(folder)) {
			k.Detail = fmt.Sprintf("repository %s: %s", folder, k.Detail)
		}
		s.skip(k)
	}
}

// skipOne notes that one thing was not read.
func (s *Prepared) skipOne(reason finding.Reason, detail string) {
	s.skip(finding.Skipped{Reason: reason, Count: 1, Detail: detail})
}
