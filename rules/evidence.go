package rules

import (
	"sort"

	"keysweep/finding"
	"keysweep/rules/ascii"
	"keysweep/rules/attribution"
)

// nestedReach is the reach of evidence around a key under two encodings, in
// bytes.
const nestedReach = 512

// maxShared limits the stretch of text that neighbouring keys share one pass
// over, and with it the scratch.
const maxShared = 256 << 10

// addEvidence fills in what is around the accepted candidates, which are
// sorted by Start. Neighbouring keys share one pass over their surroundings.
func (m *Matcher) addEvidence(buf []byte) {
	a := m.set.attributor
	for i := 0; i < len(m.candidates); {
		if m.candidates[i].RejectedFor != "" {
			i++
			continue
		}
		low := max(0, m.candidates[i].Start-attribution.Reach)
		high := min(len(buf), m.candidates[i].Start+attribution.Reach)
		j := i + 1
		for j < len(m.candidates) && m.candidates[j].Start-attribution.Reach < high && high-low < maxShared {
			if m.candidates[j].RejectedFor == "" {
				high = min(len(buf), m.candidates[j].Start+attribution.Reach)
			}
			j++
		}
		near := m.candidates[i:j]
		m.around.Scan(a, buf, low, high)
		for k := range near {
			if c := &near[k]; c.RejectedFor == "" {
				c.Evidence = m.around.Collect(a, buf, attribution.Key{Start: c.Start, End: c.End}, attribution.Reach, c.Shapes, c.Evidence)
			}
		}
		m.addDecodedEvidence(buf, near, high-low)
		for k := range near {
			if c := &near[k]; c.RejectedFor == "" {
				c.Evidence = a.Rank(c.Shapes, c.Evidence)
			}
		}
		i = j
	}
}

// addDecodedEvidence adds what the text says that the keys of list were
// decoded from. Keys that one decoding reaches share it; list takes about
// size bytes of buf.
func (m *Matcher) addDecodedEvidence(buf []byte, list []candidate, size int) {
	for i := range list {
		list[i].attributed = list[i].RejectedFor != "" || len(list[i].entry.steps) == 0
	}
	for i := range list {
		first := &list[i]
		if first.attributed {
			continue
		}
		d := first.entry.steps[len(first.entry.steps)-1].decoder
		reach, shared := d.evidenceReach()
		if len(first.entry.steps) > 1 {
			// The outer encoding may take four bytes for each byte of the inner,
			// and that four for one.
			reach, shared = nestedReach, false
		}
		decode := reach
		if shared {
			decode = size
		}
		m.whole = text{b: buf}
		t, at, ok := m.decode(&m.whole, first.literalAt, first.entry, decode)
		if !ok {
			first.attributed = true
			continue
		}
		m.around.Scan(m.set.attributor, t.b, 0, len(t.b))
		last := len(list)
		if !shared {
			last = i + 1
		}
		for k := i; k < last; k++ {
			c := &list[k]
			pos := at
			if c != first {
				if c.attributed || !c.entry.sameSteps(first.entry) {
					continue
				}
				// The same alignment has a decoded byte that starts here.
				pos = sort.SearchInts(t.from, c.literalAt)
				if pos >= len(t.from) || t.from[pos] != c.literalAt {
					continue
				}
			}
			c.attributed = true
			key := attribution.Key{Start: pos, End: min(len(t.b), pos+c.end-c.start)}
			c.Evidence = m.around.Collect(m.set.attributor, t.b, key, reach, c.Shapes, c.Evidence)
		}
	}
}

// newAttributor returns what knows the issuers of rules.
func newAttributor(rules []*Rule) *attribution.Attributor {
	var issuers []attribution.Naming
	var prefixes [][]byte
	listed := map[string]bool{}
	for _, r := range rules {
		for _, l := range r.Literals {
			if !listed[l] && !ascii.IsAlnum(l[len(l)-1]) {
				listed[l] = true
				prefixes = append(prefixes, []byte(l))
			}
		}
		if r.Issuer != "" {
			issuers = append(issuers, r.naming)
		}
	}
	return attribution.New(issuers, prefixes)
}

// PathEvidence returns which issuers the path of a file names. It separates
// parts by '/'.
func (s *Set) PathEvidence(path string) []Evidence { return s.compiled().attributor.Path(path) }

// Attribute decides whose a key is; see attribution.Attributor.
func (s *Set) Attribute(shapes []string, ev []Evidence) (issuer string, why []string) {
	return s.compiled().attributor.Attribute(shapes, ev)
}

// Strength says how sure that is; see attribution.Attributor.
func (s *Set) Strength(issuer string, shapes []string, ev []Evidence) finding.Strength {
	return s.compiled().attributor.Strength(issuer, shapes, ev)
}
