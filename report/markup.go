package report

import "bufio"

// markup is HTML or XML of ours. A constant becomes one by itself, and nothing else
// does: what others decide is written by text alone.
type markup string

// xmlWriter writes phrases between markup.
type xmlWriter struct {
	*phrases
	w *bufio.Writer // keeps its first error until Flush
}

// raw writes markup of ours.
func (x *xmlWriter) raw(m markup) *xmlWriter {
	_, _ = x.w.WriteString(string(m))
	return x
}

// text writes words, without keys, so that they mean nothing but themselves, in the
// text of an element and in an attribute in double quotes (HTML, "Character
// references"; XML 1.0, 2.4). All that others decide goes through it.
func (x *xmlWriter) text(words string) *xmlWriter {
	for _, r := range x.Text(words) {
		switch r {
		case '&':
			x.raw("&amp;")
		case '<':
			x.raw("&lt;")
		case '>':
			x.raw("&gt;")
		case '"':
			x.raw("&quot;")
		case '\'':
			x.raw("&#39;")
		default:
			_, _ = x.w.WriteRune(r)
		}
	}
	return x
}
