package gitdb

import (
	"fmt"
	"testing"

	"keysweep/file"
	"keysweep/scanner/gitdb/gittest"
)

// BenchmarkOpenWith100000Refs opens a repository whose refs are packed, or in one
// reftable.
func BenchmarkOpenWith100000Refs(b *testing.B) {
	for _, storage := range []string{"packed-refs", "reftable"} {
		b.Run(storage, func(b *testing.B) {
			r := gittest.New(b)
			r.Write("a", "1")
			id := r.Commit("one")
			table := gittest.Table{BlockSize: 4096}
			for i := range 100_000 {
				name := fmt.Sprintf("refs/heads/topic-%06d/%x", i, i*7919)
				table.Refs = append(table.Refs, gittest.TableRef{Name: name, ID: id})
			}
			if storage == "reftable" {
				r.ToReftable(1)
				table.Refs = append(table.Refs, gittest.TableRef{Name: "HEAD", Target: "refs/heads/main"}, gittest.TableRef{Name: "refs/heads/main", ID: id})
				r.WriteStack(r.Dir+"/.git", table)
			} else {
				text := []byte("# pack-refs with: peeled fully-peeled sorted \n")
				for _, ref := range table.Refs {
					text = fmt.Appendf(text, "%s %s\n", ref.ID, ref.Name)
				}
				r.Write(".git/packed-refs", string(text))
			}
			b.ResetTimer()
			for b.Loop() {
				repo, err := Open(r.Dir, file.Reach{})
				if err != nil || len(repo.Refs) < 100_000 || len(repo.Skipped) > 0 {
					b.Fatal(err, len(repo.Refs), repo.Skipped)
				}
			}
		})
	}
}
