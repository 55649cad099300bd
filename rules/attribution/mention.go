package attribution

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"

	"keysweep/rules/ascii"
)

// mentionAt judges the literal of src at b[start:end]. In a path, names need be no
// more than whole words at the start of a part.
func mentionAt(src *source, b []byte, start, end int, inPath bool) (mention, bool) {
	m := mention{start: start, end: end}
	switch src.kind {
	case sourceHost:
		return hostAt(b, start, end)
	case sourceName:
		if inPath {
			return m, isWholeWord(b, start, end) && (start == 0 || b[start-1] == '/')
		}
		loose, ok := nameAt(b, start, end)
		m.loose = loose
		return m, ok
	case sourceWord:
		return m, isWholeWord(b, start, end)
	case sourceTwin, sourceHeader:
		return m, start == 0 || !ascii.IsAlnum(b[start-1]) || !ascii.IsAlnum(b[start])
	case sourcePublic, sourceEcho: // in its case, at the start of a word
		ok := string(b[start:end]) == src.literal && (start == 0 || !ascii.IsWord(b[start-1]))
		if ok && src.kind == sourcePublic {
			return src.public.at(b, start, end)
		}
		return m, ok
	}
	return m, true
}

// at recognises a public key whose literal is b[start:end]; the mention is the
// whole of it.
func (p *PublicKey) at(b []byte, start, end int) (mention, bool) {
	m := mention{start: start}
	m.end = ascii.RunEnd(b, end, maxPublic+1, func(c byte) bool { return ascii.IsName(c) || p.Base64 && (c == '+' || c == '/') })
	body := b[end:m.end]
	if p.Base64 {
		text := make([]byte, base64.RawStdEncoding.DecodedLen(len(body)))
		n, err := base64.RawStdEncoding.Decode(text, body)
		if err != nil {
			return m, false
		}
		body = text[:n]
	}
	return m, p.Rest.Match(body)
}

// of reports whether what follows the mention is the part of the key that e
// names, and no more.
func (e *Echo) of(b []byte, m mention, key Key) bool {
	stop := m.end + e.To - e.From
	if stop > len(b) || stop < len(b) && ascii.IsAlnum(b[stop]) {
		return false
	}
	body := b[key.Start:key.End]
	// The key is as it is in the text: find where its prefix ends.
	if i := bytes.LastIndexByte(body, '_'); i >= 0 {
		body = body[i+1:]
	}
	return len(body) >= e.To && bytes.Equal(body[e.From:e.To], b[m.end:stop])
}

// The limits of what is read on either side of a literal, in bytes.
const (
	maxPublic  = 256 // of a public key
	maxUser    = 280 // between a host and the start of its URL
	maxCarrier = 24  // between a header and the key that it carries
)

// carries reports whether nothing but punctuation is between a header or
// an Authorization scheme and the key behind it.
func carries(b []byte, m mention, key Key) bool {
	return m.end <= key.Start && key.Start-m.end <= maxCarrier && len(bytes.Trim(b[m.end:key.Start], " \t:=>,([]\\\"'`")) == 0
}

// isUserOf reports whether the key is the user in a URL of the host m:
// https://key:@host, https://key@host.
func isUserOf(b []byte, key Key, m mention) bool {
	if m.start <= key.End || m.start-key.End > maxNameRun || b[m.start-1] != '@' || b[key.End] != ':' && b[key.End] != '@' {
		return false
	}
	return !slices.ContainsFunc(b[key.End:m.start-1], func(c byte) bool { return c <= ' ' || ascii.IsQuote(c) || c == '/' || c == '@' })
}

// hostAt recognises a host name that is, or ends in, b[start:end]; the mention is
// the whole of it. An e-mail address is no host.
func hostAt(b []byte, start, end int) (mention, bool) {
	m := mention{start: start, end: end}
	if end < len(b) {
		c := b[end]
		if ascii.IsName(c) || c == '@' || c == '.' && end+1 < len(b) && ascii.IsAlnum(b[end+1]) {
			return m, false
		}
	}
	if start > 0 && ascii.IsName(b[start-1]) {
		return m, false
	}
	m.start = ascii.RunStart(b, start, maxNameRun, func(c byte) bool { return ascii.IsDotted(c) && c != '_' })
	if m.start > 1 && b[m.start-1] == '/' && b[m.start-2] != '/' {
		return m, false // in the path of another address
	}
	if m.start > 1 && b[m.start-1] == '@' && b[m.start-2] != ':' {
		token := ascii.RunStart(b, m.start, maxUser, func(c byte) bool { return !ascii.IsSpace(c) && !ascii.IsQuote(c) })
		if !bytes.Contains(b[token:m.start], []byte("://")) {
			return m, false
		}
	}
	return m, true
}

// maxShownLabel is less than a key has behind its prefix.
const maxShownLabel = 15

// shownHost returns a host for reports, without what precedes the first label that is short
// from there on: a long one may be a key whose prefix no host can have.
func shownHost(host []byte) string {
	labels := strings.Split(string(host), ".")
	for i, label := range slices.Backward(labels) {
		if len(label) > maxShownLabel && i < len(labels)-2 {
			return "…." + strings.Join(labels[i+1:], ".")
		}
	}
	return string(host)
}

// isWholeWord reports whether b[start:end] is a word of its own or a part of an identifier,
// bounded by a change of case (newMartisKey) or by no letter.
func isWholeWord(b []byte, start, end int) bool {
	rises := func(at int) bool { return ascii.ClassOf(b[at-1]) == ascii.Lower && ascii.ClassOf(b[at]) == ascii.Upper }
	if start > 0 && ascii.IsAlnum(b[start-1]) && !rises(start) {
		return false
	}
	return end == len(b) || rises(end) || ascii.ClassOf(b[end]) == ascii.Digit || ascii.ClassOf(b[end]) == ascii.Other
}

// nameAt reports whether b[start:end] names a variable, a setting or a
// section. Prose does not count: Martis is a surname, too.
func nameAt(b []byte, start, end int) (loose, ok bool) {
	if !isWholeWord(b, start, end) {
		return false, false
	}
	p, q := ascii.RunStart(b, start, maxNameRun, ascii.IsName), ascii.RunEnd(b, end, maxNameRun, ascii.IsName)
	joined := start > p && (b[start-1] == '_' || ascii.IsAlnum(b[start-1])) || end < q && (b[end] == '_' || ascii.IsAlnum(b[end]))
	whole := p == start && q == end
	dotted := ascii.RunEnd(b, q, maxNameRun, ascii.IsDotted)
	notUpper := func(c byte) bool { return ascii.ClassOf(c) == ascii.Lower || c == '-' }
	switch {
	case joined && !slices.ContainsFunc(b[p:q], notUpper),
		assignedAt(b, q) && (!whole || startsStatement(b, p)),
		dotted > q && assignedAt(b, dotted),
		whole && bracketed(b, start, end):
		return false, true
	}
	return true, joined
}

// assignedAt reports whether b[at:] goes on as an assignment or opens a
// section: = : => {.
func assignedAt(b []byte, at int) bool {
	limit := min(len(b), at+maxNameRun)
	at = ascii.RunEnd(b, at, limit-at, func(c byte) bool { return ascii.IsQuote(c) || c == ']' })
	at = ascii.RunEnd(b, at, limit-at, ascii.IsBlank)
	if at >= limit {
		return false
	}
	is := func(s string) bool { return bytes.HasPrefix(b[at:], []byte(s)) }
	return is("{") || is("=") && !is("==") || is(":") && !is("::") && !is(":/")
}

// startsStatement reports whether what is before b[:at] on its line is not
// prose.
func startsStatement(b []byte, at int) bool {
	i := ascii.RunStart(b, at, maxNameRun, func(c byte) bool { return ascii.IsBlank(c) || ascii.IsQuote(c) })
	if i == 0 || !ascii.IsAlnum(b[i-1]) {
		// A comment's sign makes what follows prose: "# Martis: call me".
		return i == 0 || b[i-1] != '#' && b[i-1] != '/' && b[i-1] != '*'
	}
	words := []string{"export", "let", "const", "var", "set", "val", "def", "ENV", "ARG", "local", "final", "static", "string", "String"}
	return slices.ContainsFunc(words, func(w string) bool { return bytes.HasSuffix(b[:i], []byte(w)) })
}

// bracketed recognises [name], ["name"] and ['name'].
func bracketed(b []byte, start, end int) bool {
	if start > 0 && end < len(b) && ascii.IsQuote(b[start-1]) && b[end] == b[start-1] {
		start, end = start-1, end+1
	}
	return start > 0 && end < len(b) && b[start-1] == '[' && b[end] == ']'
}
