package pack

import (
	"bufio"
	"bytes"
	"container/list"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/bits"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/zlib"

	"keysweep/scanner/gitdb/inflate"
	"keysweep/scanner/gitdb/oid"
)

// Lookup is a pack that is open to find and read single objects. Opening it
// takes the same time however many it holds: neither the pack nor its index is
// read or hashed as a whole. So the index is only believed: whoever reads an
// object compares its content with the name that was looked up. It is safe for
// concurrent use.
type Lookup struct {
	file  *Pack // mapped, without entries
	names *names
	// offsetAt returns the offset of the entry whose id is at pos.
	offsetAt func(pos int) (uint64, bool)
	left     atomic.Int64 // bytes that the pack may still unpack to
}

// OpenLookup maps the pack at path and the index beside it. An error that wraps
// ErrUnusable is about the index: Open reads such a pack.
func OpenLookup(path string, format oid.Format) (_ *Lookup, err error) {
	l := &Lookup{file: &Pack{Path: path, format: format}}
	defer func() {
		if err != nil {
			l.Close()
		}
	}()
	p := l.file
	if p.data, err = p.mapPath(path); err != nil {
		return nil, err
	}
	l.left.Store(unpackedBase + unpackedRatio*p.Size())
	err = Guard(func() error {
		if len(p.data) < packHeader+format.Size() {
			return fmt.Errorf("%w: %d bytes are no pack", ErrCorrupt, len(p.data))
		}
		if v := binary.BigEndian.Uint32(p.data[4:]); string(p.data[:4]) != "PACK" || v != 2 && v != 3 {
			return fmt.Errorf("%w: no pack of version 2 or 3", ErrCorrupt)
		}
		file, err := p.mapPath(strings.TrimSuffix(path, ".pack") + ".idx")
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: there is none", ErrUnusable)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrUnusable, err)
		}
		return l.index(file)
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// index takes over the tables of a pack index file (see parseIndex) where they
// are.
func (l *Lookup) index(file []byte) error {
	p := l.file
	size, count := p.format.Size(), uint64(binary.BigEndian.Uint32(p.data[8:]))
	if len(file) < 256*4+2*size {
		return fmt.Errorf("%w: cut short", ErrUnusable)
	}
	if sum := len(file) - size; !bytes.Equal(file[sum-size:sum], p.trailer()) {
		return fmt.Errorf("%w: it belongs to another pack", ErrUnusable)
	}
	if string(file[:4]) != indexMagic {
		// Ids and offsets alternate: few packs are so old, and those small.
		n, places, err := parseIndexV1(file, p.format, uint32(count), p.trailer())
		if err != nil {
			return err
		}
		l.names = n
		l.offsetAt = func(pos int) (uint64, bool) { return places[pos].offset, true }
		return nil
	}
	tables := indexHeader + count*uint64(size+4+4)
	if v := binary.BigEndian.Uint32(file[4:]); v != 2 || uint64(len(file)-2*size) < tables {
		return fmt.Errorf("%w: neither version 1 nor 2", ErrUnusable)
	}
	l.names = &names{hashSize: size, ids: file[indexHeader : indexHeader+count*uint64(size)]}
	if err := l.names.counts(file[8:], uint32(count)); err != nil {
		return err
	}
	short := file[indexHeader+count*uint64(size+4) : tables]
	long := file[tables : len(file)-2*size]
	l.offsetAt = func(pos int) (uint64, bool) {
		off := uint64(binary.BigEndian.Uint32(short[4*pos:]))
		if off&(1<<31) == 0 {
			return off, true
		}
		k := off &^ (1 << 31)
		if k >= uint64(len(long)/8) {
			return 0, false
		}
		return binary.BigEndian.Uint64(long[8*k:]), true
	}
	return nil
}

// Close unmaps the pack. Nothing that came from it may be used afterwards.
func (l *Lookup) Close() { l.file.Close() }

// Path returns the path of the pack.
func (l *Lookup) Path() string { return l.file.Path }

// Name returns the file name of the pack, for messages.
func (l *Lookup) Name() string { return l.file.Name() }

// Find returns where in the pack the index places id.
func (l *Lookup) Find(id oid.ID) (offset uint64, ok bool) {
	err := Guard(func() error {
		var pos int
		if pos, ok = l.names.find(id[:l.file.format.Size()]); ok {
			offset, ok = l.offsetAt(pos)
		}
		return nil
	})
	return offset, ok && err == nil
}

// IDs calls f with each id whose first byte is first, ascending.
func (l *Lookup) IDs(first byte, f func(id oid.ID)) {
	for pos := l.names.fanout[first]; pos < l.names.fanout[int(first)+1]; pos++ {
		f(oid.FromBytes(l.names.bytes(int(pos))))
	}
}

// LookupReader reads objects of packs, and keeps what others may be built on.
// It is the scratch of one goroutine.
type LookupReader struct {
	// MaxObject is as in WalkOptions.
	MaxObject uint64
	// Budget is how many bytes of objects are kept. Zero: none.
	Budget  int
	decoder inflate.Decoder
	delta   []byte
	ops     []op
	kept    map[keptKey]*list.Element // of *keptObject
	recent  list.List                 // the last used first
	size    int                       // of all in kept
	pool    [bits.UintSize][][]byte   // buffers to use again, by log2 of their size
	pooled  int                       // bytes in pool
}

// Decoder returns what r inflates with, for whoever reads other streams between
// two objects: its tables are large.
func (r *LookupReader) Decoder() *inflate.Decoder { return &r.decoder }

type keptKey struct {
	lookup *Lookup
	offset uint64
}

// keptObject is the content of an entry. Nobody writes to it.
type keptObject struct {
	key  keptKey
	typ  oid.Type
	data []byte
}

// maxChain is how many deltas one object may be built through: git itself
// writes at most 4095 (pack.depth).
const maxChain = 10_000

// Read builds the entry at offset and calls use with it: whole, or as a stream
// if it is a large blob that is no delta. The object is valid until use returns;
// the Data of a tree is not used again, and may be kept. Nobody may write to it.
// Starts, FreshStarts and TreeErr are not filled.
func (r *LookupReader) Read(l *Lookup, offset uint64, use func(*Object) error) error {
	return Guard(func() error { return r.read(l, offset, use) })
}

func (r *LookupReader) read(l *Lookup, offset uint64, use func(*Object) error) error {
	if r.MaxObject == 0 {
		r.MaxObject = DefaultMaxObject
	}
	r.decoder.Checksum = true
	var chain []uint64 // deltas, the wanted one first
	var h header
	var base *keptObject
	at := offset
	for {
		if e, ok := r.kept[keptKey{l, at}]; ok {
			r.recent.MoveToFront(e)
			base = e.Value.(*keptObject)
			break
		}
		var err error
		if h, err = l.header(at); err != nil {
			return err
		}
		if h.typ != ofsDelta && h.typ != refDelta {
			break
		}
		if len(chain) == maxChain {
			return fmt.Errorf("%w: it is built through more than %d deltas", ErrCorrupt, maxChain)
		}
		chain = append(chain, at)
		if h.typ == ofsDelta {
			if h.back > at {
				return fmt.Errorf("%w: delta base before the pack", ErrCorrupt)
			}
			at -= h.back
			continue
		}
		pos, ok := l.names.find(h.base[:l.file.format.Size()])
		if ok {
			at, ok = l.offsetAt(pos)
		}
		if !ok {
			return fmt.Errorf("%w: its delta base is not in the pack", ErrCorrupt)
		}
	}
	if base == nil {
		if len(chain) == 0 && oid.Type(h.typ) == oid.Blob && h.size > streamOver {
			return l.stream(at, h, use)
		}
		if h.size > r.MaxObject {
			return fmt.Errorf("%w: %d bytes", ErrTooLarge, h.size)
		}
		data, err := r.inflate(l, r.get, at, h)
		if err != nil {
			return err
		}
		base = &keptObject{keptKey{l, at}, oid.Type(h.typ), data}
	}
	for i := len(chain) - 1; i >= 0; i-- {
		data, err := r.build(l, chain[i], base.data)
		if err != nil {
			return err
		}
		r.keep(base)
		base = &keptObject{keptKey{l, chain[i]}, base.typ, data}
	}
	defer r.keep(base)
	return use(&Object{Type: base.typ, Size: uint64(len(base.data)), Data: base.data})
}

// header decodes the header of the entry at offset.
func (l *Lookup) header(offset uint64) (header, error) {
	p := l.file
	if offset < packHeader || offset >= p.end() {
		return header{}, fmt.Errorf("%w: no entry at %d", ErrCorrupt, offset)
	}
	return parseHeader(p.data[offset:p.end()], p.format.Size())
}

// inflate returns the stream of the entry at offset, in a buffer that get makes.
func (r *LookupReader) inflate(l *Lookup, get func(n uint64) []byte, offset uint64, h header) ([]byte, error) {
	src := l.file.data[offset+uint64(h.stream) : l.file.end()]
	if h.size > uint64(len(src))*maxRatio {
		return nil, fmt.Errorf("%w: %d stored bytes cannot yield %d", ErrCorrupt, len(src), h.size)
	}
	if l.left.Add(-int64(h.size)) < 0 {
		return nil, fmt.Errorf("%w: the pack unpacks to more than %d times its size", ErrTooLarge, unpackedRatio)
	}
	dst := get(h.size)
	if _, err := r.decoder.Inflate(dst, src); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return dst, nil
}

// scratch returns room for a delta.
func (r *LookupReader) scratch(n uint64) []byte {
	if uint64(cap(r.delta)) < n {
		r.delta = make([]byte, max(n, 64<<10))
	}
	return r.delta[:n]
}

// build makes the version that the delta at offset is from its base.
func (r *LookupReader) build(l *Lookup, offset uint64, base []byte) ([]byte, error) {
	h, err := l.header(offset)
	if err != nil {
		return nil, err
	}
	// A delta is no longer than what it may yield, but for instructions.
	if h.size > r.MaxObject+64 {
		return nil, fmt.Errorf("%w: delta of %d bytes", ErrTooLarge, h.size)
	}
	delta, err := r.inflate(l, r.scratch, offset, h)
	if cap(r.delta) > 1<<20 {
		r.delta = nil
	}
	if err != nil {
		return nil, err
	}
	from, to, rest, err := deltaSizes(delta)
	if err != nil {
		return nil, err
	}
	switch {
	case from != uint64(len(base)):
		return nil, fmt.Errorf("%w: delta is for a base of %d bytes, base has %d", ErrCorrupt, from, len(base))
	case to > r.MaxObject:
		return nil, fmt.Errorf("%w: %d bytes", ErrTooLarge, to)
	case l.left.Add(-int64(to)) < 0:
		return nil, fmt.Errorf("%w: the pack unpacks to more than %d times its size", ErrTooLarge, unpackedRatio)
	}
	data := r.get(to)
	r.ops, err = apply(data, base, rest, r.ops[:0])
	return data, err
}

// keep remembers o within the budget.
func (r *LookupReader) keep(o *keptObject) {
	if _, ok := r.kept[o.key]; ok {
		return
	}
	if len(o.data) > r.Budget/4 {
		r.release(o)
		return
	}
	if r.kept == nil {
		r.kept = make(map[keptKey]*list.Element)
	}
	r.kept[o.key] = r.recent.PushFront(o)
	for r.size += len(o.data); r.size > r.Budget; {
		last := r.recent.Back()
		gone := r.recent.Remove(last).(*keptObject)
		delete(r.kept, gone.key)
		r.size -= len(gone.data)
		r.release(gone)
	}
}

// get returns a buffer of n bytes; they hold rubbish.
func (r *LookupReader) get(n uint64) []byte {
	class := bits.Len64(max(n, 64) - 1)
	if free := r.pool[class]; len(free) > 0 {
		b := free[len(free)-1]
		r.pool[class] = free[:len(free)-1]
		r.pooled -= cap(b)
		return b[:n]
	}
	if n > 1<<20 {
		return make([]byte, n)
	}
	return make([]byte, n, 1<<class)
}

// release gives the buffer of o back.
func (r *LookupReader) release(o *keptObject) {
	c := cap(o.data)
	if o.typ == oid.Tree || c == 0 || c&(c-1) != 0 || c < 64 || r.pooled+c > pooledLimit {
		return
	}
	class := bits.Len(uint(c - 1))
	r.pool[class] = append(r.pool[class], o.data)
	r.pooled += c
}

// stream shows a large blob that is no delta.
func (l *Lookup) stream(offset uint64, h header, use func(*Object) error) error {
	in := bytes.NewReader(l.file.data[offset+uint64(h.stream) : l.file.end()])
	z, err := zlib.NewReader(in)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	r := NewExactReader(bufio.NewReaderSize(z, 64<<10), h.size)
	if err := use(&Object{Type: oid.Blob, Size: h.size, Stream: r}); err != nil {
		return err
	}
	if r.err == nil {
		_, _ = io.Copy(io.Discard, r)
	}
	if r.err != io.EOF {
		return fmt.Errorf("%w: %w", ErrCorrupt, r.err)
	}
	return nil
}
