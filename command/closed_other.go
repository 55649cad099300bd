//go:build !windows

package command

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// readerIsGone reports whether err of a write says that nothing reads a pipe.
func readerIsGone(err error) bool { return errors.Is(err, syscall.EPIPE) }

// outputsAreRead reports whether standard output and error can still be written to. Who
// asks to be notified of PIPE gets it for every write that fails so, also to a server that
// closed its connection.
func outputsAreRead() bool {
	outputs := []unix.PollFd{{Fd: 1}, {Fd: 2}}
	_, err := unix.Poll(outputs, 0)
	return err == nil && (outputs[0].Revents|outputs[1].Revents)&(unix.POLLERR|unix.POLLHUP) == 0
}
