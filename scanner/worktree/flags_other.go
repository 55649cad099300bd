//go:build !unix

package worktree

const (
	openNonblock = 0
	openNoFollow = 0
)

func fileLimit() int { return 1 << 12 }

func outOfFiles(error) bool { return false }
