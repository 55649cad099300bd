package rules

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"keysweep/finding"
	"keysweep/rules/ascii"
	"keysweep/rules/attribution"
	"keysweep/rules/encoding"
	"keysweep/rules/score"
)

// maxSpan limits how many raw bytes one key can take: the longest body in the
// widest encoding. Keys further apart than that do not overlap.
const maxSpan = 4 << 10

// Matcher judges buffers. It is the scratch of one goroutine.
type Matcher struct {
	// Base is where the buffer begins in the file that it is of, in bytes.
	Base int64

	of         *Set
	set        *compiled // of that, once there is something to judge
	candidates []candidate
	accepted   []*candidate // of candidates
	packed     []packedAt
	matches    []Match
	found      []int // literals at one position
	inner      []int
	run        run
	sums       score.Sums
	endings    []ending
	lengths    []length
	buf        []byte
	core       Span        // of buf
	addressed  map[int]int // lengths in buf, by where a text begins; nil: not read
	explaining bool        // candidates note their endings
	reader     encoding.Reader
	around     attribution.Surroundings
	done       <-chan struct{} // see StopAt; nil: never
	work       int             // bytes judged, for tests
}

// NewMatcher returns a matcher of s.
func (s *Set) NewMatcher() *Matcher { return &Matcher{of: s} }

// Matches returns the candidates of buf, accepted and rejected, whose Start is in core, sorted
// by Start; each key once, however many readings found it. A caller with windows hands in
// Context bytes around core, as far as the text goes, and more of a program if it can. The
// result is valid until the next call on m.
func (m *Matcher) Matches(buf []byte, core Span) []Match {
	m.judgeAll(buf, core)
	m.matches = m.matches[:0]
	for i := range m.candidates {
		m.matches = append(m.matches, m.candidates[i].Match)
	}
	return m.matches
}

// Explain is Matches with the reasons.
func (m *Matcher) Explain(buf []byte, core Span) []Explanation {
	m.explaining = true
	m.judgeAll(buf, core)
	m.explaining = false
	list := make([]Explanation, len(m.candidates))
	for i := range m.candidates {
		list[i] = m.candidates[i].explained(m.set)
	}
	return list
}

// judgeAll fills m.candidates.
func (m *Matcher) judgeAll(buf []byte, core Span) {
	m.candidates, m.packed = m.candidates[:0], m.packed[:0]
	core.Start, core.End = max(core.Start, 0), min(core.End, len(buf))
	m.buf, m.core, m.addressed = buf, core, nil
	if core.Start >= core.End {
		return
	}
	if m.set == nil {
		m.set = m.of.compiled()
	}
	// What starts outside core may overlap a key inside, and be the better
	// reading of it.
	low := max(0, core.Start-maxSpan)
	high := min(len(buf), core.End+maxSpan)
	f := m.set.finder
	n := 0
	for at := range f.All(buf[low:high]) {
		at += low
		if n++; n%checkEvery == 0 && m.stopped() {
			break
		}
		m.found = f.AppendAt(m.found[:0], buf[:high], at)
		for _, l := range m.found {
			if e := &m.set.entries[l]; e.prefix != packed {
				m.judgeLiteral(buf, at, e)
			} else if at >= core.Start && at < core.End {
				m.packed = append(m.packed, packedAt{at, e.steps})
			}
		}
	}
	m.dropDoubles()
	m.candidates = slices.DeleteFunc(m.candidates, func(c candidate) bool { return c.Start < core.Start || c.Start >= core.End })
	m.addEvidence(buf)
}

// checkEvery is how many literals are judged before the matcher asks again whether the
// scan goes on: a rule's expression may take long.
const checkEvery = 64

// StopAt makes calls on m return early, with what they have so far, once done
// is closed. A caller that uses the result has to check done, too.
func (m *Matcher) StopAt(done <-chan struct{}) { m.done = done }

func (m *Matcher) stopped() bool {
	select {
	case <-m.done:
		return true
	default:
		return false
	}
}

// judgeLiteral decodes around a literal at buf[at:] and judges what comes out.
func (m *Matcher) judgeLiteral(buf []byte, at int, e *entry) {
	t, pos, ok := m.reader.Read(buf, at, e.steps, m.set.reach)
	prefix := m.set.prefixes[e.prefix].text
	if !ok || string(t.B[pos:min(len(t.B), pos+len(prefix))]) != prefix {
		return
	}
	m.judgePrefix(t, pos, e.prefix, e, at)
	// A longer prefix that ends in this one is another reading of the key.
	for _, p := range m.set.prefixes[e.prefix].longer {
		longer := m.set.prefixes[p].text
		if start := pos + len(prefix) - len(longer); start >= 0 && string(t.B[start:start+len(longer)]) == longer {
			m.judgePrefix(t, start, p, e, at)
		}
	}
}

// judgePrefix judges the prefix p at t.B[pos:], which came from the literal of
// e at buf[at:].
func (m *Matcher) judgePrefix(t *encoding.Text, pos, p int, e *entry, at int) {
	left := leftBoundary(t.B, pos, m.set.plain)
	for _, g := range m.set.prefixes[p].groups {
		c, ok := m.judge(t, pos, p, g, left)
		if !ok {
			continue
		}
		c.entry, c.Encoding, c.literalAt = e, e.steps.Names(), at
		m.candidates = append(m.candidates, c)
	}
}

// dropDoubles sorts the candidates and keeps one reading of each key: one goes if a better one
// holds all of it. That is transitive, so what made another one go may go itself.
func (m *Matcher) dropDoubles() {
	// The finder hands out literals in order, and a key starts within a few
	// bytes of its literal: nothing moves far.
	for i := 1; i < len(m.candidates); i++ {
		for j := i; j > 0 && m.candidates[j].before(&m.candidates[j-1]); j-- {
			m.candidates[j], m.candidates[j-1] = m.candidates[j-1], m.candidates[j]
			m.work++
		}
	}
	drop := false
	for i := range m.candidates {
		a := &m.candidates[i]
		for j := i + 1; j < len(m.candidates) && m.candidates[j].Start < a.End; j++ {
			b := &m.candidates[j]
			m.work++
			switch {
			case a.Start == b.Start && a.End == b.End && a.RuleID == b.RuleID && slices.Equal(a.Encoding, b.Encoding) && a.Confidence == b.Confidence, // two literals led to one key
				a.mayDrop(b) && a.better(b) && (a.End >= b.End || a.sameKey(b)):
				b.prefix, drop = dropped, true
			case b.mayDrop(a) && b.better(a) && (b.Start == a.Start && b.End >= a.End || b.sameKey(a)),
				b.Confidence != finding.Rejected && a.Confidence == finding.Rejected:
				a.prefix, drop = dropped, true
			}
		}
	}
	if drop {
		m.candidates = slices.DeleteFunc(m.candidates, func(c candidate) bool { return c.prefix == dropped })
	}
}

// before orders by start, the longer first.
func (c *candidate) before(b *candidate) bool {
	return c.Start < b.Start || c.Start == b.Start && c.End > b.End
}

// dropped is the candidate.prefix of one that goes.
const dropped = -1

// sameKey reports whether c's key is b's, or goes on where b's reading stops.
func (c *candidate) sameKey(b *candidate) bool {
	return strings.HasPrefix(c.Secret.Reveal(), b.Secret.Reveal())
}

// mayDrop reports whether c can be shown instead of b at all: no rule of
// the user's makes a key of the built-in rules less sure.
func (c *candidate) mayDrop(b *candidate) bool {
	return c.group.primary.BuiltIn || !b.group.BuiltIn || c.Confidence >= b.Confidence
}

// better orders readings of the same bytes.
func (c *candidate) better(b *candidate) bool {
	users := map[bool]int{false: 1} // who wrote the rule, by whether it is built in
	return cmp.Or(
		cmp.Compare(min(c.Confidence, finding.Low), min(b.Confidence, finding.Low)), // rejected or not
		cmp.Compare(c.Secret.Len(), b.Secret.Len()),
		cmp.Compare(c.Confidence, b.Confidence),
		cmp.Compare(users[c.group.primary.BuiltIn], users[b.group.primary.BuiltIn]),
		cmp.Compare(len(b.Encoding), len(c.Encoding)),
		slices.Compare(b.Encoding, c.Encoding),
		// The two byte orders of UTF-16: little endian starts at the letter, big
		// endian at the zero before it.
		cmp.Compare(c.Start, b.Start),
		cmp.Compare(c.End, b.End),
		cmp.Compare(b.RuleID, c.RuleID),
	) > 0
}

// Packed is a gzip file in base64, with what is in the same encoding behind it. The
// matcher does not look into it: that takes limits.
type Packed struct {
	Span              // of the encoded text in the buffer
	Literal  string   // what it was found by
	Data     []byte   // valid until the next one
	Encoding []string // as Match.Encoding
	Open     bool     // the encoded text may go on behind the buffer
	Long     bool     // it is longer than Data
}

// The limits of Packed.Data, in bytes: what is shorter than packedHead holds no key.
const (
	maxPacked  = 4 << 20
	packedHead = 40
)

// MaxPackedText is how many bytes of a buffer the longest Packed takes, but for its line
// breaks and escapes.
const MaxPackedText = maxPacked * 4 / 3 * 4 / 3

// packedAt is where a literal of a Packed is.
type packedAt struct {
	at    int
	steps encoding.Steps
}

// Packed returns what the last call of Matches met in buf, in order.
func (m *Matcher) Packed(buf []byte) iter.Seq[Packed] {
	return func(yield func(Packed) bool) {
		end := 0
		for _, l := range m.packed {
			if l.at < end || len(l.steps) == 1 && l.at > 0 && ascii.IsWord(buf[l.at-1]) && encoding.EscapeBefore(buf, l.at) == 0 {
				continue
			}
			// Its head first: a text may be full of them.
			t, pos, ok := m.reader.Read(buf, l.at, l.steps, packedHead)
			if !ok || !encoding.IsPacked(t.B[pos:]) {
				continue
			}
			p := Packed{Literal: string(l.steps.Literal()), Encoding: append(l.steps.Names(), "gzip")}
			p.Start = l.at
			if p.Data, p.End, ok = m.reader.ReadAll(buf, l.at, l.steps, maxPacked); !ok {
				continue
			}
			p.Open, p.Long = len(buf)-p.End < encoding.MaxBreak, len(p.Data) > maxPacked
			if end = p.End; !yield(p) {
				return
			}
		}
	}
}

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
