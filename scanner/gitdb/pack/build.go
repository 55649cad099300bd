package pack

import (
	"errors"
	"fmt"

	"keysweep/scanner/gitdb/inflate"
)

// header decodes the header of an entry again.
func (w *worker) header(entry int32) (header, error) {
	p := w.pack
	return parseHeader(p.data[p.entries[entry].offset:p.next(int(entry))], p.format.Size())
}

// stored is how many bytes of an entry hold its stream.
func (w *worker) stored(entry int32, h header) uint64 {
	return w.pack.next(int(entry)) - w.pack.entries[entry].offset - uint64(h.stream)
}

// inflateRoot inflates an entry that is not a delta.
func (w *worker) inflateRoot(entry int32, h header) (*buffer, error) {
	if err := w.checkSize(h, 0, w.stored(entry, h)); err != nil {
		return nil, err
	}
	buf := w.get(int(h.size))
	if err := w.inflate(buf.data, entry, h); err != nil {
		w.release(buf)
		return nil, err
	}
	return buf, nil
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
	return p.checkEnd(entry, start+uint64(n))
}

// checkEnd returns an error if an entry does not end where the next one starts.
// With a pack that was read without its index it can only be damage.
func (p *Pack) checkEnd(entry int32, end uint64) error {
	next := p.next(int(entry))
	if end == next {
		return nil
	}
	kind := ErrUnusable
	if p.IndexErr != nil {
		kind = ErrCorrupt
	}
	return fmt.Errorf("%w: the entry at %d ends at %d, the next starts at %d", kind, p.entries[entry].offset, end, next)
}

// build makes the version that entry is from its base; what its delta did is
// in w.ops afterwards.
func (w *worker) build(entry int32, base *buffer) (*buffer, error) {
	h, err := w.header(entry)
	if err != nil {
		return nil, err
	}
	if err := w.checkSize(h, deltaOver, w.stored(entry, h)); err != nil {
		return nil, err
	}
	delta := w.room(h.size)
	if err := w.inflate(delta, entry, h); err != nil {
		return nil, err
	}
	buf, err := w.apply(delta, base.data, &w.left)
	if errors.Is(err, errSpent) {
		w.fail(err)
		return nil, fmt.Errorf("%w: the pack as a whole", ErrTooLarge)
	}
	return buf, err
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
	buf, err := w.inflateRoot(root, h)
	for i := len(chain) - 2; i >= 0 && err == nil; i-- {
		var next *buffer
		next, err = w.build(chain[i], buf)
		w.release(buf)
		buf = next
	}
	return buf, err
}

// stream shows a large root as a stream.
func (w *worker) stream(entry int32, h header) error {
	p := w.pack
	start := p.entries[entry].offset + uint64(h.stream)
	r := inflate.NewReader(p.data[start:p.end()], h.size)
	w.object = Object{Entry: int(entry), Type: w.typ, Size: h.size, Stream: r}
	if _, err := w.visitor.Visit(&w.object); err != nil {
		return err
	}
	w.count(entry)
	if w.stopped.Load() {
		return nil
	}
	n, err := r.Finish()
	if err != nil {
		return w.failed(entry, fmt.Errorf("%w: %w", ErrCorrupt, err))
	}
	if err := p.checkEnd(entry, start+uint64(n)); err != nil {
		return err
	}
	if n := p.entries[entry].weight - 1; n > 0 {
		w.entries += int64(n)
		w.visitor.Fail(int(entry), int(n), fmt.Errorf("%w: versions built on an object of %d bytes", ErrTooLarge, h.size))
	}
	return nil
}
