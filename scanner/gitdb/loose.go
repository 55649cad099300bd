package gitdb

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"keysweep/file"
	"keysweep/finding"
	"keysweep/scanner/gitdb/inflate"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// A loose object is a file objects/xx/yyy…, named by its id in hex. It holds a
// zlib stream (gitformat-loose(5)):
//
//	type | space | size, decimal | NUL | content

// LooseObject is a file that should hold an object.
type LooseObject struct {
	ID   oid.ID
	Dir  string // objects folder
	Size int64  // of the file
}

// Path returns the path of the file.
func (l LooseObject) Path() string {
	s := l.ID.String()
	return filepath.Join(l.Dir, s[:2], s[2:])
}

// ListLoose returns the loose objects of an objects folder.
func (r *Repository) ListLoose(dir string, skipped *Skips) (loose []LooseObject) {
	size := r.Format.Size()
	subs, err := os.ReadDir(dir)
	if err != nil {
		skipped.Add(finding.ReasonUnreadable, 1, "%v", err)
	}
	for _, e := range subs {
		sub := e.Name()
		if len(sub) != 2 || strings.Trim(sub, "0123456789abcdef") != "" {
			continue
		}
		list, err := os.ReadDir(filepath.Join(dir, sub))
		switch {
		case file.Absent(err):
			// Its objects may be in a pack that came too late to be listed.
			skipped.Add(finding.ReasonChanged, 1, "folder %s of objects: vanished", sub)
		case err != nil:
			skipped.Add(finding.ReasonUnreadable, 1, "%v", err)
		}
		for _, e := range list {
			id, ok := oid.Parse([]byte(sub + e.Name()))
			if ok && len(e.Name()) != 2*size-2 {
				skipped.Add(finding.ReasonUnknownFormat, 1, "loose objects whose names have the wrong length for the repository's object format")
				continue
			}
			if !ok {
				continue // tmp_obj_… of an interrupted git
			}
			l := LooseObject{ID: id, Dir: dir}
			if info, err := e.Info(); err == nil {
				l.Size = info.Size()
			}
			loose = append(loose, l)
		}
	}
	return loose
}

// The limits of a loose object, in bytes.
const (
	looseStreamOver = 8 << 20 // from this size on a blob is read in windows
	looseMapOver    = 1 << 18 // from this size on a file is mapped
	looseKept       = 1 << 18 // up to this size what a file unpacked to is used again
	maxLooseHeader  = 32
)

// LooseReader reads loose objects. It is the scratch of one goroutine.
type LooseReader struct {
	hashSize  int // of an id
	guard     *file.Guard
	decoder   *inflate.Decoder
	room      *pack.Room
	maxObject uint64
	stored    []byte // a file
	data      []byte // what it unpacks to, if that is kept for the next
	object    pack.Object
	starts    []uint32
}

// NewLooseReader returns a reader of objects of r of up to maxObject bytes, for
// which budget was made. It inflates with decoder; nil is one of its own.
func (r *Repository) NewLooseReader(decoder *inflate.Decoder, budget *pack.Budget, maxObject uint64) *LooseReader {
	if decoder == nil {
		decoder = new(inflate.Decoder)
	}
	return &LooseReader{
		hashSize: r.Format.Size(), guard: &r.guard, decoder: decoder, room: budget.Room(),
		maxObject: cmp.Or(maxObject, pack.DefaultMaxObject),
	}
}

// Share makes lr read objects for which budget was made.
func (lr *LooseReader) Share(budget *pack.Budget) {
	lr.room, lr.maxObject = budget.Room(), budget.MaxObject()
}

// Read opens l and calls use with the object: whole, or as a stream if it is a
// large blob. The object is valid until use returns. Of a damaged object use gets
// what could be read before the error is returned. use must not read others that
// the budget is for: Read may wait until there is room.
func (lr *LooseReader) Read(l LooseObject, use func(*pack.Object) error) error {
	info, err := file.Lstat(l.Path())
	if err == nil {
		err = lr.guard.HereInfo(info)
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: not a regular file", pack.ErrCorrupt)
	}
	if info.Size() > looseMapOver {
		stored, err := pack.Map(l.Path())
		if err != nil {
			return err
		}
		defer pack.Unmap(stored)
		return pack.Guard(func() error { return lr.decode(stored, use) })
	}
	f, err := file.Open(l.Path())
	if err != nil {
		return err
	}
	defer f.Close()
	if size := int(info.Size()); cap(lr.stored) < size {
		lr.stored = make([]byte, size)
	}
	n, err := io.ReadFull(f, lr.stored[:info.Size()])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return lr.decode(lr.stored[:n], use)
}

func (lr *LooseReader) decode(stored []byte, use func(*pack.Object) error) error {
	lr.decoder.Checksum = true
	typ, size, header, err := lr.header(stored)
	switch {
	case err != nil:
		return err
	case typ == oid.Blob && size > looseStreamOver:
		return lr.stream(stored, size, header, use)
	case size > max(lr.limit(typ), looseStreamOver):
		return fmt.Errorf("%w: %d bytes", pack.ErrTooLarge, size)
	}
	// The size is a claim: no more room is made than the file can fill.
	whole := header + min(size, uint64(len(stored))*inflate.MaxRatio)
	charge := whole
	if typ == oid.Tree {
		charge += whole / 2 // the places of its entries
	}
	data := lr.data
	if whole > looseKept {
		lr.room.Wait(int64(charge))
		defer lr.room.Close()
	}
	if uint64(cap(data)) < whole {
		data = make([]byte, whole)
	}
	if cap(data) <= looseKept {
		lr.data = data
	}
	data = data[:whole]
	_, damage := lr.decoder.Inflate(data, stored)
	if damage != nil {
		n, _ := lr.decoder.Prefix(data, stored)
		data = data[:max(uint64(n), header)]
	}
	lr.object = pack.Object{Type: typ, Size: uint64(len(data)) - header, Data: data[header:]}
	if typ == oid.Tree {
		lr.object.Starts, lr.object.TreeErr = pack.TreeStarts(lr.starts[:0], lr.object.Data, lr.hashSize)
		lr.object.FreshStarts = lr.object.Starts
		if len(data) <= looseKept {
			lr.starts = lr.object.Starts
		}
	}
	if err := use(&lr.object); err != nil {
		return err
	}
	if damage != nil {
		return fmt.Errorf("%w: %w", pack.ErrCorrupt, damage)
	}
	return nil
}

// limit is that of an object of type typ, as in a pack.
func (lr *LooseReader) limit(typ oid.Type) uint64 {
	if typ == oid.Tree {
		return lr.maxObject / 3 * 2
	}
	return lr.maxObject
}

// stream shows a large blob.
func (lr *LooseReader) stream(stored []byte, size, header uint64, use func(*pack.Object) error) error {
	lr.room.Wait(pack.StreamCharge)
	defer lr.room.Close()
	r := inflate.NewReader(stored, header+size)
	if _, err := io.CopyN(io.Discard, r, int64(header)); err != nil {
		return fmt.Errorf("%w: %w", pack.ErrCorrupt, err)
	}
	lr.object = pack.Object{Type: oid.Blob, Size: size, Stream: r}
	if err := use(&lr.object); err != nil {
		return err
	}
	if _, err := r.Finish(); err != nil {
		return fmt.Errorf("%w: %w", pack.ErrCorrupt, err)
	}
	return nil
}

// header decodes the type and size before the content. length is how many bytes
// they take.
func (lr *LooseReader) header(stored []byte) (typ oid.Type, size, length uint64, err error) {
	var start [maxLooseHeader]byte
	n, err := lr.decoder.Prefix(start[:], stored)
	end := bytes.IndexByte(start[:n], 0)
	if end < 0 {
		what := "damaged within its header"
		if err == nil {
			what = "header is too long"
		}
		return 0, 0, 0, fmt.Errorf("%w: loose object: %s", pack.ErrCorrupt, what)
	}
	name, digits, ok := bytes.Cut(start[:end], []byte(" "))
	typ, known := oid.ParseType(string(name))
	size, err = strconv.ParseUint(string(digits), 10, 62)
	if !ok || !known || err != nil {
		return 0, 0, 0, fmt.Errorf("%w: loose object: header %q", pack.ErrCorrupt, start[:end])
	}
	return typ, size, uint64(end) + 1, nil
}
