package quote

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"keysweep/finding"
	"keysweep/rules"
)

// filler returns n characters that look random, from a seed.
func filler(seed uint32, n int) string {
	const alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	b := make([]byte, n)
	for i := range b {
		seed = seed*1664525 + 1013904223
		b[i] = alphabet[seed>>16%uint32(len(alphabet))]
	}
	return string(b)
}

// signs returns s with its underscores replaced, as its encodings do.
func signs(form string) func(string) string {
	return func(s string) string { return strings.ReplaceAll(s, "_", form) }
}

// wide returns s in UTF-16, and in UTF-32 with four bytes, low byte first if little.
func wide(s string, size int, little bool) string {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		unit := make([]byte, size)
		if little {
			unit[0], unit[1] = byte(u), byte(u>>8)
		} else {
			unit[size-1], unit[size-2] = byte(u), byte(u>>8)
		}
		out = append(out, unit...)
	}
	return string(out)
}

// encodings are what a scan reads, and one within another.
var encodings = map[string]func(string) string{
	"plain":           func(s string) string { return s },
	"base64":          func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64, shifted": func(s string) string { return base64.StdEncoding.EncodeToString([]byte("a:" + s)) },
	"base64url":       func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(":" + s)) },
	"hex":             func(s string) string { return hex.EncodeToString([]byte(s)) },
	"HEX":             func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
	"percent":         signs("%5F"),
	`\x`:              signs(`\x5f`),
	`\u`:              signs(`\u005f`),
	"entities":        signs("&#95;"),
	"markdown":        signs(`\_`),
	"UTF-16LE":        func(s string) string { return wide(s, 2, true) },
	"UTF-16BE":        func(s string) string { return wide(s, 2, false) },
	"UTF-32LE":        func(s string) string { return wide(s, 4, true) },
	"base64 of base64": func(s string) string {
		return base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte(s))))
	},
	"hex of UTF-16": func(s string) string { return hex.EncodeToString([]byte(wide(s, 2, true))) },
}

// Nothing of a key is left of it: neither eight characters of its body in a row,
// nor eight of what an encoding makes of it.
func TestEveryKeyIsHiddenInEveryEncoding(t *testing.T) {
	for _, prefix := range prefixes(t) {
		body := filler(uint32(len(prefix))+uint32(prefix[4]), 32)
		for name, encode := range encodings {
			key := encode(prefix + body)
			for _, around := range []string{"%s", "no such path: %s", "src/%s/pay.env", "open /srv/%s: permission denied", `"%s" is not a size`, "x=%s,", "https://shop.example/%s?a=b"} {
				if got := HideKeys(fmt.Sprintf(around, key)); shares(got, key[len(encode(prefix)):]) || strings.Contains(got, body[:8]) {
					t.Errorf("%s, %s: %q shows %q", prefix, name, got, key)
				} else if strings.HasPrefix(around, "src") && !strings.HasPrefix(got, "src/") {
					t.Errorf("%s, %s: %q hides more than the name", prefix, name, got)
				}
			}
		}
	}
}

// shares reports whether got holds eight bytes of secret in a row, but for its last
// ones: the end of a text may lie within a group of digits.
func shares(got, secret string) bool {
	for i := 0; i+8 <= len(secret)-4; i++ {
		if piece := secret[i : i+8]; strings.Trim(piece, "\x00%&#;\\xu0") != "" && strings.Contains(got, piece) {
			return true
		}
	}
	return false
}

func TestWhatADumpPrintsBesideAKeyIsHidden(t *testing.T) {
	key := "sk_live_" + filler(7, 40)
	got := NewRedactor(nil, nil, false).Text(hex.Dump([]byte("0123456789MARTIS_KEY=" + key + "\nLAST=1\n")))
	for i := len("sk_live_"); i+4 <= len(key); i++ {
		if strings.Contains(got, key[i:i+4]) {
			t.Fatalf("%s is left in %s", key[i:i+4], got)
		}
	}
	if !strings.Contains(got, "sk_live_…") || !strings.Contains(got, "ST=1.") {
		t.Error(got)
	}
}

func TestWordsBehindAPrefixAreReadable(t *testing.T) {
	for _, s := range []string{
		"test_sk_" + "test_lookup_cgroup_id.c", "sk_" + "test_keys_should_not_be_committed.rb", "task-test-Data-From-The-Index",
		"tools/testing/selftests/bpf/progs/test_sk_" + "test_lookup_cgroup_id.c", "RISK_TEST_WITH_ALL_CAPITALS", "sk_" + "test_123abc",
		"a/sk_" + "live_", "sk_" + "live_____________________", "", "risk_" + "test_configuration_of_the_server.yaml",
		"sk_" + "test_your_secret_key_goes_here", "sk_" + "live_…", "sk_" + "live_…s6Rt",
	} {
		if got := HideKeys(s); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
}

// A long name that is nothing but keys costs what it has bytes.
func TestANameOfManyKeysIsHidden(t *testing.T) {
	var name, want strings.Builder
	for i := range uint32(2000) {
		name.WriteString("sk_" + "live_" + filler(i, 32) + "/")
		want.WriteString("sk_live_…/")
	}
	if got := HideKeys(name.String()); got != want.String() {
		t.Errorf("%d bytes, want %d: %.200s", len(got), want.Len(), got)
	}
}

func TestKeysOfAResultAreHidden(t *testing.T) {
	// Words that a rule took for a key, since something secret was set to them.
	words := finding.NewSecret("sk_"+"live_", "words_that_a_rule_accepted")
	res := &finding.Result{RejectedFindings: []*finding.Finding{{Secret: words}}}
	for _, c := range []struct{ in, want string }{
		{"a/b.go", "a/b.go"},
		{"x/" + words.Reveal() + ".txt", "x/sk_live_….txt"},
		{words.Reveal() + "_and_more", "sk_live_…"},
		{"sk_" + "live_other_words_that_are_none", "sk_" + "live_other_words_that_are_none"},
	} {
		if got := NewRedactor(nil, res, false).Text(c.in); got != c.want {
			t.Errorf("%q became %q, want %q", c.in, got, c.want)
		}
	}
	if got := NewRedactor(nil, res, true).Text(words.Reveal()); got != words.Reveal() {
		t.Errorf("whole keys were asked for, got %q", got)
	}
}

func TestKeysOfTheUsersRulesAreHidden(t *testing.T) {
	file := filepath.Join(t.TempDir(), "acme.toml")
	text := "[[rule]]\nid = \"acme-key\"\ndescription = \"ACME\"\nliterals = [\"acme_pk_\"]\nenvironments = { acme_pk_ = \"production\" }\nbody = { regex = \"^[A-Z0-9]{10}\\\\.[a-z]{4}\" }\nmax_score = 5.9\nadvice = \"None.\"\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := rules.Load([]string{file})
	if err != nil {
		t.Fatal(err)
	}
	r, key := NewRedactor(set, nil, false), "acme_pk_"+strings.ToUpper(filler(3, 10))+".zqxj"
	for in, want := range map[string]string{
		"reading w/" + key + "/a":                      "reading w/acme_pk_…/a",
		base64.StdEncoding.EncodeToString([]byte(key)): "acme_pk_…",
		"no such path: sk_" + "live_" + filler(5, 30):  "no such path: sk_live_…",
		"acme_pk_of_the_shop.go":                       "acme_pk_of_the_shop.go",
	} {
		if got := r.Text(in); !strings.HasPrefix(got, want) {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
