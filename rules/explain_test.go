package rules

import (
	"strings"
	"testing"

	"keysweep/finding"
)

func TestExplainSaysWhatMatchesSays(t *testing.T) {
	s := loaded(t)
	for _, text := range []string{
		"MARTIS_API_KEY={{live}}{{base62:24:a}}", "k={{live}}{{repeat:24:X}}", "ta{{live}}{{base62:24:a}}",
		"{{test}}123", "Basic {{base62:9:x}} c2tfbGl2ZV9hYmM=", "{{live}}...", "{{live}}@{{base62:30:q}}",
	} {
		b := []byte(expand(t, text))
		matches := s.NewMatcher().Matches(b, Span{0, len(b)})
		list := s.NewMatcher().Explain(b, Span{0, len(b)})
		if len(matches) != len(list) || len(list) == 0 {
			t.Fatalf("%s: %d matches, %d explanations", text, len(matches), len(list))
		}
		for i, e := range list {
			m := matches[i]
			if e.Confidence != m.Confidence || e.RejectedFor != m.RejectedFor || e.Start != m.Start || e.End != m.End {
				t.Errorf("%s: %+v, explained as %+v", text, m, e.Match)
			}
			if e.Literal == "" || string(b[e.LiteralAt:e.LiteralAt+len(e.Literal)]) != e.Literal {
				t.Errorf("%s: the literal %q is not at %d", text, e.Literal, e.LiteralAt)
			}
			if e.Left == "" || e.BodyMax != maxBody || e.Prefix == "" {
				t.Errorf("%s: %+v lacks something", text, e)
			}
		}
	}
}

func TestExplainGivesAScoreThatDidNotCount(t *testing.T) {
	b := []byte(expand(t, "ta{{live}}{{base62:24:a}}"))
	e := loaded(t).NewMatcher().Explain(b, Span{0, len(b)})
	if len(e) != 1 || e[0].Scored || e[0].Parts.Distinct == 0 || e[0].Confidence != finding.Rejected {
		t.Errorf("%+v", e)
	}
}

func TestNearMisses(t *testing.T) {
	s := loaded(t)
	for _, tt := range []struct{ text, why string }{
		{`key = "SK_LIVE_` + "abc\"", "lower case"},
		{"STRIPE_SK_TEST_KEY", "lower case"},
		{`"sk_" + "live_" + rest`, "pieces"},
		{`'sk_' 'live_' 'x'`, "pieces"},
		{"rk-live-abc", "dashes"},
		{"pk_live_abc", "publishable"},
		{"data: H4sIAAAAAAAA", "gzip"},
	} {
		list := s.NearMisses([]byte(tt.text))
		if len(list) == 0 || !strings.Contains(list[0].Why, tt.why) {
			t.Errorf("%s: %+v, want %q", tt.text, list, tt.why)
		}
	}
	for _, text := range []string{"", "nothing here", "task_list_and_live_view", "\xff\xfe\x80"} {
		if list := s.NearMisses([]byte(text)); len(list) > 0 {
			t.Errorf("%q: %+v", text, list)
		}
	}
}

// A rule file may add rules. It does not get to turn down, or make less sure,
// what the built-in rules find.
func TestAUsersRuleHidesNothing(t *testing.T) {
	body := fill(placeholderAlphabet("base62"), 24, "a")
	text := "x = " + expand(t, "{{live}}") + body + " and some words behind it\n"
	for name, file := range map[string]string{
		"a sample":                "[[rule]]\nid = \"mine\"\nliterals = [\"sk_live_\"]\nsamples_sha256 = [\"" + sha256Hex(body) + "\"]\n",
		"a low score":             "[[rule]]\nid = \"mine\"\nliterals = [\"sk_live_\"]\nmax_score = -6.0\n",
		"a longer key, less sure": "[[rule]]\nid = \"mine\"\nliterals = [\"sk_live_\"]\nmax_score = 6.0\nbody = { regex = \"^[a-zA-Z0-9]{24} and some words be\" }\n",
		"a longer prefix":         "[[rule]]\nid = \"mine\"\nliterals = [\"= sk_live_\"]\nbody = { min = 200 }\n",
		"a longer prefix, worse":  "[[rule]]\nid = \"mine\"\nliterals = [\"= sk_live_\"]\nbody = { regex = \"^[A-Za-z0-9]{8}\" }\n",
	} {
		set, err := Load(nil, File{Name: "config", Text: []byte(file)})
		if err != nil {
			t.Fatal(err)
		}
		best := finding.Rejected
		for _, m := range set.NewMatcher().Matches([]byte(text), Span{0, len(text)}) {
			if m.Secret.Reveal() == expand(t, "{{live}}")+body {
				best = max(best, m.Confidence)
			}
		}
		if best != finding.High {
			t.Errorf("%s: the best confidence is %v", name, best)
		}
	}
}

func TestProveRuleSaysWhy(t *testing.T) {
	s := loaded(t, ruleFileOf(t, `
[[rule]]
id = "acme"
literals = ["acme_"]
examples = ["«acme_{{base62:24:a}}»", "acme_{{repeat:24:X}}", "nothing"]
counter_examples = ["acme_your_token", "acme_{{base62:24:a}}"]
`))
	r := s.RuleOf("acme", "")
	want := []string{"", "rejected: looks like words", "no literal of any rule", "", "there is a key"}
	list := s.ProveRule(r)
	if len(list) != len(want) {
		t.Fatalf("%d proofs", len(list))
	}
	for i, p := range list {
		if (p.Err == nil) != (want[i] == "") || p.Err != nil && !strings.Contains(p.Err.Error(), want[i]) {
			t.Errorf("%+v, want %q", p, want[i])
		}
	}
}

func TestARuleFileThatWasFoundHasNoProbe(t *testing.T) {
	text := []byte(probeText)
	if _, err := Load(nil, File{Name: "f", Text: text}); err != nil {
		t.Error(err)
	}
	_, err := Load(nil, File{Name: "f", Text: text, Found: true})
	if err == nil || !strings.Contains(err.Error(), "a probe") {
		t.Errorf("got %v", err)
	}
}

func TestARuleFileThatWasFoundSaysNothingOfBuiltInIssuers(t *testing.T) {
	text := []byte("[[rule]]\nid = \"more\"\nissuer = \"martis\"\nliterals = [\"acme_tok_\"]\n[rule.evidence]\nnames = [\"anything\"]\n")
	if _, err := Load(nil, File{Name: "f", Text: text}); err != nil {
		t.Error(err)
	}
	_, err := Load(nil, File{Name: "f", Text: text, Found: true})
	if err == nil || !strings.Contains(err.Error(), "line 3, column 1") {
		t.Errorf("got %v", err)
	}
}

// A scan that was asked to stop does not wait for the expressions of a rule.
func TestAMatcherStops(t *testing.T) {
	s := loaded(t)
	m := s.NewMatcher()
	text := []byte(strings.Repeat(expand(t, "{{live}}")+fill(placeholderAlphabet("base62"), 24, "a")+" ", 1000))
	done := make(chan struct{})
	m.StopAt(done)
	if n := len(m.Matches(text, Span{0, len(text)})); n != 1000 {
		t.Fatalf("%d keys", n)
	}
	close(done)
	if n := len(m.Matches(text, Span{0, len(text)})); n >= checkEvery {
		t.Errorf("%d keys after the end", n)
	}
}

func TestDetailsOfARule(t *testing.T) {
	s := loaded(t)
	r := s.RuleOf("payment-secret-key", "")
	if want := (Body{Alphabet: "0-9A-Z_a-z-", Min: 16, Max: 256}); r.Body != want || len(r.Samples) != 20 {
		t.Errorf("%+v, %d samples", r.Body, len(r.Samples))
	}
}
