package file

import (
	"errors"

	"golang.org/x/sys/windows"
)

// isHeld reports whether err may mean that another program has a file open.
func isHeld(err error) bool {
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED)
}
