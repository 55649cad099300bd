package scanner

import (
	"context"
	"time"

	"keysweep/finding"
	"keysweep/scanner/gitdb/history"
	"keysweep/scanner/gitdb/oid"
)

// trace asks the histories where and when the keys of list were in them, and
// fills in what a report says of it.
func (s *Prepared) trace(ctx context.Context, list []*record) error {
	if len(s.histories) == 0 || len(list) == 0 {
		return nil
	}
	s.opts.Progress.Phase.Store("history of findings")
	for _, h := range s.histories {
		held := make(map[oid.ID][]int32)
		for i, r := range list {
			for l := range r.locations {
				if l.target != h.target || l.object.IsZero() || !h.db.Has(l.object) {
					continue // a target may have several databases: submodules
				}
				if k := held[l.object]; len(k) == 0 || k[len(k)-1] != int32(i) {
					held[l.object] = append(k, int32(i))
				}
			}
		}
		t, err := h.db.Trace(ctx, held, len(list))
		if t == nil {
			return err
		}
		s.skip(t.Skipped...)
		if t.Cut {
			h.target.note("Its history holds more paths than were listed: some occurrences of the keys found are left out.")
		}
		for i, r := range list {
			r.addTrace(t.Keys[i], s.result.Started)
			r.addVersions(h, t)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// addTrace merges the history of a key in one database into its record.
func (r *record) addTrace(k history.KeyTrace, now time.Time) {
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

// addVersions turns the locations of a key in one database into occurrences.
func (r *record) addVersions(h scannedHistory, t *history.Trace) {
	if r.traced == nil {
		r.traced = make(map[location]bool)
	}
	vs := make(versions)
	for l, v := range r.locations {
		if l.target != h.target || l.object.IsZero() {
			continue
		}
		for _, at := range t.Paths[l.object] {
			r.traced[l] = true
			o := l.occurrence(v)
			switch {
			case l.source != finding.SourcePath:
				o.Path = at.Path
			case at.Path != "":
				o.Path = at.Path + "/" + l.path
			}
			o.Folder, o.Reachable, o.InHead = h.folder, at.Reachable, at.InHead
			vs.add(version{o, l.object, at.Commit})
		}
	}
	r.finding.Occurrences = append(r.finding.Occurrences, vs.occurrences()...)
}
