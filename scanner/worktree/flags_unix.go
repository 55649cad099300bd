//go:build unix

package worktree

import (
	"errors"
	"syscall"
)

const (
	openNonblock = syscall.O_NONBLOCK // a FIFO must not hold us up
	openNoFollow = syscall.O_NOFOLLOW
)

// fileLimit returns how many descriptors the process may have.
func fileLimit() int {
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		return 256
	}
	return int(min(uint64(lim.Cur), 1<<20))
}

// outOfFiles reports whether err says that there are too many open files.
func outOfFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}
