package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"keysweep/finding"
	"keysweep/quote"
)

// CSV by RFC 4180: lines end in CRLF, the first names the columns. One line for
// each place of each key, and first of all one for each thing that makes the
// scan incomplete, so that an incomplete scan never looks like a clean one.

// csvColumns are the columns in their order. They have the names of JSON; the
// fields of an object are joined to its name by an underscore. A new column
// comes last.
var csvColumns = []string{
	"type", "id", "severity", "confidence", "issuer", "environment", "status", "status_reason", "checked_at",
	"secret", "secret_sha256", "rule_id", "issuer_evidence", "encoding", "suppressed_kind", "suppressed_reason", "rejected_for",
	"first_seen_commit", "first_seen_date", "last_seen_commit", "last_seen_date", "exposed_days",
	"target", "source", "path", "line", "column", "object", "versions", "commit", "date", "reachable", "in_head",
	"skipped_reason", "skipped_count", "skipped_detail", "advice",
	"suppressed_owner", "suppressed_expires", "extent", "folder", "inside",
	"first_seen_author", "removed_commit", "removed_date", "in_files_days",
}

// csvWords are the columns that hold sentences; the others hold names.
var csvWords = []string{"status_reason", "issuer_evidence", "encoding", "suppressed_reason", "suppressed_owner", "rejected_for", "advice", "first_seen_author"}

func writeCSV(w io.Writer, res *finding.Result, opts Options) error {
	c := &csvWriter{csv.NewWriter(w), newRecorder(res, opts)}
	c.w.UseCRLF = true
	_ = c.w.Write(csvColumns) // the writer keeps its first error
	for _, s := range res.Skipped {
		if s.Reason.Class() == finding.ClassIncomplete {
			c.line("incomplete", map[string]string{}, object{{"skipped", c.skipped(s)}})
		}
	}
	c.findings("finding", res.Findings)
	c.findings("rejected", opts.rejected(res))
	c.w.Flush()
	return c.w.Error()
}

type csvWriter struct {
	w *csv.Writer
	recorder
}

func (c *csvWriter) findings(kind string, list []*finding.Finding) {
	for _, f := range list {
		cells, record := map[string]string{}, c.finding(f)
		occurrences := record[len(record)-1].value.([]object)
		addCells(cells, "", record[:len(record)-1])
		// The steps are those of many keys, and long.
		cells["advice"] = strings.Join(remedyOf(f, c.opts, c.now).Marks, " ")
		cells["in_head"] = "" // of the place, not of the key
		if len(occurrences) == 0 {
			c.line(kind, cells, nil)
		}
		for _, o := range occurrences {
			c.line(kind, cells, o)
		}
	}
}

// line writes a line with the cells of o added; the others are empty.
func (c *csvWriter) line(kind string, cells map[string]string, o object) {
	addCells(cells, "", o)
	cells["type"] = kind
	row := make([]string, 0, len(csvColumns))
	for _, name := range csvColumns {
		cell := c.Text(cells[name])
		switch {
		case cell == "":
		case slices.Contains(csvWords, name):
			cell = quote.Words(cell)
		default:
			cell = quote.Text(cell)
		}
		row = append(row, harmlessCell(cell))
	}
	_ = c.w.Write(row)
}

// addCells adds the members of o, their names after prefix.
func addCells(cells map[string]string, prefix string, o object) {
	for _, m := range o {
		name := prefix + m.name
		switch v := m.value.(type) {
		case object:
			addCells(cells, name+"_", v)
		case string:
			cells[name] = v
		case []string:
			cells[name] = strings.Join(v, "; ")
		case []text:
			var list []string
			for _, t := range v {
				list = append(list, string(t))
			}
			cells[name] = strings.Join(list, "; ")
		default:
			cells[name] = ""
			if v := reflect.Indirect(reflect.ValueOf(v)); v.IsValid() { // else null
				cells[name] = fmt.Sprint(v)
			}
		}
	}
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
