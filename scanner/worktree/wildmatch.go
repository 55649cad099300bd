package worktree

import "strings"

// A glob is one wildcard pattern of an ignore file, compiled. Its language is
// the one of gitignore(5) as git's wildmatch.c reads it:
//
//	?        one byte, not '/'
//	*        any bytes, not '/'
//	**       any bytes, if it stands alone between slashes or pattern ends;
//	         else it is *
//	**/      also nothing at all
//	[a-z]    one byte of a set, not '/'; [!a] and [^a] of its complement
//	\x       the byte x
//
// A pattern that git cannot make sense of ("[a", a backslash at the end)
// matches nothing from that place on.
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
// and so is upper case in the pattern where it stands for itself.
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
// its length, 0 if it has no end or names an unknown class. The loop follows
// wildmatch.c step by step, since its treatment of ']' in the first place, of
// '-' at the edges and of a half-open "[:" is nowhere written down.
func compileSet(p string, fold bool) (s set, n int) {
	i := 1
	at := func(k int) byte { // 0 behind the end, as in C
		if k < len(p) {
			return p[k]
		}
		return 0
	}
	negated := at(i) == '!' || at(i) == '^'
	if negated {
		i++
	}
	var before byte // the byte that a '-' would start from; 0: none
	for first := true; first || at(i) != ']'; first = false {
		c := at(i)
		switch {
		case c == 0:
			return set{}, 0
		case c == '\\':
			i++
			if c = at(i); c == 0 {
				return set{}, 0
			}
			s.add(c)
		case c == '-' && before != 0 && at(i+1) != 0 && at(i+1) != ']':
			i++
			if c = at(i); c == '\\' {
				i++
				if c = at(i); c == 0 {
					return set{}, 0
				}
			}
			for b := int(before); b <= int(c); b++ {
				s.add(byte(b))
				if fold {
					s.add(lower(byte(b)))
				}
			}
			c = 0
		case c == '[' && at(i+1) == ':':
			start := i + 2
			end := start
			for at(end) != 0 && at(end) != ']' {
				end++
			}
			if at(end) == 0 {
				return set{}, 0
			}
			if end-start < 1 || p[end-1] != ':' {
				s.add('[') // no ":]": an ordinary '['
				break
			}
			is, ok := classes[p[start:end-1]]
			if !ok {
				return set{}, 0
			}
			for b := range 256 {
				if is(byte(b)) {
					s.add(byte(b))
				}
			}
			if fold && p[start:end-1] == "upper" {
				for b := byte('a'); b <= 'z'; b++ {
					s.add(b)
				}
			}
			i = end
			c = 0
		default:
			s.add(c)
		}
		before = c
		i++
	}
	if negated {
		for k := range s {
			s[k] = ^s[k]
		}
	}
	return s, i + 1
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
// once: scratch holds, for each offset of text, whether the tokens so far can
// end there, so that the cost is at most tokens × bytes.
func (g *glob) match(text string, scratch *[]bool) (matched, ok bool) {
	if len(g.tokens)*(len(text)+1) > globBudget {
		return false, false
	}
	if cap(*scratch) < len(text)+1 {
		*scratch = make([]bool, 2*len(text)+64)
	}
	can := (*scratch)[:len(text)+1]
	clear(can)
	can[0] = true
	lo, hi := 0, 0 // can is true at lo and at hi and nowhere outside
	for _, t := range g.tokens {
		switch t.kind {
		case tokenNever:
			return false, true
		case tokenStar:
			on, last := false, hi
			for i := lo; i <= len(text); i++ {
				if on = on || can[i]; on {
					can[i], hi = true, max(hi, i)
				}
				if i < len(text) && text[i] == '/' {
					if on = false; i >= last {
						break
					}
				}
			}
		case tokenStarStar:
			for i := lo; i <= len(text); i++ {
				can[i] = true
			}
			hi = len(text)
		case tokenStarStarSlash:
			// Nothing, or anything up to and with a '/'.
			for i := lo; i < len(text); i++ {
				if text[i] == '/' {
					can[i+1] = true
					hi = max(hi, i+1)
				}
			}
		default:
			// One byte: every offset moves up by one, or is dropped.
			newLo, newHi := -1, -1
			for i := min(hi, len(text)-1); i >= lo; i-- {
				was := can[i]
				can[i] = false
				if i+1 <= len(text) {
					can[i+1] = was && g.one(t, text[i])
					if can[i+1] {
						if newHi < 0 {
							newHi = i + 1
						}
						newLo = i + 1
					}
				}
			}
			if newHi < 0 {
				return false, true
			}
			lo, hi = newLo, newHi
		}
	}
	return can[len(text)], true
}

// one reports whether t, a token for one byte, matches c.
func (g *glob) one(t token, c byte) bool {
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
