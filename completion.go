package main

import (
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/urfave/cli/v2"

	"keysweep/hooks"
	"keysweep/report"
)

// completionScripts holds a template for each shell, called after it.
//
//go:embed completion
var completionScripts embed.FS

func shells() []string { return []string{"bash", "zsh", "fish", "powershell"} }

// completion is the action of the command of that name.
func completion(c *cli.Context) error {
	if c.Args().Len() != 1 {
		return errors.New("completion needs the name of one shell: " + orList(shells()))
	}
	shell := c.Args().First()
	if !slices.Contains(shells(), shell) {
		return fmt.Errorf("no completion for %s: the shells are %s", quote(shell), orList(shells()))
	}
	scripts, err := template.New("").Funcs(template.FuncMap{
		"join": strings.Join,
		"zsh":  strings.NewReplacer(`\`, `\\`, `'`, `'\''`, `[`, `\[`, `]`, `\]`, `:`, `\:`).Replace,
		"fish": strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace,
		"ps":   strings.NewReplacer(`'`, `''`).Replace,
	}).ParseFS(completionScripts, "completion/*")
	if err != nil {
		return err
	}
	return writing(scripts.ExecuteTemplate(c.App.Writer, shell, describe(c.App)))
}

// commandWords and optionWords are what the templates see of a command and of
// an option.
type commandWords struct {
	Name, Usage string
	Options     []optionWords
	Arguments   []string // a closed list, or none: files
}

type optionWords struct {
	Short, Long, Usage string
	Value              string   // the name of the value; "": takes none
	Values             []string // all of them, if the list is closed
	File, Repeatable   bool
}

// Names returns the names as typed.
func (o optionWords) Names() []string {
	if o.Short == "" {
		return []string{"--" + o.Long}
	}
	return []string{o.Dash(), "--" + o.Long}
}

// Dash returns the short name as typed.
func (o optionWords) Dash() string { return "-" + o.Short }

func describe(app *cli.App) []commandWords {
	var commands []commandWords
	for _, c := range app.Commands {
		words := commandWords{Name: c.Name, Usage: c.Usage}
		switch c.Name {
		case "completion":
			words.Arguments = shells()
		case "rules":
			words.Arguments = rulesCommands
		case "baseline":
			words.Arguments = baselineCommands
		case "help":
			for _, c := range app.Commands {
				words.Arguments = append(words.Arguments, c.Name)
			}
		}
		for _, f := range c.Flags {
			o := optionWords{Long: f.Names()[0], Usage: flagUsage(f), Value: valueName(f)}
			for _, name := range f.Names()[1:] {
				o.Short = name
			}
			_, o.Repeatable = f.(*cli.StringSliceFlag)
			switch o.Long {
			case "format":
				o.Values = report.FormatNames()
				if c.Name != "scan" {
					o.Values = report.ExplainFormats()
				}
			case "min-confidence":
				o.Values = []string{"low", "medium", "high"}
			case "fail-on":
				o.Values = []string{"any", "active", "none"}
			case "hook":
				o.Values = hooks.Names()
			case "color":
				o.Values = []string{"auto", "always", "never"}
			case "output", "rules", "config", "baseline", "ca-file", "egress-log":
				o.File = true
			}
			words.Options = append(words.Options, o)
		}
		commands = append(commands, words)
	}
	return commands
}
