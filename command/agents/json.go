package agents

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// part is a member of an object, or an element of a list, as it is in a text: offsets
// in bytes.
type part struct {
	name       string // of a member
	at         int    // where it starts, with its name
	start, end int    // of the value
}

var errShape = errors.New("is not in the form that the agent reads")

// parts returns the parts of the object or list at text[start:end].
func parts(text []byte, start, end int) (list []part, err error) {
	d := json.NewDecoder(bytes.NewReader(text[start:end]))
	open, err := d.Token()
	if err != nil {
		return nil, err
	}
	isObject := open == json.Delim('{')
	if !isObject && open != json.Delim('[') {
		return nil, errShape
	}
	for d.More() {
		p := part{at: -1}
		if isObject {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			p.name, _ = name.(string)
			end := start + int(d.InputOffset())
			p.at = end - len(lastString(text[start:end]))
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, err
		}
		p.end = start + int(d.InputOffset())
		p.start = p.end - len(raw)
		if p.at < 0 {
			p.at = p.start
		}
		list = append(list, p)
	}
	return list, nil
}

// lastString returns the JSON string that b ends in.
func lastString(b []byte) []byte {
	for i := len(b) - 2; i >= 0; i-- {
		if b[i] != '"' {
			continue
		}
		slashes := 0
		for i-slashes > 0 && b[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return b[i:]
		}
	}
	return nil
}

// root returns where the object of a file is, without the white space around it.
func root(text []byte) (start, end int) {
	trimmed := bytes.TrimSpace(text)
	start = bytes.Index(text, trimmed)
	return start, start + len(trimmed)
}

// member returns the part of that name, nil if there is none.
func member(list []part, name string) *part {
	for i := range list {
		if list[i].name == name {
			return &list[i]
		}
	}
	return nil
}

// layout is how a file is written.
type layout struct {
	unit string // of indentation
	line string // ends a line; "" if all is on one line
}

func layoutOf(text []byte) layout {
	l := layout{"  ", "\n"}
	start, end := root(text)
	list, err := parts(text, start, end)
	if err != nil || len(list) == 0 {
		return l
	}
	if bytes.Contains(text, []byte("\r\n")) {
		l.line = "\r\n"
	}
	gap := string(text[start+1 : list[0].at])
	i := strings.LastIndexByte(gap, '\n')
	if i < 0 {
		return layout{}
	}
	if gap[i+1:] != "" {
		l.unit = gap[i+1:]
	}
	return l
}

// write returns v as JSON at a depth of the file.
func (l layout) write(v any, depth int) string {
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	if l.line != "" {
		out.SetIndent(strings.Repeat(l.unit, depth), l.unit)
	}
	_ = out.Encode(v) // texts and numbers
	return strings.ReplaceAll(strings.TrimSpace(b.String()), "\n", l.line)
}

// add returns text with an item as the last part of the object or list at start, which
// is at a depth of the file.
func (l layout) add(text []byte, start, end int, item string, depth int) ([]byte, error) {
	list, err := parts(text, start, end)
	if err != nil {
		return nil, err
	}
	indent, outer := l.line+strings.Repeat(l.unit, depth+1), l.line+strings.Repeat(l.unit, depth)
	if len(list) == 0 {
		return splice(text, start+1, end-1, indent+item+outer), nil
	}
	if l.line == "" {
		indent = " "
	}
	last := list[len(list)-1].end
	return splice(text, last, last, ","+indent+item), nil
}

// splice returns text with text[from:to] replaced.
func splice(text []byte, from, to int, by string) []byte {
	return bytes.Join([][]byte{text[:from], []byte(by), text[to:]}, nil)
}

// cut returns text without a part of the object or list at start, and its comma.
func cut(text []byte, start, end int, list []part, i int) []byte {
	switch {
	case len(list) == 1:
		return splice(text, start+1, end-1, "")
	case i == len(list)-1:
		return splice(text, list[i-1].end, list[i].end, "")
	}
	return splice(text, list[i].at, list[i+1].at, "")
}
