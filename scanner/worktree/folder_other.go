//go:build !linux

package worktree

func openFolder(path string) (folder, error) { return openRoot(path) }
