//go:build unix

package gitdb

import (
	"os"
	"syscall"
)

// sameOwner reports whether two files belong to one user.
func sameOwner(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	if errX != nil || errY != nil {
		return false
	}
	s, okX := x.Sys().(*syscall.Stat_t)
	t, okY := y.Sys().(*syscall.Stat_t)
	return okX && okY && s.Uid == t.Uid
}
