package report

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"keysweep/finding"
)

// Recheck is what was found out about the keys of an earlier report.
type Recheck struct {
	Report  string // the file that names the keys
	Checked time.Time
	Keys    []Rechecked
}

// Rechecked is one key of an earlier report.
type Rechecked struct {
	Earlier EarlierKey
	// Now is the key as it was found again and asked about; nil if it was
	// found nowhere.
	Now *finding.Finding
	// Pasted says that a person handed the key in, so that Now has no places.
	Pasted bool
}

// Answer says what became of a key.
type Answer string

// The answers.
const (
	StillWorks   Answer = "still_works"
	Refused      Answer = "refused"
	CouldNotTell Answer = "could_not_tell"
)

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
	if k.Now != nil {
		f.Status, f.StatusReason, f.CheckedAt = k.Now.Status, k.Now.StatusReason, k.Now.CheckedAt
		f.Issuer, f.Environment = k.Now.Issuer, k.Now.Environment
		if !k.Pasted {
			f.Exposed, f.FirstSeen, f.LastSeen, f.InHead = k.Now.Exposed, k.Now.FirstSeen, k.Now.LastSeen, k.Now.InHead
			f.Occurrences = k.Now.Occurrences
		}
	} else {
		f.Status, f.StatusReason = finding.Unknown, "not_found: the key is not where the report found it"
	}
	return &f
}

// todo says what remains to be done about k.
func (k *Rechecked) todo(f *finding.Finding, opts Options) []string {
	var steps []string
	switch k.Answer() {
	case StillWorks:
		steps = append(steps, "Revoke it"+atIssuer(opts, f)+" now, once nothing uses it any more.")
		if r := ruleOf(f, opts); r != nil && r.Advice != "" {
			steps = append(steps, r.Advice)
		}
	case Refused:
		if k.Pasted {
			return []string{"Nothing to revoke. Remove it wherever it still stands."}
		}
		if place := placesLeft(f); place != "" {
			return []string{"Nothing to revoke. Remove it from " + place + "."}
		}
		return []string{"Nothing: it is refused, and only the history holds it."}
	case CouldNotTell:
		switch {
		case k.Now == nil:
			steps = append(steps, "Paste it (keysweep recheck --paste), or look it up at its issuer.")
		case f.Status == finding.Unsupported || f.Status == finding.Unchecked:
			steps = append(steps, "Look it up"+atIssuer(opts, f)+" and revoke it there, or say whose it is (--issuer NAME).")
		default:
			steps = append(steps, "Ask again later, or look it up"+atIssuer(opts, f)+".")
		}
	}
	return steps
}

// placesLeft says where the current files hold f.
func placesLeft(f *finding.Finding) string {
	n := 0
	for _, o := range f.Occurrences {
		if o.Source == finding.SourceWorktree || o.Source == finding.SourceIndex || o.InHead {
			n++
		}
	}
	switch {
	case n == 0:
		return ""
	case f.InHead:
		return "the current version, which still holds it"
	}
	return "the working tree, which still holds it"
}

// recheckWords are the answers as people read them.
var recheckWords = map[Answer]string{StillWorks: "STILL WORKS", Refused: "refused", CouldNotTell: "could not tell"}

// WriteRecheck writes the outcome as text or, if f is JSON, as one document.
func WriteRecheck(w io.Writer, f Format, r *Recheck, opts Options) error {
	opts = opts.withDefaults()
	if f == JSON {
		return writeRecheckJSON(w, r, opts)
	}
	t := newTextReport(w, &finding.Result{}, opts)
	st := bold
	switch {
	case r.Count(StillWorks) > 0:
		st = boldRed
	case r.Count(CouldNotTell) > 0:
		st = boldYellow
	}
	t.row(plain, "", 0, st, r.verdict())
	for i := range r.Keys {
		k := &r.Keys[i]
		f := k.finding()
		t.write("\n")
		head := fmt.Sprint(i + 1)
		indent := len(head) + 2
		st := bold
		switch k.Answer() {
		case StillWorks:
			st = boldRed
		case CouldNotTell:
			st = boldYellow
		}
		t.row(plain, head, indent, st, Quote(k.Earlier.Redacted)+"  "+recheckWords[k.Answer()]+": "+t.keyWords(f))
		label := func(name, words string) { t.field(indent, name, words) }
		if f.StatusReason != "" {
			label("reason", t.quoteWords(f.StatusReason))
		}
		if !f.CheckedAt.IsZero() {
			label("asked", moment(f.CheckedAt))
		}
		if words := exposureWords(f); words != "" {
			label("exposed", words)
		}
		for j, step := range k.todo(f, opts) {
			name := "to do"
			if j > 0 {
				name = ""
			}
			label(name, step)
		}
	}
	t.write("\n")
	t.row(plain, "", 0, plain, fmt.Sprintf("exit status %d: %s", opts.Exit.Status, t.quoteWords(opts.Exit.Words)))
	return t.w.Flush()
}

// verdict is the first line.
func (r *Recheck) verdict() string {
	works, refused, unclear := r.Count(StillWorks), r.Count(Refused), r.Count(CouldNotTell)
	n := len(r.Keys)
	switch {
	case n == 0:
		return "The report names no keys."
	case refused == n:
		return fmt.Sprintf("The rotation worked: %s refused.", count(n, "the key is", "keys are"))
	case works > 0:
		words := fmt.Sprintf("%s still %s", count(works, "key", "keys"), plural(works, "works", "work"))
		if refused > 0 {
			words += fmt.Sprintf(", %s refused", count(refused, "is", "are"))
		}
		if unclear > 0 {
			words += fmt.Sprintf(", %s could not be told", number(int64(unclear)))
		}
		return words + "."
	}
	words := fmt.Sprintf("Of %s, %s could not be told", count(n, "key", "keys"), number(int64(unclear)))
	if refused > 0 {
		words += fmt.Sprintf(", %s refused", count(refused, "is", "are"))
	}
	return words + "."
}

// exposureWords says how long f could be read.
func exposureWords(f *finding.Finding) string {
	if f.FirstSeen.Commit == "" {
		return ""
	}
	span := "less than a day"
	if n := days(f.Exposed); n > 0 {
		span = count(n, "day", "days")
	}
	return span + ", since " + day(f.FirstSeen.Date)
}

// The record of recheck -f json; docs/report.md and its schema describe it.
type recheckRecord struct {
	SchemaVersion int                  `json:"schema_version"`
	Tool          toolRecord           `json:"tool"`
	Report        string               `json:"report"`
	Keys          []recheckedRecord    `json:"keys"`
	Summary       recheckSummaryRecord `json:"summary"`
}

type recheckedRecord struct {
	ID           string          `json:"id"`
	SecretSHA256 string          `json:"secret_sha256"`
	Secret       string          `json:"secret"`
	Issuer       string          `json:"issuer"`
	Environment  string          `json:"environment"`
	Answer       Answer          `json:"answer"`
	Status       string          `json:"status"`
	StatusReason *string         `json:"status_reason"`
	CheckedAt    *string         `json:"checked_at"`
	Found        string          `json:"found"` // again, pasted, nowhere
	FirstSeen    *sightingRecord `json:"first_seen"`
	ExposedDays  *int64          `json:"exposed_days"`
	InHead       bool            `json:"in_head"`
	ToDo         []string        `json:"to_do"`
}

type recheckSummaryRecord struct {
	StillWorks   int `json:"still_works"`
	Refused      int `json:"refused"`
	CouldNotTell int `json:"could_not_tell"`
}

func writeRecheckJSON(w io.Writer, r *Recheck, opts Options) error {
	red := newRecorder(&finding.Result{}, opts)
	doc := recheckRecord{
		SchemaVersion: SchemaVersion, Tool: red.tool(opts), Report: red.text(r.Report), Keys: []recheckedRecord{},
		Summary: recheckSummaryRecord{r.Count(StillWorks), r.Count(Refused), r.Count(CouldNotTell)},
	}
	for i := range r.Keys {
		k := &r.Keys[i]
		f := k.finding()
		rec := recheckedRecord{
			ID: k.Earlier.SHA256[:16], SecretSHA256: k.Earlier.SHA256, Secret: red.text(k.Earlier.Redacted),
			Issuer: red.text(f.Issuer), Environment: f.Environment.String(), Answer: k.Answer(),
			Status: f.Status.String(), StatusReason: absent(red.text(f.StatusReason)), CheckedAt: timestamp(f.CheckedAt),
			Found: "again", FirstSeen: sighting(f.FirstSeen), InHead: f.InHead, ToDo: red.texts(k.todo(f, opts)),
		}
		switch {
		case k.Now == nil:
			rec.Found = "nowhere"
		case k.Pasted:
			rec.Found = "pasted"
		}
		if f.FirstSeen.Commit != "" {
			n := days(f.Exposed)
			rec.ExposedDays = &n
		}
		doc.Keys = append(doc.Keys, rec)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(doc)
}
