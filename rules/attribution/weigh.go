package attribution

import (
	"bytes"
	"slices"

	"keysweep/rules/ascii"
)

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
