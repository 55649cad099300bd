//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package file

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
	if err := Write(link, Own, content("new")); err != nil {
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
	if err := Write(link, Own, content("x")); err == nil {
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
	if err := Check(path); err != nil { // must not wait for a reader
		t.Error(err)
	}
	var got []byte
	var wait sync.WaitGroup
	wait.Go(func() { got, _ = os.ReadFile(path) })
	err := Write(path, Own, content("report"))
	wait.Wait()
	if err != nil || string(got) != "report" {
		t.Errorf("read %q, error %v", got, err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode().Type() != os.ModeNamedPipe {
		t.Errorf("the FIFO is now %v, %v", info.Mode(), err)
	}
	checkFolder(t, folder, "pipe")
}

func TestReadDoesNotWaitForAWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path, 1); err != ErrNotRegular {
		t.Error(err)
	}
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
	err := Write(path, Own, func(w io.Writer) error {
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
		if err := Write("/dev/full", Own, content(text)); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("error %v, want %v", err, syscall.ENOSPC)
		}
	}
	if after, err := os.Lstat("/dev/full"); err != nil || !os.SameFile(before, after) {
		t.Errorf("/dev/full is now %v, %v", after, err)
	}
	if err := Write("/dev/null", Own, content("x")); err != nil {
		t.Error(err)
	}
}

// TestStandardOutputIsNotReplaced runs this test again with its standard
// output in a file, which must receive the report behind what it holds.
func TestStandardOutputIsNotReplaced(t *testing.T) {
	const variable = "KEYSWEEP_TEST_STDOUT"
	if os.Getenv(variable) != "" {
		os.Stdout.WriteString("before|")
		if err := Write("/dev/stdout", Own, content("report|")); err != nil {
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
	if err := Write(filepath.Join(folder, "r"), Own, content("old")); err != nil {
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
	if err := Write(path, Own, content("new")); err == nil || strings.Contains(err.Error(), "keysweep-") {
		t.Errorf("error %v, want one that does not name the temporary file", err)
	}
	if Check(path) == nil {
		t.Error("Check finds it fine")
	}
}

func TestModes(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o027))
	folder := t.TempDir()
	for _, c := range []struct {
		name      string
		old       os.FileMode // 0: no file
		mode, got os.FileMode
	}{
		{"a new file", 0, 0, 0o640},
		{"the mode of the old file", 0o600, 0, 0o600},
		{"not more than the umask allows", 0o644, 0, 0o640},
		{"for all, whatever the umask says", 0, 0o755, 0o755},
		{"for its owner, whatever it was", 0o644, Own, 0o600},
	} {
		path := filepath.Join(folder, c.name)
		if c.old != 0 {
			if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chmod(path, c.old)); err != nil {
				t.Fatal(err)
			}
		}
		if err := Write(path, c.mode, content("x")); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != c.got {
			t.Errorf("%s: %v, %v, want %v", c.name, info.Mode(), err, c.got)
		}
	}
}

// TestKilledProcessLeavesNoMoreThanTheNextRunRemoves kills a process while it
// writes, and another that still writes keeps its file.
func TestKilledProcessLeavesNoMoreThanTheNextRunRemoves(t *testing.T) {
	const variable, unnamedVariable = "KEYSWEEP_TEST_REPORT", "KEYSWEEP_TEST_UNNAMED"
	if path := os.Getenv(variable); path != "" {
		create := createNamed
		if os.Getenv(unnamedVariable) != "" {
			create = createTemp
		}
		_ = replace(path, Own, create, func(w io.Writer) error {
			_ = content("partial")(w)
			os.Stdout.WriteString("writing\n")
			time.Sleep(time.Hour) // not select {}: Go would call it a deadlock
			return nil
		})
		os.Exit(1)
	}
	folder := t.TempDir()
	path := filepath.Join(folder, "r.json")
	if err := Write(path, Own, content("old")); err != nil {
		t.Fatal(err)
	}
	// What is not ours stays, by whatever name.
	for _, name := range []string{".r.json.keysweep-notes", ".r.json.keysweep-ABCDEFGHIJ", ".r.json.keysweep-ABCDEFGHIJ01234567"} {
		name = filepath.Join(folder, name)
		if err := os.WriteFile(name, []byte("notes"), 0o600); err != nil {
			t.Fatal(err)
		}
		defer checkFile(t, name, "notes")
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
		return len(names) - 3
	}
	killed, running := start(), start()
	kill(killed)
	defer kill(running)
	checkFile(t, path, "old")
	if n := temporary(); n != 2 {
		t.Fatalf("%d temporary files, want 2", n)
	}
	if err := Write(path, Own, content("new")); err != nil {
		t.Fatal(err)
	}
	checkFile(t, path, "new")
	if n := temporary(); n != 1 {
		t.Errorf("%d temporary files, want that of the running process", n)
	}
	if f, err := unnamed(folder, Own); err == nil {
		_ = f.Close()
		t.Setenv(unnamedVariable, "1")
		kill(start())
		if n := temporary(); n != 1 {
			t.Errorf("a killed process left a file that has a name: %d", n)
		}
	}
}

func TestFilesWrittenAtOnceAreWhole(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "r")
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for range 50 {
				if err := Write(path, Own, content(strings.Repeat(string(rune('a'+i)), 1000))); err != nil {
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
