package rules

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"

	"keysweep/rules/ascii"
)

// NearMiss is a position where a key seems to start, to a person, and where no
// literal is.
type NearMiss struct {
	At     int    // offset in the text
	Prefix string // the prefix that it looks like
	Why    string // why it is not searched, in words
}

// maxNearMisses is how many are worth reporting of one text.
const maxNearMisses = 10

// NearMisses returns the positions of text that no rule searches although a
// person would, sorted. It is for a text without candidates: Explain says the
// rest.
func (s *Set) NearMisses(text []byte) []NearMiss {
	return s.compiled().nearMisses(text)
}

func (s *compiled) nearMisses(text []byte) []NearMiss {
	var list []NearMiss
	add := func(at int, prefix, format string, args ...any) {
		for i := range list {
			if list[i].At == at {
				return // the first reason is the nearest
			}
		}
		list = append(list, NearMiss{at, prefix, fmt.Sprintf(format, args...)})
	}
	for at, l := range s.finder.All(text) {
		add(at, s.prefixes[s.entries[l].prefix].text, "a literal is here, but it does not decode to a prefix with a body")
	}
	folded := foldedASCII(text)
	plain, from := unescaped(folded)
	joined, origin := unquoted(folded)
	for i := range s.prefixes {
		p := s.prefixes[i].text
		if !strings.HasSuffix(p, "_") || strings.ToLower(p) != p {
			continue // a user's prefix may be anything
		}
		for _, at := range positions(folded, p) {
			add(at, p, "the prefix %s is searched for in lower case only", p)
		}
		dashed := bytes.ReplaceAll(folded, []byte("-"), []byte("_"))
		for _, at := range positions(dashed, p) {
			add(at, p, "it is written with dashes: a key has %s", p)
		}
		for _, at := range positions(joined, p) {
			add(origin[at], p, "the prefix %s is put together from pieces here, and what is in no literal cannot be found", p)
		}
		for _, at := range positions(plain, p) {
			add(from[at], p, "the underscores of %s are escaped in a way that is not searched for", p)
		}
		for _, at := range positions(folded, hex.EncodeToString([]byte(p))) {
			add(at, p, "%s is written in hex here, in a form that is not searched for", p)
		}
		if tail, ok := strings.CutPrefix(p, "sk_"); ok {
			for _, at := range positions(folded, "pk_"+tail) {
				add(at, p, "pk_%s starts a publishable key, which is meant to be seen", tail)
			}
		}
	}
	for i := 1; i < len(list); i++ {
		for j := i; j > 0 && list[j].At < list[j-1].At; j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
	return list[:min(len(list), maxNearMisses)]
}

// foldedASCII returns b in lower case, with a placeholder for every byte that is not
// ASCII: offsets stay the same.
func foldedASCII(b []byte) []byte {
	out := bytes.Clone(b)
	for i, c := range out {
		if out[i] = ascii.Fold(c); c >= 0x80 {
			out[i] = '?'
		}
	}
	return out
}

// positions returns where p is in b.
func positions(b []byte, p string) (list []int) {
	for from := 0; len(list) < maxNearMisses; {
		i := bytes.Index(b[from:], []byte(p))
		if i < 0 {
			break
		}
		list = append(list, from+i)
		from += i + 1
	}
	return list
}

// escapedUnderscores are ways to write an underscore, in lower case.
var escapedUnderscores = []string{"%5f", "%255f", `\u005f`, `\x5f`, `\_`, "&#95;", "&#x5f;", "&lowbar;"}

// unescaped returns b with plain underscores, and where each byte came from.
func unescaped(b []byte) (out []byte, from []int) {
next:
	for i := 0; i < len(b); {
		for _, e := range escapedUnderscores {
			if bytes.HasPrefix(b[i:], []byte(e)) {
				out, from = append(out, '_'), append(from, i)
				i += len(e)
				continue next
			}
		}
		out, from = append(out, b[i]), append(from, i)
		i++
	}
	return out, from
}

// unquoted returns b without the seams between neighbouring string literals,
// "a" + "b" or 'a' 'b', and where each byte came from.
func unquoted(b []byte) (out []byte, from []int) {
	for i := 0; i < len(b); {
		if n := seam(b[i:]); n > 0 {
			i += n
			continue
		}
		out, from = append(out, b[i]), append(from, i)
		i++
	}
	return out, from
}

// seam returns the length of what joins two string literals at the start of b,
// or 0.
func seam(b []byte) int {
	if !ascii.IsQuote(b[0]) {
		return 0
	}
	i := 1
	for i < len(b) && i < maxSplitGap && bytes.IndexByte([]byte(" \t+.&|,"), b[i]) >= 0 {
		i++
	}
	if i == 1 || i >= len(b) || !ascii.IsQuote(b[i]) {
		return 0
	}
	return i + 1
}
