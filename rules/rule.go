package rules

import (
	"crypto/sha256"
	"regexp"
	"slices"

	"keysweep/finding"
	"keysweep/rules/attribution"
	"keysweep/rules/score"
)

// Rule is one [[rule]] of a rule file: the keys of one issuer, or of none in
// particular. Rules do not change once loaded.
type Rule struct {
	ID          string
	Issuer      string // "" if the rule names none
	Name        string // the issuer's, as it writes it; Issuer if no rule of it says; "" without issuer
	Description string
	Advice      string // what to do about a leak, in a sentence or two; "" for the usual steps
	Docs        string // https address of what the issuer says of its keys; "" if none is known
	Literals    []string
	// Environments says where keys of a literal work; a literal that is not
	// listed is EnvironmentUnknown.
	Environments map[string]finding.Environment
	Probe        *Probe // nil: no service can be asked
	// Examples are texts with one key, CounterExamples texts without any: see
	// Set.ProveRule.
	Examples, CounterExamples []string
	File                      string // where the rule was read from
	BuiltIn                   bool

	Body     Body
	MaxScore float64                    // bits per character; a body scoring this or more is rejected
	Samples  map[[sha256.Size]byte]bool // bodies that documentation prints
	Shapes   []Shape
	Naming   attribution.Naming // the evidence for the issuer; callers must not change it

	named    bool // the rule says Name itself
	adds     bool // from a File: its samples are none of the built-in rules
	alphabet alphabet
	regex    *regexp.Regexp // of Body; anchored at the left
}

// Body is what may follow a literal: Min to Max characters of Alphabet, a set
// such as 0-9A-Z_a-z-; or what Regex matches, and the others are empty and 0.
type Body struct {
	Alphabet string
	Min, Max int
	Regex    string
}

// Shape is a documented form of an issuer's bodies.
type Shape struct {
	Regex    string   `toml:"regex"`
	Unique   bool     `toml:"unique"`   // no other issuer has it
	Literals []string `toml:"literals"` // the prefixes that it follows

	regex  *regexp.Regexp
	random int // index of the group that captures the random part; 0: none

	language
}

// ends reports whether body has the shape behind prefix, and no longer one has: a
// shape of any length does not say where a body ends.
func (s *Shape) ends(prefix string, body []byte) bool {
	return len(body) >= s.min && len(body) <= s.max && slices.Contains(s.Literals, prefix) && s.regex.Match(body)
}

// has reports whether body has a documented shape of r behind prefix, and
// whether no other issuer has that shape.
func (r *Rule) has(prefix string, body []byte) (documented, unique bool) {
	for i := range r.Shapes {
		if s := &r.Shapes[i]; slices.Contains(s.Literals, prefix) && len(body) >= s.min && s.regex.Match(body) {
			documented, unique = true, unique || s.Unique
		}
	}
	return documented, unique
}

// scored returns the part of body that its score is taken from: the one that a
// documented shape calls random, if it has one.
func (g *group) scored(body []byte) ([]byte, score.Score) {
	for _, r := range g.rules {
		for i := range r.Shapes {
			s := &r.Shapes[i]
			if s.random == 0 || !slices.Contains(s.Literals, g.prefix) {
				continue
			}
			if m := s.regex.FindSubmatchIndex(body); m != nil && m[2*s.random] >= 0 {
				part := body[m[2*s.random]:m[2*s.random+1]]
				return part, score.Of(part)
			}
		}
	}
	return body, score.Of(body)
}
