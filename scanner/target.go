package scanner

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"keysweep/file"
	"keysweep/finding"
	"keysweep/quote"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/lookup"
	"keysweep/scanner/gitdb/pack"
)

// target is one of the paths that the user asked to scan, resolved once.
type target struct {
	finding.Target
	number int               // in the order of Options.Paths
	root   string            // absolute path; "" for standard input
	repo   *gitdb.Repository // whose database, or ignore rules, are read; nil: none
	// unknown is why it is not known whether there is a repo, which is then nil.
	unknown error
	images  images
	// repositories are those below a folder.
	repositories []finding.Repository

	// Of an address; folder, incoming and repo are set when it was fetched.
	remote   *Remote
	fetched  bool           // fetch was called
	failed   string         // why nothing came
	headLeft bool           // what HEAD holds is not known
	folder   string         // where it is, to be removed
	kept     bool           // not to be removed
	incoming *pack.Incoming // nil: it has no objects

	// Of Staged and Range, set by lookup and openIndex.
	db       *lookup.Database
	index    *lookup.Index
	indexErr error // why index could not be opened
}

// note adds a sentence that the user must read.
func (t *target) note(format string, args ...any) {
	t.Notes = append(t.Notes, fmt.Sprintf(format, args...))
}

// addBare notes that repo has no working tree, if that is so.
func (t *target) addBare(repo *gitdb.Repository) {
	folder := ""
	if t.Scope == finding.ScopeWhole {
		folder = t.below(repo.GitDir)
	}
	if repo.Top == "" {
		t.Bare = append(t.Bare, folder)
	}
}

// resolve finds out what the paths of opts are. Its error wraps ErrUse.
func resolve(opts *Options) (list []*target, err error) {
	if len(opts.Paths) == 0 && opts.GitDir != "" && opts.scope() != finding.ScopeWhole {
		t := &target{Target: finding.Target{Name: ".", Kind: finding.TargetRepository, Scope: opts.scope()}}
		t.repo, err = gitdb.OpenGitDir(opts.GitDir, opts.WorkTree, opts.Reach, opts.Staged != nil)
		if err != nil {
			return nil, fmt.Errorf("%w: %s", ErrUse, plainError(err))
		}
		return []*target{t}, nil
	}
	paths := opts.Paths
	if len(paths) == 0 {
		paths = []string{"."}
	}
	for i, name := range paths {
		t := &target{Target: finding.Target{Name: name, Scope: opts.scope()}, number: i, remote: opts.Remotes[name]}
		list = append(list, t)
		switch {
		case t.remote != nil:
			err = t.resolveRemote(opts)
		case name == "-":
			err = t.resolveStdin(opts)
		default:
			err = t.resolvePath(opts)
		}
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (t *target) resolveStdin(opts *Options) error {
	switch {
	case t.Scope != finding.ScopeWhole:
		return fmt.Errorf("%w: standard input has no repository", ErrUse)
	case opts.onlyHistory():
		return fmt.Errorf("%w: standard input has no history", ErrUse)
	}
	t.Kind, t.Tree = finding.TargetStdin, true
	return nil
}

func (t *target) resolvePath(opts *Options) error {
	typed := file.Typed(t.Name)
	info, err := file.Stat(typed)
	if err != nil {
		return t.errorf("%s", plainError(err))
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return t.errorf("neither a file nor a folder (keysweep scan - reads standard input)")
	}
	if t.root, err = file.Abs(typed); err != nil {
		return t.errorf("%s", plainError(err))
	}
	folder := t.root
	if !info.IsDir() {
		folder = filepath.Dir(folder)
	}
	dir, inside, err := gitdb.Discover(folder)
	if err != nil && (t.Scope != finding.ScopeWhole || opts.History) {
		return t.errorf("%s", namedError(err))
	}
	t.unknown = err
	if inside {
		open := gitdb.Open
		if opts.Staged != nil {
			open = gitdb.OpenHead
		}
		t.repo, err = open(dir, opts.Reach)
		elsewhere := errors.Is(err, file.ErrElsewhere) || errors.Is(err, file.ErrCloud)
		if err != nil && (!elsewhere || t.Scope != finding.ScopeWhole || opts.History) {
			return t.errorf("%s", namedError(err))
		}
		inside = err == nil // else files are all there is, and the walk counts the rest
	}
	switch {
	case t.Scope != finding.ScopeWhole:
		t.Kind = finding.TargetRepository
		if !inside {
			return t.errorf("not inside a git repository, and only git knows what is new")
		}
		return nil
	case opts.History && !inside:
		return t.errorf("--history: not inside a git repository")
	case inside && dir == t.root:
		isBare := t.repo.Top == ""
		if isBare && opts.onlyTree() {
			return t.errorf("--tree: a bare repository has no working tree")
		}
		t.Kind = finding.TargetRepository
		t.Tree, t.History = !isBare && !opts.onlyHistory(), isBare || !opts.onlyTree()
		return nil
	case opts.onlyHistory():
		t.Kind, t.History = finding.TargetRepository, true
		t.note("%s is in the repository %s, whose history was scanned.", quoted(t.Name), quoted(dir))
		return nil
	}
	t.asFolder(opts, info, dir)
	return nil
}

// asFolder sets what is scanned of a folder or file that is no repository. dir
// is the repository that holds it, if one does.
func (t *target) asFolder(opts *Options, info fs.FileInfo, dir string) {
	t.Kind, t.Tree = finding.TargetFolder, true
	if !info.IsDir() {
		t.Kind = finding.TargetFile
	}
	if t.repo == nil {
		return
	}
	t.History = opts.History
	// Below a bare repository, or in a .git folder, are plain files.
	t.InRepository = t.repo.Top != ""
	if t.InRepository && !opts.History && !opts.Tree {
		t.note("%s is in the repository %s, whose history was not scanned (keysweep scan --history %s).", quoted(t.Name), quoted(dir), quote.Shell(t.Name))
	}
}

// path returns the path of what is below the target, '/'-separated, with its names as
// they are.
func (t *target) path(below string) string {
	return file.Exact(filepath.Join(t.root, filepath.FromSlash(below)))
}

// errorf returns an error of wrong use about t.
func (t *target) errorf(format string, args ...any) error {
	return fmt.Errorf("%w %s: %s", ErrUse, quoted(t.Name), fmt.Sprintf(format, args...))
}

// quoted writes a path as a user may type it: bare if it is plain, else as a
// quoted string, so that no name can forge a line.
func quoted(path string) string {
	isPlain := func(r rune) bool { return r > ' ' && r <= '~' && !strings.ContainsRune(`"'\`, r) }
	if path != "" && strings.TrimFunc(path, isPlain) == "" {
		return path
	}
	return fmt.Sprintf("%q", path)
}

// namedError returns the words of a file error with the path.
func namedError(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return quoted(p.Path) + ": " + p.Err.Error()
	}
	return err.Error()
}

// plainError returns the words of a file error without the operation and the
// path, which the caller has said.
func plainError(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}
