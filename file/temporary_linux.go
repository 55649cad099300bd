package file

import (
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// unnamed creates a file in a folder that has no name until link gives it one, and
// that is locked as claim does. The error says that this cannot be had here.
func unnamed(folder string, mode fs.FileMode) (*os.File, error) {
	f, err := os.OpenFile(folder, os.O_WRONLY|unix.O_TMPFILE, mode)
	if err != nil {
		return nil, err
	}
	if _, err = os.Lstat(inProc(f)); err == nil { // link needs it
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// link gives a file of unnamed a name: open(2), O_TMPFILE. It replaces no file.
func link(f *os.File, name string) error {
	err := unix.Linkat(unix.AT_FDCWD, inProc(f), unix.AT_FDCWD, name, unix.AT_SYMLINK_FOLLOW)
	if err != nil {
		return &os.LinkError{Op: "link", Old: f.Name(), New: name, Err: err}
	}
	return nil
}

func inProc(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }
