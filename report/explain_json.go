package report

import (
	"encoding/base64"
	"unicode/utf8"

	"keysweep/finding"
	"keysweep/quote"
	"keysweep/rules/score"
)

// The records of an explanation, as schema/explain-1.schema.json has them.

type explanationRecord struct {
	SchemaVersion int               `json:"schema_version"`
	Tool          toolRecord        `json:"tool"`
	Asked         string            `json:"asked"`
	Source        string            `json:"source"`
	Path          *string           `json:"path"`
	PathBase64    string            `json:"path_base64,omitempty"`
	Revision      *string           `json:"revision"`
	Object        *string           `json:"object"`
	Line          *int              `json:"line"`
	Lines         int               `json:"lines"`
	Limits        limitsRecord      `json:"limits"`
	Candidates    []candidateRecord `json:"candidates"`
	More          bool              `json:"more"`
	LineBefore    *int              `json:"line_before"`
	LineAfter     *int              `json:"line_after"`
	NearMisses    []nearMissRecord  `json:"near_misses"`
}

type limitsRecord struct {
	High     float64 `json:"high"`
	Distinct int     `json:"distinct"`
	StepRun  int     `json:"step_run"`
	Cover    float64 `json:"cover"`
	Typed    float64 `json:"typed"`
}

type candidateRecord struct {
	Finding       bool             `json:"finding"`
	Listed        bool             `json:"listed"`
	Verdict       string           `json:"verdict"`
	RejectedFor   *string          `json:"rejected_for"`
	Secret        string           `json:"secret"`
	SecretSHA256  string           `json:"secret_sha256"`
	Length        int              `json:"length"`
	RuleID        string           `json:"rule_id"`
	RuleFile      string           `json:"rule_file"`
	Environment   string           `json:"environment"`
	Confidence    string           `json:"confidence"`
	Line          int              `json:"line"`
	Column        int              `json:"column"`
	EndLine       int              `json:"end_line"`
	Offset        int64            `json:"offset"`
	Literal       string           `json:"literal"`
	LiteralLine   int              `json:"literal_line"`
	LiteralColumn int              `json:"literal_column"`
	Prefix        string           `json:"prefix"`
	Encoding      []string         `json:"encoding"`
	Left          string           `json:"left"`
	Right         *string          `json:"right"`
	Body          bodyRecord       `json:"body"`
	Score         *scoreRecord     `json:"score"`
	Published     bool             `json:"published"`
	Shapes        []string         `json:"shapes"`
	Evidence      []evidenceRecord `json:"evidence"`
	Issuer        *string          `json:"issuer"`
	// Suppressed holds if the key's other places are accepted too, where
	// OtherPlaces is set.
	Suppressed  *suppressionRecord `json:"suppressed"`
	OtherPlaces bool               `json:"other_places"`
}

type bodyRecord struct {
	Length   int    `json:"length"`
	Min      *int   `json:"min"`
	Max      *int   `json:"max"`
	Alphabet string `json:"alphabet"`
}

type scoreRecord struct {
	Used     bool    `json:"used"`
	LLR      float64 `json:"llr"`
	Limit    float64 `json:"limit"`
	Distinct int     `json:"distinct"`
	StepRun  int     `json:"step_run"`
	Cover    float64 `json:"cover"`
	Typed    float64 `json:"typed"`
	Shannon  float64 `json:"shannon"`
}

type evidenceRecord struct {
	Issuer   string  `json:"issuer"`
	Kind     string  `json:"kind"`
	Distance int     `json:"distance"`
	Text     string  `json:"text"`
	Counts   bool    `json:"counts"`
	Why      *string `json:"why"`
}

type nearMissRecord struct {
	Column int    `json:"column"`
	Prefix string `json:"prefix"`
	Why    string `json:"why"`
}

// record returns the record of e.
func (e *Explanation) record(opts Options) explanationRecord {
	r := quote.NewRedactor(e.result(), opts.ShowSecrets)
	out := explanationRecord{
		SchemaVersion: SchemaVersion,
		Tool:          opts.tool(),
		Asked:         r.Text(e.What), Source: string(e.Source),
		Path: absent(r.Text(e.Path)), Revision: absent(r.Text(e.Revision)), Object: absent(e.Object),
		Line: absent(e.Line), Lines: e.Lines,
		Limits:     limitsRecord{score.High, score.MinDistinct, score.MaxStepRun, score.MaxCover, score.MinTyped},
		Candidates: []candidateRecord{}, More: e.Cut,
		LineBefore: absent(e.Before), LineAfter: absent(e.After), NearMisses: []nearMissRecord{},
	}
	if !utf8.ValidString(e.Path) {
		out.PathBase64 = base64.StdEncoding.EncodeToString([]byte(r.Text(e.Path)))
	}
	for i := range e.Keys {
		out.Candidates = append(out.Candidates, candidate(r, &e.Keys[i], opts))
	}
	for _, n := range e.NearMisses {
		out.NearMisses = append(out.NearMisses, nearMissRecord{n.At + 1, n.Prefix, n.Why})
	}
	return out
}

// candidate returns the record of one candidate.
func candidate(r *quote.Redactor, k *ExplainedKey, opts Options) candidateRecord {
	length := k.Secret.Len() - len(k.Prefix)
	out := candidateRecord{
		Finding: k.Confidence > finding.Rejected,
		Listed:  k.Confidence > finding.Rejected && k.Confidence >= opts.MinConfidence,
		Verdict: r.Text(k.verdict(opts)), RejectedFor: absent(k.RejectedFor),
		Secret: opts.key(k.finding()), SecretSHA256: k.Secret.SHA256(), Length: k.Secret.Len(),
		RuleID: k.RuleID, RuleFile: r.Text(k.RuleFile), Environment: k.Environment.String(), Confidence: k.Confidence.String(),
		Line: k.Line, Column: k.Column, EndLine: k.EndLine, Offset: k.Offset,
		Literal: k.Literal, LiteralLine: k.LiteralLine, LiteralColumn: k.LiteralColumn, Prefix: k.Prefix,
		Encoding: append([]string{}, k.Encoding...), Left: r.Text(k.Left), Right: absent(k.Right),
		Body:      bodyRecord{length, absent(k.BodyMin), absent(k.BodyMax), classes[k.Parts.Alphabet]},
		Published: k.Published, Shapes: append([]string{}, k.Shapes...), Evidence: []evidenceRecord{},
	}
	if length > 0 {
		s := k.Parts
		out.Score = &scoreRecord{k.Scored, s.LLR, k.Limit, s.Distinct, s.StepRun, s.Cover, s.Typed, s.Shannon}
	}
	for _, e := range k.evidence() {
		out.Evidence = append(out.Evidence, evidenceRecord{e.Issuer, evidenceKinds[e.Kind], e.Distance, r.Text(e.Text), e.Counts, absent(e.Why)})
	}
	if out.Finding {
		out.Issuer = &k.Issuer
	}
	if s := k.Suppressed; s != nil {
		out.Suppressed = &suppressionRecord{s.Kind, r.Text(s.Reason), absent(r.Text(s.Owner)), timestamp(s.Expires)}
		out.OtherPlaces = k.OtherPlaces
	}
	return out
}
