package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"keysweep/finding"
	"keysweep/rules/ascii"
	"keysweep/rules/attribution"
	"keysweep/rules/score"
)

// The limits of a rule.
const (
	minLiteral    = 4       // bytes; shorter ones stop at every second line
	maxLiteral    = 64      // bytes, also of names
	maxRegexBody  = 1 << 9  // bytes that an expression may match
	maxShapeCount = 64      // of one rule
	maxProgram    = 1 << 11 // instructions of an expression
	maxAddress    = 1 << 8  // bytes
	minEcho       = 12      // characters of a key that do not occur twice by chance
)

// The tables of a rule file. ruleTable.rule checks their values.
type ruleTable struct {
	ID              string             `toml:"id"`
	Issuer          string             `toml:"issuer"`
	Name            *string            `toml:"name"`
	Description     string             `toml:"description"`
	Literals        []string           `toml:"literals"`
	Body            bodyTable          `toml:"body"`
	Shapes          []Shape            `toml:"shapes"`
	Environments    map[string]string  `toml:"environments"`
	MaxScore        *float64           `toml:"max_score"`
	SamplesSHA256   []string           `toml:"samples_sha256"`
	Evidence        attribution.Naming `toml:"evidence"`
	Probe           *probeTable        `toml:"probe"`
	Advice          string             `toml:"advice"`
	Docs            *string            `toml:"docs"`
	Examples        []string           `toml:"examples"`
	CounterExamples []string           `toml:"counter_examples"`
}

type bodyTable struct {
	Alphabet string `toml:"alphabet"`
	Min      *int   `toml:"min"`
	Max      *int   `toml:"max"`
	Regex    string `toml:"regex"`
}

// fault is what is wrong with a rule.
type fault struct {
	key    string // dotted, below [[rule]]; "" for the rule as a whole
	reason string
}

func (f *fault) Error() string { return f.reason }

func wrong(key, format string, args ...any) error {
	return &fault{key, fmt.Sprintf(format, args...)}
}

// rule checks t and makes a Rule of it. An error is a *fault.
func (t *ruleTable) rule() (*Rule, error) {
	r := &Rule{
		ID: t.ID, Issuer: t.Issuer, Description: t.Description, Advice: t.Advice,
		Literals: t.Literals, Examples: t.Examples, CounterExamples: t.CounterExamples,
		MaxScore: score.Max, Shapes: t.Shapes, Naming: t.Evidence,
	}
	for _, read := range [...]func(*Rule) error{
		t.readNames, t.readLiterals, t.readBody, t.readShapes, t.readEnvironments, t.readScore, t.readEvidence, t.readProbe,
	} {
		if err := read(r); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// docsAddress is what docs may be: printable, without user and port.
var docsAddress = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^https://[a-z0-9.-]+\.[a-z]+(/[!-~]*)?$`) })

// readNames reads the ids of the rule and its issuer, how the issuer is called,
// and where it documents its keys.
func (t *ruleTable) readNames(r *Rule) error {
	if !isName(t.ID) {
		return wrong("id", "a rule needs an id of a-z, 0-9 and -")
	}
	if t.Issuer != "" && !isName(t.Issuer) || t.Issuer == finding.IssuerUnknown || t.Issuer == finding.IssuerAmbiguous {
		return wrong("issuer", "an issuer is a name of a-z, 0-9 and -, and neither unknown nor ambiguous")
	}
	if t.Name != nil {
		name := *t.Name
		switch {
		case name == "":
			return wrong("name", "a name is not empty; leave the key out")
		case t.Issuer == "":
			return wrong("name", "a name needs an issuer that is called so")
		case len(name) > maxLiteral || strings.TrimSpace(name) != name || strings.ContainsFunc(name, func(c rune) bool { return !unicode.IsPrint(c) }):
			return wrong("name", "%q is not a name of at most %d printable bytes", name, maxLiteral)
		}
		r.Name, r.named = name, true
	}
	if t.Docs != nil {
		if len(*t.Docs) > maxAddress || !docsAddress().MatchString(*t.Docs) {
			return wrong("docs", "docs is an https:// address")
		}
		r.Docs = *t.Docs
	}
	return nil
}

func isName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' && i > 0) {
			return false
		}
	}
	return s != "" && len(s) <= maxLiteral
}

func (t *ruleTable) readLiterals(*Rule) error {
	if len(t.Literals) == 0 {
		return wrong("literals", "a rule needs a literal: what is in no literal cannot be found")
	}
	for i, l := range t.Literals {
		if err := checkLiteral("literals", l); err != nil {
			return err
		}
		switch {
		case !strings.ContainsFunc(l, func(c rune) bool { return c >= utf8.RuneSelf || ascii.IsAlnum(byte(c)) }):
			return wrong("literals", "the literal %q holds no letter or digit: it would stop at every line", l)
		case slices.Contains(t.Literals[:i], l):
			return wrong("literals", "the literal %q is listed twice", l)
		}
	}
	return nil
}

func checkLiteral(key, l string) error {
	if len(l) < minLiteral || len(l) > maxLiteral {
		return wrong(key, "the literal %q is not %d to %d bytes long", l, minLiteral, maxLiteral)
	}
	return nil
}

func (t *ruleTable) readBody(r *Rule) (err error) {
	b, bt := &r.Body, &t.Body
	if bt.Regex != "" {
		if bt.Alphabet != "" || bt.Min != nil || bt.Max != nil {
			return wrong("body.regex", "a body has either a regex, or alphabet, min and max")
		}
		if r.regex, err = anchored(bt.Regex, false); err != nil {
			return wrong("body.regex", "%v", err)
		}
		b.Regex = bt.Regex
		return nil
	}
	if r.alphabet, err = parseAlphabet(bt.Alphabet); err != nil {
		return wrong("body.alphabet", "%v", err)
	}
	*b = Body{Alphabet: r.alphabet.String(), Min: minBody, Max: maxBody}
	if bt.Min != nil {
		b.Min = *bt.Min
	}
	if bt.Max != nil {
		b.Max = *bt.Max
	}
	if b.Min < 8 || b.Max > maxBody || b.Min > b.Max {
		return wrong("body", "a body of %d to %d characters: min must be 8 or more, max %d or less", b.Min, b.Max, maxBody)
	}
	return nil
}

func (t *ruleTable) readShapes(r *Rule) (err error) {
	if len(r.Shapes) > maxShapeCount {
		return wrong("shapes", "more than %d shapes", maxShapeCount)
	}
	for i := range r.Shapes {
		s, key := &r.Shapes[i], fmt.Sprintf("shapes[%d]", i)
		if s.regex, err = anchored(s.Regex, true); err != nil {
			return wrong(key+".regex", "%v", err)
		}
		s.random = max(0, s.regex.SubexpIndex("random"))
		given := s.Literals
		if i := slices.IndexFunc(given, func(l string) bool { return !slices.Contains(r.Literals, l) }); i >= 0 {
			return wrong(key+".literals", "%q is not one of the literals", given[i])
		}
		s.Literals = slices.DeleteFunc(slices.Clone(r.Literals), func(l string) bool {
			return len(given) > 0 && !slices.Contains(given, l)
		})
		if parsed, err := syntax.Parse(s.Regex, syntax.Perl); err == nil {
			s.language = languageOf(parsed)
		}
	}
	return nil
}

func (t *ruleTable) readEnvironments(r *Rule) error {
	environments := map[string]finding.Environment{"production": finding.Production, "sandbox": finding.Sandbox}
	r.Environments = map[string]finding.Environment{}
	for _, l := range slices.Sorted(maps.Keys(t.Environments)) {
		key := "environments." + l
		if !slices.Contains(t.Literals, l) {
			return wrong(key, "%q is not one of the literals", l)
		}
		var ok bool
		if r.Environments[l], ok = environments[t.Environments[l]]; !ok {
			return wrong(key, "%q is neither production nor sandbox", t.Environments[l])
		}
	}
	return nil
}

// readScore reads the greatest score, and the bodies that are known samples.
func (t *ruleTable) readScore(r *Rule) error {
	if t.MaxScore != nil {
		if r.MaxScore = *t.MaxScore; !(r.MaxScore >= -6 && r.MaxScore <= 6) {
			return wrong("max_score", "max_score is bits per character, from -6 to 6")
		}
	}
	r.Samples = map[[sha256.Size]byte]bool{}
	for _, h := range t.SamplesSHA256 {
		b, err := hex.DecodeString(h)
		if err != nil || len(b) != sha256.Size {
			return wrong("samples_sha256", "%q is not a SHA-256 in hex", h)
		}
		r.Samples[[sha256.Size]byte(b)] = true
	}
	return nil
}

func (t *ruleTable) readEvidence(r *Rule) error {
	e := &r.Naming
	e.Issuer, e.Documented = r.Issuer, len(r.Shapes) > 0
	for _, list := range [...]struct {
		key   string
		words []string
		more  int
	}{
		{"hosts", e.Hosts, 0}, {"names", e.Names, 0}, {"words", e.Words, 0}, {"twins", e.Twins, 0}, {"headers", e.Headers, 0}, {"not", e.Not, 0},
		{"twin_shapes", nil, len(e.Public)}, {"echoes", nil, len(e.Echoes)},
	} {
		key := "evidence." + list.key
		if len(list.words)+list.more > 0 && r.Issuer == "" {
			return wrong(key, "evidence needs an issuer to speak for")
		}
		for _, w := range list.words {
			if len(w) < minLiteral || len(w) > maxLiteral || strings.ToLower(w) != w {
				return wrong(key, "%q is not %d to %d bytes in lower case", w, minLiteral, maxLiteral)
			}
		}
	}
	for i := range e.Public {
		if err := readPublic(&e.Public[i], fmt.Sprintf("evidence.twin_shapes[%d]", i)); err != nil {
			return err
		}
	}
	for i, echo := range e.Echoes {
		key := fmt.Sprintf("evidence.echoes[%d]", i)
		if err := checkLiteral(key+".literal", echo.Literal); err != nil {
			return err
		}
		if echo.From < 0 || echo.To > maxBody || echo.To-echo.From < minEcho {
			return wrong(key, "from and to are a part of the body, %d characters or more", minEcho)
		}
	}
	return nil
}

// readPublic reads the public keys at key.
func readPublic(p *attribution.PublicKey, key string) (err error) {
	if len(p.Literals) == 0 {
		return wrong(key, "a public key needs a literal that it starts with")
	}
	if p.Rest, err = anchored(p.Regex, true); err != nil {
		return wrong(key+".regex", "%v", err)
	}
	for _, l := range p.Literals {
		if err := checkLiteral(key+".literals", l); err != nil {
			return err
		}
	}
	return nil
}
