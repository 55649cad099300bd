package history

import (
	"fmt"
	"io"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// visitor is one worker's view of one store.
type visitor struct {
	reader
	opts    *ScanOptions
	judge   Visitor
	hasher  *oid.Hasher
	counts  finding.Counts
	edges   []edge
	commits []gitdb.Commit
	tags    []gitdb.Tag
	missing map[oid.ID]struct{}
	late    []uint64 // short ids of what was required before it was known what there is
	named   bool     // it is known
	object  Object
}

func (s *scan) visitor(store int) *visitor {
	return &visitor{
		reader: s.db.reader(store), opts: &s.opts, judge: s.opts.NewVisitor(),
		hasher: oid.NewHasher(s.db.repo.Format), missing: make(map[oid.ID]struct{}), named: s.db.isNamed(store),
	}
}

// Visit implements pack.Visitor.
func (v *visitor) Visit(o *pack.Object) (mark bool, err error) {
	v.count(o)
	switch o.Type {
	case oid.Tree:
		v.tree(o)
	case oid.Commit:
		v.commit(o)
	case oid.Tag:
		v.tag(o)
	}
	v.object = Object{Type: o.Type, Data: o.Data, Starts: o.Starts, visitor: v, source: o}
	defer func() { v.object.Data, v.object.Starts = nil, nil }() // they are valid until Visit returns
	if o.Stream != nil {
		return true, v.stream(o)
	}
	// Loose objects are few, and only their hash shows that they are whole.
	if v.opts.VerifyObjects || v.pack == nil || v.db.shared[v.store].Has(o.Entry) {
		v.object.id = v.verify(o)
	}
	if !v.marked(o) && (o.Type != oid.Blob || !v.opts.Gate.Opens(o.Data)) {
		return false, nil
	}
	if err := v.judge.Object(&v.object); err != nil {
		return true, fmt.Errorf("%w: %w", errVisitor, err)
	}
	return true, nil
}

func (v *visitor) count(o *pack.Object) {
	if v.db.repeated[v.store].Has(o.Entry) {
		return
	}
	v.counts.Objects++
	v.counts.Bytes += int64(o.Size)
	switch o.Type {
	case oid.Blob:
		v.counts.Blobs++
	case oid.Tree:
		v.counts.Trees++
	case oid.Commit:
		v.counts.Commits++
	case oid.Tag:
		v.counts.Tags++
	}
}

// marked reports whether an object holds a literal.
func (v *visitor) marked(o *pack.Object) bool {
	return o.Contains(v.opts.Gate.Contains, v.opts.Gate.MaxLen()-1)
}

// verify returns the hash of an object, and notes if its store names it
// otherwise.
func (v *visitor) verify(o *pack.Object) oid.ID {
	return v.compare(v.claimed(o.Entry), v.hasher.Sum(o.Type, o.Data))
}

func (v *visitor) compare(claimed, id oid.ID) oid.ID {
	if id != claimed {
		v.skipped.Add(finding.ReasonDamaged, 1, "object %s: its content hashes to %s", claimed, id)
	}
	return id
}

// stream shows a large blob, and hashes what is read of it.
func (v *visitor) stream(o *pack.Object) error {
	v.object.id = v.claimed(o.Entry)
	v.hasher.Begin(o.Type, int64(o.Size))
	v.object.Stream = io.TeeReader(o.Stream, v.hasher)
	if err := v.judge.Object(&v.object); err != nil {
		return fmt.Errorf("%w: %w", errVisitor, err)
	}
	if _, err := io.Copy(io.Discard, v.object.Stream); err == nil {
		v.compare(v.object.id, v.hasher.ID())
	}
	return nil
}

// tree notes which objects a tree newly names, and which of those are absent.
func (v *visitor) tree(o *pack.Object) {
	if o.TreeErr != nil {
		v.skipped.Add(finding.ReasonDamaged, 1, "tree %s: %v", v.claimed(o.Entry), o.TreeErr)
		v.db.failed.Store([2]int{v.store, o.Entry}, nil) // the second reading need not say it again
	}
	for _, at := range o.FreshStarts {
		e, _, err := pack.ParseTreeEntry(o.Data, int(at), v.size)
		if err != nil || e.IsSubmodule() {
			continue
		}
		v.edges = append(v.edges, edge{childHash(e.ID), uint32(o.Entry)})
		v.require(e.ID)
	}
}

func (v *visitor) require(id oid.ID) {
	if !v.named {
		v.late = append(v.late, short(id))
		return
	}
	if !v.db.Has(id) {
		v.missing[id] = struct{}{}
	}
}

func (v *visitor) commit(o *pack.Object) {
	c, err := gitdb.ParseCommit(o.Data)
	if err != nil {
		v.skipped.Add(finding.ReasonDamaged, 1, "commit %s: %v", v.claimed(o.Entry), err)
		return
	}
	c.ID = v.claimed(o.Entry)
	v.commits = append(v.commits, c)
	v.require(c.Tree)
	for _, p := range c.Parents {
		v.require(p)
	}
}

func (v *visitor) tag(o *pack.Object) {
	t, err := gitdb.ParseTag(o.Data)
	if err != nil {
		v.skipped.Add(finding.ReasonDamaged, 1, "tag %s: %v", v.claimed(o.Entry), err)
		return
	}
	t.ID = v.claimed(o.Entry)
	v.tags = append(v.tags, t)
	v.require(t.Target)
}
