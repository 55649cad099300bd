package file

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadTakesNoMoreThanTheLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, c := range []struct {
		size  int
		limit int64
		want  string // the error
	}{
		{0, 4, ""}, {4, 4, ""}, {5, 4, "larger than 4 bytes"}, {1<<20 + 1, 1 << 20, "larger than 1 MiB"},
	} {
		if err := os.WriteFile(path, make([]byte, c.size), 0o600); err != nil {
			t.Fatal(err)
		}
		text, err := Read(path, c.limit)
		if c.want == "" && (err != nil || len(text) != c.size) || c.want != "" && (err == nil || err.Error() != c.want) {
			t.Errorf("%d of %d bytes: %d, %v, want %q", c.size, c.limit, len(text), err, c.want)
		}
	}
}

func TestReadTakesRegularFilesOnly(t *testing.T) {
	folder := t.TempDir()
	if _, err := Read(folder, 1); err != ErrNotRegular {
		t.Errorf("a folder: %v", err)
	}
	_, err := Read(filepath.Join(folder, "none"), 1)
	if !errors.Is(err, os.ErrNotExist) || strings.Contains(err.Error(), folder) {
		t.Errorf("no file: %v", err)
	}
}
