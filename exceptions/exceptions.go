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
	"path"
	"slices"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"keysweep/finding"
	"keysweep/rules"
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
}

// Mark sets Suppressed of the findings of res that are accepted, and fills in
// res.Exceptions. A key that is known to work stays a finding whatever was
// accepted. Call it when all statuses are known.
func (s *Set) Mark(res *finding.Result) {
	m := marker{s, res.Started, make([]bool, len(s.Allows)), nil}
	lines := map[string]bool{} // of the baseline that were used
	for _, f := range res.Findings {
		var accepted *finding.Suppression
		for _, fingerprint := range f.Fingerprints() {
			accepted = cmp.Or(accepted, m.byAllows(func(a *Allow) bool { return a.isOf(fingerprint) }))
			if line := s.Baseline.Line(fingerprint); line != nil {
				lines[fingerprint] = true
				accepted = cmp.Or(accepted, &finding.Suppression{Kind: finding.KindBaseline, Reason: line.Reason})
			}
		}
		// Always asked: it notes which globs are used, and comments that do not
		// count.
		if byOccurrences := m.byOccurrences(f); accepted == nil {
			accepted = byOccurrences
		}
		if accepted != nil && (f.Status == finding.Active || f.Status == finding.Restricted) {
			m.report(finding.Exception{Kind: accepted.Kind, Entry: f.Secret.ID(), Problem: finding.ExceptionLive,
				Reason: accepted.Reason, Owner: accepted.Owner, Expires: accepted.Expires})
			accepted = nil
		}
		f.Suppressed = accepted
	}
	m.unused(res, lines)
	slices.SortFunc(m.reported, func(a, b finding.Exception) int {
		return cmp.Or(cmp.Compare(a.Problem, b.Problem), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Entry, b.Entry))
	})
	res.Exceptions = slices.Compact(m.reported)
}

// AcceptsOccurrence reports whether the path of o is accepted, or key by the comment
// on its line.
func (s *Set) AcceptsOccurrence(key finding.Secret, o *finding.Occurrence, now time.Time) bool {
	m := marker{s, now, make([]bool, len(s.Allows)), nil}
	return m.byPath(o) != nil || o.Comment.Reason != "" && s.Inline != nil && s.Inline(&finding.Finding{Secret: key}, o)
}

// marker is one run of Mark.
type marker struct {
	*Set
	now      time.Time
	used     []bool // of Allows
	reported []finding.Exception
}

func (m *marker) report(e finding.Exception) { m.reported = append(m.reported, e) }

// byAllows returns what the configuration says of a key, or of an occurrence, that
// matches describes, and notes which entries are used.
func (m *marker) byAllows(matches func(*Allow) bool) (accepted *finding.Suppression) {
	for i := range m.Allows {
		a := &m.Allows[i]
		if !matches(a) {
			continue
		}
		m.used[i] = true
		if accepted == nil && !a.Expired(m.now) {
			accepted = &finding.Suppression{Kind: finding.KindConfig, Reason: a.Reason, Owner: a.Owner, Expires: a.Expires}
		}
	}
	return accepted
}

// byOccurrences returns what the occurrences of a key say together: each must be
// accepted, by a comment or by the path.
func (m *marker) byOccurrences(f *finding.Finding) *finding.Suppression {
	newest := m.newest(f)
	var accepted *finding.Suppression
	named, all := 0, true
	for i := range f.Occurrences {
		o := &f.Occurrences[i]
		if o.Source == finding.SourceBlob && o.Path == "" && !o.Reachable {
			continue // git add leaves one behind for every version that is not committed
		}
		named++
		by := m.byPath(o) // always: it notes which globs are used
		if reason := newest[fileOf(o)]; reason != "" && by == nil {
			by = &finding.Suppression{Kind: finding.KindInline, Reason: reason}
		}
		if by == nil {
			all = false
			continue
		}
		accepted = both(accepted, by)
	}
	if named == 0 || !all {
		return nil
	}
	return accepted
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

// byPath returns what the globs say of the path of o.
func (m *marker) byPath(o *finding.Occurrence) *finding.Suppression {
	name, ok := path.Join(o.Folder, o.Path), o.Path != ""
	if m.PathOf != nil {
		name, ok = m.PathOf(o)
	}
	if !ok {
		return nil
	}
	return m.byAllows(func(a *Allow) bool { return a.Path != "" && doublestar.MatchUnvalidated(a.Path, name) })
}

// fileID is the file that versions of a key are in.
type fileID struct{ target, path string }

func fileOf(o *finding.Occurrence) fileID {
	s := fileID{o.Target, path.Join(o.Folder, o.Path)}
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
	for i := range f.Occurrences {
		o := &f.Occurrences[i]
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
	case o.InHead:
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

// unused reports which entries are expired, and which match nothing.
func (m *marker) unused(res *finding.Result, lines map[string]bool) {
	for i := range m.Allows {
		a := &m.Allows[i]
		switch {
		case a.Expired(m.now):
			m.report(a.exception(m.File, finding.ExceptionExpired))
		case m.Whole && !m.used[i] && !slices.ContainsFunc(res.BelowFingerprints, a.isOf):
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
// and its comment not believed.
func InTrusted(read func(o *finding.Occurrence) ([]byte, bool)) func(*finding.Finding, *finding.Occurrence) bool {
	return func(f *finding.Finding, o *finding.Occurrence) bool {
		text, ok := read(o)
		if !ok {
			return false
		}
		key, held := []byte(f.Secret.Reveal()), false
		for line := range bytes.Lines(text) {
			if !bytes.Contains(line, key) {
				continue
			}
			if reason, _ := rules.FindComment(line); reason.Start == reason.End {
				return false
			}
			held = true
		}
		return held
	}
}
