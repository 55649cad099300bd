package rules

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"keysweep/finding"
	"keysweep/rules/attribution"
)

func TestIssuerOfOnePlace(t *testing.T) {
	s := loaded(t)
	m := s.NewMatcher()
	far := strings.Repeat("# some line of text\n", 60)
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "KEY={{live}}{{base62:24:a}}", finding.IssuerUnknown},
		{"martis host", "KEY={{live}}{{base62:24:a}}\nURL=https://api.martis.id/api/v1/", "martis"},
		{"martis staging host", "KEY={{test}}{{base62:24:a}}\nURL=https://api-staging.martis.id/api/v1/", "martis"},
		{"martis host far away", "https://api.martis.id\n" + far + "KEY={{live}}{{base62:24:a}}", "martis"},
		{"martis host beyond the context", "https://api.martis.id\n" + strings.Repeat(far, 15) + "KEY={{live}}{{base62:24:a}}", finding.IssuerUnknown},
		{"martis environment name", "MARTIS_SECRET_KEY={{live}}{{base62:24:a}}", "martis"},
		{"martis environment name elsewhere", "MARTIS_URL=x\n" + far + "KEY={{live}}{{base62:24:a}}", "martis"},
		{"martispay", "MARTISPAY_KEY={{live}}{{base62:24:a}}", "martis"},
		{"martis camel case", `const martisApiKey = "{{live}}{{base62:24:a}}"`, "martis"},
		{"martis section", "[martis]\nurl = 1\nkey = {{live}}{{base62:24:a}}", "martis"},
		{"martis in YAML", "martis:\n  key: {{live}}{{base62:24:a}}", "martis"},
		{"martis in JSON", "{\"martis\": {\"key\": \"{{live}}{{base62:24:a}}\"}}", "martis"},
		{"martis dotted", "martis.api.key={{live}}{{base62:24:a}}", "martis"},
		{"martis client", "new MartisClient({\n key: \"{{live}}{{base62:24:a}}\"})", "martis"},
		{"smartisan", "smartisan_key={{live}}{{base62:24:a}}", finding.IssuerUnknown},
		{"smartish", "smartish: {{live}}{{base62:24:a}}", finding.IssuerUnknown},
		{"SMARTISAN", "SMARTISAN_KEY={{live}}{{base62:24:a}}", finding.IssuerUnknown},
		{"cosmartis", "cosmartis.key={{live}}{{base62:24:a}}", finding.IssuerUnknown},
		{"martisan", "MARTISAN_KEY={{live}}{{base62:24:a}}", finding.IssuerUnknown},
		{"surname", "# Author: John Martis <j.martis@example.com>\nKEY={{live}}{{base62:24:a}}", finding.IssuerUnknown},
		{"surname on the line", "KEY={{live}}{{base62:24:a}} # ask Martis", finding.IssuerUnknown},
		{"surname with a colon", "# Maria Martis: rotate\nKEY={{live}}{{base62:24:a}}", finding.IssuerUnknown},
		{"e-mail at martis.id", "# dev@martis.id\nKEY={{live}}{{base62:24:a}}", finding.IssuerUnknown},
		{"the admin package", "\"real-edge-fx/martis-package\": \"^1\",\nKEY={{live}}{{base62:24:a}}", finding.IssuerUnknown},
		{"martianpay", "MARTIANPAY_KEY={{live}}{{base62:24:a}}", "martianpay"},
		{"a host that ends like it", "https://api.notmartis.id/\nKEY={{live}}{{base62:24:a}}", finding.IssuerUnknown},
		{"a host that starts like it", "https://api.martis.id.example.com/\nKEY={{live}}{{base62:24:a}}", finding.IssuerUnknown},
		{"a host as the user of another", "https://api.martis.id@example.com/\nKEY={{live}}{{base62:24:a}}", finding.IssuerUnknown},
		{"part of a name, near", "call martis_client here\nKEY={{live}}{{base62:24:a}}", "martis"},
		{"part of a name, far away", "call martis_client here\n" + far + "KEY={{live}}{{base62:24:a}}", finding.IssuerUnknown},
		{"host beats name", "STRIPE_KEY={{live}}{{base62:24:a}} https://api.martis.id", "martis"},
		{"name on the line beats another line's", "MARTIS_KEY=x\nSTRIPE_KEY={{live}}{{base62:24:a}}", "stripe"},
		{"nearest host", "https://api.martis.id {{live}}{{base62:24:a}}" + strings.Repeat(" ", 200) + "https://api.stripe.com", "martis"},
		{"two hosts alike", "https://api.martis.id {{live}}{{base62:24:a}} https://api.stripe.com", finding.IssuerAmbiguous},
		{"URL user", "https://{{test}}{{base62:22:a}}:@api.pandapay.io/", "pandapay"},
		{"paystack's shape", "MARTIS_KEY={{live}}{{hex:40:a}}", "paystack"},
		{"stripe's long shape", "MARTIS_KEY={{live}}51{{base62:87:a}}00{{base62:8:b}}", "stripe"},
		{"workos's head", "{{live}}a2V5Xz{{base62:69:a}}", "workos"},
		{"restricted key", "rk_live_{{base62:40:a}}", "stripe"},
		{"a body that stripe cannot have", "STRIPE_KEY={{live}}{{base62:30:a}}", finding.IssuerUnknown},
		{"a body that stripe cannot have, and martis", "STRIPE_KEY={{live}}{{base62:30:a}}\nMARTIS_URL=1", "martis"},
		{"24 characters need a name", "Tap: https://api.tap.company/v2 {{test}}{{base62:24:a}}", "tap"},
		{"prose names stripe", "Our Stripe key is {{live}}{{base62:24:a}}", "stripe"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := expand(t, tt.text)
			found := accepted(m.Matches([]byte(text), Span{0, len(text)}))
			if len(found) != 1 {
				t.Fatalf("%d keys", len(found))
			}
			if got, why := s.Attributor().Attribute(found[0].Shapes, found[0].Evidence); got != tt.want {
				t.Errorf("got %s %q, want %s; evidence %+v", got, why, tt.want, found[0].Evidence)
			}
		})
	}
}

func TestALineEndsSomewhereForEvidence(t *testing.T) {
	s := loaded(t)
	m := s.NewMatcher()
	const reach = 400 // of a line
	for gap, want := range map[int]attribution.Kind{10: attribution.Name, reach - 20: attribution.Name, reach + 20: attribution.File, 4 * reach: attribution.File} {
		text := expand(t, "STRIPE"+strings.Repeat(" ", gap)+"{{live}}{{base62:24:a}}"+strings.Repeat(" ", 4*reach))
		found := accepted(m.Matches([]byte(text), Span{0, len(text)}))
		if len(found) != 1 || len(found[0].Evidence) != 1 || found[0].Evidence[0].Kind != want || found[0].Evidence[0].Distance != gap {
			t.Errorf("gap %d: got %+v", gap, found)
		}
	}
}

func TestEvidenceAtTheEdgeOfTheContext(t *testing.T) {
	s := loaded(t)
	m := s.NewMatcher()
	key := expand(t, "{{live}}{{base62:24:a}}")
	const evidence = "https://api.martis.id/ MARTIS_KEY= [martis]"
	for _, enc := range []func(string) string{func(s string) string { return s }, utf16le} {
		reached := 0
		for distance := Context - 1500; distance < Context+50; distance += 7 {
			for _, text := range []string{
				enc(evidence) + strings.Repeat(enc(" "), distance/len(enc(" "))) + enc(key+strings.Repeat("\n", Context)),
				enc(strings.Repeat("\n", Context)+key) + strings.Repeat(enc(" "), distance/len(enc(" "))) + enc(evidence),
			} {
				want := cloneMatches(m.Matches([]byte(text), Span{0, len(text)}))
				if len(want) != 1 {
					t.Fatal(revealed(want))
				}
				low, high := max(0, want[0].Start-Context), min(len(text), want[0].Start+1+Context)
				got := cloneMatches(m.Matches([]byte(text[low:high]), Span{want[0].Start - low, want[0].Start - low + 1}))
				for i := range got {
					got[i].Start, got[i].End = got[i].Start+low, got[i].End+low
				}
				if d := diffMatches(want, got); d != "" {
					t.Fatalf("evidence %d bytes away: %s", distance, d)
				}
				reached += len(want[0].Evidence)
			}
		}
		if reached == 0 {
			t.Error("no evidence was near enough")
		}
	}
}

func TestIssuerOfEncodedKeys(t *testing.T) {
	s := loaded(t)
	m := s.NewMatcher()
	text := expand(t, "URL=https://api.martis.id/\r\n"+strings.Repeat("some line\r\n", 100)+"KEY={{live}}{{base62:24:a}}\r\nOTHER={{live}}{{base62:24:b}}\r\n")
	for _, enc := range []string{utf16le(text), utf16be(text), "x" + utf16le(text)} {
		found := accepted(m.Matches([]byte(enc), Span{0, len(enc)}))
		if len(found) != 2 {
			t.Fatalf("%d keys", len(found))
		}
		for _, f := range found {
			if got, why := s.Attributor().Attribute(f.Shapes, f.Evidence); got != "martis" {
				t.Errorf("got %s %q", got, why)
			}
		}
	}
}

func TestIssuerOfSeveralPlacesDoesNotDependOnTheirOrder(t *testing.T) {
	s := loaded(t)
	host := Evidence{Issuer: "martis", Kind: attribution.Host, Distance: 30, Text: "host"}
	name := Evidence{Issuer: "stripe", Kind: attribution.Name, Distance: 3, Text: "name"}
	weak := name
	weak.Weaker = true
	file := Evidence{Issuer: "kora", Kind: attribution.File, Distance: 3000, Text: "name"}
	path := Evidence{Issuer: "shift4", Kind: attribution.Path, Text: "path"}
	shape := Evidence{Issuer: "paystack", Kind: attribution.Shape, Text: "shape"}
	carrier := Evidence{Issuer: "shift4", Kind: attribution.Carrier, Text: "host"}
	beside := Evidence{Issuer: "kora", Kind: attribution.Beside, Distance: 9, Text: "name"}
	all := []string{"martis", "stripe", "kora", "shift4", "paystack"}
	for _, tt := range []struct {
		name   string
		ev     []Evidence
		shapes []string
		want   string
		why    int
	}{
		{"none", nil, all, finding.IssuerUnknown, 0},
		{"one", []Evidence{host}, all, "martis", 1},
		{"different ones at different places", []Evidence{host, name}, all, finding.IssuerAmbiguous, 2},
		{"a beaten one at the same place", []Evidence{host, weak}, all, "martis", 1},
		{"a mere mention elsewhere", []Evidence{host, file}, all, "martis", 1},
		{"a shape against everything", []Evidence{host, name, file, path, shape}, all, "paystack", 1},
		{"what carries it at one place against a host at another", []Evidence{carrier, host, name}, all, "shift4", 1},
		{"a neighbour's name against a name", []Evidence{beside, name}, all, "stripe", 1},
		{"a neighbour's name against a path", []Evidence{beside, path}, all, finding.IssuerAmbiguous, 2},
		{"a neighbour's name against nothing", []Evidence{beside}, all, finding.IssuerUnknown, 0},
		{"a path against nothing", []Evidence{path}, all, "shift4", 1},
		{"a path against a mention", []Evidence{path, file}, all, "kora", 1},
		{"a body that stripe cannot have", []Evidence{name, path}, []string{"kora"}, "shift4", 1},
	} {
		r := rand.New(rand.NewPCG(1, 1))
		_, words := s.Attributor().Attribute(tt.shapes, tt.ev)
		for range 10 {
			ev := slices.Clone(tt.ev)
			r.Shuffle(len(ev), func(i, j int) { ev[i], ev[j] = ev[j], ev[i] })
			if got, why := s.Attributor().Attribute(tt.shapes, ev); got != tt.want || len(why) != tt.why || !slices.Equal(why, words) {
				t.Errorf("%s: got %s %q, want %s", tt.name, got, why, tt.want)
			}
		}
	}
}

func TestPathEvidence(t *testing.T) {
	s := loaded(t)
	for path, want := range map[string]string{
		"config/martis.yml": "martis", "src/martis/client.go": "martis", "vendor/real-edge-fx/martis-package/src/a.php": "",
		"home/j.martis/.env": "", "smartisan/device.mk": "", "lib/stripe/keys.rb": "stripe", "app/my_paystack.js": "paystack", "": "",
	} {
		var got []string
		for _, e := range s.Attributor().Path(path) {
			got = append(got, e.Issuer)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
	}
}

// TestDocumentedRule loads the rule of docs/rules.md and runs its examples.
func TestDocumentedRule(t *testing.T) {
	doc, err := os.ReadFile("../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(doc), "```toml\n")
	rule, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatal("no rule in docs/rules.md")
	}
	s := loaded(t, ruleFileOf(t, rule))
	if len(s.Rules()) == len(loaded(t).Rules()) || len(s.Rules()[len(s.Rules())-1].Examples) == 0 {
		t.Fatal("the rule has no example")
	}
	if err := prove(s); err != nil {
		t.Fatal(err)
	}
}
