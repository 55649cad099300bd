package rules

import (
	"cmp"
	"fmt"
	"regexp/syntax"
	"strings"
	"unicode"
)

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
		b.WriteByte(byte(first))
		if c > first+1 {
			b.WriteByte('-')
		}
		if c > first {
			b.WriteByte(byte(c))
		}
	}
	if a['-'] {
		b.WriteByte('-')
	}
	return b.String()
}
