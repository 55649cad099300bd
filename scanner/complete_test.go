package scanner

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keysweep/finding"
	"keysweep/scanner/gitdb/gittest"
)

// A scan is complete if every object was read.
func TestWhatHoldsNoObjectLeavesAScanComplete(t *testing.T) {
	damage := func(t *testing.T, path string) {
		t.Helper()
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		write(t, path, "no object\n")
	}
	// unreadable makes what not even root can read as a file.
	unreadable := func(t *testing.T, path string) {
		t.Helper()
		_ = os.Remove(path)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// copyOf returns the path of a loose copy of HEAD's a.txt, after that was packed.
	copyOf := func(r *gittest.Repo) string {
		id := strings.TrimSpace(r.Git("rev-parse", "HEAD:a.txt"))
		path := r.LoosePath(id)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		r.Git("gc", "-q")
		r.Write(filepath.Join(".git/objects", id[:2], id[2:]), string(b))
		return path
	}
	packs := func(r *gittest.Repo, ext string) string {
		list, err := filepath.Glob(filepath.Join(r.Dir, ".git/objects/pack/*.pack"))
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		return strings.TrimSuffix(list[0], ".pack") + ext
	}
	for _, c := range []struct {
		name     string
		prepare  func(t *testing.T, r *gittest.Repo)
		complete bool
		reason   finding.Reason // "": nothing is said
	}{
		{"all whole", func(t *testing.T, r *gittest.Repo) {}, true, ""},
		{"an unreadable reverse index, bitmap and rest of a fetch", func(t *testing.T, r *gittest.Repo) {
			r.Git("gc", "-q")
			unreadable(t, packs(r, ".rev"))
			unreadable(t, packs(r, ".bitmap"))
			unreadable(t, filepath.Join(r.Dir, ".git/objects/pack/tmp_pack_x"))
			unreadable(t, filepath.Join(r.Dir, ".git/objects/ab/tmp_obj_x"))
		}, true, ""},
		{"the same in a bare repository in the tree", func(t *testing.T, r *gittest.Repo) {
			r.Git("clone", "-q", "--bare", ".", "b.git")
			unreadable(t, filepath.Join(r.Dir, "b.git/objects/pack/tmp_pack_x"))
			unreadable(t, filepath.Join(r.Dir, "b.git/objects/ab/tmp_obj_x"))
		}, true, ""},
		{"a damaged loose copy of an object in a pack", func(t *testing.T, r *gittest.Repo) { damage(t, copyOf(r)) }, true, finding.ReasonSpareCopy},
		{"an unreadable loose copy of an object in a pack", func(t *testing.T, r *gittest.Repo) { unreadable(t, copyOf(r)) }, true, finding.ReasonSpareCopy},
		{"a loose object that no pack has", func(t *testing.T, r *gittest.Repo) {
			damage(t, r.LoosePath(strings.TrimSpace(r.Git("rev-parse", "HEAD:a.txt"))))
		}, false, finding.ReasonDamaged},
		{"a copy of an object in a pack that cannot be read", func(t *testing.T, r *gittest.Repo) {
			path := copyOf(r)
			damage(t, path)
			damage(t, packs(r, ".pack"))
		}, false, finding.ReasonDamaged},
		{"an unreadable pack", func(t *testing.T, r *gittest.Repo) {
			r.Git("gc", "-q")
			unreadable(t, packs(r, ".pack"))
		}, false, finding.ReasonUnreadable},
		{"a name with a final dot or space that only an object has", func(t *testing.T, r *gittest.Repo) {
			id := strings.TrimSpace(r.Git("rev-parse", "HEAD:a.txt"))
			r.Git("update-index", "--add", "--cacheinfo", "100644,"+id+",x.")
			r.Git("update-index", "--add", "--cacheinfo", "100644,"+id+",y ")
			r.Git("commit", "-q", "-m", "names")
			r.Git("update-index", "--add", "--cacheinfo", "100644,"+id+",only in the index.")
		}, true, ""},
		{"the stubs of reftables", func(t *testing.T, r *gittest.Repo) { r.ToReftable(2) }, true, ""},
		{"the stubs of a storage that is not known", func(t *testing.T, r *gittest.Repo) {
			r.ToReftable(2)
			r.Git("config", "-f", ".git/config", "extensions.refStorage", "sqlite")
		}, false, finding.ReasonUnknownFormat},
		{"extensions that change nothing here", func(t *testing.T, r *gittest.Repo) {
			r.Git("config", "core.repositoryFormatVersion", "1")
			for _, name := range []string{"submodulePathConfig", "compatObjectFormat", "preciousObjects", "worktreeConfig", "relativeWorktrees", "noop", "noop-v1"} {
				r.Git("config", "-f", ".git/config", "extensions."+name, "true")
			}
			r.Git("config", "-f", ".git/config", "extensions.neverHeardOf", "false")
		}, true, finding.ReasonExtension},
		{"an extension that is not known", func(t *testing.T, r *gittest.Repo) {
			r.Git("config", "core.repositoryFormatVersion", "1")
			r.Git("config", "-f", ".git/config", "extensions.neverHeardOf", "true")
		}, false, finding.ReasonUnknownFormat},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := gittest.New(t)
			r.Write("a.txt", "a\n")
			r.Commit("one")
			c.prepare(t, r)
			res := scanAll(t, Options{Paths: []string{r.Dir}})
			said := slices.ContainsFunc(res.Skipped, func(s finding.Skipped) bool { return s.Reason == c.reason })
			if res.Complete() != c.complete || said != (c.reason != "") || c.reason == "" && len(res.Skipped) > 0 {
				t.Errorf("complete %v, want %v: %+v", res.Complete(), c.complete, res.Skipped)
			}
		})
	}
}

func TestAKeyDeepInATreeHasAHistory(t *testing.T) {
	r := gittest.New(t)
	k := keysOf(1, 12)[0]
	content := "KEY=" + k + "\n"
	cmd := exec.Command("git", "fast-import", "--quiet")
	cmd.Dir = r.Dir
	cmd.Stdin = strings.NewReader(fmt.Sprintf("commit refs/heads/main\ncommitter A <a@example.org> 1700000000 +0000\ndata 0\nM 100644 inline %sf\ndata %d\n%s\n",
		strings.Repeat("d/", 2100), len(content), content))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	res := scanAll(t, Options{Paths: []string{r.Dir}, History: true})
	if len(res.Findings) != 1 || res.Findings[0].FirstSeen.Commit == "" || res.Findings[0].InHead != finding.Yes || !res.Complete() {
		t.Errorf("%+v, %v", res.Findings, res.Skipped)
	}
}

// Each says what is wrong in one sentence, makes the scan incomplete, and hides nothing
// of the rest.
func TestBadInputIsSaidOnceAndTheRestIsRead(t *testing.T) {
	k := keysOf(1, 13)[0]
	table := func(t *testing.T, r *gittest.Repo) (path string, content []byte) {
		t.Helper()
		list, _ := filepath.Glob(filepath.Join(r.Dir, ".git/reftable/*.ref"))
		if len(list) == 0 {
			t.Fatal("no table")
		}
		b, err := os.ReadFile(list[0])
		if err != nil {
			t.Fatal(err)
		}
		return list[0], b
	}
	for _, c := range []struct {
		name   string
		do     func(t *testing.T, r *gittest.Repo)
		reason finding.Reason
		words  string
	}{
		{"a damaged table", func(t *testing.T, r *gittest.Repo) {
			r.ToReftable(1)
			path, b := table(t, r)
			b[len(b)-1] ^= 1
			write(t, path, string(b))
		}, finding.ReasonDamaged, "corrupt reftable: checksum of the footer"},
		{"a stack that names a missing table", func(t *testing.T, r *gittest.Repo) {
			r.ToReftable(2)
			path, _ := table(t, r)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}, finding.ReasonMissing, ".ref, which is not here: the refs and reflogs in it are unknown"},
		{"a block that lies about its length", func(t *testing.T, r *gittest.Repo) {
			r.ToReftable(1)
			path, b := table(t, r)
			b[25] = 0xff
			write(t, path, string(b))
		}, finding.ReasonDamaged, "corrupt reftable: block at 0: length"},
		{"a symbolic ref in a circle", func(t *testing.T, r *gittest.Repo) {
			write(t, filepath.Join(r.Dir, ".git/refs/heads/a"), "ref: refs/heads/b\n")
			write(t, filepath.Join(r.Dir, ".git/refs/heads/b"), "ref: refs/heads/a\n")
		}, finding.ReasonDamaged, "symbolic ref"},
		{"a symbolic ref in a circle in a reftable", func(t *testing.T, r *gittest.Repo) {
			head := strings.TrimSpace(r.Git("rev-parse", "HEAD"))
			r.ToReftable(1)
			r.WriteStack(filepath.Join(r.Dir, ".git"), gittest.Table{BlockSize: 4096, Refs: []gittest.TableRef{
				{Name: "HEAD", Target: "refs/heads/main"}, {Name: "refs/heads/main", ID: head},
				{Name: "refs/heads/a", Target: "refs/heads/b"}, {Name: "refs/heads/b", Target: "refs/heads/a"}}})
		}, finding.ReasonDamaged, "symbolic ref"},
		{"an index of another version", func(t *testing.T, r *gittest.Repo) {
			write(t, filepath.Join(r.Dir, ".git/index"), "DIRC\x00\x00\x00\x09\x00\x00\x00\x00"+strings.Repeat("\x00", 20))
		}, finding.ReasonUnknownFormat, "index of "},
		{"a gitdir file that points nowhere", func(t *testing.T, r *gittest.Repo) {
			write(t, filepath.Join(r.Dir, "sub/.git"), "gitdir: ../.git/modules/gone\n")
		}, finding.ReasonUnreadable, "gone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := gittest.New(t)
			r.Write("k.txt", "KEY="+k+"\n")
			r.Commit("one")
			r.Write("k.txt", "clean\n")
			r.Commit("two")
			c.do(t, r)
			res := scanAll(t, Options{Paths: []string{r.Dir}})
			var said []finding.Skipped
			for _, s := range res.Skipped {
				if s.Reason.Class() == finding.ClassIncomplete {
					said = append(said, s)
				}
			}
			if len(said) != 1 || said[0].Count != 1 || said[0].Reason != c.reason || !strings.Contains(said[0].Detail, c.words) || strings.Contains(said[0].Detail, "\n") {
				t.Errorf("said %+v", said)
			}
			if len(occurrences(res)[k]) != 1 {
				t.Errorf("found %v", occurrences(res))
			}
		})
	}
}

// The folder that the user named may itself be such a working tree.
func TestAGitdirFileThatPointsNowhereIsNotedOnce(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, ".git"), "gitdir: ../gone\n")
	res := scanAll(t, Options{Paths: []string{dir}})
	if len(res.Skipped) != 1 || !strings.HasSuffix(res.Skipped[0].Detail, "gone") {
		t.Error(res.Skipped)
	}
}
