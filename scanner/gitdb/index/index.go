// Package index reads git's index: the list of what the next commit holds, and
// of what a working tree tracks.
//
// It reads versions 2, 3 and 4, split and sparse indexes, with SHA-1 and with
// SHA-256. See gitformat-index(5). All numbers are big-endian:
//
//	"DIRC" | 4 version | 4 number of entries
//	entries, sorted by path and stage
//	extensions: 4 name | 4 size | data
//	checksum of all that, or zeros (index.skipHash)
//
// An entry:
//
//	40 stat data, in which at 24: 4 mode | hash size: object | 2 flags
//	| 2 more flags, if the flags say so | path
//
// In versions 2 and 3 a path is followed by one to eight NUL bytes, so that the
// entry is a multiple of eight bytes long. In version 4 it is a number of bytes
// to cut from the end of the path before, what to append, and a NUL byte.
package index

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unsafe"

	"keysweep/file"
	"keysweep/scanner/gitdb/oid"
)

// The errors that Read's wrap, besides those of package os.
var (
	// ErrCorrupt says that the bytes are not an index, or do not match their
	// checksum.
	ErrCorrupt = errors.New("corrupt index")
	// ErrUnsupported says that the index is of a version or needs an extension
	// that we do not know, or is larger than 512 MiB.
	ErrUnsupported = errors.New("unsupported index")
)

// Entry is a path and what is staged for it.
type Entry struct {
	Path string // raw bytes, '/'-separated; a folder of a sparse index ends in '/'
	ID   []byte // the object's name, 20 or 32 bytes; not to be changed
	Mode uint32 // 0100644, 0100755, 0120000, 0160000; 040000: a folder's tree (sparse index)
	// Stage is 0, or in a conflict 1 (the common ancestor), 2 (ours) or 3.
	Stage        uint8
	AssumeValid  bool
	SkipWorktree bool // a sparse checkout leaves it out
	IntentToAdd  bool // git add -N: ID is the empty blob, which the next commit does not hold
}

// The modes of entries that are not blobs.
const (
	ModeFolder    = 0o040000 // a tree, in a sparse index only
	ModeSubmodule = 0o160000 // a commit of another repository
)

// Index is what an index file holds.
type Index struct {
	Version uint32
	Entries []Entry // sorted by path and stage
	// Sparse says that entries may be folders.
	Sparse bool
	// Shared is the path of the shared index that this one completes. Empty:
	// the index is not split.
	Shared string

	// starts is where the entries are in region, if Entries is empty.
	starts []uint32
	region []byte
	format oid.Format
}

// maxFile is the most bytes that are read: five million entries.
const maxFile = 512 << 20

// Read reads the index at path. If there is none, which means an empty index, the
// error is fs.ErrNotExist; a shared index that is missing is ErrCorrupt.
func Read(path string, format oid.Format) (*Index, error) {
	data, err := load(path)
	if err != nil {
		return nil, fmt.Errorf("reading index: %w", err)
	}
	x, link, err := parse(data, format, false)
	if err == nil && link != nil {
		shared := filepath.Join(filepath.Dir(path), "sharedindex."+hex.EncodeToString(link.base))
		if data, err = load(shared); errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("%w: its shared index is missing", ErrCorrupt)
		}
		if err == nil {
			x.Shared, path = shared, shared
			var base *Index
			if base, err = parseShared(data, format, link); err == nil {
				err = x.complete(base, link)
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return x, nil
}

// load reads a regular file.
func load(path string) ([]byte, error) {
	info, err := file.Stat(path) // first: opening a FIFO waits for a writer
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a regular file", ErrCorrupt, path)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%w: %d bytes", ErrUnsupported, info.Size())
	}
	f, err := file.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, info.Size())
	_, err = io.ReadFull(f, data)
	return data, err
}

// Parse reads an index from data, which the index keeps: it must not be written
// to any more. A split index, whose other half is in another file, is
// ErrUnsupported.
func Parse(data []byte, format oid.Format) (*Index, error) { return parseWhole(data, format, false) }

// ParseCompact is Parse for a caller that needs few of the entries: if possible,
// the index has no Entries, only Len and At, and takes 4 bytes for each.
func ParseCompact(data []byte, format oid.Format) (*Index, error) {
	return parseWhole(data, format, true)
}

func parseWhole(data []byte, format oid.Format, compact bool) (*Index, error) {
	x, link, err := parse(data, format, compact)
	if link != nil {
		err = fmt.Errorf("%w: half of a split index", ErrUnsupported)
	}
	if err != nil {
		return nil, err
	}
	return x, nil
}

func allZero(b []byte) bool {
	return len(bytes.Trim(b, "\x00")) == 0
}

const (
	headerSize = 12
	statSize   = 40 // of an entry, before the object's name
	modeAt     = 24

	flagAssumeValid = 0x8000
	flagExtended    = 0x4000
	flagStage       = 0x3000
	flagStageShift  = 12
	flagNameLength  = 0x0fff // this value: that or more

	moreSkipWorktree = 0x4000
	moreIntentToAdd  = 0x2000
)

// parse reads one file. If the link is not nil it is half of a split index, whose
// entries are not in order and may lack their paths.
func parse(data []byte, format oid.Format, compact bool) (*Index, *link, error) {
	if len(data) < headerSize+format.Size() || string(data[:4]) != "DIRC" {
		return nil, nil, fmt.Errorf("%w: no header", ErrCorrupt)
	}
	x := &Index{Version: binary.BigEndian.Uint32(data[4:]), format: format}
	if x.Version < 2 || x.Version > 4 {
		return nil, nil, fmt.Errorf("%w: version %d", ErrUnsupported, x.Version)
	}
	body, sum := data[:len(data)-format.Size()], data[len(data)-format.Size():]
	hash := format.New()
	hash.Write(body)
	if !allZero(sum) && !bytes.Equal(sum, hash.Sum(nil)) {
		return nil, nil, fmt.Errorf("%w: wrong checksum", ErrCorrupt)
	}
	rest, err := x.parseEntries(body[headerSize:], binary.BigEndian.Uint32(data[8:]), compact && x.Version < 4)
	if err != nil {
		return nil, nil, err
	}
	l, err := x.parseExtensions(rest)
	if err == nil && l == nil {
		err = x.order()
	}
	return x, l, err
}

// parseEntries reads count entries and returns what follows them.
func (x *Index) parseEntries(b []byte, count uint32, compact bool) ([]byte, error) {
	if uint64(count) > uint64(len(b)/(statSize+x.format.Size()+2+1)) {
		return nil, fmt.Errorf("%w: %d entries in %d bytes", ErrCorrupt, count, len(b))
	}
	if compact {
		x.starts, x.region = make([]uint32, count), b
	} else {
		x.Entries = make([]Entry, count)
	}
	packed := paths{room: 8*len(b) + 1<<20}
	start := len(b)
	for i := range int(count) {
		e, n, err := x.decode(b, &packed)
		if err != nil {
			if !errors.Is(err, ErrUnsupported) {
				err = fmt.Errorf("%w: %w", ErrCorrupt, err)
			}
			return nil, fmt.Errorf("%w (entry %d)", err, i)
		}
		if compact {
			x.starts[i] = uint32(start - len(b))
		} else {
			x.Entries[i] = e
		}
		b = b[n:]
	}
	return b, nil
}

var errCutShort = errors.New("truncated")

// decode returns the entry that b starts with and how many bytes it takes.
// packed, for version 4, holds the path before.
func (x *Index) decode(b []byte, packed *paths) (e Entry, n int, err error) {
	at := statSize + x.format.Size() + 2
	if len(b) < at {
		return e, 0, errCutShort
	}
	flags := binary.BigEndian.Uint16(b[at-2:])
	e = Entry{
		Mode: binary.BigEndian.Uint32(b[modeAt:]), ID: b[statSize : at-2 : at-2],
		Stage: uint8(flags & flagStage >> flagStageShift), AssumeValid: flags&flagAssumeValid != 0,
	}
	if flags&flagExtended != 0 {
		if x.Version < 3 {
			return e, 0, errors.New("flags of version 3")
		}
		if len(b) < at+2 {
			return e, 0, errCutShort
		}
		more := binary.BigEndian.Uint16(b[at:])
		if more&^(moreSkipWorktree|moreIntentToAdd) != 0 {
			return e, 0, fmt.Errorf("%w: flags %#x", ErrUnsupported, more)
		}
		e.SkipWorktree, e.IntentToAdd = more&moreSkipWorktree != 0, more&moreIntentToAdd != 0
		at += 2
	}
	if x.Version == 4 {
		e.Path, n, err = packed.next(b[at:])
		n += at
	} else {
		length := bytes.IndexByte(b[at:], 0)
		if n = (at + length + 8) &^ 7; length < 0 || n > len(b) {
			return e, 0, errCutShort
		}
		e.Path = unsafe.String(unsafe.SliceData(b[at:at+length]), length) // which is not written to
	}
	if want := int(flags & flagNameLength); err == nil && min(len(e.Path), flagNameLength) != want {
		err = fmt.Errorf("a path of %d bytes, not %d", len(e.Path), want)
	}
	return e, n, err
}

// paths unpacks the paths of version 4.
type paths struct {
	last string
	room int // bytes that paths may still take: a small file can hold long ones
}

// next returns the path that b begins with and how many bytes of b it took.
func (p *paths) next(b []byte) (path string, n int, err error) {
	cut, n := varint(b)
	if n == 0 {
		return "", 0, errors.New("a bad number")
	}
	if cut > uint64(len(p.last)) {
		return "", 0, fmt.Errorf("%d bytes are cut from a path of %d", cut, len(p.last))
	}
	length := bytes.IndexByte(b[n:], 0)
	if length < 0 {
		return "", 0, errCutShort
	}
	keep := len(p.last) - int(cut)
	if p.room -= keep + length; p.room < 0 {
		return "", 0, errors.New("paths of more than eight times the file")
	}
	p.last = p.last[:keep] + string(b[n:n+length])
	return p.last, n + length + 1, nil
}

// varint decodes a number as in a pack's offset deltas: each continuation adds
// one, so that every number has one form. n is 0 if there is none.
func varint(b []byte) (v uint64, n int) {
	for n < len(b) {
		c := b[n]
		n++
		v |= uint64(c & 0x7f)
		if c&0x80 == 0 {
			return v, n
		}
		if v++; v >= 1<<56 {
			return 0, 0
		}
		v <<= 7
	}
	return 0, 0
}

// parseExtensions looks for those that matter. An unknown one may be skipped
// if its name begins with an upper-case letter.
func (x *Index) parseExtensions(b []byte) (*link, error) {
	var l *link
	for len(b) > 0 {
		if len(b) < 8 {
			return nil, fmt.Errorf("%w: %d bytes after the entries", ErrCorrupt, len(b))
		}
		name, size := string(b[:4]), binary.BigEndian.Uint32(b[4:])
		if uint64(size) > uint64(len(b)-8) {
			return nil, fmt.Errorf("%w: extension %q of %d bytes, %d are left", ErrCorrupt, name, size, len(b)-8)
		}
		body := b[8 : 8+size]
		b = b[8+size:]
		switch {
		case name == "link":
			var err error
			if l, err = parseLink(body, x.format.Size()); err != nil {
				return nil, err
			}
		case name == "sdir":
			x.Sparse = true
		case name[0] < 'A' || name[0] > 'Z':
			return nil, fmt.Errorf("%w: extension %q", ErrUnsupported, name)
		}
	}
	return l, nil
}

// Len returns the number of entries.
func (x *Index) Len() int { return len(x.Entries) + len(x.starts) }

// At returns the i-th entry.
func (x *Index) At(i int) Entry {
	if len(x.starts) == 0 {
		return x.Entries[i]
	}
	e, _, _ := x.decode(x.region[x.starts[i]:], nil) // as when it was parsed
	return e
}

// expand fills Entries.
func (x *Index) expand() {
	for i := range x.starts {
		x.Entries = append(x.Entries, x.At(i))
	}
	x.starts, x.region = nil, nil
}

// order checks and sorts the entries of an index that is not split.
func (x *Index) order() error {
	last, sorted := Entry{}, true
	for i := range x.Len() {
		e := x.At(i)
		if e.Path == "" {
			return fmt.Errorf("%w: entry %d has no path", ErrCorrupt, i)
		}
		sorted = sorted && compare(last, e) <= 0
		last = e
	}
	if !sorted {
		x.expand()
		slices.SortStableFunc(x.Entries, compare)
	}
	return nil
}

func compare(a, b Entry) int {
	return cmp.Or(strings.Compare(a.Path, b.Path), cmp.Compare(a.Stage, b.Stage))
}
