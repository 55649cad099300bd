package gitdb

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keysweep/file"
	"keysweep/finding"
	"keysweep/scanner/gitdb/gittest"
)

// manyRefs makes a repository with refs of every kind and a linked working tree, whose
// folder it returns.
func manyRefs(t *testing.T, args ...string) (r *gittest.Repo, linked string) {
	r = gittest.New(t, args...)
	r.Write("a", "1")
	first := r.Commit("one")
	r.Write("a", "2")
	r.Commit("two")
	r.Git("tag", "light")
	r.Git("tag", "-a", "-m", "tag", "annotated")
	r.Git("update-ref", "refs/notes/commits", first)
	r.Git("update-ref", "refs/keep/deep/er", first)
	r.Git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/heads/main")
	r.Git("update-ref", "ORIG_HEAD", first)
	linked = filepath.Join(filepath.Dir(r.Dir), "linked")
	r.Git("worktree", "add", "-q", "-b", "side", linked)
	r.GitIn(linked, "update-ref", "refs/bisect/bad", first)
	detached := filepath.Join(filepath.Dir(r.Dir), "detached")
	r.Git("worktree", "add", "-q", "--detach", detached, first)
	r.Git("pack-refs", "--all")
	r.Git("update-ref", "refs/heads/loose", first)
	return r, linked
}

func mustOpen(t *testing.T, open func(string, file.Reach) (*Repository, error), dir string) *Repository {
	t.Helper()
	repo, err := open(dir, file.Reach{})
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

func TestRefsInReftablesAreThoseInFiles(t *testing.T) {
	for name, args := range map[string][]string{"SHA-1": nil, "SHA-256": {"--object-format=sha256"}} {
		for _, tables := range []int{1, 2, 5} {
			t.Run(name, func(t *testing.T) {
				r, linked := manyRefs(t, args...)
				type all struct{ main, linked, bare *Repository }
				read := func() all {
					return all{mustOpen(t, Open, r.Dir), mustOpen(t, Open, linked), mustOpen(t, Open, filepath.Join(r.Dir, ".git"))}
				}
				files := read()
				r.ToReftable(tables)
				reftables := read()
				for _, pair := range [][2]*Repository{{files.main, reftables.main}, {files.linked, reftables.linked}, {files.bare, reftables.bare}} {
					want, got := pair[0], pair[1]
					if diff := cmp.Diff(want.Refs, got.Refs); diff != "" || got.Head != want.Head || got.Skipped != nil {
						t.Errorf("%s: HEAD %v, want %v, skipped %v\n%s", got.GitDir, got.Head, want.Head, got.Skipped, diff)
					}
					if len(want.Refs) < 10 {
						t.Errorf("%d refs", len(want.Refs))
					}
					for _, name := range []string{"ORIG_HEAD", "CHERRY_PICK_HEAD", "refs/bisect/bad"} {
						id, ok := got.Ref(name)
						if wantID, wantOK := want.Ref(name); id != wantID || ok != wantOK {
							t.Errorf("%s is %v, %v, want %v, %v", name, id, ok, wantID, wantOK)
						}
					}
				}
				for _, dir := range []string{r.Dir, linked} {
					head := mustOpen(t, OpenHead, dir)
					if want := mustOpen(t, Open, dir).Head; head.Head != want || want.IsZero() || head.Skipped != nil {
						t.Errorf("%s: OpenHead finds %v, Open %v, skipped %v", dir, head.Head, want, head.Skipped)
					}
				}
			})
		}
	}
}

func TestARefStorageThatIsAFolder(t *testing.T) {
	r, linked := manyRefs(t)
	gitDir := filepath.Join(r.Dir, ".git")
	want := mustOpen(t, Open, r.Dir).Refs
	wantLinked := mustOpen(t, Open, linked).Refs
	r.ToReftable(1)
	move := func(to string) {
		t.Helper()
		for _, name := range []string{"reftable", "worktrees/linked/reftable", "worktrees/detached/reftable"} {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(filepath.Join(gitDir, name), filepath.Join(to, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	config := func(value string) {
		t.Helper()
		r.GitIn(t.TempDir(), "config", "-f", filepath.Join(gitDir, "config"), "extensions.refStorage", value)
	}

	beside := filepath.Join(filepath.Dir(r.Dir), "refs")
	move(beside)
	for _, value := range []string{"reftable://" + beside, "reftable://../../refs", "RefTable://" + beside} {
		config(value)
		for dir, want := range map[string][]Ref{r.Dir: want, linked: wantLinked} {
			if got := mustOpen(t, Open, dir); cmp.Diff(want, got.Refs) != "" || got.Skipped != nil {
				t.Errorf("%s, %s: skipped %v\n%s", value, dir, got.Skipped, cmp.Diff(want, got.Refs))
			}
		}
	}

	// As git has it in GIT_REFERENCE_BACKEND, whatever the configuration says.
	config("files")
	for _, value := range []string{"reftable://" + beside, "reftable://../../refs"} {
		for _, open := range []func(string, file.Reach) (*Repository, error){Open, OpenHead} {
			got, err := open(r.Dir, file.Reach{RefStorage: value})
			if err != nil || got.Head != want[0].ID || got.Skipped != nil {
				t.Errorf("%s: %v, HEAD %s, skipped %v", value, err, got.Head, got.Skipped)
			}
		}
	}

	elsewhere := t.TempDir()
	for value, reason := range map[string]finding.Reason{
		"reftable://" + elsewhere:       finding.ReasonUnreadable,
		"files://" + elsewhere:          finding.ReasonUnreadable,
		"reftable://":                   finding.ReasonUnknownFormat,
		"postgres://127.0.0.1/refs":     finding.ReasonUnknownFormat,
		"reftable://" + beside + "/not": finding.ReasonUnreadable,
	} {
		config(value)
		got := mustOpen(t, Open, r.Dir)
		if len(got.Skipped) == 0 || got.Skipped[0].Reason != reason || got.Skipped[0].Reason.Class() != finding.ClassIncomplete || len(got.Refs) > 0 {
			t.Errorf("%s: skipped %v, refs %v", value, got.Skipped, got.Refs)
		}
	}
}

func TestADamagedStackIsReported(t *testing.T) {
	tables := func(r *gittest.Repo) []string {
		list, _ := filepath.Glob(filepath.Join(r.Dir, ".git", "reftable", "*.ref"))
		return list
	}
	for name, damage := range map[string]struct {
		do     func(t *testing.T, r *gittest.Repo) error
		reason finding.Reason
	}{
		"no list": {func(_ *testing.T, r *gittest.Repo) error {
			return os.Remove(filepath.Join(r.Dir, ".git", "reftable", "tables.list"))
		}, finding.ReasonUnreadable},
		"a table is missing": {func(_ *testing.T, r *gittest.Repo) error { return os.Remove(tables(r)[0]) }, finding.ReasonMissing},
		"a table is cut":     {func(_ *testing.T, r *gittest.Repo) error { return os.Truncate(tables(r)[0], 60) }, finding.ReasonDamaged},
		"a table of version 9": {func(_ *testing.T, r *gittest.Repo) error {
			return os.WriteFile(tables(r)[0], []byte("REFT\x09"), 0o666)
		}, finding.ReasonUnknownFormat},
		"a name with a slash": {func(_ *testing.T, r *gittest.Repo) error {
			return os.WriteFile(filepath.Join(r.Dir, ".git", "reftable", "tables.list"), []byte("../x.ref\n"), 0o666)
		}, finding.ReasonDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			r := gittest.New(t)
			r.Write("a", "1")
			r.Commit("one")
			r.ToReftable(2)
			if err := damage.do(t, r); err != nil {
				t.Fatal(err)
			}
			for _, open := range []func(string, file.Reach) (*Repository, error){Open, OpenHead} {
				got := mustOpen(t, open, r.Dir).Skipped
				if len(got) != 1 || got[0].Reason != damage.reason || !strings.HasPrefix(got[0].Detail, "ref") {
					t.Errorf("skipped %+v", got)
				}
			}
		})
	}
}

// git compacts tables while others read them: a list that was read names a table that
// is gone.
func TestAStackThatIsCompactedMeanwhileIsReadAnew(t *testing.T) {
	r := gittest.New(t)
	r.Write("a", "1")
	r.Commit("one")
	want := mustOpen(t, Open, r.Dir).Refs
	refs := []gittest.TableRef{{Name: "HEAD", Target: "refs/heads/main"}, {Name: "refs/heads/main", ID: want[0].ID.String()}}
	r.ToReftable(1)
	dir := filepath.Join(r.Dir, ".git", "reftable")
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for n := 1; ; n = n%3 + 1 {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond / 2):
			}
			old, _ := filepath.Glob(filepath.Join(dir, "*.ref"))
			list := make([]gittest.Table, n)
			list[n-1] = gittest.Table{BlockSize: 4096, Refs: refs}
			for i := range n - 1 {
				list[i] = gittest.Table{BlockSize: 4096, Refs: []gittest.TableRef{{Name: "refs/heads/main", Target: "refs/heads/old"}}}
			}
			r.WriteStack(filepath.Join(r.Dir, ".git"), list...)
			for _, path := range old {
				os.Remove(path)
			}
		}
	}()
	for range 200 {
		if got := mustOpen(t, Open, r.Dir); cmp.Diff(want, got.Refs) != "" || got.Skipped != nil {
			t.Errorf("skipped %v\n%s", got.Skipped, cmp.Diff(want, got.Refs))
			break
		}
	}
	close(stop)
	<-stopped
}

// An extension that git does not know stops git, but not in version 0.
func TestAnExtensionIsNotedUnlessItMayChangeObjectsOrRefs(t *testing.T) {
	type reasons = []finding.Reason
	noted, incomplete := reasons{finding.ReasonExtension}, reasons{finding.ReasonUnknownFormat}
	for extension, want := range map[string]reasons{
		"submodulePathConfig = true": noted, "relativeWorktrees": noted, "worktreeConfig = 1": noted, "compatObjectFormat = sha256": noted,
		"preciousObjects = yes": noted, "noop = x": noted, "noop-v1": noted,
		"partialClone = origin": nil, "objectFormat = sha1": nil, "refStorage = files": nil,
		"newThing = false": nil, "newThing = no": nil, "preciousObjects = off": nil, "newThing = true": incomplete, "newThing = 2": incomplete,
	} {
		for version, want := range map[string]reasons{"1": want, "0": want} {
			if version == "0" && want != nil {
				want = noted
			}
			r := gittest.New(t)
			r.Write(".git/config", "[core]\n\trepositoryFormatVersion = "+version+"\n[extensions]\n\t"+extension+"\n")
			var got reasons
			for _, s := range mustOpen(t, Open, r.Dir).Skipped {
				got = append(got, s.Reason)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%q in version %s: %v, want %v", extension, version, got, want)
			}
		}
	}
}

func TestTextOfTablesThatAreCompactedMeanwhileIsRead(t *testing.T) {
	r := gittest.New(t)
	r.Write("a", "1")
	r.Commit("one")
	r.ToReftable(2)
	dir := filepath.Join(r.Dir, ".git", "reftable")
	log := gittest.TableLog{Ref: "HEAD", Old: strings.Repeat("0", 40), New: strings.Repeat("1", 40), Name: "A", Email: "a@example.org", Zone: -330, Message: "compacted\n"}
	var text strings.Builder
	err := mustOpen(t, Open, r.Dir).ReftableText(func(_, _ string, b []byte) error {
		old, _ := filepath.Glob(filepath.Join(dir, "*.ref"))
		if text.Len() == 0 {
			r.WriteStack(filepath.Join(r.Dir, ".git"), gittest.Table{Least: 9, BlockSize: 4096, Logs: []gittest.TableLog{log}})
			for _, path := range old {
				os.Remove(path)
			}
		}
		text.Write(b)
		return nil
	})
	if want := " A <a@example.org> 0 -0330\tcompacted\n"; err != nil || !strings.HasSuffix(text.String(), want) {
		t.Errorf("%v\n%s", err, text.String())
	}
}
