package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"

	"keysweep/finding"
	"keysweep/quote"
)

// writeJSON writes one JSON object, schema/report-1.schema.json. Findings are
// encoded one at a time, so a report of any size needs the memory of one.
func writeJSON(w io.Writer, res *finding.Result, opts Options) error {
	j := newJSONWriter(w)
	r := newRecorder(res, opts)
	j.raw("{\n  \"schema_version\": ")
	j.value(SchemaVersion, "")
	j.raw(",\n  \"tool\": ")
	j.value(opts.tool(), "  ")
	j.raw(",\n  \"scan\": ")
	j.value(r.scan(res), "  ")
	list(j, "findings", res.Findings, r.finding)
	if opts.ShowRejected {
		list(j, "rejected", res.RejectedFindings, r.finding)
	}
	list(j, "skipped", res.Skipped, r.skipped)
	j.raw(",\n  \"summary\": ")
	j.value(r.summary(res), "  ")
	j.raw("\n}\n")
	return j.flush()
}

// list writes a member of the top object whose value is an array.
func list[T, R any](j *jsonWriter, name string, items []T, record func(T) R) {
	j.raw(",\n  \"" + name + "\": [")
	for i, item := range items {
		if j.err != nil {
			return
		}
		if i > 0 {
			j.raw(",")
		}
		j.raw("\n    ")
		j.value(record(item), "    ")
	}
	if len(items) > 0 {
		j.raw("\n  ")
	}
	j.raw("]")
}

// jsonWriter keeps the first error, so that writers need not look each time.
type jsonWriter struct {
	w       *bufio.Writer
	encoder *json.Encoder // into encoded; one for all, since it keeps its buffers
	encoded bytes.Buffer
	out     []byte
	err     error
}

func newJSONWriter(w io.Writer) *jsonWriter {
	j := &jsonWriter{w: bufio.NewWriter(w)}
	j.encoder = json.NewEncoder(&j.encoded)
	j.encoder.SetEscapeHTML(false)
	return j
}

func (j *jsonWriter) raw(s string) {
	if j.err == nil {
		_, j.err = j.w.WriteString(s)
	}
}

// writeDocument writes v as a JSON text of its own.
func writeDocument(w io.Writer, v any) error {
	j := newJSONWriter(w)
	j.value(v, "")
	j.raw("\n")
	return j.flush()
}

// value writes v, its lines after the first indented by indent and two
// columns a level.
func (j *jsonWriter) value(v any, indent string) { j.encode(v, indent, "  ") }

// line writes v and a newline on one line.
func (j *jsonWriter) line(v any) {
	j.encode(v, "", "")
	j.raw("\n")
}

func (j *jsonWriter) encode(v any, prefix, indent string) {
	if j.err != nil {
		return
	}
	j.encoded.Reset()
	j.encoder.SetIndent(prefix, indent)
	if j.err = j.encoder.Encode(v); j.err != nil {
		return
	}
	j.out = appendHarmless(j.out[:0], bytes.TrimSuffix(j.encoded.Bytes(), []byte("\n")))
	_, j.err = j.w.Write(j.out)
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
			switch {
			case c == 0x7f, c == '#' && i+1 < len(doc) && doc[i+1] == '#':
				out = appendUnit(out, rune(c))
			default:
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
			r -= 0x10000
			out = appendUnit(appendUnit(out, 0xd800+r>>10), 0xdc00+r&0x3ff)
		default:
			out = appendUnit(out, r)
		}
		i += size
	}
	return out
}

// appendUnit appends a UTF-16 unit as \uXXXX.
func appendUnit(out []byte, u rune) []byte {
	return fmt.Appendf(out, `\u%04x`, u)
}
