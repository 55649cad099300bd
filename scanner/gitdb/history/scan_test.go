package history

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keysweep/file"
	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/gittest"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// needle is the literal of these tests.
const needle = "needle-"

// gate looks for needle.
type gate struct{}

func (gate) Contains(b []byte) bool { return bytes.Contains(b, []byte(needle)) }
func (gate) MaxLen() int            { return len(needle) }
func (gate) Opens([]byte) bool      { return false }

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

func scanRepo(t testing.TB, dir string, workers int, open gitdb.OpenOptions) (*Database, *ScanResult, *recorder) {
	t.Helper()
	r, err := gitdb.Open(dir, file.Reach{})
	if err != nil {
		t.Fatal(err)
	}
	open.Workers = workers
	db, err := Open(context.Background(), r, open)
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
func slowScan(t testing.TB, r *gittest.Repo, dir string) (all int, found map[string]string) {
	t.Helper()
	out := r.GitIn(dir, "cat-file", "--batch-all-objects", "--batch")
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
func randomHistory(r *gittest.Repo, rnd *rand.Rand, commits int) {
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
			r.Git("checkout", "-q", "-b", name)
			branches = append(branches, name)
		} else if len(branches) > 1 && rnd.IntN(4) == 0 {
			r.Git("checkout", "-q", branches[rnd.IntN(len(branches))])
			r.Clock += 60
			r.Git("merge", "-q", "-X", "ours", "-m", message+" merge", branches[rnd.IntN(len(branches))])
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
			r.Write(f, strings.Join(lines, "\n")+"\n")
		}
		if rnd.IntN(12) == 0 {
			message += " " + needle + "9"
		}
		if rnd.IntN(15) == 0 {
			r.Write(fmt.Sprintf("dir/%s8.%d", needle, i), "named")
		}
		r.Commit(message)
		if rnd.IntN(15) == 0 {
			r.Git("tag", "-a", "-m", "tag "+needle+"7", fmt.Sprintf("v%d", i))
		}
		switch rnd.IntN(14) {
		case 0:
			r.Git("repack", "-dq") // a pack more
		case 1:
			r.Git("repack", "-adfq", "--depth=50")
		}
	}
}

func TestTheShortcutFindsWhatASlowScanFinds(t *testing.T) {
	for seed := range gittest.Seeds() {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			args := []string(nil)
			if seed == 2 {
				args = append(args, "--object-format=sha256")
			}
			r := gittest.New(t, args...)
			randomHistory(r, rand.New(rand.NewPCG(seed, 0)), 40)
			all, want := slowScan(t, r, r.Dir)
			for _, workers := range []int{1, 8} {
				_, res, rec := scanRepo(t, r.Dir, workers, gitdb.OpenOptions{})
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
	v := &visitor{opts: &ScanOptions{Gate: gate{}}}
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
	r := gittest.New(t)
	r.Write("a.txt", "x "+needle+"1\n")
	r.Commit("one")
	r.Write("b.txt", "y "+needle+"2\n")
	r.Commit("two")
	_, want := slowScan(t, r, r.Dir)
	parent := filepath.Dir(r.Dir)

	bare := filepath.Join(parent, "bare.git")
	r.Git("clone", "-q", "--bare", r.Dir, bare)
	linked := filepath.Join(parent, "linked")
	r.Git("worktree", "add", "-q", linked, "-b", "linked")
	shared := filepath.Join(parent, "shared")
	r.Git("clone", "-q", "--shared", r.Dir, shared)
	r.GitIn(shared, "commit", "-q", "--allow-empty", "-m", needle+"3")
	_, wantShared := slowScan(t, r, shared)
	for _, c := range []struct {
		name, dir string
		want      map[string]string
	}{
		{"ordinary", r.Dir, want}, {"its .git folder", filepath.Join(r.Dir, ".git"), want}, {"bare", bare, want},
		{"linked working tree", linked, want}, {"alternates", shared, wantShared},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, res, rec := scanRepo(t, c.dir, 2, gitdb.OpenOptions{})
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
	private := gittest.New(t)
	private.Write("a.txt", needle+"private\n")
	private.Commit("one")
	r := gittest.New(t)
	r.Git("commit", "-q", "--allow-empty", "-m", "mine")
	alternates := filepath.Join(r.Dir, ".git/objects/info/alternates")
	if err := os.WriteFile(alternates, []byte(filepath.Join(private.Dir, ".git/objects")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, res, rec := scanRepo(t, r.Dir, 1, gitdb.OpenOptions{})
	if len(rec.objects) > 0 || len(res.Skipped) != 1 || res.Skipped[0].Reason != finding.ReasonUnreadable || !strings.Contains(res.Skipped[0].Detail, private.Dir) {
		t.Errorf("objects %v, skipped %v", rec.objects, res.Skipped)
	}
	_, res, rec = scanRepo(t, r.Dir, 1, gitdb.OpenOptions{FollowAlternates: true})
	if len(rec.objects) != 1 || len(res.Skipped) > 0 {
		t.Errorf("followed: objects %v, skipped %v", rec.objects, res.Skipped)
	}
}

func TestWhatIsAbsentIsReported(t *testing.T) {
	for _, c := range []struct {
		name   string
		harm   func(t *testing.T, r *gittest.Repo) (dir string)
		reason finding.Reason
	}{
		{"shallow", func(t *testing.T, r *gittest.Repo) string {
			dir := filepath.Join(t.TempDir(), "shallow")
			r.Git("clone", "-q", "--depth=1", "file://"+r.Dir, dir)
			return dir
		}, finding.ReasonShallow},
		{"partial", func(t *testing.T, r *gittest.Repo) string {
			r.Git("config", "uploadpack.allowFilter", "true")
			dir := filepath.Join(t.TempDir(), "partial")
			r.Git("clone", "-q", "--no-checkout", "--filter=blob:none", "file://"+r.Dir, dir)
			return dir
		}, finding.ReasonPromisor},
		{"a blob is gone", func(t *testing.T, r *gittest.Repo) string {
			r.RemoveLoose(strings.TrimSpace(r.Git("rev-parse", "HEAD:dir/b.txt")))
			return r.Dir
		}, finding.ReasonMissing},
		{"a tree is gone", func(t *testing.T, r *gittest.Repo) string {
			r.RemoveLoose(strings.TrimSpace(r.Git("rev-parse", "HEAD~1^{tree}")))
			return r.Dir
		}, finding.ReasonMissing},
		{"a commit is gone", func(t *testing.T, r *gittest.Repo) string {
			r.RemoveLoose(strings.TrimSpace(r.Git("rev-parse", "HEAD~1")))
			return r.Dir
		}, finding.ReasonMissing},
		{"a loose object is damaged", func(t *testing.T, r *gittest.Repo) string {
			path := r.LoosePath(strings.TrimSpace(r.Git("rev-parse", "HEAD:a.txt")))
			if err := os.Chmod(path, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte("x\x9crubbish"), 0o600); err != nil {
				t.Fatal(err)
			}
			return r.Dir
		}, finding.ReasonDamaged},
		{"a loose object under another name", func(t *testing.T, r *gittest.Repo) string {
			from := r.LoosePath(strings.TrimSpace(r.Git("rev-parse", "HEAD:a.txt")))
			to := r.LoosePath(strings.TrimSpace(r.Git("rev-parse", "HEAD:dir/b.txt")))
			if err := os.Rename(from, to); err != nil {
				t.Fatal(err)
			}
			return r.Dir
		}, finding.ReasonDamaged},
		{"an unknown extension", func(t *testing.T, r *gittest.Repo) string {
			r.Git("config", "core.repositoryFormatVersion", "1")
			r.Git("config", "extensions.fromTheFuture", "true")
			return r.Dir
		}, finding.ReasonUnknownFormat},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := gittest.New(t)
			for i := range 3 {
				r.Write("a.txt", fmt.Sprintf("version %d\n", i))
				r.Write("dir/b.txt", fmt.Sprintf("other %d\n", i))
				r.Commit(fmt.Sprint("commit ", i))
			}
			db, res, _ := scanRepo(t, c.harm(t, r), 2, gitdb.OpenOptions{})
			missing, err := db.Missing(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			all := append(slices.Clone(res.Skipped), missing...)
			if !slices.ContainsFunc(all, func(s finding.Skipped) bool { return s.Reason == c.reason && s.Count > 0 }) {
				t.Errorf("skipped %v, want %s", all, c.reason)
			}
			if c.reason == finding.ReasonShallow && len(all) > 1 {
				t.Errorf("what is beyond a shallow clone's end is missed: %v", all)
			}
		})
	}
}

func TestObjectsThatNothingReachesMayLackTheirParts(t *testing.T) {
	r := gittest.New(t)
	r.Write("a.txt", "one\n")
	r.Commit("one")
	r.Write("a.txt", "two\n")
	r.Commit("two")
	gone := strings.TrimSpace(r.Git("rev-parse", "HEAD:a.txt"))
	r.Git("reset", "-q", "--hard", "HEAD~1")
	r.RemoveLoose(gone)
	db, res, _ := scanRepo(t, r.Dir, 2, gitdb.OpenOptions{})
	missing, err := db.Missing(context.Background())
	if err != nil || len(missing) > 0 || len(res.Skipped) > 0 {
		t.Errorf("missing %v, skipped %v, %v", missing, res.Skipped, err)
	}
}

func TestALargeBlobIsStreamedAndHashed(t *testing.T) {
	for _, packed := range []bool{false, true} {
		r := gittest.New(t)
		line := "some text that does not matter\n"
		r.Write("big.txt", strings.Repeat(line, (9<<20)/len(line))+needle+"1\n")
		r.Commit("big")
		if packed {
			r.Git("repack", "-adfq")
		}
		_, want := slowScan(t, r, r.Dir)
		_, res, rec := scanRepo(t, r.Dir, 2, gitdb.OpenOptions{})
		if len(want) != 1 || !cmp.Equal(want, rec.objects) {
			t.Errorf("packed %v: %d objects found, want %d", packed, len(rec.objects), len(want))
		}
		if len(res.Skipped) > 0 {
			t.Errorf("packed %v: skipped %v", packed, res.Skipped)
		}
	}
}

func TestABombOfTreesIsCut(t *testing.T) {
	r := gittest.New(t)
	r.Write("a.txt", needle+"1\n")
	r.Commit("one")
	blob := strings.TrimSpace(r.Git("rev-parse", "HEAD:a.txt"))
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
		tree = strings.TrimSpace(r.Git("-c", "alias.mk=!git mktree < "+file, "mk"))
		entry = "040000 tree " + tree + "\ta"
	}
	r.Git("update-ref", "refs/heads/bomb", strings.TrimSpace(r.Git("commit-tree", "-m", "bomb", tree)))
	db, _, rec := scanRepo(t, r.Dir, 2, gitdb.OpenOptions{})
	held := make(map[oid.ID][]int32)
	for id := range rec.objects {
		o, _ := oid.Parse([]byte(id))
		held[o] = []int32{0}
	}
	unlisted := 0
	tr, err := db.Trace(context.Background(), held, 1, db.repo.Head, func(oid.ID, PathTrace) { unlisted++ })
	if err != nil {
		t.Fatal(err)
	}
	b, _ := oid.Parse([]byte(blob))
	if tr.Whole || !finding.Incomplete(tr.Skipped) || unlisted < 1_000_000 || len(tr.Paths[b]) != pathsPerObject || !slices.ContainsFunc(tr.Paths[b], func(p PathTrace) bool { return p.Path == "a.txt" && p.InHead }) {
		t.Errorf("whole %v, skipped %v, %d places, %d unlisted", tr.Whole, tr.Skipped, len(tr.Paths[b]), unlisted)
	}
}

func TestLooseIDsOfAnotherLengthAreNotPassedOver(t *testing.T) {
	r := gittest.New(t)
	r.Commit("one")
	r.Write(".git/objects/ab/"+strings.Repeat("c", 62), "named as in a SHA-256 repository")
	_, res, _ := scanRepo(t, r.Dir, 1, gitdb.OpenOptions{})
	if len(res.Skipped) != 1 || res.Skipped[0].Reason != finding.ReasonUnknownFormat {
		t.Errorf("skipped %v", res.Skipped)
	}
}
