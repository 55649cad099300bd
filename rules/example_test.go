package rules

import (
	"errors"
	"fmt"
	"testing"

	"keysweep/finding"
)

// prove returns every example and counter-example that fails, of all rules.
func prove(s *Set) error {
	var failed []error
	for _, r := range s.Rules() {
		for _, p := range s.ProveRule(r) {
			if p.Err != nil {
				failed = append(failed, fmt.Errorf("rule %s, example %d, counter %v: %w", r.ID, p.Number, p.Counter, p.Err))
			}
		}
	}
	return errors.Join(failed...)
}

func TestExamplesOfBuiltInRules(t *testing.T) {
	s, err := Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := prove(s); err != nil {
		t.Fatal(err)
	}
}

func accepted(list []Match) []Match {
	var keep []Match
	for _, m := range list {
		if m.Confidence != finding.Rejected {
			keep = append(keep, m)
		}
	}
	return keep
}
