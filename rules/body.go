package rules

import (
	"bytes"
	"slices"

	"keysweep/rules/ascii"
	"keysweep/rules/score"
)

// The lengths of a body in characters, if its rule does not say otherwise.
// Four fifths of all occurrences in public code are placeholders shorter than
// 16, and no issuer's body is.
const (
	minBody = 16
	maxBody = 256
)

// The lengths of the two parts of a body such as id.secret.
const (
	minDottedID, maxDottedID = 8, 20
	minDottedSecret          = 24
)

// extent returns where the body that starts at b[start:] ends, and whether it
// goes on beyond the greatest length.
func (s *compiled) extent(g *group, b []byte, start int) (end int, tooLong bool) {
	if g.regex != nil {
		m := g.regex.FindIndex(b[start:min(len(b), start+maxRegexBody)])
		if m == nil {
			return start, false
		}
		return start + m[1], false
	}
	end = g.run(b, start)
	// Another key that runs into this one ends it. The run may be cut within
	// that key's prefix.
	look := b[start:min(len(b), end+maxLiteral)]
	for p, l := range s.plain.All(look) {
		if start+p >= end {
			break
		}
		if g.inner[string(s.plain.Literals()[l])] {
			return start + p, false
		}
	}
	end = dotted(b, start, end)
	if end-start > g.Body.Max {
		return start + g.Body.Max, true
	}
	for end > start && (b[end-1] == '_' || b[end-1] == '-') {
		end--
	}
	return end, false
}

// run returns where the characters that start at b[start:] and may be a body
// end, or one behind the greatest length.
func (g *group) run(b []byte, start int) int {
	return ascii.RunEnd(b, start, g.Body.Max+1, func(c byte) bool { return g.alphabet[c] })
}

// dotted extends a body b[start:end] that is the id of id.secret over the
// secret, if what follows the dot is long and random.
func dotted(b []byte, start, end int) int {
	if n := end - start; n < minDottedID || n > maxDottedID || end >= len(b) || b[end] != '.' {
		return end
	}
	stop := ascii.RunEnd(b, end+1, maxBody, ascii.IsAlnum)
	secret := b[end+1 : stop]
	if len(secret) < minDottedSecret || len(secret) > maxBody || stop < len(b) && (b[stop] == '.' || b[stop] == '(' || b[stop] == '_') {
		return end
	}
	if !score.Of(secret).LooksRandom() {
		return end
	}
	return stop
}

// The limits of a body that is split over string literals.
const (
	minSplit    = 8   // characters of a further piece
	maxSplits   = 4   // further pieces
	maxSplitGap = 256 // bytes between two pieces
)

// joined returns the body b[start:end] together with the pieces of it that
// follow in string literals of their own, "…" + "…", and where the last piece
// ends. dst is scratch.
func (g *group) joined(b []byte, start, end int, dst []byte) (body []byte, last int) {
	body, last = b[start:end], end
	for range maxSplits {
		next, stop, ok := g.nextPiece(b, last, len(body))
		if !ok || len(body)+stop-next > g.Body.Max {
			break
		}
		if last == end {
			body = append(dst[:0], body...)
		}
		body, last = append(body, b[next:stop]...), stop
	}
	return body, last
}

// joins are the operators that put two string literals together, the longest
// first: of JavaScript, Python, Java and Go, Haskell, Elixir, SQL, Lua, PHP and
// Perl, Visual Basic.
var joins = [...]string{"++", "<>", "||", "..", "+", ".", "&"}

// nextPiece recognises a quote, an operator of joins and a literal that holds
// nothing but characters of a body. Quotes may be escaped, as in JSON. Literals
// that are only next to each other are one in C and Python, and two elsewhere:
// they count if their quotes are alike; if held, the characters so far, is no
// whole body or a line ends between them; and if the second looks random.
func (g *group) nextPiece(b []byte, at, held int) (start, end int, ok bool) {
	quote := quoteAt(b, at)
	if quote == "" {
		return 0, 0, false
	}
	limit := min(len(b), at+maxSplitGap)
	gap := at + len(quote)
	i := skipSpace(b, gap, limit)
	operator := false
	for _, op := range joins {
		if bytes.HasPrefix(b[i:limit], []byte(op)) {
			i, operator = skipSpace(b, i+len(op), limit), true
			break
		}
	}
	if i < limit && bytes.IndexByte([]byte("fFrRbBuU"), b[i]) >= 0 {
		i++ // Python's kinds of literals
	}
	second := ""
	if i < limit {
		second = quoteAt(b, i)
	}
	if second == "" || len(second) != len(quote) || !operator && second != quote {
		return 0, 0, false
	}
	start = i + len(second)
	end = g.run(b, start)
	if end-start < minSplit || quoteAt(b, end) != second {
		return 0, 0, false
	}
	if operator {
		return start, end, true
	}
	beside := held < minBody || bytes.IndexByte(b[gap:i], '\n') >= 0
	s := score.Of(b[start:end])
	return start, end, beside && s.LLR < score.High && s.StepRun < score.MaxStepRun
}

// quoteAt returns the quote at b[at:], perhaps with a backslash, or "".
func quoteAt(b []byte, at int) string {
	switch {
	case at < len(b) && ascii.IsQuote(b[at]):
		return string(b[at : at+1])
	case at+1 < len(b) && b[at] == '\\' && ascii.IsQuote(b[at+1]):
		return string(b[at : at+2])
	}
	return ""
}

// skipSpace returns where the next byte of b[at:limit] is that is neither
// white space nor a continued line.
func skipSpace(b []byte, at, limit int) int {
	for at < limit && (ascii.IsSpace(b[at]) || b[at] == '\\' && at+1 < limit && (b[at+1] == '\n' || b[at+1] == '\r')) {
		at++
	}
	return at
}

// statements are words that begin a line of code: text that lost its line
// breaks runs them into a key, with a space behind.
var statements = [...]string{"import", "export", "const", "return", "function", "class", "package", "require"}

// cutGluedWord returns body without a lower-case dictionary word that text ran
// into it (sk_test_<24 random>import), if what is left has a documented shape.
func (g *group) cutGluedWord(body, behind []byte) []byte {
	letters := ascii.RunStart(body, len(body), len(body), func(c byte) bool { return ascii.ClassOf(c) == ascii.Lower })
	if len(body)-letters < 4 {
		return body
	}
	for _, w := range statements {
		if short, ok := bytes.CutSuffix(body, []byte(w)); ok && len(behind) > 0 && behind[0] == ' ' && len(short) >= minBody {
			return short
		}
	}
	if g.documented(body) {
		return body
	}
	for _, r := range g.rules {
		for _, sh := range r.Shapes {
			n := sh.length
			if n < minBody || n >= len(body) || n < letters || score.WordLen(body[n:]) != len(body)-n {
				continue
			}
			if documented, _ := r.has(g.prefix, body[:n]); documented {
				return body[:n]
			}
		}
	}
	return body
}

// documented reports whether body has a documented shape of any rule of g.
func (g *group) documented(body []byte) bool {
	return slices.ContainsFunc(g.rules, func(r *Rule) bool {
		has, _ := r.has(g.prefix, body)
		return has
	})
}
