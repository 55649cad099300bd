//go:build !linux && !windows

package worktree

// openFolder opens the folder at path, following links. Unless cloud is set, files
// that are not on this disk are not opened.
func openFolder(path string, cloud bool) (folder, error) { return openRoot(path, cloud) }
