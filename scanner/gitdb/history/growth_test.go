package history

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"keysweep/file"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/gittest"
)

// growthKinds are kinds of content, each made of n of one thing.
var growthKinds = []struct {
	name string
	n    int
	make func(t testing.TB, r *gittest.Repo, n int)
}{
	{"delta bases with one version each", 250, func(t testing.TB, r *gittest.Repo, n int) {
		imported(t, r, false, func(w *bytes.Buffer) {
			for i := range n {
				for v := range 2 {
					text := strings.Repeat(fmt.Sprintln("base", i), 100) + fmt.Sprint("version ", v)
					fmt.Fprintf(w, "blob\ndata %d\n%s\n", len(text), text)
				}
			}
		})
	}},
	{"versions in chains of 50", 500, func(t testing.TB, r *gittest.Repo, n int) {
		imported(t, r, false, func(w *bytes.Buffer) {
			for i := range n {
				text := strings.Repeat("the same line\n", 300) + fmt.Sprint("version ", i)
				fmt.Fprintf(w, "blob\ndata %d\n%s\n", len(text), text)
			}
		})
	}},
	{"packs", 10, func(t testing.TB, r *gittest.Repo, n int) {
		for i := range n {
			imported(t, r, false, blobs(i*50, 50))
		}
	}},
	{"loose objects", 500, func(t testing.TB, r *gittest.Repo, n int) { imported(t, r, true, blobs(0, n)) }},
	{"alternates beside each other", 5, func(t testing.TB, r *gittest.Repo, n int) {
		var list strings.Builder
		for i := range n {
			other := gittest.Repo{T: t, Dir: filepath.Join(r.Dir, "..", fmt.Sprint("other", i))}
			r.GitIn(filepath.Dir(r.Dir), "init", "-q", other.Dir)
			imported(t, &other, false, blobs(i*50, 50))
			fmt.Fprintln(&list, filepath.Join(other.Dir, ".git", "objects"))
		}
		if err := os.WriteFile(filepath.Join(r.Dir, ".git/objects/info/alternates"), []byte(list.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}},
	{"entries of one tree", 5_000, func(t testing.TB, r *gittest.Repo, n int) { tableRows[3].make(t, r, n) }},
	{"folders in each other", 300, func(t testing.TB, r *gittest.Repo, n int) {
		imported(t, r, false, func(w *bytes.Buffer) {
			commits(w, 1)
			fmt.Fprintf(w, "M 100644 inline %sfile\ndata 1\nx\n", strings.Repeat("d/", n))
		})
	}},
	{"commits", 2_000, func(t testing.TB, r *gittest.Repo, n int) {
		imported(t, r, false, func(w *bytes.Buffer) { commits(w, n) })
	}},
	{"refs", 500, func(t testing.TB, r *gittest.Repo, n int) { tableRows[6].make(t, r, n) }},
}

// work scans a repository and returns the bytes that were allocated for it.
func work(t *testing.T, dir string) uint64 {
	t.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	repo, err := gitdb.Open(dir, file.Reach{})
	if err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), repo, gitdb.OpenOptions{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rec := &recorder{objects: make(map[string]string)}
	res, err := db.Scan(t.Context(), ScanOptions{Gate: gate{}, NewVisitor: func() Visitor { return rec }})
	if err != nil || len(res.Skipped) > 0 {
		t.Fatal(err, res.Skipped)
	}
	if _, err := db.Missing(t.Context()); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// What a scan costs grows as its input does: counted as bytes allocated, which
// do not depend on the machine.
func TestWorkGrowsWithTheInput(t *testing.T) {
	if testing.Short() {
		return // the race detector takes memory, too
	}
	for _, tt := range growthKinds {
		t.Run(tt.name, func(t *testing.T) {
			var costs []uint64
			for _, n := range []int{tt.n, 2 * tt.n, 4 * tt.n} {
				r := gittest.New(t)
				tt.make(t, r, n)
				costs = append(costs, work(t, r.Dir))
			}
			t.Logf("| %s | %d | %d | %d | %d |", tt.name, tt.n, costs[0]>>10, costs[1]>>10, costs[2]>>10)
			// Twice the growth from n to 2n, and a quarter for slices that grow.
			if first, then := costs[1]-min(costs[0], costs[1]), costs[2]-min(costs[1], costs[2]); then > 2*first+first/2+64<<10 {
				t.Errorf("%d, %d and %d bytes for %d and twice and four times as many", costs[0], costs[1], costs[2], tt.n)
			}
		})
	}
}
