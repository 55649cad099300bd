//go:build !linux && !windows

package container

import "os"

// temporary returns a file without a name, which only its owner may read, and which
// is gone when it is closed or the program ends.
func temporary() (*os.File, error) { return unlinked() }
