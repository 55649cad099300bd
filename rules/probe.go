package rules

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"keysweep/finding"
)

// Probe is the read-only request that shows whether a key still works, and how
// its answers read. What no answer lists says nothing about the key.
type Probe struct {
	// Endpoints holds the address to GET, by environment: https, a constant
	// host, no user and no fragment. Callers must not change them.
	Endpoints map[finding.Environment]*url.URL
	// Scheme is the word before the key in the Authorization header; with
	// Basic, the key is the user name and the password empty. It is "" if the
	// bare key is the value of Header.
	Scheme string
	Header string
	// Sources are the addresses of the documents that say so.
	Sources []string
	// Answers are tried in order; the first that fits counts.
	Answers []Answer
}

// Answer is one kind of answer and what it says of the key. All of its
// conditions must hold; all answers are JSON.
type Answer struct {
	Low, High int      // the range of status codes, both included
	JSON      JSONKind // what the body is
	Headers   []string // that must be there
	// Fields must be there; of each, one of the alternatives. A path names
	// members by their names and elements by their index from 0, separated by
	// dots: errors.0.code.
	Fields [][]string
	// Values holds what a field may be (a string, a number, true or false, as
	// text), by path.
	Values map[string][]string
	// Message lists where the API's own words may be: the first path that
	// is a string. With Words, one of them must be in it, in any case.
	Message []string
	Words   []string // in lower case

	Verdict finding.Status // Active, Restricted, Inactive or Unknown
	Code    finding.StatusCode
}

// JSONKind is what the whole of an answer is.
type JSONKind uint8

// The kinds.
const (
	JSONObject JSONKind = iota
	JSONArray
	JSONAny // either of them
)

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
	Answers    []answerTable `toml:"answers"`
}

type answerTable struct {
	Status  string              `toml:"status"`
	JSON    string              `toml:"json"`
	Headers []string            `toml:"headers"`
	Fields  []string            `toml:"fields"`
	Values  map[string][]string `toml:"values"`
	Message []string            `toml:"message"`
	Words   []string            `toml:"words"`
	Verdict string              `toml:"verdict"`
	Code    string              `toml:"code"`
}

func (t *ruleTable) readProbe(r *Rule) error {
	pt := t.Probe
	if pt == nil {
		return nil
	}
	p := &Probe{Endpoints: map[finding.Environment]*url.URL{}, Sources: pt.Sources}
	if t.Issuer == "" {
		return wrong("probe", "a probe needs an issuer to ask")
	}
	if pt.Method != "" && pt.Method != "GET" {
		return wrong("probe.method", "a probe only reads: its method is GET")
	}
	var err error
	if p.Scheme, p.Header, err = pt.credentials(); err != nil {
		return err
	}
	for _, e := range [...]struct {
		key, address string
		env          finding.Environment
	}{{"production", pt.Production, finding.Production}, {"sandbox", pt.Sandbox, finding.Sandbox}} {
		if e.address == "" {
			continue
		}
		u, err := endpoint(e.address, t.Literals)
		if err != nil {
			return wrong("probe."+e.key, "%v", err)
		}
		p.Endpoints[e.env] = u
	}
	if len(p.Endpoints) == 0 {
		return wrong("probe", "a probe needs an endpoint for production or sandbox")
	}
	if len(p.Sources) == 0 {
		return wrong("probe", "a probe needs sources: links to what documents it")
	}
	for _, s := range p.Sources {
		if u, err := url.Parse(s); err != nil || u.Scheme != "https" || u.Host == "" {
			return wrong("probe.sources", "%q is not an https:// address", s)
		}
	}
	if len(pt.Answers) == 0 || len(pt.Answers) > maxAnswers {
		return wrong("probe", "a probe needs 1 to %d answers", maxAnswers)
	}
	for i := range pt.Answers {
		a, err := pt.Answers[i].answer(fmt.Sprintf("probe.answers[%d]", i))
		if err != nil {
			return err
		}
		p.Answers = append(p.Answers, *a)
	}
	r.Probe = p
	return nil
}

// token is the form of header names and authorization schemes (RFC 9110).
var token = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,63}$`) })

// ownHeaders are headers that the client sets or that change who is asked.
var ownHeaders = []string{"host", "connection", "cookie", "content-length", "transfer-encoding", "upgrade", "te", "trailer",
	"proxy-authorization", "proxy-connection", "keep-alive", "expect", "user-agent", "accept", "accept-encoding", "range", "referer"}

// credentials says how the key is sent.
func (t *probeTable) credentials() (scheme, header string, err error) {
	switch {
	case (t.Auth == "") == (t.Header == ""):
		return "", "", wrong("probe", `a probe has either auth, an authorization scheme such as "Bearer" or "Basic", or header, the name of one`)
	case t.Auth != "":
		if !token().MatchString(t.Auth) {
			return "", "", wrong("probe.auth", "%q is not the word of an authorization scheme", t.Auth)
		}
		for _, known := range [...]string{"Bearer", "Basic"} {
			if strings.EqualFold(t.Auth, known) {
				return known, "Authorization", nil
			}
		}
		return t.Auth, "Authorization", nil
	case !token().MatchString(t.Header) || slices.Contains(ownHeaders, strings.ToLower(t.Header)):
		return "", "", wrong("probe.header", "%q is not a header that can carry a key", t.Header)
	}
	return "", t.Header, nil
}

// The forms of what an address may hold: everything in it is a constant.
var (
	hostName = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9](:[0-9]{1,5})?$`)
	})
	plainPath  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(/[A-Za-z0-9._~-]*)+$`) })
	plainQuery = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[A-Za-z_]{1,32}=[A-Za-z0-9_]{1,16}(&[A-Za-z_]{1,32}=[A-Za-z0-9_]{1,16})*$`)
	})
	secretName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)key|token|secret|auth|pass|sign|cred`) })
)

// endpoint checks the address of a probe. No key may get into an address:
// addresses are in logs everywhere.
func endpoint(address string, literals []string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q is not an address", address)
	case u.Scheme != "https":
		return nil, fmt.Errorf("%q is not an https:// address", address)
	case u.User != nil:
		return nil, fmt.Errorf("the address has a user name")
	case !hostName().MatchString(u.Host):
		return nil, fmt.Errorf("%q is not the name of a host, in lower case", u.Host)
	case u.Fragment != "" || strings.Contains(address, "#"):
		return nil, fmt.Errorf("%q has a fragment", address)
	case !plainPath().MatchString(u.Path) || u.RawPath != "":
		return nil, fmt.Errorf("%q has no path of letters, digits, and . _ ~ - alone: nothing is filled in", address)
	case u.RawQuery != "" && !plainQuery().MatchString(u.RawQuery) || u.ForceQuery:
		return nil, fmt.Errorf("%q has a query that is not name=value, with short constant values", address)
	}
	for name := range u.Query() {
		if secretName().MatchString(name) {
			return nil, fmt.Errorf("%q has %q in its query: a key is sent in a header", address, name)
		}
	}
	for _, l := range literals {
		if strings.Contains(address, l) {
			return nil, fmt.Errorf("%q holds the literal %q: a key is sent in a header", address, l)
		}
	}
	return u, nil
}

// statusForm is one status code or a class of them.
var statusForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[24](xx|[0-9][0-9])$`) })

// answer checks the answer at key.
func (t *answerTable) answer(key string) (*Answer, error) {
	a := &Answer{Headers: t.Headers, Values: t.Values, Message: t.Message, Words: t.Words, Code: finding.StatusCode(t.Code)}
	if !statusForm().MatchString(t.Status) {
		return nil, wrong(key+".status", `%q is neither a status such as "401" nor a class such as "2xx"`, t.Status)
	}
	if class, ok := strings.CutSuffix(t.Status, "xx"); ok {
		a.Low, _ = strconv.Atoi(class + "00")
		a.High = a.Low + 99
	} else {
		a.Low, _ = strconv.Atoi(t.Status)
		a.High = a.Low
	}
	switch t.JSON {
	case "", "object":
	case "array":
		a.JSON = JSONArray
	case "any":
		a.JSON = JSONAny
	default:
		return nil, wrong(key+".json", "%q is neither object, array nor any", t.JSON)
	}
	if err := t.readConditions(a, key); err != nil {
		return nil, err
	}
	return a, t.readVerdict(a, key)
}

// readConditions reads what the body and the headers of an answer must hold.
func (t *answerTable) readConditions(a *Answer, key string) error {
	for _, h := range t.Headers {
		if !token().MatchString(h) {
			return wrong(key+".headers", "%q is not the name of a header", h)
		}
	}
	for _, field := range t.Fields {
		alternatives := strings.Split(field, "|")
		if slices.ContainsFunc(alternatives, isNoPath) {
			return wrong(key+".fields", "%q is not a path such as error.message", field)
		}
		a.Fields = append(a.Fields, alternatives)
	}
	for _, path := range slices.Sorted(maps.Keys(t.Values)) {
		if isNoPath(path) || len(t.Values[path]) == 0 {
			return wrong(key+".values", "%q is not a path such as error.type, with a list of values", path)
		}
	}
	for _, path := range t.Message {
		if isNoPath(path) {
			return wrong(key+".message", "%q is not a path such as error.message", path)
		}
	}
	for _, w := range t.Words {
		if w == "" || strings.ToLower(w) != w {
			return wrong(key+".words", "%q is empty or not in lower case", w)
		}
	}
	if len(t.Words) > 0 && len(t.Message) == 0 {
		return wrong(key+".words", "words need a message that holds them")
	}
	return nil
}

// readVerdict reads what an answer says of the key. No verdict rests on a status
// alone: a firewall, a portal or a proxy answers 401 and 403, too.
func (t *answerTable) readVerdict(a *Answer, key string) error {
	var codes []finding.StatusCode
	switch t.Verdict {
	case "active":
		a.Verdict, codes = finding.Active, []finding.StatusCode{finding.CodeAccepted}
	case "restricted":
		a.Verdict, codes = finding.Restricted, []finding.StatusCode{finding.CodeInsufficientPermissions, finding.CodeIPNotAllowed, finding.CodeAccountNotActivated}
	case "inactive":
		a.Verdict, codes = finding.Inactive, []finding.StatusCode{finding.CodeExpired, finding.CodeNotRecognised}
	case "unknown":
		a.Verdict, codes = finding.Unknown, []finding.StatusCode{finding.CodeUnexpectedAnswer, finding.CodeRateLimited}
	default:
		return wrong(key+".verdict", "%q is neither active, restricted, inactive nor unknown", t.Verdict)
	}
	refuses := a.Verdict == finding.Restricted || a.Verdict == finding.Inactive
	switch {
	case !slices.Contains(codes, a.Code):
		return wrong(key+".code", "%q is no code for %s: there is %s", t.Code, t.Verdict, joinCodes(codes))
	case a.Verdict == finding.Active && a.Low/100 != 2:
		return wrong(key+".status", "only a 2xx answer accepts a key")
	case refuses && a.Low/100 != 4:
		return wrong(key+".status", "only a 4xx answer refuses a key")
	case refuses && len(t.Fields)+len(t.Values) == 0:
		return wrong(key, "a verdict on a status alone: add the fields or values that distinguish the API's answers")
	}
	return nil
}

func joinCodes(codes []finding.StatusCode) string {
	words := make([]string, len(codes))
	for i, c := range codes {
		words[i] = string(c)
	}
	return strings.Join(words, ", ")
}

// isNoPath reports whether p does not name a field as Answer.Fields says.
func isNoPath(p string) bool {
	parts := strings.Split(p, ".")
	return len(p) > maxPathLen || len(parts) > maxPathDeep || slices.Contains(parts, "")
}
