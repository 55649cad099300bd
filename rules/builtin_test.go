package rules

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"keysweep/rules/encoding"
	"keysweep/rules/finder"
)

var update = flag.Bool("update", false, "write data/heads.txt")

// eager returns the built-in rules as a set that has read them.
func eager(t testing.TB, more ...File) *Set {
	t.Helper()
	var list []*ruleFile
	for _, m := range more {
		f, err := parse(m)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, f)
	}
	c, err := load(list)
	if err != nil {
		t.Fatal(err)
	}
	return &Set{finder: c.finder, compiled: func() *compiled { return c }, sha256: hashOf(list)}
}

func TestHeadsAreThoseOfTheBuiltInRules(t *testing.T) {
	whole := eager(t).finder
	var heads []string
	for _, l := range whole.Literals() {
		heads = append(heads, fmt.Sprintf("%x\n", l[:min(len(l), finder.HeadLen)]))
	}
	slices.Sort(heads)
	want := strings.Join(slices.Compact(heads), "")
	if *update {
		if err := os.WriteFile("data/heads.txt", []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
		builtinHeads = want
	}
	if builtinHeads != want {
		t.Fatal("data/heads.txt is not what the built-in rules make: go test ./rules -run TestHeads -update writes it")
	}
	if got := builtinSet(nil).finder.MaxLen(); got != whole.MaxLen() {
		t.Errorf("the longest literal has %d bytes, want %d", got, whole.MaxLen())
	}
}

func TestTextWithoutLiteralsReadsNoRule(t *testing.T) {
	s := loaded(t)
	s.finder = finder.FromHeads(builtinHeads, encoding.MaxForm, func() *Finder { t.Fatal("the rules were read"); return nil })
	s.compiled = func() *compiled { t.Fatal("the rules were read"); return nil }
	text := bytes.Repeat([]byte("	key := sk_test // a live test of \\x00 in 0000, base64 c2s=\n"), 1000)
	if s.Finder().Contains(text) {
		t.Error("a literal was found")
	}
	if got := s.NewMatcher(); got == nil || s.Finder().MaxLen() != encoding.MaxForm || s.SHA256() == "" {
		t.Error("no matcher, length or hash")
	}
}

func TestRulesReadLateJudgeAlike(t *testing.T) {
	var all strings.Builder
	want := eager(t)
	for _, r := range want.Rules() {
		for _, text := range slices.Concat(r.Examples, r.CounterExamples) {
			text, err := Expand(text)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&all, "%s\n\n", text)
		}
	}
	text := []byte(all.String())
	hits := func(f *Finder) (list [][2]int) {
		for start, literal := range f.All(text) {
			list = append(list, [2]int{start, literal})
		}
		return list
	}
	if got := hits(loaded(t).finder); len(got) == 0 || !slices.Equal(got, hits(want.finder)) {
		t.Error("other literals are found")
	}
	for name, of := range map[string]func(s *Set) any{
		"literals":     func(s *Set) any { return s.compiled().finder.Literals() },
		"matches":      func(s *Set) any { return slices.Clone(s.NewMatcher().Matches(text, Span{0, len(text)})) },
		"explanations": func(s *Set) any { return s.NewMatcher().Explain(text, Span{0, len(text)}) },
		"near misses":  func(s *Set) any { return s.NearMisses([]byte("SK_LIVE_x sk_live")) },
		"path":         func(s *Set) any { return s.Attributor().Path("martis/stripe.go") },
		"hash":         func(s *Set) any { return s.SHA256() },
		"rules":        func(s *Set) any { return len(s.Rules()) },
	} {
		if got, want := of(loaded(t)), of(want); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	if err := prove(loaded(t)); err != nil {
		t.Error(err)
	}
}

func TestAConfigurationWithoutRulesIsReadAtOnceAndTheRulesAreNot(t *testing.T) {
	allow := File{Name: "c", Text: []byte("[[allow]]\npath = \"x\"\nreason = \"y\"\n"), Others: []string{"allow"}}
	s, err := Load(nil, allow)
	if err != nil || len(s.finder.Literals()) > 0 {
		t.Fatalf("%v, or the rules were read", err)
	}
	if got, want := s.SHA256(), eager(t, allow).SHA256(); got != want || got == loaded(t).SHA256() {
		t.Errorf("hash %s, want %s", got, want)
	}
	for name, text := range map[string]string{
		"an unknown key": "[[alow]]\n",
		"no TOML":        "[[allow]\n",
		"a bad rule":     "[[rule]]\nid = \"x\"\n",
	} {
		if _, err := Load(nil, File{Name: "c", Text: []byte(text), Others: []string{"allow"}}); err == nil {
			t.Errorf("%s is no error", name)
		}
	}
	s, err = Load(nil, File{Name: "c", Text: []byte("[[rule]]\nid = \"acme\"\nliterals = [\"acme_\"]\n")})
	if err != nil || len(s.finder.Literals()) == 0 || !s.Finder().Contains([]byte("acme_")) {
		t.Errorf("a rule of a configuration is not looked for: %v", err)
	}
}

// BenchmarkLoad is what a scan without findings pays for the rules, and what one
// with a literal does.
func BenchmarkLoad(b *testing.B) {
	b.Run("no literal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			loaded(b).Finder().Contains([]byte("there is nothing here"))
		}
	})
	b.Run("a literal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			loaded(b).Finder().Contains([]byte("sk_" + "live_"))
		}
	})
}
