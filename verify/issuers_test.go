package verify

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"keysweep/finding"
)

// issuerAnswers are the answers of the other issuers as their documents show
// them; see the sources in each rule.
var issuerAnswers = []struct {
	issuer, host, path, auth string
	bodyLength               int
	accepted, refused        string // bodies of 200 and 401
	header                   string
}{
	{issuer: "clerk", host: "api.clerk.com", path: "/v1/jwks", auth: "Bearer", bodyLength: 42,
		accepted: `{"keys":[{"use":"sig","kty":"RSA","kid":"ins_1","alg":"RS256","n":"x","e":"AQAB"}]}`,
		refused:  `{"errors":[{"message":"The provided Clerk Secret Key is invalid. Make sure that your Clerk Secret Key is correct.","long_message":"The provided Clerk Secret Key is invalid.","code":"clerk_key_invalid"}],"clerk_trace_id":"1"}`},
	{issuer: "paystack", host: "api.paystack.co", path: "/integration/payment_session_timeout", auth: "Bearer", bodyLength: 40,
		accepted: `{"status":true,"message":"Payment session timeout retrieved","data":{"payment_session_timeout":30}}`,
		refused:  `{"status":false,"message":"Invalid key","type":"validation_error","code":"invalid_Key"}`},
	{issuer: "workos", host: "api.workos.com", path: "/organizations?limit=1", auth: "Bearer", bodyLength: 75, header: "X-Request-Id",
		accepted: `{"object":"list","data":[],"list_metadata":{"before":null,"after":null}}`,
		refused:  `{"message":"Unauthorized"}`},
	{issuer: "paymongo", host: "api.paymongo.com", path: "/v1/webhooks", auth: "Basic", bodyLength: 24,
		accepted: `{"data":[]}`,
		refused:  `{"errors":[{"code":"api_key_invalid","detail":"API key does not exist."}]}`},
	{issuer: "moyasar", host: "api.moyasar.com", path: "/v1/payments", auth: "Basic", bodyLength: 40,
		accepted: `{"payments":[],"meta":{"current_page":1}}`,
		refused:  `{"type":"authentication_error","message":"Invalid authorization credentials","errors":null}`},
	{issuer: "payjp", host: "api.pay.jp", path: "/v1/accounts", auth: "Basic", bodyLength: 24,
		accepted: `{"id":"acct_1","object":"account","email":"a@example.com"}`,
		refused:  `{"error":{"code":"invalid_api_key","message":"Invalid API Key","status":401,"type":"auth_error"}}`},
}

func TestEachIssuerIsAskedAsItDocuments(t *testing.T) {
	for _, tt := range issuerAnswers {
		for _, env := range []finding.Environment{finding.Production, finding.Sandbox} {
			t.Run(fmt.Sprintf("%s %v", tt.issuer, env), func(t *testing.T) {
				prefix := map[finding.Environment]string{finding.Production: "sk_" + "live_", finding.Sandbox: "sk_" + "test_"}[env]
				key := func(seed uint64) *finding.Finding {
					return &finding.Finding{Secret: finding.NewSecret(prefix, body(tt.bodyLength, seed)), RuleID: tt.issuer + "-secret-key", Issuer: tt.issuer,
						IssuerStrength: finding.StrengthHost, Environment: env, Confidence: finding.High}
				}
				good, bad := key(1), key(2)
				w := newWorld(t)
				w.opts.Issuers = []string{AllIssuers}
				w.host(tt.host+":443", func(rw http.ResponseWriter, r *http.Request, key string) {
					if auth, _, _ := strings.Cut(r.Header.Get("Authorization"), " "); r.Method != "GET" || r.URL.RequestURI() != tt.path || auth != tt.auth {
						t.Errorf("%s %s by %s", r.Method, r.URL.RequestURI(), auth)
					}
					if tt.header != "" {
						rw.Header().Set(tt.header, "1")
					}
					switch {
					case key == good.Secret.Reveal():
						answer(rw, 200, tt.accepted)
					default:
						answer(rw, 401, tt.refused)
					}
				}, nil)
				w.run(context.Background(), good, bad)
				if good.Status != finding.Active || bad.Status != finding.Inactive || !strings.HasPrefix(bad.StatusReason, "not_recognised: ") {
					t.Errorf("got %v, %s; %v, %s", good.Status, good.StatusReason, bad.Status, bad.StatusReason)
				}
			})
		}
	}
}

// TestNoProbeTakesTheAnswerOfAFirewall: what is in front of an API answers
// in JSON, too, and never decides.
func TestNoProbeTakesTheAnswerOfAFirewall(t *testing.T) {
	common := []string{
		`{}`, `[]`, `{"error":"unauthorized"}`, `{"error":"Forbidden","status":403}`, `{"status":401,"message":"Unauthorized"}`,
		`{"statusCode":401,"error":"Unauthorized","message":"Missing authentication"}`, `{"code":16,"message":"invalid","details":[]}`,
		`{"fault":{"faultstring":"Invalid ApiKey","detail":{"errorcode":"oauth.v2.InvalidApiKey"}}}`, `{"success":false,"errors":[{"code":10000}]}`,
	}
	for _, rule := range built().Rules() {
		if rule.Probe == nil {
			continue
		}
		for _, text := range common {
			for _, status := range []int{401, 403} {
				if o := read(rule.Probe, jsonReply(status, text), "sk_live_"); o.verdict != finding.Unknown {
					t.Errorf("%s: %d %s gives %v, %s", rule.ID, status, text, o.verdict, o.code)
				}
			}
		}
	}
}
