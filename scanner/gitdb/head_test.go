package gitdb

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keysweep/file"
	"keysweep/scanner/gitdb/gittest"
)

func TestOpenHeadFindsTheHeadThatOpenFinds(t *testing.T) {
	write := func(t *testing.T, dir, name, text string) {
		t.Helper()
		path := filepath.Join(dir, ".git", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	chain := func(n int) func(*testing.T, *gittest.Repo, string) {
		return func(t *testing.T, r *gittest.Repo, id string) {
			for i := range n {
				write(t, r.Dir, fmt.Sprintf("refs/heads/s%d", i), fmt.Sprintf("ref: refs/heads/s%d\n", i+1))
			}
			write(t, r.Dir, fmt.Sprintf("refs/heads/s%d", n), id+"\n")
			write(t, r.Dir, "HEAD", "ref: refs/heads/s0\n")
		}
	}
	other := strings.Repeat("12", 20)
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, r *gittest.Repo, id string)
		found  bool
	}{
		{"a loose ref", func(*testing.T, *gittest.Repo, string) {}, true},
		{"a packed ref", func(t *testing.T, r *gittest.Repo, _ string) { r.Git("pack-refs", "--all") }, true},
		{"a packed ref between others", func(t *testing.T, r *gittest.Repo, id string) {
			write(t, r.Dir, "packed-refs", "# pack-refs with: peeled fully-peeled sorted \n"+other+" refs/heads/x refs/heads/p\n"+
				other+" arefs/heads/p\n"+id+" refs/heads/p\r\n^"+other+"\n"+other+" refs/heads/p2\n"+other+" refs/heads/q/refs/heads/p\nx"+other+" refs/heads/p\n")
			write(t, r.Dir, "HEAD", "ref: refs/heads/p\n")
		}, true},
		{"packed twice", func(t *testing.T, r *gittest.Repo, id string) {
			write(t, r.Dir, "packed-refs", other+" refs/heads/p\n"+id+" refs/heads/p")
			write(t, r.Dir, "HEAD", "ref: refs/heads/p\n")
		}, true},
		{"loose and packed", func(t *testing.T, r *gittest.Repo, id string) {
			write(t, r.Dir, "packed-refs", other+" refs/heads/p\n")
			write(t, r.Dir, "refs/heads/p", id)
			write(t, r.Dir, "HEAD", "ref: refs/heads/p\n")
		}, true},
		{"a damaged one that is also packed", func(t *testing.T, r *gittest.Repo, id string) {
			write(t, r.Dir, "packed-refs", id+" refs/heads/p\n")
			write(t, r.Dir, "refs/heads/p", "?")
			write(t, r.Dir, "HEAD", "ref: refs/heads/p\n")
		}, true},
		{"detached", func(t *testing.T, r *gittest.Repo, id string) { r.Git("checkout", "-q", "--detach") }, true},
		{"unborn", func(t *testing.T, r *gittest.Repo, id string) { write(t, r.Dir, "HEAD", "ref: refs/heads/none\n") }, false},
		{"a folder instead of a ref", func(t *testing.T, r *gittest.Repo, id string) {
			write(t, r.Dir, "refs/heads/d/e", id)
			write(t, r.Dir, "HEAD", "ref: refs/heads/d\n")
		}, false},
		{"a name of no ref", func(t *testing.T, r *gittest.Repo, id string) {
			write(t, r.Dir, "ORIG_HEAD", id)
			write(t, r.Dir, "HEAD", "ref: ORIG_HEAD\n")
		}, false},
		{"a name that leads out", func(t *testing.T, r *gittest.Repo, id string) {
			write(t, r.Dir, "out", id)
			write(t, r.Dir, "HEAD", "ref: refs/../out\n")
		}, false},
		{"a hidden name", func(t *testing.T, r *gittest.Repo, id string) {
			write(t, r.Dir, "refs/heads/.p", id)
			write(t, r.Dir, "HEAD", "ref: refs/heads/.p\n")
		}, false},
		{"a lock", func(t *testing.T, r *gittest.Repo, id string) {
			write(t, r.Dir, "refs/heads/p.lock", id)
			write(t, r.Dir, "HEAD", "ref: refs/heads/p.lock\n")
		}, false},
		{"a damaged HEAD", func(t *testing.T, r *gittest.Repo, id string) { write(t, r.Dir, "HEAD", "?") }, false},
		{"a circle", func(t *testing.T, r *gittest.Repo, id string) {
			write(t, r.Dir, "refs/heads/a", "ref: refs/heads/b")
			write(t, r.Dir, "refs/heads/b", "ref: refs/heads/a")
			write(t, r.Dir, "HEAD", "ref: refs/heads/a")
		}, false},
		{"in a folder that is a link", func(t *testing.T, r *gittest.Repo, id string) {
			write(t, r.Dir, "refs/other/p", id)
			linkTo(t, filepath.Join(r.Dir, ".git", "refs", "other"), filepath.Join(r.Dir, ".git", "refs", "heads", "l"))
			write(t, r.Dir, "HEAD", "ref: refs/heads/l/p\n")
		}, true},
		{"in a folder that is a link out of the repository", func(t *testing.T, r *gittest.Repo, id string) {
			out := t.TempDir()
			if err := os.WriteFile(filepath.Join(out, "p"), []byte(id), 0o666); err != nil {
				t.Fatal(err)
			}
			linkTo(t, out, filepath.Join(r.Dir, ".git", "refs", "heads", "l"))
			write(t, r.Dir, "HEAD", "ref: refs/heads/l/p\n")
		}, false},
		{"HEAD is a link", func(t *testing.T, r *gittest.Repo, id string) {
			if err := os.Remove(filepath.Join(r.Dir, ".git", "HEAD")); err != nil {
				t.Fatal(err)
			}
			write(t, r.Dir, "refs/heads/p", id)
			linkTo(t, filepath.Join("refs", "heads", "p"), filepath.Join(r.Dir, ".git", "HEAD"))
		}, true},
		{"three steps", chain(3), true},
		{"five steps", chain(5), true},
		{"six steps", chain(6), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := gittest.New(t)
			r.Write("f", "1")
			r.Commit("1")
			id := strings.TrimSpace(r.Git("rev-parse", "HEAD"))
			tt.change(t, r, id)
			want, err := Open(r.Dir, file.Reach{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := OpenHead(r.Dir, file.Reach{})
			if err != nil {
				t.Fatal(err)
			}
			if got.Head != want.Head || got.Head.IsZero() == tt.found || tt.found && got.Head.String() != id {
				t.Errorf("HEAD is %s, want %s", got.Head, want.Head)
			}
		})
	}
}

// linkTo makes a symbolic link, or skips the test where it cannot.
func linkTo(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Skip(err)
	}
}

func TestOpenHeadOfALinkedWorkingTree(t *testing.T) {
	r := gittest.New(t)
	r.Write("f", "1")
	r.Commit("1")
	linked := filepath.Join(t.TempDir(), "linked")
	r.Git("worktree", "add", "-q", "-b", "side", linked)
	for range 2 {
		want, err := Open(linked, file.Reach{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := OpenHead(linked, file.Reach{})
		if err != nil || got.Head != want.Head || got.Head.IsZero() || len(got.Refs) != 1 {
			t.Errorf("HEAD is %s, want %s: %v", got.Head, want.Head, err)
		}
		r.Git("pack-refs", "--all")
	}
}
