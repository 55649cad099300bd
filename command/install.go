package command

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"keysweep/command/hooks"
	"keysweep/file"
	"keysweep/quote"
)

var installSpec = spec{
	name: "install", purpose: "installs hooks that stop keys, of git or of coding agents", args: "[PATH]",
	about: `
Writes plain git hooks into the repository of PATH, the current folder if not
given: pre-commit, commit-msg and pre-push; in a bare repository, pre-receive. A
hook that is there already is kept, and runs first. Where git looks for hooks,
git is asked. With --config-hook, git's configuration calls keysweep instead.
Running it again brings hooks up to date, or changes nothing.

All options but --hook, --config-hook and --dry-run are those of the command
hook, and are written into the hooks. Given again, they replace what a hook has;
without any, it keeps what it has, until "keysweep uninstall". A FILE counts
from the top of the working tree, on a server from the repository.

With --agent, the settings of a coding agent call keysweep: those of the
repository, or with --user your own. What else is in them is kept.
`,
	example: "keysweep install --fail-on any --min-confidence high",
	options: []group{{"", "hook config-hook dry-run allow-share"}, {headingAgents, "agent user " + onlyAgents}, {headingWhat, hookReads}, {headingCounts, hookCounts}, {headingReports, hookReports}, {headingLimits, hookLimits}},
	run:     install,
}

var uninstallSpec = spec{
	name: "uninstall", purpose: "removes the hooks that install wrote", args: "[PATH]",
	about: `
Removes the hooks that "keysweep install" wrote, and puts back those that were
there before. A hook that was changed since is left, and the status is 1. With
--agent, takes keysweep out of the settings of a coding agent.
`,
	example: "keysweep uninstall --dry-run",
	options: []group{{"", "hook dry-run allow-share"}, {headingAgents, "agent user"}}, run: uninstall,
}

// parseHooks reads what install and uninstall have in common: the repository,
// and the hooks that are named, in git's order.
func parseHooks(c *call) (r *hooks.Repository, names []string, err error) {
	named := c.StringSlice("hook")
	for _, name := range named {
		if !slices.Contains(hooks.Names(), name) {
			return nil, nil, errors.New("--hook: " + unknownHook(name) + seeHelp(c.command.name))
		}
	}
	names = slices.DeleteFunc(hooks.Names(), func(name string) bool { return !slices.Contains(named, name) })
	dir, err := onePath(c)
	if err != nil {
		return nil, nil, err
	}
	reach, err := parseReach(c)
	if err != nil {
		return nil, nil, err
	}
	r, err = hooks.Find(c.ctx, dir, reach)
	if errors.Is(err, hooks.ErrNotRepository) {
		err = fmt.Errorf("%s: %w", quote.Name(dir), err)
		if store := hooks.Jujutsu(dir); store != "" {
			err = fmt.Errorf("%w: the git repository of this jj repository is %s\n  %s\n  %s", err, quote.Name(fromHere(store)), hooks.NoHooksInJujutsu, hooks.InsteadInJujutsu)
		}
	}
	return r, names, err
}

// unknownHook says that there is no hook of this name, and which there are.
func unknownHook(name string) string {
	return "no hook " + quote.Name(name) + ": it is one of " + strings.Join(hooks.Names(), ", ") + didYouMean(name, hooks.Names())
}

// onePath returns the one folder that a command takes, "." if none is given.
func onePath(c *call) (string, error) {
	if c.Args().Len() > 1 {
		return "", fmt.Errorf("%s takes one path, and %s is a second%s", c.command.name, quote.Name(c.Args().Get(1)), seeHelp(c.command.name))
	}
	if !c.Args().Present() {
		return ".", nil
	}
	dir := c.Args().First()
	if dir == "" {
		return "", errors.New("a path is empty")
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("%s: there is no such folder", quote.Name(dir))
	case err != nil:
		return "", err
	case !info.IsDir():
		return "", fmt.Errorf("%s: not a folder", quote.Name(dir))
	}
	return dir, nil
}

// given returns the options that are given of a list, as they are typed; value changes
// values.
func given(c *call, names string, value func(name, value string) string) (options []string) {
	for name := range strings.FieldsSeq(names) {
		if !c.IsSet(name) {
			continue
		}
		switch optionOf("hook", name).takes {
		case none:
			if c.Bool(name) {
				options = append(options, "--"+name)
			}
		case list:
			for _, v := range c.StringSlice(name) {
				options = append(options, "--"+name+"="+value(name, v))
			}
		default:
			options = append(options, "--"+name+"="+value(name, c.String(name)))
		}
	}
	return options
}

// mayRecord returns an error if the hook would refuse options.
func (c *call) mayRecord(options []string) error {
	l, err := c.program.parse(append([]string{"hook"}, options...))
	var hook *call
	if err == nil {
		hook, err = c.program.call(c.ctx, l)
	}
	if err == nil {
		_, err = parseScanOf(hook, nil)
	}
	if err != nil {
		return fmt.Errorf("%w%s", err, seeHelp("install"))
	}
	return nil
}

// recorded returns the options to be written into hooks, nil if there are none.
func recorded(c *call, r *hooks.Repository) (options []string, err error) {
	options = given(c, hookReads+" "+hookCounts+" "+hookReports+" "+hookLimits, func(_, v string) string { return v })
	if err := c.mayRecord(options); err != nil {
		return nil, err
	}
	top := r.Folder() // where git runs hooks
	for _, named := range append(c.StringSlice("rules"), c.String("config"), c.String("baseline")) {
		if _, err := os.Stat(file.Absolute(top, named)); named != "" && err != nil {
			return nil, fmt.Errorf("%s: the hooks would not find it in %s, where git runs them", quote.Name(named), quote.Name(top))
		}
	}
	return options, nil
}

func install(c *call) error {
	if c.IsSet("agent") {
		return installAgents(c, false)
	}
	if err := c.refuse("user "+onlyAgents, "hooks of git: it needs --agent"); err != nil {
		return c.usage(err)
	}
	r, names, err := parseHooks(c)
	if err != nil {
		return err
	}
	options, err := recorded(c, r)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		names = []string{"pre-commit", "commit-msg", "pre-push"}
		if r.Bare() {
			names = []string{"pre-receive"}
		}
	}
	program, err := hooks.Program()
	if err != nil {
		return fmt.Errorf("the path of keysweep, for the hooks: %w", err)
	}
	write := hooks.Install
	if c.Bool("config-hook") {
		write = hooks.Configure
	}
	steps, err := write(r, names, program, options, c.Bool("dry-run"))
	if err := c.saySteps(steps, c.Bool("dry-run")); err != nil {
		return err
	}
	if err == nil && hooks.Jujutsu(r.Folder()) != "" {
		err = c.say(hooks.NoHooksInJujutsu + ";\n" + hooks.InsteadInJujutsu + ".\n")
	}
	if err == nil && r.InTree(r.Hooks) && !c.Bool("config-hook") {
		return c.say("The folder is in the working tree: these hooks look for keysweep in PATH, and may be committed.\n")
	}
	return err
}

func uninstall(c *call) error {
	if c.IsSet("agent") {
		return installAgents(c, true)
	}
	if err := c.refuse("user", "hooks of git: it needs --agent"); err != nil {
		return c.usage(err)
	}
	r, names, err := parseHooks(c)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		names = hooks.Names()
	}
	steps, err := hooks.Uninstall(r, names, c.Bool("dry-run"))
	if err := c.saySteps(steps, c.Bool("dry-run")); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	if len(steps) == 0 {
		return c.say("Nothing to remove: no hook of keysweep in " + quote.Name(fromHere(r.Hooks)) + "\n")
	}
	if slices.ContainsFunc(steps, func(s hooks.Step) bool { return s.Action == hooks.Leave }) {
		return &ending{status: StatusFound}
	}
	return nil
}

// saySteps writes a line for each hook.
func (c *call) saySteps(steps []hooks.Step, dryRun bool) error {
	var out strings.Builder
	for _, s := range steps {
		word := map[hooks.Action]string{
			hooks.Keep: "unchanged", hooks.Write: "installed", hooks.Chain: "installed", hooks.Update: "updated",
			hooks.Enable: "updated", hooks.Remove: "removed", hooks.Unset: "removed", hooks.Restore: "removed", hooks.Leave: "left",
		}[s.Action]
		if dryRun && s.Action != hooks.Keep && s.Action != hooks.Leave {
			word = "would be " + word
		}
		where := fromHere(s.Path)
		if strings.HasPrefix(s.Path, "hook.") {
			where = s.Path
		}
		line := word + "  " + quote.Name(where)
		switch {
		case s.Action == hooks.Restore:
			line += ", and " + quote.Name(filepath.Base(s.Earlier)) + " is " + s.Name + " again"
		case s.Earlier != "" && s.Action != hooks.Leave:
			line += ", behind the hook that was there (" + quote.Name(filepath.Base(s.Earlier)) + ")"
		}
		if len(s.Options) > 0 {
			line += ", with " + quote.Name(strings.Join(s.Options, " "))
		}
		if s.Why != "" {
			line += ": " + quote.Name(s.Why)
		}
		out.WriteString(line + "\n")
	}
	return c.say(out.String())
}

// fromHere returns a path from the working directory, if it is below it.
func fromHere(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	// git resolves links, the working directory need not be.
	if resolved, err := filepath.EvalSymlinks(here); err == nil {
		here = resolved
	}
	if rel, ok := file.Below(here, path); ok {
		return rel
	}
	return path
}
