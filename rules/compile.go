package rules

import (
	"crypto/sha256"
	"slices"
	"strings"

	"keysweep/finding"
	"keysweep/rules/ascii"
	"keysweep/rules/attribution"
	"keysweep/rules/encoding"
	"keysweep/rules/finder"
)

// compiled is rules and all that follows from them. Nothing of it changes.
type compiled struct {
	rules        []*Rule
	literalCount int

	prefixes   []prefix
	entries    []entry // by index in Literals
	finder     *Finder
	plain      *Finder // of the prefixes in judged text
	reach      int     // see judgeReach
	attributor *attribution.Attributor
}

// prefix is one plain literal of the rules and what may follow it.
type prefix struct {
	text   string
	groups []*group
	// longer are the prefixes that end in this one. They have no literals of
	// their own: what holds them holds this.
	longer []int
}

// group is rules that share a literal and have one Body and MaxScore: they are
// judged once, and only the issuer distinguishes them.
type group struct {
	rules   []*Rule
	*Rule          // the first of rules
	prefix  string // the literal
	primary *Rule  // names the match if no shape does
	env     finding.Environment
	samples []map[[sha256.Size]byte]bool
	inner   map[string]bool // prefixes that end a body: those of the same rules
	// owner is the issuer that alone uses the literal; "" if it is shared.
	owner string
}

// entry is one literal of the finder.
type entry struct {
	prefix int // packed: that of a gzip file
	steps  encoding.Steps
}

// packed is the entry.prefix of a Packed.
const packed = -1

// judgeReach is how many decoded bytes on either side of a prefix a verdict
// may depend on: the longest body and what follows it.
const judgeReach = 384

// compile builds everything that follows from the rules.
func (s *compiled) compile() {
	index := map[string]int{} // of a literal in s.prefixes
	for _, r := range s.rules {
		for _, text := range r.Literals {
			if _, ok := index[text]; !ok {
				index[text] = len(s.prefixes)
				s.prefixes = append(s.prefixes, prefix{text: text})
			}
			s.prefixes[index[text]].add(r)
		}
	}
	var plain [][]byte // what ends in a sign can be distinguished from the body around it
	for i := range s.prefixes {
		groups, text := s.prefixes[i].groups, s.prefixes[i].text
		other := func(r *Rule) bool { return r.Issuer != groups[0].Issuer }
		if len(groups) == 1 && !slices.ContainsFunc(groups[0].rules, other) {
			groups[0].owner = groups[0].Issuer
		}
		if !ascii.IsAlnum(text[len(text)-1]) {
			plain = append(plain, []byte(text))
		}
	}
	s.plain = finder.New(plain)
	s.listEntries()
	s.reach = judgeReach
	if slices.ContainsFunc(s.rules, func(r *Rule) bool { return r.regex != nil }) {
		s.reach += maxRegexBody
	}
	var issuers []attribution.Naming
	for _, r := range s.rules {
		if r.Issuer != "" {
			issuers = append(issuers, r.Naming)
		}
	}
	s.attributor = attribution.New(issuers, s.plain)
}

// listEntries makes the finder of every form of every prefix. A prefix that
// ends in another is found with that one.
func (s *compiled) listEntries() {
	// About a thousand literals a prefix.
	literals := make([][]byte, 0, len(s.prefixes)<<10)
	s.entries = make([]entry, 0, len(s.prefixes)<<10)
	for i := range s.prefixes {
		if j := s.shorterOf(i); j >= 0 {
			s.prefixes[j].longer = append(s.prefixes[j].longer, i)
			continue
		}
		text := []byte(s.prefixes[i].text)
		literals, s.entries = append(literals, text), append(s.entries, entry{prefix: i})
		encoding.Forms(text, func(literal []byte, steps encoding.Steps) {
			literals, s.entries = append(literals, literal), append(s.entries, entry{i, steps})
		})
	}
	encoding.PackedForms(func(literal []byte, steps encoding.Steps) {
		literals, s.entries = append(literals, literal), append(s.entries, entry{packed, steps})
	})
	s.finder = finder.New(literals)
}

// shorterOf returns the shortest prefix that prefix i ends in, or -1.
func (s *compiled) shorterOf(i int) int {
	shortest := -1
	for j := range s.prefixes {
		if j != i && strings.HasSuffix(s.prefixes[i].text, s.prefixes[j].text) &&
			(shortest < 0 || len(s.prefixes[j].text) < len(s.prefixes[shortest].text)) {
			shortest = j
		}
	}
	return shortest
}

// add puts r, which has the literal p, into the group of its body and score.
func (p *prefix) add(r *Rule) {
	i := slices.IndexFunc(p.groups, func(g *group) bool { return g.Body == r.Body && g.MaxScore == r.MaxScore })
	if i < 0 {
		i = len(p.groups)
		p.groups = append(p.groups, &group{Rule: r, prefix: p.text, inner: map[string]bool{}})
	}
	g := p.groups[i]
	g.rules = append(g.rules, r)
	for _, l := range r.Literals {
		g.inner[l] = true
	}
	if g.primary == nil || g.primary.Issuer != "" && r.Issuer == "" {
		g.primary = r
	}
	if e, ok := r.Environments[p.text]; ok && g.env == finding.EnvironmentUnknown {
		g.env = e
	}
	// A configuration may add rules; it may not turn down the keys of the
	// built-in ones.
	if len(r.Samples) > 0 && !(r.adds && g.BuiltIn) {
		g.samples = append(g.samples, r.Samples)
	}
}
