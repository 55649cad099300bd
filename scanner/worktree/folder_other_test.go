//go:build !linux

package worktree

import "testing"

func withoutOpenat2(*testing.T) {}
