package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"keysweep/quote"
)

// spec is one command: what its help says, its options, and what it does.
type spec struct {
	name    string
	purpose string // what it does, behind its name
	args    string // the arguments, as help names them
	about   string // above the options in its help
	example string // ends its help
	flags   func() []cli.Flag
	// statuses are those that its help lists. Nil: the text says them.
	statuses []exitStatus
	// quick says that it ends before anyone could stop it.
	quick bool
	run   func(*call) error
}

// specs are the commands, in the order of the help. No options are made here, and
// nothing is done when the program starts: a hook is called often.
var specs = []*spec{
	&scanSpec, &ciSpec, &recheckSpec, &explainSpec, &baselineSpec, &rulesSpec, &hookSpec,
	&installSpec, &uninstallSpec, &doctorSpec, &versionSpec, &completionSpec, &helpSpec,
}

// globalFlags are the options of the program itself.
func globalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "this text"},
		&cli.BoolFlag{Name: "version", Usage: "the same as the command version"},
	}
}

// program is one run of keysweep.
type program struct {
	Process
	commands []*spec
	made     map[*spec][]cli.Flag // options that were made; of nil: the program's
}

func newProgram(p Process) *program {
	return &program{Process: p, commands: specs, made: map[*spec][]cli.Flag{}}
}

// command returns the command of that name, nil if there is none.
func (p *program) command(name string) *spec {
	if i := slices.IndexFunc(p.commands, func(s *spec) bool { return s.name == name }); i >= 0 {
		return p.commands[i]
	}
	return nil
}

// flags returns the options of a command, of nil those of the program.
func (p *program) flags(s *spec) []cli.Flag {
	flags, made := p.made[s]
	switch {
	case made:
		return flags
	case s == nil:
		flags = globalFlags()
	case s.flags != nil:
		flags = s.flags()
	}
	p.made[s] = flags
	return flags
}

// allFlags returns the options of the program and of its commands.
func (p *program) allFlags() []cli.Flag {
	flags := slices.Clone(p.flags(nil))
	for _, s := range p.commands {
		flags = append(flags, p.flags(s)...)
	}
	return flags
}

// call is one call of a command: its options and arguments, and what it has of
// the process.
type call struct {
	*cli.Context
	ctx            context.Context
	program        *program
	command        *spec
	stdin          io.Reader
	stdout, stderr io.Writer
	now            func() time.Time
}

// warn writes a message to standard error.
func (c *call) warn(message string) {
	fmt.Fprintf(c.stderr, "keysweep: %s\n", quote.Message(message))
}

// usage adds to an error of wrong use where to read what is right.
func (c *call) usage(err error) error { return fmt.Errorf("%w%s", err, seeHelp(c.command.name)) }

// subcommand returns the word behind a command, one of words.
func (c *call) subcommand(words []string) (string, error) {
	word := c.Args().First()
	switch {
	case slices.Contains(words, word):
		return word, nil
	case word == "":
		return "", errors.New(c.command.name + " needs one of " + orList(words))
	}
	return "", errors.New(c.command.name + " has no command " + quote.Name(word) + didYouMean(word, words))
}
