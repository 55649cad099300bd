package file

import (
	"io/fs"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

const hasClouds = true

// Stat is os.Stat. A reparse point is what ReparseOf makes of it, where package os
// says that it is irregular.
func Stat(path string) (fs.FileInfo, error) {
	info, err := os.Stat(path)
	return plain(info, func() (uint32, bool) { return tagOf(path) }), err
}

// Opened is f.Stat. A reparse point is as in Stat.
func Opened(f *os.File) (fs.FileInfo, error) {
	info, err := f.Stat()
	return plain(info, func() (uint32, bool) { return tagOfOpen(f) }), err
}

// Lstat is os.Lstat. A reparse point is as in Stat, and a junction is a symbolic link.
func Lstat(path string) (fs.FileInfo, error) {
	info, err := os.Lstat(path)
	return plain(info, func() (uint32, bool) { return tagOf(path) }), err
}

// reparsed is the info of a reparse point.
type reparsed struct {
	fs.FileInfo
	mode fs.FileMode
}

func (r reparsed) Mode() fs.FileMode { return r.mode }
func (r reparsed) IsDir() bool       { return r.mode.IsDir() }

func plain(info fs.FileInfo, find func() (tag uint32, ok bool)) fs.FileInfo {
	if info == nil || info.Mode()&fs.ModeIrregular == 0 {
		return info
	}
	tag, ok := find()
	if !ok {
		return info
	}
	attributes, _ := info.Sys().(*syscall.Win32FileAttributeData)
	mode := info.Mode().Perm()
	switch class := ReparseOf(tag); {
	case class == ReparseLink:
		mode |= fs.ModeSymlink
	case class == ReparseSpecial:
		mode |= fs.ModeIrregular
	case attributes != nil && attributes.FileAttributes&windows.FILE_ATTRIBUTE_DIRECTORY != 0:
		mode |= fs.ModeDir
	}
	return reparsed{info, mode}
}

// tagOf returns the tag of the reparse point at path. Opening it as one makes no
// driver fetch anything.
func tagOf(path string) (tag uint32, ok bool) {
	f, err := os.OpenFile(path, os.O_RDONLY|windows.FILE_FLAG_OPEN_REPARSE_POINT|windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	return tagOfOpen(f)
}

func tagOfOpen(f *os.File) (tag uint32, ok bool) {
	var info struct{ attributes, tag uint32 } // FILE_ATTRIBUTE_TAG_INFO
	err := windows.GetFileInformationByHandleEx(windows.Handle(f.Fd()), windows.FileAttributeTagInfo, (*byte)(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	return info.tag, err == nil
}

// InCloud reports whether the content of a file, as Stat or Lstat describe it, is not
// on this disk.
func InCloud(info fs.FileInfo) bool {
	a, ok := info.Sys().(*syscall.Win32FileAttributeData)
	return ok && AwayOf(a.FileAttributes)
}
