// Package worktree walks a working tree or a plain folder, and hands each
// file's bytes to the scanner: in parallel, and in memory that does not depend
// on the size of the tree. No link is followed below root, nothing but regular
// files is opened, and nothing is written.
//
// In a repository it visits what git tracks, and what git would not ignore: by
// the .gitignore files of the tree and by info/exclude, not by the user's own
// ignore file (core.excludesFile). In a plain folder it visits everything.
package worktree

import (
	"strings"

	"github.com/bmatcuk/doublestar/v4"

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
	// Exclude is over paths below root. What it matches is counted and not
	// visited; a folder that it matches is not entered.
	Exclude Exclusions
	// Cloud also opens files that are not on this disk, which downloads them. Else
	// they are counted as cloud-file.
	Cloud bool
	// Workers is the number of goroutines that call visit. Zero: GOMAXPROCS.
	// There are fewer if the process may open only few files.
	Workers int
	// OpenNested returns what the walk must know of a repository at path ("" if
	// root itself has a .git and Repository is nil, or is another one). Its files
	// are visited by its own rules. Nil function or nil Repository: all of its
	// files are visited, as in a plain folder. An error does the same, and is
	// counted as unreadable. It is called from several goroutines, and not for
	// bare repositories.
	OpenNested func(path string) (*Repository, error)

	// Of tests. Zero: openFolder, file.Composed, listAtOnce, a quarter of what the
	// process may open but at most 256.
	open     func(path string) (folder, error)
	composed func(name string) string
	list     int
	keepOpen int
}

// Repository is what the walk must know of a repository. Paths are below Top,
// '/'-separated. The functions are called from several goroutines; nil: there is
// nothing of that kind.
type Repository struct {
	// Top is the work tree's top folder. The walk's root is Top or below it;
	// of a nested repository Top is not used.
	Top string
	// Tracked reports whether the index holds a file at path, at any stage.
	// With IgnoreCase the case does not matter.
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

// Summary is what a walk met.
type Summary struct {
	Files int64 // regular files and symbolic links that were visited
	Bytes int64 // of the files whose Read succeeded
	// Skipped is sorted. Each entry's Detail is a path below root (with '/' at
	// the end if it is a folder), followed by ": " and the error if its class
	// is incomplete. An ignored or excluded folder is one entry and counts
	// one, whatever it holds. The first 100 paths of a reason are named (1000
	// of an incomplete one); the rest is one entry, with the count of the rest.
	Skipped []finding.Skipped
	// Nested are the paths of the folders below root, sorted, that are
	// repositories: they have a folder .git with HEAD, objects/ and refs/ (one
	// without them is a folder like any other), a file or a link .git, which is
	// visited too, or HEAD, objects/ and refs/ themselves. The files of such a
	// bare repository are visited like any others, except for those below
	// objects/ that are named like objects: these are for the caller to read.
	Nested []string
}

// Exclusions are doublestar globs, all valid, over paths below a root. A '/' at
// the end makes a glob match folders only.
type Exclusions []string

// match reports whether a glob matches path itself.
func (x Exclusions) match(path string, isFolder bool) bool {
	for _, glob := range x {
		pattern, folderOnly := strings.CutSuffix(glob, "/")
		if (isFolder || !folderOnly) && doublestar.MatchUnvalidated(pattern, path) {
			return true
		}
	}
	return false
}

// Match reports whether a glob matches path or a folder above it.
func (x Exclusions) Match(path string, isFolder bool) bool {
	for end := range len(path) {
		if path[end] == '/' && x.match(path[:end], true) {
			return true
		}
	}
	return x.match(path, isFolder)
}
