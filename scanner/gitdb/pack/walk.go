package pack

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/zlib"

	"keysweep/scanner/gitdb/inflate"
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

// maxRatio is how many bytes at most one byte of a deflate stream yields: a
// match of 258 for a length code and a distance code of one bit each.
const maxRatio = 1032

// A pack may unpack to unpackedRatio times its size and unpackedBase bytes
// more; beyond, it is made to wear us out. The packs of git/git, rails/rails and
// stripe/stripe-go unpack to 26, 16 and 54 times their size.
const (
	unpackedRatio = 4000
	unpackedBase  = 1 << 30
)

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
	// Visit returns whether the object is marked; its children are told.
	Visit(o *Object) (mark bool, err error)
	// Fail is told of an entry that could not be built; count includes the
	// versions that depend on it.
	Fail(entry, count int, err error)
}

// WalkOptions says what to walk and how.
type WalkOptions struct {
	Workers   int
	MaxObject uint64 // zero: DefaultMaxObject
	// Type restricts the walk to families of one type; zero walks all.
	Type oid.Type
	// Need, if not nil, restricts the walk: an entry is built only if it is
	// in Need, which holds with each entry its base, or if its base is marked.
	Need *Bits
	// NewVisitor makes the visitor of one worker; called before work starts.
	NewVisitor func() Visitor
	// Progress, if not nil, is told of entries and stored bytes just done.
	Progress func(entries, bytes int64)
}

// Walk builds every entry once and shows it to a visitor, deltas after their
// bases. It returns early with an error only if ctx ends, a visitor fails, or
// the index contradicts the pack (ErrUnusable).
func (p *Pack) Walk(ctx context.Context, opts WalkOptions) error {
	if opts.MaxObject == 0 {
		opts.MaxObject = DefaultMaxObject
	}
	s := &shared{pack: p, opts: opts, workers: max(opts.Workers, 1)}
	s.left.Store(unpackedBase + unpackedRatio*p.Size())
	s.wake.L = &s.mu
	stop := context.AfterFunc(ctx, func() { s.fail(context.Cause(ctx)) })
	defer stop()
	var done sync.WaitGroup
	for i := range s.workers {
		w := &worker{shared: s, visitor: opts.NewVisitor()}
		// The trailer of a pack says nothing of what its writer stored.
		w.decoder.Checksum = true
		if i == 0 {
			for _, e := range p.lost {
				if opts.Need == nil && opts.Type == 0 {
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
	left    atomic.Int64 // bytes that the pack may still unpack to
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

// buffer is the content of one version.
type buffer struct {
	data   []byte
	tree   treeStarts // of a tree
	parsed bool       // tree holds the entries of data
	shared bool       // another worker reads it: it is not used again
}

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
	visitor  Visitor
	decoder  inflate.Decoder
	hasher   *oid.Hasher
	object   Object
	typ      oid.Type
	stack    []frame
	retained int // bytes in the buffers of stack
	delta    []byte
	ops      []op
	spans    []Span
	pool     [bits.UintSize][]*buffer
	pooled   int // bytes in pool
	entries  int64
	bytes    int64
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
		w.tell()
	}
}

// tell reports progress.
func (w *worker) tell() {
	if w.opts.Progress != nil && w.entries > 0 {
		w.opts.Progress(w.entries, w.bytes)
	}
	w.entries, w.bytes = 0, 0
}

// need reports whether an entry is to be built.
func (w *worker) need(entry int32, baseMarked bool) bool {
	return w.opts.Need == nil || baseMarked || w.opts.Need.Has(int(entry))
}

// root walks the family of an entry that is no delta.
func (w *worker) root(entry int32) error {
	e := &w.pack.entries[entry]
	if w.opts.Type != 0 && oid.Type(e.typ) != w.opts.Type || !w.need(entry, false) {
		return nil
	}
	w.typ = oid.Type(e.typ)
	h, err := w.header(entry)
	if err != nil {
		return w.failed(entry, err)
	}
	if w.typ == oid.Blob && h.size > streamOver && (e.child == none || h.size > w.opts.MaxObject) {
		return w.stream(entry, h)
	}
	buf, err := w.object0(entry, h)
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
		base, baseMarked := f.buf, f.marked
		if !last && w.idle.Load() > 0 && w.pack.entries[c].weight >= giveOver {
			w.parse(base)
			base.shared = true
			w.give(task{entry: c, typ: w.typ, base: base, marked: baseMarked})
			continue
		}
		buf, err := w.build(c, base)
		if err != nil {
			if last {
				w.pop()
			}
			if err = w.failed(c, err); err != nil {
				return err
			}
			continue
		}
		if mark, err = w.visit(c, buf, base, baseMarked); err != nil {
			return err
		}
		if last {
			w.pop()
		}
		w.push(c, buf, mark)
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
	w.entries++
	w.bytes += int64(w.pack.next(int(entry)) - w.pack.entries[entry].offset)
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
			return fmt.Errorf("%w: it names the entry at %d %s, its content %s", ErrUnusable, p.entries[entry].offset, p.ID(int(entry)), id)
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

// failed reports that entry and what is built on it cannot be had. It returns
// the error if it concerns the whole pack.
func (w *worker) failed(entry int32, err error) error {
	if errors.Is(err, ErrUnusable) {
		return err
	}
	w.entries += int64(w.pack.entries[entry].weight)
	w.visitor.Fail(int(entry), int(w.pack.entries[entry].weight), err)
	return nil
}

// header decodes the header of an entry again.
func (w *worker) header(entry int32) (header, error) {
	p := w.pack
	return parseHeader(p.data[p.entries[entry].offset:p.next(int(entry))], p.format.Size())
}

// object0 inflates an entry that is no delta.
func (w *worker) object0(entry int32, h header) (*buffer, error) {
	if h.size > w.opts.MaxObject {
		return nil, fmt.Errorf("%w: %d bytes", ErrTooLarge, h.size)
	}
	if err := w.plausible(entry, h); err != nil {
		return nil, err
	}
	buf := w.get(int(h.size))
	if err := w.inflate(buf.data, entry, h); err != nil {
		w.release(buf)
		return nil, err
	}
	return buf, nil
}

// plausible refuses a size that the stored bytes cannot yield, before memory
// is set aside for it.
func (w *worker) plausible(entry int32, h header) error {
	stored := w.pack.next(int(entry)) - w.pack.entries[entry].offset - uint64(h.stream)
	if h.size > stored*maxRatio {
		return fmt.Errorf("%w: %d stored bytes cannot yield %d", ErrCorrupt, stored, h.size)
	}
	return nil
}

// inflate fills dst with the stream of an entry, which must end where the next
// entry starts: this proves that no byte of the pack is left out, whatever the
// index says.
func (w *worker) inflate(dst []byte, entry int32, h header) error {
	p := w.pack
	start := p.entries[entry].offset + uint64(h.stream)
	n, err := w.decoder.Inflate(dst, p.data[start:p.end()])
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if end := start + uint64(n); end != p.next(int(entry)) {
		return p.contradiction(entry, end)
	}
	return nil
}

// contradiction is the error about an entry that does not end where the next
// one starts. With a pack that was read through it can only be damage.
func (p *Pack) contradiction(entry int32, end uint64) error {
	kind := ErrUnusable
	if p.IndexErr != nil {
		kind = ErrCorrupt
	}
	return fmt.Errorf("%w: the entry at %d ends at %d, the next starts at %d", kind, p.entries[entry].offset, end, p.next(int(entry)))
}

// build makes the version that entry is from its base; what its delta did is
// in w.ops afterwards.
func (w *worker) build(entry int32, base *buffer) (*buffer, error) {
	h, err := w.header(entry)
	if err != nil {
		return nil, err
	}
	// A delta is no longer than what it may yield, but for instructions.
	if h.size > w.opts.MaxObject+64 {
		return nil, fmt.Errorf("%w: delta of %d bytes", ErrTooLarge, h.size)
	}
	if err := w.plausible(entry, h); err != nil {
		return nil, err
	}
	if uint64(cap(w.delta)) < h.size {
		w.delta = make([]byte, max(h.size, 64<<10))
	}
	delta := w.delta[:h.size]
	if err := w.inflate(delta, entry, h); err != nil {
		return nil, err
	}
	if cap(w.delta) > 1<<20 {
		w.delta = nil
	}
	from, to, rest, err := deltaSizes(delta)
	if err != nil {
		return nil, err
	}
	if from != uint64(len(base.data)) {
		return nil, fmt.Errorf("%w: delta is for a base of %d bytes, base has %d", ErrCorrupt, from, len(base.data))
	}
	if to > w.opts.MaxObject {
		return nil, fmt.Errorf("%w: %d bytes", ErrTooLarge, to)
	}
	if w.left.Add(-int64(to)) < 0 {
		w.fail(fmt.Errorf("%w: the pack unpacks to more than %d times its size", ErrTooLarge, unpackedRatio))
		return nil, fmt.Errorf("%w: the pack as a whole", ErrTooLarge)
	}
	buf := w.get(int(to))
	w.ops, err = apply(buf.data, base.data, rest, w.ops[:0])
	if err != nil {
		w.release(buf)
		return nil, err
	}
	return buf, nil
}

// rebuild makes a version that was dropped again, from the root of its family.
func (w *worker) rebuild(entry int32) (*buffer, error) {
	chain := []int32{entry}
	for b := w.pack.entries[entry].base; b >= 0; b = w.pack.entries[b].base {
		chain = append(chain, b)
	}
	root := chain[len(chain)-1]
	h, err := w.header(root)
	if err != nil {
		return nil, err
	}
	buf, err := w.object0(root, h)
	for i := len(chain) - 2; i >= 0 && err == nil; i-- {
		var next *buffer
		next, err = w.build(chain[i], buf)
		w.release(buf)
		buf = next
	}
	return buf, err
}

// stream shows a large object without children as a stream.
func (w *worker) stream(entry int32, h header) error {
	p := w.pack
	start := p.entries[entry].offset + uint64(h.stream)
	in := bytes.NewReader(p.data[start:p.end()])
	z, err := zlib.NewReader(bufferless{in})
	if err != nil {
		return w.failed(entry, fmt.Errorf("%w: %w", ErrCorrupt, err))
	}
	r := NewExactReader(bufio.NewReaderSize(z, 64<<10), h.size)
	w.object = Object{Entry: int(entry), Type: w.typ, Size: h.size, Stream: r}
	_, err = w.visitor.Visit(&w.object)
	if err != nil {
		return err
	}
	w.entries++
	w.bytes += int64(p.next(int(entry)) - p.entries[entry].offset)
	if !w.stopped.Load() && r.err == nil {
		_, _ = io.Copy(io.Discard, r)
	}
	if r.err != nil && r.err != io.EOF {
		return w.failed(entry, fmt.Errorf("%w: %w", ErrCorrupt, r.err))
	}
	if end := start + uint64(in.Size()) - uint64(in.Len()); r.err == io.EOF && end != p.next(int(entry)) {
		return p.contradiction(entry, end)
	}
	if n := p.entries[entry].weight - 1; n > 0 {
		w.entries += int64(n)
		w.visitor.Fail(int(entry), int(n), fmt.Errorf("%w: versions built on an object of %d bytes", ErrTooLarge, h.size))
	}
	return nil
}

// bufferless hides all but the byte-wise reading of a bytes.Reader, so that
// the inflater takes not one byte more than its stream has.
type bufferless struct{ *bytes.Reader }

// pooledLimit bounds the buffers that a worker keeps for later.
const pooledLimit = 16 << 20

// get returns a buffer of n bytes; they hold rubbish.
func (w *worker) get(n int) *buffer {
	class := bits.Len(uint(max(n, 64) - 1))
	if free := w.pool[class]; len(free) > 0 {
		b := free[len(free)-1]
		w.pool[class] = free[:len(free)-1]
		w.pooled -= cap(b.data)
		b.data = b.data[:n]
		b.parsed = false
		return b
	}
	size := 1 << class
	if n > 1<<20 {
		size = n
	}
	return &buffer{data: make([]byte, n, size)}
}

// release gives a buffer back.
func (w *worker) release(b *buffer) {
	c := cap(b.data)
	if b.shared || c&(c-1) != 0 || w.pooled+c > pooledLimit {
		return
	}
	class := bits.Len(uint(c - 1))
	w.pool[class] = append(w.pool[class], b)
	w.pooled += c
}
