package command

import (
	"cmp"
	"fmt"
	"strings"
)

// helpWidth is the width of help in columns, helpIndent where its second
// column starts.
const (
	helpWidth  = 80
	helpIndent = 28
)

var helpSpec = spec{name: "help", purpose: "shows the commands, or the options of one", args: "[COMMAND]", example: "keysweep help scan", run: help, quick: true}

func help(c *call) error {
	text := c.program.help()
	if c.Args().Present() {
		s := c.program.command(c.Args().First())
		if s == nil {
			return c.program.unknownCommand(c.Args().First())
		}
		text = s.help()
	}
	return c.say(text)
}

// help returns the help of the program.
func (p *program) help() string {
	var b strings.Builder
	b.WriteString("keysweep finds leaked sk_live_ and sk_test_ secret keys in working trees and git histories.\n\nUsage:\n")
	for _, s := range p.commands {
		helpEntry(&b, strings.TrimSpace("keysweep "+s.name+" "+s.args), s.purpose)
	}
	b.WriteString("\nOptions:\n")
	for _, name := range []string{"help", "version"} {
		o := optionOf("", name)
		helpEntry(&b, o.typed(), o.words())
	}
	b.WriteString("\nExample:\n  keysweep scan .\n")
	return b.String()
}

// help returns the help of a command: what it is for, its options and
// statuses, and an example.
func (s *spec) help() string {
	var b strings.Builder
	usage := "keysweep " + s.name
	if s.options != nil {
		usage += " [OPTION…]"
	}
	wrapWords(&b, 0, "keysweep "+s.name+" "+s.purpose+".")
	fmt.Fprintf(&b, "\nUsage: %s\n%s", strings.TrimSpace(usage+" "+s.args), s.about)
	for _, g := range s.options {
		fmt.Fprintf(&b, "\n%s:\n", cmp.Or(g.heading, "Options"))
		for name := range strings.FieldsSeq(g.names) {
			o := optionOf(s.name, name)
			helpEntry(&b, o.typed(), o.words())
		}
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
