package scanner

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// unit is what may bring in keys: a commit, a tag, a tree, or the index.
type unit struct {
	by      gitdb.CommitRef // zero for the index
	parents []oid.ID        // the trees that a new key is in none of
}

// spotOf is where a unit brings in an object or a name.
type spotOf struct {
	unit   int
	source finding.Source
	path   string
	before []oid.ID // the parents' blobs at this path
}

// event is a candidate that a unit brings in, and that may not be new.
type event struct {
	spotOf
	seen *seen
}

// introduced finds what is new in the units of one repository.
type introduced struct {
	*scan
	target int
	db     *gitdb.Database
	source finding.Source // of blobs
	units  []unit
	whole  bool     // all of the index is looked at, new or not
	tips   []oid.ID // what a range includes
	// inRange, if not nil, walks what is left to be walked, and tells whether a
	// commit is one that was asked for.
	inRange func(context.Context) (func(oid.ID) bool, error)

	mu     sync.Mutex
	blobs  map[oid.ID][]spotOf // guarded by mu
	names  []spotOf            // guarded by mu; those that hold a literal
	events []event

	known   map[oid.ID]keySet // of blobs that were read
	below   map[oid.ID]keySet // of whole trees
	lines   map[keyIn]int     // the first line of a key in a blob of known
	visited map[oid.ID]bool   // trees whose blobs are known
	sights  map[finding.Secret]map[place]gitdb.CommitRef
}

// keyIn is a key in a blob.
type keyIn struct {
	blob oid.ID
	key  finding.Secret
}

// keySet holds the keys of some content. The value is the reason of the comment
// keysweep:allow that stands beside the key: in a blob, on each of its lines; in
// a tree, in one of its blobs. "": there is none.
type keySet map[finding.Secret]string

func (s *scan) newIntroduced(target int, db *gitdb.Database, source finding.Source) *introduced {
	return &introduced{
		scan: s, target: target, db: db, source: source,
		blobs: make(map[oid.ID][]spotOf), known: make(map[oid.ID]keySet), lines: make(map[keyIn]int),
		below: make(map[oid.ID]keySet), visited: make(map[oid.ID]bool),
	}
}

// entry notes what unit brings in. It may be called by several goroutines.
func (in *introduced) entry(unit int, e *gitdb.Introduced) error {
	spot := spotOf{unit: unit, source: in.source, path: e.Path}
	name := e.Path[strings.LastIndexByte(e.Path, '/')+1:]
	named := e.Named && in.collector.set.Finder().Contains([]byte(name))
	if !e.IsBlob() && !named {
		return nil
	}
	if in.isExcluded(e.Path, e.Mode&0o170000 == 0o040000) {
		if e.IsBlob() {
			in.skip(finding.Skipped{Reason: finding.ReasonExcluded, Count: 1, Detail: e.Path})
		}
		return nil
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if named {
		spot := spot
		spot.source = finding.SourcePath
		in.names = append(in.names, spot)
	}
	if e.IsBlob() {
		spot.before = slices.Clone(e.Before)
		in.blobs[e.ID] = append(in.blobs[e.ID], spot)
	}
	return nil
}

// isExcluded reports whether the user left out path, which may be a folder, or
// one above it.
func (s *scan) isExcluded(path string, isFolder bool) bool {
	for _, g := range s.opts.Exclude {
		pattern, onlyFolders := strings.CutSuffix(g, "/")
		for end := 0; end < len(path); {
			if n := strings.IndexByte(path[end:], '/'); n >= 0 {
				end += n
			} else {
				end = len(path)
			}
			if (end < len(path) || isFolder || !onlyFolders) && doublestar.MatchUnvalidated(pattern, path[:end]) {
				return true
			}
			end++
		}
	}
	return false
}

// candidates reads blobs and names, and fills events.
func (in *introduced) candidates(ctx context.Context) error {
	ids := make([]oid.ID, 0, len(in.blobs))
	for id := range in.blobs {
		ids = append(ids, id)
	}
	err := in.judge(ctx, oid.Blob, ids, in.source, true, func(id oid.ID, list []*seen) {
		for _, s := range list {
			for _, spot := range in.blobs[id] {
				in.events = append(in.events, event{spot, s})
			}
		}
	})
	if err != nil {
		return err
	}
	j := in.collector.newJudge(ctx)
	for _, spot := range in.names {
		j.name(spot.path[strings.LastIndexByte(spot.path, '/')+1:], place{target: in.target, source: finding.SourcePath, path: spot.path})
		for _, s := range in.take(j) {
			in.events = append(in.events, event{spot, s})
		}
	}
	return nil
}

// take returns what j saw that may be a finding, and hands over what is none.
func (in *introduced) take(j *judge) (list []*seen) {
	var rest []seen
	for i := range j.list {
		if s := j.list[i]; s.match.Confidence > finding.Rejected {
			list = append(list, &s)
		} else {
			rest = append(rest, s)
		}
	}
	in.collector.add(rest, j.cut)
	j.drop()
	return list
}

// judge reads objects and calls found, one call at a time, with what each holds.
// first says that they are content that nobody has counted yet.
func (in *introduced) judge(ctx context.Context, typ oid.Type, ids []oid.ID, source finding.Source, first bool, found func(oid.ID, []*seen)) error {
	var mu sync.Mutex
	held := make(map[oid.ID][]*seen)
	finder := in.collector.set.Finder()
	skipped, err := in.db.ReadAll(ctx, typ, ids, func() func(oid.ID, *pack.Object) error {
		j := in.collector.newJudge(ctx)
		return func(id oid.ID, o *pack.Object) error {
			at := place{target: in.target, source: source, object: id}
			if spots := in.blobs[id]; first && typ == oid.Blob && len(spots) > 0 {
				at.path = slices.MinFunc(spots, func(a, b spotOf) int { return cmp.Compare(a.path, b.path) }).path
			}
			pointer := false
			if o.Stream != nil {
				// A broken stream is told by who handed it out; what came counts.
				_, _ = j.stream(o.Stream, at)
			} else {
				pointer = len(o.Data) < 1024 && bytes.HasPrefix(o.Data, []byte(lfsVersion))
				if finder.Contains(o.Data) {
					j.whole(o.Data, at)
				}
			}
			var list []*seen
			if first {
				list = in.take(j)
			} else {
				for i := range j.list {
					if s := j.list[i]; s.match.Confidence > finding.Rejected {
						list = append(list, &s)
					}
				}
				j.drop()
			}
			if first {
				in.progress.Objects.Add(1)
			}
			if !first && len(list) == 0 {
				return context.Cause(ctx)
			}
			mu.Lock()
			defer mu.Unlock()
			if len(list) > 0 {
				held[id] = list
			}
			if first {
				in.count(typ, int64(o.Size))
				if pointer {
					in.skip(finding.Skipped{Reason: finding.ReasonLFSPointer, Count: 1, Detail: at.path})
				}
			}
			return context.Cause(ctx)
		}
	})
	for _, k := range skipped {
		in.skip(k)
	}
	if err != nil {
		return err
	}
	for _, id := range sortedIDs(held) {
		found(id, held[id])
	}
	return nil
}

func sortedIDs[V any](m map[oid.ID]V) []oid.ID {
	list := make([]oid.ID, 0, len(m))
	for id := range m {
		list = append(list, id)
	}
	slices.SortFunc(list, oid.ID.Compare)
	return list
}

// count notes that an object was read. The caller holds a lock.
func (in *introduced) count(typ oid.Type, size int64) {
	read := &in.result.Read
	read.Objects++
	read.Bytes += size
	switch typ {
	case oid.Blob:
		read.Blobs++
	case oid.Commit:
		read.Commits++
	case oid.Tag:
		read.Tags++
	}
}

// settle keeps the events that are new, and hands them to the collector.
func (in *introduced) settle(ctx context.Context) error {
	if len(in.events) == 0 {
		return nil
	}
	// What a file held before it was changed is asked first: it is cheap, and
	// an old key beside new lines is the ordinary case.
	if err := in.learn(ctx, func(e *event) []oid.ID { return e.before }); err != nil {
		return err
	}
	in.drop(func(e *event) bool {
		held, allowed, old := false, false, false
		for _, id := range e.before {
			reason, heldThere := in.known[id][e.seen.match.Secret]
			held, allowed = held || heldThere, allowed || reason != ""
			old = old || heldThere && !in.accepted(e, e.path, reason)
		}
		if held && !allowed {
			in.adds(e)
		}
		return old || held && in.accepted(e, e.path, e.seen.view.comment.Reason)
	})
	if in.inRange != nil && len(in.events) > 0 {
		holds, err := in.inRange(ctx)
		if err != nil {
			return err
		}
		in.drop(func(e *event) bool {
			by := in.units[e.unit].by.ID
			return e.source != finding.SourceTag && !by.IsZero() && !holds(by)
		})
	}
	if err := in.trees(ctx); err != nil {
		return err
	}
	d, j := in.db.NewDiffer(treeBudget), in.collector.newJudge(ctx)
	defer d.Close()
	var failed error
	in.drop(func(e *event) bool {
		held, allowed, old := false, false, false
		for _, tree := range in.units[e.unit].parents {
			reason, heldThere := in.below[tree][e.seen.match.Secret]
			held, allowed = held || heldThere, allowed || reason != ""
			if heldThere && !old && failed == nil {
				left := maxPlaces
				old, failed = in.heldUnaccepted(ctx, d, j, e, tree, "", &left)
			}
		}
		if !allowed {
			in.adds(e)
		}
		return old || held && in.accepted(e, e.path, e.seen.view.comment.Reason)
	})
	if failed != nil {
		return failed
	}
	if err := in.asAtTips(ctx); err != nil {
		return err
	}
	in.hand()
	return nil
}

// accepted reports whether a place of the key of e, in a version of a file with
// this comment beside it, is one that a person accepted as a place: what stands
// there makes the key old nowhere else.
func (in *introduced) accepted(e *event, path, reason string) bool {
	return in.accept != nil && in.accept(e.seen.match.Secret, &finding.Occurrence{
		Target: in.targets[in.target].Name, Source: in.source, Path: path, Comment: finding.Comment{Found: reason != "", Reason: reason},
	})
}

// maxPlaces is how many places of a key are looked at in a parent's tree. A key
// that stands accepted at more of them is taken for new.
const maxPlaces = 10_000

// heldUnaccepted reports whether a tree, at path, of which below is known, holds
// the key of e at a place that nobody accepted.
func (in *introduced) heldUnaccepted(ctx context.Context, d *gitdb.Differ, j *judge, e *event, tree oid.ID, path string, left *int) (bool, error) {
	if in.accept == nil {
		return true, nil
	}
	key := e.seen.match.Secret
	type folder struct {
		id   oid.ID
		path string
	}
	var below []folder
	found := false
	err := d.Entries(ctx, tree, func(t *pack.TreeEntry) {
		at := path + string(t.Name)
		j.name(string(t.Name), place{})
		if slices.ContainsFunc(j.list, func(s seen) bool { return s.match.Secret == key }) {
			found = found || !in.accepted(e, at, "")
		}
		j.drop()
		switch reason, held := in.known[t.ID][key]; {
		case t.IsTree():
			if _, held := in.below[t.ID][key]; held {
				below = append(below, folder{t.ID, at + "/"})
			}
		case held:
			if *left--; *left >= 0 {
				found = found || !in.accepted(e, at, reason)
			}
		}
	})
	for _, f := range below {
		if err == nil && !found && *left > 0 {
			found, err = in.heldUnaccepted(ctx, d, j, e, f.id, f.path, left)
		}
	}
	return found, err
}

// asAtTips gives each event the comment that stands beside its key in the
// versions of its file that the tips hold, if they hold the key (nobody can add a
// comment to the past), and the line.
func (in *introduced) asAtTips(ctx context.Context) error {
	atTips := make(map[string][]oid.ID) // by path
	var ids []oid.ID
	for _, e := range in.events {
		if _, known := atTips[e.path]; known || e.source != in.source || len(in.tips) == 0 {
			continue
		}
		atTips[e.path] = nil
		for _, tip := range in.tips {
			// What cannot be read here was told of by those who read it before.
			if entry, err := in.db.AtPath(ctx, tip, e.path); err == nil && !entry.IsTree() && !entry.IsSubmodule() {
				atTips[e.path] = append(atTips[e.path], entry.ID)
			}
		}
		ids = append(ids, atTips[e.path]...)
	}
	if err := in.learnBlobs(ctx, ids); err != nil {
		return err
	}
	for i := range in.events {
		e := &in.events[i]
		if e.source != in.source {
			continue
		}
		for _, id := range atTips[e.path] {
			if reason, held := in.known[id][e.seen.match.Secret]; held {
				seen := *e.seen // which other events share
				seen.view.comment = finding.Comment{Found: reason != "", Reason: reason}
				seen.view.tipLine = in.lines[keyIn{id, seen.match.Secret}]
				e.seen = &seen
				if reason == "" {
					break
				}
			}
		}
	}
	return nil
}

// adds notes that the next commit accepts the key of e by a comment, if it does.
func (in *introduced) adds(e *event) {
	reason := e.seen.view.comment.Reason
	if in.source != finding.SourceIndex || in.whole || reason == "" {
		return
	}
	in.result.Added = append(in.result.Added, finding.Exception{Kind: finding.KindInline, File: e.path, Line: e.seen.place.line,
		Entry: e.seen.match.Secret.ID(), Reason: reason})
}

func (in *introduced) drop(old func(*event) bool) {
	in.events = slices.DeleteFunc(in.events, func(e event) bool { return old(&e) })
}

// learn reads the blobs that of returns for each event and fills known.
func (in *introduced) learn(ctx context.Context, of func(*event) []oid.ID) error {
	var ids []oid.ID
	for i := range in.events {
		ids = append(ids, of(&in.events[i])...)
	}
	return in.learnBlobs(ctx, ids)
}

func (in *introduced) learnBlobs(ctx context.Context, ids []oid.ID) error {
	slices.SortFunc(ids, oid.ID.Compare)
	ids = slices.Compact(ids)
	ids = slices.DeleteFunc(ids, func(id oid.ID) bool { _, ok := in.known[id]; return ok })
	for _, id := range ids {
		in.known[id] = nil
	}
	return in.judge(ctx, oid.Blob, ids, in.source, false, func(id oid.ID, list []*seen) {
		keys := make(keySet)
		for _, s := range list {
			if k := (keyIn{id, s.match.Secret}); in.lines[k] == 0 {
				in.lines[k] = s.place.line
			}
			if reason, seen := keys[s.match.Secret]; !seen || reason != "" {
				keys[s.match.Secret] = s.view.comment.Reason
			}
		}
		in.known[id] = keys
	})
}

// trees fills below for the parents of all units that have events. It reads all
// of their blobs, each once.
func (in *introduced) trees(ctx context.Context) error {
	var roots []oid.ID
	for _, e := range in.events {
		roots = append(roots, in.units[e.unit].parents...)
	}
	if len(roots) == 0 {
		return nil
	}
	slices.SortFunc(roots, oid.ID.Compare)
	roots = slices.Compact(roots)
	d := in.db.NewDiffer(treeBudget)
	var blobs []oid.ID
	todo := slices.Clone(roots)
	for len(todo) > 0 {
		tree := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if in.visited[tree] {
			continue
		}
		in.visited[tree] = true
		err := d.Entries(ctx, tree, func(e *pack.TreeEntry) {
			switch {
			case e.IsTree():
				todo = append(todo, e.ID)
			case !e.IsSubmodule():
				blobs = append(blobs, e.ID)
			}
		})
		if err != nil {
			return err
		}
	}
	if err := in.learnBlobs(ctx, blobs); err != nil {
		return err
	}
	j := in.collector.newJudge(ctx)
	for _, tree := range roots {
		if _, err := in.keysBelow(ctx, d, j, tree); err != nil {
			return err
		}
	}
	for _, k := range d.Skipped {
		in.skip(k)
	}
	return nil
}

// treeBudget is how many bytes of trees are kept where one worker reads them.
const treeBudget = 32 << 20

// keysBelow returns the keys that a tree holds in blobs and in names.
func (in *introduced) keysBelow(ctx context.Context, d *gitdb.Differ, j *judge, tree oid.ID) (keySet, error) {
	if keys, ok := in.below[tree]; ok {
		return keys, nil
	}
	in.below[tree] = nil
	var keys keySet
	add := func(k finding.Secret, reason string) {
		if keys == nil {
			keys = make(keySet)
		}
		keys[k] = cmp.Or(keys[k], reason)
	}
	var below []oid.ID
	err := d.Entries(ctx, tree, func(e *pack.TreeEntry) {
		j.name(string(e.Name), place{})
		for i := range j.list {
			if m := &j.list[i].match; m.Confidence > finding.Rejected {
				add(m.Secret, "")
			}
		}
		j.drop()
		if e.IsTree() {
			below = append(below, e.ID)
		} else {
			for k, reason := range in.known[e.ID] {
				add(k, reason)
			}
		}
	})
	for _, id := range below {
		var more keySet
		if err == nil {
			more, err = in.keysBelow(ctx, d, j, id)
		}
		for k, reason := range more {
			add(k, reason)
		}
	}
	in.below[tree] = keys
	return keys, err
}

// hand gives the events to the collector, and notes which unit brought each.
func (in *introduced) hand() {
	if in.sights == nil {
		in.sights = make(map[finding.Secret]map[place]gitdb.CommitRef)
	}
	list := make([]seen, 0, len(in.events))
	for _, e := range in.events {
		s := *e.seen
		s.place.source, s.place.path = e.source, e.path
		list = append(list, s)
		by := in.units[e.unit].by
		places := in.sights[s.match.Secret]
		if places == nil {
			places = make(map[place]gitdb.CommitRef)
			in.sights[s.match.Secret] = places
		}
		if old, ok := places[s.place]; !ok || by.Date < old.Date || by.Date == old.Date && by.ID.Compare(old.ID) < 0 {
			places[s.place] = by
		}
	}
	in.collector.add(list, false)
	in.events = nil
}

// sighted turns the places of a key that commits of the range brought in into
// occurrences, one for each path and line, and says which commit was the first.
func (in *introduced) sighted(r *record) {
	sights := in.sights[r.finding.Secret]
	if len(sights) == 0 || in.source == finding.SourceIndex {
		return
	}
	if r.traced == nil {
		r.traced = make(map[place]bool)
	}
	type best struct {
		occurrence finding.Occurrence
		by, first  gitdb.CommitRef
		object     oid.ID
		column     int
		objects    map[oid.ID]bool
	}
	f := &r.finding
	spots := make(map[spot]*best)
	newer := func(a, b *best) bool {
		return earlier(b.by, a.by) || a.by == b.by && cmp.Or(a.object.Compare(b.object), a.column-b.column) < 0
	}
	var first gitdb.CommitRef
	for p, v := range r.places {
		by, ok := sights[p]
		if !ok || p.target != in.target {
			continue
		}
		r.traced[p] = true
		if p.source != finding.SourceTag && !by.ID.IsZero() && (first.ID.IsZero() || earlier(by, first)) {
			first = by
		}
		k := spot{source: p.source, path: p.path, line: p.line}
		if p.path == "" {
			k.object = p.object
		}
		b := spots[k]
		this := &best{occurrence: in.occurrence(p, v), by: by, first: by, object: p.object, column: p.column}
		if b == nil {
			b = this
			b.objects = make(map[oid.ID]bool)
			spots[k] = b
		}
		b.objects[p.object] = true
		if earlier(by, b.first) {
			b.first = by
		}
		if newer(this, b) {
			b.occurrence, b.by, b.object, b.column = this.occurrence, by, p.object, p.column
		}
	}
	newest := make(map[string]*best)
	for _, b := range spots {
		if n := newest[b.occurrence.Path]; n == nil || newer(b, n) {
			newest[b.occurrence.Path] = b
		}
	}
	for _, b := range spots {
		o := b.occurrence
		o.Newest = o.Path != "" && b.object == newest[o.Path].object
		o.Versions, o.Reachable = len(b.objects), true
		if !b.first.ID.IsZero() {
			o.Commit = b.first.ID.String()
		}
		if b.first.Date > 0 {
			o.Date = time.Unix(b.first.Date, 0).UTC()
		}
		f.Occurrences = append(f.Occurrences, o)
	}
	if !first.ID.IsZero() && (f.FirstSeen.Commit == "" || time.Unix(first.Date, 0).Before(f.FirstSeen.Date)) {
		f.FirstSeen = sighting(first)
	}
}

func earlier(a, b gitdb.CommitRef) bool {
	return cmp.Or(cmp.Compare(a.Date, b.Date), a.ID.Compare(b.ID)) < 0
}

// lookup opens the database of a repository to read single objects, once.
func (s *scan) lookup(ctx context.Context, repo *gitdb.Repository) (*gitdb.Database, error) {
	if db := s.databases[repo]; db != nil {
		return db, nil
	}
	db, err := repo.OpenDatabase(ctx, gitdb.OpenOptions{
		LookupOnly: true, ObjectDirs: s.opts.ObjectDirs, FollowAlternates: s.opts.FollowAlternates,
		Workers: s.opts.Workers, MaxObject: uint64(s.opts.MaxObject),
	})
	if err != nil {
		return nil, err
	}
	s.databases[repo] = db
	for _, list := range [][]finding.Skipped{repo.Skipped, db.Skipped()} {
		for _, k := range list {
			s.skip(k)
		}
	}
	return db, nil
}

// unreadable tells of an object without which nothing can be compared.
func (s *scan) unreadable(what string, err error) {
	reason := finding.ReasonDamaged
	if errors.Is(err, gitdb.ErrAbsent) {
		reason = finding.ReasonMissing
	}
	s.skip(finding.Skipped{Reason: reason, Count: 1, Detail: fmt.Sprintf("%s: %v", what, err)})
}
