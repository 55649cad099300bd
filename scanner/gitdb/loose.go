package gitdb

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/klauspost/compress/zlib"

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

// looseStreamOver is the size from which a loose blob is read in windows.
const looseStreamOver = 8 << 20

// ListLoose returns the loose objects of an objects folder.
func (r *Repository) ListLoose(dir string, skipped *Skips) (loose []LooseObject) {
	size := r.Format.Size()
	for b := range 256 {
		sub := hex.EncodeToString([]byte{byte(b)})
		list, err := os.ReadDir(filepath.Join(dir, sub))
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				skipped.Add(finding.ReasonUnreadable, 1, "%v", err)
			}
			continue
		}
		for _, e := range list {
			id, ok := oid.Parse([]byte(sub + e.Name()))
			if ok && len(e.Name()) != 2*size-2 {
				skipped.Add(finding.ReasonUnknownFormat, 1, "loose objects whose names are not as long as the repository's object format has them")
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

// LooseReader reads loose objects. It is the scratch of one goroutine.
type LooseReader struct {
	z      io.ReadCloser
	in     *bufio.Reader
	data   []byte
	object pack.Object
	starts []uint32

	hashSize int              // of an id
	stored   []byte           // a whole file
	decoder  *inflate.Decoder // nil: none was needed yet
}

// NewLooseReader returns a reader of objects of r. It inflates with decoder; nil
// is one of its own.
func (r *Repository) NewLooseReader(decoder *inflate.Decoder) *LooseReader {
	return &LooseReader{hashSize: r.Format.Size(), decoder: decoder}
}

const (
	maxRatio  = 1032    // of deflate: bytes that one may yield
	startRoom = 1 << 20 // bytes that are made room for before they arrive
)

// Read opens l and calls use with the object: whole, or as a stream if it is a
// large blob. The object is valid until use returns.
func (lr *LooseReader) Read(l LooseObject, maxObject uint64, use func(*pack.Object) error) error {
	info, err := os.Lstat(l.Path())
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: not a regular file", pack.ErrCorrupt)
	}
	f, err := os.Open(l.Path())
	if err != nil {
		return err
	}
	defer f.Close()
	if info.Size() <= startRoom {
		if lr.readAtOnce(f, int(info.Size()), maxObject) {
			return use(&lr.object)
		}
		// What is wrong, and what can be read of it, is found out slowly.
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	if lr.in == nil {
		lr.in = bufio.NewReaderSize(nil, 32<<10)
	}
	lr.in.Reset(f)
	if lr.z == nil {
		lr.z, err = zlib.NewReader(lr.in)
	} else {
		err = lr.z.(zlib.Resetter).Reset(lr.in, nil)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", pack.ErrCorrupt, err)
	}
	// No more than the header goes through this buffer: long reads pass by it.
	content := bufio.NewReaderSize(lr.z, 64)
	typ, size, err := looseHeader(content)
	if err != nil {
		return err
	}
	lr.object = pack.Object{Type: typ, Size: size}
	if typ == oid.Blob && size > looseStreamOver {
		s := pack.NewExactReader(content, size)
		lr.object.Stream = s
		if err := use(&lr.object); err != nil {
			return err
		}
		if s.Err() == nil {
			_, _ = io.Copy(io.Discard, s)
		}
		if s.Err() != io.EOF {
			return fmt.Errorf("%w: %w", pack.ErrCorrupt, s.Err())
		}
		return nil
	}
	if size > max(maxObject, looseStreamOver) {
		return fmt.Errorf("%w: %d bytes", pack.ErrTooLarge, size)
	}
	// The size is a claim: beyond what the file can yield, or a small file does
	// not, the buffer grows as bytes arrive.
	if room := min(size, uint64(info.Size())*maxRatio, startRoom) + bytes.MinRead; uint64(cap(lr.data)) < room {
		lr.data = make([]byte, 0, room)
	}
	buf := bytes.NewBuffer(lr.data[:0])
	n, err := io.Copy(buf, io.LimitReader(content, int64(size)+1))
	lr.data = buf.Bytes()
	damage := err
	if damage == nil && uint64(n) != size {
		damage = fmt.Errorf("it holds %d bytes, declares %d", n, size)
	}
	lr.object.Data = lr.data[:min(uint64(n), size)]
	lr.parse()
	// What arrived is scanned also where the rest is damaged.
	lr.object.Size = uint64(len(lr.object.Data))
	if err := use(&lr.object); err != nil {
		return err
	}
	if damage != nil {
		return fmt.Errorf("%w: %w", pack.ErrCorrupt, damage)
	}
	return nil
}

// readAtOnce reads an object from f, which has room bytes, if it is whole and no
// stream. It is what Read does, faster.
func (lr *LooseReader) readAtOnce(f *os.File, room int, maxObject uint64) bool {
	if cap(lr.stored) < room {
		lr.stored = make([]byte, room)
	}
	lr.stored = lr.stored[:room]
	if _, err := io.ReadFull(f, lr.stored); err != nil {
		return false
	}
	if lr.decoder == nil {
		lr.decoder = new(inflate.Decoder)
	}
	lr.decoder.Checksum = true
	var start [maxLooseHeader]byte
	n, err := lr.decoder.Prefix(start[:], lr.stored)
	end := bytes.IndexByte(start[:n], 0) + 1
	if err != nil || end == 0 {
		return false
	}
	typ, size, err := parseLooseHeader(start[:end])
	if err != nil || size > min(uint64(room)*maxRatio, max(maxObject, looseStreamOver)) || typ == oid.Blob && size > looseStreamOver {
		return false
	}
	if whole := uint64(end) + size; uint64(cap(lr.data)) < whole {
		lr.data = make([]byte, whole)
	}
	lr.data = lr.data[:uint64(end)+size]
	if _, err := lr.decoder.Inflate(lr.data, lr.stored); err != nil {
		return false
	}
	lr.object = pack.Object{Type: typ, Size: size, Data: lr.data[end:]}
	lr.parse()
	return true
}

// parse fills in what a tree has.
func (lr *LooseReader) parse() {
	if lr.object.Type == oid.Tree {
		lr.starts, lr.object.TreeErr = pack.TreeStarts(lr.starts[:0], lr.object.Data, lr.hashSize)
		lr.object.Starts, lr.object.FreshStarts = lr.starts, lr.starts
	}
}

// maxLooseHeader is the most bytes that a header may have.
const maxLooseHeader = 32

// looseHeader decodes the type and size before the content.
func looseHeader(r *bufio.Reader) (oid.Type, uint64, error) {
	h, err := r.ReadSlice(0)
	if err != nil || len(h) > maxLooseHeader {
		if err == nil || errors.Is(err, bufio.ErrBufferFull) {
			err = errors.New("header is too long")
		}
		return 0, 0, fmt.Errorf("%w: loose object: %w", pack.ErrCorrupt, err)
	}
	return parseLooseHeader(h)
}

func parseLooseHeader(h []byte) (oid.Type, uint64, error) {
	name, digits, ok := bytes.Cut(h[:len(h)-1], []byte(" "))
	typ, known := oid.ParseType(string(name))
	size, err := strconv.ParseUint(string(digits), 10, 63)
	if !ok || !known || err != nil {
		return 0, 0, fmt.Errorf("%w: loose object: header %q", pack.ErrCorrupt, h)
	}
	return typ, size, nil
}
