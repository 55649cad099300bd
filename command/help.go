package command

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// helpWidth is the width of help in columns, helpIndent where its second
// column starts.
const (
	helpWidth  = 80
	helpIndent = 28
)

var helpSpec = spec{name: "help", purpose: "shows the commands, or the options of one", args: "[COMMAND]", example: "keysweep help scan", run: help, quick: true}

// help is the action of the command of that name.
func help(c *call) error {
	text := c.program.help()
	if c.Args().Present() {
		s := c.program.command(c.Args().First())
		if s == nil {
			return c.program.unknownCommand(c.Args().First())
		}
		text = c.program.helpOf(s)
	}
	return say(c.stdout, text)
}

// help returns the help of the program.
func (p *program) help() string {
	var b strings.Builder
	b.WriteString("keysweep finds leaked sk_live_ and sk_test_ secret keys in working trees and git histories.\n\nUsage:\n")
	for _, s := range p.commands {
		helpEntry(&b, strings.TrimSpace("keysweep "+s.name+" "+s.args), s.purpose)
	}
	b.WriteString("\nOptions:\n")
	for _, f := range p.flags(nil) {
		helpEntry(&b, flagNames(f), flagUsage(f))
	}
	b.WriteString("\nExample:\n  keysweep scan .\n")
	return b.String()
}

// helpOf returns the help of a command: what it is for, its options and
// statuses, and an example.
func (p *program) helpOf(s *spec) string {
	var b strings.Builder
	usage := "keysweep " + s.name
	if s.flags != nil {
		usage += " [OPTION…]"
	}
	wrapWords(&b, 0, "keysweep "+s.name+" "+s.purpose+".")
	fmt.Fprintf(&b, "\nUsage: %s\n%s", strings.TrimSpace(usage+" "+s.args), s.about)
	heading := "\x00"
	for _, f := range p.flags(s) {
		category := ""
		if f, ok := f.(cli.CategorizableFlag); ok {
			category = f.GetCategory()
		}
		if category != heading {
			heading = category
			fmt.Fprintf(&b, "\n%s:\n", cmp.Or(category, "Options"))
		}
		helpEntry(&b, flagNames(f), flagUsage(f))
	}
	if len(s.statuses) > 0 {
		b.WriteString("\nExit status:\n")
		for _, status := range s.statuses {
			helpEntry(&b, status.number, status.meaning)
		}
	}
	fmt.Fprintf(&b, "\nExample:\n  %s\n", s.example)
	return b.String()
}

// helpEntry appends a line of help, its right column wrapped.
func helpEntry(b *strings.Builder, left, right string) {
	left = "  " + left
	if len([]rune(left)) > helpIndent-2 {
		b.WriteString(left + "\n")
		left = ""
	}
	b.WriteString(left + strings.Repeat(" ", helpIndent-len([]rune(left))))
	wrapWords(b, helpIndent, right)
}

// wrapWords appends text that starts at column indent, as its further lines do.
func wrapWords(b *strings.Builder, indent int, text string) {
	column := indent
	for i, word := range strings.Fields(text) {
		n := len([]rune(word))
		switch {
		case i == 0:
		case column+1+n > helpWidth:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	b.WriteByte('\n')
}

// flagNames returns "-f, --format FORMAT".
func flagNames(f cli.Flag) string {
	names := slices.Clone(f.Names())
	slices.Reverse(names)
	for i, name := range names {
		names[i] = "--" + name
		if len(name) == 1 {
			names[i] = "-" + name
		}
	}
	return strings.TrimSpace(strings.Join(names, ", ") + " " + valueName(f))
}

// valueName returns the word in backquotes of the usage, the name of the value.
func valueName(f cli.Flag) string {
	if d, ok := f.(cli.DocGenerationFlag); ok && d.TakesValue() {
		if _, rest, ok := strings.Cut(d.GetUsage(), "`"); ok {
			name, _, _ := strings.Cut(rest, "`")
			return name
		}
		return "VALUE"
	}
	return ""
}

func flagUsage(f cli.Flag) string {
	d, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return ""
	}
	return strings.ReplaceAll(d.GetUsage(), "`", "")
}
