// Package exceptions marks the findings that a person accepted: by an [[allow]]
// of the configuration, a line of a baseline, or keysweep:allow on the line of
// the key. It only marks: nothing here changes what is read.
//
// Whose exceptions count is the caller's to say: it hands in the bytes of the
// configuration and of the baseline, and which comments are believed.
package exceptions

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"keysweep/exceptions/inline"
	"keysweep/finding"
)

// Set is the exceptions that count for a scan. The zero value accepts nothing.
type Set struct {
	// File names the configuration that holds Allows.
	File   string
	Allows []Allow
	// Baseline may be nil.
	Baseline *Baseline
	// Inline says whether the comment on the line of o, an occurrence of f,
	// counts. Nil: none does. It is asked only about occurrences that have one.
	Inline func(f *finding.Finding, o *finding.Occurrence) bool
	// PathOf returns the path of o from the top, '/'-separated, as the globs of
	// Allows see it, and false if it has none there. Nil: Folder and Path.
	PathOf func(o *finding.Occurrence) (string, bool)
	// Whole says that the scan saw all that Allows and Baseline speak of: what
	// matches nothing is then reported as unused.
	Whole bool

	index *allowIndex // of Allows, when first asked
}

// Mark sets Suppressed of the findings of res that are accepted, and fills in
// res.Exceptions. A key that is known to work stays a finding whatever was
// accepted, and so does one that is accepted at its occurrences where it is not
// known which these are: the first target gets a note then. Call it when all
// statuses are known.
func (s *Set) Mark(res *finding.Result) {
	m := s.marker(res.Started)
	lines := map[string]bool{} // of the baseline that were used
	for _, f := range res.Findings {
		var accepted *finding.Suppression
		for _, fingerprint := range f.Fingerprints() {
			accepted = cmp.Or(accepted, m.first(s.index.ofKey(fingerprint)))
			if line := s.Baseline.Line(fingerprint); line != nil {
				lines[fingerprint] = true
				accepted = cmp.Or(accepted, &finding.Suppression{Kind: finding.KindBaseline, Reason: line.Reason})
			}
		}
		// Always asked: it notes which globs are used, and comments that do not
		// count.
		if byOccurrences := m.byOccurrences(f, accepted == nil); accepted == nil {
			accepted = byOccurrences
		}
		if accepted != nil && (f.Status == finding.Active || f.Status == finding.Restricted) {
			m.report(finding.Exception{Kind: accepted.Kind, Entry: f.Secret.ID(), Problem: finding.ExceptionLive,
				Reason: accepted.Reason, Owner: accepted.Owner, Expires: accepted.Expires})
			accepted = nil
		}
		if f.Suppressed = accepted; accepted == nil {
			m.foreign(f)
		}
	}
	if m.withheld && !res.Complete() && len(res.Targets) > 0 {
		res.Targets[0].Notes = append(res.Targets[0].Notes, withheldNote)
	}
	m.unused(res, lines)
	slices.SortFunc(m.reported, func(a, b finding.Exception) int {
		return cmp.Or(cmp.Compare(a.Problem, b.Problem), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Entry, b.Entry))
	})
	res.Exceptions = slices.Compact(m.reported)
}

// withheldNote is for keys whose known occurrences are accepted, where others may
// have been missed.
const withheldNote = "A path or a comment accepts a key only if it accepts all its occurrences. Some content was not read, so that no key was accepted in this way."

// AcceptsOccurrence reports whether the path of o is accepted, or key by the comment
// on its line.
func (s *Set) AcceptsOccurrence(key finding.Secret, o *finding.Occurrence, now time.Time) bool {
	m := s.marker(now)
	return m.byPath(o, []string{key.SHA256()}) != nil || o.Comment.Reason != "" && s.Inline != nil && s.Inline(&finding.Finding{Secret: key}, o)
}

// AcceptsPath reports whether the path of o is accepted, whatever the key is: entries
// that also name a key are left out. words name the entries that match it, whether
// they count or not.
func (s *Set) AcceptsPath(o *finding.Occurrence, now time.Time) (words string, accepted bool) {
	m := s.marker(now)
	said := m.byPath(o, nil)
	return fmt.Sprint(slices.Sorted(maps.Keys(m.used))), said != nil
}

// marker is one run of Mark.
type marker struct {
	*Set
	now      time.Time
	used     map[int]bool // of Allows
	withheld bool         // a key might be accepted if all occurrences were known
	reported []finding.Exception
}

func (s *Set) marker(now time.Time) marker {
	if s.index == nil {
		s.index = newAllowIndex(s.Allows)
	}
	return marker{Set: s, now: now, used: make(map[int]bool)}
}

func (m *marker) report(e finding.Exception) { m.reported = append(m.reported, e) }

// first returns what the first of entries that counts says, and notes that they
// are used.
func (m *marker) first(entries []int) (accepted *finding.Suppression) {
	for _, i := range entries {
		m.used[i] = true
		if a := &m.Allows[i]; accepted == nil && !a.Expired(m.now) {
			accepted = &finding.Suppression{Kind: finding.KindConfig, Reason: a.Reason, Owner: a.Owner, Expires: a.Expires}
		}
	}
	return accepted
}

// byOccurrences returns what the occurrences of a key say together: each must be
// accepted, by a comment or by the path. alone says that nothing else accepts it.
func (m *marker) byOccurrences(f *finding.Finding, alone bool) *finding.Suppression {
	newest, fingerprints := m.newest(f), f.Fingerprints()
	by := make(map[*finding.Occurrence]*finding.Suppression)
	for i := range f.Listed {
		o := &f.Listed[i]
		said := m.byPath(o, fingerprints)
		if reason := newest[fileOf(o)]; reason != "" && said == nil {
			said = &finding.Suppression{Kind: finding.KindInline, Reason: reason}
		}
		if said != nil {
			by[o] = said
		}
	}
	every, known := f.Every()
	if !known {
		if alone && len(by) > 0 {
			m.withheld = true
		}
		return nil
	}
	var accepted *finding.Suppression
	all := every.All(func(o *finding.Occurrence) bool {
		if isLeftover(o) {
			return true
		}
		if by[o] != nil {
			accepted = both(accepted, by[o])
		}
		return by[o] != nil
	})
	if !all {
		return nil
	}
	return accepted
}

// isLeftover reports whether o is a blob that nothing leads to: git add leaves one
// behind for every version that is not committed.
func isLeftover(o *finding.Occurrence) bool {
	return o.Source == finding.SourceBlob && o.Path == "" && o.Reachable == finding.No
}

// both joins what two occurrences say: the comment is named only if all have one,
// and the first end of time counts.
func both(a, b *finding.Suppression) *finding.Suppression {
	if a == nil {
		return b
	}
	if a.Kind == finding.KindInline && b.Kind != finding.KindInline {
		a, b = b, a
	}
	joined := *a
	if joined.Expires.IsZero() || !b.Expires.IsZero() && b.Expires.Before(joined.Expires) {
		joined.Expires = b.Expires
	}
	return &joined
}

// byPath returns what the globs say of the path of o, and of a key with one of these
// fingerprints there.
func (m *marker) byPath(o *finding.Occurrence, fingerprints []string) *finding.Suppression {
	name, ok := path.Join(o.Folder, o.Path), o.Path != ""
	if m.PathOf != nil {
		name, ok = m.PathOf(o)
	}
	if !ok {
		return nil
	}
	found := m.index.ofPath(m.Allows, name, fingerprints)
	if o.Inside != nil { // a glob may name the container or what is in it
		found = append(found, m.index.ofPath(m.Allows, o.InsideOf(name), fingerprints)...)
		slices.Sort(found)
		found = slices.Compact(found)
	}
	return m.first(found)
}

// fileID is the file that versions of a key are in.
type fileID struct{ target, path string }

func fileOf(o *finding.Occurrence) fileID {
	s := fileID{o.Target, o.InsideOf(path.Join(o.Folder, o.Path))}
	switch o.Source {
	case finding.SourceWorktree, finding.SourceIndex, finding.SourceBlob:
	default: // neither a version of a file nor of each other
		s.path = fmt.Sprintf("%s\x00%s\x00%d\x00%s", o.Source, o.Path, o.Line, o.Object)
	}
	if o.Path == "" && o.Object != "" {
		s.path = "\x00" + o.Object
	}
	return s
}

// newest returns, for each file that holds f, the reason that its newest version
// gives for all lines with the key; "" if one has none. The working tree is
// newer than the index, and that than HEAD, and that than the rest: a comment
// cannot be added to the past.
func (m *marker) newest(f *finding.Finding) map[fileID]string {
	type state struct {
		rank   int
		reason string
		bare   bool // a line without
	}
	states := map[fileID]*state{}
	for i := range f.Listed {
		o := &f.Listed[i]
		reason := m.comment(f, o)
		k, rank := fileOf(o), age(o)
		s := states[k]
		switch {
		case s == nil || rank < s.rank:
			states[k] = &state{rank, reason, reason == ""}
		case rank == s.rank:
			s.bare = s.bare || reason == ""
			s.reason = cmp.Or(s.reason, reason)
		}
	}
	reasons := map[fileID]string{}
	for k, s := range states {
		if !s.bare {
			reasons[k] = s.reason
		}
	}
	return reasons
}

// age orders versions of a file, the newest first.
func age(o *finding.Occurrence) int {
	switch {
	case o.Source == finding.SourceWorktree:
		return 0
	case o.Source == finding.SourceIndex:
		return 1
	case o.InHead == finding.Yes:
		return 2
	case o.Newest:
		return 3
	}
	return 4
}

// comment returns the reason on the line of o, if it counts.
func (m *marker) comment(f *finding.Finding, o *finding.Occurrence) string {
	e := finding.Exception{Kind: finding.KindInline, File: path.Join(o.Folder, o.Path), Line: o.Line, Entry: f.Secret.ID()}
	switch {
	case !o.Comment.Found:
		return ""
	case o.Comment.Reason == "":
		e.Problem = finding.ExceptionNoReason
	case m.Inline == nil || !m.Inline(f, o):
		e.Problem, e.Reason = finding.ExceptionUntrusted, o.Comment.Reason
	default:
		return o.Comment.Reason
	}
	// The past cannot be corrected. That of a change can be accepted where it is
	// to go.
	if age(o) < 3 || o.Source == finding.SourceStdin || o.Newest && e.Problem == finding.ExceptionUntrusted {
		m.report(e)
	}
	return ""
}

// foreign reports the comments beside f that accept it for other scanners alone.
func (m *marker) foreign(f *finding.Finding) {
	for i := range f.Listed {
		if o := &f.Listed[i]; o.Comment.Foreign != "" && !o.Comment.Found && (age(o) < 3 || o.Source == finding.SourceStdin) {
			m.report(finding.Exception{Kind: finding.KindInline, File: path.Join(o.Folder, o.Path), Line: o.Line, Entry: f.Secret.ID(),
				Problem: finding.ExceptionForeign, Reason: o.Comment.Foreign})
		}
	}
}

// unused reports which entries are expired, and which match nothing.
func (m *marker) unused(res *finding.Result, lines map[string]bool) {
	for i := range m.Allows {
		a := &m.Allows[i]
		switch {
		case a.Expired(m.now):
			m.report(a.exception(m.File, finding.ExceptionExpired))
		case m.Whole && !m.used[i] && !a.isIn(res.BelowFingerprints):
			m.report(a.exception(m.File, finding.ExceptionUnused))
		}
	}
	if !m.Whole {
		return
	}
	for _, fingerprint := range res.BelowFingerprints {
		lines[fingerprint] = true
	}
	for _, l := range m.Baseline.Lines() {
		if !lines[l.Fingerprint] {
			m.report(l.exception(m.Baseline.Name, finding.ExceptionUnused))
		}
	}
}

// InTrusted returns a Set.Inline that believes a comment only if a trusted
// version of the file has one too, on every line that holds the key. read
// returns the trusted version of the file that an occurrence is in, and
// false if there is none. A key that is encoded there is not recognised,
// and its comment not believed. With foreign, comments of other scanners count.
func InTrusted(read func(o *finding.Occurrence) ([]byte, bool), foreign bool) func(*finding.Finding, *finding.Occurrence) bool {
	return func(f *finding.Finding, o *finding.Occurrence) bool {
		text, ok := read(o)
		if !ok {
			return false
		}
		key, held := []byte(f.Secret.Reveal()), false
		if !bytes.Contains(text, key) {
			return false
		}
		for line := range bytes.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(inline.LineEnds, r) }) {
			if !bytes.Contains(line, key) {
				continue
			}
			if reason, _ := inline.Find(line, foreign); reason.Start == reason.End {
				return false
			}
			held = true
		}
		return held
	}
}
