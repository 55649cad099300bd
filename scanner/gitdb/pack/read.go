package pack

import (
	"errors"
	"fmt"

	"keysweep/scanner/gitdb/oid"
)

// Read builds one entry, from the root of its family, and calls use with it:
// whole, or as a stream if it is a large blob that is no delta. The object is
// valid until use returns. maxObject is as in WalkOptions. Memory is bounded by
// the object and one base.
func (p *Pack) Read(entry int, maxObject uint64, use func(*Object) error) error {
	v := &reader{entry: entry, use: use}
	w := newWorker(newShared(p, WalkOptions{MaxObject: maxObject}), v)
	return Guard(func() error { return w.read(int32(entry), v) })
}

func (w *worker) read(entry int32, v *reader) error {
	root := entry
	for steps := 0; w.pack.entries[root].base >= 0; steps++ {
		if steps > len(w.pack.entries) {
			return fmt.Errorf("%w: a delta is based on itself", ErrCorrupt)
		}
		root = w.pack.entries[root].base
	}
	w.typ = oid.Type(w.pack.entries[root].typ)
	if w.typ < oid.Commit || w.typ > oid.Tag {
		return fmt.Errorf("%w: its delta base is not in the pack", ErrCorrupt)
	}
	if root == entry && w.typ == oid.Blob {
		h, err := w.header(entry)
		if err != nil {
			return err
		}
		if h.size > streamOver {
			if err := w.stream(entry, h); err != nil {
				return err
			}
			return v.err
		}
	}
	buf, err := w.rebuild(entry)
	if err != nil {
		return err
	}
	w.object = Object{Entry: int(entry), Type: w.typ, Size: uint64(len(buf.data)), Data: buf.data}
	if w.typ == oid.Tree {
		w.object.Starts, w.object.TreeErr = TreeStarts(nil, buf.data, w.pack.format.Size())
	}
	_, err = v.Visit(&w.object)
	return err
}

// reader is the visitor of Read.
type reader struct {
	entry int
	use   func(*Object) error
	err   error
}

// Visit implements Visitor.
func (r *reader) Visit(o *Object) (mark bool, err error) { return false, r.use(o) }

// Fail implements Visitor. What is built on the entry does not matter here.
func (r *reader) Fail(entry, _ int, err error) {
	if entry == r.entry && !errors.Is(err, ErrTooLarge) {
		r.err = err
	}
}
