// Package alphabet has the sets of characters that bodies are made of.
package alphabet

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"
	"unicode/utf8"
)

// Alphabet is a set of bytes.
type Alphabet [256]bool

// Base64URL is what every known issuer and generator of sk_ keys draws from.
const Base64URL = "A-Za-z0-9_-"

// Parse reads a set of characters as a regular expression has it, without its
// brackets. No set is Base64URL.
func Parse(set string) (Alphabet, error) {
	if set == "" || set == Base64URL {
		return base64URL(), nil
	}
	return parse(set)
}

// base64URL is read once: nearly every rule has it.
var base64URL = sync.OnceValue(func() Alphabet {
	a, err := parse(Base64URL)
	if err != nil {
		panic("alphabet: " + err.Error())
	}
	return a
})

func parse(set string) (a Alphabet, err error) {
	re, err := syntax.Parse("["+set+"]", syntax.Perl)
	if err != nil || strings.ContainsAny(set, "[]") || re.Op != syntax.OpCharClass && re.Op != syntax.OpLiteral {
		return a, fmt.Errorf("%q is not a set such as %s", set, Base64URL)
	}
	class, err := regexp.Compile("^(?s:[" + set + "])$")
	if err != nil {
		return a, fmt.Errorf("%q is not a set such as %s", set, Base64URL)
	}
	for c := range utf8.RuneSelf {
		a[c] = class.MatchString(string(rune(c)))
	}
	return a, nil
}

// String writes a as ranges in the order of bytes, the dash last.
func (a *Alphabet) String() string {
	var b strings.Builder
	for c := 0; c < len(a); {
		if !a[c] || c == '-' {
			c++
			continue
		}
		last := c
		for last+1 < len(a) && a[last+1] && last+1 != '-' {
			last++
		}
		b.WriteByte(byte(c))
		if last > c+1 {
			b.WriteByte('-')
		}
		if last > c {
			b.WriteByte(byte(last))
		}
		c = last + 1
	}
	if a['-'] {
		b.WriteByte('-')
	}
	return b.String()
}
