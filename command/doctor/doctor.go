// Package doctor checks a repository for what scans and hooks need. It changes
// nothing, runs nothing of the repository, and has a remedy for each problem.
package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"keysweep/command/hooks"
	"keysweep/config"
	"keysweep/exceptions"
	"keysweep/file"
	"keysweep/finding"
	"keysweep/quote"
	"keysweep/rules"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/index"
)

// Level says how bad a problem is.
type Level int

// The levels.
const (
	Well   Level = iota // no problem
	Weak                // works, but does less than expected
	Broken              // does not work
)

// String returns "ok", "warning" or "error", the words of the JSON form.
func (l Level) String() string { return [...]string{"ok", "warning", "error"}[l] }

// MarshalText writes a level as String does.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// Check is the result of one check. Words and Remedy may contain raw bytes of paths:
// the caller must quote each line.
type Check struct {
	Name  string `json:"name"`
	Level Level  `json:"level"`
	Words string `json:"message"`
	// Remedy is what to do, one step a line; "" for Well.
	Remedy string `json:"remedy,omitempty"`
}

// Run checks the repository that dir is in, as far as reach leads.
func Run(ctx context.Context, dir string, reach file.Reach) []Check {
	e := newExamination(dir)
	e.guard = reach.Guard(dir)
	asked, err := hooks.Find(ctx, dir, reach)
	found := ""
	if err == nil {
		found = asked.Folder()
		if asked.Bare() { // whatever safe.bareRepository says
			e.git = "git --git-dir " + quote.Shell(filepath.ToSlash(dir)) + " "
		}
	} else if top, ok, unknown := gitdb.Discover(dir); ok {
		found = top
	} else if unknown != nil {
		err = unknown
	}
	if found == "" {
		if errors.Is(err, hooks.ErrNotRepository) || errors.Is(err, hooks.ErrNoGit) {
			err = fmt.Errorf("%s is %w", dir, hooks.ErrNotRepository)
			if store := hooks.Jujutsu(dir); store != "" {
				return append(e.checks, Check{"repository", Weak, err.Error() + ": the git repository of this jj repository is " + store + ". " + hooks.NoHooksInJujutsu, hooks.InsteadInJujutsu})
			}
		}
		return append(e.checks, Check{"repository", Broken, err.Error(), "name a folder in a repository, or run git init"})
	}
	repo, openErr := gitdb.Open(found, reach)
	if openErr != nil {
		e.add("repository", Broken, openErr.Error(), "run git fsck for details")
	} else {
		e.repository(repo, found)
	}
	if err != nil {
		e.add("hooks", Broken, err.Error(), askRemedy(err, found))
	} else {
		e.hooks(asked)
		if hooks.Jujutsu(asked.Folder()) != "" {
			e.add("jj", Weak, hooks.NoHooksInJujutsu, hooks.InsteadInJujutsu)
		}
	}
	top := ""
	if repo != nil && repo.Top != "" {
		e.configuration(repo)
		e.baseline(repo)
		top = repo.Top
	}
	e.agents(top)
	return e.checks
}

// askRemedy returns what to do if git could not be asked about hooks.
func askRemedy(err error, found string) string {
	switch {
	case errors.Is(err, hooks.ErrNoGit):
		return "install git, or add it to PATH"
	case errors.Is(err, file.ErrElsewhere):
		return "hooks were not checked, since git would open it: take it out, or allow it"
	case strings.Contains(err.Error(), "dubious ownership"):
		return "git config --global --add safe.directory " + quote.Shell(filepath.ToSlash(found))
	}
	return "hooks were not checked; a newer git may support this repository"
}

// examination collects the checks of a repository. Remedies begin with its
// commands, which name the folder.
type examination struct {
	install, git string
	guard        *file.Guard // of what the repository's files name
	checks       []Check
}

func newExamination(dir string) *examination {
	e := &examination{install: "keysweep install", git: "git "}
	if dir != "." {
		e.install += " " + quote.Shell(dir)
		e.git += "-C " + quote.Shell(dir) + " "
	}
	return e
}

func (e *examination) add(name string, level Level, words, remedy string) {
	e.checks = append(e.checks, Check{name, level, words, remedy})
}

// repository checks what scans of the history need.
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
			e.add("refs", Weak, s.Detail, "a newer keysweep may support it")
		case s.Reason == finding.ReasonExtension:
			e.add("format", Well, s.Detail+", which changes neither objects nor refs", "")
		case s.Reason == finding.ReasonUnknownFormat:
			e.add("format", Weak, s.Detail+" is not supported by this keysweep", "a newer keysweep may support it")
		default:
			e.add("repository", Weak, string(s.Reason)+": "+s.Detail, "run git fsck for details")
		}
	}
	if n := len(r.Shallow); n > 0 {
		e.add("history", Weak, "a shallow clone: older commits are missing and not scanned", e.git+"fetch --unshallow")
	}
	if r.Promisor {
		e.add("history", Weak, "a partial clone: objects that were not fetched are not scanned", "clone again without --filter")
	}
	for _, dir := range r.OutsideAlternates() {
		e.add("alternates", Weak, "objects are borrowed from "+dir+", outside the repository's parent folder: scans skip them",
			"if you trust this repository: keysweep scan --follow-alternates\nor copy the objects: "+e.git+"repack -a -d, then remove objects/info/alternates")
	}
	if r.Top != "" && e.usesLFS(r.Top) {
		e.add("git lfs", Well, "in use: scans read the content that is here; git lfs fetch --all brings the rest", "")
	}
}

// configuration checks the .keysweep.toml of a working tree.
func (e *examination) configuration(r *gitdb.Repository) {
	const name = "configuration"
	path := filepath.Join(r.Top, config.Name)
	info, err := file.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		e.add(name, Well, "none (no "+config.Name+")", "")
		return
	}
	if err != nil {
		e.add(name, Broken, err.Error(), "see who may read it")
		return
	}
	loaded, notes, err := config.Find([]string{r.Top})
	if err == nil && loaded == nil && len(notes) > 0 && info.Mode().IsRegular() {
		loaded, err = config.Named(path) // it counts for scans from there
	}
	if err == nil {
		_, err = rules.Load(nil, loaded.Rules()...)
		if at, ok := errors.AsType[*rules.LoadError](err); ok {
			err = fmt.Errorf("%s: line %d, column %d: %s", at.File, at.Line, at.Col, at.Reason)
		}
	}
	if err != nil {
		e.add(name, Broken, strings.TrimPrefix(err.Error(), "configuration "), untilFixed)
		return
	}
	if loaded == nil {
		e.add(name, Weak, path+" is not a regular file, and is not used from here", "replace it with a file")
		return
	}
	e.tracked(r, name, config.Name, len(notes) > 0)
}

// untilFixed is the remedy for a broken file of exceptions.
const untilFixed = "fix it: until then, every scan here ends with status 2"

// baseline checks the baseline of a working tree.
func (e *examination) baseline(r *gitdb.Repository) {
	const name = "baseline"
	path := filepath.Join(r.Top, exceptions.BaselineName)
	if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
		return // not mentioned: few repositories have one
	}
	b, notes, err := config.FindBaseline([]string{r.Top})
	if err == nil && b == nil {
		err = e.guard.Links(path)
	}
	if err == nil && b == nil {
		_, err = config.NamedBaseline(path)
	}
	if err != nil {
		e.add(name, Broken, strings.TrimPrefix(err.Error(), "baseline "), untilFixed)
		return
	}
	e.tracked(r, name, exceptions.BaselineName, len(notes) > 0)
}

// tracked checks that a file of exceptions at the top is in the index: otherwise it
// counts neither in other clones nor for hooks.
func (e *examination) tracked(r *gitdb.Repository, name, file string, outside bool) {
	path := filepath.Join(r.Top, file)
	x, err := index.Read(filepath.Join(r.GitDir, "index"), r.Format)
	switch {
	case err != nil && !errors.Is(err, os.ErrNotExist):
		e.add("index", Broken, err.Error(), "run git fsck for details; git reset rebuilds the index and unstages everything")
	case err != nil || !x.Lookup(r.IgnoreCase).Tracked(file):
		e.add(name, Weak, path+" is not tracked: it counts only here, and not for hooks", e.git+"add "+file+", and commit it")
	case outside:
		e.add(name, Well, path+" is used by scans from inside the repository", "")
	default:
		e.add(name, Well, path+" is used", "")
	}
}

// usesLFS reports whether the .gitattributes at the top name Git LFS.
func (e *examination) usesLFS(top string) bool {
	const limit = 1 << 20 // bytes
	path := filepath.Join(top, ".gitattributes")
	if e.guard.Links(path) != nil {
		return false
	}
	text, err := file.Read(path, limit)
	return err == nil && bytes.Contains(text, []byte("filter=lfs"))
}
