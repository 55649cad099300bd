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
	fold   bool
}

type token struct {
	kind tokenKind
	byte byte // of tokenByte
	set  *set // of tokenSet
}

type tokenKind uint8

const (
	tokenByte          tokenKind = iota
	tokenSet                     // ? or [...]; empty: what makes no sense
	tokenStar                    // *
	tokenStarStar                // **
	tokenStarStarSlash           // **/, which may be nothing
)

// set holds one bit for each byte.
type set [4]uint64

func (s *set) has(c byte) bool { return s[c>>6]&(1<<(c&63)) != 0 }

func (s *set) add(from, to byte) {
	for c := int(from); c <= int(to); c++ {
		s[c>>6] |= 1 << (c & 63)
	}
}

var notSlash = set{^uint64(1 << '/'), ^uint64(0), ^uint64(0), ^uint64(0)}

// compileGlob compiles pattern. With fold, upper case in text is lower case,
// and so is upper case in the pattern where it means itself.
func compileGlob(pattern string, fold bool) *glob {
	g := &glob{fold: fold}
	p := pattern + "\x00" // as in C: what is behind a byte can be read
	for i := 0; p[i] != 0; i++ {
		t := token{kind: tokenByte, byte: p[i]}
		switch p[i] {
		case '\\':
			i++
			t.byte = p[i] // never folded: git does not
			if p[i] == 0 {
				g.tokens = append(g.tokens, token{kind: tokenSet, set: new(set)})
				return g
			}
		case '?':
			t = token{kind: tokenSet, set: &notSlash}
		case '[':
			s, n := compileSet(p[i:], fold)
			t = token{kind: tokenSet, set: &s}
			if n == 0 {
				g.tokens = append(g.tokens, t)
				return g
			}
			i += n - 1
		case '*':
			t.kind = tokenStar
			start := i
			for p[i+1] == '*' {
				i++
			}
			rest := p[i+1:]
			if i > start && (start == 0 || p[start-1] == '/') {
				switch {
				case rest[0] == '/':
					t.kind = tokenStarStarSlash
					i++
				case rest[0] == 0 || strings.HasPrefix(rest, `\/`):
					t.kind = tokenStarStar
				}
			}
		default:
			if fold {
				t.byte = lower(p[i])
			}
		}
		g.tokens = append(g.tokens, t)
	}
	return g
}

// compileSet compiles the bracket expression that p starts with and returns
// its length, 0 if it has no end or names an unknown class. p ends with a zero
// byte. It follows wildmatch.c step by step, since the treatment of ']' in the
// first position, of '-' at the edges and of a half-open "[:" is written down
// nowhere.
func compileSet(p string, fold bool) (s set, n int) {
	i := 1
	negated := p[i] == '!' || p[i] == '^'
	if negated {
		i++
	}
	var last byte // that a '-' would start from; 0: none
	for first := true; first || p[i] != ']'; first = false {
		if p[i] == '[' && p[i+1] == ':' {
			end := i + 2 + strings.IndexAny(p[i+2:], "]\x00")
			if p[end] == 0 {
				return set{}, 0
			}
			if name, ok := strings.CutSuffix(p[i+2:end], ":"); ok {
				ranges, ok := classes[name]
				if !ok {
					return set{}, 0
				}
				if fold && name == "upper" {
					ranges += "az"
				}
				for ; ranges != ""; ranges = ranges[2:] {
					s.add(ranges[0], ranges[1])
				}
				i, last = end+1, 0
				continue
			}
		}
		isRange := p[i] == '-' && last != 0 && p[i+1] != 0 && p[i+1] != ']'
		if isRange {
			i++
		}
		if p[i] == '\\' {
			i++
		}
		c := p[i]
		if c == 0 {
			return set{}, 0
		}
		i++
		if !isRange {
			s.add(c, c)
			last = c
			continue
		}
		s.add(last, c)
		if from, to := max(last, 'A'), min(c, 'Z'); fold && from <= to {
			s.add(lower(from), lower(to))
		}
		last = 0
	}
	for k := range s {
		if negated {
			s[k] = ^s[k]
		}
		s[k] &= notSlash[k]
	}
	return s, i + 1
}

// classes are the POSIX classes in the C locale, as ranges.
var classes = map[string]string{
	"alnum":  "09AZaz",
	"alpha":  "AZaz",
	"blank":  "  \t\t",
	"cntrl":  "\x00\x1f\x7f\x7f",
	"digit":  "09",
	"graph":  "!~",
	"lower":  "az",
	"print":  " ~",
	"punct":  "!/:@[`{~",
	"space":  "  \t\r",
	"upper":  "AZ",
	"xdigit": "09AFaf",
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// globBudget limits the steps of one match, so that a hostile pattern costs at
// most some ten milliseconds a path. Git has no limit.
const globBudget = 1 << 22

// match reports whether g matches the whole of text; ok is false if finding
// out costs more than globBudget. What is between two stars is matched as early
// as possible: a star is never tried again for one before it, since only ** goes
// beyond a '/', and what a later ** could reach, the first match reaches.
func (g *glob) match(text string) (matched, ok bool) {
	type retry struct{ token, at int } // token 0: none
	var star, starStar retry           // the last ones: the token behind, and where it was tried
	t, at := 0, 0
	for range globBudget {
		if t == len(g.tokens) && at == len(text) {
			return true, true
		}
		if t < len(g.tokens) {
			switch k := &g.tokens[t]; k.kind {
			case tokenStar:
				t++
				star = retry{t, at}
				continue
			case tokenStarStar, tokenStarStarSlash:
				t++
				star, starStar = retry{}, retry{t, at}
				continue
			default:
				if at < len(text) && g.matchesByte(k, text[at]) {
					t++
					at++
					continue
				}
			}
		}
		switch {
		case star.token > 0 && star.at < len(text) && text[star.at] != '/':
			star.at++
			t, at = star.token, star.at
			continue
		case starStar.token == 0:
			return false, true
		case g.tokens[starStar.token-1].kind == tokenStarStar:
			starStar.at++
		default:
			n := strings.IndexByte(text[starStar.at:], '/')
			if n < 0 {
				return false, true
			}
			starStar.at += n + 1
		}
		if starStar.at > len(text) {
			return false, true
		}
		star = retry{}
		t, at = starStar.token, starStar.at
	}
	return false, false
}

// matchesByte reports whether t, a token for one byte, matches c.
func (g *glob) matchesByte(t *token, c byte) bool {
	if g.fold {
		c = lower(c)
	}
	if t.kind == tokenByte {
		return c == t.byte
	}
	return t.set.has(c)
}
