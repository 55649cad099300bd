//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package file

import (
	"errors"
	"os"
	"time"
)

const (
	noFollow          = 0
	syncMatters       = false
	closeBeforeRename = true // Windows renames no open file
)

// abandonedAfter is longer than anything takes between closing and renaming a file.
// As long as one is open, Windows does not remove it.
const abandonedAfter = 2 * time.Second

// claim has nothing to do: see removeAbandoned.
func claim(*os.File) bool { return true }

// removeAbandoned removes the temporary file at path, unless a process has it open,
// or has just closed it.
func removeAbandoned(path string) {
	if info, err := Lstat(path); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > abandonedAfter {
		_ = os.Remove(path)
	}
}

// renameFor is for how long a file that another program has open is asked for: a
// virus scanner or an indexer lets go of it soon.
const renameFor = 2 * time.Second

func rename(from, to string) error {
	wait := 10 * time.Millisecond
	for waited := time.Duration(0); ; waited += wait {
		err := os.Rename(from, to)
		if err == nil || !isHeld(err) {
			return err
		}
		if waited >= renameFor {
			return errors.New("another program has it open, or it may not be replaced")
		}
		time.Sleep(wait)
	}
}
