package report

import (
	"cmp"
	"math"
	"slices"
	"time"

	"keysweep/finding"
	"keysweep/quote"
)

// SchemaVersion is the version of the JSON and JSONL reports. It grows when a
// program that reads them could break; a new field does not make it grow. In
// version 1, exposed_days ended where a commit removed the key.
const SchemaVersion = 2

// documentVersion is that of the other documents: explain, recheck, rules.
const documentVersion = 1

// The records of JSON and JSONL, in the order of docs/report.md. What is not
// there is null, never an empty string; arrays are never null.

// recorder turns the records of package finding into those of JSON.
type recorder struct {
	*quote.Redactor
	opts Options
	now  time.Time              // when the scan started
	webs map[string]finding.Web // by target
}

func newRecorder(res *finding.Result, opts Options) recorder {
	r := recorder{opts.redactor(res), opts, res.Started, map[string]finding.Web{}}
	for _, t := range res.Targets {
		r.webs[t.Name] = t.Web
	}
	return r
}

func (o Options) tool() object {
	return object{{"name", "keysweep"}, {"version", o.Version}, {"rules_sha256", o.RulesSHA256}}
}

func (r recorder) scan(res *finding.Result) object {
	targets := []object{}
	for _, t := range res.Targets {
		targets = append(targets, object{
			{"name", text(t.Name)}, {"kind", t.Kind},
			{"tree", t.Tree}, {"history", t.History}, given("scope", t.Scope), {"notes", t.Notes},
		})
	}
	out := object{{"targets", targets}, {"started", timestamp(res.Started)}, {"since", timestamp(res.Since)},
		{"duration_ms", res.Duration.Milliseconds()}, {"complete", res.Complete()}}
	out = append(out, readCounts(res)...)
	out = append(out, member{"exceptions", r.exceptions(res.Exceptions)}) // which do not work as written
	if len(res.Repositories) > 0 {
		out = append(out, member{"repositories", r.repositories(res.Repositories)})
	}
	return out
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

func (r recorder) finding(f *finding.Finding) object {
	todo := remedyOf(f, r.opts, r.now)
	occurrences, rejectedFor := make([]object, 0, len(f.Listed)), member{}
	for _, o := range f.Listed {
		occurrences = append(occurrences, r.occurrence(o))
	}
	if f.Confidence == finding.Rejected { // only in "rejected"
		rejectedFor = given("rejected_for", f.RejectedFor)
	}
	return object{
		{"id", f.Secret.ID()}, {"rule_id", f.RuleID}, {"issuer", cmp.Or(f.Issuer, finding.IssuerUnknown)},
		{"issuer_evidence", f.IssuerEvidence}, {"issuer_strength", f.IssuerStrength.String()},
		{"environment", f.Environment.String()}, {"confidence", f.Confidence.String()}, {"severity", f.Severity().String()},
		{"secret", r.opts.key(f)}, {"secret_sha256", f.Secret.SHA256()}, {"length", f.Secret.Len()}, {"score", round(f.Score)},
		{"encoding", f.Encoding}, {"extent", f.Extent.String()},
		{"status", f.Status.String()}, {"status_reason", absent(f.StatusReason)}, {"checked_at", timestamp(f.CheckedAt)},
		{"suppressed", suppression(f.Suppressed)}, rejectedFor,
		{"first_seen", sighting(f.FirstSeen)}, {"last_seen", sighting(f.LastSeen)}, {"removed", removal(f)},
		{"exposed_days", exposedDays(f)}, {"in_files_days", wholeDays(f.InFiles())}, {"in_head", boolean(f.InHead)},
		{"advice", slices.Concat(todo.Marks, todo.Steps)},
		{"occurrences", occurrences},
	}
}

func (r recorder) occurrence(o finding.Occurrence) object {
	return object{
		{"target", text(o.Target)}, {"source", o.Source}, {"folder", absent(text(o.Folder))}, {"path", absent(text(o.Path))}, given("inside", texts(o.Inside)),
		given("layer", o.Layer.Number), given("removed_in_layer", o.Layer.RemovedIn),
		{"line", absent(o.Line)}, {"column", absent(o.Column)}, {"end_column", absent(o.EndColumn)},
		{"object", absent(o.Object)}, {"versions", o.Versions}, {"commit", absent(o.Commit)}, {"date", timestamp(o.Date)},
		given("link", webLink(r.webs[o.Target], o, r.Text)),
		{"reachable", boolean(o.Reachable)}, {"in_head", boolean(o.InHead)},
		transcriptMember(o.Transcript),
	}
}

// transcriptMember has what a transcript says; none of another file.
func transcriptMember(t *finding.Transcript) member {
	if t == nil {
		return member{}
	}
	return member{"transcript", object{{"agent", t.Agent}, {"project", absent(text(t.Project))}, {"session", absent(text(t.Session))}, {"date", timestamp(t.Date)}, {"author", absent(t.Author)}}}
}

func texts(list []string) (texts []text) {
	for _, s := range list {
		texts = append(texts, text(s))
	}
	return texts
}

func (r recorder) skipped(s finding.Skipped) object {
	return object{{"reason", s.Reason}, {"class", s.Reason.Class()}, {"count", s.Count}, {"detail", text(s.Detail)}}
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

func suppression(s *finding.Suppression) object {
	if s == nil {
		return nil
	}
	return object{{"kind", s.Kind}, {"reason", s.Reason}, {"owner", absent(s.Owner)}, {"expires", timestamp(s.Expires)}}
}

func sighting(s finding.Sighting) object {
	if s.Commit == "" {
		return nil
	}
	return object{{"commit", s.Commit}, {"date", timestamp(s.Date)}, given("author", text(s.Author))}
}

// removal returns the commit after which no branch held f.
func removal(f *finding.Finding) object {
	if f.InBranch {
		return nil
	}
	return sighting(f.Removed)
}

// boolean returns an answer, nil if it is not known.
func boolean(a finding.Answer) *bool {
	yes := a == finding.Yes
	if a == finding.NotKnown {
		return nil
	}
	return &yes
}

// exposedDays returns for how many days clones could read f, nil if they could
// not.
func exposedDays(f *finding.Finding) *int64 {
	if f.FirstSeen.Commit == "" {
		return nil
	}
	return wholeDays(f.Exposed)
}

// wholeDays returns the days of d, nil if it is zero.
func wholeDays(d time.Duration) *int64 {
	if d == 0 {
		return nil
	}
	n := days(d)
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
