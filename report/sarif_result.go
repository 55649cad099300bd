package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"keysweep/finding"
)

// result returns what SARIF says of f: its best place as the location, the
// others as related ones.
func (s *sarifReport) result(f *finding.Finding) sarifResult {
	id, index := s.rules.of(f)
	places := f.Occurrences
	if len(places) == 0 { // a location there must be
		places = []finding.Occurrence{{}}
	}
	first := s.location(places[0])
	r := sarifResult{
		RuleID: id, RuleIndex: index, Level: level(f.Severity()), Rank: rank(f),
		Message:         sarifMessage{Text: s.sentence(f, places[0])},
		Locations:       []sarifLocation{first},
		OccurrenceCount: len(places),
		PartialFingerprints: map[string]string{
			"primaryLocationLineHash": cmp.Or(places[0].LineHash, stableHash(id, f, first)),
			"keysweepFinding/v1":      f.Secret.ID(),
		},
		Properties: s.properties(f),
	}
	size := 0
	for i, o := range places[1:] {
		l := s.location(o)
		size += len(l.PhysicalLocation.ArtifactLocation.URI)
		if i == maxRelated || size > maxRelatedBytes || s.related == maxRelatedInAll {
			s.cutPlaces += len(places) - 1 - i
			s.cutIn++
			break
		}
		s.related++
		l.ID = i + 1
		words := "The same key " + s.wherein(o)
		if notes := s.notesOn(o); len(notes) > 0 {
			words += " (" + strings.Join(notes, ", ") + ")"
		}
		l.Message = &sarifMessage{Text: sarifText(words) + "."}
		r.RelatedLocations = append(r.RelatedLocations, l)
	}
	if t := timestamp(f.FirstSeen.Date); f.FirstSeen.Commit != "" && t != nil {
		r.Provenance = &sarifProvenance{*t}
	}
	if f.Suppressed != nil {
		r.Suppressions = []sarifSuppression{s.suppression(f.Suppressed)}
	}
	return r
}

// stableHash replaces the hash of a line that the checkout does not hold,
// or not as it was scanned. The commit is no part of it: it changes when a
// history is rewritten, and the leak is the same.
func stableHash(rule string, f *finding.Finding, l sarifLocation) string {
	a := l.PhysicalLocation.ArtifactLocation
	sum := sha256.Sum256([]byte(rule + "\x00" + f.Secret.ID() + "\x00" + a.URIBaseID + "\x00" + a.URI))
	return hex.EncodeToString(sum[:8]) + ":1"
}

// sentence says whose key it is, where, and how sure we are.
func (s *sarifReport) sentence(f *finding.Finding, o finding.Occurrence) string {
	kind := kindWords(f.Environment)
	var words string
	switch f.Issuer {
	case finding.IssuerUnknown, "":
		words = kind + " of an unknown issuer, "
	case finding.IssuerAmbiguous:
		words = kind + " whose issuer is ambiguous, "
	default:
		words = s.quote(s.opts.issuerName(f.Issuer)) + " " + kind + " "
	}
	about := []string{confidenceWords(f)}
	if f.Status != finding.Unchecked || f.StatusReason != "" {
		about = append(about, s.bases.anonymous(s.statusWords(f)))
	}
	if now := s.presence(f).short; now != "" {
		about = append(about, now)
	}
	words += fmt.Sprintf("%s (%s) %s", f.Redacted(), strings.Join(about, ", "), s.wherein(o))
	if f.FirstSeen.Commit != "" {
		words += ", first committed " + day(f.FirstSeen.Date) + " in " + short(f.FirstSeen.Commit)
	}
	first, size := utf8.DecodeRuneInString(words)
	return sarifText(string(unicode.ToUpper(first))+words[size:]) + "."
}

func (s *sarifReport) properties(f *finding.Finding) sarifResultProperties {
	p := sarifResultProperties{
		ID: f.Secret.ID(), Secret: f.Redacted(), Issuer: cmp.Or(s.Text(f.Issuer), finding.IssuerUnknown),
		Environment: f.Environment.String(), Confidence: f.Confidence.String(),
		Severity: f.Severity().String(), SecuritySeverity: securitySeverity(f.Severity()),
		Score: round(f.Score), Encoding: f.Encoding,
		Status: f.Status.String(), StatusReason: sarifText(s.bases.anonymous(s.Text(f.StatusReason))), CheckedAt: timestamp(f.CheckedAt),
		FirstSeen: sighting(f.FirstSeen), LastSeen: sighting(f.LastSeen), ExposedDays: exposedDays(f), InHead: f.InHead,
	}
	const most = 20 // as the text has it, they start with the strongest
	for _, e := range f.IssuerEvidence[:min(len(f.IssuerEvidence), most)] {
		p.IssuerEvidence = append(p.IssuerEvidence, sarifText(s.quoteWords(e)))
	}
	return p
}

func (s *sarifReport) suppression(u *finding.Suppression) sarifSuppression {
	rec := sarifSuppression{Kind: "external", Status: "accepted"}
	if u.Kind == "inline" {
		rec.Kind = "inSource"
	}
	rec.Justification = sarifText("Accepted " + s.suppressionWords(u))
	return rec
}
