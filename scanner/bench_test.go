package scanner

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// benchRepository is the repository that KEYSWEEP_BENCH_REPO names, or a small
// one that git makes.
func benchRepository(b *testing.B) string {
	b.Helper()
	if dir := os.Getenv("KEYSWEEP_BENCH_REPO"); dir != "" {
		return dir
	}
	r := newRepo(b, filepath.Join(b.TempDir(), "r"))
	rnd := rand.New(rand.NewPCG(1, 1))
	for i := range 100 {
		for f := range 5 {
			var text strings.Builder
			for range 300 {
				fmt.Fprintf(&text, "line %d of file %d\n", rnd.IntN(400), f)
			}
			write(b, filepath.Join(r.dir, fmt.Sprintf("d%d/f.txt", f)), text.String())
		}
		r.commit(fmt.Sprint("commit ", i))
	}
	r.git("repack", "-adfq")
	return r.dir
}

func BenchmarkHistory(b *testing.B) { benchmarkScan(b, Options{History: true}) }

func BenchmarkTree(b *testing.B) { benchmarkScan(b, Options{Tree: true, Ignored: true}) }

func benchmarkScan(b *testing.B, opts Options) {
	opts.Paths = []string{benchRepository(b)}
	set := loadRules(b)
	for b.Loop() {
		res, err := prepareAndScan(context.Background(), opts, set)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(res.Read.Bytes)
		b.ReportMetric(float64(res.Read.Objects), "objects")
		b.ReportMetric(float64(len(res.Findings)), "findings")
	}
}

// BenchmarkWindows reads content without candidates: what each byte costs.
func BenchmarkWindows(b *testing.B) {
	set := loadRules(b)
	for name, text := range map[string]string{
		"lines":    strings.Repeat("some words and a line of text\n", 16*windowSize/30),
		"one line": strings.Repeat("some words and a line of text ", 16*windowSize/30),
	} {
		b.Run(name, func(b *testing.B) {
			j := newCollector(set, false, new(Progress)).newJudge(context.Background())
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := j.stream(strings.NewReader(text), location{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
