package rules

import (
	"slices"

	"keysweep/finding"
	"keysweep/rules/score"
)

// Readable reports whether m may be printed as it is: it was rejected, and its
// body is words, an identifier or too short for a key. What was rejected for
// another reason, such as the text around it, may be a key that is written oddly.
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
