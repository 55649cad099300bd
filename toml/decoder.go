package toml

import (
	"bytes"
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
	text  []byte
	lines []int // where each line starts
	root  node
	skip  func(key string) bool
	at    Keys
}

// node is a position in the structs: the value to decode into, its path, and
// the path without indices, as the file has it. A value that is not valid
// belongs to another reader: nothing of it is decoded.
type node struct {
	v          reflect.Value
	path, name string
	in, key    reflect.Value // the map that takes v, and its key there
}

// header returns the table that [e] or [[e]] starts or goes on with.
func (d *decoder) header(e *unstable.Node) (n node, err error) {
	n = d.root
	var pos Position
	for it := e.Key(); it.Next() && n.v.IsValid(); {
		if key := it.Node(); n.path == "" {
			pos = d.position(int(key.Raw.Offset))
			pos.Col = 1 + bytes.IndexByte(d.text[d.lines[pos.Line-1]:], '[')
		}
		if n, err = d.member(n, it.Node(), pos); err != nil || !n.v.IsValid() {
			return n, err
		}
		starts := it.IsLast() && e.Kind == unstable.ArrayTable
		if isTables(n.v) {
			if starts {
				n.v.Set(reflect.Append(n.v, reflect.Zero(n.v.Type().Elem())))
			} else if it.IsLast() || n.v.Len() == 0 {
				return n, mustBe(n, pos)
			}
			n = n.element(n.v.Len() - 1)
		} else if !isTable(n.v) || starts {
			return n, mustBe(n, pos)
		}
	}
	return n, d.define(n, pos)
}

// pair decodes a key and its value, in table n.
func (d *decoder) pair(n node, e *unstable.Node) (err error) {
	if !n.v.IsValid() {
		return nil
	}
	var pos Position
	for it := e.Key(); it.Next(); {
		if !isTable(n.v) {
			return mustBe(n, pos)
		}
		pos = d.position(int(it.Node().Raw.Offset))
		if n, err = d.member(n, it.Node(), pos); err != nil || !n.v.IsValid() {
			return err
		}
	}
	if err := d.define(n, pos); err != nil {
		return err
	}
	if err := d.value(n, e.Value(), pos); err != nil || !n.in.IsValid() {
		return err
	}
	if n.in.IsNil() {
		n.in.Set(reflect.MakeMap(n.in.Type()))
	}
	n.in.SetMapIndex(n.key, n.v)
	return nil
}

// member returns what key is of n, a struct or a map.
func (d *decoder) member(n node, key *unstable.Node, pos Position) (node, error) {
	name := string(key.Data)
	if n.path == "" && d.skip != nil && d.skip(name) {
		return node{}, nil
	}
	t := n.v.Type()
	if t.Kind() == reflect.Map {
		entry := n.named(name, reflect.New(t.Elem()).Elem())
		entry.in, entry.key = n.v, reflect.ValueOf(name)
		return entry, nil
	}
	for i := range t.NumField() {
		tag := t.Field(i).Tag.Get("toml")
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
		return n.named(tag, v), nil
	}
	return n, fail(pos, "unknown key %q", n.named(name, n.v).name)
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
			return fail(pos, "%s: %s is out of range", n.name, e.Data)
		}
		n.v.SetInt(i)
	case kind == reflect.Float64 && (e.Kind == unstable.Float || e.Kind == unstable.Integer):
		f, err := strconv.ParseFloat(strings.ReplaceAll(string(e.Data), "_", ""), 64)
		if err != nil {
			return fail(pos, "%s: %s is out of range", n.name, e.Data)
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
		return mustBe(n, pos)
	}
	return nil
}

// array decodes the array e of the key at pos.
func (d *decoder) array(n node, e *unstable.Node, pos Position) error {
	n.v.Set(reflect.MakeSlice(n.v.Type(), 0, 0))
	for it := e.Children(); it.Next(); {
		item := it.Node()
		if item.Kind != unstable.String && !isTables(n.v) || item.Kind != unstable.InlineTable && isTables(n.v) {
			return mustBe(n, pos)
		}
		n.v.Set(reflect.Append(n.v, reflect.Zero(n.v.Type().Elem())))
		element := n.element(n.v.Len() - 1)
		if isTables(n.v) {
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
func (d *decoder) define(n node, pos Position) error {
	if _, ok := d.at[n.path]; ok {
		return fail(pos, "%s is defined twice", n.name)
	}
	d.at[n.path] = pos
	return nil
}

func fail(pos Position, format string, args ...any) error {
	return &Error{pos, fmt.Sprintf(format, args...)}
}

// mustBe says what the value at n has to be.
func mustBe(n node, pos Position) error {
	name, what := n.name, "a table"
	switch n.v.Kind() {
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
		if isTables(n.v) {
			name, what = "[["+name+"]]", "an array of tables"
		}
	}
	return fail(pos, "%s must be %s", name, what)
}

func isTable(v reflect.Value) bool { return v.Kind() == reflect.Struct || v.Kind() == reflect.Map }

func isTables(v reflect.Value) bool {
	return v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct
}

func (n node) element(i int) node {
	return node{v: n.v.Index(i), path: n.path + "[" + strconv.Itoa(i) + "]", name: n.name}
}

// named returns the node of v, which is called name in the table n.
func (n node) named(name string, v reflect.Value) node {
	if n.path == "" {
		return node{v: v, path: name, name: name}
	}
	return node{v: v, path: n.path + "." + name, name: n.name + "." + name}
}
