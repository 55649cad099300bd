package pack

import (
	"container/list"
	"context"
	"errors"
	"fmt"

	"keysweep/scanner/gitdb/inflate"
	"keysweep/scanner/gitdb/oid"
)

// Lookup is a pack that is open to find and read single objects. Opening it
// takes the same time however many it holds: neither the pack nor its index is
// read or hashed as a whole. So the index is only believed: the content of each
// object that is read must be compared with the name that was looked up. It is
// safe for concurrent use.
type Lookup struct {
	*file
	names  *names
	offset func(pos int) (uint64, bool) // of the entry whose id is at pos of names
	left   allowance
}

// OpenLookup maps the pack at path and the index beside it. An error that wraps
// ErrUnusable is about the index: Open reads such a pack.
func OpenLookup(path string, format oid.Format) (*Lookup, error) {
	f, err := openFile(path, format)
	if err != nil {
		return nil, err
	}
	l := &Lookup{file: f}
	l.left.start(l.Size())
	err = Guard(func() error {
		x, err := l.openIndex()
		if err == nil {
			l.names, l.offset = &x.names, x.offset
		}
		return err
	})
	if err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// OpenLookupWithoutIndex is OpenLookup for a pack whose index cannot serve: the
// pack is read from end to end.
func OpenLookupWithoutIndex(ctx context.Context, path string, format oid.Format, workers int) (*Lookup, error) {
	p, err := OpenWithoutIndex(ctx, path, format, workers)
	if err != nil {
		return nil, err
	}
	return p.lookup(), nil
}

// lookup returns p, to read single objects; closing one closes both.
func (p *Pack) lookup() *Lookup {
	l := &Lookup{file: p.file, names: p.names, offset: func(pos int) (uint64, bool) { return p.Offset(int(p.entryAt[pos])), true }}
	l.left.start(l.Size())
	return l
}

// Find returns where in the pack the index has the entry of id.
func (l *Lookup) Find(id oid.ID) (offset uint64, ok bool) {
	err := Guard(func() error {
		offset, ok = l.find(id)
		return nil
	})
	return offset, ok && err == nil
}

func (l *Lookup) find(id oid.ID) (offset uint64, ok bool) {
	pos, ok := l.names.find(id[:l.format.Size()])
	if !ok {
		return 0, false
	}
	return l.offset(pos)
}

// IDs calls f with each id whose first byte is first, ascending.
func (l *Lookup) IDs(first byte, f func(id oid.ID)) {
	for pos := l.names.fanout[first]; pos < l.names.fanout[int(first)+1]; pos++ {
		f(oid.FromBytes(l.names.bytes(int(pos))))
	}
}

// header decodes the header of the entry at offset.
func (l *Lookup) header(offset uint64) (header, error) {
	if offset < packHeader || offset >= l.end() {
		return header{}, fmt.Errorf("%w: no entry at %d", ErrCorrupt, offset)
	}
	return parseHeader(l.data[offset:l.end()], l.format.Size())
}

// base returns where the base of the delta at offset is.
func (l *Lookup) base(offset uint64, h header) (uint64, error) {
	if h.typ == ofsDelta {
		if h.back > offset {
			return 0, fmt.Errorf("%w: delta base before the pack", ErrCorrupt)
		}
		return offset - h.back, nil
	}
	base, ok := l.find(h.base)
	if !ok {
		return 0, fmt.Errorf("%w: its delta base is not in the pack", ErrCorrupt)
	}
	return base, nil
}

// source returns the bytes from the stream of the entry at offset on.
func (l *Lookup) source(offset uint64, h header) []byte {
	return l.data[offset+uint64(h.stream) : l.end()]
}

// stream shows a large blob that is not a delta.
func (l *Lookup) stream(offset uint64, h header, use func(*Object) error) error {
	r := inflate.NewReader(l.source(offset, h), h.size)
	if err := use(&Object{Type: oid.Blob, Size: h.size, Stream: r}); err != nil {
		return err
	}
	if _, err := r.Finish(); err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return nil
}

// LookupReader reads objects of packs, and keeps what others may be built on.
// It is the scratch of one goroutine.
type LookupReader struct {
	// Keep is how many bytes of objects are kept, beside the budget. Zero: none.
	Keep int
	builder
	chain    []uint64                  // offsets, see findBase
	kept     map[keptKey]*list.Element // of *keptObject
	recent   list.List                 // the last used first
	keptSize int                       // bytes in kept
}

// NewLookupReader returns a reader of objects of up to maxObject bytes, for which
// budget was made.
func NewLookupReader(budget *Budget, maxObject uint64) *LookupReader {
	r := &LookupReader{}
	r.uncounted = true
	r.Share(budget, maxObject)
	return r
}

// Share makes r read objects of up to maxObject bytes, for which budget was made.
func (r *LookupReader) Share(budget *Budget, maxObject uint64) {
	r.start(budget, maxObject, MaxWorkers)
}

// Decoder returns what r inflates with, to read other streams between two
// objects: its tables are large.
func (r *LookupReader) Decoder() *inflate.Decoder { return &r.decoder }

type keptKey struct {
	lookup *Lookup
	offset uint64
}

// keptObject is the content of an entry, which is not written to.
type keptObject struct {
	key keptKey
	typ oid.Type
	buf *buffer
}

// maxChain is how many deltas one object may be built through: git itself
// writes at most 4095 (pack.depth).
const maxChain = 10_000

// Read builds the entry at offset and calls use with it: whole, or as a stream
// if it is a large blob: one that is not a delta, or over the limit. The object is valid until use returns;
// the Data of a tree is not used again, and may be kept, but not written to.
// Starts, FreshStarts and TreeErr are not filled. use must not read others that the
// budget is for: Read may wait until there is room.
func (r *LookupReader) Read(l *Lookup, offset uint64, use func(*Object) error) error {
	return Guard(func() error {
		defer r.settle()
		for left := &l.left; ; left = nil {
			base, err := r.build(l, offset, left)
			switch {
			case errors.Is(err, errNoRoom):
				r.wait(r.budget.alone, func() bool { return false })
				continue
			case errors.Is(err, ErrTooLarge) && !errors.Is(err, errSpent):
				return r.spliced(l, offset, left, err, use)
			case err != nil:
				return err
			case base == nil:
				return r.stream(l, offset, use)
			}
			defer r.keep(base)
			return use(&Object{Type: base.typ, Size: uint64(len(base.buf.data)), Data: base.buf.data})
		}
	})
}

// settle gives back what was used for one object.
func (r *LookupReader) settle() {
	r.used = 0
	r.close()
}

// build builds the entry at offset. It returns nil for a blob to be streamed.
func (r *LookupReader) build(l *Lookup, offset uint64, left *allowance) (*keptObject, error) {
	base, err := r.findBase(l, offset)
	if err != nil {
		return nil, err
	}
	if base == nil {
		root := r.chain[len(r.chain)-1]
		r.chain = r.chain[:len(r.chain)-1]
		h, err := l.header(root)
		if err != nil {
			return nil, err
		}
		if len(r.chain) == 0 && oid.Type(h.typ) == oid.Blob && h.size > streamOver {
			return nil, nil
		}
		src := l.source(root, h)
		buf, _, err := r.inflateRoot(h, src, uint64(len(src)), left)
		if err != nil {
			return nil, err
		}
		base = &keptObject{keptKey{l, root}, oid.Type(h.typ), buf}
	}
	for i := len(r.chain) - 1; i >= 0; i-- {
		h, err := l.header(r.chain[i])
		if err != nil {
			return nil, err
		}
		src := l.source(r.chain[i], h)
		buf, _, err := r.apply(h, src, uint64(len(src)), base.buf, base.typ, left)
		r.keep(base)
		if err != nil {
			return nil, err
		}
		base = &keptObject{keptKey{l, r.chain[i]}, base.typ, buf}
	}
	return base, nil
}

// stream shows the large blob at offset.
func (r *LookupReader) stream(l *Lookup, offset uint64, use func(*Object) error) error {
	if !r.take(StreamCharge) {
		r.wait(StreamCharge, func() bool { return false })
	}
	h, err := l.header(offset)
	if err != nil {
		return err
	}
	return l.stream(offset, h, use)
}

// findBase fills chain with the entries from which the one at offset is built,
// that one first: deltas, and at last a root. Where what a delta is built on was
// kept, chain ends with the delta, and findBase returns the object.
func (r *LookupReader) findBase(l *Lookup, offset uint64) (*keptObject, error) {
	r.chain = r.chain[:0]
	for {
		if e, ok := r.kept[keptKey{l, offset}]; ok {
			r.recent.MoveToFront(e)
			return e.Value.(*keptObject), nil
		}
		h, err := l.header(offset)
		if err != nil {
			return nil, err
		}
		if len(r.chain) == maxChain {
			return nil, fmt.Errorf("%w: it is built through more than %d deltas", ErrCorrupt, maxChain)
		}
		r.chain = append(r.chain, offset)
		if h.typ != ofsDelta && h.typ != refDelta {
			return nil, nil
		}
		if offset, err = l.base(offset, h); err != nil {
			return nil, err
		}
	}
}

// keep remembers o within the limit.
func (r *LookupReader) keep(o *keptObject) {
	if _, ok := r.kept[o.key]; ok {
		return
	}
	if len(o.buf.data) > r.Keep/4 {
		r.forget(o)
		return
	}
	if r.kept == nil {
		r.kept = make(map[keptKey]*list.Element)
	}
	r.drop(o.buf.charge)
	o.buf.charge = 0
	r.kept[o.key] = r.recent.PushFront(o)
	for r.keptSize += len(o.buf.data); r.keptSize > r.Keep; {
		gone := r.recent.Remove(r.recent.Back()).(*keptObject)
		delete(r.kept, gone.key)
		r.keptSize -= len(gone.buf.data)
		r.forget(gone)
	}
}

// forget gives the buffer of o back, but for a tree's, which may be kept by others.
func (r *LookupReader) forget(o *keptObject) {
	if o.typ == oid.Tree {
		r.drop(o.buf.charge)
		return
	}
	r.release(o.buf)
}
