package file

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPathsWithoutLinksAreThoseOfEvalSymlinks(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a/b/file", "file", "a/file"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for from, to := range map[string]string{"a/b/up": "..", "link": "a/b", "dangling": "nowhere", "loop": "loop", "absolute": dir} {
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Skip(err)
		}
	}
	paths := new(RealPaths)
	for range 2 {
		for _, path := range []string{"", "a", "a/b/file", "a/b/up/b/file", "link", "link/file", "link/up/b", "link/../file", "dangling", "loop", "loop/x", "absolute/a/b", "none", "a/none", "file/x"} {
			path = dir + "/" + path
			want, errWant := filepath.EvalSymlinks(path)
			got, err := paths.Of(path)
			if got != want && err == nil || (err == nil) != (errWant == nil) {
				t.Errorf("%s: %q, %v; want %q, %v", path, got, err, want, errWant)
			}
		}
	}
}

// Folders nested n deep are n names to look up, however many are asked for.
func TestEachNameIsLookedUpOnce(t *testing.T) {
	work := func(n int) int {
		path := t.TempDir()
		paths := new(RealPaths)
		for range n {
			path = filepath.Join(path, "d")
			if err := os.Mkdir(path, 0o755); err != nil {
				t.Fatal(err)
			}
			if inside, err := paths.Inside(path, path); err != nil || !inside {
				t.Fatal(inside, err)
			}
		}
		return paths.lookups
	}
	few, many := work(50), work(200)
	if above := few - 50; many > 200+above {
		t.Errorf("%d lookups for 50 folders, %d for 200", few, many)
	}
}

// The folders above the one that the user named cost nothing more for each path.
func TestAGuardPassesOverTheFoldersAboveItsBase(t *testing.T) {
	work := func(n int) float64 {
		base := t.TempDir()
		for range n {
			base = filepath.Join(base, "d")
		}
		if err := os.MkdirAll(base, 0o755); err != nil {
			t.Fatal(err)
		}
		g := Reach{}.Guard(base)
		return testing.AllocsPerRun(10, func() {
			if err := g.Links(filepath.Join(base, "none")); err != nil {
				t.Fatal(err)
			}
		})
	}
	if few, many := work(10), work(200); many > few+5 {
		t.Errorf("%v allocations below 10 folders, %v below 200", few, many)
	}
}
