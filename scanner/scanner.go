// Package scanner knows where to look and how much at once: working trees,
// plain folders, standard input, and the object databases of repositories.
package scanner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"keysweep/finding"
	"keysweep/rules"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/pack"
)

// Options says what to scan. The zero value scans the tree and the history of
// the current directory.
type Options struct {
	// Paths are files, folders, repositories, or "-" for Stdin. None: ".".
	Paths []string
	Stdin io.Reader
	// Tree and History choose one of the two; neither, or both, means both
	// (a plain folder has no history).
	Tree, History bool
	// Staged and Range, if not nil, look at what is new there, and at nothing
	// else: only one of them, and neither Tree nor History, may be set. Each
	// path stands for the repository that it lies in.
	Staged *Staged
	Range  *Range
	// GitDir and WorkTree, for Staged and Range, are the repository to read if
	// Paths is empty, as git has them in GIT_DIR and GIT_WORK_TREE. Empty: the
	// one that the working directory lies in.
	GitDir, WorkTree string
	// ObjectDirs, for Staged and Range, are further folders of objects.
	ObjectDirs []string
	// Ignored also reads the files that git ignores.
	Ignored bool
	// Exclude holds doublestar globs over paths below a target, separated by
	// '/'; what matches is not reported, and counted as excluded.
	Exclude []string
	// MinConfidence is the least confidence that is listed. Zero: Medium.
	MinConfidence finding.Confidence
	// Since leaves out keys that a commit held before it, after a whole scan. A
	// key that is in no commit, or whose first commit has no date, stays. Zero:
	// all.
	Since time.Time
	// KeepRejected fills Result.RejectedFindings.
	KeepRejected bool
	// Workers is the number of goroutines that read. Zero: GOMAXPROCS.
	Workers int
	// MaxObject is the most bytes that one deltified object may unpack to;
	// a larger one is skipped as too-large. Zero: 256 MiB.
	MaxObject int64
	// VerifyObjects hashes every object, not only those that matter.
	VerifyObjects bool
	// FollowAlternates also reads alternate object stores that lie outside
	// the folder that holds the repository.
	FollowAlternates bool
	// LineHashes fills in Occurrence.LineHash, for which files with findings
	// are read once more.
	LineHashes bool
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
	// Progress, if not nil, is updated while Scan runs.
	Progress *Progress
}

// Progress counts what is done. Its fields may be read at any time; totals
// grow as targets are opened. Bytes are stored bytes: of files, and of packs.
type Progress struct {
	Phase                 atomic.Value // string: "files", "objects", "history of findings"
	Files                 atomic.Int64
	Objects, ObjectsTotal atomic.Int64
	Bytes, BytesTotal     atomic.Int64
	Candidates            atomic.Int64
}

// ErrUse is wrapped by errors that are the caller's: a path that does not
// exist, a folder that is no repository where a repository is needed, a glob
// that does not parse.
var ErrUse = errors.New("cannot scan")

// defaultMaxObject is Options.MaxObject if that is zero.
const defaultMaxObject = pack.DefaultMaxObject

// scan is one scan.
type scan struct {
	opts      Options
	targets   []target
	accept    Accept
	collector *collector
	progress  *Progress
	now       time.Time // when the scan started
	histories []history
	// introductions and databases are those of Staged and Range.
	introductions []*introduced
	databases     map[*gitdb.Repository]*gitdb.Database
	indexes       map[*gitdb.Repository]stagedIndex
	scanned       map[string]bool // databases already scanned, by real path

	mu     sync.Mutex
	result *finding.Result // Skipped is guarded by mu while files are walked
}

// Prepared is a scan whose paths are resolved and whose repositories are known:
// what they hold can be looked at before it is known what to look for.
type Prepared struct{ *scan }

// Prepare resolves the paths of opts. The error is one of wrong use. Close what
// it returns.
func Prepare(opts Options) (*Prepared, error) {
	s, err := newScan(opts)
	return &Prepared{s}, err
}

// Close closes what was opened.
func (s *scan) Close() {
	for _, h := range s.histories {
		h.db.Close()
	}
	for _, db := range s.databases {
		db.Close()
	}
	for _, x := range s.indexes {
		if x.index != nil {
			x.index.Close()
		}
	}
}

// Accept reports whether a person accepted a key at one of its occurrences, by
// the path or by the comment beside it, and not the key itself.
type Accept func(key finding.Secret, o *finding.Occurrence) bool

// Scan reads what was prepared and returns what it found and what it could not
// read. It may be called once. The error is one of wrong use, or says that
// nothing could be read; everything else is in Result.Skipped. When ctx ends,
// Scan returns within a second what it has, with ReasonInterrupted among the
// skipped.
//
// Of Staged and Range, an occurrence that accept accepts does not make its key
// an old one elsewhere. Nil: none is accepted.
func (p *Prepared) Scan(ctx context.Context, set *rules.Set, accept Accept) (*finding.Result, error) {
	s := p.scan
	s.accept = accept
	s.collector = newCollector(set, s.opts.KeepRejected, s.progress)
	err := s.run(ctx)
	if err != nil && ctx.Err() == nil {
		return nil, err
	}
	if err != nil {
		s.skip(finding.Skipped{Reason: finding.ReasonInterrupted, Count: 1, Detail: context.Cause(ctx).Error()})
	}
	s.finish(ctx)
	return s.result, nil
}

// newScan checks opts and resolves its paths.
func newScan(opts Options) (*scan, error) {
	inEnvironment := len(opts.Paths) == 0 && opts.GitDir != ""
	if len(opts.Paths) == 0 {
		opts.Paths = []string{"."}
	}
	if opts.MinConfidence == finding.Rejected {
		opts.MinConfidence = finding.Medium
	}
	if opts.Workers <= 0 {
		opts.Workers = runtime.GOMAXPROCS(0)
	}
	if opts.MaxObject <= 0 {
		opts.MaxObject = defaultMaxObject
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Progress == nil {
		opts.Progress = new(Progress)
	}
	for _, g := range opts.Exclude {
		if !doublestar.ValidatePattern(g) {
			return nil, fmt.Errorf("%w: --exclude %s: not a valid glob", ErrUse, quoted(g))
		}
	}
	now := opts.Now()
	s := &scan{
		opts: opts, progress: opts.Progress, now: now, scanned: make(map[string]bool),
		databases: make(map[*gitdb.Repository]*gitdb.Database), indexes: make(map[*gitdb.Repository]stagedIndex),
		result: &finding.Result{Started: now, Since: opts.Since},
	}
	for _, name := range opts.Paths {
		t, err := s.resolve(name, inEnvironment)
		if err != nil {
			return nil, err
		}
		s.targets = append(s.targets, t)
	}
	return s, nil
}

// run reads all targets.
func (s *scan) run(ctx context.Context) error {
	for i := range s.targets {
		t := &s.targets[i]
		var repos []*gitdb.Repository
		if t.History {
			repos = append(repos, t.repo)
		}
		switch {
		case t.Scope == finding.ScopeStaged, t.Scope == finding.ScopeMessage:
			if err := s.scanStaged(ctx, i, t); err != nil {
				return err
			}
		case t.Scope == finding.ScopeRange:
			if err := s.scanRange(ctx, i, t); err != nil {
				return err
			}
		case t.Kind == finding.TargetStdin:
			if err := s.scanStdin(ctx, i); err != nil {
				return err
			}
		case t.Tree:
			nested, err := s.scanTree(ctx, i, t)
			if err != nil {
				return err
			}
			if !s.opts.onlyTree() {
				t.History = t.History || len(nested) > 0
				repos = append(repos, nested...)
			}
		}
		for _, r := range repos {
			repos = append(repos, modules(r)...)
		}
		for _, r := range repos {
			real, err := filepath.EvalSymlinks(r.CommonDir)
			if err != nil {
				real = r.CommonDir
			}
			if s.scanned[real] {
				continue
			}
			s.scanned[real] = true
			if err := s.scanHistory(ctx, i, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// scanStdin reads standard input to its end, or until ctx ends: a read that
// waits for a terminal is left behind.
func (s *scan) scanStdin(ctx context.Context, number int) error {
	s.progress.Phase.Store("standard input")
	type outcome struct {
		n   int64
		err error
	}
	j := s.collector.newJudge(ctx)
	done := make(chan outcome, 1)
	r := &counted{r: s.opts.Stdin, bytes: &s.progress.Bytes}
	go func() {
		n, err := j.stream(r, place{target: number, source: finding.SourceStdin})
		done <- outcome{n, err}
	}()
	select {
	case o := <-done:
		j.commit()
		s.result.Read.Files++
		s.result.Read.Bytes += o.n
		if o.err != nil {
			s.skip(finding.Skipped{Reason: finding.ReasonUnreadable, Count: 1, Detail: fmt.Sprintf("standard input: %s", plainError(o.err))})
		}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// counted adds what is read to bytes.
type counted struct {
	r     io.Reader
	bytes *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}

func (s *scan) skip(k finding.Skipped) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.result.Skipped = finding.AddSkipped(s.result.Skipped, k)
}

// note adds a sentence to a target.
func (s *scan) note(number int, sentence string) {
	s.targets[number].Notes = append(s.targets[number].Notes, sentence)
}
