package command

import (
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

// help is the action of the command of that name.
func help(c *call) error {
	text := appHelp(c.App)
	if c.Args().Present() {
		command := c.App.Command(c.Args().First())
		if command == nil {
			return unknownCommand(c.App, c.Args().First())
		}
		text = commandHelp(command)
	}
	_, err := fmt.Fprint(c.stdout, text)
	return writing(err)
}

func appHelp(app *cli.App) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s.\n\nUsage:\n", app.Name, app.Usage)
	for _, c := range app.Commands {
		helpEntry(&b, strings.TrimSpace(app.Name+" "+c.Name+" "+c.ArgsUsage), c.Usage)
	}
	b.WriteString("\nOptions:\n")
	for _, f := range app.Flags {
		helpEntry(&b, flagNames(f), flagUsage(f))
	}
	b.WriteString("\nStart with: keysweep scan PATH\n")
	return b.String()
}

func commandHelp(c *cli.Command) string {
	var b strings.Builder
	usage := "keysweep " + c.Name
	if len(c.Flags) > 0 {
		usage += " [OPTION…]"
	}
	fmt.Fprintf(&b, "Usage: %s\n\n%s %s.\n", strings.TrimSpace(usage+" "+c.ArgsUsage), c.Name, c.Usage)
	switch c.Name {
	case "scan":
		b.WriteString(scanHelp)
	case "ci":
		b.WriteString(ciHelp)
	case "explain":
		b.WriteString(explainHelp)
	case "recheck":
		b.WriteString(recheckHelp)
	case "baseline":
		b.WriteString(baselineHelp)
	case "rules":
		b.WriteString(rulesHelp)
	case "hook":
		b.WriteString(hookHelp)
	case "install":
		b.WriteString(installHelp)
	case "uninstall":
		b.WriteString(uninstallHelp)
	case "doctor":
		b.WriteString(doctorHelp)
	}
	heading := "\x00"
	for _, f := range c.Flags {
		category := ""
		if f, ok := f.(cli.CategorizableFlag); ok {
			category = f.GetCategory()
		}
		if category != heading {
			heading = category
			if category == "" {
				category = "Options"
			}
			fmt.Fprintf(&b, "\n%s:\n", category)
		}
		helpEntry(&b, flagNames(f), flagUsage(f))
	}
	if c.Name == "scan" || c.Name == "ci" || c.Name == "hook" {
		b.WriteString("\nExit status:\n")
		for _, s := range statuses {
			helpEntry(&b, s.number, s.meaning)
		}
	}
	return b.String()
}

// scanHelp stands above the options of scan.
const scanHelp = `
A PATH is a file, a folder, a repository, or - for standard input; without one
it is the current folder. Of a repository, the working tree and the whole object
database are read. Options may stand before and after paths; behind -- all is
paths. Results go to standard output, everything else to standard error.
`

// helpEntry appends a line of help, its right column wrapped.
func helpEntry(b *strings.Builder, left, right string) {
	left = "  " + left
	if len([]rune(left)) > helpIndent-2 {
		b.WriteString(left + "\n")
		left = ""
	}
	b.WriteString(left + strings.Repeat(" ", helpIndent-len([]rune(left))))
	column := helpIndent
	for i, word := range strings.Fields(right) {
		n := len([]rune(word))
		switch {
		case i == 0:
		case column+1+n > helpWidth:
			b.WriteString("\n" + strings.Repeat(" ", helpIndent))
			column = helpIndent
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
