package verify

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"keysweep/finding"
	"keysweep/rules"
)

// notOfTheKey are messages of 401 and 403 that do not say what becomes of a key:
// it may work from elsewhere, tomorrow, or for another request.
var notOfTheKey = []string{
	// the address of the sender
	"This API key is restricted to other hosts", "Requests from this address are refused", "Your IP is blocked",
	"IP address not in the allowlist of this proxy", "The IP 203.0.113.7 is not allowed", "Access from your country is not permitted",
	"API key not allowed from this network", "Referer not allowed", "Host not allowed", "Origin is invalid", "VPN detected",
	// the service
	"Service temporarily down", "database timeout", "Authentication service unavailable, try again", "Internal error while checking the API key",
	"Scheduled maintenance", "Invalid or missing API key cache", "Could not verify API key", "API key validation timed out", "Upstream connect error",
	"Invalid or missing API key (database timeout)", "API key expired? try again later", "Key store is read-only",
	// the request
	"Authorization header missing", "Missing API key", "No API key provided", "You did not provide an API key", "Bearer token missing",
	"Invalid authorization header", "Malformed Authorization header", "Request timestamp expired", "Signature expired", "Invalid signature",
	"Nonce is invalid", "Request expired", "Invalid request", "Invalid API version", "Unsupported authentication scheme", "Invalid header",
	"Please use HTTPS", "Session expired", "Token expired", "CSRF token invalid", "Certificate expired", "Invalid client certificate",
	// what is in front of it
	"Proxy authentication required", "Proxy authentication required: session expired", "Blocked by security policy", "Request blocked",
	"Access denied", "Please log in", "Login required", "Captcha required", "Forbidden", "Not authenticated", "Authentication required",
	"Invalid credentials", "Invalid username or password", "Too many requests", "Rate limit exceeded", "Quota exceeded",
	// the account, not the key
	"Account suspended", "Account is under review", "Subscription expired", "Trial expired", "Your plan has expired", "Merchant is disabled",
	"Terms of service must be accepted", "Payment required", "User not found", "Merchant not found",
	// the key, and yet it may work
	"API key expires soon", "API key will expire tomorrow", "API key is valid", "API key not expired", "Key is not active yet", "API key is locked for 5 minutes",
	"API key revoked from this device", "API key has been revoked and restored", "Not an invalid API key", "Invalid API key format for this endpoint",
	"Wrong environment", "This key belongs to the other environment", "API key lacks permission", "Invalid API key or IP address not in the allowlist",
	"Invalid API key?", "Invalid API key or no internet", "invalid", "expired", "error", "no", "401", "",
}

// bodyOf returns a JSON body in which each path has its value. A number within a
// path is the index of an array.
func bodyOf(values map[string]string) string {
	var build func(prefix string) any
	build = func(prefix string) any {
		object, array := map[string]any{}, []any{}
		for _, path := range slices.Sorted(maps.Keys(values)) {
			rest, ok := strings.CutPrefix(path, prefix)
			if !ok {
				continue
			}
			name, _, nested := strings.Cut(rest, ".")
			var v any = values[path]
			if b, err := strconv.ParseBool(values[path]); err == nil {
				v = b
			}
			if nested {
				v = build(prefix + name + ".")
			}
			if _, err := strconv.Atoi(name); err == nil {
				array = []any{v}
			} else {
				object[name] = v
			}
		}
		if len(array) > 0 {
			return array
		}
		return object
	}
	text, err := json.Marshal(build(""))
	if err != nil {
		panic(err)
	}
	return string(text)
}

// refusal returns an answer that has all that a wants and this message.
func refusal(p *rules.Probe, a *rules.Answer, message string) *reply {
	values := map[string]string{}
	for _, alternatives := range a.Fields {
		values[alternatives[0]] = "x"
	}
	for path, of := range a.Values {
		values[path] = of[0]
	}
	values[p.Message[0]] = message
	status, err := strconv.Atoi(a.Status)
	if err != nil {
		panic(err)
	}
	r := jsonReply(status, bodyOf(values))
	for _, h := range a.Headers {
		r.header.Set(h, "1")
	}
	return r
}

// TestOnlyListedRefusalsAreBelieved: each listed message gives its verdict; the same
// with more around it, and everything else, is unknown and is quoted.
func TestOnlyListedRefusalsAreBelieved(t *testing.T) {
	tried, wrong, listed := 0, 0, map[string]int{}
	const prefix = "sk_" + "live_"
	check := func(rule *rules.Rule, r *reply, want finding.Status) {
		t.Helper()
		tried++
		if o := read(rule.Probe, r, prefix); o.verdict != want {
			wrong++
			t.Errorf("%s: %d %s gives %v, %s; want %v", rule.Issuer, r.status, r.body, o.verdict, o.words, want)
		}
	}
	for _, rule := range built().Rules() {
		if rule.Probe == nil {
			continue
		}
		for i := range rule.Probe.Answers {
			a := &rule.Probe.Answers[i]
			if a.Verdict == finding.Active {
				continue
			}
			for _, m := range a.Messages {
				shown := strings.NewReplacer("{key}", prefix+"****abcd", "*", "x").Replace(m)
				listed[rule.Issuer]++
				for _, same := range []string{shown, strings.ToUpper(shown), shown + ".", "  " + strings.ReplaceAll(shown, " ", " \n ") + ". "} {
					check(rule, refusal(rule.Probe, a, same), a.Verdict)
				}
				for _, other := range []string{shown + " for this address", shown + ": service unavailable", "Perhaps: " + shown, shown + "?", shown[1:], strings.Replace(shown, "e", "a", 1), "not " + shown} {
					if strings.HasSuffix(m, "*") && other == shown+"?" {
						continue // the rest of that word may be anything
					}
					check(rule, refusal(rule.Probe, a, other), finding.Unknown)
				}
				for _, status := range []int{200, 400, 402, 404, 409, 418, 422} {
					r := refusal(rule.Probe, a, shown)
					r.status = status
					check(rule, r, finding.Unknown)
				}
			}
			for _, m := range notOfTheKey {
				r := refusal(rule.Probe, a, m)
				check(rule, r, finding.Unknown)
				if o := read(rule.Probe, r, prefix); m != "" && !strings.Contains(o.words, strconv.Quote(m)) {
					t.Errorf("%s: %q is not quoted: %s", rule.Issuer, m, o.words)
				}
			}
		}
	}
	t.Logf("%d answers, %d wrong; listed messages: %v", tried, wrong, listed)
}

// TestOnlySuccessIsBelieved: a 2xx answer that speaks of a failure anywhere near its
// top is unknown.
// A refusal counts only if nothing else in the answer says otherwise.
func TestOnlyARefusalThatNothingContradictsIsBelieved(t *testing.T) {
	martis := built().RuleOf("martis-secret-key", "martis").Probe
	for more, want := range map[string]finding.Status{
		``:                          finding.Inactive,
		`,"data":null,"error":null`: finding.Inactive,
		`,"error":true,"code":401,"success":false`: finding.Inactive,
		`,"error":"Unauthorized","statusCode":401`: finding.Inactive,
		`,"data":{"message":"Invalid API key."}`:   finding.Inactive,
		`,"code":"invalid_key","request_id":"r_1"`: finding.Inactive,
		`,"errors":["Invalid API key"]`:            finding.Inactive,

		`,"detail":"our authentication service is down"`:        finding.Unknown,
		`,"error":"service unavailable"`:                        finding.Unknown,
		`,"errors":["maintenance"]`:                             finding.Unknown,
		`,"errors":["Invalid API key","maintenance"]`:           finding.Unknown,
		`,"errors":[{"message":"maintenance"}]`:                 finding.Unknown,
		`,"reason":"IP address not in the allowlist"`:           finding.Unknown,
		`,"data":{"message":"IP address not in the allowlist"}`: finding.Unknown,
		`,"data":{"error":{"detail":"database timeout"}}`:       finding.Unknown,
		`,"success":true`:                                       finding.Unknown,
		`,"ok":true`:                                            finding.Unknown,
		`,"error":false`:                                        finding.Unknown,
		`,"code":503`:                                           finding.Unknown,
		`,"statusCode":"200"`:                                   finding.Unknown,
		`,"result":"success"`:                                   finding.Unknown,
		`,"Message":"Request timestamp expired"`:                finding.Unknown,
	} {
		text := `{"status":"error","message":"Invalid API key"` + more + `}`
		if o := read(martis, jsonReply(401, text), "sk_"); o.verdict != want {
			t.Errorf("%s gives %v, %s; want %v", text, o.verdict, o.words, want)
		}
	}
	for _, text := range []string{"\u0130nvalid API key", "Invalid\u00a0API key"} { // not the same words
		if o := read(martis, jsonReply(401, `{"status":"error","message":"`+text+`"}`), "sk_"); o.verdict != finding.Unknown {
			t.Errorf("%q gives %v", text, o.verdict)
		}
	}
}

func TestOnlySuccessIsBelieved(t *testing.T) {
	martis := built().RuleOf("martis-secret-key", "martis").Probe
	tried := 0
	for want, bodies := range map[finding.Status][]string{
		finding.Active: {
			`[]`, `{}`, `{"data":[]}`, `{"status":"success","data":[]}`, `{"status":"success"}`, `{"result":[]}`, `{"status":"ok","message":"2 charges"}`, `{"success":true}`,
			`{"status":200,"message":"OK","data":[]}`, `{"statusCode":200,"data":[]}`, `{"code":0,"data":[]}`, `{"error":null,"data":[]}`, `{"error":false,"data":[]}`,
			`[{"id":"ch_1","status":"paid"}]`, `[{"id":1,"error":null}]`, `{"data":[{"id":1,"status":"failed","error":"card_declined"}]}`,
			`{"status":"success","data":{"items":[],"total":0}}`, `{"charges":[],"message":"none yet"}`, `{"data":[],"meta":{"page":1,"status":"ok"}}`,
		},
		finding.Unknown: {
			`{"success":false}`, `{"success":false,"data":[]}`, `{"success":"false"}`, `{"success":0}`, `{"Success":false}`, `{"isSuccess":false,"data":[]}`, `{"ok":false,"data":[]}`,
			`{"statusCode":401}`, `{"status_code":403,"data":[]}`, `{"statusCode":"401","message":"Unauthorized"}`, `{"status":401,"data":[]}`, `{"code":401,"data":null}`, `{"httpStatus":500}`, `{"code":"UNAUTHORIZED","data":[]}`,
			`{"status":"error","message":"no"}`, `{"status":"fail","data":{}}`, `{"status":"failed"}`, `{"status":"unauthorized"}`, `{"status":"maintenance","data":[]}`, `{"status":false}`, `{"status":{"code":401}}`, `{"status":0}`,
			`{"error":"unauthorized"}`, `{"error":{}}`, `{"error":{"code":1},"data":[]}`, `{"errors":[{"message":"no"}]}`, `{"errors":["no"],"data":[]}`, `{"error_message":"x"}`, `{"errorCode":1}`, `{"hasErrors":true}`, `{"fault":{"faultstring":"x"}}`, `{"exception":"x"}`, `{"error.code":1}`,
			`[{"error":"unauthorized"}]`, `[{"id":1,"error":"x"}]`, `[{"code":"unauthorized","message":"no"}]`, `[{"status":"401","title":"Unauthorized"}]`, `[{"id":1,"status":401}]`, `[{"id":"e1","status":"error"}]`, `[{"message":"no"}]`, `["unauthorized"]`, `[[]]`, `[1]`, `[null]`, `[{}]`, `[{"id":1},{"errors":[]}]`,
			`{"data":{"error":"unauthorized"}}`, `{"response":{"status":"error"}}`, `{"meta":{"code":401},"data":[]}`, `{"result":{"success":false}}`, `{"result":"error"}`,
			`{"message":"Unauthorized"}`, `{"detail":"Not authenticated"}`, `{"message":"Service temporarily down","maintenance":true}`, `{"msg":"Please log in"}`, `{"message":"x","data":null}`,
			`{"success":true,"success":false}`, `{"success":true,"Success":false}`, `{"data":[],"data":[]}`, `"ok"`, `true`, `200`, `null`, ``, `{}{}`, `{"a":`, "\ufeff{}",
		},
	} {
		for _, text := range bodies {
			for _, status := range []int{200, 201} {
				tried++
				if o := read(martis, jsonReply(status, text), "sk_"); o.verdict != want {
					t.Errorf("%d %s gives %v, %s; want %v", status, text, o.verdict, o.words, want)
				}
			}
		}
	}
	// An issuer that shows its success is believed by that alone.
	for _, rule := range built().Rules() {
		if rule.Probe == nil || rule.Issuer == "martis" {
			continue
		}
		for _, text := range []string{`[]`, `{}`, `{"data":null}`, `{"status":"success"}`, `[{"id":1}]`, `{"message":"OK"}`, `{"object":"charge"}`} {
			r := jsonReply(200, text)
			r.header = http.Header{"Content-Type": {"application/json"}, "Request-Id": {"1"}, "X-Request-Id": {"1"}}
			tried++
			if o := read(rule.Probe, r, "sk_"); o.verdict != finding.Unknown {
				t.Errorf("%s: %s gives %v", rule.Issuer, text, o.verdict)
			}
		}
	}
	for _, tt := range issuerAnswers {
		p := built().RuleOf(tt.issuer+"-secret-key", tt.issuer).Probe
		for _, more := range []string{`"success":false`, `"error":"x"`, `"statusCode":401`, `"errors":[{"code":1}]`} {
			r := jsonReply(200, fmt.Sprintf(`%s,%s}`, strings.TrimSuffix(tt.accepted, "}"), more))
			r.header.Set("X-Request-Id", "1")
			tried++
			if o := read(p, r, "sk_"); o.verdict != finding.Unknown {
				t.Errorf("%s: %s gives %v", tt.issuer, r.body, o.verdict)
			}
		}
	}
	t.Logf("%d answers", tried)
}
