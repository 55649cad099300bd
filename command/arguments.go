package command

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"keysweep/quote"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// arrange rewrites what the user typed into the one order that urfave/cli v2
// reads right, which stops looking for options at the first path and takes the
// rest for paths without a word: the command, options as --name=value, "--",
// and paths.
//
// Options may stand anywhere before "--", also before the command, as --name
// value, --name=value, -n value, -nvalue, -n=value, and several without a value
// as -qv. A value may start with a dash. "-" alone is a path, and so is -:LINE.
func arrange(app *cli.App, args []string) ([]string, error) {
	var typed []option
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
			if typed, args, err = parseOption(app, called(app, operands, args), typed, arg, args); err != nil {
				return nil, err
			}
		}
	}
	help := false
	typed = slices.DeleteFunc(typed, func(o option) bool {
		help = help || o.name == "help"
		return o.name == "help"
	})
	if len(operands) == 0 && slices.ContainsFunc(typed, func(o option) bool { return o.name == "version" }) {
		operands = []string{"version"}
	}
	typed = slices.DeleteFunc(typed, func(o option) bool { return o.name == "version" })
	if len(operands) > 0 && operands[0] == "help" {
		help = true
		operands = operands[1:]
	}
	if len(operands) == 0 {
		if !help {
			fmt.Fprint(app.ErrWriter, appHelp(app))
			return nil, &ending{status: StatusUse}
		}
		return []string{app.Name, "help"}, nil
	}
	command := app.Command(operands[0])
	if command == nil {
		return nil, unknownCommand(app, operands[0])
	}
	if help {
		return []string{app.Name, "help", command.Name}, nil
	}
	out := []string{app.Name, command.Name}
	for _, o := range typed {
		if !slices.ContainsFunc(command.Flags, func(f cli.Flag) bool { return f.Names()[0] == o.name }) {
			return nil, fmt.Errorf("%s has no option --%s%s", command.Name, o.name, seeHelp(command.Name))
		}
		out = append(out, "--"+o.name+"="+o.value)
	}
	return append(append(out, "--"), operands[1:]...), nil
}

// runCommand runs the command that args, as arrange returns them, call. It does
// what the library's App.RunContext does with them; that would also make its help
// and its documentation, with their templates, a part of the program, and these
// take longer to start than a hook has.
func runCommand(ctx context.Context, app *cli.App, args []string) error {
	command := app.Command(args[1])
	set := flag.NewFlagSet(command.Name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	lists := make(map[string][]string)
	args = args[2:]
	for len(args) > 0 && args[0] != "--" && strings.HasPrefix(args[0], "--") { // help has no "--"
		name, value, _ := strings.Cut(strings.TrimPrefix(args[0], "--"), "=")
		args = args[1:]
		f := command.Flags[slices.IndexFunc(command.Flags, func(f cli.Flag) bool { return f.Names()[0] == name })]
		if set.Lookup(name) == nil {
			if err := f.Apply(set); err != nil {
				return fmt.Errorf("--%s: %w", name, err)
			}
		}
		if _, isList := f.(*cli.StringSliceFlag); isList {
			lists[name] = append(lists[name], value)
		} else if err := set.Set(name, value); err != nil {
			return fmt.Errorf("--%s: %w", name, err)
		}
	}
	for name, values := range lists {
		// In this form, which is its own, the library does not cut values at
		// commas: globs have them, as **/{a,b}.txt.
		if err := set.Set(name, cli.NewStringSlice(values...).Serialize()); err != nil {
			return fmt.Errorf("--%s: %w", name, err)
		}
	}
	if err := set.Parse(args); err != nil {
		return err
	}
	c := cli.NewContext(app, set, nil)
	c.Context, c.Command = ctx, command
	return command.Action(c)
}

// called returns the command whose help to point to: the first of the operands,
// or of what is still to be read, that is one; else scan.
func called(app *cli.App, operands, rest []string) string {
	for _, word := range append(slices.Clone(operands), rest...) {
		if app.Command(word) != nil {
			return word
		}
	}
	return "scan"
}

// option is one option as typed, by its long name.
type option struct{ name, value string }

// parseOption appends to typed the option or options of arg. It returns what
// is left of rest, whose first element may be the value.
func parseOption(app *cli.App, command string, typed []option, arg string, rest []string) ([]option, []string, error) {
	if long, isLong := strings.CutPrefix(arg, "--"); isLong {
		name, value, hasValue := strings.Cut(long, "=")
		flag := lookup(app, name)
		switch {
		case flag == nil || len(name) == 1:
			return nil, nil, unknownOption(app, command, "--"+name)
		case !takesValue(flag):
			if !hasValue {
				value = "true"
			}
			if _, err := strconv.ParseBool(value); err != nil {
				return nil, nil, fmt.Errorf("--%s takes no value, or true or false: not %s", name, quote.Name(value))
			}
		case !hasValue:
			var err error
			if value, rest, err = nextValue(app, "--"+name, rest); err != nil {
				return nil, nil, err
			}
		}
		return append(typed, option{flag.Names()[0], value}), rest, nil
	}
	for letters := arg[1:]; letters != ""; {
		flag := lookup(app, letters[:1])
		if flag == nil {
			return nil, nil, unknownOption(app, command, arg)
		}
		name, attached := flag.Names()[0], letters[1:]
		if !takesValue(flag) {
			if strings.HasPrefix(attached, "=") {
				return nil, nil, fmt.Errorf("-%s takes no value", letters[:1])
			}
			typed = append(typed, option{name, "true"})
			letters = attached
			continue
		}
		value := strings.TrimPrefix(attached, "=")
		if attached == "" {
			var err error
			if value, rest, err = nextValue(app, "-"+letters[:1], rest); err != nil {
				return nil, nil, err
			}
		}
		return append(typed, option{name, value}), rest, nil
	}
	return typed, rest, nil
}

// nextValue takes the value of the option called flag from rest. The name of
// an option is not a value: "--output --history" has a word missing.
func nextValue(app *cli.App, flag string, rest []string) (string, []string, error) {
	if len(rest) == 0 {
		return "", nil, fmt.Errorf("%s needs a value", flag)
	}
	if name := strings.TrimLeft(rest[0], "-"); strings.HasPrefix(rest[0], "--") && lookup(app, name) != nil {
		return "", nil, fmt.Errorf("%s needs a value, and %s is an option (write %s=%s if you mean it)", flag, rest[0], flag, rest[0])
	}
	return rest[0], rest[1:], nil
}

// lookup returns the option called name of any command: no two commands use a
// name in different ways.
func lookup(app *cli.App, name string) cli.Flag {
	for _, f := range allFlags(app) {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

// allFlags returns the options of the program and of its commands.
func allFlags(app *cli.App) []cli.Flag {
	flags := slices.Clone(app.Flags)
	for _, c := range app.Commands {
		flags = append(flags, c.Flags...)
	}
	return flags
}

func takesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}

func unknownOption(app *cli.App, command, typed string) error {
	var names []string
	for _, f := range allFlags(app) {
		for _, name := range f.Names() {
			if len(name) > 1 {
				names = append(names, "--"+name)
			}
		}
	}
	message := "unknown option " + quote.Name(typed)
	if s := nearest("--"+strings.TrimLeft(typed, "-"), names); s != "" {
		message += "; did you mean " + s + "?"
	}
	if _, err := os.Lstat(typed); err == nil {
		message += fmt.Sprintf(" (the file of that name is %s)", quote.Name("./"+typed))
	}
	return errors.New(message + seeHelp(command))
}

func unknownCommand(app *cli.App, typed string) error {
	var names []string
	for _, c := range app.Commands {
		names = append(names, c.Name)
	}
	message := "unknown command " + quote.Name(typed)
	if _, err := os.Lstat(typed); err == nil || typed == "-" || strings.ContainsAny(typed, `./\`) {
		message += fmt.Sprintf("; did you mean keysweep scan %s?", quote.Name(typed))
	} else if s := nearest(typed, names); s != "" {
		message += "; did you mean " + s + "?"
	}
	return errors.New(message + seeHelp(""))
}

func seeHelp(command string) string {
	return "\n" + strings.Join(strings.Fields("keysweep "+command+" --help"), " ") + " lists what there is"
}

// nearest returns the name that typed was most likely meant to be, or "".
// Likely is one edit in three letters, or a beginning of at least three.
func nearest(typed string, names []string) string {
	best, least := "", len(typed)/3+1
	letters := strings.TrimLeft(typed, "-")
	for _, name := range names {
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
	// rows[i%3][j] is the distance of a[:i] and b[:j].
	var rows [3][]int
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
	}
	for i := 0; i <= len(a); i++ {
		row, above, twoAbove := rows[i%3], rows[(i+2)%3], rows[(i+1)%3]
		for j := 0; j <= len(b); j++ {
			switch {
			case i == 0:
				row[j] = j
			case j == 0:
				row[j] = i
			default:
				replaced := above[j-1]
				if a[i-1] != b[j-1] {
					replaced++
				}
				row[j] = min(above[j]+1, row[j-1]+1, replaced)
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					row[j] = min(row[j], twoAbove[j-2]+1)
				}
			}
		}
	}
	return rows[len(a)%3][len(b)]
}
