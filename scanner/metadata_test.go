package scanner

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keysweep/finding"
	"keysweep/rules"
	"keysweep/scanner/gitdb/gittest"
)

// metadata is what git keeps beside its objects: files below .git with a line before
// the one with the key.
var metadata = []string{
	"config", "hooks/post-commit", "description", "info/exclude", "info/attributes", "FETCH_HEAD", "MERGE_MSG", "COMMIT_EDITMSG", "config.worktree",
	"rebase-merge/message", "rebase-apply/0001", "rr-cache/ab/preimage", "logs/refs/heads/main", "worktrees/linked/logs/HEAD", "branches/old",
	"logs/refs/heads/index", "logs/refs/heads/reftable", "worktrees/linked/logs/refs/worktree/modules", "rr-cache/sharedindex.d/x",
	"objects/info/http-alternates", "modules", "worktrees/linked/modules",
}

func TestWhatGitKeepsBesideItsObjectsIsRead(t *testing.T) {
	dir := t.TempDir()
	r := newRepo(t, filepath.Join(dir, "r"))
	write(t, filepath.Join(r.dir, "sub/a.txt"), "clean\n")
	r.commit("one")
	r.git("worktree", "add", "-q", "../linked")
	keys := keysOf(len(metadata), 7)
	for i, name := range metadata {
		path := filepath.Join(r.dir, ".git", filepath.FromSlash(name))
		before := "# a line\n"
		if name == "config" {
			before, _ = "", os.Remove(path)
			before = "[core]\n"
		} else if strings.HasPrefix(name, "logs/") {
			before = strings.Repeat("0", 40) + " " + r.git("rev-parse", "main") + " A <a@example.org> 1700000000 +0000\tcommit\n"
		}
		write(t, path, before+"# "+keys[i]+"\n")
	}
	r.git("clone", "-q", "--bare", ".", filepath.Join(dir, "bare/b.git"))
	for _, name := range []string{"objects/info/commit-graphs/x.graph", "objects/pack/tmp_pack_1"} { // read as what they are, or binary
		write(t, filepath.Join(r.dir, ".git", name), "# "+keysOf(len(metadata)+1, 7)[len(metadata)]+"\n")
	}
	if err := os.RemoveAll(filepath.Join(dir, "bare/b.git/objects/info")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "bare/b.git/config"), "[core]\n\tbare = true\n# "+keys[0]+"\n")

	for _, c := range []struct {
		name   string
		opts   Options
		source finding.Source
		at     string // in front of the paths
		files  []string
	}{
		{"a working tree", Options{Paths: []string{r.dir}}, finding.SourceMetadata, ".git/", metadata},
		{"the history alone", Options{Paths: []string{r.dir}, History: true}, finding.SourceMetadata, ".git/", metadata},
		{"the repository folder", Options{Paths: []string{filepath.Join(r.dir, ".git")}}, finding.SourceMetadata, "", metadata},
		{"a folder of the working tree with its history", Options{Paths: []string{filepath.Join(r.dir, "sub")}, History: true}, finding.SourceMetadata, "../.git/", metadata},
		{"a linked working tree", Options{Paths: []string{filepath.Join(dir, "linked")}}, finding.SourceMetadata, "../r/.git/", metadata},
		{"a repository in a folder", Options{Paths: []string{dir}}, finding.SourceMetadata, "r/.git/", metadata},
		{"a bare repository", Options{Paths: []string{filepath.Join(dir, "bare/b.git")}}, finding.SourceMetadata, "", []string{"config"}},
		{"a bare repository in a folder, whose files are visited anyway", Options{Paths: []string{filepath.Join(dir, "bare")}}, finding.SourceWorktree, "b.git/", []string{"config"}},
		{"a folder of the repository folder", Options{Paths: []string{filepath.Join(r.dir, ".git/hooks")}}, finding.SourceWorktree, "", []string{"hooks/post-commit"}},
		{"files alone", Options{Paths: []string{r.dir}, Tree: true}, "", "", nil},
		{"what is staged", Options{Paths: []string{r.dir}, Staged: &Staged{}}, "", "", nil},
		{"a range", Options{Paths: []string{r.dir}, Range: &Range{Include: []string{"HEAD"}}}, "", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := make(map[string][]string)
			for i, name := range metadata {
				if slices.Contains(c.files, name) {
					line := ":2"
					if strings.Contains(c.name, "bare") {
						line = ":3"
					}
					want[keys[i]] = []string{string(c.source) + " " + c.at + strings.TrimPrefix(name, map[bool]string{true: "hooks/"}[len(c.files) == 1]) + line}
				}
			}
			res := scanAll(t, c.opts)
			got := occurrences(res)
			if strings.Contains(c.name, "in a folder") {
				maps.DeleteFunc(got, func(k string, _ []string) bool { return want[k] == nil })
				for k, list := range got {
					got[k] = slices.DeleteFunc(list, func(s string) bool { return !strings.HasPrefix(s, string(c.source)+" "+c.at) })
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if !res.Complete() {
				t.Error(res.Skipped)
			}
			for _, f := range res.Findings {
				if f.InHead != finding.No || f.FirstSeen.Commit != "" {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

func TestMessagesInReftablesAreRead(t *testing.T) {
	r := gittest.New(t)
	k := keysOf(2, 8)
	r.Commit("one")
	r.Git("update-ref", "-m", "to "+k[0], "refs/heads/other", "HEAD", "")
	r.Git("symbolic-ref", "refs/heads/s", "refs/heads/"+k[1])
	got := occurrences(scanAll(t, Options{Paths: []string{r.Dir}}))
	if diff := cmp.Diff([]string{"ref refs/heads/" + k[1] + ":0"}, got[k[1]]); diff != "" {
		t.Error(diff)
	}
	r.ToReftable(1)
	got = occurrences(scanAll(t, Options{Paths: []string{r.Dir}}))
	if len(got[k[0]]) != 1 || !strings.HasPrefix(got[k[0]][0], "metadata .git/reftable/0x") || !strings.HasSuffix(got[k[0]][0], ".ref:1") {
		t.Error(got)
	}
	set, err := rules.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	table, _ := filepath.Glob(filepath.Join(r.Dir, ".git", "reftable", "*.ref"))
	what := table[0] + "!/logs/refs/heads/other:1"
	if e, err := Explain(t.Context(), ExplainOptions{What: what}, set); err != nil || len(e.Keys) != 1 || e.Path != what[:len(what)-2] {
		t.Error(e, err)
	}
	if _, err := Explain(t.Context(), ExplainOptions{What: table[0] + "!/logs/nothing"}, set); err == nil || !strings.HasSuffix(err.Error(), `has no logs/nothing`) {
		t.Error(err)
	}

	// A table that no list names any more, and cannot be read.
	write(t, filepath.Join(r.Dir, ".git", "reftable", "0x000000000099-0x000000000099-00000000.ref"), "REFT")
	res := scanAll(t, Options{Paths: []string{r.Dir}})
	if got = occurrences(res); len(got[k[0]]) != 1 || len(res.Skipped) != 1 || res.Skipped[0].Reason != finding.ReasonDamaged {
		t.Error(got, res.Skipped)
	}
}
