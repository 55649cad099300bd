package foreign

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"

	"keysweep/finding"
	"keysweep/rules"
)

// Repository is what entries are matched with: the keys that a scan found, and where.
type Repository struct {
	Findings []*finding.Finding
	// PathOf returns the path of an occurrence from the top, '/'-separated, and false
	// if it has none.
	PathOf func(o *finding.Occurrence) (string, bool)
	// FileAt returns the file at a path in the tree of a commit, and false if it is
	// not there.
	FileAt func(commit, path string) ([]byte, bool)
	// Root is the real path of the top, '/'-separated. Files with absolute paths may
	// be below it.
	Root  string
	Rules *rules.Set
}

// Match is what became of an entry.
type Match struct {
	File  *File
	Entry *Entry
	// Key is the key that the entry means. Nil: Reason says why there is none.
	Key    *finding.Finding
	Reason string
	// Candidates are the keys that it may mean, if it is not decided.
	Candidates []*finding.Finding
	// Real says that an entry calls a candidate real.
	Real bool
}

// Match finds the keys that the entries of files mean. A key that an entry calls real
// is matched by no entry.
func (r *Repository) Match(files []*File) []Match {
	m := newMatcher(r)
	var list []Match
	real := make(map[*finding.Finding]string) // where it is called so, and how
	for _, f := range files {
		for i := range f.Entries {
			e := &f.Entries[i]
			match := Match{File: f, Entry: e, Reason: e.Damaged}
			if match.Reason == "" {
				match.Key, match.Candidates, match.Reason = m.find(e)
			}
			if e.Real != "" {
				for _, k := range append(match.Candidates, match.Key) {
					if k != nil && real[k] == "" {
						real[k] = e.Real + " (" + f.Name + ", " + e.Place + ")"
					}
				}
				if match.Key != nil || match.Candidates != nil {
					match.Reason = e.Real
				}
			}
			list = append(list, match)
		}
	}
	for i := range list {
		l := &list[i]
		if l.Key != nil && real[l.Key] != "" {
			if l.Entry.Real == "" {
				l.Reason = real[l.Key]
			}
			l.Candidates, l.Key = []*finding.Finding{l.Key}, nil
		}
		l.Real = slices.ContainsFunc(l.Candidates, func(k *finding.Finding) bool { return real[k] != "" })
	}
	return list
}

// lineAt is a line of a file, in a commit or, if that is "", in any.
type lineAt struct {
	commit, path string
	line         int
}

// keys is a set of keys, in the order in which they were met.
type keys []*finding.Finding

func (k keys) with(f *finding.Finding) keys {
	if slices.Contains(k, f) {
		return k
	}
	return append(k, f)
}

type matcher struct {
	*Repository
	rules            *rules.Matcher
	bySHA1, bySHA256 map[string]keys
	byText           map[string]keys // whole keys
	onLine           map[lineAt]keys
	ofFile           map[lineAt]map[int]keys // by line, of files in commits
	cut              bool                    // a key may have been where none is listed
}

// longList is from how many occurrences on some may not be listed.
const longList = 10_000

// cutAt is where detect-secrets ends a Stripe key, and least how long the part of a
// key must be that stands for all of it: both in bytes of the body.
const cutAt, least = 24, 20

// shaTypes are the kinds of match that ggshield gives to single keys.
var shaTypes = [...]string{",apikey", ",secret_key", ",client_secret", ",token", ",password", ""}

func newMatcher(r *Repository) *matcher {
	m := &matcher{r, r.Rules.NewMatcher(), make(map[string]keys), make(map[string]keys), make(map[string]keys), make(map[lineAt]keys), make(map[lineAt]map[int]keys), false}
	put := func(in map[string]keys, sum []byte, f *finding.Finding) {
		s := hex.EncodeToString(sum)
		in[s] = in[s].with(f)
	}
	for _, f := range r.Findings {
		for _, s := range slices.Concat([]finding.Secret{f.Secret}, f.Candidates, f.Former) {
			text := s.Reveal()
			m.byText[text] = m.byText[text].with(f)
			sum := sha1.Sum([]byte(text))
			put(m.bySHA1, sum[:], f)
			if n := len(s.Prefix()) + cutAt; n < len(text) {
				sum = sha1.Sum([]byte(text[:n]))
				put(m.bySHA1, sum[:], f)
			}
			for _, kind := range shaTypes {
				sum := sha256.Sum256([]byte(text + kind))
				put(m.bySHA256, sum[:], f)
			}
		}
		_, known := f.Every()
		m.cut = m.cut || !known || len(f.Listed) >= longList
		for i := range f.Listed {
			o := &f.Listed[i]
			name, ok := r.PathOf(o)
			if !ok || o.Line == 0 {
				continue
			}
			at := lineAt{"", strings.Join(append([]string{name}, o.Inside...), "!"), o.Line}
			m.onLine[at] = m.onLine[at].with(f)
		}
	}
	return m
}

// find returns the key that e means, or the keys that it may mean and why it is none
// of them.
func (m *matcher) find(e *Entry) (key *finding.Finding, candidates keys, reason string) {
	switch {
	case e.Secret.Len() > 0:
		text := e.Secret.Reveal()
		if m.byText[text] == nil && !m.Rules.Finder().Contains([]byte(text)) {
			return nil, nil, "a secret of another kind, which keysweep does not look for"
		}
		return decided(m.bySecret(text), "its secret was not found by the scan")
	case e.SHA1 != "":
		return decided(m.bySHA1[e.SHA1], "no key that the scan found has its hash: a secret of another kind, or gone")
	case e.SHA256 != "":
		return decided(m.bySHA256[e.SHA256], "no key that the scan found has its hash: a secret of another kind, or gone")
	case e.Path == "" || e.Line == 0:
		return nil, nil, "it has neither a secret nor a hash nor a place"
	}
	paths := m.paths(e)
	if e.Commit != "" {
		for _, p := range paths {
			if lines, ok := m.linesOf(e.Commit, p); ok {
				return m.ofRule(e, lines[e.Line], "that line of that commit holds no key that the scan found")
			}
		}
	}
	var found keys
	for _, p := range paths {
		for _, f := range m.onLine[lineAt{"", p, e.Line}] {
			found = found.with(f)
		}
	}
	if len(found) > 0 && m.cut {
		return nil, found, "undecided: some content was not read, or a key is in too many places, so that another may have been on that line"
	}
	gone := "no key was ever on that line in what was scanned"
	if e.Commit != "" {
		gone = "that commit does not have the file, or is gone, and " + gone
	}
	return m.ofRule(e, found, gone)
}

func decided(found keys, none string) (*finding.Finding, keys, string) {
	switch len(found) {
	case 0:
		return nil, nil, none
	case 1:
		return found[0], nil, ""
	}
	return nil, found, "undecided: several keys fit"
}

// ofRule is decided for keys that were found by their place: the rule must be one
// that can mean them.
func (m *matcher) ofRule(e *Entry, found keys, none string) (*finding.Finding, keys, string) {
	if len(found) == 1 && !canMean(e.Rule, found[0]) {
		return nil, found, "undecided: its rule " + e.Rule + " may be about something else on that line"
	}
	return decided(found, none)
}

// canMean reports whether a rule of another scanner can be about f: one about
// secrets of any kind, or about Stripe, for whose all keys with such a prefix are taken,
// or the issuer of f. Without a rule, it can.
func canMean(rule string, f *finding.Finding) bool {
	rule = strings.ToLower(rule)
	like := strings.HasPrefix(f.Secret.Prefix(), "sk_") || strings.HasPrefix(f.Secret.Prefix(), "rk_")
	return rule == "" || strings.Contains(rule, "generic") || strings.Contains(rule, f.Issuer) || like && strings.Contains(rule, "stripe")
}

// bySecret returns the keys that a secret in plain text is: the whole key, a key with
// something around it, or the beginning of one key.
func (m *matcher) bySecret(text string) (found keys) {
	if found := m.byText[text]; found != nil {
		return found
	}
	buf := []byte(text)
	for _, k := range m.rules.Matches(buf, rules.Span{Start: 0, End: len(buf)}) {
		for _, f := range m.byText[k.Secret.Reveal()] {
			found = found.with(f)
		}
	}
	if found != nil {
		return found
	}
	for _, f := range m.Findings {
		if whole := f.Secret.Reveal(); len(text) >= len(f.Secret.Prefix())+least && strings.HasPrefix(whole, text) {
			found = found.with(f)
		}
	}
	return found
}

// linesOf returns the keys in a file of a commit, by their line, and false if the file
// is not there.
func (m *matcher) linesOf(commit, name string) (map[int]keys, bool) {
	at := lineAt{commit, name, 0}
	if lines, known := m.ofFile[at]; known {
		return lines, lines != nil
	}
	m.ofFile[at] = nil
	text, ok := m.FileAt(commit, name)
	if !ok {
		return nil, false
	}
	lines := make(map[int]keys)
	line, from := 1, 0
	for _, k := range m.rules.Matches(text, rules.Span{Start: 0, End: len(text)}) {
		line += strings.Count(string(text[from:k.Start]), "\n")
		from = k.Start
		for _, f := range m.byText[k.Secret.Reveal()] {
			lines[line] = lines[line].with(f)
		}
	}
	m.ofFile[at] = lines
	return lines, true
}

// paths returns the paths from the top that the path of an entry may be.
func (m *matcher) paths(e *Entry) []string {
	name := e.Path
	list := []string{name}
	add := func(p string) {
		if p = path.Clean(strings.TrimPrefix(p, "./")); p != "." && !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	if !strings.Contains(name, "/") {
		name = strings.ReplaceAll(name, `\`, "/")
	}
	add(name)
	if below, ok := strings.CutPrefix(path.Clean(name), strings.TrimSuffix(m.Root, "/")+"/"); ok {
		add(below)
	}
	if _, below, ok := strings.Cut(path.Clean(name), "/"); ok && e.below == "*" {
		add(below)
	}
	return list
}

// Words say what m is about, for people: its place in the file, and what is there.
func (m *Match) Words() string {
	words := m.Entry.Place
	if m.Entry.Path != "" {
		words += fmt.Sprintf("  %s:%d", m.Entry.Path, m.Entry.Line)
	}
	if m.Entry.Rule != "" {
		words += "  " + m.Entry.Rule
	}
	return words
}
