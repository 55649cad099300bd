package rules

import (
	"crypto/sha256"
	"regexp"

	"keysweep/finding"
	"keysweep/rules/alphabet"
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

	named    bool // the rule says Name itself
	body     body
	maxScore float64
	shapes   []shape
	samples  map[[sha256.Size]byte]bool
	naming   attribution.Naming
	adds     bool // from a File: its samples are none of the built-in rules
}

// body says what may follow a literal.
type body struct {
	spec     string // identifies equal bodies
	alphabet alphabet.Alphabet
	min, max int            // in characters
	regex    *regexp.Regexp // instead of the others; anchored at the left
}

// shape is a documented form of an issuer's bodies.
type shape struct {
	regex    *regexp.Regexp
	unique   bool   // no other issuer has it
	random   int    // index of the group that captures the random part; 0: none
	literals []bool // by index in Rule.Literals; nil: all of them
	lengths  []int  // lengths at which a glued word is cut off; see cutGluedWord
}

// has reports whether body has a documented shape of r under its literal, and
// whether no other issuer has that shape.
func (r *Rule) has(literal int, body []byte) (documented, unique bool) {
	for i := range r.shapes {
		s := &r.shapes[i]
		if s.literals != nil && !s.literals[literal] {
			continue
		}
		if s.regex.Match(body) {
			documented, unique = true, unique || s.unique
		}
	}
	return documented, unique
}

// scored returns the part of body that its score is taken from: the one that a
// documented shape calls random, if it has one.
func (g *group) scored(body []byte) ([]byte, score.Score) {
	for i, r := range g.rules {
		for j := range r.shapes {
			s := &r.shapes[j]
			if s.random == 0 || s.literals != nil && !s.literals[g.literal[i]] {
				continue
			}
			if m := s.regex.FindSubmatchIndex(body); m != nil && m[2*s.random] >= 0 {
				part := body[m[2*s.random]:m[2*s.random+1]]
				return part, score.Of(part)
			}
		}
	}
	return score.OfPart(body)
}
