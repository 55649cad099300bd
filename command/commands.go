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
	options []group
	// statuses are those that its help lists. Nil: the text says them.
	statuses []exitStatus
	// quick says that it ends before anyone could stop it.
	quick bool
	run   func(*call) error
}

// specs are the commands, in the order of the help.
var specs = []*spec{
	&scanSpec, &ciSpec, &recheckSpec, &explainSpec, &baselineSpec, &rulesSpec, &hookSpec,
	&installSpec, &uninstallSpec, &doctorSpec, &versionSpec, &completionSpec, &helpSpec,
}

// program is one run of keysweep.
type program struct {
	Process
	commands []*spec
}

func newProgram(p Process) *program { return &program{p, specs} }

// command returns the command of that name, nil if there is none.
func (p *program) command(name string) *spec {
	if i := slices.IndexFunc(p.commands, func(s *spec) bool { return s.name == name }); i >= 0 {
		return p.commands[i]
	}
	return nil
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
