package rules

import (
	"strings"
	"testing"

	"keysweep/finding"
	"keysweep/rules/attribution"
)

// Bodies of the shapes, for the texts below; <…> stands for a whole key.
var shapesOfKeys = strings.NewReplacer(
	"<16>", "{{test}}{{base62:16:x}}", "<22>", "{{live}}{{base62:22:y}}", "<24>", "{{live}}{{base62:24:a}}", "<24b>", "{{live}}{{base62:24:b}}",
	"<24c>", "{{test}}{{base62:24:c}}", "<24d>", "{{test}}{{base62:24:d}}", "<24e>", "{{live}}{{base62:24:e}}", "<30>", "{{live}}{{base62:30:f}}",
	"<40>", "{{live}}{{base62:40:g}}", "<40b>", "{{test}}{{base62:40:h}}", "<42>", "{{test}}{{base62:42:i}}", "<40hex>", "{{live}}{{hex:40:j}}",
	"<32hex>", "{{test}}{{hex:32:k}}", "<99>", "{{live}}51{{base62:87:l}}00{{base62:8:m}}", "<34>", "{{test}}{{base62:24:n}}00{{base62:8:o}}",
	"<uuid>", "{{live}}{{uuid::p}}", "<32>", "{{live}}{{base62:32:q}}", "<32b>", "{{test}}{{base62:32:r}}", "<32c>", "{{live}}{{base62:32:s}}",
	"<sandbox>", "sk_sandbox_{{base62:24:t}}", "<dash>", "sk-live-{{hex:32:u}}",
)

var filler300 = strings.Repeat("# nothing is said here\n", 14)

// TestWhoseKeyACarefulPersonWouldSayItIs decides for the key between « and ».
func TestWhoseKeyACarefulPersonWouldSayItIs(t *testing.T) {
	const unknown, ambiguous = finding.IssuerUnknown, finding.IssuerAmbiguous
	s := loaded(t)
	m := s.NewMatcher()
	var all strings.Builder
	for _, tt := range []struct {
		name, text, want string
		kind             attribution.Kind // of what decided; 0 if nothing did
	}{
		// Shape.
		{"Stripe's 99 characters", "x=«<99>»", "stripe", attribution.Shape},
		{"Stripe's 34 characters", "x=«<34>»", "stripe", attribution.Shape},
		{"Stripe's 99 characters next to Martis", "https://api.martis.id MARTIS_KEY=«<99>»", "stripe", attribution.Shape},
		{"a restricted key", "PAYSTACK=«rk_live_{{base62:24:a}}»", "stripe", attribution.Shape},
		{"a key of an organization", "x=«sk_org_live_{{base62:80:a}}»", "stripe", attribution.Shape},
		{"Paystack's 40 hex digits under Moyasar's name", "MOYASAR=«<40hex>»", "paystack", attribution.Shape},
		{"Magic's 16 hex digits", "k=«{{live}}{{HEX:16:a}}»", "magic", attribution.Shape},
		{"Recharge's token", "k=«{{test}}3x2_{{hex:64:a}}»", "recharge", attribution.Shape},
		{"Apideck's 93 characters", "k=«{{live}}{{base62:93:a}}»", "apideck", attribution.Shape},
		{"Paymob's prefix", "k=«egy_sk_live_{{hex:64:a}}»", "paymob", attribution.Shape},
		{"Paymob's prefix before another body", "k=«are_sk_live_{{base62:40:a}}»", "paymob", attribution.Shape},
		{"Yoco's mixture", "k=«{{live}}{{hex:8:a}}{{base62:7:b}}{{hex:13:c}}»", "yoco", attribution.Shape},
		{"WorkOS' head", "k=«{{live}}a2V5Xz{{base62:69:a}}»", "workos", attribution.Shape},
		{"24 characters are anybody's", "k=«<24>»", unknown, 0},
		{"40 characters are Kora's or Moyasar's", "k=«<40>»", unknown, 0},
		{"a UUID is anybody's", "k=«<uuid>»", unknown, 0},
		{"the account id of the very key", "\"id\": \"acct_1{{base62:15:v}}\", \"key\": \"«{{live}}51{{base62:15:v}}{{base62:70:w}}»\"", "stripe", attribution.Shape},
		{"a longer id that starts like the account", "\"id\": \"acct_1{{base62:15:v}}0\", \"key\": \"«{{live}}51{{base62:15:v}}{{base62:70:w}}»\"", unknown, 0},
		{"the account id of another key", "\"id\": \"acct_1{{base62:15:z}}\", \"key\": \"«{{live}}51{{base62:15:v}}{{base62:70:w}}»\"", unknown, 0},

		// A neighbour's name alone.
		{"elements of XML", "<stripe><key><24b></key></stripe><martis><key>«<30>»</key></martis>", unknown, 0},
		{"rows of a table", "| stripe | <24b> |\n| martis | «<30>» |", unknown, 0},
		{"rows of CSV", "stripe,<24b>\nmartis,«<30>»", unknown, 0},
		{"cases of a switch", "case \"stripe\": return \"<24b>\"\ncase \"acme\": return \"«<30>»\"", unknown, 0},
		{"a host in the path of another address", "curl https://example.com/api.martis.id/ -H \"Authorization: Bearer «<30>»\"", unknown, 0},

		// Sections of other issuers, too far away to be laid out.
		{"a section far below", "deepstack:\n  app_id: «<30>»\n" + strings.Repeat("other:\n  login: x\n", 200) + "komoju:\n  login: y\n", unknown, 0},
		{"a section far above", "komoju:\n  login: y\n" + strings.Repeat("other:\n  login: x\n", 200) + "deepstack:\n  app_id: «<30>»\n", unknown, 0},
		{"a header far above", "[komoju]\nlogin = y\n" + strings.Repeat("[other]\nlogin = x\n", 200) + "[deepstack]\napp_id = «<30>»\n", unknown, 0},
		{"a name far above that heads nothing", "use komoju here\n" + strings.Repeat("other:\n  login: x\n", 200) + "deepstack:\n  app_id: «<30>»\n", "komoju", attribution.File},

		// What carries the key.
		{"user of a URL", "https://«<22>»:@api.pandapay.io/v1", "pandapay", attribution.Carrier},
		{"user of a URL, another host near", "// not https://api.payplug.com\nhttps://«<22>»:@api.pandapay.io/v1", "pandapay", attribution.Carrier},
		{"user without a colon", "https://«<24>»@api.stripe.com/v1", "stripe", attribution.Carrier},
		{"user of a URL under another name", "TAP_KEY_URL=https://«<24>»:@api.paymongo.com/", "paymongo", attribution.Carrier},
		{"Alma's scheme", "# stripe\nAuthorization: Alma-Auth «<24>»", "alma", attribution.Carrier},
		{"Alma's scheme in code", "req.Header.Set(\"Authorization\", \"Alma-Auth «<24>»\") // https://api.stripe.com", "alma", attribution.Carrier},
		{"Api-Key is a scheme of many", "Authorization: Api-Key «<32>»", unknown, 0},
		{"Api-Key and MoonPay's host", "https://api.moonpay.com/v3\nAuthorization: Api-Key «<32>»", "moonpay", attribution.Host},
		{"an app id beside the key names Apideck, which has another shape", "x-apideck-app-id: 7\nAuthorization: Bearer «<24>»", unknown, 0},

		// Host, name on the line.
		{"a host before", "https://api.martis.id/api/v1\nk=«<24>»", "martis", attribution.Host},
		{"a host 300 bytes away", "https://api.stripe.com/\n" + filler300 + "k=«<24>»", "stripe", attribution.Host},
		{"a host 700 bytes away", "https://api.stripe.com/\n" + filler300 + filler300 + "k=«<24>»", "stripe", attribution.File},
		{"two hosts alike", "https://api.tap.company «<24>» https://api.stripe.com", ambiguous, 0},
		{"an e-mail address is no host", "mail ops@stripe.com\nk=«<24>»", "stripe", attribution.File},
		{"a constant", "const tapSecretKey = '«<24>»'", "tap", attribution.Name},
		{"a fallback", "process.env.PAYMONGO_KEY || '«<24>»'", "paymongo", attribution.Name},
		{"a body that the name cannot have", "PAYSTACK_SECRET=«<24>»", unknown, 0},
		{"16 characters under Culqi's name", "CULQI_KEY=«<16>»", "culqi", attribution.Name},
		{"two names on the line", "alma_key or paymongo_key = «<24>»", ambiguous, 0},
		{"a sandbox key of nobody", "API_KEY=«<sandbox>»", unknown, 0},
		{"a sandbox key under FedaPay's name", "FEDAPAY_KEY=«<sandbox>»", "fedapay", attribution.Name},
		{"a sandbox key at Bachs' host", "https://sandbox-api.bachs.io\nk=«<sandbox>»", "bachs", attribution.Host},
		{"a key with dashes of nobody", "k=«<dash>»", unknown, 0},
		{"a key with dashes at Bridge's host", "https://api.bridge.xyz/v0\nApi-Key: «<dash>»", "bridge", attribution.Host},
		{"a production key under Liveblocks' import", "import {Liveblocks} from '@liveblocks/node'\nk=«sk_prod_{{base62:64:a}}»", "liveblocks", attribution.Twin},

		// Public keys.
		{"Clerk's public key", "PUBLIC=pk_test_Y2xlcmsuZXhhbXBsZS5jb20k\nSECRET=«<42>»", "clerk", attribution.Twin},
		{"Paystack's public key next to 24 characters", "PUBLIC=pk_live_{{hex:40:b}}\nSECRET=«<24>»", unknown, 0},
		{"Stripe's long public key", "PUBLIC=pk_live_51{{base62:87:b}}00{{base62:8:c}}\nSECRET=«<24>»", "stripe", attribution.Twin},
		{"another prefix that ends like Stripe's", "PUBLIC=my_pk_live_51{{base62:87:b}}00{{base62:8:c}}\nSECRET=«<24>»", unknown, 0},
		{"a public key of 24 characters is no evidence", "PUBLIC=pk_live_{{base62:24:b}}\nSECRET=«<24>»", unknown, 0},
		{"a public UUID is no evidence", "PUBLIC=pk_live_{{uuid::b}}\nSECRET=«<uuid>»", unknown, 0},
		{"base64 that is no host", "PUBLIC=pk_test_{{base62:24:b}}\nSECRET=«<42>»", unknown, 0},
		{"WorkOS' client id", "ID=client_01{{repeat:12:H}}{{digits:12:a}}\nSECRET=«{{live}}{{base62:25:a}}»", "workos", attribution.Twin},
		{"the public key on another provider's line", "A_PUBLIC=pk_live_51{{base62:87:b}}00{{base62:8:c}} TAP_KEY=«<24>»", "tap", attribution.Name},

		// Neighbours.
		{"a Stripe key near the word Paystack", "# Paystack comes later\n" + filler300 + "stripe: «<24>»", "stripe", attribution.Name},
		{"a key of nobody near the word Paystack", "# Paystack comes later\n" + filler300 + "k: «<24>»", unknown, 0},
		{"two SDKs in one file", "import Stripe from '@stripe/x'\nimport { Tap } from 'gotap-sdk'\nconst key = '«<24>»'", "stripe", attribution.Twin},
		{"two SDKs of one kind in one file", "require('@alma/api')\nrequire('@stripe/x')\nconst key = '«<24>»'", ambiguous, 0},
		{"five providers in one .env, the third", "STRIPE_KEY=<24b>\nPAYSTACK_KEY=<40hex>\nPAYMONGO_KEY=«<24>»\nTAP_SECRET_KEY=<24c>\nALMA_API_KEY=<24d>\n", "paymongo", attribution.Name},
		{"five providers in one .env, the last", "STRIPE_KEY=<24b>\nPAYSTACK_KEY=<40hex>\nPAYMONGO_KEY=<24>\nTAP_SECRET_KEY=<24c>\nALMA_API_KEY=«<24d>»\n", "alma", attribution.Name},
		{"a key without a name among named ones", "STRIPE_KEY=<24b>\nPAYMONGO_KEY=<24c>\nPAYMENT_KEY=«<24>»\nTAP_SECRET_KEY=<24d>\n", ambiguous, 0},
		{"a key without a name behind a named one", "STRIPE_KEY=<24b>\nPAYMENT_KEY=«<24>»\n", unknown, 0},
		{"a key without a name beside placeholders", "STRIPE_KEY=sk_test_your_key\nPAYMONGO_KEY=sk_test_your_key\nPAYMENT_KEY=«<24>»\n", ambiguous, 0},
		{"a key under the second heading", "# Stripe\nSECRET=<24b>\n\n# Alma api: getalma\nSECRET=«<24>»\n", "alma", attribution.File},
		{"a key under the first heading", "# Stripe\nSECRET=«<24>»\n\n# getalma\nSECRET=<24b>\n", "stripe", attribution.File},
		{"the second key under a heading", "# Stripe\nLIVE=<24b>\nTEST=«<24c>»\n\n# getalma\nSECRET=<24d>\n", "stripe", attribution.File},
		{"a key under a long second heading", "# getalma\nA=<24b>\n# gotap, which is the second of our providers\nA=«<24>»\n", "tap", attribution.File},
		{"one heading of two lines", "# getalma\n# or gotap\nA=«<24>»\n", ambiguous, 0},
		{"a distant mention and a neighbour's name", "# stripe\n" + filler300 + filler300 + "TAP_KEY=<24b>\nPAYMENT_KEY=«<24>»\n", ambiguous, 0},
		{"a name beside an identifier that looks like a prefix", "call stripe: task_live_data\nk=«<24>»", "stripe", attribution.File},
		{"a section of its own and another's host", "martis:\n  key: «<24>»\nstripe:\n  url: https://api.stripe.com\n", "martis", attribution.Name},
		{"lists right below their names", "stripe:\n- «<24>»\ngotap:\n- <24b>\n", "stripe", attribution.Name},
		{"YAML sections, the first", "martis:\n  url: https://api.martis.id\n  key: «<24>»\nstripe:\n  url: https://api.stripe.com\n  key: <24b>\n", "martis", attribution.Host},
		{"YAML sections, the second", "martis:\n  url: https://api.martis.id\n  key: <24b>\nstripe:\n  url: https://api.stripe.com\n  key: «<24>»\n", "stripe", attribution.Host},
		{"YAML sections without hosts", "martis:\n  key: «<24>»\nstripe:\n  key: <24b>\n", "martis", attribution.Name},
		{"a YAML section without a name that counts", "other:\n  key: «<24>»\nstripe:\n  key: <24b>\n", unknown, 0},
		{"a list in YAML", "providers:\n- name: paymongo\n  key: <24b>\n- name: stripe\n  key: «<24>»\n- name: alma\n  key: <24c>\n", "stripe", attribution.Name},
		{"INI sections", "[martis]\nkey = «<24>»\n\n[stripe]\nkey = <24b>\n", "martis", attribution.Name},
		{"a section between two named ones", "[martis]\nkey = <24b>\n\n[other]\nkey = «<24>»\n\n[stripe]\nkey = <24c>\n", unknown, 0},
		{"JSON with nested sections", `{"stripe": {"live": {"key": "<24b>"}}, "martis": {"live": {"key": "«<24>»"}}}`, "martis", attribution.Name},
		{"JSON with nested sections, the first", `{"stripe": {"live": {"key": "«<24>»"}}, "martis": {"live": {"key": "<24b>"}}}`, "stripe", attribution.Name},
		{"JSON with a key behind a closed section", `{"stripe": {"mode": "live", "key": "<24b>"}, "other": {"key": "«<24>»"}}`, unknown, 0},
		{"JSON on many lines", "{\n  \"stripe\": {\n    \"key\": \"<24b>\"\n  },\n  \"tappayments\": {\n    \"key\": \"«<24>»\"\n  }\n}\n", "tap", attribution.Name},
		{"flat JSON on one line", `{"stripe_key":"«<24>»","tap_key":"<24b>"}`, "stripe", attribution.Name},
		{"flat JSON on one line, the second", `{"stripe_key":"<24b>","tap_key":"«<24>»"}`, "tap", attribution.Name},
		{"PHP arrays", "return [\n  'stripe' => [\n    'secret' => '<24b>',\n  ],\n  'paymongo' => [\n    'secret' => '«<24>»',\n  ],\n];\n", "paymongo", attribution.Name},
		{"PHP arrays with long brackets", "return array(\n  'stripe' => array(\n    'secret' => '«<24>»',\n  ),\n  'paymongo' => array(\n    'secret' => '<24b>',\n  ),\n);\n", "stripe", attribution.Name},
		{"a test matrix", "cases := []struct{ issuer, key string }{\n\t{\"stripe\", \"<24b>\"},\n\t{\"paystack\", \"<40hex>\"},\n\t{\"\", \"«<24>»\"},\n\t{\"gotap\", \"<24c>\"},\n}\n", unknown, 0},
		{"a row of a test matrix", "cases := []struct{ issuer, key string }{\n\t{\"stripe\", \"<24b>\"},\n\t{\"gotap\", \"«<24>»\"},\n\t{\"getalma\", \"<24c>\"},\n}\n", "tap", attribution.Name},
		{"a matrix of tuples", "@pytest.mark.parametrize('issuer,key', [\n    ('stripe', '<24b>'),\n    ('unknown', '«<24>»'),\n    ('gotap', '<24c>'),\n])\n", ambiguous, 0},
		{"CSV", "issuer,key\nstripe,<24b>\npaymongo,«<24>»\ngetalma,<24c>\n", "paymongo", attribution.Name},
		{"classes", "class TestStripe:\n    KEY = '<24b>'\n\nclass TestPaymongo:\n    KEY = '«<24>»'\n", "paymongo", attribution.Name},
		{"functions", "function a() {\n  call('https://api.stripe.com', '«<24>»')\n}\nfunction b() {\n  call('https://api.paymongo.com', '<24b>')\n}\n", "stripe", attribution.Host},
		{"a host in a function below a constant", "const KEY = '«<24>»'\nfunction pay() {\n  return fetch('https://api.martis.id/api/v1')\n}\n", "martis", attribution.Host},
		{"a recording of two calls", "- request:\n    url: https://api.stripe.com/v1\n    headers:\n      auth: <24b>\n- request:\n    url: https://api.paymongo.com/v1\n    headers:\n      auth: «<24>»\n", "paymongo", attribution.Host},
		{"a README with a list of providers", "We support Stripe, Paystack, PayMongo and getalma.\n\n```\nSECRET_KEY=«<24>»\n```\n", ambiguous, 0},
		{"a README with a list of providers, on lines", "* Stripe\n* PayMongo\n* getalma\n* gotap\n\nSECRET_KEY=«<24>»\n", ambiguous, 0},
		{"a README with one provider", "We use PayMongo.\n\n```\nSECRET_KEY=«<24>»\n```\n", "paymongo", attribution.File},
		{"a table in Markdown", "| Stripe | `<24b>` |\n| PayMongo | `«<24>»` |\n| getalma | `<24c>` |\n", "paymongo", attribution.Name},
		{"a comment behind the key on its line", "k = '«<24>»' # stripe", "stripe", attribution.Name},
		{"two keys in one sentence", "Use «<24>» (stripe), <24b> (paymongo).", "stripe", attribution.Name},
		{"a shell script", "curl https://api.stripe.com/v1/charges -u <24b>:\ncurl https://api.paymongo.com/v1 \\\n  -u «<24>»:\n", "paymongo", attribution.Host},
		{"compose services", "services:\n  web:\n    environment:\n      STRIPE_KEY: <24b>\n  worker:\n    environment:\n      PAYMONGO_KEY: «<24>»\n", "paymongo", attribution.Name},
		{"unbalanced brackets in prose", "Oops :-{ the [stripe key is «<24>»", "stripe", attribution.Name},
	} {
		all.WriteString(strings.NewReplacer(keyOpen, "", keyClose, "").Replace(tt.text) + "\n" + filler300)
		t.Run(tt.name, func(t *testing.T) {
			text, span, ok := unquoteKey(expand(t, shapesOfKeys.Replace(tt.text)))
			if !ok {
				t.Fatal("no mark")
			}
			for _, found := range accepted(m.Matches([]byte(text), Span{0, len(text)})) {
				if found.Start != span.Start {
					continue
				}
				got, why := s.Attributor().Attribute(found.Shapes, found.Evidence)
				kind := attribution.Kind(0)
				for _, e := range found.Evidence {
					if e.Issuer == got && !e.Weaker {
						kind = max(kind, e.Kind)
					}
				}
				if got != tt.want || kind != tt.kind {
					t.Errorf("got %s, kind %d, %q; want %s, kind %d; evidence %+v", got, kind, why, tt.want, tt.kind, found.Evidence)
				}
				for _, w := range why {
					if strings.Contains(w, found.Secret.Reveal()[8:20]) {
						t.Errorf("%q shows a part of the key", w)
					}
				}
				return
			}
			t.Error("the key is not found")
		})
	}
	t.Run("in windows", func(t *testing.T) {
		text := expand(t, shapesOfKeys.Replace(all.String()))
		want := cloneMatches(m.Matches([]byte(text), Span{0, len(text)}))
		for _, w := range want {
			low, high := max(0, w.Start-Context), min(len(text), w.Start+1+Context)
			got := cloneMatches(m.Matches([]byte(text[low:high]), Span{w.Start - low, w.Start - low + 1}))
			for i := range got {
				got[i].Start, got[i].End = got[i].Start+low, got[i].End+low
			}
			if d := diffMatches([]Match{w}, got); d != "" {
				t.Fatalf("at %d: %s", w.Start, d)
			}
		}
	})
}

// TestMartisIsNamedByHostsAndNamesOnly holds what a key is sent to Martis for:
// a shape that nobody else has, and a host or a name of a variable, setting or
// section, with nothing stronger of another issuer's nearer.
func TestMartisIsNamedByHostsAndNamesOnly(t *testing.T) {
	s := loaded(t)
	m := s.NewMatcher()
	for text, want := range map[string]bool{
		// A host.
		"https://api.martis.id/api/v1\nk=<24>":                     true,
		"https://api-staging.martis.id/api/v1\nk=<24>":             true,
		"https://docs-staging.martis.id/api-keys\nk=<24>":          true,
		"https://api.martis.id/\n" + filler300 + "k=<24>":          true,
		"https://martis.id.evil.example/\nk=<24>":                  false,
		"https://smartis.id/\nk=<24>":                              false,
		"https://my-martis.id/\nk=<24>":                            false,
		"https://api.martis.idx/\nk=<24>":                          false,
		"j.martis@example.com\nk=<24>":                             false,
		"jane@martis.id\nk=<24>":                                   false,
		"https://github.com/real-edge-fx/martis-package\nk=<24>":   false,
		"https://api.martianpay.com/v1\nk=<24>":                    false,
		"https://api.martis.id and https://api.stripe.com\nk=<24>": false,
		// A name.
		"MARTIS_API_KEY=<24>":                                     true,
		"MARTIS_KEY=<32>":                                         true,
		"MARTIS=<40>":                                             true,
		"MARTISPAY_SECRET=<24>":                                   true,
		"martis_key: <24>":                                        true,
		"martisKey = '<24>'":                                      true,
		"newMartisKey('<24>')":                                    true,
		"martis.secret=<24>":                                      true,
		"config['martis'] = '<24>'":                               true,
		"<martis key=\"<24>\"/>":                                  false,
		"[martis]\nkey=<24>":                                      true,
		"martis {\n  key = \"<24>\"\n}":                           true,
		"martis:\n  key: <24>":                                    true,
		"\"martis\": {\"key\": \"<24>\"}":                         true,
		"'martis' => ['key' => '<24>']":                           true,
		"k=<24> # martis":                                         false,
		"Jane Martis wrote: <24>":                                 false,
		"# Author: Martis\nk=<24>":                                false,
		"the martis key <24>":                                     false,
		"SMARTISAN_KEY=<24>":                                      false,
		"smartisan.key=<24>":                                      false,
		"SMARTISH=<24>":                                           false,
		"cosmartis_key=<24>":                                      false,
		"MARTISAN_KEY=<24>":                                       false,
		"martisson: <24>":                                         false,
		"MARTIAN_KEY=<24>":                                        false,
		"MARTIANPAY_KEY=<24>":                                     false,
		"martian:\n  key: <24>":                                   false,
		"\"martis-package\": \"^1\",\n\"key\": \"<24>\"":          false,
		"real-edge-fx/martis-package:\n  key: <24>":               false,
		"[other]\nkey=<24>\n[martis]\nkey=<24b>":                  false,
		"MARTIS_KEY=<24b>\nPAYMONGO_KEY=<24>":                     false,
		"MARTIS_KEY=<99>":                                         false,
		"MARTIS_KEY=rk_live_{{base62:24:a}}":                      false,
		"MARTIS_KEY=<40hex>":                                      false,
		"MARTIS_KEY=https://<24>:@api.stripe.com/":                false,
		"STRIPE_KEY=<24>\n# see martis.id":                        false,
		"STRIPE_KEY=<24> https://api.martis.id":                   true,
		"https://api.stripe.com\nMARTIS_KEY=<24>":                 false,
		"MARTIS_URL=https://api.martis.id\nSTRIPE_SECRET=<40hex>": false,
	} {
		expanded := expand(t, shapesOfKeys.Replace(text))
		var issuers []string
		for _, found := range accepted(m.Matches([]byte(expanded), Span{0, len(expanded)})) {
			issuer, _ := s.Attributor().Attribute(found.Shapes, found.Evidence)
			if found.Secret.Reveal() == expand(t, keyOf(text)) {
				issuers = append(issuers, issuer)
			}
		}
		if len(issuers) != 1 || (issuers[0] == "martis") != want {
			t.Errorf("%q: got %q, want Martis: %t", text, issuers, want)
		}
	}
}

// keyOf returns the key that text is about; <24b> is only its neighbour.
func keyOf(text string) string {
	for _, k := range []string{"<24>", "<32>", "<40>", "<99>", "<40hex>"} {
		if strings.Contains(text, k) {
			return shapesOfKeys.Replace(k)
		}
	}
	return "rk_live_{{base62:24:a}}"
}
