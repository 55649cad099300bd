package history

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"slices"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// Gate finds out whether bytes hold any literal of any rule.
type Gate interface {
	Contains(b []byte) bool
	// MaxLen is the length of the longest literal in bytes.
	MaxLen() int
	// Opens reports whether a blob is a container, whose members may hold a literal
	// that it does not.
	Opens(blob []byte) bool
}

// Object is an object that holds a literal or is a container, or a stream that may.
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
	// Progress, if not nil, is called with the objects and stored bytes just
	// read.
	Progress func(objects, bytes int64)
}

// ScanResult is what a scan read and what it could not.
type ScanResult struct {
	Counts  finding.Counts
	Skipped gitdb.Skips
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
	s.result.Skipped.Merge(db.repo.Skipped)
	db.partial = true // until the end
	err := s.run(ctx)
	db.partial = err != nil || db.cut || finding.Incomplete(s.result.Skipped)
	slices.SortFunc(db.commits, func(a, b gitdb.Commit) int { return a.ID.Compare(b.ID) })
	db.commits = slices.CompactFunc(db.commits, func(a, b gitdb.Commit) bool { return a.ID == b.ID })
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
			// offsets; the findings of the second reading replace nothing, as
			// equal ones are merged.
			var q *pack.Pack
			if q, err = pack.OpenWithoutIndex(ctx, p.Path, s.db.repo.Format, s.db.workers); err == nil {
				p.Close()
				s.db.packs[i] = q
				s.db.edges[i] = nil
				s.db.failed.Clear()
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
			s.result.Skipped.Add(gitdb.ReasonOf(err), 1, "%s: %v", p.Name(), err)
		}
	}
	s.db.packsRead = !finding.Incomplete(s.result.Skipped)
	return s.loose(ctx)
}

// errVisitor marks an error that a visitor returned.
var errVisitor = errors.New("visitor")

// pack scans one pack, and checks its trailer meanwhile.
func (s *scan) pack(ctx context.Context, store int, p *pack.Pack) error {
	if p.IndexErr != nil {
		s.result.Skipped.Add(finding.ReasonDamaged, 1, "index of %s: %v; the pack was read without it", p.Name(), p.IndexErr)
	}
	if p.CutErr != nil && !errors.Is(p.CutErr, pack.ErrCut) { // else the caller knows
		s.result.Skipped.Add(finding.ReasonDamaged, p.CutCount, "%s: %v", p.Name(), p.CutErr)
	}
	trailer := make(chan error, 1)
	go func() { trailer <- p.VerifyTrailer(ctx) }()
	named := p.IsNamed()
	visitors, err := s.walk(ctx, store)
	damaged := <-trailer
	if !named {
		p.EndNames()
		s.requireLate(ctx, store, visitors)
	}
	if errors.Is(err, pack.ErrUnusable) && ctx.Err() == nil {
		return err
	}
	if damaged != nil && ctx.Err() == nil {
		s.result.Skipped.Add(finding.ReasonDamaged, 1, "%s: %v", p.Name(), damaged)
	}
	s.merge(store, visitors)
	return err
}

// loose scans the loose objects.
func (s *scan) loose(ctx context.Context) error {
	visitors, err := s.walk(ctx, s.db.looseStore())
	s.merge(s.db.looseStore(), visitors)
	return err
}

// walk shows all objects of a store to visitors, and returns these.
func (s *scan) walk(ctx context.Context, store int) (visitors []*visitor, err error) {
	err = s.db.walk(ctx, store, pack.WalkOptions{
		Progress: s.opts.Progress, Name: true,
		NewVisitor: func() pack.Visitor {
			visitors = append(visitors, s.visitor(store))
			return visitors[len(visitors)-1]
		},
	})
	return visitors, err
}

// merge takes over what the workers collected.
func (s *scan) merge(store int, visitors []*visitor) {
	for _, v := range visitors {
		s.result.Counts.Add(v.counts)
		s.result.Skipped.Merge(v.skipped)
		s.db.edges[store] = append(s.db.edges[store], v.edges...)
		s.db.commits = append(s.db.commits, v.commits...)
		s.db.tags = append(s.db.tags, v.tags...)
		maps.Copy(s.db.missing, v.missing)
	}
}
