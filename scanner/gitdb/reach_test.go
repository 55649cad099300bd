package gitdb

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"keysweep/file"
	"keysweep/scanner/gitdb/gittest"
)

// away returns the name of a folder on another host, and its share.
func away() (path, share string) {
	if runtime.GOOS == "windows" {
		return `\\host.invalid\share\x`, "//host.invalid/share"
	}
	return "/net/host.invalid/x", "/net/host.invalid"
}

// What leads away is not followed, whatever of a repository it is: the error, or
// what was skipped, says so.
func TestContentDoesNotLeadToAnotherHost(t *testing.T) {
	path, share := away()
	write := func(name, text string) func(r *gittest.Repo) {
		return func(r *gittest.Repo) { r.Write(name, text) }
	}
	link := func(name string) func(r *gittest.Repo) {
		return func(r *gittest.Repo) {
			at := filepath.Join(r.Dir, filepath.FromSlash(name))
			if err := errors.Join(os.RemoveAll(at), os.MkdirAll(filepath.Dir(at), 0o700)); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(path, at); err != nil {
				t.Skip(err)
			}
		}
	}
	replaceDotGit := func(r *gittest.Repo) {
		if err := os.RemoveAll(filepath.Join(r.Dir, ".git")); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name  string
		alter func(r *gittest.Repo)
	}{
		{"a .git file", func(r *gittest.Repo) { replaceDotGit(r); r.Write(".git", "gitdir: "+path+"\n") }},
		{"a .git file, slashes", func(r *gittest.Repo) { replaceDotGit(r); r.Write(".git", "gitdir: "+filepath.ToSlash(path)) }},
		{"a .git link", link(".git")},
		{"a .git file that is a link", func(r *gittest.Repo) {
			replaceDotGit(r)
			r.Write("x", "gitdir: "+path)
			os.Symlink("x", filepath.Join(r.Dir, ".git"))
		}},
		{"commondir", write(".git/commondir", path+"\n")},
		{"a commondir link", link(".git/commondir")},
		{"alternates", write(".git/objects/info/alternates", path+"\n")},
		{"an alternates link", link(".git/objects/info/alternates")},
		{"a link in the list of alternates", func(r *gittest.Repo) {
			r.Write(".git/objects/info/alternates", "../../y\n")
			link("y")(r)
		}},
		{"a link behind a link", func(r *gittest.Repo) {
			link("y")(r)
			link(".git/objects")(r)
			at := filepath.Join(r.Dir, ".git", "objects")
			if err := errors.Join(os.Remove(at), os.Symlink("../y/z", at)); err != nil {
				t.Fatal(err)
			}
		}},
		{"HEAD", link(".git/HEAD")},
		{"config", link(".git/config")},
		{"packed-refs", link(".git/packed-refs")},
		{"index", link(".git/index")},
		{"MERGE_HEAD", link(".git/MERGE_HEAD")},
		{"a shared index", link(".git/sharedindex.0000000000000000000000000000000000000000")},
		{"refs", link(".git/refs")},
		{"refs/heads", link(".git/refs/heads")},
		{"info", link(".git/info")},
		{"info/exclude", link(".git/info/exclude")},
		{"worktrees", link(".git/worktrees")},
		{"a working tree's folder", link(".git/worktrees/x")},
		{"modules", link(".git/modules")},
		{"objects", link(".git/objects")},
		{"objects/info", link(".git/objects/info")},
		{"objects/pack", link(".git/objects/pack")},
		{"a pack", link(".git/objects/pack/pack-0000000000000000000000000000000000000000.pack")},
		{"an index of a pack", link(".git/objects/pack/pack-0000000000000000000000000000000000000000.idx")},
		{"a folder of loose objects", link(".git/objects/00")},
		{"a loop of links", func(r *gittest.Repo) {
			link(".git/objects")(r)
			at := filepath.Join(r.Dir, ".git", "objects")
			if err := errors.Join(os.Remove(at), os.Symlink("objects", at)); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := gittest.New(t)
			r.Commit("one")
			tt.alter(r)
			said := func(reach file.Reach, follow bool) string {
				repo, err := Open(r.Dir, reach)
				if err != nil {
					return err.Error()
				}
				var text strings.Builder
				for _, s := range append(repo.Skipped, repo.Stores(OpenOptions{FollowAlternates: follow}).Skipped...) {
					text.WriteString(string(s.Reason) + ": " + s.Detail + "\n")
				}
				return text.String()
			}
			if got := said(file.Reach{}, false); !strings.Contains(got, "not followed") || strings.Contains(got, "no such file") {
				t.Errorf("said %q", got)
			}
			if _, ok, err := Discover(r.Dir); !ok || err != nil {
				t.Error("it is not taken for a repository")
			}
			if tt.name == "a loop of links" {
				return
			}
			if got := said(file.Reach{Shares: []string{share}}, true); strings.Contains(got, "not followed") {
				t.Errorf("with the share allowed: said %q", got)
			}
			if got := said(file.Reach{AsGit: true}, true); strings.Contains(got, "not followed") {
				t.Errorf("in a hook: said %q", got)
			}
		})
	}
}
