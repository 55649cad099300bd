//go:build unix

package main

import "syscall"

// private has all files that the process makes be its user's alone.
func private() { syscall.Umask(0o077) }
