package scanner

import (
	"crypto/md5"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keysweep/finding"
)

// Keys of git-annex 10.20230126 and where it put their content.
func TestTheFoldersOfAnnexedContent(t *testing.T) {
	for key, want := range map[string]string{
		"SHA256E-s35--da28a1373e6c32c720770ac2edfc0286bd6bff5c425b3aaa8f48b502f5dce1fd.txt": "38/Vm",
		"SHA256E-s35--932103c1ccfe4e59cb993c73dd322547c72ccd35044af09012ce9ae069aae087.txt": "Mf/FW",
	} {
		if got := annexMixed(md5.Sum([]byte(key))); got != want {
			t.Errorf("%s is in %s, want %s", key, got, want)
		}
	}
}

func TestContentThatGitAnnexKeepsIsReadIfItIsHere(t *testing.T) {
	const name = "SHA256E-s35--da28a1373e6c32c720770ac2edfc0286bd6bff5c425b3aaa8f48b502f5dce1fd.txt"
	k := keysOf(1, 11)[0]
	mixed, lower := "38/Vm", ""
	for _, path := range annexPaths("/annex/objects/" + name + "\n")[1:] {
		lower = path[len(annexObjects) : len(annexObjects)+7]
	}
	link := func(folders string) string {
		return "../.git/annex/objects/" + folders + "/" + name + "/" + name
	}
	pointer := "/annex/objects/" + name + "\n"
	for _, c := range []struct {
		name    string
		content string // folders of; "": it is elsewhere
		link    string // of sub/f; "": it is a pointer
		below   string // the folder that is scanned
		found   []string
		absent  int64
	}{
		{"a link", mixed, link(mixed), "r", []string{"blob sub/f:1", "worktree sub/f:1"}, 0},
		{"a link whose content is elsewhere", "", link(mixed), "r", nil, 2},
		{"a pointer", mixed, "", "r", []string{"blob sub/f:1", "worktree sub/f:1"}, 0},
		{"a pointer, with folders in lower case", lower, "", "r", []string{"blob sub/f:1", "worktree sub/f:1"}, 0},
		{"a pointer whose content is elsewhere", "", "", "r", nil, 2},
		{"a folder of the repository", mixed, "", "r/sub", []string{"worktree f:1"}, 0},
		{"a link in a folder of the repository", mixed, link(mixed), "r/sub", []string{"worktree f:1"}, 0},
		{"a repository in a folder", mixed, "", "", []string{"blob sub/f:1", "worktree r/sub/f:1"}, 0},
		{"a link that leads out of the place", mixed, link(mixed + "/../" + mixed), "r", []string{"metadata .git/" + annexObjects + mixed + "/" + name + "/" + name + ":1"}, 0},
		{"a link to another repository", mixed, "../../other/.git/annex/objects/38/Vm/" + name + "/" + name, "r", []string{"blob sub/f:1", "worktree sub/f:1"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			r := newRepo(t, filepath.Join(dir, "r"))
			if c.link == "" {
				write(t, filepath.Join(r.dir, "sub/f"), pointer)
			} else if err := os.Mkdir(filepath.Join(r.dir, "sub"), 0o755); err != nil {
				t.Fatal(err)
			} else if err := os.Symlink(c.link, filepath.Join(r.dir, "sub/f")); err != nil {
				t.Skip(err)
			}
			if c.content != "" {
				write(t, filepath.Join(r.dir, ".git/annex/objects", c.content, name, name), "KEY="+k+"\n")
			}
			r.git("add", ".")
			staged := scanAll(t, Options{Paths: []string{r.dir}, Staged: &Staged{}})
			r.commit("one")
			res := scanAll(t, Options{Paths: []string{filepath.Join(dir, c.below)}})
			if diff := cmp.Diff(c.found, occurrences(res)[k]); diff != "" {
				t.Error(diff)
			}
			isAbsent := func(s finding.Skipped) bool { return s.Reason == finding.ReasonAnnexAbsent }
			var absent int64
			for _, s := range res.Skipped {
				if isAbsent(s) {
					absent += s.Count
				}
			}
			if absent != c.absent || !res.Complete() {
				t.Errorf("%d absent, want %d: %v", absent, c.absent, res.Skipped)
			}
			noted, isLinkOut := slices.ContainsFunc(staged.Skipped, isAbsent), strings.HasSuffix(c.name, "out of the place")
			if found := len(staged.Findings) == 1; noted != (c.content == "") && !isLinkOut || found != (c.content != "" && !isLinkOut) || !staged.Complete() {
				t.Errorf("staged: %v, %v", occurrences(staged), staged.Skipped)
			}
		})
	}
}
