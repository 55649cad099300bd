package quote

import (
	"strings"
	"testing"

	"keysweep/rules"
)

// Every key that the built-in rules find is hidden without knowing it: the
// examples of the rules are one of each kind.
func TestKeysOfTheBuiltInRulesAreHidden(t *testing.T) {
	set, err := rules.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	hidden := 0
	for _, r := range set.Rules() {
		for _, example := range r.Examples {
			text, err := rules.Expand(example)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range r.Literals {
				at := strings.Index(text, l)
				if at < 0 {
					continue
				}
				hidden++
				body := text[at+len(l):]
				if got := HideKeys(text[at:]); strings.Contains(got, body[:minBody]) {
					t.Errorf("%s: %q shows a key of %s", r.ID, got, l)
				}
			}
		}
	}
	if hidden < len(rules.Prefixes()) {
		t.Errorf("%d keys were tried, of %d prefixes", hidden, len(rules.Prefixes()))
	}
}

func TestEveryPrefixHides(t *testing.T) {
	for _, prefix := range rules.Prefixes() {
		for _, body := range []string{filler(3, 24), strings.Repeat("ab", 8), "abcdEfghij_klmnopqr", strings.Repeat("7", 16)} {
			for _, before := range []string{"", "/", "x", "no such path: "} {
				if got, want := HideKeys(before+prefix+body+"/x"), before+prefix+"…/x"; got != want {
					t.Errorf("%q, want %q", got, want)
				}
			}
		}
	}
}

func TestWordsBehindAPrefixAreReadable(t *testing.T) {
	for _, s := range []string{
		"test_sk_" + "test_lookup_cgroup_id.c", "sk_" + "test_keys_should_not_be_committed.rb", "task-test-Data-From-The-Index",
		"RISK_TEST_WITH_ALL_CAPITALS", "sk_" + "test_123abc", "sk_" + "live_", "sk_" + "live_____________________", "",
	} {
		if got := HideKeys(s); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
}
