package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"keysweep/finding"
	"keysweep/quote"
	"keysweep/rules"
	"keysweep/rules/attribution"
	"keysweep/rules/score"
)

// Explanation is why the candidates of a line, or of a whole content, are or
// are not findings. Its strings are raw bytes; no key is in them but in Secret.
type Explanation struct {
	What          string         // as the user typed it
	Source        finding.Source // worktree, blob, index, commit, tag or stdin
	Path          string         // "" for standard input, and for an object without a path
	Revision      string         // "" for files
	Object        string         // hex id; "" for files
	Line          int            // asked for, 1-based; 0: all lines
	Lines         int            // of the content
	Keys          []ExplainedKey // sorted by place
	Cut           bool           // there are more
	Before, After int            // nearest lines with candidates; 0: none, or not asked for
	NearMisses    []rules.NearMiss
}

// ExplainedKey is one candidate with its reasons.
type ExplainedKey struct {
	rules.Explanation
	Line, Column  int   // 1-based, columns in bytes
	EndLine       int   // of the key's end
	LiteralColumn int   // of the literal
	LiteralLine   int   // 1-based
	Offset        int64 // bytes from the start of the content
	Issuer        string
	IssuerWhy     []string // the evidence that counted
	RuleID        string
	RuleFile      string
	Comment       finding.Comment // on its line
	// Suppressed says who accepted it, OtherPlaces that this holds only if the
	// key's other places are accepted, too.
	Suppressed  *finding.Suppression
	OtherPlaces bool
}

// ExplainFormats are the names of the formats that WriteExplanation and the
// rules commands have.
func ExplainFormats() []string { return []string{Text.String(), JSON.String()} }

// WriteExplanation writes e as Text or JSON (schema/explain-1.schema.json).
func WriteExplanation(w io.Writer, f Format, e *Explanation, opts Options) error {
	opts = opts.withDefaults()
	return textOrJSON(f, "explanation", func() error { return writeExplanationText(w, e, opts) },
		func() error { return writeDocument(w, opts.redactor(e.result()), e.record(opts)) })
}

// textOrJSON calls one of the two for f. Other formats are an error.
func textOrJSON(f Format, what string, text, json func() error) error {
	switch f {
	case Text:
		return text()
	case JSON:
		return json()
	}
	return fmt.Errorf("no %s as %v: the formats are %s", what, f, strings.Join(ExplainFormats(), " and "))
}

// result returns the keys of e as if they were those of a scan, for what names
// of files must not show.
func (e *Explanation) result() *finding.Result {
	res := &finding.Result{}
	for i := range e.Keys {
		if k := &e.Keys[i]; k.Secret.Len() > len(k.Prefix) { // a bare prefix hides nothing
			res.Findings = append(res.Findings, k.finding())
		}
	}
	return res
}

// finding returns what a scan would say of the key at this place.
func (k *ExplainedKey) finding() *finding.Finding {
	return &finding.Finding{Secret: k.Secret, RuleID: k.RuleID, Issuer: k.Issuer, Environment: k.Environment,
		Confidence: k.Confidence, Typed: k.Typed, RejectedFor: k.RejectedFor}
}

// verdict says in one sentence whether k is a finding, and why.
func (k *ExplainedKey) verdict(opts Options) string {
	if k.Confidence == finding.Rejected {
		return "This is not a finding, because " + k.because() + "."
	}
	kind := kindWords(k.finding(), opts.issuerName(k.Issuer), " of an unknown issuer", " of an ambiguous issuer")
	words := fmt.Sprintf("This is a finding: %s %s, of %s confidence", article(kind), kind, k.Confidence)
	if why := k.confidenceWhy(); why != "" {
		words += ", since " + why
	}
	return words + "."
}

// confidenceWhy says why the confidence is what it is, or "".
func (k *ExplainedKey) confidenceWhy() string {
	switch {
	case k.Typed:
		return "its body looks typed by hand"
	case k.Confidence == finding.High:
		return "its body looks random and nothing around it speaks against a key"
	case k.Confidence == finding.Medium && k.Parts.LLR >= score.High:
		return fmt.Sprintf("its score of %s is not below %s", decimal(k.Parts.LLR), decimal(score.High))
	case k.Right != "":
		return k.Right + " follows it"
	case k.Confidence == finding.Medium:
		return "what precedes it leaves a doubt: " + k.Left
	}
	return ""
}

// because says why k was turned down.
func (k *ExplainedKey) because() string {
	length := k.Secret.Len() - len(k.Prefix)
	switch reason := k.RejectedFor; {
	case k.Published:
		return "its body is a sample that documentation prints"
	case reason == k.Left:
		return "its prefix is not the start of a word: it is " + reason
	case reason == "masked":
		return "the rest of it is masked or left out"
	case reason == "template":
		return "a template follows the prefix: a program fills it in"
	case reason == "pattern":
		return "it is a pattern that keys match, not a key"
	case length > 0 && length < k.BodyMin:
		return fmt.Sprintf("its body has %s, and a key of this rule has at least %d", count(length, "character", "characters"), k.BodyMin)
	case k.Scored && k.Parts.LLR >= k.Limit:
		return fmt.Sprintf("its body reads like words: the score of %s is not below %s", decimal(k.Parts.LLR), decimal(k.Limit))
	case k.Scored:
		return "its body is not random: it has " + strings.TrimPrefix(reason, "has ")
	case strings.HasPrefix(reason, "longer than"):
		return "its body is " + reason
	case reason == "":
		return "it was rejected"
	default:
		return reason
	}
}

// listing says what a scan does with k.
func (k *ExplainedKey) listing(least finding.Confidence) string {
	switch {
	case k.Confidence == finding.Rejected:
		return "keysweep scan counts it among the rejected; --show-rejected lists it."
	case k.Confidence < least:
		return fmt.Sprintf("keysweep scan lists it only with --min-confidence %s.", k.Confidence)
	}
	counts := "keysweep scan lists it, and counts it for the exit status."
	switch s := k.Suppressed; {
	case s != nil:
		words := "It is accepted " + suppressedBy[s.Kind] + ": " + quote.Text(s.Reason)
		if k.OtherPlaces {
			words += ", if all its other places are accepted, too"
		}
		return words + ". Then keysweep scan does not count it; --show-suppressed lists it."
	case k.Comment.Found && k.Comment.Reason == "":
		return counts + " keysweep:allow on its line has no reason and changes nothing."
	case k.Comment.Found:
		return counts + " keysweep:allow on its line is not trusted here."
	case k.Comment.Foreign != "":
		return counts + " " + quote.Text(k.Comment.Foreign) + " on its line is for another tool (--accept-foreign-comments counts it)."
	}
	return counts
}

// suppressedBy says in words which kind of exception accepted a key.
var suppressedBy = map[string]string{"inline": "by a comment on the line", "config": "by the configuration", "baseline": "by the baseline"}

// explainedEvidence is one piece of evidence and why it did not count, "" if it
// did.
type explainedEvidence struct {
	rules.Evidence
	Why string
}

func (k *ExplainedKey) evidence() []explainedEvidence {
	var list []explainedEvidence
	for _, e := range k.Evidence {
		why := "something stronger decides, or the body is not of its documented form"
		switch {
		case slices.Contains(k.IssuerWhy, e.Issuer+": "+e.Text):
			why = ""
		case e.Weaker:
			why = "something for another issuer is stronger or nearer, or the body is not of its documented form"
		}
		list = append(list, explainedEvidence{e, why})
	}
	return list
}

// classes names the alphabets of a score.
var classes = map[int]string{10: "digits", 16: "hex", 36: "base36", 62: "base62", 64: "base64url"}

// shannonWhy is why the entropy is shown, and not used.
const shannonWhy = "not used: a long English identifier has more of it than a short random key"

// decimal writes a number of the score, with a true minus sign.
func decimal(f float64) string {
	return strings.Replace(fmt.Sprintf("%.2f", f), "-", "−", 1)
}

// record returns e as schema/explain-1.schema.json has it.
func (e *Explanation) record(opts Options) object {
	candidates, nearMisses := []object{}, []object{}
	for i := range e.Keys {
		candidates = append(candidates, candidate(&e.Keys[i], opts))
	}
	for _, n := range e.NearMisses {
		nearMisses = append(nearMisses, object{{"column", n.At + 1}, {"prefix", n.Prefix}, {"why", n.Why}})
	}
	return object{
		{"schema_version", documentVersion}, {"tool", opts.tool()}, {"asked", e.What}, {"source", e.Source},
		{"path", absent(text(e.Path))}, {"revision", absent(e.Revision)}, {"object", absent(e.Object)},
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
func candidate(k *ExplainedKey, opts Options) object {
	length, s := k.Secret.Len()-len(k.Prefix), k.Parts
	isFinding := k.Confidence > finding.Rejected
	parts, issuer, evidence, endings := object(nil), (*string)(nil), []object{}, []object{}
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
			{"text", e.Text}, {"counts", e.Why == ""}, {"why", absent(e.Why)}})
	}
	for _, e := range k.Endings {
		endings = append(endings, object{{"length", e.Secret.Len()}, {"secret_sha256", e.Secret.SHA256()}, {"bits", round(e.Bits)}, {"why", e.Why}})
	}
	return object{
		{"finding", isFinding}, {"listed", isFinding && k.Confidence >= opts.MinConfidence},
		{"verdict", k.verdict(opts)}, {"rejected_for", absent(k.RejectedFor)},
		{"secret", opts.key(k.finding())}, {"secret_sha256", k.Secret.SHA256()}, {"length", k.Secret.Len()},
		{"rule_id", k.RuleID}, {"rule_file", k.RuleFile},
		{"environment", k.Environment.String()}, {"confidence", k.Confidence.String()},
		{"line", k.Line}, {"column", k.Column}, {"end_line", k.EndLine}, {"offset", k.Offset},
		{"literal", k.Literal}, {"literal_line", k.LiteralLine}, {"literal_column", k.LiteralColumn}, {"prefix", k.Prefix},
		{"encoding", k.Encoding}, {"extent", k.Extent.String()}, {"endings", endings}, {"left", k.Left}, {"right", absent(k.Right)},
		{"body", object{{"length", length}, {"min", absent(k.BodyMin)}, {"max", absent(k.BodyMax)}, {"alphabet", classes[s.Alphabet]}}},
		{"score", parts}, {"published", k.Published}, {"shapes", k.Shapes}, {"evidence", evidence},
		{"issuer", issuer}, {"suppressed", suppression(k.Suppressed)},
		// Suppressed holds if the key's other places are accepted too.
		{"other_places", k.OtherPlaces && k.Suppressed != nil},
	}
}

// evidenceKinds names the kinds of evidence.
var evidenceKinds = map[attribution.Kind]string{
	attribution.Path: "path", attribution.File: "file", attribution.Twin: "twin",
	attribution.Name: "name", attribution.Host: "host", attribution.Shape: "shape",
}
