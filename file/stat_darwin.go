package file

import (
	"io/fs"
	"os"
	"syscall"
)

const hasClouds = true

// Stat is os.Stat.
func Stat(path string) (fs.FileInfo, error) { return os.Stat(path) }

// Lstat is os.Lstat.
func Lstat(path string) (fs.FileInfo, error) { return os.Lstat(path) }

// InCloud reports whether the content of a file, as Stat or Lstat describe it, is not
// on this disk: SF_DATALESS, of iCloud and its like.
func InCloud(info fs.FileInfo) bool {
	const dataless = 0x40000000
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Flags&dataless != 0
}
