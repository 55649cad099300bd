package rules

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"

	"keysweep/rules/ascii"
	"keysweep/rules/finder"
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

// IsPacked reports whether n is no prefix, but the start of a file.
func (n *NearMiss) IsPacked() bool { return n.Prefix == packedPrefix }

// NearMisses returns the positions of text, which has no candidates, that no rule searches although
// a person would, sorted.
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
			add(at, packedPrefix, "a gzip file in base64 may begin here: no key is found in it")
			continue
		}
		add(at, c.prefixes[c.entries[l].prefix].text, "a literal is here, but it does not decode to a prefix with a body")
	}
	for _, d := range disguisesOf(text) {
		var forms [][]byte
		var prefixes []string          // of forms
		for _, p := range c.prefixes { // a user's may be anything
			if form := d.form(p.text); form != "" && strings.HasSuffix(p.text, "_") && strings.ToLower(p.text) == p.text {
				forms, prefixes = append(forms, []byte(form)), append(prefixes, p.text)
			}
		}
		n := 0
		for at, i := range finder.New(forms).All(d.text) {
			if n++; n > maxNearMisses {
				break
			}
			why := strings.NewReplacer("PREFIX", prefixes[i], "FORM", string(forms[i])).Replace(d.why)
			if d.from != nil {
				at = d.from[at]
			}
			add(at, prefixes[i], why)
		}
	}
	list := slices.SortedFunc(maps.Values(byPosition), func(a, b NearMiss) int { return cmp.Compare(a.At, b.At) })
	return list[:min(len(list), maxNearMisses)]
}

// disguise is a way to write a prefix that is not searched for.
type disguise struct {
	text []byte                // in which the prefix has the form
	from []int                 // where each byte of text came from; nil: from its own offset
	form func(p string) string // of a prefix in text; "": none
	why  string                // for PREFIX and its FORM
}

func disguisesOf(text []byte) []disguise {
	// In lower case, with a placeholder for every byte that is not ASCII.
	folded := bytes.Clone(text)
	for i, c := range folded {
		if folded[i] = ascii.Fold(c); c >= 0x80 {
			folded[i] = '?'
		}
	}
	joined, joinedFrom := withoutSeams(folded)
	itself := func(p string) string { return p }
	publishable := func(p string) string {
		if tail, ok := strings.CutPrefix(p, "sk_"); ok {
			return "pk_" + tail
		}
		return ""
	}
	return []disguise{
		{folded, nil, itself, "the prefix PREFIX is searched for in lower case only"},
		{bytes.ReplaceAll(folded, []byte("-"), []byte("_")), nil, itself, "it is written with dashes: a key has PREFIX"},
		{joined, joinedFrom, itself, "the prefix PREFIX is put together from pieces here, and what is in no literal cannot be found"},
		{folded, nil, publishable, "FORM starts a publishable key, which is meant to be seen"},
	}
}

// seam is what joins two string literals: "a" + "b", 'a' 'b'.
var seam = pattern("[\"'`][ \t+.&|,]{1,255}[\"'`]")

// withoutSeams returns b without what joins two string literals, and where each byte
// came from.
func withoutSeams(b []byte) (out []byte, from []int) {
	i := 0
	for _, m := range append(seam().FindAllIndex(b, -1), []int{len(b), len(b)}) {
		for ; i < m[0]; i++ {
			out, from = append(out, b[i]), append(from, i)
		}
		i = m[1]
	}
	return out, from
}
