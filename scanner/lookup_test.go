package scanner

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestFilesAreReadAsTheyAreStagedAndAsTheyAreCommitted(t *testing.T) {
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	at := func(name string) string { return filepath.Join(r.dir, name) }
	write(t, at("a/f"), "committed\n")
	write(t, at("large"), strings.Repeat("x", 3<<20))
	if err := os.Symlink("a/f", at("link")); err != nil {
		t.Fatal(err)
	}
	r.commit("first")
	write(t, at("a/f"), "staged\n")
	write(t, at("new"), "new\n")
	r.git("add", "a/f", "new")
	write(t, at("a/f"), "of the working tree\n")
	write(t, at("announced"), "announced\n")
	r.git("add", "-N", "announced")

	for _, opts := range []Options{{Staged: new(Staged)}, {Range: &Range{Include: []string{"HEAD"}}}} {
		opts.Paths = []string{r.dir}
		p, err := Prepare(opts)
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			rev, path, want string
			err             error
		}{
			{"", "a/f", "staged\n", nil},
			{"HEAD", "a/f", "committed\n", nil},
			{r.git("rev-parse", "HEAD"), "a/f", "committed\n", nil},
			{"", "new", "new\n", nil},
			{"HEAD", "new", "", fs.ErrNotExist},
			{"", "announced", "", fs.ErrNotExist},
			{"", "missing", "", fs.ErrNotExist},
			{"HEAD", "a/f/below", "", fs.ErrNotExist},
			{"refs/heads/none", "a/f", "", fs.ErrNotExist},
			{"", "a", "", fs.ErrNotExist},
			{"HEAD", "a", "", ErrNotFile},
			{"", "link", "", ErrNotFile},
			{"HEAD", "link", "", ErrNotFile},
			{"", "large", "", ErrTooLarge},
			{"HEAD", "large", "", ErrTooLarge},
		} {
			got, err := p.ReadFile(t.Context(), tt.rev, tt.path, 1<<20)
			if string(got) != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("%s:%s: %.20q, %v", tt.rev, tt.path, got, err)
			}
		}
		p.Close()
	}

	// Before the first commit there is no HEAD; a damaged index has no files.
	unborn := newRepo(t, filepath.Join(t.TempDir(), "u"))
	write(t, filepath.Join(unborn.dir, "f"), "x")
	unborn.git("add", "f")
	for _, damage := range []bool{false, true} {
		if damage {
			write(t, filepath.Join(unborn.dir, ".git", "index"), "DIRC")
		}
		p, err := Prepare(Options{Paths: []string{unborn.dir}, Staged: new(Staged)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.ReadFile(t.Context(), "HEAD", "f", 10); !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		if _, err := p.ReadFile(t.Context(), "", "f", 10); errors.Is(err, fs.ErrNotExist) != damage {
			t.Error(damage, err)
		}
		p.Close()
	}
}

func TestFoldersOfObjectsAreReadAsGitWritesThem(t *testing.T) {
	sep := string(filepath.ListSeparator)
	for list, want := range map[string][]string{
		"":                             nil,
		"/a":                           {"/a"},
		"/a" + sep + "/b":              {"/a", "/b"},
		sep + "/a" + sep:               {"/a"},
		`"/with ` + sep + ` inside"`:   {"/with " + sep + " inside"},
		`"/a \"b\""` + sep + "/c":      {`/a "b"`, "/c"},
		`"/not closed` + sep + "/b":    {`"/not closed`, "/b"},
		"/relative/../x" + sep + "rel": {"/relative/../x", "rel"},
	} {
		if got := objectDirs(list); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", list, got, want)
		}
	}
}
