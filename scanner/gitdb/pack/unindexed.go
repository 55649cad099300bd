package pack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"

	"keysweep/scanner/gitdb/inflate"
	"keysweep/scanner/gitdb/oid"
)

// A pack without an index is read from end to end, as git-index-pack(1) does: each
// entry starts where the stream before it ends, and a name is the hash of what the
// entry unpacks to. Three things are done for it:
//
//   - Entries are found, and what is no delta is named: by several workers, or while
//     the pack arrives.
//   - Deltas are joined to their bases.
//   - Deltas are named when they are built. Where bases are named by their offsets,
//     the walk that scans does it.

// found is an entry that was found, and its name if it is no delta.
type found struct {
	offset uint64
	id     oid.ID
}

// finder finds one entry after the other.
type finder struct {
	format  oid.Format
	decoder inflate.Decoder
	hasher  *oid.Hasher
	scratch []byte
	left    uint64 // bytes that entries may still inflate to
}

func newFinder(format oid.Format) *finder {
	return &finder{format: format, decoder: inflate.Decoder{Checksum: true}, hasher: oid.NewHasher(format), left: math.MaxUint64}
}

// wholeUpTo is the size up to which an entry is inflated at once. Larger ones are
// read in windows.
const wholeUpTo = deltaPiece

// next returns how long the entry at the start of src is, and its name if it is no
// delta. Errors wrap ErrCorrupt, but for ctx's.
func (f *finder) next(ctx context.Context, src []byte) (length int, id oid.ID, err error) {
	h, err := parseHeader(src, f.format.Size())
	if err != nil {
		return 0, id, err
	}
	if h.size > f.left {
		return 0, id, fmt.Errorf("%w: the entries of the pack", ErrTooLarge)
	}
	stream := src[h.stream:]
	isRoot := h.typ != ofsDelta && h.typ != refDelta
	var n int
	switch {
	case h.size > wholeUpTo:
		w := io.Discard
		if isRoot {
			f.hasher.Begin(oid.Type(h.typ), int64(h.size))
			w = f.hasher
		}
		if n, err = copyStream(ctx, w, stream, h.size); err == nil && isRoot {
			id = f.hasher.ID()
		}
	default:
		if uint64(len(f.scratch)) < h.size {
			f.scratch = make([]byte, max(h.size, 64<<10))
		}
		if n, err = f.decoder.Inflate(f.scratch[:h.size], stream); err == nil && isRoot {
			id = f.hasher.Sum(oid.Type(h.typ), f.scratch[:h.size])
		}
	}
	if err == nil { // else the size is only a claim
		f.left -= h.size
	}
	return h.stream + n, id, err
}

// copyStream copies what the zlib stream at the start of src yields to w, which must
// be size bytes, and returns how long the stream is.
func copyStream(ctx context.Context, w io.Writer, src []byte, size uint64) (int, error) {
	r := inflate.NewReader(src, size)
	for ctx.Err() == nil {
		if _, err := io.CopyN(w, r, 1<<20); err != nil {
			return r.Finish()
		}
	}
	return 0, context.Cause(ctx)
}

// chain is entries one behind the other.
type chain struct {
	list []found
	end  uint64 // where the last one ends
	err  error  // why there is no next, nil at a limit
}

// follow adds to c the entries from its end on until one starts at or behind limit,
// or at a place for which stop, if not nil, returns true, or there are count.
func (c *chain) follow(ctx context.Context, f *finder, data []byte, limit uint64, count int, stop func(uint64) bool) {
	for i := 0; c.end < limit && len(c.list) < count && (stop == nil || !stop(c.end)); i++ {
		if i%1024 == 0 && ctx.Err() != nil {
			c.err = context.Cause(ctx)
			return
		}
		n, id, err := f.next(ctx, data[c.end:])
		if err != nil {
			c.err = err
			return
		}
		c.list = append(c.list, found{c.end, id})
		c.end += uint64(n)
	}
}

// findEntries returns where each entry starts, up to the first that cannot be
// inflated, and where that one or the trailer starts. c is what is known already.
//
// Workers begin at several places of the pack with what looks like an entry, and
// follow the chain from there. What one of them found counts if the chain from the
// start of the pack comes to a place in it: from there on the two are the same.
func (p *Pack) findEntries(ctx context.Context, c chain, count, workers int) (_ []found, stop uint64, err error) {
	data, end := p.data[:p.end()], p.end()
	for n := len(c.list); n > 0 && (n > count || c.end > end); n = len(c.list) { // a trailer that looks like entries
		c.end, c.list = c.list[n-1].offset, c.list[:n-1]
	}
	workers = min(max(workers, 1), MaxWorkers, int((end-c.end)/minPart)+1)
	bounds := make([]uint64, workers+1)
	for i := range bounds {
		bounds[i] = c.end + (end-c.end)/uint64(workers)*uint64(i)
	}
	bounds[workers] = end
	chains := make([]chain, workers)
	var done sync.WaitGroup
	failed := make([]error, workers)
	for i := range workers {
		done.Go(func() {
			f := newFinder(p.format)
			if i == 0 {
				if p.limit > 0 {
					f.left = p.limit
				}
				failed[i] = Guard(func() error { c.follow(ctx, f, data, bounds[1], count, nil); return nil })
				p.inflated = p.limit - min(f.left, p.limit)
				return
			}
			failed[i] = Guard(func() error { chains[i] = f.guess(ctx, data, bounds[i], bounds[i+1]); return nil })
		})
	}
	done.Wait()
	if err := errors.Join(failed...); err != nil {
		return c.list, c.end, err
	}
	f := newFinder(p.format)
	if p.limit > 0 {
		f.left = p.limit - min(p.limit, p.inflated)
		defer func() { p.inflated = p.limit - f.left }()
	}
	for _, g := range chains[1:] {
		if c.err != nil || len(g.list) == 0 {
			continue
		}
		at := 0
		c.follow(ctx, f, data, g.end, count, func(offset uint64) bool {
			i, ok := slices.BinarySearchFunc(g.list, offset, func(e found, o uint64) int { return int(int64(e.offset - o)) })
			at = i
			return ok
		})
		if c.err == nil && c.end < g.end && len(c.list) < count {
			c.list = append(c.list, g.list[at:]...)
			c.end = g.end
		}
	}
	if len(c.list) > count { // the chains do not know how many there are
		c.end, c.list = c.list[count].offset, c.list[:count]
	}
	if c.err == nil {
		c.follow(ctx, f, data, end, count, nil)
	}
	switch {
	case ctx.Err() != nil:
		return nil, c.end, context.Cause(ctx)
	case c.err != nil:
		return c.list, c.end, fmt.Errorf("%w: entry at %d: %w", ErrCorrupt, c.end, c.err)
	case len(c.list) < count:
		return c.list, c.end, fmt.Errorf("%w: entry at %d: entry header is truncated", ErrCorrupt, c.end)
	case c.end != end:
		return c.list, c.end, fmt.Errorf("%w: %d bytes after the last entry", ErrCorrupt, end-c.end)
	}
	return c.list, c.end, nil
}

const (
	// minPart is the least that a worker gets to find entries in, in bytes.
	minPart = 4 << 20
	// guessTries is how often a worker tries to find a first entry, of up to guessSize
	// bytes: one place in some five thousand of compressed data looks like one.
	guessTries, guessSize = 1 << 14, 64 << 10
)

// guess returns a chain of entries that begins between from and limit, which may be
// none of the pack: only bytes that look like one.
func (f *finder) guess(ctx context.Context, data []byte, from, limit uint64) (c chain) {
	tries := 0
	for at := from; at < limit && tries < guessTries; at++ {
		h, err := parseHeader(data[at:min(at+64, uint64(len(data)))], f.format.Size())
		if err != nil || h.size > guessSize || h.size < 16 {
			continue
		}
		s := at + uint64(h.stream)
		if s+2 > uint64(len(data)) || data[s]&0x8f != 8 || (uint(data[s])<<8|uint(data[s+1]))%31 != 0 || data[s+1]&0x20 != 0 {
			continue // no zlib stream (RFC 1950)
		}
		tries++
		c = chain{end: at}
		c.follow(ctx, f, data, limit, int(^uint(0)>>1), nil)
		if len(c.list) >= 8 || c.end >= limit || ctx.Err() != nil {
			c.err = nil
			return c
		}
	}
	return chain{}
}

// readWithoutIndex finds and links the entries; c has the ones that are known. Names are
// missing then until nameDeltas, or a walk with WalkOptions.Name and endNames.
func (p *Pack) readWithoutIndex(ctx context.Context, c chain, workers int) error {
	declared := p.declared()
	list, stop, err := p.findEntries(ctx, c, int(declared), workers)
	if ctx.Err() != nil {
		return err
	}
	if err != nil {
		p.CutErr, p.CutCount, p.stop = err, int64(declared)-int64(len(list)), stop
	}
	p.entries = make([]entry, len(list))
	p.ids = make([]oid.ID, len(list))
	located := make([]indexed, len(list))
	for i, at := range list {
		p.entries[i] = entry{offset: at.offset}
		p.ids[i] = at.id
		located[i] = indexed{offset: at.offset, pos: uint32(i)}
	}
	p.sortByOffset(located)
	p.waiting = make(map[oid.ID][]int32)
	return p.link(ctx, func(entry int, base oid.ID) int {
		p.waiting[base] = append(p.waiting[base], int32(entry))
		return noBase
	})
}

// IsNamed reports whether the names of all entries are known. Else they are after
// NameEntries, or after a walk with WalkOptions.Name and EndNames.
func (p *Pack) IsNamed() bool { return p.ids == nil }

// NamesBases reports whether the base of each delta is known before all is named: none
// is named by its id.
func (p *Pack) NamesBases() bool { return len(p.waiting) == 0 }

// NameEntries names what is not named yet.
func (p *Pack) NameEntries(ctx context.Context, workers int) error {
	if p.IsNamed() {
		return nil
	}
	if err := p.joinNamed(ctx); err != nil {
		return err
	}
	err := p.Walk(ctx, WalkOptions{Workers: workers, Name: true, NewVisitor: func() Visitor { return ignorer{} }})
	p.EndNames()
	return err
}

// joinNamed joins the deltas that name their base by its id, walk by walk: a base may
// be such a delta itself.
func (p *Pack) joinNamed(ctx context.Context) error {
	for named := -1; len(p.waiting) > 0; {
		before := named
		if named = p.join(); named == before {
			return nil // their bases are not here
		}
		if len(p.waiting) == 0 {
			return nil
		}
		if err := p.Walk(ctx, WalkOptions{Workers: 1, Name: true, NewVisitor: func() Visitor { return ignorer{} }}); err != nil {
			return err
		}
	}
	return nil
}

// join joins the deltas that name a base that has its name, and returns how many
// entries have one.
func (p *Pack) join() (named int) {
	for entry := range p.ids {
		id := p.ids[entry]
		if id.IsZero() {
			continue
		}
		named++
		for _, c := range p.waiting[id] {
			if int(c) != entry {
				p.entries[c].base = int32(entry)
			}
		}
		delete(p.waiting, id)
	}
	p.family()
	return named
}

// Join joins the deltas that name a base which a walk with WalkOptions.Name has named, and
// reports whether there were any.
func (p *Pack) Join() bool {
	before := len(p.waiting)
	if before > 0 {
		p.join()
	}
	return len(p.waiting) < before
}

// EndNames makes the list of names, of what was built by a walk with WalkOptions.Name.
func (p *Pack) EndNames() {
	if p.IsNamed() {
		return
	}
	names, order := buildNames(p.ids, p.format.Size())
	p.names, p.entryAt = names, order
	p.pos = make([]uint32, len(order))
	for pos, e := range order {
		p.pos[e] = uint32(pos)
	}
	p.ids, p.waiting = nil, nil
}

// ignorer is a visitor that does nothing: the walk that scans fails again, and reports
// it.
type ignorer struct{}

func (ignorer) Visit(*Object) (bool, error) { return false, nil }
func (ignorer) Fail(int, int, error)        {}
