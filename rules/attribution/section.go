package attribution

import (
	"bytes"
	"slices"
	"strings"

	"keysweep/rules/ascii"
)

// sectionReach is how far around a key, in bytes, its file's structure is
// read. All evidence that is stronger than a mention elsewhere is within.
const sectionReach = 1 << 10

// maxSections limits how many sections are distinguished around one key.
const maxSections = 128

// maxNesting limits how deep brackets and indentation are followed.
const maxNesting = 32

// section is a stretch of text that belongs together and the name in front of
// it: what brackets enclose, the lines that are indented under another one, or
// the lines below a [header].
//
//	"martis": {"key": "…"}      name "martis": , body {…}
//	martis:                     name: this line
//	  key: …                    body: the indented lines
//	[martis]                    name: this line
//	key = …                     body: up to the next [header]
type section struct{ name, body, end int }

// holds reports whether position p is in s or in its name.
func (s section) holds(p int) bool { return p >= s.name && p < s.end }

// layout is the structure of the text around one key.
type layout struct {
	low, high int
	key       int // where the key starts
	sections  []section
	open      []section // scratch: not yet closed
	indents   []int     // scratch, of open
	brackets  []byte    // scratch, of open
	others    []int     // starts of other keys and placeholders of keys
	own       []section // sections that hold the key
}

// read finds the sections and the other keys around key.
func (l *layout) read(a *Attributor, b []byte, key Key) {
	l.low, l.high = max(0, key.Start-sectionReach), min(len(b), key.Start+sectionReach)
	l.key = key.Start
	l.sections, l.others, l.own = l.sections[:0], l.others[:0], l.own[:0]
	l.readBrackets(b)
	l.readLines(b)
	for at, lit := range a.keys.All(b[l.low:l.high]) {
		at += l.low
		end := at + len(a.keys.Literals()[lit])
		if (at < key.Start || at >= key.End) && isKeyLike(b, at, end) {
			l.others = append(l.others, at)
		}
	}
	for _, s := range l.sections {
		if s.holds(key.Start) {
			l.own = append(l.own, s)
		}
	}
}

// isKeyLike reports whether the literal b[at:end] is by itself and has
// some characters behind it: a key, or a placeholder of one.
func isKeyLike(b []byte, at, end int) bool {
	return (at == 0 || !ascii.IsName(b[at-1])) && ascii.RunEnd(b, end, 4, ascii.IsName) == end+4
}

// add takes s, and what holds the key whatever the number.
func (l *layout) add(s section) {
	if len(l.sections) < maxSections || s.holds(l.key) {
		l.sections = append(l.sections, s)
	}
}

// readBrackets adds what { } and [ ] enclose. A bracket without its like
// closes nothing; one that is still open at the end encloses the rest.
func (l *layout) readBrackets(b []byte) {
	l.open, l.brackets = l.open[:0], l.brackets[:0]
	for i := l.low; i < l.high; i++ {
		switch c := b[i]; c {
		case '{', '[':
			if len(l.open) < maxNesting {
				l.open, l.brackets = append(l.open, section{bracketName(b, l.low, i), i, l.high}), append(l.brackets, c+2)
			}
		case '}', ']':
			n := bytes.LastIndexByte(l.brackets, c)
			if n < 0 {
				continue
			}
			s := l.open[n]
			s.end = i + 1
			// [martis], ["key"] and ${name} enclose a name, nothing else.
			if !isOneName(bytes.Trim(b[s.body+1:i], "[]")) {
				l.add(s)
			}
			l.open, l.brackets = l.open[:n], l.brackets[:n]
		}
	}
	for _, s := range l.open {
		l.add(s)
	}
}

// isOneName reports whether b is one word, perhaps in quotes.
func isOneName(b []byte) bool {
	other := func(c byte) bool { return !ascii.IsDotted(c) && !ascii.IsQuote(c) && c != ' ' }
	return len(b) <= maxNameRun && !slices.ContainsFunc(b, other)
}

// bracketName returns where the name of the bracket at b[at] starts: of
// name {, "name": {, name = [, 'name' => [, name({.
func bracketName(b []byte, low, at int) int {
	end := ascii.RunStart(b, at, min(maxNameRun, at-low), func(c byte) bool { return strings.IndexByte(" \t:=>(\"'`", c) >= 0 })
	if start := ascii.RunStart(b, end, min(maxNameRun, end-low), ascii.IsDotted); start < end {
		return start
	}
	return at
}

// readLines adds the lines that are indented under another one, and those
// below a [header].
func (l *layout) readLines(b []byte) {
	l.open, l.indents = l.open[:0], l.indents[:0]
	header, last := section{name: -1}, -1 // last: start of the line above that is not blank
	at := l.low
	if at > 0 && b[at-1] != '\n' {
		// The indentation of a line that is cut is not known.
		at = l.high
		if i := bytes.IndexByte(b[l.low:l.high], '\n'); i >= 0 {
			at = l.low + i + 1
		}
	}
	for line := range bytes.Lines(b[at:l.high]) {
		end := at + len(line)
		line = bytes.TrimRight(line, " \t\r\n")
		text := bytes.TrimLeft(line, " \t")
		if len(text) > 0 {
			indent := len(line) - len(text)
			if bytes.HasPrefix(text, []byte("- ")) {
				indent++ // an item may be right below its list's name
			}
			for n := len(l.open); n > 0 && l.indents[n-1] >= indent; n-- {
				s := l.open[n-1]
				s.end = at
				if s.body <= last {
					l.add(s)
				}
				l.open, l.indents = l.open[:n-1], l.indents[:n-1]
			}
			if len(l.open) < maxNesting {
				l.open, l.indents = append(l.open, section{at, end, l.high}), append(l.indents, indent)
			}
			if isHeader(text) {
				if header.end = at; header.name >= 0 {
					l.add(header)
				}
				header = section{at, end, l.high}
			}
			last = at
		}
		at = end
	}
	for _, s := range l.open {
		if s.body <= last {
			l.add(s)
		}
	}
	if header.name >= 0 {
		l.add(header)
	}
}

// isHeader recognises [name] and [[name]] that are alone on a line.
func isHeader(text []byte) bool {
	n := len(text)
	return n > 2 && text[0] == '[' && text[n-1] == ']' && isOneName(bytes.Trim(text, "[]"))
}

// lineOf returns the line that holds position p, as far as it is in l.
func (l *layout) lineOf(b []byte, p int) (start, end int) {
	return ascii.RunStart(b, p, p-l.low, inLine), ascii.RunEnd(b, p, l.high-p, inLine)
}

// otherIn reports whether another key starts in b[start:end].
func (l *layout) otherIn(start, end int) bool {
	return slices.ContainsFunc(l.others, func(o int) bool { return o >= start && o < end })
}

// isComment reports whether a line is a comment or a heading.
func isComment(line []byte) bool {
	line = bytes.TrimLeft(line, " \t")
	return slices.ContainsFunc([]string{"#", ";", "//", "/*", "*", "<!--", "--"}, func(sign string) bool { return bytes.HasPrefix(line, []byte(sign)) })
}

// relation is how a position in the text relates to the key.
type relation struct {
	// level counts the sections that hold both.
	level int
	// foreign: it is in a section, or names one, that does not hold the key.
	foreign bool
	// void: it and the key are in sections of their own, and the other one
	// has a key, too.
	void bool
	// names: it is in the name of a section that holds the key.
	names bool
}

func (l *layout) relationOf(at int, key Key) relation {
	var st relation
	if at < l.low || at >= l.high {
		return st
	}
	apart := false
	for _, s := range l.own {
		if s.holds(at) {
			st.level++
			st.names = st.names || at < s.body && key.Start >= s.body
		} else {
			apart = true
		}
	}
	for _, s := range l.sections {
		if s.holds(at) && !s.holds(key.Start) {
			st.foreign = true
			st.void = st.void || apart && l.otherIn(s.name, s.end)
		}
	}
	return st
}
