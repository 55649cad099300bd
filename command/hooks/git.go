// Package hooks writes, removes and inspects the plain git hooks that call
// keysweep. It is the only package of ours that runs a program: git, which it asks
// where a repository and its hooks are, in ways that run nothing of the repository.
package hooks

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"keysweep/file"
	"keysweep/scanner/gitdb"
)

// Errors of Find.
var (
	// ErrNoGit says that there is no git to ask.
	ErrNoGit = errors.New("git is not in PATH, and is needed to find the hooks")
	// ErrNotRepository says that a folder is in no repository.
	ErrNotRepository = errors.New("not in a git repository")
)

// Repository is a repository as git sees it from a folder. Paths are absolute.
type Repository struct {
	Top string // the folder of the working tree; "": there is none (bare)
	// GitDir is the repository folder of this working tree, and CommonDir that
	// of the main one. They differ in a linked working tree.
	GitDir, CommonDir string
	Hooks             string // the folder where git looks for hooks; it may not exist
	// HooksPath is where core.hooksPath is set, as "global, file:/x"; "" if it is
	// not set, and Hooks is DefaultHooks.
	HooksPath string
	// HooksScope is the first word of HooksPath: system, global, local, worktree
	// or command; "" if it is not set.
	HooksScope string
	// Configured are the hooks of git's configuration, which git runs besides those in
	// Hooks; Ignored are the ones that this git does not run.
	Configured, Ignored []Configured

	eventsOff []string // hook.EVENT.enabled is false
	git       question
	real      map[string]string // the paths above, and what is derived from them, without links
}

// Find asks git which repository dir is in. As for git, GIT_DIR in the environment
// overrides dir. git is not asked where it would follow the repository's content
// beyond reach: the error wraps file.ErrElsewhere.
func Find(ctx context.Context, dir string, reach file.Reach) (*Repository, error) {
	git, err := exec.LookPath("git")
	if err != nil {
		return nil, ErrNoGit
	}
	if err := mayAsk(dir, reach); err != nil {
		return nil, err
	}
	r := &Repository{git: question{ctx, git, dir}}
	if err = r.findFolders(r.git); err == nil {
		err = r.findHooks(r.git, reach)
	}
	if err == nil {
		err = r.findConfigured()
	}
	if err != nil {
		return nil, err
	}
	r.real = map[string]string{}
	for _, path := range append(r.tops(), r.GitDir, r.CommonDir, r.Hooks, r.DefaultHooks()) {
		if r.real[path], err = resolve(path); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// findFolders asks where the repository and its working tree are.
func (r *Repository) findFolders(git question) error {
	inside, err := git.ask("rev-parse", "--is-inside-work-tree")
	if err != nil {
		return err
	}
	folders := []struct {
		name string
		into *string
	}{{"--absolute-git-dir", &r.GitDir}, {"--git-common-dir", &r.CommonDir}, {"--show-toplevel", &r.Top}}
	if inside != "true" { // bare, or called from the .git folder
		folders = folders[:2]
	}
	for _, f := range folders {
		// One path per call: a path may contain a newline.
		out, err := git.ask("rev-parse", "--path-format=absolute", f.name)
		if err != nil {
			return err
		}
		// git prints an option that it does not know.
		if strings.HasPrefix(out, "--path-format") {
			return errors.New("git 2.31 or newer is needed to find the hooks")
		}
		*f.into = filepath.FromSlash(out)
	}
	if r.Top != "" || filepath.Base(r.GitDir) != ".git" {
		return nil
	}
	bare, err := git.ask("rev-parse", "--is-bare-repository")
	if err == nil && bare == "false" {
		r.Top = filepath.Dir(r.GitDir) // called from the .git folder
	}
	return err
}

// findHooks asks where the hooks are and who says so.
func (r *Repository) findHooks(git question, reach file.Reach) error {
	out, err := git.ask("rev-parse", "--path-format=absolute", "--git-path", "hooks")
	if err != nil {
		return err
	}
	r.Hooks = filepath.FromSlash(out)
	out, err = git.ask("config", "--show-scope", "--show-origin", "-z", "--get", "core.hooksPath")
	if err != nil && err != errUnset {
		return err
	}
	if f := strings.Split(out, "\x00"); len(f) >= 3 {
		r.HooksScope, r.HooksPath = f[0], f[0]+", "+f[1]
	}
	if r.Hooks == r.DefaultHooks() { // not set, or :(optional) and a folder that does not exist
		r.HooksScope, r.HooksPath = "", ""
	}
	if r.HooksScope != "global" && r.HooksScope != "system" { // else the folder is the user's
		guard := reach.Guard(cmp.Or(r.Top, r.GitDir))
		if err := cmp.Or(guard.Links(r.Hooks), guard.Folder(r.Hooks)); errors.Is(err, file.ErrElsewhere) {
			return err
		}
	}
	return nil
}

// question is put to git, in a folder.
type question struct {
	ctx context.Context
	git string // the program
	dir string
}

// ask returns what git prints, or errUnset.
func (git question) ask(args ...string) (string, error) {
	cmd := exec.CommandContext(git.ctx, git.git, append([]string{"--no-pager", "-c", "safe.bareRepository=all"}, args...)...)
	cmd.Dir = git.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == 1 && stderr.Len() == 0 {
		return "", errUnset
	}
	if err != nil {
		return "", gitError(err, stderr.String())
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

// errUnset says that git has no value for a variable.
var errUnset = errors.New("not set")

// mayAsk returns an error if git would open what the repository of dir names on
// another host.
func mayAsk(dir string, reach file.Reach) error {
	top, ok, err := gitdb.Discover(dir)
	if err != nil || !ok {
		return err
	}
	repo, err := gitdb.OpenHead(top, reach)
	if err == nil {
		err = repo.AskGit()
	}
	if errors.Is(err, file.ErrElsewhere) {
		return err
	}
	return nil
}

// gitError returns the first line of git's message.
func gitError(err error, stderr string) error {
	if _, ok := errors.AsType[*exec.ExitError](err); !ok {
		return fmt.Errorf("asking git: %w", err)
	}
	if strings.Contains(stderr, "not a git repository") {
		return ErrNotRepository
	}
	line, _, _ := strings.Cut(strings.TrimSpace(stderr), "\n")
	if line = strings.TrimPrefix(line, "fatal: "); line == "" {
		line = err.Error()
	}
	return fmt.Errorf("asking git: %s", line)
}

// DefaultHooks is where hooks are if core.hooksPath is not set.
func (r *Repository) DefaultHooks() string { return filepath.Join(r.CommonDir, "hooks") }

// Folder returns the folder of the working tree, or that of a bare repository.
func (r *Repository) Folder() string { return cmp.Or(r.Top, r.GitDir) }

// Bare reports whether there is no working tree.
func (r *Repository) Bare() bool { return r.Top == "" }

// Inside reports whether a folder belongs to this repository alone: it is in the
// repository folder or in a working tree. A link may lead out of them. dir is Hooks
// or DefaultHooks.
func (r *Repository) Inside(dir string) bool {
	return r.InTree(dir) || r.within(dir, r.CommonDir, r.GitDir)
}

// InTree reports whether a folder is in the working tree, so that its files may be
// committed and reach other machines.
func (r *Repository) InTree(dir string) bool {
	return r.within(dir, r.tops()...) && !r.within(dir, r.CommonDir, r.GitDir)
}

// tops returns the folders of this working tree and of the main one.
func (r *Repository) tops() (list []string) {
	if r.Top != "" {
		list = append(list, r.Top)
	}
	if filepath.Base(r.CommonDir) == ".git" {
		list = append(list, filepath.Dir(r.CommonDir))
	}
	return list
}

// within reports whether path is one of the folders or is below one, without links.
func (r *Repository) within(path string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool {
		_, ok := file.Below(r.real[folder], r.real[path])
		return ok
	})
}

// resolve resolves the links in the part of a path that exists.
func resolve(path string) (string, error) {
	resolved, err := filepath.EvalSymlinks(path)
	if err == nil || !file.Absent(err) {
		return resolved, err
	}
	if _, err := os.Lstat(path); err == nil {
		return string(filepath.Separator), nil // a broken link: in no folder
	} else if !file.Absent(err) {
		return "", err
	}
	parent := filepath.Dir(path)
	if parent == path {
		return path, nil
	}
	resolved, err = resolve(parent)
	return filepath.Join(resolved, filepath.Base(path)), err
}

// Program returns the path of the running program for hooks to record: the one in
// PATH if that is the same program, since it survives an update that replaces a
// link's target. It is "" for a program of "go run", which is removed at its end. The
// error says that the system does not say which program runs.
func Program() (string, error) {
	own, err := os.Executable()
	if err != nil || strings.ContainsAny(own, "\r\n") {
		return "", err
	}
	sep := string(filepath.Separator)
	if strings.Contains(own, "go-build") && strings.Contains(own, sep+"exe"+sep) {
		return "", nil
	}
	if found, err := exec.LookPath("keysweep"); err == nil && filepath.IsAbs(found) && SameFile(found, own) && !strings.ContainsAny(found, "\r\n") {
		return filepath.ToSlash(found), nil
	}
	return filepath.ToSlash(own), nil
}

// OnPath returns the keysweep in PATH, "" if there is none.
func OnPath() string {
	found, err := exec.LookPath("keysweep")
	if err != nil {
		return ""
	}
	return filepath.ToSlash(found)
}

// SameFile reports whether two paths name the same existing file.
func SameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}
