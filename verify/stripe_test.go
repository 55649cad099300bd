package verify

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"keysweep/finding"
)

func stripeKey(prefix string, seed uint64) *finding.Finding {
	f := &finding.Finding{
		Secret: finding.NewSecret(prefix, body(24, seed)+"00"+body(8, seed+1000)), RuleID: "stripe-secret-key", Issuer: "stripe",
		IssuerStrength: finding.StrengthShape, Environment: finding.Production, Confidence: finding.High,
	}
	if strings.Contains(prefix, "test") {
		f.Environment = finding.Sandbox
	}
	return f
}

// stripe plays the API as documented; see the sources in the rule.
func stripe(states map[string]string) func(rw http.ResponseWriter, r *http.Request, key string) {
	return func(rw http.ResponseWriter, r *http.Request, key string) {
		if states[key] != "no request id" {
			rw.Header().Set("Request-Id", "req_1")
		}
		masked := key[:8] + strings.Repeat("*", len(key)-12) + key[len(key)-4:]
		switch states[key] {
		case "active", "no request id":
			answer(rw, 200, `{"object":"balance","available":[{"amount":0,"currency":"eur"}],"livemode":true,"pending":[]}`)
		case "charge":
			answer(rw, 200, `{"object":"charge"}`)
		case "expired":
			answer(rw, 401, `{"error":{"code":"api_key_expired","doc_url":"https://stripe.com/docs/error-codes/api-key-expired","message":"Expired API Key provided: `+masked+`","type":"invalid_request_error"}}`)
		case "restricted":
			answer(rw, 403, `{"error":{"message":"The provided key '`+masked+`' does not have the required permissions for this endpoint on account 'acct_1ABCDEFabcdef123'. Having the 'rak_balance_read' permission would allow this request to continue.","type":"invalid_request_error"}}`)
		case "address":
			answer(rw, 401, `{"error":{"message":"The API key provided does not allow requests from your IP address (203.0.113.7).","type":"invalid_request_error"}}`)
		case "no key sent":
			answer(rw, 401, `{"error":{"message":"You did not provide an API key.","type":"invalid_request_error"}}`)
		default:
			answer(rw, 401, `{"error":{"message":"Invalid API Key provided: `+masked+`","type":"invalid_request_error"}}`)
		}
	}
}

func TestStripe(t *testing.T) {
	for _, prefix := range []string{"sk_" + "live_", "sk_" + "test_", "rk_" + "live_", "rk_" + "test_"} {
		for i, tt := range []struct {
			state  string
			status finding.Status
			reason string
		}{
			{"active", finding.Active, "accepted: HTTP 200"},
			{"expired", finding.Inactive, "expired: Expired API Key provided: " + prefix + "…"},
			{"", finding.Inactive, "not_recognised: Invalid API Key provided: " + prefix + "…"},
			{"restricted", finding.Restricted, "insufficient_permissions: The provided key '" + prefix + "…' does not have the required permissions for this endpoint on account '…'. Having the 'rak_balance_read' permission would allow this request to continue."},
			{"address", finding.Restricted, "ip_not_allowed: The API key provided does not allow requests from your IP address (203.0.113.7)."},
			{"no request id", finding.Unknown, "unexpected_answer: HTTP 200, JSON that matches no known answer"},
			{"charge", finding.Unknown, "unexpected_answer: HTTP 200, JSON that matches no known answer"},
			{"no key sent", finding.Unknown, `unexpected_answer: HTTP 401: "You did not provide an API key."`},
		} {
			t.Run(prefix+tt.state, func(t *testing.T) {
				w := newWorld(t)
				w.opts.Issuers = []string{"stripe"}
				f := stripeKey(prefix, uint64(i))
				w.host(stripeHost, stripe(map[string]string{f.Secret.Reveal(): tt.state}), nil)
				w.run(context.Background(), f)
				if f.Status != tt.status || f.StatusReason != tt.reason {
					t.Errorf("got %v, %s\nwant %v, %s", f.Status, f.StatusReason, tt.status, tt.reason)
				}
			})
		}
	}
}
