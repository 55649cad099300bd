package config

import (
	"cmp"
	"os"
	"path"
	"path/filepath"
	"strings"

	"keysweep/finding"
)

// places knows which targets of a scan are the user's own, and the paths of their
// files from the top: the folder that the configuration was found in, or else the
// root of each target.
type places struct {
	roots  map[string]root // by target
	top    string          // a real path; "": the root of each
	nested map[string]bool // by folder: it is a repository of its own
}

func newPlaces(roots []root, c *Config) *places {
	p := &places{roots: map[string]root{}, nested: map[string]bool{}}
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
func (p *places) prefix(target string) (string, bool) {
	r, ok := p.roots[target]
	if !ok || r.start == "" {
		return "", false
	}
	rel, err := filepath.Rel(cmp.Or(p.top, r.real), r.start)
	return filepath.ToSlash(rel), err == nil
}

// own reports whether the working directory is in the root of the target of
// o, and o in no repository within it: then keysweep:allow on its lines is
// believed.
func (p *places) own(_ *finding.Finding, o *finding.Occurrence) bool {
	t := p.roots[o.Target]
	if !t.own || o.Folder != "" && o.Folder != "." && !strings.HasPrefix(o.Folder, "..") {
		return false
	}
	if o.Source != finding.SourceWorktree || t.start == "" {
		return true
	}
	for dir := path.Dir(o.Path); dir != "." && dir != "/"; dir = path.Dir(dir) {
		full := filepath.Join(t.start, filepath.FromSlash(dir))
		nested, known := p.nested[full]
		if !known {
			_, err := os.Lstat(filepath.Join(full, ".git"))
			nested = err == nil
			p.nested[full] = nested
		}
		if nested {
			return false
		}
	}
	return true
}

// pathOf returns the path of o from the top, '/'-separated, and false if it has
// none, or is elsewhere.
func (p *places) pathOf(o *finding.Occurrence) (string, bool) {
	prefix, ok := p.prefix(o.Target)
	if !ok {
		return "", false
	}
	if _, ok := placeInTree(o); !ok {
		return "", false
	}
	s := path.Join(prefix, o.Folder, o.Path)
	return s, s != ".." && !strings.HasPrefix(s, "../")
}

// placeInTree returns the path of o from the top of the tree that it is in,
// '/'-separated, and false if it has none.
func placeInTree(o *finding.Occurrence) (string, bool) {
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
func (p *places) covers(target string) bool {
	prefix, ok := p.prefix(target)
	return ok && prefix == "."
}
