package scanner

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"keysweep/file"
	"keysweep/finding"
	"keysweep/rules"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/history"
)

// repo is a repository that a test makes with git.
type repo struct {
	t     testing.TB
	dir   string
	clock int
}

func newRepo(t testing.TB, dir string) *repo {
	t.Helper()
	r := &repo{t: t, dir: dir, clock: 1_700_000_000}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r.git("init", "-q", "-b", "main")
	return r
}

func (r *repo) git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "protocol.file.allow=always"}, args...)...)
	cmd.Dir = r.dir
	date := strconv.Itoa(r.clock) + " +0000"
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_AUTHOR_DATE="+date,
		"GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.org", "GIT_COMMITTER_DATE="+date)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r *repo) commit(message string) string {
	r.clock += 86400
	r.git("add", "-A")
	r.git("commit", "-q", "--allow-empty", "-m", message)
	return r.git("rev-parse", "HEAD")
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func fixedClock() time.Time { return time.Unix(1_800_000_000, 0).UTC() }

// prepareAndScan is what a command does, without exceptions.
func prepareAndScan(ctx context.Context, opts Options, set *rules.Set) (*finding.Result, error) {
	p, err := Prepare(opts)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	return p.Scan(ctx, set, Accept{})
}

func scanAll(t testing.TB, opts Options) *finding.Result {
	t.Helper()
	opts.Now = fixedClock
	res, err := prepareAndScan(context.Background(), opts, loadRules(t))
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// occurrences writes the occurrences of each key as "source path:line".
func occurrences(res *finding.Result) map[string][]string {
	m := make(map[string][]string)
	for _, f := range res.Findings {
		for _, o := range f.Listed {
			m[f.Secret.Reveal()] = append(m[f.Secret.Reveal()], fmt.Sprintf("%s %s:%d", o.Source, o.Path, o.Line))
		}
		slices.Sort(m[f.Secret.Reveal()])
	}
	return m
}

func keysOf(n int, seed uint64) []string {
	r := rand.New(rand.NewPCG(seed, seed))
	list := make([]string, n)
	for i := range list {
		list[i] = key(r)
	}
	return list
}

func TestWhereAKeyIsAndWhen(t *testing.T) {
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	k := keysOf(6, 1)
	write(t, filepath.Join(r.dir, "conf/a.env"), "# settings\nKEY="+k[0]+"\n")
	first := r.commit("one")
	write(t, filepath.Join(r.dir, "conf/a.env"), "# settings\n# more\nKEY="+k[0]+"\n")
	second := r.commit("two: " + k[1])
	write(t, filepath.Join(r.dir, "conf/a.env"), "clean\n")
	write(t, filepath.Join(r.dir, "b."+k[2]+".txt"), "name\n")
	third := r.commit("three")
	r.git("tag", "-a", "-m", "release "+k[3], "v1")
	r.git("branch", "topic/"+k[4])
	write(t, filepath.Join(r.dir, "new.txt"), "untracked "+k[5]+"\n")

	res := scanAll(t, Options{Paths: []string{r.dir}})
	want := map[string][]string{
		k[0]: {"blob conf/a.env:2", "blob conf/a.env:3"},
		k[1]: {"commit :6", "metadata .git/logs/HEAD:2", "metadata .git/logs/refs/heads/main:2"},
		k[2]: {"path b." + k[2] + ".txt:0", "path b." + k[2] + ".txt:0"},
		k[3]: {"tag :6"},
		k[4]: {"path .git/logs/refs/heads/topic/" + k[4] + ":0", "ref refs/heads/topic/" + k[4] + ":0"},
		k[5]: {"worktree new.txt:1"},
	}
	if diff := cmp.Diff(want, occurrences(res)); diff != "" {
		t.Error(diff)
	}
	for _, f := range res.Findings {
		switch f.Secret.Reveal() {
		case k[0]:
			if f.FirstSeen.Commit != first || f.LastSeen.Commit != second || f.InHead != finding.No || f.Exposed != fixedClock().Sub(f.FirstSeen.Date) {
				t.Errorf("removed key: %+v", f)
			}
			if o := f.Listed[0]; o.Commit != second || o.Reachable != finding.Yes || o.InHead != finding.No || o.Versions != 1 {
				t.Errorf("removed key: %+v", o)
			}
		case k[2]:
			if f.FirstSeen.Commit != third || f.LastSeen.Commit != third || f.InHead != finding.Yes {
				t.Errorf("key in a name: %+v", f)
			}
		case k[1]:
			if f.FirstSeen.Commit != second || f.InHead != finding.No {
				t.Errorf("key in a message: %+v", f)
			}
		}
	}
	if !res.Complete() {
		t.Errorf("skipped %v", res.Skipped)
	}
}

func TestKeysInOtherForms(t *testing.T) {
	dir := t.TempDir()
	k := keysOf(4, 2)
	utf16le := func(s string) string {
		var b []byte
		for _, u := range utf16.Encode([]rune(s)) {
			b = append(b, byte(u), byte(u>>8))
		}
		return string(b)
	}
	write(t, filepath.Join(dir, "plain.txt"), k[0])
	write(t, filepath.Join(dir, "utf16.txt"), "\xff\xfe"+utf16le("KEY="+k[1]+"\r\n"))
	write(t, filepath.Join(dir, "base64.txt"), "Basic "+base64.StdEncoding.EncodeToString([]byte(k[2]+":"))+"\n")
	write(t, filepath.Join(dir, "binary.bin"), "\x00\x01\x02"+k[3]+"\x00\xff")
	got := make(map[string]string)
	for _, f := range scanAll(t, Options{Paths: []string{dir}}).Findings {
		got[f.Secret.Reveal()] = strings.Join(f.Encoding, " in ")
	}
	want := map[string]string{k[0]: "", k[1]: "utf-16", k[2]: "base64", k[3]: ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestOneWorkerAndEightReportTheSame(t *testing.T) {
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	k := keysOf(30, 5)
	rnd := rand.New(rand.NewPCG(3, 3))
	for i := range 25 {
		for range 5 {
			name := fmt.Sprintf("d%d/f%d.txt", rnd.IntN(4), rnd.IntN(5))
			var b strings.Builder
			for line := range 50 {
				if rnd.IntN(20) == 0 {
					fmt.Fprintf(&b, "key %s and sk_test_placeholder%d\n", k[rnd.IntN(len(k))], rnd.IntN(9))
				}
				fmt.Fprintf(&b, "line %d of %s\n", line, name)
			}
			write(t, filepath.Join(r.dir, name), b.String())
		}
		r.commit(fmt.Sprint("commit ", i))
		if i%15 == 0 {
			r.git("repack", "-dq")
		}
	}
	for _, keep := range []bool{false, true} {
		var first *finding.Result
		for _, workers := range []int{1, 8, 8, 2} {
			res := scanAll(t, Options{Paths: []string{r.dir}, Workers: workers, KeepRejected: keep, MinConfidence: finding.Low})
			if first == nil {
				first = res
				if len(res.Findings) != len(k) {
					t.Errorf("%d keys of %d found", len(res.Findings), len(k))
				}
				continue
			}
			if diff := cmp.Diff(first, res, cmp.AllowUnexported(finding.Secret{}, finding.Finding{}), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("%d workers: %s", workers, diff)
			}
		}
	}
}

func TestWhatIsInsideAScannedFolder(t *testing.T) {
	top := t.TempDir()
	k := keysOf(6, 4)
	plain := filepath.Join(top, "plain")
	inner := newRepo(t, filepath.Join(plain, "inner"))
	write(t, filepath.Join(inner.dir, "x.txt"), k[0]+"\n")
	inner.commit("with a key")
	write(t, filepath.Join(inner.dir, "x.txt"), "clean\n")
	inner.commit("without")
	write(t, filepath.Join(inner.dir, ".gitignore"), "*.log\n")
	write(t, filepath.Join(inner.dir, "ignored.log"), k[1]+"\n")
	outside := newRepo(t, filepath.Join(top, "outside"))
	write(t, filepath.Join(outside.dir, "y.txt"), k[2]+"\n")
	outside.commit("private")
	outside.git("worktree", "add", "-q", filepath.Join(plain, "linked"))
	outside.git("rm", "-q", "y.txt")
	outside.commit("gone")

	got := occurrences(scanAll(t, Options{Paths: []string{plain}}))
	want := map[string][]string{
		k[0]: {"blob x.txt:1"},
		k[2]: {"worktree linked/y.txt:1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got = occurrences(scanAll(t, Options{Paths: []string{plain}, Ignored: true, Tree: true}))
	want = map[string][]string{
		k[1]: {"worktree inner/ignored.log:1"},
		k[2]: {"worktree linked/y.txt:1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	res := scanAll(t, Options{Paths: []string{plain}})
	for _, reason := range []finding.Reason{finding.ReasonIgnored, finding.ReasonExcluded} {
		if !slices.ContainsFunc(res.Skipped, func(s finding.Skipped) bool { return s.Reason == reason }) {
			t.Errorf("%s is not among %v", reason, res.Skipped)
		}
	}
	if !res.Complete() {
		t.Errorf("incomplete: %v", res.Skipped)
	}
}

func TestTargetsThatCannotBeScanned(t *testing.T) {
	dir := t.TempDir()
	bare := filepath.Join(dir, "bare.git")
	newRepo(t, dir+"/r").git("init", "-q", "--bare", bare)
	for _, c := range []struct {
		name string
		opts Options
		want string
	}{
		{"no such path", Options{Paths: []string{filepath.Join(dir, "none")}}, "no such file"},
		{"history of a plain folder", Options{Paths: []string{t.TempDir()}, History: true}, "not inside a git repository"},
		{"tree of a bare repository", Options{Paths: []string{bare}, Tree: true}, "no working tree"},
		{"history of standard input", Options{Paths: []string{"-"}, History: true}, "no history"},
		{"a bad glob", Options{Paths: []string{dir}, Exclude: []string{"a[b"}}, "not a valid glob"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := prepareAndScan(context.Background(), c.opts, loadRules(t))
			if !errors.Is(err, ErrUse) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestAnInterruptedScanSaysSo(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.txt"), "x\n")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("the user had enough"))
	res, err := prepareAndScan(ctx, Options{Paths: []string{dir}}, loadRules(t))
	if err != nil {
		t.Fatal(err)
	}
	if res.Complete() || res.Skipped[0].Reason != finding.ReasonInterrupted || res.Skipped[0].Detail != "the user had enough" {
		t.Errorf("skipped %v", res.Skipped)
	}
}

func TestPointersAndAbsentSubmodulesAreNoted(t *testing.T) {
	top := t.TempDir()
	sub := newRepo(t, filepath.Join(top, "sub"))
	sub.commit("sub")
	r := newRepo(t, filepath.Join(top, "r"))
	write(t, filepath.Join(r.dir, "big.bin"), lfsVersion+"v1\noid sha256:00\nsize 1\n")
	r.git("submodule", "--quiet", "add", sub.dir, "module")
	r.commit("one")
	clone := filepath.Join(top, "clone")
	r.git("clone", "-q", r.dir, clone)
	res := scanAll(t, Options{Paths: []string{clone}})
	for _, reason := range []finding.Reason{finding.ReasonLFSPointer, finding.ReasonSubmoduleAbsent} {
		if !slices.ContainsFunc(res.Skipped, func(s finding.Skipped) bool { return s.Reason == reason }) {
			t.Errorf("%s is not among %v", reason, res.Skipped)
		}
	}
	if !res.Complete() {
		t.Errorf("incomplete: %v", res.Skipped)
	}
}

// openGate lets every object through: the slow scan.
type openGate struct{}

func (openGate) Contains([]byte) bool { return true }
func (openGate) MaxLen() int          { return 1 }
func (openGate) Opens([]byte) bool    { return false }

// TestTheShortcutFindsWhatJudgingEveryObjectFinds compares the scan that
// searches what deltas insert with one that judges every object as a whole, on
// a repository of its own and on those that KEYSWEEP_TRUTH names, separated by
// colons.
func TestTheShortcutFindsWhatJudgingEveryObjectFinds(t *testing.T) {
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	k := keysOf(10, 8)
	rnd := rand.New(rand.NewPCG(8, 8))
	lines := strings.Split(strings.Repeat("some line that stays\n", 60), "\n")
	for i := range 25 {
		at := rnd.IntN(len(lines))
		switch rnd.IntN(4) {
		case 0:
			lines[at] = "token: " + k[rnd.IntN(len(k))]
		case 1:
			lines[at] = base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", rnd.IntN(3)) + "'" + k[rnd.IntN(len(k))]))
		default:
			lines[at] = fmt.Sprintf("line %d", rnd.IntN(1e9))
		}
		write(t, filepath.Join(r.dir, "f.txt"), strings.Join(lines, "\n"))
		r.commit(fmt.Sprint("commit ", i))
	}
	r.git("repack", "-adfq")
	for _, dir := range append([]string{r.dir}, filepath.SplitList(os.Getenv("KEYSWEEP_TRUTH"))...) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			var found [2]map[string]int
			for i, slow := range []bool{false, true} {
				repo, err := gitdb.Open(dir, file.Reach{})
				if err != nil {
					t.Fatal(err)
				}
				db, err := history.Open(context.Background(), repo, gitdb.OpenOptions{Workers: 2})
				if err != nil {
					t.Fatal(err)
				}
				defer db.Close()
				c := newCollector(loadRules(t), true, new(Progress))
				var gate history.Gate = gate{c.set.Finder(), false}
				if slow {
					gate = openGate{}
				}
				if _, err := db.Scan(context.Background(), history.ScanOptions{Gate: gate, NewVisitor: func() history.Visitor {
					return &objectJudge{judge: c.newJudge(context.Background())}
				}}); err != nil {
					t.Fatal(err)
				}
				found[i] = make(map[string]int)
				for secret, rec := range c.keys {
					found[i][secret.Reveal()] = len(rec.locations)
				}
			}
			if dir == r.dir && len(found[1]) == 0 {
				t.Error("the slow scan found nothing to compare with")
			}
			if diff := cmp.Diff(found[1], found[0]); diff != "" {
				t.Errorf("-slow +shortcut\n%s", diff)
			}
			t.Logf("%d candidates", len(found[0]))
		})
	}
}

func TestTheHistoryOfARemovedSubmoduleIsRead(t *testing.T) {
	top := t.TempDir()
	k := keysOf(1, 9)
	sub := newRepo(t, filepath.Join(top, "sub"))
	write(t, filepath.Join(sub.dir, "x.txt"), k[0]+"\n")
	sub.commit("with a key")
	r := newRepo(t, filepath.Join(top, "r"))
	r.git("submodule", "--quiet", "add", sub.dir, "module")
	r.commit("added")
	r.git("rm", "-q", "module")
	r.commit("removed")
	for _, opts := range []Options{{}, {History: true}} {
		opts.Paths = []string{r.dir}
		if got := occurrences(scanAll(t, opts)); len(got[k[0]]) != 1 {
			t.Errorf("%+v: found %v", opts.History, got)
		}
	}
}

func TestAFileOfOneKeyIsCut(t *testing.T) {
	dir := t.TempDir()
	k := keysOf(1, 10)
	write(t, filepath.Join(dir, "x.txt"), strings.Repeat(k[0]+"\n", 5000))
	res := scanAll(t, Options{Paths: []string{dir}})
	if len(res.Findings) != 1 || len(res.Findings[0].Listed) != locationsPerContent || len(res.Targets[0].Notes) != 1 {
		t.Errorf("%d findings, notes %v", len(res.Findings), res.Targets[0].Notes)
	}
}
