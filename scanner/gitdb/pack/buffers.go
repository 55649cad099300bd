package pack

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"sync/atomic"

	"keysweep/scanner/gitdb/inflate"
	"keysweep/scanner/gitdb/oid"
)

// buffer is the content of one version.
type buffer struct {
	data   []byte
	tree   treeStarts // of a tree that a walk builds
	parsed bool       // tree holds the entries of data
	charge int        // bytes that a purse counts for it
	// users is how many workers build on it, if it was shared: it is then not
	// used again, and the last of them gives its bytes back.
	users atomic.Int32
}

// pooledLimit bounds how many bytes of buffers a worker keeps for later: 16 MiB,
// less with many workers.
const pooledLimit = 16 << 20

// sizeClass returns the capacity of a buffer for n bytes, and the number of its
// class. Capacities are powers of two up to 1 MiB, and then eight in an octave. A
// buffer beyond pooledLimit is as long as what it holds, and of no class.
func sizeClass(n int) (capacity, class int) {
	n = max(n, 64)
	log := bits.Len(uint(n - 1))
	switch {
	case n <= 1<<20:
		return 1 << log, log
	case n > pooledLimit:
		return n, -1
	}
	step := 1 << (log - 4)
	eighths := (n + step - 1) / step // 9 to 16
	return eighths * step, 8*(log-19) + eighths
}

// pool keeps buffers to be used again. It is the scratch of one goroutine.
type pool struct {
	purse
	limit int           // bytes in free
	free  [64][]*buffer // by class
	size  int           // bytes in free
	short int           // bytes that there was no room for, the last time
	// uncounted says that what is kept for later is not counted: pools that
	// may be forgotten.
	uncounted bool
}

// get returns a buffer of n bytes, which hold rubbish, or nil if the budget has no
// room. A tree's counts half as much again: the places of its entries are kept
// too, eight bytes for each, which takes 23.
func (p *pool) get(n int, typ oid.Type) *buffer {
	capacity, class := sizeClass(n)
	charge := capacity
	if typ == oid.Tree {
		charge += capacity / 2
	}
	if class >= 0 && len(p.free[class]) > 0 {
		last := len(p.free[class]) - 1
		b := p.free[class][last]
		if more := charge - b.charge; more <= 0 || p.take(more) {
			p.free[class] = p.free[class][:last]
			p.size -= cap(b.data)
			b.charge = max(b.charge, charge)
			b.data = b.data[:n]
			b.parsed = false
			return b
		}
	}
	if !p.take(charge) {
		p.empty()
		if !p.take(charge) {
			p.short = charge
			return nil
		}
	}
	return &buffer{data: make([]byte, n, capacity), charge: charge}
}

// empty drops the buffers that were kept.
func (p *pool) empty() {
	for class := range p.free {
		for _, b := range p.free[class] {
			p.drop(b.charge)
		}
		p.free[class] = nil
	}
	p.size = 0
}

// release gives a buffer back.
func (p *pool) release(b *buffer) {
	if b.users.Load() > 0 {
		if b.users.Add(-1) == 0 {
			p.budget.back(int64(b.charge), int64(b.charge))
		}
		return
	}
	_, class := sizeClass(cap(b.data))
	if class < 0 || p.size+cap(b.data) > p.limit {
		p.drop(b.charge)
		return
	}
	if p.uncounted {
		p.drop(b.charge)
		b.charge = 0
	}
	p.free[class] = append(p.free[class], b)
	p.size += cap(b.data)
}

// share lets one worker more build on b.
func (p *pool) share(b *buffer) {
	if b.users.Load() == 0 {
		p.hand(b.charge)
		b.users.Store(1)
	}
	b.users.Add(1)
}

// A pack may unpack to unpackedRatio times its size and unpackedBase bytes
// more; beyond, it is made to exhaust a reader. The packs of git/git, rails/rails and
// stripe/stripe-go unpack to 26, 16 and 54 times their size.
const (
	unpackedRatio = 4000
	unpackedBase  = 1 << 30
)

// allowance is how many bytes a pack may still unpack to.
type allowance struct{ left atomic.Int64 }

func (a *allowance) start(packSize int64) { a.left.Store(unpackedBase + unpackedRatio*packSize) }

// spend takes n bytes; a nil allowance has them. Its error wraps errSpent.
func (a *allowance) spend(n uint64) error {
	if a != nil && a.left.Add(-int64(n)) < 0 {
		return errSpent
	}
	return nil
}

var errSpent = fmt.Errorf("%w: the pack unpacks to more than %d times its size", ErrTooLarge, unpackedRatio)

// errNoRoom says that the budget has no room for an object now.
var errNoRoom = errors.New("no room for an object")

// builder inflates entries and builds versions. It is the scratch of one
// goroutine.
type builder struct {
	pool
	decoder   inflate.Decoder
	maxObject uint64
	delta     []byte
	ops       []op  // what the delta of the last version did
	built     int64 // bytes, for tests
}

// start makes a builder ready. workers is how many share the budget.
func (b *builder) start(budget *Budget, maxObject uint64, workers int) {
	b.budget = budget
	b.limit = int(min(pooledLimit, budget.limit/int64(16*workers)))
	b.maxObject = cmp.Or(maxObject, DefaultMaxObject)
	// The trailer of a pack says nothing of what its writer stored.
	b.decoder.Checksum = true
}

// checkObject refuses objects over the limit. That of a tree is two thirds of it,
// since the places of its entries come on top.
func (b *builder) checkObject(size uint64, typ oid.Type) error {
	limit := b.maxObject
	if typ == oid.Tree {
		limit = limit / 3 * 2
	}
	if size > limit {
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, size)
	}
	return nil
}

// checkStored refuses a size in an entry header that the stored bytes cannot yield,
// before memory is set aside, and takes it from left.
func checkStored(h header, stored uint64, left *allowance) error {
	if h.size > stored*inflate.MaxRatio {
		return fmt.Errorf("%w: %d stored bytes cannot yield %d", ErrCorrupt, stored, h.size)
	}
	return left.spend(h.size)
}

// inflateRoot inflates an object that is not a delta from the start of src; stored
// of its bytes may be the stream's. n is how many are.
func (b *builder) inflateRoot(h header, src []byte, stored uint64, left *allowance) (_ *buffer, n int, err error) {
	typ := oid.Type(h.typ)
	if err := b.checkObject(h.size, typ); err != nil {
		return nil, 0, err
	}
	if err := checkStored(h, stored, left); err != nil {
		return nil, 0, err
	}
	buf := b.get(int(h.size), typ)
	if buf == nil {
		return nil, 0, errNoRoom
	}
	b.built += int64(h.size)
	if n, err = b.decoder.Inflate(buf.data, src); err != nil {
		b.release(buf)
		return nil, 0, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return buf, n, nil
}

// deltaPiece is how long a delta may be that is inflated whole, in bytes. A longer
// one is applied in pieces of this length.
const deltaPiece = 256 << 10

// inflateDelta inflates a delta of up to deltaPiece bytes. It is valid until the
// next call.
func (b *builder) inflateDelta(h header, src []byte) (delta []byte, n int, err error) {
	b.scratch(int(h.size))
	delta = b.delta[:h.size]
	if n, err = b.decoder.Inflate(delta, src); err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return delta, n, nil
}

// scratch makes delta n bytes long, or longer.
func (b *builder) scratch(n int) {
	if cap(b.delta) < n {
		b.delta = make([]byte, min(max(2*n, 16<<10), deltaPiece))
	}
}

// apply builds the version, an object of type typ, that the delta at the start of
// src makes of base. n is how many bytes of src the delta takes, if that is known:
// also if an error is about what the delta says.
func (b *builder) apply(h header, src []byte, stored uint64, base *buffer, typ oid.Type, left *allowance) (_ *buffer, n int, err error) {
	if h.size > b.maxObject+64 { // no longer than what it may yield, but for instructions
		return nil, 0, fmt.Errorf("%w: a delta of %d bytes", ErrTooLarge, h.size)
	}
	if err := checkStored(h, stored, left); err != nil {
		return nil, 0, err
	}
	if h.size > deltaPiece {
		return b.applyPieces(h, src, base, typ, left)
	}
	delta, n, err := b.inflateDelta(h, src)
	if err != nil {
		return nil, 0, err
	}
	buf, instructions, err := b.begin(delta, base, typ, left)
	if err != nil {
		return nil, n, err
	}
	if b.ops, err = apply(buf.data, base.data, instructions, b.ops[:0]); err != nil {
		b.release(buf)
		return nil, n, err
	}
	return buf, n, nil
}

// begin makes the buffer for the result of a delta, and returns the instructions.
func (b *builder) begin(delta []byte, base *buffer, typ oid.Type, left *allowance) (*buffer, []byte, error) {
	from, to, instructions, err := deltaSizes(delta)
	switch {
	case err != nil:
		return nil, nil, err
	case from != uint64(len(base.data)):
		return nil, nil, fmt.Errorf("%w: delta is for a base of %d bytes, base has %d", ErrCorrupt, from, len(base.data))
	}
	if err := b.checkObject(to, typ); err != nil {
		return nil, nil, err
	}
	if err := left.spend(to); err != nil {
		return nil, nil, err
	}
	buf := b.get(int(to), typ)
	if buf == nil {
		return nil, nil, errNoRoom
	}
	b.built += int64(to)
	return buf, instructions, nil
}

// applyPieces is apply for a long delta, of which it holds one piece at a time.
func (b *builder) applyPieces(h header, src []byte, base *buffer, typ oid.Type, left *allowance) (buf *buffer, n int, err error) {
	r := inflate.NewReader(src, h.size)
	buf, err = b.applyStream(r, base, typ, left)
	if errors.Is(err, errNoRoom) {
		return nil, 0, err
	}
	n, damage := r.Finish()
	if damage != nil {
		err = fmt.Errorf("%w: %w", ErrCorrupt, damage)
	}
	if err != nil && buf != nil {
		b.release(buf)
		buf = nil
	}
	return buf, n, err
}

// applyStream builds what the delta that r yields makes of base. With an error it
// may return a buffer too.
func (b *builder) applyStream(r io.Reader, base *buffer, typ oid.Type, left *allowance) (buf *buffer, err error) {
	b.scratch(deltaPiece)
	piece := b.delta[:deltaPiece]
	held, done := 0, 0 // bytes in piece, and of the result
	b.ops = b.ops[:0]
	for {
		n, end := io.ReadFull(r, piece[held:])
		held += n
		d := piece[:held]
		if buf == nil {
			if buf, d, err = b.begin(d, base, typ, left); err != nil {
				return nil, err
			}
		}
		rest := d[len(d):]
		if end == nil {
			whole := wholeInstructions(d)
			d, rest = d[:whole], d[whole:]
		}
		if done, b.ops, err = applyFrom(buf.data, done, base.data, d, b.ops); err != nil {
			return buf, err
		}
		if end != nil {
			return buf, checkDone(done, buf.data)
		}
		held = copy(piece, rest)
	}
}
