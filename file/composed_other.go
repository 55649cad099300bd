//go:build !darwin

package file

// Composed returns name: only disks of macOS change names.
func Composed(name string) string { return name }
