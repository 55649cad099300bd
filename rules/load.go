package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/BurntSushi/toml"

	"keysweep/finding"
)

// The limits of a rule file.
const (
	maxRuleFile   = 1 << 20 // bytes
	minLiteral    = 4       // bytes; shorter ones stop at every second line
	maxLiteral    = 64
	maxLiterals   = 1000   // of one load
	maxRegexBody  = 1 << 9 // bytes that an expression may match
	maxShapeCount = 64
	maxProgram    = 1 << 11 // instructions of an expression
	maxAddress    = 1 << 8  // bytes
	minEcho       = 12      // characters of a key that nobody repeats by chance
)

// LoadError is what is wrong with a rule file, and where.
type LoadError struct {
	File      string
	Line, Col int // 1-based, the column in bytes; 0 if the file could not be read
	Reason    string
}

func (e *LoadError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("rule file %s: %s", e.File, e.Reason)
	}
	return fmt.Sprintf("rule file %s: line %d, column %d: %s", e.File, e.Line, e.Col, e.Reason)
}

// File is a rule file that its owner has read.
type File struct {
	Name string // for errors and Rule.File
	// Text is TOML, at most 1 MiB. Its rules add to the built-in ones: their
	// samples_sha256 turn down no key that a built-in rule finds.
	Text []byte
	// Found says that nobody named the file: it came with what is scanned. Its
	// rules may not say where a key is sent.
	Found bool
	// Others are keys of the top that are somebody else's to read.
	Others []string
}

// Load returns the built-in rules, those of more, and those of the files that
// the user named. An error is a *LoadError.
func Load(files []string, more ...File) (*Set, error) {
	if len(files) == 0 && !haveRules(more) {
		return builtinSet(more), nil
	}
	c, err := load(files, more)
	if err != nil {
		return nil, err
	}
	return c.set(), nil
}

// haveRules reports whether any of more has a rule, or an error.
func haveRules(more []File) bool {
	return slices.ContainsFunc(more, func(m File) bool {
		c := &compiled{}
		return len(m.Text) > maxRuleFile || c.add(m.Name, m.Text, false, m.Others...) != nil || len(c.rules) > 0
	})
}

// load reads all rules.
func load(files []string, more []File) (*compiled, error) {
	s := &compiled{}
	names, err := builtinNames()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := builtin.ReadFile(name)
		if err != nil {
			return nil, &LoadError{File: name, Reason: err.Error()}
		}
		if err := s.add(name, text, true); err != nil {
			return nil, err
		}
	}
	for _, m := range more {
		if len(m.Text) > maxRuleFile {
			return nil, &LoadError{File: m.Name, Reason: "more than 1 MiB"}
		}
		first := len(s.rules)
		if err := s.add(m.Name, m.Text, false, m.Others...); err != nil {
			return nil, err
		}
		for n, r := range s.rules[first:] {
			r.adds = true
			if r.Probe != nil && m.Found {
				f := ruleFile{name: m.Name, keys: keyPositions(string(m.Text))}
				return nil, f.errorAt(n, "probe", "a probe only in a file that you name: what is scanned does not decide where a key is sent")
			}
			if m.Found && slices.ContainsFunc(s.rules[:first], func(b *Rule) bool { return b.BuiltIn && b.Issuer == r.Issuer && r.Issuer != "" }) {
				f := ruleFile{name: m.Name, keys: keyPositions(string(m.Text))}
				return nil, f.errorAt(n, "issuer", fmt.Sprintf("more on the built-in issuer %s only in a file that you name: what is scanned does not decide whose a key is", r.Issuer))
			}
		}
	}
	for _, name := range files {
		text, err := readRuleFile(name)
		if err != nil {
			return nil, err
		}
		if err := s.add(name, text, false); err != nil {
			return nil, err
		}
	}
	s.compile()
	return s, nil
}

func readRuleFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, &LoadError{File: name, Reason: err.Error()}
	}
	if !info.Mode().IsRegular() || info.Size() > maxRuleFile {
		return nil, &LoadError{File: name, Reason: "not a regular file of at most 1 MiB"}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, &LoadError{File: name, Reason: err.Error()}
	}
	return text, nil
}

// The tables of a rule file. compiled.add says what is wrong with their values.
type ruleTable struct {
	ID              string            `toml:"id"`
	Issuer          string            `toml:"issuer"`
	Name            string            `toml:"name"`
	Description     string            `toml:"description"`
	Literals        []string          `toml:"literals"`
	Body            bodyTable         `toml:"body"`
	Shapes          []shapeTable      `toml:"shapes"`
	Environments    map[string]string `toml:"environments"`
	MaxScore        *float64          `toml:"max_score"`
	SamplesSHA256   []string          `toml:"samples_sha256"`
	Evidence        evidence          `toml:"evidence"`
	Probe           *probeTable       `toml:"probe"`
	Advice          string            `toml:"advice"`
	Docs            string            `toml:"docs"`
	Examples        []string          `toml:"examples"`
	CounterExamples []string          `toml:"counter_examples"`
}

type bodyTable struct {
	Alphabet string `toml:"alphabet"`
	Min      *int   `toml:"min"`
	Max      *int   `toml:"max"`
	Regex    string `toml:"regex"`
}

type shapeTable struct {
	Regex    string   `toml:"regex"`
	Unique   bool     `toml:"unique"`
	Literals []string `toml:"literals"`
}

type twinTable struct {
	Literals []string `toml:"literals"`
	Regex    string   `toml:"regex"`
	Base64   bool     `toml:"base64"`
}

// ruleFile is one file while it is read.
type ruleFile struct {
	name    string
	keys    []keyPos
	builtIn bool
}

// errorAt returns an error at key (dotted, below [[rule]]) of the n-th rule,
// or at the rule's header if the key is not there.
func (f *ruleFile) errorAt(n int, key, reason string) error {
	line, col := tablePosition(f.keys, "rule", n, key)
	return &LoadError{File: f.name, Line: line, Col: col, Reason: reason}
}

// add reads one file.
func (s *compiled) add(name string, text []byte, builtIn bool, others ...string) error {
	s.texts = append(s.texts, text)
	if !utf8.Valid(text) {
		return &LoadError{File: name, Line: 1, Col: 1, Reason: "not UTF-8"}
	}
	var top struct {
		Rule []toml.Primitive `toml:"rule"`
	}
	meta, err := toml.Decode(string(text), &top)
	f := &ruleFile{name: name, builtIn: builtIn}
	if err != nil {
		var syntaxError toml.ParseError
		if errors.As(err, &syntaxError) {
			p := syntaxError.Position
			return &LoadError{File: name, Line: max(p.Line, 1), Col: max(p.Col, 1), Reason: syntaxError.Message}
		}
		return &LoadError{File: name, Line: 1, Col: 1, Reason: "[[rule]] must be an array of tables"}
	}
	f.keys = keyPositions(string(text))
	tables := make([]ruleTable, len(top.Rule))
	for n, p := range top.Rule {
		if err := meta.PrimitiveDecode(p, &tables[n]); err != nil {
			return f.typeError(n, err)
		}
	}
	// A misspelt key first: what it would have said is missing, too.
	if err := f.unknownKey(&meta, others); err != nil {
		return err
	}
	for n := range tables {
		r, err := f.rule(n, &tables[n])
		if err != nil {
			return err
		}
		for _, other := range s.rules {
			if other.ID == r.ID {
				return f.errorAt(n, "id", fmt.Sprintf("the id %q is taken by a rule of %s", r.ID, other.File))
			}
			if r.named && other.named && other.Issuer == r.Issuer && other.Name != r.Name {
				return f.errorAt(n, "name", fmt.Sprintf("the issuer %s is called %q in %s", r.Issuer, other.Name, other.File))
			}
		}
		if s.literalCount += len(r.Literals); s.literalCount > maxLiterals {
			return f.errorAt(n, "literals", fmt.Sprintf("more than %d literals", maxLiterals))
		}
		s.rules = append(s.rules, r)
	}
	s.spreadNames()
	return nil
}

// spreadNames gives all rules of an issuer the name that one of them says.
func (s *compiled) spreadNames() {
	names := map[string]string{}
	for _, r := range s.rules {
		if r.named {
			names[r.Issuer] = r.Name
		}
	}
	for _, r := range s.rules {
		if r.Name = names[r.Issuer]; r.Name == "" {
			r.Name = r.Issuer
		}
	}
}

func (f *ruleFile) unknownKey(meta *toml.MetaData, others []string) error {
	unknown := slices.DeleteFunc(meta.Undecoded(), func(k toml.Key) bool { return slices.Contains(others, k[0]) })
	if len(unknown) == 0 {
		return nil
	}
	path := strings.Join(unknown[0], ".")
	e := &LoadError{File: f.name, Line: 1, Col: 1, Reason: fmt.Sprintf("unknown key %q", path)}
	for _, k := range f.keys {
		if k.path == path {
			e.Line, e.Col = k.line, k.col
			break
		}
	}
	return e
}

// lastKey finds the key in the messages of the toml package.
var lastKey = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`last key "([^"]*)"\): (.*)`) })

func (f *ruleFile) typeError(n int, err error) error {
	if m := lastKey().FindStringSubmatch(err.Error()); m != nil {
		return f.errorAt(n, strings.TrimPrefix(m[1], "rule."), fmt.Sprintf("%s: %s", m[1], m[2]))
	}
	return f.errorAt(n, "", strings.TrimPrefix(err.Error(), "toml: "))
}

// rule checks the n-th rule of a file and makes a Rule of it.
func (f *ruleFile) rule(n int, t *ruleTable) (*Rule, error) {
	r := &Rule{
		ID: t.ID, Issuer: t.Issuer, Description: t.Description, Advice: t.Advice,
		Name: t.Name, named: t.Name != "", Docs: t.Docs,
		Literals: t.Literals, Examples: t.Examples, CounterExamples: t.CounterExamples,
		File: f.name, BuiltIn: f.builtIn,
		maxScore: maxScore, evidence: t.Evidence,
		Environments: map[string]finding.Environment{},
		samples:      map[[sha256.Size]byte]bool{},
	}
	if !isName(t.ID) {
		return nil, f.errorAt(n, "id", "a rule needs an id of a-z, 0-9 and -")
	}
	if t.Issuer != "" && !isName(t.Issuer) || t.Issuer == finding.IssuerUnknown || t.Issuer == finding.IssuerAmbiguous {
		return nil, f.errorAt(n, "issuer", "an issuer is a name of a-z, 0-9 and -, and neither unknown nor ambiguous")
	}
	if err := f.names(n, t); err != nil {
		return nil, err
	}
	if len(t.Literals) == 0 {
		return nil, f.errorAt(n, "literals", "a rule needs a literal: what is in no literal cannot be found")
	}
	seen := map[string]bool{}
	for _, l := range t.Literals {
		switch {
		case len(l) < minLiteral || len(l) > maxLiteral:
			return nil, f.errorAt(n, "literals", fmt.Sprintf("the literal %q is not %d to %d bytes long", l, minLiteral, maxLiteral))
		case len(strings.FieldsFunc(l, func(c rune) bool { return c < utf8.RuneSelf && !isAlnum(byte(c)) })) == 0:
			return nil, f.errorAt(n, "literals", fmt.Sprintf("the literal %q holds no letter or digit: it would stop at every line", l))
		case seen[l]:
			return nil, f.errorAt(n, "literals", fmt.Sprintf("the literal %q is listed twice", l))
		}
		seen[l] = true
	}
	var err error
	if r.body, err = f.body(n, &t.Body); err != nil {
		return nil, err
	}
	if len(t.Shapes) > maxShapeCount {
		return nil, f.errorAt(n, "shapes", fmt.Sprintf("more than %d shapes", maxShapeCount))
	}
	for _, st := range t.Shapes {
		sh, err := f.shape(n, &st, t.Literals)
		if err != nil {
			return nil, err
		}
		r.shapes = append(r.shapes, sh)
	}
	for l, e := range t.Environments {
		if !seen[l] {
			return nil, f.errorAt(n, "environments", fmt.Sprintf("%q is not one of the literals", l))
		}
		switch e {
		case "production":
			r.Environments[l] = finding.Production
		case "sandbox":
			r.Environments[l] = finding.Sandbox
		default:
			return nil, f.errorAt(n, "environments", fmt.Sprintf("%q is neither production nor sandbox", e))
		}
	}
	if t.MaxScore != nil {
		if r.maxScore = *t.MaxScore; !(r.maxScore >= -6 && r.maxScore <= 6) {
			return nil, f.errorAt(n, "max_score", "max_score is bits per character, from -6 to 6")
		}
	}
	for _, h := range t.SamplesSHA256 {
		b, err := hex.DecodeString(h)
		if err != nil || len(b) != sha256.Size {
			return nil, f.errorAt(n, "samples_sha256", fmt.Sprintf("%q is not a SHA-256 in hex", h))
		}
		r.samples[[sha256.Size]byte(b)] = true
	}
	if r.evidence.public, err = f.evidence(n, t); err != nil {
		return nil, err
	}
	if r.Probe, err = f.probe(n, t); err != nil {
		return nil, err
	}
	return r, nil
}

// usualAlphabet is defaultAlphabet, which nearly every rule has.
var usualAlphabet = sync.OnceValue(func() alphabet {
	a, err := parseAlphabet(defaultAlphabet)
	if err != nil {
		panic("rules: " + err.Error())
	}
	return a
})

// parseAlphabet reads a set of characters as a regular expression has it, without
// its brackets.
func parseAlphabet(set string) (a alphabet, err error) {
	re, err := syntax.Parse("["+set+"]", syntax.Perl)
	if err != nil || strings.ContainsAny(set, "[]") || re.Op != syntax.OpCharClass && re.Op != syntax.OpLiteral {
		return a, fmt.Errorf("%q is not a set such as %s", set, defaultAlphabet)
	}
	class, err := regexp.Compile("^(?s:[" + set + "])$")
	if err != nil {
		return a, fmt.Errorf("%q is not a set such as %s", set, defaultAlphabet)
	}
	for c := range utf8.RuneSelf {
		a[c] = class.MatchString(string(rune(c)))
	}
	return a, nil
}

func (f *ruleFile) body(n int, t *bodyTable) (body, error) {
	b := body{min: minBody, max: maxBody}
	if t.Regex != "" {
		if t.Alphabet != "" || t.Min != nil || t.Max != nil {
			return b, f.errorAt(n, "body.regex", "a body has either a regex, or alphabet, min and max")
		}
		re, err := anchored(t.Regex, false)
		if err != nil {
			return b, f.errorAt(n, "body.regex", err.Error())
		}
		b.regex, b.spec, b.min = re, "regex "+t.Regex, 1
		return b, nil
	}
	var err error
	switch t.Alphabet {
	case "", defaultAlphabet:
		b.alphabet = usualAlphabet()
	default:
		b.alphabet, err = parseAlphabet(t.Alphabet)
	}
	if err != nil {
		return b, f.errorAt(n, "body.alphabet", err.Error())
	}
	if t.Min != nil {
		b.min = *t.Min
	}
	if t.Max != nil {
		b.max = *t.Max
	}
	if b.min < 8 || b.max > maxBody || b.min > b.max {
		return b, f.errorAt(n, "body", fmt.Sprintf("a body of %d to %d characters: min must be 8 or more, max %d or less", b.min, b.max, maxBody))
	}
	b.spec = fmt.Sprintf("%s %d %d", b.alphabet.set(), b.min, b.max)
	return b, nil
}

func (f *ruleFile) shape(n int, t *shapeTable, literals []string) (shape, error) {
	re, err := anchored(t.Regex, true)
	if err != nil {
		return shape{}, f.errorAt(n, "shapes.regex", err.Error())
	}
	s := shape{regex: re, unique: t.Unique, random: max(0, re.SubexpIndex("random"))}
	if len(t.Literals) > 0 {
		s.literals = make([]bool, len(literals))
		for _, l := range t.Literals {
			found := false
			for i := range literals {
				if literals[i] == l {
					s.literals[i], found = true, true
				}
			}
			if !found {
				return s, f.errorAt(n, "shapes.literals", fmt.Sprintf("%q is not one of the literals", l))
			}
		}
	}
	if length := fixedLength(t.Regex); length >= minBody {
		s.lengths = []int{length}
	}
	return s, nil
}

// anchored compiles an expression that must start with ^, so that it never
// searches, and that must or must not end with $.
func anchored(expr string, whole bool) (*regexp.Regexp, error) {
	parsed, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("%q does not compile: %w", expr, err)
	}
	if !startsAnchored(parsed) {
		return nil, fmt.Errorf("%q is not anchored: it must start with ^", expr)
	}
	if whole && !strings.HasSuffix(expr, "$") {
		return nil, fmt.Errorf("%q is not anchored: it must end with $", expr)
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, fmt.Errorf("%q does not compile: %w", expr, err)
	}
	// The time of a match is the length of the text times the program's.
	if prog, err := syntax.Compile(parsed.Simplify()); err != nil || len(prog.Inst) > maxProgram {
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
		for _, s := range re.Sub {
			if !startsAnchored(s) {
				return false
			}
		}
		return len(re.Sub) > 0
	}
	return false
}

// fixedLength returns the number of characters that every match of expr has,
// or 0 if they differ.
func fixedLength(expr string) int {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return 0
	}
	n, ok := length(re)
	if !ok {
		return 0
	}
	return n
}

func length(re *syntax.Regexp) (int, bool) {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine:
		return 0, true
	case syntax.OpLiteral:
		return len(re.Rune), true
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1, true
	case syntax.OpCapture:
		return length(re.Sub[0])
	case syntax.OpRepeat:
		n, ok := length(re.Sub[0])
		return n * re.Min, ok && re.Min == re.Max
	case syntax.OpConcat:
		sum := 0
		for _, s := range re.Sub {
			n, ok := length(s)
			if !ok {
				return 0, false
			}
			sum += n
		}
		return sum, true
	}
	return 0, false
}

// docsAddress is what docs may be: printable, without user and port.
var docsAddress = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^https://[a-z0-9.-]+\.[a-z]+(/[!-~]*)?$`) })

// names checks what the issuer is called and where it documents its keys.
func (f *ruleFile) names(n int, t *ruleTable) error {
	switch {
	case t.Name == "" && f.has(n, "name"):
		return f.errorAt(n, "name", "a name is not empty; leave the key out")
	case t.Name != "" && t.Issuer == "":
		return f.errorAt(n, "name", "a name needs an issuer that is called so")
	case len(t.Name) > maxLiteral || strings.TrimSpace(t.Name) != t.Name || strings.ContainsFunc(t.Name, func(c rune) bool { return !unicode.IsPrint(c) }):
		return f.errorAt(n, "name", fmt.Sprintf("%q is not a name of at most %d printable bytes", t.Name, maxLiteral))
	case (t.Docs != "" || f.has(n, "docs")) && (len(t.Docs) > maxAddress || !docsAddress().MatchString(t.Docs)):
		return f.errorAt(n, "docs", "docs is an https:// address")
	}
	return nil
}

// has reports whether the n-th rule has key.
func (f *ruleFile) has(n int, key string) bool {
	return slices.ContainsFunc(f.keys, func(k keyPos) bool { return k.rule == n && k.path == "rule."+key })
}

// evidence checks the evidence of the n-th rule and returns its public keys.
func (f *ruleFile) evidence(n int, t *ruleTable) ([]publicKey, error) {
	for _, e := range [...]struct {
		key  string
		list []string
	}{
		{"hosts", t.Evidence.Hosts}, {"names", t.Evidence.Names}, {"words", t.Evidence.Words},
		{"twins", t.Evidence.Twins}, {"headers", t.Evidence.Headers}, {"not", t.Evidence.Not},
	} {
		if len(e.list) > 0 && t.Issuer == "" {
			return nil, f.errorAt(n, "evidence."+e.key, "evidence needs an issuer to speak for")
		}
		for _, w := range e.list {
			if len(w) < minLiteral || len(w) > maxLiteral || strings.ToLower(w) != w {
				return nil, f.errorAt(n, "evidence."+e.key, fmt.Sprintf("%q is not %d to %d bytes in lower case", w, minLiteral, maxLiteral))
			}
		}
	}
	var list []publicKey
	for _, tw := range t.Evidence.TwinShapes {
		const key = "evidence.twin_shapes"
		if t.Issuer == "" {
			return nil, f.errorAt(n, key, "evidence needs an issuer to speak for")
		}
		if len(tw.Literals) == 0 {
			return nil, f.errorAt(n, key, "a public key needs a literal that it starts with")
		}
		re, err := anchored(tw.Regex, true)
		if err != nil {
			return nil, f.errorAt(n, key+".regex", err.Error())
		}
		for _, l := range tw.Literals {
			if len(l) < minLiteral || len(l) > maxLiteral {
				return nil, f.errorAt(n, key+".literals", fmt.Sprintf("the literal %q is not %d to %d bytes long", l, minLiteral, maxLiteral))
			}
			list = append(list, publicKey{l, re, tw.Base64})
		}
	}
	for _, e := range t.Evidence.Echoes {
		const key = "evidence.echoes"
		switch {
		case t.Issuer == "":
			return nil, f.errorAt(n, key, "evidence needs an issuer to speak for")
		case len(e.Literal) < minLiteral || len(e.Literal) > maxLiteral:
			return nil, f.errorAt(n, key+".literal", fmt.Sprintf("the literal %q is not %d to %d bytes long", e.Literal, minLiteral, maxLiteral))
		case e.From < 0 || e.To > maxBody || e.To-e.From < minEcho:
			return nil, f.errorAt(n, key, fmt.Sprintf("from and to are a part of the body, %d characters or more", minEcho))
		}
	}
	return list, nil
}

func isName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' && i > 0) {
			return false
		}
	}
	return s != "" && len(s) <= maxLiteral
}
