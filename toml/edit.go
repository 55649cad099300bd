package toml

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// Span is a half-open range of byte offsets in a file.
type Span struct{ Start, End int }

// Tables returns where the tables [[name]] at the top of text are, in their order:
// whole lines, from that of the header to that of the last value. Comments above a
// header and below the last value are outside. text is one that Decode decodes, and
// each value in these tables a string, a number, a date or true or false.
func Tables(text []byte, name string) (spans []Span) {
	text, mark := bytes.TrimPrefix(text, []byte("\uFEFF")), len(text)
	mark -= len(text)
	lineEnd := func(offset int) int {
		if i := bytes.IndexByte(text[offset:], '\n'); i >= 0 {
			return mark + offset + i + 1
		}
		return mark + len(text)
	}
	var parser unstable.Parser
	parser.Reset(text)
	for within := false; parser.NextExpression(); {
		e := parser.Expression()
		if e.Kind == unstable.KeyValue {
			if within {
				raw := e.Value().Raw
				last := &spans[len(spans)-1]
				last.End = max(last.End, lineEnd(int(raw.Offset+raw.Length)))
			}
			continue
		}
		key := e.Key()
		key.Next()
		header := key.Node()
		if within = e.Kind == unstable.ArrayTable && key.IsLast() && string(header.Data) == name; within {
			at := int(header.Raw.Offset)
			spans = append(spans, Span{mark + bytes.LastIndexByte(text[:at], '\n') + 1, lineEnd(at)})
		}
	}
	return spans
}

// Quote returns s as a basic string of TOML on one line. What is not printable is
// escaped, and a byte that is not UTF-8 replaced.
func Quote(s string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			out.WriteString(`\` + string(r))
		case strconv.IsPrint(r):
			out.WriteRune(r)
		default:
			fmt.Fprintf(&out, `\U%08X`, r)
		}
	}
	return out.String() + `"`
}
