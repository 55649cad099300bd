package main

import (
	"bytes"
	"context"
	"keysweep/command"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hung is after what time a process is taken for one that never ends.
const hung = time.Minute

// outOfTime is what a process writes whose time to report was over. On a busy
// machine that may come before it was given a core.
const outOfTime = "stopped before everything was reported"

// interrupted starts a scan that lasts, sends the signals and returns how it
// ended. The scan reads a file with a key and then a standard input that stays
// open. If its time was over, another is started: a scan that does not end by
// itself is out of time whenever it is tried.
func interrupted(t *testing.T, sigs ...syscall.Signal) (status int, key, saved, stdout, stderr string) {
	t.Helper()
	for range 10 {
		status, key, saved, stdout, stderr = interruptedOnce(t, sigs...)
		if !strings.Contains(stderr, outOfTime) {
			break
		}
	}
	return status, key, saved, stdout, stderr
}

func interruptedOnce(t *testing.T, sigs ...syscall.Signal) (status int, key, saved, stdout, stderr string) {
	t.Helper()
	path, key := leak(t)
	file := filepath.Join(t.TempDir(), "report.json")
	// A test under nohup(1) ignores HUP, and so would what it starts; a signal
	// that is caught is not passed on as ignored.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGHUP)
	defer signal.Stop(caught)
	cmd := invoke(t, "scan", "-o", "-", "-o", file, path, "-")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// The pipe holds 64 KiB: when a second write of them has gone through, the
	// program reads.
	if _, err := stdin.Write(bytes.Repeat([]byte("x\n"), 64<<10)); err != nil {
		t.Fatal(err)
	}
	stuck := time.AfterFunc(hung, func() { _ = cmd.Process.Kill() })
	defer stuck.Stop()
	for _, sig := range sigs {
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	_ = cmd.Wait()
	report, _ := os.ReadFile(file)
	return cmd.ProcessState.ExitCode(), key, string(report), out.String(), errs.String()
}

func TestASignalReportsWhatIsKnown(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			status, key, saved, stdout, stderr := interrupted(t, sig)
			if status != 128+int(sig) {
				t.Errorf("status %d, want %d\n%s%s", status, 128+int(sig), stdout, stderr)
			}
			if !strings.Contains(stdout, "incomplete") || !strings.Contains(stdout, "sk_live_…") {
				t.Errorf("standard output does not say what is known:\n%s", stdout)
			}
			if !strings.Contains(saved, `"complete": false`) || !strings.Contains(saved, `"sk_live_…`) {
				t.Errorf("the file does not say what is known:\n%s", saved)
			}
			if strings.Contains(stdout+stderr+saved, key) {
				t.Error("the key is shown")
			}
		})
	}
}

func TestNohupIsObeyed(t *testing.T) {
	path, _ := leak(t)
	cmd := invoke(t)
	cmd.Path = "/bin/sh"
	cmd.Args = []string{"sh", "-c", `trap "" HUP; exec keysweep scan - "$0"`, path}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := stdin.Write(bytes.Repeat([]byte("x\n"), 64<<10)); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(250 * time.Millisecond)
	stdin.Close()
	_ = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != command.StatusFound {
		t.Errorf("status %d, want that of a whole scan", got)
	}
}

// The scan itself is well-behaved, so the watch is tested apart: a scan that
// does not come back is left behind.
func TestASecondSignalEndsAtOnce(t *testing.T) {
	if os.Getenv("KEYSWEEP_TEST_STUCK") != "" {
		ctx, _ := command.WatchSignals(context.Background(), os.Stderr)
		os.Stdout.WriteString("ready\n")
		<-ctx.Done()
		select {}
	}
	for _, tt := range []struct {
		name    string
		signals []syscall.Signal
		waits   bool // as long as a scan has to report
	}{
		{"one", []syscall.Signal{syscall.SIGTERM}, true},
		{"two", []syscall.Signal{syscall.SIGTERM, syscall.SIGINT}, false},
		{"a pipe that is no output is none", []syscall.Signal{syscall.SIGPIPE, syscall.SIGTERM}, true},
		{"a pipe after it is no second", []syscall.Signal{syscall.SIGTERM, syscall.SIGPIPE}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var status int
			var stderr string
			// The second signal may come too late, but not each time.
			for range 10 {
				status, stderr = signalStuck(t, tt.signals)
				if tt.waits || !strings.Contains(stderr, outOfTime) {
					break
				}
			}
			if status != 128+int(syscall.SIGTERM) {
				t.Errorf("status %d, want that of the first signal", status)
			}
			if waited := strings.Contains(stderr, outOfTime); waited != tt.waits {
				t.Errorf("waited: %v, stderr %q", waited, stderr)
			}
		})
	}
}

// signalStuck sends the signals to a process that does not come back.
func signalStuck(t *testing.T, signals []syscall.Signal) (status int, stderr string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := invoke(t)
	cmd.Path = exe
	cmd.Args = []string{exe, "-test.run=^TestASecondSignalEndsAtOnce$"}
	cmd.Env = append(cmd.Env, "KEYSWEEP_TEST_STUCK=1")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	stuck := time.AfterFunc(hung, func() { _ = cmd.Process.Kill() })
	defer stuck.Stop()
	for _, sig := range signals {
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	_ = cmd.Wait()
	return cmd.ProcessState.ExitCode(), errs.String()
}
