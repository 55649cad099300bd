package rules

import "keysweep/rules/attribution"

// Details is what a rule says of bodies and surroundings, for people.
type Details struct {
	// Alphabet, Min and Max describe a body, Min and Max in characters; or
	// Regex does, and they are empty and 0.
	Alphabet           string // a set such as 0-9A-Z_a-z-
	Min, Max           int
	Regex              string
	MaxScore           float64 // bits per character; a body scoring this or more is rejected
	Shapes             []Shape
	Samples            int // published bodies that the rule knows by their hash
	attribution.Naming     // the evidence for the issuer; callers must not change it
}

// Shape is a documented form of an issuer's bodies.
type Shape struct {
	Regex    string
	Unique   bool     // no other issuer has it
	Literals []string // the prefixes that it follows
}

// Details returns what r says of bodies and surroundings.
func (r *Rule) Details() Details {
	d := Details{MaxScore: r.maxScore, Samples: len(r.samples), Naming: r.naming}
	if r.body.regex != nil {
		d.Regex = r.body.regex.String()
	} else {
		d.Alphabet, d.Min, d.Max = r.body.alphabet.String(), r.body.min, r.body.max
	}
	for _, s := range r.shapes {
		shape := Shape{Regex: s.regex.String(), Unique: s.unique}
		for i, l := range r.Literals {
			if s.literals == nil || s.literals[i] {
				shape.Literals = append(shape.Literals, l)
			}
		}
		d.Shapes = append(d.Shapes, shape)
	}
	return d
}
