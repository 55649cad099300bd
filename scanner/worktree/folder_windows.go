package worktree

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"

	disk "keysweep/file"
)

// openFolder opens the folder at path, following links. Unless cloud is set, files
// that are not on this disk are not opened.
func openFolder(path string, cloud bool) (folder, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.IsDir() {
		f.Close()
		return nil, &fs.PathError{Op: "open", Path: path, Err: syscall.ENOTDIR}
	}
	return &windowsFolder{dir: f, cloud: cloud}, nil
}

// windowsFolder opens names below the handle of a folder, as the file system has
// them: Windows takes dots and spaces off the end of a name in a path, so that "x."
// would be read as "x". What a reparse point is, it finds out before it is opened.
type windowsFolder struct {
	dir   *os.File
	cloud bool
}

func (f *windowsFolder) list(limit int) (out []entry, done bool, err error) {
	list, err := f.dir.ReadDir(limit)
	for _, e := range list {
		kind := KindOf(e.Type())
		if e.Type()&^(fs.ModeDir|fs.ModeSymlink) != 0 {
			// Package os does not say what kind of reparse point it is.
			if kind, err := f.lstat(e.Name()); err == nil {
				out = append(out, entry{e.Name(), kind})
				continue
			}
		}
		if info, err := e.Info(); err == nil && !f.cloud && kind != Symlink && disk.InCloud(info) {
			kind = Away
		}
		out = append(out, entry{e.Name(), kind})
	}
	if err == io.EOF {
		return out, true, nil
	}
	return out, false, err
}

// errName says that a name cannot be opened: to the system it names a stream of
// another file, or a file in another folder.
var errName = errors.New(`names with ":", "\" or "/" cannot be opened`)

// openAt opens a name in the folder itself. A reparse point is opened as such if
// asFound is set; else its driver opens it.
func (f *windowsFolder) openAt(name string, access uint32, asFound bool) (windows.Handle, error) {
	if strings.ContainsAny(name, `:\/`) {
		return 0, errName
	}
	text, err := windows.NewNTUnicodeString(name)
	if err != nil {
		return 0, err
	}
	attributes := &windows.OBJECT_ATTRIBUTES{
		RootDirectory: windows.Handle(f.dir.Fd()), ObjectName: text, Attributes: windows.OBJ_CASE_INSENSITIVE,
	}
	attributes.Length = uint32(unsafe.Sizeof(*attributes))
	var h windows.Handle
	var status windows.IO_STATUS_BLOCK
	options := uint32(windows.FILE_SYNCHRONOUS_IO_NONALERT | windows.FILE_OPEN_FOR_BACKUP_INTENT)
	if asFound {
		options |= windows.FILE_OPEN_REPARSE_POINT
	}
	err = windows.NtCreateFile(&h, access|windows.SYNCHRONIZE, attributes, &status, nil, 0,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, windows.FILE_OPEN, options, 0, 0)
	if nt, ok := errors.AsType[windows.NTStatus](err); ok {
		err = nt.Errno()
	}
	return h, err
}

// kind returns what an open handle is of, and whether it is a reparse point.
func (f *windowsFolder) kind(h windows.Handle) (kind Kind, reparse bool, err error) {
	var info struct{ attributes, tag uint32 } // FILE_ATTRIBUTE_TAG_INFO
	if err := windows.GetFileInformationByHandleEx(h, windows.FileAttributeTagInfo, (*byte)(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info))); err != nil {
		return 0, false, err
	}
	reparse = info.attributes&windows.FILE_ATTRIBUTE_REPARSE_POINT != 0 && info.tag != 0
	class := disk.ReparseOf(info.tag)
	switch {
	case reparse && class == disk.ReparseLink:
		return Symlink, true, nil
	case reparse && class == disk.ReparseSpecial, info.attributes&windows.FILE_ATTRIBUTE_DEVICE != 0:
		return Special, reparse, nil
	case !f.cloud && disk.AwayOf(info.attributes):
		return Away, reparse, nil
	case info.attributes&windows.FILE_ATTRIBUTE_DIRECTORY != 0:
		return Directory, reparse, nil
	}
	return Regular, reparse, nil
}

func (f *windowsFolder) lstat(name string) (Kind, error) {
	h, err := f.openAt(name, windows.FILE_READ_ATTRIBUTES, true)
	if err != nil {
		return 0, err
	}
	defer func() { _ = windows.CloseHandle(h) }()
	kind, _, err := f.kind(h)
	return kind, err
}

// openAs opens a name that must be of a kind. If it is a reparse point, the driver
// that has its content opens it, once it is known that it is no link.
func (f *windowsFolder) openAs(name string, want Kind, access uint32) (*os.File, error) {
	h, err := f.openAt(name, access, true)
	if err != nil {
		return nil, err
	}
	kind, reparse, err := f.kind(h)
	switch {
	case err != nil:
	case kind == Away:
		err = disk.ErrCloud
	case kind != want:
		err = errKind
	case reparse:
		var opened windows.Handle
		if opened, err = f.openAt(name, access, false); err == nil {
			if !sameHandle(h, opened) {
				err = errKind
			}
			h, opened = opened, h
			_ = windows.CloseHandle(opened)
		}
	}
	if err != nil {
		_ = windows.CloseHandle(h)
		return nil, err
	}
	return os.NewFile(uintptr(h), filepath.Join(f.dir.Name(), name)), nil
}

// sameHandle reports whether two handles are of one file.
func sameHandle(a, b windows.Handle) bool {
	var x, y windows.ByHandleFileInformation
	return windows.GetFileInformationByHandle(a, &x) == nil && windows.GetFileInformationByHandle(b, &y) == nil &&
		x.VolumeSerialNumber == y.VolumeSerialNumber && x.FileIndexHigh == y.FileIndexHigh && x.FileIndexLow == y.FileIndexLow
}

func (f *windowsFolder) open(name string, _ file) (file, state, error) {
	opened, err := f.openAs(name, Regular, windows.FILE_GENERIC_READ)
	if err != nil {
		return nil, state{}, err
	}
	info, err := opened.Stat()
	if err != nil {
		opened.Close()
		return nil, state{}, err
	}
	return &rootFile{opened}, stateOf(info), nil
}

func (f *windowsFolder) readlink(name string) (string, error) {
	h, err := f.openAt(name, windows.FILE_READ_ATTRIBUTES, true)
	if err != nil {
		return "", err
	}
	defer func() { _ = windows.CloseHandle(h) }()
	if kind, _, err := f.kind(h); err != nil || kind != Symlink {
		return "", errors.Join(err, errKind)
	}
	buf := make([]byte, windows.MAXIMUM_REPARSE_DATA_BUFFER_SIZE)
	var n uint32
	if err := windows.DeviceIoControl(h, windows.FSCTL_GET_REPARSE_POINT, nil, 0, &buf[0], uint32(len(buf)), &n, nil); err != nil {
		return "", err
	}
	text, ok := disk.ReparseTarget(buf[:n])
	if !ok {
		return "", errors.New("a link of a kind that cannot be read")
	}
	return text, nil
}

func (f *windowsFolder) sub(names []string) (folder, error) {
	at := f
	for _, name := range names {
		dir, err := at.openAs(name, Directory, windows.FILE_LIST_DIRECTORY|windows.FILE_TRAVERSE|windows.FILE_READ_ATTRIBUTES)
		if at != f {
			at.close()
		}
		if err != nil {
			return nil, err
		}
		at = &windowsFolder{dir: dir, cloud: f.cloud}
	}
	return at, nil
}

func (f *windowsFolder) close() { f.dir.Close() }
