package command

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/template"

	"keysweep/agent"
	"keysweep/command/hooks"
	"keysweep/report"
)

var writeScripts = flag.Bool("update", false, "write the completion scripts")

func TestCompletionScriptsAreThoseOfTheTemplates(t *testing.T) {
	scripts, err := template.New("").Funcs(template.FuncMap{
		"join": strings.Join,
		"zsh":  strings.NewReplacer(`\`, `\\`, `'`, `'\''`, `[`, `\[`, `]`, `\]`, `:`, `\:`).Replace,
		"fish": strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace,
		"ps":   strings.NewReplacer(`'`, `''`).Replace,
	}).ParseGlob("completion/templates/*")
	if err != nil {
		t.Fatal(err)
	}
	words := describe(newProgram(discarded))
	for _, shell := range shells() {
		var want bytes.Buffer
		if err := scripts.ExecuteTemplate(&want, shell, words); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("completion", shell)
		if *writeScripts {
			if err := os.WriteFile(path, want.Bytes(), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%s is not what its template makes of the options: go test ./command -run TestCompletionScripts -update writes it (%v)", path, err)
		}
	}
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

func describe(p *program) []commandWords {
	var commands []commandWords
	for _, c := range p.commands {
		words := commandWords{Name: c.name, Usage: c.purpose}
		switch c.name {
		case "completion":
			words.Arguments = shells()
		case "hook":
			words.Arguments = slices.Concat(hooks.Names(), []string{agentHook}, agent.Names())
		case "rules":
			words.Arguments = rulesCommands
		case "baseline":
			words.Arguments = baselineCommands
		case "help":
			for _, c := range p.commands {
				words.Arguments = append(words.Arguments, c.name)
			}
		}
		names := ""
		for _, g := range c.options {
			names += " " + g.names
		}
		for name := range strings.FieldsSeq(names) {
			f := optionOf(c.name, name)
			o := optionWords{Long: f.name, Short: f.short, Usage: f.words(), Value: f.value(), Repeatable: f.takes == list}
			switch o.Long {
			case "format":
				o.Values = report.FormatNames()
				if c.name != "scan" {
					o.Values = report.ExplainFormats()
				}
			case "min-confidence":
				o.Values = []string{"low", "medium", "high"}
			case "fail-on":
				o.Values = []string{"any", "active", "none"}
				if c.name == "hook" || c.name == "install" {
					o.Values = []string{"any", "none"}
				}
			case "agent":
				o.Values = agent.Names()
			case "hook":
				o.Values = hooks.Names()
			case "color":
				o.Values = []string{"auto", "always", "never"}
			case "output", "rules", "config", "baseline", "ca-file", "egress-log", "repository":
				o.File = true
			}
			words.Options = append(words.Options, o)
		}
		commands = append(commands, words)
	}
	return commands
}
