package scanner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
)

// target is one of the paths that the user named, resolved.
type target struct {
	finding.Target
	path string            // in the file system; "" for standard input
	repo *gitdb.Repository // whose database, or whose rules of ignoring; nil: none
}

// resolve finds out what a path is. inEnvironment says that Options.GitDir is
// meant. Its error wraps ErrUse.
func (s *scan) resolve(name string, inEnvironment bool) (target, error) {
	if s.opts.Staged == nil && s.opts.Range == nil {
		return resolve(name, &s.opts)
	}
	t := target{Target: finding.Target{Name: name, Kind: finding.TargetRepository, Scope: finding.ScopeStaged}, path: name}
	switch {
	case s.opts.Range != nil:
		t.Scope = finding.ScopeRange
	case s.opts.Staged.Message != nil:
		t.Scope = finding.ScopeMessage
	}
	if name == "-" {
		return t, fmt.Errorf("%w: standard input has no repository", ErrUse)
	}
	var err error
	if inEnvironment {
		t.repo, err = gitdb.OpenGitDir(s.opts.GitDir, s.opts.WorkTree, s.opts.Staged != nil)
		if err != nil {
			return t, fmt.Errorf("%w: %s", ErrUse, plainError(err))
		}
		return t, nil
	}
	info, err := os.Stat(name)
	if err != nil {
		return t, fmt.Errorf("%w %s: %s", ErrUse, quoted(name), plainError(err))
	}
	start := name
	if !info.IsDir() {
		start = filepath.Dir(name)
	}
	dir, inside := gitdb.Discover(start)
	if !inside {
		return t, fmt.Errorf("%w %s: not inside a git repository, and only git knows what is new", ErrUse, quoted(name))
	}
	open := gitdb.Open
	if s.opts.Staged != nil {
		open = gitdb.OpenHead
	}
	if t.repo, err = open(dir); err != nil {
		return t, fmt.Errorf("%w %s: %s", ErrUse, quoted(name), plainError(err))
	}
	return t, nil
}

// resolve finds out what a path is. Its error wraps ErrUse.
func resolve(name string, opts *Options) (target, error) {
	t := target{Target: finding.Target{Name: name}, path: name}
	if name == "-" {
		if opts.onlyHistory() {
			return t, fmt.Errorf("%w: standard input has no history", ErrUse)
		}
		t.Kind, t.Tree, t.path = finding.TargetStdin, true, ""
		return t, nil
	}
	info, err := os.Stat(name)
	if err != nil {
		return t, fmt.Errorf("%w %s: %s", ErrUse, quoted(name), plainError(err))
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return t, fmt.Errorf("%w %s: neither a file nor a folder (keysweep scan - reads standard input)", ErrUse, quoted(name))
	}
	start := name
	if !info.IsDir() {
		start = filepath.Dir(name)
	}
	dir, inside := gitdb.Discover(start)
	if inside {
		repo, err := gitdb.Open(dir)
		if err != nil {
			return t, fmt.Errorf("%w %s: %s", ErrUse, quoted(name), plainError(err))
		}
		t.repo = repo
	}
	isTop := inside && info.IsDir() && sameFolder(dir, name)
	switch {
	case isTop && t.repo.Top == "":
		t.Kind, t.History = finding.TargetRepository, true
		if opts.onlyTree() {
			return t, fmt.Errorf("%w %s: --tree: a bare repository has no working tree", ErrUse, quoted(name))
		}
	case isTop:
		t.Kind, t.Tree, t.History = finding.TargetRepository, !opts.onlyHistory(), !opts.onlyTree()
	case inside && opts.onlyHistory():
		t.Kind, t.History = finding.TargetRepository, true
		t.Notes = append(t.Notes, fmt.Sprintf("%s lies in the repository %s, whose history was scanned.", quoted(name), quoted(dir)))
	case opts.onlyHistory():
		return t, fmt.Errorf("%w %s: --history: not inside a git repository", ErrUse, quoted(name))
	default:
		t.Kind, t.Tree = finding.TargetFolder, true
		if !info.IsDir() {
			t.Kind = finding.TargetFile
		}
		if opts.History && !inside {
			return t, fmt.Errorf("%w %s: --history: not inside a git repository", ErrUse, quoted(name))
		}
		t.InRepository = inside && t.repo.Top != ""
		if inside && opts.History {
			t.History = true
		} else if inside && !opts.Tree && t.repo.Top != "" {
			t.Notes = append(t.Notes, fmt.Sprintf("%s lies in the repository %s, whose history was not looked at (keysweep scan --history %s).", quoted(name), quoted(dir), quoted(name)))
		}
		if inside && t.repo.Top == "" {
			t.repo = nil // below a bare repository, or in a .git folder: plain files
		}
	}
	return t, nil
}

// onlyTree and onlyHistory tell which of the two was asked for alone.
func (o *Options) onlyTree() bool    { return o.Tree && !o.History }
func (o *Options) onlyHistory() bool { return o.History && !o.Tree }

func sameFolder(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// quoted writes a path as a user may type it: bare if it is plain, else as a
// quoted string, so that no name can forge a line.
func quoted(path string) string {
	for _, r := range path {
		if r == '\ufffd' || r <= ' ' || r > '~' || r == '"' || r == '\'' || r == '\\' {
			return fmt.Sprintf("%q", path)
		}
	}
	if path == "" {
		return `""`
	}
	return path
}

// plainError returns the words of a file error without the operation and the
// path, which the caller has said.
func plainError(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
