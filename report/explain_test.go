package report

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"keysweep/finding"
	"keysweep/rules"
	"keysweep/rules/attribution"
)

// explained is a candidate of any text.
func explained(t *testing.T, text string) *Explanation {
	t.Helper()
	set, err := rules.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	if text, err = rules.Expand(text); err != nil {
		t.Fatal(err)
	}
	b := []byte(text)
	e := &Explanation{What: "f:1", Source: finding.SourceWorktree, Path: "f", Line: 1, Lines: 1}
	for _, x := range set.NewMatcher().Explain(b, rules.Span{Start: 0, End: len(b)}) {
		k := ExplainedKey{Explanation: x, Line: 1, Column: x.Start + 1, EndLine: 1, LiteralLine: 1, LiteralColumn: x.LiteralAt + 1, Offset: int64(x.Start), RuleID: x.RuleID, RuleFile: "builtin/x.toml"}
		k.Issuer, k.IssuerWhy = set.Attributor().Attribute(x.Shapes, x.Evidence)
		e.Keys = append(e.Keys, k)
	}
	if len(e.Keys) == 0 {
		e.NearMisses = set.NearMisses(b)
	}
	return e
}

var explanations = []struct{ name, text, verdict, listing string }{
	{"a key of high confidence", "MARTIS_KEY={{live}}{{base62:40:a}}", "This is a finding: a Martis production key, of high confidence, since its body looks random", "lists it, and counts it"},
	{"nobody's", "k={{live}}{{base62:24:a}}", "This is a finding: a production key of an unknown issuer, of high confidence", "lists it, and counts it"},
	{"typed by hand", "k=sk_live_" + "aB1cD2eF3gH4iJ5k" + "L6mN7oP8qR9sT0uV", "", ""},
	{"words", "k=sk_live_your_secret_key_goes_here", "This is not a finding, because its body reads like words", "--show-rejected"},
	{"short", "k=sk_test_123", "This is not a finding, because its body has 3 characters, and a key of this rule has at least 16.", "--show-rejected"},
	{"nothing behind", "'sk_test_'", "This is not a finding, because nothing follows the prefix.", "--show-rejected"},
	{"within a word", "ta{{live}}{{base62:24:a}}", "This is not a finding, because its prefix is not the start of a word", "--show-rejected"},
	{"masked", "sk_live_49G***********", "This is not a finding, because the rest of it is masked", "--show-rejected"},
	{"a template", "sk_live_${x}", "This is not a finding, because a template follows the prefix", "--show-rejected"},
	{"defused", "k={{test}}@{{base62:30:q}}", "This is a finding: a sandbox key of an unknown issuer, of low confidence", "only with --min-confidence low"},
	{"letters before it", `ps{{live}}{{base62:24:a}}`, "of medium confidence, since what precedes it leaves a doubt", "lists it, and counts it"},
	{"a suffix", `k={{live}}{{hex:40:a}}_old`, "extent exact: 40 characters (a documented length)", "lists it, and counts it"},
	{"nothing between", "{{live}}{{base62:24:a}}\x00\x01x{{live}}{{base62:24:b}}stripe2026-01-31\x00", "extent likely: 24 characters (a documented length) or ", "less likely by"},
	{"no candidate", "nothing", "This is not a finding, because no rule's prefix is on line 1", ""},
	{"a near miss", `"sk_" + "live_" + x`, "This is not a finding, because what is on line 1 only looks like a prefix", ""},
}

func TestExplanations(t *testing.T) {
	schema := published(t, "explain-1.schema.json")
	for _, tt := range explanations {
		t.Run(tt.name, func(t *testing.T) {
			e := explained(t, tt.text)
			var text, doc bytes.Buffer
			if err := WriteExplanation(&text, Text, e, Options{Width: 1000}); err != nil {
				t.Fatal(err)
			}
			if err := WriteExplanation(&doc, JSON, e, Options{}); err != nil {
				t.Fatal(err)
			}
			validate(t, schema, doc.Bytes())
			one := strings.Join(strings.Fields(text.String()), " ")
			for _, want := range []string{tt.verdict, tt.listing} {
				if !strings.Contains(one, want) {
					t.Errorf("not said: %q in\n%s", want, text.String())
				}
			}
			for _, k := range e.Keys {
				body := strings.TrimPrefix(k.Secret.Reveal(), k.Prefix)
				if len(body) >= 16 && (strings.Contains(text.String(), body) || strings.Contains(doc.String(), body)) {
					t.Errorf("the key is printed:\n%s%s", text.String(), doc.String())
				}
			}
		})
	}
	if err := WriteExplanation(&bytes.Buffer{}, JSONL, explained(t, "x"), Options{}); err == nil {
		t.Error("JSONL is written")
	}
}

// Each part of the score is shown beside its limit.
func TestTheScoreOfAnExplanationHasItsLimits(t *testing.T) {
	var text bytes.Buffer
	if err := WriteExplanation(&text, Text, explained(t, "api.martis.id STRIPE_KEY={{live}}{{base62:24:a}}"), Options{Width: 1000}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"literal     sk_live_, as plain text, at line 1, column 26", "text from 0.10 on, high confidence below −0.10", "at least 6", "fewer than 6", "less than 50 %",
		"typed by hand from 5.0 on", "not used: a long English identifier", "none of the samples", "does not count", "(counts)", "24 characters of base62; a key has 16 to 256",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("not said: %q in\n%s", want, text.String())
		}
	}
}

func TestHostileNamesInAnExplanation(t *testing.T) {
	key, err := rules.Expand("{{live}}{{base62:24:a}}")
	if err != nil {
		t.Fatal(err)
	}
	e := explained(t, "k="+key)
	e.Path = "a\x1b[31m\nThis is a finding.\u202e" + key + "\xff"
	e.What, e.Revision, e.Source = e.Path, "x\n::error::y", finding.SourceBlob
	e.Keys[0].RuleFile = "\n##[error]"
	e.Keys[0].Evidence = []rules.Evidence{{Issuer: "x", Kind: attribution.Host, Text: "host \x1b]0;" + key}}
	for _, f := range []Format{Text, JSON} {
		var out bytes.Buffer
		if err := WriteExplanation(&out, f, e, Options{}); err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"\x1b", "\u202e", key, "\n::error", "##[error", "\nThis is a finding.\n", "\xff"} {
			if strings.Contains(out.String(), bad) {
				t.Errorf("%v holds %q:\n%s", f, bad, out.String())
			}
		}
		if f == JSON {
			validate(t, published(t, "explain-1.schema.json"), out.Bytes())
		}
	}
}

func TestTheExplanationSchemaIsClosed(t *testing.T) {
	data, err := os.ReadFile("schema/explain-1.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	var look func(at string, v any)
	look = func(at string, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			return
		}
		if _, has := m["properties"]; has && m["type"] == "object" && m["additionalProperties"] != false {
			t.Errorf("%s is open", at)
		}
		for name, v := range m {
			look(at+"/"+name, v)
		}
	}
	look("", doc)
}

func TestRulesAreShownSafely(t *testing.T) {
	set, err := rules.Load(nil, rules.File{Name: "x\n.toml", Text: []byte("[[rule]]\nid = \"acme\"\nissuer = \"acme\"\ndescription = \"\\u001b[31m##[error]\"\nliterals = [\"ac\\u001bme_\"]\nadvice = \"a\\nb\"\nshapes = [{ regex = \"^[a-z]{20}$\", unique = true }]\nexamples = [\"x\"]\n[rule.evidence]\nhosts = [\"acme.example\"]\n")})
	if err != nil {
		t.Fatal(err)
	}
	r := set.RuleOf("acme", "acme")
	for _, f := range []Format{Text, JSON} {
		var out bytes.Buffer
		if err := WriteRules(&out, f, set.Rules(), Options{}); err != nil {
			t.Fatal(err)
		}
		if err := WriteRule(&out, f, r, Options{}); err != nil {
			t.Fatal(err)
		}
		if err := WriteProofs(&out, []*rules.Rule{r}, set.ProveRule(r), Options{}); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"acme.example", "^[a-z]{20}$", "example 1", "1 of them fails."} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%v lacks %q:\n%s", f, want, out.String())
			}
		}
		for _, bad := range []string{"\x1b", "##[error", "x\n.toml"} {
			if strings.Contains(out.String(), bad) {
				t.Errorf("%v holds %q:\n%s", f, bad, out.String())
			}
		}
	}
}
