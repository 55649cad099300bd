package rules

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
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

const packedPrefix = "H4sI"
const packedWhy = "a gzip file in base64 may begin here: no key is found in it"

// IsPacked reports whether n is no prefix, but the start of a file.
func (n *NearMiss) IsPacked() bool { return n.Prefix == packedPrefix }

// NearMisses returns the positions of text that no rule searches although a
// person would, sorted. It is for a text without candidates: Explain says the
// rest.
func (s *Set) NearMisses(text []byte) []NearMiss {
	c := s.compiled()
	byPosition := map[int]NearMiss{}
	add := func(at int, prefix, why string) {
		if _, ok := byPosition[at]; !ok { // the first reason is the nearest
			byPosition[at] = NearMiss{at, prefix, why}
		}
	}
	for at, l := range c.finder.All(text) {
		if len(byPosition) == maxNearMisses {
			break
		}
		if c.entries[l].prefix == packed {
			add(at, packedPrefix, packedWhy)
			continue
		}
		add(at, c.prefixes[c.entries[l].prefix].text, "a literal is here, but it does not decode to a prefix with a body")
	}
	disguises := disguisesOf(text)
	for i := range c.prefixes {
		p := c.prefixes[i].text
		if !strings.HasSuffix(p, "_") || strings.ToLower(p) != p {
			continue // a user's prefix may be anything
		}
		for _, d := range disguises {
			form := p
			if d.write != nil {
				form = d.write(p)
			}
			for _, at := range positions(d.text, form) {
				why := strings.NewReplacer("PREFIX", p, "FORM", form).Replace(d.why)
				if d.from != nil {
					at = d.from[at]
				}
				add(at, p, why)
			}
		}
	}
	list := slices.SortedFunc(maps.Values(byPosition), func(a, b NearMiss) int { return cmp.Compare(a.At, b.At) })
	return list[:min(len(list), maxNearMisses)]
}

// disguise is a way to write a prefix that is not searched for.
type disguise struct {
	text  []byte                // in which the prefix is plain
	from  []int                 // where each byte of text came from; nil: from its own offset
	write func(p string) string // the form of a prefix in text; nil: as it is
	why   string                // for PREFIX and its FORM
}

func disguisesOf(text []byte) []disguise {
	folded := foldedASCII(text)
	joined, joinedFrom := withoutSeams(folded)
	return []disguise{
		{text: folded, why: "the prefix PREFIX is searched for in lower case only"},
		{text: bytes.ReplaceAll(folded, []byte("-"), []byte("_")), why: "it is written with dashes: a key has PREFIX"},
		{text: joined, from: joinedFrom, why: "the prefix PREFIX is put together from pieces here, and what is in no literal cannot be found"},
		{text: folded, write: publishable, why: "FORM starts a publishable key, which is meant to be seen"},
	}
}

// publishable returns the prefix of the public keys beside the secret ones of p,
// or "".
func publishable(p string) string {
	if tail, ok := strings.CutPrefix(p, "sk_"); ok {
		return "pk_" + tail
	}
	return ""
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

// positions returns where p is in b; "" is nowhere.
func positions(b []byte, p string) (list []int) {
	for from := 0; p != "" && len(list) < maxNearMisses; {
		i := bytes.Index(b[from:], []byte(p))
		if i < 0 {
			break
		}
		list = append(list, from+i)
		from += i + 1
	}
	return list
}

// withoutSeams returns b without what joins two string literals, and where each byte
// came from.
func withoutSeams(b []byte) (out []byte, from []int) {
	for i := 0; i < len(b); i++ {
		if n := seam(b[i:]); n > 0 {
			i += n - 1
			continue
		}
		out, from = append(out, b[i]), append(from, i)
	}
	return out, from
}

// seam returns the length of what joins two string literals at the start of b,
// "a" + "b" or 'a' 'b', or 0.
func seam(b []byte) (length int) {
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
