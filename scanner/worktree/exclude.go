package worktree

import (
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Exclusions are doublestar globs over paths below a root. A '/' at the end
// makes a glob match folders only.
type Exclusions []exclusion

type exclusion struct {
	pattern    string
	folderOnly bool
}

// NewExclusions makes Exclusions of globs, all valid.
func NewExclusions(globs ...string) Exclusions {
	x := make(Exclusions, len(globs))
	for i, g := range globs {
		x[i].pattern, x[i].folderOnly = strings.CutSuffix(g, "/")
	}
	return x
}

// match reports whether a glob matches path itself.
func (x Exclusions) match(path string, isFolder bool) bool {
	for i := range x {
		if (isFolder || !x[i].folderOnly) && doublestar.MatchUnvalidated(x[i].pattern, path) {
			return true
		}
	}
	return false
}

// Match reports whether a glob matches path or a folder above it.
func (x Exclusions) Match(path string, isFolder bool) bool {
	if len(x) == 0 {
		return false
	}
	for end := range len(path) {
		if path[end] == '/' && x.match(path[:end], true) {
			return true
		}
	}
	return x.match(path, isFolder)
}
