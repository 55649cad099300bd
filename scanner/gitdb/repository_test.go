package gitdb

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keysweep/finding"
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
	r := newRepo(t)
	id := r.commit("one")
	r.git("symbolic-ref", "refs/heads/alias", "refs/heads/main")
	for i := range 12 {
		r.git("symbolic-ref", fmt.Sprintf("refs/chain/%d", i), fmt.Sprintf("refs/chain/%d", i+1))
	}
	r.git("symbolic-ref", "refs/chain/12", "refs/heads/main")
	r.write(".git/refs/heads/.DS_Store", "rubbish")
	for range 20 {
		repo, err := Open(r.dir)
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

func TestABombOfTreesIsCut(t *testing.T) {
	r := newRepo(t)
	r.write("a.txt", needle+"1\n")
	r.commit("one")
	blob := strings.TrimSpace(r.git("rev-parse", "HEAD:a.txt"))
	entry, tree := "100644 blob "+blob+"\ta", ""
	for range 30 {
		file := filepath.Join(t.TempDir(), "entries")
		var lines []string
		for _, name := range []string{"a", "b"} {
			lines = append(lines, strings.TrimSuffix(entry, "a")+name)
		}
		if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		tree = strings.TrimSpace(r.git("-c", "alias.mk=!git mktree < "+file, "mk"))
		entry = "040000 tree " + tree + "\ta"
	}
	r.git("update-ref", "refs/heads/bomb", strings.TrimSpace(r.git("commit-tree", "-m", "bomb", tree)))
	db, _, rec := scanRepo(t, r.dir, 2, OpenOptions{})
	held := make(map[oid.ID][]int32)
	for id := range rec.objects {
		o, _ := oid.Parse([]byte(id))
		held[o] = []int32{0}
	}
	tr, err := db.Trace(context.Background(), held, 1)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := oid.Parse([]byte(blob))
	if !tr.Cut || len(tr.Places[b]) != placesPerObject || !slices.ContainsFunc(tr.Places[b], func(p Place) bool { return p.Path == "a.txt" && p.InHead }) {
		t.Errorf("cut %v, %d places", tr.Cut, len(tr.Places[b]))
	}
}

func TestLooseIDsOfAnotherLengthAreNotPassedOver(t *testing.T) {
	r := newRepo(t)
	r.commit("one")
	r.write(".git/objects/ab/"+strings.Repeat("c", 62), "named as in a SHA-256 repository")
	_, res, _ := scanRepo(t, r.dir, 1, OpenOptions{})
	if len(res.Skipped) != 1 || res.Skipped[0].Reason != finding.ReasonUnknownFormat {
		t.Errorf("skipped %v", res.Skipped)
	}
}

func TestALinkedFolderOfRefsIsFollowedInsideTheRepositoryOnly(t *testing.T) {
	for _, inside := range []bool{true, false} {
		r := newRepo(t)
		id := r.commit("one")
		heads := filepath.Join(r.dir, ".git/refs/heads")
		moved := filepath.Join(r.dir, ".git/moved")
		if !inside {
			moved = filepath.Join(t.TempDir(), "moved")
		}
		if err := os.Rename(heads, moved); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(moved, heads); err != nil {
			t.Fatal(err)
		}
		repo, err := Open(r.dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := repo.Head.String() == id; got != inside || (len(repo.Skipped) > 0) == inside {
			t.Errorf("inside %v: HEAD is %s, skipped %v", inside, repo.Head, repo.Skipped)
		}
	}
}
