package rules

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"

	"keysweep/rules/ascii"
	"keysweep/rules/finder"
)

// The distances of evidence, in bytes of the text that the key was judged in.
const (
	// hostReach is how near a host must be to count as the key's own. 86 % of
	// known keys have their issuer's name within 200 bytes.
	hostReach = 400
	twinReach = 200
	lineReach = 400 // lines of minified files have no ends
	// evidenceReach is how far evidence may be from the start of a key. What
	// is looked at around it stays within Context.
	evidenceReach = Context - 1<<10
	// similarFactor and similarBytes: a second issuer is as near as the first
	// if its distance is at most factor times as great, plus bytes.
	similarFactor, similarBytes = 2, 32
	maxNameRun                  = 64
	// nestedReach is the reach of evidence around a key under two encodings.
	nestedReach = 512
)

// sourceKind says how an evidence literal is read.
type sourceKind uint8

const (
	sourceHost sourceKind = iota
	sourceName
	sourceWord
	sourceTwin
	sourceHeader
	sourcePublic
	sourceEcho
	sourceNot
)

// source is one literal of a rule's evidence.
type source struct {
	issuer string
	kind   sourceKind
	public *publicKey // of sourcePublic
	echo   *echo      // of sourceEcho
}

// attributor knows what names each issuer.
type attributor struct {
	sources []source
	finder  *Finder // of the sources' literals, in lower case
	keys    *Finder // of what keys start with
	// documented holds the issuers whose bodies have a documented shape: a
	// body without it is not theirs.
	documented map[string]bool
}

func newAttributor(rules []*Rule) attributor {
	a := attributor{documented: map[string]bool{}}
	var lits, keys [][]byte
	listed := map[string]bool{}
	for _, r := range rules {
		for _, l := range r.Literals {
			if !listed[l] && !ascii.IsAlnum(l[len(l)-1]) {
				listed[l] = true
				keys = append(keys, []byte(l))
			}
		}
		if r.Issuer == "" {
			continue
		}
		if len(r.shapes) > 0 {
			a.documented[r.Issuer] = true
		}
		for kind, list := range [...][]string{
			sourceHost: r.evidence.Hosts, sourceName: r.evidence.Names, sourceWord: r.evidence.Words,
			sourceTwin: r.evidence.Twins, sourceHeader: r.evidence.Headers, sourceNot: r.evidence.Not,
		} {
			for _, l := range list {
				lits = append(lits, []byte(l))
				a.sources = append(a.sources, source{issuer: r.Issuer, kind: sourceKind(kind)})
			}
		}
		for i := range r.evidence.public {
			p := &r.evidence.public[i]
			lits = append(lits, []byte(strings.ToLower(p.literal)))
			a.sources = append(a.sources, source{issuer: r.Issuer, kind: sourcePublic, public: p})
		}
		for i := range r.evidence.Echoes {
			e := &r.evidence.Echoes[i]
			lits = append(lits, []byte(strings.ToLower(e.Literal)))
			a.sources = append(a.sources, source{issuer: r.Issuer, kind: sourceEcho, echo: e})
		}
	}
	a.finder, a.keys = finder.New(lits), finder.New(keys)
	return a
}

// mark is one place where a source's literal stands and counts.
type mark struct {
	start, end int
	// loose marks count near the key only: a name that is part of a longer
	// one, and not assigned to.
	loose bool
}

// surroundings are the marks of a stretch of text.
type surroundings struct {
	folded []byte
	found  []int
	marks  [][]mark // by source, sorted
	used   []int    // sources with marks
	near   []nearby // evidence of one key
	layout layout
	// standings of near to the key
	standings []standing
	work      int // bytes and marks looked at; for tests
}

// scan lists the marks whose literal lies in b[low:high]. Whether a literal
// counts may depend on a few bytes beyond.
func (s *surroundings) scan(a *attributor, b []byte, low, high int) {
	for _, u := range s.used {
		s.marks[u] = s.marks[u][:0]
	}
	s.used = s.used[:0]
	if s.marks == nil {
		s.marks = make([][]mark, len(a.sources))
	}
	s.folded = s.folded[:0]
	s.work += high - low
	for _, c := range b[low:high] {
		s.folded = append(s.folded, ascii.Fold(c))
	}
	for at := range a.finder.All(s.folded) {
		s.found = a.finder.AppendAt(s.found[:0], s.folded, at)
		for _, l := range s.found {
			start := low + at
			end := start + len(a.finder.Literals()[l])
			if m, ok := markAt(&a.sources[l], b, start, end); ok {
				if len(s.marks[l]) == 0 {
					s.used = append(s.used, l)
				}
				s.marks[l] = append(s.marks[l], m)
			}
		}
	}
	s.dropVoid(a)
	slices.Sort(s.used)
}

// dropVoid removes names and words that lie within one of their issuer's
// "not" literals.
func (s *surroundings) dropVoid(a *attributor) {
	for _, u := range s.used {
		if a.sources[u].kind != sourceNot {
			continue
		}
		void := s.marks[u]
		for _, o := range s.used {
			if a.sources[o].issuer != a.sources[u].issuer || a.sources[o].kind == sourceNot {
				continue
			}
			s.marks[o] = slices.DeleteFunc(s.marks[o], func(m mark) bool {
				i := sort.Search(len(void), func(i int) bool { return void[i].end >= m.end })
				return i < len(void) && void[i].start <= m.start
			})
		}
	}
}

// maxShared limits the stretch of text that neighbouring keys share one pass
// over, and with it the scratch.
const maxShared = 256 << 10

// addEvidence fills in what stands around the accepted candidates, which are
// sorted by Start. Neighbouring keys share one pass over their surroundings.
func (m *Matcher) addEvidence(buf []byte) {
	a := &m.set.attributor
	for i := 0; i < len(m.candidates); {
		if m.candidates[i].RejectedFor != "" {
			i++
			continue
		}
		low := max(0, m.candidates[i].Start-evidenceReach)
		high := min(len(buf), m.candidates[i].Start+evidenceReach)
		j := i + 1
		for j < len(m.candidates) && m.candidates[j].Start-evidenceReach < high && high-low < maxShared {
			if m.candidates[j].RejectedFor == "" {
				high = min(len(buf), m.candidates[j].Start+evidenceReach)
			}
			j++
		}
		near := m.candidates[i:j]
		m.around.scan(a, buf, low, high)
		for k := range near {
			if c := &near[k]; c.RejectedFor == "" {
				c.Evidence = m.around.collect(a, buf, Span{c.Start, c.End}, evidenceReach, &c.Match)
			}
		}
		m.addDecodedEvidence(buf, near, high-low)
		for k := range near {
			if c := &near[k]; c.RejectedFor == "" {
				c.Evidence = a.rank(c.Shapes, c.Evidence)
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
		m.around.scan(&m.set.attributor, t.b, 0, len(t.b))
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
			key := Span{pos, min(len(t.b), pos+c.end-c.start)}
			c.Evidence = m.around.collect(&m.set.attributor, t.b, key, reach, &c.Match)
		}
	}
}

// nearby is evidence for one key, and where it stands.
type nearby struct {
	Evidence
	mark
	kind    sourceKind
	onLine  bool
	comment int // start of the comment line it stands on, before the key; -1
}

// collect appends to c.Evidence the best evidence of each source for c, which
// is at b[key.Start:key.End], at most reach bytes from its start.
func (s *surroundings) collect(a *attributor, b []byte, key Span, reach int, c *Match) []Evidence {
	s.near = s.near[:0]
	lineStart, lineEnd := key.Start, key.End
	for lineStart > 0 && key.Start-lineStart < lineReach && b[lineStart-1] != '\n' {
		lineStart--
	}
	for lineEnd < len(b) && lineEnd-key.End < lineReach && b[lineEnd] != '\n' {
		lineEnd++
	}
	for _, u := range s.used {
		src, marks := a.sources[u], s.marks[u]
		if src.kind == sourceNot {
			continue
		}
		// The nearest of each side. Of names that are assigned to and loose
		// ones the nearest may be of the lesser sort: look on.
		i := sort.Search(len(marks), func(i int) bool { return marks[i].start >= key.Start })
		for j, seen := i-1, 0; j >= 0 && seen < 2; j-- {
			s.work++
			if n, ok := nearbyOf(&src, b, marks[j], key, lineStart, lineEnd, reach); ok {
				s.near = append(s.near, n)
				seen++
			}
			if d := key.Start - marks[j].end; d > hostReach && !marks[j].loose || d > evidenceReach {
				break
			}
		}
		for j, seen := i, 0; j < len(marks) && seen < 2; j++ {
			s.work++
			if n, ok := nearbyOf(&src, b, marks[j], key, lineStart, lineEnd, reach); ok {
				s.near = append(s.near, n)
				seen++
			}
			if d := marks[j].start - key.End; d > hostReach && !marks[j].loose || d > evidenceReach {
				break
			}
		}
	}
	s.weigh(a, b, key, c)
	list := c.Evidence
	for i := range s.near {
		if s.near[i].Kind != 0 {
			list = append(list, s.near[i].Evidence)
		}
	}
	return list
}

// nearbyOf makes evidence of a mark, if it counts for the key.
func nearbyOf(src *source, b []byte, m mark, key Span, lineStart, lineEnd, reach int) (nearby, bool) {
	where, distance := "before", key.Start-m.end
	if m.start >= key.End {
		where, distance = "after", m.start-key.End
	}
	if distance < 0 || m.start < key.Start-reach || m.end > key.Start+reach {
		return nearby{}, false // within the key, or too far
	}
	n := nearby{mark: m, kind: src.kind, comment: -1, onLine: m.start >= lineStart && m.end <= lineEnd}
	n.Evidence = Evidence{Issuer: src.issuer, Kind: EvidenceFile, Distance: distance}
	what, ok := n.judge(src, b, key)
	if ok {
		n.Text = fmt.Sprintf("%s, %d bytes %s", what, distance, where)
	}
	return n, ok
}

// judge decides what kind of evidence n is, and whether it counts. It returns
// what was seen, in words.
func (n *nearby) judge(src *source, b []byte, key Span) (what string, ok bool) {
	literal := b[n.start:n.end]
	switch src.kind {
	case sourceHost:
		n.Strong = true
		switch {
		case isUserOf(b, key, n.mark):
			n.Kind = EvidenceCarrier
		case n.Distance <= hostReach:
			n.Kind = EvidenceHost
		}
		return fmt.Sprintf("host %s", literal), true
	case sourceName, sourceWord:
		n.Strong = n.onLine || src.kind == sourceName && !n.loose
		switch {
		case n.onLine:
			n.Kind = EvidenceName
		case n.loose && n.Distance <= twinReach:
			n.Kind = EvidenceTwin
		case n.loose:
			return "", false
		}
		return fmt.Sprintf("name %s", literal), true
	case sourceEcho:
		// What follows the literal is a part of the key.
		n.Kind = EvidenceShape
		return src.echo.Literal + "… of the same account", n.Distance <= hostReach && src.echo.of(b, n.mark, key)
	}
	switch {
	case src.kind == sourceHeader && carries(b, n.mark, key):
		n.Kind = EvidenceCarrier
	case n.Distance <= twinReach:
		n.Kind, n.Strong = EvidenceTwin, true
	}
	if src.kind == sourcePublic {
		return "public key of " + src.issuer, true // the rest of it says nothing to a reader
	}
	return fmt.Sprintf("mention of %s", literal), true
}

// compareEvidence orders the strongest and nearest first.
func compareEvidence(a, b Evidence) int {
	return cmp.Or(cmp.Compare(b.Kind, a.Kind), cmp.Compare(a.Distance, b.Distance),
		cmp.Compare(a.Issuer, b.Issuer), cmp.Compare(a.Text, b.Text))
}
