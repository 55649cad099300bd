package document

import (
	"bytes"
	"strconv"
)

// The values of a PDF: float64, []byte (a string), []any, nil for what is none of these, and
type (
	pdfName string
	pdfRef  uint32 // the number of an object
	pdfDict map[pdfName]any
	pdfWord string // an operator, or true, false, null
)

// maxPDFDepth is how many arrays and dictionaries may be in one another, and maxPDFItems how
// many values one may have.
const (
	maxPDFDepth = 50
	maxPDFItems = 100_000
)

func isPDFSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == 0
}

func isPDFDelimiter(c byte) bool { return bytes.IndexByte([]byte("()<>[]{}/%"), c) >= 0 }

// pdfParser reads values from b. What is behind the end of b is missing.
type pdfParser struct {
	b  []byte
	at int
	// hidden are the texts in UTF-16 that have escapes in them: "\000s\000k".
	hidden []string
}

// space skips white space and comments.
func (r *pdfParser) space() {
	for r.at < len(r.b) {
		switch c := r.b[r.at]; {
		case isPDFSpace(c):
			r.at++
		case c == '%':
			n := bytes.IndexAny(r.b[r.at:], "\r\n")
			if n < 0 {
				n = len(r.b) - r.at
			}
			r.at += n
		default:
			return
		}
	}
}

// value reads the next value.
func (r *pdfParser) value(depth int) any {
	r.space()
	if r.at >= len(r.b) || depth > maxPDFDepth {
		r.at = len(r.b)
		return nil
	}
	rest := r.b[r.at:]
	switch c := rest[0]; {
	case c == '/':
		r.at++
		return r.name()
	case c == '(':
		return r.literal()
	case bytes.HasPrefix(rest, []byte("<<")):
		r.at += 2
		return r.dict(depth)
	case c == '<':
		return r.hex()
	case c == '[':
		r.at++
		return r.array(depth)
	case isPDFDelimiter(c):
		r.at++
		return pdfWord(c)
	}
	start := r.at
	for r.at < len(r.b) && !isPDFSpace(r.b[r.at]) && !isPDFDelimiter(r.b[r.at]) {
		r.at++
	}
	word := string(r.b[start:r.at])
	n, err := strconv.ParseFloat(word, 64)
	if err != nil || word[0] > '9' {
		return pdfWord(word)
	}
	return n
}

// reference reads "0 R" behind a number.
func (r *pdfParser) reference(v any) any {
	n, ok := v.(float64)
	if !ok || n < 0 || n >= 1<<32 || n != float64(uint32(n)) {
		return v
	}
	at, hidden := r.at, len(r.hidden)
	if _, ok := r.value(maxPDFDepth).(float64); ok && r.value(maxPDFDepth) == pdfWord("R") {
		return pdfRef(n)
	}
	r.at, r.hidden = at, r.hidden[:hidden]
	return v
}

func (r *pdfParser) name() pdfName {
	start := r.at
	for r.at < len(r.b) && !isPDFSpace(r.b[r.at]) && !isPDFDelimiter(r.b[r.at]) {
		r.at++
	}
	raw := r.b[start:r.at]
	if bytes.IndexByte(raw, '#') < 0 {
		return pdfName(raw)
	}
	var name []byte
	for i := 0; i < len(raw); i++ {
		if raw[i] == '#' && i+2 < len(raw) && hexDigit(raw[i+1]) >= 0 && hexDigit(raw[i+2]) >= 0 {
			name = append(name, byte(hexDigit(raw[i+1])<<4|hexDigit(raw[i+2])))
			i += 2
			continue
		}
		name = append(name, raw[i])
	}
	return pdfName(name)
}

func (r *pdfParser) dict(depth int) pdfDict {
	d := make(pdfDict)
	for len(d) < maxPDFItems {
		r.space()
		if r.at >= len(r.b) {
			break
		}
		if bytes.HasPrefix(r.b[r.at:], []byte(">>")) {
			r.at += 2
			break
		}
		key, ok := r.value(depth + 1).(pdfName)
		if !ok {
			continue
		}
		d[key] = r.reference(r.value(depth + 1))
	}
	return d
}

func (r *pdfParser) array(depth int) []any {
	var list []any
	for len(list) < maxPDFItems {
		v := r.value(depth + 1)
		if v == pdfWord("]") || r.at >= len(r.b) && v == nil {
			break
		}
		list = append(list, r.reference(v))
	}
	return list
}

// literal reads a string in parentheses, which may hold others.
func (r *pdfParser) literal() []byte {
	var s []byte
	depth, escaped := 0, false
	for r.at < len(r.b) {
		c := r.b[r.at]
		r.at++
		switch c {
		case '(':
			if depth++; depth == 1 {
				continue
			}
		case ')':
			if depth--; depth == 0 {
				if escaped && bytes.HasPrefix(s, []byte("\xfe\xff")) {
					r.hidden = append(r.hidden, fromUTF16(s[2:]))
				}
				return s
			}
		case '\\':
			s, escaped = r.escape(s), true
			continue
		}
		s = append(s, c)
	}
	return s
}

// escape reads what is behind a backslash.
func (r *pdfParser) escape(s []byte) []byte {
	if r.at >= len(r.b) {
		return s
	}
	c := r.b[r.at]
	r.at++
	switch c {
	case 'n':
		return append(s, '\n')
	case 'r':
		return append(s, '\r')
	case 't':
		return append(s, '\t')
	case 'b':
		return append(s, '\b')
	case 'f':
		return append(s, '\f')
	case '\r':
		if r.at < len(r.b) && r.b[r.at] == '\n' {
			r.at++
		}
		return s
	case '\n':
		return s
	}
	if c < '0' || c > '7' {
		return append(s, c)
	}
	v := int(c - '0')
	for i := 0; i < 2 && r.at < len(r.b) && r.b[r.at] >= '0' && r.b[r.at] <= '7'; i++ {
		v = v<<3 | int(r.b[r.at]-'0')
		r.at++
	}
	return append(s, byte(v))
}

func (r *pdfParser) hex() []byte {
	r.at++
	end := bytes.IndexByte(r.b[r.at:], '>')
	next := r.at + end + 1
	if end < 0 {
		end, next = len(r.b)-r.at, len(r.b)
	}
	var s []byte
	half := -1
	for _, c := range r.b[r.at : r.at+end] {
		switch d := hexDigit(c); {
		case d < 0:
		case half < 0:
			half = d
		default:
			s, half = append(s, byte(half<<4|d)), -1
		}
	}
	if half >= 0 {
		s = append(s, byte(half<<4))
	}
	r.at = next
	return s
}
