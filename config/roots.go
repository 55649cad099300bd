package config

import (
	"cmp"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"keysweep/exceptions"
	"keysweep/file"
	"keysweep/finding"
	"keysweep/scanner/gitdb"
)

// root is the folder whose configuration and baseline are those of a scanned
// path.
type root struct {
	index int    // of the path
	path  string // as the user named it
	dir   string
	real  string // the real path of dir
	start string // the real path of the scanned folder, or of the file's; "": unknown
	cloud bool   // its files are read if that downloads them
	// unknown is why it is not known which folder this is; nil: it is.
	unknown error
	own     bool // the working directory is inside
}

// rootsOf returns the roots of paths that have one; no path is ".".
func rootsOf(paths []string) (list []root) {
	here, err := realPath(".")
	if len(paths) == 0 {
		paths = []string{"."}
	}
	for i, path := range paths {
		if r, ok := rootOf(path); ok {
			_, below := file.Below(r.real, here)
			r.index, r.unknown = i, cmp.Or(r.unknown, err)
			r.own = r.unknown == nil && below
			list = append(list, r)
		}
	}
	return list
}

func rootOf(path string) (r root, ok bool) {
	r = root{path: path, dir: file.Typed(path)}
	if path == "-" {
		r.dir = "."
	}
	info, err := os.Stat(r.dir)
	if file.Absent(err) {
		return r, false // the scan says so
	}
	if err != nil {
		r.unknown = err
		return r, true
	}
	isFile := !info.IsDir()
	if isFile {
		r.dir = filepath.Dir(r.dir)
	}
	r.start, err = realPath(r.dir)
	dir, found, errGit := gitdb.Discover(r.dir)
	if r.unknown = cmp.Or(err, errGit); r.unknown != nil {
		return r, true
	}
	if found {
		// A bare repository, or what is in a .git folder, has no tree.
		if _, err := os.Lstat(filepath.Join(dir, ".git")); file.Absent(err) {
			return r, false
		} else if err != nil {
			r.unknown = err
			return r, true
		}
		r.dir = dir
	} else if isFile {
		r.dir = "."
	}
	r.real, r.unknown = realPath(r.dir)
	return r, true
}

// realPath returns the absolute path with links resolved.
func realPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// Root returns the folder whose configuration and baseline are those of path
// (see Find), and false if it has none.
func Root(path string) (string, bool) {
	r, ok := rootOf(path)
	return Shown(r.dir), ok && r.unknown == nil
}

// Top returns the folder of the repository that a file or folder is in: the top of the
// working tree, or a bare repository. It is "" if there is none.
func Top(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		path = filepath.Dir(path)
	}
	top, _, err := gitdb.Discover(path)
	return top, err
}

// OwnBaseline returns where the baseline of a scan of path is or would be, at the root
// of path, and what is there: nil if nothing is. file is "" if the working directory is
// outside. A link that leads out of the root is an error, as where a scan reads it: what
// is written through it would count for nothing, and be another's. Errors name the file.
func OwnBaseline(path string) (file string, b *exceptions.Baseline, err error) {
	roots := rootsOf([]string{path})
	if len(roots) == 0 || !roots[0].own {
		return "", nil, nil
	}
	b, _, _, err = baselines.find(roots)
	return Shown(filepath.Join(roots[0].dir, exceptions.BaselineName)), b, err
}

// Shown returns path from the working directory, if that is shorter.
func Shown(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	here, err := filepath.Abs(".")
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(here, abs); err == nil && len(rel) < len(path) {
		return rel
	}
	return path
}

// ownership knows which targets of a scan are the user's own, and the paths of their
// files from the top: the folder that the configuration was found in, or else the
// root of each target.
type ownership struct {
	roots  map[string]root // by target
	remote []string        // targets that are addresses
	top    string          // a real path; "": the root of each
	nested map[string]bool // by folder: it is a repository of its own
}

func newOwnership(roots []root, c *Config, remote []string) *ownership {
	p := &ownership{roots: map[string]root{}, remote: remote, nested: map[string]bool{}}
	if c != nil {
		p.top = c.root
	}
	for _, r := range roots {
		if r.path != "-" { // standard input belongs to no one
			p.roots[r.path] = r
		}
	}
	return p
}

// prefix returns the path of a target from the top, and false if it has none.
func (p *ownership) prefix(target string) (string, bool) {
	r, ok := p.roots[target]
	if !ok || r.start == "" {
		return "", false
	}
	rel, err := filepath.Rel(cmp.Or(p.top, r.real), r.start)
	return filepath.ToSlash(rel), err == nil
}

// own reports whether the working directory is in the root of the target of
// o, and o in no repository within it: then keysweep:allow on its lines is
// believed, in commits if HEAD reaches them.
func (p *ownership) own(_ *finding.Finding, o *finding.Occurrence) bool {
	if !isHere(o) && !o.Comment.Merged {
		return false
	}
	t := p.roots[o.Target]
	if !t.own || o.Folder != "" && o.Folder != "." && !strings.HasPrefix(o.Folder, "..") {
		return false
	}
	if o.Source != finding.SourceWorktree && o.Source != finding.SourceMetadata || t.start == "" {
		return true
	}
	for dir := path.Dir(o.Path); dir != "." && dir != "/"; dir = path.Dir(dir) {
		full := filepath.Join(t.start, filepath.FromSlash(dir))
		nested, known := p.nested[full]
		if !known {
			_, err := os.Lstat(file.Exact(filepath.Join(full, ".git")))
			nested = !file.Absent(err) // what is not known accepts nothing
			p.nested[full] = nested
		}
		if nested {
			return false
		}
	}
	return true
}

// isHere reports whether o is in a file or in the index, and in no object of git that
// others may have made.
func isHere(o *finding.Occurrence) bool {
	switch o.Source {
	case finding.SourceWorktree, finding.SourceIndex, finding.SourceStdin, finding.SourceMetadata:
		return true
	}
	return false
}

// pathOf returns the path of o from the top, '/'-separated, and false if it has
// none, or is elsewhere.
func (p *ownership) pathOf(o *finding.Occurrence) (string, bool) {
	if slices.Contains(p.remote, o.Target) {
		return pathInTree(o)
	}
	prefix, ok := p.prefix(o.Target)
	if !ok {
		return "", false
	}
	if _, ok := pathInTree(o); !ok {
		return "", false
	}
	s := path.Join(prefix, o.Folder, o.Path)
	return s, s != ".." && !strings.HasPrefix(s, "../")
}

// pathInTree returns the path of o from the top of the tree that it is in,
// '/'-separated, and false if it has none.
func pathInTree(o *finding.Occurrence) (string, bool) {
	switch o.Source {
	case finding.SourceRef, finding.SourceCommit, finding.SourceTag:
		return "", false
	}
	// No checkout makes such a name, and path.Join would move it.
	for part := range strings.SplitSeq(o.Path, "/") {
		if part == ".." || part == "." || part == "" {
			return "", false
		}
	}
	return path.Join(o.Folder, o.Path), o.Path != ""
}

// covers reports whether a target is all that the exceptions of paths speak of:
// a root itself.
func (p *ownership) covers(target string) bool {
	prefix, ok := p.prefix(target)
	return ok && prefix == "."
}
