package rules

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"sort"

	"keysweep/finding"
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
)

// sourceKind says how an evidence literal is read.
type sourceKind uint8

const (
	sourceHost sourceKind = iota
	sourceName
	sourceWord
	sourceTwin
	sourceNot
)

// source is one literal of a rule's evidence.
type source struct {
	issuer string
	kind   sourceKind
}

// attributor knows what names each issuer.
type attributor struct {
	sources []source
	finder  *Finder // of the sources' literals, in lower case
	// documented holds the issuers whose bodies have a documented shape: a
	// body without it is not theirs.
	documented map[string]bool
}

func newAttributor(rules []*Rule) attributor {
	a := attributor{documented: map[string]bool{}}
	var lits [][]byte
	for _, r := range rules {
		if r.Issuer == "" {
			continue
		}
		if len(r.shapes) > 0 {
			a.documented[r.Issuer] = true
		}
		for kind, list := range [...][]string{
			sourceHost: r.evidence.Hosts, sourceName: r.evidence.Names, sourceWord: r.evidence.Words,
			sourceTwin: r.evidence.Twins, sourceNot: r.evidence.Not,
		} {
			for _, l := range list {
				lits = append(lits, []byte(l))
				a.sources = append(a.sources, source{r.Issuer, sourceKind(kind)})
			}
		}
	}
	a.finder = newFinder(lits)
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
	work   int      // bytes and marks looked at; for tests
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
		s.folded = append(s.folded, fold(c))
	}
	for from := 0; ; {
		at, _, ok := a.finder.Next(s.folded, from)
		if !ok {
			break
		}
		s.found = a.finder.at(s.found[:0], s.folded, at)
		for _, l := range s.found {
			start := low + at
			end := start + len(a.finder.lits[l])
			if m, ok := markAt(a.sources[l].kind, b, start, end); ok {
				if len(s.marks[l]) == 0 {
					s.used = append(s.used, l)
				}
				s.marks[l] = append(s.marks[l], m)
			}
		}
		from = at + 1
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

// markAt judges the literal b[start:end].
func markAt(kind sourceKind, b []byte, start, end int) (mark, bool) {
	m := mark{start: start, end: end}
	switch kind {
	case sourceHost:
		return hostAt(b, start, end)
	case sourceName:
		loose, ok := nameAt(b, start, end)
		m.loose = loose
		return m, ok
	case sourceWord:
		return m, isWholeWord(b, start, end)
	case sourceTwin:
		return m, start == 0 || !isAlnum(b[start-1]) || !isAlnum(b[start])
	}
	return m, true
}

// hostAt recognises a host name that is, or ends in, b[start:end]; the mark is
// the whole of it. An e-mail address is no host.
func hostAt(b []byte, start, end int) (mark, bool) {
	m := mark{start: start, end: end}
	if end < len(b) {
		c := b[end]
		if isWord(c) || c == '-' || c == '@' || c == '.' && end+1 < len(b) && isAlnum(b[end+1]) {
			return m, false
		}
	}
	if start > 0 && (isWord(b[start-1]) || b[start-1] == '-') {
		return m, false
	}
	for m.start > 0 && start-m.start < maxNameRun && (isAlnum(b[m.start-1]) || b[m.start-1] == '.' || b[m.start-1] == '-') {
		m.start--
	}
	if m.start > 1 && b[m.start-1] == '@' && b[m.start-2] != ':' {
		token := m.start
		for token > 0 && m.start-token < maxGlued && !isSpace(b[token-1]) && !isQuote(b[token-1]) {
			token--
		}
		if !bytes.Contains(b[token:m.start], []byte("://")) {
			return m, false
		}
	}
	return m, true
}

// isWholeWord reports whether b[start:end] is a word of its own or a part of
// an identifier: bounded by something that is not a letter, or by a change of
// case (newMartisKey).
func isWholeWord(b []byte, start, end int) bool {
	if start > 0 && isAlnum(b[start-1]) && !(classOf(b[start-1]) == classLower && classOf(b[start]) == classUpper) {
		return false
	}
	if end < len(b) {
		switch classOf(b[end]) {
		case classLower:
			return false
		case classUpper:
			return classOf(b[end-1]) == classLower
		}
	}
	return true
}

// nameAt reports whether b[start:end] names a variable, a setting or a
// section. Prose does not count: Martis is a surname, too.
func nameAt(b []byte, start, end int) (loose, ok bool) {
	if !isWholeWord(b, start, end) {
		return false, false
	}
	p, q := start, end
	for p > 0 && start-p < maxNameRun && (isWord(b[p-1]) || b[p-1] == '-') {
		p--
	}
	for q < len(b) && q-end < maxNameRun && (isWord(b[q]) || b[q] == '-') {
		q++
	}
	joined := start > p && (b[start-1] == '_' || isAlnum(b[start-1])) || end < q && (b[end] == '_' || isAlnum(b[end]))
	if joined && isUpperName(b[p:q]) {
		return false, true
	}
	if assignedAt(b, q) && (p < start || end < q || startsStatement(b, p)) {
		return false, true
	}
	dotted := q
	for dotted < len(b) && dotted-q < maxNameRun && (isWord(b[dotted]) || b[dotted] == '-' || b[dotted] == '.') {
		dotted++
	}
	if dotted > q && assignedAt(b, dotted) {
		return false, true
	}
	if p == start && q == end && bracketed(b, start, end) {
		return false, true
	}
	return true, joined
}

func isUpperName(b []byte) bool {
	for _, c := range b {
		if classOf(c) == classLower || c == '-' {
			return false
		}
	}
	return true
}

// assignedAt reports whether b[at:] goes on as an assignment or opens a
// section: = : => {.
func assignedAt(b []byte, at int) bool {
	limit := min(len(b), at+maxNameRun)
	for at < limit && (isQuote(b[at]) || b[at] == ']') {
		at++
	}
	for at < limit && (b[at] == ' ' || b[at] == '\t') {
		at++
	}
	if at >= limit {
		return false
	}
	next := byte(0)
	if at+1 < len(b) {
		next = b[at+1]
	}
	switch b[at] {
	case '=':
		return next != '='
	case '{':
		return true
	case ':':
		return next != ':' && next != '/'
	}
	return false
}

// startsStatement reports whether what stands before b[:at] on its line is not
// prose.
func startsStatement(b []byte, at int) bool {
	i := at
	for i > 0 && at-i < maxNameRun && (b[i-1] == ' ' || b[i-1] == '\t' || isQuote(b[i-1])) {
		i--
	}
	if i == 0 || !isAlnum(b[i-1]) {
		// A comment's mark makes what follows prose: "# Martis: call me".
		return i == 0 || b[i-1] != '#' && b[i-1] != '/' && b[i-1] != '*'
	}
	for _, w := range [...]string{"export", "let", "const", "var", "set", "val", "def", "ENV", "ARG", "local", "final", "static", "string", "String"} {
		if bytes.HasSuffix(b[max(0, i-len(w)):i], []byte(w)) {
			return true
		}
	}
	return false
}

// bracketed recognises [name], ["name"] and ['name'].
func bracketed(b []byte, start, end int) bool {
	if start > 0 && end < len(b) && isQuote(b[start-1]) && b[end] == b[start-1] {
		start, end = start-1, end+1
	}
	return start > 0 && end < len(b) && b[start-1] == '[' && b[end] == ']'
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
				c.Evidence = m.around.collect(a, buf, Span{c.Start, c.End}, evidenceReach, c.Evidence)
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
			c.Evidence = m.around.collect(&m.set.attributor, t.b, key, reach, c.Evidence)
		}
	}
}

// collect appends to list the best evidence of each source for the key at
// b[key.Start:key.End], at most reach bytes from its start.
func (s *surroundings) collect(a *attributor, b []byte, key Span, reach int, list []Evidence) []Evidence {
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
			if e, ok := evidenceOf(src, b, marks[j], key, lineStart, lineEnd, reach); ok {
				list = append(list, e)
				seen++
			}
			if d := key.Start - marks[j].end; d > hostReach && !marks[j].loose || d > evidenceReach {
				break
			}
		}
		for j, seen := i, 0; j < len(marks) && seen < 2; j++ {
			s.work++
			if e, ok := evidenceOf(src, b, marks[j], key, lineStart, lineEnd, reach); ok {
				list = append(list, e)
				seen++
			}
			if d := marks[j].start - key.End; d > hostReach && !marks[j].loose || d > evidenceReach {
				break
			}
		}
	}
	return list
}

// evidenceOf makes evidence of a mark, if it counts for the key.
func evidenceOf(src source, b []byte, m mark, key Span, lineStart, lineEnd, reach int) (Evidence, bool) {
	var distance int
	where := "before"
	switch {
	case m.end <= key.Start:
		distance = key.Start - m.end
	case m.start >= key.End:
		distance, where = m.start-key.End, "after"
	default:
		return Evidence{}, false // within the key
	}
	if m.start < key.Start-reach || m.end > key.Start+reach {
		return Evidence{}, false
	}
	onLine := m.start >= lineStart && m.end <= lineEnd
	e := Evidence{Issuer: src.issuer, Kind: EvidenceFile, Distance: distance}
	word := ""
	switch src.kind {
	case sourceHost:
		word = "host"
		if distance <= hostReach {
			e.Kind = EvidenceHost
		}
	case sourceName, sourceWord:
		word = "name"
		switch {
		case onLine:
			e.Kind = EvidenceName
		case m.loose && distance <= twinReach:
			e.Kind = EvidenceTwin
		case m.loose:
			return e, false
		}
	case sourceTwin:
		word = "mention of"
		if distance <= twinReach {
			e.Kind = EvidenceTwin
		}
	}
	e.Text = fmt.Sprintf("%s %s, %d bytes %s", word, b[m.start:m.end], distance, where)
	return e, true
}

// compareEvidence orders the strongest and nearest first.
func compareEvidence(a, b Evidence) int {
	return cmp.Or(cmp.Compare(b.Kind, a.Kind), cmp.Compare(a.Distance, b.Distance),
		cmp.Compare(a.Issuer, b.Issuer), cmp.Compare(a.Text, b.Text))
}

// rank sorts the evidence of one place, keeps the best of each issuer, and
// says which of it is beaten.
func (a *attributor) rank(shapes []string, list []Evidence) []Evidence {
	slices.SortFunc(list, compareEvidence)
	kept := list[:0]
	for _, e := range list {
		if !slices.ContainsFunc(kept, func(k Evidence) bool { return k.Issuer == e.Issuer }) {
			kept = append(kept, e)
		}
	}
	best := -1
	for i := range kept {
		e := &kept[i]
		switch {
		case a.contradicts(e.Issuer, shapes):
			e.Weaker = true
		case best < 0:
			best = i
		default:
			e.Weaker = !similar(kept[best], *e)
		}
	}
	return kept
}

// similar reports whether evidence b, for another issuer, is as good as a.
func similar(a, b Evidence) bool {
	return a.Kind == b.Kind && (a.Kind == EvidenceShape || b.Distance <= similarFactor*a.Distance+similarBytes)
}

// contradicts reports whether the body cannot be issuer's: its documented
// bodies look otherwise.
func (a *attributor) contradicts(issuer string, shapes []string) bool {
	return a.documented[issuer] && !slices.Contains(shapes, issuer)
}

// PathEvidence returns which issuers the path of a file names. It separates
// parts by '/'.
func (s *Set) PathEvidence(path string) []Evidence {
	a := &s.attributor
	b := []byte(path)
	var around surroundings
	around.scanWords(a, b)
	var list []Evidence
	for _, u := range around.used {
		for _, m := range around.marks[u] {
			list = append(list, Evidence{
				Issuer: a.sources[u].issuer, Kind: EvidencePath, Distance: len(b) - m.end,
				Text: fmt.Sprintf("%s in the path %s", b[m.start:m.end], path),
			})
		}
	}
	slices.SortFunc(list, compareEvidence)
	return slices.CompactFunc(list, func(a, b Evidence) bool { return a.Issuer == b.Issuer })
}

// scanWords is scan for a path: names need be no more than whole words at the
// start of a part.
func (s *surroundings) scanWords(a *attributor, b []byte) {
	s.scan(a, b, 0, 0) // sizes marks
	for _, c := range b {
		s.folded = append(s.folded, fold(c))
	}
	for from := 0; ; {
		at, _, ok := a.finder.Next(s.folded, from)
		if !ok {
			break
		}
		for _, l := range a.finder.at(nil, s.folded, at) {
			end := at + len(a.finder.lits[l])
			kind := a.sources[l].kind
			m, ok := mark{start: at, end: end}, false
			switch kind {
			case sourceHost:
				m, ok = hostAt(b, at, end)
			case sourceName:
				ok = isWholeWord(b, at, end) && (at == 0 || b[at-1] == '/')
			case sourceWord:
				ok = isWholeWord(b, at, end)
			case sourceNot:
				ok = true
			}
			if ok {
				if len(s.marks[l]) == 0 {
					s.used = append(s.used, l)
				}
				s.marks[l] = append(s.marks[l], m)
			}
		}
		from = at + 1
	}
	s.dropVoid(a)
	s.used = slices.DeleteFunc(s.used, func(u int) bool { return a.sources[u].kind == sourceNot })
	slices.Sort(s.used)
}

// Attribute decides whose a key is from the issuers whose documented shape it
// has and from the evidence of all its places: a shape that nobody else has;
// else the issuer that evidence at every place agrees on, where a mere mention
// in the file yields to anything nearer; else the path. It returns
// finding.IssuerAmbiguous if two issuers are left, finding.IssuerUnknown if
// none is, and the evidence in words, strongest first. The order of ev does
// not matter.
func (s *Set) Attribute(shapes []string, ev []Evidence) (issuer string, why []string) {
	a := &s.attributor
	list := slices.Clone(ev)
	slices.SortFunc(list, compareEvidence)
	list = slices.DeleteFunc(list, func(e Evidence) bool { return a.contradicts(e.Issuer, shapes) || e.Weaker })
	for _, kinds := range [...][2]EvidenceKind{
		{EvidenceShape, EvidenceShape}, {EvidenceTwin, EvidenceHost}, {EvidenceFile, EvidenceFile}, {EvidencePath, EvidencePath},
	} {
		var issuers, words []string
		for _, e := range list {
			if e.Kind < kinds[0] || e.Kind > kinds[1] {
				continue
			}
			if !slices.Contains(issuers, e.Issuer) {
				issuers = append(issuers, e.Issuer)
				words = append(words, e.Issuer+": "+e.Text)
			}
		}
		switch len(issuers) {
		case 0:
		case 1:
			return issuers[0], words
		default:
			return finding.IssuerAmbiguous, words
		}
	}
	return finding.IssuerUnknown, nil
}
