package scanner

import (
	"cmp"
	"context"
	"path/filepath"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/history"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// scannedHistory is a scanned object database: what tracing needs later.
type scannedHistory struct {
	target *target
	folder string // Occurrence.Folder
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
	s.histories = append(s.histories, scannedHistory{t, t.below(cmp.Or(repo.Top, repo.GitDir)), db})
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

// Object implements history.Visitor.
func (o *objectJudge) Object(obj *history.Object) error {
	defer o.judge.drop()
	at := location{target: o.target}
	if obj.Stream != nil {
		at.source, at.object = finding.SourceBlob, obj.ID()
		// The database reports a broken stream; what came counts.
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
