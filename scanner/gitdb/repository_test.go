package gitdb

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keysweep/file"
	"keysweep/scanner/gitdb/gittest"
	"keysweep/scanner/gitdb/oid"
)

func TestParseConfigReadsWhatGitReads(t *testing.T) {
	config := strings.Join([]string{
		"\xef\xbb\xbf[core]", "\trepositoryformatversion = 1 ; a comment", "\tIgnoreCase", "",
		"[user] name = \"A # B\"", "[remote \"Origin\"]", "\tpromisor = yes", "[remote.other]", "url = a\\\nb",
		"[url \"\"]", "x = \"q\\\"q\"", "[broken", "[3a]", "no section = here\xe4", "; c", "# d", "",
	}, "\n")
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, s := range parseConfig([]byte(config)) {
		got[s.name] = s.value
	}
	want := map[string]string{
		"core.repositoryformatversion": "1", "core.ignorecase": "true", "user.name": "A # B",
		"remote.Origin.promisor": "yes", "remote.other.url": "ab", "url..x": "q\"q", "3a.no section": "here\xe4",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte("[core]\n\ta = b # c\n[x \"y\"] z = \"q\\\\\"\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, s := range parseConfig(b) {
			if !strings.Contains(s.name, ".") {
				t.Fatalf("setting %q", s.name)
			}
		}
	})
}

func TestSymbolicRefs(t *testing.T) {
	r := gittest.New(t)
	id := r.Commit("one")
	r.Git("symbolic-ref", "refs/heads/alias", "refs/heads/main")
	for i := range 12 {
		r.Git("symbolic-ref", fmt.Sprintf("refs/chain/%d", i), fmt.Sprintf("refs/chain/%d", i+1))
	}
	r.Git("symbolic-ref", "refs/chain/12", "refs/heads/main")
	r.Write(".git/refs/heads/.DS_Store", "rubbish")
	for range 20 {
		repo, err := Open(r.Dir, file.Reach{})
		if err != nil {
			t.Fatal(err)
		}
		ids := make(map[string]string)
		for _, ref := range repo.Refs {
			ids[ref.Name] = ref.ID.String()
		}
		for _, name := range []string{"HEAD", "refs/heads/main", "refs/heads/alias", "refs/chain/12", "refs/chain/8"} {
			if ids[name] != id {
				t.Fatalf("%s is %s, want %s", name, ids[name], id)
			}
		}
		// git follows five steps, and no more.
		if ids["refs/chain/0"] != (oid.ID{}).String() || len(repo.Skipped) > 0 {
			t.Fatalf("the start of the chain is %s, skipped %v", ids["refs/chain/0"], repo.Skipped)
		}
	}
}

func TestALinkedFolderOfRefsIsFollowedInsideTheRepositoryOnly(t *testing.T) {
	for _, inside := range []bool{true, false} {
		r := gittest.New(t)
		id := r.Commit("one")
		heads := filepath.Join(r.Dir, ".git/refs/heads")
		moved := filepath.Join(r.Dir, ".git/moved")
		if !inside {
			moved = filepath.Join(t.TempDir(), "moved")
		}
		if err := os.Rename(heads, moved); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(moved, heads); err != nil {
			t.Fatal(err)
		}
		repo, err := Open(r.Dir, file.Reach{})
		if err != nil {
			t.Fatal(err)
		}
		if got := repo.Head.String() == id; got != inside || (len(repo.Skipped) > 0) == inside {
			t.Errorf("inside %v: HEAD is %s, skipped %v", inside, repo.Head, repo.Skipped)
		}
	}
}
