package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"keysweep/finding"
	"keysweep/rules"
)

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 64 << 10

// reply is an answer as it came.
type reply struct {
	status int
	header http.Header
	body   []byte
	cut    bool // the body is longer
}

// outcome is what an answer, or the lack of one, means.
type outcome struct {
	verdict finding.Status
	code    finding.StatusCode
	words   string
	again   bool // a retry may help
}

// final returns an outcome that no retry changes.
func final(verdict finding.Status, code finding.StatusCode, words string) outcome {
	return outcome{verdict: verdict, code: code, words: words}
}

// record writes o into a finding.
func (o outcome) record(f *finding.Finding, at time.Time) {
	f.Status, f.StatusReason, f.CheckedAt = o.verdict, o.code.Reason(o.words), at
}

// hostFailed reports whether o is about the host or the way to it, not the key.
func (o outcome) hostFailed() bool {
	switch o.code {
	case finding.CodeRateLimited, finding.CodeServerError, finding.CodeRedirected, finding.CodeTimeout,
		finding.CodeDNS, finding.CodeConnection, finding.CodeTLS, finding.CodeProxy:
		return true
	}
	return false
}

// read decides what an answer says about the key. The words of the outcome may
// still contain it.
func read(p *rules.Probe, r *reply) outcome {
	unknown := func(code finding.StatusCode, words string, again bool) outcome {
		return outcome{finding.Unknown, code, fmt.Sprintf("HTTP %d%s", r.status, words), again}
	}
	switch {
	case r.status >= 300 && r.status < 400:
		return unknown(finding.CodeRedirected, ", not followed", false)
	case r.status == http.StatusProxyAuthRequired:
		return unknown(finding.CodeProxy, ": the proxy asks for credentials", false)
	case r.status == http.StatusTooManyRequests:
		return unknown(finding.CodeRateLimited, "", true)
	case r.status >= 500:
		return unknown(finding.CodeServerError, "", true)
	}
	d, err := parse(p, r)
	if err != nil {
		return unknown(finding.CodeUnexpectedAnswer, ", "+err.Error(), false)
	}
	for i := range p.Answers {
		a := &p.Answers[i]
		if message, ok := matches(a, r, d); ok {
			if a.Verdict == finding.Inactive && (notAboutKey().Match(bytes.ToLower(r.body)) || message == "" && len(a.Message) > 0) {
				return unknown(finding.CodeUnexpectedAnswer, ", which may not be about the key", false)
			}
			if message == "" {
				message = fmt.Sprintf("HTTP %d", r.status)
			}
			return final(a.Verdict, a.Code, message)
		}
	}
	return unknown(finding.CodeUnexpectedAnswer, ", JSON that matches no known answer", false)
}

// notAboutKey matches, in lower case, words of a refusal that concern the sender's
// address, the service or something on the way. Such a key may work from
// elsewhere, or tomorrow: it is not called inactive, whatever the issuer's rule
// says.
var notAboutKey = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:^|[^a-z0-9])(?:ips?|allow-?list(?:ed)?|allow list|whitelist(?:ed)?|blocked|too many|rate limit(?:ed)?|unavailable|try again|maintenance|proxy|gateway|firewall|certificate|missing authorization|authentication service|log ?in|session|origin|suspended)(?:[^a-z0-9]|$)`)
})

// matches reports whether r is the answer a, and returns the API's message.
func matches(a *rules.Answer, r *reply, d *document) (message string, ok bool) {
	if r.status < a.Low || r.status > a.High || a.JSON == rules.JSONObject && d.array || a.JSON == rules.JSONArray && !d.array {
		return "", false
	}
	for _, h := range a.Headers {
		if r.header.Get(h) == "" {
			return "", false
		}
	}
	for _, alternatives := range a.Fields {
		if !slices.ContainsFunc(alternatives, func(p string) bool { _, there := d.fields[p]; return there }) {
			return "", false
		}
	}
	for path, values := range a.Values {
		if f, there := d.fields[path]; !there || f.nested || !slices.Contains(values, f.text) {
			return "", false
		}
	}
	for _, path := range a.Message {
		if f := d.fields[path]; f.quoted && f.text != "" {
			message = f.text
			break
		}
	}
	if len(a.Words) == 0 {
		return message, true
	}
	low := strings.ToLower(message)
	return message, slices.ContainsFunc(a.Words, func(w string) bool { return strings.Contains(low, w) })
}

// document is a JSON answer: its kind, and the fields that a probe asks for, by
// path.
type document struct {
	array  bool
	fields map[string]field
}

// field is a value that is present and not null. Its text is that of a string
// (quoted is then set), a number or a truth value.
type field struct {
	text           string
	quoted, nested bool
}

var (
	errNotJSON  = errors.New("not JSON")
	errEncoding = errors.New("compressed without being asked")
)

// parse reads the fields of an answer. An answer that is too long to be read
// whole must be well-formed as far as it was read: a list of charges may be long.
func parse(p *rules.Probe, r *reply) (*document, error) {
	switch r.header.Get("Content-Encoding") {
	case "", "identity":
	default:
		return nil, errEncoding
	}
	kind, _, err := mime.ParseMediaType(r.header.Get("Content-Type"))
	if err != nil || kind != "application/json" && !(strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")) {
		return nil, errNotJSON
	}
	first := bytes.TrimLeft(r.body, " \t\r\n")
	if len(first) == 0 || first[0] != '{' && first[0] != '[' {
		return nil, errNotJSON // a bare string or number
	}
	d := &document{array: first[0] == '[', fields: map[string]field{}}
	v := values{dec: json.NewDecoder(bytes.NewReader(r.body)), wanted: wanted(p), doc: d}
	v.dec.UseNumber()
	err = v.read(nil)
	if err == nil {
		if _, more := v.dec.Token(); more != io.EOF {
			return nil, errNotJSON // a second document
		}
	}
	if err != nil && !(r.cut && (err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF))) {
		return nil, errNotJSON
	}
	return d, nil
}

// wanted returns the paths of the fields that the answers of a probe name.
func wanted(p *rules.Probe) map[string]bool {
	paths := map[string]bool{}
	for i := range p.Answers {
		a := &p.Answers[i]
		for _, path := range slices.Concat(slices.Concat(a.Fields...), slices.Collect(maps.Keys(a.Values)), a.Message) {
			paths[path] = true
		}
	}
	return paths
}

// values reads JSON token by token, so that a document that was cut can be read
// up to its end.
type values struct {
	dec    *json.Decoder
	wanted map[string]bool
	doc    *document
}

// maxDepth is deeper than any path in a rule; below it, paths do not grow.
const maxDepth = 20

// read reads one value, whose path is the names and indexes above it. It recurses
// for each bracket, of which there are at most maxAnswer.
func (v *values) read(path []string) error {
	t, err := v.dec.Token()
	if err != nil {
		return err
	}
	switch t := t.(type) {
	case json.Delim:
		if err := v.add(path, field{nested: true}); err != nil {
			return err
		}
		for i := 0; v.dec.More(); i++ {
			name := strconv.Itoa(i)
			if t == '{' {
				token, err := v.dec.Token()
				if err != nil {
					return err
				}
				name, _ = token.(string) // the decoder takes no other name
			}
			below := path
			if len(path) <= maxDepth {
				below = append(path, name)
			}
			if err := v.read(below); err != nil {
				return err
			}
		}
		_, err = v.dec.Token() // ] or }
		return err
	case string:
		return v.add(path, field{text: t, quoted: true})
	case json.Number:
		return v.add(path, field{text: t.String()})
	case bool:
		return v.add(path, field{text: strconv.FormatBool(t)})
	}
	return nil // null counts as absent
}

// add keeps a value if the probe asks for it. Readers disagree on which of two
// equal names counts, so such a document is refused. A name with a dot would look
// like several.
func (v *values) add(path []string, f field) error {
	joined := strings.Join(path, ".")
	if !v.wanted[joined] || strings.Count(joined, ".") != len(path)-1 {
		return nil
	}
	if _, twice := v.doc.fields[joined]; twice {
		return errNotJSON
	}
	v.doc.fields[joined] = f
	return nil
}
