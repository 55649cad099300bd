package command

import (
	"embed"
	"errors"
	"fmt"
	"slices"

	"keysweep/quote"
)

// completionScripts holds the script of each shell. TestCompletionScripts makes
// them, with -update, from the templates below the folder: a program that links
// text/template keeps every exported method of every library, and is a fifth
// larger and slower to start.
//
//go:embed completion/bash completion/zsh completion/fish completion/powershell
var completionScripts embed.FS

func shells() []string { return []string{"bash", "zsh", "fish", "powershell"} }

var completionSpec = spec{
	name: "completion", purpose: "prints the completion script of a shell", args: "bash|zsh|fish|powershell",
	example: "keysweep completion bash >~/.local/share/bash-completion/completions/keysweep", run: completion, quick: true,
}

func completion(c *call) error {
	if c.Args().Len() != 1 {
		return errors.New("completion needs the name of one shell: " + orList(shells()))
	}
	shell := c.Args().First()
	if !slices.Contains(shells(), shell) {
		return fmt.Errorf("no completion for %s: the shells are %s", quote.Name(shell), orList(shells()))
	}
	script, err := completionScripts.ReadFile("completion/" + shell)
	if err != nil {
		return err
	}
	return c.say(string(script))
}
