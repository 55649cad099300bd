package worktree

import (
	"context"
	"io"
	"os"
	"testing"
)

// BenchmarkWalk walks the folder that KEYSWEEP_TREE names, reading all bytes.
func BenchmarkWalk(b *testing.B) {
	root := os.Getenv("KEYSWEEP_TREE")
	if root == "" {
		b.Skip("KEYSWEEP_TREE names no folder")
	}
	for _, how := range []struct {
		name string
		open func(string) (folder, error)
	}{{"system calls", openNative}, {"os.Root", openRooted}} {
		b.Run(how.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var bufs [64][]byte
				for i := range bufs[:4] {
					bufs[i] = make([]byte, 128<<10)
				}
				sum, err := Walk(context.Background(), root, Options{open: how.open}, func(k int, f *File) error {
					if f.Kind != Regular && f.Kind != Symlink {
						return nil
					}
					return f.Read(func(r io.Reader) error {
						for {
							if _, err := r.Read(bufs[k]); err == io.EOF {
								return nil
							} else if err != nil {
								return err
							}
						}
					})
				})
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(sum.Bytes)
			}
		})
	}
}
