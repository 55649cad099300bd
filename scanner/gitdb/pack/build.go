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

// source returns the bytes from the stream of an entry on, and how many of them
// are before the next entry.
func (w *worker) source(entry int32, h header) (src []byte, stored uint64) {
	p := w.pack
	start := p.entries[entry].offset + uint64(h.stream)
	return p.data[start:p.end()], p.next(int(entry)) - start
}

// inflateRoot inflates an entry that is not a delta.
func (w *worker) inflateRoot(entry int32, h header, left *allowance) (*buffer, error) {
	src, stored := w.source(entry, h)
	buf, n, err := w.builder.inflateRoot(h, src, stored, left)
	if err == nil {
		err = w.pack.checkEnd(entry, h, n)
	}
	return buf, err
}

// checkEnd returns an error if a stream of n bytes does not end where the next
// entry starts: this proves that no byte of the pack is left out, whatever the
// index says. With a pack that was read without its index it can only be damage.
func (p *Pack) checkEnd(entry int32, h header, n int) error {
	end, next := p.entries[entry].offset+uint64(h.stream)+uint64(n), p.next(int(entry))
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
func (w *worker) build(entry int32, base *buffer, left *allowance) (*buffer, error) {
	h, err := w.header(entry)
	if err != nil {
		return nil, err
	}
	src, stored := w.source(entry, h)
	buf, n, err := w.apply(h, src, stored, base, w.typ, left)
	if n > 0 {
		// First: that the index is wrong may be why the delta does not fit.
		if end := w.pack.checkEnd(entry, h, n); end != nil {
			err = end
		}
	}
	return buf, err
}

// rebuild makes a version that was dropped again, from the root of its family.
// It was built before: what it costs was spent then.
func (w *worker) rebuild(entry int32) (buf *buffer, err error) {
	chain := []int32{entry}
	for b := w.pack.entries[entry].base; b >= 0; b = w.pack.entries[b].base {
		chain = append(chain, b)
	}
	for {
		if buf, err = w.buildChain(chain); !errors.Is(err, errNoRoom) {
			return buf, err
		}
		if !w.makeRoom() {
			return nil, nil
		}
	}
}

// buildChain builds the first of chain from the last, a root.
func (w *worker) buildChain(chain []int32) (*buffer, error) {
	root := chain[len(chain)-1]
	h, err := w.header(root)
	if err != nil {
		return nil, err
	}
	buf, err := w.inflateRoot(root, h, nil)
	for i := len(chain) - 2; i >= 0 && err == nil; i-- {
		var next *buffer
		next, err = w.build(chain[i], buf, nil)
		w.release(buf)
		buf = next
	}
	return buf, err
}

// StreamCharge is how many bytes a stream counts in a budget: its window, and that
// of its reader.
const StreamCharge = 3 << 19

// stream shows a large root as a stream.
func (w *worker) stream(entry int32, h header) error {
	for !w.take(StreamCharge) {
		w.short = StreamCharge
		if !w.makeRoom() {
			return nil
		}
	}
	defer w.drop(StreamCharge)
	src, _ := w.source(entry, h)
	r := inflate.NewReader(src, h.size)
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
	if err := w.pack.checkEnd(entry, h, n); err != nil {
		return err
	}
	if n := w.pack.entries[entry].weight - 1; n > 0 {
		w.entries += int64(n)
		w.visitor.Fail(int(entry), int(n), fmt.Errorf("%w: versions built on an object of %d bytes", ErrTooLarge, h.size))
	}
	return nil
}
