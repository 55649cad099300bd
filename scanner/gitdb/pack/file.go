package pack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	disk "keysweep/file"
	"keysweep/scanner/gitdb/oid"
)

// packHeader is the length of the header of a pack.
const packHeader = 12

// file is a mapped pack, and the index beside it. What reads the bytes does it
// in Guard.
type file struct {
	Path   string
	format oid.Format
	data   []byte // of the pack
	mapped [][]byte
}

// openFile maps the pack at path.
func openFile(path string, format oid.Format) (_ *file, err error) {
	f := &file{Path: path, format: format}
	if f.data, err = f.mapPath(path); err != nil {
		return nil, err
	}
	err = Guard(func() error {
		if len(f.data) < packHeader+format.Size() {
			return fmt.Errorf("%w: %d bytes are too few for a pack", ErrCorrupt, len(f.data))
		}
		if v := binary.BigEndian.Uint32(f.data[4:]); string(f.data[:4]) != "PACK" || v != 2 && v != 3 {
			return fmt.Errorf("%w: not a pack of version 2 or 3", ErrCorrupt)
		}
		return nil
	})
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Close unmaps the pack. Nothing that came from it may be used afterwards.
func (f *file) Close() {
	for _, b := range f.mapped {
		Unmap(b)
	}
	f.mapped, f.data = nil, nil
}

// Name returns the file name of the pack, for messages.
func (f *file) Name() string { return filepath.Base(f.Path) }

// Size returns the size of the pack in bytes.
func (f *file) Size() int64 { return int64(len(f.data)) }

// declared returns the number of entries in the header of the pack.
func (f *file) declared() uint32 { return binary.BigEndian.Uint32(f.data[8:]) }

// trailer returns the hash at the end of the pack.
func (f *file) trailer() []byte { return f.data[len(f.data)-f.format.Size():] }

// end returns where the trailer starts.
func (f *file) end() uint64 { return uint64(len(f.data) - f.format.Size()) }

// openIndex maps the index beside the pack. The error wraps ErrUnusable.
func (f *file) openIndex() (*packIndex, error) {
	b, err := f.mapPath(strings.TrimSuffix(f.Path, ".pack") + ".idx")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: it is missing", ErrUnusable)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	return parseIndex(b, f.format, f.declared(), f.trailer())
}

// mapPath maps a whole file; Close unmaps it.
func (f *file) mapPath(path string) ([]byte, error) {
	b, err := Map(path)
	if b != nil {
		f.mapped = append(f.mapped, b)
	}
	return b, err
}

// Map maps a whole regular file for reading; it returns nil if the file is empty.
// The bytes are read in Guard, and Unmap is called in the end.
func Map(path string) ([]byte, error) {
	// Asked before it is opened: opening a FIFO waits for a writer.
	info, err := disk.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	f, err := disk.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, err
	}
	if info.Size() == 0 {
		return nil, nil
	}
	b, err := mapFile(f, int(info.Size()))
	if err != nil {
		return nil, &fs.PathError{Op: "mmap", Path: path, Err: err}
	}
	return b, nil
}

// Unmap gives back what Map returned.
func Unmap(b []byte) {
	if b != nil {
		_ = unmapFile(b)
	}
}

// Guard runs f and turns a fault of a mapped file, which is how a file that
// was truncated under us shows itself, into an error that wraps ErrCorrupt. So
// it does with any other panic, of which it says no more than the type: its
// value may hold scanned bytes.
func Guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch r := recover().(type) {
		case nil:
		case runtime.Error:
			err = fmt.Errorf("%w: a mapped file was truncated while it was read", ErrCorrupt)
			if _, fault := r.(interface{ Addr() uintptr }); !fault {
				err = fmt.Errorf("%w: internal error: %w", ErrCorrupt, r)
			}
		default:
			err = fmt.Errorf("%w: internal error: panic of %T", ErrCorrupt, r)
		}
	}()
	return f()
}
