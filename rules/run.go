package rules

import (
	"bytes"
	"fmt"
	"slices"
	"unicode/utf8"

	"keysweep/rules/ascii"
	"keysweep/rules/score"
)

// run is the characters that follow a prefix and may be a body, with what is
// between them left out: colours, literals' ends, line breaks.
type run struct {
	text   []byte
	pieces []piece
	// tooLong says that the run goes on behind the longest body.
	tooLong bool
}

// piece is a part of a run that is in one piece in the judged text.
type piece struct {
	from int // index of its first character in the run
	at   int // where that is in the judged text
	// joint is what is before the piece.
	joint joint
}

// joint is what is between two pieces of a run.
type joint uint8

const (
	start    joint = iota // the prefix
	sign                  // what changes how the text looks
	operator              // + between two literals
	beside                // two literals beside each other
	below                 // two literals on lines of their own
	folded                // a line break that its mark says is none
	cell                  // the edge of a table's cell
	screen                // a line break at the edge of a screen
	broken                // any other line break
)

// stays is how many bits speak for a key that goes on behind a joint.
var stays = [...]float64{sign: -2, operator: 5, beside: -1, below: 4, folded: 9, cell: 4, screen: 0, broken: -8}

// position returns where the text of the first n characters ends in the judged
// text.
func (r *run) position(n int) int {
	i := len(r.pieces) - 1
	for i > 0 && r.pieces[i].from >= n {
		i--
	}
	return r.pieces[i].at + n - r.pieces[i].from
}

// jointAt returns what is behind the first n characters: start if nothing is.
func (r *run) jointAt(n int) joint {
	for _, p := range r.pieces[1:] {
		if p.from == n {
			return p.joint
		}
	}
	return start
}

// The limits of a body in pieces.
const (
	maxPieces   = 16
	maxSplitGap = 256 // bytes between two pieces
)

// read fills r with the run that starts at b[at:], without the signs at its end.
func (r *run) read(s *compiled, g *group, b []byte, at int) {
	r.readPieces(s, g, b, at)
	if r.tooLong {
		return
	}
	r.text = bytes.TrimRight(r.text, "-_")
	for i := len(r.pieces) - 1; i > 0 && r.pieces[i].from >= len(r.text); i-- {
		r.pieces = r.pieces[:i]
	}
}

// match fills r with what the expression of g matches at b[at:].
func (r *run) match(g *group, b []byte, at int) {
	r.text, r.pieces, r.tooLong = nil, append(r.pieces[:0], piece{at: at}), false
	if found := g.regex.FindIndex(b[at:min(len(b), at+maxRegexBody)]); found != nil {
		r.text = b[at : at+found[1]]
	}
}

func (r *run) readPieces(s *compiled, g *group, b []byte, at int) {
	r.text, r.pieces, r.tooLong = r.text[:0], append(r.pieces[:0], piece{at: at}), false
	for {
		p := &r.pieces[len(r.pieces)-1]
		end, another := s.pieceEnd(g, b, p.at)
		if p.joint == start {
			end = dotted(b, at, end)
		}
		if over := len(r.text) + end - p.at - g.Body.Max; over > 0 {
			r.tooLong, end = true, end-over
		}
		if len(r.pieces) == 1 {
			r.text = b[at:end:end]
		} else {
			r.text = append(r.text, b[p.at:end]...)
		}
		if another || r.tooLong || len(r.pieces) == maxPieces {
			return
		}
		next, ok := g.pieceBehind(b, at, end, len(r.text))
		if !ok {
			return
		}
		next.from = len(r.text)
		r.pieces = append(r.pieces, next)
	}
}

// pieceEnd returns where the characters of a body end that start at b[at:], or one behind the
// greatest length; another says that they run into another key.
func (s *compiled) pieceEnd(g *group, b []byte, at int) (end int, another bool) {
	end = ascii.RunEnd(b, at, g.Body.Max+1, func(c byte) bool { return g.alphabet[c] })
	// The run may be cut within the other key's prefix.
	for p, l := range s.plain.All(b[at:min(len(b), end+maxLiteral)]) {
		if at+p >= end {
			break
		}
		if g.inner[string(s.plain.Literals()[l])] {
			return at + p, true
		}
	}
	return end, false
}

// pieceBehind returns the piece that goes on behind b[:end] with the key whose body
// starts at b[start:] and has held characters so far.
func (g *group) pieceBehind(b []byte, start, end, held int) (p piece, ok bool) {
	if end == len(b) {
		return p, false
	}
	if p.at = marginAt(b, end); p.at > end {
		p.joint = folded
		return p, g.alphabet[b[p.at]]
	}
	if p.at = unseenAt(b, end); p.at > end {
		p.joint = sign
		return p, p.at < len(b) && g.alphabet[b[p.at]]
	}
	if held == 0 && bytes.HasPrefix(b[end:], []byte("${")) { // a constant in a template
		stop := ascii.RunEnd(b, end+3, maxBody, func(c byte) bool { return g.alphabet[c] })
		return piece{at: end + 3, joint: operator}, stop+1 < len(b) && ascii.IsQuote(b[end+2]) && b[stop] == b[end+2] && b[stop+1] == '}'
	}
	if quote := quoteAt(b, end); quote != "" {
		if p, ok = g.literalBehind(b, end, quote, held); !ok && held == 0 {
			p.at, ok = g.constantUsed(b, start-1, end)
			p.joint = operator
		}
		return p, ok
	}
	return g.lineBehind(b, start, end, held)
}

// joins are the operators that put two string literals together, the longest first, in JavaScript,
// Python, Java, Go, Haskell, Elixir, SQL, Lua, PHP, Perl, Visual Basic; a method's call.
var joins = [...]string{"++", "<>", "||", "..", ".concat(", "+", ".", "&"}

// literalBehind recognises a quote, an operator of joins and a literal of a body's characters.
// Literals that are only next to each other are one in C and Python, and two elsewhere: they
// count if their quotes are alike. Quotes may be escaped, as in JSON.
func (g *group) literalBehind(b []byte, at int, quote string, held int) (p piece, ok bool) {
	limit := min(len(b), at+maxSplitGap)
	gap := at + len(quote)
	if held == 0 && gap < len(b) && g.alphabet[b[gap]] { // a shell's sk_live_"…"
		return piece{at: gap, joint: operator}, true
	}
	i := skipSpace(b, gap, limit)
	p.joint = beside
	for _, op := range joins {
		if bytes.HasPrefix(b[i:limit], []byte(op)) {
			i, p.joint = skipSpace(b, i+len(op), limit), operator
			break
		}
	}
	if i < limit && bytes.IndexByte([]byte("fFrRbBuUL@$"), b[i]) >= 0 {
		i++ // the kinds of literals in Python, C and C#
	}
	second := quoteAt(b[:limit], i)
	if second == "" || len(second) != len(quote) || p.joint == beside && second != quote {
		return p, false
	}
	if p.joint == beside && bytes.IndexByte(b[gap:i], '\n') >= 0 {
		p.joint = below
	}
	p.at = i + len(second)
	end := ascii.RunEnd(b, p.at, maxBody, func(c byte) bool { return g.alphabet[c] })
	return p, end > p.at && quoteAt(b, end) != "" && (p.joint == operator || quoteAt(b, end) == second)
}

// constantUsed returns where a body follows ${NAME} in a template behind b[end:], if NAME is set
// to the literal that ends there, and whose prefix ends behind b[:at].
func (g *group) constantUsed(b []byte, at, end int) (body int, ok bool) {
	at = ascii.RunStart(b, at+1, maxLiteral, ascii.IsName)
	if at == 0 || !ascii.IsQuote(b[at-1]) {
		return 0, false
	}
	last := bytes.TrimRight(b[max(0, at-maxLiteral):at-1], " =:")
	name := last[ascii.RunStart(last, len(last), maxLiteral, ascii.IsWord):]
	rest := b[end:min(len(b), end+maxSplitGap)]
	use := fmt.Appendf(nil, "${%s}", name)
	i := bytes.Index(rest, use)
	body = end + i + len(use)
	return body, len(name) > 0 && i >= 0 && body < len(b) && g.alphabet[b[body]]
}

// quoteAt returns the quote at b[at:], perhaps with a backslash, or "".
func quoteAt(b []byte, at int) string {
	i := at
	if i+1 < len(b) && b[i] == '\\' {
		i++
	}
	if i < len(b) && ascii.IsQuote(b[i]) {
		return string(b[at : i+1])
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

// What a line break within a key looks like.
const (
	lineMarks = "=\\^`" // quoted-printable; C, shells, YAML; cmd; PowerShell
	maxMargin = 16      // blanks and quotation marks before a line
)

// widths are those of screens, mails and calendars.
var widths = []int{72, 75, 76, 78, 80, 100, 120, 132, 160}

// lineBehind recognises a line break at b[end:], with its mark, and a line that
// starts with characters of a body and nothing that belongs to them behind.
func (g *group) lineBehind(b []byte, start, end, held int) (p piece, ok bool) {
	if p, ok = g.cellBehind(b, start, end); ok {
		return p, true
	}
	i, margin := end, maxMargin
	p.joint = broken
	if b[i] == '=' { // a blank belongs to the text
		margin = 0
	}
	if bytes.IndexByte([]byte(lineMarks), b[i]) >= 0 {
		i, p.joint = i+1, folded
	}
	i = ascii.RunEnd(b, i, 1, func(c byte) bool { return c == '\r' })
	if i >= len(b) || b[i] != '\n' {
		return p, false
	}
	if p.at = tracedAt(b, end, i+1); p.at > 0 {
		p.joint = folded
		return p, p.at < len(b) && g.alphabet[b[p.at]]
	}
	first := ascii.RunStart(b, end, maxSplitGap, func(c byte) bool { return c != '\n' })
	if p.joint == broken && slices.Contains(widths, end-first) {
		p.joint = screen
	}
	i = ascii.RunEnd(b, i+1, margin, func(c byte) bool { return ascii.IsBlank(c) || c == '>' })
	if p.joint == folded && i < len(b) && b[i] == '\\' { // YAML keeps its blanks so
		i++
	}
	p.at = i
	stop := ascii.RunEnd(b, i, maxBody, func(c byte) bool { return g.alphabet[c] })
	if stop == i || p.joint == broken && held == 0 && !score.Of(b[i:stop]).LooksRandom() {
		return p, false
	}
	return p, p.joint == folded || stop == len(b) || ascii.IsSpace(b[stop]) || bytes.IndexByte([]byte("\"'`\\,;)]}<"), b[stop]) >= 0
}

// tracedAt returns where a line that ends at b[:end] goes on in the next, which starts at
// b[next:], or 0 if it does not. curl --trace-ascii cuts lines after 64 bytes, and writes
// before each where it is from: 0040: and a blank.
func tracedAt(b []byte, end, next int) int {
	var offsets, texts [2]int
	for i, at := range [...]int{ascii.RunStart(b, end, maxSplitGap, func(c byte) bool { return c != '\n' }), next} {
		digits := ascii.RunEnd(b, at, 8, ascii.IsHex) - at
		texts[i] = at + digits + len(": ")
		if digits < 4 || !bytes.HasPrefix(b[at+digits:], []byte(": ")) {
			return 0
		}
		for _, c := range b[at : at+digits] {
			offsets[i] = offsets[i]<<4 + int(ascii.HexDigit(c))
		}
	}
	if offsets[1]-offsets[0] != end-texts[0] {
		return 0
	}
	return texts[1]
}

// borders are between the cells of a table.
var borders = [...]string{"│", "|", "┃", "║"}

// borderAt returns the length of the border at b[at:], with at most most blanks before
// it, or 0.
func borderAt(b []byte, at, most int) int {
	i := ascii.RunEnd(b, at, most, ascii.IsBlank)
	for _, s := range borders {
		if bytes.HasPrefix(b[i:], []byte(s)) {
			return i + len(s) - at
		}
	}
	return 0
}

// dotAt returns the length of what psql writes at both ends of a line that it broke, or 0.
func dotAt(b []byte, at int) int {
	return len(b[at:]) - len(bytes.TrimPrefix(bytes.TrimPrefix(b[at:], []byte(".")), []byte("…")))
}

// cellBehind recognises the edge of a table's cell that is full at b[end:], and a line
// that goes on with it: other cells are empty. SQLite's columns have blanks as edges.
func (g *group) cellBehind(b []byte, start, end int) (p piece, ok bool) {
	notEnd := func(c byte) bool { return c != '\n' }
	first := ascii.RunStart(b, start, maxSplitGap, notEnd)
	column := utf8.RuneCount(b[first : start-len(g.prefix)])
	dot := dotAt(b, end)
	blank := column > 0 && (dot == 0 && bytes.HasPrefix(b[end:], []byte("  ")) || dot > 0 && bytes.HasPrefix(b[end+dot:], []byte("\n")))
	if !blank && borderAt(b, end+dot, 1) == 0 {
		return p, false
	}
	i := ascii.RunEnd(b, end, maxSplitGap, notEnd)
	i = min(len(b), i+1)
	empty := func(until int) { // columns of empty cells
		for ; i < len(b) && until > 0; until-- {
			n := max(borderAt(b, i, 0), ascii.RunEnd(b, i, 1, ascii.IsBlank)-i, min(dot, dotAt(b, i)))
			if n == 0 {
				return
			}
			i += n
		}
		column = until
	}
	empty(column)
	p = piece{at: i, joint: cell}
	i = ascii.RunEnd(b, i, maxBody, func(c byte) bool { return g.alphabet[c] })
	if column > 0 || i == p.at || !blank && borderAt(b, i+min(dot, dotAt(b, i)), maxSplitGap) == 0 || dot > 0 && dotAt(b, p.at-dot) != dot {
		return p, false
	}
	empty(maxSplitGap)
	return p, i == len(b) || ascii.IsSpace(b[i])
}

// The lengths of the two parts of a body such as id.secret.
const (
	minDottedID, maxDottedID = 8, 20
	minDottedSecret          = 24
)

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
	if score.Of(secret).LooksRandom() {
		return stop
	}
	return end
}
