package scanner

import (
	"cmp"
	"context"
	"path/filepath"
	"sync"
	"time"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/history"
	"keysweep/scanner/gitdb/index"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// scannedHistory is a scanned object database: what tracing needs later.
type scannedHistory struct {
	target *target
	folder string // Occurrence.Folder
	repo   *gitdb.Repository
	db     *history.Database
}

// scanHistory reads every object of a repository. The database stays open: the
// keys of findings are traced when all targets have been read.
func (s *Prepared) scanHistory(ctx context.Context, t *target, repo *gitdb.Repository) error {
	s.opts.Progress.Phase.Store("objects")
	db, err := history.Open(ctx, repo, gitdb.OpenOptions{
		FollowAlternates: s.opts.FollowAlternates,
		Workers:          s.opts.Workers,
		MaxObject:        uint64(s.opts.MaxObject),
	})
	if err != nil {
		return err
	}
	s.histories = append(s.histories, scannedHistory{t, t.below(cmp.Or(repo.Top, repo.GitDir)), repo, db})
	objects, bytes := db.Totals()
	s.opts.Progress.ObjectsTotal.Add(objects)
	s.opts.Progress.BytesTotal.Add(bytes)

	j := s.collector.newJudge(ctx)
	for _, ref := range repo.Refs {
		j.name(ref.Name, location{target: t, source: finding.SourceRef, path: ref.Name})
	}
	j.commit()
	res, err := db.Scan(ctx, history.ScanOptions{
		Gate:          s.collector.set.Finder(),
		VerifyObjects: s.opts.VerifyObjects,
		Progress: func(objects, bytes int64) {
			s.opts.Progress.Objects.Add(objects)
			s.opts.Progress.Bytes.Add(bytes)
		},
		NewVisitor: func() history.Visitor { return &objectJudge{judge: s.collector.newJudge(ctx), target: t} },
	})
	s.result.Read.Add(res.Counts)
	s.skip(res.Skipped...)
	if err != nil {
		return err
	}
	missing, err := db.Missing(ctx)
	s.skip(missing...)
	return err
}

// below returns the path from the target to a folder, '/'-separated: "" if that
// is the target.
func (t *target) below(folder string) string {
	from := t.root
	if t.Kind == finding.TargetFile {
		from = filepath.Dir(from)
	}
	rel, err := filepath.Rel(from, folder)
	if err != nil || rel == "." {
		return ""
	}
	return filepath.ToSlash(rel)
}

// objectJudge judges the objects of one worker.
type objectJudge struct {
	judge  *judge
	target *target
}

var sources = map[oid.Type]finding.Source{oid.Blob: finding.SourceBlob, oid.Commit: finding.SourceCommit, oid.Tag: finding.SourceTag}

// Object implements history.Visitor.
func (o *objectJudge) Object(obj *history.Object) error {
	defer o.judge.drop()
	at := location{target: o.target, source: sources[obj.Type]}
	switch {
	case obj.Type == oid.Tree:
		return o.tree(obj)
	case obj.Stream != nil:
		at.object = obj.ID()
		// The database reports a broken stream; what came counts.
		_, _ = o.judge.stream(obj.Stream, at)
		o.judge.commit()
		if o.judge.ctx.Err() != nil {
			return context.Cause(o.judge.ctx)
		}
		return nil
	}
	o.judge.whole(obj.Data, at)
	o.named(obj)
	return nil
}

// tree judges the names in a tree.
func (o *objectJudge) tree(obj *history.Object) error {
	for _, start := range obj.Starts {
		e, _, err := pack.ParseTreeEntry(obj.Data, int(start), obj.HashSize())
		if err != nil {
			break
		}
		name := string(e.Name)
		o.judge.name(name, location{target: o.target, source: finding.SourcePath, path: name})
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
		t, err := h.db.Trace(ctx, held, len(list), s.trusted(h.repo))
		if t == nil {
			return err
		}
		s.skip(t.Skipped...)
		if t.Cut {
			h.target.note("Its history holds more paths than were listed: some occurrences of the keys found are left out.")
		}
		staged := sync.OnceValue(func() map[oid.ID]string { return stagedPaths(h.repo) })
		for i, r := range list {
			r.addTrace(t.Keys[i], s.result.Started)
			r.addVersions(h, t, staged)
		}
		if err != nil {
			return err
		}
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

// addTrace merges the history of a key in one database into its record.
func (r *record) addTrace(k history.KeyTrace, now time.Time) {
	if k.First.ID.IsZero() {
		return
	}
	f := &r.finding
	first, last := sighting(k.First), sighting(k.Last)
	if f.FirstSeen.Commit == "" || first.Date.Before(f.FirstSeen.Date) {
		f.FirstSeen = first
	}
	if f.LastSeen.Commit == "" || k.InHead && !f.InHead || k.InHead == f.InHead && last.Date.After(f.LastSeen.Date) {
		f.LastSeen = last
	}
	f.InHead = f.InHead || k.InHead
	if k.Reachable {
		// Clocks of committers may be wrong: no exposure is negative.
		f.Exposed = max(f.Exposed, now.Sub(first.Date), time.Second)
	}
}

// stagedPaths returns a path of each object that the index of a repository names;
// none of an index that cannot be read, which the walk of the files reports.
func stagedPaths(repo *gitdb.Repository) map[oid.ID]string {
	x, err := index.Read(filepath.Join(repo.GitDir, "index"), repo.Format)
	if repo.Top == "" || err != nil {
		return nil
	}
	paths := make(map[oid.ID]string, x.Len())
	for i := range x.Len() {
		e := x.At(i)
		paths[oid.FromBytes(e.ID)] = e.Path
	}
	return paths
}

// addVersions turns the locations of a key in one database into occurrences. A blob
// that no tree names may be staged.
func (r *record) addVersions(h scannedHistory, t *history.Trace, staged func() map[oid.ID]string) {
	vs := make(versions)
	for l, v := range r.locations {
		if l.target != h.target || l.object.IsZero() {
			continue
		}
		for _, at := range t.Paths[l.object] {
			v.traced = true
			o := l.occurrence(v)
			switch {
			case l.source != finding.SourcePath:
				o.Path = at.Path
			case at.Path != "":
				o.Path = at.Path + "/" + l.path
			}
			if l.source == finding.SourceBlob && o.Path == "" && staged()[l.object] != "" {
				o.Source, o.Path = finding.SourceIndex, staged()[l.object]
			}
			o.Folder, o.Reachable, o.InHead = h.folder, at.Reachable, at.InHead
			o.Comment.Merged = at.Merged
			vs.add(version{o, l.object, at.Commit})
		}
		r.locations[l] = v
	}
	r.finding.Occurrences = append(r.finding.Occurrences, vs.occurrences()...)
}
