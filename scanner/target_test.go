package scanner

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPathsWithoutLinksAreThoseOfEvalSymlinks(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a", "b", "file"), "x")
	write(t, filepath.Join(dir, "file"), "y")
	write(t, filepath.Join(dir, "a", "file"), "z")
	for from, to := range map[string]string{"a/b/up": "..", "link": "a/b", "dangling": "nowhere", "loop": "loop", "absolute": dir} {
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Skip(err)
		}
	}
	paths := make(realPaths)
	for range 2 {
		for _, path := range []string{"", "a", "a/b/file", "a/b/up/b/file", "link", "link/file", "link/up/b", "link/../file", "dangling", "loop", "loop/x", "absolute/a/b", "none", "a/none", "file/x"} {
			path = dir + "/" + path
			want, errWant := filepath.EvalSymlinks(path)
			got, err := paths.of(path)
			if got != want && err == nil || (err == nil) != (errWant == nil) {
				t.Errorf("%s: %q, %v; want %q, %v", path, got, err, want, errWant)
			}
		}
	}
}
