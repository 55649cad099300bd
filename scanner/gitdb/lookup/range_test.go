package lookup

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"keysweep/file"
	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/gittest"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

func lookupDB(t testing.TB, dir string, workers int, dirs ...string) *Database {
	t.Helper()
	repo, err := gitdb.Open(dir, file.Reach{})
	if err != nil {
		t.Fatal(err)
	}
	db, err := Open(context.Background(), repo, gitdb.OpenOptions{Workers: workers, ObjectDirs: dirs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func ids(t testing.TB, list ...string) (out []oid.ID) {
	t.Helper()
	for _, s := range list {
		id, ok := oid.Parse([]byte(s))
		if !ok {
			t.Fatalf("%q is no id", s)
		}
		out = append(out, id)
	}
	return out
}

// tangled makes a history of several roots, criss-cross and octopus merges that
// edit, moved and returning files, and clocks that are wrong.
func tangled(r *repo, rnd *rand.Rand, commits int) (all []string) {
	r.Write("a/first.txt", "first")
	all = append(all, r.Commit("first"))
	for i := range commits {
		r.Clock += rnd.IntN(400) - 200 // also back
		r.Git("checkout", "-q", "--detach", all[rnd.IntN(len(all))])
		var parents []string
		switch rnd.IntN(6) {
		case 0: // another root
			r.Git("checkout", "-q", "--orphan", fmt.Sprintf("root%d", i))
			r.Git("read-tree", "--empty")
			parents = nil
		case 1, 2: // a merge, made by hand, so that it can hold anything
			parents = append(parents, r.revParse("HEAD"))
			for range 1 + rnd.IntN(2) {
				if p := all[rnd.IntN(len(all))]; !slices.Contains(parents, p) {
					parents = append(parents, p)
				}
			}
		default:
			parents = []string{r.revParse("HEAD")}
		}
		for range rnd.IntN(4) {
			path := fmt.Sprintf("%s/f%d.txt", []string{"a", "b", "b/c", "d"}[rnd.IntN(4)], rnd.IntN(4))
			r.Write(path, fmt.Sprint(rnd.IntN(12))) // few contents: they move and come back
		}
		if rnd.IntN(4) == 0 {
			_ = os.RemoveAll(filepath.Join(r.Dir, []string{"a", "b", "b/c"}[rnd.IntN(3)]))
		}
		r.Write("keep", "keep")
		r.Git("add", "-A")
		tree := strings.TrimSpace(r.Git("write-tree"))
		args := []string{"commit-tree", "-m", fmt.Sprint("commit ", i), tree}
		for _, p := range parents {
			args = append(args, "-p", p)
		}
		r.Clock++
		all = append(all, strings.TrimSpace(r.Git(args...)))
		r.Git("update-ref", fmt.Sprintf("refs/heads/c%d", i), all[len(all)-1])
		r.Git("checkout", "-q", "-f", "--detach", all[len(all)-1])
	}
	return all
}

// listing returns path and blob of all that a commit's tree holds.
func (r *repo) listing(commit string, cache map[string]map[string]string) map[string]string {
	if m, ok := cache[commit]; ok {
		return m
	}
	m := make(map[string]string)
	for _, line := range strings.Split(strings.TrimSpace(r.Git("ls-tree", "-r", "-z", commit)), "\x00") {
		if meta, path, ok := strings.Cut(line, "\t"); ok {
			m[path] = strings.Fields(meta)[2]
		}
	}
	cache[commit] = m
	return m
}

// slowRange is Range by git rev-list and git ls-tree. What is excluded is listed
// on its own: git stops early by dates, and can be wrong.
func (r *repo) slowRange(include, exclude []string, cache map[string]map[string]string) (commits []string, introduced []string) {
	gone := make(map[string]bool)
	if len(exclude) > 0 {
		for _, id := range strings.Fields(r.Git(append([]string{"rev-list"}, exclude...)...)) {
			gone[id] = true
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(r.Git(append([]string{"rev-list", "--parents"}, include...)...)), "\n") {
		f := strings.Fields(line)
		if len(f) == 0 || gone[f[0]] {
			continue
		}
		commits = append(commits, f[0])
		for path, blob := range r.listing(f[0], cache) {
			if !slices.ContainsFunc(f[1:], func(p string) bool { return r.listing(p, cache)[path] == blob }) {
				introduced = append(introduced, f[0]+" "+blob+" "+path)
			}
		}
	}
	slices.Sort(commits)
	slices.Sort(introduced)
	return commits, introduced
}

func fastRange(t testing.TB, db *Database, opts RangeOptions) (*Range, []string, []string) {
	t.Helper()
	r, err := db.NewRange(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	quick := len(r.Commits)
	if err := r.Exact(context.Background()); err != nil {
		t.Fatal(err)
	}
	if len(r.Commits) > quick {
		t.Errorf("the exact walk has %d commits, the quick one only %d", len(r.Commits), quick)
	}
	var mu sync.Mutex
	var commits, introduced []string
	skipped, err := db.CompareAll(context.Background(), len(r.Commits), func(i int, d *Differ) error {
		c := &r.Commits[i]
		var parents []oid.ID
		for _, id := range r.Parents(c) {
			p, ok := r.Commit(id)
			if !ok {
				t.Errorf("the walk does not know %s, a parent of %s", id, c.ID)
			}
			parents = append(parents, p.Tree)
		}
		return d.Introduced(context.Background(), c.Tree, parents, func(e *Introduced) error {
			if e.IsBlob() {
				mu.Lock()
				defer mu.Unlock()
				introduced = append(introduced, c.ID.String()+" "+e.ID.String()+" "+e.Path)
			}
			return nil
		})
	})
	if err != nil || len(skipped) > 0 || len(r.Skipped) > 0 {
		t.Fatal(err, skipped, r.Skipped)
	}
	for _, c := range r.Commits {
		commits = append(commits, c.ID.String())
		if !r.Holds(c.ID) {
			t.Errorf("%s is listed, and not held", c.ID)
		}
	}
	slices.Sort(commits)
	slices.Sort(introduced)
	return r, commits, introduced
}

func TestARangeIsWhatGitRevListHas(t *testing.T) {
	for seed := range gittest.Seeds() {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 11))
			format := []string{"sha1", "sha256"}[seed%2]
			r := newRepo(t, "--object-format="+format)
			all := tangled(r, rnd, 30)
			if seed%3 > 0 {
				r.Git("repack", "-q", "-a", "-d")
			}
			cache := make(map[string]map[string]string)
			one, eight := lookupDB(t, r.Dir, 1), lookupDB(t, r.Dir, 8)
			for range 12 {
				var include, exclude []string
				for range 1 + rnd.IntN(2) {
					include = append(include, all[rnd.IntN(len(all))])
				}
				for range rnd.IntN(3) {
					exclude = append(exclude, all[rnd.IntN(len(all))])
				}
				args := append(append(slices.Clone(include), "--not"), exclude...)
				wantCommits, want := r.slowRange(include, exclude, cache)
				opts := RangeOptions{Include: ids(t, include...), Exclude: ids(t, exclude...)}
				_, commits, got := fastRange(t, one, opts)
				if !slices.Equal(commits, wantCommits) {
					t.Fatalf("%v: commits\n%v\nwant\n%v", args, commits, wantCommits)
				}
				if !slices.Equal(got, want) {
					t.Fatalf("%v: introduced\n%s\nwant\n%s", args, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
				if _, c, g := fastRange(t, eight, opts); !slices.Equal(c, commits) || !slices.Equal(g, got) {
					t.Errorf("%v: eight workers differ from one", args)
				}
			}
		})
	}
}

func TestWhatACommitReachesIsWhatGitSays(t *testing.T) {
	for seed := range gittest.Seeds() {
		r, rnd := newRepo(t), rand.New(rand.NewPCG(seed, 23))
		all := tangled(r, rnd, 40)
		db := lookupDB(t, r.Dir, 1)
		for range 5 {
			rev := all[rnd.IntN(len(all))]
			tips := []string{all[rnd.IntN(len(all))], all[rnd.IntN(len(all))]}
			reached, skipped, err := db.ReachedFrom(context.Background(), rev, ids(t, tips...))
			if err != nil || len(skipped) > 0 {
				t.Fatal(err)
			}
			want := strings.Fields(r.Git("rev-list", rev))
			for _, id := range strings.Fields(r.Git(append([]string{"rev-list"}, tips...)...)) {
				if got := reached(ids(t, id)[0]); got != slices.Contains(want, id) {
					t.Errorf("%s reaches %s: %v", rev, id, got)
				}
			}
		}
		reached, skipped, err := db.ReachedFrom(context.Background(), strings.Repeat("1", 40), ids(t, all[0]))
		if err != nil || len(skipped) > 0 || reached(ids(t, all[0])[0]) {
			t.Errorf("what is not here reaches something, or %v", err)
		}
	}
}

// An excluded commit that cannot be read leaves open what the commits before it
// exclude, and one that a tip reaches, whether rev reaches it.
func TestACommitThatCannotBeReadIsNeverSilent(t *testing.T) {
	r := newRepo(t)
	var all []string
	for i := range 3 {
		r.Write("f", fmt.Sprint(i))
		all = append(all, r.Commit(fmt.Sprint(i)))
	}
	r.Git("checkout", "-q", all[1])
	r.Write("g", "newer")
	side := r.Commit("newer")
	broken := filepath.Join(r.Dir, ".git", "objects", all[1][:2], all[1][2:])
	if err := os.Chmod(broken, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(broken, 10); err != nil {
		t.Fatal(err)
	}
	db := lookupDB(t, r.Dir, 1)
	got, err := db.NewRange(context.Background(), RangeOptions{Include: ids(t, all[2]), Exclude: ids(t, side)})
	if err != nil || len(got.Skipped) != 1 || got.Skipped[0].Reason != finding.ReasonDamaged {
		t.Errorf("%v, skipped %v", err, got.Skipped)
	}
	for _, tt := range []struct{ rev, tip string }{{all[1], all[2]}, {all[0], all[2]}, {side, all[2]}} {
		reached, skipped, err := db.ReachedFrom(context.Background(), tt.rev, ids(t, tt.tip))
		if err != nil || len(skipped) == 0 || reached(ids(t, all[1])[0]) || reached(ids(t, all[0])[0]) {
			t.Errorf("from %s: %v, skipped %v", tt.rev, err, skipped)
		}
	}
}

func TestAWrongClockHidesNoCommitOfARange(t *testing.T) {
	r := newRepo(t)
	var all []string
	for i := range 40 {
		r.Write("f", fmt.Sprint(i))
		r.Clock = 1_700_000_000 + i*60
		if i%7 == 3 {
			r.Clock = 100_000_000 // 1973
		}
		all = append(all, r.Commit(fmt.Sprint(i)))
	}
	// A side branch that left early, all of it dated long before.
	r.Git("checkout", "-q", "-b", "side", all[2])
	for i := range 5 {
		r.Write("g", fmt.Sprint(i))
		r.Clock = 110_000_000 + i
		all = append(all, r.Commit(fmt.Sprint("side ", i)))
	}
	db := lookupDB(t, r.Dir, 1)
	cache := make(map[string]map[string]string)
	for _, c := range [][2]int{{10, 39}, {39, 10}, {44, 39}, {39, 44}, {3, 4}, {17, 24}} {
		want, _ := r.slowRange([]string{all[c[1]]}, []string{all[c[0]]}, cache)
		_, got, _ := fastRange(t, db, RangeOptions{Include: ids(t, all[c[1]]), Exclude: ids(t, all[c[0]])})
		if !slices.Equal(got, want) {
			t.Errorf("%v: %d commits, want %d", c, len(got), len(want))
		}
	}
}

func TestTagsTreesAndBlobsOfARange(t *testing.T) {
	r := newRepo(t)
	r.Write("f", "1")
	first := r.Commit("1")
	r.Git("tag", "-a", "-m", "one", "one")
	r.Write("f", "2")
	r.Commit("2")
	r.Git("tag", "-a", "-m", "two", "two")
	r.Git("tag", "-a", "-m", "twice", "twice", r.revParse("two"))
	r.Git("tag", "-a", "-m", "tree", "tree", "HEAD^{tree}")
	db := lookupDB(t, r.Dir, 1)
	got, err := db.NewRange(context.Background(), RangeOptions{
		Include: ids(t, r.revParse("twice"), r.revParse("tree"), r.revParse("HEAD:f"), r.revParse("one")),
		Exclude: ids(t, r.revParse("one"), strings.Repeat("1", 40)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Commits) != 1 || got.Commits[0].ID != ids(t, r.revParse("HEAD"))[0] || got.Holds(ids(t, first)[0]) {
		t.Errorf("commits %v", got.Commits)
	}
	var tags []string
	for _, tag := range got.Tags {
		tags = append(tags, tag.ID.String())
	}
	slices.Sort(tags)
	want := []string{r.revParse("twice"), r.revParse("two"), r.revParse("tree")}
	slices.Sort(want)
	if !slices.Equal(tags, want) {
		t.Errorf("tags %v, want %v", tags, want)
	}
	if !slices.Equal(got.Others, ids(t, r.revParse("HEAD^{tree}"), r.revParse("HEAD:f"))) {
		t.Errorf("others %v", got.Others)
	}
	if len(got.Skipped) > 0 { // what is excluded may be absent
		t.Errorf("skipped %v", got.Skipped)
	}
}

func TestARangeOfAShallowCloneSaysWhereItIsCut(t *testing.T) {
	r := newRepo(t)
	for i := range 5 {
		r.Write("f", fmt.Sprint(i))
		r.Commit(fmt.Sprint(i))
	}
	clone := filepath.Join(t.TempDir(), "clone")
	r.GitIn(filepath.Dir(clone), "clone", "-q", "--depth", "2", "file://"+r.Dir, clone)
	db := lookupDB(t, clone, 1)
	head := ids(t, r.revParse("HEAD"))
	got, commits, introduced := fastRange(t, db, RangeOptions{Include: head})
	if len(commits) != 2 || got.Cut != 1 || len(introduced) != 2 {
		t.Errorf("%d commits, %d cut, introduced %v", len(commits), got.Cut, introduced)
	}
	got, _, _ = fastRange(t, db, RangeOptions{Include: head, Exclude: ids(t, r.revParse("HEAD~1"))})
	if got.Cut != 0 {
		t.Error("a range that does not reach the cut is cut")
	}
}

func TestObjectsInQuarantineAreRead(t *testing.T) {
	r := newRepo(t)
	r.Write("f", "1")
	r.Commit("1")
	outside := newRepo(t)
	outside.Write("g", "in quarantine")
	outside.Git("add", ".")
	blob := outside.hash("g")
	id := ids(t, blob)[0]
	if db := lookupDB(t, r.Dir, 1); db.Has(id) {
		t.Fatal("the repository has it")
	}
	db := lookupDB(t, r.Dir, 1, filepath.Join(outside.Dir, ".git", "objects"))
	if typ, err := db.NewReader(0).typeOf(context.Background(), id); !db.Has(id) || err != nil || typ != oid.Blob {
		t.Errorf("has %v, %v, %v", db.Has(id), typ, err)
	}
}

func TestALookupReadsPastAnIndexThatLies(t *testing.T) {
	for _, packed := range []string{"version 2", "version 1"} {
		t.Run(packed, func(t *testing.T) {
			r := newRepo(t)
			for i := range 20 {
				r.Write("f", strings.Repeat(fmt.Sprint("line of version ", i, "\n"), 50))
				r.Commit(fmt.Sprint(i))
			}
			r.Git("-c", "pack.indexVersion="+packed[len(packed)-1:], "repack", "-q", "-a", "-d")
			want := r.Git("cat-file", "-p", "HEAD~5:f")
			blob := ids(t, r.revParse("HEAD~5:f"))[0]
			if got := readAll(t, lookupDB(t, r.Dir, 1), blob); got != want {
				t.Fatal("a sound pack yields something else")
			}
			// Swap two places in the table of offsets: each names the other's content.
			names, _ := filepath.Glob(filepath.Join(r.Dir, ".git/objects/pack/*.idx"))
			b, err := os.ReadFile(names[0])
			if err != nil {
				t.Fatal(err)
			}
			n := len(strings.Fields(r.Git("rev-list", "--objects", "--no-object-names", "--all")))
			at, step := 8+1024+n*24, 4
			if packed == "version 1" {
				at, step = 1024, 24
			}
			for i := range n / 2 {
				x, y := b[at+i*step:at+i*step+4], b[at+(n-1-i)*step:at+(n-1-i)*step+4]
				for k := range 4 {
					x[k], y[k] = y[k], x[k]
				}
			}
			_ = os.Chmod(names[0], 0o644)
			if err := os.WriteFile(names[0], b, 0o644); err != nil {
				t.Fatal(err)
			}
			if got := readAll(t, lookupDB(t, r.Dir, 1), blob); got != want {
				t.Errorf("got %q", got)
			}
		})
	}
}

func readAll(t *testing.T, db *Database, id oid.ID) string {
	t.Helper()
	var got string
	if err := db.Read(context.Background(), id, func(o *pack.Object) error { got = string(o.Data); return nil }); err != nil {
		t.Error(err)
	}
	return got
}

func TestAMissingObjectOfARangeIsTold(t *testing.T) {
	r := newRepo(t)
	r.Write("f", "1")
	r.Commit("1")
	r.Write("f", "2")
	r.Commit("2")
	r.RemoveLoose(r.revParse("HEAD:f"))
	db := lookupDB(t, r.Dir, 4)
	skipped, err := db.ReadAll(context.Background(), oid.Blob, ids(t, r.revParse("HEAD:f"), r.revParse("HEAD~1:f"), r.revParse("HEAD^{tree}")),
		func() func(oid.ID, *pack.Object) error { return func(oid.ID, *pack.Object) error { return nil } })
	if err != nil || len(skipped) != 2 {
		t.Errorf("%v, skipped %v", err, skipped)
	}
	stop := errors.New("stop")
	_, err = db.ReadAll(context.Background(), oid.Blob, ids(t, r.revParse("HEAD~1:f")),
		func() func(oid.ID, *pack.Object) error { return func(oid.ID, *pack.Object) error { return stop } })
	if !errors.Is(err, stop) {
		t.Errorf("the error of the caller is lost: %v", err)
	}
}

func TestNestedTreesDoNotExplode(t *testing.T) {
	r := newRepo(t)
	r.Write("f", "leaf")
	r.Git("add", "f")
	tree := strings.TrimSpace(r.Git("write-tree"))
	for range 12 { // ten to the twelfth paths
		var list strings.Builder
		for i := range 10 {
			fmt.Fprintf(&list, "040000 tree %s\td%d\n", tree, i)
		}
		r.Write("list", list.String())
		tree = strings.TrimSpace(r.Git("hash-object", "-w", "-t", "tree", "--literally", r.mktree(list.String())))
	}
	db := lookupDB(t, r.Dir, 1)
	n := 0
	err := db.NewDiffer(1<<20).Introduced(context.Background(), ids(t, tree)[0], nil, func(*Introduced) error { n++; return nil })
	if err != nil || n == 0 || n > 1_000_000 {
		t.Errorf("%d entries, %v", n, err)
	}
}

// mktree writes the bytes of a tree to a file and returns its name.
func (r *repo) mktree(list string) string {
	var b []byte
	for _, line := range strings.Split(strings.TrimSpace(list), "\n") {
		meta, name, _ := strings.Cut(line, "\t")
		id, _ := oid.Parse([]byte(strings.Fields(meta)[2]))
		b = append(b, "40000 "+name+"\x00"...)
		b = append(b, id[:20]...)
	}
	r.Write("tree.bin", string(b))
	return filepath.Join(r.Dir, "tree.bin")
}

// A server may let in a history that is cut: the pushed commits, without the parents of
// the first.
func TestARangeMayBeginAShallowHistory(t *testing.T) {
	r := newRepo(t)
	for i := range 3 {
		r.Write("f", fmt.Sprint(i))
		r.Commit(fmt.Sprint(i))
	}
	parent, tip := r.revParse("HEAD~1"), r.revParse("HEAD")
	r.RemoveLoose(parent)
	db := lookupDB(t, r.Dir, 1)
	for _, shallow := range []bool{false, true} {
		got, err := db.NewRange(t.Context(), RangeOptions{Include: ids(t, tip), Shallow: shallow})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Commits) != 1 || (len(got.Skipped) == 0) != shallow || got.Cut != 0 || len(got.Parents(&got.Commits[0])) == 0 != shallow {
			t.Errorf("shallow %v: %d commits, skipped %v, cut %d", shallow, len(got.Commits), got.Skipped, got.Cut)
		}
	}
}

func TestACommitUnderManyRefsIsReadOnce(t *testing.T) {
	r := newRepo(t)
	r.Write("f", "1")
	r.Commit("1")
	r.Write("f", "2")
	r.Commit("2")
	db := lookupDB(t, r.Dir, 1)
	opts := RangeOptions{Include: ids(t, r.revParse("HEAD")), Exclude: slices.Repeat(ids(t, r.revParse("HEAD~1")), 100_000)}
	allocated := testing.AllocsPerRun(1, func() {
		if got, err := db.NewRange(t.Context(), opts); err != nil || len(got.Commits) != 1 {
			t.Errorf("%v, %v", got, err)
		}
	})
	if allocated > 10_000 {
		t.Errorf("%v allocations for one commit under 100,000 refs", allocated)
	}
}
