package list

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// answer is what a server says to one request.
type answer struct {
	status int // 0: 200
	header map[string]string
	body   string
}

// server plays an API. Its answers are by method-less request URIs, the parameters
// sorted; each of a list is given once, and the last for ever.
type server struct {
	*httptest.Server
	t       *testing.T
	mu      sync.Mutex
	answers map[string][]answer
	asked   []string // and the token, behind a space
}

func newServer(t *testing.T, answers map[string][]answer) *server {
	s := &server{t: t, answers: answers}
	s.Server = httptest.NewTLSServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := r.URL.EscapedPath()
	if q := r.URL.Query().Encode(); q != "" {
		at += "?" + q
	}
	token := r.Header.Get("Authorization") + r.Header.Get("Private-Token")
	s.asked = append(s.asked, strings.TrimSpace(at+" "+token))
	list := s.answers[at]
	if list == nil {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"message":"Not Found"}`)
		return
	}
	if len(list) > 1 {
		s.answers[at] = list[1:]
	}
	a := list[0]
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	for name, value := range a.header {
		w.Header().Set(name, strings.ReplaceAll(value, "{host}", s.URL))
	}
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	fmt.Fprint(w, strings.ReplaceAll(a.body, "{host}", s.URL))
}

// clock is a clock that sleeping moves.
type clock struct {
	now    time.Time
	slept  []time.Duration
	said   []string
	expire bool // sleeping ends with an error
}

func (c *clock) options(t *testing.T, s *server, env map[string]string) Options {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return Options{
		API: s.URL, CAFile: ca, Getenv: func(name string) string { return env[name] },
		Say: func(sentence string) { c.said = append(c.said, sentence) },
		Now: func() time.Time { return c.now },
		Sleep: func(_ context.Context, d time.Duration) error {
			c.slept = append(c.slept, d)
			c.now = c.now.Add(d)
			if c.expire {
				return context.Canceled
			}
			return nil
		},
	}
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

// gitHubRepository is a repository as in GitHub's documents ("List organization
// repositories"), with what differs.
func gitHubRepository(name string, differs map[string]any) string {
	r := map[string]any{
		"id": 1296269, "node_id": "MDEwOlJlcG9zaXRvcnkxMjk2MjY5", "name": name, "full_name": "octocat/" + name,
		"owner":   map[string]any{"login": "octocat", "id": 1, "type": "User", "site_admin": false},
		"private": false, "html_url": "https://github.com/octocat/" + name, "fork": false,
		"git_url": "git:github.com/octocat/" + name + ".git", "ssh_url": "git@github.com:octocat/" + name + ".git",
		"clone_url": "{host}/octocat/" + name + ".git", "mirror_url": "git:git.example.com/octocat/" + name,
		"language": nil, "size": 108, "default_branch": "master", "archived": false, "disabled": false, "visibility": "public",
		"pushed_at": "2011-01-26T19:06:43Z", "created_at": "2011-01-26T19:01:12Z", "updated_at": "2011-01-26T19:14:43Z",
	}
	return overlay(r, differs)
}

// gitLabProject is one as in GitLab's documents ("List projects" of groups).
func gitLabProject(name string, differs map[string]any) string {
	p := map[string]any{
		"id": 9, "description": "foo", "default_branch": "main", "tag_list": []string{}, "topics": []string{}, "archived": false,
		"visibility": "internal", "ssh_url_to_repo": "git@gitlab.example.com/" + name + ".git",
		"http_url_to_repo": "{host}/" + name + ".git", "web_url": "https://gitlab.example.com/" + name,
		"name": name, "path_with_namespace": name, "created_at": "2016-04-05T21:40:50.169Z", "last_activity_at": "2016-04-06T16:52:08.432Z",
		"namespace": map[string]any{"id": 5, "name": "h5bp", "path": "h5bp", "kind": "group"}, "star_count": 1, "forks_count": 0,
	}
	return overlay(p, differs)
}

// giteaRepository is one as in Gitea's API ("Repository" of swagger.v1.json).
func giteaRepository(name string, differs map[string]any) string {
	r := map[string]any{
		"id": 7, "owner": map[string]any{"id": 2, "login": "tools"}, "name": name, "full_name": "tools/" + name, "empty": false,
		"private": false, "fork": false, "mirror": false, "size": 24, "internal": false, "archived": false,
		"clone_url": "{host}/tools/" + name + ".git", "ssh_url": "git@localhost:tools/" + name + ".git",
		"updated_at": "2024-05-06T07:08:09Z", "created_at": "2024-05-06T07:08:09Z", "archived_at": "1970-01-01T00:00:00Z",
	}
	return overlay(r, differs)
}

func overlay(object, differs map[string]any) string {
	maps.Copy(object, differs)
	text, _ := json.Marshal(object)
	return string(text)
}

func array(objects ...string) []answer {
	return []answer{{body: "[" + strings.Join(objects, ",") + "]"}}
}

// names returns the last parts of the names.
func names(list []Repository) (names []string) {
	for _, r := range list {
		names = append(names, r.Name[strings.LastIndexByte(r.Name, '/')+1:])
	}
	return names
}

const (
	gitHubOrg  = "/api/v3/orgs/octo/repos?direction=asc&per_page=100&sort=created&type=all"
	gitHubUser = "/api/v3/users/octo/repos?direction=asc&per_page=100&sort=created&type=owner"
	gitHubMine = "/api/v3/user/repos?affiliation=owner&direction=asc&per_page=100&sort=created"
	gitLabURL  = "/api/v4/groups/h5bp%2Fweb/projects?include_subgroups=true&order_by=id&per_page=100&sort=asc&with_shared=false"
	gitLabUser = "/api/v4/users/h5bp/projects?order_by=id&per_page=100&sort=asc&statistics=true"
	giteaOrg   = "/api/v1/orgs/tools/repos?limit=50&page="
	giteaUser  = "/api/v1/users/tools/repos?limit=50&page="
)

func organisation(kind string) []answer {
	return []answer{{body: `{"login":"octo","type":"` + kind + `"}`}}
}

func TestRepositoriesOfHosts(t *testing.T) {
	env := map[string]string{"GH_ENTERPRISE_TOKEN": "secret1", "GITLAB_TOKEN": "secret2", "GITEA_TOKEN": "secret3", "GITHUB_TOKEN": "of github.com"}
	next := func(page string) map[string]string {
		return map[string]string{"Link": `<{host}` + page + `>; rel="next", <{host}/last>; rel="last"`}
	}
	for _, c := range []struct {
		name    string
		options func(o *Options)
		answers map[string][]answer
		want    []string // names
		asked   []string
	}{
		{"an organisation of GitHub, in two pages, the largest first",
			func(o *Options) { o.GitHub = []string{"octo"} },
			map[string][]answer{
				"/api/v3/users/octo": organisation("Organization"),
				gitHubOrg:            {{header: next(gitHubOrg + "&page=2"), body: "[" + gitHubRepository("a", nil) + "," + gitHubRepository("b", map[string]any{"size": 200}) + "]"}},
				"/api/v3/orgs/octo/repos?direction=asc&page=2&per_page=100&sort=created&type=all": array(gitHubRepository("c", map[string]any{"size": 150}), gitHubRepository("b", nil)),
			},
			[]string{"b.git", "c.git", "a.git"},
			[]string{"/api/v3/users/octo Bearer secret1", gitHubOrg + " Bearer secret1", "/api/v3/orgs/octo/repos?direction=asc&page=2&per_page=100&sort=created&type=all Bearer secret1"},
		},
		{"the account of GitHub whose token it is",
			func(o *Options) { o.GitHub = []string{"octo"} },
			map[string][]answer{"/api/v3/users/octo": organisation("User"), "/api/v3/user": {{body: `{"login":"Octo"}`}}, gitHubMine: array(gitHubRepository("a", map[string]any{"private": true}))},
			[]string{"a.git"},
			[]string{"/api/v3/users/octo Bearer secret1", "/api/v3/user Bearer secret1", gitHubMine + " Bearer secret1"},
		},
		{"the account of another, by the token of an app",
			func(o *Options) { o.GitHub = []string{"octo"} },
			map[string][]answer{"/api/v3/users/octo": organisation("User"), "/api/v3/user": {{status: 403, body: `{"message":"Resource not accessible by integration"}`}}, gitHubUser: array(gitHubRepository("a", nil))},
			[]string{"a.git"},
			[]string{"/api/v3/users/octo Bearer secret1", "/api/v3/user Bearer secret1", gitHubUser + " Bearer secret1"},
		},
		{"a subgroup of GitLab, in two pages",
			func(o *Options) { o.GitLab = []string{"/h5bp/web/"} },
			map[string][]answer{
				gitLabURL: {{header: map[string]string{"X-Next-Page": "2"}, body: "[" + gitLabProject("a", nil) + ",null]"}},
				strings.Replace(gitLabURL, "order_by=id", "order_by=id&page=2", 1): array(gitLabProject("b", nil)),
			},
			[]string{"a.git", "b.git"},
			[]string{gitLabURL + " Bearer secret2", strings.Replace(gitLabURL, "order_by=id", "order_by=id&page=2", 1) + " Bearer secret2"},
		},
		{"an account of GitLab, which says sizes",
			func(o *Options) { o.GitLab = []string{"h5bp"} },
			map[string][]answer{gitLabUser: array(gitLabProject("a", nil), gitLabProject("b", map[string]any{"statistics": map[string]any{"repository_size": 1038090}}))},
			[]string{"b.git", "a.git"},
			[]string{strings.Replace(gitLabURL, "h5bp%2Fweb", "h5bp", 1) + " Bearer secret2", gitLabUser + " Bearer secret2"},
		},
		{"an organisation of Gitea, whose pages are shorter than was asked for",
			func(o *Options) {
				o.Gitea, o.Files = []string{"tools"}, []string{"-"}
				o.Stdin = strings.NewReader(o.API + "/tools/a\n" + o.API + "/tools/b\n")
				o.TokenEnv = []string{"127.0.0.1=GITEA_TOKEN"}
				o.API += "/api/v1/"
			},
			map[string][]answer{giteaOrg + "1": array(giteaRepository("a", nil)), giteaOrg + "2": array(giteaRepository("b", nil), "null"), giteaOrg + "3": array(giteaRepository("c", nil)), giteaOrg + "4": array()},
			[]string{"c.git", "a", "b"},
			[]string{giteaOrg + "1 token secret3", giteaOrg + "2 token secret3", giteaOrg + "3 token secret3", giteaOrg + "4 token secret3"},
		},
		{"an account of Forgejo behind a server that knows no pages",
			func(o *Options) { o.Gitea = []string{"tools"}; o.TokenEnv = []string{"MINE"} },
			map[string][]answer{giteaUser + "1": array(giteaRepository("a", nil)), giteaUser + "2": array(giteaRepository("a", nil))},
			[]string{"a.git"},
			[]string{giteaOrg + "1 token secret4", giteaUser + "1 token secret4", giteaUser + "2 token secret4"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, clock := newServer(t, c.answers), newClock()
			env := maps.Clone(env)
			env["MINE"] = "secret4"
			o := clock.options(t, s, env)
			c.options(&o)
			list, err := List(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, names(list)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.asked, s.asked); diff != "" {
				t.Error(diff)
			}
			if len(clock.slept) > 0 {
				t.Error("it slept", clock.slept)
			}
			stored, _ := json.Marshal(list)
			if strings.Contains(string(stored), "secret") || !strings.Contains(string(stored), `"Token":"127.0.0.1:`) {
				t.Errorf("stored: %s", stored)
			}
		})
	}
}

func TestWhatIsLeftOutIsSaid(t *testing.T) {
	pages := array(gitHubRepository("plain", nil), gitHubRepository("archived", map[string]any{"archived": true}), gitHubRepository("archived", map[string]any{"archived": true}),
		gitHubRepository("fork", map[string]any{"fork": true}), gitHubRepository("private", map[string]any{"private": true}),
		gitHubRepository("new", map[string]any{"pushed_at": "2026-01-01T00:00:00Z"}), gitHubRepository("never", map[string]any{"pushed_at": nil}))
	for _, c := range []struct {
		name string
		set  func(o *Options)
		want string
		said string
	}{
		{"nothing", func(*Options) {}, "plain archived fork private new never", ""},
		{"archived", func(o *Options) { o.NoArchived = true }, "plain fork private new never", "1, archived."},
		{"forks", func(o *Options) { o.NoForks = true }, "plain archived private new never", "1, forks."},
		{"private", func(o *Options) { o.Visibility = Public }, "plain archived fork new never", "1, private."},
		{"public", func(o *Options) { o.Visibility = Private }, "private", "5, public."},
		{"old", func(o *Options) { o.PushedSince = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC) }, "new never", "4, not pushed to since then."},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, clock := newServer(t, map[string][]answer{"/api/v3/users/octo": organisation("Organization"), gitHubOrg: pages}), newClock()
			o := clock.options(t, s, map[string]string{"GH_ENTERPRISE_TOKEN": "secret1"})
			o.GitHub = []string{"octo"}
			c.set(&o)
			list, err := List(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.ReplaceAll(strings.Join(names(list), " "), ".git", ""); got != c.want {
				t.Errorf("listed %s, not %s", got, c.want)
			}
			if got := strings.Join(clock.said, ""); got == "" != (c.said == "") || !strings.HasSuffix(got, c.said) {
				t.Errorf("said %q", got)
			}
		})
	}
}

func TestRateLimitsAreWaitedFor(t *testing.T) {
	now := newClock().now
	at := func(d time.Duration) string { return fmt.Sprint(now.Add(d).Unix()) }
	date := now.Format(http.TimeFormat)
	for _, c := range []struct {
		name  string
		first []answer
		slept []time.Duration
		err   string
	}{
		{"Retry-After in seconds", []answer{{status: 429, header: map[string]string{"Retry-After": "37"}}}, []time.Duration{37 * time.Second}, ""},
		{"Retry-After as a date", []answer{{status: 503, header: map[string]string{"Retry-After": now.Add(time.Minute).Format(http.TimeFormat)}}}, []time.Duration{time.Minute}, ""},
		{"GitHub's primary limit", []answer{{status: 403, header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": at(40 * time.Minute), "Date": date}, body: `{"message":"API rate limit exceeded for user ID 1."}`}}, []time.Duration{40*time.Minute + time.Second}, ""},
		{"its end by the server's own clock", []answer{{status: 403, header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": at(time.Minute), "Date": now.Add(-time.Hour).Format(http.TimeFormat)}}}, []time.Duration{61*time.Minute + time.Second}, ""},
		{"GitHub's secondary limit, which says no time", []answer{
			{status: 403, header: map[string]string{"X-RateLimit-Remaining": "4000"}, body: `{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}`},
			{status: 429, body: `{"message":"You have exceeded a secondary rate limit."}`}}, []time.Duration{time.Minute, 2 * time.Minute}, ""},
		{"GitLab's limit", []answer{{status: 429, header: map[string]string{"RateLimit-Remaining": "0", "RateLimit-Reset": at(9 * time.Second), "Date": date}, body: "Retry later"}}, []time.Duration{10 * time.Second}, ""},
		{"a server that restarts", []answer{{status: 502, body: "<html>"}, {status: 504}}, []time.Duration{time.Second, 2 * time.Second}, ""},
		{"a limit of a day", []answer{{status: 429, header: map[string]string{"Retry-After": "86400"}}}, nil, "the rate limit of HOST ends in 24h0m0s"},
		{"a server that is down", slices.Repeat([]answer{{status: 503}}, maxTries), []time.Duration{1e9, 2e9, 4e9, 8e9, 16e9}, "HOST does not list octo (status 503)"},
		{"a refusal that is no limit", []answer{{status: 403, body: `{"message":"Resource protected by organization SAML enforcement."}`}}, nil, "HOST does not list octo (status 403): Resource protected by organization SAML enforcement."},
		{"a remaining limit of none on success", []answer{{header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": fmt.Sprint(time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC).Unix())}, body: `{"login":"octo","type":"Organization"}`}}, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := newClock()
			s := newServer(t, map[string][]answer{"/api/v3/users/octo": append(c.first, organisation("Organization")...), gitHubOrg: array(gitHubRepository("a", nil))})
			o := clock.options(t, s, map[string]string{"GH_ENTERPRISE_TOKEN": "secret1"})
			o.GitHub = []string{"octo"}
			list, err := List(t.Context(), o)
			switch {
			case c.err == "" && (err != nil || len(list) != 1):
				t.Error(list, err)
			case c.err != "" && (err == nil || err.Error() != strings.ReplaceAll(c.err, "HOST", hostOf(s))):
				t.Error(err)
			}
			if !slices.Equal(clock.slept, c.slept) {
				t.Errorf("slept %v", clock.slept)
			}
		})
	}
	t.Run("a signal ends the wait", func(t *testing.T) {
		clock := newClock()
		clock.expire = true
		s := newServer(t, map[string][]answer{"/api/v3/users/octo": {{status: 429, header: map[string]string{"Retry-After": "600"}}}})
		o := clock.options(t, s, nil)
		o.GitHub = []string{"octo"}
		if _, err := List(t.Context(), o); err == nil || len(s.asked) != 1 {
			t.Error(err, s.asked)
		}
	})
}

func hostOf(s *server) string { return strings.TrimPrefix(s.URL, "https://") }

func TestNoTokenLeavesItsHost(t *testing.T) {
	other := newServer(t, nil)
	for kind, path := range map[string]string{"github": "/api/v3/users/x", "gitlab": "/api/v4/groups/x/projects", "gitea": "/api/v1/orgs/x/repos"} {
		for _, status := range []int{301, 302, 307, 308} {
			clock := newClock()
			s := newServer(t, nil)
			s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasPrefix(r.URL.Path, path) {
					t.Error(r.URL.Path)
				}
				http.Redirect(w, r, other.URL+"/elsewhere", status)
			})
			o := clock.options(t, s, map[string]string{"GH_ENTERPRISE_TOKEN": "secret", "GITLAB_TOKEN": "secret", "GITEA_TOKEN": "secret"})
			switch kind {
			case "github":
				o.GitHub = []string{"x"}
			case "gitlab":
				o.GitLab = []string{"x"}
			default:
				o.Gitea = []string{"x"}
			}
			_, err := List(t.Context(), o)
			if want := hostOf(s) + " leads to " + hostOf(other) + ", which is not followed: --api names the address to ask"; err == nil || err.Error() != want {
				t.Errorf("%s, %d: %v", kind, status, err)
			}
		}
	}
	if len(other.asked) > 0 {
		t.Error("asked", other.asked)
	}
}

func TestARedirectOnTheSameHostIsFollowed(t *testing.T) {
	clock := newClock()
	s := newServer(t, map[string][]answer{
		"/api/v3/users/octo": {{status: 301, header: map[string]string{"Location": "{host}/api/v3/user/1"}, body: `{"message":"Moved Permanently"}`}},
		"/api/v3/user/1":     organisation("Organization"),
		gitHubOrg:            array(gitHubRepository("a", nil)),
	})
	o := clock.options(t, s, map[string]string{"GH_ENTERPRISE_TOKEN": "secret1"})
	o.GitHub = []string{"octo"}
	if list, err := List(t.Context(), o); err != nil || len(list) != 1 {
		t.Error(list, err)
	}
	if !slices.Contains(s.asked, "/api/v3/user/1 Bearer secret1") {
		t.Error(s.asked)
	}
}

// The file names it, and the host says that the token may fetch it.
func TestARepositoryThatAFileAndAHostNameGetsTheToken(t *testing.T) {
	s := newServer(t, map[string][]answer{
		"/api/v3/users/octo": organisation("Organization"),
		gitHubOrg:            array(gitHubRepository("a", map[string]any{"archived": true})),
	})
	o := newClock().options(t, s, map[string]string{"GH_ENTERPRISE_TOKEN": "secret1"})
	o.GitHub, o.NoArchived = []string{"octo"}, true
	o.Files, o.Stdin = []string{"-"}, strings.NewReader(s.URL+"/octocat/a\n"+s.URL+"/other/b.git\n")
	list, err := List(t.Context(), o)
	if err != nil || len(list) != 2 || !strings.HasSuffix(list[0].Token, "=GH_ENTERPRISE_TOKEN") || list[1].Token != "" {
		t.Error(list, err)
	}
}

func TestWhereATokenMayGo(t *testing.T) {
	for _, c := range []struct {
		kind       kind
		api, clone string
		want       string
	}{
		{gitHub, "https://api.github.com", "https://github.com/o/r.git", "github.com:443=T"},
		{gitHub, "https://api.github.com", "https://GitHub.com:443/o/r.git", "github.com:443=T"},
		{gitHub, "https://api.github.com", "http://github.com/o/r.git", ""},
		{gitHub, "https://api.github.com", "https://github.com.evil.example/o/r.git", ""},
		{gitHub, "https://api.github.com", "https://evil.github.com/o/r.git", ""},
		{gitHub, "https://api.github.com", "https://github.com:8443/o/r.git", ""},
		{gitHub, "https://api.corp.ghe.com", "https://corp.ghe.com/o/r.git", "corp.ghe.com:443=T"},
		{gitHub, "https://api.corp.example", "https://corp.example/o/r.git", ""},
		{gitHub, "https://ghe.corp.example", "https://ghe.corp.example/o/r.git", "ghe.corp.example:443=T"},
		{gitHub, "https://ghe.corp.example", "https://github.com/o/r.git", ""},
		{gitLab, "https://gitlab.com", "https://gitlab.com/o/r.git", "gitlab.com:443=T"},
		{gitLab, "https://api.github.com", "https://github.com/o/r.git", ""},
		{gitea, "https://git.corp.example:3000", "https://git.corp.example:3000/o/r.git", "git.corp.example:3000=T"},
		{gitea, "https://git.corp.example:3000", "https://git.corp.example/o/r.git", ""},
		{gitea, "http://127.0.0.1:3000", "http://127.0.0.1:3000/o/r.git", ""},
	} {
		base, err := parseAPI(c.api, c.kind.variant)
		if err != nil {
			t.Fatal(err)
		}
		h := &host{lister: &lister{Options: &Options{}, seen: map[string]bool{}}, kind: c.kind, base: base, token: "secret", variable: "T"}
		if err := h.take(hosted{clone: c.clone}); err != nil {
			t.Fatal(err)
		}
		if got := h.lister.list[0].Token; got != c.want {
			t.Errorf("%s, %s: %q", c.api, c.clone, got)
		}
	}
}

func TestWhichVariableHoldsTheToken(t *testing.T) {
	for _, c := range []struct {
		kind     kind
		api      string
		tokenEnv []string
		want     string
	}{
		{gitHub, "https://api.github.com", nil, "GH_TOKEN GITHUB_TOKEN"},
		{gitHub, "https://api.corp.ghe.com", nil, "GH_TOKEN GITHUB_TOKEN"},
		{gitHub, "https://ghe.corp.example", nil, "GH_ENTERPRISE_TOKEN GITHUB_ENTERPRISE_TOKEN"},
		{gitHub, "https://api.github.com", []string{"ghe.corp.example=A", "github.com=B"}, "B"},
		{gitHub, "https://api.github.com", []string{"api.github.com=C"}, "C"},
		{gitLab, "https://gitlab.corp.example", nil, "GITLAB_TOKEN"},
		{gitLab, "https://gitlab.corp.example:8443", []string{"gitlab.corp.example:8443=A"}, "A"},
		{gitea, "https://gitea.com", []string{"A"}, "A"},
	} {
		base, err := parseAPI(c.api, c.kind.variant)
		if err != nil {
			t.Fatal(err)
		}
		h := &host{lister: &lister{Options: &Options{TokenEnv: c.tokenEnv}}, kind: c.kind, base: base}
		if got := strings.Join(h.variables(), " "); got != c.want {
			t.Errorf("%s, %v: %s", c.api, c.tokenEnv, got)
		}
	}
}

func TestBadSourcesAreOneSentence(t *testing.T) {
	org := map[string][]answer{"/api/v3/users/octo": organisation("Organization")}
	with := func(path string, a answer) map[string][]answer {
		m := maps.Clone(org)
		m[path] = []answer{a}
		return m
	}
	for _, c := range []struct {
		name    string
		answers map[string][]answer
		set     func(o *Options)
		token   string
		want    string
	}{
		{"no such account", nil, nil, "secret1", "HOST has no organisation, group or account octo that the token in GH_ENTERPRISE_TOKEN may see"},
		{"no such account, without a token", nil, nil, "", "HOST has no public organisation, group or account octo"},
		{"a token that is refused and repeated", with("/api/v3/users/octo", answer{status: 401, body: `{"message":"Bad credentials: secret1"}`}), nil, "secret1", "HOST refuses the token in GH_ENTERPRISE_TOKEN: Bad credentials: …"},
		{"no token where one is needed", with("/api/v3/users/octo", answer{status: 401}), nil, "", "HOST asks for a token (GH_ENTERPRISE_TOKEN, GITHUB_ENTERPRISE_TOKEN)"},
		{"a page for people", with("/api/v3/users/octo", answer{header: map[string]string{"Content-Type": "text/html"}, body: "<html>"}), nil, "", "HOST does not answer as an API of GitHub: is --api its address?"},
		{"another JSON", with(gitHubOrg, answer{body: `{"version":1}`}), nil, "", "listing octo of HOST: json: cannot unmarshal object into Go value of type []*github.Repository"},
		{"a file as an address", with(gitHubOrg, answer{body: "[" + gitHubRepository("a", map[string]any{"clone_url": "file:///etc"}) + "]"}), nil, "", "listing octo of HOST: octocat/a has an address that is neither http nor https"},
		{"an --api without a kind", nil, func(o *Options) { o.GitHub, o.Files = nil, []string{"x"} }, "", "--api is the address of one host: it needs exactly one of --github, --gitlab and --gitea"},
		{"an --api of two kinds", nil, func(o *Options) { o.GitLab = []string{"x"} }, "", "--api is the address of one host: it needs exactly one of --github, --gitlab and --gitea"},
		{"an --api over http", nil, func(o *Options) { o.API = "http://ghe.corp.example" }, "", "--api: http://ghe.corp.example is not https, so no token may be sent there"},
		{"an --api with a password", nil, func(o *Options) { o.API = "https://me:secret1@ghe.corp.example" }, "", "--api: it holds a user or password: tokens come from the environment"},
		{"an address instead of a name", nil, func(o *Options) { o.GitHub = []string{"https://github.com/octo"} }, "", `https://github.com/octo is not the name of an organisation, group or account`},
		{"a variable that is not set", nil, func(o *Options) { o.TokenEnv = []string{"MINE"} }, "", "--token-env: the environment variable MINE is not set"},
		{"a token instead of a variable", nil, func(o *Options) { o.TokenEnv = []string{"secret1"} }, "", "--token-env: the environment variable that is named is not set"},
		{"certificates that are none", nil, func(o *Options) { o.CAFile = "list.go" }, "", "--ca-file list.go: no PEM certificate"},
		{"nothing", nil, func(o *Options) { o.GitHub, o.API = nil, "" }, "", "nothing to sweep: --repos, --github, --gitlab or --gitea says what"},
		{"a third visibility", nil, func(o *Options) { o.Visibility = "internal" }, "", `--visibility: internal is neither public nor private`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, clock := newServer(t, c.answers), newClock()
			o := clock.options(t, s, map[string]string{"GH_ENTERPRISE_TOKEN": c.token})
			o.GitHub = []string{"octo"}
			if c.set != nil {
				c.set(&o)
			}
			_, err := List(t.Context(), o)
			if err == nil || err.Error() != strings.ReplaceAll(c.want, "HOST", hostOf(s)) {
				t.Error(err)
			}
		})
	}
	t.Run("a server that is gone", func(t *testing.T) {
		s, clock := newServer(t, nil), newClock()
		o := clock.options(t, s, nil)
		o.Gitea = []string{"tools"}
		s.Close()
		if _, err := List(t.Context(), o); err == nil || !strings.HasPrefix(err.Error(), "listing tools of "+hostOf(s)+": dial tcp ") {
			t.Error(err)
		}
	})
	t.Run("an answer without end", func(t *testing.T) {
		body := &boundedBody{ReadCloser: http.NoBody, left: -1}
		if _, err := body.Read(nil); err != errLongAnswer {
			t.Error(err)
		}
	})
}

func TestFilesOfAddressesAndPaths(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.Mkdir("shop", 0o700); err != nil {
		t.Fatal(err)
	}
	file := (&url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(dir, "shop"))}).String()
	lines := strings.Join([]string{
		"\ufeff# a comment", "", "  shop  \r", "./shop", file, "gone/# not a comment",
		"https://git.example/a/b.git", "https://Git.Example/a/b", "https://git.example:8443/a/b", "git@git.example:a/c.git", "ssh://deploy@git.example/a/d.git", "git://git.example/a/e",
	}, "\n")
	if err := os.WriteFile("list", []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	want := []Repository{
		{Name: "shop", Target: "shop"}, {Name: "gone/# not a comment", Target: "gone/# not a comment"},
		{Name: "https://git.example/a/b.git", Target: "https://git.example/a/b.git", Token: "git.example:443=MINE"},
		{Name: "https://git.example:8443/a/b", Target: "https://git.example:8443/a/b", Token: "git.example:8443=MINE"},
		{Name: "git@git.example:a/c.git", Target: "git@git.example:a/c.git"},
		{Name: "ssh://git.example/a/d.git", Target: "ssh://deploy@git.example/a/d.git"},
		{Name: "git://git.example/a/e", Target: "git://git.example/a/e"},
	}
	o := Options{Files: []string{"list", "-"}, Stdin: strings.NewReader("git://git.example/a/e\nother"), TokenEnv: []string{"git.example=MINE"}}
	got, err := List(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(append(want, Repository{Name: "other", Target: "other"}), got); diff != "" {
		t.Error(diff)
	}
	key := "sk_" + "live_" + strings.Repeat("4eC39HqLyj", 3)
	for line, want := range map[string]string{
		"https://me:secret1@git.example/a": "-:2: it holds a user or password, which a sweep would store: --token-env HOST=NAME names a variable with the token",
		"https://secret1@git.example/a":    "-:2: it holds a user or password, which a sweep would store: --token-env HOST=NAME names a variable with the token",
		"ssh://me:secret1@git.example/a":   "-:2: it holds a user or password, which a sweep would store: --token-env HOST=NAME names a variable with the token",
		"ftp://git.example/a":              "-:2: not an address of a repository: ftp:// is not https, http, git or ssh",
		"a\x00b":                           "-:2: no path holds a NUL byte",
		"a\xff.git":                        "-:2: it is not UTF-8, as what a sweep stores: give it another name, or a link that has one",
		"a/" + key:                         "-:2: it holds a key, which a sweep would store: give it another name, or a link that has one",
		"https://git.example/" + key:       "-:2: it holds a key, which a sweep would store: give it another name, or a link that has one",
		"-":                                "-:2: a path of this name is ./-",
	} {
		_, err := List(t.Context(), Options{Files: []string{"-"}, Stdin: strings.NewReader("\n" + line)})
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v", line, err)
		}
	}
	if _, err := List(t.Context(), Options{Files: []string{"missing"}}); err == nil || !strings.HasPrefix(err.Error(), "--repos missing: ") {
		t.Error(err)
	}
}
