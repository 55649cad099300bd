package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"keysweep/sweep/queue"
)

// use is what a process takes at a moment.
type use struct{ kB, descriptors int }

// watch returns what p takes, every few milliseconds until it ends.
func (p *process) watch() (taken []use) {
	dir := filepath.Join("/proc", fmt.Sprint(p.Process.Pid))
	for ; !p.hasEnded(); time.Sleep(5 * time.Millisecond) {
		text, _ := os.ReadFile(filepath.Join(dir, "status"))
		open, err := os.ReadDir(filepath.Join(dir, "fd"))
		_, rss, _ := strings.Cut(string(text), "\nVmRSS:")
		rss, _, _ = strings.Cut(rss, "kB")
		if kB, bad := strconv.Atoi(strings.TrimSpace(rss)); bad == nil && err == nil {
			taken = append(taken, use{kB, len(open)})
		}
	}
	return taken
}

// most returns the most of each.
func most(taken []use) (m use) {
	for _, u := range taken {
		m = use{max(m.kB, u.kB), max(m.descriptors, u.descriptors)}
	}
	return m
}

// Make soak sets KEYSWEEP_SOAK to the number of repositories. make test has a sample, too short
// to see whether memory grows.
func TestSoakManyRepositoriesAndKills(t *testing.T) {
	n, kills, all := 48, 3, false
	if text := os.Getenv("KEYSWEEP_SOAK"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
		kills, all = 50, true
	}
	dir := t.TempDir()
	made, _ := several(t, dir, 24)
	made = made[:24] // without the one that has a working tree
	var paths []string
	for i := range n {
		path := filepath.Join(dir, fmt.Sprintf("many/%04d.git", i))
		if err := os.CopyFS(path, os.DirFS(made[i%len(made)])); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	repos := listOf(t, dir, paths)
	args := func(state string) []string {
		return []string{"--repos", repos, "--state", filepath.Join(dir, state), "-f", "json", "-q"}
	}

	whole := begin(t, itself(t, args("whole")...))
	taken := whole.watch()
	want, status := whole.stdout.String(), whole.ProcessState.ExitCode()
	if !strings.Contains(want, `"complete": true`) {
		t.Fatalf("status %d\n%s", status, whole.stderr.String())
	}
	quarter := len(taken) / 4
	early, late := most(taken[quarter:2*quarter]), most(taken[2*quarter:3*quarter])
	t.Logf("%d repositories: %d kB and %d descriptors in the second quarter of the time, %d and %d in the third; at most %+v",
		n, early.kB, early.descriptors, late.kB, late.descriptors, most(taken))
	if all && (late.kB > early.kB*5/4 || late.descriptors > early.descriptors+4) {
		t.Error("what the process takes grows with the number of repositories")
	}

	killed := 0
	for range kills {
		p := begin(t, itself(t, args("killed")...))
		moment()
		if !p.hasEnded() {
			killed++
		}
		p.kill()
	}
	p := begin(t, itself(t, args("killed")...))
	<-p.ended
	if got := p.stdout.String(); got != want || p.ProcessState.ExitCode() != status {
		t.Errorf("after %d kills: status %d, want %d\n%s", killed, p.ProcessState.ExitCode(), status, p.stderr.String())
	}
	t.Logf("%d kills", killed)
	resultsOnce(t, queue.Options{State: filepath.Join(dir, "killed")}, paths)
}
