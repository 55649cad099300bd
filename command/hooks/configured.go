package hooks

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Configured is a hook of git's configuration (githooks(5), "hook.<name>.command").
type Configured struct {
	Name    string // hook.Name.command
	Command string // for a POSIX sh; git adds the arguments
	Origin  string // "local, file:/x": where Command is set
	events  []string
	off     bool
}

// ConfiguredSince is the version of git from which on it runs hooks of the
// configuration (see runsConfigured).
const ConfiguredSince = "2.54"

// configHook is the name of the hooks that Configure writes, before that of the event.
const configHook = "keysweep-"

// Calling returns the hook of the configuration that calls keysweep for the event name,
// and false if none does that git would run.
func (r *Repository) Calling(name string) (Configured, bool) {
	for _, c := range r.Configured {
		if c.Calls(name) && !slices.Contains(r.eventsOff, name) {
			return c, true
		}
	}
	return Configured{}, false
}

// Calls reports whether c is for the event name and calls keysweep for it.
func (c *Configured) Calls(name string) bool {
	return !c.off && slices.Contains(c.events, name) && calls(c.Command, name)
}

// plan is what Install does for an event for which c calls keysweep.
func (c *Configured) plan(s State, options []string) (step Step, reasons []string) {
	where := fmt.Sprintf("hook.%s.command (%s)", c.Name, c.Origin)
	switch {
	case s.Kind == Ours:
		reasons = []string{s.Path + " and " + where + " both call keysweep", "  take one of them out: keysweep uninstall"}
	case len(options) > 0:
		reasons = []string{where + " already calls keysweep: add the options there"}
	}
	return Step{Action: Keep, Name: s.Name, Path: "hook." + c.Name + ".command", Why: "already calls keysweep (" + c.Origin + ")"}, reasons
}

// findConfigured asks which hooks the configuration has.
func (r *Repository) findConfigured() error {
	out, err := r.git.ask("config", "--show-scope", "--show-origin", "-z", "--get-regexp", `^hook\..*\.(command|event|enabled)$`)
	if err == errUnset {
		return nil
	}
	if err != nil {
		return err
	}
	field := strings.Split(out, "\x00") // scope, origin, name \n value
	for ; len(field) >= 3; field = field[3:] {
		key, value, _ := strings.Cut(field[2], "\n")
		last := strings.LastIndexByte(key, '.')
		name, what := key[len("hook."):max(last, len("hook."))], key[last+1:]
		if what == "enabled" && slices.Contains([]string{"false", "no", "off", "0", ""}, strings.ToLower(value)) && slices.Contains(Names(), name) {
			r.eventsOff = append(r.eventsOff, name)
		}
		i := slices.IndexFunc(r.Configured, func(c Configured) bool { return c.Name == name })
		if i < 0 {
			i = len(r.Configured)
			r.Configured = append(r.Configured, Configured{Name: name})
		}
		switch c := &r.Configured[i]; {
		case what == "command":
			c.Command, c.Origin = value, field[0]+", "+field[1]
		case what == "enabled":
			c.off = slices.Contains([]string{"false", "no", "off", "0", ""}, strings.ToLower(value))
		case value == "": // takes back those before it
			c.events = nil
		default:
			c.events = append(c.events, value)
		}
	}
	runs, err := r.git.runsConfigured()
	if err == nil && !runs {
		r.Ignored, r.Configured = r.Configured, nil
	}
	return err
}

// runsConfigured reports whether git is new enough to run hooks of the configuration.
func (git question) runsConfigured() (bool, error) {
	out, err := git.ask("version")
	if err != nil {
		return false, err
	}
	part := strings.Split(strings.TrimPrefix(out, "git version "), ".")
	major, err := strconv.Atoi(part[0])
	if err == nil && len(part) > 1 {
		var minor int
		if minor, err = strconv.Atoi(part[1]); err == nil {
			return major > 2 || major == 2 && minor >= 54, nil
		}
	}
	return false, fmt.Errorf("the version of git is not known: %q", out)
}

// Configure is Install for hooks in the local configuration, which git runs besides
// those of the folder, wherever that is. Their command calls program, or keysweep in
// PATH if that is "", with options; nil keeps the options that our hook has.
func Configure(r *Repository, names []string, program string, options []string, dryRun bool) (steps []Step, err error) {
	runs, err := r.git.runsConfigured()
	if err != nil {
		return nil, err
	} else if !runs {
		return nil, &Refused{[]string{"git " + ConfiguredSince + " or newer is needed: an older one runs no hooks of the configuration"}}
	}
	for _, name := range names {
		s := Look(r.Hooks, name)
		if s.Err != nil {
			return nil, fmt.Errorf("the hook %s: %w", s.Path, s.Err)
		}
		if s.Kind == Ours || s.Kind == Calling {
			return nil, &Refused{[]string{
				fmt.Sprintf("%s already calls keysweep, which would run twice", s.Path),
				"  take it out first: keysweep uninstall",
			}}
		}
		key := "hook." + configHook + name
		command := configCommand(name, program, options)
		step := Step{Action: Write, Name: name, Path: key + ".command", Options: options, text: command}
		if c, ok := r.Calling(name); ok {
			switch step.Action = Update; {
			case c.Name != configHook+name:
				step, _ = c.plan(s, nil)
			case c.Command == command, options == nil && strings.HasPrefix(c.Command, command+" "):
				step.Action = Keep
			}
		}
		steps = append(steps, step)
	}
	for i := range steps {
		if s := &steps[i]; !dryRun && s.Action != Keep {
			key := "hook." + configHook + s.Name
			if _, err = r.git.ask("config", "--local", key+".command", s.text); err == nil {
				_, err = r.git.ask("config", "--local", "--replace-all", key+".event", s.Name)
			}
			if err != nil {
				return steps[:i], err
			}
		}
	}
	return steps, nil
}

// configCommand is the command of a hook of ours in the configuration.
func configCommand(name, program string, options []string) string {
	words := "keysweep"
	if program != "" {
		words = shellQuote(program)
	}
	words += " hook " + name
	for _, o := range options {
		words += " " + shellQuote(o)
	}
	if readsStdin(name) {
		words = "KEYSWEEP_STDIN=git " + words // git calls it itself
	}
	return words
}

// unconfigure returns the steps of Uninstall for the local configuration.
func (r *Repository) unconfigure(names []string) (steps []Step) {
	for _, c := range slices.Concat(r.Configured, r.Ignored) {
		name, ours := strings.CutPrefix(c.Name, configHook)
		if ours && slices.Contains(names, name) && strings.HasPrefix(c.Origin, "local, ") {
			steps = append(steps, Step{Action: Unset, Name: name, Path: "hook." + c.Name + ".command"})
		}
	}
	return steps
}
