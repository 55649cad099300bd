//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package file

import (
	"os"
	"time"
)

const (
	noFollow          = 0
	syncMatters       = false
	closeBeforeRename = true // Windows renames no open file
)

// abandonedAfter is longer than anything takes to write.
const abandonedAfter = 24 * time.Hour

// claim has nothing to do: age says what is abandoned.
func claim(*os.File) bool { return true }

// removeAbandoned removes the temporary file at path if it is old.
func removeAbandoned(path string) {
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > abandonedAfter {
		_ = os.Remove(path)
	}
}
