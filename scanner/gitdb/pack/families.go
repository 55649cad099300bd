package pack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
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
// far below. What may be rebuilt is limited as what is unpacked is.
const retainedLimit = 256 << 20

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

// Contains reports whether o, which is in memory, holds a literal; contains says
// whether bytes do. If its base holds none, which BaseMarked must say, a literal can
// only touch what the delta inserted, or a seam: no more than margin bytes, its length
// minus one, are on the other side.
func (o *Object) Contains(contains func([]byte) bool, margin int) bool {
	if !o.Delta || o.BaseMarked {
		return contains(o.Data)
	}
	at := 0 // start of the region being gathered
	end := math.MinInt
	for _, f := range o.Fresh {
		from, to := max(f.Start-margin, 0), min(f.End+margin, len(o.Data))
		if from <= end {
			end = to
			continue
		}
		if end > at && contains(o.Data[at:end]) {
			return true
		}
		at, end = from, to
	}
	return end > at && contains(o.Data[at:end])
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
	Workers   int     // more than MaxWorkers are MaxWorkers
	Budget    *Budget // for objects of MaxObject bytes; nil: one of its own
	MaxObject uint64  // zero: DefaultMaxObject
	// Need, if not nil, restricts the walk: an entry is built only if it is
	// in Need, which holds with each entry its base, or if its base is marked.
	Need *Bits
	// Name names what is built and has no name yet (see Pack.IsNamed).
	Name bool
	// NewVisitor makes the visitor of one worker; called before work starts.
	NewVisitor func() Visitor
	// Progress, if not nil, is called with the entries and stored bytes just done.
	Progress func(entries, bytes int64)
}

// Walk builds every entry once and shows it to a visitor, deltas after their
// bases. It returns early with an error only if ctx ends, a visitor fails, or
// the index contradicts the pack (ErrUnusable).
func (p *Pack) Walk(ctx context.Context, opts WalkOptions) error {
	s := &shared{pack: p, opts: opts, workers: min(max(opts.Workers, 1), MaxWorkers), budget: opts.Budget}
	if s.budget == nil {
		s.budget = NewBudget(opts.MaxObject)
	}
	defer s.budget.Settle()
	s.left.start(p.Size())
	s.again.start(p.Size())
	s.wake.L = &s.mu
	stop := context.AfterFunc(ctx, func() { s.fail(context.Cause(ctx)) })
	defer stop()
	var done sync.WaitGroup
	for i := range s.workers {
		w := &worker{shared: s, visitor: opts.NewVisitor()}
		w.start(s.budget, opts.MaxObject, s.workers)
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
			w.end()
		})
	}
	done.Wait()
	for _, t := range s.given { // where the walk stopped early
		(&pool{purse: purse{budget: s.budget}}).release(t.base.buf)
	}
	return s.err
}

// task is a subtree of a delta family that one worker gives another: an entry, and
// the frame of its base, in which it is the last child.
type task struct {
	typ  oid.Type
	base frame
}

// shared is what the workers of one walk share.
type shared struct {
	pack    *Pack
	opts    WalkOptions
	workers int
	budget  *Budget
	left    allowance // of what is built
	again   allowance // of what may have to be rebuilt
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
	s.budget.wakeUp()
}

// rootBatch is how many families a worker takes at once: enough to make the
// lock cheap, few enough to end together.
const rootBatch = 32

// nextTask returns families to walk, as a range of pack.roots, or one given task.
// Neither: all work is done, or the walk has stopped.
func (w *worker) nextTask() (roots []int32, t task, ok bool) {
	s := w.shared
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
		w.empty() // who is idle holds nothing
		w.close()
		s.wake.Wait()
		if !s.stopped.Load() {
			s.idle.Add(-1)
		}
	}
}

// give hands a subtree to an idle worker, if there is one that has none yet: a
// base that waits for a worker is held meanwhile.
func (s *shared) give(t task) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if int(s.idle.Load()) <= len(s.given) {
		return false
	}
	s.given = append(s.given, t)
	s.wake.Signal()
	return true
}

// giveOver is the weight from which a subtree is worth handing over, and giveUpTo
// the bytes of its base up to which it is: two workers hold that.
const (
	giveOver = 16
	giveUpTo = 8 << 20
)

// frame is a version whose children are being built.
type frame struct {
	entry  int32
	light  int32 // next child to visit, or none
	heavy  int32 // child that comes last, or none
	marked bool
	buf    *buffer // nil: dropped, to be rebuilt
	above  int     // bytes that one worker alone would retain of the versions before
	built  uint64  // bytes of all versions from the root to this one
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
		roots, t, ok := w.nextTask()
		if !ok {
			return nil
		}
		if t.base.buf != nil {
			w.typ = t.typ
			w.stack = append(w.stack, t.base)
			w.retained += t.base.buf.charge
			if err := w.walk(); err != nil {
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

// end gives back all that the worker holds, however it ended.
func (w *worker) end() {
	for i := range w.stack {
		w.dropFrame(&w.stack[i])
	}
	w.empty()
	w.used = 0
	w.close()
	w.budget.mu.Lock()
	w.budget.built += w.built
	w.budget.mu.Unlock()
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
	left := &w.left
	buf, err := w.inflateRoot(entry, h, left)
	for errors.Is(err, errNoRoom) {
		if !w.makeRoom() {
			return nil
		}
		buf, err = w.inflateRoot(entry, h, nil)
	}
	if err != nil {
		return w.failed(entry, err)
	}
	mark, err := w.visit(entry, buf, nil, false)
	if err != nil {
		return err
	}
	w.push(frame{entry: entry, marked: mark, buf: buf, built: uint64(len(buf.data))})
	return w.walk()
}

// walk walks all that is built on the version on the stack.
func (w *worker) walk() error {
	for len(w.stack) > 0 {
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
		if !last && w.give(f, c) {
			continue
		}
		if err := w.walkChild(c, last); err != nil {
			return err
		}
	}
	if w.fixed {
		w.empty()
		w.close()
	}
	return nil
}

// give lets an idle worker walk what is built on f from entry on. It reports
// whether one does.
func (w *worker) give(f *frame, entry int32) bool {
	if w.idle.Load() == 0 || f.buf == nil || w.pack.entries[entry].weight < giveOver || f.buf.charge > giveUpTo || w.fixed {
		return false
	}
	w.parse(f.buf)
	w.share(f.buf)
	base := *f
	base.light, base.heavy = none, entry
	if !w.shared.give(task{w.typ, base}) {
		w.release(f.buf)
		return false
	}
	return true
}

// walkChild builds a child of the top of the stack, and replaces the top by it if
// it is the last.
func (w *worker) walkChild(entry int32, last bool) error {
	f := &w.stack[len(w.stack)-1]
	buf, err := w.buildOn(f, entry)
	if f.buf == nil {
		return err
	}
	child := frame{entry: entry, buf: buf, above: f.above, built: f.built}
	if err == nil {
		if child.marked, err = w.visit(entry, buf, f.buf, f.marked); err != nil {
			return err
		}
		child.built += uint64(len(buf.data))
	} else if err := w.failed(entry, err); err != nil {
		return err
	}
	if last {
		w.pop()
	} else {
		child.above += f.buf.charge
	}
	if buf != nil {
		w.push(child)
	}
	return nil
}

// buildOn builds a child of f, the top of the stack, whose buffer it rebuilds if
// that was dropped. The buffer is nil then if that failed, or the walk stopped.
func (w *worker) buildOn(f *frame, entry int32) (buf *buffer, err error) {
	for left := &w.left; ; left = nil {
		if f.buf == nil {
			if f.buf, err = w.rebuild(f.entry); f.buf == nil {
				return nil, err
			}
			w.retained += f.buf.charge
		}
		if buf, err = w.build(entry, f.buf, left); !errors.Is(err, errNoRoom) {
			return buf, err
		}
		if !w.makeRoom() {
			return nil, nil
		}
	}
}

// makeRoom drops all that the worker holds, and waits until there is room: first
// for several of what there was none for, and if that was too little for any
// object. It reports whether the walk goes on.
func (w *worker) makeRoom() bool {
	for i := range w.stack {
		w.dropFrame(&w.stack[i])
	}
	w.empty()
	room := min(16*int64(w.short), w.budget.alone)
	if w.fixed {
		room = w.budget.alone
	}
	w.wait(room, w.stopped.Load)
	return !w.stopped.Load()
}

// push makes a version the top of the stack, or lets it go if nothing is
// built on it.
func (w *worker) push(f frame) {
	f.light, f.heavy = w.pack.entries[f.entry].child, none
	for c := f.light; c != none; c = w.pack.entries[c].sibling {
		if w.need(c, f.marked) && (f.heavy == none || w.pack.entries[c].weight > w.pack.entries[f.heavy].weight) {
			f.heavy = c
		}
	}
	if f.heavy == none {
		w.release(f.buf)
		return
	}
	w.stack = append(w.stack, f)
	w.retained += f.buf.charge
	for i := 0; w.retained > w.budget.retained && i < len(w.stack)-1; i++ {
		w.dropFrame(&w.stack[i])
	}
	if f.above > 0 && f.above+f.buf.charge > w.budget.retained {
		if err := w.again.spend(f.built); err != nil {
			w.fail(err)
		}
	}
}

// dropFrame drops the buffer of a frame, to be rebuilt.
func (w *worker) dropFrame(f *frame) {
	if f.buf != nil {
		w.retained -= f.buf.charge
		w.release(f.buf)
		f.buf = nil
	}
}

// pop removes the top of the stack.
func (w *worker) pop() {
	w.dropFrame(&w.stack[len(w.stack)-1])
	w.stack = w.stack[:len(w.stack)-1]
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
	if w.opts.Name {
		w.name(entry, buf.data)
	}
	if err := w.checkName(entry, buf.data); err != nil {
		return false, err
	}
	mark, err = w.visitor.Visit(o)
	*o = Object{} // else the content would stay in memory while the worker waits
	return mark, err
}

// name names a version, which no other worker builds.
func (w *worker) name(entry int32, content []byte) {
	if w.pack.ids == nil || !w.pack.ids[entry].IsZero() {
		return
	}
	if w.hasher == nil {
		w.hasher = oid.NewHasher(w.pack.format)
	}
	w.pack.ids[entry] = w.hasher.Sum(w.typ, content)
}

// checkName hashes a version that a delta names by its id: were the index
// believed, it could pass off another object as the base.
func (w *worker) checkName(entry int32, content []byte) error {
	p := w.pack
	if p.IndexErr != nil || p.incoming != nil {
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
