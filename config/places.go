package config

import (
	"os"
	"path"
	"path/filepath"
	"strings"

	"keysweep/exceptions"
	"keysweep/finding"
)

// places knows where the targets of a scan lie: which of them are the user's
// own, and how their files are called from the top.
type places struct {
	targets map[string]place
	nested  map[string]bool // by folder: it is a repository of its own
}

type place struct {
	own    bool   // the working directory, or what stands for it, is inside
	prefix string // from the top to the target
	inside bool   // the target is below the top
	start  string // real path of the target's folder
}

// newPlaces resolves the paths of a scan. The top is the folder that c was
// found in; if c was named, or there is none, the root of each path (see Find).
// The user's own is what holds here, a folder that replaces the working
// directory.
func newPlaces(here string, c *Config, paths []string) *places {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	p := &places{targets: map[string]place{}, nested: map[string]bool{}}
	here, err := realPath(here)
	if err != nil {
		return p
	}
	for _, target := range paths {
		root, ok := rootOf(target)
		if !ok || target == "-" {
			continue // standard input belongs to no one
		}
		real, err := realPath(root)
		if err != nil {
			continue
		}
		t := place{own: within(real, here)}
		top := real
		if c != nil && c.root != "" {
			top = c.root
		}
		start := target
		if info, err := os.Stat(target); err == nil && !info.IsDir() {
			start = filepath.Dir(target)
		}
		if start, err = realPath(start); err == nil {
			t.start = start
			if rel, err := filepath.Rel(top, start); err == nil {
				t.prefix, t.inside = filepath.ToSlash(rel), true
			}
		}
		p.targets[target] = t
	}
	return p
}

// own reports whether the working directory is in the root of the target of
// o, and o in no repository within it: then keysweep:allow on its lines is
// believed.
func (p *places) own(_ *finding.Finding, o *finding.Occurrence) bool {
	t := p.targets[o.Target]
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
	t, ok := p.targets[o.Target]
	if !ok || !t.inside || o.Path == "" {
		return "", false
	}
	if _, ok := placeInTree(o); !ok {
		return "", false
	}
	s := path.Join(t.prefix, o.Folder, o.Path)
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

// BaselinePath returns where the baseline of a scan of paths is or would be: at
// the root of the first path, if the working directory is inside.
func BaselinePath(paths []string) (string, bool) {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	if !Inside(paths[0]) {
		return "", false
	}
	root, _ := rootOf(paths[0])
	return shown(filepath.Join(root, exceptions.BaselineName)), true
}

// covers reports whether a target is all that the exceptions of paths speak of:
// a root itself.
func (p *places) covers(target string) bool {
	t := p.targets[target]
	return t.inside && t.prefix == "."
}

// Root returns the folder whose configuration and baseline are those of path
// (see Find), and false if it has none.
func Root(path string) (string, bool) {
	root, ok := rootOf(path)
	if !ok {
		return "", false
	}
	return shown(root), true
}
