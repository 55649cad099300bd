package pack

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"keysweep/scanner/gitdb/oid"
)

// none means "no entry" where an entry number is expected.
const none = -1

// noBase marks a delta whose base is not in the pack.
const noBase = -2

// entry is what the walk needs to know of an entry; the rest is decoded again
// from the pack when its turn comes. Ten million of them are an ordinary large
// repository.
type entry struct {
	offset  uint64
	base    int32 // entry number, none for an object that is not a delta, or noBase
	child   int32 // first child in the delta family, or none
	sibling int32 // next child of the same base, or none
	weight  int32 // entries in the subtree below and with this one
	typ     uint8 // as in the entry's header
}

// Pack is an open pack. Entries are numbered from 0 by offset. It is safe for
// concurrent use once it is open.
type Pack struct {
	*file
	// IndexErr says why the index could not serve, and the pack was read
	// from end to end instead; nil if it served.
	IndexErr error
	// CutErr says why reading from end to end stopped early, before CutCount
	// declared entries; nil if it did not.
	CutErr   error
	CutCount int64
	limit    uint64    // of bytes that entries may inflate to; zero: none
	inflated uint64    // by which they did, if there is a limit
	stop     uint64    // where reading stopped early; zero: it did not
	incoming *Incoming // nil: it was here

	entries []entry
	names   *names
	ids     []oid.ID           // by entry, until names is made; nil: it is
	waiting map[oid.ID][]int32 // deltas by the id of a base that has no name yet
	pos     []uint32           // entry number to position in names
	entryAt []uint32           // position in names to entry number
	roots   []int32            // entries that are not deltas, ascending
	lost    []int32            // deltas whose base is not in the pack, or that form a cycle

	bucketShift uint
	buckets     []uint32 // first entry at or after bucket<<bucketShift
}

// Open maps the pack at path and numbers its entries by the index beside it.
// Without an index that can serve, several workers read the pack from end to end; it
// is not named then (see IsNamed).
// The error is fs-related, or wraps ErrCorrupt where nothing can be read.
func Open(ctx context.Context, path string, format oid.Format, workers int) (*Pack, error) {
	return open(ctx, path, format, true, workers)
}

// OpenWithoutIndex is Open for a pack whose index turned out to contradict it.
func OpenWithoutIndex(ctx context.Context, path string, format oid.Format, workers int) (*Pack, error) {
	p, err := open(ctx, path, format, false, workers)
	if err != nil {
		return nil, err
	}
	if err := p.NameEntries(ctx, workers); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// OpenContent opens a pack that is content, such as a file in an archive, without an
// index. Of its entries, no more are read than inflate to limit bytes in all: CutErr then
// wraps ErrTooLarge. An entry has its name when it is visited, in a walk with
// WalkOptions.Name. Deltas that name another delta as their base are lost until Join.
func OpenContent(ctx context.Context, path string, format oid.Format, limit uint64) (*Pack, error) {
	f, err := openFile(path, format)
	if err != nil {
		return nil, err
	}
	p := &Pack{file: f, limit: limit}
	err = Guard(func() error {
		if err := p.readWithoutIndex(ctx, chain{end: packHeader}, 1); err != nil {
			return err
		}
		p.join()
		return nil
	})
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Inflated returns how many bytes the entries of a pack that OpenContent opened
// inflated to.
func (p *Pack) Inflated() uint64 { return p.inflated }

func open(ctx context.Context, path string, format oid.Format, useIndex bool, workers int) (*Pack, error) {
	f, err := openFile(path, format)
	if err != nil {
		return nil, err
	}
	p := &Pack{file: f}
	err = Guard(func() error {
		if useIndex {
			if p.IndexErr = p.useIndex(ctx); p.IndexErr == nil || ctx.Err() != nil {
				return context.Cause(ctx)
			}
		} else {
			p.IndexErr = fmt.Errorf("%w: it contradicts the pack", ErrUnusable)
		}
		return p.readWithoutIndex(ctx, chain{end: packHeader}, workers)
	})
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Count returns the number of entries.
func (p *Pack) Count() int { return len(p.entries) }

// Find returns the number of the entry that the index names id.
func (p *Pack) Find(id oid.ID) (entry int, ok bool) {
	pos, ok := p.names.find(id[:p.format.Size()])
	if !ok {
		return 0, false
	}
	return int(p.entryAt[pos]), true
}

// ID returns the name that the index gives to an entry, zero if it is not named yet.
func (p *Pack) ID(entry int) oid.ID {
	if p.ids != nil {
		return p.ids[entry]
	}
	return oid.FromBytes(p.names.bytes(int(p.pos[entry])))
}

// IDs calls f with each id, ascending, and the number of its entry.
func (p *Pack) IDs(f func(id oid.ID, entry int)) {
	for pos := range p.names.count() {
		f(oid.FromBytes(p.names.bytes(pos)), int(p.entryAt[pos]))
	}
}

// Stop returns where the entry starts that could not be read, with CutErr; zero: there is
// none.
func (p *Pack) Stop() uint64 { return p.stop }

// Offset returns where in the pack an entry starts.
func (p *Pack) Offset(entry int) uint64 { return p.entries[entry].offset }

// next returns where the entry after entry starts.
func (p *Pack) next(entry int) uint64 {
	if entry+1 < len(p.entries) {
		return p.entries[entry+1].offset
	}
	if p.stop > 0 {
		return p.stop
	}
	return p.end()
}

// VerifyTrailer hashes the pack and compares with its trailer.
func (p *Pack) VerifyTrailer(ctx context.Context) error {
	if p.incoming != nil && p.incoming.cut != nil {
		return nil // there is none
	}
	return Guard(func() error {
		h := p.format.New()
		for b := p.data[:p.end()]; len(b) > 0; {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			n := min(len(b), 4<<20)
			h.Write(b[:n])
			b = b[n:]
		}
		if !bytes.Equal(h.Sum(nil), p.trailer()) {
			return fmt.Errorf("%w: its checksum does not match", ErrCorrupt)
		}
		return nil
	})
}

// useIndex numbers the entries by the index beside the pack.
func (p *Pack) useIndex(ctx context.Context) error {
	x, err := p.openIndex()
	if err != nil {
		return err
	}
	if err := x.verify(p.format); err != nil {
		return err
	}
	located := make([]indexed, x.count())
	for i := range located {
		offset, ok := x.offset(i)
		if !ok {
			return fmt.Errorf("%w: a long offset is missing", ErrUnusable)
		}
		located[i] = indexed{offset: offset, pos: uint32(i)}
	}
	p.names = &x.names
	p.sortByOffset(located)
	p.entries = make([]entry, len(located))
	p.pos = make([]uint32, len(located))
	p.entryAt = make([]uint32, len(located))
	want := uint64(packHeader)
	for i, at := range located {
		// Entries cover the pack without a gap: that each ends where the
		// next starts is checked when it is inflated.
		if i == 0 && at.offset != want || i > 0 && at.offset <= want || at.offset >= p.end() {
			return fmt.Errorf("%w: it has an entry at %d", ErrUnusable, at.offset)
		}
		want = at.offset
		p.entries[i] = entry{offset: at.offset}
		p.pos[i] = at.pos
		p.entryAt[at.pos] = uint32(i)
	}
	if len(located) == 0 && p.end() != packHeader {
		return fmt.Errorf("%w: bytes after the last entry", ErrUnusable)
	}
	return p.link(ctx, func(_ int, id oid.ID) int {
		if e, ok := p.Find(id); ok {
			return e
		}
		return noBase
	})
}

// sortByOffset sorts by offset. Offsets of a real pack spread evenly, so one
// pass of counting leaves next to nothing to sort, and the counts serve to
// find an entry by its offset.
func (p *Pack) sortByOffset(located []indexed) {
	p.bucketShift = 0
	for p.end()>>p.bucketShift > uint64(max(len(located), 1)) {
		p.bucketShift++
	}
	p.buckets = make([]uint32, p.end()>>p.bucketShift+2)
	last := uint64(len(p.buckets) - 2)
	bucket := func(offset uint64) uint64 { return min(offset>>p.bucketShift, last) }
	for _, at := range located {
		p.buckets[bucket(at.offset)+1]++
	}
	for i := 1; i < len(p.buckets); i++ {
		p.buckets[i] += p.buckets[i-1]
	}
	sorted := make([]indexed, len(located))
	fill := slices.Clone(p.buckets)
	for _, at := range located {
		b := bucket(at.offset)
		sorted[fill[b]] = at
		fill[b]++
	}
	copy(located, sorted)
	for b := range p.buckets[:len(p.buckets)-1] {
		if lo, hi := p.buckets[b], p.buckets[b+1]; hi-lo > 1 {
			slices.SortFunc(located[lo:hi], func(a, b indexed) int { return cmp.Compare(a.offset, b.offset) })
		}
	}
}

// at returns the number of the entry that starts at offset, or noBase.
func (p *Pack) at(offset uint64) int {
	b := offset >> p.bucketShift
	if b+1 >= uint64(len(p.buckets)) {
		return noBase
	}
	lo, hi := int(p.buckets[b]), int(p.buckets[b+1])
	i, ok := slices.BinarySearchFunc(p.entries[lo:hi], offset, func(e entry, o uint64) int { return cmp.Compare(e.offset, o) })
	if !ok {
		return noBase
	}
	return lo + i
}

// link decodes the header of each entry and joins deltas to their bases.
// find returns the entry that bears the id in the header of a delta, or noBase.
func (p *Pack) link(ctx context.Context, find func(delta int, base oid.ID) int) error {
	for i := range p.entries {
		if i%(1<<14) == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		e := &p.entries[i]
		h, err := parseHeader(p.data[e.offset:p.next(i)], p.format.Size())
		if err != nil {
			return fmt.Errorf("%w: entry at %d: %w", ErrUnusable, e.offset, err)
		}
		e.typ = h.typ
		e.base = none
		switch h.typ {
		case ofsDelta:
			e.base = noBase
			if h.back <= e.offset {
				e.base = int32(p.at(e.offset - h.back))
			}
		case refDelta:
			e.base = int32(find(i, h.base))
		}
	}
	p.family()
	return nil
}

// family fills child, sibling and weight of each entry, roots and lost.
func (p *Pack) family() {
	p.roots, p.lost = p.roots[:0], p.lost[:0]
	for i := range p.entries {
		p.entries[i].child, p.entries[i].sibling = none, none
	}
	for i := len(p.entries) - 1; i >= 0; i-- {
		e := &p.entries[i]
		e.weight = 0
		switch e.base {
		case none:
			p.roots = append(p.roots, int32(i))
		case noBase:
			p.lost = append(p.lost, int32(i))
		default:
			b := &p.entries[e.base]
			e.sibling, b.child = b.child, int32(i)
		}
	}
	slices.Reverse(p.roots)
	// Preorder from the roots and the lost: what it does not meet is a cycle.
	order := make([]int32, 0, len(p.entries))
	for _, tops := range [][]int32{p.roots, p.lost} {
		for _, top := range tops {
			order = append(order, top)
			p.entries[top].weight = 1
			for at := len(order) - 1; at < len(order); at++ {
				for c := p.entries[order[at]].child; c != none; c = p.entries[c].sibling {
					p.entries[c].weight = 1
					order = append(order, c)
				}
			}
		}
	}
	if len(order) < len(p.entries) {
		for i := range p.entries {
			if p.entries[i].weight == 0 {
				p.entries[i].weight = 1
				p.lost = append(p.lost, int32(i))
			}
		}
	}
	for i := len(order) - 1; i >= 0; i-- {
		if e := &p.entries[order[i]]; e.base >= 0 {
			p.entries[e.base].weight += e.weight
		}
	}
	slices.Sort(p.lost)
}

// Bits is a set of entry numbers.
type Bits struct{ words []uint64 }

// NewBits returns an empty set for numbers below n.
func NewBits(n int) *Bits { return &Bits{words: make([]uint64, (n+63)/64)} }

// Has reports whether i is in the set.
func (b *Bits) Has(i int) bool { return b.words[i/64]&(1<<(i%64)) != 0 }

// Add puts i into the set and reports whether it was not there.
func (b *Bits) Add(i int) bool {
	fresh := !b.Has(i)
	b.words[i/64] |= 1 << (i % 64)
	return fresh
}

// AddWithBases puts entry and all that it is built on into b.
func (p *Pack) AddWithBases(b *Bits, entry int) {
	for e := int32(entry); e >= 0 && b.Add(int(e)); e = p.entries[e].base {
	}
}
