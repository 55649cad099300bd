package quote

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestTextShowsWhatIsThere(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain names stay", "config/payment.go", "config/payment.go"},
		{"spaces inside stay", "my docs/a b", "my docs/a b"},
		{"letters of any script stay", "日本/鍵-ключ-é.txt", "日本/鍵-ключ-é.txt"},
		{"emoji stay", "🔑.txt", "🔑.txt"},
		{"a backslash alone stays", `back\slash`, `back\slash`},
		{"a quote inside stays", `say "hi"`, `say "hi"`},
		{"colons inside stay", "std::string:", "std::string:"},
		{"no bytes are visible", "", `""`},
		{"a quote in front cannot pass for ours", `"x"`, `"\"x\""`},
		{"space at the ends", " x ", `" x "`},
		{"escape", "\x1b[31m", `"\x1b[31m"`},
		{"newline and carriage return", "a\r\nb", `"a\r\nb"`},
		{"backslash is doubled in quotes", "\\\n", `"\\\n"`},
		{"DEL", "a\x7f", `"a\x7f"`},
		{"C1 as UTF-8", "a\u009bb", `"a\u009bb"`},
		{"C1 as a byte", "a\x9bb", `"a\x9bb"`},
		{"not UTF-8", "latin1-\xe9", `"latin1-\xe9"`},
		{"a surrogate is not UTF-8", "\xed\xa0\x80", `"\xed\xa0\x80"`},
		{"the replacement character itself", "\ufffd", "\ufffd"},
		{"bidi", "gpj\u202eexe", `"gpj\u202eexe"`},
		{"zero width", "a\u200bb\ufeff", `"a\u200bb\ufeff"`},
		{"line separator", "a\u2028b", `"a\u2028b"`},
		{"no-break space", "a\u00a0b", `"a\u00a0b"`},
		{"Hangul filler", "a\u3164b", `"a\u3164b"`},
		{"tag characters", "a\U000e0041b", `"a\U000e0041b"`},
		{"a workflow command", "::warning::x", `"\x3a:warning::x"`},
		{"a workflow command after a space", "a ::warning::x", `"a \x3a:warning::x"`},
		{"a workflow command after a tab", "\t::warning::x", `"\t::warning::x"`},
		{"a colon that ours would follow", ":", `"\x3a"`},
		{"an old command anywhere", "a##[group]x", `"a\x23#[group]x"`},
		{"an Azure command anywhere", "a##vso[task.x]", `"a\x23#vso[task.x]"`},
		{"a command in capitals", "##VSO[task.x]", `"\x23#VSO[task.x]"`},
		{"a TeamCity command", "##teamcity[x", `"\x23#teamcity[x"`},
		{"three signs", "###[x", `"#\x23#[x"`},
		{"a heading is no command", "## [x] and ##x", "## [x] and ##x"},
	} {
		if got := Text(c.in); got != c.want {
			t.Errorf("%s: Text(%q) = %s, want %s", c.name, c.in, got, c.want)
		}
	}
}

// checkSafe fails if a terminal or a runner could take out for more than text.
func checkSafe(t *testing.T, in, out string) {
	t.Helper()
	if !utf8.ValidString(out) {
		t.Fatalf("%q gives %q, which is not UTF-8", in, out)
	}
	for _, r := range out {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Bidi_Control, unicode.Join_Control) {
			t.Fatalf("%q gives %q, which holds %U", in, out, r)
		}
	}
	for _, word := range strings.FieldsFunc(out, unicode.IsSpace) {
		if strings.HasPrefix(word, "::") {
			t.Fatalf("%q gives %q, where a word starts with ::", in, out)
		}
	}
	for _, command := range []string{"##[", "##vso[", "##teamcity["} {
		if strings.Contains(out, command) {
			t.Fatalf("%q gives %q, which holds %s", in, out, command)
		}
	}
}

// checkText checks one string: safe, and no information lost.
func checkText(t *testing.T, in string) {
	t.Helper()
	out := Text(in)
	checkSafe(t, in, out)
	back := out
	if strings.HasPrefix(out, `"`) {
		var err error
		if back, err = strconv.Unquote(out); err != nil {
			t.Fatalf("Text(%q) = %s: %v", in, out, err)
		}
	}
	if back != in {
		t.Fatalf("Text(%q) = %s, which reads as %q", in, out, back)
	}
	checkSafe(t, in, Words(in))
	for _, system := range []string{"linux", "windows"} {
		word, _ := Word(system, in)
		checkSafe(t, in, word)
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", ":", "::a", "##[", "##VSO[", "\xff\x1b", "a\u202e", `"\x1b"`, "'$(x)'", "-x"} {
		f.Add(s)
	}
	f.Fuzz(checkText)
}

func TestTextIsSafeAndReversibleOnRandomPaths(t *testing.T) {
	n := 50_000
	if testing.Short() {
		n = 10_000
	}
	pieces := []string{":", "::", "#", "##", "[", "vso[", " ", "\t", "\n", "\x1b", "\x9b", "\u009b", "\u202e", "\u200d", "\\", `"`, "'", "a", "Z", "é", "世", "\xff", "\xed\xa0\x80", "\U000e0001", "/", "\u00a0", "\u2003"}
	random := rand.New(rand.NewPCG(1, 2))
	for range n {
		var s strings.Builder
		for range random.IntN(12) {
			if random.IntN(8) == 0 {
				s.WriteByte(byte(random.Uint32()))
				continue
			}
			s.WriteString(pieces[random.IntN(len(pieces))])
		}
		checkText(t, s.String())
	}
}

func TestAWordOfACommandIsOneHarmlessWord(t *testing.T) {
	const none = "PATH"
	for _, tt := range []struct{ in, unix, windows string }{
		{"a/b.go", "a/b.go", "a/b.go"},
		{"a b", "'a b'", `"a b"`},
		{"it's", `'it'\''s'`, `"it's"`},
		{"-x", "'-x'", `"-x"`},
		{"", "''", `""`},
		{"$(id)", "'$(id)'", none},
		{"a\x1bb", `$'a\x1bb'`, none},
		{"~", "'~'", `"~"`},
		{`C:\a b\c`, `'C:\a b\c'`, `"C:\a b\c"`},
		{`C:\a`, `'C:\a'`, `"C:\a"`},
		{`C:\a\`, `'C:\a\'`, none},
		{"%PATH%", "%PATH%", none},
		{"100%", "100%", none},
		{"a!b", "'a!b'", none},
		{"a^b", "'a^b'", none},
		{"a`b", "'a`b'", none},
		{`a"b`, `'a"b'`, none},
		{"a“b", "'a“b'", none},
		{"a„b", "'a„b'", none},
		{"a’b", "'a’b'", `"a’b"`},
		{"a&b|c<d>(e);f", "'a&b|c<d>(e);f'", `"a&b|c<d>(e);f"`},
		{"a=b,c", "a=b,c", `"a=b,c"`},
		{"@x", "@x", `"@x"`},
	} {
		for system, want := range map[string]string{"linux": tt.unix, "darwin": tt.unix, "windows": tt.windows} {
			if got, ok := Word(system, tt.in); got != want || ok == (want == none) {
				t.Errorf("%s: Word(%q) = %s, %v, want %s", system, tt.in, got, ok, want)
			}
		}
	}
	if got := Beside("windows", "a b", "a$b", "c\x1b"); got != `PATH is a$b, then "c\x1b"` {
		t.Error(got)
	}
	if got := Beside("linux", "a$b"); got != "" {
		t.Error(got)
	}
}
