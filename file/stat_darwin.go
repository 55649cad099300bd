package file

import (
	"io/fs"
	"os"
	"syscall"
)

const hasClouds = true

// Stat is os.Stat.
func Stat(path string) (fs.FileInfo, error) { return os.Stat(path) }

// Opened is f.Stat.
func Opened(f *os.File) (fs.FileInfo, error) { return f.Stat() }

// Lstat is os.Lstat.
func Lstat(path string) (fs.FileInfo, error) { return os.Lstat(path) }

// InCloud reports whether the content of a file, as Stat or Lstat describe it, is not
// on this disk.
func InCloud(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && DatalessOf(st.Flags)
}
