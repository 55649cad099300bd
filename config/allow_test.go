package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keysweep/exceptions"
	"keysweep/finding"
	"keysweep/rules"
)

func TestAllowTables(t *testing.T) {
	sha := strings.Repeat("0a", 32)
	c, err := Parse("c.toml", []byte("# what we accept\n[[allow]]\nfingerprint = \""+sha+"\"\nreason = \" revoked \"\n\n"+
		"[[rule]]\nid = \"acme\"\nliterals = [\"acme_\"]\n\n"+
		"[[allow]]\npath = \"a/**/{b,c}.env\"\nreason = \"\"\"r\"\"\"\nowner = \"pay team\"\nexpires = 2026-01-31\n"+
		"[[allow]]\npath = \"d\"\nreason = 'r'\nexpires = \"2026-02-28\"\n"+
		"[[allow]]\nfingerprint = '0123456789abcdef'\npath = 'e/**'\nreason = 'r'\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []exceptions.Allow{
		{Fingerprint: sha, Reason: "revoked", Line: 2},
		{Path: "a/**/{b,c}.env", Reason: "r", Owner: "pay team", Expires: time.Date(2026, 1, 31, 23, 59, 59, 0, time.UTC), Line: 10},
		{Path: "d", Reason: "r", Expires: time.Date(2026, 2, 28, 23, 59, 59, 0, time.UTC), Line: 15},
		{Fingerprint: "0123456789abcdef", Path: "e/**", Reason: "r", Line: 19},
	}
	if len(c.Allows()) != len(want) {
		t.Fatalf("%+v", c.Allows())
	}
	for i, a := range c.Allows() {
		if a != want[i] {
			t.Errorf("%+v, want %+v", a, want[i])
		}
	}
	set, err := rules.Load(nil, c.Rules()...)
	if err != nil || set.Rules()[len(set.Rules())-1].ID != "acme" {
		t.Errorf("the rules beside it: %v", err)
	}
	var none *Config
	if none.Allows() != nil {
		t.Error("no configuration accepts something")
	}
}

func TestWrongAllowTablesAreRefusedWithTheirPlace(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"neither fingerprint nor path", "[[allow]]\nreason = \"r\"\n", "line 1, column 1: an [[allow]] needs a fingerprint or a path"},
		{"both, and no glob", "[[allow]]\nfingerprint = \"0123456789abcdef\"\n path = \"a[\"\nreason = \"r\"\n", "line 3, column 2: \"a[\" is not a glob"},
		{"no reason", "[[allow]]\npath = \"a\"\n", "line 1, column 1: an [[allow]] needs a reason"},
		{"an empty reason", "[[allow]]\npath = \"a\"\nreason = \" \"\n", "line 3, column 1: an [[allow]] needs a reason"},
		{"the second without", "[[allow]]\npath = \"a\"\nreason = \"r\"\n\n  [[allow]]\npath = \"b\"\n", "line 5, column 3: an [[allow]] needs a reason"},
		{"a short fingerprint", "[[allow]]\nfingerprint = \"0123\"\nreason = \"r\"\n", "line 2, column 1: a fingerprint is"},
		{"capital digits", "[[allow]]\nfingerprint = \"0123456789ABCDEF\"\nreason = \"r\"\n", "line 2, column 1: a fingerprint is"},
		{"a key instead of a fingerprint", "[[allow]]\nfingerprint = \"sk_live_x\"\nreason = \"r\"\n", "line 2, column 1: a fingerprint is"},
		{"backslashes between folders", "[[allow]]\npath = 'a\\b\\*'\nreason = \"r\"\n", "line 2, column 1: \"a\\\\b\\\\*\": folders are separated by \"/\""},
		{"no glob", "[[allow]]\npath = \"a[\"\nreason = \"r\"\n", "line 2, column 1: \"a[\" is not a glob"},
		{"an absolute path", "[[allow]]\npath = \"/a\"\nreason = \"r\"\n", "line 2, column 1: a path is a glob from the top"},
		{"a path from here", "[[allow]]\npath = \"./a\"\nreason = \"r\"\n", "line 2, column 1: a path is a glob from the top"},
		{"a folder", "[[allow]]\npath = \"a/\"\nreason = \"r\"\n", "line 2, column 1: no file matches \"a/\" (a/** is"},
		{"an unknown key", "[[allow]]\npath = \"a\"\nreason = \"r\"\n[[allow]]\npath = \"a\"\nreason = \"r\"\nuntil = 1\n", "line 7, column 1: unknown key \"allow.until\""},
		{"a misspelt reason", "[[allow]]\npath = \"a\"\nreasen = \"r\"\n", "line 3, column 1: unknown key \"allow.reasen\""},
		{"a path that is a number", "[[allow]]\npath = 1\nreason = \"r\"\n", "line 2, column 1: allow.path must be a string"},
		{"a time", "[[allow]]\npath = \"a\"\nreason = \"r\"\nexpires = 2026-01-31T00:00:00Z\n", "line 4, column 1: expires is a day"},
		{"a local time", "[[allow]]\npath = \"a\"\nreason = \"r\"\nexpires = 2026-01-31T00:00:00\n", "line 4, column 1: expires is a day"},
		{"a number", "[[allow]]\npath = \"a\"\nreason = \"r\"\nexpires = 2026\n", "line 4, column 1: expires is a day"},
		{"no such day", "[[allow]]\npath = \"a\"\nreason = \"r\"\nexpires = \"2026-02-30\"\n", "line 4, column 1: expires is a day"},
		{"one table", "[allow]\npath = \"a\"\n", "line 1, column 1: [[allow]] must be an array of tables"},
		{"a value", "\nallow = 1\n", "line 2, column 1: [[allow]] must be an array of tables"},
		{"no TOML", "[[allow]]\npath = a\n", "line 2, column "},
		{"not UTF-8", "# \xff\n", "line 1, column 1: not UTF-8"},
	} {
		_, err := configs.parsed("c.toml", []byte(tt.text), nil)
		if err == nil || !strings.HasPrefix(err.Error(), "configuration c.toml: "+tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("[[allow]]\npath = \"a\"\nreason = \"r\"\nexpires = 2026-01-31\n"))
	f.Add([]byte("[allow]\n[[allow.x]]\n"))
	f.Add([]byte("allow = [{path = \"a\", reason = \"b\"}, {}]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("c", text)
		if err != nil {
			return
		}
		for _, a := range c.Allows() {
			if a.Reason == "" || a.Path == "" && a.Fingerprint == "" || a.Line < 1 {
				t.Errorf("%+v", a)
			}
		}
	})
}

func TestHowFilesAreCalledFromTheTop(t *testing.T) {
	files := map[string]string{
		"repo/.git/": "", "repo/" + Name: "# repo\n", "repo/src/a.txt": "x", "repo/nested/.git/": "", "repo/nested/b.txt": "x",
		"plain/" + Name: "# plain\n", "plain/sub/c.txt": "x", "other/.git/": "", "other/d.txt": "x",
	}
	tree := func(target, path string) finding.Occurrence {
		return finding.Occurrence{Target: target, Source: finding.SourceWorktree, Path: path}
	}
	past := func(target, folder, path string) finding.Occurrence {
		return finding.Occurrence{Target: target, Source: finding.SourceBlob, Folder: folder, Path: path, Object: "0b", Comment: finding.Comment{Merged: true}}
	}
	unmerged := func(o finding.Occurrence) finding.Occurrence {
		o.Comment.Merged = false
		return o
	}
	for _, tt := range []struct {
		name, here string
		paths      []string
		o          finding.Occurrence
		want       string // "": has none
		own        bool
		covers     bool
	}{
		{"the top", "repo", nil, tree(".", "src/a.txt"), "src/a.txt", true, true},
		{"the top, in history", "repo", nil, past(".", "", "src/a.txt"), "src/a.txt", true, true},
		{"a folder", "repo/src", []string{"."}, tree(".", "a.txt"), "src/a.txt", true, false},
		{"the top, in a branch that HEAD does not reach", "repo", nil, unmerged(past(".", "", "src/a.txt")), "src/a.txt", false, true},
		{"the index", "repo", nil, finding.Occurrence{Target: ".", Source: finding.SourceIndex, Path: "src/a.txt", Object: "0b"}, "src/a.txt", true, true},
		{"a folder, in history", "repo/src", []string{"."}, past(".", "..", "src/a.txt"), "src/a.txt", true, false},
		{"a file", "repo", []string{"src/a.txt"}, tree("src/a.txt", "a.txt"), "src/a.txt", true, false},
		{"the top from below", "repo/src", []string{".."}, tree("..", "src/a.txt"), "src/a.txt", true, true},
		{"a repository in it", "repo", nil, past(".", "nested", "b.txt"), "nested/b.txt", false, true},
		{"a file of a repository in it", "repo", nil, tree(".", "nested/b.txt"), "nested/b.txt", false, true},
		{"a name that no checkout makes", "repo", nil, past(".", "", "src/../other/a.txt"), "", true, true},
		{"a repository in it, by itself", "repo", []string{".", "nested"}, tree("nested", "b.txt"), "nested/b.txt", false, false},
		{"a plain folder", "plain", nil, tree(".", "sub/c.txt"), "sub/c.txt", true, true},
		{"from outside", ".", []string{"repo"}, tree("repo", "src/a.txt"), "src/a.txt", false, true},
		{"another one beside it", "repo", []string{".", "../other"}, tree("../other", "d.txt"), "", false, false},
		{"standard input", "repo", []string{"-"}, finding.Occurrence{Target: "-", Source: finding.SourceStdin}, "", false, false},
		{"a message", "repo", nil, finding.Occurrence{Target: ".", Source: finding.SourceCommit, Object: "0c", Comment: finding.Comment{Merged: true}}, "", true, true},
		{"a message of another branch", "repo", nil, finding.Occurrence{Target: ".", Source: finding.SourceCommit, Object: "0c"}, "", false, true},
		{"a ref, which has no comments", "repo", nil, finding.Occurrence{Target: ".", Source: finding.SourceRef, Path: "refs/heads/x"}, "", false, true},
		{"a module's database", "repo", nil, past(".", ".git/modules/m", "b.txt"), ".git/modules/m/b.txt", false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(filepath.Join(layout(t, files), filepath.FromSlash(tt.here)))
			c, _, err := Find(tt.paths)
			if err != nil {
				t.Fatal(err)
			}
			p := newOwnership(rootsOf(tt.paths), c, nil)
			got, ok := p.pathOf(&tt.o)
			if ok != (tt.want != "") || ok && got != tt.want {
				t.Errorf("%q, %v; want %q", got, ok, tt.want)
			}
			if p.own(nil, &tt.o) != tt.own {
				t.Errorf("own: %v", !tt.own)
			}
			if p.covers(tt.o.Target) != tt.covers {
				t.Errorf("covers: %v", !tt.covers)
			}
		})
	}
}

func TestABaselineIsFoundAsAConfigurationIs(t *testing.T) {
	b := exceptions.NewBaseline("x")
	root := layout(t, map[string]string{"repo/.git/": "", "repo/" + exceptions.BaselineName: string(b.Text()), "repo/src/a.txt": "x"})
	t.Chdir(filepath.Join(root, "repo", "src"))
	found, notes, err := FindBaseline(nil)
	if err != nil || found == nil || notes != nil || found.Name != filepath.Join("..", exceptions.BaselineName) {
		t.Errorf("%+v, %v, %v", found, notes, err)
	}
	if path, found, err := OwnBaseline("."); err != nil || found == nil || path != filepath.Join("..", exceptions.BaselineName) {
		t.Errorf("%s, %v, %v", path, found, err)
	}
	t.Chdir(root)
	found, notes, err = FindBaseline([]string{"repo"})
	if err != nil || found != nil || len(notes) != 1 || !strings.Contains(notes[0].Words, "--baseline reads it") {
		t.Errorf("%+v, %v, %v", found, notes, err)
	}
	if path, found, err := OwnBaseline("repo"); path != "" || found != nil || err != nil {
		t.Error(path, found, err)
	}
	if found, err := NamedBaseline(filepath.Join("repo", exceptions.BaselineName)); err != nil || found == nil {
		t.Error(err)
	}
	if _, err := NamedBaseline("repo"); err == nil || !strings.Contains(err.Error(), "baseline repo: not a regular file") {
		t.Error(err)
	}
	// Its links may not lead out.
	t.Chdir(filepath.Join(root, "repo"))
	check(t, os.Rename(exceptions.BaselineName, filepath.Join("..", "outside")), "")
	if err := os.Symlink(filepath.Join("..", "outside"), exceptions.BaselineName); err != nil {
		t.Skip(err)
	}
	if _, _, err := FindBaseline(nil); err == nil || !strings.Contains(err.Error(), "escapes") {
		t.Errorf("got %v", err)
	}
	if path, _, err := OwnBaseline("."); path != exceptions.BaselineName || err == nil || !strings.Contains(err.Error(), "escapes") {
		t.Errorf("%s, %v", path, err)
	}
}

// TestManyTablesCostNoMoreEach counts allocations: a configuration in which each
// table was looked for from the start took the square of its length.
func TestManyTablesCostNoMoreEach(t *testing.T) {
	allocs := func(n int) float64 {
		text := []byte(strings.Repeat("[[allow]]\npath = \"a\"\nreason = \"r\"\nexpires = 2026-01-31\n", n))
		return testing.AllocsPerRun(1, func() {
			c, err := Parse("c", text)
			if err != nil || len(c.Allows()) != n || c.Allows()[n-1].Line != 4*n-3 {
				t.Fatal(n, err)
			}
		})
	}
	if few, many := allocs(1000), allocs(4000); many > 4.2*few {
		t.Errorf("%.0f allocations for 1000 tables, %.0f for 4000", few, many)
	}
}
