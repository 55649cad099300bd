package report

import (
	"fmt"
	"strings"

	"keysweep/finding"
	"keysweep/quote"
)

// maxPlaces is how many places of a key are listed without Verbose.
const maxPlaces = 3

// maxBlocks is how many keys are told in full without Verbose: nobody reads
// further before the first ones are dealt with. The rest get two lines each.
const maxBlocks = 20

// block writes what is known of one key. A brief one has no more than its
// head and its first place.
func (t *textReport) block(number int, f *finding.Finding, brief bool) {
	head := fmt.Sprintf("%d", number)
	indent := len(head) + 2
	st := bold
	switch f.Severity() {
	case finding.SeverityCritical, finding.SeverityHigh:
		st = boldRed
	case finding.SeverityMedium:
		st = boldYellow
	}
	words := t.keyWords(f) + ", " + confidenceWords(f)
	if now := t.presence(f).short; now != "" {
		words += ", " + now
	}
	live := ""
	if works(f) {
		live = "LIVE  "
	}
	t.row(plain, head, indent, st, live+quote.Text(t.opts.key(f))+"  "+words)

	places := t.places(f)
	if len(places) > 0 {
		t.write(strings.Repeat(" ", indent) + places[0].where)
		t.placeNotes(indent, places[0])
	}
	if brief {
		return
	}
	if len(places) > 0 {
		t.excerptOf(indent, f)
	}
	for _, fact := range t.facts(f) {
		t.field(indent, fact.name, fact.words)
	}
	t.otherPlaces(indent, places)
	if words := t.markWords(f); words != "" && !t.opts.Quiet {
		t.field(indent, "advice", words)
	}
}

// fieldWidth is the longest label of a block and two spaces.
const fieldWidth = len("first seen") + 2

func (t *textReport) field(indent int, name, words string) {
	t.write(strings.Repeat(" ", indent))
	t.put(dim, name)
	for i, line := range t.wrap(words, indent+fieldWidth) {
		if i == 0 {
			t.write(strings.Repeat(" ", fieldWidth-len(name)))
		} else {
			t.write(strings.Repeat(" ", indent+fieldWidth))
		}
		t.write(line + "\n")
	}
}

// excerptOf writes the line of f's first place.
func (t *textReport) excerptOf(indent int, f *finding.Finding) {
	o := f.Occurrences[0]
	e := o.Excerpt
	if e.Key == "" {
		return
	}
	if t.opts.ShowSecrets && len(f.Encoding) == 0 {
		e.Key = f.Secret.Reveal()
	}
	e.Before, e.Key, e.After = t.Text(e.Before), t.Text(e.Key), t.Text(e.After)
	line := o.Line
	if o.Source == finding.SourcePath || o.Source == finding.SourceRef {
		line = 0
	}
	t.excerpt(indent, line, e)
}

// placeNotes writes the notes on a place behind it, or below it if they do not
// fit. The place itself is never wrapped, so that it can be copied.
func (t *textReport) placeNotes(indent int, p place) {
	notes := strings.Join(p.notes, ", ")
	switch {
	case notes == "":
		t.write("\n")
	case indent+width(p.where)+2+width(notes) <= t.width:
		t.write("  ")
		t.put(dim, notes)
		t.write("\n")
	default:
		t.write("\n")
		t.row(plain, "", indent+2, dim, notes)
	}
}

// otherPlaces lists the places behind the first.
func (t *textReport) otherPlaces(indent int, places []place) {
	limit := maxPlaces
	if t.opts.Verbose {
		limit = len(places)
	}
	for i := 1; i < min(limit, len(places)); i++ {
		name := ""
		if i == 1 {
			name = "also in"
		}
		t.write(strings.Repeat(" ", indent))
		t.put(dim, name)
		t.write(strings.Repeat(" ", fieldWidth-len(name)) + places[i].where)
		t.placeNotes(indent+fieldWidth, places[i])
	}
	if more := len(places) - limit; more > 0 {
		t.write(fmt.Sprintf("%s+ %s more\n", strings.Repeat(" ", indent+fieldWidth), number(int64(more))))
	}
}

// rejected lists the candidates that were turned down, a line or two each.
func (t *textReport) rejected() {
	if !t.opts.ShowRejected || len(t.res.RejectedFindings) == 0 {
		return
	}
	n := len(t.res.RejectedFindings)
	t.write("\n")
	t.row(plain, "", 0, bold, fmt.Sprintf("%s, not counted:", count(n, "rejected candidate", "rejected candidates")))
	for _, f := range t.res.RejectedFindings {
		where := "no place"
		if len(f.Occurrences) > 0 {
			where = t.where(f.Occurrences[0])
		}
		t.write("   " + where + "  " + quote.Text(t.opts.key(f)) + "\n")
		if f.RejectedFor != "" {
			t.row(plain, "", 6, dim, t.quoteWords(f.RejectedFor))
		}
	}
}
