package report

import (
	"fmt"
	"strings"

	"keysweep/finding"
	"keysweep/quote"
)

// maxPlaces is how many places of a key are listed without Verbose.
const maxPlaces = 3

// maxBlocks is how many keys are described in full without Verbose: the
// first ones are dealt with before others are read. The rest get two lines each.
const maxBlocks = 20

// block writes what is known of one key. A brief one has no more than its
// head and its first place.
func (t *textReport) block(number int, f *finding.Finding, brief bool) {
	head := fmt.Sprint(number)
	st := bold
	switch f.Severity() {
	case finding.SeverityCritical, finding.SeverityHigh:
		st = boldRed
	case finding.SeverityMedium:
		st = boldYellow
	}
	words := t.keyWords(f) + ", " + t.about(f, "")
	live := ""
	if works(f) {
		live = "LIVE  "
	}
	t.row(plain, head, len(head)+2, st, live+quote.Text(t.opts.key(f))+"  "+words)

	t.margin = len(head) + 2
	defer func() { t.margin = 0 }()
	places := t.places(f)
	if len(places) > 0 {
		t.pad(0)
		t.placeRow(0, places[0])
		if places[0].link != "" && t.isRemote(f.Listed) {
			t.pad(0)
			t.put(dim, places[0].link)
			t.write("\n")
		}
	}
	if brief {
		return
	}
	if e, line := t.excerptOf(f); e.Key != "" {
		t.excerpt(line, e)
	}
	for _, fact := range t.facts(f) {
		t.label(fact.name, fieldWidth, fact.words)
	}
	t.label("id", fieldWidth, f.Secret.ID()) // which an exception names
	t.otherPlaces(places)
	if !t.opts.Quiet {
		t.label("advice", fieldWidth, t.markWords(f))
	}
}

// fieldWidth is the longest label of a block and two spaces.
const fieldWidth = len("first seen") + 2

// placeRow writes a place from column on, and the notes on it behind it, or
// below it if they do not fit. The place itself is never wrapped, so that it can
// be copied.
func (t *textReport) placeRow(column int, p place) {
	t.write(p.where)
	notes := strings.Join(p.notes, ", ")
	switch {
	case notes == "":
		t.write("\n")
	case t.margin+column+width(p.where)+2+width(notes) <= t.width:
		t.write("  ")
		t.put(dim, notes)
		t.write("\n")
	default:
		t.write("\n")
		t.row(plain, "", column+2, dim, notes)
	}
}

// otherPlaces lists the places after the first.
func (t *textReport) otherPlaces(places []place) {
	limit := t.most(maxPlaces, len(places))
	name := "also in"
	for _, p := range places[min(1, limit):limit] {
		t.pad(0)
		t.put(dim, name)
		t.write(strings.Repeat(" ", fieldWidth-len(name)))
		t.placeRow(fieldWidth, p)
		name = ""
	}
	if more := len(places) - limit; more > 0 {
		t.row(plain, "", fieldWidth, plain, fmt.Sprintf("+ %s more", number(int64(more))))
	}
}

// rejected lists the candidates that were turned down, a line or two each.
func (t *textReport) rejected() {
	list := t.opts.rejected(t.res)
	if len(list) == 0 {
		return
	}
	t.write("\n")
	t.row(plain, "", 0, bold, fmt.Sprintf("%s, not counted:", count(len(list), "rejected candidate", "rejected candidates")))
	for _, f := range list {
		where := "no place"
		if len(f.Listed) > 0 {
			where = t.where(f.Listed[0])
		}
		t.write("   " + where + "  " + quote.Text(t.opts.key(f)) + "\n")
		if f.RejectedFor != "" {
			t.row(plain, "", 6, dim, t.quoteWords(f.RejectedFor))
		}
	}
}
