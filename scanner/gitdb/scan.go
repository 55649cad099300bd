package gitdb

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"keysweep/finding"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// Gate finds out whether bytes hold any literal of any rule.
type Gate interface {
	Contains(b []byte) bool
	// MaxLen is the length of the longest literal in bytes.
	MaxLen() int
}

// Object is an object that holds a literal, or a stream that may.
type Object struct {
	Type   oid.Type
	Data   []byte    // valid until the call returns; nil if Stream is set
	Stream io.Reader // of a large blob
	Starts []uint32  // of a tree: where its entries start

	visitor *visitor
	source  *pack.Object
	id      oid.ID
}

// ID returns the true name of the object: its hash. If the index names it
// otherwise, the database is damaged, and the result of the scan says so. For
// a stream it is the name that the index gives, checked when the stream ends.
func (o *Object) ID() oid.ID {
	if o.id.IsZero() {
		o.id = o.visitor.verify(o.source)
	}
	return o.id
}

// HashSize returns the length of the ids in a tree, in bytes.
func (o *Object) HashSize() int { return o.visitor.size }

// Visitor judges the objects of one worker.
type Visitor interface {
	Object(o *Object) error
}

// ScanOptions says what to look for.
type ScanOptions struct {
	Gate          Gate
	NewVisitor    func() Visitor
	VerifyObjects bool // hash every object, not only those that matter
}

// ScanResult is what a scan read and what it could not.
type ScanResult struct {
	Counts  finding.Counts
	Skipped []finding.Skipped
}

// edge says that a tree may hold an object: the first four bytes of the
// object's id, and the tree's entry number in its store. Only entries that a
// tree does not share with its delta base have one.
type edge struct{ child, tree uint32 }

func childHash(id oid.ID) uint32 { return binary.LittleEndian.Uint32(id[:4]) }

// Scan reads every object once and shows those that hold a literal to the
// visitors. It also collects the graph that Trace needs. The error is ctx's or
// a visitor's; the result is then that of what was read.
func (db *Database) Scan(ctx context.Context, opts ScanOptions) (*ScanResult, error) {
	s := &scan{db: db, opts: opts, result: &ScanResult{Skipped: slices.Clone(db.skipped)}}
	s.result.Counts.Refs = int64(len(db.repo.Refs))
	for _, k := range db.repo.Skipped {
		s.result.Skipped = finding.AddSkipped(s.result.Skipped, k)
	}
	err := s.run(ctx)
	slices.SortFunc(db.commits, func(a, b Commit) int { return a.ID.Compare(b.ID) })
	db.commits = slices.CompactFunc(db.commits, func(a, b Commit) bool { return a.ID == b.ID })
	return s.result, err
}

// scan is one run of Database.Scan.
type scan struct {
	db     *Database
	opts   ScanOptions
	result *ScanResult
}

func (s *scan) run(ctx context.Context) error {
	for i, p := range s.db.packs {
		err := s.pack(ctx, i, p)
		if errors.Is(err, pack.ErrUnusable) {
			// What the visitors saw may bear wrong names or be cut at wrong
			// places; the findings of the second reading replace nothing, as
			// equal ones are merged.
			var q *pack.Pack
			if q, err = pack.OpenWithoutIndex(ctx, p.Path, s.db.repo.Format); err == nil {
				p.Close()
				s.db.packs[i] = q
				s.db.edges[i] = nil
				err = s.pack(ctx, i, q)
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			if errors.Is(err, errVisitor) {
				return err
			}
			s.skip(packReason(err), 1, "%s: %v", p.Name(), err)
		}
	}
	return s.loose(ctx)
}

// errVisitor marks an error that a visitor returned.
var errVisitor = errors.New("visitor")

func (s *scan) skip(reason finding.Reason, count int64, format string, args ...any) {
	s.result.Skipped = finding.AddSkipped(s.result.Skipped, finding.Skipped{Reason: reason, Count: count, Detail: fmt.Sprintf(format, args...)})
}

// pack scans one pack, and checks its trailer meanwhile.
func (s *scan) pack(ctx context.Context, store int, p *pack.Pack) error {
	if p.IndexErr != nil {
		s.skip(finding.ReasonDamaged, 1, "index of %s: %v; the pack was read without it", p.Name(), p.IndexErr)
	}
	if p.CutErr != nil {
		s.skip(finding.ReasonDamaged, p.CutCount, "%s: %v", p.Name(), p.CutErr)
	}
	var visitors []*visitor
	trailer := make(chan error, 1)
	go func() { trailer <- p.VerifyTrailer(ctx) }()
	err := p.Walk(ctx, pack.WalkOptions{
		Workers:   s.db.workers,
		MaxObject: s.db.maxObject,
		Progress:  s.db.progress,
		NewVisitor: func() pack.Visitor {
			v := s.visitor(store, p)
			visitors = append(visitors, v)
			return v
		},
	})
	damaged := <-trailer
	if errors.Is(err, pack.ErrUnusable) && ctx.Err() == nil {
		return err
	}
	if damaged != nil && ctx.Err() == nil {
		s.skip(finding.ReasonDamaged, 1, "%s: %v", p.Name(), damaged)
	}
	s.merge(store, visitors)
	return err
}

// loose scans the loose objects.
func (s *scan) loose(ctx context.Context) error {
	store := len(s.db.packs)
	list := s.db.loose
	visitors := make([]*visitor, s.db.workers)
	errs := make([]error, s.db.workers)
	var next atomic.Int64
	var done sync.WaitGroup
	for w := range s.db.workers {
		v := s.visitor(store, nil)
		visitors[w] = v
		read := func() error {
			r := looseReader{size: s.db.repo.Format.Size()}
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(list) {
					return nil
				}
				err := r.read(list[i], s.db.maxObject, func(o *pack.Object) error {
					o.Entry = i
					_, err := v.Visit(o)
					return err
				})
				if errors.Is(err, errVisitor) {
					return err
				}
				if err != nil {
					v.Fail(i, 1, err)
				}
				s.db.progress(1, list[i].size)
			}
			return nil
		}
		done.Go(func() { errs[w] = pack.Guard(read) })
	}
	done.Wait()
	for w, err := range errs {
		if errors.Is(err, pack.ErrCorrupt) {
			s.skip(finding.ReasonDamaged, 1, "loose objects: %v", err)
			errs[w] = nil
		}
	}
	s.merge(store, visitors)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(errs...)
}

// merge takes over what the workers collected.
func (s *scan) merge(store int, visitors []*visitor) {
	for _, v := range visitors {
		s.result.Counts.Add(v.counts)
		for _, k := range v.skipped {
			s.result.Skipped = finding.AddSkipped(s.result.Skipped, k)
		}
		s.db.edges[store] = append(s.db.edges[store], v.edges...)
		s.db.commits = append(s.db.commits, v.commits...)
		s.db.tags = append(s.db.tags, v.tags...)
		for id := range v.missing {
			s.db.missing[id] = struct{}{}
		}
	}
}

// visitor is one worker's view of one store.
type visitor struct {
	db      *Database
	store   int
	pack    *pack.Pack // nil: loose objects
	gate    Gate
	judge   Visitor
	all     bool // verify every object
	hasher  *oid.Hasher
	size    int // of an id
	counts  finding.Counts
	skipped []finding.Skipped
	edges   []edge
	commits []Commit
	tags    []tagTarget
	missing map[oid.ID]struct{}
	object  Object
}

func (s *scan) visitor(store int, p *pack.Pack) *visitor {
	return &visitor{
		db: s.db, store: store, pack: p, gate: s.opts.Gate, judge: s.opts.NewVisitor(), all: s.opts.VerifyObjects,
		hasher: oid.NewHasher(s.db.repo.Format), size: s.db.repo.Format.Size(), missing: make(map[oid.ID]struct{}),
	}
}

// claimed is the name that the store gives to an object.
func (v *visitor) claimed(entry int) oid.ID {
	if v.pack == nil {
		return v.db.loose[entry].id
	}
	return v.pack.ID(entry)
}

// Fail counts objects that could not be read.
func (v *visitor) Fail(entry, count int, err error) {
	where := "loose object " + v.claimed(entry).String()
	if v.pack != nil {
		where = fmt.Sprintf("%s: entry at %d (%s)", v.pack.Name(), v.pack.Offset(entry), v.claimed(entry))
	}
	v.skip(packReason(err), int64(count), "%s: %v", where, err)
}

func (v *visitor) skip(reason finding.Reason, count int64, format string, args ...any) {
	v.skipped = finding.AddSkipped(v.skipped, finding.Skipped{Reason: reason, Count: count, Detail: fmt.Sprintf(format, args...)})
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
	case oid.Blob:
		if o.Size < lfsLimit && bytes.HasPrefix(o.Data, lfsHead) {
			v.skip(finding.ReasonLFSPointer, 1, "objects of the history")
		}
	}
	v.object = Object{Type: o.Type, Data: o.Data, Starts: o.Starts, visitor: v, source: o}
	if o.Stream != nil {
		return true, v.stream(o)
	}
	// Loose objects are few, and only their hash tells that they are whole.
	if v.all || v.pack == nil || v.db.twice[v.store] != nil && v.db.twice[v.store].Has(o.Entry) {
		v.object.id = v.verify(o)
	}
	if !v.marked(o) {
		return false, nil
	}
	if err := v.judge.Object(&v.object); err != nil {
		return true, fmt.Errorf("%w: %w", errVisitor, err)
	}
	return true, nil
}

// A Git LFS pointer is a text of about 130 bytes that begins with lfsHead.
const lfsLimit = 1024

var lfsHead = []byte("version https://git-lfs.github.com/spec/")

func (v *visitor) count(o *pack.Object) {
	if r := v.db.repeated[v.store]; r != nil && r.Has(o.Entry) {
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

// marked reports whether an object holds a literal. If its base holds none, a
// literal can only touch what the delta inserted, or a seam: no more than its
// length less one lies on the other side.
func (v *visitor) marked(o *pack.Object) bool {
	if !o.Delta || o.BaseMarked {
		return v.gate.Contains(o.Data)
	}
	margin := v.gate.MaxLen() - 1
	at := 0 // start of the region being gathered
	end := math.MinInt
	for _, f := range o.Fresh {
		from, to := max(f.Start-margin, 0), min(f.End+margin, len(o.Data))
		if from <= end {
			end = to
			continue
		}
		if end > at && v.gate.Contains(o.Data[at:end]) {
			return true
		}
		at, end = from, to
	}
	return end > at && v.gate.Contains(o.Data[at:end])
}

// verify returns the hash of an object, and notes if its store names it
// otherwise.
func (v *visitor) verify(o *pack.Object) oid.ID {
	claimed := v.claimed(o.Entry)
	if o.Stream != nil {
		return claimed
	}
	return v.compare(o.Entry, claimed, v.hasher.Sum(o.Type, o.Data))
}

func (v *visitor) compare(entry int, claimed, id oid.ID) oid.ID {
	if id != claimed {
		v.skip(finding.ReasonDamaged, 1, "object %s: its content has the name %s", claimed, id)
	}
	return id
}

// stream shows a large blob, and hashes what is read of it.
func (v *visitor) stream(o *pack.Object) error {
	claimed := v.claimed(o.Entry)
	v.object.id = claimed
	v.hasher.Begin(o.Type, int64(o.Size))
	v.object.Stream = io.TeeReader(o.Stream, v.hasher)
	if err := v.judge.Object(&v.object); err != nil {
		return fmt.Errorf("%w: %w", errVisitor, err)
	}
	if _, err := io.Copy(io.Discard, v.object.Stream); err == nil {
		v.compare(o.Entry, claimed, v.hasher.ID())
	}
	return nil
}

// tree notes which objects a tree newly names, and which of those are absent.
func (v *visitor) tree(o *pack.Object) {
	if o.TreeErr != nil {
		v.skip(finding.ReasonDamaged, 1, "tree %s: %v", v.claimed(o.Entry), o.TreeErr)
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
	if !v.db.Has(id) {
		v.missing[id] = struct{}{}
	}
}

func (v *visitor) commit(o *pack.Object) {
	c, err := parseCommit(o.Data)
	if err != nil {
		v.skip(finding.ReasonDamaged, 1, "commit %s: %v", v.claimed(o.Entry), err)
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
	t, err := parseTag(o.Data)
	if err != nil {
		v.skip(finding.ReasonDamaged, 1, "tag %s: %v", v.claimed(o.Entry), err)
		return
	}
	t.id = v.claimed(o.Entry)
	v.tags = append(v.tags, t)
	v.require(t.target)
}
