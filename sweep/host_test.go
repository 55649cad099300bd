package main

import (
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"keysweep/command"
)

// organisation is a host with the API of GitHub and git's own server behind it. All that
// it is asked needs a token.
type organisation struct {
	*httptest.Server
	git http.Handler

	mu    sync.Mutex
	repos []string
	asked []string // guarded by mu
}

const hostToken = "token-of-the-host"

func (o *organisation) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	o.asked = append(o.asked, r.Method+" "+r.URL.Path)
	o.mu.Unlock()
	_, password, _ := r.BasicAuth()
	if password != hostToken && r.Header.Get("Authorization") != "Bearer "+hostToken {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/api/v3/users/octo":
		fmt.Fprint(w, `{"login":"octo","type":"Organization"}`)
	case "/api/v3/orgs/octo/repos":
		var list []string
		for i, name := range o.repos {
			list = append(list, fmt.Sprintf(`{"full_name":"octo/%s","clone_url":"%s/octo/%s.git","size":%d}`, name, o.URL, name, i))
		}
		fmt.Fprintf(w, "[%s]", strings.Join(list, ","))
	default:
		w.Header().Del("Content-Type")
		o.git.ServeHTTP(w, r)
	}
}

// took returns what was asked since it was called last, sorted.
func (o *organisation) took() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := o.asked
	o.asked = nil
	slices.Sort(list)
	return strings.Join(list, "\n")
}

// What a sweep stores and sends holds no key, as the name of a repository may.
func TestARepositoryWithAKeyInItsNameIsNotStored(t *testing.T) {
	dir := t.TempDir()
	secret := martisKey("in a name")
	host := &organisation{repos: []string{secret}, git: http.NotFoundHandler()}
	host.Server = httptest.NewServer(host)
	defer host.Close()
	t.Setenv("GH_ENTERPRISE_TOKEN", hostToken)
	state := filepath.Join(dir, "state")
	status, stdout, stderr := run(t, "--github", "octo", "--api", host.URL, "--state", state, "-f", "json")
	if status != command.StatusUse || !strings.Contains(stdout, "its address holds a key, which a sweep would store") || strings.Contains(stdout+stderr, secret[8:]) {
		t.Errorf("status %d, %s\n%s", status, stdout, stderr)
	}
	err := filepath.WalkDir(state, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), secret[8:]) {
			t.Errorf("%s holds the key", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestASweepOfAnOrganisationAsksForWhatChanged(t *testing.T) {
	dir := t.TempDir()
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	host := &organisation{repos: []string{"a", "b"}, git: &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"),
		Env: []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
			"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
	}}
	host.Server = httptest.NewUnstartedServer(host)
	host.Config.ErrorLog = log.New(io.Discard, "", 0)
	host.StartTLS()
	defer host.Close()
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: host.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NETRC", os.DevNull)
	t.Setenv("GH_ENTERPRISE_TOKEN", hostToken)
	works := map[string]*folder{}
	for _, name := range host.repos {
		f := newFolder(t, filepath.Join(dir, "work", name))
		f.commit("pay.env", setting("martis", "shared"))
		f.git("clone", "-q", "--bare", f.path, filepath.Join(dir, "octo", name+".git"))
		f.git("remote", "add", "origin", filepath.Join(dir, "octo", name+".git"))
		works[name] = f
	}

	state := filepath.Join(dir, "state")
	sweep := func(state string, more ...string) string {
		t.Helper()
		status, stdout, stderr := run(t, append([]string{"--github", "octo", "--api", host.URL, "--ca-file", ca, "--state", state, "-f", "json"}, more...)...)
		if status != 1 || strings.Contains(stdout+stderr, hostToken) {
			t.Fatalf("status %d\n%s\n%s", status, stdout, stderr)
		}
		return stdout
	}
	cache := "--cache=" + filepath.Join(dir, "cache")
	const listing = "GET /api/v3/orgs/octo/repos\nGET /api/v3/users/octo\n"
	refs := func(name string) string { return "GET /octo/" + name + ".git/info/refs\n" }
	pack := func(name string) string { return "POST /octo/" + name + ".git/git-upload-pack\n" }
	first := sweep(state, cache)
	if strings.Count(first, `"rule_id"`) != 1 || strings.Count(first, `"keys": 1`) != 2 {
		t.Errorf("two repositories with one key:\n%s", first)
	}
	if got, want := host.took()+"\n", listing+strings.Repeat(refs("a"), 2)+strings.Repeat(refs("b"), 2)+pack("a")+pack("b"); got != want {
		t.Errorf("the first sweep asked for\n%swant\n%s", got, want)
	}
	if sweep(state, cache) != first {
		t.Error("the second report is another one")
	}
	if got, want := host.took()+"\n", listing+refs("a")+refs("b"); got != want {
		t.Errorf("the second sweep asked for\n%swant\n%s", got, want)
	}
	works["b"].commit("pay.env", setting("martis", "new"))
	works["b"].git("push", "-q", "origin", "main")
	third := sweep(state, cache)
	if got, want := host.took()+"\n", listing+refs("a")+strings.Repeat(refs("b"), 2)+pack("b"); got != want {
		t.Errorf("the third sweep asked for\n%swant\n%s", got, want)
	}
	if fresh := sweep(filepath.Join(dir, "fresh")); third != fresh {
		t.Errorf("the third report is\n%s\nand that of a first sweep\n%s", third, fresh)
	}
	onlyOwn(t, state)
	kept := os.DirFS(state)
	err = fs.WalkDir(kept, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(kept, path)
		if strings.Contains(string(text), hostToken) {
			t.Errorf("%s holds the token", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
