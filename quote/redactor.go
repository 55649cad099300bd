package quote

import (
	"cmp"
	"slices"
	"strings"

	"keysweep/finding"
	"keysweep/rules"
)

// Redactor takes keys out of text that is not a key: names of files are content
// too, and a file may be called after the key that it holds. Reports print paths
// only through it. It is safe for concurrent use.
type Redactor struct {
	show bool // the user asked for whole keys
	// prefixes holds those of the built-in rules and of the result's keys, the
	// longest first.
	prefixes []prefix
	keys     map[string]bool // the result's keys, whole
	// first says which bytes a prefix starts with: nearly all of a path is
	// passed over by this alone.
	first [256]bool
	// hidden holds paths whose last name holds a key in an encoded form, which
	// cannot be recognised in another path below it.
	hidden map[string]bool
}

// prefix is what keys start with, and how long the result's keys are that do.
type prefix struct {
	text    string
	lengths []int // of the whole keys in bytes, each once
}

// NewRedactor returns a redactor of what looks like a key and of every key of
// res, which may be nil. With show it hides nothing.
func NewRedactor(res *finding.Result, show bool) *Redactor {
	r := &Redactor{show: show}
	if show {
		return r
	}
	lengths := map[string][]int{}
	for _, text := range rules.Prefixes() {
		lengths[text] = nil
	}
	if res != nil {
		r.keys, r.hidden = map[string]bool{}, map[string]bool{}
		for _, f := range slices.Concat(res.Findings, res.RejectedFindings) {
			lengths[f.Secret.Prefix()] = append(lengths[f.Secret.Prefix()], f.Secret.Len())
			r.keys[f.Secret.Reveal()] = true
			for _, o := range f.Occurrences {
				if o.Source == finding.SourcePath && len(f.Encoding) > 0 {
					r.hidden[o.Path] = true
				}
			}
		}
	}
	for text, list := range lengths {
		slices.Sort(list)
		r.prefixes = append(r.prefixes, prefix{text, slices.Compact(list)})
		for i := range r.first {
			r.first[i] = r.first[i] || text == "" || text[0] == byte(i)
		}
	}
	slices.SortFunc(r.prefixes, func(a, b prefix) int {
		return cmp.Or(cmp.Compare(len(b.text), len(a.text)), cmp.Compare(a.text, b.text))
	})
	return r
}

// Text returns s with every known key redacted, and everything that looks like
// a key and is not listed, for example one below the confidence asked for.
func (r *Redactor) Text(s string) string {
	if r.show {
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

// Path is Text for a path below a target.
func (r *Redactor) Path(p string) string {
	if r.show {
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
	return r.Text(p)
}

// keyAt returns the redacted form and the length of the longest key that s
// starts with, or 0.
func (r *Redactor) keyAt(s string) (shown string, n int) {
	for _, p := range r.prefixes {
		if !strings.HasPrefix(s, p.text) {
			continue
		}
		end := 0
		if body := bodyLength(s[len(p.text):]); body > 0 && p.text != "" {
			end = len(p.text) + body
		}
		for _, length := range p.lengths {
			if length > end && length <= len(s) && r.keys[s[:length]] {
				end = length
			}
		}
		if end > n {
			shown, n = p.text+"…", end
		}
	}
	return shown, n
}
