package quote

import (
	"slices"
	"strings"
	"testing"

	"keysweep/rules"
)

// prefixes returns what the keys of the built-in rules start with.
func prefixes(t *testing.T) (list []string) {
	t.Helper()
	set, err := rules.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range set.Rules() {
		list = append(list, r.Literals...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

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
				if got := HideKeys(text[at:]); strings.Contains(got, body[:16]) {
					t.Errorf("%s: %q shows a key of %s", r.ID, got, l)
				}
			}
		}
	}
	if n := len(prefixes(t)); hidden < n {
		t.Errorf("%d keys were tried, of %d prefixes", hidden, n)
	}
}
