package attribution

import (
	"bytes"
	"fmt"
	"slices"
	"sort"

	"keysweep/rules/ascii"
)

// The distances of evidence, in bytes of the text that the key was judged in.
const (
	// hostReach is how near a host must be to count as the key's own. 86 % of
	// known keys have their issuer's name within 200 bytes.
	hostReach = 400
	twinReach = 200
	lineReach = 400 // lines of minified files have no ends
	// Reach is how far evidence may be from the start of a key.
	Reach = 15 << 10
	// similarFactor and similarBytes: a second issuer is as near as the first
	// if its distance is at most factor times as great, plus bytes.
	similarFactor, similarBytes = 2, 32
	maxNameRun                  = 64
)

// mention is one position where a source's literal is and counts.
type mention struct {
	start, end int
	// loose mentions count near the key only: a name that is part of a longer
	// one, and not assigned to.
	loose bool
}

// Surroundings are the mentions of a stretch of text: the scratch of one goroutine.
type Surroundings struct {
	folded   []byte
	found    []int
	mentions [][]mention // by source, sorted
	used     []int       // sources with mentions
	near     []nearby    // evidence of one key
	layout   layout
	// Work counts the bytes and mentions that were visited, for tests.
	Work int
}

// Scan lists the mentions whose literal is in b[low:high], which may be a path. Whether a
// literal counts may depend on a few bytes beyond.
func (s *Surroundings) Scan(a *Attributor, b []byte, low, high int, inPath bool) {
	for _, u := range s.used {
		s.mentions[u] = s.mentions[u][:0]
	}
	s.used = s.used[:0]
	if s.mentions == nil {
		s.mentions = make([][]mention, len(a.sources))
	}
	s.folded = s.folded[:0]
	s.Work += high - low
	for _, c := range b[low:high] {
		s.folded = append(s.folded, ascii.Fold(c))
	}
	for at := range a.finder.All(s.folded) {
		s.found = a.finder.AppendAt(s.found[:0], s.folded, at)
		for _, l := range s.found {
			start := low + at
			m, ok := mentionAt(&a.sources[l], b, start, start+len(a.finder.Literals()[l]), inPath)
			if ok && len(s.mentions[l]) == 0 {
				s.used = append(s.used, l)
			}
			if ok {
				s.mentions[l] = append(s.mentions[l], m)
			}
		}
	}
	slices.Sort(s.used)
	// A name or word within one of its issuer's "not" literals is none.
	for _, u := range s.used {
		void := s.mentions[u]
		if a.sources[u].kind != sourceNot {
			continue
		}
		for _, o := range s.used {
			if a.sources[o].kind != sourceNot && a.sources[o].issuer == a.sources[u].issuer {
				s.mentions[o] = slices.DeleteFunc(s.mentions[o], func(m mention) bool {
					i := sort.Search(len(void), func(i int) bool { return void[i].end >= m.end })
					return i < len(void) && void[i].start <= m.start
				})
			}
		}
	}
}

// nearby is evidence for one key, and where it is.
type nearby struct {
	Evidence
	mention
	relation // to the key
	kind     sourceKind
	onLine   bool
	comment  int // start of the comment line it is on, before the key; -1
}

func inLine(c byte) bool { return c != '\n' }

// Collect appends to known, what is known of a key of these shapes, the best
// evidence of each source at most reach bytes from its start.
func (s *Surroundings) Collect(a *Attributor, b []byte, key Key, reach int, shapes []string, known []Evidence) []Evidence {
	s.near = s.near[:0]
	lineStart, lineEnd := ascii.RunStart(b, key.Start, lineReach, inLine), ascii.RunEnd(b, key.End, lineReach, inLine)
	for _, u := range s.used {
		src, mentions := a.sources[u], s.mentions[u]
		if src.kind == sourceNot {
			continue
		}
		// The nearest of each side. Of names that are assigned to and loose
		// ones the nearest may be of the lesser sort: look on.
		i := sort.Search(len(mentions), func(i int) bool { return mentions[i].start >= key.Start })
		for _, side := range [...]struct{ first, step int }{{i - 1, -1}, {i, 1}} {
			seen := 0
			for j := side.first; j >= 0 && j < len(mentions) && seen < 2; j += side.step {
				s.Work++
				if n, ok := nearbyOf(&src, b, mentions[j], key, lineStart, lineEnd, reach); ok {
					s.near = append(s.near, n)
					seen++
				}
				if d := max(key.Start-mentions[j].end, mentions[j].start-key.End); d > hostReach && !mentions[j].loose || d > Reach {
					break
				}
			}
		}
	}
	s.weigh(a, b, key, shapes, known)
	for i := range s.near {
		if s.near[i].Kind != 0 {
			known = append(known, s.near[i].Evidence)
		}
	}
	return known
}

// nearbyOf makes evidence of a mention, if it counts for the key.
func nearbyOf(src *source, b []byte, m mention, key Key, lineStart, lineEnd, reach int) (nearby, bool) {
	where, distance := "before", key.Start-m.end
	if m.start >= key.End {
		where, distance = "after", m.start-key.End
	}
	if distance < 0 || m.start < key.Start-reach || m.end > key.Start+reach {
		return nearby{}, false // within the key, or too far
	}
	n := nearby{mention: m, kind: src.kind, comment: -1, onLine: m.start >= lineStart && m.end <= lineEnd}
	n.Evidence = Evidence{Issuer: src.issuer, Kind: File, Distance: distance}
	what, ok := n.judge(src, b, key)
	if ok {
		n.Text = fmt.Sprintf("%s, %d bytes %s", what, distance, where)
	}
	return n, ok
}

// judge decides what kind of evidence n is, and whether it counts. It returns
// what was seen, in words.
func (n *nearby) judge(src *source, b []byte, key Key) (what string, ok bool) {
	literal := b[n.start:n.end]
	switch src.kind {
	case sourceHost:
		n.Strong = true
		switch {
		case isUserOf(b, key, n.mention):
			n.Kind = Carrier
		case n.Distance <= hostReach:
			n.Kind = Host
		}
		return "host " + shownHost(literal), true
	case sourceName, sourceWord:
		n.Strong = n.onLine || src.kind == sourceName && !n.loose
		switch {
		case n.onLine:
			n.Kind = Name
		case n.loose && n.Distance <= twinReach:
			n.Kind = Twin
		case n.loose:
			return "", false
		}
		return fmt.Sprintf("name %s", literal), true
	case sourceEcho:
		// What follows the literal is a part of the key.
		n.Kind = Shape
		return src.echo.Literal + "… of the same account", n.Distance <= hostReach && src.echo.of(b, n.mention, key)
	}
	switch {
	case src.kind == sourceHeader && carries(b, n.mention, key):
		n.Kind = Carrier
	case n.Distance <= twinReach:
		n.Kind, n.Strong = Twin, true
	}
	if src.kind == sourcePublic {
		return "public key of " + src.issuer, true // the rest of it says nothing to a reader
	}
	return fmt.Sprintf("mention of %s", literal), true
}

// weigh sees how the evidence in s.near relates to the key: what names its section counts as a
// name on its line; what belongs to another key or section for little (Beside), or not (0).
func (s *Surroundings) weigh(a *Attributor, b []byte, key Key, shapes []string, known []Evidence) {
	if len(s.near) == 0 || slices.ContainsFunc(known, func(e Evidence) bool { return e.Kind == Shape }) {
		return
	}
	l := &s.layout
	l.read(a, b, key)
	s.Work += l.high - l.low + len(s.near)*(len(l.sections)+len(l.others))/8
	deepest := 0
	for i := range s.near {
		n := &s.near[i]
		if n.Kind < Carrier && l.headsAnother(b, n, key) {
			n.Kind = 0
			continue
		}
		if n.Kind >= Carrier || n.start < l.low || n.end > l.high {
			continue
		}
		n.relation = l.relationOf(n.start, key)
		switch {
		case n.void:
			n.Kind = 0
			continue
		case n.names && (n.kind == sourceName || n.kind == sourceWord):
			n.Kind = Name
		case s.isSpent(b, n, key):
			n.Kind = Beside
			continue
		}
		if !a.contradicts(n.Evidence, shapes) {
			deepest = max(deepest, n.level)
		}
	}
	for i := range s.near {
		n := &s.near[i]
		if n.foreign && n.level < deepest && n.Kind != 0 && n.Kind < Carrier {
			n.Kind = Beside
		}
	}
	s.dropOldHeadings(a, shapes)
}

// headsAnother reports whether n is the name of a section, out of l's reach, that the key is
// not in: one further down, or one above the outermost section that holds the key.
func (l *layout) headsAnother(b []byte, n *nearby, key Key) bool {
	if n.start >= l.low && n.end <= l.high || n.kind != sourceName && n.kind != sourceWord || !isSectionName(b, n.start, n.end) {
		return false
	}
	if n.start > key.Start {
		return true
	}
	for _, s := range l.own {
		if s.name > n.start && (s.name == 0 || b[s.name-1] == '\n') && b[s.name] != ' ' && b[s.name] != '\t' {
			return true
		}
	}
	return false
}

// isSectionName reports whether the name b[start:end] begins a line that holds
// no more than a name and a colon, or a [header].
func isSectionName(b []byte, start, end int) bool {
	start = ascii.RunStart(b, start, maxNameRun-(end-start), inLine)
	if start > 0 && b[start-1] != '\n' {
		return false
	}
	line := b[start:min(len(b), end+maxNameRun)]
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	line = bytes.TrimRight(line, " \t\r")
	if isHeader(line) {
		return true
	}
	name, ok := bytes.CutSuffix(line, []byte(":"))
	return ok && len(name) > 0 && !ascii.IsSpace(name[0]) && isOneName(name)
}

// isSpent reports whether n speaks for another key: one on its own line, the one behind it on
// the key's line, or what follows the comment that it is in.
func (s *Surroundings) isSpent(b []byte, n *nearby, key Key) bool {
	l := &s.layout
	start, end := l.lineOf(b, n.start)
	if !n.onLine {
		if isComment(b[start:n.start]) || isComment(b[start:end]) {
			if n.start > key.Start {
				return true
			}
			n.comment = start
		}
		return l.otherIn(start, end)
	}
	if n.end <= key.Start {
		return l.otherIn(n.end, key.Start)
	}
	if l.otherIn(key.End, n.start) {
		return true
	}
	name := ascii.RunEnd(b, n.end, end-n.end, ascii.IsName)
	return assignedAt(b, name) && l.otherIn(name, end)
}

// dropOldHeadings makes comments count for little that a later one, of another issuer and
// behind another key, took over from.
func (s *Surroundings) dropOldHeadings(a *Attributor, shapes []string) {
	latest := -1
	for i := range s.near {
		if n := &s.near[i]; n.comment >= 0 && n.Kind > Beside && !a.contradicts(n.Evidence, shapes) &&
			(latest < 0 || n.comment > s.near[latest].comment) {
			latest = i
		}
	}
	if latest < 0 {
		return
	}
	for i := range s.near {
		n := &s.near[i]
		if n.comment >= 0 && n.Issuer != s.near[latest].Issuer && n.Kind > Beside && s.layout.otherIn(n.comment, s.near[latest].comment) {
			n.Kind = Beside
		}
	}
}
