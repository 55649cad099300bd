package report

import (
	"bytes"
	"encoding/csv"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"keysweep/finding"
	"keysweep/quote"
)

// table reads a CSV report as a program would, a map for each line.
func table(t *testing.T, out []byte) []map[string]string {
	t.Helper()
	lines, err := csv.NewReader(bytes.NewReader(out)).ReadAll()
	if err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	var list []map[string]string
	for _, line := range lines[1:] {
		m := map[string]string{}
		for i, name := range lines[0] {
			m[name] = line[i]
		}
		list = append(list, m)
	}
	return list
}

func TestCSVHasALineForEachPlace(t *testing.T) {
	rows := table(t, write(t, CSV, many(), Options{}))
	if len(rows) != 17+1+1 {
		t.Fatalf("%d lines", len(rows))
	}
	first := rows[0]
	for name, want := range map[string]string{"type": "finding", "issuer": "martis", "environment": "production", "confidence": "high", "severity": "critical",
		"secret": live(1).RedactedWithTail(), "path": "config/payment.go", "line": "42", "column": "14", "source": "worktree", "target": ".", "exposed_days": "268",
		"first_seen_date": "2026-03-01T10:00:00Z", "object": "", "skipped_reason": "", "status": "unchecked"} {
		if first[name] != want {
			t.Errorf("%s is %q, want %q", name, first[name], want)
		}
	}
	if !strings.HasPrefix(first["advice"], "It is 268 days old") {
		t.Errorf("the advice is %q", first["advice"])
	}
	if rows[3]["source"] != "commit" || rows[3]["path"] != "" || rows[3]["line"] != "7" {
		t.Errorf("a commit is %v", rows[3])
	}
}

// TestCSVColumnsAreThoseOfJSON: a name means the same in both.
func TestCSVColumnsAreThoseOfJSON(t *testing.T) {
	schema, err := os.ReadFile("schema/report-2.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, column := range csvColumns {
		parts := []string{column}
		for _, object := range []string{"suppressed", "first_seen", "last_seen", "removed", "skipped"} {
			if rest, ok := strings.CutPrefix(column, object+"_"); ok {
				parts = []string{object, rest}
			}
		}
		for _, name := range parts {
			if name != "type" && !bytes.Contains(schema, []byte(`"`+name+`": {`)) && !bytes.Contains(schema, []byte(`"`+name+`":`)) {
				t.Errorf("column %s: %s is not in the schema", column, name)
			}
		}
	}
}

func TestCSVOfNothingIsItsHeader(t *testing.T) {
	want := strings.Join(csvColumns, ",") + "\r\n"
	if got := string(write(t, CSV, result(), Options{})); got != want {
		t.Errorf("%q", got)
	}
	noted := with(result(), func(r *finding.Result) { r.Skipped = []finding.Skipped{{Reason: finding.ReasonIgnored, Count: 4}} })
	if got := string(write(t, CSV, noted, Options{})); got != want {
		t.Errorf("what may be left out is a line: %q", got)
	}
}

func TestAnIncompleteScanShowsInCSV(t *testing.T) {
	for _, res := range []*finding.Result{incomplete(), incomplete(martis())} {
		rows := table(t, write(t, CSV, res, Options{}))
		if rows[0]["type"] != "incomplete" || rows[0]["skipped_reason"] != "damaged" || rows[0]["skipped_count"] != "1" || !strings.Contains(rows[0]["skipped_detail"], "entry at 8812") {
			t.Errorf("the first line is %v", rows[0])
		}
		if rows[5]["skipped_count"] != "1204" {
			t.Errorf("the sixth line is %v", rows[5])
		}
	}
}

func TestCSVListsRejectedOnlyIfAskedFor(t *testing.T) {
	res := with(result(), func(r *finding.Result) { r.RejectedFindings = []*finding.Finding{rejected()} })
	if rows := table(t, write(t, CSV, res, Options{ShowRejected: true})); len(rows) != 1 || rows[0]["type"] != "rejected" || rows[0]["rejected_for"] != "one character, repeated" {
		t.Errorf("%v", rows)
	}
	if rows := table(t, write(t, CSV, res, Options{})); len(rows) != 0 {
		t.Errorf("%v", rows)
	}
}

func TestNoCellIsAFormula(t *testing.T) {
	for in, want := range map[string]string{
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r": "'\r", " =1": "' =1", `"=1"`: `'"=1"`,
		"＝1": "'＝1", "a=1": "a=1", "a;=cmd": "a;'=cmd", `a;"=cmd`: `a;'"=cmd`, "a; =1;b;-1": "a;' =1;b;'-1", "a;b": "a;b", "": "", "-": "'-", "日本": "日本", ";": ";",
	} {
		if got := harmlessCell(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

// randomText returns up to n characters of those that mean something to a
// spreadsheet, a terminal, a runner or Markdown.
func randomText(r *rand.Rand, n int) string {
	const special = "=+-@;,\"'\t\r\n |`\\*_{}[]()<>#!~&$:./\x1b\x00\u202e\u2028\u200b日é\xff" + "ax1"
	letters := []string{"::", "##[", "www.", "https://", "@ada", "```", "\\|", "<!--", "-->", "\r\n", "&lt;", "$`", "`$"}
	for _, l := range special {
		letters = append(letters, string(l))
	}
	letters = append(letters, "\xff")
	var out strings.Builder
	for range 1 + r.IntN(n) {
		out.WriteString(letters[r.IntN(len(letters))])
	}
	return out.String()
}

// shaped returns a result whose every string of others is from next.
func shaped(next func() string) *finding.Result {
	f := stripe()
	f.IssuerEvidence, f.Encoding = []string{next()}, []string{"base64"}
	f.Status, f.StatusReason = finding.Unknown, next()
	f.Listed[0].Path, f.Listed[0].Target = next(), next()
	g := lost()
	g.Suppressed = &finding.Suppression{Kind: "inline", Reason: next(), Owner: next()}
	g.Listed[0].Path, g.Listed[0].Target = next(), f.Listed[0].Target
	h := rejected()
	h.RejectedFor = next()
	h.Listed[0].Path, h.Listed[0].Target = next(), f.Listed[0].Target
	res := with(result(f, g), func(r *finding.Result) {
		r.RejectedFindings = []*finding.Finding{h}
		r.Skipped = []finding.Skipped{{Reason: finding.ReasonDamaged, Count: 1, Detail: next()}, {Reason: finding.ReasonLFSPointer, Count: 1, Detail: next()}}
	})
	return targets(res, finding.Target{Name: f.Listed[0].Target, Kind: finding.TargetFolder, Tree: true, Notes: []string{next()}})
}

func TestCSVKeepsAnyTextInItsCell(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 1))
		res := shaped(func() string { return randomText(r, 8) })
		out := write(t, CSV, res, Options{ShowRejected: true})
		rows := table(t, out)
		if len(rows) != 4 || bytes.Count(out, []byte("\n")) != 5 || bytes.Count(out, []byte("\r")) != 5 {
			t.Fatalf("seed %d: %d lines in\n%s", seed, len(rows), out)
		}
		for _, row := range rows {
			for name, cell := range row {
				for i, part := range strings.Split(cell, ";") {
					part = strings.TrimLeft(part, " \"")
					if part != "" && strings.ContainsAny(part[:1], "=+-@") {
						t.Fatalf("seed %d: %s: part %d of %q is a formula", seed, name, i, cell)
					}
				}
			}
		}
		for _, f := range res.Findings {
			// Read back: without our apostrophes, a cell is what Quote made of it.
			want := strings.ReplaceAll(quote.Text(f.Listed[0].Path), "'", "")
			if !slices.ContainsFunc(rows, func(row map[string]string) bool { return strings.ReplaceAll(row["path"], "'", "") == want }) {
				t.Fatalf("seed %d: %s is in no cell of\n%s", seed, want, out)
			}
		}
	}
}
