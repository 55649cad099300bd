package main

import (
	"bytes"
	"fmt"
	"io"
	"keysweep/command"
	"keysweep/screen"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openTerminal returns both ends of a pseudo-terminal of 80 columns.
func openTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { person.Close() })
	var number int
	control, err := person.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err2 := control.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
		if err == nil {
			err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
		}
	})
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	return person, program
}

// onTerminal runs the program with standard output and standard error on a
// terminal and returns all that a person sees go by. The variables come on top
// of a plain environment.
func onTerminal(t *testing.T, variables []string, args ...string) (screen string, status int) {
	t.Helper()
	person, program := openTerminal(t)
	cmd := invoke(t, args...)
	cmd.Env = append(cmd.Env, variables...)
	cmd.Stdout, cmd.Stderr = program, program
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var seen bytes.Buffer
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(&seen, person) // ends with EIO when the other end closes
		close(done)
	}()
	_ = cmd.Wait()
	program.Close()
	<-done
	return seen.String(), cmd.ProcessState.ExitCode()
}

// invoke returns a command that runs this program in a plain environment.
func invoke(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("keysweep") // testscript.Main put it there
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = []string{"TERM=xterm", "PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "HTTPS_PROXY=" + noWayOut}
	return cmd
}

func TestATerminalGetsColourAndNoKey(t *testing.T) {
	path, key := leak(t)
	screen, status := onTerminal(t, nil, "scan", path)
	if status != command.StatusFound || !strings.Contains(screen, "\x1b[") {
		t.Errorf("status %d, want 1 and colour:\n%q", status, screen)
	}
	if strings.Contains(screen, key) {
		t.Error("the key is shown")
	}
}

func TestATerminalMayAskForTheKey(t *testing.T) {
	path, key := leak(t)
	file := filepath.Join(t.TempDir(), "report.json")
	screen, status := onTerminal(t, nil, "scan", "--show-secrets", "-o", file, "-o", "-", path)
	if status != command.StatusFound || !strings.Contains(screen, key) {
		t.Errorf("status %d, the key is not shown:\n%q", status, screen)
	}
	if saved, err := os.ReadFile(file); err != nil || bytes.Contains(saved, []byte(key)) {
		t.Errorf("%v, or the key is in the file", err)
	}
	screen, status = onTerminal(t, []string{"CI=true"}, "scan", "--show-secrets", path)
	if status != command.StatusUse || strings.Contains(screen, key) {
		t.Errorf("in CI: status %d, screen %q", status, screen)
	}
}

// A FIFO as a target would be skipped; standard input that stays open keeps the
// scan going while the bar is drawn.
func TestTheBarIsDrawnAndErased(t *testing.T) {
	for _, tt := range []struct {
		name      string
		variables []string
		args      []string
		want      bool
	}{
		{"a person looks", nil, nil, true},
		{"--no-progress", nil, []string{"--no-progress"}, false},
		{"--quiet", nil, []string{"-q"}, false},
		{"CI", []string{"CI=true"}, nil, false},
		{"pre-commit", []string{"PRE_COMMIT=1"}, nil, false},
		{"a dumb terminal", []string{"TERM=dumb"}, nil, false},
		{"NO_COLOR", []string{"NO_COLOR=1"}, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			person, program := openTerminal(t)
			cmd := invoke(t, append([]string{"scan", "-"}, tt.args...)...)
			cmd.Env = append(cmd.Env, tt.variables...)
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			var stdout bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, program
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var seen bytes.Buffer
			done := make(chan struct{})
			go func() {
				_, _ = io.Copy(&seen, person)
				close(done)
			}()
			time.Sleep(4 * screen.Refresh)
			stdin.Close()
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v\n%s", err, &stdout)
			}
			program.Close()
			<-done
			screen := seen.String()
			if got := screen != ""; got != tt.want {
				t.Fatalf("on the terminal: %q", screen)
			}
			if tt.want && !strings.HasSuffix(strings.TrimRight(screen, "\r\n"), "\x1b[J") {
				t.Errorf("the bar is not erased: %q", screen)
			}
		})
	}
}

// A hook called by hand may have no standard input, or a terminal.
func TestAHookThatIsCalledByHandDoesNotWait(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{{"hook", "pre-push", "origin", "url"}, {"hook", "pre-receive"}, {"hook", "pre-commit"}, {"hook", "commit-msg", filepath.Join(dir, "m")}} {
		_, program := openTerminal(t)
		for name, in := range map[string]*os.File{"none": nil, "a terminal": program} {
			cmd := invoke(t, args...)
			cmd.Dir = dir // no repository
			if in != nil {
				cmd.Stdin = in
			}
			out, err := cmd.CombinedOutput()
			if err == nil || cmd.ProcessState.ExitCode() != command.StatusUse || !strings.Contains(string(out), "keysweep: ") {
				t.Errorf("%q with %s: %v\n%s", args, name, err, out)
			}
		}
	}
}
