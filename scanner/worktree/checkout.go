package worktree

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"keysweep/finding"
)

// checkout is a repository whose files are being visited, or none.
type checkout struct {
	repo *Repository // nil: a plain folder
	// A path at+p below the walk's root is prefix+p below the top. One of the
	// two is empty: the repository holds root, or root holds it.
	at, prefix string
	composed   func(name string) string // file.Composed
	submodules map[string]*atomic.Bool  // by path below the top: was checked out
}

func newCheckout(repo *Repository, at, prefix string, composed func(string) string) *checkout {
	c := &checkout{repo: repo, at: at, prefix: prefix, composed: composed}
	if len(repo.Submodules) > 0 {
		c.submodules = make(map[string]*atomic.Bool, len(repo.Submodules))
		for _, s := range repo.Submodules {
			c.submodules[s] = new(atomic.Bool)
		}
	}
	return c
}

// below returns path p, below the walk's root, as a path below the top, as git has
// it in its index.
func (c *checkout) below(p string) string {
	if c.prefix == "" {
		return c.composed(p[min(len(c.at), len(p)):])
	}
	return c.composed(c.prefix + p)
}

// isObject reports whether a path below the top of a bare repository is that of
// a file of objects, which the database's reader reads.
func isObject(below string) bool {
	folder, name := path.Split(below)
	switch folder, ok := strings.CutPrefix(folder, "objects/"); {
	case !ok:
		return false
	case strings.HasPrefix(name, "tmp_"): // what an interrupted git left
		return folder == "pack/" || len(folder) < 4
	case folder == "pack/":
		return strings.HasPrefix(name, "pack-") && slices.Contains([]string{".pack", ".idx", ".rev", ".bitmap", ".mtimes"}, path.Ext(name))
	default: // ab/cdef…
		return len(folder) == 3 && (len(name) == 38 || len(name) == 62) && strings.Trim(folder[:2]+name, "0123456789abcdef") == ""
	}
}

// tellingNames are the names in a folder that say whether it is a repository,
// and what of it is ignored.
var tellingNames = []string{".git", ".gitignore", "HEAD", "objects", "refs"}

// inspect finds out, before anything in the folder is visited, whether it is a
// repository, and what its .gitignore says. all: entries is the whole folder.
func (w *worker) inspect(n *node, dir folder, at string, entries []entry, all bool) {
	found := make(map[string]Kind, len(tellingNames))
	fold := n.checkout.repo != nil && n.checkout.repo.IgnoreCase
	for _, e := range entries {
		if slices.Contains(tellingNames, e.name) {
			found[e.name] = e.kind
		} else if fold && strings.EqualFold(e.name, ".gitignore") {
			found[".gitignore"] = e.kind
		}
	}
	if !all {
		for _, name := range tellingNames {
			kind, err := dir.lstat(name)
			if err == nil || name == ".gitignore" && !errors.Is(err, fs.ErrNotExist) {
				found[name] = kind // what cannot be read ignores nothing
			} else if !errors.Is(err, fs.ErrNotExist) {
				w.skip(join(at, name), err)
			}
		}
	}
	w.enterNested(n, dir, at, found)
	if _, ok := found[".gitignore"]; ok && n.checkout.repo != nil && !n.ignored && !w.opts.Ignored {
		listed := slices.ContainsFunc(entries, func(e entry) bool { return e.name == ".gitignore" })
		n.rules = w.readIgnore(dir, join(at, ".gitignore"), n.rules, len(n.checkout.below(slashed(at))), n.checkout.repo.IgnoreCase, listed)
	}
}

// enterNested makes the folder n, at a path, a repository of its own if it is
// one.
func (w *worker) enterNested(n *node, dir folder, at string, found map[string]Kind) {
	switch kind, ok := found[".git"]; {
	case !ok:
		is, _ := IsRepository(func(name string) (Kind, error) {
			if kind, ok := found[name]; ok {
				return kind, nil
			}
			return 0, fs.ErrNotExist
		})
		if is && n.name == ".git" { // it was none when the folder that holds it was inspected
			w.skips.add(finding.ReasonChanged, at+"/: became a repository")
		}
		if is {
			n.bare = n
			w.addNested(at)
		}
		return
	case kind == Special:
		return
	case kind == Directory:
		// One that is no repository's is walked like any other folder.
		is, err := w.isGitFolder(dir)
		if err != nil {
			w.skip(join(at, ".git")+"/", err)
		}
		if n.skipGit = is || err != nil; !is {
			return
		}
	}
	if n.parent == nil && n.checkout.repo != nil && n.checkout.prefix == "" {
		return // the repository that the caller knows
	}
	if n.parent != nil {
		if seen := n.parent.checkout.submodules[n.parent.checkout.below(at)]; seen != nil {
			seen.Store(true)
		}
	}
	w.addNested(at)
	n.checkout, n.rules, n.ignored = &checkout{composed: w.opts.composed}, nil, false
	if w.opts.OpenNested == nil {
		return
	}
	repo, err := w.opts.OpenNested(at)
	if err != nil {
		w.skip(slashed(at)+".git", err)
	} else if repo != nil {
		n.checkout = newCheckout(repo, slashed(at), "", w.opts.composed)
		n.rules = w.readExclude(repo.InfoExclude, repo.IgnoreCase)
		w.mu.Lock()
		w.checkouts = append(w.checkouts, n.checkout)
		w.mu.Unlock()
	}
}

func (w *walker) addNested(path string) {
	w.mu.Lock()
	w.nested = append(w.nested, path)
	w.mu.Unlock()
}

// isGitFolder reports whether the folder .git in dir is a repository's, so that
// its objects are read.
func (w *walker) isGitFolder(dir folder) (bool, error) {
	git, err := patiently(w, func() (folder, error) { return dir.sub([]string{".git"}) })
	if err != nil {
		return false, err
	}
	defer git.close()
	return IsRepository(git.lstat)
}

// IsRepository reports whether a folder holds what git asks of a repository
// (setup.c, is_git_directory): HEAD, and the folders objects and refs, of which
// git-new-workdir makes links. lstat is of the names in it. An error means that
// it could not be found out.
func IsRepository(lstat func(name string) (Kind, error)) (bool, error) {
	for _, name := range [...]string{"HEAD", "objects", "refs"} {
		kind, err := lstat(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
		if err != nil || kind != Symlink && (kind == Directory) == (name == "HEAD") {
			return false, nil
		}
	}
	return true, nil
}

// countAbsent counts the submodules below root that have no .git.
func (w *walker) countAbsent() {
	for _, c := range w.checkouts {
		for below, seen := range c.submodules {
			p, ok := strings.CutPrefix(below, c.prefix)
			if !ok || seen.Load() {
				continue
			}
			if p = c.at + p; !w.opts.Exclude.Match(p, true) {
				w.skips.add(finding.ReasonSubmoduleAbsent, p+"/")
			}
		}
	}
}
