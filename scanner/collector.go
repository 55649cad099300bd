package scanner

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"keysweep/finding"
	"keysweep/rules"
	"keysweep/rules/attribution"
	"keysweep/scanner/container"
)

// collector gathers the candidates of all targets: one record per distinct key.
type collector struct {
	set          *rules.Set
	keepRejected bool
	foreign      bool              // comments of other scanners count
	containers   *container.Budget // nil: they are not opened
	unopened     bool              // Options.UnopenedNoted
	skip         func(...finding.Skipped)
	progress     *Progress

	mu   sync.Mutex
	keys map[finding.Secret]*record // guarded by mu
	cut  bool                       // guarded by mu; locations were left out
	full bool                       // guarded by mu; candidates beyond maxKeys were left out
}

// maxKeys limits the distinct candidates of a scan: each takes up to 5 KB, and a
// file may be nothing else. What is beyond makes the scan incomplete.
const maxKeys = 100_000

// record is all that is known of a key.
type record struct {
	finding   finding.Finding
	shapes    []string
	evidence  map[evidenceKey]rules.Evidence
	locations map[location]view
	based     []rules.Evidence // all of it, of a finding
	// partial says that the history of the key is not wholly known; open, that
	// it may have occurrences that were never met.
	partial, open bool
}

type evidenceKey struct {
	issuer string
	kind   attribution.Kind
}

// candidate is a match at one location.
type candidate struct {
	match  rules.Match
	offset int64 // of the key, in bytes
	at     location
	view   view
	// open says that its key may be at names and in members of containers that were
	// left out: exceptions may tell each of them from the others.
	open bool
	// allowed counts those of the same key and content that were left out, but whose
	// comment accepts the key; of the first one that has such a comment.
	allowed int
}

func newCollector(set *rules.Set, keepRejected bool, progress *Progress) *collector {
	return &collector{set: set, keepRejected: keepRejected, progress: progress, keys: make(map[finding.Secret]*record)}
}

// add takes candidates. cut says that some locations were left out.
func (c *collector) add(list []candidate, cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = c.cut || cut
	for i := range list {
		c.addOne(&list[i])
	}
}

func (c *collector) addOne(s *candidate) {
	m := &s.match
	r, known := c.keys[m.Secret]
	if !known {
		if len(c.keys) >= maxKeys {
			c.full = true
			return
		}
		r = &record{finding: finding.Finding{Secret: m.Secret, Glued: true}, evidence: make(map[evidenceKey]rules.Evidence), locations: make(map[location]view)}
		c.keys[m.Secret] = r
	}
	f := &r.finding
	if f.Confidence == finding.Rejected && m.Confidence > finding.Rejected {
		c.progress.Candidates.Add(1)
	}
	if m.Confidence == finding.Rejected && f.Confidence > finding.Rejected {
		return
	}
	if m.Confidence > finding.Rejected && f.Confidence == finding.Rejected {
		clear(r.locations) // of rejected candidates
	}
	if !known || m.Confidence > f.Confidence || m.Confidence == f.Confidence && smaller(m, f) {
		// The order in which workers come must not matter.
		f.Confidence, f.RuleID, f.Environment = m.Confidence, m.RuleID, m.Environment
		f.Typed, f.Score, f.RejectedFor, f.Encoding = m.Typed, m.Score, m.RejectedFor, slices.Clone(m.Encoding)
	}
	if m.Confidence == finding.Rejected {
		if c.keepRejected {
			r.locations[s.at] = s.view
		}
		return
	}
	r.open = r.open || s.open
	r.addExtent(m, len(r.locations) == 0)
	r.shapes = m.Shapes
	for _, e := range m.Evidence {
		k := evidenceKey{e.Issuer, e.Kind}
		if old, ok := r.evidence[k]; !ok || better(e, old) {
			r.evidence[k] = e
		}
	}
	r.locations[s.at] = s.view
}

// addExtent notes how sure the ends of the key are at one place, the first or a
// further one: the surest counts.
func (r *record) addExtent(m *rules.Match, first bool) {
	f := &r.finding
	if first || m.Extent < f.Extent || m.Extent == f.Extent && compareKeys(m.Candidates, f.Candidates) < 0 {
		f.Extent, f.Candidates = m.Extent, m.Candidates
	}
	r.addFormer(m.Former...)
	f.Glued = f.Glued && m.Glued
}

// addFormer adds what older versions took for the key.
func (r *record) addFormer(list ...finding.Secret) {
	f := &r.finding
	f.Former = append(f.Former, list...)
	slices.SortFunc(f.Former, func(a, b finding.Secret) int { return cmp.Compare(a.Reveal(), b.Reveal()) })
	f.Former = slices.Compact(f.Former)
	f.Former = f.Former[:min(len(f.Former), maxFormer)]
}

// mergeGlued joins keys with something else behind them to the keys that were found
// without it elsewhere: one key has one id. The longest is taken first.
func (c *collector) mergeGlued() {
	for _, long := range slices.SortedFunc(maps.Keys(c.keys), func(a, b finding.Secret) int { return cmp.Compare(a.Reveal(), b.Reveal()) }) {
		from := c.keys[long]
		if from.finding.Confidence == finding.Rejected || len(from.shapes) > 0 && from.finding.Extent == finding.Exact {
			continue // it has nothing behind it
		}
		prefix, body := long.Prefix(), long.Reveal()[len(long.Prefix()):]
		for n := len(body) - 1; n > 0; n-- {
			key := finding.NewSecret(prefix, body[:n])
			if r := c.keys[key]; r != nil && from.mayBe(r) && rules.IsGlued(long, key) {
				r.absorb(from)
				delete(c.keys, long)
				break
			}
		}
	}
}

// mayBe reports whether r may be key with something behind it, from what is known of
// the ends of both.
func (r *record) mayBe(key *record) bool {
	switch {
	case key.finding.Confidence == finding.Rejected || key.finding.Extent != finding.Exact:
		return false
	case r.finding.Extent == finding.Exact:
		return len(key.shapes) > 0
	case len(r.shapes) > 0: // a length that is documented, but not sure
		return slices.Contains(r.finding.Candidates, key.finding.Secret)
	}
	return true
}

// absorb takes over the places of a record of the same key with something behind it.
func (r *record) absorb(from *record) {
	glued := from.finding.Secret
	for at, v := range from.locations {
		if extra := glued.Len() - r.finding.Secret.Len(); len(from.finding.Encoding) == 0 && v.endColumn > at.column+extra {
			v.endColumn, v.unitEndColumn = v.endColumn-extra, v.unitEndColumn-extra
		}
		v.as = glued
		r.locations[at] = v
	}
	for k, e := range from.evidence {
		if old, ok := r.evidence[k]; !ok || better(e, old) {
			r.evidence[k] = e
		}
	}
	r.open = r.open || from.open
	r.addFormer(append(from.finding.Former, glued)...)
	r.finding.Glued = r.finding.Glued && from.finding.Glued
}

// maxFormer limits Finding.Former: a key has a few neighbours, and an attack any
// number.
const maxFormer = 16

func compareKeys(a, b []finding.Secret) int {
	return slices.CompareFunc(a, b, func(x, y finding.Secret) int { return cmp.Compare(x.Reveal(), y.Reveal()) })
}

// better reports whether evidence e replaces old, which is of the same kind and
// for the same issuer.
func better(e, old rules.Evidence) bool {
	if e.Weaker != old.Weaker {
		return old.Weaker
	}
	if e.Strong != old.Strong {
		return e.Strong
	}
	return cmp.Or(cmp.Compare(e.Distance, old.Distance), cmp.Compare(e.Text, old.Text)) < 0
}

// smaller orders matches of one key that have the same confidence: the least
// encoded one is shown.
func smaller(m *rules.Match, f *finding.Finding) bool {
	return cmp.Or(cmp.Compare(len(m.Encoding), len(f.Encoding)), slices.Compare(m.Encoding, f.Encoding),
		cmp.Compare(m.RuleID, f.RuleID), cmp.Compare(m.RejectedFor, f.RejectedFor)) < 0
}
