package worktree

import "testing"

func withoutOpenat2(t *testing.T) {
	was := noOpenat2.Swap(true)
	t.Cleanup(func() { noOpenat2.Store(was) })
}
