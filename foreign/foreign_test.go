package foreign

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"testing"
	"unicode/utf16"

	"keysweep/finding"
	"keysweep/rules"
)

// testKey returns a key of 40 random characters.
func testKey(seed string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	key := []byte("sk_" + "live_")
	for block := 0; len(key) < 48; block++ {
		for _, b := range sha256.Sum256(fmt.Append(nil, seed, block)) {
			if int(b) < 4*len(alphabet) && len(key) < 48 {
				key = append(key, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(key)
}

func sha1Of(s string) string {
	sum := sha1.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

func sha256Of(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func at(name string, line int, inside ...string) finding.Occurrence {
	return finding.Occurrence{Source: finding.SourceBlob, Path: name, Line: line, Inside: inside}
}

func key(seed string, places ...finding.Occurrence) *finding.Finding {
	text := testKey(seed)
	f := &finding.Finding{Secret: finding.NewSecret(text[:8], text[8:]), Issuer: "martis", Listed: places}
	f.MeetEvery()
	return f
}

const commit = "0123456789012345678901234567890123456789"
const gone = "9999999999999999999999999999999999999999"

// shop is a repository with keys a to e, of which c and d are on one line.
func shop(t *testing.T) *Repository {
	set, err := rules.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"pay.env": "# pay\nMARTIS_KEY=" + testKey("a") + "\n", "two.py": "one = '" + testKey("c") + "', '" + testKey("d") + "'\n",
		"x:y z.js": "\n\nconst k = '" + testKey("b") + "'\n",
	}
	return &Repository{
		Findings: []*finding.Finding{
			key("a", at("pay.env", 2), at("old/pay.env", 7)), key("b", at("x:y z.js", 3)), key("c", at("two.py", 1)), key("d", at("two.py", 1)),
			key("e", at("dist/app.zip", 4, "lib.jar", "pay.properties"), at("shop/pay.env", 9)),
		},
		PathOf: func(o *finding.Occurrence) (string, bool) { return path.Join(o.Folder, o.Path), true },
		FileAt: func(c, name string) ([]byte, bool) {
			text, ok := files[name]
			return []byte(text), ok && c == commit
		},
		Root:  "/home/ada/shop",
		Rules: set,
	}
}

// matched reads a file and returns, in a line for each entry, the seed of its key or
// "-", and the reason with the candidates.
func matched(t *testing.T, r *Repository, texts ...string) string {
	t.Helper()
	seeds := map[*finding.Finding]string{}
	for i, f := range r.Findings {
		seeds[f] = string(rune('a' + i))
	}
	var files []*File
	for i, text := range texts {
		f, err := Read(fmt.Sprint("f", i), []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	var out []string
	for _, m := range r.Match(files) {
		words := m.Entry.Place + " -"
		if m.Key != nil {
			words = m.Entry.Place + " " + seeds[m.Key]
		}
		if m.Reason != "" {
			words += " " + m.Reason
		}
		for _, c := range m.Candidates {
			words += " " + seeds[c]
		}
		out = append(out, words)
	}
	return strings.Join(out, "\n")
}

func quoted(s string) string {
	text, _ := json.Marshal(s)
	return string(text)
}

func TestEntriesMeanTheKeysOfTheirFormat(t *testing.T) {
	a, b, c := testKey("a"), testKey("b"), testKey("c")
	const hashless = "no key that the scan found has its hash: a secret of another kind, or gone"
	for _, tt := range []struct{ name, text, tool, want string }{
		{"an empty .gitleaksignore", "# nothing\n\n", gitleaks, ""},
		{"fingerprints of commits", "# why\n\n" + commit + ":pay.env:stripe-access-token:2\n" + commit + ":x:y z.js:generic-api-key:3\r\n", gitleaks, "line 3 a\nline 4 b"},
		{"a line of that commit without a key", commit + ":pay.env:stripe-access-token:1\n", gitleaks, "line 1 - that line of that commit holds no key that the scan found"},
		{"two keys on a line", commit + ":two.py:stripe-access-token:1\n", gitleaks, "line 1 - undecided: several keys fit c d"},
		{"a commit that is gone", gone + ":old/pay.env:stripe-access-token:7\n", gitleaks, "line 1 a"},
		{"a commit and a line that are gone", gone + ":old/pay.env:stripe-access-token:8\n", gitleaks,
			"line 1 - that commit does not have the file, or is gone, and no key was ever on that line in what was scanned"},
		{"a fingerprint without commit", "old/pay.env:stripe-access-token:7\n./pay.env:generic-api-key:2\n", gitleaks, "line 1 a\nline 2 a"},
		{"a path of Windows", `old\pay.env:stripe-access-token:7` + "\n", gitleaks, "line 1 a"},
		{"an absolute path", "/home/ada/shop/old/pay.env:stripe-access-token:7\n/home/ada/other/pay.env:stripe-access-token:2\n", gitleaks,
			"line 1 a\nline 2 - no key was ever on that line in what was scanned"},
		{"in an archive", "dist/app.zip!lib.jar!pay.properties:stripe-access-token:4\n", gitleaks, "line 1 e"},
		{"a rule about something else", "pay.env:aws-access-token:2\n", gitleaks, "line 1 - undecided: its rule aws-access-token may be about something else on that line a"},
		{"the rule of the issuer", "pay.env:acme-martis-key:2\n", gitleaks, "line 1 a"},
		{"a line that is none", "pay.env:generic-api-key:2\npay.env\npay.env:2\n", gitleaks,
			"line 1 a\nline 2 - not a fingerprint: COMMIT:FILE:RULE:LINE or FILE:RULE:LINE\nline 3 - not a fingerprint: COMMIT:FILE:RULE:LINE or FILE:RULE:LINE"},
		{"UTF-16", utf16Of("pay.env:generic-api-key:2\r\n"), gitleaks, "line 1 a"},

		{"a report with secrets", `[{"RuleID":"generic-api-key","Secret":` + quoted(a) + `},{"RuleID":"generic-api-key","Secret":` + quoted(`key "`+b+`"`) + `,"File":"pay.env","StartLine":2},
			{"RuleID":"aws-access-token","Secret":"AKIAIOSFODNN7EXAMPLE","File":"pay.env","StartLine":2},{"RuleID":"x","Secret":` + quoted(testKey("z")) + `}]`, gitleaks,
			"entry 1 a\nentry 2 b\nentry 3 - a secret of another kind, which keysweep does not look for\nentry 4 - its secret was not found by the scan"},
		{"a report with --redact", `[{"RuleID":"stripe-access-token","Secret":"REDACTED","File":"pay.env","StartLine":2,"Commit":"` + commit + `"},
			{"RuleID":"stripe-access-token","Secret":` + quoted(b[:20]+"...") + `,"File":"x:y z.js","StartLine":3,"Commit":""},{"RuleID":"stripe-access-token","Secret":"","File":"","StartLine":0}]`, gitleaks,
			"entry 1 a\nentry 2 b\nentry 3 - it has neither a secret nor a hash nor a place"},
		{"the beginning of a key", `[{"RuleID":"stripe-access-token","Secret":` + quoted(c[:32]) + `}]`, gitleaks, "entry 1 c"},
		{"too little of a key", `[{"RuleID":"stripe-access-token","Secret":` + quoted(c[:20]) + `}]`, gitleaks, "entry 1 - its secret was not found by the scan"},
		{"an empty report", "[]", gitleaks, ""},
		{"betterleaks, verified", `[{"RuleID":"stripe-access-token","Secret":` + quoted(a) + `,"ValidationStatus":"valid"},{"RuleID":"stripe-access-token","Secret":` + quoted(b) + `,"ValidationStatus":"invalid"},
			{"RuleID":"stripe-access-token","Secret":` + quoted(c) + `,"ValidationStatus":"VALID"}]`, betterleaks, "entry 1 - verified there as working a\nentry 2 b\nentry 3 - verified there as working c"},

		{"detect-secrets", `{"version":"1.5.0","plugins_used":[],"results":{"a.py":[{"type":"Secret Keyword","filename":"a.py","hashed_secret":"` + sha1Of(a) + `","is_verified":false,"line_number":4},
			{"type":"Stripe Access Key","hashed_secret":"` + sha1Of(b[:32]) + `","is_secret":false},{"type":"Stripe Access Key","hashed_secret":"` + sha1Of("x") + `"},{"type":"Stripe Access Key"}],
			"b\\c.py":[{"type":"Stripe Access Key","hashed_secret":"` + sha1Of(c) + `","is_secret":true}]},"generated_at":"2024-01-01T00:00:00Z"}`, detectSecrets,
			"entry 1 a\nentry 2 b\nentry 3 - " + hashless + "\nentry 4 - no hashed_secret\nentry 5 - audited there as a real secret c"},
		{"detect-secrets 0.13", `{"exclude":{"files":null},"generated_at":"x","plugins_used":[{"name":"StripeDetector"}],"results":{"a.py":[{"hashed_secret":"` + sha1Of(a) + `","line_number":1,"type":"Stripe Access Key"}]},"version":"0.13.1"}`,
			detectSecrets, "entry 1 a"},
		{"IBM's fork, verified", `{"plugins_used":[],"word_list":{},"results":{"a.py":[{"hashed_secret":"` + sha1Of(a) + `","type":"x","verified_result":true},{"hashed_secret":"` + sha1Of(b) + `","type":"x","verified_result":null}]}}`,
			detectSecrets, "entry 1 - verified there as working a\nentry 2 b"},

		{"trufflehog", `{"level":"info-0","ts":"2026-01-31T00:00:00Z","msg":"running source"}` + "\n" +
			`{"SourceMetadata":{"Data":{"Git":{"commit":"` + commit + `","file":"pay.env","line":2}}},"DetectorName":"Stripe","Verified":false,"Raw":` + quoted(a) + `,"RawV2":""}` + "\n" +
			`{"SourceMetadata":{"Data":{"Filesystem":{"file":"x","line":2}}},"DetectorName":"Stripe","Verified":true,"Raw":` + quoted(b) + "}\nnoise\n" +
			`{"DetectorName":"AWS","Verified":false,"Raw":"AKIAIOSFODNN7EXAMPLE"}`, trufflehog,
			"line 2 a\nline 3 - verified there as working b\nline 5 - a secret of another kind, which keysweep does not look for\nline 4 - not a result"},
		{"trufflehog, verified in another form", `{"DetectorName":"Stripe","Verified":"true","Raw":` + quoted(a) + "}\n" + `{"DetectorName":"Stripe","Verified":null,"Raw":` + quoted(b) + "}\n", trufflehog,
			"line 1 - verified there as working a\nline 2 b"},
		{"trufflehog in an array", `[{"DetectorName":"Stripe","Raw":` + quoted(a) + `}]`, trufflehog, "entry 1 a"},

		{"ggshield 2", "version: 2\n\nsecret:\n  show_secrets: false\n  ignored_matches: # these\n    # a comment\n    - name: the shop's # key\n      match: " + sha256Of(a+",apikey") + "\n" +
			"    - match: '" + b + "'\n      name: 'it''s'\n    -\n      match: \"" + sha256Of(c) + "\"\n    - name: none\n    - match: hunter2\n  ignored_paths:\n    - \"**/README.md\"\n", ggshield,
			"entry 1 a\nentry 2 b\nentry 3 c\nentry 4 - no match on a line of its own: YAML in [ ] and { } is not read\nentry 5 - a secret of another kind, which keysweep does not look for"},
		{"ggshield 1", "matches-ignore:\n- " + sha256Of(a) + "\n- name: x\n  match: " + sha256Of("x") + "\npaths-ignore: [a, b]\n", ggshield, "entry 1 a\nentry 2 - " + hashless},
		{"ggshield in brackets", "secret:\n  ignored-matches: [" + sha256Of(a) + "]\nmatches-ignore: []\n", ggshield, "entry 1 - no match on a line of its own: YAML in [ ] and { } is not read"},
		{"ggshield without matches", "version: 2\nsecret:\n  ignored_paths:\n  - a\n", ggshield, ""},

		{"kingfisher in brackets", "ExactFindings:\n  matches: [{filepath: old/pay.env, linenum: 7}]\n", kingfisher, "entry 1 - no filepath or no linenum"},
		{"kingfisher without matches", "ExactFindings:\n  matches: []\n", kingfisher, ""},
		{"kingfisher", "ExactFindings:\n  matches:\n  - filepath: old/pay.env\n    fingerprint: 056876f00ffd0622\n    linenum: 7\n    lastupdated: Mon, 14 Jul 2025 10:17:56 -0700\n" +
			"  - filepath: shop/old/pay.env/\n    fingerprint: '12'\n    linenum: 7\n    lastupdated: x\n  - filepath: shop/pay.env\n    linenum: 2\n  - filepath: two.py\n    linenum: 1\n  - filepath: a\n    linenum: b\n", kingfisher,
			"entry 1 a\nentry 2 a\nentry 3 a\nentry 4 - undecided: several keys fit c d\nentry 5 - no filepath or no linenum"},
		{"kingfisher, two files that it may mean", "ExactFindings:\n  matches:\n  - {filepath: a, linenum: 1}\n  - filepath: shop/pay.env\n    linenum: 9\n", kingfisher, "entry 1 - no filepath or no linenum\nentry 2 e"},
	} {
		if f, err := Read("f", []byte(tt.text)); err != nil || f.Tool != tt.tool {
			t.Errorf("%s: %+v, %v", tt.name, f, err)
			continue
		}
		if got := matched(t, shop(t), tt.text); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
}

func TestARuleAboutStripeMeansNoKeyOfAnotherForm(t *testing.T) {
	r := shop(t)
	r.Findings[0].Secret = finding.NewSecret("acme_live_", testKey("a")[8:])
	if got, want := matched(t, r, "pay.env:stripe-access-token:2\npay.env:generic-api-key:2\n"),
		"line 1 - undecided: its rule stripe-access-token may be about something else on that line a\nline 2 a"; got != want {
		t.Errorf("got\n%s", got)
	}
}

func utf16Of(s string) string {
	out := []byte("\xff\xfe")
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return string(out)
}

// What one file calls real is accepted by none, whatever the order.
func TestAKeyThatAnyEntryCallsRealIsAcceptedByNone(t *testing.T) {
	ignore := commit + ":pay.env:stripe-access-token:2\n"
	live := `{"DetectorName":"Stripe","Verified":true,"Raw":` + quoted(testKey("a")) + "}\n"
	const why = "verified there as working"
	if got, want := matched(t, shop(t), ignore, live), "line 1 - "+why+" (f1, line 1) a\nline 1 - "+why+" a"; got != want {
		t.Errorf("got\n%s", got)
	}
	if got, want := matched(t, shop(t), live, ignore), "line 1 - "+why+" a\nline 1 - "+why+" (f0, line 1) a"; got != want {
		t.Errorf("got\n%s", got)
	}
	// Nor what it may mean.
	two := `[{"RuleID":"stripe-access-token","Secret":"REDACTED","File":"two.py","StartLine":1,"ValidationStatus":"valid"},{"RuleID":"stripe-access-token","Secret":` + quoted(testKey("c")) + `}]`
	if got, want := matched(t, shop(t), two), "entry 1 - "+why+" c d\nentry 2 - "+why+" (f0, entry 1) c"; got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestPlacesAreNotTrustedWhereTheyAreNotAllListed(t *testing.T) {
	const want = "line 1 - undecided: some content was not read, or a key is in too many places, so that another may have been on that line a\nline 2 a"
	text := "pay.env:stripe-access-token:2\n" + commit + ":pay.env:stripe-access-token:2\n" // what was in a commit is known
	long := shop(t)
	for range longList {
		long.Findings[1].Listed = append(long.Findings[1].Listed, at("x", 1))
	}
	unread := shop(t) // as every key of a shallow clone
	unread.Findings[1] = &finding.Finding{Secret: unread.Findings[1].Secret, Listed: unread.Findings[1].Listed}
	for _, r := range []*Repository{long, unread} {
		if got := matched(t, r, text); got != want {
			t.Error(got)
		}
	}
}

func TestOnlyFilesWithSecretsArePlain(t *testing.T) {
	for text, plain := range map[string]bool{
		"a:b:1\n": false, `[{"RuleID":"x","Secret":"REDACTED"}]`: false, `[{"RuleID":"x","Secret":"hunter2"}]`: true,
		`{"DetectorName":"x","Raw":"hunter2"}`: true, "secret:\n  ignored_matches:\n  - match: hunter2\n": true,
	} {
		if f, err := Read("f", []byte(text)); err != nil || f.Plain != plain {
			t.Errorf("%s: %+v, %v", text, f, err)
		}
	}
}

func TestOtherFilesAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "hello\n": "none of", "{}": "none of", "[1]": "none of", `[{"a":1}]`: "none of", "a: 1\n": "none of", "- a\n": "none of",
		"[allowlist]\npaths = ['a']\n": "a configuration of gitleaks", "[[rules]]\nid = 'x'\n": "a configuration of gitleaks",
		"title = 'x'\n[[allowlists]]\n": "a configuration of gitleaks", `{"schema_version": 2, "tool": {"name": "keysweep"}}`: "a report of keysweep",
		`[{"RuleID":"x","Secret":"hunter2"`:            "damaged file of gitleaks or betterleaks: byte 33",
		`{"plugins_used":[],"results":{"a":[{"type":1`: "damaged file of detect-secrets",
	} {
		f, err := Read("f", []byte(text))
		if want == "" && (err != nil || len(f.Entries) > 0) || want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%q: %+v, %v", text, f, err)
		}
	}
}

func TestSecretsOfEntriesAreNotPrinted(t *testing.T) {
	f, err := Read("f", []byte(`[{"RuleID":"x","Secret":"hunter2hunter2"}]`))
	if err != nil || strings.Contains(fmt.Sprintf("%v %+v %#v %x", f, f, f.Entries, f.Entries), "hunter2") {
		t.Error("printed")
	}
}

func FuzzRead(f *testing.F) {
	for _, text := range []string{
		"0123456789012345678901234567890123456789:a:b:c:1\n", `[{"RuleID":"a","Secret":"b"}]`, `{"plugins_used":[],"results":{"a":[{"hashed_secret":"b"}]}}`,
		`{"DetectorName":"a","Raw":"b"}`, "secret:\n  ignored_matches:\n    - name: 'a'\n      match: \"b\\n\"\n", "ExactFindings:\n  matches:\n  - filepath: a\n    linenum: 1\n",
		"a:\n- - - b: c\n    d: e\n  - f\n", "'a': 'b''c' # d\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := Read("f", text)
		if err != nil {
			return
		}
		for _, e := range file.Entries {
			if e.Place == "" || e.Commit != "" && !isHex(e.Commit, 40, 64) || e.SHA1 != "" && !isHex(e.SHA1, 40) || e.SHA256 != "" && !isHex(e.SHA256, 64) {
				t.Errorf("%+v", e)
			}
		}
	})
}
