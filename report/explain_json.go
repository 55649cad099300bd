package report

import (
	"keysweep/finding"
	"keysweep/quote"
	"keysweep/rules/attribution"
	"keysweep/rules/score"
)

// record returns e as schema/explain-1.schema.json has it.
func (e *Explanation) record(opts Options) object {
	r := newRecorder(e.result(), opts)
	path := r.Text(e.Path)
	candidates, nearMisses := []object{}, []object{}
	for i := range e.Keys {
		candidates = append(candidates, candidate(r.Redactor, &e.Keys[i], opts))
	}
	for _, n := range e.NearMisses {
		nearMisses = append(nearMisses, object{{"column", n.At + 1}, {"prefix", n.Prefix}, {"why", n.Why}})
	}
	return object{
		{"schema_version", SchemaVersion}, {"tool", opts.tool()}, {"asked", r.Text(e.What)}, {"source", e.Source},
		{"path", absent(path)}, given("path_base64", twin(path)), {"revision", absent(r.Text(e.Revision))}, {"object", absent(e.Object)},
		{"line", absent(e.Line)}, {"lines", e.Lines},
		{"limits", object{
			{"high", score.High}, {"distinct", score.MinDistinct}, {"step_run", score.MaxStepRun},
			{"cover", score.MaxCover}, {"typed", score.MinTyped},
		}},
		{"candidates", candidates}, {"more", e.Cut},
		{"line_before", absent(e.Before)}, {"line_after", absent(e.After)}, {"near_misses", nearMisses},
	}
}

// candidate returns the record of one candidate.
func candidate(r *quote.Redactor, k *ExplainedKey, opts Options) object {
	length, s := k.Secret.Len()-len(k.Prefix), k.Parts
	isFinding := k.Confidence > finding.Rejected
	parts, issuer, evidence := object(nil), (*string)(nil), []object{}
	if length > 0 {
		parts = object{
			{"used", k.Scored}, {"llr", s.LLR}, {"limit", k.Limit}, {"distinct", s.Distinct}, {"step_run", s.StepRun},
			{"cover", s.Cover}, {"typed", s.Typed}, {"shannon", s.Shannon},
		}
	}
	if isFinding {
		issuer = &k.Issuer
	}
	for _, e := range k.evidence() {
		evidence = append(evidence, object{{"issuer", e.Issuer}, {"kind", evidenceKinds[e.Kind]}, {"distance", e.Distance},
			{"text", r.Text(e.Text)}, {"counts", e.Why == ""}, {"why", absent(e.Why)}})
	}
	return object{
		{"finding", isFinding}, {"listed", isFinding && k.Confidence >= opts.MinConfidence},
		{"verdict", r.Text(k.verdict(opts))}, {"rejected_for", absent(k.RejectedFor)},
		{"secret", opts.key(k.finding())}, {"secret_sha256", k.Secret.SHA256()}, {"length", k.Secret.Len()},
		{"rule_id", k.RuleID}, {"rule_file", r.Text(k.RuleFile)},
		{"environment", k.Environment.String()}, {"confidence", k.Confidence.String()},
		{"line", k.Line}, {"column", k.Column}, {"end_line", k.EndLine}, {"offset", k.Offset},
		{"literal", k.Literal}, {"literal_line", k.LiteralLine}, {"literal_column", k.LiteralColumn}, {"prefix", k.Prefix},
		{"encoding", append([]string{}, k.Encoding...)}, {"left", r.Text(k.Left)}, {"right", absent(k.Right)},
		{"body", object{{"length", length}, {"min", absent(k.BodyMin)}, {"max", absent(k.BodyMax)}, {"alphabet", classes[s.Alphabet]}}},
		{"score", parts}, {"published", k.Published}, {"shapes", append([]string{}, k.Shapes...)}, {"evidence", evidence},
		{"issuer", issuer}, {"suppressed", suppression(r, k.Suppressed)},
		// Suppressed holds if the key's other places are accepted too.
		{"other_places", k.OtherPlaces && k.Suppressed != nil},
	}
}

// evidenceKinds names the kinds of evidence.
var evidenceKinds = map[attribution.Kind]string{
	attribution.Path: "path", attribution.File: "file", attribution.Twin: "twin",
	attribution.Name: "name", attribution.Host: "host", attribution.Shape: "shape",
}
