package scanner

import (
	"math/rand/v2"
	"path/filepath"
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
			if diff := cmp.Diff(c.want, ends{r.finding.Extent, r.finding.Candidates, r.finding.Former, r.finding.Glued}, cmp.AllowUnexported(finding.Secret{})); diff != "" {
				t.Errorf("%s: %s", c.name, diff)
			}
		}
	}
}

func TestAKeyWithSomethingBehindItIsTheKeyThatIsFoundElsewhere(t *testing.T) {
	set := loadRules(t)
	prefix := "sk_" + "live_"
	rnd := rand.New(rand.NewPCG(31, 1))
	base62 := func(n int) string {
		const alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		b := make([]byte, n)
		for i := range b {
			b[i] = alphabet[rnd.IntN(len(alphabet))]
		}
		return string(b)
	}
	k24, k37, k42 := base62(24), base62(37), base62(42)
	hexadecimal := "0f3b9e2a7c51d8460f3b9e2a7c51d846b7a1c9e2"
	shape := []string{"someone"}
	for _, tt := range []struct {
		name              string
		short, long       string
		shortIs, longIs   finding.Extent
		shortHas, longHas []string
		shortWorth        finding.Confidence
		merged            bool
	}{
		{"a word behind a documented length", k24, k24 + "eur", finding.Exact, finding.Likely, shape, nil, finding.High, true},
		{"the same, taken for exact", k24, k24 + "eur", finding.Exact, finding.Exact, shape, nil, finding.High, true},
		{"a suffix behind hex digits", hexadecimal, hexadecimal + "stripe2026", finding.Exact, finding.Likely, shape, nil, finding.High, true},
		{"a word behind any length", k37, k37 + "stripe", finding.Exact, finding.Likely, nil, nil, finding.High, true},
		{"two exact ones of any length", k37, k37 + "stripe", finding.Exact, finding.Exact, nil, nil, finding.High, false},
		{"a copy that is cut", k42[:24], k42, finding.Exact, finding.Exact, shape, shape, finding.High, false},
		{"a copy of a key without documented shape that is cut", k37[:24], k37, finding.Exact, finding.Likely, shape, nil, finding.High, false},
		{"not sure of the shorter one either", k24, k24 + "eur", finding.Likely, finding.Likely, shape, nil, finding.High, false},
		{"the shorter one is rejected", k24, k24 + "eur", finding.Exact, finding.Likely, shape, nil, finding.Rejected, false},
		{"a documented length that is not sure", k24, k24 + "1", finding.Exact, finding.Likely, shape, shape, finding.High, true},
		{"two documented lengths, both exact", k24, k24 + "1", finding.Exact, finding.Exact, shape, shape, finding.High, false},
		{"another key", base62(24), k24 + "eur", finding.Exact, finding.Likely, shape, nil, finding.High, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCollector(set, false, new(Progress))
			at := &target{}
			short, long := finding.NewSecret(prefix, tt.short), finding.NewSecret(prefix, tt.long)
			c.add([]candidate{
				{match: rules.Match{Secret: long, Confidence: finding.High, Extent: tt.longIs, Candidates: []finding.Secret{short}, Shapes: tt.longHas}, at: location{target: at, line: 1, column: 1}, view: view{endColumn: 1 + long.Len()}},
				{match: rules.Match{Secret: short, Confidence: tt.shortWorth, Extent: tt.shortIs, Shapes: tt.shortHas}, at: location{target: at, line: 2, column: 1}, view: view{endColumn: 1 + short.Len()}},
			}, false)
			c.keys[long].open = true
			c.mergeGlued()
			r := c.keys[short]
			if merged := c.keys[long] == nil; merged != tt.merged || r == nil || !merged && r.open {
				t.Fatalf("merged: %t", merged)
			}
			if !tt.merged {
				return
			}
			v := r.locations[location{target: at, line: 1, column: 1}]
			if !r.open || len(r.locations) != 2 || v.endColumn != 1+short.Len() || v.as != long || !slices.Equal(r.finding.Former, []finding.Secret{long}) {
				t.Errorf("%d locations, to column %d, %d former ones", len(r.locations), v.endColumn, len(r.finding.Former))
			}
		})
	}
}

// What is merged keeps its places: the commit of a range that brought it in, and the
// hash of its line.
func TestTheWholeScanKnowsAKeyWithSomethingBehindIt(t *testing.T) {
	set := loadRules(t)
	key := keysOf(1, 77)[0][:len("sk_live_")+24]
	glued := ""
	for _, suffix := range []string{"1M59", "9z", "ab7", "x1", "9charge", "Q4"} {
		text := []byte("\x00\x01\x02stripe" + key + suffix + "\x00\n")
		if m := set.NewMatcher().Matches(text, rules.Span{End: len(text)}); len(m) == 1 && m[0].Secret.Reveal() != key && m[0].Extent != finding.Exact {
			glued = string(text)
		}
	}
	if glued == "" {
		t.Fatal("the matcher is sure where each ends")
	}
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	write(t, filepath.Join(r.dir, "README"), "nothing\n")
	r.commit("start")
	write(t, filepath.Join(r.dir, "plain.env"), "A="+key+"\n")
	r.commit("plain")
	write(t, filepath.Join(r.dir, "table.db"), glued)
	last := r.commit("table")

	for name, opts := range map[string]Options{
		"tree":  {Tree: true, LineHashes: true},
		"range": {Range: &Range{Include: []string{"HEAD"}, Exclude: []string{"HEAD~2"}}},
	} {
		opts.Paths = []string{r.dir}
		res := scanAll(t, opts)
		if len(res.Findings) != 1 || res.Findings[0].Secret.Reveal() != key || len(res.Findings[0].Listed) != 2 {
			t.Fatalf("%s: %d findings", name, len(res.Findings))
		}
		for _, o := range res.Findings[0].Listed {
			if name == "tree" && o.LineHash == "" || name == "range" && (o.Commit == "" || o.Path == "table.db" && o.Commit != last) {
				t.Errorf("%s: %s: commit %q, hash %q", name, o.Path, o.Commit, o.LineHash)
			}
		}
	}
}
