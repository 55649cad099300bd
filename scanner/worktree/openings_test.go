package worktree

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keysweep/finding"
)

// The two ways to open a folder, without files that are in the cloud.
func openNative(path string) (folder, error) { return openFolder(path, false) }
func openRooted(path string) (folder, error) { return openRoot(path, false) }

// clouded is a folder in which some names are in the cloud: opening them fails the
// test.
type clouded struct {
	folder
	t *testing.T
}

func (c clouded) list(limit int) (list []entry, done bool, err error) {
	list, done, err = c.folder.list(limit)
	for i := range list {
		if strings.HasPrefix(list[i].name, "away") {
			list[i].kind = Away
		}
	}
	return list, done, err
}

func (c clouded) open(name string, old file) (file, state, error) {
	if strings.HasPrefix(name, "away") {
		c.t.Errorf("%s was opened", name)
	}
	return c.folder.open(name, old)
}

func (c clouded) sub(names []string) (folder, error) {
	if strings.HasPrefix(names[0], "away") {
		c.t.Errorf("%s was opened", names[0])
	}
	f, err := c.folder.sub(names)
	return clouded{f, c.t}, err
}

func TestWhatIsInTheCloudIsCountedAndNotOpened(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"here", "away", "folder/away", "awayfolder/x"} {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := walk(t, root, Options{open: func(path string) (folder, error) {
		f, err := openNative(path)
		return clouded{f, t}, err
	}})
	const words = ": it is not on this disk, but in the cloud (--fetch-cloud-files downloads it)"
	if want := []string{"away" + words, "awayfolder" + words, "folder/away" + words}; !slices.Equal(got.skipped(finding.ReasonCloudFile), want) {
		t.Errorf("skipped %v, want %v", got.sum.Skipped, want)
	}
	if len(got.content) != 1 || got.content["here"] != "here" || got.sum.Files != 1 {
		t.Errorf("read %v, %d files", got.content, got.sum.Files)
	}
}
