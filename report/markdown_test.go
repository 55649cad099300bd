package report

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"

	"keysweep/finding"
	"keysweep/quote"
)

// spans splits a line of Markdown into what is outside code spans, with a
// "·" for each, and what they hold. It follows CommonMark, "Code
// spans": a backslash before a run of backquotes takes one away, a run closes
// at the next run of its length, and a space at both ends is not part.
func spans(line string) (outside string, inside []string) {
	var out strings.Builder
	for i := 0; i < len(line); {
		if line[i] == '\\' && i+1 < len(line) {
			out.WriteString(line[i : i+2])
			i += 2
			continue
		}
		if line[i] != '`' {
			out.WriteByte(line[i])
			i++
			continue
		}
		n := 0
		for i+n < len(line) && line[i+n] == '`' {
			n++
		}
		closed := false
		for j := i + n; j < len(line); {
			k := 0
			for j+k < len(line) && line[j+k] == '`' {
				k++
			}
			if k == n {
				text := line[i+n : j]
				if len(text) > 1 && text[0] == ' ' && text[len(text)-1] == ' ' && strings.Trim(text, " ") != "" {
					text = text[1 : len(text)-1]
				}
				inside = append(inside, text)
				out.WriteString("·")
				i, closed = j+n, true
				break
			}
			j += max(k, 1)
		}
		if !closed {
			out.WriteString(line[i : i+n])
			i += n
		}
	}
	return out.String(), inside
}

// rowCells parts a row of a table as GitHub does, before code spans: at each |
// without a backslash before it, which then goes.
func rowCells(line string) []string {
	var list []string
	cell := ""
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '\\' && i+1 < len(line) && line[i+1] == '|':
			cell += "|"
			i++
		case line[i] == '|':
			list = append(list, cell)
			cell = ""
		default:
			cell += string(line[i])
		}
	}
	return append(list, cell)
}

// skeleton is what is left of a report when the code spans are out.
func skeleton(report string) (lines, inside []string) {
	for _, line := range strings.Split(report, "\n") {
		parts := []string{line}
		if strings.HasPrefix(line, "|") {
			parts = rowCells(line)
		}
		outside := ""
		for _, p := range parts {
			o, in := spans(p)
			outside += o + "¦"
			inside = append(inside, in...)
		}
		lines = append(lines, outside)
	}
	return lines, inside
}

// TestNothingForgesMarkdown writes reports with random text in every place that
// others decide: all of it must be inside code spans, and the rest unchanged.
func TestNothingForgesMarkdown(t *testing.T) {
	opts := Options{ShowRejected: true, ShowSuppressed: true, Verbose: true}
	n := 0
	want, _ := skeleton(string(write(t, Markdown, shaped(func() string { n++; return fmt.Sprint("x", n) }), opts)))
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 2))
		res := shaped(func() string { return randomText(r, 10) })
		out := string(write(t, Markdown, res, opts))
		got, inside := skeleton(out)
		if diff := strings.Join(got, "\n"); diff != strings.Join(want, "\n") {
			t.Fatalf("seed %d: the frame became\n%s\nof\n%s", seed, diff, out)
		}
		for _, f := range res.Findings {
			o := f.Listed[0]
			name := quote.Text(strings.TrimSuffix(o.Target, "/") + "/" + o.Path)
			switch {
			case o.Target == ".":
				name = quote.Text(o.Path)
			case strings.HasSuffix(o.Target, "/"):
				name = quote.Text(o.Target + o.Path)
			}
			if !strings.Contains(strings.Join(inside, "\x00")+"\x00", fmt.Sprintf("%s:%d\x00", name, o.Line)) {
				t.Fatalf("seed %d: %q did not survive in\n%s", seed, name, out)
			}
		}
	}
}

func TestCodeSpans(t *testing.T) {
	for _, c := range []struct{ in, want, inTable string }{
		{"a", "`a`", "`a`"},
		{"a`b", "``a`b``", "``a`b``"},
		{"`", "`` ` ``", "`` ` ``"},
		{"``a`", "``` ``a` ```", "``` ``a` ```"},
		{"a|b", "`a|b`", "`a\\|b`"},
		{`a\|b`, "`a\\|b`", "`a\\\\|b`"},
		{"<b>@ada</b>", "`<b>@ada</b>`", "`<b>@ada</b>`"},
		{"", "", ""},
	} {
		if got := code(c.in, false); got != c.want {
			t.Errorf("%q becomes %s, want %s", c.in, got, c.want)
		}
		if got := code(c.in, true); got != c.inTable {
			t.Errorf("%q in a table becomes %s, want %s", c.in, got, c.inTable)
		}
	}
	if got := code(strings.Repeat("é", 3000), false); len(got) > maxMarkdownName+10 || !strings.HasSuffix(got, "é…`") {
		t.Errorf("a long name has %d bytes and ends %s", len(got), got[len(got)-10:])
	}
}

// TestTextOfRulesIsText: the words of a rule are a text, whatever they hold.
func TestTextOfRulesIsText(t *testing.T) {
	for in, want := range map[string]string{
		"See *this* _or_ `that`.":              "See \\*this\\* \\_or\\_ \\`that\\`.",
		"[x](https://a.example)":               "\\[x\\](https:<!-- -->//a.example)",
		"<img src=x>":                          "\\<img src=x\\>",
		"ask @ada or ada@b.c":                  "ask @<!-- -->ada or ada@<!-- -->b.c",
		"WWW.example.com":                      "WWW.<!-- -->example.com",
		"a | b # c ! d & $e$ ~":                "a \\| b \\# c \\! d \\& \\$e\\$ \\~",
		"Keep it; it is (still) new - and +1.": "Keep it; it is (still) new - and +1.",
	} {
		if got := markdownText(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

// TestPastedReportsAreSafe checks the lines of every Markdown and CSV report.
func TestPastedReportsAreSafe(t *testing.T) {
	for _, c := range reports {
		for _, f := range []Format{Markdown, CSV} {
			for _, line := range strings.Split(string(write(t, f, c.res(), c.opts)), "\n") {
				line = strings.TrimSuffix(line, "\r")
				if strings.HasPrefix(strings.TrimSpace(line), "::") || strings.Contains(line, "##[") || strings.Contains(line, "##vso[") {
					t.Errorf("%s: %v: a runner obeys %q", c.name, f, line)
				}
				for _, r := range line {
					if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
						t.Errorf("%s: %v: %U in %q", c.name, f, r, line)
					}
				}
			}
		}
	}
}

func TestALargeReportIsCutAndSaysSo(t *testing.T) {
	var list []*finding.Finding
	for i := range 4000 {
		f := martis()
		f.Secret = finding.NewSecret("sk_"+"live_", fmt.Sprintf("%s%05d", filler(9, 27), i))
		f.Listed = f.Listed[:1]
		f.Listed[0].Path = strings.Repeat("deep/", 60) + fmt.Sprint(i)
		list = append(list, f)
	}
	res := result(list...)
	res.Skipped = []finding.Skipped{{Reason: finding.ReasonDamaged, Count: 1, Detail: "pack-1"}}
	for i := range 20000 {
		res.Skipped = append(res.Skipped, finding.Skipped{Reason: finding.ReasonUnreadable, Count: 1, Detail: fmt.Sprintf("%s%d", strings.Repeat("dir/", 40), i)})
	}
	for i := range 2000 {
		res.Targets = append(res.Targets, finding.Target{Name: fmt.Sprint(i), Kind: finding.TargetFolder, Tree: true, Notes: []string{strings.Repeat("note ", 180)}})
	}
	out := write(t, Markdown, res, Options{Verbose: true})
	if len(out) > maxMarkdown || len(out) < maxMarkdown/2 {
		t.Errorf("%d bytes", len(out))
	}
	for _, words := range []string{"## keysweep: 4,000 keys found", "keys are not shown, since the report would be larger than 900 kB", "keys in detail are not shown",
		"### Not read: the scan is incomplete", "- 1 damaged item", "`pack-1`", "lines are not shown", "notes are not shown", "### Remedy", "then revoke the old one"} {
		if !bytes.Contains(out, []byte(words)) {
			t.Errorf("%q is cut", words)
		}
	}
	if bytes.Contains(write(t, Markdown, many(), Options{}), []byte("Cut here")) {
		t.Error("a small report is cut")
	}
}

func TestMarkdownSaysWhatTheScanWas(t *testing.T) {
	for _, c := range []struct {
		name string
		res  *finding.Result
		want []string
		not  string
	}{
		{"clean", result(), []string{"## keysweep: no keys found.\n", "- Files: 1,204\n"}, "###"},
		{"incomplete", incomplete(), []string{"## keysweep: no keys found in what could be read: the scan is incomplete.\n", "### Not read: the scan is incomplete"}, "### Remedy"},
		{"since", with(result(), func(r *finding.Result) { r.Since, r.BeforeSince = date(7), 2 }), []string{"- Not listed: 2 keys first seen before 2026-11-17 10:00 UTC (--since)\n"}, "###"},
	} {
		out := string(write(t, Markdown, c.res, Options{}))
		for _, words := range c.want {
			if !strings.Contains(out, words) {
				t.Errorf("%s: no %q in\n%s", c.name, words, out)
			}
		}
		if strings.Contains(out, c.not) {
			t.Errorf("%s: %q in\n%s", c.name, c.not, out)
		}
	}
}
