//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package file

import (
	"os"
	"syscall"
)

const (
	noFollow          = syscall.O_NOFOLLOW
	syncMatters       = true
	closeBeforeRename = false
)

func rename(from, to string) error { return os.Rename(from, to) }

// claim locks f, a new temporary file, for as long as it is open: the lock ends
// with the process, however that ends. It reports false if another process took
// f for a leftover and removed it before. Where files cannot be locked, nothing
// is removed either.
func claim(f *os.File) bool {
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX) != nil {
		return true
	}
	own, err := f.Stat()
	if err != nil {
		return true
	}
	named, err := os.Lstat(f.Name())
	return err == nil && os.SameFile(own, named)
}

// removeAbandoned removes the temporary file at path unless a process holds it.
func removeAbandoned(path string) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return
	}
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		_ = os.Remove(path)
	}
}
