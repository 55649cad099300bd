//go:build !windows

package command

import (
	"errors"
	"syscall"
)

// readerIsGone reports whether err of a write says that nothing reads a pipe.
func readerIsGone(err error) bool { return errors.Is(err, syscall.EPIPE) }
