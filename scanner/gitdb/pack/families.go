package pack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"keysweep/scanner/gitdb/oid"
)

// ErrTooLarge is wrapped by failures of objects over WalkOptions.MaxObject.
var ErrTooLarge = errors.New("too large")

// DefaultMaxObject is the limit of one object held in memory.
const DefaultMaxObject = 256 << 20

// streamOver is the size from which an undeltified object without children is
// read in windows and not as a whole.
const streamOver = 8 << 20

// retainedLimit is how many bytes of bases a worker keeps for children yet to
// come; over it the oldest are dropped and rebuilt from their root. Visiting
// the heaviest child last keeps at most log2(family) bases, so real packs stay
// far below.
const retainedLimit = 64 << 20

// Object is one object of a pack, built. Its slices are valid until Visit
// returns.
type Object struct {
	Entry int
	Type  oid.Type
	Size  uint64
	Data  []byte // the content, or nil: then it is in Stream
	Delta bool   // built from another version
	// BaseMarked is what Visit returned for that version.
	BaseMarked bool
	// Fresh is what the version does not share with its base (see
	// freshSpans). Meaningful only if Delta.
	Fresh  []Span
	Stream io.Reader // content of a large object, to be read to its end
	// Starts are the offsets of the entries of a tree, and FreshStarts of
	// those that its base does not hold; TreeErr says where parsing stopped.
	Starts, FreshStarts []uint32
	TreeErr             error
}

// Visitor receives the objects of one worker.
type Visitor interface {
	// Visit returns whether the object is marked, which its children show as
	// BaseMarked.
	Visit(o *Object) (mark bool, err error)
	// Fail is called for an entry that could not be built; count includes the
	// versions that depend on it.
	Fail(entry, count int, err error)
}

// WalkOptions says what to walk and how.
type WalkOptions struct {
	Workers   int
	MaxObject uint64 // zero: DefaultMaxObject
	// Need, if not nil, restricts the walk: an entry is built only if it is
	// in Need, which holds with each entry its base, or if its base is marked.
	Need *Bits
	// NewVisitor makes the visitor of one worker; called before work starts.
	NewVisitor func() Visitor
	// Progress, if not nil, is called with the entries and stored bytes just done.
	Progress func(entries, bytes int64)
}

// Walk builds every entry once and shows it to a visitor, deltas after their
// bases. It returns early with an error only if ctx ends, a visitor fails, or
// the index contradicts the pack (ErrUnusable).
func (p *Pack) Walk(ctx context.Context, opts WalkOptions) error {
	s := &shared{pack: p, opts: opts, workers: max(opts.Workers, 1)}
	s.left.start(p.Size())
	s.wake.L = &s.mu
	stop := context.AfterFunc(ctx, func() { s.fail(context.Cause(ctx)) })
	defer stop()
	var done sync.WaitGroup
	for i := range s.workers {
		w := &worker{shared: s, visitor: opts.NewVisitor()}
		w.maxObject = cmp.Or(opts.MaxObject, DefaultMaxObject)
		// The trailer of a pack says nothing of what its writer stored.
		w.decoder.Checksum = true
		if i == 0 {
			for _, e := range p.lost {
				if opts.Need == nil {
					w.visitor.Fail(int(e), int(p.entries[e].weight), fmt.Errorf("%w: its delta base is not in the pack", ErrCorrupt))
				}
			}
		}
		done.Go(func() {
			if err := Guard(w.run); err != nil {
				s.fail(err)
			}
		})
	}
	done.Wait()
	return s.err
}

// task is a subtree of a delta family: an entry and its base, which is nil for
// the root of a family.
type task struct {
	entry  int32
	typ    oid.Type
	base   *buffer
	marked bool
}

// shared is what the workers of one walk share.
type shared struct {
	pack    *Pack
	opts    WalkOptions
	workers int
	left    allowance
	stopped atomic.Bool
	idle    atomic.Int32 // workers that wait for a task

	mu       sync.Mutex
	wake     sync.Cond
	nextRoot int    // guarded by mu
	given    []task // guarded by mu
	err      error  // guarded by mu until all workers have returned
}

func (s *shared) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	s.stopped.Store(true)
	s.wake.Broadcast()
}

// rootBatch is how many families a worker takes at once: enough to make the
// lock cheap, few enough to end together.
const rootBatch = 32

// take returns families to walk, as a range of pack.roots, or one given task.
// Neither: all work is done, or the walk has stopped.
func (s *shared) take() (roots []int32, t task, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.stopped.Load() {
			return nil, t, false
		}
		if n := len(s.given); n > 0 {
			t = s.given[n-1]
			s.given = s.given[:n-1]
			return nil, t, true
		}
		if all := s.pack.roots; s.nextRoot < len(all) {
			roots = all[s.nextRoot:min(s.nextRoot+rootBatch, len(all))]
			s.nextRoot += len(roots)
			return roots, t, true
		}
		if int(s.idle.Add(1)) == s.workers {
			s.stopped.Store(true)
			s.wake.Broadcast()
			return nil, t, false
		}
		s.wake.Wait()
		if !s.stopped.Load() {
			s.idle.Add(-1)
		}
	}
}

// give hands a subtree to an idle worker.
func (s *shared) give(t task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given = append(s.given, t)
	s.wake.Signal()
}

// giveOver is the weight from which a subtree is worth handing over.
const giveOver = 16

// frame is a version whose children are being built.
type frame struct {
	entry  int32
	light  int32 // next child to look at, or none
	heavy  int32 // child that comes last, or none
	marked bool
	buf    *buffer // nil: dropped, to be rebuilt
}

// worker walks families. All its fields are its own.
type worker struct {
	*shared
	builder
	visitor  Visitor
	hasher   *oid.Hasher
	object   Object
	typ      oid.Type
	stack    []frame
	retained int // bytes in the buffers of stack
	spans    []Span
	entries  int64 // done, and not yet reported to Progress
	bytes    int64 // of these
}

func (w *worker) run() error {
	for {
		roots, t, ok := w.take()
		if !ok {
			return nil
		}
		if t.base != nil {
			w.typ = t.typ
			if err := w.descend(t.entry, t.base, t.marked); err != nil {
				return err
			}
		}
		for _, root := range roots {
			if w.stopped.Load() {
				return nil
			}
			if err := w.root(root); err != nil {
				return err
			}
		}
		w.report()
	}
}

// report reports progress.
func (w *worker) report() {
	if w.opts.Progress != nil && w.entries > 0 {
		w.opts.Progress(w.entries, w.bytes)
	}
	w.entries, w.bytes = 0, 0
}

// need reports whether an entry is to be built.
func (w *worker) need(entry int32, baseMarked bool) bool {
	return w.opts.Need == nil || baseMarked || w.opts.Need.Has(int(entry))
}

// root walks the family of an entry that is not a delta.
func (w *worker) root(entry int32) error {
	e := &w.pack.entries[entry]
	if !w.need(entry, false) {
		return nil
	}
	w.typ = oid.Type(e.typ)
	h, err := w.header(entry)
	if err != nil {
		return w.failed(entry, err)
	}
	if w.typ == oid.Blob && h.size > streamOver && (e.child == none || h.size > w.maxObject) {
		return w.stream(entry, h)
	}
	buf, err := w.inflateRoot(entry, h)
	if err != nil {
		return w.failed(entry, err)
	}
	return w.visitAndWalk(entry, buf, nil, false)
}

// descend builds entry from base and walks its subtree.
func (w *worker) descend(entry int32, base *buffer, baseMarked bool) error {
	buf, err := w.build(entry, base)
	if err != nil {
		return w.failed(entry, err)
	}
	return w.visitAndWalk(entry, buf, base, baseMarked)
}

// visitAndWalk shows a version and then walks all that is built on it.
func (w *worker) visitAndWalk(entry int32, buf, base *buffer, baseMarked bool) error {
	mark, err := w.visit(entry, buf, base, baseMarked)
	if err != nil {
		return err
	}
	bottom := len(w.stack)
	w.push(entry, buf, mark)
	for len(w.stack) > bottom {
		if w.stopped.Load() {
			return nil
		}
		f := &w.stack[len(w.stack)-1]
		c := w.nextLight(f)
		last := c == none
		if last {
			c = f.heavy
		}
		if c == none {
			w.pop()
			continue
		}
		if f.buf == nil {
			if f.buf, err = w.rebuild(f.entry); err != nil {
				return err
			}
			w.retained += len(f.buf.data)
		}
		if !last && w.idle.Load() > 0 && w.pack.entries[c].weight >= giveOver {
			w.parse(f.buf)
			f.buf.shared = true
			w.give(task{entry: c, typ: w.typ, base: f.buf, marked: f.marked})
			continue
		}
		if err := w.walkChild(c, f.buf, f.marked, last); err != nil {
			return err
		}
	}
	return nil
}

// walkChild builds a child of the top of the stack, and replaces the top by it if
// it is the last.
func (w *worker) walkChild(entry int32, base *buffer, baseMarked, last bool) error {
	buf, err := w.build(entry, base)
	mark := false
	if err == nil {
		if mark, err = w.visit(entry, buf, base, baseMarked); err != nil {
			return err
		}
	} else if err := w.failed(entry, err); err != nil {
		return err
	}
	if last {
		w.pop()
	}
	if buf != nil {
		w.push(entry, buf, mark)
	}
	return nil
}

// push makes a version the top of the stack, or lets it go if nothing is
// built on it.
func (w *worker) push(entry int32, buf *buffer, marked bool) {
	f := frame{entry: entry, light: w.pack.entries[entry].child, heavy: none, marked: marked, buf: buf}
	for c := f.light; c != none; c = w.pack.entries[c].sibling {
		if w.need(c, marked) && (f.heavy == none || w.pack.entries[c].weight > w.pack.entries[f.heavy].weight) {
			f.heavy = c
		}
	}
	if f.heavy == none {
		w.release(buf)
		return
	}
	w.stack = append(w.stack, f)
	w.retained += len(buf.data)
	for i := 0; w.retained > retainedLimit && i < len(w.stack)-1; i++ {
		if b := w.stack[i].buf; b != nil {
			w.retained -= len(b.data)
			w.stack[i].buf = nil
			w.release(b)
		}
	}
}

// pop removes the top of the stack.
func (w *worker) pop() {
	f := w.stack[len(w.stack)-1]
	w.stack = w.stack[:len(w.stack)-1]
	if f.buf != nil {
		w.retained -= len(f.buf.data)
		w.release(f.buf)
	}
}

// nextLight returns the next child of f that is not its last, or none.
func (w *worker) nextLight(f *frame) int32 {
	for f.light != none {
		c := f.light
		f.light = w.pack.entries[c].sibling
		if c != f.heavy && w.need(c, f.marked) {
			return c
		}
	}
	return none
}

// visit shows a version to the visitor. base is nil for the root of a family.
func (w *worker) visit(entry int32, buf, base *buffer, baseMarked bool) (mark bool, err error) {
	o := &w.object
	*o = Object{Entry: int(entry), Type: w.typ, Size: uint64(len(buf.data)), Data: buf.data, Delta: base != nil, BaseMarked: baseMarked}
	// A delta of very many instructions was not recorded: all is fresh.
	recorded := len(w.ops) < maxOps
	if o.Delta && recorded {
		w.spans = freshSpans(w.spans[:0], w.ops)
		o.Fresh = w.spans
	} else if o.Delta {
		o.Fresh = append(w.spans[:0], Span{0, len(buf.data)})
	}
	if w.typ == oid.Tree {
		if o.Delta && recorded {
			w.parse(base)
			buf.tree.inherit(buf.data, base.tree.starts, w.ops, w.pack.format.Size())
			buf.parsed = true
		} else {
			w.parse(buf)
		}
		o.Starts, o.FreshStarts, o.TreeErr = buf.tree.starts, buf.tree.fresh, buf.tree.err
	}
	w.count(entry)
	if err := w.checkName(entry, buf.data); err != nil {
		return false, err
	}
	return w.visitor.Visit(o)
}

// checkName hashes a version that a delta names by its id: were the index
// believed, it could pass off another object as the base.
func (w *worker) checkName(entry int32, content []byte) error {
	p := w.pack
	if p.IndexErr != nil {
		return nil // the names are hashes already
	}
	for c := p.entries[entry].child; c != none; c = p.entries[c].sibling {
		if p.entries[c].typ != refDelta {
			continue
		}
		if w.hasher == nil {
			w.hasher = oid.NewHasher(p.format)
		}
		if id := w.hasher.Sum(w.typ, content); id != p.ID(int(entry)) {
			return fmt.Errorf("%w: it names the entry at %d %s; its content hashes to %s", ErrUnusable, p.entries[entry].offset, p.ID(int(entry)), id)
		}
		break
	}
	return nil
}

// parse makes sure that the starts of a tree's entries are known.
func (w *worker) parse(b *buffer) {
	if w.typ == oid.Tree && !b.parsed {
		b.tree.parse(b.data, w.pack.format.Size())
		b.parsed = true
	}
}

// count counts an entry for Progress.
func (w *worker) count(entry int32) {
	w.entries++
	w.bytes += int64(w.pack.next(int(entry)) - w.pack.entries[entry].offset)
}

// failed reports that entry and what is built on it cannot be read. It returns
// the error if it concerns the whole pack.
func (w *worker) failed(entry int32, err error) error {
	if errors.Is(err, ErrUnusable) {
		return err
	}
	if errors.Is(err, errSpent) {
		w.fail(err)
		err = fmt.Errorf("%w: the pack as a whole", ErrTooLarge)
	}
	w.entries += int64(w.pack.entries[entry].weight)
	w.visitor.Fail(int(entry), int(w.pack.entries[entry].weight), err)
	return nil
}
