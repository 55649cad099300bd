//go:build unix

package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keysweep/config"
	"keysweep/report"
	"keysweep/scanner"
	"keysweep/scanner/gitdb/gittest"
)

// meter counts what a server sends.
type meter struct {
	http.ResponseWriter
	sent *atomic.Int64
}

func (m meter) Write(b []byte) (int, error) {
	m.sent.Add(int64(len(b)))
	return m.ResponseWriter.Write(b)
}

// seededKey returns a key, made from a seed.
func seededKey(seed string) string {
	sum := sha256.Sum256([]byte(seed))
	return "MARTIS_KEY=sk_" + "live_" + hex.EncodeToString(sum[:])[:40] + "\n"
}

// Whatever people do to a repository between two scans, the report with a cache is byte
// for byte that of fetching everything.
func TestTheReportFromACacheIsThatOfFetchingEverything(t *testing.T) {
	t.Setenv("NETRC", os.DevNull)
	work := gittest.New(t)
	bare := filepath.Join(t.TempDir(), "bare.git")
	var large strings.Builder // which does not compress
	for sum := sha256.Sum256(nil); large.Len() < 200_000; sum = sha256.Sum256(sum[:]) {
		large.Write(sum[:])
	}
	work.Write("kept/large", large.String())
	work.Write("medium", large.String()[:20_000])
	work.Write("kept/file", seededKey("kept"))
	work.Write("file", seededKey("old"))
	work.Commit("one")
	work.Git("branch", "side")
	work.Write("file", "new")
	work.Commit("two")
	work.Git("clone", "-q", "--bare", work.Dir, bare)
	work.Git("remote", "add", "origin", bare)
	git := func(args ...string) { work.GitIn(bare, args...) }
	git("config", "receive.denyDeleteCurrent", "ignore")
	push := func(args ...string) { work.Git(append([]string{"push", "-qf", "origin"}, args...)...) }
	commit := func(name, text string) {
		work.Clock += 86400
		work.Write(name, text)
		work.Commit("change of " + name)
		push("main")
	}

	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"),
		Env: []string{"GIT_PROJECT_ROOT=" + filepath.Dir(bare), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
			"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
	}
	var sent atomic.Int64
	var refuses atomic.Bool // the next pack
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && refuses.CompareAndSwap(true, false) {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		backend.ServeHTTP(meter{w, &sent}, r)
	}))
	defer server.Close()
	cache := t.TempDir()
	scan := func(cache string) (text string, bytesSent int64) {
		t.Helper()
		opts := Options{Scan: scanner.Options{Paths: []string{server.URL + "/bare.git"}, Cache: cache, Now: func() time.Time { return time.Unix(1_800_000_000, 0) }},
			Sources: config.Sources{None: true}}
		if err := Addresses(&opts.Scan, Remote{}); err != nil {
			t.Fatal(err)
		}
		before := sent.Load()
		a, err := Open(t.Context(), opts)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		if err := a.Scan(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.Mark(false)
		var buf bytes.Buffer
		if err := report.Write(&buf, report.JSON, a.Result, a.ReportOptions(report.Options{})); err != nil {
			t.Fatal(err)
		}
		return buf.String(), sent.Load() - before
	}
	entry := func() string {
		t.Helper()
		list, err := filepath.Glob(filepath.Join(cache, "*.git"))
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		return list[0]
	}
	index := func() string {
		t.Helper()
		list, err := filepath.Glob(filepath.Join(entry(), "objects/pack/*.idx"))
		if err != nil || len(list) == 0 {
			t.Fatal(list, err)
		}
		return list[0]
	}
	for _, c := range []struct {
		name   string
		change func()
		all    bool // is fetched again
	}{
		{"the first time", func() {}, true},
		{"nothing", func() {}, false},
		{"an unchanged subtree", func() { commit("file", seededKey("newer")) }, false},
		{"a small change of a file that does not compress", func() { commit("medium", large.String()[:20_000]+"x") }, false},
		{"an old blob that comes back", func() { commit("file", seededKey("old")) }, false},
		{"a key in a new branch", func() { work.Git("checkout", "-qb", "topic"); commit("topic", seededKey("topic")); push("topic") }, false},
		{"a branch of what is there", func() { push("main:copy") }, false},
		{"a default branch", func() { git("symbolic-ref", "HEAD", "refs/heads/side") }, false},
		{"a repack", func() { git("repack", "-adq") }, false},
		{"a deleted branch that others hold", func() { push(":copy") }, false},
		{"a deleted branch", func() { push(":topic") }, true},
		{"a forced push", func() { push("main~1:main") }, true},
		{"a forced push forward", func() { push("main") }, false},
		{"a tag", func() { work.Git("tag", "-am", seededKey("tag"), "v1", "main"); push("v1") }, false},
		{"a tag that moves", func() { work.Git("tag", "-fam", "other", "v1", "main"); push("v1") }, true},
		{"a process that was killed", func() {
			if err := os.WriteFile(filepath.Join(entry(), "keysweep-changing"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"an index that is gone", func() {
			if err := os.Remove(index()); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"after a scan with a damaged index", func() {
			if err := os.WriteFile(index(), []byte("no index"), 0o600); err != nil {
				t.Fatal(err)
			}
			if text, _ := scan(cache); !strings.Contains(text, `"complete": false`) {
				t.Error("the damage is not said")
			}
		}, true},
		{"a server that refuses to send a part", func() { commit("file", "y"); push("HEAD:newer") }, true},
		{"all branches deleted", func() { push(":main", ":side", ":newer", ":v1") }, true},
	} {
		c.change()
		want, _ := scan("")
		if strings.HasPrefix(c.name, "a server that refuses") {
			refuses.Store(true)
		}
		got, n := scan(cache)
		if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
			t.Errorf("%s: with a cache, and without: %s", c.name, diff)
		}
		if all := n > 200_000; all != c.all && c.name != "all branches deleted" {
			t.Errorf("%s: %d bytes were sent", c.name, n)
		}
		info, err := os.Stat(entry())
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Error(info.Mode(), err)
		}
	}
}
