//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"keysweep/command"
	"keysweep/sweep/queue"
)

// smallFiles is the environment variable with the most bytes that a file of the program may
// have, as on a disk that is full.
const smallFiles = "KEYSWEEP_SWEEP_TEST_SMALL_FILES"

func init() {
	if n, err := strconv.ParseUint(os.Getenv(smallFiles), 10, 64); err == nil {
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: n}); err != nil {
			panic(err)
		}
	}
}

// process is the program, running.
type process struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
	ended          chan struct{}
}

// begin starts a process, which ends with the test.
func begin(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{Cmd: cmd, ended: make(chan struct{})}
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.Wait()
		close(p.ended)
	}()
	t.Cleanup(p.kill)
	return p
}

// kill ends the process as kill -9 does.
func (p *process) kill() {
	_ = p.Process.Kill()
	<-p.ended
}

// hasEnded reports whether the process ended by itself.
func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// itself returns the program with args.
func itself(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// moment waits for a random while in which a sweep of a few repositories is somewhere.
func moment() { time.Sleep(time.Duration(rand.IntN(500)) * time.Millisecond) }

// kills is how often something is killed in a test: no more often than a repository is given
// to workers. make soak repeats the tests.
const kills = queue.MaxAttempts

// kept returns the sweep that servers keep.
func kept(t *testing.T, url string) *queue.Sweep {
	t.Helper()
	q, err := queue.Open(t.Context(), queue.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	s, err := q.Sweep(t.Context())
	if err != nil || s == nil {
		t.Fatalf("%v, %v", s, err)
	}
	return s
}

// resultsOnce checks that each repository has one result in the last sweep, and none failed.
func resultsOnce(t *testing.T, o queue.Options, paths []string) {
	t.Helper()
	ctx := context.Background()
	q, err := queue.Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	s, err := q.Sweep(ctx)
	if err != nil || s == nil || !s.Done {
		t.Fatalf("%+v, %v", s, err)
	}
	for _, path := range paths {
		if r, err := q.Result(ctx, s.ID, path); err != nil || r == nil || r.Failed != "" {
			t.Errorf("%s: %+v, %v", path, r, err)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	times := map[string]int{}
	if err := q.Watch(ctx, s.ID, func(id string) { times[id]++ }); err != nil || len(times) != len(paths) {
		t.Errorf("%d results for %d repositories, %v", len(times), len(paths), err)
	}
	for id, n := range times {
		if n != 1 {
			t.Errorf("%s has %d results", id, n)
		}
	}
	if n, err := q.Waiting(ctx); n != 0 || err != nil {
		t.Errorf("%d messages are left, %v", n, err)
	}
}

func TestASweepThatIsKilledGoesOn(t *testing.T) {
	dir := t.TempDir()
	paths, repos := several(t, dir, 24)
	wantStatus, want := scanned(t, paths...)
	state := filepath.Join(dir, "state")
	args := []string{"--repos", repos, "--state", state, "-f", "json"}
	killed := 0
	for range kills {
		p := begin(t, itself(t, args...))
		moment()
		if p.hasEnded() { // the next one begins anew
			continue
		}
		p.kill()
		killed++
	}
	p := begin(t, itself(t, args...))
	<-p.ended
	if got := p.stdout.String(); got != want || p.ProcessState.ExitCode() != wantStatus {
		t.Errorf("after %d kills: status %d, want %d\n%s\n%s\nwant\n%s", killed, p.ProcessState.ExitCode(), wantStatus, p.stderr.String(), got, want)
	}
	t.Logf("%d kills", killed)
	resultsOnce(t, queue.Options{State: state}, paths)
}

// natsServer builds the server program of the version that go.mod names.
func natsServer(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "nats-server")
	cmd := exec.Command("go", "build", "-trimpath", "-tags", "urfave_cli_no_docs", "-o", program, "github.com/nats-io/nats-server/v2")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// freePort returns a port that nothing listens at.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func TestWhateverIsKilledEachRepositoryHasOneResult(t *testing.T) {
	dir := t.TempDir()
	paths, repos := several(t, dir, 24)
	wantStatus, want := scanned(t, paths...)
	port := freePort(t)
	url := fmt.Sprint("nats://127.0.0.1:", port)
	program := natsServer(t)
	start := map[string]func() *process{
		"server": func() *process {
			return begin(t, exec.Command(program, "-js", "-a", "127.0.0.1", "-p", fmt.Sprint(port), "-sd", filepath.Join(dir, "js")))
		},
		"coordinator": func() *process { return begin(t, itself(t, "--repos", repos, "--nats", url, "-f", "json")) },
		"worker":      func() *process { return begin(t, itself(t, "work", "--nats", url, "--at-once", "1")) },
	}
	running := map[string]*process{}
	for _, name := range []string{"server", "worker", "coordinator"} {
		if name != "server" {
			waitForServer(t, url)
		}
		running[name] = start[name]()
	}
	names := []string{"worker", "server", "coordinator"}
	killed := map[string]int{}
	for i := range kills {
		moment()
		name := names[i%len(names)]
		if !running[name].hasEnded() {
			killed[name]++
		}
		running[name].kill()
		running[name] = start[name]()
		if name == "server" {
			waitForServer(t, url)
		}
	}
	c := running["coordinator"]
	for again := 0; ; time.Sleep(20 * time.Millisecond) {
		w := running["worker"]
		if c.hasEnded() && c.ProcessState.ExitCode() == wantStatus {
			break
		}
		if again > 2*kills {
			t.Fatalf("killed %v, and ended by themselves again and again:\n%s\n%s", killed, c.stderr.String(), w.stderr.String())
		}
		// What was not killed ends for want of a server at most.
		if c.hasEnded() {
			again++
			t.Logf("the coordinator ended: %s", c.stderr.String())
			c = start["coordinator"]()
		}
		if w.hasEnded() {
			again++
			if w.ProcessState.ExitCode() == 0 && !kept(t, url).Done {
				t.Errorf("a worker ended before the sweep did: %s", w.stderr.String())
			}
			t.Logf("the worker ended: %s", w.stderr.String())
			running["worker"] = start["worker"]()
		}
	}
	if got := c.stdout.String(); got != want || c.ProcessState.ExitCode() != wantStatus {
		t.Errorf("killed %v: status %d, want %d\n%s\n%s\nworker: %s\nwant\n%s", killed, c.ProcessState.ExitCode(), wantStatus, c.stderr.String(), got, running["worker"].stderr.String(), want)
	}
	t.Logf("killed %v", killed)
	resultsOnce(t, queue.Options{URL: url}, paths)
}

// waitForServer returns when a server accepts connections.
func waitForServer(t *testing.T, url string) {
	t.Helper()
	for {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "nats://"))
		if err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestAFullDiskIsSaid(t *testing.T) {
	dir := t.TempDir()
	_, repos := several(t, dir, 12)
	state := filepath.Join(dir, "state")
	args := []string{"--repos", repos, "--state", state, "-f", "json"}
	cmd := itself(t, args...)
	cmd.Env = append(cmd.Env, smallFiles+"=5000")
	p := begin(t, cmd)
	<-p.ended
	if p.ProcessState.ExitCode() != command.StatusUse || !strings.Contains(p.stderr.String(), "--state") || p.stdout.Len() > 0 {
		t.Errorf("status %d: %s\n%s", p.ProcessState.ExitCode(), p.stderr.String(), p.stdout.String())
	}
	if status, stdout, stderr := run(t, args...); status != command.StatusFound || !strings.Contains(stdout, `"complete": true`) {
		t.Errorf("with room: %d %s", status, stderr)
	}
}

func TestASignalWhileRepositoriesAreListedIsTheStatus(t *testing.T) {
	dir := t.TempDir()
	running := make(chan *process, 1)
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		p := <-running
		_ = p.Process.Signal(os.Interrupt)
		<-p.ended
	}))
	t.Cleanup(s.Close)
	p := begin(t, itself(t, "--gitea", "shop", "--api", s.URL, "--state", filepath.Join(dir, "state")))
	running <- p
	<-p.ended
	if got := p.ProcessState.ExitCode(); got != 130 || !strings.HasSuffix(p.stderr.String(), "keysweep-sweep: signal: interrupt\n") {
		t.Errorf("status %d, %q", got, p.stderr.String())
	}
}

// A sweep that cannot have its cache is none that did not end.
func TestASweepDoesNotBeginWithoutItsCache(t *testing.T) {
	dir := t.TempDir()
	_, repos := several(t, dir, 1)
	cache, state := filepath.Join(dir, "cache"), filepath.Join(dir, "state")
	unlock, err := lock("--cache", cache)
	if err != nil {
		t.Fatal(err)
	}
	status, _, stderr := run(t, "--repos", repos, "--state", state, "--cache", cache)
	if status != command.StatusUse || !strings.Contains(stderr, "--cache: another keysweep-sweep runs with ") {
		t.Errorf("status %d, %q", status, stderr)
	}
	unlock()
	if _, _, stderr := run(t, "--repos", repos, "--state", state, "--cache", cache, "-q"); strings.Contains(stderr, "going on") {
		t.Errorf("%q", stderr)
	}
}
