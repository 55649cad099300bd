package foreign

import (
	"bytes"
	"encoding/json"
	"strings"
)

// The YAML that programs write and people imitate: mappings and sequences by
// indentation, scalars on one line, plain or quoted. All else (flow collections,
// blocks of text, anchors, tags) is taken for text, so that an entry that needs it
// matches nothing and is listed. A library that reads all of YAML costs every start
// of the program, hooks included, 0.3 ms and 350 kB.

// maxDepth bounds nested collections.
const maxDepth = 32

type yamlLine struct {
	indent int
	text   string
}

// yamlReader goes through lines. In a sequence, "- " is cut off an item's first line,
// which is then a line of its own, further in.
type yamlReader struct {
	lines []yamlLine
	at    int
}

// parseYAML returns a map[string]any, a []any or a string; nil is nothing.
func parseYAML(text []byte) any {
	r := &yamlReader{}
	for raw := range bytes.Lines(text) {
		line := strings.TrimRight(string(raw), " \t\r\n")
		trimmed := strings.TrimLeft(line, " ")
		if trimmed == "" || trimmed[0] == '#' || line == "---" || line == "..." {
			continue
		}
		r.lines = append(r.lines, yamlLine{len(line) - len(trimmed), trimmed})
	}
	if len(r.lines) == 0 {
		return nil
	}
	return r.value(r.lines[0].indent, 0)
}

// value reads the value whose lines are indented by least or more.
func (r *yamlReader) value(least, depth int) any {
	if r.at == len(r.lines) || r.lines[r.at].indent < least {
		return nil
	}
	indent := r.lines[r.at].indent
	if depth == maxDepth {
		r.skip(indent)
		return nil
	}
	if isItem(r.lines[r.at].text) {
		var list []any
		for r.at < len(r.lines) && r.lines[r.at].indent == indent && isItem(r.lines[r.at].text) {
			l := &r.lines[r.at]
			rest := strings.TrimLeft(l.text[1:], " ")
			if rest == "" || rest[0] == '#' {
				r.at++
				list = append(list, r.value(indent+1, depth+1))
				continue
			}
			l.indent, l.text = indent+len(l.text)-len(rest), rest
			list = append(list, r.value(l.indent, depth+1))
			r.skip(indent + 1)
		}
		return list
	}
	if _, _, ok := cutKey(r.lines[r.at].text); !ok {
		text := scalar(r.lines[r.at].text)
		r.at++
		r.skip(indent)
		return text
	}
	m := make(map[string]any)
	for r.at < len(r.lines) && r.lines[r.at].indent == indent {
		key, rest, ok := cutKey(r.lines[r.at].text)
		if !ok {
			break
		}
		r.at++
		if rest == "" {
			least := indent + 1
			if r.at < len(r.lines) && isItem(r.lines[r.at].text) {
				least = indent // the items of a sequence need not be further in
			}
			m[key] = r.value(least, depth+1)
		} else {
			m[key] = scalar(rest)
		}
		r.skip(indent + 1)
	}
	return m
}

// skip passes over lines that are indented by least or more.
func (r *yamlReader) skip(least int) {
	for r.at < len(r.lines) && r.lines[r.at].indent >= least {
		r.at++
	}
}

func isItem(text string) bool { return text == "-" || strings.HasPrefix(text, "- ") }

// cutKey cuts "key: value", and removes a comment that is all of the value.
func cutKey(text string) (key, value string, ok bool) {
	if text[0] == '"' || text[0] == '\'' {
		end := strings.IndexByte(text[1:], text[0]) + 1
		if end == 0 || !strings.HasPrefix(text[end+1:], ":") {
			return "", "", false
		}
		key, value = text[1:end], text[end+2:]
	} else {
		var found bool
		if key, value, found = strings.Cut(text, ": "); !found {
			if key, found = strings.CutSuffix(text, ":"); !found {
				return "", "", false
			}
		}
	}
	value = strings.TrimLeft(value, " ")
	if strings.HasPrefix(value, "#") {
		value = ""
	}
	return strings.TrimRight(key, " "), value, true
}

// scalar returns the text of a scalar.
func scalar(s string) string {
	switch {
	case s[0] == '\'':
		var out strings.Builder
		for i := 1; i < len(s); i++ {
			if s[i] == '\'' {
				if i++; i == len(s) || s[i] != '\'' {
					break
				}
			}
			out.WriteByte(s[i])
		}
		return out.String()
	case s[0] == '"':
		var text string
		if json.NewDecoder(strings.NewReader(s)).Decode(&text) == nil { // nearly all escapes are JSON's
			return text
		}
		return s
	}
	if i := strings.Index(s, " #"); i >= 0 {
		s = strings.TrimRight(s[:i], " ")
	}
	return s
}
