package rules

import (
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"keysweep/file"
	"keysweep/rules/encoding"
	"keysweep/rules/finder"
	"keysweep/toml"
)

// The limits of a load.
const (
	maxRuleFile = 1 << 20 // bytes
	maxLiterals = 1000
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
	// samples_sha256 reject no key that a built-in rule finds.
	Text []byte
	// Found says that the user did not name the file: it came with what is scanned. Its
	// rules may not say where a key is sent.
	Found bool
	// Others are keys at the top that other packages read.
	Others []string

	named, builtIn bool // by the user; one of ours
}

// Load returns the built-in rules, those of more, and the rules of the files that
// the user named. An error is a *LoadError.
func Load(files []string, more ...File) (*Set, error) {
	own := len(files) > 0
	var list []*ruleFile
	more = slices.Clip(more)
	for _, name := range files {
		text, err := file.Read(name, maxRuleFile)
		if err != nil {
			return nil, &LoadError{File: name, Reason: err.Error()}
		}
		more = append(more, File{Name: name, Text: text, named: true})
	}
	for _, m := range more {
		f, err := parse(m)
		if err != nil {
			return nil, err
		}
		for _, r := range f.rules {
			if slices.ContainsFunc(r.Literals, builtinSet(nil).holdsKey) {
				return nil, &LoadError{File: m.Name, Reason: fmt.Sprintf("a literal of the rule %s holds a key: literals are printed", r.ID)}
			}
		}
		own = own || len(f.rules) > 0
		list = append(list, f)
	}
	if !own {
		return builtinSet(list), nil
	}
	c, err := load(list)
	if err != nil {
		return nil, err
	}
	return &Set{finder: c.finder, compiled: func() *compiled { return c }, sha256: hashOf(list)}, nil
}

// load returns the built-in rules and the rules of list.
func load(list []*ruleFile) (*compiled, error) {
	s := &compiled{}
	var own []*ruleFile
	for _, name := range builtinNames() {
		own = append(own, must(parse(File{Name: name, Text: must(builtin.ReadFile(name)), builtIn: true})))
	}
	for _, f := range append(own, list...) {
		if err := s.join(f); err != nil {
			return nil, err
		}
	}
	names := map[string]string{} // one rule of an issuer says it for all
	for _, r := range s.rules {
		if r.named {
			names[r.Issuer] = r.Name
		}
	}
	for _, r := range s.rules {
		r.Name = cmp.Or(names[r.Issuer], r.Issuer)
	}
	s.compile()
	return s, nil
}

// ruleFile is a rule file that was parsed.
type ruleFile struct {
	File
	keys  toml.Keys
	rules []*Rule
}

// parse reads a file, and checks its rules one by one.
func parse(source File) (*ruleFile, error) {
	if len(source.Text) > maxRuleFile {
		return nil, &LoadError{File: source.Name, Reason: "more than 1 MiB"}
	}
	var top struct {
		Rule []ruleTable `toml:"rule"`
	}
	f := &ruleFile{File: source}
	var err error
	f.keys, err = toml.Decode(source.Text, &top, func(key string) bool { return slices.Contains(source.Others, key) })
	if wrong, ok := errors.AsType[*toml.Error](err); ok {
		return nil, &LoadError{File: source.Name, Line: wrong.Line, Col: wrong.Col, Reason: wrong.Reason}
	}
	for n := range top.Rule {
		r, bad := top.Rule[n].rule()
		if bad != nil {
			return nil, f.errorAt(n, bad.key, "%s", bad.reason)
		}
		r.File, r.BuiltIn, r.adds = source.Name, source.builtIn, !source.builtIn && !source.named
		f.rules = append(f.rules, r)
	}
	return f, nil
}

// errorAt returns an error at key, which is dotted below [[rule]], of the n-th
// rule, from 0.
func (f *ruleFile) errorAt(n int, key, format string, args ...any) error {
	p := f.keys.At(fmt.Sprintf("rule[%d].%s", n, key))
	return &LoadError{File: f.Name, Line: p.Line, Col: p.Col, Reason: fmt.Sprintf(format, args...)}
}

// join adds the rules of f to s, if they agree with the ones there.
func (s *compiled) join(f *ruleFile) error {
	for n, r := range f.rules {
		if f.Found && r.Probe != nil {
			return f.errorAt(n, "probe", "a probe is only allowed in a file that you name: what is scanned does not decide where a key is sent")
		}
		for _, other := range s.rules {
			switch {
			case other.ID == r.ID:
				return f.errorAt(n, "id", "the id %q is taken by a rule of %s", r.ID, other.File)
			case r.named && other.named && other.Issuer == r.Issuer && other.Name != r.Name:
				return f.errorAt(n, "name", "the issuer %s is called %q in %s", r.Issuer, other.Name, other.File)
			case f.Found && other.BuiltIn && other.Issuer == r.Issuer && r.Issuer != "":
				return f.errorAt(n, "issuer", "a rule of the built-in issuer %s is only allowed in a file that you name: what is scanned does not decide whose a key is", r.Issuer)
			}
		}
		if s.literalCount += len(r.Literals); s.literalCount > maxLiterals {
			return f.errorAt(n, "literals", "more than %d literals", maxLiterals)
		}
		s.rules = append(s.rules, r)
	}
	return nil
}

// builtin holds the rules that every scan runs.
//
//go:embed builtin/*.toml
var builtin embed.FS

// builtinHeads holds the heads of the literals of the built-in rules. Reading all
// rules for them takes longer than most scans of a hook do. TestHeadsAreThoseOfTheBuiltInRules writes it with -update.
//
//go:embed data/heads.txt
var builtinHeads string

// must returns v, which depends on nothing but what is part of the program.
func must[T any](v T, err error) T {
	if err != nil {
		panic("rules: " + err.Error())
	}
	return v
}

// builtinNames returns the names of the files in builtin, in order.
func builtinNames() (names []string) {
	for _, e := range must(builtin.ReadDir("builtin")) {
		names = append(names, "builtin/"+e.Name())
	}
	return names
}

// builtinSet returns the built-in rules and the files more, which have no rules.
func builtinSet(more []*ruleFile) *Set {
	compiled := sync.OnceValue(func() *compiled { return must(load(more)) })
	heads := finder.FromHeads(builtinHeads, encoding.MaxForm, func() *Finder { return compiled().finder })
	return &Set{finder: heads, compiled: compiled, sha256: hashOf(more)}
}

// hashOf returns a function that hashes the version of the engine, and the length
// and the text of each built-in file and of the files more. It copies no text.
func hashOf(more []*ruleFile) func() string {
	return sync.OnceValue(func() string {
		h := sha256.New()
		fmt.Fprintf(h, "%s\n", engineVersion)
		buf := make([]byte, 4<<10)
		for _, name := range builtinNames() {
			f := must(builtin.Open(name))
			fmt.Fprintf(h, "%d\n", must(f.Stat()).Size())
			must(io.CopyBuffer(h, f, buf))
		}
		for _, m := range more {
			fmt.Fprintf(h, "%d\n%s", len(m.Text), m.Text)
		}
		return hex.EncodeToString(h.Sum(nil))
	})
}
