package rules

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"keysweep/finding"
	"keysweep/rules/ascii"
	"keysweep/rules/attribution"
	"keysweep/rules/encoding"
	"keysweep/rules/score"
)

// Explanation is why a candidate is, or is not, a match.
type Explanation struct {
	Match
	Left  string // what is before the prefix, in words
	Right string // what follows the body, in words; "" for anything
	// Parts is the score; zero if the candidate was rejected before.
	Parts score.Score
	// Limit is the score at or above which this candidate is rejected.
	Limit float64

	// The rest is filled by Matcher.Explain, not for matches.

	// Literal is what led to the candidate, as it is in the buffer at
	// LiteralAt; Prefix is what it means.
	Literal   string
	LiteralAt int
	Prefix    string
	// Scored says that Parts counted. If not, the candidate was rejected before;
	// Parts then says what the score would have been.
	Scored    bool
	Published bool // the body is a sample that documentation prints
	// BodyMin and BodyMax are the lengths that the rule allows, in characters.
	// They are 0 if it has an expression.
	BodyMin, BodyMax int
}

// candidate is one literal while it is judged. Body is not a copy.
type candidate struct {
	Explanation
	group  *group
	prefix int
	// text offsets of the prefix and behind the body, for evidence.
	start, end int
	entry      *entry
	literalAt  int // where the literal is in the buffer
	attributed bool
}

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

// judge judges the prefix p at t.B[at:] under group g. It returns
// false if there is no candidate: the prefix only leads to another one.
func (m *Matcher) judge(t *encoding.Text, at int, p int, g *group, left boundary) (candidate, bool) {
	s := m.set
	start := at + len(s.prefixes[p].text)
	c := candidate{group: g, prefix: p, start: at}
	c.RuleID, c.Environment, c.Left, c.Limit = g.primary.ID, g.env, left.why, g.MaxScore
	end, tooLong := s.extent(g, t.B, start)
	if end == start && g.regex == nil {
		m.inner = s.plain.AppendAt(m.inner[:0], t.B, start)
		if slices.ContainsFunc(m.inner, func(l int) bool { return g.inner[string(s.plain.Literals()[l])] }) {
			return c, false
		}
	}
	m.work += end - at
	body := t.B[start:end]
	if g.regex == nil && !tooLong {
		if len(body) > minBody {
			body = g.cutGluedWord(body, t.B[end:])
			end = start + len(body)
		}
		if whole, last := g.joined(t.B, start, end, m.joined); last != end && !g.documented(body) {
			body, end, m.joined = whole, last, whole[:0]
		}
	}
	c.end = end
	if left.vendor > 0 {
		at -= left.vendor
		c.start = at
	}
	right := rightNeighbour(t.B, at, end)
	c.Right = string(right)
	c.verdict(m, t, body, left, right, tooLong)
	c.Start, c.End = t.Raw(at, c.end)
	return c, true
}

// verdict decides confidence and reason, from what needs no score to what does.
func (c *candidate) verdict(m *Matcher, t *encoding.Text, body []byte, left boundary, right neighbour, tooLong bool) {
	prefix := string(t.B[c.start:c.start+left.vendor]) + m.set.prefixes[c.prefix].text
	c.Secret = finding.NewSecret(prefix, string(body))
	if left.ok && len(body) < c.group.Body.Min && c.defused(m, t, body) {
		return
	}
	if c.RejectedFor = c.group.misfit(body, left, right, tooLong); c.RejectedFor != "" {
		return
	}
	part, parts := c.group.scored(body)
	c.Parts, c.Score = parts, parts.LLR
	if c.group.MaxScore == score.Max && len(part) < 20 && secretAssigned(t.B, c.start) {
		c.Limit = score.Strong
	}
	documented := left.vendor == 0 && c.noteShapes(body)
	switch {
	case left.vendor > 0:
		c.Evidence = append(c.Evidence, Evidence{Issuer: finding.IssuerUnknown, Kind: attribution.Shape, Text: "the prefix is " + prefix})
	case c.group.owner != "":
		c.Evidence = append(c.Evidence, Evidence{Issuer: c.group.owner, Kind: attribution.Shape, Text: "prefix of " + c.group.owner + " keys"})
	}
	if c.RejectedFor = c.likeness(body, left, right, documented); c.RejectedFor != "" {
		return
	}
	c.Typed = parts.Typed >= score.MinTyped
	switch {
	case c.Typed, publicTwin(t.B, c.start, body):
		c.Confidence = finding.Low
	case left.vendor > 0, parts.LLR >= score.High, left.doubtful, right == neighbourEllipsis:
		c.Confidence = finding.Medium
	default:
		c.Confidence = finding.High
	}
}

// misfit returns why a body is none of g's, whatever its score, or "".
func (g *group) misfit(body []byte, left boundary, right neighbour, tooLong bool) string {
	switch {
	case !left.ok:
		return left.why
	case len(body) < max(1, g.Body.Min):
		return shortReason(g, body, right)
	case tooLong:
		return fmt.Sprintf("longer than %d characters", g.Body.Max)
	case g.published(body):
		return "published sample"
	}
	return ""
}

// noteShapes notes whose documented shape the body has, and reports whether it
// is anyone's.
func (c *candidate) noteShapes(body []byte) (documented bool) {
	for _, r := range c.group.rules {
		has, unique := r.has(c.group.prefix, body)
		if !has || r.Issuer == "" {
			continue
		}
		documented = true
		c.Shapes = append(c.Shapes, r.Issuer)
		if unique {
			c.RuleID = r.ID
			c.Evidence = append(c.Evidence, Evidence{Issuer: r.Issuer, Kind: attribution.Shape, Text: "shape of " + r.Issuer + " keys"})
		}
	}
	return documented
}

// likeness returns what a scored body is like, other than a key, or "".
func (c *candidate) likeness(body []byte, left boundary, right neighbour, documented bool) string {
	switch {
	case namesHost(body):
		return "base64 of a host, as the body of a public key"
	case right == neighbourMask, right == neighbourEllipsis && !documented:
		return "masked"
	case left.vendor > 0 && c.Score >= score.High:
		return "part of a longer identifier"
	case c.Score >= c.Limit:
		return fmt.Sprintf("looks like words (score %.2f)", c.Score)
	}
	return c.Parts.Veto()
}

// namesHost reports whether body is base64 of a host and a dollar sign, the
// body of Clerk's public keys. People paste it behind a secret key's prefix.
func namesHost(body []byte) bool {
	var plain [maxBody]byte
	n, err := base64.RawStdEncoding.Decode(plain[:], bytes.TrimRight(body, "="))
	host := plain[:max(n-1, 0)]
	if err != nil || n < 4 || plain[n-1] != '$' || bytes.IndexByte(host, '.') < 0 {
		return false
	}
	return !slices.ContainsFunc(host, func(b byte) bool { return !ascii.IsDotted(b) || b == '_' })
}

// publicReach is how far from a key its public twin is searched for, in bytes.
const publicReach = 200

// publicTwin reports whether the same body is near b[at:] behind the
// prefix of a public key. No issuer gives both keys of a pair one body: the
// pair was made up.
func publicTwin(b []byte, at int, body []byte) bool {
	near := b[max(0, at-publicReach-2*len(body)):min(len(b), at+publicReach+2*len(body))]
	for {
		i := bytes.Index(near, body)
		if i < 0 {
			return false
		}
		if h := near[:i]; bytes.HasSuffix(h, []byte("pk_live_")) || bytes.HasSuffix(h, []byte("pk_test_")) {
			return true
		}
		near = near[i+1:]
	}
}

func shortReason(g *group, body []byte, right neighbour) string {
	switch right {
	case neighbourEllipsis, neighbourMask:
		return "masked"
	case neighbourTemplate:
		return "template"
	case neighbourRegex:
		if len(body) == 0 {
			return "pattern"
		}
	}
	switch {
	case g.regex != nil:
		return "not what the rule's expression describes"
	case len(body) == 0:
		return "nothing follows the prefix"
	}
	return fmt.Sprintf("shorter than %d characters", g.Body.Min)
}

// published reports whether body is a sample that documentation prints.
func (g *group) published(body []byte) bool {
	if len(g.samples) == 0 {
		return false
	}
	sum := sha256.Sum256(body)
	return slices.ContainsFunc(g.samples, func(list map[[sha256.Size]byte]bool) bool { return list[sum] })
}

// minDefused is how much of a key must be left when its first character was
// replaced to please a scanner.
const minDefused = 20

// defused recognises a key whose first character was replaced by another
// sign, and makes it a match of low confidence.
func (c *candidate) defused(m *Matcher, t *encoding.Text, body []byte) bool {
	g := c.group
	start := c.start + len(m.set.prefixes[c.prefix].text)
	if len(body) != 0 || g.regex != nil || start >= len(t.B) {
		return false
	}
	// What starts an escape, a template or a pattern is not a replacement.
	if r := t.B[start]; r <= ' ' || r >= 0x7F || ascii.IsWord(r) || ascii.IsQuote(r) || r == '\\' || r == '%' || r == '[' || r == '(' {
		return false
	}
	end := ascii.RunEnd(t.B, start+1, maxBody, ascii.IsAlnum)
	rest := t.B[start+1 : end]
	if len(rest) < minDefused || len(rest) > maxBody-1 {
		return false
	}
	s := score.Of(rest)
	if !s.LooksRandom() || s.Typed >= score.MinTyped {
		return false
	}
	c.Parts, c.Score, c.Confidence = s, s.LLR, finding.Low
	c.Secret = finding.NewSecret(m.set.prefixes[c.prefix].text, string(t.B[start:end]))
	c.Right = "a sign in place of the first character"
	c.end = end
	return true
}
