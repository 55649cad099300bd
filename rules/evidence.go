package rules

import (
	"slices"

	"keysweep/rules/attribution"
)

// maxShared limits the stretch of text that neighbouring keys share one pass
// over, and with it the scratch.
const maxShared = 256 << 10

// addEvidence fills in what is around the accepted candidates, which are
// sorted by Start. Neighbouring keys share one pass over their surroundings.
func (m *Matcher) addEvidence(buf []byte) {
	a, list := m.set.attributor, m.accepted[:0]
	for i := range m.candidates {
		if m.candidates[i].RejectedFor == "" {
			list = append(list, &m.candidates[i])
		}
	}
	m.accepted = list
	for len(list) > 0 {
		low, high, n := max(0, list[0].Start-attribution.Reach), 0, 0
		for ; n < len(list) && (n == 0 || list[n].Start-attribution.Reach < high && high-low < maxShared); n++ {
			high = min(len(buf), list[n].Start+attribution.Reach)
		}
		near := list[:n]
		list = list[n:]
		m.around.Scan(a, buf, low, high, false)
		for _, c := range near {
			c.Evidence = m.around.Collect(a, buf, attribution.Key{Start: c.Start, End: c.End}, attribution.Reach, c.Shapes, c.Evidence)
		}
		m.addDecodedEvidence(buf, near, high-low)
		for _, c := range near {
			if c.Glued { // whose it is cannot be known from a name
				c.Evidence = slices.DeleteFunc(c.Evidence, func(e Evidence) bool { return e.Kind < attribution.Host })
			}
			c.Evidence = a.Rank(c.Shapes, c.Evidence)
		}
	}
}

// addDecodedEvidence adds what the text says that the keys of list were decoded from. Keys that
// one decoding reaches share it; list takes about size bytes of buf.
func (m *Matcher) addDecodedEvidence(buf []byte, list []*candidate, size int) {
	for i, first := range list {
		if first.attributed || len(first.entry.steps) == 0 {
			continue
		}
		reach, shared := first.entry.steps.EvidenceReach(attribution.Reach)
		decode, others := reach, list[i:i+1]
		if shared {
			decode, others = size, list[i:]
		}
		first.attributed = true
		t, at, ok := m.reader.Read(buf, first.literalAt, first.entry.steps, decode)
		if !ok {
			continue
		}
		m.around.Scan(m.set.attributor, t.B, 0, len(t.B), false)
		for _, c := range others {
			pos := at
			if c != first {
				if c.attributed || !c.entry.steps.Same(first.entry.steps) {
					continue
				}
				// The same alignment has a decoded byte that starts here.
				if pos, ok = t.At(c.literalAt); !ok {
					continue
				}
			}
			c.attributed = true
			key := attribution.Key{Start: pos, End: min(len(t.B), pos+c.end-c.start)}
			c.Evidence = m.around.Collect(m.set.attributor, t.B, key, reach, c.Shapes, c.Evidence)
		}
	}
}

// Attributor returns what decides whose a key is.
func (s *Set) Attributor() *attribution.Attributor { return s.compiled().attributor }
