//go:build !windows

package container

import "os"

// unlinked returns a temporary file whose name is removed at once.
func unlinked() (*os.File, error) {
	f, err := os.CreateTemp("", "keysweep-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
