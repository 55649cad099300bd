package verify

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// NoCoreDumps keeps the memory of this process, which has keys in it, out of core
// dumps and from other processes of the same user. It cannot be undone. See
// setrlimit(2) and PR_SET_DUMPABLE(2const).
func NoCoreDumps() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("turning core dumps off: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("turning core dumps off: %w", err)
	}
	return nil
}
