package rules

import (
	"errors"
	"fmt"
	"strings"

	"keysweep/finding"
)

// Proof is what became of one example of a rule.
type Proof struct {
	Rule    *Rule
	Counter bool  // it is one of CounterExamples
	Number  int   // 1-based, among its like
	Err     error // nil: it holds. It holds no key.
}

// ProveRule runs the examples and counter-examples of r, a rule of s, as Prove
// does, and returns what became of each.
func (s *Set) ProveRule(r *Rule) []Proof {
	m := s.NewMatcher()
	var list []Proof
	for i, text := range r.Examples {
		err := s.proveExample(m, r, text)
		if err != nil {
			err = because(err, m, text)
		}
		list = append(list, Proof{Rule: r, Number: i + 1, Err: err})
	}
	for i, text := range r.CounterExamples {
		text, err := Expand(text)
		if err == nil {
			if found := accepted(m.Matches([]byte(text), Span{0, len(text)})); len(found) > 0 {
				err = fmt.Errorf("there is a key, of %s confidence by the rule %s", found[0].Confidence, found[0].RuleID)
			}
		}
		list = append(list, Proof{Rule: r, Counter: true, Number: i + 1, Err: err})
	}
	return list
}

// because adds to the failure of an example why its candidates were turned
// down.
func because(failure error, m *Matcher, text string) error {
	text, err := Expand(text)
	if err != nil {
		return failure
	}
	text, _, _ = unmark(text)
	matches := m.Matches([]byte(text), Span{0, len(text)})
	if len(matches) == 0 {
		return fmt.Errorf("%w: no literal of any rule is in it", failure)
	}
	var reasons []string
	for _, k := range matches {
		if k.Confidence == finding.Rejected {
			reasons = append(reasons, k.RejectedFor)
		}
	}
	if len(reasons) == 0 {
		return failure
	}
	return errors.New(failure.Error() + "; turned down: " + strings.Join(reasons, ", "))
}
