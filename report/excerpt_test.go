package report

import (
	"bytes"
	"strings"
	"testing"

	"keysweep/finding"
	"keysweep/quote"
)

func TestExcerptKeepsTheKeyInSight(t *testing.T) {
	const key = "sk_…abcd" // 8 columns
	for _, c := range []struct {
		name  string
		e     finding.Excerpt
		limit int
		want  string
	}{
		{"all fits", finding.Excerpt{Before: "a=", Key: key, After: ";"}, 40, "a=[sk_…abcd];"},
		{"exactly", finding.Excerpt{Before: "0123", Key: key, After: "4567"}, 16, "0123[sk_…abcd]4567"},
		{"one column too many", finding.Excerpt{Before: "0123", Key: key, After: "45678"}, 16, "0123[sk_…abcd]456…"},
		{"long before", finding.Excerpt{Before: strings.Repeat("b", 99), Key: key, After: ";"}, 20, "…" + strings.Repeat("b", 10) + "[sk_…abcd];"},
		{"long after", finding.Excerpt{Before: "a=", Key: key, After: strings.Repeat("c", 99)}, 20, "a=[sk_…abcd]" + strings.Repeat("c", 9) + "…"},
		{"long on both sides", finding.Excerpt{Before: strings.Repeat("b", 99), Key: key, After: strings.Repeat("c", 99)}, 20, "…bbbbbbb[sk_…abcd]ccc…"},
		{"was cut before", finding.Excerpt{Before: "b", Key: key, After: "c", CutLeft: true, CutRight: true}, 40, "…b[sk_…abcd]c…"},
		{"a key wider than the line", finding.Excerpt{Before: "b", Key: strings.Repeat("k", 99), After: "c"}, 12, "[" + strings.Repeat("k", 11) + "…]"},
		{"tabs go to multiples of four", finding.Excerpt{Before: "\ta\t", Key: key, After: "\tx"}, 40, "    a   [sk_…abcd]    x"},
		{"wide runes", finding.Excerpt{Before: "世界世界", Key: key, After: "世界"}, 16, "…世界[sk_…abcd]世…"},
		{"a combining mark goes with its letter", finding.Excerpt{Before: "xe\u0301e\u0301", Key: key, After: ""}, 12, "xe\u0301e\u0301[sk_…abcd]"},
		{"a cut does not part a mark from its letter", finding.Excerpt{Before: "xe\u0301e\u0301e\u0301e\u0301", Key: key}, 12, "…e\u0301e\u0301e\u0301[sk_…abcd]"},
		{"controls", finding.Excerpt{Before: "\x1b[8m", Key: key, After: "\u202e"}, 40, `\x1b[8m[sk_…abcd]\u202e`},
		{"the end of a line is no content", finding.Excerpt{Before: "", Key: key, After: "\r\n"}, 40, "[sk_…abcd]"},
	} {
		left, shown, right := fit(c.e, c.limit)
		if got := left + "[" + shown + "]" + right; got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if w := width(left + shown + right); w > c.limit {
			t.Errorf("%s: %d columns of %d", c.name, w, c.limit)
		}
	}
}

// FuzzExcerpt: whatever the line holds, two lines of at most the width, and the
// carets under the key.
func FuzzExcerpt(f *testing.F) {
	f.Add("\tk = \"", "sk_…", "\" // \x1b", 3, 80, true, false)
	f.Add("世界", "世", "::x", 0, 1, false, true)
	f.Add("0", "0", "0::", 0, 1, false, true)
	f.Fuzz(func(t *testing.T, before, key, after string, line, columns int, cutLeft, cutRight bool) {
		if key == "" || len(before)+len(key)+len(after) > 1<<12 {
			return
		}
		columns = 24 + columns&255
		line &= 0xfff
		var out bytes.Buffer
		c := newCanvas(&out, Options{Width: columns}, quote.NewRedactor(nil, nil, false))
		c.margin = 3
		c.excerpt(line, finding.Excerpt{Before: before, Key: key, After: after, CutLeft: cutLeft, CutRight: cutRight})
		if err := c.w.Flush(); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(out.String(), "\n")
		if len(lines) != 3 || lines[2] != "" {
			t.Fatalf("not two lines: %q", out.String())
		}
		for _, l := range lines {
			if _, text, _ := strings.Cut(l, "| "); quote.Words(strings.TrimLeft(text, " ")) != strings.TrimLeft(text, " ") {
				t.Fatalf("%q gives %q, which is not safe to print", before+key+after, l)
			}
			if width(l) > columns {
				t.Fatalf("%d columns in %d: %q", width(l), columns, l)
			}
		}
		if !strings.HasPrefix(lines[1], "   ") || strings.Trim(lines[1], " |^") != "" {
			t.Fatalf("not an underline: %q", lines[1])
		}
	})
}
