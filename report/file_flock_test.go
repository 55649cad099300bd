//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package report

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestSymbolicLinkStaysAndItsFileIsReplaced(t *testing.T) {
	folder, shared := t.TempDir(), t.TempDir()
	file, link := filepath.Join(shared, "real.json"), filepath.Join(folder, "r.json")
	if err := os.WriteFile(file, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(link, content("new")); err != nil {
		t.Fatal(err)
	}
	checkFile(t, file, "new")
	if to, err := os.Readlink(link); err != nil || to != file {
		t.Errorf("the link is now %q, %v", to, err)
	}
	checkFolder(t, shared, "real.json")
	checkFolder(t, folder, "r.json")
}

func TestLinkToNothingIsRefused(t *testing.T) {
	folder := t.TempDir()
	link := filepath.Join(folder, "r.json")
	if err := os.Symlink(filepath.Join(folder, "nothing"), link); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(link, content("x")); err == nil {
		t.Error("its target was created")
	}
	checkFolder(t, folder, "r.json")
}

func TestFIFOIsWrittenTo(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := CheckFile(path); err != nil { // must not wait for a reader
		t.Error(err)
	}
	var got []byte
	var wait sync.WaitGroup
	wait.Go(func() { got, _ = os.ReadFile(path) })
	err := WriteFile(path, content("report"))
	wait.Wait()
	if err != nil || string(got) != "report" {
		t.Errorf("read %q, error %v", got, err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode().Type() != os.ModeNamedPipe {
		t.Errorf("the FIFO is now %v, %v", info.Mode(), err)
	}
	checkFolder(t, folder, "pipe")
}

func TestReaderOfFIFOThatLeavesIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		if f, err := os.Open(path); err == nil {
			_ = f.Close()
		}
	}()
	err := WriteFile(path, func(w io.Writer) error {
		<-closed
		return content(strings.Repeat("x", 1<<20))(w)
	})
	if !errors.Is(err, syscall.EPIPE) {
		t.Errorf("error %v, want %v", err, syscall.EPIPE)
	}
}

func TestFullDeviceIsAnErrorAndStaysADevice(t *testing.T) {
	before, err := os.Lstat("/dev/full")
	if err != nil {
		t.Skip("no /dev/full")
	}
	for _, text := range []string{"x", strings.Repeat("x", 1<<20)} {
		if err := WriteFile("/dev/full", content(text)); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("error %v, want %v", err, syscall.ENOSPC)
		}
	}
	if after, err := os.Lstat("/dev/full"); err != nil || !os.SameFile(before, after) {
		t.Errorf("/dev/full is now %v, %v", after, err)
	}
	if err := WriteFile("/dev/null", content("x")); err != nil {
		t.Error(err)
	}
}

// TestStandardOutputIsNotReplaced runs this test again with its standard
// output in a file, which must receive the report behind what it holds.
func TestStandardOutputIsNotReplaced(t *testing.T) {
	const variable = "KEYSWEEP_TEST_STDOUT"
	if os.Getenv(variable) != "" {
		os.Stdout.WriteString("before|")
		if err := WriteFile("/dev/stdout", content("report|")); err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("after|")
		os.Exit(0)
	}
	if _, err := os.Stat("/dev/stdout"); err != nil {
		t.Skip("no /dev/stdout")
	}
	folder := t.TempDir()
	path := filepath.Join(folder, "out")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(os.Args[0], "-test.run=^TestStandardOutputIsNotReplaced$")
	cmd.Env = append(os.Environ(), variable+"=1")
	cmd.Stdout = out
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	checkFile(t, path, "before|report|after|")
	checkFolder(t, folder, "out")
}

func TestFolderThatCannotBeWrittenIsAnError(t *testing.T) {
	folder := t.TempDir()
	if err := WriteFile(filepath.Join(folder, "r"), content("old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(folder, 0o700) })
	if os.Geteuid() == 0 {
		folder = "/sys" // where root may not create either
		if _, err := os.Stat(folder); err != nil {
			t.Skip("root may write anywhere")
		}
	}
	path := filepath.Join(folder, "r")
	if err := WriteFile(path, content("new")); err == nil || strings.Contains(err.Error(), "keysweep-") {
		t.Errorf("error %v, want one that names the report", err)
	}
	if CheckFile(path) == nil {
		t.Error("CheckFile finds it fine")
	}
}

// TestKilledProcessLeavesNoMoreThanTheNextRunRemoves kills a process while it
// writes, and another that still writes keeps its file.
func TestKilledProcessLeavesNoMoreThanTheNextRunRemoves(t *testing.T) {
	const variable = "KEYSWEEP_TEST_REPORT"
	if path := os.Getenv(variable); path != "" {
		_ = WriteFile(path, func(w io.Writer) error {
			_ = content("partial")(w)
			os.Stdout.WriteString("writing\n")
			time.Sleep(time.Hour) // not select {}: Go would call it a deadlock
			return nil
		})
		os.Exit(1)
	}
	folder := t.TempDir()
	path := filepath.Join(folder, "r.json")
	if err := WriteFile(path, content("old")); err != nil {
		t.Fatal(err)
	}
	start := func() *exec.Cmd {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledProcessLeavesNoMoreThanTheNextRunRemoves$")
		cmd.Env = append(os.Environ(), variable+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "writing\n" {
			t.Fatalf("%q, %v", line, err)
		}
		return cmd
	}
	kill := func(cmd *exec.Cmd) {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	temporary := func() int {
		names, err := filepath.Glob(filepath.Join(folder, ".r.json.keysweep-*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	killed, running := start(), start()
	kill(killed)
	defer kill(running)
	checkFile(t, path, "old")
	if n := temporary(); n != 2 {
		t.Fatalf("%d temporary files, want 2", n)
	}
	if err := WriteFile(path, content("new")); err != nil {
		t.Fatal(err)
	}
	checkFile(t, path, "new")
	if n := temporary(); n != 1 {
		t.Errorf("%d temporary files, want that of the running process", n)
	}
}

func TestReportsWrittenAtOnceAreWhole(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "r")
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for range 50 {
				if err := WriteFile(path, content(strings.Repeat(string(rune('a'+i)), 1000))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	got, err := os.ReadFile(path)
	if err != nil || len(got) != 1000 || strings.Trim(string(got), string(got[0])) != "" {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	checkFolder(t, folder, "r")
}
