package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keysweep/finding"
	"keysweep/rules/finder"
)

func ruleFileOf(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "rules.toml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func sha256Hex(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestLoadErrorsSayWhereAndWhy(t *testing.T) {
	const good = "[[rule]]\nid = \"acme\"\nliterals = [\"acme_\"]\n"
	for _, tt := range []struct {
		name, text string
		line, col  int
		reason     string
	}{
		{"not TOML", "[[rule]]\nid = \n", 2, 0, ""},
		{"unknown key", good + "keywords = [\"x\"]\n", 4, 1, `unknown key "rule.keywords"`},
		{"unknown key, misspelt", "[[rule]]\nid = \"acme\"\n  literal = [\"acme_\"]\n", 3, 3, `unknown key "rule.literal"`},
		{"unknown key of a table", good + "[rule.evidence]\nhosts = []\nhots = []\n", 6, 1, `unknown key "rule.evidence.hots"`},
		{"unknown key of an inline table", good + "body = { min = 20, maximum = 30 }\n", 4, 20, `unknown key "rule.body.maximum"`},
		{"unknown key at the top", "[extend]\nx = 1\n", 1, 1, "unknown key"},
		{"a key in a string is no key", good + "advice = \"\"\"\nbody = 1\nkeywords = 2\"\"\"\nkeywords = []\n", 7, 1, `unknown key`},
		{"a key in a comment is no key", good + "# keywords = [ '\n  keywords = []\n", 5, 3, `unknown key`},
		{"a comment in an array", good + "samples_sha256 = [ # ] \n]\nkeywords = []\n", 6, 1, `unknown key`},
		{"wrong type", good + "literals = 3\n", 4, 0, ""},
		{"wrong type in the second rule", good + "[[rule]]\nid = \"two\"\nliterals = \"two_\"\n", 6, 1, "rule.literals must be an array of strings"},
		{"no id", "[[rule]]\nliterals = [\"acme_\"]\n", 1, 1, "needs an id"},
		{"bad id", "[[rule]]\nid = \"A b\"\nliterals = [\"acme_\"]\n", 2, 1, "needs an id"},
		{"duplicate id", good + good, 5, 1, `"acme" is taken`},
		{"id of a built-in rule", "[[rule]]\nid = \"martis-secret-key\"\nliterals = [\"acme_\"]\n", 2, 1, "is taken"},
		{"no literal", "[[rule]]\nid = \"acme\"\n", 1, 1, "needs a literal"},
		{"short literal", "[[rule]]\nid = \"acme\"\nliterals = [\"acme_\", \"abc\"]\n", 3, 1, `"abc" is not 4 to 64`},
		{"twice the same literal", "[[rule]]\nid = \"acme\"\nliterals = [\"acme_\", \"acme_\"]\n", 3, 1, "listed twice"},
		{"unanchored regex", good + "body = { regex = \"[a-z]{20}\" }\n", 4, 10, "not anchored"},
		{"half anchored regex", good + "body = { regex = \"^[a-z]{20}|x\" }\n", 4, 10, "not anchored"},
		{"bad regex", good + "body = { regex = \"^[a-z\" }\n", 4, 10, "does not compile"},
		{"regex and alphabet", good + "body = { alphabet = \"a-z\", regex = \"^[a-z]\" }\n", 4, 28, "either a regex"},
		{"bad alphabet", good + "body = { alphabet = \"z-a\" }\n", 4, 10, "is not a set"},
		{"alphabet that closes its set", good + "body = { alphabet = \"a]|[b\" }\n", 4, 10, "is not a set"},
		{"body too short", good + "body = { min = 2 }\n", 4, 1, "min must be 8"},
		{"open shape", good + "issuer = \"acme\"\nshapes = [{ regex = \"^[a-z]{20}\" }]\n", 5, 13, "must end with $"},
		{"environment of no literal", good + "environments = { x_ = \"sandbox\" }\n", 4, 18, "not one of the literals"},
		{"bad environment", good + "environments = { acme_ = \"test\" }\n", 4, 18, "neither production"},
		{"bad score", good + "max_score = 60.0\n", 4, 1, "bits per character"},
		{"bad sample", good + "samples_sha256 = [\"00\"]\n", 4, 1, "not a SHA-256"},
		{"evidence for nobody", good + "evidence = { hosts = [\"acme.example\"] }\n", 4, 14, "needs an issuer"},
		{"plain http", good + "issuer = \"acme\"\n[rule.probe]\nauth = \"bearer\"\nproduction = \"http://x\"\n", 7, 1, "https://"},
		{"reserved issuer", good + "issuer = \"unknown\"\n", 4, 1, "neither unknown"},
		{"name of nobody", good + "name = \"Acme\"\n", 4, 1, "needs an issuer"},
		{"empty name", good + "issuer = \"acme\"\nname = \"\"\n", 5, 1, "not empty"},
		{"name with a control character", good + "issuer = \"acme\"\nname = \"Ac\\u001bme\"\n", 5, 1, "printable"},
		{"name that turns the text around", good + "issuer = \"acme\"\nname = \"Ac\\u202eme\"\n", 5, 1, "printable"},
		{"name with a space at its end", good + "issuer = \"acme\"\nname = \"Acme \"\n", 5, 1, "printable"},
		{"long name", good + "issuer = \"acme\"\nname = \"" + strings.Repeat("x", 65) + "\"\n", 5, 1, "at most 64"},
		{"two names of one issuer", good + "issuer = \"acme\"\nname = \"Acme\"\n[[rule]]\nid = \"two\"\nliterals = [\"two_\"]\nissuer = \"acme\"\n name = \"ACME\"\n", 10, 2, `the issuer acme is called "Acme"`},
		{"another name of a built-in issuer", good + "issuer = \"payjp\"\nname = \"Payjp\"\n", 5, 1, `is called "PAY.JP"`},
		{"docs in plain http", good + "docs = \"http://acme.example/keys\"\n", 4, 1, "https://"},
		{"empty docs", good + "docs = \"\"\n", 4, 1, "https://"},
		{"docs with a space", good + "docs = \"https://acme.example/a b\"\n", 4, 1, "https://"},
		{"docs with a user", good + "docs = \"https://a@acme.example/\"\n", 4, 1, "https://"},
		{"long docs", good + "docs = \"https://acme.example/" + strings.Repeat("x", 256) + "\"\n", 4, 1, "https://"},
		{"header of nobody", good + "evidence = { headers = [\"acme-auth\"] }\n", 4, 14, "needs an issuer"},
		{"short header", good + "issuer = \"acme\"\nevidence = { headers = [\"abc\"] }\n", 5, 14, "4 to 64"},
		{"header in capitals", good + "issuer = \"acme\"\nevidence = { headers = [\"X-Acme\"] }\n", 5, 14, "lower case"},
		{"public key of nobody", good + "evidence = { twin_shapes = [{ literals = [\"pk_a_\"], regex = \"^a$\" }] }\n", 4, 14, "needs an issuer"},
		{"public key without a literal", good + "issuer = \"acme\"\nevidence = { twin_shapes = [{ regex = \"^a$\" }] }\n", 5, 29, "needs a literal"},
		{"public key with a short literal", good + "issuer = \"acme\"\nevidence = { twin_shapes = [{ regex = \"^a$\", literals = [\"pk_\"] }] }\n", 5, 46, `"pk_" is not 4 to 64`},
		{"public key of any length", good + "issuer = \"acme\"\nevidence = { twin_shapes = [{ literals = [\"pk_a_\"], regex = \"^a\" }] }\n", 5, 53, "must end with $"},
		{"unknown key of a public key", good + "issuer = \"acme\"\nevidence = { twin_shapes = [{ literals = [\"pk_a_\"], regex = \"^a$\", unique = true }] }\n", 5, 68, "unknown key"},
		{"echo of nobody", good + "evidence = { echoes = [{ literal = \"acct_\", from = 1, to = 17 }] }\n", 4, 14, "needs an issuer"},
		{"echo with a short literal", good + "issuer = \"acme\"\nevidence = { echoes = [{ literal = \"a_\", from = 1, to = 17 }] }\n", 5, 26, "4 to 64"},
		{"short echo", good + "issuer = \"acme\"\nevidence = { echoes = [{ literal = \"acct_\", from = 1, to = 5 }] }\n", 5, 24, "12 characters"},
		{"echo behind the body", good + "issuer = \"acme\"\nevidence = { echoes = [{ literal = \"acct_\", from = 250, to = 270 }] }\n", 5, 24, "12 characters"},
		{"a key twice", good + "literals = [\"acme2_\", 3]\n", 4, 1, "rule.literals is defined twice"},
		{"second of two shapes", good + "issuer = \"acme\"\nshapes = [\n  { regex = \"^[a-z]{20}$\" },\n  { regex = \"^[a-z]{20}\" },\n]\n", 7, 5, "must end with $"},
		{"behind a mark of byte order", "\ufeff[[rule]]\nname = \"x\"\nid = \"ö\"\n", 3, 1, "needs an id"},
		{"column in bytes", good + "body = { alphabet = \"äö\", min = true }\n", 4, 29, "rule.body.min must be a whole number"},
		{"not UTF-8", "\xff", 1, 1, "UTF-8"},
		{"rule is no array", "rule = 1\n", 1, 1, "array of tables"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load([]string{ruleFileOf(t, tt.text)})
			var e *LoadError
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			if e.Line != tt.line || tt.col != 0 && e.Col != tt.col || !strings.Contains(e.Reason, tt.reason) || e.Reason == "" {
				t.Errorf("got %v, want line %d, column %d: %s", err, tt.line, tt.col, tt.reason)
			}
		})
	}
	if _, err := Load([]string{filepath.Join(t.TempDir(), "absent.toml")}); err == nil {
		t.Error("a file that is not there was loaded")
	}
}

func TestUserRules(t *testing.T) {
	s := loaded(t, ruleFileOf(t, `
[[rule]]
id = "acme"
issuer = "acme"
literals = ["acme"]
body = { alphabet = "a-z0-9", min = 20, max = 20 }
environments = { acme = "production" }
examples = ["x «acme{{base36:20:a}}» y", "x acme`+fill(placeholderAlphabet("base36"), 20, "b")+` y"]
counter_examples = ["acme_corporation"]

[[rule]]
id = "hook"
literals = ["hooks.example/T/"]
body = { regex = "^[0-9]{4}/[A-Za-z0-9]{24}" }
examples = ["https://«hooks.example/T/1234/{{base62:24:a}}»/x"]

[[rule]]
id = "own-stripe"
literals = ["sk_live_own_"]
examples = ["«sk_live_own_{{base62:24:a}}»"]
`))
	if err := prove(s); err != nil {
		t.Fatal(err)
	}
	text := expand(t, "acme{{base36:20:a}}")
	got := s.NewMatcher().Matches([]byte(text), Span{0, len(text)})
	if len(got) != 1 || got[0].RuleID != "acme" || got[0].Environment != finding.Production || got[0].Secret.Prefix() != "acme" {
		t.Errorf("got %+v", got)
	}
	if s.Finder().Contains([]byte("there is nothing here")) || !s.Finder().Contains([]byte(text)) {
		t.Error("a literal of four bytes is not searched for")
	}
	if s.SHA256() == loaded(t).SHA256() {
		t.Error("the hash of the rules does not depend on the user's")
	}
}

func TestAKeyWithinARejectedCandidateOfAnotherRule(t *testing.T) {
	s := loaded(t, ruleFileOf(t, "[[rule]]\nid = \"line\"\nliterals = [\"conf:\"]\nbody = { regex = \"^[^\\\\n]*\" }\n"))
	text := expand(t, "conf: some_words_here {{live}}{{base62:24:a}} and_the_rest_of_the_line_is_words_as_well\n")
	got := s.NewMatcher().Matches([]byte(text), Span{0, len(text)})
	if len(got) != 1 || got[0].RuleID != "payment-secret-key" || got[0].Confidence != finding.High {
		t.Errorf("got\n%s", revealed(got))
	}
}

func TestProveFailsForARuleThatDoesNotHold(t *testing.T) {
	for _, example := range []string{
		`examples = ["acme_short"]`, `examples = ["«xacme_{{base62:24:a}}»"]`, `examples = ["« acme_{{base62:24:a}}»"]`,
		`counter_examples = ["acme_{{base62:24:a}}"]`, `examples = ["acme_{{base63:24:a}}"]`,
	} {
		s := loaded(t, ruleFileOf(t, "[[rule]]\nid = \"acme\"\nliterals = [\"acme_\"]\n"+example+"\n"))
		if err := prove(s); err == nil {
			t.Errorf("%s holds", example)
		} else if strings.Contains(err.Error(), fill(placeholderAlphabet("base62"), 24, "a")) {
			t.Errorf("%v shows the key", err)
		}
	}
}

func FuzzLoad(f *testing.F) {
	names, err := filepath.Glob("builtin/*.toml")
	if err != nil || len(names) == 0 {
		f.Fatal("no built-in rules", err)
	}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("[[rule]]\nid='a'\nliterals=['''abcd''']\nbody={regex='^a'}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<16 {
			return
		}
		s := &compiled{}
		file, err := parse(File{Name: "fuzz", Text: text})
		if err == nil {
			err = s.join(file)
		}
		if err != nil {
			var e *LoadError
			if !errors.As(err, &e) || e.Line < 1 || e.Col < 1 || e.Reason == "" {
				t.Fatalf("an error without a place: %v", err)
			}
			return
		}
		s.compile()
		probe := []byte("abcd sk_live_ 1234567890 aaaaaaaaaaaaaaaaaaaaaaa")
		(&Set{compiled: func() *compiled { return s }}).NewMatcher().Matches(probe, Span{0, len(probe)})
	})
}

func TestIssuersHaveOneNameEach(t *testing.T) {
	s := loaded(t, ruleFileOf(t, `
[[rule]]
id = "acme-old"
issuer = "acme"
literals = ["acme_"]

[[rule]]
id = "acme-new"
issuer = "acme"
name = "Acme & Söhne"
docs = "https://acme.example/keys"
literals = ["acme2_"]

[[rule]]
id = "plain"
issuer = "plain"
literals = ["plain_"]

[[rule]]
id = "nobody"
literals = ["nobody_"]

[[rule]]
id = "own-stripe"
issuer = "stripe"
literals = ["sk_own_"]
`))
	want := map[string]string{"acme-old": "Acme & Söhne", "acme-new": "Acme & Söhne", "plain": "plain", "nobody": "", "own-stripe": "Stripe", "payjp-secret-key": "PAY.JP"}
	for _, r := range s.Rules() {
		if name, ok := want[r.ID]; ok && r.Name != name {
			t.Errorf("%s: got %q, want %q", r.ID, r.Name, name)
		}
		if docs := map[string]string{"acme-new": "https://acme.example/keys", "acme-old": ""}; r.Issuer == "acme" && r.Docs != docs[r.ID] {
			t.Errorf("%s: docs %q", r.ID, r.Docs)
		}
	}
}

// TestBuiltInRulesAreComplete holds what docs/rules.md says of them.
func TestBuiltInRulesAreComplete(t *testing.T) {
	for _, r := range loaded(t).Rules() {
		for _, l := range r.Literals {
			if len(l) < finder.HeadLen {
				t.Errorf("%s: the literal %q slows every scan", r.ID, l)
			}
		}
		for _, l := range r.Literals {
			if r.Environments[l] == finding.EnvironmentUnknown {
				t.Errorf("%s: no environment for %s", r.ID, l)
			}
		}
		if len(r.CounterExamples) == 0 || len(r.Examples) < 2 {
			t.Errorf("%s: %d examples and %d counter-examples", r.ID, len(r.Examples), len(r.CounterExamples))
		}
		for _, e := range r.Examples {
			if !strings.Contains(e, keyOpen) {
				t.Errorf("%s: an example without marks", r.ID)
			}
		}
		if r.Issuer == "" {
			continue
		}
		if r.File != "builtin/"+r.Issuer+".toml" || r.ID != r.Issuer+"-secret-key" || !r.named {
			t.Errorf("%s of %q, called %q, stands in %s", r.ID, r.Issuer, r.Name, r.File)
		}
		if len(r.Naming.Hosts) == 0 {
			t.Errorf("%s: no host", r.ID)
		}
	}
}

// TestNoPrefixNamesAnIssuerThatSharesIt lists the prefixes that are one
// issuer's alone.
func TestNoPrefixNamesAnIssuerThatSharesIt(t *testing.T) {
	var got []string
	for _, p := range loaded(t).compiled().prefixes {
		for _, g := range p.groups {
			if g.owner != "" {
				got = append(got, g.owner+" "+p.text)
			}
		}
	}
	slices.Sort(got)
	want := []string{
		"paymob are_sk_live_", "paymob are_sk_test_", "paymob egy_sk_live_", "paymob egy_sk_test_",
		"paymob sau_sk_live_", "paymob sau_sk_test_",
		"stripe rk_live_", "stripe rk_test_", "stripe sk_org_live_", "stripe sk_org_test_",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
