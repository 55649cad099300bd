package rules

import (
	"cmp"
	"slices"

	"keysweep/finding"
	"keysweep/rules/ascii"
	"keysweep/rules/score"
)

// The lengths of a body in characters, if its rule does not say otherwise.
// Four fifths of all occurrences in public code are placeholders shorter than
// 16, and no issuer's body is.
const (
	minBody = 16
	maxBody = 256
)

// Where a key ends is decided by what it costs to describe the run of characters
// behind the prefix, in bits, if the key ends there: the characters of a random
// body, from the smallest alphabet that holds it; what is known of its length;
// and what is left of the run, as text. The fewest bits are the likeliest.
//
//	sk_live_|0f3b…e2|_old     40 hex digits of 4 bits and the text _old
//	sk_live_|0f3b…e2_old|     44 characters of 6
//
// docs/internals/score.md says how the numbers were found.
const (
	documentedBits = 4.0  // a documented length
	uniqueBits     = 0.0  // that no other issuer has
	generatorBits  = 6.0  // 16, 24, 32 … bytes in hex or base64
	anyLengthBits  = 10.0 // any other length
	gluedBits      = 12.0 // text follows with nothing between
	signBits       = 3.0  // or behind - or _
	otherBits      = 8.0  // the next line starts with something random that is another's
	binaryBits     = 8.0  // the same in bytes that are no text
	cleanBits      = 3.0  // in favour of a run whose end is one of text
	quotedBits     = 5.0  // that is quoted
	lengthBits     = 8.0  // a length in front that fits
	taggedBits     = 20.0 // one that need not fit
)

// The bits by which a key must be ahead of the next reading to be exact: if its
// run ends with it, in a documented shape or not, and if more follows.
const (
	wholeBits    = 6.0
	exactBits    = 10.0
	exactCutBits = 13.0
	unclearBits  = 15.0 // its run ends with a byte that is no text
)

// ending is one place where a key may end.
type ending struct {
	n          int // characters of the body
	bits       float64
	documented bool // a documented length
	unique     bool // of one issuer alone, or with characters that are always there
	measured   bool // the bytes in front give this length
	strong     bool // in a way that needs no other evidence
	why        string
}

// around is what is around a run, for its decision.
type around struct {
	text    bool // not binary
	zero    bool // the run ends with a NUL
	clean   bool // or with a sign of text
	quoted  bool // it is between two quotes
	lengths []length
}

// endings returns the places where the key of g's run may end, the likeliest
// first.
func (g *group) endings(m *Matcher, r *run, env around) []ending {
	m.sums.Read(r.text)
	list := m.endings[:0]
	n := len(r.text)
	for e := 1; e <= n; e++ {
		j := r.jointAt(e)
		if e < n && j == start && (e < g.Body.Min || !ascii.IsAlnum(r.text[e-1])) {
			continue
		}
		x := g.endingAt(m, r, e, j)
		switch {
		case e == n && (!env.clean || len(r.pieces) > 1):
		case e == n && env.quoted:
			x.bits -= quotedBits
		case e == n:
			x.bits -= cleanBits
		case j != start:
			other := m.sums.Random[n] - m.sums.Random[e]
			if j >= folded {
				other += otherBits
			}
			x.bits += stays[j] + min(m.sums.Text[e], other)
		case !ascii.IsAlnum(r.text[e]):
			x.bits += signBits + m.sums.Text[e]
		case env.text:
			x.bits += gluedBits + m.sums.Text[e]
		default:
			x.bits += binaryBits + m.sums.Text[e]
		}
		for _, p := range r.pieces[1:] {
			if p.from > e {
				x.bits += stays[p.joint]
			}
		}
		for _, l := range env.lengths {
			switch {
			case l.n != e:
			case l.is == strong, l.is == paired && (x.documented || e == n):
				x.bits, x.measured, x.strong = x.bits-taggedBits, true, true
			case x.documented && l.is == fits, e == n:
				x.bits, x.measured = x.bits-lengthBits, true
			}
		}
		if x.measured {
			x.why = "the length in front of it"
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b ending) int { return cmp.Or(cmp.Compare(a.bits, b.bits), b.n-a.n) })
	m.endings = list
	return list
}

// endingAt weighs a body of the first e characters of r by itself.
func (g *group) endingAt(m *Matcher, r *run, e int, j joint) ending {
	x := ending{n: e, bits: m.sums.Random[e] + anyLengthBits, why: "the run of characters ends"}
	switch {
	case j >= folded:
		x.why = "the line ends"
	case j >= operator:
		x.why = "the literal ends"
	case j == sign:
		x.why = "its looks change"
	case e < len(r.text):
		x.why = "what looks random ends"
	}
	if isGenerated(r.text[:e]) {
		x.bits += generatorBits - anyLengthBits
	}
	for _, rule := range g.rules {
		for i := range rule.Shapes {
			s := &rule.Shapes[i]
			if !s.ends(g.prefix, r.text[:e]) {
				continue
			}
			bits := s.widest*float64(e) - s.saved + documentedBits
			if s.Unique {
				bits += uniqueBits - documentedBits
			}
			x.bits, x.why = min(x.bits, bits), "a documented length"
			x.documented, x.unique = true, x.unique || s.Unique || s.saved >= exactCutBits
		}
	}
	return x
}

// isGenerated reports whether body is as long as what programs make of a round
// number of random bytes.
func isGenerated(body []byte) bool {
	switch n := len(body); n {
	case 16, 24, 32, 40, 48, 64:
		return true
	case 22, 43, 86: // 16, 32 and 64 bytes in base64
		return slices.ContainsFunc(body, func(c byte) bool { return !ascii.IsAlnum(c) })
	}
	return false
}

// maxTries limits the endings of one run that are scored.
const maxTries = 12

// decide returns which of endings, the likeliest first, is the key's, or -1, and how sure that is:
// the first whose body is random, or the usual one; and, if not sure, at most two others.
func (g *group) decide(m *Matcher, r *run, env around, list []ending) (best int, extent finding.Extent, more []int) {
	best = slices.IndexFunc(list, func(x ending) bool {
		return (x.documented || x.n == len(r.text)) && g.published(r.text[:x.n])
	})
	if best >= 0 {
		return best, finding.Exact, nil
	}
	usual, tries := r.usual(), 0
	// What is documented and has a clean end is never shortened, but to what is one
	// issuer's alone.
	whole := slices.ContainsFunc(list, func(x ending) bool { return x.n == len(r.text) && x.documented && env.clean && len(r.pieces) == 1 })
	_, s := g.scored(r.text[:usual])
	accepted := s.LLR < score.Max && s.Veto() == ""
	may := func(x ending) bool {
		if tries++; tries > maxTries || x.n < g.Body.Min || x.n == len(r.text) && r.tooLong {
			return false
		}
		_, s := g.scored(r.text[:x.n])
		return s.Veto() == "" && (s.LLR < score.High || s.LLR < score.Max && (x.unique || x.strong || accepted && x.documented || best >= 0 && x.n == len(r.text)))
	}
	best = slices.IndexFunc(list, func(x ending) bool {
		return x.n == usual && usual >= g.Body.Min || (!whole || x.unique || x.strong || x.n == len(r.text)) && may(x)
	})
	if best < 0 || r.tooLong && list[best].n == len(r.text) {
		return -1, finding.Likely, nil
	}
	x, ahead, n := list[best], exactCutBits, len(r.text)
	sure := x.measured || x.documented
	switch {
	case whole && x.n == n:
		ahead = wholeBits
	case x.n == n && env.clean:
		ahead, sure = exactBits, sure || env.text
	case x.n == n:
		ahead = unclearBits
	case r.jointAt(x.n) != start:
		sure = sure || env.text
	default: // what follows is of another alphabet, or the shape says more than a length
		other := m.sums.Random[n]/float64(n) > m.sums.Random[x.n]/float64(x.n)+0.5
		if sure = x.strong || x.unique || other; other && x.documented {
			ahead = wholeBits
		}
	}
	for i := 0; i < len(list) && len(more) < 2; i++ {
		if i != best && may(list[i]) {
			more = append(more, i)
		}
	}
	if x.strong {
		ahead = wholeBits
	}
	near := len(more) > 0 && list[more[0]].bits < x.bits+ahead
	switch {
	case r.jointAt(x.n) == folded:
		return best, finding.Cut, more
	case best > 0, near, !sure:
		return best, finding.Likely, more
	}
	return best, finding.Exact, nil
}

// usual returns where the key ends if it looks like none: where the characters do,
// but for what holds literals together and what is not seen.
func (r *run) usual() int {
	for _, p := range r.pieces[1:] {
		if p.joint >= beside && p.from > 0 {
			return p.from
		}
	}
	return len(r.text)
}
