//go:build !windows

package screen

import "os"

func isMintty(*os.File) bool { return false }
