package scanner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"keysweep/file"
	"keysweep/finding"
	"keysweep/rules"
	"keysweep/scanner/container"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/history"
	"keysweep/scanner/gitdb/index"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// scannedHistory is a scanned object database: what tracing needs later.
type scannedHistory struct {
	target *target
	number int    // from 1, in the order of scanning
	folder string // Occurrence.Folder
	repo   *gitdb.Repository
	db     *history.Database
	found  []*foundKey // in the order of keys, each once; filled when all is scanned
}

// place orders histories: none comes first.
func (h *scannedHistory) place() int {
	if h == nil {
		return 0
	}
	return h.number
}

// foundKey is a key and its locations in the objects of one history, unsorted.
type foundKey struct {
	*record
	at map[oid.ID][]location
}

// scanHistory reads every object of a repository. The database stays open: the
// keys of findings are traced when all targets have been read.
func (s *Prepared) scanHistory(ctx context.Context, t *target, repo *gitdb.Repository) error {
	s.opts.Progress.Phase.Store("objects")
	db, err := history.Open(ctx, repo, gitdb.OpenOptions{
		FollowAlternates: s.opts.FollowAlternates,
		Workers:          s.opts.Workers,
		MaxObject:        uint64(s.opts.MaxObject),
		Incoming:         t.incoming,
	})
	if err != nil {
		return err
	}
	h := &scannedHistory{target: t, number: len(s.histories) + 1, folder: t.below(cmp.Or(repo.Top, repo.GitDir)), repo: repo, db: db}
	s.histories = append(s.histories, h)
	objects, bytes := db.Totals()
	s.opts.Progress.ObjectsTotal.Add(objects)
	s.opts.Progress.BytesTotal.Add(bytes)

	j := s.collector.newJudge(ctx)
	for _, ref := range repo.Refs {
		for _, name := range [...]string{ref.Name, repo.Symbolic(ref.Name)} { // it may lead to a ref that is not there
			j.name(name, location{target: t, source: finding.SourceRef, path: name})
		}
	}
	j.commit()
	res, err := db.Scan(ctx, history.ScanOptions{
		Gate:          gate{s.collector.set.Finder(), s.collector.containers != nil},
		VerifyObjects: s.opts.VerifyObjects,
		Progress: func(objects, bytes int64) {
			s.opts.Progress.Objects.Add(objects)
			s.opts.Progress.Bytes.Add(bytes)
		},
		NewVisitor: func() history.Visitor {
			skip := func(l ...finding.Skipped) { s.skipIn(t, repo, l...) }
			kept := func(j *judge, p *pointer, content []byte, at location) error {
				return s.readKept(j, p, content, at, skip, keptOf(repo))
			}
			return &objectJudge{kept: kept, skip: skip, judge: s.collector.newJudge(ctx), target: t, history: h}
		},
	})
	s.result.Read.Add(res.Counts)
	s.skipIn(t, repo, res.Skipped...)
	if err != nil {
		return err
	}
	if t.incoming.IsCut() {
		return nil // much is missing, which is noted
	}
	missing, err := db.Missing(ctx)
	s.skipIn(t, repo, missing...)
	return err
}

// below returns the path from the target to a folder, '/'-separated: "" if that
// is the target.
func (t *target) below(folder string) string {
	from := t.root
	if t.Kind == finding.TargetFile {
		from = filepath.Dir(from)
	}
	rel, err := file.Rel(from, folder)
	if err != nil || rel == "." {
		return ""
	}
	return filepath.ToSlash(rel)
}

// gate lets through the objects that are judged.
type gate struct {
	*rules.Finder
	opens bool // containers
}

// Opens implements history.Gate.
func (g gate) Opens(blob []byte) bool {
	return g.opens && container.Recognize(blob, "") || pointerOf(blob) != nil
}

// objectJudge judges the objects of one worker.
type objectJudge struct {
	judge   *judge
	target  *target
	history *scannedHistory
	skip    func(...finding.Skipped)
	// kept judges the content that a pointer is for.
	kept func(j *judge, p *pointer, content []byte, at location) error
}

var sources = map[oid.Type]finding.Source{oid.Blob: finding.SourceBlob, oid.Commit: finding.SourceCommit, oid.Tag: finding.SourceTag}

// Object implements history.Visitor.
func (o *objectJudge) Object(obj *history.Object) error {
	defer func() {
		o.judge.drop()
		if obj.Stream != nil || len(obj.Data) > forgetOver {
			o.judge.forget()
		}
	}()
	at := location{target: o.target, history: o.history, source: sources[obj.Type]}
	switch {
	case obj.Type == oid.Tree:
		return o.tree(obj)
	case obj.Stream != nil:
		at.object = obj.ID()
		// The database reports a broken stream; what came counts.
		if _, skipped, _ := o.judge.streamOpened(obj.Stream, at, -1); len(skipped) > 0 {
			o.skip(skipped...)
		}
		o.judge.commit()
		if o.judge.ctx.Err() != nil {
			return context.Cause(o.judge.ctx)
		}
		return nil
	}
	if obj.Type == oid.Blob && o.judge.collector.containers != nil && container.Recognize(obj.Data, "") {
		at.object = obj.ID() // which layers of an image are known by
	}
	skipped, err := o.judge.wholeOpened(obj.Data, at, obj.Type == oid.Blob)
	if len(skipped) > 0 {
		for i := range skipped {
			skipped[i].Detail = fmt.Sprintf("object %v: %s", obj.ID(), skipped[i].Detail)
		}
		o.skip(skipped...)
	}
	if err != nil {
		return err
	}
	o.named(obj)
	if p := pointerOf(obj.Data); p != nil && obj.Type == oid.Blob {
		at.object = obj.ID()
		err = o.kept(o.judge, p, obj.Data, at)
		o.judge.commit()
	}
	return err
}

// tree judges the names in a tree.
func (o *objectJudge) tree(obj *history.Object) error {
	for _, start := range obj.Starts {
		e, _, err := pack.ParseTreeEntry(obj.Data, int(start), obj.HashSize())
		if err != nil {
			break
		}
		name := string(e.Name)
		o.judge.name(name, location{target: o.target, history: o.history, source: finding.SourcePath, path: name})
	}
	o.named(obj)
	return nil
}

// named fills in the name of the object, which costs a hash, and commits.
func (o *objectJudge) named(obj *history.Object) {
	if len(o.judge.list) == 0 {
		return
	}
	for i := range o.judge.list {
		if s := &o.judge.list[i]; s.match.Confidence > finding.Rejected || o.judge.collector.keepRejected {
			s.at.object = obj.ID()
		}
	}
	o.judge.commit()
}

// trace asks the histories where and when the keys of list were in them, and
// fills in what a report says of it.
func (s *Prepared) trace(ctx context.Context, list []*record) error {
	if len(s.histories) == 0 || len(list) == 0 {
		return nil
	}
	s.opts.Progress.Phase.Store("history of findings")
	whole := !s.partial
	for _, r := range list {
		r.partial = true // until all is traced
		found := make(map[*scannedHistory]*foundKey)
		for l := range r.locations {
			h := l.history
			if h == nil {
				continue
			}
			if found[h] == nil {
				found[h] = &foundKey{r, make(map[oid.ID][]location)}
				h.found = append(h.found, found[h])
			}
			found[h].at[l.object] = append(found[h].at[l.object], l)
		}
	}
	for _, h := range s.histories {
		from := len(s.result.Skipped)
		isWhole, err := s.traceOne(ctx, h)
		s.nameTarget(h.target, from)
		if err != nil {
			return err
		}
		whole = whole && isWhole
	}
	for _, r := range list {
		r.partial = !whole
	}
	return nil
}

// trusted returns the commit of a repository whose comments count.
func (s *Prepared) trusted(repo *gitdb.Repository) oid.ID {
	if id, ok := oid.Parse([]byte(s.opts.Trusted)); ok {
		return id
	}
	return repo.Head
}

// traceOne is trace for one history. It reports whether all was read that its
// answer rests on.
func (s *Prepared) traceOne(ctx context.Context, h *scannedHistory) (whole bool, err error) {
	held := make(map[oid.ID][]int32)
	for i, k := range h.found {
		for id := range k.at {
			held[id] = append(held[id], int32(i))
		}
	}
	u := &unlisted{Prepared: s, history: h, held: held}
	t, err := h.db.Trace(ctx, held, len(h.found), s.trusted(h.repo), u.met)
	if t == nil {
		return false, err
	}
	s.skipIn(h.target, h.repo, t.Skipped...)
	if u.more {
		h.target.note("Its history holds more paths than were listed: some occurrences of the keys found are left out.")
	}
	u.addTo(t)
	staged := sync.OnceValue(func() map[oid.ID][]string { return s.stagedPaths(h, held) })
	for i, k := range h.found {
		k.addTrace(t.Keys[i], s.result.Started, !h.target.headLeft)
		k.addVersions(h, t, staged)
		k.open = k.open || u.open[k] || finding.Incomplete(t.Skipped)
	}
	return t.Whole, err
}

// addTrace merges the history of a key in one database, whose HEAD may not be known, into
// its record.
func (r *record) addTrace(k history.KeyTrace, now time.Time, knowsHead bool) {
	f := &r.finding
	inHead := f.InHead == finding.Yes
	f.InHead = f.InHead.Or(finding.AnswerOf(k.InHead, knowsHead))
	if k.First.ID.IsZero() {
		return
	}
	first, last := sighting(k.First), sighting(k.Last)
	if f.FirstSeen.Commit == "" || first.Date.Before(f.FirstSeen.Date) {
		f.FirstSeen = first
	}
	if f.LastSeen.Commit == "" || k.InHead && !inHead || k.InHead == inHead && last.Date.After(f.LastSeen.Date) {
		f.LastSeen = last
	}
	removed := sighting(k.Removed)
	f.InBranch = f.InBranch || k.InBranch
	if !k.Removed.ID.IsZero() && (f.Removed.Commit == "" || removed.Date.After(f.Removed.Date)) {
		f.Removed = removed
	}
	if k.Reachable {
		// Clocks of committers may be wrong: no exposure is negative.
		f.Exposed = max(f.Exposed, now.Sub(first.Date), time.Second)
	}
}

// stagedPaths returns the paths at which the index of a repository has the objects
// of held.
func (s *Prepared) stagedPaths(h *scannedHistory, held map[oid.ID][]int32) map[oid.ID][]string {
	if h.repo.Top == "" {
		return nil
	}
	x, err := index.Read(filepath.Join(h.repo.GitDir, "index"), h.repo.Format)
	if err != nil {
		what := "index of " + h.repo.Top + ": "
		reported := func(k finding.Skipped) bool { return strings.Contains(k.Detail, what) } // by the walk of the files
		if !errors.Is(err, fs.ErrNotExist) && !slices.ContainsFunc(s.result.Skipped, reported) {
			s.skipOne(finding.ReasonDamaged, what+err.Error())
		}
		return nil
	}
	paths := make(map[oid.ID][]string)
	for i := range x.Len() {
		e := x.At(i)
		if id := oid.FromBytes(e.ID); held[id] != nil {
			paths[id] = append(paths[id], e.Path)
		}
	}
	return paths
}

// occurrencesPerObject is how many occurrences of one key in one object are listed
// with all their lines. At further paths of the object, it is one line of each sort
// (see commentSort).
const occurrencesPerObject = 10_000

// addVersions turns the locations of a key in one database into occurrences. A blob
// may be staged at a path where HEAD lacks it.
func (k *foundKey) addVersions(h *scannedHistory, t *history.Trace, staged func() map[oid.ID][]string) {
	vs := make(versions)
	for id, list := range k.at {
		slices.SortFunc(list, location.compare)
		left, paths, committed := occurrencesPerObject, t.Paths[id], len(t.Paths[id])
		if list[0].source == finding.SourceBlob {
			paths, committed = withStaged(paths, staged()[id])
		}
		for i, at := range paths {
			source := list[0].source
			if i >= committed {
				source = finding.SourceIndex
			}
			var seen sorts
			for _, l := range list {
				v := k.locations[l]
				if isNew := seen.add(commentSort(v.comment)); left <= 0 && !isNew {
					k.open = k.open || l.source == finding.SourcePath || l.inside != list[0].inside // another place
					continue
				}
				left--
				v.traced = true
				o := l.occurrence(v)
				o.Source, o.Path, o.Inside = source, pathOf(l, at.Path), l.names(at.Path)
				o.Folder, o.Reachable, o.InHead = h.folder, finding.AnswerOf(at.Reachable, t.Whole), finding.AnswerOf(at.InHead, t.Whole && !h.target.headLeft)
				o.Comment.Merged = at.Merged
				vs.add(version{o, l.object, at.Commit})
			}
		}
		if len(paths) > 0 {
			for _, l := range list {
				v := k.locations[l]
				v.traced = true
				k.locations[l] = v
			}
		}
	}
	k.finding.Listed = append(k.finding.Listed, vs.occurrences()...)
}

// withStaged returns the paths that trees have an object at, and behind them, from
// the returned number on, those at which the next commit would add it.
func withStaged(paths []history.PathTrace, staged []string) (all []history.PathTrace, committed int) {
	if len(staged) == 0 {
		return paths, len(paths)
	}
	reachable := false
	if len(paths) == 1 && paths[0].Path == "" { // of no tree
		reachable, paths = paths[0].Reachable, nil
	}
	inHead := make(map[string]bool, len(paths))
	for _, at := range paths {
		inHead[at.Path] = at.InHead
	}
	all = slices.Clone(paths)
	for _, path := range staged {
		if !inHead[path] {
			all = append(all, history.PathTrace{Path: path, Reachable: reachable})
		}
	}
	return all, len(paths)
}

// pathOf returns the path of an occurrence at l, whose object is at path.
func pathOf(l location, path string) string {
	switch {
	case l.source != finding.SourcePath || l.inside != "":
		return path
	case path == "":
		return l.path
	}
	return path + "/" + l.path
}
