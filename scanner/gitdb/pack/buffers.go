package pack

import (
	"fmt"
	"math/bits"
	"sync/atomic"

	"keysweep/scanner/gitdb/inflate"
)

// buffer is the content of one version.
type buffer struct {
	data   []byte
	tree   treeStarts // of a tree that a walk builds
	parsed bool       // tree holds the entries of data
	shared bool       // others read it: it is not used again
}

// pooledLimit bounds how many bytes of buffers a worker keeps for later.
const pooledLimit = 16 << 20

// pool keeps buffers to be used again. It is the scratch of one goroutine.
type pool struct {
	free [bits.UintSize][]*buffer // by log2 of their size
	size int                      // bytes in free
}

// get returns a buffer of n bytes; they hold rubbish.
func (p *pool) get(n int) *buffer {
	class := bits.Len(uint(max(n, 64) - 1))
	if free := p.free[class]; len(free) > 0 {
		b := free[len(free)-1]
		p.free[class] = free[:len(free)-1]
		p.size -= cap(b.data)
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
func (p *pool) release(b *buffer) {
	c := cap(b.data)
	if b.shared || c&(c-1) != 0 || p.size+c > pooledLimit {
		return
	}
	class := bits.Len(uint(c - 1))
	p.free[class] = append(p.free[class], b)
	p.size += c
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

// spend takes n bytes. Its error wraps errSpent.
func (a *allowance) spend(n uint64) error {
	if a.left.Add(-int64(n)) < 0 {
		return errSpent
	}
	return nil
}

var errSpent = fmt.Errorf("%w: the pack unpacks to more than %d times its size", ErrTooLarge, unpackedRatio)

// builder inflates entries and builds versions. It is the scratch of one
// goroutine.
type builder struct {
	pool
	decoder   inflate.Decoder
	maxObject uint64
	delta     []byte
	ops       []op // what the delta of the last version did
}

// checkSize refuses sizes in an entry header that are over the limit, or that
// the stored bytes cannot yield, before memory is set aside, and takes them from
// left. over is how many bytes more than an object the entry may have.
func (b *builder) checkSize(h header, over, stored uint64, left *allowance) error {
	if h.size > b.maxObject+over {
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, h.size)
	}
	if h.size > stored*inflate.MaxRatio {
		return fmt.Errorf("%w: %d stored bytes cannot yield %d", ErrCorrupt, stored, h.size)
	}
	return left.spend(h.size)
}

// inflateRoot inflates an object that is not a delta from the start of src; stored
// of its bytes may be the stream's. n is how many are.
func (b *builder) inflateRoot(h header, src []byte, stored uint64, left *allowance) (_ *buffer, n int, err error) {
	if err := b.checkSize(h, 0, stored, left); err != nil {
		return nil, 0, err
	}
	buf := b.get(int(h.size))
	if n, err = b.decoder.Inflate(buf.data, src); err != nil {
		b.release(buf)
		return nil, 0, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return buf, n, nil
}

// inflateDelta does the same with a delta, which is valid until the next call.
func (b *builder) inflateDelta(h header, src []byte, stored uint64, left *allowance) (delta []byte, n int, err error) {
	// It is no longer than what it may yield, but for instructions.
	if err := b.checkSize(h, 64, stored, left); err != nil {
		return nil, 0, err
	}
	if uint64(cap(b.delta)) < h.size || cap(b.delta) > max(1<<20, int(h.size)) {
		b.delta = make([]byte, max(h.size, 64<<10))
	}
	delta = b.delta[:h.size]
	if n, err = b.decoder.Inflate(delta, src); err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return delta, n, nil
}

// apply builds the version that delta makes of base.
func (b *builder) apply(delta, base []byte, left *allowance) (*buffer, error) {
	from, to, instructions, err := deltaSizes(delta)
	switch {
	case err != nil:
		return nil, err
	case from != uint64(len(base)):
		return nil, fmt.Errorf("%w: delta is for a base of %d bytes, base has %d", ErrCorrupt, from, len(base))
	case to > b.maxObject:
		return nil, fmt.Errorf("%w: %d bytes", ErrTooLarge, to)
	}
	if err := left.spend(to); err != nil {
		return nil, err
	}
	buf := b.get(int(to))
	if b.ops, err = apply(buf.data, base, instructions, b.ops[:0]); err != nil {
		b.release(buf)
		return nil, err
	}
	return buf, nil
}
