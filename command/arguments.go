package command

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"keysweep/quote"
)

// line is what the user typed, taken apart.
type line struct {
	command  *spec
	options  []setting // in the order typed
	operands []string  // behind the command
}

// setting is one option as typed, by its long name.
type setting struct{ name, value string }

// parse takes apart what the user typed. urfave/cli v2 stops looking for options
// at the first path and silently takes the rest for paths: here options may be
// anywhere before "--", also before the command, as --name value, --name=value,
// -n value, -nvalue, -n=value, and several without a value as -qv. A value may
// start with a dash. "-" alone is a path, and so is -:LINE.
func (p *program) parse(args []string) (*line, error) {
	var typed []setting
	var operands []string
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			operands = append(operands, args...)
			args = nil
		case arg == "-" || strings.HasPrefix(arg, "-:") || !strings.HasPrefix(arg, "-"):
			operands = append(operands, arg)
		default:
			var err error
			if typed, args, err = parseOption(p.called(operands, args), typed, arg, args); err != nil {
				return nil, err
			}
		}
	}
	help, version := false, false
	typed = slices.DeleteFunc(typed, func(o setting) bool {
		help, version = help || o.name == "help", version || o.name == "version"
		return o.name == "help" || o.name == "version"
	})
	if len(operands) == 0 && version {
		operands = []string{"version"}
	}
	if len(operands) > 0 && operands[0] == "help" {
		help = true
		operands = operands[1:]
	}
	if len(operands) == 0 {
		if !help {
			fmt.Fprint(p.Stderr, p.help())
			return nil, &ending{status: StatusUse}
		}
		return &line{command: p.command("help")}, nil
	}
	command := p.command(operands[0])
	switch {
	case command == nil:
		return nil, p.unknownCommand(operands[0])
	case help:
		return &line{command: p.command("help"), operands: operands[:1]}, nil
	}
	for _, o := range typed {
		if !command.has(o.name) {
			return nil, fmt.Errorf("%s has no option --%s%s", command.name, o.name, seeHelp(command.name))
		}
	}
	return &line{command, typed, operands[1:]}, nil
}

// call returns the call of a command that l says. It does what the library's
// App.RunContext does; that would also make its help and its documentation, with
// their templates, a part of the program, and these take longer to start than a
// hook has.
func (p *program) call(ctx context.Context, l *line) (*call, error) {
	set := flag.NewFlagSet(l.command.name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	lists := map[string][]string{}
	for _, o := range l.options {
		if o.value == "" {
			return nil, fmt.Errorf("--%s: its value is empty%s", o.name, seeHelp(l.command.name))
		}
		f := optionOf(l.command.name, o.name)
		if i := slices.IndexFunc(l.options, func(first setting) bool { return first.name == o.name }); f.takes == one && l.options[i].value != o.value {
			return nil, fmt.Errorf("--%s is given twice: %s and %s%s", o.name, quote.Name(l.options[i].value), quote.Name(o.value), seeHelp(l.command.name))
		}
		if set.Lookup(o.name) == nil {
			if err := f.flag().Apply(set); err != nil {
				return nil, fmt.Errorf("--%s: %w", o.name, err)
			}
		}
		if f.takes == list {
			lists[o.name] = append(lists[o.name], o.value)
		} else if err := set.Set(o.name, o.value); err != nil {
			return nil, fmt.Errorf("--%s: %w", o.name, err)
		}
	}
	for name, values := range lists {
		// In this form, which is its own, the library does not cut values at
		// commas: globs have them, as **/{a,b}.txt.
		if err := set.Set(name, cli.NewStringSlice(values...).Serialize()); err != nil {
			return nil, fmt.Errorf("--%s: %w", name, err)
		}
	}
	if err := set.Parse(append([]string{"--"}, l.operands...)); err != nil {
		return nil, err
	}
	return &call{
		Context: cli.NewContext(nil, set, nil), ctx: ctx, program: p, command: l.command,
		stdin: p.Stdin, stdout: p.Stdout, stderr: p.Stderr, now: p.Now,
	}, nil
}

// called returns the command whose help to point to: the first of the operands,
// or of what is still to be read, that is one; else scan.
func (p *program) called(operands, rest []string) *spec {
	for _, words := range [][]string{operands, rest} {
		for _, word := range words {
			if s := p.command(word); s != nil {
				return s
			}
		}
	}
	return p.command("scan")
}

// parseOption appends to typed the option or options of arg. It returns what
// is left of rest, whose first element may be the value.
func parseOption(command *spec, typed []setting, arg string, rest []string) ([]setting, []string, error) {
	if long, isLong := strings.CutPrefix(arg, "--"); isLong {
		name, value, hasValue := strings.Cut(long, "=")
		o := optionOf(command.name, name)
		switch {
		case o == nil || len(name) == 1:
			return nil, nil, unknownOption(command.name, "--"+name)
		case o.takes == none:
			if !hasValue {
				value = "true"
			}
			if _, err := strconv.ParseBool(value); err != nil {
				return nil, nil, fmt.Errorf("--%s takes no value, or true or false: not %s", name, quote.Name(value))
			}
		case !hasValue:
			var err error
			if value, rest, err = nextValue("--"+name, rest); err != nil {
				return nil, nil, err
			}
		}
		return append(typed, setting{o.name, value}), rest, nil
	}
	for letters := arg[1:]; letters != ""; {
		o := optionOf(command.name, letters[:1])
		if o == nil {
			return nil, nil, unknownOption(command.name, arg)
		}
		attached := letters[1:]
		if o.takes == none {
			if strings.HasPrefix(attached, "=") {
				return nil, nil, fmt.Errorf("-%s takes no value", letters[:1])
			}
			typed = append(typed, setting{o.name, "true"})
			letters = attached
			continue
		}
		value := strings.TrimPrefix(attached, "=")
		if attached == "" {
			var err error
			if value, rest, err = nextValue("-"+letters[:1], rest); err != nil {
				return nil, nil, err
			}
		}
		return append(typed, setting{o.name, value}), rest, nil
	}
	return typed, rest, nil
}

// nextValue takes the value of the option called flag from rest. The name of
// an option is not a value: "--output --history" has a word missing.
func nextValue(flag string, rest []string) (string, []string, error) {
	if len(rest) == 0 {
		return "", nil, fmt.Errorf("%s needs a value", flag)
	}
	if name := strings.TrimLeft(rest[0], "-"); strings.HasPrefix(rest[0], "--") && optionOf("", name) != nil {
		return "", nil, fmt.Errorf("%s needs a value, and %s is an option (write %s=%s if you mean it)", flag, rest[0], flag, rest[0])
	}
	return rest[0], rest[1:], nil
}

func unknownOption(command, typed string) error {
	var names []string
	for _, o := range options {
		names = append(names, "--"+o.name)
	}
	message := "unknown option " + quote.Name(typed) + didYouMean("--"+strings.TrimLeft(typed, "-"), names)
	if _, err := os.Lstat(typed); err == nil {
		message += fmt.Sprintf(" (the file of that name is %s)", quote.Name("./"+typed))
	}
	return errors.New(message + seeHelp(command))
}

func (p *program) unknownCommand(typed string) error {
	var names []string
	for _, s := range p.commands {
		names = append(names, s.name)
	}
	message := "unknown command " + quote.Name(typed)
	if _, err := os.Lstat(typed); err == nil || typed == "-" || strings.ContainsAny(typed, `./\`) {
		message += fmt.Sprintf("; did you mean keysweep scan %s?", quote.Shell(typed))
	} else {
		message += didYouMean(typed, names)
	}
	return errors.New(message + seeHelp(""))
}

func seeHelp(command string) string {
	return "\n" + strings.Join(strings.Fields("keysweep "+command+" --help"), " ") + " lists what there is"
}

// didYouMean ends a message on a name that is none of names.
func didYouMean(typed string, names []string) string {
	if s := nearest(typed, names); s != "" {
		return "; did you mean " + s + "?"
	}
	return ""
}

// nearest returns the name that typed was most likely meant to be, or "".
// Likely is one edit in three letters, or a beginning of at least three.
func nearest(typed string, names []string) string {
	best, least := "", len(typed)/3+1
	letters := strings.TrimLeft(typed, "-")
	for _, name := range names {
		if len(typed) > 2*len(name)+2 {
			continue // is further away; what is typed may be long
		}
		d := distance(strings.ToLower(typed), name)
		if len(letters) >= 3 && strings.HasPrefix(strings.TrimLeft(name, "-"), letters) {
			d = min(d, 1)
		}
		if d < least || d == least && best != "" && cmp.Less(name, best) {
			best, least = name, d
		}
	}
	return best
}

// distance returns how many letters must be inserted, removed, replaced or
// swapped with their neighbour to make b of a.
func distance(a, b string) int {
	d := make([][]int, len(a)+1) // d[i][j] is the distance of a[:i] and b[:j]
	for i := range d {
		d[i] = make([]int, len(b)+1)
		for j := range d[i] {
			if i == 0 || j == 0 {
				d[i][j] = i + j
				continue
			}
			d[i][j] = min(d[i-1][j], d[i][j-1], d[i-1][j-1]) + 1
			if a[i-1] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-1][j-1])
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
