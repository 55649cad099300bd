package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	cut    bool // there is more of the body
}

// outcome is what is made of an answer, or of none.
type outcome struct {
	verdict finding.Status
	code    finding.StatusCode
	words   string
	again   bool // asking again may help
}

// said returns an outcome that is final.
func said(verdict finding.Status, code finding.StatusCode, words string) outcome {
	return outcome{verdict: verdict, code: code, words: words}
}

// settle writes o into a finding.
func (o outcome) settle(f *finding.Finding, at time.Time) {
	f.Status, f.StatusReason, f.CheckedAt = o.verdict, o.code.Reason(o.words), at
}

// hostFailed reports whether o tells of the host or the way to it, not of the
// key.
func (o outcome) hostFailed() bool {
	switch o.code {
	case finding.CodeRateLimited, finding.CodeServerError, finding.CodeRedirected, finding.CodeTimeout,
		finding.CodeDNS, finding.CodeConnection, finding.CodeTLS, finding.CodeProxy:
		return true
	}
	return false
}

// read decides what an answer says of the key. Its words may still hold it.
func read(p *rules.Probe, r *reply) outcome {
	unknown := func(code finding.StatusCode, words string, again bool) outcome {
		return outcome{finding.Unknown, code, fmt.Sprintf("HTTP %d%s", r.status, words), again}
	}
	switch {
	case r.status >= 300 && r.status < 400:
		return unknown(finding.CodeRedirected, ", not followed", false)
	case r.status == http.StatusProxyAuthRequired:
		return unknown(finding.CodeProxy, ": the proxy wants credentials", false)
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
		if message, ok := fits(a, r, d); ok {
			if a.Verdict == finding.Inactive && (notOfTheKey().Match(bytes.ToLower(r.body)) || message == "" && len(a.Message) > 0) {
				return unknown(finding.CodeUnexpectedAnswer, ", which may be about something else than the key", false)
			}
			if message == "" {
				message = fmt.Sprintf("HTTP %d", r.status)
			}
			return said(a.Verdict, a.Code, message)
		}
	}
	return unknown(finding.CodeUnexpectedAnswer, ", JSON that is none of the answers known", false)
}

// notOfTheKey matches, in lower case, what a refusal says that is about the
// address it came from, about the service or about something on the way. Such a
// key may work from elsewhere, or tomorrow: it is not called dead, whatever the
// rule of its issuer says.
var notOfTheKey = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:^|[^a-z0-9])(?:ips?|allow-?list(?:ed)?|allow list|whitelist(?:ed)?|blocked|too many|rate limit(?:ed)?|unavailable|try again|maintenance|proxy|gateway|firewall|certificate|missing authorization|authentication service|log ?in|session|origin|suspended)(?:[^a-z0-9]|$)`)
})

// fits reports whether r is the answer a, and the API's words.
func fits(a *rules.Answer, r *reply, d *document) (message string, ok bool) {
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

// document is a JSON answer: what it is, and those of its fields that a probe
// asks for, by path.
type document struct {
	array  bool
	fields map[string]field
}

// field is a value that is there and not null. Its text is that of a string
// (then quoted is set), number or truth value.
type field struct {
	text           string
	quoted, nested bool
}

var (
	errNotJSON  = errors.New("not JSON")
	errEncoding = errors.New("compressed though not asked for")
)

// parse reads the fields of an answer. An answer that is too long to be read
// whole must be well-formed as far as it was read: a list of charges may be
// long, and is an answer.
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
	d := &document{fields: map[string]field{}}
	wanted := map[string]bool{}
	for i := range p.Answers {
		a := &p.Answers[i]
		for _, alternatives := range a.Fields {
			for _, path := range alternatives {
				wanted[path] = true
			}
		}
		for path := range a.Values {
			wanted[path] = true
		}
		for _, path := range a.Message {
			wanted[path] = true
		}
	}
	w := walker{wanted: wanted, doc: d}
	if err := w.walk(r.body); err != nil && !(r.cut && w.started && errors.Is(err, io.ErrUnexpectedEOF)) {
		return nil, errNotJSON
	}
	return d, nil
}

// walker reads JSON token by token, so that what was cut short can be read as
// far as it goes, and depth costs no stack.
type walker struct {
	wanted  map[string]bool
	doc     *document
	started bool // the document is an object or an array
	stack   []level
}

// level is one open object or array.
type level struct {
	array bool
	name  string // of the member that is being read
	index int    // of the element that is being read
	named bool   // the next token is the value of name
}

func (w *walker) walk(body []byte) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	for {
		t, err := dec.Token()
		if err == io.EOF {
			if w.started && len(w.stack) == 0 {
				return nil
			}
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		if w.started && len(w.stack) == 0 {
			return errNotJSON // a second document
		}
		if err := w.token(t); err != nil {
			return err
		}
	}
}

func (w *walker) token(t json.Token) error {
	if d, ok := t.(json.Delim); ok {
		switch d {
		case '{', '[':
			if !w.started {
				w.started, w.doc.array = true, d == '['
			} else if err := w.value(field{nested: true}); err != nil {
				return err
			}
			w.stack = append(w.stack, level{array: d == '['})
		default:
			w.stack = w.stack[:len(w.stack)-1]
			w.valueEnds()
		}
		return nil
	}
	if !w.started {
		return errNotJSON // a bare string or number
	}
	if top := &w.stack[len(w.stack)-1]; !top.array && !top.named {
		name, ok := t.(string)
		if !ok {
			return errNotJSON
		}
		top.name, top.named = name, true
		return nil
	}
	defer w.valueEnds()
	switch v := t.(type) {
	case string:
		return w.value(field{text: v, quoted: true})
	case json.Number:
		return w.value(field{text: v.String()})
	case bool:
		return w.value(field{text: strconv.FormatBool(v)})
	}
	return nil // null is as good as not there
}

// value notes a value at the current path.
func (w *walker) value(f field) error {
	path, ok := w.path()
	if !ok || !w.wanted[path] {
		return nil
	}
	if _, twice := w.doc.fields[path]; twice {
		return errNotJSON // readers disagree on which one counts
	}
	w.doc.fields[path] = f
	return nil
}

// maxDepth is deeper than any path that a rule may ask for.
const maxDepth = 20

func (w *walker) path() (string, bool) {
	if len(w.stack) > maxDepth {
		return "", false
	}
	parts := make([]string, len(w.stack))
	for i := range w.stack {
		l := &w.stack[i]
		parts[i] = l.name
		if l.array {
			parts[i] = strconv.Itoa(l.index)
		} else if strings.Contains(l.name, ".") {
			return "", false // it would look like several
		}
	}
	return strings.Join(parts, "."), true
}

// valueEnds moves on in the object or array around the value.
func (w *walker) valueEnds() {
	if len(w.stack) == 0 {
		return
	}
	top := &w.stack[len(w.stack)-1]
	top.named = false
	if top.array {
		top.index++
	}
}
