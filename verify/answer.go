package verify

import (
	"bytes"
	"cmp"
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

// maxAnswer is the size of the longest answer that is judged, in bytes: a list of
// charges may be long, and a failure may be reported at its end.
const maxAnswer = 4 << 20

// reply is an answer as it came.
type reply struct {
	status int
	header http.Header
	body   []byte // a byte more than maxAnswer at most
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

// read decides what an answer says about a key with that prefix. What is not
// recognised is unknown, with the API's words. They may still contain the key.
func read(p *rules.Probe, r *reply, prefix string) outcome {
	unknown := func(code finding.StatusCode, words string, again bool) outcome {
		return outcome{finding.Unknown, code, fmt.Sprintf("HTTP %d%s", r.status, words), again}
	}
	d, err := parse(r)
	message := d.message(p.Message)
	said := ""
	if words := cmp.Or(message, d.message(usualPaths)); words != "" {
		said = ": " + strconv.Quote(words)
	}
	switch {
	case r.status >= 300 && r.status < 400:
		return unknown(finding.CodeRedirected, ", not followed", false)
	case r.status == http.StatusProxyAuthRequired:
		return unknown(finding.CodeProxy, ": the proxy asks for credentials", false)
	case r.status == http.StatusTooManyRequests:
		return unknown(finding.CodeRateLimited, said, true)
	case r.status >= 500:
		return unknown(finding.CodeServerError, said, true)
	case err != nil:
		return unknown(finding.CodeUnexpectedAnswer, ", "+err.Error(), false)
	}
	for i := range p.Answers {
		a := &p.Answers[i]
		if !matches(a, r, d) || !lists(a, message, prefix) || slices.ContainsFunc(p.Message, d.several) {
			continue
		}
		member := ""
		if a.Verdict == finding.Active {
			member = d.failure(a)
		} else {
			member = d.doubt(a, message, prefix, r.status)
		}
		if member != "" {
			return unknown(finding.CodeUnexpectedAnswer, ", but its "+strconv.Quote(member)+" says otherwise"+said, false)
		}
		return final(a.Verdict, a.Code, cmp.Or(message, fmt.Sprintf("HTTP %d", r.status)))
	}
	return unknown(finding.CodeUnexpectedAnswer, cmp.Or(said, ", JSON that matches no known answer"), false)
}

// usualPaths is where APIs and what is in front of them put their words.
var usualPaths = []string{"message", "error", "detail", "title", "reason", "msg", "description", "error_description",
	"error.message", "errors.0.message", "errors.0.detail", "data.message", "0.message"}

// matches reports whether r is the answer a, but for its message.
func matches(a *rules.Answer, r *reply, d *document) bool {
	status := strconv.Itoa(r.status)
	if a.Status != status && a.Status != status[:1]+"xx" ||
		slices.ContainsFunc(a.Headers, func(h string) bool { return r.header.Get(h) == "" }) {
		return false
	}
	for _, alternatives := range a.Fields {
		if !slices.ContainsFunc(alternatives, func(p string) bool { _, there := d.fields[p]; return there }) {
			return false
		}
	}
	for path, values := range a.Values {
		if f, there := d.fields[path]; !there || f.nested || !slices.Contains(values, f.text) {
			return false
		}
	}
	return true
}

// keyText is what a key has, whole or masked, behind its prefix.
const keyText = "abcdefghijklmnopqrstuvwxyz0123456789_-*.…"

// lists reports whether the message of an answer to a key with that prefix is one
// that the rule lists: as a whole, but for case, spaces and a final stop. It is
// true if the rule lists none.
func lists(a *rules.Answer, message, prefix string) bool {
	got := strings.Split(fold(message), " ")
	return len(a.Messages) == 0 || slices.ContainsFunc(a.Messages, func(listed string) bool {
		return slices.EqualFunc(strings.Split(fold(listed), " "), got, func(want, word string) bool {
			head, tail, key := strings.Cut(want, rules.ShownKey)
			if key {
				head += strings.ToLower(prefix)
			} else if head, tail, _ = strings.Cut(want, rules.AnyText); head == want {
				return word == want
			}
			rest, ok := strings.CutPrefix(word, head)
			rest, ok2 := strings.CutSuffix(rest, tail)
			return ok && ok2 && (!key || strings.Trim(rest, keyText) == "")
		})
	})
}

// fold returns the form in which messages are compared.
func fold(message string) string {
	lower := func(r rune) rune { // of ASCII: others that Unicode folds with it are other words
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	words := strings.Join(strings.FieldsFunc(strings.Map(lower, message), func(r rune) bool { return strings.ContainsRune(" \t\r\n", r) }), " ")
	return strings.TrimSpace(strings.TrimSuffix(words, "."))
}

// document is a JSON answer: whether it is a list, and its fields by path.
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

// message returns the first of the paths that is a string.
func (d *document) message(paths []string) string {
	for _, path := range paths {
		if f := d.fields[path]; f.quoted && f.text != "" {
			return f.text
		}
	}
	return ""
}

// several reports whether path leads into the first of several elements: what the
// others say is not known to be about the key.
func (d *document) several(path string) bool {
	list, _, in := strings.Cut(path, ".0.")
	_, second := d.fields[list+".1"]
	return in && second
}

// failure returns the path of a member of an accepting answer that speaks of a
// failure, or "". If the rule does not say what the answer contains, nor may the
// objects in it, the elements of a list must have ids, and words alone are none.
func (d *document) failure(a *rules.Answer) string {
	shown := len(a.Fields)+len(a.Values) > 0
	content := false
	for _, path := range slices.Sorted(maps.Keys(d.fields)) {
		f, depth := d.fields[path], strings.Count(path, ".")
		_, listed := a.Values[path]
		if listed || depth > 1 || depth == 1 && shown {
			continue
		}
		_, hasID := d.fields[path+".id"]
		reports, failed := result(path[strings.LastIndexByte(path, '.')+1:], f, d.array)
		if failed || d.array && !shown && depth == 0 && !hasID {
			return path
		}
		content = content || reports || f.nested
	}
	if !shown && !content && d.message(usualPaths) != "" {
		return "message"
	}
	return ""
}

// spoken are the last names of members that hold an API's words.
var spoken = []string{"message", "error", "errors", "detail", "details", "title", "reason", "msg", "description", "error_description"}

// doubt returns the path of a member of a refusal that says anything else: other
// words than the rule lists or the status has, a success, or another status. "":
// nothing does.
func (d *document) doubt(a *rules.Answer, message, prefix string, status int) string {
	for _, path := range slices.Sorted(maps.Keys(d.fields)) {
		f, names := d.fields[path], strings.Split(path, ".")
		for len(names) > 1 && strings.Trim(names[len(names)-1], "0123456789") == "" {
			names = names[:len(names)-1] // an element is called as its list
		}
		name := names[len(names)-1]
		if _, listed := a.Values[path]; listed {
			continue
		}
		if f.quoted && f.text != "" && slices.Contains(spoken, strings.ToLower(name)) && f.text != message &&
			!lists(a, f.text, prefix) && !strings.EqualFold(f.text, http.StatusText(status)) {
			return path
		}
		reports, failed := result(name, f, d.array)
		number, err := strconv.Atoi(f.text)
		if len(names) == 1 && reports && (!failed || err == nil && number/100 > 0 && number < 600 && number != status) {
			return path
		}
	}
	return ""
}

// resultName matches the names, in lower case without signs, of members that report
// how a request ended: failures (the first group), and those whose value says.
var resultName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(error|fault$|exception$|failure$|failed$)|^(?:is)?(?:ok|success|succeeded|valid|authenticated|authorized)$|^(?:http|response|result)?(?:status|code|statuscode)$|^result$`)
})

// result says whether a member reports how the request ended, and whether that is
// a failure: anything but a known word for success, 2xx, or the code 0. In a
// list, the status of an element may be that of the thing listed.
func result(name string, f field, list bool) (reports, failed bool) {
	name = strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(name))
	text := strings.ToLower(f.text)
	number, err := strconv.Atoi(text)
	switch m := resultName().FindStringSubmatch(name); {
	case m == nil, name == "result" && f.nested: // what was asked for
		return false, false
	case m[1] != "":
		return true, f.nested || text != "false"
	case list && err != nil && (strings.HasSuffix(name, "status") || strings.HasSuffix(name, "code")):
		return true, text == "error" || text == "fail"
	case err == nil:
		return true, number/100 != 2 && !(number == 0 && strings.HasSuffix(name, "code"))
	}
	return true, !slices.Contains([]string{"true", "ok", "success", "successful", "succeeded"}, text)
}

var (
	errNotJSON  = errors.New("not JSON")
	errEncoding = errors.New("compressed without being asked")
	errTooLong  = fmt.Errorf("longer than %d MiB", maxAnswer>>20)
)

// parse reads the fields of an answer. The document is never nil.
func parse(r *reply) (*document, error) {
	d := &document{fields: map[string]field{}}
	if e := r.header.Get("Content-Encoding"); e != "" && e != "identity" {
		return d, errEncoding
	}
	kind, _, err := mime.ParseMediaType(r.header.Get("Content-Type"))
	first := bytes.TrimLeft(r.body, " \t\r\n")
	switch {
	case err != nil, kind != "application/json" && !(strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")):
		return d, errNotJSON
	case len(r.body) > maxAnswer:
		return d, errTooLong
	case len(first) == 0 || first[0] != '{' && first[0] != '[':
		return d, errNotJSON // a bare string or number
	}
	d.array = first[0] == '['
	dec := json.NewDecoder(bytes.NewReader(r.body))
	dec.UseNumber()
	err = d.read(dec, "", 0)
	if _, more := dec.Token(); err != nil || more != io.EOF { // a second document
		return &document{}, errNotJSON
	}
	return d, nil
}

// The limits of a document: brackets within each other, fields, and the bytes of a
// path that may be longer by one name. No rule asks for longer ones.
const (
	maxDepth  = 1000
	maxFields = 1 << 18
	maxPath   = 256
)

// read reads one value, token by token. Its path is the names and indexes above
// it, as far as they fit into maxPath.
func (d *document) read(dec *json.Decoder, path string, depth int) error {
	t, err := dec.Token()
	if err != nil {
		return err
	}
	switch t := t.(type) {
	case json.Delim:
		if err := d.add(path, depth, field{nested: true}); err != nil || depth > maxDepth {
			return errNotJSON
		}
		for i := 0; dec.More(); i++ {
			name := strconv.Itoa(i)
			if t == '{' {
				token, err := dec.Token()
				if err != nil {
					return err
				}
				name, _ = token.(string) // the decoder takes no other name
				// A name with a dot would look like several, digits like an index.
				name = strings.ReplaceAll(name, ".", "\x00")
				if strings.Trim(name, "0123456789") == "" {
					name = "\x00" + name
				}
			}
			if len(path) > maxPath {
				name = path // too long for any rule: what is below has no path
			} else if depth > 0 {
				name = path + "." + name
			}
			if err := d.read(dec, name, depth+1); err != nil {
				return err
			}
		}
		_, err = dec.Token() // ] or }
		return err
	case string:
		return d.add(path, depth, field{text: t, quoted: true})
	case json.Number:
		return d.add(path, depth, field{text: t.String()})
	case bool:
		return d.add(path, depth, field{text: strconv.FormatBool(t)})
	}
	if d.array && depth == 1 {
		return d.add(path, depth, field{}) // an element of a list
	}
	return nil // null counts as absent
}

// add keeps a value. Readers disagree on which of two equal names counts, so such
// a document is refused.
func (d *document) add(path string, depth int, f field) error {
	if depth == 0 || depth > 2 && len(path) > maxPath {
		return nil
	}
	if _, twice := d.fields[path]; twice || len(d.fields) >= maxFields {
		return errNotJSON
	}
	d.fields[path] = f
	return nil
}
