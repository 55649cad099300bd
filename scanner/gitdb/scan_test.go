package gitdb

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keysweep/finding"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// repo is a repository that a test makes with git. Its clock goes forward by a
// minute a commit.
type repo struct {
	t     testing.TB
	dir   string
	clock int
}

// newRepo makes a repository in a folder of its own folder, so that no other
// one lies beside it.
func newRepo(t testing.TB, args ...string) *repo {
	t.Helper()
	r := &repo{t: t, dir: filepath.Join(t.TempDir(), "repo"), clock: 1_700_000_000}
	if err := os.Mkdir(r.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r.git(append([]string{"init", "-q", "-b", "main"}, args...)...)
	return r
}

func (r *repo) git(args ...string) string { return r.gitIn(r.dir, args...) }

func (r *repo) gitIn(dir string, args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	date := strconv.Itoa(r.clock) + " +0000"
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_AUTHOR_DATE="+date,
		"GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.org", "GIT_COMMITTER_DATE="+date)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		r.t.Fatalf("git %s: %v\n%s%s", strings.Join(args, " "), err, out, errs.String())
	}
	return string(out)
}

func (r *repo) write(path, content string) {
	r.t.Helper()
	path = filepath.Join(r.dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// commit commits all files and returns the commit's id.
func (r *repo) commit(message string) string {
	r.t.Helper()
	r.clock += 60
	r.git("add", "-A")
	r.git("commit", "-q", "--allow-empty", "-m", message)
	return strings.TrimSpace(r.git("rev-parse", "HEAD"))
}

// needle is the literal of these tests.
const needle = "needle-"

// gate looks for needle.
type gate struct{}

func (gate) Contains(b []byte) bool { return bytes.Contains(b, []byte(needle)) }
func (gate) MaxLen() int            { return len(needle) }

// recorder is a visitor that keeps which objects it was shown.
type recorder struct {
	mu      sync.Mutex
	objects map[string]string // id to content
}

func (r *recorder) Object(o *Object) error {
	b := o.Data
	if o.Stream != nil {
		b, _ = io.ReadAll(o.Stream)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if gate.Contains(gate{}, b) {
		r.objects[o.ID().String()] = string(b)
	}
	return nil
}

func scanRepo(t testing.TB, dir string, workers int, open OpenOptions) (*Database, *ScanResult, *recorder) {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	open.Workers = workers
	db, err := r.OpenDatabase(context.Background(), open)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	rec := &recorder{objects: make(map[string]string)}
	res, err := db.Scan(context.Background(), ScanOptions{Gate: gate{}, NewVisitor: func() Visitor { return rec }})
	if err != nil {
		t.Fatal(err)
	}
	return db, res, rec
}

// slowScan asks git for every object and looks through each.
func slowScan(t testing.TB, r *repo, dir string) (all int, found map[string]string) {
	t.Helper()
	out := r.gitIn(dir, "cat-file", "--batch-all-objects", "--batch")
	found = make(map[string]string)
	for len(out) > 0 {
		line, rest, _ := strings.Cut(out, "\n")
		var id, typ string
		var size int
		if _, err := fmt.Sscan(line, &id, &typ, &size); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(rest[:size], needle) {
			found[id] = rest[:size]
		}
		out = rest[size+1:]
		all++
	}
	return all, found
}

// randomHistory fills r with branches, merges, and files that gain and lose
// needles, also in messages and names.
func randomHistory(r *repo, rnd *rand.Rand, commits int) {
	files := []string{"a.txt", "dir/b.txt", "dir/sub/c.txt", "d.txt", "dir/e.txt"}
	text := make(map[string][]string)
	for _, f := range files {
		for range 40 {
			text[f] = append(text[f], fmt.Sprintf("line %d %d", rnd.IntN(1e9), rnd.IntN(1e9)))
		}
	}
	branches := []string{"main"}
	for i := range commits {
		message := fmt.Sprintf("commit %d", i)
		if i > 3 && rnd.IntN(5) == 0 {
			name := fmt.Sprintf("b%d", i)
			r.git("checkout", "-q", "-b", name)
			branches = append(branches, name)
		} else if len(branches) > 1 && rnd.IntN(4) == 0 {
			r.git("checkout", "-q", branches[rnd.IntN(len(branches))])
			r.clock += 60
			r.git("merge", "-q", "-X", "ours", "-m", message+" merge", branches[rnd.IntN(len(branches))])
		}
		for range 1 + rnd.IntN(3) {
			f := files[rnd.IntN(len(files))]
			lines := text[f]
			at := rnd.IntN(len(lines))
			switch rnd.IntN(5) {
			case 0:
				lines[at] = fmt.Sprintf("key = %s%d", needle, rnd.IntN(6))
			case 1:
				lines[at] = "no more"
			case 2:
				lines[at], lines[(at+7)%len(lines)] = lines[(at+7)%len(lines)], lines[at]
			default:
				lines[at] = fmt.Sprintf("line %d", rnd.IntN(1e9))
			}
			r.write(f, strings.Join(lines, "\n")+"\n")
		}
		if rnd.IntN(12) == 0 {
			message += " " + needle + "9"
		}
		if rnd.IntN(15) == 0 {
			r.write(fmt.Sprintf("dir/%s8.%d", needle, i), "named")
		}
		r.commit(message)
		if rnd.IntN(15) == 0 {
			r.git("tag", "-a", "-m", "tag "+needle+"7", fmt.Sprintf("v%d", i))
		}
		switch rnd.IntN(14) {
		case 0:
			r.git("repack", "-dq") // a pack more
		case 1:
			r.git("repack", "-adfq", "--depth=50")
		}
	}
}

// seeds is how many random histories a test makes: git takes seconds for each.
func seeds() uint64 {
	if testing.Short() {
		return 1
	}
	return 3
}

func TestTheShortcutFindsWhatASlowScanFinds(t *testing.T) {
	for seed := range seeds() {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			args := []string(nil)
			if seed == 3 {
				args = append(args, "--object-format=sha256")
			}
			r := newRepo(t, args...)
			randomHistory(r, rand.New(rand.NewPCG(seed, 0)), 40)
			all, want := slowScan(t, r, r.dir)
			for _, workers := range []int{1, 8} {
				_, res, rec := scanRepo(t, r.dir, workers, OpenOptions{})
				if diff := cmp.Diff(want, rec.objects); diff != "" {
					t.Error(diff)
				}
				if res.Counts.Objects != int64(all) {
					t.Errorf("%d objects, git has %d", res.Counts.Objects, all)
				}
				if len(res.Skipped) > 0 {
					t.Errorf("skipped %v", res.Skipped)
				}
			}
		})
	}
}

// TestANeedleAtEverySeamIsFound puts the needle at every offset around every
// seam of a delta, and takes a copied run for a part of it.
func TestANeedleAtEverySeamIsFound(t *testing.T) {
	v := &visitor{gate: gate{}, db: &Database{}}
	base := bytes.Repeat([]byte("."), 200)
	// The base holds pieces of the needle, but no needle.
	copy(base[100:], needle[:3])
	copy(base[150:], needle[3:])
	for at := 0; at <= len(base)-len(needle); at++ {
		for split := 0; split <= len(needle); split++ {
			for _, second := range []int{split, (split + len(needle)) / 2, len(needle)} {
				if split == len(needle) || second == 0 {
					continue // a copied run would hold all of it, and so the base
				}
				// Insert needle[split:second] between two copies that hold
				// the rest.
				left, right := bytes.Clone(base), bytes.Clone(base)
				copy(left[at:], needle[:split])
				copy(right[at+second:], needle[second:])
				result := slices.Concat(left[:at+split], []byte(needle[split:second]), right[at+second:])
				fresh := []pack.Span{{Start: at + split, End: at + second}}
				o := &pack.Object{Data: result, Delta: true, Fresh: fresh}
				if want := bytes.Contains(result, []byte(needle)); v.marked(o) != want {
					t.Fatalf("needle at %d, inserted %d to %d: marked %v", at, split, second, !want)
				}
			}
		}
	}
	far := &pack.Object{Data: append(bytes.Clone(base), needle...), Delta: true, Fresh: []pack.Span{{Start: 5, End: 5}}}
	if v.marked(far) {
		t.Error("bytes far from every seam were searched: the shortcut is none")
	}
}

func TestRepositoriesOfEveryLayoutAreRead(t *testing.T) {
	r := newRepo(t)
	r.write("a.txt", "x "+needle+"1\n")
	r.commit("one")
	r.write("b.txt", "y "+needle+"2\n")
	r.commit("two")
	_, want := slowScan(t, r, r.dir)
	parent := filepath.Dir(r.dir)

	bare := filepath.Join(parent, "bare.git")
	r.git("clone", "-q", "--bare", r.dir, bare)
	linked := filepath.Join(parent, "linked")
	r.git("worktree", "add", "-q", linked, "-b", "linked")
	shared := filepath.Join(parent, "shared")
	r.git("clone", "-q", "--shared", r.dir, shared)
	r.gitIn(shared, "commit", "-q", "--allow-empty", "-m", needle+"3")
	_, wantShared := slowScan(t, r, shared)
	for _, c := range []struct {
		name, dir string
		want      map[string]string
	}{
		{"ordinary", r.dir, want}, {"its .git folder", filepath.Join(r.dir, ".git"), want}, {"bare", bare, want},
		{"linked working tree", linked, want}, {"alternates", shared, wantShared},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, res, rec := scanRepo(t, c.dir, 2, OpenOptions{})
			if diff := cmp.Diff(c.want, rec.objects); diff != "" {
				t.Error(diff)
			}
			if len(res.Skipped) > 0 {
				t.Errorf("skipped %v", res.Skipped)
			}
		})
	}
}

func TestAnAlternateElsewhereIsReadOnlyIfAskedFor(t *testing.T) {
	private := newRepo(t)
	private.write("a.txt", needle+"private\n")
	private.commit("one")
	r := newRepo(t)
	r.git("commit", "-q", "--allow-empty", "-m", "mine")
	alternates := filepath.Join(r.dir, ".git/objects/info/alternates")
	if err := os.WriteFile(alternates, []byte(filepath.Join(private.dir, ".git/objects")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, res, rec := scanRepo(t, r.dir, 1, OpenOptions{})
	if len(rec.objects) > 0 || len(res.Skipped) != 1 || res.Skipped[0].Reason != finding.ReasonUnreadable || !strings.Contains(res.Skipped[0].Detail, private.dir) {
		t.Errorf("objects %v, skipped %v", rec.objects, res.Skipped)
	}
	_, res, rec = scanRepo(t, r.dir, 1, OpenOptions{FollowAlternates: true})
	if len(rec.objects) != 1 || len(res.Skipped) > 0 {
		t.Errorf("followed: objects %v, skipped %v", rec.objects, res.Skipped)
	}
}

func TestWhatIsAbsentIsReported(t *testing.T) {
	for _, c := range []struct {
		name   string
		harm   func(t *testing.T, r *repo) (dir string)
		reason finding.Reason
	}{
		{"shallow", func(t *testing.T, r *repo) string {
			dir := filepath.Join(t.TempDir(), "shallow")
			r.git("clone", "-q", "--depth=1", "file://"+r.dir, dir)
			return dir
		}, finding.ReasonShallow},
		{"partial", func(t *testing.T, r *repo) string {
			r.git("config", "uploadpack.allowFilter", "true")
			dir := filepath.Join(t.TempDir(), "partial")
			r.git("clone", "-q", "--no-checkout", "--filter=blob:none", "file://"+r.dir, dir)
			return dir
		}, finding.ReasonPromisor},
		{"a blob is gone", func(t *testing.T, r *repo) string {
			removeLoose(t, r, strings.TrimSpace(r.git("rev-parse", "HEAD:dir/b.txt")))
			return r.dir
		}, finding.ReasonMissing},
		{"a tree is gone", func(t *testing.T, r *repo) string {
			removeLoose(t, r, strings.TrimSpace(r.git("rev-parse", "HEAD~1^{tree}")))
			return r.dir
		}, finding.ReasonMissing},
		{"a commit is gone", func(t *testing.T, r *repo) string {
			removeLoose(t, r, strings.TrimSpace(r.git("rev-parse", "HEAD~1")))
			return r.dir
		}, finding.ReasonMissing},
		{"a loose object is damaged", func(t *testing.T, r *repo) string {
			path := loosePath(r, strings.TrimSpace(r.git("rev-parse", "HEAD:a.txt")))
			if err := os.Chmod(path, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte("x\x9crubbish"), 0o600); err != nil {
				t.Fatal(err)
			}
			return r.dir
		}, finding.ReasonDamaged},
		{"a loose object under another name", func(t *testing.T, r *repo) string {
			from := loosePath(r, strings.TrimSpace(r.git("rev-parse", "HEAD:a.txt")))
			to := loosePath(r, strings.TrimSpace(r.git("rev-parse", "HEAD:dir/b.txt")))
			if err := os.Rename(from, to); err != nil {
				t.Fatal(err)
			}
			return r.dir
		}, finding.ReasonDamaged},
		{"an unknown extension", func(t *testing.T, r *repo) string {
			r.git("config", "core.repositoryFormatVersion", "1")
			r.git("config", "extensions.fromTheFuture", "true")
			return r.dir
		}, finding.ReasonUnknownFormat},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRepo(t)
			for i := range 3 {
				r.write("a.txt", fmt.Sprintf("version %d\n", i))
				r.write("dir/b.txt", fmt.Sprintf("other %d\n", i))
				r.commit(fmt.Sprint("commit ", i))
			}
			db, res, _ := scanRepo(t, c.harm(t, r), 2, OpenOptions{})
			missing, err := db.Missing(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			all := append(slices.Clone(res.Skipped), missing...)
			if !slices.ContainsFunc(all, func(s finding.Skipped) bool { return s.Reason == c.reason && s.Count > 0 }) {
				t.Errorf("skipped %v, want %s", all, c.reason)
			}
		})
	}
}

func TestObjectsThatNothingReachesMayLackTheirParts(t *testing.T) {
	r := newRepo(t)
	r.write("a.txt", "one\n")
	r.commit("one")
	r.write("a.txt", "two\n")
	r.commit("two")
	gone := strings.TrimSpace(r.git("rev-parse", "HEAD:a.txt"))
	r.git("reset", "-q", "--hard", "HEAD~1")
	removeLoose(t, r, gone)
	db, res, _ := scanRepo(t, r.dir, 2, OpenOptions{})
	missing, err := db.Missing(context.Background())
	if err != nil || len(missing) > 0 || len(res.Skipped) > 0 {
		t.Errorf("missing %v, skipped %v, %v", missing, res.Skipped, err)
	}
}

func loosePath(r *repo, id string) string {
	return filepath.Join(r.dir, ".git/objects", id[:2], id[2:])
}

func removeLoose(t *testing.T, r *repo, id string) {
	t.Helper()
	if err := os.Remove(loosePath(r, id)); err != nil {
		t.Fatal(err)
	}
}

func TestALargeBlobIsStreamedAndHashed(t *testing.T) {
	for _, packed := range []bool{false, true} {
		r := newRepo(t)
		line := "some text that does not matter\n"
		r.write("big.txt", strings.Repeat(line, (9<<20)/len(line))+needle+"1\n")
		r.commit("big")
		if packed {
			r.git("repack", "-adfq")
		}
		_, want := slowScan(t, r, r.dir)
		_, res, rec := scanRepo(t, r.dir, 2, OpenOptions{})
		if len(want) != 1 || !cmp.Equal(want, rec.objects) {
			t.Errorf("packed %v: %d objects found, want %d", packed, len(rec.objects), len(want))
		}
		if len(res.Skipped) > 0 {
			t.Errorf("packed %v: skipped %v", packed, res.Skipped)
		}
	}
}

func FuzzCommit(f *testing.F) {
	f.Add([]byte("tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nparent 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a@b> 1 +0\ncommitter > <c@d> 17 +0000\n\nm"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseCommit(b)
		if err == nil && (c.Date < 0 || len(c.Parents)*48 > len(b)) {
			t.Fatalf("%+v", c)
		}
	})
}

func FuzzTag(f *testing.F) {
	f.Add([]byte("object 4b825dc642cb6eb9a060e54bf8d69288fbee4904\ntype commit\ntag v1\ntagger A <a@b> 1 +0\n\nm"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if g, err := parseTag(b); err == nil && g.date < 0 {
			t.Fatalf("%+v", g)
		}
	})
}

func FuzzLoose(f *testing.F) {
	r := newRepo(f)
	r.write("a.txt", "content\n")
	r.commit("one")
	for _, rev := range []string{"HEAD", "HEAD^{tree}", "HEAD:a.txt"} {
		b, err := os.ReadFile(loosePath(r, strings.TrimSpace(r.git("rev-parse", rev))))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	dir := f.TempDir()
	l := looseObject{id: oid.ID{1, 2, 3}, dir: dir}
	if err := os.MkdirAll(filepath.Dir(l.path()), 0o755); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(l.path(), b, 0o600); err != nil {
			t.Fatal(err)
		}
		lr := looseReader{size: 20}
		_ = lr.read(l, 1<<20, func(o *pack.Object) error {
			if o.Stream != nil {
				_, err := io.Copy(io.Discard, io.LimitReader(o.Stream, 1<<24))
				return err
			}
			if uint64(len(o.Data)) != o.Size {
				t.Fatalf("%d bytes, size %d", len(o.Data), o.Size)
			}
			return nil
		})
	})
}
