package file

import (
	"path/filepath"
	"runtime"
	"strings"
)

// SameName reports whether two absolute paths name one file on a system (a GOOS)
// whose disks, as a rule, ignore case, though none may be there yet.
func SameName(system, a, b string) bool {
	return a == b || (system == "windows" || system == "darwin") && strings.EqualFold(a, b)
}

// Rel is filepath.Rel, also of what Exact returned.
func Rel(folder, path string) (string, error) {
	return filepath.Rel(inexact(runtime.GOOS, folder), inexact(runtime.GOOS, path))
}

// Below returns path as seen from folder, with the system's separators, and whether
// it is the folder (".") or below it. Only the names are compared: both are absolute
// or both relative to one folder, and their links are resolved by the caller where
// that matters.
func Below(folder, path string) (rel string, ok bool) {
	rel, err := Rel(folder, path)
	return rel, err == nil && !Up(rel)
}

// Up reports whether a clean relative path leads out of its folder. Unlike
// filepath.IsLocal, it takes any other name for one, also one of a device.
func Up(rel string) bool {
	return rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
