package report

import (
	"cmp"
	"encoding/base64"
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"keysweep/finding"
	"keysweep/quote"
)

// SchemaVersion is the version of the JSON records. It grows when a program
// that reads them could break; a new field does not make it grow.
const SchemaVersion = 1

// The records of JSON and JSONL, in the order of docs/report.md. What is not
// there is null, never an empty string; arrays are never null. A string that
// is not UTF-8 has a twin that ends in Base64, with the exact bytes.

type targetRecord struct {
	Name       string   `json:"name"`
	NameBase64 string   `json:"name_base64,omitempty"`
	Kind       string   `json:"kind"`
	Tree       bool     `json:"tree"`
	History    bool     `json:"history"`
	Scope      string   `json:"scope,omitempty"`
	Notes      []string `json:"notes"`
}

type findingRecord struct {
	ID             string             `json:"id"`
	RuleID         string             `json:"rule_id"`
	Issuer         string             `json:"issuer"`
	IssuerEvidence []string           `json:"issuer_evidence"`
	IssuerStrength string             `json:"issuer_strength"`
	Environment    string             `json:"environment"`
	Confidence     string             `json:"confidence"`
	Severity       string             `json:"severity"`
	Secret         string             `json:"secret"`
	SecretSHA256   string             `json:"secret_sha256"`
	Length         int                `json:"length"`
	Score          float64            `json:"score"`
	Encoding       []string           `json:"encoding"`
	Status         string             `json:"status"`
	StatusReason   *string            `json:"status_reason"`
	CheckedAt      *string            `json:"checked_at"`
	Suppressed     *suppressionRecord `json:"suppressed"`
	RejectedFor    string             `json:"rejected_for,omitempty"` // only in "rejected"
	FirstSeen      *sightingRecord    `json:"first_seen"`
	LastSeen       *sightingRecord    `json:"last_seen"`
	ExposedDays    *int64             `json:"exposed_days"`
	InHead         bool               `json:"in_head"`
	Advice         []string           `json:"advice"`
	Occurrences    []occurrenceRecord `json:"occurrences"`
}

type suppressionRecord struct {
	Kind    string  `json:"kind"`
	Reason  string  `json:"reason"`
	Owner   *string `json:"owner"`
	Expires *string `json:"expires"`
}

type sightingRecord struct {
	Commit string  `json:"commit"`
	Date   *string `json:"date"`
}

type occurrenceRecord struct {
	Target       string  `json:"target"`
	TargetBase64 string  `json:"target_base64,omitempty"`
	Source       string  `json:"source"`
	Path         *string `json:"path"`
	PathBase64   string  `json:"path_base64,omitempty"`
	Line         *int    `json:"line"`
	Column       *int    `json:"column"`
	EndColumn    *int    `json:"end_column"`
	Object       *string `json:"object"`
	Versions     int     `json:"versions"`
	Commit       *string `json:"commit"`
	Date         *string `json:"date"`
	Reachable    bool    `json:"reachable"`
	InHead       bool    `json:"in_head"`
}

// recorder turns the records of package finding into those of JSON.
type recorder struct {
	*quote.Redactor
	opts Options
	now  time.Time // when the scan started
}

func newRecorder(res *finding.Result, opts Options) recorder {
	return recorder{quote.NewRedactor(res, opts.ShowSecrets), opts, res.Started}
}

func (o Options) tool() object {
	return object{{"name", "keysweep"}, {"version", o.Version}, {"rules_sha256", o.RulesSHA256}}
}

func (r recorder) scan(res *finding.Result) object {
	targets := []targetRecord{}
	for _, t := range res.Targets {
		name := r.Text(t.Name)
		targets = append(targets, targetRecord{
			Name: name, NameBase64: twin(name), Kind: string(t.Kind),
			Tree: t.Tree, History: t.History, Scope: string(t.Scope), Notes: r.texts(t.Notes),
		})
	}
	out := object{{"targets", targets}, {"started", timestamp(res.Started)}, {"since", timestamp(res.Since)},
		{"duration_ms", res.Duration.Milliseconds()}, {"complete", res.Complete()}}
	out = append(out, readCounts(res)...)
	return append(out, member{"exceptions", r.exceptions(res.Exceptions)}) // those that do not work as written
}

// readCounts says how much was read. Null means that no target was scanned in
// this way; 0, that there was nothing.
func readCounts(res *finding.Result) object {
	scanned, read := scannedIn(res), res.Read
	counted := func(n int64, in bool) *int64 {
		if !in {
			return nil
		}
		return &n
	}
	database := scanned.history || scanned.commits
	return object{
		{"files", counted(read.Files, scanned.tree || scanned.staged)},
		{"objects", counted(read.Objects, database || scanned.staged)},
		{"blobs", counted(read.Blobs, database || scanned.staged)},
		{"commits", counted(read.Commits, database)},
		{"bytes", read.Bytes},
		{"refs", counted(read.Refs, scanned.history)},
	}
}

func (r recorder) finding(f *finding.Finding) findingRecord {
	todo := remedyOf(f, r.opts, r.now)
	rec := findingRecord{
		ID: f.Secret.ID(), RuleID: f.RuleID, Issuer: cmp.Or(f.Issuer, finding.IssuerUnknown), IssuerEvidence: r.texts(f.IssuerEvidence), IssuerStrength: f.IssuerStrength.String(),
		Environment: f.Environment.String(), Confidence: f.Confidence.String(), Severity: f.Severity().String(),
		Secret: r.opts.key(f), SecretSHA256: f.Secret.SHA256(), Length: f.Secret.Len(), Score: round(f.Score),
		Encoding: append([]string{}, f.Encoding...),
		Status:   f.Status.String(), StatusReason: absent(r.Text(f.StatusReason)), CheckedAt: timestamp(f.CheckedAt), Suppressed: suppression(r.Redactor, f.Suppressed),
		FirstSeen: sighting(f.FirstSeen), LastSeen: sighting(f.LastSeen), ExposedDays: exposedDays(f), InHead: f.InHead,
		Advice:      r.texts(slices.Concat(todo.Marks, todo.Steps)),
		Occurrences: make([]occurrenceRecord, 0, len(f.Occurrences)),
	}
	if f.Confidence == finding.Rejected {
		rec.RejectedFor = r.Text(f.RejectedFor)
	}
	for _, o := range f.Occurrences {
		target, path := r.Text(o.Target), r.Path(o.Path)
		rec.Occurrences = append(rec.Occurrences, occurrenceRecord{
			Target: target, TargetBase64: twin(target), Source: string(o.Source),
			Path: absent(path), PathBase64: twin(path),
			Line: absent(o.Line), Column: absent(o.Column), EndColumn: absent(o.EndColumn),
			Object: absent(o.Object), Versions: o.Versions, Commit: absent(o.Commit), Date: timestamp(o.Date),
			Reachable: o.Reachable, InHead: o.InHead,
		})
	}
	return rec
}

func (r recorder) skipped(s finding.Skipped) object {
	detail := r.Text(s.Detail)
	return object{{"reason", s.Reason}, {"class", s.Reason.Class()}, {"count", s.Count}, {"detail", detail}, given("detail_base64", twin(detail))}
}

func (r recorder) summary(res *finding.Result) object {
	byStatus, byConfidence, byIssuer := map[string]int{}, map[string]int{}, map[string]int{}
	for s := finding.Unchecked; s <= finding.Active; s++ {
		byStatus[s.String()] = 0
	}
	for c := finding.Low; c <= finding.High; c++ {
		byConfidence[c.String()] = 0
	}
	suppressed := 0
	for _, f := range res.Findings {
		byStatus[f.Status.String()]++
		byConfidence[f.Confidence.String()]++
		byIssuer[cmp.Or(f.Issuer, finding.IssuerUnknown)]++
		if f.Suppressed != nil {
			suppressed++
		}
	}
	return object{
		{"findings", len(res.Findings)}, {"by_status", byStatus}, {"by_confidence", byConfidence}, {"by_issuer", byIssuer},
		{"rejected", res.Rejected}, {"below", res.Below}, {"before_since", res.BeforeSince},
		{"suppressed", suppressed}, {"suppressed_by", byKind(res.Findings)},
	}
}

func (r recorder) texts(list []string) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		out = append(out, r.Text(s))
	}
	return out
}

func suppression(r *quote.Redactor, s *finding.Suppression) *suppressionRecord {
	if s == nil {
		return nil
	}
	return &suppressionRecord{s.Kind, r.Text(s.Reason), absent(r.Text(s.Owner)), timestamp(s.Expires)}
}

func sighting(s finding.Sighting) *sightingRecord {
	if s.Commit == "" {
		return nil
	}
	return &sightingRecord{s.Commit, timestamp(s.Date)}
}

// exposedDays returns for how many days f could be read, nil if no commit holds
// it.
func exposedDays(f *finding.Finding) *int64 {
	if f.FirstSeen.Commit == "" {
		return nil
	}
	n := days(f.Exposed)
	return &n
}

// absent returns nil for the zero value.
func absent[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// timestamp returns t in RFC 3339, UTC, or nil. Years that RFC 3339 cannot
// hold come from a forged commit header and are no date at all.
func timestamp(t time.Time) *string {
	t = t.UTC()
	if t.IsZero() || t.Year() < 0 || t.Year() > 9999 {
		return nil
	}
	s := t.Format(time.RFC3339)
	return &s
}

// twin returns the base64 of s if JSON cannot hold its bytes, else "".
func twin(s string) string {
	if utf8.ValidString(s) {
		return ""
	}
	return base64.StdEncoding.EncodeToString([]byte(s))
}

// round keeps four decimals: further ones may differ between processors that
// fuse multiply and add. A score that is no number becomes 0.
func round(score float64) float64 {
	const decimals = 1e4
	v := math.Round(score*decimals) / decimals
	if math.IsNaN(v) || math.IsInf(v, 0) || v == 0 {
		return 0 // also -0
	}
	return v
}
