package file

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func content(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// checkFolder fails unless folder holds exactly these names.
func checkFolder(t *testing.T, folder string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the folder holds %v, want %v", got, want)
	}
}

func checkFile(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s holds %q, want %q", path, got, want)
	}
}

func TestWriteReplacesWhole(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"report.json", "my report.json", "-o", strings.Repeat("n", 255)} {
		path := filepath.Join(folder, name)
		for _, text := range []string{"first", "second, and longer", "3"} {
			if err := Write(path, Own, content(text)); err != nil {
				t.Fatal(err)
			}
			checkFile(t, path, text)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	checkFolder(t, folder)
}

func TestAnOwnFileIsForItsOwnerOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no modes")
	}
	path := filepath.Join(t.TempDir(), "r")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := replace(path, Own, createNamed, func(io.Writer) error {
		names, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".r.keysweep-*"))
		if err != nil || len(names) != 1 {
			t.Errorf("temporary files: %v, %v", names, err)
			return nil
		}
		if info, err := os.Stat(names[0]); err != nil || info.Mode() != 0o600 {
			t.Errorf("the temporary file is %v, %v", info.Mode(), err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
}

// TestTheOldFileSurvives: whatever goes wrong, the old file is whole and no
// temporary file is left.
func TestTheOldFileSurvives(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "r.json")
	if err := Write(path, Own, content("old")); err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("x", 1<<20)
	boom := errors.New("boom")
	if err := Write(path, Own, func(w io.Writer) error {
		if err := content(big)(w); err != nil {
			return err
		}
		return boom
	}); err != boom {
		t.Errorf("error %v, want boom", err)
	}
	func() {
		defer func() {
			if recover() != "panic" {
				t.Error("the panic was lost")
			}
		}()
		_ = Write(path, Own, func(w io.Writer) error {
			_ = content(big)(w)
			panic("panic")
		})
	}()
	if err := Write(filepath.Join(folder, "none", "r.json"), Own, content("x")); !errors.Is(err, os.ErrNotExist) || strings.Contains(err.Error(), "keysweep-") {
		t.Errorf("no such folder gives %v", err)
	}
	checkFile(t, path, "old")
	checkFolder(t, folder, "r.json")
}

func TestDirectoriesAreRefused(t *testing.T) {
	folder := t.TempDir()
	for _, path := range []string{folder, folder + "/", filepath.Join(folder, "new") + "/", ""} {
		if err := Write(path, Own, content("x")); err == nil {
			t.Errorf("%q is written to", path)
		}
		if err := Check(path); err == nil {
			t.Errorf("Check finds %q fine", path)
		}
	}
	checkFolder(t, folder)
}

func TestCheckChangesNothing(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "r")
	if err := Check(path); err != nil {
		t.Error(err)
	}
	checkFolder(t, folder)
	if err := Write(path, Own, content("old")); err != nil {
		t.Fatal(err)
	}
	if err := Check(path); err != nil {
		t.Error(err)
	}
	checkFile(t, path, "old")
	if err := Check(filepath.Join(folder, "none", "r")); err == nil {
		t.Error("a missing folder is fine")
	}
	checkFolder(t, folder, "r")
}

func TestErrorsDoNotNameThePath(t *testing.T) {
	err := Write(filepath.Join(t.TempDir(), "a\x1b", "b"), Own, content(""))
	if !errors.Is(err, os.ErrNotExist) && runtime.GOOS != "windows" || err == nil || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("the error is %q", err)
	}
}
