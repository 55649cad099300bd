package scanner

import (
	"cmp"
	"time"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
)

// location is where content comes from, and where in it a candidate is. Equal
// content in several packs, or read twice, gives equal locations.
type location struct {
	target       *target
	history      *scannedHistory // whose object it is; nil: none
	source       finding.Source
	path         string // of a file, or the name of a tree entry or ref
	inside       string // names of a member of a container, as joinNames joins them
	object       oid.ID // of an object
	line, column int
}

func (l location) compare(m location) int {
	return cmp.Or(cmp.Compare(l.target.number, m.target.number), cmp.Compare(l.history.place(), m.history.place()), cmp.Compare(l.source, m.source), cmp.Compare(l.path, m.path), cmp.Compare(l.inside, m.inside),
		l.object.Compare(m.object), cmp.Compare(l.line, m.line), cmp.Compare(l.column, m.column))
}

// view is what a report shows of a location.
type view struct {
	as                        finding.Secret // what was found, if not the key: see mergeGlued
	endColumn                 int
	unitColumn, unitEndColumn int
	tipLine                   int // see finding.Occurrence.TipLine
	excerpt                   finding.Excerpt
	comment                   finding.Comment
	traced                    bool // it became occurrences of a history
}

// occurrence returns what a report says of v at l.
func (l location) occurrence(v view) finding.Occurrence {
	o := finding.Occurrence{
		Target: l.target.Name, Source: l.source, Path: l.path, Inside: l.names(l.path),
		Line: l.line, Column: l.column, EndColumn: v.endColumn, Excerpt: v.excerpt, Comment: v.comment,
		Layer: l.target.images.layerOf(l), UnitColumn: v.unitColumn, UnitEndColumn: v.unitEndColumn, TipLine: v.tipLine,
	}
	if l.history != nil { // until it is traced
		o.Reachable, o.InHead = finding.NotKnown, finding.NotKnown
	}
	if !l.object.IsZero() {
		o.Object = l.object.String()
	}
	return o
}

// versions makes occurrences of the objects of a history that hold a key: one
// for each path and line, however many versions hold it there.
type versions map[lineKey]*lineVersions

// lineKey is what makes two locations in a history one occurrence.
type lineKey struct {
	source finding.Source
	path   string
	inside string
	line   int
	object oid.ID // of commits, tags and objects without a path
}

// version is an object that holds a key.
type version struct {
	occurrence finding.Occurrence // without what follows from other versions
	object     oid.ID
	commit     gitdb.CommitRef // that brought it here; zero: none
}

// lineVersions are the versions that hold a key at one path and line.
type lineVersions struct {
	shown             version         // the newest
	first             gitdb.CommitRef // of the commits of all, the earliest
	reachable, inHead finding.Answer
	objects           map[oid.ID]struct{}
}

func (vs versions) add(v version) {
	o := &v.occurrence
	k := lineKey{source: o.Source, path: o.Path, inside: joinNames(o.Inside), line: o.Line}
	if o.Path == "" {
		k.object = v.object
	}
	l := vs[k]
	if l == nil {
		l = &lineVersions{shown: v, first: v.commit, objects: make(map[oid.ID]struct{})}
		vs[k] = l
	}
	l.objects[v.object] = struct{}{}
	l.reachable, l.inHead = l.reachable.Or(o.Reachable), l.inHead.Or(o.InHead)
	if !v.commit.ID.IsZero() && (l.first.ID.IsZero() || compareCommits(v.commit, l.first) < 0) {
		l.first = v.commit
	}
	if v.isNewer(&l.shown) {
		l.shown = v
	}
}

// isNewer reports whether v is to be shown before w: what HEAD holds, else what
// the trusted commit reaches, else what came last.
func (v *version) isNewer(w *version) bool {
	if (v.occurrence.InHead == finding.Yes) != (w.occurrence.InHead == finding.Yes) {
		return v.occurrence.InHead == finding.Yes
	}
	if v.occurrence.Comment.Merged != w.occurrence.Comment.Merged {
		return v.occurrence.Comment.Merged
	}
	return cmp.Or(compareCommits(v.commit, w.commit), v.object.Compare(w.object), w.occurrence.Column-v.occurrence.Column) > 0
}

// occurrences returns them in no order.
func (vs versions) occurrences() (list []finding.Occurrence) {
	newest := make(map[lineKey]*lineVersions) // of all lines of a path
	for k, l := range vs {
		k.line = 0
		if n := newest[k]; n == nil || l.shown.isNewer(&n.shown) {
			newest[k] = l
		}
	}
	for k, l := range vs {
		k.line = 0
		o := l.shown.occurrence
		o.Newest = l.shown.object == newest[k].shown.object
		o.Versions, o.Reachable, o.InHead = len(l.objects), l.reachable, l.inHead
		if !l.first.ID.IsZero() {
			o.Commit = l.first.ID.String()
		}
		if l.first.Date > 0 {
			o.Date = time.Unix(l.first.Date, 0).UTC()
		}
		list = append(list, o)
	}
	return list
}

func compareCommits(a, b gitdb.CommitRef) int {
	return cmp.Or(cmp.Compare(a.Date, b.Date), a.ID.Compare(b.ID))
}

func sighting(c gitdb.CommitRef) finding.Sighting {
	return finding.Sighting{Commit: c.ID.String(), Date: time.Unix(c.Date, 0).UTC()}
}
