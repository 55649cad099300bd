package scanner

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keysweep/finding"
	"keysweep/rules"
)

// secret returns a made-up key.
func secret(body string) finding.Secret { return finding.NewSecret("sk_"+"live_", body) }

func TestTheSurestPlaceSaysHowSureTheEndsAre(t *testing.T) {
	key := secret("4eC39HqLyjWDarjtT1zdp7dc")
	others := []finding.Secret{secret("4eC39HqLyjWDarjtT1zdp7"), secret("4eC39HqLyjWDarjtT1zdp7d")}
	former := []finding.Secret{secret("4eC39HqLyjWDarjtT1zdp7dceur"), secret("4eC39HqLyjWDarjtT1zdp7dcz")}
	match := func(e finding.Extent, candidates, former []finding.Secret, glued bool) rules.Match {
		return rules.Match{Secret: key, RuleID: "r", Confidence: finding.High, Extent: e, Candidates: candidates, Former: former, Glued: glued}
	}
	type ends struct {
		Extent             finding.Extent
		Candidates, Former []finding.Secret
		Glued              bool
	}
	for _, c := range []struct {
		name    string
		matches []rules.Match
		want    ends
	}{
		{"one that is cut", []rules.Match{match(finding.Cut, others, nil, false)}, ends{finding.Cut, others, nil, false}},
		{"exact somewhere", []rules.Match{match(finding.Cut, others, nil, true), match(finding.Exact, nil, nil, false), match(finding.Likely, others[:1], nil, true)},
			ends{}},
		{"likely in two ways", []rules.Match{match(finding.Likely, others[1:], former[:1], true), match(finding.Likely, others[:1], former, true)},
			ends{finding.Likely, others[:1], former, true}},
	} {
		for seed := range uint64(6) {
			list := slices.Clone(c.matches)
			rand.New(rand.NewPCG(seed, 0)).Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			got := newCollector(nil, false, new(Progress))
			at := &target{}
			got.add([]candidate{{match: rules.Match{Secret: key, RuleID: "r"}, at: location{target: at, line: 9}}}, false) // rejected
			for i, m := range list {
				got.add([]candidate{{match: m, at: location{target: at, line: i}}}, false)
			}
			r := got.keys[key]
			if diff := cmp.Diff(c.want, ends{r.finding.Extent, r.finding.Candidates, r.finding.Former, r.glued}, cmp.AllowUnexported(finding.Secret{})); diff != "" {
				t.Errorf("%s: %s", c.name, diff)
			}
		}
	}
}
