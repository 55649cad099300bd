package rules

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keysweep/finding"
)

// The built-in rules; tests do not change them.
func loaded(t testing.TB, files ...string) *Set {
	t.Helper()
	s, err := Load(files)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func expand(t testing.TB, text string) string {
	t.Helper()
	text, err := Expand(text)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// revealed prints candidates with their keys. Keys in tests are made up.
func revealed(list []Match) string {
	var b strings.Builder
	for _, m := range list {
		fmt.Fprintf(&b, "  [%d,%d) %q %s %s %.2f %v\n", m.Start, m.End, m.Secret.Reveal(), m.Confidence, m.RejectedFor, m.Score, m.Encoding)
	}
	return b.String()
}

func utf16le(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteByte(s[i])
		b.WriteByte(0)
	}
	return b.String()
}

func utf16be(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteByte(0)
		b.WriteByte(s[i])
	}
	return b.String()
}

func TestKeysInTheirSurroundings(t *testing.T) {
	s := loaded(t)
	m := s.NewMatcher()
	for _, tt := range []struct {
		name, text string // the key between « and »
		confidence finding.Confidence
	}{
		{"start and end of the text", `«{{live}}{{base62:24:a}}»`, finding.High},
		{"quoted", `key = "«{{live}}{{base62:24:a}}»"`, finding.High},
		{"escaped line breaks", `"…\n\n«{{test}}{{base62:30:b}}»\n"`, finding.High},
		{"a string in a string", `eval("x = \\n«{{test}}{{base62:30:b}}»\\n")`, finding.High},
		{"escaped quote", `{\"value\":\"«{{test}}51{{base62:87:c}}00{{base62:8:d}}»\"}`, finding.High},
		{"unicode escape", `"\u0022«{{live}}{{base62:24:a}}»\u0022"`, finding.High},
		{"hex escape", `"\x22«{{live}}{{base62:24:a}}»\x22"`, finding.High},
		{"hex escape at the start of the text", `\x20«{{live}}{{base62:24:a}}»`, finding.High},
		{"octal escape", `"\042«{{live}}{{base62:24:a}}»\042"`, finding.High},
		{"braced escape", `"\u{22}«{{live}}{{base62:24:a}}»"`, finding.High},
		{"percent escape", `/Bearer%20«{{live}}{{base62:24:a}}»%22`, finding.High},
		{"double percent escape", `?k%253D«{{live}}{{base62:24:a}}»%2526`, finding.High},
		{"entity", `&quot;«{{live}}{{base62:24:a}}»&quot;`, finding.High},
		{"colour", "\x1b[32m«{{live}}{{base62:24:a}}»\x1b[0m", finding.High},
		{"colour, escaped", `echo "\033[1;32m«{{live}}{{base62:24:a}}»\033[0m"`, finding.High},
		{"behind a sample's prefix", `{{test}}«{{live}}51{{base62:87:c}}00{{base62:8:d}}»`, finding.High},
		{"behind its shortened copy", `{{test}}Qx4mWEg...{{base62:17:t}}«{{test}}R7q{{base62:4:u}}{{base62:17:t}}»`, finding.Medium},
		{"URL user", `https://«{{test}}{{base62:24:e}}»:@api.stripe.com/v1/recipients`, finding.High},
		{"curl -u", `curl -u«{{live}}{{base62:24:a}}»: https://x`, finding.High},
		{"removed line of a patch", "\n-«{{live}}{{base62:24:a}}»\n", finding.High},
		{"comma", `a,«{{live}}{{base62:24:a}}»,b`, finding.High},
		{"tag", `<b>«{{live}}{{base62:24:a}}»</b>`, finding.High},
		{"UTF-8 quotes", `‘«{{live}}{{base62:24:a}}»’`, finding.High},
		{"emphasis", `**«{{live}}{{base62:24:a}}»**`, finding.High},
		{"end of a sentence", `It is «{{live}}{{base62:24:a}}».`, finding.High},
		{"end of a sentence, and one below", "  It is\n  «{{live}}{{base62:24:a}}».\n  {{base62:20:b}}\n", finding.High},
		{"a word below it in a column", "1   «{{live}}{{base62:24:a}}»  eur\n    word\n", finding.High},
		{"a key below it in a column", "1   «{{live}}{{base62:24:a}}»  eur\n    {{hex:20:b}}  usd\n", finding.High},
		{"call", `f(«{{live}}{{base62:24:a}}»)`, finding.High},
		{"carriage return", "A=«{{live}}{{base62:24:a}}»\r\n", finding.High},
		{"glued word", `k «{{test}}{{base62:24:d1}}»import {`, finding.High},
		{"a statement glued to a body of no documented length", `k «{{test}}{{base62:32:d1}}»import { x }`, finding.High},
		{"letters that are no statement", `k «{{test}}{{base62:32:d1}}»import{ x }`, finding.High},
		{"the body of a public key", `pk_test_{{base62:50:d1}} «{{test}}{{base62:50:d1}}»`, finding.Low},
		{"another body than the public key's", `pk_test_{{base62:50:d2}} «{{test}}{{base62:50:d1}}»`, finding.High},
		{"emphasis with underscores", `__«{{live}}{{base62:24:a}}»__`, finding.High},
		{"emphasis that starts before", `***The key is «{{live}}{{base62:24:a}}»***`, finding.High},
		{"quoted-printable", `key=3D«{{live}}{{base62:24:a}}»`, finding.High},
		{"trailing underscore", `«{{live}}{{base62:24:a}}»_ x`, finding.High},
		{"comment", `# Payjp.api_key = «{{test}}{{hex:24:g}}»  # comment`, finding.High},
		{"replace-me comment", "// Replace with your actual Paystack secret key\npaystackSecretKey=\"«{{live}}{{hex:40:g}}»\"", finding.High},
		{"16 hex in a ternary", `production ? 'Bearer «{{live}}005f23b0a7d56471»' : ''`, finding.High},
		{"fallback", `process.env.X || "«{{test}}{{base62:24:h}}»"`, finding.High},
		{"UUID", `«{{test}}{{uuid::a}}»`, finding.High},
		{"id.secret", `TOKEN = "«{{live}}f5hl3P3RkIZo.{{base62:48:s}}»"`, finding.High},
		{"base64url body", `"«{{live}}{{base64url:43:q}}»"`, finding.High},
		{"typed by hand", `STRIPE="«{{live}}4hT9wQ2mV7xL1pR8zK3nB6cY»"`, finding.Low},
		{"typed, short", `"«{{live}}4x8k2m9p1q7r3s5t»"`, finding.Low},
		{"split over two literals", "`Bearer ${\"«{{live}}{{hex:23:s}}\" + \"{{hex:41:t}}»\"}`", finding.High},
		{"split behind the prefix", "'«{{live}}' +\n  '{{base62:24:s}}»'", finding.High},
		{"a documented body and another literal", `"«{{live}}{{hex:40:s}}»" + "{{hex:41:t}}"`, finding.High},
		{"a literal that is no second piece", `"«{{live}}{{base62:20:s}}»" + "{{base62:12:t}} x"`, finding.High},
		{"a literal in other quotes beside it", `"«{{live}}{{base62:20:s}}»" '{{base62:12:t}}'`, finding.High},
		{"a short literal behind it", `"«{{live}}{{base62:20:s}}" + "abc»"`, finding.High},
		{"another company's prefix", `key: gw_«{{live}}{{base62:24:a}}»`, finding.Medium},
		{"another company's prefix, glued", `key: ps«{{live}}{{base62:24:a}}»`, finding.Medium},
		{"behind a long identifier", "a_very_long_identifier_«{{live}}{{base62:24:a}}»", finding.Medium},
		{"behind signs", "___«{{live}}{{base62:24:a}}»", finding.High},
		{"behind a digit", "7«{{live}}{{base62:24:a}}»", finding.Medium},
		{"behind a name and a dash", "${STRIPE_KEY-«{{live}}{{base62:24:a}}»}", finding.High},
		{"an escaped letter", `\x61«{{live}}{{base62:24:a}}»`, finding.Medium},
		{"another company's prefix behind an escape", `"\ngw_«{{live}}{{base62:24:a}}»"`, finding.Medium},
		{"another company's prefix behind a percent escape", `?a=%20gw_«{{live}}{{base62:24:a}}»`, finding.Medium},
		{"pieces that PHP joins", `$k = '«{{live}}{{hex:23:s}}' . '{{hex:41:t}}»';`, finding.High},
		{"pieces that Lua joins", `k = "«{{live}}{{hex:23:s}}" .. "{{hex:41:t}}»"`, finding.High},
		{"pieces that Elixir joins", `k = "«{{live}}{{hex:23:s}}" <> "{{hex:41:t}}»"`, finding.High},
		{"pieces on lines of their own", "k = (\"«{{live}}{{hex:23:s}}\"\n     \"{{hex:41:t}}»\")", finding.High},
		{"pieces on continued lines", "k = \"«{{live}}{{hex:23:s}}\" \\\n \"{{hex:41:t}}»\"", finding.High},
		{"pieces of Python's kinds", "k = (f\"«{{live}}{{hex:23:s}}\"\n     f\"{{hex:41:t}}»\")", finding.High},
		{"an operator and a continued line", "k = \"«{{live}}{{hex:23:s}}\" + \\\n  \"{{hex:41:t}}»\"", finding.High},
		{"pieces in two sorts of quotes", `k = '«{{live}}{{hex:23:s}}' + "{{hex:41:t}}»"`, finding.High},
		{"pieces within JSON", `{"source": ["k = \"«{{live}}{{hex:23:s}}\" + \"{{hex:41:t}}»\""]}`, finding.High},
		{"a piece beside the prefix", `k = "«{{live}}" "{{base62:24:t}}»"`, finding.High},
		{"two strings beside each other", `["«{{live}}{{hex:24:s}}»" "{{hex:41:t}}"]`, finding.High},
		{"words on the next line", "[\"«{{live}}{{base62:26:s}}»\"\n \"customer_name\"]", finding.High},
		{"defused", `MOYASAR_SECRET_KEY=«{{test}}@{{base62:39:k}}»`, finding.Low},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text, span, ok := unquoteKey(expand(t, tt.text))
			if !ok {
				t.Fatal("no mark")
			}
			list := m.Matches([]byte(text), Span{0, len(text)})
			found := accepted(list)
			if len(found) != 1 || found[0].Start != span.Start || found[0].End != span.End ||
				found[0].Secret.Reveal() != gaps.Replace(text[span.Start:span.End]) || found[0].Confidence != tt.confidence {
				t.Fatalf("want %s at %v, got\n%s", tt.confidence, span, revealed(list))
			}
		})
	}
}

func TestEachOfTwoKeysThatRunTogetherIsFound(t *testing.T) {
	m := loaded(t).NewMatcher()
	for _, between := range []string{"", "_", "-"} {
		first, second := expand(t, "{{live}}{{base62:40:a}}"), expand(t, "{{live}}{{base62:24:b}}")
		text := first + between + second
		found := accepted(m.Matches([]byte(text), Span{0, len(text)}))
		if len(found) != 2 || found[0].Start != 0 || found[1].Secret.Reveal() != second || found[1].Confidence != finding.High {
			t.Errorf("with %q between them: %s", between, revealed(found))
		}
	}
}

// gaps removes what is between the pieces of a split key.
var gaps = strings.NewReplacer("\" + \"", "", "' +\n  '", "", "' . '", "", "\" .. \"", "", "\" <> \"", "",
	"\"\n     \"", "", "\" \\\n \"", "", "\" \"", "", "\"\n     f\"", "", "\" + \\\n  \"", "", "' + \"", "", `\" + \"`, "")

func TestWhatIsNoKey(t *testing.T) {
	s := loaded(t)
	m := s.NewMatcher()
	for reason, texts := range map[string][]string{
		"part of a longer identifier": {
			"cpumask_test_cpu", "bpf_cpumask_test_and_clear_cpu", "risk_test_labels", "flask_test_client", "uq_task_test_position",
			"lisk_test_db_votes", "process_image_mask_live_custom", "disk_live_composition", "kiosk_live_data.dart",
			"inaturalist_species_at_risk_live_2026-08-28", `"memory_disk_test_key"`, `class="task_live_2"`,
			`"task_test_air_cooler"`, "ta{{live}}{{base62:24:a}}", "net_di{{test}}{{hex:64:a}}", "gw_{{live}}some_words_9f8a7b6c5d",
		},
		"": { // any reason
			"{{live}}abc123", "{{live}}abc123xyz789", "{{test}}YOUR_KEY", "{{live}}your_secret_key",
			"{{live}}[your_secret_key_here]", "{{live}}<YOUR_LIVE_KEY>", "{{live}}<本番用Stripeシークレットキー>",
			"{{test}}placeholder_for_signature_verification_only", "{{live}}build_placeholder_00000000000000000000",
			"{{test}}DUMMY_STRIPE_KEY_00000000WxYz", "{{live}}cachefixture_000000000000000000",
			"{{live}}CANARY_7f3a9c_DO_NOT_LEAK", "{{live}}4242424242424242", "{{live}}28J9dXXXXXXXXXXXXXXXXXXXXXX",
			"{{test}}XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX", "{{live}}realmerchantfr", "{{test}}everythingIsUnderControl",
			"{{test}}0123456789…abcd", "{{live}}9f…e2", "task-live-copy", "korri-kiosk-live-iso", "_ask_prod_card",
			"NETDISK_TEST_DSN", "RISK_TEST_COUNT", "`{{live}}`", `startsWith("{{test}}")`, "{{live}}...",
			"https://{{test}}12345:@api.stripe.com/v1/customers", "stripe://{{test}}xxx@whsec_xxx",
			`"sk_" + "live_" + "a1B2" * 6`, "{{live}}{{repeat:300:a}}", "{{live}}{{base62:300:a}}",
			`c2tfbGl2ZV9hYmM=`, "{{test}}framework_test_cases",
		},
		"masked": {
			"{{live}}7Lp2••••••••••9nWr", "{{live}}49G***************", "{{live}}51M...8a92", "{{live}}99aa...",
			"{{live}}5f64...[RAW KEY RETURNED ONLY ONCE]", "{{live}}01****6789", "{{live}}{{base62:20:a}}...",
			"{{live}}{{base62:24:a}}******", "{{live}}{{base62:20:a}}…",
		},
		"pattern": {
			"/{{live}}[0-9a-zA-Z]{24}/g", `'{{live}}[A-Za-z0-9]{10,}'`, `\b({{live}}[a-z0-9A-Z-]{93})\b`,
			`[[ "$STRIPE_SECRET_KEY" == {{live}}* ]]`, "pattern-regex: {{live}}[0-9a-z]{32}", `{{live}}\w+`,
		},
		"template": {
			"`{{live}}${nanoid(80)}`", `f"{{live}}{secrets.token_urlsafe(32)}"`, `"{{live}}" + secrets.token_hex(32)`,
			"{{live}}<base64url(32 bytes)>", "`{{live}}${\"A\".repeat(20)}`", "\"{{live}}{d:0>8}_abcdefgh\"",
			"{{test}}e<VENDOR_ID>",
		},
	} {
		for _, text := range texts {
			text = expand(t, text)
			list := m.Matches([]byte(text), Span{0, len(text)})
			for _, c := range list {
				if c.Confidence != finding.Rejected || c.RejectedFor == "" || reason != "" && c.RejectedFor != reason {
					t.Errorf("%q: want rejected for %q, got\n%s", text, reason, revealed(list))
				}
			}
			if reason != "" && len(list) != 1 {
				t.Errorf("%q: %d candidates, want 1", text, len(list))
			}
		}
	}
}

// The bodies that documentation prints are known by their hash only; this one
// replaces them.
func TestPublishedSamplesAreKnownUnderAnyPrefix(t *testing.T) {
	s := loaded(t, ruleFileOf(t, `
[[rule]]
id = "sample"
literals = ["sk_live_", "sk_test_"]
samples_sha256 = ["`+sha256Hex(fill(placeholderAlphabet("base62"), 24, "sample"))+`"]
`))
	for _, text := range []string{"{{live}}{{base62:24:sample}}", "{{test}}{{base62:24:sample}}", "{{live}}{{base62:24:sample}}_"} {
		text = expand(t, text)
		list := s.NewMatcher().Matches([]byte(text), Span{0, len(text)})
		if len(list) != 1 || list[0].RejectedFor != "published sample" {
			t.Errorf("%q: got\n%s", text, revealed(list))
		}
	}
}

func TestEncodedKeys(t *testing.T) {
	s := loaded(t)
	m := s.NewMatcher()
	key := expand(t, "{{live}}{{base62:24:a}}")
	for _, tt := range []struct {
		name, text, encoding string
		start                int
	}{
		{"utf-16le", utf16le("KEY=" + key + "\r\n"), "utf-16", 8},
		{"utf-16le at both ends", utf16le(key), "utf-16", 0},
		{"utf-16be", utf16be("KEY=" + key + "\r\n"), "utf-16", 9},
		{"utf-16be at both ends", utf16be(key), "utf-16", 0},
		{"utf-16le behind a byte order mark", "\xff\xfe" + utf16le(key) + "\x1d\x20", "utf-16", 2},
		{"utf-16be behind a byte order mark", "\xfe\xff" + utf16be(key) + "\x20\x1d", "utf-16", 2},
		{"base64, offset 0", "Basic " + base64.StdEncoding.EncodeToString([]byte(key+":")), "base64", 6},
		{"base64, offset 1", "x " + base64.StdEncoding.EncodeToString([]byte(":"+key)) + " x", "base64", 3},
		{"base64, offset 2", "x " + base64.StdEncoding.EncodeToString([]byte("a:"+key)) + " x", "base64", 4},
		{"base64, url alphabet", "x_" + base64.RawURLEncoding.EncodeToString([]byte(key+"\xff\xfe\xff")), "base64", 2},
		{"base64 in a file of its own", base64.StdEncoding.EncodeToString([]byte(key)), "base64", 0},
		{"base64 behind an escape", `"a\n` + base64.StdEncoding.EncodeToString([]byte(key)) + `\n"`, "base64", 4},
		{"base64 of a longer text", base64.StdEncoding.EncodeToString([]byte(strings.Repeat("some text ", 30) + key + " and more")), "base64", 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			list := m.Matches([]byte(tt.text), Span{0, len(tt.text)})
			found := accepted(list)
			if len(list) != 1 || len(found) != 1 || found[0].Secret.Reveal() != key || !slices.Equal(found[0].Encoding, []string{tt.encoding}) || found[0].Start != tt.start {
				t.Fatalf("want one key at %d, got\n%s", tt.start, revealed(list))
			}
		})
	}
}

func TestEncodedIdentifiersAndPlaceholdersAreNoKeys(t *testing.T) {
	m := loaded(t).NewMatcher()
	for _, text := range []string{"ta{{live}}{{base62:24:a}}", "cpumask_test_cpu_is_a_function", "{{test}}your_secret_key_here", "{{live}}abc123"} {
		text = expand(t, text)
		for _, enc := range []string{utf16le(text), utf16be(text), base64.StdEncoding.EncodeToString([]byte(text)),
			base64.StdEncoding.EncodeToString([]byte(" " + text)), base64.StdEncoding.EncodeToString([]byte("  " + text))} {
			list := m.Matches([]byte(enc), Span{0, len(enc)})
			if len(accepted(list)) != 0 || len(list) != 1 {
				t.Errorf("%q as %q: got\n%s", text, enc, revealed(list))
			}
		}
	}
}

// corpus is a text with everything in it, longer than two contexts.
func corpus(t testing.TB, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 3))
	var b []byte
	pieces := []string{
		"{{live}}{{base62:24:%d}}", "{{test}}{{hex:40:%d}}", "{{live}}abc123 ", "cpumask_test_cpu", " STRIPE_KEY=", " MARTIS_KEY=",
		"\n", "\n", " ", "=", `\n`, "{{test}}{{live}}51{{base62:87:%d}}00{{base62:8:%d}}", "api.martis.id", "https://api.stripe.com/v1",
		"{{live}}{{base62:16:%d}}{{test}}{{base62:24:%d}}", "\x00", "...", "lorem ipsum dolor", "a:", "\"{{live}}{{base62:20:%d}}\" +\n  \"{{base62:12:%d}}\"", "_", "[martis]\n",
	}
	for len(b) < 2*Context+3000 {
		var s string
		for range r.IntN(4) + 1 {
			p := pieces[r.IntN(len(pieces))]
			if n := strings.Count(p, "%d"); n > 0 {
				args := make([]any, n)
				for i := range args {
					args[i] = r.IntN(1000)
				}
				p = fmt.Sprintf(p, args...)
			}
			s += expand(t, p)
		}
		switch r.IntN(12) {
		case 0, 1, 2:
			s = encoders[r.IntN(len(encoders))].encode(s)
		case 3:
			s = encoders[r.IntN(len(encoders))].encode(encoders[r.IntN(len(encoders))].encode(s))
		case 4:
			s = wrapped(base64.StdEncoding.EncodeToString([]byte(s)), 10+r.IntN(70), "\n")
		case 5:
			s += strings.Repeat("some filler text\n", r.IntN(40))
		}
		b = append(b, s...)
	}
	return b
}

func cloneMatches(list []Match) []Match {
	out := slices.Clone(list)
	for i := range out {
		out[i].Evidence, out[i].Shapes = slices.Clone(out[i].Evidence), slices.Clone(out[i].Shapes)
	}
	return out
}

// diffMatches compares matches with their keys, which cmp cannot see.
func diffMatches(want, got []Match) string {
	type plain struct {
		Match  Match
		Secret string
	}
	list := func(in []Match) []plain {
		var out []plain
		for _, m := range in {
			p := plain{m, m.Secret.Reveal()}
			p.Match.Secret = finding.Secret{}
			if len(p.Match.Evidence) == 0 {
				p.Match.Evidence = nil
			}
			if len(p.Match.Shapes) == 0 {
				p.Match.Shapes = nil
			}
			out = append(out, p)
		}
		return out
	}
	return cmp.Diff(list(want), list(got), cmp.Comparer(func(a, b finding.Secret) bool { return true }))
}

func TestEveryWindowLayoutGivesTheSameMatches(t *testing.T) {
	s := loaded(t)
	m := s.NewMatcher()
	for seed := range uint64(4) {
		text := corpus(t, seed)
		want := cloneMatches(m.Matches(text, Span{0, len(text)}))
		if len(accepted(want)) < 20 {
			t.Fatalf("corpus %d has only %d keys", seed, len(accepted(want)))
		}
		r := rand.New(rand.NewPCG(seed, 9))
		for _, size := range []int{61, 509, 4096, 16001} {
			if size < 500 && seed > 0 {
				continue // hundreds of windows a text
			}
			var got []Match
			for start := -r.IntN(size); start < len(text); start += size {
				core := Span{max(start, 0), min(start+size, len(text))}
				low, high := max(0, core.Start-Context), min(len(text), core.End+Context)
				// A copy, so that nothing reads beyond the window.
				window := slices.Clone(text[low:high])
				for _, x := range cloneMatches(m.Matches(window, Span{core.Start - low, core.End - low})) {
					x.Start, x.End = x.Start+low, x.End+low
					got = append(got, x)
				}
			}
			if d := diffMatches(want, got); d != "" {
				t.Fatalf("corpus %d in cores of %d bytes: %s", seed, size, d)
			}
		}
	}
}

func TestEveryEdgeOfAWindowGivesTheSameMatch(t *testing.T) {
	s := loaded(t)
	m := s.NewMatcher()
	key := expand(t, "{{live}}51{{base62:87:a}}00{{base62:8:b}}")
	for _, enc := range []func(string) string{
		func(s string) string { return s }, utf16le, utf16be,
		func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	} {
		text := []byte(strings.Repeat("# line\n", 2400) + enc("MARTIS_KEY="+key+"\nhttps://api.martis.id") + strings.Repeat("\n# line", 2400))
		want := cloneMatches(m.Matches(text, Span{0, len(text)}))
		if len(want) != 1 {
			t.Fatalf("got\n%s", revealed(want))
		}
		for cut := want[0].Start - 20; cut < want[0].End+20; cut++ {
			var got []Match
			for _, core := range []Span{{0, cut}, {cut, len(text)}} {
				low, high := max(0, core.Start-Context), min(len(text), core.End+Context)
				for _, x := range cloneMatches(m.Matches(text[low:high:high], Span{core.Start - low, core.End - low})) {
					x.Start, x.End = x.Start+low, x.End+low
					got = append(got, x)
				}
			}
			if d := diffMatches(want, got); d != "" {
				t.Fatalf("cut at %d: %s", cut, d)
			}
		}
	}
}

func TestHostileTextTakesTimeInProportionToItsSize(t *testing.T) {
	if testing.Short() {
		return // judges megabytes
	}
	s := loaded(t)
	m := s.NewMatcher()
	live, test := expand(t, "{{live}}"), expand(t, "{{test}}")
	for name, unit := range map[string]string{
		"prefixes":              live,
		"two prefixes":          test + live,
		"short bodies":          live + "a ",
		"long bodies":           test + fill(placeholderAlphabet("base62"), 250, "x"),
		"endless bodies":        test + fill(placeholderAlphabet("base62"), 1000, "x"),
		"keys":                  live + fill(placeholderAlphabet("base62"), 24, "x") + " ",
		"keys and names":        live + fill(placeholderAlphabet("base62"), 24, "x") + " martis_a=",
		"base64 literals":       "c2tfbGl2ZV",
		"base64 keys":           base64.StdEncoding.EncodeToString([]byte(live + fill(placeholderAlphabet("base62"), 24, "x") + "  ")),
		"utf-16 prefixes":       utf16le(live),
		"utf-16 keys":           utf16le(live + fill(placeholderAlphabet("base62"), 24, "x") + " "),
		"backslashes":           `\\\\\\\\\\\\\\\\\\\\\\\\\\\n` + live,
		"names":                 "martis_ stripe ",
		"ellipses":              "...aaaaaaaaaaaaaaaaaaaa" + live,
		"dots":                  live + "abcdefgh." + fill(placeholderAlphabet("base62"), 40, "x"),
		"colour":                "[0;0;0;0;0;0;0;0;0m" + live,
		"almost whole literals": "sk_live" + "sk_test",
		"colours within":        live + "\x1b[31m\x1b[K" + "a\x1b[m",
		"only colours":          "\x1b[m\x1b[K",
		"a key and colours":     live + strings.Repeat("\x1b[31m", 50) + "abcdefgh",
		"literals":              live + `aQ1" + "Z7k2hW9xT4v" + "`,
		"soft breaks":           live + "Q1w2E3r4T5=\n",
		"lists":                 "0x73, 0x6b, 0x5f, 0x6c, 0x69, 0x76, 0x65, 0x5f, ",
		"dumps":                 "73 6b 5f 6c 69 76 65 5f ",
		"escapes":               `\x73\x6b\x5f\x6c\x69\x76\x65\x5f`,
		"addresses":             "\x00" + live + fill(placeholderAlphabet("base62"), 35, "x") + "unknown.",
		"lengths":               "\x00\x00\x00k" + live + fill(placeholderAlphabet("base62"), 99, "x") + "q",
	} {
		t.Run(name, func(t *testing.T) {
			work := func(size int) (hits, looked int) {
				text := []byte(strings.Repeat(unit, size/len(unit)+1)[:size])
				m.work, m.reader.Work, m.around.Work = 0, 0, 0
				return len(m.Matches(text, Span{0, len(text)})), m.work + m.reader.Work + m.around.Work
			}
			_, small := work(32 << 10)
			_, large := work(512 << 10)
			t.Logf("%.1f steps a byte", float64(large)/(512<<10))
			// Sixteen times the text, more than keys share one pass over, may
			// cost twenty times the work, and a byte of text no more than what one
			// key may look at.
			if large > 20*small+1000 || large > (512<<10)*200 {
				t.Errorf("32 KiB cost %d, 512 KiB %d steps", small, large)
			}
		})
	}
}

func FuzzMatcher(f *testing.F) {
	s := loaded(f)
	for _, seed := range []string{"x{{test}}{{live}}{{base62:24:a}}", `\n{{live}}aaa...`, "{{live}}a.{{base62:40:x}}", "[martis]\nk={{live}}{{base62:24:a}}"} {
		text := expand(f, seed)
		f.Add([]byte(text), 3)
		f.Add([]byte(utf16le(text)), 20)
		f.Add([]byte(utf16be(text)), 0)
		f.Add([]byte(base64.StdEncoding.EncodeToString([]byte(text))), 11)
	}
	m := s.NewMatcher()
	f.Fuzz(func(t *testing.T, text []byte, cut int) {
		want := cloneMatches(m.Matches(text, Span{0, len(text)}))
		for i, x := range want {
			if x.Start < 0 || x.Start >= x.End || x.End > len(text) || i > 0 && x.Start < want[i-1].Start {
				t.Fatalf("spans are wrong:\n%s", revealed(want))
			}
		}
		cut = min(max(cut, 0), len(text))
		got := cloneMatches(m.Matches(text, Span{0, cut}))
		got = append(got, cloneMatches(m.Matches(text, Span{cut, len(text)}))...)
		if d := diffMatches(want, got); d != "" {
			t.Fatalf("cut at %d: %s", cut, d)
		}
	})
}

func BenchmarkMatcher(b *testing.B) {
	s := loaded(b)
	m := s.NewMatcher()
	for _, bb := range []struct{ name, text string }{
		{"a key", "MARTIS_KEY={{live}}{{base62:40:a}}\n"},
		{"a placeholder", "KEY={{live}}your_secret_key_goes_here\n"},
		{"an identifier", "if (cpumask_test_cpu(cpu, mask))\n"},
	} {
		text := []byte(expand(b, bb.text))
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m.Matches(text, Span{0, len(text)})
			}
		})
	}
}
