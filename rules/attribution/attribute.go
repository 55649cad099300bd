// Package attribution decides whose a key is, from what is around it: hosts,
// names, public keys, sections. Bytes in, evidence out; it knows no rules.
package attribution

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"keysweep/finding"
	"keysweep/rules/finder"
)

// Kind orders evidence: a greater kind beats a smaller one.
type Kind uint8

// The kinds of evidence.
const (
	Beside  Kind = iota + 1 // anything that speaks for another key, or for another section
	Path                    // the issuer's name in the path of the file
	File                    // its name or host elsewhere within Context
	Twin                    // a public key, import or SDK call within 200 bytes
	Name                    // its name on the same line, or on a section around the key
	Host                    // its host within 400 bytes
	Carrier                 // its host in the same URL, or its header around the key
	Shape                   // a shape that no other issuer has
)

// Evidence is one reason to think that a key is an issuer's.
type Evidence struct {
	Issuer   string
	Kind     Kind
	Distance int    // bytes between the key and the evidence
	Text     string // what was seen, in words, for reports: "host api.martis.id, 31 bytes before"
	// Strong says that it names the key's owner and not just anyone: a host anywhere in the
	// file, a setting or section, a name on the line, an SDK call or public key nearby.
	Strong bool
	// Weaker is set where something for another issuer is stronger or nearer at the same
	// occurrence, and where the body's shape speaks against Issuer: it does not count.
	Weaker bool
}

// compare orders the strongest and nearest first.
func compare(a, b Evidence) int {
	return cmp.Or(cmp.Compare(b.Kind, a.Kind), cmp.Compare(a.Distance, b.Distance),
		cmp.Compare(a.Issuer, b.Issuer), cmp.Compare(a.Text, b.Text))
}

// Rank sorts the evidence at one occurrence, keeps the best of each issuer, and
// says which of it is beaten.
func (a *Attributor) Rank(shapes []string, list []Evidence) []Evidence {
	slices.SortFunc(list, compare)
	kept := list[:0]
	for _, e := range list {
		if !slices.ContainsFunc(kept, func(k Evidence) bool { return k.Issuer == e.Issuer }) {
			kept = append(kept, e)
		}
	}
	best := -1
	for i := range kept {
		e := &kept[i]
		switch {
		case a.contradicts(*e, shapes):
			e.Weaker = true
		case best < 0:
			best = i
			beside := func(e Evidence) bool { return e.Kind == Beside && !a.contradicts(e, shapes) }
			if e.Kind == File && e.Distance > hostReach && slices.ContainsFunc(kept[i+1:], beside) {
				e.Kind = Beside // as good as what is next to the key
			}
		default:
			e.Weaker = !similar(kept[best], *e)
		}
	}
	return kept
}

// similar reports whether evidence b, for another issuer, is as good as a.
func similar(a, b Evidence) bool {
	if a.Kind != b.Kind {
		return false
	}
	return a.Kind == Shape || a.Kind == Beside || b.Distance <= similarFactor*a.Distance+similarBytes
}

// contradicts reports whether the body speaks against e: documented bodies of
// its issuer look otherwise, and e is no proof.
func (a *Attributor) contradicts(e Evidence, shapes []string) bool {
	return e.Kind != Shape && a.documented[e.Issuer] && !slices.Contains(shapes, e.Issuer)
}

// Path returns the issuers whose host, name or word is in the path of a file. It
// separates parts by '/'.
func (a *Attributor) Path(path string) []Evidence {
	b := []byte(path)
	var around Surroundings
	around.Scan(a, b, 0, len(b), true)
	var list []Evidence
	for _, u := range around.used {
		if a.sources[u].kind > sourceWord {
			continue
		}
		for _, m := range around.mentions[u] {
			list = append(list, Evidence{
				Issuer: a.sources[u].issuer, Kind: Path, Distance: len(b) - m.end,
				Text: fmt.Sprintf("%s in the path %s", shownHost(b[m.start:m.end]), path),
			})
		}
	}
	slices.SortFunc(list, compare)
	return slices.CompactFunc(list, func(a, b Evidence) bool { return a.Issuer == b.Issuer })
}

// Attribute decides whose a key is from the issuers whose documented shape it has and from
// the evidence at all its occurrences: a shape that no other issuer has; else what carries
// the key, its URL or header; else the issuer that evidence at every occurrence agrees on,
// where a mere mention in the file yields to anything nearer; else the path, if what is next
// to the key does not speak for another. It returns finding.IssuerAmbiguous if two are left,
// finding.IssuerUnknown if none is, and the evidence in words, strongest first.
func (a *Attributor) Attribute(shapes []string, ev []Evidence) (issuer string, why []string) {
	list := slices.DeleteFunc(slices.Clone(ev), func(e Evidence) bool { return a.contradicts(e, shapes) || e.Weaker })
	slices.SortFunc(list, compare)
	for _, kinds := range [...][2]Kind{
		{Shape, Shape}, {Carrier, Carrier}, {Twin, Host},
		{File, File}, {Beside, Path},
	} {
		var issuers, words []string
		beside := true // nothing but what belongs to a neighbour
		for _, e := range list {
			if e.Kind < kinds[0] || e.Kind > kinds[1] {
				continue
			}
			beside = beside && e.Kind == Beside
			if !slices.Contains(issuers, e.Issuer) {
				issuers, words = append(issuers, e.Issuer), append(words, e.Issuer+": "+e.Text)
			}
		}
		switch {
		case len(issuers) > 1:
			return finding.IssuerAmbiguous, words
		case len(issuers) == 1 && beside:
			return finding.IssuerUnknown, nil
		case len(issuers) == 1:
			return issuers[0], words
		}
	}
	return finding.IssuerUnknown, nil
}

// Strength returns how sure it is that a key is issuer's, given what Attribute was given: the
// best of the evidence that speaks for issuer and counts.
func (a *Attributor) Strength(issuer string, shapes []string, ev []Evidence) finding.Strength {
	best := finding.StrengthNone
	for _, e := range ev {
		if e.Issuer == issuer && !e.Weaker && !a.contradicts(e, shapes) {
			best = max(best, e.strength())
		}
	}
	return best
}

func (e *Evidence) strength() finding.Strength {
	switch e.Kind {
	case Shape:
		return finding.StrengthShape
	case Carrier, Host:
		return finding.StrengthHost
	case Name, Twin, File:
		if e.Strong {
			return finding.StrengthStrong
		}
	}
	return finding.StrengthWeak
}

// Key is where a key is in the text that is judged: a half-open range of bytes.
type Key struct{ Start, End int }

// Naming is what names an issuer, as one rule file has it. Its literals are in
// lower case.
type Naming struct {
	Issuer  string
	Hosts   []string    `toml:"hosts"`   // and their subdomains
	Names   []string    `toml:"names"`   // of variables, settings, sections; not in prose
	Words   []string    `toml:"words"`   // anywhere, as whole words
	Twins   []string    `toml:"twins"`   // imports, SDK calls, prefixes of public keys
	Headers []string    `toml:"headers"` // HTTP headers and Authorization schemes that carry the key
	Not     []string    `toml:"not"`     // a name or word within one of these is none
	Public  []PublicKey `toml:"twin_shapes"`
	Echoes  []Echo      `toml:"echoes"`
	// Documented says that the bodies of its keys have a documented shape: a body
	// without it is not the issuer's.
	Documented bool
}

// PublicKey is how the public keys of one issuer look, and of no other.
type PublicKey struct {
	Literals []string       `toml:"literals"` // one of them is before it
	Regex    string         `toml:"regex"`
	Base64   bool           `toml:"base64"` // the rest decodes to what Regex is for
	Rest     *regexp.Regexp // Regex; matches the whole of what follows
}

// Echo is text that holds a part of the key: Stripe's account ids do.
type Echo struct {
	Literal string `toml:"literal"` // is before the part
	// From and To are the part: a half-open range of the key's body, in
	// characters.
	From int `toml:"from"`
	To   int `toml:"to"`
}

// sourceKind says how an evidence literal is read.
type sourceKind uint8

const (
	sourceHost sourceKind = iota
	sourceName
	sourceWord
	sourceTwin
	sourceHeader
	sourcePublic
	sourceEcho
	sourceNot
)

// source is one literal of a rule's evidence.
type source struct {
	issuer  string
	literal string
	kind    sourceKind
	public  *PublicKey // of sourcePublic
	echo    *Echo      // of sourceEcho
}

// Attributor knows what names each issuer. It is safe for concurrent use.
type Attributor struct {
	sources []source
	finder  *finder.Finder // of the sources' literals, in lower case
	keys    *finder.Finder // of what keys start with
	// documented holds the issuers whose bodies have a documented shape: a
	// body without it is not theirs.
	documented map[string]bool
}

// New returns an Attributor of issuers; keys finds the prefixes of their keys.
func New(issuers []Naming, keys *finder.Finder) *Attributor {
	a := &Attributor{documented: map[string]bool{}, keys: keys}
	var literals [][]byte
	add := func(s source) {
		literals, a.sources = append(literals, []byte(strings.ToLower(s.literal))), append(a.sources, s)
	}
	for i := range issuers {
		n := &issuers[i]
		a.documented[n.Issuer] = a.documented[n.Issuer] || n.Documented
		for kind, list := range [...][]string{
			sourceHost: n.Hosts, sourceName: n.Names, sourceWord: n.Words,
			sourceTwin: n.Twins, sourceHeader: n.Headers, sourceNot: n.Not,
		} {
			for _, l := range list {
				add(source{issuer: n.Issuer, literal: l, kind: sourceKind(kind)})
			}
		}
		for i := range n.Public {
			for _, l := range n.Public[i].Literals {
				add(source{issuer: n.Issuer, literal: l, kind: sourcePublic, public: &n.Public[i]})
			}
		}
		for i := range n.Echoes {
			add(source{issuer: n.Issuer, literal: n.Echoes[i].Literal, kind: sourceEcho, echo: &n.Echoes[i]})
		}
	}
	a.finder = finder.New(literals)
	return a
}
