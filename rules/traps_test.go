package rules

import (
	"encoding/base64"
	"strings"
	"testing"

	"keysweep/finding"
)

// trap is a text as found in public code, real keys replaced by random
// ones of the same shape; {{b64:…}} is base64 of what is in it.
type trap struct{ class, text string }

// What a scanner must not report, in the very text: Low is not listed unless
// it is asked for, and marked then.
var rejectedTraps = []trap{
	{"identifier", "cpumask_test_cpu"}, {"identifier", "bpf_cpumask_test_and_clear_cpu"}, {"identifier", "risk_test_labels"},
	{"identifier", "flask_test_client"}, {"identifier", "uq_task_test_position"}, {"identifier", "NETDISK_TEST_DSN"},
	{"identifier", "lisk_test_db_votes"}, {"identifier", "process_image_mask_live_custom"}, {"identifier", "disk_live_composition"},
	{"identifier", "kiosk_live_data.dart"}, {"identifier", "inaturalist_species_at_risk_live_2026-08-28"}, {"identifier", `"memory_disk_test_key"`},
	{"identifier", "_ask_prod_card"}, {"identifier", `class="task_live_2"`}, {"identifier", "task-live-copy"}, {"identifier", "korri-kiosk-live-iso"},
	{"identifier", "test_framework_test_cases"}, {"identifier", `"task_test_air_cooler"`}, {"identifier", "STRIPE_SK_TEST_KEY"},
	{"identifier", "RISK_TEST_COUNT"}, {"identifier", "FLASK_SANDBOX_HOST"}, {"identifier", "BENCHMARK_TEST_ARGS"},

	{"placeholder", "{{live}}abc123"}, {"placeholder", "{{live}}abc123xyz789"}, {"placeholder", "{{test}}YOUR_KEY"}, {"placeholder", "{{live}}your_secret_key"},
	{"placeholder", "{{live}}[your_secret_key_here]"}, {"placeholder", "{{live}}<YOUR_LIVE_KEY>"}, {"placeholder", "{{live}}<本番用Stripeシークレットキー>"},
	{"placeholder", "{{test}}placeholder_for_signature_verification_only"}, {"placeholder", "{{live}}build_placeholder_00000000000000000000"},
	{"placeholder", "{{test}}DUMMY_STRIPE_KEY_00000000WxYz"}, {"placeholder", "{{live}}cachefixture_000000000000000000"},
	{"placeholder", "{{live}}CANARY_7f3a9c_DO_NOT_LEAK"}, {"placeholder", "{{live}}4242424242424242"}, {"placeholder", "{{live}}28J9dXXXXXXXXXXXXXXXXXXXXXX"},
	{"placeholder", "{{test}}XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX"}, {"placeholder", "{{live}}realmerchantfr"}, {"placeholder", "{{test}}everythingIsUnderControl"},
	{"placeholder", "{{test}}0123456789…abcd"},

	{"placeholder", "{{test}}{{b64:clerk.example.dev$}}"}, {"placeholder", "'{{live}}{{b64:foo-bar-13.clerk.accounts.dev$}}'"},

	{"masked", "{{live}}7Lp2••••••••••9nWr"}, {"masked", "{{live}}49G***************"}, {"masked", "{{live}}51M...8a92"}, {"masked", "{{live}}9f…e2"},
	{"masked", "{{live}}99aa..."}, {"masked", "{{live}}5f64...[RAW KEY RETURNED ONLY ONCE]"}, {"masked", "{{test}}e<VENDOR_ID>"}, {"masked", "{{live}}01****6789"},

	{"regex", "/{{live}}[0-9a-zA-Z]{24}/g"}, {"regex", `'{{live}}[A-Za-z0-9]{10,}'`}, {"regex", `r"(?i)\b(?:{{live}}[A-Za-z0-9]+|ghp_…"`},
	{"regex", `\b({{live}}[a-z0-9A-Z-]{93})\b`}, {"regex", `[[ "$STRIPE_SECRET_KEY" == {{live}}* ]]`}, {"regex", "pattern-regex: {{live}}[0-9a-z]{32}"},

	{"template", "`{{live}}${nanoid(80)}`"}, {"template", `f"{{live}}{secrets.token_urlsafe(32)}"`}, {"template", `"{{live}}" + secrets.token_hex(32)`},
	{"template", "{{live}}<base64url(32 bytes)>"}, {"template", "`{{live}}${\"A\".repeat(20)}`"}, {"template", `"{{live}}{d:0>8}_abcdefgh"`},

	{"typed by hand", "{{live}}4hT9wQ2mV7xL1pR8zK3nB6cY"}, {"typed by hand", "{{live}}4pX9kL2mN8qR3sT7vY1zA3bC6dE0fG2h"},
	{"typed by hand", "{{live}}aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV"}, {"typed by hand", "{{live}}9f8a7b6c5d4e3f2a1b0c"},
	{"typed by hand", "{{live}}4x8k2m9p1q7r3s5t"}, {"typed by hand", "{{live}}a6afaeada6a1a8a3a6a5a1a2aca1aea7"}, {"typed by hand", "{{live}}ZzYyXxWwVvUuTtSsRrQq"},

	{"split", `"sk_" + "live_" + "51Mh3kLZx9QpWvNbR7tYcUiOaPq"  # synthetic`}, {"split", `"sk_" + "live_" + "a1B2" * 6`},
	{"split", `"sk_" + "live_" + (\"A\" * 24)`}, {"split", `("sk_" + "live_", "[A-Za-z0-9]{20,}")`}, {"split", `"sk_" + "live_51FAKEfakeFAKE…"`},

	{"base64", "Basic {{b64:{{live}}abc}}"},

	{"URL", "https://{{test}}12345:@api.stripe.com/v1/customers"}, {"URL", "stripe://{{test}}xxx@whsec_xxx"}, {"URL", "stripe://{{test}}xxx@api.stripe.com/v1"},

	{"mention", "{{live}}..."}, {"mention", "`{{live}}`"}, {"mention", `startsWith("{{test}}")`}, {"mention", "keys start with {{live}} or {{test}}, and so on"},
}

// What must be found at medium or high confidence, in the very text.
var foundTraps = []trap{
	{"split", "`Bearer ${\"{{live}}{{hex:23:s}}\" + \"{{hex:41:t}}\"}`"},

	{"base64", "Basic {{b64:{{live}}{{base62:22:a}}:}}"}, {"base64", "'Basic {{b64:{{test}}{{base62:24:b}}}}'"}, {"base64", "'Basic {{b64:{{test}}{{base62:16:c}}:}}'"},
	{"base64", "Buffer.from('{{b64:{{live}}51{{base62:40:d}}}}')"}, {"base64", `atob("{{b64:{{live}}{{hex:48:e}}}}")`},

	{"URL", "https://{{test}}{{base62:24:f}}:@api.stripe.com/v1/recipients"},

	{"odd place", "# Payjp.api_key = {{test}}{{hex:24:g}}  # comment"}, {"odd place", `paystackSecretKey="{{live}}{{hex:40:g}}"`},
	{"odd place", "environment.production ? 'Bearer {{live}}005f23b0a7d56471' : 'Bearer {{test}}abc'"},
	{"odd place", `environment.production ? 'Bearer {{live}}abc' : 'Bearer {{test}}{{base62:16:h}}'`},
	{"odd place", `TOKEN = "{{live}}f5hl3P3RkIZo.{{base62:48:s}}"`}, {"odd place", `process.env.X || "{{test}}{{base62:24:i}}"`},
	{"odd place", `'{\"secret_key\":{\"value\":\"{{test}}51{{base62:87:j}}00{{base62:8:k}}\"}}'`},
	{"odd place", `eval("stripe.new(\"{{test}}51{{base62:87:j}}00{{base62:8:k}}\")")`},
	{"odd place", "// Replace with your actual Paystack secret key\nconst k = '{{live}}{{hex:40:l}}'"},

	{"left boundary", `"…\n\n{{test}}{{base62:24:m}}"`}, {"left boundary", "/Bearer%20{{live}}{{base62:24:m}}"}, {"left boundary", "&quot;{{live}}{{base62:24:m}}&quot;"},
	{"left boundary", "\x1b[1m{{live}}{{base62:24:m}}\x1b[0m"}, {"left boundary", "{{test}}{{live}}51{{base62:87:n}}00{{base62:8:o}}"},

	{"right boundary", "-u {{live}}{{base62:24:m}}:"}, {"right boundary", "({{live}}{{base62:24:m}})"}, {"right boundary", "‘{{live}}{{base62:24:m}}’"},
	{"right boundary", "{{live}}{{base62:24:m}}&x=1"}, {"right boundary", "{{test}}{{base62:30:p}}import {"}, {"right boundary", "<b>{{live}}{{base62:24:m}}</b>"},

	{"another company", "gw_{{live}}{{base62:24:a}}"}, {"another company", "egy_{{test}}{{hex:64:a}}"}, {"another company", "n{{live}}{{base62:24:a}}"},
	{"another company", "a{{live}}{{hex:16:a}}_{{base64url:43:b}}"}, {"another company", "ps{{live}}{{base62:32:b}}"},
}

// What a scan lists only at low confidence.
var lowTraps = []trap{
	{"defused", "MOYASAR_SECRET_KEY={{test}}@{{base62:39:k}}"},
}

// written fills in the placeholders of a trap.
func written(t testing.TB, text string) string {
	t.Helper()
	head, rest, ok := strings.Cut(text, "{{b64:")
	if !ok {
		return expand(t, text)
	}
	end := strings.LastIndex(rest, "}}")
	return expand(t, head) + base64.StdEncoding.EncodeToString([]byte(expand(t, rest[:end]))) + expand(t, rest[end+2:])
}

func TestTrapsInTheirVeryText(t *testing.T) {
	m := loaded(t).NewMatcher()
	type row struct{ right, of int }
	table := map[string]*row{}
	var classes []string
	check := func(verdict string, traps []trap, right func([]Match) bool) {
		for _, tr := range traps {
			name := verdict + ": " + tr.class
			if table[name] == nil {
				table[name] = &row{}
				classes = append(classes, name)
			}
			table[name].of++
			text := written(t, tr.text)
			list := accepted(m.Matches([]byte(text), Span{0, len(text)}))
			if !right(list) {
				t.Errorf("%s: %s: got\n%s", name, tr.text, revealed(list))
				continue
			}
			table[name].right++
		}
	}
	check("rejected", rejectedTraps, func(list []Match) bool {
		for _, k := range list {
			if k.Confidence > finding.Low {
				return false
			}
		}
		return true
	})
	check("found", foundTraps, func(list []Match) bool { return len(list) == 1 && list[0].Confidence >= finding.Medium })
	check("found at low", lowTraps, func(list []Match) bool { return len(list) == 1 && list[0].Confidence == finding.Low })
	for _, name := range classes {
		t.Logf("%-28s %d of %d", name, table[name].right, table[name].of)
	}
}
