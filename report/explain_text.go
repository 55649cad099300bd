package report

import (
	"fmt"
	"io"
	"strings"

	"keysweep/finding"
	"keysweep/quote"
	"keysweep/rules/score"
)

// explainWidth is the longest label of an explanation and two spaces.
const explainWidth = len("confidence") + 2

// explanationText writes an explanation for people.
type explanationText struct {
	*textReport
	e *Explanation
}

func writeExplanationText(w io.Writer, e *Explanation, opts Options) error {
	t := &explanationText{newTextReport(w, e.result(), opts), e}
	t.row(plain, "", 0, bold, t.headline())
	for i := range e.Keys {
		t.write("\n")
		t.key(i+1, &e.Keys[i])
	}
	switch {
	case len(e.Keys) == 0:
		t.write("\n")
		t.nothing()
	case e.Cut:
		t.write("\n")
		t.row(plain, "", 0, plain, fmt.Sprintf("There are more candidates: these are the first %s. Name a line to see one of them.", number(int64(len(e.Keys)))))
	}
	return t.w.Flush()
}

// headline says what was read and how much is there.
func (t *explanationText) headline() string {
	e := t.e
	place := t.quote(e.Path)
	switch {
	case e.Source == finding.SourceStdin:
		place = "standard input"
	case e.Source == finding.SourceIndex:
		place += " in the index"
	case e.Object != "" && e.Path != "":
		place += " in " + t.quote(e.Revision)
	case e.Source == finding.SourceBlob:
		place = "object " + t.quote(e.Revision)
	case e.Object != "":
		place = string(e.Source) + " " + t.quote(e.Revision)
	}
	if e.Line > 0 {
		place += fmt.Sprintf(", line %d", e.Line)
	} else {
		place += fmt.Sprintf(", %s", count(e.Lines, "line", "lines"))
	}
	if len(e.Keys) == 0 {
		return place + ": no candidate"
	}
	more := ""
	if e.Cut {
		more = "more than "
	}
	return place + ": " + more + count(len(e.Keys), "candidate", "candidates")
}

// nothing says why there is no candidate, as far as is known.
func (t *explanationText) nothing() {
	e := t.e
	where := fmt.Sprintf("on line %d", e.Line)
	if e.Line == 0 {
		where = "in it"
	}
	why := fmt.Sprintf("no rule's prefix is %s, in any encoding that is decoded", where)
	if len(e.NearMisses) > 0 {
		why = fmt.Sprintf("what is %s only looks like a prefix", where)
	}
	for _, n := range e.NearMisses {
		t.item("column", fmt.Sprintf("%d: %s", n.At+1, t.quoteWords(n.Why)))
	}
	switch {
	case e.Before > 0 && e.After > 0:
		t.item("nearest", fmt.Sprintf("candidates are on line %d and on line %d", e.Before, e.After))
	case e.Before+e.After > 0:
		t.item("nearest", fmt.Sprintf("candidates are on line %d", e.Before+e.After))
	case e.Line > 0:
		t.item("nearest", "there is no candidate on any other line")
	}
	t.row(plain, "", 0, bold, fmt.Sprintf("This is not a finding, because %s.", why))
}

func (t *explanationText) item(name, words string) { t.label(name, explainWidth, words) }

// key writes what is known of one candidate.
func (t *explanationText) key(n int, k *ExplainedKey) {
	shown := t.opts.key(k.finding())
	t.row(plain, "", 0, bold, fmt.Sprintf("%d  %s", n, quote.Text(shown)))

	form := "as plain text"
	if len(k.Encoding) > 0 {
		form = "within " + t.quoteWords(strings.Join(k.Encoding, ", which holds "))
	}
	t.item("literal", fmt.Sprintf("%s, %s, at line %d, column %d", quote.Text(k.Literal), form, k.LiteralLine, k.LiteralColumn))
	place := fmt.Sprintf("line %d, column %d, byte %s", k.Line, k.Column, number(k.Offset))
	if k.EndLine > k.Line {
		place += fmt.Sprintf("; it ends on line %d", k.EndLine)
	}
	t.item("starts at", place)
	left := "a key can start here"
	if k.RejectedFor == k.Left {
		left = "no key starts here"
	}
	t.item("left", fmt.Sprintf("%s: %s", t.quoteWords(k.Left), left))
	right := k.Right
	if right == "" {
		right = "nothing that speaks against a key"
	}
	t.item("right", t.quoteWords(right))
	if len(k.Encoding) > 0 {
		t.item("decoded", fmt.Sprintf("%s (%s)", quote.Text(shown), t.quoteWords(strings.Join(k.Encoding, ", then "))))
	}
	t.body(k)
	t.extent(k)
	if length := k.Secret.Len() - len(k.Prefix); length > 0 {
		t.score(k)
	}
	published := "no: its body is none of the samples that documentation prints"
	if k.Published {
		published = "yes: its body is a sample that documentation prints"
	}
	t.item("published", published)
	t.evidence(k)
	if k.Confidence > finding.Rejected {
		t.item("confidence", k.Confidence.String())
	}
	t.item("rule", t.quote(k.RuleID)+" of "+t.quote(k.RuleFile))
	t.row(plain, "", 0, bold, t.quoteWords(k.verdict(t.opts)))
	t.row(plain, "", 0, plain, t.quoteWords(k.listing(t.opts.MinConfidence)))
}

// extent says where the key may end, and what decided.
func (t *explanationText) extent(k *ExplainedKey) {
	for i, e := range k.Endings {
		words := fmt.Sprintf("%s (%s)", count(e.Secret.Len()-len(e.Secret.Prefix()), "character", "characters"), t.quoteWords(e.Why))
		if i == 0 {
			t.item("extent", k.Extent.String()+": "+words)
		} else {
			t.item("", "or "+words+fmt.Sprintf(", less likely by %.0f bits", e.Bits))
		}
	}
}

// body describes the length, alphabet and shape of a body.
func (t *explanationText) body(k *ExplainedKey) {
	length := k.Secret.Len() - len(k.Prefix)
	words := count(length, "character", "characters")
	if class := classes[k.Parts.Alphabet]; class != "" {
		words += " of " + class
	}
	if k.BodyMax > 0 {
		words += fmt.Sprintf("; a key has %d to %d", k.BodyMin, k.BodyMax)
	} else {
		words += "; the rule's expression says which"
	}
	t.item("body", words)
	switch {
	case len(k.Shapes) > 0:
		t.item("shape", "as documented by "+t.quoteWords(strings.Join(k.Shapes, ", ")))
	case k.Scored:
		t.item("shape", "of no issuer that documents one")
	}
}

// score writes the parts of the score, each beside its threshold.
func (t *explanationText) score(k *ExplainedKey) {
	s := k.Parts
	if !k.Scored {
		t.item("score", "not used; it would be:")
	}
	t.item("score", fmt.Sprintf("%s bits per character; text from %s on, high confidence below %s", decimal(s.LLR), decimal(k.Limit), decimal(score.High)))
	t.item("distinct", fmt.Sprintf("%d different characters; at least %d", s.Distinct, score.MinDistinct))
	t.item("steps", fmt.Sprintf("%d in a row at most; fewer than %d", s.StepRun, score.MaxStepRun))
	t.item("words", fmt.Sprintf("%.0f %% in dictionary words; less than %.0f %%", 100*s.Cover, 100*score.MaxCover))
	t.item("typed", fmt.Sprintf("%.1f; typed by hand from %.1f on", s.Typed, score.MinTyped))
	t.item("Shannon", fmt.Sprintf("%.2f bits per character; %s", s.Shannon, shannonWhy))
}

// evidence writes what speaks for issuers, and the verdict.
func (t *explanationText) evidence(k *ExplainedKey) {
	if k.Confidence == finding.Rejected {
		t.item("issuer", "not determined: it is not a key")
		return
	}
	list := k.evidence()
	for _, e := range list {
		words := fmt.Sprintf("%s: %s (counts)", e.Issuer, e.Text)
		if e.Why != "" {
			words = fmt.Sprintf("%s: %s (does not count: %s)", e.Issuer, e.Text, e.Why)
		}
		t.item("evidence", t.quoteWords(words))
	}
	if len(list) == 0 {
		t.item("evidence", "none within reach")
	}
	t.item("issuer", t.quoteWords(k.Issuer)+", judged by this place alone")
}
