//go:build !windows && !darwin

package file

import (
	"io/fs"
	"os"
)

const hasClouds = false

// Stat is os.Stat.
func Stat(path string) (fs.FileInfo, error) { return os.Stat(path) }

// Opened is f.Stat.
func Opened(f *os.File) (fs.FileInfo, error) { return f.Stat() }

// Lstat is os.Lstat.
func Lstat(path string) (fs.FileInfo, error) { return os.Lstat(path) }

// InCloud reports whether the content of a file is not on this disk: never.
func InCloud(fs.FileInfo) bool { return false }
