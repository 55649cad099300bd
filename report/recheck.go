package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"keysweep/finding"
	"keysweep/quote"
)

// Recheck is what was found out about the keys of an earlier report.
type Recheck struct {
	Report  string           // the file that names the keys
	Targets []finding.Target // where they were scanned for again
	Keys    []Rechecked
	// Incomplete says that the report's scan was: it may lack keys.
	Incomplete bool
	// Unread says that some content, which may hold a key of the report, could not be
	// read again.
	Unread bool
}

// Rechecked is one key of an earlier report.
type Rechecked struct {
	Earlier EarlierKey
	// Now is the key as it was found again and asked about; nil if it was
	// found nowhere.
	Now *finding.Finding
	// Pasted says that a person handed the key in, so that Now has no places.
	Pasted bool
	// Unread says that not all that the report is about was read again.
	Unread bool
}

// Answer says what became of a key.
type Answer string

// The answers. Those that need work come first in answers.
const (
	StillWorks   Answer = "still_works"
	Refused      Answer = "refused"
	CouldNotTell Answer = "could_not_tell"
)

var answers = [...]Answer{StillWorks, CouldNotTell, Refused}

// Answer returns what the issuer's answer means for the rotation.
func (k *Rechecked) Answer() Answer {
	switch {
	case k.Now == nil:
		return CouldNotTell
	case k.Now.Status == finding.Active || k.Now.Status == finding.Restricted:
		return StillWorks
	case k.Now.Status == finding.Inactive:
		return Refused
	}
	return CouldNotTell
}

// Count returns how many keys got answer a.
func (r *Recheck) Count(a Answer) int {
	n := 0
	for i := range r.Keys {
		if r.Keys[i].Answer() == a {
			n++
		}
	}
	return n
}

// finding returns the newest knowledge of k.
func (k *Rechecked) finding() *finding.Finding {
	f := k.Earlier.Finding
	switch now := k.Now; {
	case now != nil && !k.Pasted:
		return now
	case now != nil: // it says nothing of where the key was
		f.Status, f.StatusReason, f.CheckedAt = now.Status, now.StatusReason, now.CheckedAt
		f.Issuer, f.IssuerStrength, f.Environment, f.RuleID = now.Issuer, now.IssuerStrength, now.Environment, now.RuleID
		return &f
	}
	words := "the key is no longer where the report found it"
	switch {
	case k.Pasted:
		words = "it was not pasted"
	case k.Unread:
		words = "not all that the report is about was read again"
	}
	f.Status, f.StatusReason, f.CheckedAt = finding.Unknown, finding.CodeNotFound.Reason(words), time.Time{}
	return &f
}

// todo says what remains to be done about k, in words that may hold names.
func (k *Rechecked) todo(f *finding.Finding, opts Options) []string {
	at := atIssuer(opts, f)
	switch k.Answer() {
	case StillWorks:
		steps := []string{"Make sure that nothing uses it any more, then revoke it" + at + "."}
		if r := ruleOf(f, opts); r != nil && r.Advice != "" {
			steps = append(steps, r.Advice)
		}
		return steps
	case Refused:
		if k.Pasted {
			return []string{"Nothing to revoke. Remove it wherever it remains."}
		}
		if place := placesLeft(f); place != "" {
			return []string{"Nothing to revoke. Remove it from " + place + "."}
		}
		return []string{"Nothing: it is refused, and only the history holds it."}
	}
	code := finding.CodeOf(f.StatusReason)
	rule := ruleOf(f, opts)
	switch {
	case k.Now == nil:
		return []string{"Paste it (keysweep recheck --paste), or look it up" + at + "."}
	case code == finding.CodeIssuerUnknown, code == finding.CodeIssuerAmbiguous:
		return []string{"Name its issuer (--issuer NAME), or look it up there."}
	case code == finding.CodeNotAsked && hasIssuer(f) && rule != nil && rule.Probe != nil:
		return []string{"Ask " + opts.issuerName(f.Issuer) + " too (--verify-issuer " + f.Issuer + "), or look it up there."}
	case code == finding.CodeNotRecognised && hasIssuer(f) && f.IssuerStrength < finding.StrengthUser:
		return []string{"If it is " + opts.issuerName(f.Issuer) + "'s for certain, pass --issuer " + f.Issuer + ": it then counts as refused."}
	case code == finding.CodeNotRecognised:
		return []string{"Look it up at the issuer that is named around it."}
	case code == finding.CodeBudget:
		return []string{"Ask about more keys (--verify-limit N)."}
	case f.Status == finding.Unsupported || f.Status == finding.Unchecked:
		return []string{"Look it up" + at + ", and revoke it there."}
	}
	return []string{"Ask again later, or look it up" + at + "."}
}

// placesLeft says where the current files hold f.
func placesLeft(f *finding.Finding) string {
	n := 0
	for _, o := range f.Listed {
		if o.Source == finding.SourceWorktree || o.Source == finding.SourceIndex || o.InHead == finding.Yes {
			n++
		}
	}
	switch {
	case n == 0:
		return ""
	case f.InHead == finding.Yes:
		return "the current version, which still holds it"
	}
	return "the working tree, which still holds it"
}

// recheckWords are the answers as people read them.
var recheckWords = map[Answer]string{StillWorks: "STILL WORKS", Refused: "refused", CouldNotTell: "could not tell"}

var answerStyles = map[Answer]style{StillWorks: boldRed, Refused: bold, CouldNotTell: boldYellow}

// sorted returns the keys that need work first, otherwise in the order of the
// report.
func (r *Recheck) sorted() []*Rechecked {
	var list []*Rechecked
	for _, a := range answers {
		for i := range r.Keys {
			if r.Keys[i].Answer() == a {
				list = append(list, &r.Keys[i])
			}
		}
	}
	return list
}

// result returns what is known as if it were that of a scan, for what names of
// files must not show.
func (r *Recheck) result() *finding.Result {
	res := &finding.Result{Targets: r.Targets}
	for i := range r.Keys {
		if now := r.Keys[i].Now; now != nil {
			res.Findings = append(res.Findings, now)
		}
	}
	return res
}

// WriteRecheck writes the outcome as text or, if f is JSON, as one document
// (recheck-1.schema.json). Other formats are an error.
func WriteRecheck(w io.Writer, f Format, r *Recheck, opts Options) error {
	opts = opts.withDefaults()
	opts.ShowSecrets = false
	return textOrJSON(f, "recheck", func() error { return r.writeText(w, opts) }, func() error { return writeDocument(w, opts.redactor(r.result()), r.record(opts)) })
}

func (r *Recheck) writeText(w io.Writer, opts Options) error {
	t := newTextReport(w, r.result(), opts)
	list, st := r.sorted(), bold
	if len(list) > 0 {
		st = answerStyles[list[0].Answer()]
	}
	t.row(plain, "", 0, st, r.verdict())
	for i, k := range list {
		t.write("\n")
		t.rechecked(i+1, k)
	}
	t.write("\n")
	t.exitStatus(opts.Exit.Words)
	return t.w.Flush()
}

// rechecked writes what became of one key.
func (t *textReport) rechecked(n int, k *Rechecked) {
	f := k.finding()
	head := fmt.Sprint(n)
	t.row(plain, head, len(head)+2, answerStyles[k.Answer()], recheckWords[k.Answer()]+"  "+quote.Text(t.Text(k.Earlier.Redacted))+"  "+t.keyWords(f))
	t.margin = len(head) + 2
	defer func() { t.margin = 0 }()
	label := func(name, words string) { t.label(name, fieldWidth, words) }
	if k.Now != nil && !k.Pasted {
		if places := t.places(f); len(places) > 0 {
			t.pad(0)
			t.placeRow(0, places[0])
		}
	}
	label("answer", t.quoteWords(f.StatusReason))
	if !f.CheckedAt.IsZero() {
		label("asked", moment(f.CheckedAt))
	}
	label("exposed", k.exposureWords(f))
	for _, step := range k.todo(f, t.opts) {
		label("to do", t.quoteWords(step))
	}
}

// verdict is the first line.
func (r *Recheck) verdict() string {
	works, refused, unclear := r.Count(StillWorks), r.Count(Refused), r.Count(CouldNotTell)
	n := len(r.Keys)
	switch {
	case n == 0 && r.Incomplete:
		return "The report names no keys, but its scan was incomplete."
	case n == 0:
		return "The report names no keys."
	case refused == n && r.Incomplete:
		return "Every key of the report is refused, but its scan was incomplete: there may be others."
	case refused == n && n == 1:
		return "The rotation worked: the key is refused."
	case refused == n && n == 2:
		return "The rotation worked: both keys are refused."
	case refused == n:
		return fmt.Sprintf("The rotation worked: all %s keys are refused.", number(int64(n)))
	case unclear == n && n == 1:
		return "Could not tell whether the key still works."
	case unclear == n:
		return fmt.Sprintf("Could not tell whether any of the %s keys still works.", number(int64(n)))
	}
	var parts []string
	if works > 0 {
		parts = append(parts, count(works, "key still works", "keys still work"))
	}
	if unclear > 0 {
		parts = append(parts, number(int64(unclear))+" had no clear answer")
	}
	if refused > 0 {
		parts = append(parts, count(refused, "is refused", "are refused"))
	}
	words := strings.Join(parts, ", ")
	if works > 0 {
		return "The rotation is not done: " + words + "."
	}
	return "The rotation may not be done: " + words + "."
}

// exposureWords says how long f could be read.
func (k *Rechecked) exposureWords(f *finding.Finding) string {
	if f.FirstSeen.Commit == "" {
		return ""
	}
	words := "first committed " + day(f.FirstSeen.Date)
	if exposed := exposedWords(f); exposed != "" {
		words = exposed + ", " + words
	}
	switch {
	case k.Now == nil || k.Pasted:
		return words + " (according to the report)"
	case f.InHead == finding.Yes:
		return words + ", still in HEAD"
	case f.InHead == finding.NotKnown:
		return words
	}
	return words + ", not in HEAD"
}

// record returns the document of recheck -f json.
func (r *Recheck) record(opts Options) object {
	keys, summary := []object{}, object{}
	for _, k := range r.sorted() {
		f, found := k.finding(), "again"
		switch {
		case k.Now == nil:
			found = "nowhere"
		case k.Pasted:
			found = "pasted"
		}
		keys = append(keys, object{
			{"id", k.Earlier.SHA256[:16]}, {"secret_sha256", k.Earlier.SHA256}, {"secret", k.Earlier.Redacted},
			{"issuer", cmp.Or(f.Issuer, finding.IssuerUnknown)}, {"environment", f.Environment.String()}, {"answer", k.Answer()},
			{"status", f.Status.String()}, {"status_reason", absent(f.StatusReason)}, {"checked_at", timestamp(f.CheckedAt)},
			{"found", found}, {"first_seen", sighting(f.FirstSeen)}, {"exposed_days", exposedDays(f)}, {"in_head", boolean(f.InHead)},
			{"to_do", k.todo(f, opts)},
		})
	}
	for _, a := range answers {
		summary = append(summary, member{string(a), r.Count(a)})
	}
	return object{
		{"schema_version", documentVersion}, {"tool", opts.tool()}, {"report", text(r.Report)}, {"report_complete", !r.Incomplete},
		{"keys", keys}, {"summary", summary},
	}
}
