package quote

import (
	"bytes"
	"slices"
	"strings"
	"sync"

	"keysweep/finding"
	"keysweep/rules"
)

// Redactor takes keys out of text that is not a key: names of files are content
// too, and a file may be called after the key that it holds. Whatever is printed
// passes through one. It is safe for concurrent use.
type Redactor struct {
	show bool // the user asked for whole keys
	set  *rules.Set
	// keys are the result's, whole, and lengths theirs in bytes, each once.
	keys    map[string]bool
	lengths []int
}

// builtIn returns the built-in rules. None is read before a text holds what may
// be a prefix in any encoding.
var builtIn = sync.OnceValue(func() *rules.Set {
	set, err := rules.Load(nil)
	if err != nil {
		panic(err) // they are part of the program
	}
	return set
})

// NewRedactor returns a redactor of every key that the rules of set find, at
// whatever confidence, and of those of res, which may be nil. A nil set has the
// built-in rules. With show it hides nothing.
func NewRedactor(set *rules.Set, res *finding.Result, show bool) *Redactor {
	r := &Redactor{show: show, set: set}
	if show || res == nil {
		return r
	}
	r.keys = map[string]bool{}
	for _, f := range slices.Concat(res.Findings, res.RejectedFindings) {
		if f.Secret.Len() == len(f.Secret.Prefix()) || f.Secret.IsSealed() {
			continue // a bare prefix hides nothing, and what is sealed is not known
		}
		r.keys[f.Secret.Reveal()] = true
		r.lengths = append(r.lengths, f.Secret.Len())
	}
	slices.Sort(r.lengths)
	r.lengths = slices.Compact(r.lengths)
	return r
}

// span is a key in a text, from start to end, and what is shown for it.
type span struct {
	start, end int
	shown      string
}

// Text returns s with every key in it replaced by its prefix and an ellipsis,
// in whatever encoding it is written. What the rules reject as words, as an
// identifier or as too short stays as it is.
func (r *Redactor) Text(s string) string {
	if r.show {
		return s
	}
	set := r.set
	if set == nil {
		set = builtIn()
	}
	if !set.Finder().Contains([]byte(s)) {
		return s
	}
	m := set.NewMatcher()
	var keys []span
	// A slash is a digit of base64: names are read by themselves first, as a scan
	// reads them, so that a key does not take the next name with it.
	if strings.Contains(s, "/") {
		for at, name := range names(s) {
			keys = r.find(keys, m, name, at)
		}
	}
	keys = beside(keys, r.find(nil, m, s, 0))
	var out strings.Builder
	done := 0
	for _, k := range keys {
		out.WriteString(s[done:k.start] + k.shown)
		done = k.end
	}
	return out.String() + s[done:]
}

// beside returns keys and those of more that overlap none of them. All three are
// sorted.
func beside(keys, more []span) []span {
	i := 0
	var all []span
	for _, k := range more {
		for i < len(keys) && keys[i].end <= k.start {
			all = append(all, keys[i])
			i++
		}
		if i == len(keys) || keys[i].start >= k.end {
			all = append(all, k)
		}
	}
	return append(all, keys[i:]...)
}

// names yields the parts of s between slashes, and where each starts.
func names(s string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		at := 0
		for name := range strings.SplitSeq(s, "/") {
			if !yield(at, name) {
				return
			}
			at += len(name) + 1
		}
	}
}

// find appends to keys, which end before text starts, what is to be hidden of
// text, which starts at a byte of the whole.
func (r *Redactor) find(keys []span, m *rules.Matcher, text string, at int) []span {
	buf := []byte(text)
	matches := m.Matches(buf, rules.Span{Start: 0, End: len(buf)})
	end := 0 // of the key before
	for i := range matches {
		k := &matches[i]
		if k.Start < end || k.Readable() && !r.known(k.Secret.Reveal()) {
			continue
		}
		end = EndBeside(buf, k)
		keys = append(keys, span{at + k.Start, at + end, k.Secret.Redacted()})
	}
	return keys
}

// EndBeside returns where in buf, of which m is, the key ends, or what a dump prints beside
// its last bytes: hexdump -C and xxd have them at the end of the line, too.
func EndBeside(buf []byte, m *rules.Match) int {
	const longest, least = 256, 4 // of the line; of what is found, in bytes
	if m.Encoding == nil {
		return m.End
	}
	line, _, _ := bytes.Cut(buf[m.End:min(len(buf), m.End+longest)], []byte("\n"))
	for body := m.Secret.Reveal()[len(m.Secret.Prefix()):]; len(body) >= least; body = body[1:] {
		if i := bytes.Index(line, []byte(body)); i >= 0 {
			return m.End + i + len(body)
		}
	}
	return m.End
}

// known reports whether text starts with a key of the result, which other text
// around it made one.
func (r *Redactor) known(text string) bool {
	return slices.ContainsFunc(r.lengths, func(n int) bool { return n <= len(text) && r.keys[text[:n]] })
}
