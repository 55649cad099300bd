package rules

import (
	"fmt"
	"strings"
	"testing"
)

func TestALiteralMayNotHoldAKey(t *testing.T) {
	key := "sk_live_" + fill(placeholderAlphabet("base62"), 40, "literal")
	for literal, refused := range map[string]bool{key: true, "x-" + key: true, "sk_live_acme_": false, "acme_sk_test_of_the_shop_": false} {
		text := fmt.Sprintf("[[rule]]\nid = \"a-b\"\nliterals = [%q]\ndescription = \"d\"\nenvironments = { %q = \"production\" }\nadvice = \"a\"\n", literal, literal)
		_, err := Load(nil, File{Name: "f.toml", Text: []byte(text)})
		if got := err != nil && strings.Contains(err.Error(), "holds a key"); got != refused || err != nil && strings.Contains(err.Error(), key) {
			t.Errorf("%d bytes: %v", len(literal), err)
		}
	}
}

// A host cannot have an underscore: of a key in front of one, the prefix is cut off.
func TestAHostOfEvidenceShowsNoKey(t *testing.T) {
	body := fill(placeholderAlphabet("base62"), 40, "host")
	for host, want := range map[string]string{
		"api.martis.id": "host api.martis.id", "sk_live_" + body + ".martis.id": "host ….martis.id",
		"eu.sk_live_" + body + ".api.martis.id": "host ….api.martis.id",
	} {
		text := "https://" + host + "/ KEY=sk_live_" + fill(placeholderAlphabet("base62"), 40, "other")
		found := false
		for _, m := range loaded(t).NewMatcher().Matches([]byte(text), Span{0, len(text)}) {
			for _, e := range m.Evidence {
				found = found || strings.HasPrefix(e.Text, want+",")
				if strings.Contains(e.Text, body) {
					t.Errorf("%s: %s", host, e.Text)
				}
			}
		}
		if !found {
			t.Errorf("%s: no evidence %q", host, want)
		}
	}
}
