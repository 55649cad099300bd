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
	"crypto/sha1"
	"crypto/sha256"
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
	starts   []uint32
	region   []byte
	hashSize int
}

// maxFile is the most bytes that are read: five million entries.
const maxFile = 512 << 20

// Read reads the index at path. hashSize is 20 or 32. If there is none, which
// means an empty index, the error is fs.ErrNotExist; a shared index that is
// missing is ErrCorrupt.
func Read(path string, hashSize int) (*Index, error) {
	data, err := load(path)
	if err != nil {
		return nil, fmt.Errorf("reading index: %w", err)
	}
	x, link, err := parse(data, hashSize, false)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	if link == nil || allZero(link.base) {
		if err := x.whole(); err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		return x, nil
	}

	x.Shared = filepath.Join(filepath.Dir(path), "sharedindex."+hex.EncodeToString(link.base))
	data, err = load(x.Shared)
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("%w: its shared index is missing", ErrCorrupt)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	base, further, err := parse(data, hashSize, false)
	if err == nil && further != nil && !allZero(further.base) {
		err = fmt.Errorf("%w: a shared index has a shared index", ErrCorrupt)
	}
	if sum := data[max(0, len(data)-hashSize):]; err == nil && !bytes.Equal(sum, link.base) && !allZero(sum) {
		err = fmt.Errorf("%w: its name is not its checksum", ErrCorrupt)
	}
	if err == nil {
		err = base.whole()
	}
	if err == nil {
		err = x.complete(base, link)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", x.Shared, err)
	}
	return x, nil
}

// load reads a regular file.
func load(path string) ([]byte, error) {
	info, err := os.Stat(path) // first: opening a FIFO waits for a writer
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a regular file", ErrCorrupt, path)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%w: %d bytes", ErrUnsupported, info.Size())
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	buf := bytes.NewBuffer(make([]byte, 0, info.Size()+bytes.MinRead))
	n, err := buf.ReadFrom(io.LimitReader(f, maxFile+1))
	if err == nil && n > maxFile {
		err = fmt.Errorf("%w: %d bytes", ErrUnsupported, n)
	}
	return buf.Bytes(), err
}

// Parse reads an index from data, which the index keeps: it must not be written
// to any more. A split index, whose other half is in another file, is
// ErrUnsupported.
func Parse(data []byte, hashSize int) (*Index, error) { return parseWhole(data, hashSize, false) }

func parseWhole(data []byte, hashSize int, compact bool) (*Index, error) {
	x, link, err := parse(data, hashSize, compact)
	if err != nil {
		return nil, err
	}
	if link != nil && !allZero(link.base) {
		return nil, fmt.Errorf("%w: half of a split index", ErrUnsupported)
	}
	if err := x.whole(); err != nil {
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

// parse reads one file; paths may be empty if it is half of a split index.
func parse(data []byte, hashSize int, compact bool) (*Index, *link, error) {
	if hashSize != sha1.Size && hashSize != sha256.Size {
		return nil, nil, fmt.Errorf("%w: object names of %d bytes", ErrUnsupported, hashSize)
	}
	if len(data) < headerSize+hashSize || string(data[:4]) != "DIRC" {
		return nil, nil, fmt.Errorf("%w: no header", ErrCorrupt)
	}
	x := &Index{Version: binary.BigEndian.Uint32(data[4:]), hashSize: hashSize}
	if x.Version < 2 || x.Version > 4 {
		return nil, nil, fmt.Errorf("%w: version %d", ErrUnsupported, x.Version)
	}
	body, sum := data[:len(data)-hashSize], data[len(data)-hashSize:]
	if !allZero(sum) && !bytes.Equal(sum, checksum(body, hashSize)) {
		return nil, nil, fmt.Errorf("%w: wrong checksum", ErrCorrupt)
	}
	rest, err := x.parseEntries(body[headerSize:], binary.BigEndian.Uint32(data[8:]), compact && x.Version < 4)
	if err != nil {
		return nil, nil, err
	}
	l, err := x.parseExtensions(rest, hashSize)
	return x, l, err
}

func checksum(body []byte, hashSize int) []byte {
	if hashSize == sha256.Size {
		sum := sha256.Sum256(body)
		return sum[:]
	}
	sum := sha1.Sum(body)
	return sum[:]
}

// parseEntries reads count entries and returns what follows them.
func (x *Index) parseEntries(b []byte, count uint32, compact bool) ([]byte, error) {
	if uint64(count) > uint64(len(b)/(statSize+x.hashSize+2+1)) {
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
	at := statSize + x.hashSize + 2
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
	var s strings.Builder
	s.Grow(keep + length)
	s.WriteString(p.last[:keep])
	s.Write(b[n : n+length])
	p.last = s.String()
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
func (x *Index) parseExtensions(b []byte, hashSize int) (*link, error) {
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
			if l, err = parseLink(body, hashSize); err != nil {
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

// whole checks and sorts entries that no other file completes.
func (x *Index) whole() error {
	last, sorted := Entry{}, true
	for i := range x.starts {
		e := x.At(i)
		if e.Path == "" {
			return fmt.Errorf("%w: entry %d has no path", ErrCorrupt, i)
		}
		sorted = sorted && compare(last, e) <= 0
		last = e
	}
	if !sorted {
		x.expand()
	}
	for i := range x.Entries {
		if x.Entries[i].Path == "" {
			return fmt.Errorf("%w: entry %d has no path", ErrCorrupt, i)
		}
	}
	if !slices.IsSortedFunc(x.Entries, compare) {
		slices.SortStableFunc(x.Entries, compare)
	}
	return nil
}

func compare(a, b Entry) int {
	return cmp.Or(strings.Compare(a.Path, b.Path), cmp.Compare(a.Stage, b.Stage))
}
