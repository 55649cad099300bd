//go:build newergit

package gitdb_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"keysweep/file"
	"keysweep/scanner/gitdb"
)

// newer is a git that knows reftables: make corpus unpacks one.
type newer struct {
	t        *testing.T
	dir, top string // of git, and of the repository's main working tree
	git      string
	clock    int
	compacts bool // git joins tables when it likes
}

// run runs git in a folder.
func (n *newer) run(dir, stdin string, args ...string) (string, error) {
	cmd := exec.Command(n.git, args...)
	cmd.Dir = dir
	date := strconv.Itoa(n.clock) + " -0730"
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=A U", "GIT_AUTHOR_EMAIL=a@example.org",
		"GIT_AUTHOR_DATE="+date, "GIT_COMMITTER_NAME=C O", "GIT_COMMITTER_EMAIL=c@example.org", "GIT_COMMITTER_DATE="+date,
		"GIT_TEST_REFTABLE_AUTOCOMPACTION="+strconv.FormatBool(n.compacts))
	cmd.Stdin = strings.NewReader(stdin)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("git %s: %w\n%s", strings.Join(args, " "), err, errs.String())
	}
	return strings.TrimRight(string(out), "\n"), err
}

func (n *newer) must(dir string, args ...string) string {
	n.t.Helper()
	out, err := n.run(dir, "", args...)
	if err != nil {
		n.t.Fatal(err)
	}
	return out
}

// make makes a repository at random: transactions of many refs, deletions, tags,
// symbolic refs, working trees, compactions.
func (n *newer) make(rng *rand.Rand) {
	format := []string{"sha1", "sha256"}[rng.IntN(2)]
	n.must(n.dir, "init", "-q", "-b", "main", "--ref-format=reftable", "--object-format="+format, "r")
	n.must(n.top, "config", "core.logAllRefUpdates", "always")
	n.must(n.top, "config", "reftable.blockSize", strconv.Itoa([]int{0, 256, 4096, 65536}[rng.IntN(4)]))
	n.must(n.top, "config", "reftable.restartInterval", strconv.Itoa(1+rng.IntN(30)))
	n.must(n.top, "config", "reftable.geometricFactor", strconv.Itoa(rng.IntN(4)))
	var commits, names []string
	tree := n.must(n.top, "mktree") // of nothing
	for i := range 6 {
		commits = append(commits, n.must(n.top, "commit-tree", "-m", fmt.Sprint(i), tree))
		n.clock++
	}
	n.must(n.top, "reset", "-q", "--soft", commits[0])
	for step := range 12 {
		n.clock += 60
		switch op := rng.IntN(8); {
		case op < 4: // a transaction
			var b strings.Builder
			b.WriteString("start\n")
			for i := range 1 + rng.IntN(40) {
				name := fmt.Sprintf("refs/%s/%d/%d-%d", []string{"heads/topic", "remotes/origin", "custom/long/" + strings.Repeat("x", 1+rng.IntN(90))}[rng.IntN(3)], rng.IntN(3), step, i)
				fmt.Fprintf(&b, "create %s %s\n", name, commits[rng.IntN(len(commits))])
				names = append(names, name)
			}
			b.WriteString("commit\n")
			if _, err := n.run(n.top, b.String(), "update-ref", "-m", fmt.Sprintf("step %d\tof many", step), "--stdin"); err != nil {
				n.t.Fatal(err)
			}
		case op == 4 && len(names) > 0:
			var b strings.Builder
			for range 1 + rng.IntN(10) {
				if i := rng.IntN(len(names)); names[i] != "" {
					fmt.Fprintf(&b, "delete %s\n", names[i])
					names = slices.DeleteFunc(names, func(s string) bool { return s == names[i] })
				}
				if len(names) == 0 {
					break
				}
			}
			if _, err := n.run(n.top, b.String(), "update-ref", "--stdin"); err != nil {
				n.t.Fatal(err)
			}
		case op == 5:
			n.must(n.top, "tag", "-a", "-m", "x", fmt.Sprintf("v%d", step), commits[rng.IntN(len(commits))])
			n.must(n.top, "symbolic-ref", fmt.Sprintf("refs/heads/s%d", step), []string{"refs/heads/main", "refs/heads/nothing"}[rng.IntN(2)])
		case op == 6:
			n.must(n.top, "worktree", "add", "-q", "--no-checkout", fmt.Sprintf("../w%d", step))
			n.must(filepath.Join(n.dir, fmt.Sprintf("w%d", step)), "update-ref", "refs/worktree/own", commits[rng.IntN(len(commits))])
		case rng.IntN(2) == 0:
			n.must(n.top, "pack-refs", "--all")
		default:
			// It fails where a record does not fit into a block of 256 bytes.
			_, _ = n.run(n.top, "", "reflog", "expire", "--expire="+strconv.Itoa(n.clock-200), "--all")
		}
	}
}

// compare compares what a working tree has with what git says of it.
func (n *newer) compare(top string) (refs, logs, differences int) {
	differ := func(format string, args ...any) {
		differences++
		n.t.Errorf(format, args...)
	}
	repo, err := gitdb.Open(top, file.Reach{AsGit: true})
	if err != nil {
		n.t.Fatal(err)
	}
	if len(repo.Skipped) > 0 {
		differ("skipped %v", repo.Skipped)
	}
	want := make(map[string]string)
	for line := range strings.Lines(n.must(top, "for-each-ref", "--include-root-refs", "--format=%(refname) %(objectname) %(symref)")) {
		part := strings.Split(strings.TrimRight(line, "\n"), " ")
		refs++
		want[part[0]] = part[1]
		id, ok := repo.Ref(part[0])
		if !ok || id.String() != part[1] || repo.Symbolic(part[0]) != part[2] {
			differ("%s is %s %v %q, git says %s", part[0], id, ok, repo.Symbolic(part[0]), line)
		}
	}
	for _, ref := range repo.Refs {
		_, known := want[ref.Name]
		if !known && !ref.ID.IsZero() && !strings.HasSuffix(ref.Name, "/HEAD") && !strings.HasPrefix(ref.Name, "main-worktree/") {
			differ("git does not know %s", ref.Name)
		}
		if target := repo.Symbolic(ref.Name); target != "" && strings.HasPrefix(ref.Name, "refs/") {
			if got := n.must(top, "symbolic-ref", "--no-recurse", ref.Name); got != target {
				differ("%s leads to %s, git says %s", ref.Name, target, got)
			}
		}
	}
	for name := range strings.Lines(n.must(top, "reflog", "list")) {
		name = strings.TrimRight(name, "\n")
		var got []string
		list, err := repo.Reflog(name)
		if target := repo.Symbolic(name); len(list) == 0 && err == nil && target != "" {
			list, err = repo.Reflog(target) // where git goes on if all records have expired
		}
		if err != nil {
			differ("%s: %v", name, err)
		}
		for _, l := range list {
			_, message, _ := strings.Cut(l.Line(), "\t")
			got = append(got, fmt.Sprintf("%s|%s|%s|%s", l.New, l.Name, l.Email, strings.TrimRight(message, "\n")))
		}
		if strings.HasPrefix(name, "refs/tags/") {
			continue // git shows no record of a tag's object
		}
		logs += len(got)
		var said []string
		out := n.must(top, "reflog", "show", "--no-abbrev", "--format=%H|%gn|%ge|%gs", name)
		for line := range strings.Lines(out) {
			said = append(said, strings.TrimRight(line, "\n"))
		}
		if !slices.Equal(got, said) {
			differ("reflog of %s: %q, git says %q", name, got, said)
		}
	}
	return refs, logs, differences
}

// asJGit gives the tables of a stack the names that JGit gives them, without 0x.
func asJGit(t *testing.T, gitDir string) {
	dir := filepath.Join(gitDir, "reftable")
	b, err := os.ReadFile(filepath.Join(dir, "tables.list"))
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.FieldsSeq(string(b)) {
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(dir, strings.ReplaceAll(name, "0x", ""))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "tables.list"), bytes.ReplaceAll(b, []byte("0x"), nil), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestReftablesAreReadAsNewerGitReadsThem(t *testing.T) {
	git, repositories := os.Getenv("KEYSWEEP_NEWER_GIT"), 60
	if n, err := strconv.Atoi(os.Getenv("KEYSWEEP_NEWER_GIT_REPOSITORIES")); err == nil {
		repositories = n
	}
	var trees, refs, logs, differences, compactions int
	for seed := range repositories {
		dir := t.TempDir()
		n := &newer{t: t, dir: dir, top: filepath.Join(dir, "r"), git: git, clock: 1_700_000_000, compacts: seed%2 == 0}
		n.make(rand.New(rand.NewPCG(uint64(seed), 1)))
		tops, _ := filepath.Glob(filepath.Join(dir, "*"))
		for _, top := range tops {
			r, l, d := n.compare(top)
			trees, refs, logs, differences = trees+1, refs+r, logs+l, differences+d
		}
		if seed%10 == 0 {
			compactions += n.compactedMeanwhile()
		}
		before, _ := gitdb.Open(n.top, file.Reach{})
		asJGit(t, filepath.Join(n.top, ".git"))
		after, err := gitdb.Open(n.top, file.Reach{})
		if err != nil || !slices.Equal(before.Refs, after.Refs) || len(after.Skipped) > 0 {
			differences++
			t.Errorf("with JGit's names: %v, %v", err, after.Skipped)
		}
	}
	t.Logf("%d repositories, %d working trees, %d refs, %d records of reflogs compared; %d differences; opened %d times during compactions",
		repositories, trees, refs, logs, differences, compactions)
}

// compactedMeanwhile opens the repository again and again while git changes and
// compacts its tables, and returns how often. The refs that it does not change are
// always all there.
func (n *newer) compactedMeanwhile() (times int) {
	first, err := gitdb.Open(n.top, file.Reach{})
	if err != nil {
		n.t.Fatal(err)
	}
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				_, _ = n.run(n.top, "", "update-ref", "refs/heads/changing", "main")
				_, _ = n.run(n.top, "", "update-ref", "-d", "refs/heads/changing")
				if i%3 == 0 {
					_, _ = n.run(n.top, "", "pack-refs", "--all")
				}
			}
		}
	})
	for times = range 60 {
		now, err := gitdb.Open(n.top, file.Reach{})
		if err != nil || len(now.Skipped) > 0 {
			n.t.Errorf("while git compacts: %v, %v", err, now.Skipped)
			break
		}
		for _, ref := range first.Refs {
			if id, _ := now.Ref(ref.Name); id != ref.ID {
				n.t.Errorf("while git compacts: %s is %s, was %s", ref.Name, id, ref.ID)
			}
		}
	}
	close(stop)
	writer.Wait()
	return times
}
