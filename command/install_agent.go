package command

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"keysweep/agent"
	"keysweep/command/agents"
	"keysweep/command/hooks"
	"keysweep/config"
	"keysweep/quote"
)

// agentOptions are what a registration may record.
const agentOptions = hookReads + " " + hookCounts + " " + hookLimits + " " + onlyAgents

// installAgents writes the registrations of agents, or takes them out.
func installAgents(c *call, out bool) error {
	names := c.StringSlice("agent")
	for _, name := range names {
		if agent.Find(name) == nil {
			return c.usage(fmt.Errorf("--agent: no agent %s: it is one of %s%s", quote.Name(name), strings.Join(agent.Names(), ", "), didYouMean(name, agent.Names())))
		}
	}
	if err := c.refuse("hook config-hook "+onlyGit, "hooks of agents"); err != nil {
		return c.usage(err)
	}
	top, err := projectOf(c)
	if err != nil {
		return err
	}
	var options []string
	program := ""
	if !out {
		if options, err = recordedForAgents(c); err != nil {
			return err
		}
		if program, err = hooks.Program(); err == nil && program == "" {
			err = errors.New("it is removed when it ends: install keysweep first")
		}
		if err != nil {
			return fmt.Errorf("the path of keysweep, for the settings: %w", err)
		}
	}
	for _, name := range names {
		if err := c.registerAgent(name, top, program, options); err != nil {
			return err
		}
	}
	if !out && top != "" {
		return c.say("These settings name keysweep by its path on this machine: if they are committed, others need it there.\n")
	}
	return nil
}

// projectOf returns the folder whose settings are meant, "" for those of the user.
func projectOf(c *call) (string, error) {
	if c.Bool("user") {
		if c.Args().Present() {
			return "", fmt.Errorf("--user is for all repositories: %s is not needed%s", quote.Name(c.Args().First()), seeHelp(c.command.name))
		}
		return "", nil
	}
	dir, err := onePath(c)
	if err != nil {
		return "", err
	}
	top, err := config.Top(dir)
	if err != nil || top == "" {
		return filepath.Abs(dir)
	}
	return top, nil
}

// recordedForAgents returns the options that registrations record. Files are named by
// their whole path: an agent calls from where it works.
func recordedForAgents(c *call) ([]string, error) {
	var missing error
	options := given(c, agentOptions, func(name, value string) string {
		if !slices.Contains([]string{"rules", "config", "baseline"}, name) {
			return value
		}
		path := absolute(value)
		if _, err := os.Stat(path); err != nil {
			missing = fmt.Errorf("--%s: %s: there is no such file", name, quote.Name(value))
		}
		return path
	})
	if missing != nil {
		return nil, missing
	}
	return options, c.mayRecord(options)
}

// registerAgent writes the registration of one agent, or without a program takes it out.
func (c *call) registerAgent(name, top, program string, options []string) error {
	r, err := agents.In(name, top)
	if err != nil {
		return err
	}
	command := ""
	if program != "" {
		if command, err = agents.Command(name, program, options); err != nil {
			return err
		}
	}
	list, err := r.Add(command)
	if refused, ok := errors.AsType[*agents.Refused](err); ok {
		err = cmp.Or(c.say(refused.Lines+"\n"), err)
	}
	if err != nil {
		return err
	}
	dryRun := c.Bool("dry-run")
	var lines strings.Builder
	for _, change := range list {
		word := "installed"
		switch {
		case change.Same() && program == "":
			continue
		case change.Same():
			word = "unchanged"
		case program == "":
			word = "removed"
		case strings.Contains(string(change.Old), "hook agent "):
			word = "updated"
		}
		if !change.Same() && !dryRun {
			if err := change.Apply(); err != nil {
				return fmt.Errorf("%s: %w", quote.Name(change.Path), err)
			}
		} else if !change.Same() {
			word = "would be " + word
		}
		line := word + "  " + quote.Name(fromHere(change.Path))
		if command != "" {
			line += ": " + quote.Name(command)
		}
		lines.WriteString(line + "\n")
	}
	if lines.Len() == 0 {
		return c.say("Nothing to remove: " + quote.Name(fromHere(r.Path)) + " does not call keysweep\n")
	}
	if name == "codex" && command != "" {
		lines.WriteString("Codex runs a hook only when you trust it: start codex, and accept it in /hooks.\n")
	}
	return c.say(lines.String())
}
