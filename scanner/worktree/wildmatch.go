package worktree

import "strings"

// A glob is one wildcard pattern of an ignore file, compiled. Its language is
// the one of gitignore(5) as git's wildmatch.c reads it:
//
//	?        one byte, not '/'
//	*        any bytes, not '/'
//	**       any bytes, if it is alone between slashes or pattern ends;
//	         else it is *
//	**/      also nothing at all
//	[a-z]    one byte of a set, not '/'; [!a] and [^a] of its complement
//	\x       the byte x
//
// A pattern that git cannot make sense of ("[a", a backslash at the end)
// matches nothing from there on.
type glob struct {
	tokens []token
	sets   []set // of the tokens of kind tokenSet, by token.arg
	fold   bool
}

type tokenKind uint8

const (
	tokenByte          tokenKind = iota // token.arg
	tokenAny                            // ?
	tokenSet                            // [...]
	tokenStar                           // *
	tokenStarStar                       // **
	tokenStarStarSlash                  // **/, which may be nothing
	tokenNever
)

type token struct {
	kind tokenKind
	arg  uint32
}

// set holds one bit for each byte.
type set [4]uint64

func (s *set) add(c byte)      { s[c>>6] |= 1 << (c & 63) }
func (s *set) has(c byte) bool { return s[c>>6]&(1<<(c&63)) != 0 }

// compileGlob compiles pattern. With fold, upper case in text is lower case,
// and so is upper case in the pattern where it means itself.
func compileGlob(pattern string, fold bool) *glob {
	g := &glob{fold: fold}
	for i := 0; i < len(pattern); {
		c := pattern[i]
		switch c {
		case '\\':
			if i+1 == len(pattern) {
				g.add(tokenNever, 0)
				return g
			}
			g.add(tokenByte, uint32(pattern[i+1])) // never folded: git does not
			i += 2
		case '?':
			g.add(tokenAny, 0)
			i++
		case '[':
			s, n := compileSet(pattern[i:], fold)
			if n == 0 {
				g.add(tokenNever, 0)
				return g
			}
			g.add(tokenSet, uint32(len(g.sets)))
			g.sets = append(g.sets, s)
			i += n
		case '*':
			start := i
			for i < len(pattern) && pattern[i] == '*' {
				i++
			}
			rest := pattern[i:]
			alone := i-start > 1 && (start == 0 || pattern[start-1] == '/') &&
				(rest == "" || rest[0] == '/' || strings.HasPrefix(rest, `\/`))
			switch {
			case alone && strings.HasPrefix(rest, "/"):
				g.add(tokenStarStarSlash, 0)
				i++
			case alone:
				g.add(tokenStarStar, 0)
			default:
				g.add(tokenStar, 0)
			}
		default:
			if fold {
				c = lower(c)
			}
			g.add(tokenByte, uint32(c))
			i++
		}
	}
	return g
}

func (g *glob) add(k tokenKind, arg uint32) { g.tokens = append(g.tokens, token{k, arg}) }

// compileSet compiles the bracket expression that p starts with and returns
// its length, 0 if it has no end or names an unknown class.
func compileSet(p string, fold bool) (set, int) {
	c := setCompiler{p: p, at: 1, fold: fold}
	negated := c.byteAt(0) == '!' || c.byteAt(0) == '^'
	if negated {
		c.at++
	}
	for first := true; first || c.byteAt(0) != ']'; first = false {
		if !c.next() {
			return set{}, 0
		}
	}
	if negated {
		for k := range c.set {
			c.set[k] = ^c.set[k]
		}
	}
	return c.set, c.at + 1
}

// setCompiler reads the members of a bracket expression. It follows wildmatch.c
// step by step, since its treatment of ']' in the first position, of '-' at the
// edges and of a half-open "[:" is written down nowhere.
type setCompiler struct {
	set  set
	p    string
	at   int // in p
	fold bool
	from byte // the byte that a '-' would start from; 0: none
}

// byteAt returns the byte n behind the current one; 0 behind the end, as in C.
func (c *setCompiler) byteAt(n int) byte {
	if c.at+n < len(c.p) {
		return c.p[c.at+n]
	}
	return 0
}

// next reads a member; false: the expression makes no sense.
func (c *setCompiler) next() bool {
	b := c.byteAt(0)
	switch {
	case b == '-' && c.from != 0 && c.byteAt(1) != 0 && c.byteAt(1) != ']':
		c.at++
		b, ok := c.literal()
		if ok {
			c.addRange(b)
		}
		c.from = 0
		return ok
	case b == '[' && c.byteAt(1) == ':':
		return c.class()
	}
	b, ok := c.literal()
	c.set.add(b)
	c.from = b
	return ok
}

// literal reads one byte, which may be escaped.
func (c *setCompiler) literal() (b byte, ok bool) {
	if c.byteAt(0) == '\\' {
		c.at++
	}
	b = c.byteAt(0)
	c.at++
	return b, b != 0
}

func (c *setCompiler) addRange(to byte) {
	for b := int(c.from); b <= int(to); b++ {
		c.set.add(byte(b))
		if c.fold {
			c.set.add(lower(byte(b)))
		}
	}
}

// class reads [:name:], or a '[' if there is no ":]".
func (c *setCompiler) class() bool {
	n := strings.IndexAny(c.p[c.at+2:], "]\x00")
	if n < 0 || c.p[c.at+2+n] != ']' {
		return false
	}
	name, ok := strings.CutSuffix(c.p[c.at+2:c.at+2+n], ":")
	if !ok {
		c.set.add('[')
		c.from = '['
		c.at++
		return true
	}
	holds, ok := classes[name]
	if !ok {
		return false
	}
	for b := range 256 {
		if holds(byte(b)) || c.fold && name == "upper" && b >= 'a' && b <= 'z' {
			c.set.add(byte(b))
		}
	}
	c.at += n + 3
	c.from = 0
	return true
}

// classes are the POSIX classes in the C locale.
var classes = map[string]func(byte) bool{
	"alnum":  func(c byte) bool { return isAlpha(c) || isDigit(c) },
	"alpha":  isAlpha,
	"blank":  func(c byte) bool { return c == ' ' || c == '\t' },
	"cntrl":  func(c byte) bool { return c < ' ' || c == 0x7f },
	"digit":  isDigit,
	"graph":  func(c byte) bool { return c > ' ' && c < 0x7f },
	"lower":  func(c byte) bool { return c >= 'a' && c <= 'z' },
	"print":  func(c byte) bool { return c >= ' ' && c < 0x7f },
	"punct":  func(c byte) bool { return c > ' ' && c < 0x7f && !isAlpha(c) && !isDigit(c) },
	"space":  func(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' },
	"upper":  func(c byte) bool { return c >= 'A' && c <= 'Z' },
	"xdigit": func(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' },
}

func isAlpha(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// globBudget limits tokens × bytes of one match, so that a hostile pattern
// costs at most some ten milliseconds a path. Git has no limit.
const globBudget = 1 << 24

// match reports whether g matches the whole of text; ok is false if finding
// out costs more than globBudget. It follows all ways through the pattern at
// once, so that the cost is at most tokens × bytes. scratch is used again.
func (g *glob) match(text string, scratch *[]bool) (matched, ok bool) {
	if len(g.tokens)*(len(text)+1) > globBudget {
		return false, false
	}
	if cap(*scratch) < len(text)+1 {
		*scratch = make([]bool, 2*len(text)+64)
	}
	e := ends{text: text, can: (*scratch)[:len(text)+1]}
	clear(e.can)
	e.can[0] = true
	for _, t := range g.tokens {
		switch t.kind {
		case tokenNever:
			return false, true
		case tokenStar:
			e.star()
		case tokenStarStar:
			e.starStar()
		case tokenStarStarSlash:
			e.starStarSlash()
		default:
			if !e.one(g, t) {
				return false, true
			}
		}
	}
	return e.can[len(text)], true
}

// ends holds, for each offset of text, whether the tokens so far can end there.
type ends struct {
	text   string
	can    []bool
	lo, hi int // can is true at lo and at hi and nowhere outside
}

// star takes any bytes but '/'.
func (e *ends) star() {
	on, last := false, e.hi
	for i := e.lo; i <= len(e.text); i++ {
		if on = on || e.can[i]; on {
			e.can[i], e.hi = true, max(e.hi, i)
		}
		if i < len(e.text) && e.text[i] == '/' {
			if on = false; i >= last {
				break
			}
		}
	}
}

// starStar takes any bytes.
func (e *ends) starStar() {
	for i := e.lo; i <= len(e.text); i++ {
		e.can[i] = true
	}
	e.hi = len(e.text)
}

// starStarSlash takes nothing, or anything up to and with a '/'.
func (e *ends) starStarSlash() {
	for i := e.lo; i < len(e.text); i++ {
		if e.text[i] == '/' {
			e.can[i+1] = true
			e.hi = max(e.hi, i+1)
		}
	}
}

// one takes a byte that t of g matches: every end moves up by one, or is
// dropped. It reports whether one is left.
func (e *ends) one(g *glob, t token) bool {
	lo, hi := -1, -1
	for i := min(e.hi, len(e.text)-1); i >= e.lo; i-- {
		was := e.can[i]
		e.can[i] = false
		if e.can[i+1] = was && g.matchesByte(t, e.text[i]); e.can[i+1] {
			hi = max(hi, i+1)
			lo = i + 1
		}
	}
	e.lo, e.hi = lo, hi
	return hi >= 0
}

// matchesByte reports whether t, a token for one byte, matches c.
func (g *glob) matchesByte(t token, c byte) bool {
	folded := c
	if g.fold {
		folded = lower(c)
	}
	switch t.kind {
	case tokenByte:
		return uint32(folded) == t.arg
	case tokenAny:
		return c != '/'
	}
	return c != '/' && g.sets[t.arg].has(folded)
}
