package agents

import (
	"bytes"
	"encoding/json"
	"strings"

	"keysweep/agent/jsontext"
)

// root returns where the object of a file is, without the white space around it.
func root(text []byte) (start, end int) {
	trimmed := bytes.TrimSpace(text)
	start = bytes.Index(text, trimmed)
	return start, start + len(trimmed)
}

// member returns the part of that name, nil if there is none.
func member(list []jsontext.Part, name string) *jsontext.Part {
	for i := range list {
		if list[i].Name == name {
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
	list, err := jsontext.Parts(text, start, end)
	if err != nil || len(list) == 0 {
		return l
	}
	if bytes.Contains(text, []byte("\r\n")) {
		l.line = "\r\n"
	}
	gap := string(text[start+1 : list[0].At])
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
	list, err := jsontext.Parts(text, start, end)
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
	last := list[len(list)-1].End
	return splice(text, last, last, ","+indent+item), nil
}

// splice returns text with text[from:to] replaced.
func splice(text []byte, from, to int, by string) []byte {
	return bytes.Join([][]byte{text[:from], []byte(by), text[to:]}, nil)
}

// cut returns text without a part of the object or list at start, and its comma.
func cut(text []byte, start, end int, list []jsontext.Part, i int) []byte {
	switch {
	case len(list) == 1:
		return splice(text, start+1, end-1, "")
	case i == len(list)-1:
		return splice(text, list[i-1].End, list[i].End, "")
	}
	return splice(text, list[i].At, list[i+1].At, "")
}
