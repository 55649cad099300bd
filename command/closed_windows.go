package command

import (
	"errors"

	"golang.org/x/sys/windows"
)

// readerIsGone reports whether err of a write says that nothing reads a pipe.
func readerIsGone(err error) bool {
	return errors.Is(err, windows.ERROR_BROKEN_PIPE) || errors.Is(err, windows.ERROR_NO_DATA) || errors.Is(err, windows.ERROR_PIPE_NOT_CONNECTED)
}

// outputsAreRead is not asked: Windows has no PIPE.
func outputsAreRead() bool { return false }
