// Package rules knows what a secret looks like: bytes in, spans out. It knows
// nothing of files, commits or the network.
package rules

import (
	"slices"

	"keysweep/finding"
	"keysweep/rules/attribution"
	"keysweep/rules/score"
)

// Context is how many bytes on either side of a key its verdict may depend on, but for lengths
// that addresses give. A caller that hands out windows lets them overlap by this much.
const Context = attribution.Reach + 1<<10

// Span is a half-open range of byte offsets from the start of the buffer.
type Span struct{ Start, End int }

// Match is one candidate: a literal with a body, accepted or rejected.
type Match struct {
	RuleID string
	// Start and End delimit the key as it is in the buffer, prefix included; for an encoded
	// key, the encoded characters that hold any bit of it.
	Start, End int
	Secret     finding.Secret
	Extent     finding.Extent
	// Candidates are what the key may be instead of Secret, the likeliest first:
	// at most two, none if Extent is Exact.
	Candidates []finding.Secret
	// Former is what older versions took for the key, where that differs:
	// fingerprints of it go on to be accepted.
	Former []finding.Secret
	// Glued says that letters stand directly before the prefix, so that it may be
	// the prefix of another key: whose the key is cannot be known from it.
	Glued       bool
	Encoding    []string // decoders, outermost first; nil for plain text
	Environment finding.Environment
	Confidence  finding.Confidence // Rejected: RejectedFor says why
	RejectedFor string
	Typed       bool
	Score       float64 // mixture log-likelihood ratio, bits per character
	// Shapes names the issuers whose documented shape the body has.
	Shapes []string
	// Evidence is what is around the key, nearest and strongest first.
	Evidence []Evidence
}

// Evidence is one reason to think that a key is an issuer's.
type Evidence = attribution.Evidence

// Readable reports whether m may be printed as it is: it was rejected, and its body is words, an
// identifier or too short. What the text around it rejected may be a key written oddly.
func (m *Match) Readable() bool {
	body := []byte(m.Secret.Reveal()[len(m.Secret.Prefix()):])
	if m.Confidence > finding.Rejected || len(body) < minBody {
		return m.Confidence == finding.Rejected
	}
	s := score.Of(body)
	return s.Cover >= score.MaxCover ||
		s.LLR >= score.Max && s.Distinct >= score.MinDistinct && s.StepRun < score.MaxStepRun
}

// holdsKey reports whether text has a key in it, in any encoding.
func (s *Set) holdsKey(text string) bool {
	b := []byte(text)
	return s.finder.Contains(b) && slices.ContainsFunc(s.NewMatcher().Matches(b, Span{Start: 0, End: len(b)}), func(m Match) bool { return !m.Readable() })
}
