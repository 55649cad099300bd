package scanner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keysweep/finding"
)

// keysIn returns which of keys a revision's files hold.
func (r *repo) keysIn(rev string, keys []string, cache map[string]map[string]bool) map[string]bool {
	if m, ok := cache[rev]; ok {
		return m
	}
	m := make(map[string]bool)
	for _, line := range strings.Split(r.git("ls-tree", "-r", rev), "\n") {
		if f := strings.Fields(line); len(f) > 2 {
			content := r.git("cat-file", "blob", f[2])
			for _, k := range keys {
				if strings.Contains(content+"\n", k+"\n") {
					m[k] = true
				}
			}
		}
	}
	cache[rev] = m
	return m
}

// scatter writes files that hold keys, moves some and takes some away.
func (r *repo) scatter(rnd *rand.Rand, keys []string) {
	for range 1 + rnd.IntN(3) {
		path := filepath.Join(r.dir, []string{"a", "b", "b/c"}[rnd.IntN(3)], fmt.Sprint("f", rnd.IntN(3)))
		content := fmt.Sprintln("line", rnd.IntN(100))
		for range rnd.IntN(3) {
			content += "key=" + keys[rnd.IntN(len(keys))] + "\n"
		}
		write(r.t, path, content)
	}
	if rnd.IntN(3) == 0 {
		_ = os.RemoveAll(filepath.Join(r.dir, []string{"a", "b/c"}[rnd.IntN(2)]))
	}
	if rnd.IntN(3) == 0 {
		_ = os.Rename(filepath.Join(r.dir, "b"), filepath.Join(r.dir, fmt.Sprint("moved", rnd.IntN(1000))))
	}
}

// keyed makes a random history of keys, with merges that edit and wrong clocks.
func keyed(t *testing.T, rnd *rand.Rand, commits int) (r *repo, keys, all []string) {
	r = newRepo(t, filepath.Join(t.TempDir(), "r"))
	keys = keysOf(8, rnd.Uint64())
	write(t, filepath.Join(r.dir, "keep"), "keep")
	all = append(all, r.commit("first"))
	for i := range commits {
		r.clock += rnd.IntN(400_000) - 200_000
		r.git("checkout", "-q", "-f", "--detach", all[rnd.IntN(len(all))])
		r.git("clean", "-q", "-d", "-f")
		if rnd.IntN(3) == 0 {
			// Whatever the merge would be, what is committed is something else.
			other := all[rnd.IntN(len(all))]
			r.scatter(rnd, keys)
			r.git("add", "-A")
			tree, head := r.git("write-tree"), r.git("rev-parse", "HEAD")
			if head != other {
				id := r.git("commit-tree", "-m", "merge", "-p", head, "-p", other, tree)
				r.git("update-ref", fmt.Sprint("refs/heads/m", i), id)
				r.git("checkout", "-q", "-f", "--detach", id)
				all = append(all, id)
				continue
			}
		}
		r.scatter(rnd, keys)
		all = append(all, r.commit(fmt.Sprint(i)))
		r.git("update-ref", fmt.Sprint("refs/heads/c", i), "HEAD")
	}
	return r, keys, all
}

func found(res *finding.Result) map[string]string {
	m := make(map[string]string)
	for _, f := range res.Findings {
		m[f.Secret.Reveal()] = f.FirstSeen.Commit
	}
	return m
}

func TestKeysOfARangeAreThoseThatNoParentHolds(t *testing.T) {
	for seed := range uint64(4) {
		rnd := rand.New(rand.NewPCG(seed, 21))
		r, keys, all := keyed(t, rnd, 14)
		if seed%2 == 0 {
			r.git("repack", "-q", "-a", "-d")
		}
		cache := make(map[string]map[string]bool)
		for range 6 {
			from, to := all[rnd.IntN(len(all))], all[rnd.IntN(len(all))]
			gone := strings.Fields(r.git("rev-list", from))
			want, dates := make(map[string]string), make(map[string]string)
			for _, line := range strings.Split(r.git("log", "--format=%H %ct %P", to), "\n") {
				f := strings.Fields(line)
				if slices.Contains(gone, f[0]) {
					continue
				}
				for k := range r.keysIn(f[0], keys, cache) {
					if slices.ContainsFunc(f[2:], func(p string) bool { return r.keysIn(p, keys, cache)[k] }) {
						continue
					}
					if order := fmt.Sprintf("%020s", f[1]) + f[0]; dates[k] == "" || order < dates[k] {
						want[k], dates[k] = f[0], order
					}
				}
			}
			opts := Options{Paths: []string{r.dir}, Range: &Range{Include: []string{to}, Exclude: []string{from}}, Workers: 1}
			res := scanAll(t, opts)
			if got := found(res); !maps.Equal(got, want) {
				t.Errorf("seed %d, %s..%s: %v, want %v", seed, from, to, got, want)
			}
			opts.Workers = 8
			if a, b := asJSON(t, res), asJSON(t, scanAll(t, opts)); !bytes.Equal(a, b) {
				t.Errorf("seed %d: eight workers differ from one:\n%s\n%s", seed, a, b)
			}
		}
	}
}

func asJSON(t *testing.T, res *finding.Result) []byte {
	t.Helper()
	b, err := json.Marshal(res)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestStagedKeysAreThoseThatNoParentHolds(t *testing.T) {
	for seed := range uint64(4) {
		rnd := rand.New(rand.NewPCG(seed, 22))
		r, keys, all := keyed(t, rnd, 8)
		cache := make(map[string]map[string]bool)
		for range 6 {
			head, merged := all[rnd.IntN(len(all))], all[rnd.IntN(len(all))]
			r.git("checkout", "-q", "-f", "--detach", head)
			r.git("clean", "-q", "-d", "-f")
			r.scatter(rnd, keys)
			r.git("add", "-A")
			parents := []string{head}
			merging := filepath.Join(r.dir, ".git", "MERGE_HEAD")
			if _ = os.Remove(merging); rnd.IntN(2) == 0 {
				write(t, merging, merged+"\n")
				parents = append(parents, merged)
			}
			var want []string
			for k := range r.keysIn(r.git("write-tree"), keys, cache) {
				if !slices.ContainsFunc(parents, func(p string) bool { return r.keysIn(p, keys, cache)[k] }) {
					want = append(want, k)
				}
			}
			slices.Sort(want)
			res := scanAll(t, Options{Paths: []string{r.dir}, Staged: &Staged{}, Workers: 1})
			if got := slices.Sorted(maps.Keys(found(res))); !slices.Equal(got, want) {
				t.Errorf("seed %d, upon %v: %v, want %v", seed, parents, got, want)
			}
			if again := scanAll(t, Options{Paths: []string{r.dir}, Staged: &Staged{}, Workers: 8}); !bytes.Equal(asJSON(t, res), asJSON(t, again)) {
				t.Errorf("seed %d: eight workers differ from one", seed)
			}
		}
	}
}

func TestTheWholeIndexMayBeAskedFor(t *testing.T) {
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	k := keysOf(1, 5)[0]
	write(t, filepath.Join(r.dir, "f"), "key="+k+"\n")
	r.commit("1")
	if res := scanAll(t, Options{Paths: []string{r.dir}, Staged: &Staged{}}); len(res.Findings) != 0 || res.Read.Files != 0 {
		t.Errorf("nothing is staged: %v, %d files", occurrences(res), res.Read.Files)
	}
	res := scanAll(t, Options{Paths: []string{r.dir}, Staged: &Staged{OrWhole: true}})
	if got := occurrences(res)[k]; !slices.Equal(got, []string{"index f:1"}) || res.Read.Files != 1 {
		t.Errorf("got %v", got)
	}
}

func TestAPushIsReadFromItsQuarantine(t *testing.T) {
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	write(t, filepath.Join(r.dir, "f"), "1")
	r.commit("1")
	server := filepath.Join(t.TempDir(), "server.git")
	r.git("clone", "-q", "--bare", r.dir, server)
	old := r.git("rev-parse", "HEAD")
	k := keysOf(1, 6)[0]
	write(t, filepath.Join(r.dir, "f"), "key="+k)
	tip := r.commit("2")
	opts := Options{
		Paths: []string{server}, ObjectDirs: []string{filepath.Join(r.dir, ".git", "objects")},
		Range: &Range{Include: []string{tip}, Exclude: []string{strings.Repeat("0", 40)}, ExcludeRefs: []string{"refs/"}},
	}
	res := scanAll(t, opts)
	if len(found(res)) != 1 || res.Read.Commits != 1 || !res.Complete() {
		t.Errorf("found %v in %d commits, skipped %v", occurrences(res), res.Read.Commits, res.Skipped)
	}
	opts.Range = &Range{Include: []string{tip}, Exclude: []string{strings.Repeat("a", 40), old}, AbsentNoted: true}
	res = scanAll(t, opts)
	if len(found(res)) != 1 || !res.Complete() || len(res.Targets[0].Notes) != 1 {
		t.Errorf("found %v, skipped %v, notes %v", occurrences(res), res.Skipped, res.Targets[0].Notes)
	}
	opts.ObjectDirs = nil
	if _, err := prepareAndScan(context.Background(), opts, loadRules(t)); !errors.Is(err, ErrUse) {
		t.Errorf("a tip that is not there: %v", err)
	}
}

func TestRangesAreRead(t *testing.T) {
	for _, c := range []struct {
		in               string
		include, exclude string
	}{
		{"a..b", "b", "a"}, {"a..", "HEAD", "a"}, {"..b", "b", "HEAD"}, {"b", "b", ""}, {"b ^a c", "b c", "a"},
		{"v1.0..v1.1", "v1.1", "v1.0"}, {"a^..b~2", "b~2", "a^"},
		{"stash@{1}", "stash@{1}", ""}, {"a@{1}..a@{0}", "a@{0}", "a@{1}"}, {"a^{/x..y}..b^{/z{2}}", "b^{/z{2}}", "a^{/x..y}"},
		{":/..x", ":/..x", ""}, {"a..:/b..c", ":/b..c", "a"},
	} {
		r, err := ParseRange(strings.Fields(c.in))
		if err != nil || strings.Join(r.Include, " ") != c.include || strings.Join(r.Exclude, " ") != c.exclude {
			t.Errorf("%s: %+v, %v", c.in, r, err)
		}
	}
	for _, in := range []string{"main@{2 days ago}", ":/two words", "main^{/two words}"} {
		if r, err := ParseRange([]string{"a.." + in}); err != nil || !slices.Equal(r.Include, []string{in}) || !slices.Equal(r.Exclude, []string{"a"}) {
			t.Errorf("a..%s: %+v, %v", in, r, err)
		}
	}
	for in, want := range map[string][2]string{"a...b": {"a", "b"}, "a...": {"a", "HEAD"}, "...@{u}": {"HEAD", "@{u}"}, "a^{/...}...b@{1}": {"a^{/...}", "b@{1}"}} {
		if r, err := ParseRange([]string{in}); err != nil || !slices.Equal(r.Between, [][2]string{want}) || len(r.Include)+len(r.Exclude) > 0 {
			t.Errorf("%s: %+v, %v", in, r, err)
		}
	}
	for _, in := range []string{"", "..", "...", "^a", "a b", "--all", "a..b..c", "a...b..c", "a...b...c", "a...^b", "^", "a..^b"} {
		if r, err := ParseRange([]string{in}); err == nil {
			t.Errorf("%q is read as %+v", in, r)
		}
	}
}

// The base of a delta, or its result, may be over the limit of what is built.
func TestARangeWithBlobsOverTheLimit(t *testing.T) {
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	k := keysOf(2, 8)
	rng := rand.New(rand.NewPCG(8, 8))
	var lines []string
	for range 4000 {
		lines = append(lines, fmt.Sprint(rng.Uint64(), rng.Uint64(), rng.Uint64()))
	}
	version := func() {
		write(t, filepath.Join(r.dir, "dump.sql"), strings.Join(lines, "\n"))
		r.commit("one more")
	}
	lines[500] = "KEY=" + k[0]
	version()
	lines = append(lines, "a line")
	version()
	lines[900] = "KEY=" + k[1]
	version()
	r.git("repack", "-adq")
	for number, want := range []map[string][]string{{k[1]: {"blob dump.sql:901"}}, {}, {k[0]: {"blob dump.sql:501"}}} {
		exclude := []string{fmt.Sprintf("HEAD~%d", number+1)}
		res := scanAll(t, Options{Paths: []string{r.dir}, MaxObject: 1000, Range: &Range{Include: []string{fmt.Sprintf("HEAD~%d", number)}, Exclude: exclude[:min(1, 2-number)]}})
		if diff := cmp.Diff(want, occurrences(res)); diff != "" || !res.Complete() || res.Read.Blobs != 1 {
			t.Errorf("HEAD~%d: %s %v, %d blobs", number, diff, res.Skipped, res.Read.Blobs)
		}
	}
}

func TestARangeSaysWhereTheTipHoldsAKey(t *testing.T) {
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	write(t, filepath.Join(r.dir, "f"), "1\n")
	r.commit("1")
	k := keysOf(2, 7)
	write(t, filepath.Join(r.dir, "f"), "key="+k[0]+"\n")
	write(t, filepath.Join(r.dir, "gone"), "key="+k[1]+"\n")
	r.commit("2")
	write(t, filepath.Join(r.dir, "f"), "1\n2\nkey="+k[0]+" # keysweep:allow made up\n")
	_ = os.Remove(filepath.Join(r.dir, "gone"))
	r.commit("3")
	res := scanAll(t, Options{Paths: []string{r.dir}, Range: &Range{Include: []string{"HEAD"}, Exclude: []string{"HEAD~2"}}})
	for _, f := range res.Findings {
		o := f.Listed[0]
		want, comment := 3, "made up"
		if f.Secret.Reveal() == k[1] {
			want, comment = 0, ""
		}
		if len(f.Listed) != 1 || o.Line != 1 || o.TipLine != want || o.Comment.Reason != comment {
			t.Errorf("%s: line %d, at the tip %d, %q", o.Path, o.Line, o.TipLine, o.Comment.Reason)
		}
	}
	if len(res.Findings) != 2 {
		t.Error(len(res.Findings), "findings")
	}
}

func TestANameThatACommitOfARangeAddsIsOneOccurrence(t *testing.T) {
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	k := keysOf(2, 31)
	write(t, filepath.Join(r.dir, "keep"), "keep")
	r.commit("one")
	write(t, filepath.Join(r.dir, "d", k[0]+".txt"), "nothing\n")
	second := r.commit("two")
	res := scanAll(t, Options{Paths: []string{r.dir}, Range: &Range{Include: []string{second}, Exclude: []string{second + "^"}, Names: []string{"refs/heads/" + k[1]}}})
	if len(res.Findings) != 2 {
		t.Fatalf("found %v", occurrences(res))
	}
	for _, f := range res.Findings {
		o := f.Listed
		if len(o) != 1 || o[0].Versions != 1 || (o[0].Source == finding.SourcePath) != (o[0].Commit == second) {
			t.Errorf("%+v", o)
		}
	}
}

// A file that was removed and brought back came with the first of the commits.
func TestAKeyThatARangeBringsInTwiceCameWithTheFirst(t *testing.T) {
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	k := keysOf(1, 34)[0]
	write(t, filepath.Join(r.dir, "keep"), "keep")
	start := r.commit("one")
	write(t, filepath.Join(r.dir, "a"), k+"\n")
	first := r.commit("two")
	r.git("rm", "-q", "a")
	r.commit("three")
	write(t, filepath.Join(r.dir, "a"), k+"\n")
	last := r.commit("four")
	res := scanAll(t, Options{Paths: []string{r.dir}, Range: &Range{Include: []string{last}, Exclude: []string{start}}})
	if len(res.Findings) != 1 {
		t.Fatalf("found %v", occurrences(res))
	}
	if f := res.Findings[0]; f.FirstSeen.Commit != first || len(f.Listed) != 1 || f.Listed[0].Commit != first {
		t.Errorf("first seen %+v in %+v, want %s", f.FirstSeen, f.Listed, first)
	}
}

// A folder of a repository without a working tree, asked for with its history.
func TestAFolderOfABareRepositoryIsScannedAsPlainFiles(t *testing.T) {
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	k := keysOf(2, 32)
	write(t, filepath.Join(r.dir, "a"), k[0]+"\n")
	r.commit("one")
	bare := filepath.Join(t.TempDir(), "bare.git")
	r.git("clone", "-q", "--bare", ".", bare)
	write(t, filepath.Join(bare, "hooks", "x"), k[1]+"\n")
	res := scanAll(t, Options{Paths: []string{filepath.Join(bare, "hooks")}, Tree: true, History: true})
	if got := occurrences(res); len(got[k[0]]) != 1 || len(got[k[1]]) != 1 {
		t.Errorf("found %v", got)
	}
}

// A key that is accepted at some paths, for the sake of the path, is old
// elsewhere only if a parent holds it at another path, too.
func TestAKeyIsOldIfAParentHoldsItWhereItIsNotAccepted(t *testing.T) {
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	k := keysOf(2, 33)
	for _, path := range []string{"ok/1", "ok/2", "ok/3", "ok/d/4"} {
		write(t, filepath.Join(r.dir, path), k[0]+"\n"+k[1]+"\n")
	}
	write(t, filepath.Join(r.dir, "z", "used"), k[1]+"\n")
	r.commit("one")
	write(t, filepath.Join(r.dir, "new"), k[0]+"\n"+k[1]+"\n")
	r.git("add", "-A")
	p, err := Prepare(Options{Paths: []string{r.dir}, Staged: &Staged{}, Now: fixedClock})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	res, err := p.Scan(t.Context(), loadRules(t), Accept{Occurrence: func(_ finding.Secret, o *finding.Occurrence) bool { return strings.HasPrefix(o.Path, "ok/") }})
	if err != nil {
		t.Fatal(err)
	}
	if got := occurrences(res); len(got) != 1 || !slices.Equal(got[k[0]], []string{"index new:1"}) {
		t.Errorf("got %v", got)
	}
}
