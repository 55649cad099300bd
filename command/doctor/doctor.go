// Package doctor looks at a repository the way a physician does: it changes
// nothing, runs nothing the repository holds or names, and has a remedy for
// each thing it finds.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"keysweep/command/hooks"
	"keysweep/config"
	"keysweep/exceptions"
	"keysweep/finding"
	"keysweep/rules"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/index"
)

// Level says how bad something is.
type Level int

// The levels.
const (
	// Well needs nothing.
	Well Level = iota
	// Weak works, and does less than one might think.
	Weak
	// Broken does not work.
	Broken
)

// String returns "ok", "warning" or "error", the words of the JSON form.
func (l Level) String() string { return [...]string{"ok", "warning", "error"}[l] }

// MarshalText writes a level as String does.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// Check is one thing that was looked at. Words and Remedy may hold raw bytes of
// paths: whoever prints them must quote each line.
type Check struct {
	Name  string `json:"name"`
	Level Level  `json:"level"`
	Words string `json:"message"`
	// Remedy is what to do, in lines; "" for Well.
	Remedy string `json:"remedy,omitempty"`
}

// Run checks the repository that dir is in.
func Run(ctx context.Context, dir string) []Check {
	e := &examination{}
	asked, err := hooks.Find(ctx, dir)
	found := ""
	if err == nil {
		found = asked.Top
		if asked.Bare() {
			found = asked.GitDir
		}
	} else if top, ok := gitdb.Discover(dir); ok {
		found = top
	}
	if found == "" {
		if errors.Is(err, hooks.ErrNotRepository) || errors.Is(err, hooks.ErrNoGit) {
			err = fmt.Errorf("%s is %w", dir, hooks.ErrNotRepository)
		}
		return append(e.checks, Check{"repository", Broken, err.Error(), "name a folder in a repository, or make one: git init"})
	}
	repo, openErr := gitdb.Open(found)
	if openErr != nil {
		e.add("repository", Broken, openErr.Error(), "git fsck tells more")
	} else {
		e.repository(repo, found)
	}
	if err != nil {
		e.add("hooks", Broken, err.Error(), askRemedy(err, found))
	} else {
		e.hooks(asked)
	}
	if repo != nil && repo.Top != "" {
		e.configuration(repo)
		e.baseline(repo)
	}
	return e.checks
}

func askRemedy(err error, found string) string {
	switch {
	case errors.Is(err, hooks.ErrNoGit):
		return "install git, or have it in PATH"
	case strings.Contains(err.Error(), "dubious ownership"):
		return "git config --global --add safe.directory " + quoteWord(filepath.ToSlash(found))
	}
	return "a newer git may know this repository: hooks were not checked"
}

// examination collects checks.
type examination struct {
	checks []Check
}

func (e *examination) add(name string, level Level, words, remedy string) {
	e.checks = append(e.checks, Check{name, level, words, remedy})
}

// repository checks what scans of history need.
func (e *examination) repository(r *gitdb.Repository, found string) {
	words := found
	switch {
	case r.Top == "":
		words += ", bare"
	case r.GitDir != r.CommonDir:
		words += ", a linked working tree of " + r.CommonDir
	}
	e.add("repository", Well, words, "")
	for _, s := range r.Skipped {
		switch {
		case s.Reason == finding.ReasonUnknownFormat && strings.HasPrefix(s.Detail, "ref storage"):
			e.add("refs", Weak, s.Detail, "git refs migrate --ref-format=files (git 2.46 or newer)")
		case s.Reason == finding.ReasonUnknownFormat:
			e.add("format", Weak, s.Detail+" is not known to this keysweep", "a newer keysweep may know it")
		default:
			e.add("repository", Weak, string(s.Reason)+": "+s.Detail, "git fsck tells more")
		}
	}
	if n := len(r.Shallow); n > 0 {
		e.add("history", Weak, "a shallow clone: older commits are not here, and are not scanned", "git fetch --unshallow")
	}
	if r.Promisor {
		e.add("history", Weak, "a partial clone: objects that were not fetched are not scanned", "clone again, without --filter")
	}
	for _, dir := range r.OutsideAlternates() {
		e.add("alternates", Weak, "objects are borrowed from "+dir+", outside the folder that holds the repository: scans leave them out",
			"keysweep scan --follow-alternates, if you trust this repository; or copy the objects: git repack -a -d, then remove objects/info/alternates")
	}
	if r.Top != "" && strings.Contains(readSmall(filepath.Join(r.Top, ".gitattributes")), "filter=lfs") {
		e.add("git lfs", Well, "is in use: the history holds pointers, the files themselves are scanned only in the working tree", "")
	}
}

// configuration checks the .keysweep.toml of a working tree.
func (e *examination) configuration(r *gitdb.Repository) {
	const name = "configuration"
	path := filepath.Join(r.Top, config.Name)
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		e.add(name, Well, "none ("+config.Name+" is not there)", "")
		return
	}
	loaded, notes, err := config.Find(".", []string{r.Top})
	if err == nil && loaded == nil && len(notes) > 0 && info.Mode().IsRegular() {
		loaded, err = config.Named(path) // it counts for whoever works there
	}
	if err == nil {
		_, err = rules.Load(nil, loaded.Rules()...)
		var at *rules.LoadError
		if errors.As(err, &at) {
			err = fmt.Errorf("%s: line %d, column %d: %s", at.File, at.Line, at.Col, at.Reason)
		}
	}
	if err != nil {
		e.add(name, Broken, strings.TrimPrefix(err.Error(), "configuration "), "mend it: until then every scan here ends with status 2")
		return
	}
	if loaded == nil {
		e.add(name, Weak, path+" is not a regular file, and is not used from here", "replace it by a file")
		return
	}
	e.tracked(r, name, config.Name, len(notes) > 0)
}

// baseline checks the accepted keys of a working tree.
func (e *examination) baseline(r *gitdb.Repository) {
	const name = "baseline"
	path := filepath.Join(r.Top, exceptions.BaselineName)
	if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
		return // few have one
	}
	b, notes, err := config.FindBaseline(".", []string{r.Top})
	if err == nil && b == nil {
		_, err = config.NamedBaseline(path)
	}
	if err != nil {
		e.add(name, Broken, strings.TrimPrefix(err.Error(), "baseline "), "mend it: until then every scan here ends with status 2")
		return
	}
	e.tracked(r, name, exceptions.BaselineName, len(notes) > 0)
}

// tracked checks that a file of exceptions at the top is in the index, without
// which it counts for nobody else, nor for hooks.
func (e *examination) tracked(r *gitdb.Repository, name, file string, outside bool) {
	path := filepath.Join(r.Top, file)
	x, err := index.Read(filepath.Join(r.GitDir, "index"), r.Format.Size())
	switch {
	case err != nil && !errors.Is(err, os.ErrNotExist):
		e.add("index", Broken, err.Error(), "git fsck tells more; git reset makes the index anew, and unstages")
	case err != nil || !x.Lookup(r.IgnoreCase).Tracked(file):
		e.add(name, Weak, path+" is not tracked: it counts for you alone, and not for hooks", "git add "+file+", and commit it")
	case outside:
		e.add(name, Well, path+" is used by scans from inside of the repository", "")
	default:
		e.add(name, Well, path+" is used", "")
	}
}

// readSmall returns a small regular file, "" if it is none.
func readSmall(path string) string {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > 1<<20 {
		return ""
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(b)
}

// quoteWord returns a word for a shell.
func quoteWord(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
