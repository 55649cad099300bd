package hooks

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"keysweep/file"
	"os"
	"path/filepath"
	"strings"
)

// Action is what is done with one hook.
type Action int

// The actions.
const (
	// Keep leaves a hook as it is.
	Keep Action = iota
	// Write writes a hook where none is.
	Write
	// Chain writes a hook and keeps the one that was there, to be run first.
	Chain
	// Update writes a hook of ours anew.
	Update
	// Enable marks a hook of ours as executable.
	Enable
	// Remove removes a hook of ours.
	Remove
	// Restore puts back, in the place of ours, the hook that was there first.
	Restore
	// Leave leaves a hook of ours that a person has changed.
	Leave
)

// Step is what Install or Uninstall does with one hook.
type Step struct {
	Action  Action
	Name    string
	Path    string // of the hook
	Earlier string // the hook that was there before, where it is kept; "": none
	// Why says what a reader would not expect; "" if nothing.
	Why string
	// Options are those that the hook records.
	Options []string

	text string
}

// Refused is the error of Install for hooks that it does not touch. Nothing at
// all is written then.
type Refused struct {
	// Reasons are lines; those that begin with two blanks say how to go on.
	Reasons []string
}

func (e *Refused) Error() string { return strings.Join(e.Reasons, "\n") }

// Install writes hooks that call program (see Program), which it names in the
// scripts unless they lie in the working tree: those reach other machines. They
// call it with options; nil are those that a hook of ours records already. A
// hook that is there already is kept and run first. With dryRun nothing is
// written. The error is a *Refused, before anything is written, or that of a
// file; the steps then say what was done.
func Install(r *Repository, names []string, program string, options []string, dryRun bool) ([]Step, error) {
	for _, o := range options {
		if strings.ContainsAny(o, "\x00\r\n") {
			return nil, &Refused{[]string{fmt.Sprintf("a hook cannot record %q: it has a line break", o)}}
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
			"the hooks would not find keysweep: it is not in PATH",
			"  go install . in a clone of it puts it into $(go env GOPATH)/bin; have that in PATH",
		}}
	}
	var steps []Step
	refused := &Refused{}
	for _, name := range names {
		step, reasons := plan(Look(r.Hooks, name), program, options)
		steps = append(steps, step)
		refused.Reasons = append(refused.Reasons, reasons...)
	}
	if len(refused.Reasons) > 0 {
		if len(names) > 1 {
			refused.Reasons = append(refused.Reasons, "  nothing was written; --hook NAME installs only the hooks you name")
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

// usable refuses a folder of hooks that is not this repository's alone.
func (r *Repository) usable() error {
	if r.Inside(r.Hooks) {
		if info, err := os.Stat(r.Hooks); err == nil && !info.IsDir() {
			return &Refused{[]string{fmt.Sprintf("%s is in the place of the folder of hooks, and is no folder", r.Hooks)}}
		}
		return nil
	}
	if r.HooksPath == "" {
		return &Refused{[]string{
			fmt.Sprintf("the folder of hooks %s is a link that leads out of this repository, perhaps to hooks of several", r.Hooks),
			"  replace the link by a folder, or call keysweep in the hooks there:",
			"    keysweep hook pre-commit \"$@\"",
		}}
	}
	return &Refused{[]string{
		fmt.Sprintf("core.hooksPath (%s) has git look for hooks in %s, outside this repository: hooks there run in others, too", r.HooksPath, r.Hooks),
		"  either call keysweep in the hooks there, each by its name:",
		"    keysweep hook pre-commit \"$@\"",
		"  or give this repository a folder of its own (the hooks there no longer run here), and try again:",
		"    git config --local core.hooksPath " + shellQuote(filepath.ToSlash(r.DefaultHooks())),
	}}
}

// plan decides about one hook. Reasons are why it is refused.
func plan(s State, program string, options []string) (step Step, reasons []string) {
	if options == nil {
		options = s.Options
	}
	step = Step{Name: s.Name, Path: s.Path, Earlier: s.Earlier, Options: options, text: Script(s.Name, program, options...)}
	switch s.Kind {
	case Unusable:
		return step, []string{fmt.Sprintf("%s is not a file that keysweep can read", s.Path)}
	case Calling:
		if len(options) > 0 {
			return step, []string{fmt.Sprintf("%s is not keysweep's, and calls it already: write the options there", s.Path)}
		}
		step.Action, step.Earlier, step.Options, step.Why = Keep, "", nil, "it is not keysweep's, and calls it already"
		return step, nil
	case Ours:
		switch {
		case s.Edited:
			return step, []string{
				fmt.Sprintf("%s was changed since keysweep wrote it", s.Path),
				"  put your own commands into " + s.Name + Suffix + " beside it (executable: it runs first), remove the hook, and try again",
			}
		case s.text == step.text && (s.Executable || s.Link):
			step.Action = Keep
		case s.Link:
			return step, []string{fmt.Sprintf("%s is a link to an older hook of keysweep: remove it, and try again", s.Path)}
		case s.text == step.text:
			step.Action, step.Why = Enable, "it was not executable"
		default:
			step.Action = Update
		}
		return step, nil
	}
	if f := s.Framework; f != nil {
		return step, append([]string{fmt.Sprintf("%s belongs to %s, which would overwrite a hook of ours", s.Path, f.Name)},
			strings.Split(strings.TrimRight(f.ByHand(s.Name), "\n"), "\n")...)
	}
	if s.Kind == Foreign {
		if s.Earlier != "" {
			return step, []string{
				fmt.Sprintf("there are both %s, which is not keysweep's, and %s", s.Path, s.Earlier),
				"  keep one of the two, and try again",
			}
		}
		step.Action, step.Earlier = Chain, filepath.Join(filepath.Dir(s.Path), s.Name+Suffix)
		if !s.Executable {
			step.Why = "which is not executable: git did not run it, and it still does not run"
		}
		return step, nil
	}
	step.Action = Write
	return step, nil
}

// apply does what the step says.
func (s *Step) apply() error {
	switch s.Action {
	case Enable:
		return os.Chmod(s.Path, 0o755)
	case Write, Update:
		return s.write()
	case Chain:
		// A second name first: at every moment there is a hook to run.
		info, err := os.Lstat(s.Path)
		if err != nil {
			return err
		}
		err = errors.ErrUnsupported // to link what is no file
		if info.Mode().IsRegular() {
			err = os.Link(s.Path, s.Earlier)
		}
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s appeared meanwhile: try again", s.Earlier) // of another install
		}
		if err != nil {
			if err := os.Rename(s.Path, s.Earlier); err != nil {
				return err
			}
		}
		if err := s.write(); err != nil {
			return errors.Join(err, os.Rename(s.Earlier, s.Path))
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

// Uninstall removes the hooks that Install wrote, from the folder in which git
// looks and from the one in which it looks by default, and puts back what was
// there before. What a person has changed since stays (Leave). With dryRun
// nothing is written.
func Uninstall(r *Repository, names []string, dryRun bool) ([]Step, error) {
	folders := []string{r.Hooks}
	if r.DefaultHooks() != r.Hooks {
		folders = append(folders, r.DefaultHooks())
	}
	var steps []Step
	for _, folder := range folders {
		if !r.Inside(folder) {
			continue // several repositories use it: Install wrote nothing there
		}
		for _, name := range names {
			s := Look(folder, name)
			if s.Kind != Ours {
				continue
			}
			step := Step{Name: name, Path: s.Path, Earlier: s.Earlier, Action: Remove}
			switch {
			case s.Edited:
				step.Action, step.Why = Leave, "it was changed since keysweep wrote it: remove it yourself"
				if s.Earlier != "" {
					step.Why += ", and rename " + filepath.Base(s.Earlier) + " to " + name + " if you want it back"
				}
			case s.Earlier != "":
				step.Action = Restore
			}
			if !dryRun {
				if err := step.apply(); err != nil {
					return steps, fmt.Errorf("removing the hook %s: %w", s.Path, err)
				}
			}
			steps = append(steps, step)
		}
	}
	return steps, nil
}
