//go:build !linux && !windows

package worktree

import "testing"

func withoutOpenat2(*testing.T) {}
