package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// BenchmarkStaged runs the program, built as go install does, on one new file
// among 2 000 that are staged: what a hook costs who commits. "git" is what
// git itself takes to compare them.
func BenchmarkStaged(b *testing.B) {
	dir := b.TempDir()
	program := filepath.Join(dir, "keysweep.exe")
	run := func(in string, name string, args ...string) {
		b.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = in
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%s %q: %v\n%s", name, args, err, out)
		}
	}
	run(".", "go", "build", "-o", program, ".")
	repo := filepath.Join(dir, "repo")
	for i := range 2000 {
		path := filepath.Join(repo, fmt.Sprintf("d%d/f%d", i%50, i))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Repeat(path+"\n", 50)), 0o666); err != nil {
			b.Fatal(err)
		}
	}
	run(repo, "git", "init", "-q")
	run(repo, "git", "add", ".")
	run(repo, "git", "-c", "user.name=a", "-c", "user.email=a@example.invalid", "commit", "-q", "-m", "1")
	run(repo, "git", "gc", "-q")
	if err := os.WriteFile(filepath.Join(repo, "d1", "new"), bytes.Repeat([]byte("line\n"), 1000), 0o666); err != nil {
		b.Fatal(err)
	}
	run(repo, "git", "add", ".")
	for _, bb := range []struct {
		name   string
		args   []string
		status int
	}{
		{"scan --staged", []string{program, "scan", "--staged"}, 0},
		{"version", []string{program, "version"}, 0},
		{"git", []string{"git", "diff", "--cached", "--quiet"}, 1},
	} {
		b.Run(bb.name, func(b *testing.B) {
			var cpu time.Duration
			for b.Loop() {
				cmd := exec.Command(bb.args[0], bb.args[1:]...)
				cmd.Dir = repo
				_ = cmd.Run()
				if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != bb.status {
					b.Fatalf("%v", cmd.ProcessState)
				}
				cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			}
			b.ReportMetric(float64(cpu.Microseconds())/float64(b.N)/1000, "cpu-ms/op")
		})
	}
}
