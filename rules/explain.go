package rules

import (
	"slices"
	"strings"

	"keysweep/rules/score"
)

// explained returns c's explanation, completed. Its slices are its own.
func (c *candidate) explained(s *compiled) Explanation {
	e := c.Explanation
	e.Prefix = s.prefixes[c.prefix].text
	e.Literal, e.LiteralAt = e.Prefix, c.literalAt
	if len(c.entry.steps) > 0 {
		e.Literal = string(c.entry.steps.Literal())
	}
	body := []byte(strings.TrimPrefix(c.Secret.Reveal(), e.Prefix))
	e.Scored = e.Parts != (score.Score{})
	if !e.Scored && len(body) > 0 {
		_, e.Parts = score.OfPart(body)
	}
	e.Published = len(body) > 0 && c.group.published(body)
	e.BodyMin, e.BodyMax = c.group.Body.Min, c.group.Body.Max
	e.Encoding, e.Shapes, e.Evidence = slices.Clone(e.Encoding), slices.Clone(e.Shapes), slices.Clone(e.Evidence)
	return e
}
