package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkArchives scans a zip and a .tar.gz that hold 1 GB, and has unzip or gzip,
// and rg, do the same in turn. Medians of three; MB-resident is the most
// memory that keysweep took, the program included.
func BenchmarkArchives(b *testing.B) {
	for _, program := range []string{"rg", "zip", "unzip", "gzip", "tar"} {
		if _, err := exec.LookPath(program); err != nil {
			b.Skip(err)
		}
	}
	dir := b.TempDir()
	program := filepath.Join(dir, "keysweep")
	buildFor(b, program, ".", false)
	shell := func(command string) time.Duration {
		cmd := exec.Command("bash", "-euo", "pipefail", "-c", command)
		cmd.Dir = dir
		started := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%s: %v\n%s", command, err, out)
		}
		return time.Since(started)
	}
	// Go's own sources, until they are 1 GB: each file in one folder for each copy. Their
	// testdata holds archives, which the others would not open.
	shell(`size=0; i=0; while [ $size -lt 1000000000 ]; do
		mkdir -p tree/$i; cp -r "$(go env GOROOT)"/src tree/$i/; find tree/$i -name testdata -prune -exec rm -r {} +; i=$((i + 1)); [ $i -gt 1 ] || one=$(du -sb tree/0 | cut -f1); size=$((size + one)); done
		zip -q -r x.zip tree; tar -czf x.tar.gz tree; rm -r tree`)
	for name, tt := range map[string]struct {
		others string
		most   float64 // of their time
	}{
		"x.zip":    {"unzip -p x.zip | rg -a -c 'sk_(live|test)_' || true", 0.7},
		"x.tar.gz": {"gzip -dc x.tar.gz | rg -a -c 'sk_(live|test)_' || true", 1.3},
	} {
		b.Run(name, func(b *testing.B) {
			var ours, theirs []time.Duration
			var memory int64
			for b.Loop() {
				ours, theirs = nil, nil
				for range 3 {
					cmd := exec.Command(program, "scan", "--tree", "-q", "--no-config", name)
					cmd.Dir = dir
					started := time.Now()
					out, err := cmd.CombinedOutput()
					ours = append(ours, time.Since(started))
					if err != nil && cmd.ProcessState.ExitCode() != 1 || strings.Contains(string(out), "too-large") {
						b.Fatalf("%v\n%s", err, out)
					}
					if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
						memory = max(memory, usage.Maxrss)
					}
					theirs = append(theirs, shell(tt.others))
				}
			}
			b.ReportMetric(median(ours)/1e9, "s")
			b.ReportMetric(median(theirs)/1e9, "s-others")
			b.ReportMetric(median(ours)/median(theirs), "ratio")
			b.ReportMetric(tt.most, "goal")
			b.ReportMetric(float64(memory)/1024, "MB-resident")
		})
	}
}
