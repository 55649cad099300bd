package rules

import "strings"

// keyPos is where a key of a TOML file stands. Line and column are 1-based,
// the column in bytes.
type keyPos struct {
	path      string // dotted, of bare names
	rule      int    // index of the [[rule]], or other array of tables, that it belongs to; -1: of none
	line, col int
}

// keyPositions lists every key of a TOML file in order. The toml package
// checks the file and says which keys nobody asked for, but not where they
// are; this scan knows just enough of the syntax (strings, comments, brackets)
// to find them in a file that is already known to be valid.
func keyPositions(text string) []keyPos {
	var list []keyPos
	s := keyScanner{text: text, line: 1, rule: -1, arrays: map[string]int{}}
	for s.pos < len(s.text) {
		list = s.expression(list)
	}
	return list
}

// KeyPosition returns where key stands in the n-th, from 0, table of the array
// [[table]] of a valid TOML text: the 1-based line, and the column in bytes. If
// the key is not there, or "", it is where the table's header stands; line 1,
// column 1 if that is not there either.
func KeyPosition(text, table string, n int, key string) (line, col int) {
	return tablePosition(keyPositions(text), table, n, key)
}

func tablePosition(keys []keyPos, table string, n int, key string) (line, col int) {
	line, col = 1, 1
	header := false
	for _, k := range keys {
		switch {
		case k.rule != n || k.path != table && !strings.HasPrefix(k.path, table+"."):
		case k.path == table+"."+key:
			return k.line, k.col
		case !header:
			header, line, col = true, k.line, k.col
		}
	}
	return line, col
}

type keyScanner struct {
	text      string
	pos       int
	line      int
	lineStart int
	rule      int            // index of the current table in its array
	arrays    map[string]int // how many tables of an array there were
	table     string         // the current header
}

func (s *keyScanner) next() byte {
	c := s.text[s.pos]
	s.pos++
	if c == '\n' {
		s.line++
		s.lineStart = s.pos
	}
	return c
}

// expression reads one line: blank, comment, header or key and value.
func (s *keyScanner) expression(list []keyPos) []keyPos {
	s.blank(true)
	if s.pos >= len(s.text) {
		return list
	}
	if s.text[s.pos] == '[' {
		line, col := s.line, s.pos-s.lineStart+1
		array := strings.HasPrefix(s.text[s.pos:], "[[")
		for s.pos < len(s.text) && s.text[s.pos] == '[' {
			s.next()
		}
		s.table = s.key("]")
		name, _, below := strings.Cut(s.table, ".")
		if array && !below {
			s.arrays[name]++
		}
		s.rule = s.arrays[name] - 1
		list = append(list, keyPos{s.table, s.rule, line, col})
		s.toLineEnd()
		return list
	}
	return s.pair(s.table, list)
}

// pair reads key = value; the keys of inline tables in value count, too.
func (s *keyScanner) pair(table string, list []keyPos) []keyPos {
	line, col, before := s.line, s.pos-s.lineStart+1, s.pos
	path := join(table, s.key("="))
	list = append(list, keyPos{path, s.rule, line, col})
	if s.pos < len(s.text) && s.text[s.pos] == '=' {
		s.next()
		list = s.value(path, list)
	}
	if s.pos == before { // not TOML after all: go on behind it
		s.next()
	}
	return list
}

func (s *keyScanner) value(path string, list []keyPos) []keyPos {
	s.blank(false)
	if s.pos >= len(s.text) {
		return list
	}
	switch c := s.text[s.pos]; c {
	case '"', '\'':
		s.quoted()
	case '[', '{':
		end := byte(']')
		if c == '{' {
			end = '}'
		}
		s.next()
		for {
			s.blank(true)
			for s.pos < len(s.text) && s.text[s.pos] == ',' {
				s.next()
				s.blank(true)
			}
			if s.pos >= len(s.text) {
				return list
			}
			if s.text[s.pos] == end {
				s.next()
				return list
			}
			before := s.pos
			if c == '{' {
				list = s.pair(path, list)
			} else {
				list = s.value(path, list)
			}
			if s.pos == before {
				s.next()
			}
		}
	default:
		for s.pos < len(s.text) && strings.IndexByte(",]}#\n", s.text[s.pos]) < 0 {
			s.next()
		}
	}
	return list
}

// key reads a dotted key up to one of stop, and leaves stop unread.
func (s *keyScanner) key(stop string) string {
	var b strings.Builder
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; {
		case strings.IndexByte(stop, c) >= 0 || c == '\n':
			return b.String()
		case c == '"' || c == '\'':
			start := s.pos
			s.quoted()
			b.WriteString(strings.Trim(s.text[start:s.pos], `"'`))
		case c == ' ' || c == '\t' || c == '\r':
			s.next()
		default:
			b.WriteByte(s.next())
		}
	}
	return b.String()
}

// quoted reads a string of any of the four kinds.
func (s *keyScanner) quoted() {
	q := s.text[s.pos : s.pos+1]
	if triple := q + q + q; strings.HasPrefix(s.text[s.pos:], triple) {
		for range triple {
			s.next()
		}
		for s.pos < len(s.text) && !strings.HasPrefix(s.text[s.pos:], triple) {
			if s.next() == '\\' && q == `"` && s.pos < len(s.text) {
				s.next()
			}
		}
		// One or two quotes may stand before the closing three.
		for s.pos < len(s.text) && s.text[s.pos] == q[0] {
			s.next()
		}
		return
	}
	s.next()
	for s.pos < len(s.text) && s.text[s.pos] != '\n' {
		switch c := s.next(); {
		case c == q[0]:
			return
		case c == '\\' && q == `"` && s.pos < len(s.text):
			s.next()
		}
	}
}

// blank skips spaces and, if lines is set, line ends and comments.
func (s *keyScanner) blank(lines bool) {
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; {
		case c == ' ' || c == '\t':
			s.next()
		case lines && (c == '\n' || c == '\r'):
			s.next()
		case lines && c == '#':
			s.toLineEnd()
		default:
			return
		}
	}
}

func (s *keyScanner) toLineEnd() {
	for s.pos < len(s.text) && s.text[s.pos] != '\n' {
		s.next()
	}
}

func join(table, key string) string {
	if table == "" {
		return key
	}
	return table + "." + key
}
