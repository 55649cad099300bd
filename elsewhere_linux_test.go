package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"keysweep/scanner/gitdb/gittest"
)

// Whatever of a repository names a path on another host or of a device: no command
// opens it, nor asks the system what is there. strace(1) sees all that is asked.
func TestNothingThatContentNamesElsewhereIsOpened(t *testing.T) {
	if testing.Short() {
		return // it runs a program that is built without the race detector
	}
	r := gittest.New(t, "--template=")
	r.Write("a.env", "A="+testKey("sk_live_", "elsewhere", 40)+"\n")
	r.Commit("one")
	dir := t.TempDir()
	program := filepath.Join(dir, "keysweep")
	buildFor(t, program, ".", false)
	all := os.Getenv("KEYSWEEP_WINE") != "" // make windows: all commands with all paths
	var runs [][]string
	repositories := 0
	for i, path := range unixElsewhere {
		folder := filepath.Join(dir, fmt.Sprint("f", i))
		list := namesOf(path)
		if i > 0 && !all {
			list = list[:15] // how a path is written is judged in one place
		}
		names := writeNames(t, list, r.Dir, folder)
		repositories += len(names)
		commands := []string{"scan --follow-alternates"}
		if i == 0 || all {
			commands = []string{"scan", "scan --tree", "scan --follow-alternates --ignored"}
		}
		for _, c := range commands {
			runs = append(runs, append(strings.Fields(c), folder))
		}
		if commands = []string{"doctor", "scan --staged"}; all {
			commands = append(commands, "scan", "scan --history", "scan --range HEAD", "install --dry-run", "uninstall --dry-run", "baseline create --dry-run")
		}
		for _, name := range names {
			for _, c := range commands {
				if i == 0 {
					runs = append(runs, append(strings.Fields(c), filepath.Join(folder, name)))
				}
			}
		}
	}
	if got, _ := pathsAsked(t, "/bin/cat", unixElsewhere[0]); len(got) != 1 {
		t.Fatalf("the trace of a program that opens such a path has %q", got)
	}
	queue := make(chan []string)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for args := range queue {
				calls, printed := pathsAsked(t, append([]string{program}, args...)...)
				for _, line := range calls {
					t.Errorf("%q: %s", args[:len(args)-1], line)
				}
				if filepath.Dir(args[len(args)-1]) == dir && !strings.Contains(printed, "not followed: ") {
					t.Errorf("%q: %s", args, printed)
				}
			}
		})
	}
	for _, args := range runs {
		queue <- args
	}
	close(queue)
	workers.Wait()
	t.Logf("%d repositories, %d runs", repositories, len(runs))
}

// pathsAsked runs a program and returns its calls with a path of hostInvalid, except
// for reads of a link's target, and what it printed.
func pathsAsked(t *testing.T, command ...string) (calls []string, printed string) {
	trace := filepath.Join(t.TempDir(), "trace")
	cmd := exec.Command("strace", append([]string{"-f", "--seccomp-bpf", "-qq", "-s", "4096", "-e", "trace=%file", "-o", trace}, command...)...)
	cmd.Env = append(os.Environ(), "CI=", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, _ := cmd.CombinedOutput() // most end with a status
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Error(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "execve(") && strings.Contains(line, command[0]) {
			continue // the run itself
		}
		if strings.Contains(line, "<... readlink") {
			continue // what a link says
		}
		if strings.Contains(readLink.ReplaceAllString(line, "$1"), hostInvalid) {
			calls = append(calls, line)
		}
	}
	return calls, string(out)
}

// readLink is a call that reads a link: what comes behind the name is what it says.
var readLink = regexp.MustCompile(`(readlink(?:at)?\((?:[^"]*, )?"(?:[^"\\]|\\.)*").*`)
