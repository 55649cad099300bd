package doctor

import (
	"debug/buildinfo"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"keysweep/command/hooks"
)

// hooks checks the hooks of a repository: whether git runs them, and what they
// would run.
func (e *examination) hooks(r *hooks.Repository) {
	expected := []string{"pre-commit", "commit-msg", "pre-push"}
	if r.Bare() {
		expected = []string{"pre-receive"}
	}
	var there, absent []string // names whose hook calls keysweep; that nothing calls
	var programs []string      // that hooks of ours record
	start := len(e.checks)
	for _, name := range hooks.Names() {
		s := hooks.Look(r.Hooks, name)
		mentioned := ""
		if s.Framework != nil {
			mentioned = s.Framework.Mentions(r.Top, name)
		}
		switch {
		case s.Kind == hooks.Ours:
			e.ours(s)
			if !slices.Contains(programs, s.Program) {
				programs = append(programs, s.Program)
			}
			there = append(there, name)
		case s.Kind == hooks.Calling && !s.Executable:
			e.add(name, Broken, s.Path+" calls keysweep, and is not executable: git does not run it", "chmod +x "+quoteWord(s.Path))
			there = append(there, name)
		case s.Kind == hooks.Calling:
			e.add(name, Well, s.Path+" calls keysweep", "")
			there = append(there, name)
		case mentioned != "":
			e.add(name, Well, s.Framework.Name+" calls keysweep ("+mentioned+")", "")
			there = append(there, name)
		case e.shadowed(r, name):
			there = append(there, name)
		case s.Kind == hooks.Foreign && s.Framework != nil && slices.Contains(expected, name):
			e.add(name, Weak, fmt.Sprintf("%s belongs to %s, which does not call keysweep", s.Path, s.Framework.Name), s.Framework.ByHand(name))
		case slices.Contains(expected, name):
			absent = append(absent, name)
		}
	}
	switch {
	case len(there) > 0 && len(absent) > 0:
		e.add("hooks", Well, "not installed: "+strings.Join(absent, ", ")+" (keysweep install)", "")
	case len(there) == 0 && len(e.checks) == start:
		e.add("hooks", Weak, "none installed: nothing stops a key here ("+r.Hooks+")", "keysweep install")
	}
	for _, program := range programs {
		e.program(program)
	}
}

// shadowed tells of a hook of ours that lies where git does not look.
func (e *examination) shadowed(r *hooks.Repository, name string) bool {
	if r.HooksPath == "" || hooks.Look(r.DefaultHooks(), name).Kind != hooks.Ours {
		return false
	}
	words := fmt.Sprintf("%s is not run: core.hooksPath (%s) has git look in %s", filepath.Join(r.DefaultHooks(), name), r.HooksPath, r.Hooks)
	remedy := "git config --local core.hooksPath " + quoteWord(filepath.ToSlash(r.DefaultHooks()))
	switch {
	case r.HooksScope == "local" || r.HooksScope == "worktree":
		remedy = "git config --" + r.HooksScope + " --unset core.hooksPath"
	case r.HooksScope == "command":
		remedy = "take core.hooksPath out of the environment (GIT_CONFIG_COUNT, GIT_CONFIG_PARAMETERS)"
	}
	if r.Inside(r.Hooks) {
		remedy += "\nor, to keep that folder: keysweep install"
	} else {
		remedy += "\nor call keysweep in the hook there: keysweep hook " + name + " \"$@\""
	}
	e.add(name, Broken, words, remedy)
	return true
}

// ours checks a hook of ours that git finds.
func (e *examination) ours(s hooks.State) {
	const again = "keysweep install"
	words := s.Path
	if s.Earlier != "" {
		words += ", behind " + filepath.Base(s.Earlier)
	}
	switch {
	case !s.Executable:
		e.add(s.Name, Broken, s.Path+" is not executable: git does not run it", again)
	case s.Edited:
		e.add(s.Name, Weak, s.Path+" was changed since keysweep wrote it: it is no longer brought up to date",
			"put your own commands into "+s.Name+hooks.Suffix+" beside it, remove the hook, then: "+again)
	case s.Version > hooks.Version:
		e.add(s.Name, Weak, fmt.Sprintf("%s was written by a newer keysweep", s.Path), "update this keysweep")
	case !s.Current():
		e.add(s.Name, Weak, s.Path+" was written by an older keysweep", again)
	case strings.HasSuffix(s.Path, ".legacy"):
		e.add(s.Name, Well, words+", which pre-commit runs", "")
	default:
		e.add(s.Name, Well, words, "")
	}
}

// program checks what hooks of ours would run. It is looked at, not started:
// its path is written in a file of the repository.
func (e *examination) program(recorded string) {
	const name = "program"
	used := recorded
	if !executable(recorded) {
		used = hooks.OnPath()
	}
	missing := "the hooks name " + recorded + ", which is not there"
	if recorded == "" {
		missing = "the hooks look for keysweep in PATH"
	}
	switch {
	case used == "" && recorded == "":
		e.add(name, Broken, missing+", where it is not: they stop everything", "have keysweep in PATH")
		return
	case used == "":
		e.add(name, Broken, missing+", nor is keysweep in PATH: they stop everything", "keysweep install")
		return
	case used != recorded && recorded != "":
		e.add(name, Weak, missing+": they run "+used, "keysweep install")
		return
	}
	own, err := os.Executable()
	if err == nil && same(own, used) {
		e.add(name, Well, used+", which is this keysweep", "")
		return
	}
	theirs, known := builtFrom(used)
	mine, _ := builtFrom(own)
	switch {
	case !known:
		e.add(name, Well, used+", of which the version is not known (it is not started to ask)", "")
	case theirs != mine:
		e.add(name, Weak, fmt.Sprintf("the hooks run %s, keysweep %s, and this is keysweep %s", used, theirs, mine),
			"update the older one; keysweep install has the hooks run this one")
	default:
		e.add(name, Well, used+", the same version as this keysweep", "")
	}
}

// executable reports whether a file can be run.
func executable(path string) bool {
	info, err := os.Stat(path)
	return path != "" && err == nil && info.Mode().IsRegular() && (info.Mode()&0o111 != 0 || runtime.GOOS == "windows")
}

func same(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// builtFrom returns version and commit of a program of ours, read from its
// file; false if it is another's, or a script that starts it.
func builtFrom(path string) (string, bool) {
	info, err := buildinfo.ReadFile(path)
	if err != nil || info.Main.Path != "keysweep" {
		return "", false
	}
	version := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			version += " of " + s.Value[:min(12, len(s.Value))]
		}
	}
	return version, true
}
