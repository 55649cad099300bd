package file

import (
	"errors"
	"io/fs"
	"syscall"
)

// Absent reports whether err, of a stat, an open, a readlink or a listing, says that
// there is no such name, or a file where the path has a folder. After any other
// error it is not known what is there: that is never "nothing".
func Absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
