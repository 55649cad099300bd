// Package attribution decides whose a key is, from what is around it: hosts,
// names, public keys, sections. Bytes in, evidence out; it knows no rules.
package attribution

import (
	"cmp"

	"keysweep/finding"
)

// Kind orders evidence: a greater kind beats a smaller one.
type Kind uint8

// The kinds of evidence.
const (
	Beside  Kind = iota + 1 // anything that speaks for another key, or for another section
	Path                    // the issuer's name in the path of the file
	File                    // its name or host elsewhere within Context
	Twin                    // a public key, import or SDK call within 200 bytes
	Name                    // its name on the same line, or on a section around the key
	Host                    // its host within 400 bytes
	Carrier                 // its host in the same URL, or its header around the key
	Shape                   // a shape that no other issuer has
)

// Evidence is one reason to think that a key is an issuer's.
type Evidence struct {
	Issuer   string
	Kind     Kind
	Distance int    // bytes between the key and the evidence
	Text     string // what was seen, in words, for reports: "host api.martis.id, 31 bytes before"
	// Strong says that it names the key's owner and not just anyone: a host
	// anywhere in the file, a setting or section, a name on the line, an SDK
	// call or public key nearby. See Set.Strength.
	Strong bool
	// Weaker is set where something for another issuer, stronger or nearer,
	// is at the same occurrence, and where the body's shape speaks against
	// Issuer: Attribute does not count it.
	Weaker bool
}

// compare orders the strongest and nearest first.
func compare(a, b Evidence) int {
	return cmp.Or(cmp.Compare(b.Kind, a.Kind), cmp.Compare(a.Distance, b.Distance),
		cmp.Compare(a.Issuer, b.Issuer), cmp.Compare(a.Text, b.Text))
}

// Strength returns how sure it is that a key is issuer's, given what Attribute
// was given: the best of the evidence that speaks for issuer and is neither
// beaten at its occurrence nor contradicted by the shape of the key.
func (a *Attributor) Strength(issuer string, shapes []string, ev []Evidence) finding.Strength {
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
	case Shape:
		return finding.StrengthShape
	case Carrier, Host:
		return finding.StrengthHost
	case Name, Twin, File:
		if e.Strong {
			return finding.StrengthStrong
		}
	}
	return finding.StrengthWeak
}
