package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keysweep/command"
)

// asProgram is the environment variable that has the test binary be the program.
const asProgram = "KEYSWEEP_SWEEP_TEST_PROGRAM"

// silence is how long a worker of a test may be silent: a killed one's work is given to another
// after that.
const silence = 2 * time.Second

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		private()
		os.Exit((&program{stdout: os.Stdout, stderr: os.Stderr, now: clock, wait: silence}).run(os.Args))
	}
	os.Exit(m.Run())
}

// clock stands: reports do not depend on how long a sweep took. It is ahead, so that no file
// changed just now.
func clock() time.Time { return time.Date(2126, 6, 1, 12, 0, 0, 0, time.UTC) }

// key returns a key, made from a seed.
func key(seed string) string {
	sum := sha256.Sum256([]byte(seed))
	return "sk_" + "live_" + hex.EncodeToString(sum[:])[:40]
}

// folder is a repository that git makes for a test.
type folder struct {
	t    *testing.T
	path string
	day  int
}

func (f *folder) git(args ...string) {
	f.t.Helper()
	date := fmt.Sprintf("2026-01-%02dT00:00:00Z", f.day)
	cmd := exec.Command("git", args...)
	cmd.Dir = f.path
	cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com",
		"GIT_AUTHOR_DATE="+date, "GIT_COMMITTER_DATE="+date, "GIT_CONFIG_NOSYSTEM=1", "HOME="+f.t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		f.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

// commit writes a file and commits it, a day after the last commit.
func (f *folder) commit(name, text string) {
	f.t.Helper()
	f.day++
	if err := os.WriteFile(filepath.Join(f.path, name), []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	f.git("add", ".")
	f.git("commit", "-q", "-m", "commit "+name)
}

// newFolder returns a repository with a working tree at path.
func newFolder(t *testing.T, path string) *folder {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	f := &folder{t: t, path: path}
	f.git("init", "-q", "-b", "main")
	return f
}

// setting returns a line with a key of an issuer.
func setting(issuer, seed string) string {
	return strings.ToUpper(issuer) + "_KEY=" + key(seed) + "\n"
}

// several makes n bare repositories and one with a working tree, and a file that lists them.
// Keys are shared among some.
func several(t *testing.T, dir string, n int) (paths []string, repos string) {
	t.Helper()
	for i := range n {
		path := filepath.Join(dir, fmt.Sprintf("r%02d.git", i))
		f := newFolder(t, filepath.Join(dir, "work", fmt.Sprint(i)))
		f.day = i % 20
		f.commit("pay.env", setting("martis", fmt.Sprint("shared", i%3)))
		if i%4 == 0 {
			f.commit("own.env", setting("martis", fmt.Sprint("own", i)))
		}
		f.commit("pay.env", "nothing\n")
		f.git("clone", "-q", "--bare", f.path, path)
		paths = append(paths, path)
	}
	w := newFolder(t, filepath.Join(dir, "tree"))
	w.commit("a.txt", setting("martis", "shared1"))
	if err := os.WriteFile(filepath.Join(w.path, "b.txt"), []byte(setting("martis", "untracked")), 0o600); err != nil {
		t.Fatal(err)
	}
	paths = append(paths, w.path)
	return paths, listOf(t, dir, paths)
}

// listOf writes a file that lists paths.
func listOf(t *testing.T, dir string, paths []string) string {
	t.Helper()
	repos := filepath.Join(dir, "repos.txt")
	if err := os.WriteFile(repos, []byte(strings.Join(paths, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return repos
}

// run runs the program in this process.
func run(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	p := &program{stdout: &out, stderr: &errs, now: clock, wait: silence}
	status = p.run(append([]string{"keysweep-sweep"}, args...))
	return status, out.String(), errs.String()
}

// scanned returns what keysweep scan reports of paths.
func scanned(t *testing.T, paths ...string) (status int, stdout string) {
	t.Helper()
	slices.Sort(paths)
	var out, errs bytes.Buffer
	status = command.Run(context.Background(), append([]string{"scan", "-f", "json"}, paths...), command.Process{Stdout: &out, Stderr: &errs, Now: clock})
	return status, out.String()
}

func TestASweepReportsWhatAScanOfAllDoes(t *testing.T) {
	dir := t.TempDir()
	paths, repos := several(t, dir, 6)
	wantStatus, want := scanned(t, paths...)
	for _, workers := range []string{"1", "3"} {
		state := filepath.Join(dir, "state"+workers)
		status, got, stderr := run(t, "--repos", repos, "--state", state, "--at-once", workers, "-f", "json")
		if status != wantStatus || got != want {
			t.Errorf("%s workers: status %d, want %d\n%s\n%s\nwant\n%s", workers, status, wantStatus, stderr, got, want)
		}
		onlyOwn(t, state)
	}
	if strings.Contains(want, key("own0")) || strings.Count(want, `"rule_id"`) != 6 {
		t.Errorf("the report is not as it should be:\n%s", want)
	}
}

// onlyOwn checks that only the user can read what is kept, and that it holds no key.
func onlyOwn(t *testing.T, state string) {
	t.Helper()
	body := []byte(strings.TrimPrefix(key("shared0"), "sk_"+"live_"))
	files := 0
	err := filepath.WalkDir(state, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: mode %v", path, info.Mode())
		}
		if d.IsDir() {
			return nil
		}
		files++
		text, err := os.ReadFile(path)
		if bytes.Contains(text, body) {
			t.Errorf("%s holds a key", path)
		}
		return err
	})
	if err != nil || files < 5 {
		t.Errorf("%d files in the state, %v", files, err)
	}
}

func TestTheNextSweepScansWhatChanged(t *testing.T) {
	dir := t.TempDir()
	var works []*folder
	var paths []string
	for i := range 5 {
		f := newFolder(t, filepath.Join(dir, "work", fmt.Sprint(i)))
		for _, sub := range []string{"lib", "app"} {
			if err := os.Mkdir(filepath.Join(f.path, sub), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		f.commit("lib/kept.env", setting("martis", "kept"))
		f.commit("pay.env", setting("martis", fmt.Sprint("old", i)))
		f.commit("pay.env", "nothing\n")
		bare := filepath.Join(dir, fmt.Sprintf("r%d.git", i))
		f.git("clone", "-q", "--bare", f.path, bare)
		f.git("remote", "add", "origin", bare)
		works, paths = append(works, f), append(paths, bare)
	}
	repos, state := listOf(t, dir, paths), filepath.Join(dir, "state")
	sweepIs := func(name string, same int) {
		t.Helper()
		wantStatus, want := scanned(t, paths...)
		status, got, stderr := run(t, "--repos", repos, "--state", state, "-f", "json")
		if status != wantStatus || got != want {
			t.Errorf("%s: status %d, want %d\n%s\n%s\nwant\n%s", name, status, wantStatus, stderr, got, want)
		}
		if words := fmt.Sprintf("%d of 5 repositories did not change", same); strings.Contains(stderr, words) != (same > 0) {
			t.Errorf("%s: not %q: %s", name, words, stderr)
		}
	}
	sweepIs("the first", 0)
	sweepIs("nothing changed", 5)
	for i, change := range []struct {
		name string
		do   func(f *folder)
	}{
		{"a forced push", func(f *folder) {
			f.git("reset", "-q", "--hard", "HEAD~2")
			f.commit("pay.env", "another\n")
			f.git("push", "-q", "-f", "origin", "main")
		}},
		{"a new branch", func(f *folder) {
			f.git("checkout", "-q", "-b", "side")
			f.commit("app/side.env", setting("martis", "side"))
			f.git("push", "-q", "origin", "side")
		}},
		{"an old blob that comes back", func(f *folder) {
			f.commit("pay.env", setting("martis", "old2"))
			f.git("push", "-q", "origin", "main")
		}},
		{"an unchanged subtree", func(f *folder) {
			f.commit("app/new.txt", "nothing\n")
			f.git("push", "-q", "origin", "main")
		}},
	} {
		change.do(works[i])
		sweepIs(change.name, 4)
	}
	works[1].git("push", "-q", "origin", ":side")
	sweepIs("a deleted branch", 4)
	if status, _, stderr := run(t, "--repos", repos, "--state", state, "--min-confidence", "high"); status != command.StatusFound || strings.Contains(stderr, "did not change") {
		t.Errorf("with another option: %d, %s", status, stderr)
	}
}

func TestWhatStaysIncompleteIsNotReadAgain(t *testing.T) {
	dir := t.TempDir()
	f := newFolder(t, filepath.Join(dir, "work"))
	f.commit("pay.env", setting("martis", "old"))
	f.commit("pay.env", "nothing\n")
	bare := filepath.Join(dir, "shallow.git")
	f.git("clone", "-q", "--bare", "--depth", "1", "file://"+f.path, bare)
	args := []string{"--repos", listOf(t, dir, []string{bare}), "--state", filepath.Join(dir, "state"), "-f", "json"}
	status, want, _ := run(t, args...)
	again, got, stderr := run(t, args...)
	if status != command.StatusIncomplete || again != status || got != want || !strings.Contains(stderr, "1 of 1 repositories did not change") {
		t.Errorf("status %d, then %d\n%s\n%s\nwant\n%s", status, again, stderr, got, want)
	}
}

// Rules in a configuration that the user names are rules of the sweep, too.
func TestRulesOfAConfigurationAreOfTheReport(t *testing.T) {
	dir := t.TempDir()
	f := newFolder(t, filepath.Join(dir, "r"))
	f.commit("a.env", "TOKEN=acme_pat_"+strings.TrimPrefix(key("acme"), "sk_"+"live_")[:36]+"\n")
	config := filepath.Join(dir, "acme.toml")
	text := "[[rule]]\nid = \"acme-token\"\nliterals = [\"acme_pat_\"]\nenvironments = { acme_pat_ = \"production\" }\nbody = { alphabet = \"A-Za-z0-9\", min = 32, max = 40 }\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	wantStatus := command.Run(t.Context(), []string{"scan", "-f", "json", "--config", config, f.path}, command.Process{Stdout: &out, Stderr: &errs, Now: clock})
	status, got, stderr := run(t, "--repos", listOf(t, dir, []string{f.path}), "--state", filepath.Join(dir, "state"), "-f", "json", "--config", config)
	if status != wantStatus || !strings.Contains(got, `"rule_id": "acme-token"`) || ruleSet(got) != ruleSet(out.String()) {
		t.Errorf("status %d, want %d\n%s\n%s\nwant\n%s", status, wantStatus, stderr, got, out.String())
	}
}

// ruleSet returns the line of a report that says by which rules it is.
func ruleSet(report string) string {
	_, after, _ := strings.Cut(report, `"rules_sha256"`)
	line, _, _ := strings.Cut(after, "\n")
	return line
}
