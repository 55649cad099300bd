package exceptions

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func line(r *rand.Rand) BaselineLine {
	var b [32]byte
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return BaselineLine{Fingerprint: fmt.Sprintf("%x", b), Date: "2026-01-31", Issuer: "martis", Environment: "production",
		Prefix: "sk_live…", Reason: `old "keys"`, Comment: "conf/a b.env:3"}
}

func fingerprints(b *Baseline) (list []string) {
	for _, l := range b.Lines() {
		list = append(list, l.Fingerprint)
	}
	return list
}

func parse(t *testing.T, text []byte) *Baseline {
	t.Helper()
	b, err := ParseBaseline("b", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return b
}

func TestABaselineIsReadAsItWasWritten(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	b := NewBaseline("b")
	var added []BaselineLine
	for range 500 {
		l := line(r)
		if !b.Add(l) || b.Add(l) {
			t.Fatal("a key is added once")
		}
		added = append(added, l)
	}
	slices.SortFunc(added, func(x, y BaselineLine) int { return strings.Compare(x.Fingerprint, y.Fingerprint) })
	text := b.Text()
	again := parse(t, text)
	if d := cmp.Diff(string(text), string(again.Text())); d != "" {
		t.Error(d)
	}
	for i, l := range again.Lines() {
		l.Number = 0
		if d := cmp.Diff(added[i], *l, cmpopts.IgnoreUnexported(*l)); d != "" {
			t.Fatal(d)
		}
	}
	windows := bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
	if d := cmp.Diff(string(windows), string(parse(t, windows).Text())); d != "" {
		t.Error(d)
	}
	marked := parse(t, append([]byte("\xef\xbb\xbf"), text...))
	if d := cmp.Diff(string(text), string(marked.Text())); d != "" {
		t.Error(d)
	}
}

func TestWhatCannotStandInALineIsEscaped(t *testing.T) {
	b := NewBaseline("b")
	l := line(rand.New(rand.NewPCG(2, 2)))
	l.Issuer, l.Environment, l.Prefix = "a b", "", "x\"\n#…"
	l.Reason, l.Comment = "two\nlines \\ \"", "a\nb\u202e\xff\x1b[2J # c"
	b.Add(l)
	got := parse(t, b.Text()).Lines()
	if len(got) != 1 || got[0].Issuer != "a?b" || got[0].Environment != "unknown" || got[0].Reason != l.Reason || strings.ContainsAny(got[0].Comment, "\n\x1b\u202e") {
		t.Errorf("%+v", got)
	}
}

func TestCommentsAndDatesOfABaselineStay(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	b := NewBaseline("b")
	for range 5 {
		b.Add(line(r))
	}
	lines := strings.Split(string(b.Text()), "\n")
	at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, b.Lines()[2].Fingerprint) })
	lines = slices.Insert(lines, at, "# asked Kim", "")
	text := strings.Join(lines, "\n") + "# the end\n"
	read := parse(t, []byte(text))
	if got := string(read.Text()); got != text {
		t.Error(cmp.Diff(text, got))
	}
	gone := read.Lines()[2].Fingerprint
	added := line(r)
	read.Add(added)
	if removed := read.Remove(func(l *BaselineLine) bool { return l.Fingerprint == gone }); len(removed) != 1 || read.Line(gone) != nil {
		t.Errorf("%+v", removed)
	}
	got := string(read.Text())
	if strings.Contains(got, "Kim") || !strings.Contains(got, "# the end") || !strings.Contains(got, added.Fingerprint) {
		t.Error(got)
	}
}

func TestADamagedBaselineIsRefusedWithItsLine(t *testing.T) {
	good := strings.Repeat("0a", 32) + ` 2026-01-31 martis production sk_live… "why"`
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "line 1: not a baseline"},
		{"something else", "{}\n", "line 1: not a baseline"},
		{"a newer version", "keysweep-baseline 2\n", `line 1: version "2" is not one`},
		{"no version", "keysweep-baseline\n", `line 1: version ""`},
		{"a fingerprint that was cut", "keysweep-baseline 1\n#00\n" + good[1:] + "\n", "line 3: damaged"},
		{"capital digits", "keysweep-baseline 1\n" + strings.ToUpper(good[:64]) + good[64:] + "\n", "line 2: damaged"},
		{"a word that is missing", "keysweep-baseline 1\n" + strings.Replace(good, " martis", "", 1) + "\n", "line 2: damaged"},
		{"no reason", "keysweep-baseline 1\n" + strings.Replace(good, ` "why"`, "", 1) + "\n", "line 2: damaged"},
		{"an empty reason", "keysweep-baseline 1\n" + strings.Replace(good, `"why"`, `" "`, 1) + "\n", "line 2: its reason is empty"},
		{"no day", "keysweep-baseline 1\n" + strings.Replace(good, "01-31", "02-31", 1) + "\n", "line 2: damaged: 2026-02-31 is no date"},
		{"a wrong escape", "keysweep-baseline 1\n" + strings.Replace(good, `"why"`, `"\q"`, 1) + "\n", "line 2: damaged: its reason"},
		{"words behind the reason", "keysweep-baseline 1\n" + good + " more\n", "line 2: damaged"},
		{"not UTF-8", "keysweep-baseline 1\n" + good + " # \xff\n", "line 2: damaged"},
		{"a conflict", "keysweep-baseline 1\n" + good + "\n<<<<<<< HEAD\n", "line 3: a merge conflict"},
	} {
		_, err := ParseBaseline("b", []byte(tt.text))
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	for name, text := range map[string]string{
		"the line itself":    good,
		"with a comment":     good + " # src/a.go:3",
		"twice":              good + "\n" + good,
		"no line end":        good + "\n" + strings.Repeat("0b", 32) + good[64:],
		"not in order":       strings.Repeat("0b", 32) + good[64:] + "\n" + good,
		"an escaped reason":  strings.Replace(good, `"why"`, `"a \"b\" \\ c"`, 1),
		"a hash in a reason": strings.Replace(good, `"why"`, `"a # b"`, 1),
	} {
		if _, err := ParseBaseline("b", []byte("keysweep-baseline 1\n"+text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// gap is what git sees as one place: the two lines that an added one is
// between.
func gap(base *Baseline, fingerprint string) string {
	list := fingerprints(base)
	i, _ := slices.BinarySearch(list, fingerprint)
	before, after := "#"+fingerprint[:2], ""
	if i > 0 && list[i-1][:2] == fingerprint[:2] {
		before = list[i-1]
	}
	if i < len(list) && list[i][:2] == fingerprint[:2] {
		after = list[i]
	}
	return before + after
}

// Git is the oracle: two branches that add keys merge without a conflict unless
// both add between the same two lines; then both sides together are right.
func TestBaselinesOfTwoBranchesMerge(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	dir := t.TempDir()
	conflicts := 0
	for round := range 60 {
		base := NewBaseline("b")
		for range r.IntN(200) {
			base.Add(line(r))
		}
		ours, theirs := parse(t, base.Text()), parse(t, base.Text())
		want := fingerprints(base)
		places := map[string]bool{}
		shared := false
		for n := range 1 + r.IntN(12) {
			l, m := line(r), line(r)
			l.Reason, m.Date = "ours", "2026-02-01"
			ours.Add(l)
			places[gap(base, l.Fingerprint)] = true
			want = append(want, l.Fingerprint)
			if round%3 == 0 && n > 0 {
				continue // one branch adds more
			}
			theirs.Add(m)
			want = append(want, m.Fingerprint)
		}
		for _, fingerprint := range fingerprints(theirs) {
			shared = shared || base.Line(fingerprint) == nil && places[gap(base, fingerprint)]
		}
		slices.Sort(want)
		merge := func(option ...string) (*exec.ExitError, []byte) {
			for name, b := range map[string]*Baseline{"base": base, "ours": ours, "theirs": theirs} {
				if err := os.WriteFile(filepath.Join(dir, name), b.Text(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command("git", append(append([]string{"merge-file", "-p"}, option...), "ours", "base", "theirs")...)
			cmd.Dir = dir
			out, err := cmd.Output()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			return exit, out
		}
		exit, out := merge()
		if (exit != nil) != shared {
			t.Errorf("round %d: a conflict: %v, both added at one place: %v", round, exit != nil, shared)
		}
		if exit != nil {
			conflicts++
			if _, err := ParseBaseline("b", out); err == nil || !strings.Contains(err.Error(), "conflict") {
				t.Errorf("round %d: %v", round, err)
			}
			_, out = merge("--union") // as .gitattributes may say
		}
		if d := cmp.Diff(want, fingerprints(parse(t, out))); d != "" {
			t.Errorf("round %d: %s", round, d)
		}
	}
	t.Logf("%d conflicts in 60 merges", conflicts)
	if conflicts == 0 || conflicts > 20 {
		t.Errorf("%d conflicts in 60 merges: the rounds show nothing", conflicts)
	}
}

func FuzzParseBaseline(f *testing.F) {
	b := NewBaseline("b")
	b.Add(line(rand.New(rand.NewPCG(5, 5))))
	f.Add(b.Text())
	f.Add([]byte("keysweep-baseline 1\n# x\n#00\n\n#0g\n"))
	f.Add([]byte("keysweep-baseline 1\n#\r\r")) // two returns at the end of a comment
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := ParseBaseline("b", text)
		if err != nil {
			return
		}
		again, err := ParseBaseline("b", b.Text())
		if err != nil {
			t.Fatalf("%v\n%q", err, b.Text())
		}
		if !slices.Equal(fingerprints(b), fingerprints(again)) || !bytes.Equal(b.Text(), again.Text()) {
			t.Errorf("%q\nis written as %q\nand then as %q", text, b.Text(), again.Text())
		}
	})
}

func TestALineThatIsThereTwiceIsOneKeyAndLosesNoComment(t *testing.T) {
	key := strings.Repeat("0a", 32) + ` 2026-01-31 martis production sk_live… "why"`
	b := parse(t, []byte("keysweep-baseline 1\n#0a\n# mine\n"+key+"\n# theirs\n"+key+"\n"))
	if text := string(b.Text()); len(b.Lines()) != 1 || strings.Count(text, key) != 1 || !strings.Contains(text, "# mine\n"+key+"\n") || !strings.Contains(text, "# theirs\n") {
		t.Errorf("%d lines:\n%s", len(b.Lines()), text)
	}
}
