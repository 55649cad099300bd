package scanner

import (
	"cmp"
	"context"
	"path/filepath"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// history is a scanned object database: what tracing needs later.
type history struct {
	target int
	folder string // Occurrence.Folder
	db     *gitdb.Database
}

// scanHistory reads every object of a repository. The database stays open: the
// keys that deserve it are traced when all targets have been read.
func (s *scan) scanHistory(ctx context.Context, target int, repo *gitdb.Repository) error {
	s.progress.Phase.Store("objects")
	db, err := repo.OpenDatabase(ctx, gitdb.OpenOptions{
		FollowAlternates: s.opts.FollowAlternates,
		Workers:          s.opts.Workers,
		MaxObject:        uint64(s.opts.MaxObject),
		Progress: func(objects, bytes int64) {
			s.progress.Objects.Add(objects)
			s.progress.Bytes.Add(bytes)
		},
	})
	if err != nil {
		return err
	}
	s.histories = append(s.histories, history{target, s.folderOf(target, repo), db})
	objects, bytes := db.Totals()
	s.progress.ObjectsTotal.Add(objects)
	s.progress.BytesTotal.Add(bytes)

	j := s.collector.newJudge(ctx)
	for _, ref := range repo.Refs {
		j.name(ref.Name, place{target: target, source: finding.SourceRef, path: ref.Name})
	}
	j.commit()
	res, err := db.Scan(ctx, gitdb.ScanOptions{
		Gate:          s.collector.set.Finder(),
		VerifyObjects: s.opts.VerifyObjects,
		NewVisitor:    func() gitdb.Visitor { return &objectJudge{judge: s.collector.newJudge(ctx), target: target} },
	})
	s.result.Read.Add(res.Counts)
	for _, k := range res.Skipped {
		s.skip(k)
	}
	if err != nil {
		return err
	}
	missing, err := db.Missing(ctx)
	for _, k := range missing {
		s.skip(k)
	}
	return err
}

// folderOf returns the way from a target to the folder that the paths of repo's
// history are below.
func (s *scan) folderOf(target int, repo *gitdb.Repository) string {
	t := &s.targets[target]
	from, err := filepath.Abs(t.path)
	if err != nil {
		return ""
	}
	if t.Kind == finding.TargetFile {
		from = filepath.Dir(from)
	}
	rel, err := filepath.Rel(from, cmp.Or(repo.Top, repo.GitDir))
	if err != nil || rel == "." {
		return ""
	}
	return filepath.ToSlash(rel)
}

// objectJudge judges the objects of one worker.
type objectJudge struct {
	judge  *judge
	target int
}

// Object implements gitdb.Visitor.
func (o *objectJudge) Object(obj *gitdb.Object) error {
	defer o.judge.drop()
	at := place{target: o.target}
	if obj.Stream != nil {
		at.source, at.object = finding.SourceBlob, obj.ID()
		// A broken stream is told by who handed it out; what came counts.
		_, _ = o.judge.stream(obj.Stream, at)
		o.judge.commit()
		if o.judge.ctx.Err() != nil {
			return context.Cause(o.judge.ctx)
		}
		return nil
	}
	switch obj.Type {
	case oid.Commit:
		at.source = finding.SourceCommit
	case oid.Tag:
		at.source = finding.SourceTag
	case oid.Tree:
		return o.tree(obj)
	default:
		at.source = finding.SourceBlob
	}
	o.judge.whole(obj.Data, at)
	o.named(obj)
	return nil
}

// tree judges the names in a tree.
func (o *objectJudge) tree(obj *gitdb.Object) error {
	for _, start := range obj.Starts {
		e, _, err := pack.ParseTreeEntry(obj.Data, int(start), obj.HashSize())
		if err != nil {
			break
		}
		name := string(e.Name)
		o.judge.name(name, place{target: o.target, source: finding.SourcePath, path: name})
	}
	o.named(obj)
	return nil
}

// named fills in the name of the object, which costs a hash, and commits.
func (o *objectJudge) named(obj *gitdb.Object) {
	if len(o.judge.list) == 0 {
		return
	}
	for i := range o.judge.list {
		if s := &o.judge.list[i]; s.match.Confidence > finding.Rejected || o.judge.collector.keepRejected {
			s.place.object = obj.ID()
		}
	}
	o.judge.commit()
}

// trace asks the histories where and when the keys of list were in them, and
// fills in what a report says of it.
func (s *scan) trace(ctx context.Context, list []*record) error {
	if len(s.histories) == 0 || len(list) == 0 {
		return nil
	}
	s.progress.Phase.Store("history of findings")
	for _, h := range s.histories {
		held := make(map[oid.ID][]int32)
		for i, r := range list {
			for p := range r.places {
				if p.target != h.target || p.object.IsZero() || !h.db.Has(p.object) {
					continue // a target may have several databases: submodules
				}
				if k := held[p.object]; len(k) == 0 || k[len(k)-1] != int32(i) {
					held[p.object] = append(k, int32(i))
				}
			}
		}
		t, err := h.db.Trace(ctx, held, len(list))
		if t == nil {
			return err
		}
		if t.Cut {
			s.note(h.target, "Its history holds more paths than were listed: some places of the keys found are left out.")
		}
		for i, r := range list {
			r.sighted(t.Keys[i], s.now)
			s.spread(r, h, t)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
