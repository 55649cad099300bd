// Package command is the command line: the options and arguments of each
// command, its help and its exit statuses. A command reads its options, refuses
// what cannot work, and calls; how anything is found it does not know.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"keysweep/quote"
	"keysweep/rules"
)

// Process is what a command has of its process.
type Process struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Now            func() time.Time // the clock
	// Signals, as WatchSignals, watches them while a command runs that lasts. Nil:
	// none are watched.
	Signals func(parent context.Context, stderr io.Writer) (ctx context.Context, stop func())
}

// Run does what args ask for and returns the exit status. Everything there is to
// say about it has been written to Stdout and Stderr.
func Run(ctx context.Context, args []string, p Process) (status int) {
	program := newProgram(p)
	defer func() {
		if v := recover(); v != nil {
			fmt.Fprintln(p.Stderr, crash(v))
			status = StatusUse
		}
	}()
	err := program.run(ctx, args)
	var end *ending
	switch {
	case err == nil:
		return StatusClean
	case errors.Is(err, errClosedPipe):
		return StatusPipe
	case errors.As(err, &end):
		status, err = end.status, end.err
	default:
		status = StatusUse
	}
	if err != nil {
		_, _ = io.WriteString(p.Stderr, program.message(err.Error()))
	}
	return status
}

// run calls the command that args name.
func (p *program) run(ctx context.Context, args []string) error {
	l, err := p.parse(args)
	if err != nil {
		return err
	}
	if !l.isQuick() && p.Signals != nil {
		var stop func()
		ctx, stop = p.Signals(ctx, p.Stderr)
		defer stop()
	}
	c, err := p.call(ctx, l)
	if err != nil {
		return err
	}
	return l.command.run(c)
}

// isQuick reports whether a call ends before anyone could stop it.
func (l *line) isQuick() bool {
	return l.command.quick || l.command == &hookSpec && len(l.operands) > 0 && l.operands[0] == agentHook
}

// ending ends Run with a status. A nil err means that everything is said.
type ending struct {
	status int
	err    error
}

func (e *ending) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.status)
	}
	return e.err.Error()
}

// errClosedPipe says that the reader of standard output has gone, as head(1) does
// when it has seen enough. It is no error: nothing is printed.
var errClosedPipe = errors.New("standard output is a closed pipe")

// crash describes a panic by the type of its value and where it happened. The
// value itself is left out: it may hold bytes of what was scanned.
func crash(v any) string {
	pc := make([]uintptr, 64)
	frames := runtime.CallersFrames(pc[:runtime.Callers(2, pc)])
	var where []string
	for panicking := false; ; {
		f, more := frames.Next()
		switch {
		case strings.HasPrefix(f.Function, "runtime."):
			panicking = true
		case panicking:
			where = append(where, fmt.Sprintf("  %s line %d", f.Function, f.Line))
		}
		if !more || len(where) == 8 {
			break
		}
	}
	return fmt.Sprintf("keysweep: internal error (%T), the scan was not finished; please report it with these lines:\n%s",
		v, strings.Join(where, "\n"))
}

// spec is one command: what its help says, its options, and what it does.
type spec struct {
	name    string
	purpose string // what it does, behind its name
	args    string // the arguments, as help names them
	about   string // above the options in its help
	example string // ends its help
	options []group
	// statuses are listed in its help. Nil: the text says them.
	statuses []exitStatus
	// quick says that it ends before anyone could stop it.
	quick bool
	run   func(*call) error
}

// specs are the commands, in the order of the help.
var specs = []*spec{
	&scanSpec, &ciSpec, &recheckSpec, &explainSpec, &triageSpec, &allowSpec, &baselineSpec, &rulesSpec, &hookSpec,
	&installSpec, &uninstallSpec, &doctorSpec, &versionSpec, &completionSpec, &helpSpec,
}

// program is one run of keysweep.
type program struct {
	Process
	commands []*spec
	rules    *rules.Set // whose keys are not printed; nil: the built-in ones
}

func newProgram(p Process) *program { return &program{Process: p, commands: specs} }

// hide returns text without keys. Whatever a command prints that is no report
// passes through it.
func (p *program) hide(text string) string { return quote.NewRedactor(p.rules, nil, false).Text(text) }

// message returns the lines of a message for standard error.
func (p *program) message(words string) string {
	return "keysweep: " + quote.Message(p.hide(quote.HideLogins(words))) + "\n"
}

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
	_, _ = io.WriteString(c.stderr, c.program.message(message))
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
