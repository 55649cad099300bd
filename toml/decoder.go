package toml

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// decoder decodes one file, expression by expression: a header, or a key and
// its value. Each byte of the file is visited a fixed number of times, whatever
// it holds.
type decoder struct {
	parser unstable.Parser
	root   reflect.Value
	skip   func(key string) bool
	table  node                // of the last header
	at     map[string]Position // see Keys

	// Up to seen there are line-1 line feeds; the last is before lineStart.
	seen, lineStart, line int
	work                  int // bytes searched for line feeds, for tests
}

// node is a position in the structs: the value to decode into and its path. A
// value that is not valid belongs to another reader: nothing of it is decoded.
type node struct {
	v    reflect.Value
	path string
}

func newDecoder(text []byte, v any, skip func(string) bool) *decoder {
	d := &decoder{root: reflect.ValueOf(v).Elem(), skip: skip, at: map[string]Position{}, line: 1}
	d.table = node{v: d.root}
	d.parser.Reset(text)
	return d
}

// decode decodes the whole text. An error is an *Error.
func (d *decoder) decode() error {
	for d.parser.NextExpression() {
		if err := d.expression(d.parser.Expression()); err != nil {
			return err
		}
	}
	var syntax *unstable.ParserError
	if errors.As(d.parser.Error(), &syntax) {
		return d.fail(d.position(int(d.parser.Range(syntax.Highlight).Offset)), "%s", syntax.Message)
	}
	return nil
}

func (d *decoder) expression(e *unstable.Node) (err error) {
	if e.Kind == unstable.KeyValue {
		return d.pair(d.table, e)
	}
	d.table, err = d.header(e)
	return err
}

// header returns the table that [e] or [[e]] starts or goes on with.
func (d *decoder) header(e *unstable.Node) (node, error) {
	n := node{v: d.root}
	array := e.Kind == unstable.ArrayTable
	var pos Position
	for it := e.Key(); it.Next() && n.v.IsValid(); {
		key := it.Node()
		if n.path == "" {
			pos = d.headerPosition(key, array)
		}
		var err error
		if n, err = d.member(n, key, pos); err != nil {
			return n, err
		}
		switch {
		case !n.v.IsValid():
		case n.v.Kind() == reflect.Slice && n.v.Type().Elem().Kind() == reflect.Struct:
			if it.IsLast() && array {
				n.v.Set(reflect.Append(n.v, reflect.Zero(n.v.Type().Elem())))
			} else if it.IsLast() || n.v.Len() == 0 {
				return n, d.mustBe(n, pos)
			}
			n = n.element(n.v.Len() - 1)
		case !isTable(n.v) || array && it.IsLast():
			return n, d.mustBe(n, pos)
		}
	}
	if n.v.IsValid() {
		return n, d.define(n.path, pos)
	}
	return n, nil
}

// pair decodes a key and its value, in table n.
func (d *decoder) pair(n node, e *unstable.Node) error {
	if !n.v.IsValid() {
		return nil
	}
	var pos Position
	var err error
	for it := e.Key(); it.Next(); {
		key := it.Node()
		pos = d.position(int(key.Raw.Offset))
		if !isTable(n.v) {
			return d.mustBe(n, pos)
		}
		if n.v.Kind() == reflect.Map {
			if !it.IsLast() {
				return d.mustBe(node{reflect.Zero(n.v.Type().Elem()), join(n.path, string(key.Data))}, pos)
			}
			return d.mapEntry(n, string(key.Data), e.Value(), pos)
		}
		if n, err = d.member(n, key, pos); err != nil || !n.v.IsValid() {
			return err
		}
	}
	if err := d.define(n.path, pos); err != nil {
		return err
	}
	return d.value(n, e.Value(), pos)
}

// mapEntry decodes the value of a key that a map holds.
func (d *decoder) mapEntry(n node, key string, value *unstable.Node, pos Position) error {
	if n.v.IsNil() {
		n.v.Set(reflect.MakeMap(n.v.Type()))
	}
	entry := node{reflect.New(n.v.Type().Elem()).Elem(), join(n.path, key)}
	if err := d.define(entry.path, pos); err != nil {
		return err
	}
	if err := d.value(entry, value, pos); err != nil {
		return err
	}
	n.v.SetMapIndex(reflect.ValueOf(key), entry.v)
	return nil
}

// member returns what key is of n, a struct or a map.
func (d *decoder) member(n node, key *unstable.Node, pos Position) (node, error) {
	name := string(key.Data)
	if n.path == "" && d.skip != nil && d.skip(name) {
		return node{}, nil
	}
	if n.v.Kind() == reflect.Struct {
		for i := range n.v.NumField() {
			tag := n.v.Type().Field(i).Tag.Get("toml")
			if tag == "" || !strings.EqualFold(tag, name) {
				continue
			}
			v := n.v.Field(i)
			if v.Kind() == reflect.Pointer {
				if v.IsNil() {
					v.Set(reflect.New(v.Type().Elem()))
				}
				v = v.Elem()
			}
			return node{v, join(n.path, tag)}, nil
		}
	}
	return n, d.fail(pos, "unknown key %q", plain(join(n.path, name)))
}

// value decodes the value e of the key at pos.
func (d *decoder) value(n node, e *unstable.Node, pos Position) error {
	switch kind := n.v.Kind(); {
	case kind == reflect.Interface:
		n.v.Set(reflect.ValueOf(untyped(e)))
	case kind == reflect.String && e.Kind == unstable.String:
		n.v.SetString(string(e.Data))
	case kind == reflect.Bool && e.Kind == unstable.Bool:
		n.v.SetBool(e.Data[0] == 't')
	case kind == reflect.Int && e.Kind == unstable.Integer:
		i, err := strconv.ParseInt(string(e.Data), 0, strconv.IntSize)
		if err != nil {
			return d.fail(pos, "%s: %s is out of range", plain(n.path), e.Data)
		}
		n.v.SetInt(i)
	case kind == reflect.Float64 && (e.Kind == unstable.Float || e.Kind == unstable.Integer):
		f, err := strconv.ParseFloat(strings.ReplaceAll(string(e.Data), "_", ""), 64)
		if err != nil {
			return d.fail(pos, "%s: %s is out of range", plain(n.path), e.Data)
		}
		n.v.SetFloat(f)
	case kind == reflect.Slice && e.Kind == unstable.Array:
		return d.array(n, e, pos)
	case isTable(n.v) && e.Kind == unstable.InlineTable:
		for it := e.Children(); it.Next(); {
			if err := d.pair(n, it.Node()); err != nil {
				return err
			}
		}
	default:
		return d.mustBe(n, pos)
	}
	return nil
}

// array decodes the array e of the key at pos.
func (d *decoder) array(n node, e *unstable.Node, pos Position) error {
	n.v.Set(reflect.MakeSlice(n.v.Type(), 0, 0))
	for it := e.Children(); it.Next(); {
		n.v.Set(reflect.Append(n.v, reflect.Zero(n.v.Type().Elem())))
		element, item := n.element(n.v.Len()-1), it.Node()
		isTable := item.Kind == unstable.InlineTable
		switch {
		case element.v.Kind() == reflect.String && item.Kind != unstable.String, element.v.Kind() == reflect.Struct && !isTable:
			return d.mustBe(n, pos)
		case isTable:
			d.at[element.path] = d.position(int(item.Raw.Offset))
		}
		if err := d.value(element, item, pos); err != nil {
			return err
		}
	}
	return nil
}

// untyped returns the value e without a type to decode it into.
func untyped(e *unstable.Node) any {
	switch e.Kind {
	case unstable.String:
		return string(e.Data)
	case unstable.LocalDate:
		return LocalDate(e.Data)
	}
	return bytes.Clone(e.Data)
}

// define notes where a key is. No key is defined twice.
func (d *decoder) define(path string, pos Position) error {
	if _, ok := d.at[path]; ok {
		return d.fail(pos, "%s is defined twice", plain(path))
	}
	d.at[path] = pos
	return nil
}

// position returns where a byte of the text is. Calls ask for greater and
// greater offsets.
func (d *decoder) position(offset int) Position {
	text := d.parser.Data()
	for d.seen < offset {
		i := bytes.IndexByte(text[d.seen:offset], '\n')
		if i < 0 {
			d.work += offset - d.seen
			d.seen = offset
			break
		}
		d.work += i + 1
		d.seen += i + 1
		d.line, d.lineStart = d.line+1, d.seen
	}
	return Position{d.line, offset - d.lineStart + 1}
}

// headerPosition returns where the header with the first key key starts.
func (d *decoder) headerPosition(key *unstable.Node, array bool) Position {
	pos := d.position(int(key.Raw.Offset))
	line := d.parser.Data()[d.lineStart:key.Raw.Offset]
	pos.Col = bytes.LastIndexByte(line, '[') + 1
	if array {
		pos.Col--
	}
	return pos
}

func (d *decoder) fail(pos Position, format string, args ...any) error {
	return &Error{pos, fmt.Sprintf(format, args...)}
}

// mustBe says what the value at n has to be.
func (d *decoder) mustBe(n node, pos Position) error {
	name, what := plain(n.path), "a table"
	switch t := n.v.Type(); t.Kind() {
	case reflect.String:
		what = "a string"
	case reflect.Bool:
		what = "true or false"
	case reflect.Int:
		what = "a whole number"
	case reflect.Float64:
		what = "a number"
	case reflect.Slice:
		what = "an array of strings"
		if t.Elem().Kind() == reflect.Struct {
			name, what = "[["+name+"]]", "an array of tables"
		}
	}
	return d.fail(pos, "%s must be %s", name, what)
}

func isTable(v reflect.Value) bool { return v.Kind() == reflect.Struct || v.Kind() == reflect.Map }

func (n node) element(i int) node {
	return node{n.v.Index(i), n.path + "[" + strconv.Itoa(i) + "]"}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// plain returns a path without its indices, as the file has it.
func plain(path string) string {
	for {
		i := strings.IndexByte(path, '[')
		j := strings.IndexByte(path[max(i, 0):], ']')
		if i < 0 || j < 0 {
			return path
		}
		path = path[:i] + path[i+j+1:]
	}
}
