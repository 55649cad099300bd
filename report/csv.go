package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"keysweep/finding"
	"keysweep/quote"
)

// CSV by RFC 4180: lines end in CRLF, the first names the columns. One line for
// each place of each key, and first of all one for each thing that makes the
// scan incomplete, so that an incomplete scan never looks like a clean one.

// The values of the column type.
const (
	csvFinding    = "finding"
	csvRejected   = "rejected"
	csvIncomplete = "incomplete"
)

// csvColumns are the columns in their order. They have the names of JSON; the
// fields of an object are joined to its name by an underscore. A new column
// comes last.
var csvColumns = []string{
	"type", "id", "severity", "confidence", "issuer", "environment", "status", "status_reason", "checked_at",
	"secret", "secret_sha256", "rule_id", "issuer_evidence", "encoding", "suppressed_kind", "suppressed_reason", "rejected_for",
	"first_seen_commit", "first_seen_date", "last_seen_commit", "last_seen_date", "exposed_days",
	"target", "source", "path", "line", "column", "object", "versions", "commit", "date", "reachable", "in_head",
	"skipped_reason", "skipped_count", "skipped_detail", "advice",
	"suppressed_owner", "suppressed_expires",
}

func writeCSV(w io.Writer, res *finding.Result, opts Options) error {
	c := &csvWriter{w: csv.NewWriter(w), recorder: newRecorder(res, opts)}
	c.w.UseCRLF = true
	_ = c.w.Write(csvColumns) // the writer keeps its first error
	for _, s := range res.Skipped {
		if s.Reason.Class() == finding.ClassIncomplete {
			c.line(map[string]string{"type": csvIncomplete, "skipped_reason": string(s.Reason),
				"skipped_count": strconv.FormatInt(s.Count, 10), "skipped_detail": name(c.Text(s.Detail))})
		}
	}
	c.findings(csvFinding, res.Findings)
	c.findings(csvRejected, opts.rejected(res))
	c.w.Flush()
	return c.w.Error()
}

type csvWriter struct {
	w *csv.Writer
	recorder
	row []string
}

// line writes the line with these cells; the others are empty.
func (c *csvWriter) line(cells map[string]string) {
	c.row = c.row[:0]
	for _, name := range csvColumns {
		c.row = append(c.row, harmlessCell(cells[name]))
	}
	_ = c.w.Write(c.row)
}

func (c *csvWriter) findings(kind string, list []*finding.Finding) {
	for _, f := range list {
		rec := c.finding(f)
		rec.Advice = remedyOf(f, c.opts, c.now).Marks // the steps are those of many keys, and long
		key := map[string]string{
			"type": kind, "id": rec.ID, "severity": rec.Severity, "confidence": rec.Confidence, "issuer": quote.Text(rec.Issuer),
			"environment": rec.Environment, "status": rec.Status, "status_reason": quote.Words(value(rec.StatusReason)), "checked_at": value(rec.CheckedAt),
			"secret": quote.Text(rec.Secret), "secret_sha256": rec.SecretSHA256, "rule_id": name(rec.RuleID),
			"issuer_evidence": quote.Words(strings.Join(rec.IssuerEvidence, "; ")), "encoding": quote.Words(strings.Join(rec.Encoding, "; ")),
			"rejected_for": quote.Words(rec.RejectedFor), "advice": quote.Words(strings.Join(rec.Advice, " ")),
		}
		if s := rec.Suppressed; s != nil {
			key["suppressed_kind"], key["suppressed_reason"] = s.Kind, quote.Words(s.Reason)
			key["suppressed_owner"], key["suppressed_expires"] = quote.Words(value(s.Owner)), value(s.Expires)
		}
		if s := rec.FirstSeen; s != nil {
			key["first_seen_commit"], key["first_seen_date"] = quote.Text(s.Commit), value(s.Date)
		}
		if s := rec.LastSeen; s != nil {
			key["last_seen_commit"], key["last_seen_date"] = quote.Text(s.Commit), value(s.Date)
		}
		key["exposed_days"] = value(rec.ExposedDays)
		if len(rec.Occurrences) == 0 {
			c.line(key)
		}
		for _, o := range rec.Occurrences {
			key["target"], key["source"], key["path"] = name(o.Target), o.Source, name(value(o.Path))
			key["line"], key["column"] = value(o.Line), value(o.Column)
			key["object"], key["versions"] = name(value(o.Object)), strconv.Itoa(o.Versions)
			key["commit"], key["date"] = name(value(o.Commit)), value(o.Date)
			key["reachable"], key["in_head"] = strconv.FormatBool(o.Reachable), strconv.FormatBool(o.InHead)
			c.line(key)
		}
	}
}

// name quotes what may be absent: an empty cell stays empty.
func name(s string) string {
	if s == "" {
		return ""
	}
	return quote.Text(s)
}

// value returns *v, or "" for null.
func value[T any](v *T) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(*v)
}

// formulaStarts make a spreadsheet take a cell for a formula: those of OWASP's
// "CSV Injection", the full-width ones too, which some take for the same.
const formulaStarts = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"

// harmlessCell returns s with an apostrophe where a spreadsheet would see a
// formula: at the start, and after each semicolon, which separates cells where the
// comma is the decimal sign. Spaces and double quotes before a formula are
// passed over, as some spreadsheets do.
func harmlessCell(s string) string {
	var out strings.Builder
	start := true // of what may be a cell
	for i, r := range s {
		if start {
			rest := strings.TrimLeft(s[i:], " \"")
			if first, _ := utf8.DecodeRuneInString(rest); strings.ContainsRune(formulaStarts, first) {
				out.WriteByte('\'')
			}
		}
		out.WriteRune(r)
		start = r == ';'
	}
	return out.String()
}
