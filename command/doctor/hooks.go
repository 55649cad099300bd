package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"keysweep/command/hooks"
	"keysweep/file"
	"keysweep/quote"
)

// hooks checks whether git runs the hooks of a repository, and what they run.
func (e *examination) hooks(r *hooks.Repository) {
	expected := []string{"pre-commit", "commit-msg", "pre-push"}
	if r.Bare() {
		expected = []string{"pre-receive"}
	}
	var calling, absent []string // hooks that call keysweep, and expected ones that do not exist
	var programs []string        // recorded by hooks of ours
	start := len(e.checks)
	for _, name := range hooks.Names() {
		s := hooks.Look(r.Hooks, name)
		if e.configured(r, s) {
			calling = append(calling, name)
			continue
		}
		caller, mentioned, err := e.caller(r.Top, &s)
		if s.Err == nil {
			s.Err = err
		}
		idle, calls := e.idle(r.Top, &s)
		switch {
		case s.Err != nil:
			e.add(name, Broken, "not known: "+s.Err.Error(), "see who may read it")
		case s.Kind == hooks.Ours:
			e.ours(s)
			if !slices.Contains(programs, s.Program) {
				programs = append(programs, s.Program)
			}
			calling = append(calling, name)
		case s.Kind == hooks.Calling && !s.Executable:
			e.add(name, Broken, s.Path+" calls keysweep, but is not executable: git does not run it", "chmod +x "+quote.Shell(s.Path))
			calling = append(calling, name)
		case s.Kind == hooks.Calling:
			e.add(name, Well, s.Path+" calls keysweep", "")
			calling = append(calling, name)
		case s.Stuck():
			e.add(name, Broken, fmt.Sprintf("%s runs %s, which is %s's and refuses: git stops whatever is in it", s.Framework.Name, s.Legacy.Path, s.Legacy.Framework.Name),
				s.Framework.Install(name)+" -f")
			calling = append(calling, name)
		case mentioned != "":
			e.add(name, Well, caller+" calls keysweep ("+mentioned+")", "")
			calling = append(calling, name)
		case e.shadowed(r, name):
			calling = append(calling, name)
		case s.Kind == hooks.Foreign && s.Framework != nil && idle != nil:
			e.add(name, Weak, fmt.Sprintf("git runs %s, which does not call keysweep; %s", s.Framework.Name, calls), s.Framework.ByHand(name))
		case s.Kind == hooks.Foreign && s.Framework != nil && slices.Contains(expected, name):
			e.add(name, Weak, fmt.Sprintf("%s belongs to %s, which does not call keysweep", s.Path, s.Framework.Name), s.Framework.ByHand(name))
		case idle != nil:
			e.add(name, Weak, calls+": it is not installed in this clone", idle.Install(name))
		case slices.Contains(expected, name):
			absent = append(absent, name)
		}
	}
	switch {
	case len(calling) > 0 && slices.Contains(absent, "pre-commit"):
		e.add("hooks", Weak, "not installed: "+strings.Join(absent, ", ")+"; nothing stops a commit with a key", e.install)
	case len(calling) > 0 && len(absent) > 0:
		e.add("hooks", Well, "not installed: "+strings.Join(absent, ", ")+" ("+e.install+")", "")
	case len(calling) == 0 && len(e.checks) == start:
		e.add("hooks", Weak, "none installed: nothing stops a commit with a key ("+r.Hooks+")", e.install)
	}
	for _, program := range programs {
		e.program(program)
	}
}

// caller returns the manager that git runs for a hook, or that the manager runs,
// and its configuration that calls keysweep; "" if there is none.
func (e *examination) caller(top string, s *hooks.State) (name, config string, err error) {
	for ; s != nil; s = s.Legacy {
		switch {
		case s.Kind == hooks.Calling && strings.HasSuffix(s.Path, ".legacy"):
			return filepath.Base(s.Path), "which " + name + " runs", nil
		case s.Framework == nil || s.Kind == hooks.Ours || !e.mayRead(top, s.Framework, s.Name):
		default:
			name = s.Framework.Name
			if config, err = s.Framework.Mentions(top, s.Name); config != "" || err != nil {
				return name, config, err
			}
		}
	}
	return "", "", nil
}

// idle returns a manager that git does not run for a hook, although its
// configuration calls keysweep, and words that say so; nil if there is none.
func (e *examination) idle(top string, s *hooks.State) (f *hooks.Framework, words string) {
	for _, f := range hooks.Frameworks() {
		if f == s.Framework || top == "" || !e.mayRead(top, f, s.Name) {
			continue
		}
		config, err := f.Mentions(top, s.Name)
		if config == "" || err != nil {
			continue
		}
		name := f.Name
		if config == ".pre-commit-config.yaml" {
			name = "pre-commit (or prek)"
		}
		return f, config + " calls keysweep, but " + name + " does not run"
	}
	return nil, ""
}

// configured checks whether the configuration has a hook that calls keysweep for the
// event of s.
func (e *examination) configured(r *hooks.Repository, s hooks.State) bool {
	if c, ok := r.Calling(s.Name); ok {
		where := fmt.Sprintf("hook.%s.command (%s)", c.Name, c.Origin)
		if s.Kind == hooks.Ours || s.Kind == hooks.Calling {
			e.add(s.Name, Weak, where+" and "+s.Path+" both call keysweep, which runs twice", "take one of them out: "+strings.Replace(e.install, "install", "uninstall", 1))
		} else {
			e.add(s.Name, Well, where+" calls keysweep", "")
		}
		return true
	}
	i := slices.IndexFunc(r.Ignored, func(c hooks.Configured) bool { return c.Calls(s.Name) })
	if i < 0 || s.Kind == hooks.Ours || s.Kind == hooks.Calling {
		return false
	}
	e.add(s.Name, Broken, fmt.Sprintf("hook.%s.command (%s) does not run: git older than %s runs no hooks of the configuration", r.Ignored[i].Name, r.Ignored[i].Origin, hooks.ConfiguredSince), e.install)
	return true
}

// shadowed reports a hook of ours where git does not look.
func (e *examination) shadowed(r *hooks.Repository, name string) bool {
	if r.HooksPath == "" || hooks.Look(r.DefaultHooks(), name).Kind != hooks.Ours {
		return false
	}
	words := fmt.Sprintf("%s does not run: core.hooksPath (%s) makes git look in %s", filepath.Join(r.DefaultHooks(), name), r.HooksPath, r.Hooks)
	remedy := e.git + "config --local core.hooksPath " + quote.Shell(filepath.ToSlash(r.DefaultHooks()))
	switch {
	case r.HooksScope == "local" || r.HooksScope == "worktree":
		remedy = e.git + "config --" + r.HooksScope + " --unset core.hooksPath"
	case r.HooksScope == "command":
		remedy = "remove core.hooksPath from the environment (GIT_CONFIG_COUNT, GIT_CONFIG_PARAMETERS)"
	}
	if r.Inside(r.Hooks) {
		remedy += "\nor, to keep that folder: " + e.install
	} else {
		remedy += "\nor call keysweep in the hook there: keysweep hook " + name + " \"$@\""
	}
	e.add(name, Broken, words, remedy)
	return true
}

// ours checks a hook of ours that git finds.
func (e *examination) ours(s hooks.State) {
	words := s.Path
	if s.Earlier != "" {
		words += ", after " + filepath.Base(s.Earlier)
	}
	switch {
	case !s.Executable:
		e.add(s.Name, Broken, s.Path+" is not executable: git does not run it", e.install)
	case s.Edited:
		e.add(s.Name, Weak, s.Path+" was edited after keysweep wrote it: it is no longer updated",
			"move your commands to "+s.Name+hooks.Suffix+" beside it, remove the hook, then: "+e.install)
	case s.Version > hooks.Version:
		e.add(s.Name, Weak, fmt.Sprintf("%s was written by a newer keysweep", s.Path), "update this keysweep")
	case !s.Current():
		e.add(s.Name, Weak, s.Path+" was written by an older keysweep", e.install)
	case s.Framework != nil:
		e.add(s.Name, Well, words+", which "+s.Framework.Name+" runs", "")
	default:
		e.add(s.Name, Well, words, "")
	}
}

// program checks what hooks of ours run. It is not started, since a file of the
// repository names it.
func (e *examination) program(recorded string) {
	const name = "program"
	if recorded != "" {
		if _, err := e.guard.Path("", recorded); err != nil {
			e.add(name, Weak, "the hooks record "+err.Error(), e.install)
			return
		}
	}
	used := recorded
	if !executable(recorded) {
		used = hooks.OnPath()
	}
	missing := "the hooks record " + recorded + ", which does not exist"
	if recorded == "" {
		missing = "the hooks look for keysweep in PATH"
	}
	switch {
	case used == "" && recorded == "":
		e.add(name, Broken, missing+", which has none: they stop every commit and push", "add keysweep to PATH")
		return
	case used == "":
		e.add(name, Broken, missing+", and PATH has no keysweep: they stop every commit and push", e.install)
		return
	case used != recorded && recorded != "":
		e.add(name, Weak, missing+": they run "+used, e.install)
		return
	}
	own, err := os.Executable()
	if err == nil && hooks.SameFile(own, used) {
		e.add(name, Well, used+", which is this keysweep", "")
		return
	}
	theirs, known := builtFrom(used)
	mine, _ := builtFrom(own)
	switch {
	case !known:
		e.add(name, Well, used+", whose version is not known (it is not run to find out)", "")
	case theirs != mine:
		e.add(name, Weak, fmt.Sprintf("the hooks run %s, keysweep %s, but this is keysweep %s", used, theirs, mine),
			"update the older one; "+e.install+" makes the hooks run this one")
	default:
		e.add(name, Well, used+", the same version as this keysweep", "")
	}
}

// mayRead reports whether the configuration of a hook manager is on this disk.
func (e *examination) mayRead(top string, f *hooks.Framework, name string) bool {
	return !slices.ContainsFunc(f.Config, func(config string) bool {
		config = strings.ReplaceAll(config, "NAME", name)
		return e.guard.Links(filepath.Join(top, filepath.FromSlash(config))) != nil
	})
}

// executable reports whether a file can be run.
func executable(path string) bool {
	info, err := file.Stat(path)
	return path != "" && err == nil && info.Mode().IsRegular() && (info.Mode()&0o111 != 0 || runtime.GOOS == "windows")
}
