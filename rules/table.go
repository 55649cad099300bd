package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
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

	*fault // the first; nil: none
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

// refuse notes what is wrong, if it is the first.
func (t *ruleTable) refuse(wrong bool, key, format string, args ...any) {
	if wrong && t.fault == nil {
		t.fault = &fault{key, fmt.Sprintf(format, args...)}
	}
}

// rule checks t and makes a Rule of it, unless it returns what is wrong.
func (t *ruleTable) rule() (*Rule, *fault) {
	r := &Rule{
		ID: t.ID, Issuer: t.Issuer, Description: t.Description, Advice: t.Advice,
		Literals: t.Literals, Examples: t.Examples, CounterExamples: t.CounterExamples,
		MaxScore: score.Max, Shapes: t.Shapes, Naming: t.Evidence,
	}
	t.readNames(r)
	t.readLiterals()
	t.readBody(r)
	t.readShapes(r)
	t.readEnvironments(r)
	t.readScore(r)
	t.readEvidence(r)
	t.readProbe(r)
	return r, t.fault
}

// ids are those of rules and issuers.
var ids = pattern(`^[a-z0-9][a-z0-9-]{0,63}$`)

// docsAddress is what docs may be: printable, without user and port.
var docsAddress = pattern(`^https://[a-z0-9.-]+\.[a-z]+(/[!-~]*)?$`)

// readNames reads the ids of the rule and its issuer, how the issuer is called,
// and where it documents its keys.
func (t *ruleTable) readNames(r *Rule) {
	t.refuse(!ids().MatchString(t.ID), "id", "a rule needs an id of a-z, 0-9 and -")
	t.refuse(t.Issuer != "" && !ids().MatchString(t.Issuer) || t.Issuer == finding.IssuerUnknown || t.Issuer == finding.IssuerAmbiguous,
		"issuer", "an issuer is a name of a-z, 0-9 and -, and neither unknown nor ambiguous")
	if t.Name != nil {
		r.Name, r.named = *t.Name, true
		t.refuse(r.Name == "", "name", "a name is not empty; leave the key out")
		t.refuse(t.Issuer == "", "name", "a name needs an issuer that is called so")
		t.refuse(len(r.Name) > maxLiteral || strings.TrimSpace(r.Name) != r.Name || strings.ContainsFunc(r.Name, func(c rune) bool { return !unicode.IsPrint(c) }),
			"name", "%q is not a name of at most %d printable bytes", r.Name, maxLiteral)
	}
	if t.Docs != nil {
		r.Docs = *t.Docs
		t.refuse(len(r.Docs) > maxAddress || !docsAddress().MatchString(r.Docs), "docs", "docs is an https:// address")
	}
}

func (t *ruleTable) readLiterals() {
	t.refuse(len(t.Literals) == 0, "literals", "a rule needs a literal: what is in no literal cannot be found")
	for i, l := range t.Literals {
		t.checkLiteral("literals", l)
		t.refuse(!strings.ContainsFunc(l, func(c rune) bool { return c >= utf8.RuneSelf || ascii.IsAlnum(byte(c)) }),
			"literals", "the literal %q holds no letter or digit: it would stop at every line", l)
		t.refuse(slices.Contains(t.Literals[:i], l), "literals", "the literal %q is listed twice", l)
	}
}

func (t *ruleTable) checkLiteral(key, l string) {
	t.refuse(len(l) < minLiteral || len(l) > maxLiteral, key, "the literal %q is not %d to %d bytes long", l, minLiteral, maxLiteral)
}

// anchored compiles the expression at key; see the function. It is nil if that is wrong.
func (t *ruleTable) anchored(key, expr string, whole bool) *regexp.Regexp {
	re, err := anchored(expr, whole)
	t.refuse(err != nil, key, "%v", err)
	return re
}

func (t *ruleTable) readBody(r *Rule) {
	b, bt := &r.Body, &t.Body
	if bt.Regex != "" {
		t.refuse(bt.Alphabet != "" || bt.Min != nil || bt.Max != nil, "body.regex", "a body has either a regex, or alphabet, min and max")
		r.regex, b.Regex = t.anchored("body.regex", bt.Regex, false), bt.Regex
		return
	}
	var err error
	r.alphabet, err = parseAlphabet(bt.Alphabet)
	t.refuse(err != nil, "body.alphabet", "%v", err)
	*b = Body{Alphabet: r.alphabet.String(), Min: minBody, Max: maxBody}
	if bt.Min != nil {
		b.Min = *bt.Min
	}
	if bt.Max != nil {
		b.Max = *bt.Max
	}
	t.refuse(b.Min < 8 || b.Max > maxBody || b.Min > b.Max,
		"body", "a body of %d to %d characters: min must be 8 or more, max %d or less", b.Min, b.Max, maxBody)
}

func (t *ruleTable) readShapes(r *Rule) {
	t.refuse(len(r.Shapes) > maxShapeCount, "shapes", "more than %d shapes", maxShapeCount)
	for i := range r.Shapes {
		s, key := &r.Shapes[i], fmt.Sprintf("shapes[%d]", i)
		given := s.Literals
		for _, l := range given {
			t.refuse(!slices.Contains(r.Literals, l), key+".literals", "%q is not one of the literals", l)
		}
		s.Literals = slices.DeleteFunc(slices.Clone(r.Literals), func(l string) bool {
			return len(given) > 0 && !slices.Contains(given, l)
		})
		if s.regex = t.anchored(key+".regex", s.Regex, true); s.regex != nil {
			s.random = max(0, s.regex.SubexpIndex("random"))
			s.language = languageOf(s.Regex)
		}
	}
}

func (t *ruleTable) readEnvironments(r *Rule) {
	environments := map[string]finding.Environment{"production": finding.Production, "sandbox": finding.Sandbox}
	r.Environments = map[string]finding.Environment{}
	for _, l := range slices.Sorted(maps.Keys(t.Environments)) {
		t.refuse(!slices.Contains(t.Literals, l), "environments."+l, "%q is not one of the literals", l)
		env, ok := environments[t.Environments[l]]
		t.refuse(!ok, "environments."+l, "%q is neither production nor sandbox", t.Environments[l])
		r.Environments[l] = env
	}
}

// readScore reads the greatest score, and the bodies that are known samples.
func (t *ruleTable) readScore(r *Rule) {
	if t.MaxScore != nil {
		r.MaxScore = *t.MaxScore
		t.refuse(!(r.MaxScore >= -6 && r.MaxScore <= 6), "max_score", "max_score is bits per character, from -6 to 6")
	}
	r.Samples = map[[sha256.Size]byte]bool{}
	for _, h := range t.SamplesSHA256 {
		var sum [sha256.Size]byte
		b, err := hex.DecodeString(h)
		t.refuse(err != nil || len(b) != len(sum), "samples_sha256", "%q is not a SHA-256 in hex", h)
		copy(sum[:], b)
		r.Samples[sum] = true
	}
}

func (t *ruleTable) readEvidence(r *Rule) {
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
		t.refuse(len(list.words)+list.more > 0 && r.Issuer == "", key, "evidence needs an issuer to speak for")
		for _, w := range list.words {
			t.refuse(len(w) < minLiteral || len(w) > maxLiteral || strings.ToLower(w) != w,
				key, "%q is not %d to %d bytes in lower case", w, minLiteral, maxLiteral)
		}
	}
	for i := range e.Public {
		p, key := &e.Public[i], fmt.Sprintf("evidence.twin_shapes[%d]", i)
		t.refuse(len(p.Literals) == 0, key, "a public key needs a literal that it starts with")
		p.Rest = t.anchored(key+".regex", p.Regex, true)
		for _, l := range p.Literals {
			t.checkLiteral(key+".literals", l)
		}
	}
	for i, echo := range e.Echoes {
		key := fmt.Sprintf("evidence.echoes[%d]", i)
		t.checkLiteral(key+".literal", echo.Literal)
		t.refuse(echo.From < 0 || echo.To > maxBody || echo.To-echo.From < minEcho,
			key, "from and to are a part of the body, %d characters or more", minEcho)
	}
}
