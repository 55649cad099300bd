package rules

import (
	"strings"
	"testing"

	"keysweep/rules/attribution"
)

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
			m.work, m.reader.Work, m.around.Work = 0, 0, 0
			m.Matches(text, Span{0, len(text)})
			return m.work + m.reader.Work + m.around.Work
		}
		small, large := work(32<<10), work(512<<10)
		t.Logf("%s: %.1f steps a byte", name, float64(large)/(512<<10))
		if large > 20*small+1000 || large > (512<<10)*200 {
			t.Errorf("%s: 32 KiB cost %d, 512 KiB %d steps", name, small, large)
		}
	}
}

func TestTheNearestOfManySections(t *testing.T) {
	s := loaded(t)
	m := s.NewMatcher()
	// Brackets that were closed before take no place of those around the key.
	text := expand(t, strings.Repeat("{a,b} ", 165)+"{\"stripe\": {\n\"key\": \"{{live}}{{base62:24:a}}\"}}")
	found := accepted(m.Matches([]byte(text), Span{0, len(text)}))
	if len(found) != 1 || len(found[0].Evidence) != 1 || found[0].Evidence[0].Kind != attribution.Name {
		t.Fatalf("%s%+v", revealed(found), found)
	}
	if got, why := s.Attributor().Attribute(found[0].Shapes, found[0].Evidence); got != "stripe" {
		t.Errorf("got %s %q", got, why)
	}
}
