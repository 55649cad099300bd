package rules

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"keysweep/finding"
)

// Probe is the read-only request that shows whether a key still works, and how
// its answers read. What no answer lists says nothing about the key.
type Probe struct {
	// Endpoints holds the address to GET, by environment: https, a constant
	// host, no user and no fragment. Callers must not change them.
	Endpoints map[finding.Environment]*url.URL
	// Scheme is the word before the key in the Authorization header; with Basic, the key is the
	// user name. It is "" if the bare key is the value of Header.
	Scheme string
	Header string
	// Sources are the addresses of the documents that say so.
	Sources []string
	// Unsupported says, by literal, why keys with it cannot be asked about.
	Unsupported map[string]string
	// Message lists the paths where the API puts its own words. The first that
	// is a string is the message.
	Message []string
	// Answers are tried in order; the first that fits counts. What none fits
	// says nothing about the key.
	Answers []Answer
}

// Answer is one kind of answer and what it says of the key. All of its
// conditions must hold; all answers are JSON.
type Answer struct {
	Status  string   // such as 401, or 2xx
	Headers []string // that must be there
	// Fields must be there; of each, one of the alternatives. A path has names of members and
	// indices of elements, from 0, between dots: errors.0.code.
	Fields [][]string
	// Values holds what a field may be (a string, a number, true or false, as
	// text), by path.
	Values map[string][]string
	// Messages are the whole words of the API, of which ShownKey and AnyText vary; none:
	// it may say anything.
	Messages []string

	Verdict finding.Status // Active, Restricted or Inactive
	Code    finding.StatusCode
}

// The parts of a listed message that vary: the key, whole or masked, and the rest of any
// word.
const ShownKey, AnyText = "{key}", "*"

// The limits of a probe.
const (
	maxAnswers  = 64
	maxPathLen  = 128 // of a field, in bytes
	maxPathDeep = 16
)

type probeTable struct {
	Method     string        `toml:"method"`
	Production string        `toml:"production"`
	Sandbox    string        `toml:"sandbox"`
	Auth       string        `toml:"auth"`
	Header     string        `toml:"header"`
	Sources    []string      `toml:"sources"`
	Message    []string      `toml:"message"`
	Answers    []answerTable `toml:"answers"`

	Unsupported map[string]string `toml:"unsupported"`
}

type answerTable struct {
	Status  string              `toml:"status"`
	Headers []string            `toml:"headers"`
	Fields  []string            `toml:"fields"`
	Values  map[string][]string `toml:"values"`
	Says    []string            `toml:"says"`
	Source  string              `toml:"source"`
	Verdict string              `toml:"verdict"`
	Code    string              `toml:"code"`
}

func (t *ruleTable) readProbe(r *Rule) {
	pt := t.Probe
	if pt == nil {
		return
	}
	p := &Probe{Endpoints: map[finding.Environment]*url.URL{}, Sources: pt.Sources, Message: pt.Message, Unsupported: pt.Unsupported}
	r.Probe = p
	t.refuse(t.Issuer == "", "probe", "a probe needs an issuer to ask")
	t.refuse(pt.Method != "" && pt.Method != "GET", "probe.method", "a probe only reads: its method is GET")
	t.readCredentials(p)
	t.readAddresses(p)
	for literal := range p.Unsupported {
		t.refuse(!slices.Contains(t.Literals, literal), "probe.unsupported", "%q is none of the literals", literal)
	}
	for _, path := range p.Message {
		t.refuse(isNoPath(path), "probe.message", "%q is not a path such as error.message", path)
	}
	t.refuse(len(pt.Answers) == 0 || len(pt.Answers) > maxAnswers, "probe", "a probe needs 1 to %d answers", maxAnswers)
	for i := range pt.Answers {
		a := t.answer(&pt.Answers[i], fmt.Sprintf("probe.answers[%d]", i))
		t.refuse(len(a.Messages) > 0 && len(p.Message) == 0, "probe", "says needs message, the paths of the API's words")
		p.Answers = append(p.Answers, a)
	}
}

// readAddresses reads where the probe goes and what documents it.
func (t *ruleTable) readAddresses(p *Probe) {
	for _, e := range [...]struct {
		key, address string
		env          finding.Environment
	}{{"production", t.Probe.Production, finding.Production}, {"sandbox", t.Probe.Sandbox, finding.Sandbox}} {
		if e.address != "" {
			p.Endpoints[e.env] = t.endpoint("probe."+e.key, e.address)
		}
	}
	t.refuse(len(p.Endpoints) == 0, "probe", "a probe needs an endpoint for production or sandbox")
	t.refuse(len(p.Sources) == 0, "probe", "a probe needs sources: links to what documents it")
	for _, link := range p.Sources {
		t.refuse(isNoLink(link), "probe.sources", "%q is not an https:// address", link)
	}
}

// isNoLink reports whether s is not the address of a page.
func isNoLink(s string) bool {
	u, err := url.Parse(s)
	return err != nil || u.Scheme != "https" || u.Host == ""
}

// token is the form of header names and authorization schemes (RFC 9110).
var token = pattern(`^[A-Za-z][A-Za-z0-9-]{0,63}$`)

// ownHeaders are headers that the client sets or that change who is asked.
var ownHeaders = []string{"host", "connection", "cookie", "content-length", "transfer-encoding", "upgrade", "te", "trailer",
	"proxy-authorization", "proxy-connection", "keep-alive", "expect", "user-agent", "accept", "accept-encoding", "range", "referer"}

// readCredentials reads how the key is sent.
func (t *ruleTable) readCredentials(p *Probe) {
	auth, header := t.Probe.Auth, t.Probe.Header
	t.refuse((auth == "") == (header == ""), "probe", `a probe has either auth, an authorization scheme such as "Bearer" or "Basic", or header, the name of one`)
	if auth == "" {
		p.Header = header
		t.refuse(!token().MatchString(header) || slices.Contains(ownHeaders, strings.ToLower(header)),
			"probe.header", "%q is not a header that can carry a key", header)
		return
	}
	p.Scheme, p.Header = auth, "Authorization"
	t.refuse(!token().MatchString(auth), "probe.auth", "%q is not the word of an authorization scheme", auth)
	for _, known := range [...]string{"Bearer", "Basic"} {
		if strings.EqualFold(auth, known) {
			p.Scheme = known
		}
	}
}

// The forms of what an address may hold: everything in it is a constant.
var (
	hostName   = pattern(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9](:[0-9]{1,5})?$`)
	plainPath  = pattern(`^(/[A-Za-z0-9._~-]*)+$`)
	plainQuery = pattern(`^[A-Za-z_]{1,32}=[A-Za-z0-9_]{1,16}(&[A-Za-z_]{1,32}=[A-Za-z0-9_]{1,16})*$`)
	secretName = pattern(`(?i)key|token|secret|auth|pass|sign|cred`)
)

// endpoint returns the address of a probe at key. No key may get into an address:
// addresses are in logs everywhere.
func (t *ruleTable) endpoint(key, address string) *url.URL {
	u, err := url.Parse(address)
	if err != nil {
		t.refuse(true, key, "%q is not an address", address)
		return nil
	}
	t.refuse(u.Scheme != "https", key, "%q is not an https:// address", address)
	t.refuse(u.User != nil, key, "the address has a user name")
	t.refuse(!hostName().MatchString(u.Host), key, "%q is not the name of a host, in lower case", u.Host)
	t.refuse(u.Fragment != "" || strings.Contains(address, "#"), key, "%q has a fragment", address)
	t.refuse(!plainPath().MatchString(u.Path) || u.RawPath != "", key, "%q has no path of letters, digits, and . _ ~ - alone: nothing is filled in", address)
	t.refuse(u.RawQuery != "" && !plainQuery().MatchString(u.RawQuery) || u.ForceQuery, key, "%q has a query that is not name=value, with short constant values", address)
	for name := range u.Query() {
		t.refuse(secretName().MatchString(name), key, "%q has %q in its query: a key is sent in a header", address, name)
	}
	for _, l := range t.Literals {
		t.refuse(strings.Contains(address, l), key, "%q holds the literal %q: a key is sent in a header", address, l)
	}
	return u
}

// statusForm is one status code or a class of them.
var statusForm = pattern(`^[24](xx|[0-9][0-9])$`)

// answer checks the answer at key.
func (t *ruleTable) answer(at *answerTable, key string) Answer {
	a := Answer{Status: at.Status, Headers: at.Headers, Values: at.Values, Messages: at.Says, Code: finding.StatusCode(at.Code)}
	t.refuse(!statusForm().MatchString(at.Status), key+".status", `%q is neither a status such as "401" nor a class such as "2xx"`, at.Status)
	for _, h := range at.Headers {
		t.refuse(!token().MatchString(h), key+".headers", "%q is not the name of a header", h)
	}
	for _, field := range at.Fields {
		alternatives := strings.Split(field, "|")
		t.refuse(slices.ContainsFunc(alternatives, isNoPath), key+".fields", "%q is not a path such as error.message", field)
		a.Fields = append(a.Fields, alternatives)
	}
	for _, path := range slices.Sorted(maps.Keys(at.Values)) {
		t.refuse(isNoPath(path) || len(at.Values[path]) == 0, key+".values", "%q is not a path such as error.type, with a list of values", path)
	}
	for _, message := range at.Says {
		t.refuse(strings.Trim(message, " \t\r\n.") == "", key+".says", "an empty message says nothing")
	}
	t.readVerdict(at, &a, key)
	return a
}

// readVerdict reads what an answer says of the key. No verdict rests on a status alone, nor on a
// part of a message: a firewall or a proxy answers 401 and 403, too.
func (t *ruleTable) readVerdict(at *answerTable, a *Answer, key string) {
	class, codes := "4", []finding.StatusCode{finding.CodeInsufficientPermissions, finding.CodeIPNotAllowed, finding.CodeAccountNotActivated}
	switch at.Verdict {
	case "active":
		a.Verdict, class, codes = finding.Active, "2", []finding.StatusCode{finding.CodeAccepted}
	case "restricted":
		a.Verdict = finding.Restricted
	case "inactive":
		a.Verdict, codes = finding.Inactive, []finding.StatusCode{finding.CodeExpired, finding.CodeNotRecognised}
	default:
		t.refuse(true, key+".verdict", "%q is neither active, restricted nor inactive; what no answer fits is unknown", at.Verdict)
	}
	t.refuse(!slices.Contains(codes, a.Code), key+".code", "%q is no code for %s: there is %s", at.Code, at.Verdict, strings.Trim(fmt.Sprint(codes), "[]"))
	t.refuse(!strings.HasPrefix(a.Status, class), key+".status", "only a %sxx answer is %s", class, at.Verdict)
	if a.Verdict == finding.Active {
		return
	}
	t.refuse(len(a.Fields)+len(a.Values) == 0, key, "a verdict on a status alone: add the fields or values that distinguish the API's answers")
	t.refuse(len(a.Messages) == 0, key, "%s needs says, the whole messages with which the API says so", at.Verdict)
	t.refuse(at.Source != "ours" && isNoLink(at.Source), key, `%s needs source, the https:// address of the page that shows the messages, or "ours"`, at.Verdict)
	t.refuse(a.Verdict == finding.Inactive && strings.Contains(strings.Join(at.Says, ""), AnyText),
		key+".says", "only %s may vary in a refusal, not %s", ShownKey, AnyText)
}

// isNoPath reports whether p does not name a field as Answer.Fields says.
func isNoPath(p string) bool {
	parts := strings.Split(p, ".")
	return len(p) > maxPathLen || len(parts) > maxPathDeep || slices.Contains(parts, "")
}
