package scanner

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"keysweep/finding"
	"keysweep/rules"
)

// These tests take a sample in make test, and everything in make soak, which sets
// KEYSWEEP_SOAK to the number of repositories to make.

// soak returns KEYSWEEP_SOAK, or sample if it is not set.
func soak(t testing.TB, sample int) (n int, all bool) {
	text := os.Getenv("KEYSWEEP_SOAK")
	if text == "" {
		return sample, false
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n, true
}

// damagedFiles are repositories, and the files of each whose bytes are changed.
var damagedFiles = []struct {
	name  string
	make  func(r *repo, k []string)
	files []string // globs below .git
	opts  Options
}{
	{"a pack with offset deltas", func(r *repo, k []string) { rewrite(r, k); r.git("repack", "-adfq") },
		[]string{"objects/pack/*.pack", "objects/pack/*.idx"}, Options{History: true}},
	{"a pack with deltas that name their base, an index of version 1", func(r *repo, k []string) {
		rewrite(r, k)
		r.git("-c", "repack.useDeltaBaseOffset=false", "-c", "pack.indexVersion=1", "repack", "-adfq")
	}, []string{"objects/pack/*.pack", "objects/pack/*.idx"}, Options{History: true}},
	{"two packs and an index of both", func(r *repo, k []string) {
		rewrite(r, k[:2])
		r.git("repack", "-adq")
		rewrite(r, k[2:])
		r.git("repack", "-dq")
		r.git("multi-pack-index", "write")
	}, []string{"objects/pack/*.idx", "objects/pack/multi-pack-index"}, Options{History: true}},
	{"loose objects", func(r *repo, k []string) { rewrite(r, k[:2]) }, []string{"objects/??/*"}, Options{History: true}},
	{"packed refs", func(r *repo, k []string) {
		rewrite(r, k)
		r.git("tag", "-a", "-m", "a tag", "v1")
		r.git("branch", "side", "HEAD~1")
		r.git("pack-refs", "--all")
		r.git("repack", "-adfq")
	}, []string{"packed-refs"}, Options{History: true}},
	{"an index of version 2", staged("2"), []string{"index"}, Options{Staged: &Staged{}}},
	{"an index of version 4", staged("4"), []string{"index"}, Options{Staged: &Staged{}}},
	{"a split index", func(r *repo, k []string) {
		staged("2")(r, k[:3])
		r.git("update-index", "--split-index")
		write(r.t, filepath.Join(r.dir, "d/e.txt"), "KEY="+k[3]+"\n")
		r.git("add", "d")
	}, []string{"index", "sharedindex.*"}, Options{Staged: &Staged{}}},
	{"an index of the working tree", staged("2"), []string{"index"}, Options{Tree: true}},
}

// rewrite commits a version of one file for each key.
func rewrite(r *repo, k []string) {
	var lines strings.Builder
	for i := range 12 {
		fmt.Fprintf(&lines, "line %d of a file whose versions become deltas\n", i*i)
	}
	for i, k := range k {
		write(r.t, filepath.Join(r.dir, "a.txt"), lines.String()+"KEY="+k+"\n")
		r.commit(fmt.Sprint("version ", i))
	}
}

// staged commits a file, and stages others.
func staged(version string) func(r *repo, k []string) {
	return func(r *repo, k []string) {
		write(r.t, filepath.Join(r.dir, "a.txt"), "KEY="+k[0]+"\n")
		r.commit("one")
		for i, k := range k[1:] {
			write(r.t, filepath.Join(r.dir, fmt.Sprintf("d/%d.txt", i)), "KEY="+k+"\n")
		}
		r.git("add", "-A")
		r.git("update-index", "--index-version", version)
	}
}

// outcome is what a scan of a damaged repository came to.
type outcome struct{ same, said, silent int }

func TestSoakDamagedBytes(t *testing.T) {
	step := 61
	if _, all := soak(t, 0); all {
		step = 1
	}
	set := loadRules(t)
	var total outcome
	for i, tt := range damagedFiles {
		t.Run(tt.name, func(t *testing.T) {
			r := newRepo(t, filepath.Join(t.TempDir(), "r"))
			tt.make(r, keysOf(4, uint64(i)))
			opts := tt.opts
			opts.Paths, opts.Now, opts.Workers = []string{r.dir}, fixedClock, 2
			want := keysIn(t, opts, set)
			if len(want) == 0 {
				t.Fatal("no keys in the undamaged repository")
			}
			var got outcome
			for _, pattern := range tt.files {
				list, _ := filepath.Glob(filepath.Join(r.dir, ".git", pattern))
				if len(list) == 0 {
					t.Fatalf("no file %s", pattern)
				}
				for _, path := range list {
					damage(t, path, step, func(what string) { got.count(t, opts, set, want, what) })
				}
			}
			t.Logf("%d the same, %d said, %d silent", got.same, got.said, got.silent)
			total.same, total.said, total.silent = total.same+got.same, total.said+got.said, total.silent+got.silent
		})
	}
	t.Logf("damaged: %d; the same keys: %d, said: %d, silent: %d", total.same+total.said+total.silent, total.same, total.said, total.silent)
}

// damage changes every step-th byte of a file in four ways, cuts it off at every
// step-th, and calls try each time.
func damage(t *testing.T, path string, step int, try func(what string)) {
	clean, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	put := func(b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		// Files are known by their times, too.
		if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Base(path)
	for at := 0; at < len(clean); at += step {
		for _, b := range []byte{clean[at] ^ 1, clean[at] ^ 0x80, 0, 0xff} {
			if b == clean[at] {
				continue
			}
			bad := bytes.Clone(clean)
			bad[at] = b
			put(bad)
			try(fmt.Sprintf("%s: byte %d is %02x for %02x", name, at, b, clean[at]))
		}
		put(clean[:at])
		try(fmt.Sprintf("%s: cut to %d bytes", name, at))
	}
	put(clean)
}

// count scans, and counts what came of it.
func (o *outcome) count(t *testing.T, opts Options, set *rules.Set, want []string, what string) {
	res, err := prepareAndScan(context.Background(), opts, set)
	if err != nil {
		if strings.Contains(err.Error(), "internal error") {
			t.Errorf("%s: %v", what, err)
		}
		o.said++
		return
	}
	named := false
	for _, s := range res.Skipped {
		if strings.Contains(s.Detail, "internal error") {
			t.Errorf("%s: %s", what, s.Detail)
		}
		named = named || s.Reason.Class() == finding.ClassIncomplete && s.Detail != ""
	}
	got := keysFound(res)
	switch {
	case named:
		o.said++
	case slices.Equal(got, want):
		o.same++
	default:
		o.silent++
		t.Errorf("%s: %d keys, want %d, and nothing is said: %v", what, len(got), len(want), res.Skipped)
	}
}

// keysFound returns the keys of a result, sorted, with those that were rejected,
// if these were kept: a random key may look like words.
func keysFound(res *finding.Result) []string {
	list := []string{}
	for _, f := range slices.Concat(res.Findings, res.RejectedFindings) {
		list = append(list, f.Secret.Reveal())
	}
	slices.Sort(list)
	return list
}

func keysIn(t *testing.T, opts Options, set *rules.Set) []string {
	t.Helper()
	res, err := prepareAndScan(context.Background(), opts, set)
	if err != nil || !res.Complete() {
		t.Fatal(err, res)
	}
	return keysFound(res)
}

// generated is a repository with a random history.
type generated struct {
	*repo
	rnd    *rand.Rand
	stream bytes.Buffer // for git fast-import
	sha256 bool
	marks  int
	tips   []int // marks of commits
	files  map[string]string
	shape  []string // what it is, for messages
}

func (g *generated) is(shape string) bool {
	g.shape = append(g.shape, shape)
	return true
}

// maybe is true once in n times.
func (g *generated) maybe(n int, shape string) bool { return g.rnd.IntN(n) == 0 && g.is(shape) }

func (g *generated) data(text string) { fmt.Fprintf(&g.stream, "data %d\n%s\n", len(text), text) }

// secret returns text with a key in it, or without.
func (g *generated) secret(text string) string {
	if g.rnd.IntN(3) > 0 {
		return text
	}
	return text + " KEY=" + key(g.rnd) + " "
}

// history writes commits, merges and tags for git fast-import.
func (g *generated) history(commits int) {
	for i := range commits {
		g.marks++
		branch := g.rnd.IntN(3)
		fmt.Fprintf(&g.stream, "commit refs/heads/b%d\nmark :%d\ncommitter A <a@example.org> %d +0000\n", branch, g.marks, g.clock+60*g.marks)
		g.data(g.secret(fmt.Sprint("commit ", i)))
		if len(g.tips) > 0 {
			fmt.Fprintf(&g.stream, "from :%d\n", g.tips[g.rnd.IntN(len(g.tips))])
			if other := g.tips[g.rnd.IntN(len(g.tips))]; g.maybe(4, "merge") {
				fmt.Fprintf(&g.stream, "merge :%d\n", other)
			}
		}
		for range 1 + g.rnd.IntN(4) {
			g.change()
		}
		if g.tips = append(g.tips, g.marks); len(g.tips) > 4 {
			g.tips = g.tips[1:]
		}
		if g.maybe(5, "tag") {
			fmt.Fprintf(&g.stream, "tag t%d\nfrom :%d\ntagger A <a@example.org> %d +0000\n", g.marks, g.marks, g.clock)
			g.data(g.secret("a tag"))
		}
	}
}

// change writes a change of one file.
func (g *generated) change() {
	path := []string{"a", "b.txt", "dir/c", "dir/sub/d", "dir/sub/deep/e", "f f"}[g.rnd.IntN(6)]
	if g.rnd.IntN(9) == 0 {
		path = "dir/n." + key(g.rnd) + ".txt"
	}
	switch {
	case g.maybe(12, "submodule"):
		fmt.Fprintf(&g.stream, "M 160000 %s sub%d\n", strings.Repeat("ab", g.hashSize()), g.rnd.IntN(3))
	case g.maybe(12, "link"):
		fmt.Fprintf(&g.stream, "M 120000 inline link%d\n", g.rnd.IntN(3))
		g.data(g.secret("target"))
	case g.maybe(12, "deleted"):
		fmt.Fprintf(&g.stream, "D %s\n", quoted(path))
	default:
		lines := strings.SplitAfter(g.files[path], "\n")
		for range 1 + g.rnd.IntN(6) {
			at := g.rnd.IntN(len(lines))
			lines[at] = g.secret(fmt.Sprint("line ", g.rnd.IntN(1e6))) + "\n"
			if g.rnd.IntN(2) == 0 {
				lines = slices.Insert(lines, at, fmt.Sprint("new ", g.rnd.IntN(1e9), "\n"))
			}
		}
		if len(lines) < 9 {
			lines = append(lines, strings.SplitAfter(strings.Repeat("some text\n", 30), "\n")...)
		}
		g.files[path] = strings.Join(lines, "")
		fmt.Fprintf(&g.stream, "M 100644 inline %q\n", path)
		g.data(g.files[path])
	}
}

func (g *generated) hashSize() int {
	if g.sha256 {
		return 32
	}
	return 20
}

// importAll hands what was written to git.
func (g *generated) importAll() {
	cmd := exec.Command("git", "-c", "fastimport.unpackLimit="+strconv.Itoa(1+g.rnd.IntN(60)), "fast-import", "--quiet", "--force", "--depth="+strconv.Itoa(g.rnd.IntN(60)))
	cmd.Dir, cmd.Stdin = g.dir, &g.stream
	if out, err := cmd.CombinedOutput(); err != nil {
		g.t.Fatalf("git fast-import: %v\n%s", err, out)
	}
	g.stream.Reset()
}

// generate makes a repository of a random shape, and returns the folder to scan.
func generate(t testing.TB, seed uint64) *generated {
	g := &generated{repo: &repo{t: t, dir: filepath.Join(t.TempDir(), "r"), clock: 1_700_000_000},
		rnd: rand.New(rand.NewPCG(seed, 17)), files: make(map[string]string)}
	if err := os.MkdirAll(g.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	format := "sha1"
	if g.sha256 = g.maybe(5, "SHA-256"); g.sha256 {
		format = "sha256"
	}
	g.git("init", "-q", "-b", "b0", "--object-format="+format)
	g.history(2 + g.rnd.IntN(12))
	g.importAll()
	g.pack()
	if g.maybe(3, "a second import") {
		g.tips = nil
		g.history(1 + g.rnd.IntN(5))
		g.importAll()
	}
	if packs, _ := filepath.Glob(filepath.Join(g.dir, ".git/objects/pack/*.pack")); len(packs) > 0 && g.maybe(6, "an index of several packs") {
		g.git("multi-pack-index", "write")
	}
	if g.maybe(4, "packed refs") {
		g.git("pack-refs", "--all")
	}
	if g.maybe(6, "alternates") {
		other := filepath.Join(filepath.Dir(g.dir), "clone")
		g.git("clone", "-q", "--bare", "--shared", g.dir, other)
		g.dir = other
	} else if g.maybe(6, "a linked worktree") {
		branch := strings.Fields(g.git("for-each-ref", "--format=%(refname:short)", "refs/heads"))[0]
		other := filepath.Join(filepath.Dir(g.dir), "linked")
		g.git("worktree", "add", "-q", "--detach", "--no-checkout", other, branch)
		g.dir = other
	}
	return g
}

// pack packs what is there in one of git's ways, or not.
func (g *generated) pack() {
	args := []string{"-c", "pack.indexVersion=" + strconv.Itoa(1+g.rnd.IntN(2)), "-c", "repack.useDeltaBaseOffset=" + strconv.FormatBool(g.rnd.IntN(2) == 0)}
	switch {
	case g.maybe(4, "repacked"):
		g.git(append(args, "repack", "-adfq", "--depth="+strconv.Itoa(1+g.rnd.IntN(60)))...)
	case g.maybe(4, "one more pack"):
		g.git(append(args, "repack", "-dq")...)
	case g.maybe(4, "gc"):
		g.git(append(args, "gc", "-q", "--prune=now")...)
	}
}

var soakKey = regexp.MustCompile(`sk_` + `live_[A-Za-z0-9]{24}`)

// slowKeys asks git for every object and searches each for keys.
func (g *generated) slowKeys() (objects int64, keys []string) {
	out := []byte(g.git("cat-file", "--batch-all-objects", "--batch"))
	found := make(map[string]struct{})
	for len(out) > 0 {
		line, rest, _ := bytes.Cut(out, []byte("\n"))
		fields := strings.Fields(string(line))
		size, err := strconv.Atoi(fields[len(fields)-1])
		if err != nil {
			g.t.Fatalf("%q: %v", line, err)
		}
		content := rest[:min(size, len(rest))] // the last newline was cut off
		for _, k := range soakKey.FindAll(content, -1) {
			found[string(k)] = struct{}{}
		}
		objects++
		out = rest[min(size+1, len(rest)):]
	}
	return objects, slices.Sorted(maps.Keys(found))
}

func TestSoakGeneratedRepositories(t *testing.T) {
	n, _ := soak(t, 12)
	set := loadRules(t)
	shapes := make(map[string]int)
	differ := 0
	for seed := range uint64(n) {
		g := generate(t, seed)
		for _, s := range slices.Compact(slices.Sorted(slices.Values(g.shape))) {
			shapes[s]++
		}
		objects, want := g.slowKeys()
		opts := Options{Paths: []string{g.dir}, History: true, KeepRejected: true, Now: fixedClock, Workers: 1 + int(seed%3)}
		res, err := prepareAndScan(context.Background(), opts, set)
		if err != nil {
			t.Fatalf("repository %d (%s): %v", seed, strings.Join(g.shape, ", "), err)
		}
		if got := keysFound(res); !slices.Equal(got, want) || res.Read.Objects != objects || !res.Complete() {
			differ++
			t.Errorf("repository %d (%s): %d keys in %d objects, git has %d in %d; %v", seed, strings.Join(g.shape, ", "), len(got), res.Read.Objects, len(want), objects, res.Skipped)
		}
		if err := os.RemoveAll(filepath.Dir(g.dir)); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d repositories, %d differ; %v", n, differ, shapes)
}

func TestSoakGeneratedIndexes(t *testing.T) {
	n, _ := soak(t, 8)
	set := loadRules(t)
	n = (n + 3) / 4
	differ := 0
	for seed := range uint64(n) {
		r := newRepo(t, filepath.Join(t.TempDir(), "r"))
		rnd := rand.New(rand.NewPCG(seed, 5))
		path := func() string {
			return []string{"a", "b/c", "b/d/e", "b/d/f", "g/h/i", "j k"}[rnd.IntN(6)] + strconv.Itoa(rnd.IntN(3))
		}
		change := func() (added []string) {
			for range 1 + rnd.IntN(6) {
				k := key(rnd)
				p := path()
				write(t, filepath.Join(r.dir, p), fmt.Sprintf("number %d\nKEY=%s\n", rnd.IntN(1e6), k))
				added = append(added, p)
			}
			return added
		}
		change()
		r.commit("one")
		var shape string
		switch rnd.IntN(5) {
		case 0:
			shape = "sparse"
			r.git("sparse-checkout", "set", "--cone", "--sparse-index", "b")
		case 1:
			shape = "split"
			r.git("update-index", "--split-index")
		case 2:
			shape = "version 4"
			r.git("update-index", "--index-version", "4")
		case 3:
			shape = "untracked cache"
			r.git("update-index", "--untracked-cache")
		}
		change()
		r.git("add", "-A", "--sparse", ".")
		var want []string
		for _, line := range strings.Split(r.git("diff", "--cached", "--no-renames", "--raw", "--abbrev=64", "--diff-filter=AM"), "\n") {
			if f := strings.Fields(line); len(f) > 3 {
				want = append(want, soakKey.FindString(r.git("cat-file", "blob", f[3])))
			}
		}
		slices.Sort(want)
		res, err := prepareAndScan(context.Background(), Options{Paths: []string{r.dir}, Staged: &Staged{}, KeepRejected: true, Now: fixedClock}, set)
		if err != nil {
			t.Fatal(err)
		}
		if got := keysFound(res); !slices.Equal(got, slices.Compact(want)) || !res.Complete() {
			differ++
			t.Errorf("index %d (%s): keys %d, git has %d; %v", seed, shape, len(got), len(want), res.Skipped)
		}
		if err := os.RemoveAll(r.dir); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	t.Logf("%d indexes, %d differ", n, differ)
}
