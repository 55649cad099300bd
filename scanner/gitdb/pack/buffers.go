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
// the stored bytes cannot yield, before memory is set aside. over is how many
// bytes more than an object the entry may have.
func (b *builder) checkSize(h header, over uint64, stored uint64) error {
	if h.size > b.maxObject+over {
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, h.size)
	}
	if h.size > stored*inflate.MaxRatio {
		return fmt.Errorf("%w: %d stored bytes cannot yield %d", ErrCorrupt, stored, h.size)
	}
	return nil
}

// deltaOver is what checkSize grants to a delta: it is no longer than what it
// may yield, but for instructions.
const deltaOver = 64

// room returns n bytes for a delta, valid until the next call.
func (b *builder) room(n uint64) []byte {
	if uint64(cap(b.delta)) < n || cap(b.delta) > max(1<<20, int(n)) {
		b.delta = make([]byte, max(n, 64<<10))
	}
	return b.delta[:n]
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
