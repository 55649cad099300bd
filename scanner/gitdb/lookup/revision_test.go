package lookup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keysweep/file"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/gittest"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// repo is a repository that answers what these tests ask git.
type repo struct{ *gittest.Repo }

func newRepo(t testing.TB, args ...string) *repo { return &repo{gittest.New(t, args...)} }

// revParse asks git what a revision names, "" for nothing.
func (r *repo) revParse(rev string) string {
	cmd := exec.Command("git", "rev-parse", "--verify", "--quiet", rev)
	cmd.Dir = r.Dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "TZ=UTC")
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// randomRepo makes a repository with merges, tags of tags, tags of trees, a
// remote branch, loose and packed objects, packed and loose refs.
func randomRepo(t *testing.T, r *repo, commits int) {
	rng := rand.New(rand.NewPCG(7, 7))
	for i := range commits {
		r.Write(fmt.Sprintf("d%d/f%d.txt", rng.IntN(5), rng.IntN(20)), fmt.Sprint(rng.Int64()))
		if i > 3 && rng.IntN(4) == 0 {
			r.Git("checkout", "-q", "-b", fmt.Sprintf("side%d", i), fmt.Sprintf("HEAD~%d", rng.IntN(3)))
			r.Write(fmt.Sprintf("side/%d.txt", i), "side")
			r.Commit("side")
			r.Git("checkout", "-q", "main")
			r.Clock += 60
			r.Git("merge", "-q", "--no-ff", "-X", "ours", "-m", "merge", fmt.Sprintf("side%d", i))
			continue
		}
		r.Commit(fmt.Sprint(i))
		if rng.IntN(5) == 0 {
			r.Git("tag", "-a", "-m", "tag", fmt.Sprintf("v%d", i))
		}
		if i == commits/2 {
			r.Git("gc", "-q")
		}
	}
	r.Git("tag", "-a", "-m", "tag of tag", "twice", r.revParse("refs/tags/"+strings.Fields(r.Git("tag", "-l", "v*"))[0]))
	r.Git("tag", "tree", "HEAD^{tree}")
	r.Git("tag", "-a", "-m", "x", "annotated-tree", "HEAD^{tree}")
	r.Git("tag", "blob", r.revParse("HEAD:"+strings.Fields(r.Git("ls-files"))[0]))
	r.Git("update-ref", "refs/remotes/origin/main", "HEAD~2")
	r.Git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
	r.Git("update-ref", "refs/custom/x", "HEAD~1")
	r.Git("tag", "main", "HEAD~3") // a tag of the name of a branch
	r.Git("branch", "feed", "HEAD~1")
	r.Write("stashed.txt", "1")
	r.Git("stash", "-q", "-u")
	r.Write("stashed.txt", "2")
	r.Clock += 60
	r.Git("stash", "-q", "-u")
}

func TestRevisionsAreReadAsGitReadsThem(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		t.Run(format, func(t *testing.T) {
			r := newRepo(t, "--object-format="+format)
			randomRepo(t, r, 18)
			revs := []string{"HEAD", "@", "@~2", "@^", "HEAD~0", "HEAD^0", "HEAD~", "HEAD^^", "HEAD~3^1~2", "HEAD~1000", "HEAD^3",
				"main", "heads/main", "refs/heads/main", "tags/main", "origin", "origin/main", "refs/custom/x", "custom/x", "feed",
				"twice", "twice^{}", "twice^{commit}", "twice^{tree}", "twice^{tag}", "twice^{object}", "twice~1", "twice^0", "twice^{}^{tree}",
				"tree", "tree^{tree}", "tree^{commit}", "tree~1", "tree^{}", "annotated-tree", "annotated-tree^{}", "annotated-tree^{tree}", "annotated-tree^{commit}",
				"blob", "blob^{blob}", "blob^{tree}", "HEAD^{blob}", "HEAD^{tag}", "HEAD^{rubbish}", "HEAD^{", "nothing", "^", "~", "HEAD~x", "ORIG_HEAD", "ORIG_HEAD^",
				"FETCH_HEAD", "v1-3-g" + r.revParse("HEAD~2")[:8], "x-g" + r.revParse("HEAD^{tree}")[:12], "abc", "abcd", strings.Repeat("0", 40), "HEAD~99999999999999999999"}
			logged := []string{"stash@{0}", "stash@{1}", "stash@{2}", "stash@{3}", "stash", "HEAD@{0}", "HEAD@{1}", "HEAD@{3}^", "HEAD@{999}", "@{0}", "@{2}",
				"@@{1}", "main@{1}", "heads/main@{2}", "refs/heads/main@{1}", "feed@{0}", "feed@{1}", "feed@{2}", "nothing@{1}", "HEAD@{", "HEAD@{1}~2^{tree}",
				"origin@{0}", "origin@{1}", "refs/custom/x@{1}", "twice@{1}",
				"HEAD^{/[0-9]}", "HEAD^{/^side$}", "HEAD^{/^3}", "main^{/merge}^2", "HEAD^{/nothing like this}", "HEAD^{/!-merge}", "HEAD^{/!!}", "HEAD^{/!x}", "HEAD^{/}",
				"HEAD^{/1{1}}", ":/side", ":/^7", ":/index on", ":/tag", ":/nothing like this", ":/!-[0-9]", "tree^{/x}"}
			r.Git("config", "remote.origin.url", "../nowhere")
			r.Git("config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*")
			r.Git("config", "branch.main.remote", "origin")
			r.Git("config", "branch.main.merge", "refs/heads/main")
			r.Git("config", "branch.feed.remote", ".")
			r.Git("config", "branch.feed.merge", "refs/heads/main")
			logged = append(logged, "@{u}", "@{upstream}", "@{UPSTREAM}~1", "main@{u}", "main@{u}^{tree}", "HEAD@{U}", "@@{u}", "feed@{u}", "nothing@{u}", "origin@{u}",
				"main@{u}@{0}", "main@{u}@{1}", "main@{u}@{u}", "heads/main@{u}", "refs/heads/main@{u}", "main@{1}@{u}", "@{u", "@{u}x", "@{upstrea}",
				"@{push}", "main@{push}", "feed@{push}", "@{Push}~1", "@{-1}", "@{-2}", "@{-3}~1", "@{-99}", "@{-0}", "@{-1}@{0}", "@{-1}@{1}", "@{-1}@{u}", "@{-2}@{u}", "@{-x}", "@{-1", "HEAD@{-1}")
			for at := 1_700_000_000 - 100; at < r.Clock+200; at += 97 {
				stamp := time.Unix(int64(at), 0).UTC().Format(dateLayouts[at%5])
				logged = append(logged, fmt.Sprintf("HEAD@{%d}", at), "@{"+stamp+"}", "main@{"+stamp+"}", "stash@{"+stamp+"}")
			}
			for ref := range strings.FieldsSeq(r.Git("for-each-ref", "--format=%(refname) %(refname:short)")) {
				revs = append(revs, ref, ref+"~1", ref+"^2", ref+"^{tree}")
			}
			for id := range strings.FieldsSeq(r.Git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)")) {
				revs = append(revs, id, id[:4], id[:4]+"^{commit}", id[:4]+"^{tree}", id[:5], id[:5]+"~1", id[:12], strings.ToUpper(id[:12]), id+"^{}")
			}
			slices.Sort(revs)
			revs = slices.Compact(revs)
			trees := make([]string, len(revs))
			for i := range revs {
				trees[i] = revs[i] + ":"
			}
			names, folders := r.revParseAll(revs), r.revParseAll(trees)
			for _, rev := range logged { // cat-file ends at one that a log lacks
				names[rev] = r.revParse(rev)
			}
			revs = append(revs, logged...)
			repo, err := gitdb.Open(r.Dir, file.Reach{})
			if err != nil {
				t.Fatal(err)
			}
			db, err := Open(t.Context(), repo, gitdb.OpenOptions{Now: func() time.Time { return time.Unix(int64(r.Clock), 0).UTC() }})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			named, answers := 0, make(map[string]string)
			for _, rev := range revs {
				// Left of a path an abbreviation means something with a tree.
				want := names[rev]
				if !strings.ContainsAny(rev, "^~{/") {
					if tree := folders[rev+":"]; tree != "" || len(rev) < 12 && want == "" {
						want = tree
						if id, err := db.Resolve(t.Context(), rev); err == nil {
							got, _ := db.NewReader(0).peel(t.Context(), id, oid.Tree)
							if got.String() != tree {
								t.Errorf("%s: is a folder %s, git says %q", rev, got, tree)
							}
							named++
							continue
						}
					}
				}
				id, err := db.Resolve(t.Context(), rev)
				got := id.String()
				answers[rev] = got
				if err != nil {
					answers[rev] = err.Error()
					got = ""
					if !errors.Is(err, ErrRevision) {
						t.Errorf("%s: %v", rev, err)
					}
				}
				if format == "sha1" && rev == strings.Repeat("0", 40) {
					continue // a whole id is taken at its word
				}
				if got != want {
					t.Errorf("%s: %q (%v), git says %q", rev, got, err, want)
				}
				if got != "" {
					named++
				}
			}
			t.Logf("%d revisions, %d name something", len(revs), named)

			// The same from reftables.
			r.ToReftable(3)
			if repo, err = gitdb.Open(r.Dir, file.Reach{}); err != nil || len(repo.Skipped) > 0 {
				t.Fatal(err, repo.Skipped)
			}
			tables, err := Open(t.Context(), repo, gitdb.OpenOptions{Now: db.now})
			if err != nil {
				t.Fatal(err)
			}
			defer tables.Close()
			for rev, want := range answers {
				id, err := tables.Resolve(t.Context(), rev)
				got := id.String()
				if err != nil {
					got = err.Error()
				}
				if got != want {
					t.Errorf("%s from reftables: %s; from files: %s", rev, got, want)
				}
			}
		})
	}
}

func TestEveryObjectReadsAsGitReadsIt(t *testing.T) {
	r := newRepo(t)
	randomRepo(t, r, 10)
	large := bytes.Repeat([]byte("0123456789abcdef\n"), 600_000) // over the size from which blobs are streams
	if !testing.Short() {
		r.Write("large.bin", string(large))
		r.Write("larger.bin", string(large)+"more")
		r.Commit("large")
	}
	for range 2 { // loose, then packed
		repo, err := gitdb.Open(r.Dir, file.Reach{})
		if err != nil {
			t.Fatal(err)
		}
		db, err := Open(t.Context(), repo, gitdb.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(r.Git("cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype) %(objectsize)")) {
			f := strings.Fields(line)
			id, _ := oid.Parse([]byte(f[0]))
			err := db.Read(t.Context(), id, func(o *pack.Object) error {
				data := o.Data
				if o.Stream != nil {
					var err error
					if data, err = io.ReadAll(o.Stream); err != nil {
						return err
					}
				}
				if o.Type.String() != f[1] || fmt.Sprint(len(data)) != f[2] {
					t.Errorf("%s: a %v of %d bytes", line, o.Type, len(data))
				}
				return nil
			})
			if err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
		if err := db.Read(t.Context(), oid.ID{1}, func(*pack.Object) error { return nil }); !errors.Is(err, ErrAbsent) {
			t.Errorf("an absent object: %v", err)
		}
		db.Close()
		r.Git("gc", "-q")
	}
}

func TestPathsInATree(t *testing.T) {
	r := newRepo(t)
	r.Write("a/b/c.txt", "text")
	r.Write("a:1", "colon")
	r.Commit("one")
	repo, err := gitdb.Open(r.Dir, file.Reach{})
	if err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), repo, gitdb.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, path := range []string{"a/b/c.txt", "a/b", "a", "a:1", "a/x", "a:1/x", "", "a//b"} {
		want := r.revParse("HEAD:" + path)
		e, err := db.AtPath(t.Context(), repo.Head, path)
		if path == "" || path == "a//b" {
			if !errors.Is(err, ErrRevision) {
				t.Errorf("%q: %v", path, err)
			}
			continue
		}
		if got := e.ID.String(); err == nil && got != want || err != nil && (want != "" || !errors.Is(err, ErrRevision)) {
			t.Errorf("%s: %s, %v, git says %q", path, got, err, want)
		}
	}
}

func TestAnAmbiguousIDListsWhatItMayBe(t *testing.T) {
	r := newRepo(t)
	var ids []string
	seen := map[string]string{}
	for i := 0; ; i++ { // two blobs with the same first four digits
		content := fmt.Sprint(i)
		id := oid.NewHasher(oid.SHA1).Sum(oid.Blob, []byte(content)).String()
		if other, ok := seen[id[:4]]; ok {
			r.Write("x", other)
			r.Write("y", content)
			ids = []string{id[:4], r.hash("x"), r.hash("y")}
			break
		}
		seen[id[:4]] = content
	}
	r.Commit("two")
	repo, _ := gitdb.Open(r.Dir, file.Reach{})
	db, err := Open(t.Context(), repo, gitdb.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.Resolve(t.Context(), ids[0])
	if !errors.Is(err, ErrRevision) || !strings.Contains(err.Error(), ids[1]) || !strings.Contains(err.Error(), ids[2]) {
		t.Errorf("got %v, want both of %v", err, ids)
	}
}

// revParseAll asks git about many revisions at once, in one process.
func (r *repo) revParseAll(revs []string) map[string]string {
	cmd := exec.Command("git", "cat-file", "--batch-check=%(objectname)")
	cmd.Dir = r.Dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	cmd.Stdin = strings.NewReader(strings.Join(revs, "\n") + "\n")
	out, err := cmd.Output()
	if err != nil {
		r.T.Fatal(err)
	}
	answers := map[string]string{}
	for i, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		if strings.ContainsRune(line, ' ') {
			line = "" // "… missing", "… ambiguous"
		}
		answers[revs[i]] = line
	}
	if len(answers) == 0 {
		r.T.Fatal("git says nothing")
	}
	return answers
}

func (r *repo) hash(path string) string {
	return strings.TrimSpace(r.Git("hash-object", "-w", path))
}

func TestADamagedObjectIsNotRead(t *testing.T) {
	r := newRepo(t)
	r.Write("a.txt", "one")
	r.Commit("one")
	id := r.revParse("HEAD:a.txt")
	other := r.revParse("HEAD")
	path := func(id string) string { return filepath.Join(r.Dir, ".git", "objects", id[:2], id[2:]) }
	b, err := os.ReadFile(path(other))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path(id)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path(id), b, 0o444); err != nil { // another object under its name
		t.Fatal(err)
	}
	repo, _ := gitdb.Open(r.Dir, file.Reach{})
	db, err := Open(t.Context(), repo, gitdb.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	o, _ := oid.Parse([]byte(id))
	if err := db.Read(context.Background(), o, func(*pack.Object) error { return nil }); !errors.Is(err, pack.ErrCorrupt) {
		t.Errorf("got %v", err)
	}
}

func FuzzRevision(f *testing.F) {
	for _, rev := range []string{"HEAD~1^2^{tree}", "^{", "a@{1}", "-g", "@", "~~~^^^", "v1-g0000"} {
		f.Add(rev)
	}
	repo := &gitdb.Repository{Refs: []gitdb.Ref{{Name: "HEAD", ID: oid.ID{1}}}, GitDir: f.TempDir()}
	db := &Database{repo: repo, budget: pack.NewBudget(0)}
	f.Fuzz(func(t *testing.T, rev string) {
		if _, err := db.Resolve(t.Context(), rev); err != nil && !errors.Is(err, ErrRevision) && !errors.Is(err, ErrAbsent) {
			t.Fatalf("%q: %v", rev, err)
		}
	})
}

func TestReflogsOfOtherWorkingTreesAreTheirs(t *testing.T) {
	r := newRepo(t)
	for range 4 {
		r.Git("commit", "-q", "--allow-empty", "-m", "one")
	}
	linked := filepath.Join(t.TempDir(), "linked")
	r.Git("worktree", "add", "-q", "-b", "other", linked, "HEAD~1")
	r.Git("-C", linked, "reset", "-q", "--soft", "HEAD~1")
	r.Git("-C", linked, "reset", "-q", "--soft", "HEAD~1")
	r.Git("checkout", "-q", "--detach", "HEAD~1")
	revs := []string{"HEAD@{1}", "main-worktree/HEAD@{1}", "main-worktree/HEAD@{2}", "worktrees/linked/HEAD@{1}", "worktrees/linked/HEAD@{2}", "other@{1}"}
	want := make(map[string]string)
	for _, rev := range revs {
		want[rev] = strings.TrimSpace(r.Git("-C", linked, "rev-parse", "-q", "--verify", rev, "--"))
	}
	for _, storage := range []string{"files", "reftable"} {
		if storage == "reftable" {
			r.ToReftable(2)
		}
		repo, err := gitdb.Open(linked, file.Reach{})
		if err != nil {
			t.Fatal(err)
		}
		db, err := Open(t.Context(), repo, gitdb.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, rev := range revs {
			if got, err := db.Resolve(t.Context(), rev); got.String() != want[rev] && (err == nil || want[rev] != "") {
				t.Errorf("%s: %s is %s, %v; git says %s", storage, rev, got, err, want[rev])
			}
		}
		db.Close()
	}
}
