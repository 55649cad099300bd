package report

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

func TestWriteFileReplacesWhole(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"report.json", "my report.json", "-o", strings.Repeat("n", 255)} {
		path := filepath.Join(folder, name)
		for _, text := range []string{"first", "second, and longer", "3"} {
			if err := WriteFile(path, content(text)); err != nil {
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

func TestReportFilesAreForTheirOwnerOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no modes")
	}
	path := filepath.Join(t.TempDir(), "r")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := WriteFile(path, func(io.Writer) error {
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
		t.Errorf("the report is %v, %v", info.Mode(), err)
	}
}

// TestOldReportSurvives: whatever goes wrong, the old report is whole and no
// temporary file is left.
func TestOldReportSurvives(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "r.json")
	if err := WriteFile(path, content("old")); err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("x", 1<<20)
	boom := errors.New("boom")
	if err := WriteFile(path, func(w io.Writer) error {
		if err := content(big)(w); err != nil {
			return err
		}
		return boom
	}); !errors.Is(err, boom) || !strings.Contains(err.Error(), "r.json") {
		t.Errorf("error %v, want boom and the name", err)
	}
	func() {
		defer func() {
			if recover() != "panic" {
				t.Error("the panic was lost")
			}
		}()
		_ = WriteFile(path, func(w io.Writer) error {
			_ = content(big)(w)
			panic("panic")
		})
	}()
	if err := WriteFile(filepath.Join(folder, "none", "r.json"), content("x")); !errors.Is(err, os.ErrNotExist) || strings.Contains(err.Error(), "keysweep-") {
		t.Errorf("no such folder gives %v", err)
	}
	checkFile(t, path, "old")
	checkFolder(t, folder, "r.json")
}

func TestDirectoriesAreRefused(t *testing.T) {
	folder := t.TempDir()
	for _, path := range []string{folder, folder + "/", filepath.Join(folder, "new") + "/", ""} {
		if err := WriteFile(path, content("x")); err == nil {
			t.Errorf("%q is written to", path)
		}
		if err := CheckFile(path); err == nil {
			t.Errorf("CheckFile finds %q fine", path)
		}
	}
	checkFolder(t, folder)
}

func TestCheckFileChangesNothing(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "r")
	if err := CheckFile(path); err != nil {
		t.Error(err)
	}
	checkFolder(t, folder)
	if err := WriteFile(path, content("old")); err != nil {
		t.Fatal(err)
	}
	if err := CheckFile(path); err != nil {
		t.Error(err)
	}
	checkFile(t, path, "old")
	if err := CheckFile(filepath.Join(folder, "none", "r")); err == nil {
		t.Error("a missing folder is fine")
	}
	checkFolder(t, folder, "r")
}

func TestErrorsNameThePathQuoted(t *testing.T) {
	err := WriteFile(filepath.Join(t.TempDir(), "a\x1b", "b"), content(""))
	if err == nil || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("the error is %q", err)
	}
}
