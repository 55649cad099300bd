package container

import (
	"os"

	"golang.org/x/sys/unix"
)

// temporary returns a file without a name, which only its owner may read, and which
// is gone when it is closed or the program ends.
func temporary() (*os.File, error) {
	if fd, err := unix.Open(os.TempDir(), unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC|unix.O_EXCL, 0o600); err == nil {
		return os.NewFile(uintptr(fd), "temporary file"), nil
	}
	return unlinked()
}
