package rules

import (
	"fmt"
	"strings"

	"keysweep/finding"
)

// Proof is the result of one example of a rule.
type Proof struct {
	Rule    *Rule
	Counter bool  // it is one of CounterExamples
	Number  int   // 1-based, among its like
	Err     error // nil: it holds. It holds no key.
}

// ProveRule runs the examples and counter-examples of r, a rule of s. An example
// must give one key, of the rule's issuer if it names one, between « and » if
// they are there. A counter-example must give none.
func (s *Set) ProveRule(r *Rule) []Proof {
	m := s.NewMatcher()
	var list []Proof
	for i, text := range r.Examples {
		list = append(list, Proof{Rule: r, Number: i + 1, Err: s.proveExample(m, r, text)})
	}
	for i, text := range r.CounterExamples {
		list = append(list, Proof{Rule: r, Counter: true, Number: i + 1, Err: proveCounterExample(m, text)})
	}
	return list
}

func (s *Set) proveExample(m *Matcher, r *Rule, text string) error {
	text, err := Expand(text)
	if err != nil {
		return err
	}
	text, span, quoted := unquoteKey(text)
	found, rejected := m.split(text)
	if len(found) != 1 {
		return fmt.Errorf("%d keys, want 1%s", len(found), rejected)
	}
	k := found[0]
	if quoted && (k.Start != span.Start || k.End != span.End) {
		return fmt.Errorf("the key is at bytes %d to %d, want %d to %d%s", k.Start, k.End, span.Start, span.End, rejected)
	}
	issuer, why := s.Attribute(k.Shapes, k.Evidence)
	if r.Issuer != "" && issuer != r.Issuer {
		return fmt.Errorf("the issuer is %s %q, want %s%s", issuer, why, r.Issuer, rejected)
	}
	if got := s.RuleOf(k.RuleID, r.Issuer); r.Issuer != "" && got != r || r.Issuer == "" && k.RuleID != r.ID {
		return fmt.Errorf("the rule is %s%s", k.RuleID, rejected)
	}
	return nil
}

func proveCounterExample(m *Matcher, text string) error {
	text, err := Expand(text)
	if err != nil {
		return err
	}
	if found, _ := m.split(text); len(found) > 0 {
		return fmt.Errorf("there is a key, of %s confidence by the rule %s", found[0].Confidence, found[0].RuleID)
	}
	return nil
}

// split returns the keys of text and, for a message, why other candidates were
// rejected.
func (m *Matcher) split(text string) (found []Match, rejected string) {
	var reasons []string
	matches := m.Matches([]byte(text), Span{0, len(text)})
	for _, k := range matches {
		if k.Confidence == finding.Rejected {
			reasons = append(reasons, k.RejectedFor)
		} else {
			found = append(found, k)
		}
	}
	switch {
	case len(matches) == 0:
		rejected = ": it holds no literal of any rule"
	case len(reasons) > 0:
		rejected = "; rejected: " + strings.Join(reasons, ", ")
	}
	return found, rejected
}
