package history

import (
	"context"
	"errors"
	"maps"

	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// isNamed reports whether the names of a store are known. Those of the only pack, if it
// has no index, are known after the walk that scans it.
func (db *Database) isNamed(store int) bool {
	return store == db.looseStore() || db.packs[store].IsNamed()
}

// requireLate finds out which objects are missing that a walk required before the
// names were known. As a rule none is; else all is read again to name them.
func (s *scan) requireLate(ctx context.Context, store int, visitors []*visitor) {
	p := s.db.packs[store]
	present := make(map[uint64]struct{}, p.Count())
	p.IDs(func(id oid.ID, _ int) { present[short(id)] = struct{}{} })
	whole := true
	for _, v := range visitors {
		for _, id := range v.late {
			if _, ok := present[id]; !ok {
				whole = false
			}
		}
		v.late = nil
	}
	if whole || ctx.Err() != nil {
		return
	}
	var list []*requirer
	err := s.db.walk(ctx, store, pack.WalkOptions{NewVisitor: func() pack.Visitor {
		list = append(list, &requirer{reader: s.db.reader(store), missing: make(map[oid.ID]struct{})})
		return list[len(list)-1]
	}})
	if err != nil && !errors.Is(err, context.Cause(ctx)) {
		s.result.Skipped.Add(gitdb.ReasonOf(err), 1, "%s: %v", p.Name(), err)
	}
	for _, r := range list {
		maps.Copy(s.db.missing, r.missing)
	}
}

// requirer collects the objects that others name and that are not there.
type requirer struct {
	reader
	missing map[oid.ID]struct{}
}

func (r *requirer) require(id oid.ID) {
	if !r.db.Has(id) {
		r.missing[id] = struct{}{}
	}
}

// Visit implements pack.Visitor.
func (r *requirer) Visit(o *pack.Object) (mark bool, err error) {
	switch o.Type {
	case oid.Tree:
		for _, at := range o.FreshStarts {
			if e, _, err := pack.ParseTreeEntry(o.Data, int(at), r.size); err == nil && !e.IsSubmodule() {
				r.require(e.ID)
			}
		}
	case oid.Commit:
		if c, err := gitdb.ParseCommit(o.Data); err == nil {
			r.require(c.Tree)
			for _, p := range c.Parents {
				r.require(p)
			}
		}
	case oid.Tag:
		if t, err := gitdb.ParseTag(o.Data); err == nil {
			r.require(t.Target)
		}
	}
	return false, nil
}
