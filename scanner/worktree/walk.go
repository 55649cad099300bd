package worktree

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	disk "keysweep/file"
	"keysweep/finding"
)

const (
	// listAtOnce is how many entries of a folder are held at once; a larger
	// folder is listed in parts.
	listAtOnce = 4096
	// filesAtOnce is how many files a worker takes from the stack: enough that
	// the lock costs nothing, few enough that all workers end together.
	filesAtOnce = 64
)

// walker is the state of one walk that the workers share.
//
// Work is on a stack: the tree is walked depth first. A folder stays open while
// anything on the stack needs it, if fewer than maxKept do; otherwise it is
// opened again from its nearest open ancestor. So neither depth nor width costs
// descriptors, and no path need fit into PATH_MAX.
type walker struct {
	ctx     context.Context
	opts    Options
	visit   func(worker int, f *File) error
	named   string // if root is a file: its name
	root    *node
	maxKept int
	skips   skips
	stopped atomic.Bool

	mu        sync.Mutex
	wake      sync.Cond   // there is work, or there will be none
	stack     []item      // guarded by mu
	busy      int         // workers that may push; guarded by mu
	kept      int         // open folders, but for root; guarded by mu
	err       error       // of visit, the first; guarded by mu
	checkouts []*checkout // guarded by mu
	nested    []string    // guarded by mu; paths
}

// Walk calls visit for each name below root: files, symbolic links, folders
// (before what they hold; not root) and special files, from several goroutines
// and in no order; worker is less than the number of workers, and a worker
// makes one call at a time. Root may be a symbolic link, and may be a file.
//
// An error of visit that wraps ErrSkipped leaves out what a folder holds. Any other
// ends the walk and is returned, as is the end of ctx; the summary is then of the part that was
// done. The other errors are that root cannot be opened or is not in its
// Repository. It does not matter whether root, which the user has named, is
// ignored.
func Walk(ctx context.Context, root string, opts Options, visit func(worker int, f *File) error) (Summary, error) {
	w := &walker{ctx: ctx, opts: opts, visit: visit}
	w.wake.L = &w.mu
	if w.opts.open == nil {
		w.opts.open = func(path string) (folder, error) { return openFolder(path, opts.Cloud) }
	}
	if w.opts.composed == nil {
		w.opts.composed = disk.Composed
	}
	workers := cmp.Or(opts.Workers, runtime.GOMAXPROCS(0))
	// A quarter of the files that we may open is for folders that wait; a worker
	// holds at most a folder, a way to it, and a file.
	limit := fileLimit()
	w.maxKept = cmp.Or(opts.keepOpen, min(limit/4, 256))
	w.opts.list = cmp.Or(opts.list, listAtOnce)
	workers = min(workers, max(1, (limit-limit/4-16)/4))

	if err := ctx.Err(); err != nil {
		return Summary{}, err
	}
	if err := w.start(root); err != nil {
		return Summary{}, fmt.Errorf("walking %s: %w", root, err)
	}
	stop := context.AfterFunc(ctx, w.stop)
	defer stop()

	all := make([]*worker, workers)
	var running sync.WaitGroup
	for i := range all {
		all[i] = &worker{walker: w, id: i}
		running.Go(all[i].run)
	}
	running.Wait()
	w.closeAll()

	var sum Summary
	for _, k := range all {
		sum.Files += k.files
		sum.Bytes += k.bytes
	}
	err := cmp.Or(w.err, ctx.Err())
	if err == nil {
		w.countAbsent()
	}
	slices.Sort(w.nested)
	sum.Skipped, sum.Nested = w.skips.list(), w.nested
	return sum, err
}

// start opens root and puts it on the stack.
func (w *walker) start(root string) error {
	info, err := disk.Stat(root)
	if err != nil {
		return err
	}
	w.root = &node{checkout: &checkout{composed: w.opts.composed}}
	if !info.IsDir() {
		// A file: the only entry of a folder that is not listed.
		w.named = filepath.Base(root)
		if root, err = filepath.EvalSymlinks(root); err != nil {
			return err
		}
		if w.root.dir, err = w.opts.open(filepath.Dir(root)); err != nil {
			return err
		}
		w.push(item{what: itemFiles, node: w.root, entries: []entry{{filepath.Base(root), KindOf(info.Mode())}}})
		return nil
	}
	if w.root.dir, err = w.opts.open(root); err != nil {
		return err
	}
	if repo := w.opts.Repository; repo != nil {
		if err := w.enter(root, repo); err != nil {
			w.root.dir.close()
			return err
		}
	}
	w.push(item{what: itemFolder, node: w.root})
	return nil
}

var errOutside = errors.New("root is not in the repository's work tree")

// enter sets the checkout and the rules of root, which is repo.Top or below it.
func (w *walker) enter(root string, repo *Repository) error {
	top, err := resolve(repo.Top)
	if err != nil {
		return err
	}
	if root, err = resolve(root); err != nil {
		return err
	}
	rel, ok := disk.Below(top, root)
	if !ok {
		return errOutside
	}
	prefix := ""
	if rel != "." {
		prefix = filepath.ToSlash(rel) + "/"
	}
	c := newCheckout(repo, "", prefix, w.opts.composed)
	w.root.checkout, w.checkouts = c, []*checkout{c}
	if w.opts.Ignored {
		return nil
	}
	w.root.rules = w.readExclude(repo.InfoExclude, repo.IgnoreCase)
	// The .gitignore files from the top down to the folder above root.
	for base := 0; base < len(prefix); base += strings.IndexByte(prefix[base:], '/') + 1 {
		above, err := w.opts.open(filepath.Join(top, filepath.FromSlash(prefix[:base])))
		if err != nil {
			return err
		}
		w.root.rules = w.readIgnore(above, ".gitignore of "+repo.Top+"/"+prefix[:base], w.root.rules, base, repo.IgnoreCase, false)
		above.close()
	}
	return nil
}

func resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

// How many paths are named for each reason; the rest is counted in one entry
// with the detail moreSkipped, so that a tree of a million unreadable files
// needs no gigabyte. The smallest paths are named, in whatever order they came.
const (
	namedNoted      = 100
	namedIncomplete = 1000
)

// moreSkipped is the detail of what is counted without a name.
const moreSkipped = "and more, not named"

// maxDetail is the most bytes of one detail; a longer one loses its middle.
const maxDetail = 4 << 10

// skips collects what was not read.
type skips struct {
	mu sync.Mutex
	by map[finding.Reason]*skipped // guarded by mu
}

type skipped struct {
	names []string // sorted, those that are named
	more  int64
}

func (s *skips) add(reason finding.Reason, detail string) {
	if len(detail) > maxDetail {
		detail = detail[:maxDetail/2] + "…" + detail[len(detail)-maxDetail/2:]
	}
	named := namedIncomplete
	if reason.Class() == finding.ClassNoted {
		named = namedNoted
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = make(map[finding.Reason]*skipped)
	}
	l := s.by[reason]
	if l == nil {
		l = new(skipped)
		s.by[reason] = l
	}
	at, _ := slices.BinarySearch(l.names, detail)
	if l.names = slices.Insert(l.names, at, detail); len(l.names) > named {
		l.names = l.names[:named]
		l.more++
	}
}

// list returns what was collected, sorted by reason and detail, the unnamed
// last.
func (s *skips) list() (out []finding.Skipped) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range slices.Sorted(maps.Keys(s.by)) {
		for _, name := range s.by[r].names {
			out = finding.AddSkipped(out, finding.Skipped{Reason: r, Count: 1, Detail: name})
		}
		if more := s.by[r].more; more > 0 {
			out = append(out, finding.Skipped{Reason: r, Count: more, Detail: moreSkipped})
		}
	}
	return out
}
