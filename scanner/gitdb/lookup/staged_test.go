package lookup

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keysweep/scanner/gitdb/gittest"
	"keysweep/scanner/gitdb/index"
	"keysweep/scanner/gitdb/oid"
)

// slowStaged is Staged by git ls-files and git ls-tree.
func (r *repo) slowStaged(dir string, parents ...string) (list []string) {
	cache := make(map[string]map[string]string)
	for _, line := range strings.Split(r.GitIn(dir, "ls-files", "-s", "-z", "--sparse"), "\x00") {
		meta, path, ok := strings.Cut(line, "\t")
		if !ok {
			continue
		}
		f := strings.Fields(meta)
		if f[0] == "160000" {
			continue
		}
		if f[0] == "040000" {
			for _, below := range strings.Split(r.GitIn(dir, "ls-tree", "-r", "-z", f[1]), "\x00") {
				meta, name, ok := strings.Cut(below, "\t")
				if ok {
					list = append(list, strings.Fields(meta)[2]+" 0 "+path+name)
				}
			}
			continue
		}
		list = append(list, f[1]+" "+f[2]+" "+path)
	}
	list = slices.DeleteFunc(list, func(s string) bool {
		f := strings.SplitN(s, " ", 3)
		return slices.ContainsFunc(parents, func(p string) bool { return r.listing(p, cache)[f[2]] == f[0] })
	})
	slices.Sort(list)
	return list
}

func fastStaged(t testing.TB, dir string, parents ...string) (list, names []string) {
	t.Helper()
	db := lookupDB(t, dir, 1)
	x, err := OpenIndex(filepath.Join(db.repo.GitDir, "index"), db.repo.Format)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	var trees []oid.ID
	for _, p := range ids(t, parents...) {
		tree, err := db.TreeOf(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		trees = append(trees, tree)
	}
	d := db.NewDiffer(1 << 20)
	err = d.Staged(context.Background(), &x.Index, trees, func(e *Introduced) error {
		if e.IsBlob() {
			list = append(list, fmt.Sprintf("%s %d %s", e.ID, e.Stage, e.Path))
		}
		if e.Named {
			names = append(names, e.Path)
		}
		return nil
	})
	if err != nil || len(d.Skipped) > 0 {
		t.Fatal(err, d.Skipped)
	}
	slices.Sort(list)
	slices.Sort(names)
	return list, names
}

func TestANameIsNewWhereNoParentHasIt(t *testing.T) {
	r := newRepo(t)
	r.Write("old/changed", "1")
	r.Write("old/same", "1")
	r.Commit("one")
	r.Write("old/changed", "2")
	r.Write("old/new", "1")
	r.Write("new/same", "1")
	r.Git("add", ".")
	list, names := fastStaged(t, r.Dir, r.revParse("HEAD"))
	if want := []string{"new", "new/same", "old/new"}; len(list) != 3 || !slices.Equal(names, want) {
		t.Errorf("%d entries, names %q, want %q", len(list), names, want)
	}
}

func TestStagedEntriesAreThoseThatNoParentHas(t *testing.T) {
	for seed := range gittest.Seeds() {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 12))
			r := newRepo(t, "--object-format="+[]string{"sha1", "sha256"}[seed%2])
			all := tangled(r, rnd, 12)
			if seed%3 > 0 {
				r.Git("repack", "-q", "-a", "-d")
			}
			for range 8 {
				var parents []string
				for range rnd.IntN(3) {
					parents = append(parents, all[rnd.IntN(len(all))])
				}
				r.Git("read-tree", all[rnd.IntN(len(all))])
				r.Write("b/c/f0.txt", fmt.Sprint(rnd.IntN(12)))
				r.Write("b-c", "sorts before b/")
				r.Write("b.c", "sorts before b/")
				r.Git("add", "b/c/f0.txt", "b-c", "b.c")
				r.Git("update-index", "--index-version", fmt.Sprint(2+rnd.IntN(3)))
				got, _ := fastStaged(t, r.Dir, parents...)
				if want := r.slowStaged(r.Dir, parents...); !slices.Equal(got, want) {
					t.Fatalf("parents %v\n%s\nwant\n%s", parents, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			}
		})
	}
}

func TestEveryKindOfIndexTellsWhatIsStaged(t *testing.T) {
	edit := func(r *repo) {
		r.Write("in/deep/new.txt", "staged")
		r.Write("top.txt", "changed")
		r.Git("add", "--sparse", "in/deep/new.txt", "top.txt")
	}
	kinds := map[string]func(r *repo){
		"version 2":        func(r *repo) { r.Git("update-index", "--index-version", "2"); edit(r) },
		"version 4":        func(r *repo) { r.Git("update-index", "--index-version", "4"); edit(r) },
		"split":            func(r *repo) { r.Git("update-index", "--split-index"); edit(r) },
		"split, version 4": func(r *repo) { r.Git("update-index", "--index-version", "4", "--split-index"); edit(r) },
		"untracked cache":  func(r *repo) { r.Git("update-index", "--force-untracked-cache"); r.Git("status"); edit(r) },
		"fsmonitor":        func(r *repo) { r.Git("-c", "core.fsmonitor=true", "update-index", "--fsmonitor"); edit(r) },
		"without cache tree": func(r *repo) {
			edit(r)
			r.Git("read-tree", strings.TrimSpace(r.Git("write-tree")))
		},
		"sparse": func(r *repo) {
			r.Git("sparse-checkout", "init", "--cone", "--sparse-index")
			r.Git("sparse-checkout", "set", "in")
			edit(r)
		},
		"a folder outside a sparse checkout is staged": func(r *repo) {
			r.Write("out/deep/new.txt", "staged, then left out")
			r.Git("add", "out/deep/new.txt")
			tree := strings.TrimSpace(r.Git("write-tree"))
			r.Git("commit", "-q", "-m", "x")
			r.Git("sparse-checkout", "init", "--cone", "--sparse-index")
			r.Git("sparse-checkout", "set", "in")
			r.Git("reset", "-q", "--soft", "HEAD~1")
			_ = tree
		},
		"skip-worktree": func(r *repo) {
			edit(r)
			r.Git("update-index", "--skip-worktree", "top.txt")
		},
	}
	for name, make := range kinds {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t)
			for _, path := range []string{"in/a.txt", "in/deep/b.txt", "out/a.txt", "out/deep/b.txt", "out.txt", "top.txt"} {
				r.Write(path, path)
			}
			head := r.Commit("1")
			make(r)
			got, _ := fastStaged(t, r.Dir, head)
			want := r.slowStaged(r.Dir, head)
			if len(want) == 0 || !slices.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
}

func TestWhatTheIndexHoldsBesideFiles(t *testing.T) {
	r := newRepo(t)
	r.Write("f", "1")
	r.Write("folder", "a file that becomes a folder")
	head := r.Commit("1")
	r.Git("rm", "-q", "--cached", "folder")
	r.GitIn(r.Dir, "update-index", "--add", "--cacheinfo", "160000,"+head+",module")
	r.GitIn(r.Dir, "update-index", "--add", "--cacheinfo", "120000,"+r.hash("f")+",link")
	r.GitIn(r.Dir, "update-index", "--add", "--cacheinfo", "100644,"+r.hash("f")+",folder/below/f")
	r.Write("announced", "x")
	r.Git("add", "-N", "announced")
	list, names := fastStaged(t, r.Dir, head)
	if want := []string{r.hash("f") + " 0 folder/below/f", r.hash("f") + " 0 link"}; !slices.Equal(list, want) {
		t.Errorf("blobs %v, want %v", list, want)
	}
	if want := []string{"folder/below", "folder/below/f", "link", "module"}; !slices.Equal(names, want) {
		t.Errorf("names %v, want %v", names, want)
	}
}

func TestAllStagesOfAConflictAreShown(t *testing.T) {
	r := newRepo(t)
	r.Write("f", "base\n")
	r.Write("other/f", "same")
	base := r.Commit("base")
	r.Write("f", "ours\n")
	ours := r.Commit("ours")
	r.Git("checkout", "-q", "-b", "side", base)
	r.Write("f", "theirs\n")
	theirs := r.Commit("theirs")
	r.Git("checkout", "-q", "main")
	r.GitIn(r.Dir, "read-tree", "-m", base, ours, theirs)
	got, _ := fastStaged(t, r.Dir, ours)
	want := r.slowStaged(r.Dir, ours)
	if len(want) != 2 || !slices.Equal(got, want) {
		t.Errorf("%v, want stages 1 and 3: %v", got, want)
	}
	x, err := OpenIndex(filepath.Join(r.Dir, ".git/index"), oid.SHA1)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	for stage, commit := range []string{"", base, ours, theirs} {
		e, found, err := x.Find("f", stage)
		if found != (stage > 0) || err != nil || found && oid.FromBytes(e.ID).String() != r.revParse(commit+":f") {
			t.Errorf("stage %d: %v, %v, %v", stage, oid.FromBytes(e.ID), found, err)
		}
	}
	if got, _ := fastStaged(t, r.Dir, ours, theirs); len(got) != 1 {
		t.Errorf("beside both parents %v is staged, want stage 1 alone", got)
	}
}

// FuzzStaged proves that no index, which another program may have written,
// leads the comparison astray.
func FuzzStaged(f *testing.F) {
	r := newRepo(f)
	r.Write("a/b/c", "1")
	r.Write("a-b", "2")
	head := r.Commit("1")
	db := lookupDB(f, r.Dir, 1)
	tree, err := db.TreeOf(context.Background(), ids(f, head)[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Add("a/b/c", "a-b", "a//", uint32(0o100644), uint32(0o040000), uint8(0))
	f.Add("/", "//", "", uint32(0), uint32(0o160000), uint8(3))
	f.Fuzz(func(t *testing.T, p, q, s string, m, n uint32, stage uint8) {
		x := &index.Index{Entries: []index.Entry{
			{Path: p, Mode: m, ID: tree[:20]}, {Path: q, Mode: n, ID: tree[:20], Stage: stage}, {Path: s, Mode: m, ID: tree[:20]},
		}}
		blobs := 0
		err := db.NewDiffer(0).Staged(context.Background(), x, []oid.ID{tree}, func(e *Introduced) error {
			if e.IsBlob() {
				blobs++
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if m&0o170000 == 0o100000 && blobs < 2 {
			t.Errorf("%q and %q are new blobs, %d were shown", p, s, blobs)
		}
	})
}
