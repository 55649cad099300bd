package rules

import (
	"slices"
	"strings"

	"keysweep/finding"
	"keysweep/rules/finder"
	"keysweep/rules/score"
)

// engineVersion changes whenever the same rules would judge the same bytes
// differently, so that verdicts of an older engine are not taken for ours.
const engineVersion = "keysweep rules 2"

// Set is the rules of a scan. It is safe for concurrent use.
type Set struct {
	finder *Finder
	// compiled returns what judges. The built-in rules are only read when a
	// literal was met or a caller asks for them: most scans of a hook find none.
	compiled func() *compiled
	sha256   func() string
}

// Rules returns the rules in the order of their files.
func (s *Set) Rules() []*Rule { return s.compiled().rules }

// RuleOf returns the rule that speaks for keys which ruleID matched once their issuer is known:
// its own on the same literals if there is one, else the rule ruleID, or nil.
func (s *Set) RuleOf(ruleID, issuer string) *Rule {
	all := s.compiled().rules
	i := slices.IndexFunc(all, func(r *Rule) bool { return r.ID == ruleID })
	if i < 0 {
		return nil
	}
	if r := all[i]; r.Issuer != issuer && issuer != "" {
		if j := slices.IndexFunc(all, func(have *Rule) bool { return have.Issuer == issuer && sharesLiteral(have, r) }); j >= 0 {
			return all[j]
		}
	}
	return all[i]
}

func sharesLiteral(a, b *Rule) bool {
	return slices.ContainsFunc(a.Literals, func(l string) bool { return slices.Contains(b.Literals, l) })
}

// OwnerOf returns the issuer that alone has keys of this prefix, or of this
// documented shape; "" if there is none.
func (s *Set) OwnerOf(key finding.Secret) string {
	for _, p := range s.compiled().prefixes {
		if p.text != key.Prefix() {
			continue
		}
		body := []byte(key.Reveal()[len(p.text):])
		for _, g := range p.groups {
			if g.owner != "" {
				return g.owner
			}
			for _, r := range g.rules {
				if _, unique := r.has(p.text, body); unique {
					return r.Issuer
				}
			}
		}
	}
	return ""
}

// Where a key is known, what follows it may be less likely as text than as a part of it, by so
// many bits: gluedSlack through its length, at most maxSlack. A few characters say little.
const gluedSlack, maxSlack = 96, 12

// IsGlued reports whether long is the key, which is known from elsewhere, with something else
// behind it, text or of another alphabet, and not the whole of which key is a part.
func IsGlued(long, key finding.Secret) bool {
	text, start := long.Reveal(), key.Reveal()
	if long.Prefix() != key.Prefix() || len(text) <= len(start) || !strings.HasPrefix(text, start) {
		return false
	}
	var sums score.Sums
	sums.Read([]byte(text[len(long.Prefix()):]))
	n := len(start) - len(key.Prefix())
	slack := min(maxSlack, gluedSlack/float64(len(text)-len(start)))
	return sums.Text[n] <= sums.Random[len(sums.Random)-1]-sums.Random[n]+slack
}

// HoldsPrefix reports whether another prefix is in the body of key: it may be two
// keys with nothing between.
func (s *Set) HoldsPrefix(key finding.Secret) bool {
	body := key.Reveal()[len(key.Prefix()):]
	return slices.ContainsFunc(s.compiled().prefixes, func(p prefix) bool { return strings.Contains(body, p.text) })
}

// SHA256 returns a hash in lower-case hex over the texts of all rules and the
// version of the engine that judges them: equal hashes mean equal verdicts.
func (s *Set) SHA256() string { return s.sha256() }

// Finder finds the literals of a set.
type Finder = finder.Finder

// Finder returns the finder of every byte string from which a key can be found: what
// contains none of them holds none.
func (s *Set) Finder() *Finder { return s.finder }
