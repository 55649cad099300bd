//go:build unix

package index

import "syscall"

// openNonblock keeps a FIFO in the place of an index from holding us up.
const openNonblock = syscall.O_NONBLOCK
