package attribution

import (
	"regexp"
	"strings"

	"keysweep/rules/finder"
)

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
