package scanner

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"keysweep/finding"
	"keysweep/linehash"
	"keysweep/rules"
	"keysweep/rules/attribution"
	"keysweep/scanner/gitdb/pack"
	"keysweep/scanner/worktree"
)

// finish turns the records into the result.
func (s *Prepared) finish(ctx context.Context) {
	for key := range s.cutKeys {
		if r := s.collector.keys[key]; r != nil {
			r.open = true
		}
	}
	s.collector.mergeGlued()
	listed := s.listed()
	slices.SortFunc(s.result.Added, func(a, b finding.Exception) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Entry, b.Entry))
	})
	if !s.guarded(ctx, func() error { return s.trace(ctx, listed) }) {
		for _, r := range listed {
			r.open = true
		}
	}
	if s.collector.full {
		s.skipOne(finding.ReasonTooLarge, fmt.Sprintf("more than %d different candidates: the others were left out", maxKeys))
	}
	for _, r := range listed {
		for _, c := range s.changes {
			c.addOccurrences(r)
		}
		r.complete()
		if r.finding.Confidence == finding.Rejected {
			r.withdraw()
			s.result.RejectedFindings = append(s.result.RejectedFindings, &r.finding)
			continue
		}
		s.attribute(r)
		if s.isBeforeSince(&r.finding) {
			s.result.BeforeSince++
			continue
		}
		r.withdraw()
		if !r.open && (s.opts.AllowIncomplete || s.result.Complete()) {
			r.finding.MeetEvery()
		}
		s.result.Findings = append(s.result.Findings, &r.finding)
	}
	for _, t := range s.targets {
		if s.collector.cut {
			t.note("A file or object holds one key more than %d times: its further occurrences were left out.", locationsPerContent)
		}
		if !s.opts.Since.IsZero() && !t.History && t.Kind != finding.TargetStdin {
			t.note("The history of %s was not scanned: --since lists every key in it.", quoted(t.Name))
		}
		s.result.Targets = append(s.result.Targets, t.Target)
	}
	s.result.Repositories = s.repositories()
	if s.opts.Authors {
		s.guarded(ctx, func() error { return s.addAuthors(ctx) })
	}
	if s.opts.LineHashes {
		s.hashLines(ctx)
	}
	s.result.Sort()
	s.result.Duration = s.opts.Now().Sub(s.result.Started)
}

// guarded reports whether read did without an error, which it notes as what was
// not read.
func (s *Prepared) guarded(ctx context.Context, read func() error) bool {
	err := pack.Guard(read)
	if err == nil {
		return true
	}
	reason := finding.ReasonDamaged
	if ctx.Err() != nil {
		reason, err = finding.ReasonInterrupted, context.Cause(ctx)
	}
	s.skipOne(reason, err.Error())
	return false
}

// withdraw takes back what was said of the history of a key as if all of it were
// known, if it is not: what was not read may hold the key, earlier or later. That a commit holds
// it stays true.
func (r *record) withdraw() {
	if !r.partial {
		return
	}
	f := &r.finding
	f.FirstSeen, f.Removed, f.Exposed = finding.Sighting{}, finding.Sighting{}, 0
	if f.InHead != finding.Yes {
		f.InHead, f.LastSeen = finding.NotKnown, finding.Sighting{}
	}
}

// listed returns the records that may be findings, and the rejected ones if they
// are wanted, sorted by key, and counts the others.
func (s *Prepared) listed() (list []*record) {
	for _, r := range s.collector.keys {
		switch f := &r.finding; {
		case f.Confidence == finding.Rejected:
			s.result.Rejected++
			if s.opts.KeepRejected {
				list = append(list, r)
			}
		case f.Confidence < s.opts.MinConfidence:
			s.result.Below++
			s.result.BelowFingerprints = append(s.result.BelowFingerprints, f.Fingerprints()...)
		default:
			list = append(list, r)
		}
	}
	slices.Sort(s.result.BelowFingerprints)
	slices.SortFunc(list, func(a, b *record) int {
		return cmp.Compare(a.finding.Secret.Reveal(), b.finding.Secret.Reveal())
	})
	return list
}

// isBeforeSince reports whether a commit held f before Options.Since. A commit
// whose date is missing or broken says nothing.
func (s *Prepared) isBeforeSince(f *finding.Finding) bool {
	return !s.opts.Since.IsZero() && f.FirstSeen.Commit != "" && f.FirstSeen.Date.Unix() > 0 && f.FirstSeen.Date.Before(s.opts.Since)
}

// complete fills in what follows from all locations of a key.
func (r *record) complete() {
	f := &r.finding
	lines := make(map[location]int) // the first column of each line outside objects
	for l, v := range r.locations {
		switch {
		case v.traced:
		case !l.object.IsZero(): // its history could not be traced
			o := l.occurrence(v)
			o.Versions = 1
			f.Listed = append(f.Listed, o)
		default:
			line := l
			line.column = 0
			if first, ok := lines[line]; !ok || l.column < first {
				lines[line] = l.column
			}
		}
	}
	for l, column := range lines { // a line is one occurrence, as in the history
		l.column = column
		f.Listed = append(f.Listed, l.occurrence(r.locations[l]))
	}
	finding.SortOccurrences(f.Listed)
}

// pathEvidenceLimit bounds how many paths of one key are searched for its
// issuer's name.
const pathEvidenceLimit = 1000

// Basis is what a finding rests on beside its occurrences. Findings of one key from
// several scans are joined by it.
type Basis struct {
	Shapes   []string
	Evidence []rules.Evidence
	Partial  bool // the history of the key is not wholly known
}

// Basis returns what the finding of key rests on, after Scan. The zero value: there is
// none.
func (s *Prepared) Basis(key finding.Secret) Basis {
	if r := s.collector.keys[key]; r != nil {
		return Basis{Shapes: r.shapes, Evidence: r.based, Partial: r.partial}
	}
	return Basis{}
}

// Add adds what the same key rests on elsewhere.
func (b *Basis) Add(other Basis) {
	b.Partial = b.Partial || other.Partial
	if b.Shapes == nil {
		b.Shapes = other.Shapes
	}
	for _, e := range other.Evidence {
		i := slices.IndexFunc(b.Evidence, func(old rules.Evidence) bool {
			return old == e || old.Issuer == e.Issuer && old.Kind == e.Kind && e.Kind != attribution.Path
		})
		switch {
		case i < 0:
			b.Evidence = append(b.Evidence, e)
		case better(e, b.Evidence[i]):
			b.Evidence[i] = e
		}
	}
}

// Attribute decides whose key f is.
func (b *Basis) Attribute(f *finding.Finding, set *rules.Set) {
	f.Issuer, f.IssuerEvidence = set.Attributor().Attribute(b.Shapes, b.Evidence)
	f.IssuerStrength = set.Attributor().Strength(f.Issuer, b.Shapes, b.Evidence)
	if rule := set.RuleOf(f.RuleID, f.Issuer); rule != nil {
		f.RuleID = rule.ID
	}
}

// attribute decides whose key it is, by all its occurrences.
func (s *Prepared) attribute(r *record) {
	f := &r.finding
	evidence := make([]rules.Evidence, 0, len(r.evidence))
	for _, e := range r.evidence {
		evidence = append(evidence, e)
	}
	paths := make(map[string]bool)
	for _, o := range f.Listed {
		if o.Path != "" && !f.Glued && !paths[o.Path] && len(paths) < pathEvidenceLimit {
			paths[o.Path] = true
			evidence = append(evidence, s.collector.set.Attributor().Path(o.Path)...)
		}
	}
	r.based = evidence
	b := Basis{Shapes: r.shapes, Evidence: evidence}
	b.Attribute(f, s.collector.set)
}

// hashLines fills in LineHash of the occurrences in files of the working tree.
func (s *Prepared) hashLines(ctx context.Context) {
	type file struct {
		target, path string
	}
	files := make(map[file][]lineOf)
	for _, f := range s.result.Findings {
		for i := range f.Listed {
			if o := &f.Listed[i]; o.Source == finding.SourceWorktree {
				k := file{o.Target, o.Path}
				files[k] = append(files[k], lineOf{f.Secret, o})
			}
		}
	}
	if len(files) == 0 {
		return
	}
	j := s.collector.newJudge(ctx)
	for k, lines := range files {
		t := s.targets[slices.IndexFunc(s.targets, func(t *target) bool { return t.Name == k.target })]
		hashFile(ctx, j, t.root, k.path, lines)
	}
}

// lineOf is a line to hash, and the key on it.
type lineOf struct {
	secret     finding.Secret
	occurrence *finding.Occurrence
}

// hashFile reads a file again. A line gets its hash only if the key is still
// where it was; after an error the file is not what it was, and none does.
func hashFile(ctx context.Context, j *judge, root, path string, lines []lineOf) {
	var numbers []int
	for _, l := range lines {
		numbers = append(numbers, l.occurrence.Line)
	}
	defer j.drop()
	var hasher *linehash.Hasher
	err := worktree.Reread(ctx, root, path, func(r io.Reader) error {
		j.drop()
		hasher = linehash.New(numbers)
		return pack.Guard(func() error {
			_, err := j.stream(io.TeeReader(r, hasher), location{})
			return err
		})
	})
	if err != nil {
		return
	}
	hashes := hasher.Finish()
	for _, l := range lines {
		o := l.occurrence
		if slices.ContainsFunc(j.list, func(k candidate) bool {
			return strings.HasPrefix(k.match.Secret.Reveal(), l.secret.Reveal()) && k.at.line == o.Line && k.at.column == o.Column
		}) {
			o.LineHash = hashes[o.Line]
		}
	}
}
