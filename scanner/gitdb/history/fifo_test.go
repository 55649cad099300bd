//go:build unix

package history

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/gittest"
)

func TestFIFOsInARepositoryDoNotBlock(t *testing.T) {
	for _, name := range []string{"packed-refs", "HEAD", "config", "shallow", "refs/heads/fifo", "objects/info/alternates", "objects/pack/pack-1.pack", "objects/00/00000000000000000000000000000000000000"} {
		t.Run(name, func(t *testing.T) {
			r := gittest.New(t)
			r.Write("a.txt", needle+"1\n")
			r.Commit("one")
			path := filepath.Join(r.Dir, ".git", filepath.FromSlash(name))
			_ = os.Remove(path)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
			done := make(chan []finding.Skipped, 1)
			go func() {
				_, res, _ := scanRepo(t, r.Dir, 1, gitdb.OpenOptions{})
				done <- res.Skipped
			}()
			select {
			case skipped := <-done:
				if len(skipped) == 0 {
					t.Error("it is passed over in silence")
				}
			case <-time.After(time.Minute):
				t.Fatal("blocked")
			}
		})
	}
}
