package verify

import (
	"net/http"
	"runtime"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"keysweep/finding"
	"keysweep/rules"
)

// envelope is a probe whose answers want every kind of condition.
var envelope = &rules.Probe{Message: []string{"title", "errors.0.detail", "message"}, Answers: []rules.Answer{
	{Status: "2xx", Fields: [][]string{{"1.id", "0.id"}}, Verdict: finding.Active, Code: finding.CodeAccepted},
	{Status: "401", Values: map[string][]string{"error.live": {"true"}, "error.n": {"7"}}, Verdict: finding.Inactive, Code: finding.CodeExpired},
	{Status: "401", Fields: [][]string{{"errors.0.code"}}, Messages: []string{"no such key"}, Verdict: finding.Inactive, Code: finding.CodeNotRecognised},
	{Status: "403", Headers: []string{"X-Api"}, Messages: []string{"no"}, Verdict: finding.Restricted, Code: finding.CodeInsufficientPermissions},
}}

func jsonReply(status int, text string) *reply {
	return &reply{status: status, body: []byte(text), header: http.Header{"Content-Type": {"application/json"}}}
}

func TestWhatAnswersSay(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		status     int
		change     func(*reply)
		want       finding.StatusCode
	}{
		{"an array with the field", `[{"id":0}]`, 200, nil, finding.CodeAccepted},
		{"an array with the other", `[{},{"id":"x"}]`, 200, nil, finding.CodeAccepted},
		{"an array without either", `[{},{},{"id":1}]`, 200, nil, finding.CodeUnexpectedAnswer},
		{"an empty array", `[]`, 200, nil, finding.CodeUnexpectedAnswer},
		{"a field that is null", `[{"id":null}]`, 200, nil, finding.CodeUnexpectedAnswer},
		{"an array that is too long", `[{"id":1}` + strings.Repeat(" ", maxAnswer) + `]`, 200, nil, finding.CodeUnexpectedAnswer},
		{"an array that ends too early", `[{"id":1},{"id`, 200, nil, finding.CodeUnexpectedAnswer},
		{"an object instead of an array", `{"0":{"id":1}}`, 200, nil, finding.CodeUnexpectedAnswer},
		{"a name with a dot", `{"0.id":1}`, 200, nil, finding.CodeUnexpectedAnswer},
		{"names with a dot", `{"error.live":true,"error.n":7}`, 401, nil, finding.CodeUnexpectedAnswer},
		{"truth value and number", `{"error":{"live":true,"n":7}}`, 401, nil, finding.CodeExpired},
		{"strings that look like them", `{"error":{"n":"7","live":"true"}}`, 401, nil, finding.CodeExpired},
		{"another number", `{"error":{"live":true,"n":7.0}}`, 401, nil, finding.CodeUnexpectedAnswer},
		{"an object instead of a value", `{"error":{"live":{"true":1},"n":7}}`, 401, nil, finding.CodeUnexpectedAnswer},
		{"a value twice", `{"error":{"live":false,"live":true,"n":7}}`, 401, nil, finding.CodeUnexpectedAnswer},
		{"the second message, in capitals", `{"errors":[{"detail":"NO SUCH KEY.","code":1}]}`, 401, nil, finding.CodeNotRecognised},
		{"a message that is not the first", `{"title":"hello","errors":[{"detail":"no such key","code":1}]}`, 401, nil, finding.CodeUnexpectedAnswer},
		{"one of two errors", `{"errors":[{"detail":"no such key","code":1},{}]}`, 401, nil, finding.CodeUnexpectedAnswer},
		{"a message that is no string", `{"title":1,"errors":[{"detail":"no such key","code":1}]}`, 401, nil, finding.CodeNotRecognised},
		{"a header that is missing", `{"message":"no"}`, 403, nil, finding.CodeUnexpectedAnswer},
		{"a header that is there", `{"message":"no"}`, 403, func(r *reply) { r.header.Set("x-api", "1") }, finding.CodeInsufficientPermissions},
		{"problem+json", `{"message":"no"}`, 403, func(r *reply) {
			r.header.Set("x-api", "1")
			r.header.Set("Content-Type", "Application/Problem+JSON; charset=utf-8")
		}, finding.CodeInsufficientPermissions},
		{"no content type", `{"message":"no"}`, 403, func(r *reply) { r.header = http.Header{"X-Api": {"1"}} }, finding.CodeUnexpectedAnswer},
		{"text/json+json", `{"message":"no"}`, 403, func(r *reply) { r.header = http.Header{"X-Api": {"1"}, "Content-Type": {"text/x+json"}} }, finding.CodeUnexpectedAnswer},
		{"compressed", `{"message":"no"}`, 403, func(r *reply) { r.header.Set("x-api", "1"); r.header.Set("Content-Encoding", "br") }, finding.CodeUnexpectedAnswer},
		{"deeper than any path", strings.Repeat(`[`, 60000) + strings.Repeat(`]`, 60000), 200, nil, finding.CodeUnexpectedAnswer},
		{"a status of another answer", `{"message":"no"}`, 402, func(r *reply) { r.header.Set("x-api", "1") }, finding.CodeUnexpectedAnswer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := jsonReply(tt.status, tt.text)
			if tt.change != nil {
				tt.change(r)
			}
			if o := read(envelope, r, "sk_"); o.code != tt.want {
				t.Errorf("got %v, %s", o.verdict, o.code.Reason(o.words))
			}
		})
	}
}

// What an answer costs is limited: by its depth, its members and their names.
func TestAnswersCostLittleMemory(t *testing.T) {
	for name, text := range map[string]string{
		"depth":   strings.Repeat("[", maxAnswer/2) + strings.Repeat("]", maxAnswer/2),
		"members": "[" + strings.Repeat("1,", maxAnswer/2-2) + "1]",
		"names":   `{"` + strings.Repeat("x", maxAnswer/2) + `":{"a":[` + strings.Repeat("1,", maxAnswer/4-20) + "1]," + `"b":0}}`,
	} {
		t.Run(name, func(t *testing.T) { answerMemory(t, text) })
	}
}

func answerMemory(t *testing.T, text string) {
	r := jsonReply(200, text)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := parse(r); err != errNotJSON {
		t.Error(err)
	}
	runtime.ReadMemStats(&after)
	if spent := after.TotalAlloc - before.TotalAlloc; spent > 256<<20 {
		t.Errorf("%d bytes for an answer of %d", spent, len(r.body))
	}
}

func TestCleanWords(t *testing.T) {
	prefix := "sk_" + "live_"
	key := prefix + body(40, 1)
	for _, tt := range []struct{ name, words, want string }{
		{"plain words", "Invalid or missing API key", "Invalid or missing API key"},
		{"words of programs", "insufficient_permissions: rak_accounts_kyc_id_numbers_read, INVALID_AUTHORIZATION", "insufficient_permissions: rak_accounts_kyc_id_numbers_read, INVALID_AUTHORIZATION"},
		{"an address", "not from 203.0.113.7", "not from 203.0.113.7"},
		{"the key", "bad key " + key + "!", "bad key " + prefix + "…!"},
		{"the key, glued", "bad" + key, "bad" + prefix + "…"},
		{"the key, masked", "bad " + prefix + "********Wxyz", "bad " + prefix + "…"},
		{"half of the key", "bad " + key[8:30], "bad …"},
		{"eight characters", "bad " + key[20:28], "message withheld: it contains the key"},
		{"eight characters in capitals", "bad " + strings.ToUpper(key[20:28]), "message withheld: it contains the key"},
		{"four characters", "bad …" + key[44:], "bad …" + key[44:]},
		{"in groups of four", "bad " + key[8:12] + " " + key[12:16] + " " + key[16:20], "message withheld: it contains the key"},
		{"as entities", "bad &#" + strings.Join([]string{"120", "121"}, ";&#") + ";", "bad &#120;&#121;"},
		{"an identifier", "account acct_1ABCDEFabcdef123 is closed", "account … is closed"},
		{"control characters", "a\x1b[31mb\nc\u202ed\x00", `a\x1b[31mb\nc\u202ed\x00`},
		{"bytes that are not UTF-8", "a\xff\xfeb", "a\uFFFDb"},
		{"too long", strings.Repeat("ä ", 200), strings.Repeat("ä ", 65) + "ä…"},
		{"nothing", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := clean(tt.words, key, prefix); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	entities := ""
	for _, c := range key {
		entities += "&#x" + string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15]) + "; "
	}
	if got := clean(entities, key, prefix); !strings.HasPrefix(got, "message withheld") {
		t.Errorf("as entities: %q", got)
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{`{"status":"error","message":"Invalid"}`, `[{"id":1}]`, `{"errors":[{"detail":"no such key","code":1}]}`, `{"a":1,}`, `[[[[`, `"x"`, `{"error":{"live":true,"n":7e0}}`} {
		f.Add(200, "application/json", []byte(seed))
		f.Add(401, "application/json", []byte(seed))
	}
	f.Add(403, "text/html", []byte("<html>"))
	f.Fuzz(func(t *testing.T, status int, kind string, text []byte) {
		r := &reply{status: max(status, 0), body: text, header: http.Header{"Content-Type": {kind}, "X-Api": {"1"}, "Request-Id": {"1"}}}
		for _, rule := range append(built().Rules(), &rules.Rule{Probe: envelope}) {
			if rule.Probe == nil {
				continue
			}
			o := read(rule.Probe, r, "sk_live_")
			if o.verdict < finding.Unknown || o.code == "" {
				t.Fatalf("got %v, %q", o.verdict, o.code)
			}
			if o.verdict != finding.Unknown {
				trimmed := strings.TrimLeft(string(text), " \t\r\n")
				if !strings.HasPrefix(trimmed, "{") && !strings.HasPrefix(trimmed, "[") || !strings.Contains(strings.ToLower(kind), "json") {
					t.Fatalf("%q, %q gives %v", kind, text, o.verdict)
				}
			}
		}
	})
}

func FuzzClean(f *testing.F) {
	prefix := "sk_" + "live_"
	key := prefix + body(40, 1)
	for _, seed := range []string{"", key, "x" + key, strings.ToUpper(key), reversed(key), "\x1b\u202e\xff", "a b c", key[len(prefix):][:7] + "\r"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, words string) {
		for _, text := range []string{words, words + key, key + words, words + key[8:24] + words} {
			got := clean(text, key, prefix)
			if len(got) > maxWords || !utf8.ValidString(got) {
				t.Fatalf("%d bytes: %q", len(got), got)
			}
			if echoes(got, key[len(prefix):]) {
				t.Fatalf("%q gives %q", text, got)
			}
			for _, r := range got {
				if !unicode.IsPrint(r) {
					t.Fatalf("%q gives %q", text, got)
				}
			}
		}
	})
}

// A path is not copied at each level once it is longer than any that a rule asks
// for.
func TestDepthCostsLittleMemory(t *testing.T) {
	const deep = maxDepth - 10
	r := jsonReply(200, `{"a":{"b":{"`+strings.Repeat("n", 1<<20)+`":`+strings.Repeat(`{"a":`, deep)+`1`+strings.Repeat("}", deep+3))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := parse(r); err != nil {
		t.Error(err)
	}
	runtime.ReadMemStats(&after)
	if spent := after.TotalAlloc - before.TotalAlloc; spent > 32<<20 {
		t.Errorf("%d bytes for an answer of %d", spent, len(r.body))
	}
}

// A listed message is the whole one, but for case, spaces, a final stop and, where
// the rule says so, the key or the rest of a word.
func TestWhatAMessageSays(t *testing.T) {
	for _, tt := range []struct {
		listed, message string
		want            bool
	}{
		{"No such key", "no  SUCH\tkey. ", true},
		{"No such key.", "No such key", true},
		{"No such key", "No such key..", false},
		{"No such key", "No such key!", false},
		{"No such key", "No such keys", false},
		{"No such key", "There is no such key", false},
		{"No such key", "No such key from this address", false},
		{"No such key", "", false},
		{"Bad key: {key}", "Bad key: ab_live_****wxyz.", true},
		{"Bad key: {key}", "Bad key: ab_live_", true},
		{"Bad key: {key}", "Bad key: AB_LIVE_x", true},
		{"Bad key: {key}", "Bad key: unavailable", false},
		{"Bad key: {key}", "Bad key: ab_live_x from here", false},
		{"Bad key: {key}", "Bad key:", false},
		{"Key '{key}' of '*'", "Key 'ab_live_x' of 'me'", true},
		{"Key '{key}' of '*'", "Key 'ab_live_x' of 'me and you'", false},
		{"Key '{key}' of '*'", "Key 'ab_live_x' of '", false},
	} {
		a := &rules.Answer{Messages: []string{"something else", tt.listed}}
		if got := lists(a, tt.message, "ab_live_"); got != tt.want {
			t.Errorf("%q for %q: %v", tt.message, tt.listed, got)
		}
	}
}
