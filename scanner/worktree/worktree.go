// Package worktree walks a working tree or a plain folder, and hands each
// file's bytes to the scanner: in parallel, and in memory that does not depend
// on the size of the tree.
//
// In a repository it visits what git tracks, ignored or not, and what git
// would not ignore: by the .gitignore files of the tree and by info/exclude.
// The user's own ignore file (core.excludesFile) is no part of the repository
// and is not looked at, so that files ignored only there are read. In a plain
// folder it visits everything.
//
// No link is followed below root, nothing but regular files is opened, and
// nothing is written. A name that leads nowhere, a file that cannot be opened
// or that changes all the time is counted, and the walk goes on.
package worktree

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"keysweep/finding"
)

// Options says what to visit. The zero value visits every file of a plain
// folder.
type Options struct {
	// Repository is the repository whose work tree holds root. Nil: root is a
	// plain folder.
	Repository *Repository
	// Ignored also visits what git ignores.
	Ignored bool
	// Exclude holds doublestar globs over paths below root, all valid. What
	// matches is counted and not visited; a folder that matches is not
	// entered. A '/' at the end makes a glob match folders only.
	Exclude []string
	// GitFolders also visits the files in .git folders, other than objects:
	// configuration, hooks, logs.
	GitFolders bool
	// Workers is the number of goroutines that call visit. Zero: GOMAXPROCS.
	// There may be fewer if the process may open only few files.
	Workers int
	// OpenNested returns what the walk must know of a repository that it
	// meets at path (which is "" if root itself has a .git and Repository is
	// nil, or is another one). Its files are visited by its own rules. Nil
	// function or nil Repository: they are visited as those of a plain folder,
	// all of them. An error does the same, and is counted as unreadable. It is
	// called from several goroutines, and not for bare repositories.
	OpenNested func(path string) (*Repository, error)

	// Of tests. Zero: openFolder, listAtOnce, a quarter of what the process may
	// open but at most 256.
	open     func(path string) (folder, error)
	list     int
	keepOpen int
}

// Repository is what the walk must know of a repository. Paths are below Top,
// and '/' separates. The functions are called from several goroutines; nil:
// there is nothing of that kind.
type Repository struct {
	// Top is the work tree's top folder. The walk's root is Top or below it;
	// for a nested repository Top is not looked at.
	Top string
	// Tracked reports whether the index holds a file at path, at any stage.
	// With IgnoreCase it must not mind the case.
	Tracked func(path string) bool
	// TrackedUnder reports whether the index holds anything below a folder,
	// so that an ignored folder must be entered.
	TrackedUnder func(folder string) bool
	// Submodules are the gitlinks of the index.
	Submodules []string
	// InfoExclude is the path of the file info/exclude. Empty: none.
	InfoExclude string
	IgnoreCase  bool // core.ignoreCase
}

// NestedKind says how a folder shows that it is a repository.
type NestedKind uint8

// The kinds of nested repositories.
const (
	GitFolder NestedKind = iota // it has a folder .git
	GitFile                     // it has a file .git, which is visited too
	GitLink                     // .git is a symbolic link, whose text is visited too
	Bare                        // it has HEAD, objects/ and refs/ itself
)

// Nested is a repository that the walk met. A folder .git counts if it has
// HEAD, objects/ and refs/; otherwise it is a folder like any other.
//
// The files of a bare repository are visited like any others, except for those
// below objects/ that are named like objects: these are for the caller to read.
type Nested struct {
	Path string // below root, '/'-separated
	Kind NestedKind
}

// Summary is what a walk met.
type Summary struct {
	Files   int64 // regular files and symbolic links that were visited
	Folders int64 // folders that were listed, root with them
	Bytes   int64 // of the files whose Read succeeded
	// Skipped is sorted. Each entry's Detail is a path below root (with '/' at
	// the end if it is a folder), followed by ": " and the error if its class
	// is incomplete. An ignored or excluded folder is one entry and counts
	// one, whatever it holds. The first 100 paths of a reason are named (1000
	// of an incomplete one); the rest is one entry, with the count of the rest.
	Skipped []finding.Skipped
	Nested  []Nested // sorted by path
}

// Walk calls visit for each name below root: files, symbolic links, folders
// (before what they hold; not root) and special files, from several goroutines
// and in no order; worker is less than the number of workers, and a worker
// makes one call at a time. Root may be a symbolic link, and may be a file.
//
// An error of visit that does not wrap ErrSkipped ends the walk and is
// returned, as is the end of ctx; the summary then tells of the part that was
// done. The other errors are that root cannot be opened or is not in its
// Repository.
//
// Root itself is visited even if it is ignored, or lies in an ignored folder:
// the user has named it.
func Walk(ctx context.Context, root string, opts Options, visit func(worker int, f *File) error) (Summary, error) {
	w := &walker{ctx: ctx, opts: opts, visit: visit}
	w.wake.L = &w.mu
	if w.opts.open == nil {
		w.opts.open = openFolder
	}
	for _, g := range opts.Exclude {
		pattern, folderOnly := strings.CutSuffix(g, "/")
		w.exclude = append(w.exclude, exclusion{pattern, folderOnly})
	}
	workers := opts.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	// A quarter of the files that we may open for folders that wait for their
	// turn; a worker holds at most a folder, a way to it, and a file.
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
		sum.Folders += k.folders
		sum.Bytes += k.bytes
	}
	err := w.err
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		w.countAbsent()
	}
	sum.Skipped = w.skips.list()
	sum.Nested = w.nested
	slices.SortFunc(sum.Nested, func(a, b Nested) int { return strings.Compare(a.Path, b.Path) })
	return sum, err
}

// start opens root and puts it on the stack.
func (w *walker) start(root string) error {
	info, err := os.Stat(root)
	if err != nil {
		return err
	}
	w.root = &node{scope: &scope{}}
	if !info.IsDir() {
		// A file: the only entry of a folder that is not listed.
		real, err := filepath.EvalSymlinks(root)
		if err != nil {
			return err
		}
		if w.root.dir, err = w.opts.open(filepath.Dir(real)); err != nil {
			return err
		}
		w.named = filepath.Base(root)
		w.push(item{what: itemFiles, node: w.root, entries: []entry{{filepath.Base(real), kindOf(info.Mode())}}})
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

// enter sets the scope and the rules of root, which is repo.Top or below it.
func (w *walker) enter(root string, repo *Repository) error {
	top, err := resolve(repo.Top)
	if err != nil {
		return err
	}
	if root, err = resolve(root); err != nil {
		return err
	}
	rel, err := filepath.Rel(top, root)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return errOutside
	}
	prefix := ""
	if rel != "." {
		prefix = filepath.ToSlash(rel) + "/"
	}
	sc := newScope(repo, "", prefix)
	w.root.scope, w.scopes = sc, []*scope{sc}
	if w.opts.Ignored {
		return nil
	}
	w.root.rules = readExclude(repo.InfoExclude, repo.IgnoreCase)
	if prefix == "" {
		return nil
	}
	// The .gitignore files from the top down to the folder above root.
	at, err := w.opts.open(top)
	if err != nil {
		return err
	}
	base := 0
	for _, name := range strings.Split(strings.TrimSuffix(prefix, "/"), "/") {
		w.root.rules = w.readIgnore(at, w.root.rules, base, repo.IgnoreCase)
		base += len(name) + 1
		next, err := at.sub([]string{name})
		at.close()
		if err != nil {
			return err
		}
		at = next
	}
	at.close()
	return nil
}

func resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}
