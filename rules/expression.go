package rules

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// pattern returns what compiles expr when it is first asked for.
func pattern(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

// anchored compiles an expression that must start with ^, so that it never
// searches, and that must or must not end with $.
func anchored(expr string, whole bool) (*regexp.Regexp, error) {
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, fmt.Errorf("%q does not compile: %w", expr, err)
	}
	parsed := must(syntax.Parse(expr, syntax.Perl))
	// The time of a match is the length of the text times the program's.
	switch prog := must(syntax.Compile(parsed.Simplify())); {
	case !startsAnchored(parsed):
		return nil, fmt.Errorf("%q is not anchored: it must start with ^", expr)
	case whole && !strings.HasSuffix(expr, "$"):
		return nil, fmt.Errorf("%q is not anchored: it must end with $", expr)
	case len(prog.Inst) > maxProgram:
		return nil, fmt.Errorf("%q is too long: its repetitions make more than %d steps", expr, maxProgram)
	}
	return re, nil
}

// startsAnchored reports whether every match of re starts at the beginning of
// the text.
func startsAnchored(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpBeginText:
		return true
	case syntax.OpConcat, syntax.OpCapture:
		return len(re.Sub) > 0 && startsAnchored(re.Sub[0])
	case syntax.OpAlternate:
		return !slices.ContainsFunc(re.Sub, func(s *syntax.Regexp) bool { return !startsAnchored(s) })
	}
	return false
}

// language is what the strings that an expression matches have in common.
type language struct {
	min, max int     // characters; max is below 0 if there is no limit
	widest   float64 // bits of its widest class of characters
	saved    float64 // bits by which a string takes less than its length of them
}

// languageOf measures an expression, which compiles.
func languageOf(expr string) language {
	l, bits := measure(must(syntax.Parse(expr, syntax.Perl)).Simplify())
	l.saved = float64(l.min)*l.widest - bits
	return l
}

// measure returns the language of re, without saved, and the bits of its shortest
// strings.
func measure(re *syntax.Regexp) (l language, bits float64) {
	switch re.Op {
	case syntax.OpLiteral:
		l.min, l.max = len(re.Rune), len(re.Rune)
	case syntax.OpCharClass:
		n := 0
		for i := 0; i < len(re.Rune); i += 2 {
			n += int(re.Rune[i+1]-re.Rune[i]) + 1
		}
		bits = math.Log2(float64(n))
		l = language{min: 1, max: 1, widest: bits}
	case syntax.OpCapture, syntax.OpConcat:
		for _, s := range re.Sub {
			sub, b := measure(s)
			bits += b
			l = language{min: l.min + sub.min, max: l.max + sub.max, widest: max(l.widest, sub.widest)}
		}
	case syntax.OpAlternate:
		for i, s := range re.Sub {
			sub, b := measure(s)
			if i == 0 {
				l, bits = sub, b
				continue
			}
			bits = math.Log2(math.Exp2(bits) + math.Exp2(b))
			l = language{min: min(l.min, sub.min), max: max(l.max, sub.max), widest: max(l.widest, sub.widest)}
		}
	case syntax.OpPlus, syntax.OpStar, syntax.OpQuest: // OpRepeat is simplified to them
		l, bits = measure(re.Sub[0])
		if re.Op != syntax.OpPlus {
			l.min, bits = 0, 0
		}
		if re.Op != syntax.OpQuest {
			l.max = -maxProgram // no sum is greater: each character is a step
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		l, bits = language{min: 1, max: 1, widest: 8}, 8
	}
	return l, bits
}

// alphabet is a set of bytes that bodies are made of.
type alphabet [256]bool

// base64URL is what every known issuer and generator of sk_ keys draws from.
const base64URL = "A-Za-z0-9_-"

// parseAlphabet reads a set of characters as a regular expression has it,
// without its brackets. No set is base64URL.
func parseAlphabet(set string) (a alphabet, err error) {
	set = cmp.Or(set, base64URL)
	re, err := syntax.Parse("["+set+"]", syntax.Perl)
	if err != nil || strings.ContainsAny(set, "[]") || re.Op != syntax.OpCharClass && re.Op != syntax.OpLiteral {
		return a, fmt.Errorf("%q is not a set such as %s", set, base64URL)
	}
	ranges := re.Rune
	if re.Op == syntax.OpLiteral { // one character, perhaps in both cases
		ranges = []rune{re.Rune[0], re.Rune[0]}
		if other := unicode.SimpleFold(re.Rune[0]); re.Flags&syntax.FoldCase != 0 {
			ranges = append(ranges, other, other)
		}
	}
	for i := 0; i < len(ranges); i += 2 {
		for c := ranges[i]; c <= min(ranges[i+1], unicode.MaxASCII); c++ {
			a[c] = true
		}
	}
	return a, nil
}

// String writes a as ranges in the order of bytes, the dash last.
func (a *alphabet) String() string {
	var b strings.Builder
	for c := 0; c < len(a); c++ {
		if !a[c] || c == '-' {
			continue
		}
		first := c
		for c+1 < len(a) && a[c+1] && c+1 != '-' {
			c++
		}
		b.WriteString(string(rune(first)) + [...]string{"", string(rune(c)), "-" + string(rune(c))}[min(c-first, 2)])
	}
	if a['-'] {
		b.WriteByte('-')
	}
	return b.String()
}
