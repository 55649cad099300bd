package worktree

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Windows takes dots and spaces off the end of a name in a path.
func TestNamesThatOnlyTheFileSystemHas(t *testing.T) {
	root := t.TempDir()
	want := map[string]string{"x": "x", "x.": "x.", "x ": "x ", "d./x.": "d./x.", "con": "con", "aux.txt": "aux.txt"}
	for name := range want {
		path := `\\?\` + root + `\` + filepath.FromSlash(name)
		if strings.Contains(name, "/") {
			if err := os.MkdirAll(`\\?\`+root+`\d.`, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := walk(t, root, Options{})
	for name, text := range want {
		if got.content[name] != text {
			t.Errorf("%q holds %q", name, got.content[name])
		}
	}
	if len(got.sum.Skipped) > 0 {
		t.Errorf("skipped %v", got.sum.Skipped)
	}
	f, err := openNative(root)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	for _, name := range []string{"x:stream", `d.\x.`, "d./x."} {
		if _, _, err := f.open(name, nil); err == nil || !strings.HasPrefix(err.Error(), "names with") {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := f.lstat(name); err == nil || !strings.HasPrefix(err.Error(), "names with") {
			t.Errorf("%q: %v", name, err)
		}
	}
}
