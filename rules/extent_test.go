package rules

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"keysweep/finding"
	"keysweep/rules/score"
)

// shapes are the bodies of documented and usual keys, by what they are.
var shapes = []struct {
	name string
	draw func(r *rand.Rand) string
}{
	{"base62 of 24", func(r *rand.Rand) string { return drawn(r, base62, 24) }},
	{"base62 of 34", func(r *rand.Rand) string { return drawn(r, base62, 24) + "00" + drawn(r, base62, 8) }},
	{"base62 of 99", func(r *rand.Rand) string { return "51" + drawn(r, base62, 87) + "00" + drawn(r, base62, 8) }},
	{"hex of 40", func(r *rand.Rand) string { return drawn(r, hexDigits, 40) }},
	{"hex of 32", func(r *rand.Rand) string { return drawn(r, hexDigits, 32) }},
	{"base62 of 42", func(r *rand.Rand) string { return drawn(r, base62, 42) }},
	{"base64url of 43", func(r *rand.Rand) string {
		return strings.TrimRight(drawn(r, base64url, 40), "-_") + drawn(r, base62, 3)
	}},
	{"UUID", func(r *rand.Rand) string {
		h := drawn(r, hexDigits, 32)
		return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
	}},
}

func drawn(r *rand.Rand, alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

// What is found directly before and behind keys.
var (
	befores = []string{"", " ", `"`, "=", "-", "--", ":-", "y-", "_", "KEY-", "K", "7", "stripe", "secret_key", "gw_", "2026-01-01",
		"\x1b[32m", "\x1b[01;31m\x1b[K", "\x1b[38:5:9m", "[1;32m", "^[[32m", "#x1B[32m", "&#27;[1m", "\ufffd[32m", `\x1b[0m`, `\033[32m`, `\n`, `\\n`, `\u0022`, "%20", "=3D", "<b>", "&quot;",
		"{{test}}", "{{test}}{{base62:24:x}}", "{{live}}{{hex:40:y}}", "\xff", "\x01z", "M59stripe\x01",
		// N is the length of the key.
		"\xd9N", "\x0a\x06stripe\x12N", "\x00N", "\x00\x00\x00N", "X\x00N\x00\x00\x00", "\x00\x01N", "_\x10N", "\x8cN", "xN"}
	behinds = []string{"", " ", `"`, "'", "\n", ",", ":", "@host", "/x", "_old", "-prod", "_backup", "_1", "-2", "import", "failed", "runtime", "Backup", "-]{+env+}",
		"2026-01-01T00:00", "20260101", "_2026-01-01", ".json", "_backup.json", "\x1b[0m", "\x1b[m\x1b[K", "^[[0m", "#x1B[0m", `\x1b[0m`, `\n`, `\u0022`, "%22", "</b>", "&quot;", `\"`,
		"\x00", "\x01", "q\x01", "z\x08", "g\x01", "\x1a\x03abc", "{{live}}"}
)

// TestLengthsAroundAKey holds what the bytes beside a key say of its end, of formats that
// put values beside each other. N is the length of the key.
func TestLengthsAroundAKey(t *testing.T) {
	m := loaded(t).NewMatcher()
	r := rand.New(rand.NewPCG(5, 5))
	for _, tt := range []struct {
		name, before, behind string
		number               func(n int) string // nil: a byte
	}{
		{"a row of SQLite", "?\x02\x05\x00\x19N5stripe", "2026-01-01T00:00:00Z\x19\x01", func(n int) string { return string([]byte{byte(13 + 2*n)}) }},
		{"a row of Aria", "\x03\xf0\x00\x06N\n\x02\x00\x00\x00stripe", "2026-01-31\x00\x03", nil},
		{"a row of InnoDB", "\nN\x06\x00\x00\x00\x18\x00\x01\x80\x00\x00\x02stripe", "2026-01-31\x04", nil},
		{"a node of LMDB", "\x00N\x00\x00\x00\x00\x00\x06\x00stripe", "zone\x00\x00", nil},
		{"a record of cdb", "\x00\x06\x00\x00\x00N\x00\x00\x00stripe", "paypal\x00", nil},
		{"an element of bbolt", "\x06\x00\x00\x00N\x00\x00\x00\x04\x00\x00\x00paypalnonestripe", "zone\x00", nil},
		{"a cell of Excel", "stripeN\x00\x00", "\x03\x00\x00eur", nil},
		{"Java's serialization", "t\x00\x05firstt\x00N", "sr\x00\rWrite", nil},
		{"a listpack of Redis", "\x85first\x06N", "M\x85third", func(n int) string { return string([]byte{byte(0x80 | n)}) }},
		{"a text of gob", "\x01\x06stripe\x01N", "\x01\x03eur\x00", nil},
		{"a chunk of Erlang", "StrT\x00\x00\x00Nkey ", "ImpT\x00", func(n int) string { return string([]byte{byte(n + 4)}) }},
	} {
		for _, sh := range shapes {
			body := sh.draw(r)
			key := expand(t, "{{live}}") + body
			n := len(key)
			if n > 60 || !score.Of([]byte(body)).LooksRandom() || strings.Contains(sh.name, "43") {
				continue // a length of several bytes; of no documented length
			}
			number := string([]byte{byte(n)})
			if tt.number != nil {
				number = tt.number(n)
			}
			text := strings.ReplaceAll(tt.before, "N", number) + key + strings.ReplaceAll(tt.behind, "M", string([]byte{byte(n + 1)}))
			list := accepted(m.Matches([]byte(text), Span{0, len(text)}))
			if len(list) != 1 || list[0].Secret.Reveal() != key || list[0].Extent != finding.Exact {
				t.Errorf("%s, %s: found %v of %q\n%s", tt.name, sh.name, len(list) > 0 && list[0].Extent != finding.Exact, text, revealed(list))
			}
		}
	}
}

// TestWhatAQuoteSaysOfAKeysEnd holds texts that a program cut, and ones that look alike.
func TestWhatAQuoteSaysOfAKeysEnd(t *testing.T) {
	m := loaded(t).NewMatcher()
	for _, tt := range []struct {
		name, text string
		want       finding.Extent
	}{
		{"strace", `write(1, "KEY"..., 47) = 47`, finding.Cut},
		{"gdb", "$1 = \"KEY\"...\n", finding.Cut},
		{"Node", "'KEY'... 57 more characters", finding.Cut},
		{"a sign and a quote", "k = \"KEY\"…", finding.Cut},
		{"a mark of an editor", "k = KEY[...] x", finding.Cut},
		{"a word", "k = KEY (truncated)", finding.Cut},
		{"a word behind a quote", `k = "KEY" [truncated 57 characters]`, finding.Cut},
		{"a page", "<td>KEY&hellip;</td>", finding.Cut},
		{"a member that is called so", `{"k":"KEY","truncated":false}`, finding.Exact},
		{"a spread", `["KEY", ...more]`, finding.Exact},
		{"a whole text of strace", "write(1, \"KEY\", 32) = 32\n", finding.Exact},
		{"a buffer of Node", "<Buffer " + joined("%02x", " ")(expand(t, "{{live}}{{base62:24:quote}}")) + " ... 57 more bytes>", finding.Cut},
		{"a whole buffer", "<Buffer " + joined("%02x", " ")(expand(t, "{{live}}{{base62:24:quote}}")) + ">", finding.Exact},
		{"a part of a response", "{\"secret\":\"KEY\r\n1f\r\n", finding.Likely},
		{"an end without a second quote", "secret: 'KEY\n", finding.Likely},
		{"a text of several lines", "k = \"\"\"KEY\n\"\"\"\n", finding.Exact},
		{"a text of JavaScript", "k = `KEY\n`\n", finding.Exact},
		{"no quote", "k = KEY\n", finding.Exact},
		{"a closed quote behind the line, as \\n\" is decoded", "k = \"KEY\n\"\n", finding.Exact},
		{"a quote around more", "k = \"Bearer KEY\n", finding.Exact},
	} {
		text := expand(t, strings.ReplaceAll(tt.text, "KEY", "{{live}}{{base62:24:quote}}"))
		list := accepted(m.Matches([]byte(text), Span{0, len(text)}))
		if len(list) != 1 || list[0].Secret.Reveal() != expand(t, "{{live}}{{base62:24:quote}}") || list[0].Extent != tt.want {
			t.Errorf("%s: want %s, got\n%s", tt.name, tt.want, revealed(list))
		}
	}
}

// TestTheLinesOfACalendarAreFolded holds a key on three lines of 75 bytes (RFC 5545): its first
// piece may have a documented length.
func TestTheLinesOfACalendarAreFolded(t *testing.T) {
	m := loaded(t).NewMatcher()
	key := expand(t, "{{live}}{{base62:110:calendar}}")
	for n := range 75 - len("NOTE:") - len("sk_live_") {
		text, line := "", "NOTE:"+strings.Repeat("x ", n/2)+strings.Repeat("-", n%2)+key+" end"
		for ; len(line) > 75; line = " " + line[75:] {
			text += line[:75] + "\r\n"
		}
		text += line + "\r\n"
		list := accepted(m.Matches([]byte(text), Span{0, len(text)}))
		if len(list) != 1 || list[0].Secret.Reveal() != key {
			t.Errorf("found in %q\n%s", text, revealed(list))
		}
	}
}

// TestTheNextLengthIsNoPartOfAKey holds two cells of Excel: the length of the second is a
// letter, with which the first key has a documented length, too.
func TestTheNextLengthIsNoPartOfAKey(t *testing.T) {
	m := loaded(t).NewMatcher()
	key := expand(t, "{{live}}{{base62:24:cell}}")
	text := "\x20\x00\x00" + key + "k\x00\x00" + strings.Repeat("-", 0x6b)
	list := accepted(m.Matches([]byte(text), Span{0, len(text)}))
	if len(list) != 1 || list[0].Secret.Reveal() != key && list[0].Extent == finding.Exact {
		t.Errorf("found in %q\n%s", text, revealed(list))
	}
}

// TestTheLengthOfWideTextIsInBytes holds a text of AssemblyScript, and the start of the next.
func TestTheLengthOfWideTextIsInBytes(t *testing.T) {
	m := loaded(t).NewMatcher()
	key := expand(t, "{{live}}{{base62:35:wide}}")
	for _, count := range []int{len(key), len(key) - 1} {
		text := "\x02\x00\x00\x00" + string([]byte{byte(2 * count), 0, 0, 0})
		for _, c := range key + "next" {
			text += string(c) + "\x00"
		}
		list := accepted(m.Matches([]byte(text), Span{0, len(text)}))
		exact := len(list) == 1 && list[0].Secret.Reveal() == key && list[0].Extent == finding.Exact
		if exact != (count == len(key)) {
			t.Errorf("%d characters of %d: exact is %t\n%s", count, len(key), exact, revealed(list))
		}
	}
}

// TestLengthsThatAddressesGive holds what places elsewhere in a program or database say of
// a key between other texts.
func TestLengthsThatAddressesGive(t *testing.T) {
	m := loaded(t).NewMatcher()
	r := rand.New(rand.NewPCG(6, 6))
	const start = 1000 // of the key in the file
	body := drawn(r, base62, 35)
	key := expand(t, "{{live}}") + body
	n := uint32(len(key))
	le := binary.LittleEndian
	u32 := func(list ...uint32) string {
		var b []byte
		for _, v := range list {
			b = le.AppendUint32(b, v)
		}
		return string(b)
	}
	hermes := func(function int) string {
		texts := u32(20<<1|8<<24, 28<<1|n<<24)
		at := start - 28 - len(texts) - 2*function - 128
		return "\xc6\x1f\xbc\x03\xc1\x03\x19\x1f" + strings.Repeat("\x01", 32) + u32(2, uint32(at/4), 0, 2, 0, 28+n+20) + strings.Repeat("\x00", 128-64) + strings.Repeat("~", 2*function+at/4*4) + texts
	}
	for _, tt := range []struct {
		name, before, behind string
		base                 int64
		next                 string
		exact                bool
	}{
		{"an address and a length", "", u32(start, 0, n, 0), 0, "unknown.", true},
		{"a NUL behind the next text, which has an address", "", u32(start, 0, n, 0, start+n, 0, 7, 0), 0, "unknown", true},
		{"a NUL behind the next text, which has none", "", u32(start, 0, n, 0), 0, "unknown", false},
		{"the same, of a later part of the file", "", u32(7000+start, 0, n, 0), 7000, "unknown.", true},
		{"of another part", "", u32(start, 0, n, 0), 7000, "unknown.", false},
		{"the address of a text before it", "", u32(start-7, 0, n+7, 0), 0, "unknown.", true},
		{"of another text", "", u32(start+1, 0, n-1, 0), 0, "unknown.", false},
		{"two lengths", "", u32(start, 0, n, 0, start, 0, n-1, 0), 0, "unknown.", false},
		{"a key and a value", "", u32(start-7, 0, 7, n), 0, "unknown.", true},
		{"lea and mov", "\x48\x8d\x1d" + u32(start-7) + "\xb9" + u32(n), "", 5000, "unknown.", true},
		{"lea and another instruction", "\x48\x8d\x1d" + u32(start-7) + "\x70" + u32(n), "", 5000, "unknown.", false},
		{"a table of Hermes", hermes(12), "", 0, "unknown.", true},
		{"one of an older version", hermes(16), "", 0, "unknown.", true},
		{"one that is not at the start", hermes(16), "", 4096, "unknown.", false},
		{"text", "", strings.ReplaceAll(u32(start, 0, n, 0), "\x00", "0"), 0, "unknown.", false},
		{"nothing", "", "", 0, "unknown.", false},
	} {
		gap := start - len(tt.before) - 7
		text := tt.before + strings.Repeat("\x00", gap) + " stripe" + key + tt.next + "\x00\x00" + tt.behind
		if tt.name == "text" {
			text = strings.ReplaceAll(text, "\x00", " ")
		}
		m.Base = tt.base
		list := accepted(m.Matches([]byte(text), Span{0, len(text)}))
		if is := len(list) == 1 && list[0].Secret.Reveal() == key && list[0].Extent == finding.Exact; is != tt.exact {
			t.Errorf("%s: exact is %t\n%s", tt.name, is, revealed(list))
		}
	}
	noted := 0
	readHermes([]byte(hermes(16)+strings.Repeat("\x00", start)), func(_, n int) {
		if noted++; n != 8 && n != len(key) {
			t.Errorf("a text of %d characters", n)
		}
	})
	if noted != 2 {
		t.Errorf("%d texts of Hermes, want 2", noted)
	}
}

func FuzzHermes(f *testing.F) {
	u32 := binary.LittleEndian.AppendUint32
	head := append([]byte(hermesMagic), make([]byte, 32)...)
	for _, count := range []uint32{1, 1, 0, 2, 0, 40} {
		head = u32(head, count)
	}
	head = append(head, make([]byte, hermesHead-len(head)+16)...)
	f.Add(append(u32(u32(head, 8<<24), 8<<1|32<<24), make([]byte, 40)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) <= hermesHead {
			return
		}
		readHermes(b, func(at, n int) {
			if at < hermesHead || at > len(b)+1<<23 || n < 0 || n >= hermesLong {
				t.Errorf("a text of %d characters at %d", n, at)
			}
		})
	})
}

// TestWhatOlderVersionsTookForAKey says what fingerprints of a key go on to be accepted.
func TestWhatOlderVersionsTookForAKey(t *testing.T) {
	m := loaded(t).NewMatcher()
	key, long := expand(t, "{{live}}{{hex:40:a}}"), expand(t, "{{live}}51{{base62:87:b}}00{{base62:8:c}}")
	for _, tt := range []struct{ name, text, key, former string }{
		{"alone", "k=" + key + "\n", key, ""},
		{"a suffix", "k=" + key + "_old\n", key, key + "_old"},
		{"a suffix behind a dash", "k=" + key + "-prod", key, key + "-prod"},
		{"a word", "k=" + key + "import {", key, key + "import"},
		{"a company's prefix", "k=gw_" + key, key, "gw_" + key},
		{"a company's prefix and a suffix", "k=gw_" + key + "_old", key, "gw_" + key + "_old"},
		{"a length", "\x00k" + long + "\x00", long, "k" + long},
		{"a sequence that is spelt without its first sign", "[32m" + key + "[0m", key, ""},
		{"a cell of a table", "| " + long[:60] + " |\n| " + long[60:] + "    |\n", long, long[:60]},
		{"a short second literal", `"` + long[:103] + `" + "` + long[103:] + `"`, long, long[:103]},
	} {
		list := accepted(m.Matches([]byte(tt.text), Span{0, len(tt.text)}))
		if len(list) != 1 || list[0].Secret.Reveal() != tt.key {
			t.Errorf("%s: found\n%s", tt.name, revealed(list))
			continue
		}
		var former []string
		for _, f := range list[0].Former {
			former = append(former, f.Reveal())
		}
		if tt.former == "" && former != nil || tt.former != "" && !slices.Contains(former, tt.former) {
			t.Errorf("%s: %q, want %q", tt.name, former, tt.former)
		}
	}
}

// TestAKeyThatIsBrokenAnywhere breaks every shape at every place in every way that
// programs break text. The key is found as it is, or its extent says that it may not be.
func TestAKeyThatIsBrokenAnywhere(t *testing.T) {
	m := loaded(t).NewMatcher()
	r := rand.New(rand.NewPCG(3, 4))
	for _, way := range []struct{ name, before, between, behind string }{
		{"a wrapped mail", "> K=", "\n> ", "\n"},
		{"a paragraph", "use the key\n", "\n", " please\n"},
		{"a mail", "key: ", "\r\n", "\r\n\r\nBye"},
		{"indented lines", "  key: ", "\n       ", "\n"},
		{"quoted-printable", "K=3D", "=\r\n", "\r\n"},
		{"a shell's continued line", "export K=", "\\\n", "\n"},
		{"YAML's continued line", `k: "`, "\\\n    \\", "\"\n"},
		{"YAML's folded line", `k: "`, "\n    ", "\"\n"},
		{"literals", `k = "`, `" "`, `"`},
		{"literals on lines of their own", `k = "`, "\"\n    \"", `";`},
		{"an operator", `k = "`, `" + "`, `";`},
		{"an operator at the end of a line", "k = '", "' +\n  '", "';"},
		{"PHP's operator", "$k = '", "' . '", "';"},
		{"a method", `k = "`, `".concat("`, `")`},
		{"a colour", "k \x1b[31m", "\x1b[32m", "\x1b[0m x"},
		{"a cell of a table", "│ 1 │ ", " │ eur │\n│   │ ", "   │     │\n"},
		{"a cell of ASCII", "| 1 | ", " | eur |\n|   | ", "   |     |\n"},
		{"the only cell", "│ ", " │\n│ ", "   │\n└"},
		{"a cell of psql", " 1 | ", ".| eur\n   |.", "    | \n"},
		{"an expanded row of psql", "key | ", ".\n    |.", "\nn   | 1\n"},
		{"a column of SQLite", "1   ", "  eur\n    ", "    \n2   x\n"},
		{"a calendar's line", "NOTE:", "\r\n ", "\r\nEND:VEVENT\r\n"},
	} {
		tried, exact, inexact, silent := 0, 0, 0, 0
		for _, sh := range shapes {
			body := sh.draw(r)
			key := expand(t, "{{live}}") + body
			for at := 8; at < len(key)-1; at++ {
				text := "some text\n" + way.before + key[:at] + way.between + key[at:] + way.behind
				tried++
				list := accepted(m.Matches([]byte(text), Span{0, len(text)}))
				switch {
				case len(list) == 0 && !score.Of([]byte(body)).LooksRandom():
				case len(list) == 0:
					silent++
				case list[0].Secret.Reveal() == key && list[0].Extent == finding.Exact:
					exact++
				case list[0].Extent != finding.Exact:
					inexact++
				default:
					t.Errorf("%s, %s broken at %d: %d characters are called exact", way.name, sh.name, at-8, list[0].Secret.Len()-8)
				}
			}
		}
		t.Logf("%-32s tried %d, exact %d, said to be inexact %d, silent %d", way.name, tried, exact, inexact, silent)
		if silent > tried/100 {
			t.Errorf("%s: %d of %d are lost", way.name, silent, tried)
		}
	}
}

// TestAKeyBetweenNeighbours puts every shape between every pair of neighbours. The
// key is found as it is, or its extent says that it may not be.
func TestAKeyBetweenNeighbours(t *testing.T) {
	m := loaded(t).NewMatcher()
	r := rand.New(rand.NewPCG(14, 14))
	type count struct{ tried, exact, inexact, silent int }
	var all count
	for _, sh := range shapes {
		var n count
		for _, before := range befores {
			for _, behind := range behinds {
				body := sh.draw(r)
				key := expand(t, "{{live}}") + body
				before := strings.ReplaceAll(expand(t, before), "N", string([]byte{byte(len(key))}))
				if strings.HasPrefix(sh.name, "hex") && strings.Trim(behind, hexDigits) == "" {
					behind = "\n" + behind // a date is hex, too
				}
				text := "some text " + before + key + expand(t, behind)
				if strings.HasSuffix(behind, "}") {
					text += sh.draw(r)
				}
				n.tried++
				var at *Match
				for _, x := range m.Matches([]byte(text), Span{0, len(text)}) {
					if x.Confidence > finding.Rejected && x.Start == len("some text "+before) {
						at = &x
					}
				}
				switch {
				case at == nil && score.Of([]byte(body)).LooksRandom():
					n.silent++
					t.Errorf("%s between %q and %q is lost: %q", sh.name, before, behind, body)
				case at == nil:
					if testing.Verbose() {
						fmt.Printf("silent %s %q %q: %s\n", sh.name, before, behind, text)
					}
				case at.Secret.Reveal() == key:
					n.exact++
				case at.Extent != finding.Exact:
					n.inexact++
					if testing.Verbose() {
						fmt.Printf("inexact %s %q %q: %s %d\n", sh.name, before, behind, at.Secret.Reveal()[8:], len(at.Candidates))
					}
				default:
					t.Errorf("%s between %q and %q: %q is called exact", sh.name, before, behind, strings.TrimPrefix(at.Secret.Reveal(), key[:8]))
				}
			}
		}
		t.Logf("%-16s tried %d, exact %d, said to be inexact %d, silent %d", sh.name, n.tried, n.exact, n.inexact, n.silent)
		all = count{all.tried + n.tried, all.exact + n.exact, all.inexact + n.inexact, all.silent + n.silent}
	}
	t.Logf("%-16s tried %d, exact %d, said to be inexact %d, silent %d", "all", all.tried, all.exact, all.inexact, all.silent)
}

// What looks random goes on with the key; now and then a few random characters look like
// text.
func TestTheRestOfALongerCopy(t *testing.T) {
	const tries = 500
	for _, tt := range []struct {
		name     string
		rest     func(r *rand.Rand) string
		min, max int // of tries
	}{
		{"a suffix", func(*rand.Rand) string { return "_old" }, tries, tries},
		{"words", func(*rand.Rand) string { return "_production_backup_of_monday" }, tries, tries},
		{"16 of base62", func(r *rand.Rand) string { return drawn(r, base62, 16) }, 0, tries / 20},
		{"19 of base62", func(r *rand.Rand) string { return drawn(r, base62, 19) }, 0, tries / 20},
		{"75 of base62", func(r *rand.Rand) string { return drawn(r, base62, 75) }, 0, tries / 100},
	} {
		r := rand.New(rand.NewPCG(31, 32)) // the same keys whatever the row
		n := 0
		for range tries {
			key := drawn(r, base62, 24)
			if IsGlued(finding.NewSecret("sk_live_", key+tt.rest(r)), finding.NewSecret("sk_live_", key)) {
				n++
			}
		}
		if n < tt.min || n > tt.max {
			t.Errorf("%s: %d of %d are no part of the key", tt.name, n, tries)
		}
		t.Log(tt.name, n)
	}
}
