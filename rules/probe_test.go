package rules

import (
	"errors"
	"strings"
	"testing"

	"keysweep/finding"
)

// probeText is a rule with a probe, whose lines the tests replace.
const probeText = `[[rule]]
id = "acme"
issuer = "acme"
literals = ["acme_pat_"]
[rule.probe]
production = "https://api.acme.example/v1/me?limit=1"
auth = "Token"
sources = ["https://acme.example/docs"]
message = ["error.message"]
unsupported = { acme_pat_ = "needs a seal" }
[[rule.probe.answers]]
status = "2xx"
verdict = "active"
code = "accepted"
[[rule.probe.answers]]
status = "401"
headers = ["X-Request-Id"]
fields = ["error.code|errors.0.code"]
values = { "error.type" = ["auth", "key"] }
says = ["No such  key."]
source = "https://acme.example/docs/errors"
verdict = "inactive"
code = "not_recognised"
`

func TestAProbe(t *testing.T) {
	s := loaded(t, ruleFileOf(t, probeText))
	rule := s.RuleOf("acme", "acme")
	p := rule.Probe
	if p == nil || p.Scheme != "Token" || p.Header != "Authorization" || p.Endpoints[finding.Production].String() != "https://api.acme.example/v1/me?limit=1" || len(p.Endpoints) != 1 {
		t.Fatalf("got %+v", p)
	}
	a, b := p.Answers[0], p.Answers[1]
	if a.Status != "2xx" || a.Verdict != finding.Active || a.Code != finding.CodeAccepted {
		t.Errorf("got %+v", a)
	}
	if b.Status != "401" || len(b.Fields) != 1 || strings.Join(b.Fields[0], " ") != "error.code errors.0.code" ||
		len(b.Values["error.type"]) != 2 || p.Message[0] != "error.message" || p.Unsupported["acme_pat_"] == "" || b.Messages[0] == "" || b.Headers[0] != "X-Request-Id" || b.Verdict != finding.Inactive {
		t.Errorf("got %+v", b)
	}
	for auth, want := range map[string]string{`auth = "bearer"`: "Bearer", `auth = "BASIC"`: "Basic", `auth = "Alma-Auth"`: "Alma-Auth", `header = "X-Api-Key"`: ""} {
		s := loaded(t, ruleFileOf(t, strings.Replace(probeText, `auth = "Token"`, auth, 1)))
		if p := s.RuleOf("acme", "acme").Probe; p.Scheme != want || (p.Header == "X-Api-Key") != (want == "") {
			t.Errorf("%s: got %q, %q", auth, p.Scheme, p.Header)
		}
	}
}

func TestAProbeThatIsNotSafeIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name, old, new string
		line           int
		reason         string
	}{
		{"POST", "auth =", "method = \"POST\"\nauth =", 7, "only reads"},
		{"plain http", "https://api", "http://api", 6, "not an https:// address"},
		{"another scheme", "https://api", "ftp://api", 6, "not an https:// address"},
		{"a user name", "https://api", "https://user:pass@api", 6, "user name"},
		{"a template in the host", "api.acme.example", "{{region}}.acme.example", 6, "not"},
		{"a template in the path", "/v1/me", "/v1/{key}", 6, "nothing is filled in"},
		{"a percent sign in the path", "/v1/me", "/v1/%73k", 6, "nothing is filled in"},
		{"no path", "/v1/me?limit=1", "", 6, "nothing is filled in"},
		{"an address for a host", "api.acme.example", "10.0.0.1", 6, "not the name of a host"},
		{"a name without a dot", "api.acme.example", "localhost", 6, "not the name of a host"},
		{"capitals in the host", "api.acme", "API.acme", 6, "not the name of a host"},
		{"a fragment", "?limit=1", "#x", 6, "fragment"},
		{"a key in the query", "?limit=1", "?api_key=x", 6, "in a header"},
		{"a token in the query", "?limit=1", "?limit=1&accessToken=x", 6, "in a header"},
		{"a template in the query", "?limit=1", "?x={secret}", 6, "short constant"},
		{"the prefix in the path", "/v1/me", "/v1/acme_pat_/me", 6, "query|nothing|holds the literal"},
		{"a long value in the query", "?limit=1", "?x=abcdefghijklmnopqrstuvwxyz", 6, "short constant"},
		{"no endpoint", "production =", "# ", 5, "needs an endpoint"},
		{"no sources", "sources = [\"https://acme.example/docs\"]", "", 5, "needs sources"},
		{"a source that is no link", "https://acme.example/docs", "the docs", 8, "not an https:// address"},
		{"no auth", "auth = \"Token\"", "", 5, "either auth"},
		{"auth and header", "auth =", "header = \"X-Key\"\nauth =", 5, "either auth"},
		{"auth of two words", "\"Token\"", "\"To ken\"", 7, "word of an authorization scheme"},
		{"auth that ends the line", "\"Token\"", `"To\r\nken"`, 7, "word of an authorization scheme"},
		{"a header of the client's", "auth = \"Token\"", "header = \"Host\"", 7, "can carry a key"},
		{"a cookie", "auth = \"Token\"", "header = \"Cookie\"", 7, "can carry a key"},
		{"no issuer", "issuer = \"acme\"\n", "", 4, "needs an issuer"},
		{"unknown verdict", `verdict = "inactive"`, `verdict = "revoked"`, 22, "neither active"},
		{"unknown code", `code = "not_recognised"`, `code = "gone"`, 23, "no code for inactive"},
		{"a code of another verdict", `code = "not_recognised"`, `code = "accepted"`, 23, "no code for inactive: there is expired not_recognised"},
		{"a refusal that is no 4xx", `status = "401"`, `status = "200"`, 16, "only a 4xx"},
		{"an acceptance that is no 2xx", `status = "2xx"`, `status = "404"`, 12, "only a 2xx"},
		{"a verdict on a redirect", `status = "401"`, `status = "302"`, 16, "neither a status"},
		{"a verdict on a server error", `status = "401"`, `status = "5xx"`, 16, "neither a status"},
		{"a verdict on any status", `status = "401"`, `status = "*"`, 16, "neither a status"},
		{"a verdict on a status alone", "fields = [\"error.code|errors.0.code\"]\nvalues = { \"error.type\" = [\"auth\", \"key\"] }\n", "", 15, "status alone"},
		{"says without a message", "message = [\"error.message\"]\n", "", 5, "needs message"},
		{"a message that is no path", `["error.message"]`, `["error..message"]`, 9, "not a path"},
		{"a refusal that says nothing", "says = [\"No such  key.\"]\n", "", 15, "inactive needs says"},
		{"a refusal of an empty list", `["No such  key."]`, `[]`, 15, "inactive needs says"},
		{"a refusal that no page shows", "source = \"https://acme.example/docs/errors\"\n", "", 15, "inactive needs source"},
		{"a refusal from hearsay", "https://acme.example/docs/errors", "a friend", 15, "inactive needs source"},
		{"a refusal that may go on", `"No such  key."`, `"No such key: *"`, 20, "only {key} may vary"},
		{"words that excuse", "says =", "words =", 20, "unknown key"},
		{"an answer that is unknown", "verdict = \"inactive\"", "verdict = \"unknown\"", 22, "what no answer fits is unknown"},
		{"a prefix that no key has", "unsupported = { acme_pat_", "unsupported = { acme_", 10, "none of the literals"},
		{"an empty message", `"No such  key."`, `" . "`, 20, "says nothing"},
		{"a path with a hole", "error.code|", "error..code|", 18, "not a path"},
		{"values without values", `["auth", "key"]`, `[]`, 19, "list of values"},
		{"a header that is none", "X-Request-Id", "X: Y", 17, "name of a header"},
		{"a misspelt key", "headers =", "heards =", 17, "unknown key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(probeText, tt.old, tt.new, 1)
			if text == probeText {
				t.Fatal("nothing was replaced")
			}
			_, err := Load([]string{ruleFileOf(t, text)})
			var e *LoadError
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			found := false
			for _, reason := range strings.Split(tt.reason, "|") {
				found = found || strings.Contains(e.Reason, reason)
			}
			if e.Line != tt.line || !found {
				t.Errorf("got %v, want line %d: %s", err, tt.line, tt.reason)
			}
		})
	}
}

// TestEveryBuiltInProbeNamesItsSources: who adds an issuer shows where its
// answers are documented.
func TestEveryBuiltInProbeNamesItsSources(t *testing.T) {
	probes := 0
	for _, r := range loaded(t).Rules() {
		if r.Probe == nil {
			continue
		}
		probes++
		verdicts := map[finding.Status]bool{}
		for _, a := range r.Probe.Answers {
			verdicts[a.Verdict] = true
		}
		if !verdicts[finding.Active] || !verdicts[finding.Inactive] {
			t.Errorf("%s: a probe that cannot tell both that a key works and that it does not", r.ID)
		}
		for env, u := range r.Probe.Endpoints {
			if u.Scheme != "https" {
				t.Errorf("%s: %v goes to %s", r.ID, env, u)
			}
		}
	}
	if probes < 2 {
		t.Errorf("%d probes", probes)
	}
}
