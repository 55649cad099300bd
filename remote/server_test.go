package remote

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"keysweep/scanner/gitdb/gittest"
)

// repository makes a repository with three refs and returns its folder.
func repository(t *testing.T) string {
	t.Helper()
	r := gittest.New(t)
	for i := range 3 {
		r.Write("file", strings.Repeat(fmt.Sprintln("line", i), 200))
		r.Commit(fmt.Sprint("commit ", i))
	}
	r.Git("tag", "-a", "-m", "tag", "v1")
	r.Git("update-ref", "refs/pull/1/head", "HEAD~1")
	return r.Dir
}

// backend serves the repositories below a folder as git http-backend does.
func backend(t *testing.T, folder string) http.Handler {
	t.Helper()
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	return &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + folder, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
	}
}

// requests collects what a server was asked.
type requests struct {
	http.Handler
	mu   sync.Mutex
	list []*http.Request // guarded by mu
}

func (r *requests) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	r.list = append(r.list, req)
	r.mu.Unlock()
	r.Handler.ServeHTTP(w, req)
}

// logins returns the users and passwords that the server was sent.
func (r *requests) logins() (list []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, req := range r.list {
		if user, password, ok := req.BasicAuth(); ok {
			list = append(list, user+":"+password)
		} else {
			list = append(list, req.Header.Get("Authorization"))
		}
	}
	return list
}

// secure starts a TLS server of h and returns its address and a file of its
// certificate.
func secure(t *testing.T, h http.Handler) (server *httptest.Server, ca string) {
	t.Helper()
	return secureWith(t, h, nil)
}

// secureWith is secure with the certificate of a configuration; nil: one that is valid.
func secureWith(t *testing.T, h http.Handler, config *tls.Config) (server *httptest.Server, ca string) {
	t.Helper()
	server = httptest.NewUnstartedServer(h)
	server.TLS = config
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	ca = filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return server, ca
}

// fetchFrom fetches from an address with the options o, without the machine's own
// credentials.
func fetchFrom(t *testing.T, address string, o Options) (*Fetched, []byte, error) {
	t.Helper()
	if os.Getenv("NETRC") == "" {
		t.Setenv("NETRC", filepath.Join(t.TempDir(), "absent")) // which is an error if it is read
		if err := os.WriteFile(os.Getenv("NETRC"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a, err := Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckTokens(o.Tokens, []*Address{a}); err != nil {
		return nil, nil, err
	}
	c, err := NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	var pack bytes.Buffer
	f, err := c.Fetch(t.Context(), a, nil, &pack)
	return f, pack.Bytes(), err
}

// wantWhole fails unless f and pack are all that the default refs of repository hold.
func wantWhole(t *testing.T, f *Fetched, pack []byte, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Refs) != 2 || f.Refs[0].Name != "refs/heads/main" || f.Refs[1].Name != "refs/tags/v1" || f.Head != "refs/heads/main" || f.Left != 1 {
		t.Errorf("refs: %+v", f)
	}
	dir := t.TempDir()
	cmd := exec.Command("git", "index-pack", "--strict", "--stdin", "-o", filepath.Join(dir, "x.idx"), filepath.Join(dir, "x.pack"))
	cmd.Stdin = bytes.NewReader(pack)
	cmd.Dir = dir
	git := exec.Command("git", "init", "-q", dir)
	if out, err := git.CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("git index-pack: %s", out)
	}
}

func TestARepositoryIsFetchedOverHTTP(t *testing.T) {
	dir := repository(t)
	h := backend(t, filepath.Dir(dir))
	plain := httptest.NewServer(h)
	defer plain.Close()
	f, pack, err := fetchFrom(t, plain.URL+"/repo", Options{})
	wantWhole(t, f, pack, err)
	server, ca := secure(t, h)
	var said []string
	f, pack, err = fetchFrom(t, server.URL+"/repo/", Options{CAFile: ca, Messages: func(line string) { said = append(said, line) }})
	wantWhole(t, f, pack, err)
	if !strings.Contains(strings.Join(said, "\n"), "Total 10") {
		t.Errorf("messages: %q", said)
	}
	if _, _, err = fetchFrom(t, server.URL+"/repo", Options{}); err == nil || !strings.Contains(err.Error(), "--ca-file") {
		t.Errorf("unknown authority: %v", err)
	}
}

// Each of these answers leads to one sentence, which does not hold the password of the
// address.
func TestWhatServersDoWrongIsOneSentence(t *testing.T) {
	dir := repository(t)
	good := backend(t, filepath.Dir(dir))
	says := func(status int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	const git = "application/x-git-upload-pack-advertisement"
	leads := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			if req.URL.Path != "/login" {
				http.Redirect(w, req, to, http.StatusFound)
			}
		}
	}
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		want    string
	}{
		{"401", says(401, "text/html", "<b>"), "refuses these credentials (status 401)"},
		{"403", says(403, "text/html", "<b>"), "denies access (status 403)"},
		{"404", says(404, "text/html", "<b>"), "has no such repository"},
		{"429", says(429, "text/html", "<b>"), "come back later"},
		{"500", says(500, "text/html", "<b>"), "answers with status 500"},
		{"a page", says(200, "text/html", "<html>hello"), "no git server at this address"},
		{"the files of a repository", says(200, "text/plain", "0123\trefs/heads/main\n"), "does not speak git's protocol"},
		{"nonsense of the right type", says(200, git, "hello"), "does not speak git's protocol"},
		{"an empty answer", says(200, git, ""), "closed the connection"},
		{"an error line", says(200, git, "001e# service=git-upload-pack\n0000"+"0013ERR no \x1b[31mred"), "refuses: no"},
		{"a redirect to a page", leads("/login"), "no git server at this address"},
		{"a redirect to http", leads("http://127.0.0.1:9/repo/info/refs"), "from https to http"},
		{"a redirect in a circle", leads("/repo/info/refs?service=git-upload-pack"), "without end"},
		{"a redirect to ftp", leads("ftp://127.0.0.1/repo/info/refs"), "not followed"},
		{"a redirect of the second request", func(w http.ResponseWriter, req *http.Request) {
			if req.Method == http.MethodPost {
				http.Redirect(w, req, "/other/git-upload-pack", http.StatusTemporaryRedirect)
				return
			}
			good.ServeHTTP(w, req)
		}, "after the first request"},
		{"404 for the second request", func(w http.ResponseWriter, req *http.Request) {
			if req.Method == http.MethodPost {
				w.WriteHeader(404)
				return
			}
			good.ServeHTTP(w, req)
		}, "has no such repository"},
		{"a connection that is cut", func(w http.ResponseWriter, req *http.Request) {
			if req.Method == http.MethodPost {
				panic(http.ErrAbortHandler)
			}
			good.ServeHTTP(w, req)
		}, "closed the connection"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, ca := secure(t, c.handler)
			f, pack, err := fetchFrom(t, strings.Replace(server.URL, "://", "://user:secretword@", 1)+"/repo", Options{CAFile: ca})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, %+v, %d bytes", err, f, len(pack))
			}
			if s := err.Error(); strings.Contains(s, "secret") || strings.ContainsAny(s, "\n\x1b<") || strings.Contains(s, "user") {
				t.Errorf("%q", s)
			}
			t.Log(err)
		})
	}
}

func TestWhatIsNotThereIsOneSentence(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	address := closed.Addr().String()
	closed.Close()
	for _, c := range []struct{ name, address, want string }{
		{"no host", "https://u:secretword@nothing.invalid/r", "no host nothing.invalid"},
		{"nobody listens", "https://u:secretword@" + address + "/r", "refuses connections"},
		{"nobody listens to git", "git://" + address + "/r", "refuses connections"},
		{"no TLS", strings.Replace(plain.URL, "http://", "https://u:secretword@", 1) + "/r", "does not speak TLS"},
	} {
		_, _, err := fetchFrom(t, c.address, Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestTheRightNameAndTheRightTimeAreAskedOfACertificate(t *testing.T) {
	server, ca := secure(t, http.NotFoundHandler())
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	_, _, err := fetchFrom(t, "https://localhost:"+port+"/r", Options{CAFile: ca})
	if err == nil || !strings.Contains(err.Error(), "for another name") {
		t.Errorf("%v", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<30, 0), // in 2004
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	server, ca = secureWith(t, http.NotFoundHandler(), &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	_, _, err = fetchFrom(t, strings.Replace(server.URL, "://", "://u:secretword@", 1)+"/r", Options{CAFile: ca})
	if err == nil || !strings.HasSuffix(err.Error(), " has expired or is not valid yet") || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}

func TestCredentialsGoToTheirHostAlone(t *testing.T) {
	dir := repository(t)
	good := backend(t, filepath.Dir(dir))
	wants := func(login string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if user, password, _ := req.BasicAuth(); user+":"+password != login {
				w.WriteHeader(401)
				return
			}
			good.ServeHTTP(w, req)
		})
	}
	netrc := filepath.Join(t.TempDir(), "netrc")
	env := func(name string) string { return map[string]string{"TOKEN": "tok", "OTHER": "other"}[name] }
	token := func(text string) Token {
		tok, err := ParseToken(text, env)
		if err != nil {
			t.Fatal(err)
		}
		return tok
	}
	if err := os.WriteFile(netrc, []byte("machine 127.0.0.1 login ada password \"pw\nmachine x login y password z"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, user string
		tokens     []string
		netrc      bool
		login      string
	}{
		{"in the address", "ada:pw%3A1@", nil, true, "ada:pw:1"},
		{"of netrc", "", nil, true, `ada:"pw`},
		{"a token", "", []string{"TOKEN"}, true, "x-access-token:tok"},
		{"a token with a user", "ada@", []string{"127.0.0.1=TOKEN"}, false, "ada:tok"},
		{"the user alone", "tok@", nil, false, "tok:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.netrc {
				t.Setenv("NETRC", netrc)
			}
			seen := &requests{Handler: wants(c.login)}
			server, ca := secure(t, seen)
			var o Options
			for _, text := range c.tokens {
				o.Tokens = append(o.Tokens, token(text))
			}
			o.CAFile = ca
			f, pack, err := fetchFrom(t, strings.Replace(server.URL, "://", "://"+c.user, 1)+"/repo", o)
			wantWhole(t, f, pack, err)
			if f.Final != "" {
				t.Errorf("final %s", f.Final)
			}
		})
	}
	t.Run("not over http, but for this machine's in the address", func(t *testing.T) {
		t.Setenv("NETRC", netrc)
		seen := &requests{Handler: wants("ada:pw")}
		server := httptest.NewServer(seen)
		defer server.Close()
		if _, _, err := fetchFrom(t, server.URL+"/repo", Options{}); err == nil || seen.logins()[0] != "" {
			t.Errorf("%v, sent %q", err, seen.logins())
		}
		f, pack, err := fetchFrom(t, strings.Replace(server.URL, "://", "://ada:pw@", 1)+"/repo", Options{})
		wantWhole(t, f, pack, err)
		if _, _, err := fetchFrom(t, server.URL+"/repo", Options{Tokens: []Token{token("TOKEN")}}); err == nil || !strings.Contains(err.Error(), "no token is sent over http") {
			t.Errorf("%v", err)
		}
	})
	t.Run("not to where a redirect leads", func(t *testing.T) {
		t.Setenv("NETRC", netrc)
		other := &requests{Handler: good}
		second, ca2 := secure(t, other)
		first := &requests{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, second.URL+"/repo/info/refs?"+req.URL.RawQuery, http.StatusMovedPermanently)
		})}
		server, ca := secure(t, first)
		joinFiles(t, ca, ca2)
		f, pack, err := fetchFrom(t, strings.Replace(server.URL, "://", "://ada:pw@", 1)+"/old", Options{CAFile: ca})
		wantWhole(t, f, pack, err)
		if f.Final != second.URL+"/repo" {
			t.Errorf("final %q", f.Final)
		}
		if got := strings.Join(first.logins(), " "); got != "ada:pw" {
			t.Errorf("the first host got %q", got)
		}
		if got := strings.Join(other.logins(), ""); got != "" || len(other.logins()) < 2 {
			t.Errorf("the other host got %q", other.logins())
		}
	})
}

// joinFiles appends the text of more to the file at path.
func joinFiles(t *testing.T, path, more string) {
	t.Helper()
	text, err := os.ReadFile(more)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(text); err != nil {
		t.Fatal(err)
	}
}

func TestTokensAreRefusedWhereTheyCouldGoAstray(t *testing.T) {
	env := func(name string) string { return map[string]string{"TOKEN": "tok"}[name] }
	for _, text := range []string{"", "=", "a=", "=TOKEN", "UNSET", "a=UNSET", "sk_live_pasted"} {
		if _, err := ParseToken(text, env); err == nil || strings.Contains(err.Error(), "pasted") {
			t.Errorf("%q: %v", text, err)
		}
	}
	addresses := func(list ...string) (parsed []*Address) {
		for _, text := range list {
			a, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			parsed = append(parsed, a)
		}
		return parsed
	}
	for _, c := range []struct {
		token string
		list  []*Address
		ok    bool
	}{
		{"TOKEN", addresses("https://a/x", "https://a/y"), true},
		{"TOKEN", addresses("https://a/x", "https://b/y"), false},
		{"TOKEN", addresses("https://a/x", "https://a:444/y"), false},
		{"a=TOKEN", addresses("https://a/x", "https://b/y"), true},
		{"A=TOKEN", addresses("https://a/x"), true},
		{"a:444=TOKEN", addresses("https://a:444/x"), true},
		{"a:444=TOKEN", addresses("https://a/x"), false},
		{"c=TOKEN", addresses("https://a/x"), false},
		{"TOKEN", addresses("http://127.0.0.1/x"), false},
		{"TOKEN", addresses("git://a/x"), false},
		{"a=TOKEN", addresses("ssh://a/x"), false},
		{"TOKEN", nil, false},
	} {
		token, err := ParseToken(c.token, env)
		if err != nil {
			t.Fatal(err)
		}
		if err := CheckTokens([]Token{token}, c.list); (err == nil) != c.ok {
			t.Errorf("%s, %v: %v", c.token, c.list, err)
		}
		if shown := fmt.Sprintf("%v %+v %#v", token, token, token); strings.Contains(strings.ReplaceAll(shown, "token", ""), "tok") {
			t.Errorf("printed: %s", shown)
		}
	}
}

func TestNetrcIsReadAsOthersReadIt(t *testing.T) {
	const text = "# a comment\nmachine a.example login one password p1\nmachine a.example\n\tlogin two\n\tpassword p2\nmacdef init\nmachine b.example login x password y\n\nmachine c.example account z login three password p3\nmachine d.example login nobody\ndefault login anyone password pd\n"
	for _, c := range []struct{ host, user, want string }{
		{"a.example", "", "one:p1"}, {"A.Example", "two", "two:p2"}, {"b.example", "", "anyone:pd"}, {"c.example", "", "three:p3"},
		{"a.example", "three", ""}, {"d.example", "", "anyone:pd"}, {"d.example", "x", ""},
	} {
		got := ""
		if e := parseNetrc(text, c.host, c.user); e != nil {
			got = e.Username + ":" + e.Password
		}
		if got != c.want {
			t.Errorf("%s %s: %q, want %q", c.host, c.user, got, c.want)
		}
	}
}

// A server that hangs is left when the user stops, and when the time is over.
func TestAFetchEndsWithItsContext(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	go func() {
		for {
			conn, err := silent.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
		}
	}()
	stopped := errors.New("the user stops")
	for _, scheme := range []string{"git", "https", "http", "ssh"} {
		ctx, cancel := context.WithCancelCause(t.Context())
		c, err := NewClient(Options{})
		if err != nil {
			t.Fatal(err)
		}
		a, err := Parse(scheme + "://" + silent.Addr().String() + "/r")
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("SSH_KNOWN_HOSTS", os.DevNull)
		done := make(chan error)
		go func() {
			_, err := c.Fetch(ctx, a, nil, io.Discard)
			done <- err
		}()
		time.Sleep(50 * time.Millisecond)
		cancel(stopped)
		if err := <-done; !errors.Is(err, stopped) {
			t.Errorf("%s: %v", scheme, err)
		}
	}
}

// An error of the writer, as of a full disk, comes back as it is.
func TestAnErrorOfTheWriterStays(t *testing.T) {
	dir := repository(t)
	server := httptest.NewServer(backend(t, filepath.Dir(dir)))
	defer server.Close()
	a, err := Parse(server.URL + "/repo")
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewClient(Options{})
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("full")
	f, err := c.Fetch(t.Context(), a, nil, failing{full})
	if !errors.Is(err, full) || err.Error() != "full" || f == nil {
		t.Errorf("%v, %+v", err, f)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
