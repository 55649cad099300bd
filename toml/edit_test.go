package toml

import (
	"strings"
	"testing"

	oracle "github.com/pelletier/go-toml/v2"
)

func TestTablesAreWholeLinesFromHeaderToLastValue(t *testing.T) {
	const text = "\ufeff# top\nx = 1\n\n# above\n  [[ row ]] # header\n# within\nid = 'a'\nday = 2026-01-31 # last\n# below\n\n" +
		"[[row]]\n[other]\nid = 'b'\n[[\"row\"]]\r\nid = \"\"\"\n[[row]]\n\"\"\" # c\r\n[[row.cell]]\nid = 'd'\n[[row]]\nid = 'e'"
	var got []string
	for _, s := range Tables([]byte(text), "row") {
		got = append(got, text[s.Start:s.End])
	}
	want := []string{
		"  [[ row ]] # header\n# within\nid = 'a'\nday = 2026-01-31 # last\n", "[[row]]\n",
		"[[\"row\"]]\r\nid = \"\"\"\n[[row]]\n\"\"\" # c\r\n", "[[row]]\nid = 'e'",
	}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("%q", got)
	}
}

func TestAQuotedStringIsReadAsItWas(t *testing.T) {
	for _, s := range []string{"", "words", `"\`, "é ü 漢 🙂", "a\nb\tc\x00\x1b[1m\x7f", "\u202e\u2028\ufeff", "'''", `C:\temp`, strings.Repeat("x", 9000)} {
		var v struct{ S string }
		line := "s = " + Quote(s)
		if err := oracle.Unmarshal([]byte(line), &v); err != nil || v.S != s || strings.ContainsAny(line, "\n\r\x1b\u202e") {
			t.Errorf("%q is written as %s: %q, %v", s, line, v.S, err)
		}
	}
}
