package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"keysweep/finding"
)

// result returns what SARIF says of f: its best place as the location, the
// others as related ones.
func (s *sarifReport) result(f *finding.Finding) object {
	id, index := s.rules.of(f)
	places := f.Listed
	if len(places) == 0 { // a location there must be
		places = []finding.Occurrence{{}}
	}
	provenance, suppressions := object(nil), []object(nil)
	if t := timestamp(f.FirstSeen.Date); f.FirstSeen.Commit != "" && t != nil {
		provenance = object{{"firstDetectionTimeUtc", t}}
	}
	if u := f.Suppressed; u != nil {
		kind := "external"
		if u.Kind == finding.KindInline {
			kind = "inSource"
		}
		suppressions = []object{{{"kind", kind}, {"status", "accepted"}, {"justification", sarifText("Accepted " + s.suppressionWords(u))}}}
	}
	return object{
		{"ruleId", id}, {"ruleIndex", index}, {"level", sarifSeverities[f.Severity()].level}, {"rank", rank(f)},
		{"message", messageObject(s.sentence(f, places[0]))},
		{"locations", []object{s.location(places[0], 0, nil)}},
		given("relatedLocations", s.relatedLocations(places[1:])),
		{"occurrenceCount", len(places)},
		{"partialFingerprints", map[string]string{
			"primaryLocationLineHash": cmp.Or(places[0].LineHash, s.stableHash(id, f, places[0])),
			"keysweepFinding/v1":      f.Secret.ID(),
		}},
		given("provenance", provenance),
		given("suppressions", suppressions),
		{"properties", s.properties(f)},
	}
}

func (s *sarifReport) relatedLocations(places []finding.Occurrence) (list []object) {
	size := 0
	for i, o := range places {
		_, name := s.bases.place(o)
		size += len(encodePath(name))
		if i == maxRelated || size > maxRelatedBytes || s.related == maxRelatedInAll {
			s.cutPlaces += len(places) - i
			s.cutIn++
			break
		}
		s.related++
		words := "The same key " + s.wherein(o)
		if notes := s.notesOn(o); len(notes) > 0 {
			words += " (" + strings.Join(notes, ", ") + ")"
		}
		list = append(list, s.location(o, i+1, messageObject(sarifText(words)+".")))
	}
	return list
}

// stableHash replaces the hash of a line that the checkout does not hold,
// or not as it was scanned. The commit is no part of it: it changes when a
// history is rewritten, and the leak is the same.
func (s *sarifReport) stableHash(rule string, f *finding.Finding, o finding.Occurrence) string {
	base, name := s.bases.place(o)
	sum := sha256.Sum256([]byte(rule + "\x00" + f.Secret.ID() + "\x00" + base + "\x00" + encodePath(name)))
	return hex.EncodeToString(sum[:8]) + ":1"
}

// sentence says whose key it is, where, and how sure we are.
func (s *sarifReport) sentence(f *finding.Finding, o finding.Occurrence) string {
	words := kindWords(f, s.quote(s.opts.issuerName(f.Issuer)), " of an unknown issuer,", " whose issuer is ambiguous,") + " "
	status := ""
	if f.Status != finding.Unchecked || f.StatusReason != "" {
		status = s.bases.anonymous(s.statusWords(f))
	}
	words += fmt.Sprintf("%s (%s) %s", f.Redacted(), s.about(f, status), s.wherein(o))
	if f.FirstSeen.Commit != "" {
		words += ", first committed " + day(f.FirstSeen.Date) + " in " + short(f.FirstSeen.Commit)
	}
	return sarifText(capitalised(words)) + "."
}

// properties have the names of the JSON report.
func (s *sarifReport) properties(f *finding.Finding) object {
	const most = 20 // as the text has it, they start with the strongest
	var evidence []string
	for _, e := range f.IssuerEvidence[:min(len(f.IssuerEvidence), most)] {
		evidence = append(evidence, sarifText(s.quoteWords(e)))
	}
	return object{
		{"id", f.Secret.ID()}, {"secret", f.Redacted()},
		{"issuer", cmp.Or(s.Text(f.Issuer), finding.IssuerUnknown)}, given("issuer_evidence", evidence),
		{"environment", f.Environment.String()}, {"confidence", f.Confidence.String()},
		{"severity", f.Severity().String()}, {"security-severity", sarifSeverities[f.Severity()].number},
		{"score", round(f.Score)}, given("encoding", f.Encoding), {"extent", f.Extent.String()},
		{"status", f.Status.String()}, given("status_reason", sarifText(s.bases.anonymous(s.Text(f.StatusReason)))),
		given("checked_at", timestamp(f.CheckedAt)),
		given("first_seen", sighting(anonymous(f.FirstSeen))), given("last_seen", sighting(f.LastSeen)), given("exposed_days", exposedDays(f)),
		{"in_head", boolean(f.InHead)},
	}
}

// anonymous returns s without its author: SARIF files are uploaded.
func anonymous(s finding.Sighting) finding.Sighting {
	s.Author = ""
	return s
}
