package index

import (
	"slices"
	"strings"

	"keysweep/file"
)

// Lookup answers whether paths are tracked. It may be used by several
// goroutines.
type Lookup struct {
	paths   []string // sorted
	folders []string // of a sparse index, sorted, each with its '/'
	fold    bool
	// composed is file.Composed; tests have that of another system.
	composed func(string) string
}

// Lookup returns a table of x's paths; with ignoreCase, the case of ASCII
// letters does not matter (core.ignoreCase).
func (x *Index) Lookup(ignoreCase bool) *Lookup { return x.lookup(ignoreCase, file.Composed) }

func (x *Index) lookup(ignoreCase bool, composed func(string) string) *Lookup {
	l := &Lookup{paths: make([]string, len(x.Entries)), fold: ignoreCase, composed: composed}
	for i := range x.Entries {
		e := &x.Entries[i]
		l.paths[i] = l.key(e.Path)
		if e.Mode == ModeFolder {
			l.folders = append(l.folders, l.key(strings.TrimSuffix(e.Path, "/")+"/"))
		}
	}
	if !slices.IsSorted(l.paths) {
		slices.Sort(l.paths)
		slices.Sort(l.folders)
	}
	return l
}

func (l *Lookup) key(path string) string {
	path = l.composed(path)
	isUpper := func(r rune) bool { return r >= 'A' && r <= 'Z' }
	if !l.fold || !strings.ContainsFunc(path, isUpper) {
		return path
	}
	b := []byte(path)
	for i, c := range b {
		if isUpper(rune(c)) {
			b[i] |= 0x20
		}
	}
	return string(b)
}

// Tracked reports whether the index holds path, at any stage. What is below
// a folder that a sparse index holds as a whole counts as tracked.
func (l *Lookup) Tracked(path string) bool {
	path = l.key(path)
	_, ok := slices.BinarySearch(l.paths, path)
	return ok || l.inFolder(path)
}

// TrackedUnder reports whether the index holds anything below folder, which
// has no '/' at the end.
func (l *Lookup) TrackedUnder(folder string) bool {
	folder = l.key(folder) + "/"
	i, _ := slices.BinarySearch(l.paths, folder)
	return i < len(l.paths) && strings.HasPrefix(l.paths[i], folder) || l.inFolder(folder)
}

func (l *Lookup) inFolder(path string) bool {
	if len(l.folders) == 0 {
		return false
	}
	for i := 0; i < len(path); i++ {
		if path[i] == '/' {
			if _, ok := slices.BinarySearch(l.folders, path[:i+1]); ok {
				return true
			}
		}
	}
	return false
}

// Submodules returns the paths of the entries that are commits of other
// repositories.
func (x *Index) Submodules() []string {
	var list []string
	for i := range x.Entries {
		e := &x.Entries[i]
		if e.Mode == ModeSubmodule && (len(list) == 0 || list[len(list)-1] != e.Path) {
			list = append(list, e.Path)
		}
	}
	return list
}
