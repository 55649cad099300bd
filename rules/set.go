package rules

import (
	"crypto/sha256"
	"strings"

	"keysweep/finding"
	"keysweep/rules/ascii"
	"keysweep/rules/finder"
)

// engineVersion changes whenever the same rules would judge the same bytes
// differently, so that nobody takes verdicts of an older engine for ours.
const engineVersion = "keysweep rules 2"

// Set is the rules of a scan. It is safe for concurrent use.
type Set struct {
	finder *Finder
	// compiled returns what judges. The built-in rules are only read when a
	// literal was met or somebody asks for them: most scans of a hook find none.
	compiled func() *compiled
	sha256   func() string
}

// compiled is rules and all that follows from them. Nothing of it changes.
type compiled struct {
	rules        []*Rule
	texts        [][]byte // the rule files, as they were read
	literalCount int

	prefixes []prefix
	entries  []entry // by index in Literals
	finder   *Finder
	// plain finds the prefixes in judged text; plainPrefix maps its literals
	// to prefixes.
	plain       *Finder
	plainPrefix []int
	reach       int // see judgeReach
	attributor  attributor
}

// prefix is one plain literal of the rules and what may follow it.
type prefix struct {
	text   string
	groups []*group
	// longer are the prefixes that end in this one. They have no literals of
	// their own: what holds them holds this.
	longer []int
}

// group is rules that share a literal and say the same of its body: they are
// judged once, and only the issuer tells them apart.
type group struct {
	rules    []*Rule
	literal  []int // of the prefix, in rules[i].Literals
	primary  *Rule // names the match if no shape does
	body     body
	maxScore float64
	env      finding.Environment
	samples  []map[[sha256.Size]byte]bool
	inner    map[int]bool // prefixes that end a body: those of the same rules
	// owner is the issuer that alone uses the literal; "" if it is shared.
	owner string
}

// entry is one literal of the finder.
type entry struct {
	prefix   int
	steps    []step // outermost first; nil for plain text
	encoding []string
}

// sameSteps reports whether e and o decode alike, whatever the prefix.
func (e *entry) sameSteps(o *entry) bool {
	if len(e.steps) != len(o.steps) {
		return false
	}
	for i := range e.steps {
		if e.steps[i].decoder != o.steps[i].decoder || e.steps[i].form.variant != o.steps[i].form.variant {
			return false
		}
	}
	return true
}

// compile builds everything that follows from the rules.
func (s *compiled) compile() {
	index := map[string]int{}
	for _, r := range s.rules {
		for l, text := range r.Literals {
			i, ok := index[text]
			if !ok {
				i = len(s.prefixes)
				index[text] = i
				s.prefixes = append(s.prefixes, prefix{text: text})
			}
			s.prefixes[i].add(r, l)
		}
	}
	for i := range s.prefixes {
		if j := s.shorterOf(i); j >= 0 {
			s.prefixes[j].longer = append(s.prefixes[j].longer, i)
		}
	}
	// About a thousand literals a prefix.
	lits := make([][]byte, 0, len(s.prefixes)<<10)
	s.entries = make([]entry, 0, len(s.prefixes)<<10)
	var plain [][]byte
	for i := range s.prefixes {
		p := &s.prefixes[i]
		for _, g := range p.groups {
			for _, r := range g.rules {
				for _, l := range r.Literals {
					g.inner[index[l]] = true
				}
			}
		}
		if len(p.groups) == 1 {
			p.groups[0].owner = p.groups[0].soleIssuer()
		}
		if s.shorterOf(i) < 0 {
			lits, s.entries = append(lits, []byte(p.text)), append(s.entries, entry{prefix: i})
			lits, s.entries = encodedEntries(lits, s.entries, i, []byte(p.text))
		}
		// Only what ends like a prefix can stand before or behind a body and
		// be told from it.
		if !ascii.IsAlnum(p.text[len(p.text)-1]) {
			plain = append(plain, []byte(p.text))
			s.plainPrefix = append(s.plainPrefix, i)
		}
	}
	s.finder, s.plain = finder.New(lits), finder.New(plain)
	s.reach = judgeReach
	for _, r := range s.rules {
		if r.body.regex != nil {
			s.reach = judgeReach + maxRegexBody
		}
	}
	s.attributor = newAttributor(s.rules)
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

// add puts r, whose l-th literal is p, into the group of its like.
func (p *prefix) add(r *Rule, l int) {
	var g *group
	for _, have := range p.groups {
		if have.body.spec == r.body.spec && have.maxScore == r.maxScore {
			g = have
		}
	}
	if g == nil {
		g = &group{body: r.body, maxScore: r.maxScore, inner: map[int]bool{}}
		p.groups = append(p.groups, g)
	}
	g.rules, g.literal = append(g.rules, r), append(g.literal, l)
	if g.primary == nil || g.primary.Issuer != "" && r.Issuer == "" {
		g.primary = r
	}
	if e, ok := r.Environments[p.text]; ok && g.env == finding.EnvironmentUnknown {
		g.env = e
	}
	// A configuration may add rules; it may not turn down the keys of the
	// built-in ones.
	if len(r.samples) > 0 && !(r.adds && g.rules[0].BuiltIn) {
		g.samples = append(g.samples, r.samples)
	}
}

// soleIssuer returns the issuer that all rules of g name, or "".
func (g *group) soleIssuer() string {
	for _, r := range g.rules {
		if r.Issuer != g.rules[0].Issuer {
			return ""
		}
	}
	return g.rules[0].Issuer
}

// Rules returns the rules in the order of their files.
func (s *Set) Rules() []*Rule { return s.compiled().rules }

// RuleOf returns the rule that speaks for keys which ruleID matched once their
// issuer is known: the issuer's own rule on the same literals if there is one,
// else the rule ruleID. It returns nil if there is no such rule.
func (s *Set) RuleOf(ruleID, issuer string) *Rule {
	all := s.compiled().rules
	var r *Rule
	for _, have := range all {
		if have.ID == ruleID {
			r = have
		}
	}
	if r == nil || r.Issuer == issuer {
		return r
	}
	for _, have := range all {
		if have.Issuer == issuer && issuer != "" && sharesLiteral(have, r) {
			return have
		}
	}
	return r
}

func sharesLiteral(a, b *Rule) bool {
	for _, x := range a.Literals {
		for _, y := range b.Literals {
			if x == y {
				return true
			}
		}
	}
	return false
}

// SHA256 returns a hash in lower-case hex over the texts of all rules and the
// version of the engine that judges them: equal hashes mean equal verdicts.
func (s *Set) SHA256() string { return s.sha256() }

// Literals returns every byte string from which a key can be found: what
// contains none of them holds none. Callers must not change it.
func (s *Set) Literals() [][]byte { return s.compiled().finder.Literals() }

// Finder finds the literals of a set.
type Finder = finder.Finder

// Finder returns the finder of Literals.
func (s *Set) Finder() *Finder { return s.finder }
