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

// slack is how long the end may take here: a second is promised, and a busy
// machine needs time of its own to start and stop processes.
const slack = 2 * time.Second

// interrupted starts a scan that lasts, sends the signals and returns how it
// ended. The scan reads a file with a key and then a standard input that stays
// open.
func interrupted(t *testing.T, sigs ...syscall.Signal) (status int, took time.Duration, key, saved, stdout, stderr string) {
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
	start := time.Now()
	stuck := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer stuck.Stop()
	for _, sig := range sigs {
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	_ = cmd.Wait()
	took = time.Since(start)
	report, _ := os.ReadFile(file)
	return cmd.ProcessState.ExitCode(), took, key, string(report), out.String(), errs.String()
}

func TestASignalReportsWhatIsKnown(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE} {
		t.Run(sig.String(), func(t *testing.T) {
			status, took, key, saved, stdout, stderr := interrupted(t, sig)
			if status != 128+int(sig) {
				t.Errorf("status %d, want %d\n%s%s", status, 128+int(sig), stdout, stderr)
			}
			if took > slack {
				t.Errorf("took %v", took)
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
		{"a pipe after it is no second", []syscall.Signal{syscall.SIGTERM, syscall.SIGPIPE}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			exe, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := invoke(t)
			cmd.Path = exe
			cmd.Args = []string{exe, "-test.run=^TestASecondSignalEndsAtOnce$"}
			cmd.Env = append(cmd.Env, "KEYSWEEP_TEST_STUCK=1")
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
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
			start := time.Now()
			for _, sig := range tt.signals {
				if err := cmd.Process.Signal(sig); err != nil {
					t.Fatal(err)
				}
				time.Sleep(20 * time.Millisecond)
			}
			_ = cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != 128+int(syscall.SIGTERM) {
				t.Errorf("status %d, want that of the first signal", got)
			}
			// The words tell the two ends apart on a machine of any speed.
			if waited := strings.Contains(stderr.String(), "stopped before everything was reported"); waited != tt.waits {
				t.Errorf("waited: %v, stderr %q", waited, &stderr)
			}
			if took := time.Since(start); took > slack {
				t.Errorf("took %v", took)
			}
		})
	}
}
