//go:build unix

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// isReplaced reports whether the runtime has opened a descriptor (runtime/fds_unix.go): for
// reading and writing, while the shell's < opens for reading.
func isReplaced(fd int) bool {
	var at, null unix.Stat_t
	if unix.Fstat(fd, &at) != nil || at.Mode&unix.S_IFMT != unix.S_IFCHR || unix.Stat(os.DevNull, &null) != nil || at.Rdev != null.Rdev {
		return false
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	return err == nil && flags&unix.O_ACCMODE == unix.O_RDWR
}
