// Package toml decodes TOML into structs and knows where every key is. It
// refuses what the structs do not name: a misspelt key is an error at its line
// and column.
//
// The syntax is go-toml's, whose syntax tree carries positions. Its decoder is
// not used: it reports the Go type instead of what the file should hold, and
// its time grows with the square of the number of keys.
package toml

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"
)

// Position is where a key is in a file: 1-based, the column in bytes.
type Position struct{ Line, Col int }

// Error is what is wrong with a file, and where.
type Error struct {
	Position
	Reason string
}

func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Col, e.Reason)
}

// LocalDate is a date without time and zone, as 2026-01-31, that was decoded
// into an empty interface.
type LocalDate string

// Keys holds the position of every key that was decoded, by its path: names
// joined by dots, with the index of a table or value in its array. The key id
// of the third [[rule]] is rule[2].id.
type Keys map[string]Position

// At returns the position of the key at path; if the file lacks it, that of the
// innermost table around it that has a position, or else line 1, column 1.
func (k Keys) At(path string) Position {
	for {
		if p, ok := k[path]; ok {
			return p
		}
		i := strings.LastIndexAny(path, ".[")
		if i < 0 {
			return Position{1, 1}
		}
		path = path[:i]
	}
}

// Decode decodes text into the struct that v points to, by the toml tags of its
// fields: strings, bool, int, float64, slices, maps with string keys, structs,
// pointers to one of them, and any. A value of type any holds a string or a
// LocalDate, or the text of another value as []byte. Keys at the top for which
// skip returns true are left to other readers; skip may be nil. An error is an *Error.
func Decode(text []byte, v any, skip func(key string) bool) (Keys, error) {
	if !utf8.Valid(text) {
		return nil, &Error{Position{1, 1}, "not UTF-8"}
	}
	if i := bytes.IndexByte(text, 0); i >= 0 {
		line := bytes.LastIndexByte(text[:i], '\n') + 1
		return nil, &Error{Position{bytes.Count(text[:i], []byte("\n")) + 1, i - line + 1}, "a NUL byte: TOML is UTF-8, and this is perhaps UTF-16"}
	}
	d := &decoder{text: bytes.TrimPrefix(text, []byte("\uFEFF")), root: node{v: reflect.ValueOf(v).Elem()}, skip: skip, at: Keys{}, lines: []int{0}}
	for i, c := range d.text {
		if c == '\n' {
			d.lines = append(d.lines, i+1)
		}
	}
	var parser unstable.Parser
	parser.Reset(d.text)
	for table := d.root; parser.NextExpression(); {
		var err error
		if e := parser.Expression(); e.Kind == unstable.KeyValue {
			err = d.pair(table, e)
		} else {
			table, err = d.header(e)
		}
		if err != nil {
			return nil, err
		}
	}
	if syntax, ok := errors.AsType[*unstable.ParserError](parser.Error()); ok {
		return nil, &Error{d.position(int(parser.Range(syntax.Highlight).Offset)), syntax.Message}
	}
	return d.at, nil
}

// position returns where a byte of the text is.
func (d *decoder) position(offset int) Position {
	line, _ := slices.BinarySearch(d.lines, offset+1)
	return Position{line, offset - d.lines[line-1] + 1}
}
