package report

import (
	"cmp"
	"slices"
	"strings"

	"keysweep/finding"
)

// redactor takes keys out of strings that are not keys: names of files are
// content too, and a file may be called after the key that it holds. Reports
// print a path only through it.
type redactor struct {
	off bool // the user asked for whole keys
	// known holds the result's keys, and the prefixes that every scan looks
	// for, the longest prefix first.
	known []knownKeys
	// first says which bytes a prefix starts with: nearly all of a path is
	// passed over by this alone.
	first [256]bool
	// hidden holds paths whose last name holds a key in an encoded form, which
	// cannot be recognised in another path below it.
	hidden map[string]bool
}

// knownKeys holds the keys of one prefix, by length and whole key.
type knownKeys struct {
	prefix   string
	byLength map[int]map[string]finding.Secret
}

// newRedactor returns a redactor for every key of res.
func newRedactor(res *finding.Result, opts Options) *redactor {
	r := &redactor{off: opts.ShowSecrets, hidden: map[string]bool{}}
	byPrefix := map[string]map[int]map[string]finding.Secret{
		"sk_live_": nil, "sk_test_": nil, "rk_live_": nil, "rk_test_": nil,
	}
	for _, list := range [...][]*finding.Finding{res.Findings, res.RejectedFindings} {
		for _, f := range list {
			prefix, n := f.Secret.Prefix(), f.Secret.Len()
			if byPrefix[prefix] == nil {
				byPrefix[prefix] = map[int]map[string]finding.Secret{}
			}
			if byPrefix[prefix][n] == nil {
				byPrefix[prefix][n] = map[string]finding.Secret{}
			}
			byPrefix[prefix][n][f.Secret.Reveal()] = f.Secret
			r.hide(f)
		}
	}
	for prefix, byLength := range byPrefix {
		r.known = append(r.known, knownKeys{prefix, byLength})
		if prefix == "" {
			for i := range r.first {
				r.first[i] = true
			}
		} else {
			r.first[prefix[0]] = true
		}
	}
	slices.SortFunc(r.known, func(a, b knownKeys) int {
		return cmp.Or(cmp.Compare(len(b.prefix), len(a.prefix)), cmp.Compare(a.prefix, b.prefix))
	})
	return r
}

// hide notes the paths that are f in an encoded form.
func (r *redactor) hide(f *finding.Finding) {
	if len(f.Encoding) == 0 {
		return
	}
	for _, o := range f.Occurrences {
		if o.Source == finding.SourcePath {
			r.hidden[o.Path] = true
		}
	}
}

// text returns s with every known key redacted, and everything that looks like
// a key and is not listed, for example one below the confidence asked for.
func (r *redactor) text(s string) string {
	if r.off {
		return s
	}
	var out strings.Builder
	done := 0
	for i := 0; i < len(s); i++ {
		if !r.first[s[i]] {
			continue
		}
		if shown, n := r.keyAt(s[i:]); n > 0 {
			out.WriteString(s[done:i])
			out.WriteString(shown)
			done = i + n
			i = done - 1
		}
	}
	if done == 0 {
		return s
	}
	out.WriteString(s[done:])
	return out.String()
}

// path is text for a path below a target.
func (r *redactor) path(p string) string {
	if r.off {
		return p
	}
	if len(r.hidden) > 0 {
		names := strings.Split(p, "/")
		for i, end := 0, -1; i < len(names); i++ {
			end += 1 + len(names[i])
			if r.hidden[p[:end]] {
				names[i] = "…"
			}
		}
		p = strings.Join(names, "/")
	}
	return r.text(p)
}

// minBody and the demand for a digit and a letter keep names readable that are
// a prefix and words.
const minBody = 16

// keyAt returns the redacted form and the length of the key that s starts
// with, or 0.
func (r *redactor) keyAt(s string) (shown string, n int) {
	for _, k := range r.known {
		if !strings.HasPrefix(s, k.prefix) {
			continue
		}
		for length, keys := range k.byLength {
			if length <= n || length > len(s) {
				continue
			}
			if key, ok := keys[s[:length]]; ok {
				shown, n = key.Redacted(), length
			}
		}
		if k.prefix == "" {
			continue
		}
		end, digit, letter := len(k.prefix), false, false
		for ; end < len(s); end++ {
			c := s[end]
			isDigit, isLetter := c >= '0' && c <= '9', c|0x20 >= 'a' && c|0x20 <= 'z'
			if !isDigit && !isLetter && c != '_' && c != '-' {
				break
			}
			digit, letter = digit || isDigit, letter || isLetter
		}
		if end > n && end-len(k.prefix) >= minBody && digit && letter {
			shown, n = k.prefix+"…", end
		}
	}
	return shown, n
}
