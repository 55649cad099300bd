// Package jsontext says where the parts of a JSON text are, so that one can be changed or
// looked at and the rest stays as it is.
package jsontext

import (
	"bytes"
	"encoding/json"
	"errors"
)

// Part is a member of an object, or an element of a list, as it is in a text: offsets
// in bytes.
type Part struct {
	Name       string // of a member
	At         int    // where it starts, with its name
	Start, End int    // of the value
}

// ErrShape is the error for what is neither an object nor a list.
var ErrShape = errors.New("neither a JSON object nor a list")

// Parts returns the parts of the object or list at text[start:end].
func Parts(text []byte, start, end int) (list []Part, err error) {
	d := json.NewDecoder(bytes.NewReader(text[start:end]))
	open, err := d.Token()
	if err != nil {
		return nil, err
	}
	isObject := open == json.Delim('{')
	if !isObject && open != json.Delim('[') {
		return nil, ErrShape
	}
	for d.More() {
		p := Part{At: -1}
		if isObject {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			p.Name, _ = name.(string)
			end := start + int(d.InputOffset())
			p.At = end - len(lastString(text[start:end]))
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, err
		}
		p.End = start + int(d.InputOffset())
		p.Start = p.End - len(raw)
		if p.At < 0 {
			p.At = p.Start
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
