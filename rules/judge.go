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
	// Endings are the places where the key may end, the likeliest first: at most
	// three, none if there was nothing to decide.
	Endings []Ending
}

// Ending is one place where a key may end.
type Ending struct {
	Secret finding.Secret
	// Bits says by how many bits it is less likely than the likeliest.
	Bits float64
	Why  string // what ends there, in words
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
		_, e.Parts = c.group.scored(body)
	}
	e.Published = len(body) > 0 && c.group.published(body)
	e.BodyMin, e.BodyMax = c.group.Body.Min, c.group.Body.Max
	e.Encoding, e.Shapes, e.Evidence = slices.Clone(e.Encoding), slices.Clone(e.Shapes), slices.Clone(e.Evidence)
	return e
}

// judge judges the prefix p at t.B[at:] under group g. It returns
// false if there is no candidate: the prefix only leads to another one.
func (m *Matcher) judge(t *encoding.Text, at int, p int, g *group, left boundary) (candidate, bool) {
	s, r := m.set, &m.run
	c := candidate{group: g, prefix: p, start: at}
	c.RuleID, c.Environment, c.Left, c.Limit = g.primary.ID, g.env, left.why, g.MaxScore
	start := at + len(s.prefixes[p].text)
	if g.regex == nil {
		r.read(s, g, t.B, start)
	} else {
		r.match(g, t.B, start)
	}
	if len(r.text) == 0 && g.regex == nil {
		m.inner = s.plain.AppendAt(m.inner[:0], t.B, start)
		if slices.ContainsFunc(m.inner, func(l int) bool { return g.inner[string(s.plain.Literals()[l])] }) {
			return c, false
		}
	}
	body, tooLong := r.text[:r.usual()], r.tooLong
	c.end = r.position(len(body))
	text := (len(r.text) >= minBody || left.joined) && isText(t.B, at, c.end)
	if !text {
		left.joined, left.listed = false, false
	}
	c.Glued = left.glued
	if len(r.text) >= minBody && g.regex == nil {
		body, tooLong = c.choose(m, t, text)
	}
	m.work += c.end - at
	right := rightNeighbour(t.B, at, c.end)
	switch c.Right = string(right); right {
	case neighbourEllipsis, neighbourCut:
		c.Extent = finding.Cut
	case neighbourOpen:
		c.Extent = max(c.Extent, finding.Likely)
	}
	c.verdict(m, t, body, left, right, tooLong)
	c.Former = formerly(t.B[at-left.vendor:at], c.Secret, r)
	c.Start, c.End = t.Raw(at, c.end)
	return c, true
}

// choose decides where the key ends that m.run follows, and notes what else it may
// be. It returns the body, and whether that is longer than any.
func (c *candidate) choose(m *Matcher, t *encoding.Text, text bool) (body []byte, tooLong bool) {
	r, g := &m.run, c.group
	env := c.readAround(m, t, text)
	list := g.endings(m, r, env)
	best, extent, more := g.decide(m, r, env, list)
	if best >= 0 && extent != finding.Exact && t.IsRaw() {
		if lengths := m.addressedLengths(c.start, len(g.prefix), env.zero && list[best].n == len(r.text)); len(lengths) > 0 {
			env.lengths = append(env.lengths, lengths...)
			list = g.endings(m, r, env)
			best, extent, more = g.decide(m, r, env, list)
		}
	}
	if best < 0 {
		return r.text[:r.usual()], r.tooLong
	}
	x := list[best]
	c.Extent, c.end = max(c.Extent, extent), r.position(x.n)
	c.Glued = c.Glued && !x.measured
	for _, i := range append([]int{best}, more...) {
		key := finding.NewSecret(g.prefix, string(r.text[:list[i].n]))
		if i != best {
			c.Candidates = append(c.Candidates, key)
		}
		if m.explaining {
			c.Endings = append(c.Endings, Ending{key, max(0, list[i].bits-x.bits), list[i].why})
		}
	}
	return r.text[:x.n], false
}

// readAround reads what is around the run of m.
func (c *candidate) readAround(m *Matcher, t *encoding.Text, text bool) (env around) {
	size := len(c.group.prefix)
	env.text, env.clean = text, true
	if end := m.run.position(len(m.run.text)); end < len(t.B) {
		next := t.B[end]
		env.zero = next == 0
		env.clean = text || env.zero || next >= ' ' && next < 0x7f
		env.quoted = ascii.IsQuote(next) && c.start > 0 && t.B[c.start-1] == next
	}
	if text || strings.HasPrefix(c.Left, "behind") { // an escape or another key
		return env
	}
	m.lengths = lengthsAround(m.lengths[:0], t.B, c.start, size)
	from, to := t.Raw(c.start, c.start+1)
	first := bytes.IndexByte(m.buf[from:to], t.B[c.start])
	if first >= 0 && bytes.IndexByte(m.buf[from:to], 0) >= 0 { // UTF-16, little endian or read so
		for _, l := range lengthsBefore(nil, m.buf, from+first, 0) { // in bytes
			if l.n%(to-from) == 0 {
				m.lengths = append(m.lengths, length{l.n/(to-from) - size, l.is})
			}
		}
	}
	env.lengths = m.lengths
	return env
}

// formerly returns what older versions took for the key: the whole run of
// characters, and what is before the prefix with it.
func formerly(vendor []byte, key finding.Secret, r *run) (list []finding.Secret) {
	first := len(r.text)
	if len(r.pieces) > 1 {
		first = r.pieces[1].from
	}
	for _, n := range [...]int{first, r.usual()} {
		for _, before := range [...]string{"", string(vendor)} {
			k := finding.NewSecret(before+key.Prefix(), string(bytes.TrimRight(r.text[:n], "-_")))
			if k != key && n >= minBody && !slices.Contains(list, k) {
				list = append(list, k)
			}
		}
	}
	return list
}

// verdict decides confidence and reason, from what needs no score to what does.
func (c *candidate) verdict(m *Matcher, t *encoding.Text, body []byte, left boundary, right neighbour, tooLong bool) {
	c.Secret = finding.NewSecret(c.group.prefix, string(body))
	if !left.joined && len(body) < c.group.Body.Min && c.defused(m, t, body) {
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
	documented := c.noteShapes(body)
	if c.group.owner != "" {
		c.Evidence = append(c.Evidence, Evidence{Issuer: c.group.owner, Kind: attribution.Shape, Text: "prefix of " + c.group.owner + " keys"})
	}
	if c.RejectedFor = c.likeness(body, left, right, documented); c.RejectedFor != "" {
		return
	}
	c.Typed = parts.Typed >= score.MinTyped
	switch {
	case c.Typed, publicTwin(t.B, c.start, body):
		c.Confidence = finding.Low
	case parts.LLR >= score.High, left.joined && left.glued, right == neighbourEllipsis:
		c.Confidence = finding.Medium
	default:
		c.Confidence = finding.High
	}
}

// misfit returns why a body is none of g's, whatever its score, or "".
func (g *group) misfit(body []byte, left boundary, right neighbour, tooLong bool) string {
	switch short := len(body) < max(1, g.Body.Min); {
	case left.listed, left.joined && len(body) < g.Body.Min:
		return left.why
	case !short && tooLong:
		return fmt.Sprintf("longer than %d characters", g.Body.Max)
	case !short && g.published(body):
		return "published sample"
	case !short:
		return ""
	case right == neighbourEllipsis, right == neighbourMask:
		return "masked"
	case right == neighbourTemplate:
		return "template"
	case right == neighbourRegex && len(body) == 0:
		return "pattern"
	case g.regex != nil:
		return "not what the rule's expression describes"
	case len(body) == 0:
		return "nothing follows the prefix"
	}
	return fmt.Sprintf("shorter than %d characters", g.Body.Min)
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
	case left.joined && c.Score >= score.High && !documented:
		return left.why
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

// publicTwin reports whether the same body is near b[at:] behind the prefix of a public key: no
// issuer gives both keys of a pair one body.
func publicTwin(b []byte, at int, body []byte) bool {
	near := b[max(0, at-publicReach-2*len(body)):min(len(b), at+publicReach+2*len(body))]
	return bytes.Contains(near, slices.Concat([]byte("pk_live_"), body)) || bytes.Contains(near, slices.Concat([]byte("pk_test_"), body))
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
	r, end := t.B[start], ascii.RunEnd(t.B, start+1, maxBody, ascii.IsAlnum)
	rest := t.B[start+1 : end]
	// What starts an escape, a template or a pattern is not a replacement.
	if r <= ' ' || r >= 0x7F || ascii.IsWord(r) || ascii.IsQuote(r) || strings.IndexByte(`\%[(`, r) >= 0 || len(rest) < minDefused || len(rest) >= maxBody {
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
