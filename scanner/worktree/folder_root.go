package worktree

import (
	"io"
	"io/fs"
	"os"

	disk "keysweep/file"
)

// openRoot opens the folder at path, following links.
func openRoot(path string, cloud bool) (folder, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &rootFolder{root: root, cloud: cloud}, nil
}

// rootFolder works where there is no openat2 of Linux: on os.Root, which
// follows links but not out of the folder. What was opened is compared with
// what lstat saw, so that no link is followed.
type rootFolder struct {
	root  *os.Root
	cloud bool
	dir   *os.File // while a listing goes on
}

func (f *rootFolder) list(limit int) (out []entry, done bool, err error) {
	if f.dir == nil {
		dir, err := f.root.Open(".")
		if err != nil {
			return nil, false, err
		}
		f.dir = dir
	}
	list, err := f.dir.ReadDir(limit)
	for _, e := range list {
		out = append(out, entry{e.Name(), KindOf(e.Type())})
	}
	if err == nil {
		return out, false, nil
	}
	f.dir.Close()
	f.dir = nil
	if err == io.EOF {
		return out, true, nil
	}
	return out, false, err
}

func (f *rootFolder) lstat(name string) (Kind, error) {
	info, err := f.root.Lstat(name)
	if err != nil {
		return 0, err
	}
	return KindOf(info.Mode()), nil
}

func (f *rootFolder) open(name string, _ file) (file, state, error) {
	before, err := f.root.Lstat(name)
	if err != nil {
		return nil, state{}, err
	}
	if !before.Mode().IsRegular() {
		return nil, state{}, errKind
	}
	if !f.cloud && disk.InCloud(before) {
		return nil, state{}, disk.ErrCloud
	}
	file, err := f.root.OpenFile(name, os.O_RDONLY|openNonblock|openNoFollow, 0)
	if err != nil {
		return nil, state{}, err
	}
	after, err := file.Stat()
	if err == nil && (!after.Mode().IsRegular() || !os.SameFile(before, after)) {
		err = errKind
	}
	if err != nil {
		file.Close()
		return nil, state{}, err
	}
	return &rootFile{file}, stateOf(after), nil
}

func (f *rootFolder) readlink(name string) (string, error) {
	s, err := f.root.Readlink(name)
	if err != nil {
		if kind, e := f.lstat(name); e == nil && kind != Symlink {
			err = errKind
		}
	}
	return s, err
}

func (f *rootFolder) sub(names []string) (folder, error) {
	at := f.root
	for _, name := range names {
		before, err := at.Lstat(name)
		if err == nil && !before.IsDir() {
			err = errKind
		}
		if err == nil && !f.cloud && disk.InCloud(before) {
			err = disk.ErrCloud
		}
		var next *os.Root
		if err == nil {
			next, err = at.OpenRoot(name)
		}
		if at != f.root {
			at.Close()
		}
		if err != nil {
			return nil, err
		}
		after, err := next.Stat(".")
		if err == nil && !os.SameFile(before, after) {
			err = errKind
		}
		if err != nil {
			next.Close()
			return nil, err
		}
		at = next
	}
	return &rootFolder{root: at, cloud: f.cloud}, nil
}

func (f *rootFolder) close() {
	if f.dir != nil {
		f.dir.Close()
	}
	f.root.Close()
}

type rootFile struct{ *os.File }

func (f *rootFile) stat() (state, error) {
	info, err := f.Stat()
	if err != nil {
		return state{}, err
	}
	return stateOf(info), nil
}

func stateOf(info fs.FileInfo) state {
	return state{size: info.Size(), blocks: -1, modified: info.ModTime().UnixNano()}
}

func (f *rootFile) seekData(off int64) (int64, error) { return off, nil }

func (f *rootFile) seek(off int64) error {
	_, err := f.File.Seek(off, io.SeekStart)
	return err
}

func (f *rootFile) close() { f.File.Close() }
