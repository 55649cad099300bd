package unchanged

import (
	"io/fs"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"keysweep/remote"
	"keysweep/scanner/gitdb/gittest"
)

// bare makes a repository with two branches, a folder that stays as it is and a file
// whose first version is replaced, and returns it and a bare clone.
func bare(t *testing.T) (work *gittest.Repo, dir string) {
	t.Helper()
	work = gittest.New(t)
	work.Write("kept/file", "kept")
	work.Write("file", "old")
	work.Commit("one")
	work.Git("branch", "side")
	work.Write("file", "new")
	work.Commit("two")
	dir = filepath.Join(t.TempDir(), "bare.git")
	work.Git("clone", "-q", "--bare", work.Dir, dir)
	work.Git("remote", "add", "origin", dir)
	return work, dir
}

// later is a time by which nothing changed just now.
func later() time.Time { return time.Now().Add(time.Hour) }

func TestEachChangeOfFilesIsSeen(t *testing.T) {
	work, dir := bare(t)
	work.GitIn(dir, "repack", "-adq")
	packs, err := filepath.Glob(filepath.Join(dir, "objects/pack/*.pack"))
	if err != nil || len(packs) != 1 {
		t.Fatal(packs, err)
	}
	write := func(name string) func() error {
		return func() error {
			path := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				return err
			}
			return os.WriteFile(path, []byte("x"), 0o600)
		}
	}
	for _, c := range []struct {
		name   string
		change func() error
	}{
		{"a reflog", write("logs/HEAD")},
		{"an index", write("index")},
		{"a shallow clone", write("shallow")},
		{"a loose object", write("objects/aa/" + strings.Repeat("0", 38))},
		{"an alternate", write("objects/info/alternates")},
		{"a time of a pack", func() error { return os.Chtimes(packs[0], time.Time{}, time.Unix(1e9, 0)) }},
		{"a pack that is gone", func() error { return os.Remove(packs[0]) }},
	} {
		before := Path(dir, later(), Options{})
		if before == "" || Path(dir, later(), Options{}) != before {
			t.Fatalf("unchanged, before %s: %q, %q", c.name, before, Path(dir, later(), Options{}))
		}
		if err := c.change(); err != nil {
			t.Fatal(err)
		}
		if after := Path(dir, later(), Options{}); after == "" || after == before {
			t.Errorf("%s: %q after %q", c.name, after, before)
		}
	}
}

// A forced push, a deleted branch, an old blob that comes back and the others are each
// seen at a path and, in one request, at an address.
func TestEachChangeOfAHistoryIsSeen(t *testing.T) {
	t.Setenv("NETRC", os.DevNull)
	work, dir := bare(t)
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"),
		Env: []string{"GIT_PROJECT_ROOT=" + filepath.Dir(dir), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
			"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
	}
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		backend.ServeHTTP(w, r)
	}))
	defer server.Close()
	client, err := remote.NewClient(remote.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a, err := remote.Parse(server.URL + "/bare.git")
	if err != nil {
		t.Fatal(err)
	}
	asked := int32(0)
	state := func() (path, address string) {
		t.Helper()
		address, err := Address(t.Context(), client, a, Options{})
		if asked++; err != nil || requests.Load() != asked {
			t.Fatalf("%v, %d requests", err, requests.Load())
		}
		return Path(dir, later(), Options{}), address
	}
	push := func(args ...string) { work.Git(append([]string{"push", "-qf", "origin"}, args...)...) }
	head := func(args ...string) { work.GitIn(dir, args...) }
	path, address := state()
	for _, c := range []struct {
		name   string
		change func()
	}{
		{"a commit that leaves a subtree as it is", func() { work.Write("file", "newer"); work.Commit("three"); push("main") }},
		{"an old blob that comes back", func() { work.Write("file", "old"); work.Commit("four"); push("main") }},
		{"a forced push", func() { push("HEAD~2:main") }},
		{"a tag", func() { push("main:refs/tags/v1") }},
		{"another default branch", func() { head("symbolic-ref", "HEAD", "refs/heads/side") }},
		{"a branch of another name", func() { push("side:edge", "side:same", ":v1") }},
		{"a default branch of the same commit", func() { head("symbolic-ref", "HEAD", "refs/heads/same") }},
		{"a HEAD on no branch", func() { head("update-ref", "--no-deref", "HEAD", "main") }},
		{"a HEAD on no branch that moves", func() { head("update-ref", "--no-deref", "HEAD", "same~0") }},
		{"a deleted branch", func() { push(":edge") }},
	} {
		c.change()
		nowPath, nowAddress := state()
		if nowPath == "" || nowPath == path {
			t.Errorf("%s is not seen at a path", c.name)
		}
		if nowAddress == "" || nowAddress == address {
			t.Errorf("%s is not seen at an address", c.name)
		}
		path, address = nowPath, nowAddress
	}
	work.GitIn(dir, "repack", "-adq") // changes files, and nothing that a fetch brings
	if nowPath, nowAddress := state(); nowPath == path || nowAddress != address {
		t.Errorf("a repack: %q after %q, %q after %q", nowPath, path, nowAddress, address)
	}
	server.Close()
	if key, err := Address(t.Context(), client, a, Options{}); err == nil || key != "" {
		t.Errorf("no server: %q, %v", key, err)
	}
}

func TestWhatHasToBeScannedAgain(t *testing.T) {
	work, dir := bare(t)
	if got := Path(work.Dir, later(), Options{}); got != "" {
		t.Errorf("a working tree: %q", got)
	}
	if got := Path(t.TempDir(), later(), Options{}); got != "" {
		t.Errorf("a folder: %q", got)
	}
	if got := Path(filepath.Join(dir, "absent"), later(), Options{}); got != "" {
		t.Errorf("nothing: %q", got)
	}
	var newest time.Time
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if err := os.Chtimes(path, time.Time{}, time.Unix(1e9, 0)); err != nil { // as a restored copy
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		changed, _ := status(info)
		newest = slices.MaxFunc([]time.Time{newest, changed, info.ModTime()}, time.Time.Compare)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	at := func(now time.Time) string { return Path(dir, now, Options{}) }
	if got := at(newest.Add(tick - 1)); got != "" {
		t.Errorf("a change just now: %q", got)
	}
	if at(newest.Add(tick)) == "" {
		t.Error("a change a while ago is not old")
	}
}

func TestBorrowedObjectsAndLinks(t *testing.T) {
	work, lender := bare(t)
	root := filepath.Dir(lender)
	borrower := filepath.Join(root, "borrower.git")
	work.Git("clone", "-q", "--bare", "--shared", lender, borrower)
	moved := t.TempDir()
	if err := os.Symlink(moved, filepath.Join(borrower, "logs")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(borrower, filepath.Join(borrower, "circle")); err != nil {
		t.Fatal(err)
	}
	o := Options{FollowAlternates: true}
	for _, folder := range []string{filepath.Join(lender, "objects"), moved} {
		before := Path(borrower, later(), o)
		if before == "" {
			t.Fatal("not known")
		}
		path := filepath.Join(folder, "bb", strings.Repeat("0", 38))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if after := Path(borrower, later(), o); after == "" || after == before {
			t.Errorf("a file in %s: %q after %q", folder, after, before)
		}
	}
}

func TestSettingsAreAPartOfIt(t *testing.T) {
	_, dir := bare(t)
	seen := map[string]bool{}
	for _, settings := range [][]string{nil, {"v1"}, {"v1", "rules"}, {"v1 rules"}, {"v2", "rules"}} {
		seen[Path(dir, later(), Options{Settings: settings})] = true
	}
	if len(seen) != 5 || seen[""] {
		t.Error(seen)
	}
}
