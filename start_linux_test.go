package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// buildTags are those of make build.
const buildTags = "urfave_cli_no_docs"

// buildFor builds a package as make build does, and as go install does where
// there is a C compiler: with cgo.
func buildFor(b testing.TB, out, dir string, cgo bool) {
	b.Helper()
	args, env := []string{"build", "-trimpath", "-tags", buildTags, "-o", out, "."}, "CGO_ENABLED=0"
	if cgo {
		args, env = []string{"build", "-o", out, "."}, "CGO_ENABLED=1"
	}
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env)
	if text, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("go %q: %v\n%s", args, err, text)
	}
}

// emptyProgram writes a program with an empty main that imports what ours links
// from other modules and of our own, built the same way.
func emptyProgram(b *testing.B) (dir string) {
	b.Helper()
	cmd := exec.Command("go", "list", "-tags", buildTags, "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		b.Fatal(err)
	}
	var text strings.Builder
	text.WriteString("package main\n\nimport (\n")
	for _, name := range strings.Fields(string(out)) {
		if name != "keysweep" && !strings.Contains(name, "/internal/") {
			fmt.Fprintf(&text, "\t_ %q\n", name)
		}
	}
	text.WriteString(")\n\nfunc main() {}\n")
	// Within the module, so that it may import ours.
	dir, err = os.MkdirTemp(".", "empty")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(text.String()), 0o666); err != nil {
		b.Fatal(err)
	}
	return dir
}

// runProgram runs a program and returns how long it took and its minor page faults.
func runProgram(b *testing.B, status int, dir, name string, args ...string) (time.Duration, int64) {
	b.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
	started := time.Now()
	_ = cmd.Run()
	took := time.Since(started)
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != status {
		b.Fatalf("%s %q: %v", name, args, cmd.ProcessState)
	}
	usage, _ := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if usage == nil {
		b.Skip("no page faults are counted here")
	}
	return took, usage.Minflt
}

// copyOf returns copy number i of a program, which was run once before.
func copyOf(b *testing.B, program string, i int) string {
	b.Helper()
	text, err := os.ReadFile(program)
	name := fmt.Sprintf("%s-%d", program, i)
	if err == nil {
		err = os.WriteFile(name, text, 0o755)
	}
	if err != nil {
		b.Fatal(err)
	}
	_ = exec.Command(name, "version").Run()
	return name
}

// median returns the middle of values, of which there is an odd number.
func median[T int64 | time.Duration](values []T) float64 {
	slices.Sort(values)
	return float64(values[len(values)/2])
}

// BenchmarkStartUp counts the minor page faults of "keysweep version": what is
// linked and done before a command begins. An empty program that imports the
// same packages has most of them; the rest is ours. How the system keeps a file in
// memory changes the count by some 30 from one copy of it to the next: medians over
// fifteen copies of each.
func BenchmarkStartUp(b *testing.B) {
	dir := b.TempDir()
	program, empty := filepath.Join(dir, "keysweep"), filepath.Join(dir, "empty")
	emptySource := emptyProgram(b)
	for _, cgo := range []bool{false, true} {
		b.Run(map[bool]string{false: "make build", true: "go install"}[cgo], func(b *testing.B) {
			buildFor(b, program, ".", cgo)
			buildFor(b, empty, emptySource, cgo)
			var ours, theirs []int64
			for b.Loop() {
				ours, theirs = nil, nil
				for i := range 15 {
					_, n := runProgram(b, 0, ".", copyOf(b, program, i), "version")
					_, m := runProgram(b, 0, ".", copyOf(b, empty, i))
					ours, theirs = append(ours, n), append(theirs, m)
				}
			}
			b.ReportMetric(median(ours), "faults")
			b.ReportMetric(median(ours)-median(theirs), "faults-above-empty")
		})
	}
}

// BenchmarkHookPreCommit runs the hook on one staged file of a repository with
// 2,000, or of the clone that KEYSWEEP_BENCH_REPOSITORY names, and git's own
// comparison of the index in turn. Medians of 25.
func BenchmarkHookPreCommit(b *testing.B) {
	dir := b.TempDir()
	program := filepath.Join(dir, "keysweep")
	repository := stagedRepository(b, filepath.Join(dir, "repository"))
	for _, cgo := range []bool{false, true} {
		b.Run(map[bool]string{false: "make build", true: "go install"}[cgo], func(b *testing.B) {
			buildFor(b, program, ".", cgo)
			var ours, git []time.Duration
			for b.Loop() {
				ours, git = nil, nil
				for range 25 {
					t, _ := runProgram(b, 0, repository, program, "hook", "pre-commit")
					u, _ := runProgram(b, 1, repository, "git", "diff", "--cached", "--quiet")
					ours, git = append(ours, t), append(git, u)
				}
			}
			b.ReportMetric(median(ours)/1e6, "hook-ms")
			b.ReportMetric(median(git)/1e6, "git-ms")
			b.ReportMetric((median(ours)-median(git))/1e6, "ms-above-git")
		})
	}
}

// stagedRepository returns a repository in which one new file is staged.
func stagedRepository(b *testing.B, repository string) string {
	b.Helper()
	git := func(args ...string) {
		b.Helper()
		runProgram(b, 0, repository, "git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.invalid"}, args...)...)
	}
	if from := os.Getenv("KEYSWEEP_BENCH_REPOSITORY"); from != "" {
		runProgram(b, 0, ".", "git", "clone", "-q", from, repository)
	} else {
		for i := range 2000 {
			path := filepath.Join(repository, fmt.Sprintf("d%d/f%d", i%50, i))
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				b.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(strings.Repeat(path+"\n", 50)), 0o666); err != nil {
				b.Fatal(err)
			}
		}
		git("init", "-q")
		git("add", ".")
		git("commit", "-q", "-m", "1")
		git("gc", "-q")
	}
	if err := os.WriteFile(filepath.Join(repository, "staged"), bytes.Repeat([]byte("line\n"), 1000), 0o666); err != nil {
		b.Fatal(err)
	}
	git("add", "staged")
	return repository
}
