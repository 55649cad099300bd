package scanner

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"keysweep/finding"
	"keysweep/rules"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// finish turns the records into the result.
func (s *scan) finish(ctx context.Context) {
	var listed []*record
	for _, r := range s.collector.keys {
		switch f := &r.finding; {
		case f.Confidence == finding.Rejected:
			s.result.Rejected++
			if r.rejected != nil {
				f.Occurrences = append(f.Occurrences, s.occurrence(r.rejected.place, r.rejected.view))
				s.result.RejectedFindings = append(s.result.RejectedFindings, f)
			}
		case f.Confidence < s.opts.MinConfidence:
			s.result.Below++
			s.result.BelowFingerprints = append(s.result.BelowFingerprints, f.Secret.SHA256())
		default:
			listed = append(listed, r)
		}
	}
	// The order of a map must not reach the report.
	slices.Sort(s.result.BelowFingerprints)
	slices.SortFunc(s.result.Added, func(a, b finding.Exception) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Entry, b.Entry))
	})
	slices.SortFunc(listed, func(a, b *record) int {
		return cmp.Compare(a.finding.Secret.Reveal(), b.finding.Secret.Reveal())
	})
	if err := pack.Guard(func() error { return s.trace(ctx, listed) }); err != nil {
		reason := finding.ReasonDamaged
		if ctx.Err() != nil {
			reason, err = finding.ReasonInterrupted, context.Cause(ctx)
		}
		s.skip(finding.Skipped{Reason: reason, Count: 1, Detail: err.Error()})
	}
	if s.collector.full {
		s.skip(finding.Skipped{Reason: finding.ReasonTooLarge, Count: 1, Detail: fmt.Sprintf("more than %d different candidates: the others were left out", maxKeys)})
	}
	if s.collector.cut {
		for i := range s.targets {
			s.note(i, fmt.Sprintf("A file or object holds one key more than %d times: its further places were left out.", placesPerContent))
		}
	}
	for _, r := range listed {
		for _, in := range s.introductions {
			in.sighted(r)
		}
		s.complete(r)
		if s.isBeforeSince(&r.finding) {
			s.result.BeforeSince++
			continue
		}
		s.result.Findings = append(s.result.Findings, &r.finding)
	}
	for i, t := range s.targets {
		if !s.opts.Since.IsZero() && !t.History && t.Kind != finding.TargetStdin {
			s.note(i, fmt.Sprintf("The history of %s was not looked at: --since lists every key in it.", quoted(t.Name)))
			t = s.targets[i]
		}
		s.result.Targets = append(s.result.Targets, t.Target)
	}
	if s.opts.LineHashes {
		s.hashLines(ctx)
	}
	s.result.Sort()
	s.result.Duration = s.opts.Now().Sub(s.now)
}

// isBeforeSince reports whether a commit held f before Options.Since. A commit
// whose date is missing or broken says nothing.
func (s *scan) isBeforeSince(f *finding.Finding) bool {
	return !s.opts.Since.IsZero() && f.FirstSeen.Commit != "" && f.FirstSeen.Date.Unix() > 0 && f.FirstSeen.Date.Before(s.opts.Since)
}

// complete fills in what follows from all places of a key.
func (s *scan) complete(r *record) {
	f := &r.finding
	lines := make(map[place]int) // the first column of each line
	for p := range r.places {
		if p.object.IsZero() {
			column := p.column
			p.column = 0
			if first, ok := lines[p]; !ok || column < first {
				lines[p] = column
			}
		}
	}
	for p, v := range r.places {
		if line := p; p.object.IsZero() {
			line.column = 0
			if lines[line] != p.column {
				continue // a line is one place, as in the history
			}
		}
		// Places of objects came from their trace, unless there was none.
		if p.object.IsZero() {
			f.Occurrences = append(f.Occurrences, s.occurrence(p, v))
		} else if !r.traced[p] {
			o := s.occurrence(p, v)
			o.Versions = 1
			f.Occurrences = append(f.Occurrences, o)
		}
	}
	finding.SortOccurrences(f.Occurrences)
	evidence := make([]rules.Evidence, 0, len(r.evidence))
	for _, e := range r.evidence {
		evidence = append(evidence, e)
	}
	paths := make(map[string]bool)
	for _, o := range f.Occurrences {
		if o.Path != "" && !paths[o.Path] && len(paths) < pathEvidenceLimit {
			paths[o.Path] = true
			evidence = append(evidence, s.collector.set.PathEvidence(o.Path)...)
		}
	}
	f.Issuer, f.IssuerEvidence = s.collector.set.Attribute(r.shapes, evidence)
	f.IssuerStrength = s.collector.set.Strength(f.Issuer, r.shapes, evidence)
	if rule := s.collector.set.RuleOf(f.RuleID, f.Issuer); rule != nil {
		f.RuleID = rule.ID
	}
}

// pathEvidenceLimit bounds how many paths of one key are looked at for its
// issuer's name.
const pathEvidenceLimit = 1000

func (s *scan) occurrence(p place, v view) finding.Occurrence {
	o := finding.Occurrence{
		Target: s.targets[p.target].Name, Source: p.source, Path: p.path,
		Line: p.line, Column: p.column, EndColumn: v.endColumn, Excerpt: v.excerpt, Comment: v.comment,
		UnitColumn: v.unitColumn, UnitEndColumn: v.unitEndColumn, TipLine: v.tipLine,
	}
	if !p.object.IsZero() {
		o.Object = p.object.String()
	}
	return o
}

// sighted merges the history of a key in one database into its record.
func (r *record) sighted(k gitdb.KeyTrace, now time.Time) {
	if k.First.ID.IsZero() {
		return
	}
	f := &r.finding
	first, last := sighting(k.First), sighting(k.Last)
	until := now
	if !k.AtTip {
		until = last.Date
		if k.Removed > 0 {
			until = time.Unix(k.Removed, 0).UTC()
		}
	}
	if f.FirstSeen.Commit == "" || first.Date.Before(f.FirstSeen.Date) {
		f.FirstSeen = first
	}
	if f.LastSeen.Commit == "" || k.InHead && !f.InHead || k.InHead == f.InHead && last.Date.After(f.LastSeen.Date) {
		f.LastSeen = last
	}
	f.InHead = f.InHead || k.InHead
	// Clocks of committers may be wrong: no exposure is negative.
	f.Exposed = max(f.Exposed, until.Sub(first.Date), 0)
}

func sighting(c gitdb.CommitRef) finding.Sighting {
	return finding.Sighting{Commit: c.ID.String(), Date: time.Unix(c.Date, 0).UTC()}
}

// spot is what makes two places in a history one occurrence.
type spot struct {
	source finding.Source
	path   string
	line   int
	object oid.ID // of commits, tags and objects without a path
}

// spread turns the places of a key in one database into occurrences: one for
// each path and line, with the newest version that holds it there.
func (s *scan) spread(r *record, h history, t *gitdb.Trace) {
	if r.traced == nil {
		r.traced = make(map[place]bool)
	}
	type best struct {
		occurrence finding.Occurrence
		newest     gitdb.Place
		object     oid.ID
		objects    map[oid.ID]struct{}
	}
	spots := make(map[spot]*best)
	for p, v := range r.places {
		if p.target != h.target || p.object.IsZero() {
			continue
		}
		for _, at := range t.Places[p.object] {
			r.traced[p] = true
			o := s.occurrence(p, v)
			k := spot{source: p.source, path: at.Path, line: p.line}
			if p.source == finding.SourcePath {
				k.path = p.path
				if at.Path != "" {
					k.path = at.Path + "/" + p.path
				}
			} else if at.Path == "" {
				k.object = p.object
			}
			o.Path, o.Folder, o.Versions = k.path, h.folder, 1
			o.Reachable, o.InHead = at.Reachable, at.InHead
			if !at.Commit.ID.IsZero() {
				o.Commit = at.Commit.ID.String()
			}
			if at.Commit.Date > 0 {
				o.Date = time.Unix(at.Commit.Date, 0).UTC()
			}
			b := spots[k]
			if b == nil {
				spots[k] = &best{o, at, p.object, map[oid.ID]struct{}{p.object: {}}}
				continue
			}
			b.objects[p.object] = struct{}{}
			reachable, inHead := b.occurrence.Reachable || o.Reachable, b.occurrence.InHead || o.InHead
			commit, date := b.occurrence.Commit, b.occurrence.Date
			if o.Commit != "" && (commit == "" || o.Date.Before(date) || o.Date.Equal(date) && o.Commit < commit) {
				commit, date = o.Commit, o.Date
			}
			if newer(at, p.object, b.newest, b.object) || p.object == b.object && o.Column < b.occurrence.Column {
				b.occurrence, b.newest, b.object = o, at, p.object
			}
			b.occurrence.Reachable, b.occurrence.InHead = reachable, inHead
			b.occurrence.Commit, b.occurrence.Date = commit, date
		}
	}
	last := make(map[spot]*best) // of all lines of a path
	for k, b := range spots {
		k.line = 0
		if l := last[k]; l == nil || newer(b.newest, b.object, l.newest, l.object) {
			last[k] = b
		}
	}
	for k, b := range spots {
		k.line = 0
		b.occurrence.Newest = b.object == last[k].object
		b.occurrence.Versions = len(b.objects)
		r.finding.Occurrences = append(r.finding.Occurrences, b.occurrence)
	}
}

// newer reports whether version a, at its place, is to be shown before b: what
// HEAD holds, else what came last.
func newer(a gitdb.Place, objectA oid.ID, b gitdb.Place, objectB oid.ID) bool {
	if a.InHead != b.InHead {
		return a.InHead
	}
	return cmp.Or(cmp.Compare(a.Commit.Date, b.Commit.Date), a.Commit.ID.Compare(b.Commit.ID), objectA.Compare(objectB)) > 0
}
