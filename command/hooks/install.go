package hooks

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"keysweep/file"
	"keysweep/quote"
)

// Action is what is done with one hook.
type Action int

// The actions.
const (
	Keep    Action = iota // changes nothing
	Write                 // writes a hook where there is none
	Chain                 // writes a hook and keeps the existing one, which then runs first
	Update                // rewrites a hook of ours
	Enable                // makes a hook of ours executable
	Remove                // removes a hook of ours
	Restore               // replaces a hook of ours by the one that it kept
	Leave                 // leaves a hook of ours that was edited
	Unset                 // removes a hook of ours from the configuration
)

// Step is what Install or Uninstall does with one hook.
type Step struct {
	Action  Action
	Name    string
	Path    string // of the hook
	Earlier string // where the existing hook is kept; "": none
	// Why explains what a reader may not expect; "" if nothing.
	Why string
	// Options are the options that the hook records.
	Options []string

	text string
}

// Refused is the error of Install for hooks that it may not change. No hook is
// written then.
type Refused struct {
	// Reasons are lines. Lines that begin with two blanks are advice.
	Reasons []string
}

func (e *Refused) Error() string { return strings.Join(e.Reasons, "\n") }

// Install writes hooks that call program (see Program). Scripts in the working tree
// do not record its path, since they reach other machines. They call it with
// options; nil keeps the options that a hook of ours has. An existing hook is kept
// and runs first. With dryRun nothing is written. The error is a *Refused, before
// anything is written, or that of a file; the steps then say what was done.
func Install(r *Repository, names []string, program string, options []string, dryRun bool) ([]Step, error) {
	for _, o := range options {
		if strings.ContainsAny(o, "\x00\r\n") {
			return nil, &Refused{[]string{fmt.Sprintf("a hook cannot record %q, which has a line break", o)}}
		}
	}
	if err := r.usable(); err != nil {
		return nil, err
	}
	if r.InTree(r.Hooks) {
		program = ""
	}
	if program == "" && OnPath() == "" {
		return nil, &Refused{[]string{
			"the hooks would not find keysweep, which is not in PATH",
			"  run go install . in a clone of keysweep, and add $(go env GOPATH)/bin to PATH",
		}}
	}
	var steps []Step
	refused := &Refused{}
	for _, name := range names {
		state := Look(r.Hooks, name)
		if state.Err != nil {
			return nil, fmt.Errorf("the hook %s: %w", state.Path, state.Err)
		}
		step, reasons := plan(state, program, options)
		if c, ok := r.Calling(name); ok {
			step, reasons = c.plan(state, options)
		}
		steps = append(steps, step)
		refused.Reasons = append(refused.Reasons, reasons...)
	}
	if len(refused.Reasons) > 0 {
		if len(names) > 1 {
			refused.Reasons = append(refused.Reasons, "  no hook was written; --hook NAME installs only the hooks that you name")
		}
		return nil, refused
	}
	if dryRun {
		return steps, nil
	}
	for i := range steps {
		if err := steps[i].apply(); err != nil {
			return steps[:i], fmt.Errorf("writing the hook %s: %w", steps[i].Path, err)
		}
	}
	return steps, nil
}

// usable refuses a folder of hooks that other repositories may use.
func (r *Repository) usable() error {
	if r.Inside(r.Hooks) {
		info, err := os.Stat(r.Hooks)
		if err != nil && !file.Absent(err) {
			return err
		}
		if err == nil && !info.IsDir() {
			return &Refused{[]string{fmt.Sprintf("%s, where git looks for hooks, is not a folder", r.Hooks)}}
		}
		return nil
	}
	if r.HooksPath == "" {
		return &Refused{[]string{
			fmt.Sprintf("the hooks folder %s is a link that leads out of this repository: other repositories may use it", r.Hooks),
			"  replace the link with a folder, or call keysweep in the hooks there:",
			"    keysweep hook pre-commit \"$@\"",
		}}
	}
	return &Refused{[]string{
		fmt.Sprintf("core.hooksPath (%s) makes git look for hooks in %s, outside this repository: they run in other repositories, too", r.HooksPath, r.Hooks),
		"  either call keysweep in the hooks there, each by its name:",
		"    keysweep hook pre-commit \"$@\"",
		"  or use the hooks of this repository (the others no longer run here), and try again:",
		"    git config --local core.hooksPath " + quote.Shell(filepath.ToSlash(r.DefaultHooks())),
	}}
}

// plan decides what to do with one hook. Reasons say why it is refused.
func plan(s State, program string, options []string) (step Step, reasons []string) {
	if options == nil {
		options = s.Options
	}
	step = Step{Name: s.Name, Path: s.Path, Earlier: s.Earlier, Options: options, text: Script(s.Name, program, options...)}
	switch s.Kind {
	case Unusable:
		return step, []string{fmt.Sprintf("%s is not a file", s.Path)}
	case Calling:
		if len(options) > 0 {
			return step, []string{fmt.Sprintf("%s was not written by keysweep and already calls it: add the options there", s.Path)}
		}
		step.Action, step.Earlier, step.Options, step.Why = Keep, "", nil, "not written by keysweep, and already calls it"
		return step, nil
	case Ours:
		switch {
		case s.Edited:
			return step, []string{
				fmt.Sprintf("%s was edited after keysweep wrote it", s.Path),
				"  move your commands to an executable " + s.Name + Suffix + " beside it, which runs first, remove the hook, and try again",
			}
		case s.text == step.text && (s.Executable || s.Link):
			step.Action = Keep
		case s.Link:
			return step, []string{fmt.Sprintf("%s is a link to an outdated hook of keysweep: remove it, and try again", s.Path)}
		case s.text == step.text:
			step.Action, step.Why = Enable, "it was not executable"
		default:
			step.Action = Update
		}
		return step, nil
	}
	if f := s.Framework; f != nil {
		return step, append([]string{fmt.Sprintf("%s belongs to %s, which would overwrite a hook of keysweep", s.Path, f.Name)},
			strings.Split(strings.TrimRight(f.ByHand(s.Name), "\n"), "\n")...)
	}
	if s.Kind == Foreign {
		if s.Earlier != "" {
			return step, []string{
				fmt.Sprintf("both %s, which is not keysweep's, and %s exist", s.Path, s.Earlier),
				"  remove one of them, and try again",
			}
		}
		step.Action, step.Earlier = Chain, filepath.Join(filepath.Dir(s.Path), s.Name+Suffix)
		if !s.Executable {
			step.Why = "that one is not executable: git did not run it, and it still does not run"
		}
		return step, nil
	}
	if exe := shadowed(runtime.GOOS, s.Path); exe != "" {
		return step, []string{
			fmt.Sprintf("%s is a hook, which git would not run any more beside %s", exe, s.Path),
			"  call keysweep in a hook of your own that runs it too, or remove it, and try again",
		}
	}
	step.Action = Write
	return step, nil
}

// shadowed returns the program that git for Windows runs as a hook as long as there
// is no file at path; "" if there is none.
func shadowed(system, path string) string {
	exe := path + ".exe"
	if _, err := os.Lstat(exe); system != "windows" || err != nil {
		return ""
	}
	return exe
}

// apply does what the step says.
func (s *Step) apply() error {
	switch s.Action {
	case Enable:
		return os.Chmod(s.Path, 0o755)
	case Write, Update:
		return s.write()
	case Chain:
		// A second name first, so that there always is a hook to run.
		info, err := file.Lstat(s.Path)
		if err != nil {
			return err
		}
		err = errors.ErrUnsupported // only files can be linked
		if info.Mode().IsRegular() {
			err = os.Link(s.Path, s.Earlier)
		}
		undo := func() error { return os.Remove(s.Earlier) }
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s was just created: try again", s.Earlier) // by another install
		}
		if err != nil {
			undo = func() error { return os.Rename(s.Earlier, s.Path) }
			if err := os.Rename(s.Path, s.Earlier); err != nil {
				return err
			}
		}
		if err := s.write(); err != nil {
			return errors.Join(err, undo())
		}
	case Remove:
		return os.Remove(s.Path)
	case Restore:
		return os.Rename(s.Earlier, s.Path)
	}
	return nil
}

// write writes the script, whole or not at all.
func (s *Step) write() error {
	if err := os.MkdirAll(filepath.Dir(s.Path), 0o777); err != nil {
		return err
	}
	return file.Write(s.Path, 0o755, func(w io.Writer) error {
		_, err := io.WriteString(w, s.text)
		return err
	})
}

// Uninstall removes the hooks that Install wrote, both where git looks and where it
// looks by default, and restores the hooks that they kept. Edited hooks stay
// (Leave). With dryRun nothing is written, nor if a hook cannot be read: the error
// names it. After an error of writing, the steps say what was done.
func Uninstall(r *Repository, names []string, dryRun bool) ([]Step, error) {
	folders := []string{r.Hooks}
	if r.DefaultHooks() != r.Hooks {
		folders = append(folders, r.DefaultHooks())
	}
	var steps []Step
	for _, folder := range folders {
		if !r.Inside(folder) {
			continue // other repositories may use it: Install wrote nothing there
		}
		for _, name := range names {
			s := Look(folder, name)
			if s.Err != nil {
				return nil, fmt.Errorf("the hook %s: %w", s.Path, s.Err)
			}
			if s.Kind == Ours {
				steps = append(steps, s.removal())
			}
		}
	}
	steps = append(steps, r.unconfigure(names)...)
	if dryRun {
		return steps, nil
	}
	for i := range steps {
		if steps[i].Action == Unset {
			if _, err := r.git.ask("config", "--local", "--remove-section", strings.TrimSuffix(steps[i].Path, ".command")); err != nil {
				return steps[:i], err
			}
			continue
		}
		if err := steps[i].apply(); err != nil {
			return steps[:i], fmt.Errorf("removing the hook %s: %w", steps[i].Path, err)
		}
	}
	return steps, nil
}

// removal is the step of Uninstall for a hook of ours.
func (s *State) removal() Step {
	step := Step{Name: s.Name, Path: s.Path, Earlier: s.Earlier, Action: Remove}
	switch {
	case s.Edited:
		step.Action, step.Why = Leave, "it was edited after keysweep wrote it: remove it yourself"
		if s.Earlier != "" {
			step.Why += ", and rename " + filepath.Base(s.Earlier) + " to " + s.Name + " to restore it"
		}
	case s.Earlier != "":
		step.Action = Restore
	}
	return step
}
