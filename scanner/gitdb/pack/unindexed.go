package pack

import (
	"context"
	"fmt"
	"io"

	"keysweep/scanner/gitdb/inflate"
	"keysweep/scanner/gitdb/oid"
)

// readWithoutIndex numbers and names the entries from end to end, as
// git-index-pack(1) does: each entry starts where the stream before it ends,
// and a name is the hash of what the entry unpacks to.
func (p *Pack) readWithoutIndex(ctx context.Context) error {
	declared := p.declared()
	located, stop, err := p.findEntries(ctx, declared)
	if ctx.Err() != nil {
		return err
	}
	if err != nil {
		p.CutErr, p.CutCount, p.stop = err, int64(declared)-int64(len(located)), stop
	}
	p.entries = make([]entry, len(located))
	p.sortByOffset(located)
	for i, at := range located {
		p.entries[i] = entry{offset: at.offset}
	}
	waiting := make(map[oid.ID][]int32) // deltas by the id of a base not yet named
	err = p.link(ctx, func(entry int, base oid.ID) int {
		waiting[base] = append(waiting[base], int32(entry))
		return noBase
	})
	if err != nil {
		return err
	}
	n := &namer{pack: p, hasher: oid.NewHasher(p.format), ids: make([]oid.ID, len(p.entries)), waiting: waiting}
	// One walk names all but what is built on an object that was streamed
	// before it was known to be a base.
	for named := -1; named != n.named; {
		named = n.named
		if err := p.Walk(ctx, WalkOptions{Workers: 1, NewVisitor: func() Visitor { return n }}); err != nil {
			return err
		}
		p.family()
		if len(waiting) == 0 && n.named == len(p.entries) {
			break
		}
	}
	var order []uint32
	p.names, order = buildNames(n.ids, p.format.Size())
	p.entryAt = order
	p.pos = make([]uint32, len(order))
	for pos, e := range order {
		p.pos[e] = uint32(pos)
	}
	return nil
}

// findEntries returns where each entry starts, up to the first that cannot be
// inflated, and where that one or the trailer starts.
func (p *Pack) findEntries(ctx context.Context, count uint32) ([]indexed, uint64, error) {
	var located []indexed
	d := inflate.Decoder{Checksum: true}
	var scratch []byte
	at := uint64(packHeader)
	for i := range count {
		if i%1024 == 0 && ctx.Err() != nil {
			return nil, at, context.Cause(ctx)
		}
		h, err := parseHeader(p.data[min(at, p.end()):p.end()], p.format.Size())
		if err != nil {
			return located, at, fmt.Errorf("entry at %d: %w", at, err)
		}
		src := p.data[at+uint64(h.stream) : p.end()]
		var n int
		if h.size > deltaPiece {
			n, err = streamLength(ctx, src, h.size)
		} else {
			if uint64(len(scratch)) < h.size {
				scratch = make([]byte, max(h.size, 64<<10))
			}
			n, err = d.Inflate(scratch[:h.size], src)
		}
		if err != nil {
			return located, at, fmt.Errorf("%w: entry at %d: %w", ErrCorrupt, at, err)
		}
		located = append(located, indexed{offset: at, pos: i})
		at += uint64(h.stream) + uint64(n)
	}
	if at != p.end() {
		return located, at, fmt.Errorf("%w: %d bytes after the last entry", ErrCorrupt, p.end()-at)
	}
	return located, at, nil
}

// streamLength returns how long the zlib stream at the start of src is; it
// must yield size bytes.
func streamLength(ctx context.Context, src []byte, size uint64) (int, error) {
	r := inflate.NewReader(src, size)
	for ctx.Err() == nil {
		if _, err := io.CopyN(io.Discard, r, 1<<20); err != nil {
			return r.Finish()
		}
	}
	return 0, context.Cause(ctx)
}

// namer hashes each object and joins the deltas that wait for its name.
type namer struct {
	pack    *Pack
	hasher  *oid.Hasher
	ids     []oid.ID // by entry
	named   int
	waiting map[oid.ID][]int32
}

func (n *namer) Visit(o *Object) (bool, error) {
	if !n.ids[o.Entry].IsZero() {
		return false, nil
	}
	n.hasher.Begin(o.Type, int64(o.Size))
	if o.Stream != nil {
		if _, err := io.Copy(n.hasher, o.Stream); err != nil {
			return false, nil //nolint:nilerr // the walk reports it as a failure
		}
	} else {
		_, _ = n.hasher.Write(o.Data)
	}
	id := n.hasher.ID()
	n.ids[o.Entry] = id
	n.named++
	// The walk looks for children after this visit, so it finds these.
	entries := n.pack.entries
	for _, c := range n.waiting[id] {
		entries[c].base = int32(o.Entry)
		entries[c].sibling, entries[o.Entry].child = entries[o.Entry].child, c
	}
	delete(n.waiting, id)
	return false, nil
}

// Fail does nothing: the walk that scans fails again, and reports it.
func (n *namer) Fail(int, int, error) {}
