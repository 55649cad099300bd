package rules

import (
	"slices"
	"testing"

	"keysweep/finding"
	"keysweep/rules/attribution"
)

func TestStrengthOfAnIssuer(t *testing.T) {
	s := loaded(t)
	far := "\n" + expand(t, "{{repeat:500:-}}") + "\n"
	for _, tt := range []struct {
		name, text, path, issuer string
		want                     finding.Strength
	}{
		{"a host near", "curl https://api.martis.id -H 'Authorization: Bearer {{live}}{{base62:40:a}}'", "", "martis", finding.StrengthHost},
		{"a host in the file", "base = https://api.martis.id" + far + "key = {{live}}{{base62:40:a}}", "", "martis", finding.StrengthStrong},
		{"a name of a variable", "MARTIS_API_KEY={{live}}{{base62:40:a}}", "", "martis", finding.StrengthStrong},
		{"a section", "martis:\n  sandbox: true\n  secret: {{live}}{{base62:40:a}}", "", "martis", finding.StrengthStrong},
		{"a section far away", "martis:\n  sandbox: true" + far + "  secret: {{live}}{{base62:40:a}}", "", "martis", finding.StrengthStrong},
		{"a part of a name nearby", "use lib_martis_client;\nkey = {{live}}{{base62:40:a}}", "", "martis", finding.StrengthWeak},
		{"a path", "key = {{live}}{{base62:40:a}}", "services/martis/config.yml", "martis", finding.StrengthWeak},
		{"a word on the line", "# stripe: {{live}}{{base62:24:a}}", "", "stripe", finding.StrengthStrong},
		{"a word in the file", "we use stripe" + far + "key = {{live}}{{base62:24:a}}", "", "stripe", finding.StrengthWeak},
		{"an import nearby", "import x from '@stripe/x'\nkey = {{live}}{{base62:24:a}}", "", "stripe", finding.StrengthStrong},
		{"a shape", "key = {{live}}{{base62:24:a}}00{{base62:8:a}}", "", "stripe", finding.StrengthShape},
		{"a prefix", "key = rk_test_{{base62:24:a}}", "", "stripe", finding.StrengthShape},
		{"nothing", "key = {{live}}{{base62:40:a}}", "", finding.IssuerUnknown, finding.StrengthNone},
		{"two issuers", "https://api.martis.id {{live}}{{base62:40:a}} https://api.korapay.com", "", finding.IssuerAmbiguous, finding.StrengthNone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := []byte(expand(t, tt.text))
			found := accepted(s.NewMatcher().Matches(text, Span{0, len(text)}))
			if len(found) != 1 {
				t.Fatalf("%d keys", len(found))
			}
			ev := slices.Concat(found[0].Evidence, s.Attributor().Path(tt.path))
			issuer, why := s.Attributor().Attribute(found[0].Shapes, ev)
			if got := s.Attributor().Strength(issuer, found[0].Shapes, ev); issuer != tt.issuer || got != tt.want {
				t.Errorf("got %s, %v (%q), want %s, %v", issuer, got, why, tt.issuer, tt.want)
			}
		})
	}
	beaten := []Evidence{{Issuer: "martis", Kind: attribution.Host, Strong: true, Weaker: true}, {Issuer: "martis", Kind: attribution.Path}}
	if got := s.Attributor().Strength("martis", nil, beaten); got != finding.StrengthWeak {
		t.Errorf("beaten evidence counts: %v", got)
	}
	if got := s.Attributor().Strength("paystack", nil, []Evidence{{Issuer: "paystack", Kind: attribution.Host}}); got != finding.StrengthNone {
		t.Errorf("a body that is none of the issuer's: %v", got)
	}
}
