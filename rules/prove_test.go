package rules

import "testing"

func TestExamplesOfBuiltInRules(t *testing.T) {
	s, err := Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Prove(); err != nil {
		t.Fatal(err)
	}
}
