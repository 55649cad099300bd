package rules

import "keysweep/finding"

// Strength returns how sure it is that a key is issuer's, given what Attribute
// was given: the best of the evidence that speaks for issuer and is neither
// beaten at its place nor contradicted by the shape of the key.
func (s *Set) Strength(issuer string, shapes []string, ev []Evidence) finding.Strength {
	a := &s.compiled().attributor
	best := finding.StrengthNone
	for _, e := range ev {
		if e.Issuer == issuer && !e.Weaker && !a.contradicts(e, shapes) {
			best = max(best, e.strength())
		}
	}
	return best
}

func (e *Evidence) strength() finding.Strength {
	switch e.Kind {
	case EvidenceShape:
		return finding.StrengthShape
	case EvidenceCarrier, EvidenceHost:
		return finding.StrengthHost
	case EvidenceName, EvidenceTwin, EvidenceFile:
		if e.Strong {
			return finding.StrengthStrong
		}
	}
	return finding.StrengthWeak
}
