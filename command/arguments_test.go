package command

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keysweep/command/hooks"
	"keysweep/report"
)

// words returns l in one order: the command, its options, "--", its operands.
func (l *line) words() []string {
	words := []string{l.command.name}
	for _, o := range l.options {
		words = append(words, "--"+o.name+"="+o.value)
	}
	return append(append(words, "--"), l.operands...)
}

func TestArgumentsAreTakenApart(t *testing.T) {
	for _, tt := range []struct{ typed, want string }{
		{"scan", "scan --"},
		{"scan .", "scan -- ."},
		{"scan . --tree", "scan --tree=true -- ."},
		{"scan a --tree b --history c", "scan --tree=true --history=true -- a b c"},
		{"scan --tree=false a", "scan --tree=false -- a"},
		{"scan a --format json", "scan --format=json -- a"},
		{"scan a --format=json b", "scan --format=json -- a b"},
		{"scan a -f json b", "scan --format=json -- a b"},
		{"scan a -fjson b", "scan --format=json -- a b"},
		{"scan a -f=json b", "scan --format=json -- a b"},
		{"scan a -o x.json -o - b", "scan --output=x.json --output=- -- a b"},
		{"scan -o- a", "scan --output=- -- a"},
		{"scan a -qj8 b", "scan --quiet=true --jobs=8 -- a b"},
		{"scan a -qvj 8 b", "scan --quiet=true --verbose=true --jobs=8 -- a b"},
		{"scan --exit-code -1 a", "scan --exit-code=-1 -- a"},
		{"scan --exclude=--tree a", "scan --exclude=--tree -- a"},
		{"scan --exclude a=b c", "scan --exclude=a=b -- c"},
		{"scan --exclude=a=b=c", "scan --exclude=a=b=c --"},
		{"scan --output= a", "scan --output= -- a"},
		{"scan -", "scan -- -"},
		{"scan - -q", "scan --quiet=true -- -"},
		{"scan -- --tree -q", "scan -- --tree -q"},
		{"scan a -- --tree -- b", "scan -- a --tree -- b"},
		{"scan -o -- a", "scan --output=-- -- a"},
		{"--tree scan a", "scan --tree=true -- a"},
		{"-f json scan a", "scan --format=json -- a"},
		{"scan help", "scan -- help"},
		{"scan scan version", "scan -- scan version"},
		{"version --json", "version --json=true --"},
		{"--version", "version --"},
		{"--help", "help --"},
		{"-h", "help --"},
		{"help", "help --"},
		{"help scan", "help -- scan"},
		{"scan a --help", "help -- scan"},
		{"scan -h a", "help -- scan"},
		{"scan -qh", "help -- scan"},
	} {
		l, err := newProgram(discarded).parse(strings.Fields(tt.typed))
		if err != nil {
			t.Errorf("%s: %v", tt.typed, err)
		} else if diff := cmp.Diff(tt.want, strings.Join(l.words(), " ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.typed, diff)
		}
	}
}

func TestWrongArgumentsAreRefusedInWords(t *testing.T) {
	for _, tt := range []struct{ typed, want string }{
		{"scan --histroy", "unknown option --histroy; did you mean --history?"},
		{"scan --hist .", "unknown option --hist; did you mean --history?"},
		{"scan --forma=json", "unknown option --forma; did you mean --format?"},
		{"scan -tree", "unknown option -tree; did you mean --tree?"},
		{"scan --no-color", "unknown option --no-color; did you mean --color?"},
		{"scan -x", "unknown option -x\n"},
		{"scan -qx", "unknown option -qx\n"},
		{"scan --f json", "unknown option --f\n"},
		{"scan --frobnicate", "unknown option --frobnicate\n"},
		{"scan -5", "unknown option -5\n"},
		{"scan --format", "--format needs a value"},
		{"scan -qf", "-f needs a value"},
		{"scan -o --tree", "-o needs a value, and --tree is an option"},
		{"scan --tree=x", "--tree takes no value"},
		{"scan -q=x", "-q takes no value"},
		{"scan --json", "scan has no option --json"},
		{"version --tree", "version has no option --tree"},
		{"scna .", "unknown command scna; did you mean scan?"},
		{"frobnicate", "unknown command frobnicate\n"},
		{".", "unknown command .; did you mean keysweep scan .?"},
		{"arguments_test.go", "did you mean keysweep scan arguments_test.go?"},
	} {
		_, err := newProgram(discarded).parse(strings.Fields(tt.typed))
		if err == nil || !strings.Contains(err.Error()+"\n", tt.want) {
			t.Errorf("%s: %v, want %q", tt.typed, err, tt.want)
		} else if strings.Contains(err.Error(), "Usage") {
			t.Errorf("%s: the whole usage is printed:\n%v", tt.typed, err)
		}
	}
}

func TestAFileThatLooksLikeAnOptionIsExplained(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("--odd", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := newProgram(discarded).parse([]string{"scan", "--odd"})
	if err == nil || !strings.Contains(err.Error(), "./--odd") {
		t.Error(err)
	}
}

// lookup relies on it: one name means the same in every command.
func TestNoOptionNameHasTwoMeanings(t *testing.T) {
	seen := map[string]option{}
	for _, o := range options {
		for _, name := range []string{o.name, o.short} {
			// Several commands may have it: then it is of one sort everywhere.
			if other, ok := seen[name]; ok && name != "" && (other.takes != o.takes || other.name != o.name || other.short != o.short) {
				t.Errorf("two options are called %s, and differ", name)
			}
			seen[name] = o
		}
		if len(o.name) < 2 || len(o.short) > 1 {
			t.Errorf("%s, %s: the first name is the long one", o.name, o.short)
		}
		if (o.takes == none) != (o.value() == "") {
			t.Errorf("%s: its usage does not name its value, or one that it has not", o.name)
		}
	}
}

// Each option of a command is in the table, each line of the table is some
// command's.
func TestTheTableHoldsTheOptionsOfAllCommands(t *testing.T) {
	used := map[*option]bool{optionOf("", "help"): true, optionOf("", "version"): true}
	for _, s := range specs {
		for _, g := range s.options {
			for name := range strings.FieldsSeq(g.names) {
				o := optionOf(s.name, name)
				if o == nil {
					t.Fatalf("%s: no option %s", s.name, name)
				}
				used[o] = true
			}
		}
	}
	for i := range options {
		if !used[&options[i]] {
			t.Errorf("no command has %s of %v", options[i].name, options[i].only)
		}
	}
	for _, tt := range []struct {
		command, option string
		values          []string
	}{{"scan", "format", report.FormatNames()}, {"explain", "format", report.ExplainFormats()}, {"rules", "format", report.ExplainFormats()},
		{"doctor", "format", report.ExplainFormats()}, {"install", "hook", hooks.Names()}, {"uninstall", "hook", hooks.Names()}} {
		if o := optionOf(tt.command, tt.option); !strings.Contains(o.usage, "` "+orList(tt.values)) {
			t.Errorf("%s --%s: %s; want %s", tt.command, tt.option, o.usage, orList(tt.values))
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"scan", "scan", 0}, {"scna", "scan", 1},
		{"histroy", "history", 1}, {"kitten", "sitting", 3}, {"ab", "ba", 1}, {"abc", "ca", 3},
	} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("scan\x00-qj8\x00a\x00--exclude\x00*\x00--\x00-x")
	f.Add("--version\x00-h")
	f.Fuzz(func(t *testing.T, typed string) {
		args := strings.Split(typed, "\x00")
		p := newProgram(discarded)
		l, err := p.parse(args)
		if err != nil {
			return
		}
		if l.command.name == "help" {
			return // its operand may be --version
		}
		for _, o := range l.options {
			if !l.command.has(o.name) {
				t.Fatalf("%q became %q: %q is no option", args, l.words(), o.name)
			}
		}
		rest := args
		for _, operand := range l.operands { // the user's, in order
			i := slices.Index(rest, operand)
			if i < 0 {
				t.Fatalf("%q became %q: operands differ", args, l.words())
			}
			rest = rest[i+1:]
		}
	})
}
