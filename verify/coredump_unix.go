//go:build unix && !linux

package verify

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// NoCoreDumps keeps the memory of this process, which has keys in it, out of core
// dumps. It cannot be undone. See setrlimit(2).
func NoCoreDumps() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("turning core dumps off: %w", err)
	}
	return nil
}
