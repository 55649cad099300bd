package rules

import (
	"slices"
	"strings"
	"testing"
)

func TestSectionsOfAText(t *testing.T) {
	s := loaded(t)
	for _, tt := range []struct {
		name, text string
		want       []string // name|body
	}{
		{"none", "a = 1\nb = 2\n", nil},
		{"brackets and their names", `"a": {b: [1, {c}], d}`, []string{`b: |[1, {c}]`, `a": |{b: [1, {c}], d}`}},
		{"a call", `new Client({key, x: 1})`, []string{`Client(|{key, x: 1}`}},
		{"brackets around one name", "[martis] ${name} x['key']", nil},
		{"a bracket that closes nothing", "a: {b, c]}", []string{"a: |{b, c]}"}},
		{"a bracket that nothing closes", "a: {b, [c, d} e, f", []string{"a: |{b, [c, d}"}},
		{"a bracket that is open at the end", "a: {b, c", []string{"a: |{b, c"}},
		{"indented lines", "a:\n  b: 1\n\n  c: 2\nd: 3\n", []string{"a:\n|  b: 1\n\n  c: 2\n"}},
		{"two levels", "a:\n b:\n  c\nd\n", []string{" b:\n|  c\n", "a:\n| b:\n  c\n"}},
		{"a list right below its name", "a:\n- b\n- c\nd\n", []string{"a:\n|- b\n- c\n"}},
		{"headers", "x=1\n[a]\ny=2\n[[b.c]]\nz=3", []string{"[a]\n|y=2\n", "[[b.c]]\n|z=3"}},
		{"an array is no header", "[\"a\", 1]\nx\n", []string{"|[\"a\", 1]"}},
	} {
		var l layout
		l.read(&s.compiled().attributor, []byte(tt.text), Span{len(tt.text), len(tt.text)})
		var got []string
		for _, x := range l.sections {
			got = append(got, tt.text[x.name:x.body]+"|"+tt.text[x.body:x.end])
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestSectionsCostNoMoreThanTheirReach(t *testing.T) {
	s := loaded(t)
	m := s.NewMatcher()
	key := expand(t, "{{live}}{{base62:24:x}}")
	for name, unit := range map[string]string{
		"sections":         "{martis: " + key + " ",
		"closed sections":  "{martis: [" + key + ", 1]} ",
		"headers":          "[martis]\nk=" + key + "\n",
		"indentation":      "martis:\n  " + key + "\n",
		"deep indentation": "a\n b\n  c\n   martis_x: " + key + "\n",
		"public keys":      "pk_live_" + strings.Repeat("a", 200) + " " + key + " ",
		"account ids":      "acct_acct_acct_acct_ " + key + " ",
		"all names":        "stripe tap_key alma_x=" + key + " ",
	} {
		work := func(size int) int {
			text := []byte(strings.Repeat(unit, size/len(unit)+1)[:size])
			m.work, m.around.work = 0, 0
			m.Matches(text, Span{0, len(text)})
			return m.work + m.around.work
		}
		small, large := work(64<<10), work(1<<20)
		t.Logf("%s: %.1f steps a byte", name, float64(large)/(1<<20))
		if large > 20*small+1000 || large > (1<<20)*200 {
			t.Errorf("%s: 64 KiB cost %d, 1 MiB %d steps", name, small, large)
		}
	}
}

func TestTheNearestOfManySections(t *testing.T) {
	s := loaded(t)
	m := s.NewMatcher()
	// Brackets that were closed before take no place of those around the key.
	text := expand(t, strings.Repeat("{a,b} ", 165)+"{\"stripe\": {\n\"key\": \"{{live}}{{base62:24:a}}\"}}")
	found := accepted(m.Matches([]byte(text), Span{0, len(text)}))
	if len(found) != 1 || len(found[0].Evidence) != 1 || found[0].Evidence[0].Kind != EvidenceName {
		t.Fatalf("%s%+v", revealed(found), found)
	}
	if got, why := s.Attribute(found[0].Shapes, found[0].Evidence); got != "stripe" {
		t.Errorf("got %s %q", got, why)
	}
}
