package report

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"unicode/utf16"
	"unicode/utf8"

	"keysweep/finding"
	"keysweep/quote"
)

// writeJSON writes one JSON object, schema/report-2.schema.json. Findings are
// encoded one at a time, so a report of any size needs the memory of one.
func writeJSON(w io.Writer, res *finding.Result, opts Options) error {
	r := newRecorder(res, opts)
	j := newJSONWriter(w, r.Redactor)
	record := func(f *finding.Finding) any { return r.finding(f) }
	j.indent = "  "
	j.raw("{")
	j.member("schema_version", SchemaVersion)
	j.member("tool", opts.tool())
	j.member("scan", r.scan(res))
	list(j, "findings", res.Findings, record)
	if opts.ShowRejected {
		list(j, "rejected", res.RejectedFindings, record)
	}
	list(j, "skipped", res.Skipped, func(s finding.Skipped) any { return r.skipped(s) })
	j.member("summary", r.summary(res))
	j.raw("\n}\n")
	return j.flush()
}

// writeJSONL writes the lines of schema/line-2.schema.json: one scan, then
// findings, then rejected and skipped, and last one summary. A file without the
// summary was cut; one whose summary counts other lines has lost some.
func writeJSONL(w io.Writer, res *finding.Result, opts Options) error {
	r := newRecorder(res, opts)
	j := newJSONWriter(w, r.Redactor)
	lines := 0
	write := func(kind string, members ...member) {
		j.encode(append(object{{"type", kind}}, members...), "", "")
		j.raw("\n")
		lines++
	}
	write("scan", member{"schema_version", SchemaVersion}, member{"tool", opts.tool()}, member{"scan", r.scan(res)})
	for i, f := range slices.Concat(res.Findings, opts.rejected(res)) {
		if j.err != nil {
			break
		}
		kind := "finding"
		if i >= len(res.Findings) {
			kind = "rejected"
		}
		write(kind, member{"finding", r.finding(f)})
	}
	for _, s := range res.Skipped {
		write("skipped", member{"skipped", r.skipped(s)})
	}
	write("summary", member{"complete", res.Complete()}, member{"lines", lines + 1}, member{"summary", r.summary(res)})
	return j.flush()
}

// list writes a member whose value is an array, until record returns nil. It
// returns how many elements it wrote.
func list[T any](j *jsonWriter, name string, items []T, record func(T) any) (written int) {
	j.name(name)
	j.raw("[")
	for _, item := range items {
		v := record(item)
		if v == nil || j.err != nil {
			break
		}
		if written > 0 {
			j.raw(",")
		}
		j.raw("\n" + j.indent + "  ")
		j.encode(v, j.indent+"  ", "  ")
		written++
	}
	if written > 0 {
		j.raw("\n" + j.indent)
	}
	j.raw("]")
	return written
}

// object is a JSON object: its members in the order in which they are written,
// or null.
type object []member

// member is a member of an object; one without a name is left out.
type member struct {
	name  string
	value any
}

// given returns a member that is left out if value is zero or an empty list.
func given(name string, value any) member {
	if v := reflect.ValueOf(value); !v.IsValid() || v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0 {
		return member{}
	}
	return member{name, value}
}

// text is bytes that others decide, and that need not be UTF-8: a member whose
// value it is, or points to it, or is a list of them, then has a twin that ends in Base64, with the exact
// bytes.
type text string

// jsonWriter keeps the first error, so that writers need not look each time. It
// hides the keys in every string.
type jsonWriter struct {
	w       *bufio.Writer
	keys    *quote.Redactor
	encoder *json.Encoder // into compact; one for all, since it keeps its buffers
	compact bytes.Buffer
	spread  bytes.Buffer // compact with line feeds and indentation
	out     []byte
	indent  string // of the members of the object that is written
	comma   bool   // it has a member
	err     error
}

func newJSONWriter(w io.Writer, keys *quote.Redactor) *jsonWriter {
	j := &jsonWriter{w: bufio.NewWriter(w), keys: keys}
	j.encoder = json.NewEncoder(&j.compact)
	j.encoder.SetEscapeHTML(false)
	return j
}

func (j *jsonWriter) raw(s string) {
	if j.err == nil {
		_, j.err = j.w.WriteString(s)
	}
}

// name starts a member of the object that is written.
func (j *jsonWriter) name(name string) {
	if j.comma {
		j.raw(",")
	}
	j.comma = true
	j.raw("\n" + j.indent + `"` + name + `": `)
}

func (j *jsonWriter) member(name string, v any) {
	j.name(name)
	j.encode(v, j.indent, "  ")
}

// writeDocument writes v as a JSON text of its own.
func writeDocument(w io.Writer, keys *quote.Redactor, v any) error {
	j := newJSONWriter(w, keys)
	j.encode(v, "", "  ")
	j.raw("\n")
	return j.flush()
}

// encode writes v, its lines after the first indented by prefix, and by indent
// for each level. Without both it is one line.
func (j *jsonWriter) encode(v any, prefix, indent string) {
	if j.err != nil {
		return
	}
	j.compact.Reset()
	j.add(v)
	doc := j.compact.Bytes()
	if prefix+indent != "" && j.err == nil {
		j.spread.Reset()
		j.err = json.Indent(&j.spread, doc, prefix, indent)
		doc = j.spread.Bytes()
	}
	if j.err != nil {
		return
	}
	j.out = appendHarmless(j.out[:0], doc)
	_, j.err = j.w.Write(j.out)
}

// add appends v to compact.
func (j *jsonWriter) add(v any) {
	switch v := reflect.ValueOf(v); {
	case !v.IsValid():
		j.scalar(nil)
	case v.Type() == reflect.TypeFor[object]():
		j.addObject(v.Interface().(object))
	case v.Kind() == reflect.String:
		j.scalar(j.keys.Text(v.String()))
	case v.Kind() == reflect.Pointer && !v.IsNil():
		j.add(v.Elem().Interface())
	case v.Kind() == reflect.Slice:
		j.compact.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				j.compact.WriteByte(',')
			}
			j.add(v.Index(i).Interface())
		}
		j.compact.WriteByte(']')
	case v.Kind() == reflect.Map:
		o := object{}
		for _, key := range v.MapKeys() {
			o = append(o, member{key.String(), v.MapIndex(key).Interface()})
		}
		slices.SortFunc(o, func(a, b member) int { return cmp.Compare(a.name, b.name) })
		j.addObject(o)
	default:
		j.scalar(v.Interface())
	}
}

func (j *jsonWriter) addObject(o object) {
	if o == nil {
		j.compact.WriteString("null")
		return
	}
	separator := "{"
	add := func(name string, value any) {
		j.compact.WriteString(separator)
		j.scalar(j.keys.Text(name))
		j.compact.WriteByte(':')
		j.add(value)
		separator = ","
	}
	for _, m := range o {
		if m.name == "" {
			continue
		}
		add(m.name, m.value)
		if twin := j.twin(m.value); twin != nil {
			add(m.name+"_base64", twin)
		}
	}
	if separator == "{" {
		j.compact.WriteByte('{')
	}
	j.compact.WriteByte('}')
}

// twin returns the exact bytes of a text, or of each of a list of texts, if JSON cannot
// hold them; nil: it can, or v is something else.
func (j *jsonWriter) twin(v any) any {
	exact := func(s string) (string, bool) {
		s = j.keys.Text(s)
		return base64.StdEncoding.EncodeToString([]byte(s)), utf8.ValidString(s)
	}
	if list, ok := v.([]text); ok {
		var twins []string
		valid := true
		for _, s := range list {
			twin, ok := exact(string(s))
			twins, valid = append(twins, twin), valid && ok
		}
		if !valid {
			return twins
		}
		return nil
	}
	if v := reflect.Indirect(reflect.ValueOf(v)); v.IsValid() && v.Type() == reflect.TypeFor[text]() {
		if twin, ok := exact(v.String()); !ok {
			return twin
		}
	}
	return nil
}

// scalar appends a string, a number, a truth value or null.
func (j *jsonWriter) scalar(v any) {
	if err := j.encoder.Encode(v); err != nil {
		j.err = cmp.Or(j.err, err)
		return
	}
	j.compact.Truncate(j.compact.Len() - 1) // its line feed
}

func (j *jsonWriter) flush() error {
	if j.err == nil {
		j.err = j.w.Flush()
	}
	return j.err
}

// appendHarmless appends the JSON text doc to out, with everything that
// quote.Text would escape as \u escapes: encoding/json leaves DEL, C1, bidi controls and a
// runner's "##[" alone, and a JSON report may well go to a terminal or a CI
// log. Such characters stand only inside JSON strings, so the value does not
// change. A line of ours starts with a brace, a bracket or a double quote.
func appendHarmless(out, doc []byte) []byte {
	for i := 0; i < len(doc); {
		c := doc[i]
		if c < utf8.RuneSelf {
			if c == 0x7f || c == '#' && i+1 < len(doc) && doc[i+1] == '#' {
				out = fmt.Appendf(out, `\u%04x`, c)
			} else {
				out = append(out, c)
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(doc[i:])
		switch {
		case quote.Visible(r):
			out = append(out, doc[i:i+size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		i += size
	}
	return out
}
