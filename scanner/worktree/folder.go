package worktree

import (
	"errors"
	"io/fs"
)

// Kind is what a directory entry is.
type Kind uint8

// The kinds.
const (
	Regular   Kind = iota
	Symlink        // its content is the text of its target
	Directory      // has a name only
	Special        // FIFO, device or socket: has a name only
	Away           // a file or folder that is not on this disk: has a name only
)

// entry is a name in a folder.
type entry struct {
	name string
	kind Kind
}

// folder is an open directory. Names are single components, and no link is
// followed at any of them. Any number of goroutines may use one, except for
// list. The tests have an implementation that fails on purpose.
type folder interface {
	// list returns the next entries, about limit at most unless it is done,
	// in no order and without "." and "..". It is called again until it is
	// done or fails; what it returns with an error counts.
	list(limit int) (list []entry, done bool, err error)
	// lstat returns the kind of a name. fs.ErrNotExist if there is none.
	lstat(name string) (Kind, error)
	// open opens a regular file to be read; errKind if it is none. It may
	// return old, which must be closed, filled anew.
	open(name string, old file) (file, state, error)
	readlink(name string) (string, error)
	// sub opens the folder below it that names lead to, one by one; errKind
	// if one is none.
	sub(names []string) (folder, error)
	close()
}

// file is an open regular file.
type file interface {
	Read(p []byte) (int, error)
	ReadAt(p []byte, off int64) (int, error)
	stat() (state, error)
	// seekData returns the offset of the first byte at or behind off that is
	// not in a hole: io.EOF if there is none, off if it cannot say.
	seekData(off int64) (int64, error)
	seek(off int64) error
	close()
}

// state is what changes when a file is written to.
type state struct {
	size, blocks   int64 // blocks of 512 bytes; -1: unknown
	modified, meta int64 // mtime and ctime in nanoseconds; meta 0: unknown
}

// errKind says that a name no longer is what the listing said.
var errKind = errors.New("is something else than a moment ago")

// KindOf translates the type bits of a mode.
func KindOf(m fs.FileMode) Kind {
	switch m.Type() &^ fs.ModeIrregular { // opening it says what it is
	case 0:
		return Regular
	case fs.ModeDir:
		return Directory
	case fs.ModeSymlink:
		return Symlink
	}
	return Special
}
