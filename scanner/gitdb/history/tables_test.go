package history

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"keysweep/file"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/gittest"
)

// imported makes a repository of what git fast-import reads: in one pack, or loose.
func imported(t testing.TB, r *gittest.Repo, loose bool, write func(w *bytes.Buffer)) {
	t.Helper()
	var stream bytes.Buffer
	write(&stream)
	limit := "0"
	if loose {
		limit = "1000000"
	}
	cmd := exec.Command("git", "-c", "fastimport.unpackLimit="+limit, "fast-import", "--quiet", "--force")
	cmd.Dir, cmd.Stdin = r.Dir, &stream
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git fast-import: %v\n%s", err, out)
	}
}

func blobs(from, n int) func(w *bytes.Buffer) {
	return func(w *bytes.Buffer) {
		for i := range n {
			text := fmt.Sprint("blob ", from+i)
			fmt.Fprintf(w, "blob\ndata %d\n%s\n", len(text), text)
		}
	}
}

func commits(w *bytes.Buffer, n int) {
	for i := range n {
		fmt.Fprintf(w, "commit refs/heads/main\ncommitter A <a@example.org> %d +0000\ndata 1\nx\n", 1_700_000_000+i)
	}
}

// tableRows are what the tables of a database grow with. Each makes n of one thing,
// over others that others count.
var tableRows = []struct {
	name string // in docs/internals/memory.md
	over []string
	make func(t testing.TB, r *gittest.Repo, n int)
}{
	{"object of a pack", nil, func(t testing.TB, r *gittest.Repo, n int) { imported(t, r, false, blobs(0, n)) }},
	{"loose object", []string{"object of several stores"}, func(t testing.TB, r *gittest.Repo, n int) {
		imported(t, r, true, blobs(0, n))
	}},
	{"object of several stores", []string{"object of a pack"}, func(t testing.TB, r *gittest.Repo, n int) {
		imported(t, r, false, blobs(0, n/2))
		imported(t, r, false, blobs(n/2, n/2))
	}},
	{"tree entry that its base lacks", nil, func(t testing.TB, r *gittest.Repo, n int) {
		imported(t, r, false, func(w *bytes.Buffer) {
			w.WriteString("blob\nmark :1\ndata 1\nx\n")
			commits(w, 1)
			for i := range n {
				fmt.Fprintf(w, "M 100644 :1 file%d\n", i)
			}
		})
	}},
	{"commit", []string{"object of a pack"}, func(t testing.TB, r *gittest.Repo, n int) {
		imported(t, r, false, func(w *bytes.Buffer) { commits(w, n) })
	}},
	{"tag object", []string{"object of a pack", "ref"}, func(t testing.TB, r *gittest.Repo, n int) {
		imported(t, r, false, func(w *bytes.Buffer) {
			commits(w, 1)
			for i := range n {
				fmt.Fprintf(w, "tag t%06d\nfrom refs/heads/main\ntagger A <a@example.org> 1700000000 +0000\ndata 1\nx\n", i)
			}
		})
		r.Git("pack-refs", "--all")
	}},
	{"ref", nil, func(t testing.TB, r *gittest.Repo, n int) {
		imported(t, r, false, func(w *bytes.Buffer) {
			commits(w, 1)
			for i := range n {
				fmt.Fprintf(w, "reset refs/tags/t%06d\nfrom refs/heads/main\n\n", i)
			}
		})
		r.Git("pack-refs", "--all")
	}},
}

// statedBytes reads the table of docs/internals/memory.md.
func statedBytes(t *testing.T) map[string]float64 {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "internals", "memory.md"))
	if err != nil {
		t.Fatal(err)
	}
	stated := make(map[string]float64)
	for _, m := range regexp.MustCompile(`(?m)^\| (.*) \| +([0-9]+) \|$`).FindAllStringSubmatch(string(text), -1) {
		stated[m[1]], _ = strconv.ParseFloat(m[2], 64)
	}
	return stated
}

func liveBytes() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// The tables take what docs/internals/memory.md says: measured for n and 2n, so
// that they are linear.
func TestTablesTakeWhatIsStated(t *testing.T) {
	stated := statedBytes(t)
	if testing.Short() {
		return // the race detector takes memory, too
	}
	const n = 4_000
	for _, tt := range tableRows {
		want, ok := stated[tt.name]
		if !ok {
			t.Errorf("docs/internals/memory.md has no %s", tt.name)
			continue
		}
		for _, n := range []int{n, 2 * n} {
			if strings.HasPrefix(tt.name, "loose") || strings.HasPrefix(tt.name, "tag") || tt.name == "ref" {
				n /= 4 // a file for each
			}
			r := gittest.New(t)
			tt.make(t, r, n)
			before := liveBytes()
			repo, err := gitdb.Open(r.Dir, file.Reach{})
			if err != nil {
				t.Fatal(err)
			}
			db, err := Open(t.Context(), repo, gitdb.OpenOptions{Workers: 2})
			if err != nil {
				t.Fatal(err)
			}
			rec := &recorder{objects: make(map[string]string)}
			if _, err := db.Scan(t.Context(), ScanOptions{Gate: gate{}, NewVisitor: func() Visitor { return rec }}); err != nil {
				t.Fatal(err)
			}
			got := (liveBytes() - before) / float64(n)
			runtime.KeepAlive(repo)
			runtime.KeepAlive(db)
			db.Close()
			for _, other := range tt.over {
				got -= stated[other]
			}
			t.Logf("%d of %s: %.1f bytes each, stated %.0f", n, tt.name, got, want)
			if got > want+8 || got < want/2-8 {
				t.Errorf("%d of %s take %.1f bytes each, stated are up to %.0f", n, tt.name, got, want)
			}
		}
	}
}
