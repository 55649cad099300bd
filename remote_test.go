package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// serveCommand starts a server of the repositories in a folder and sets $NAME to its
// address, which ends in a slash:
//
//	serve NAME daemon FOLDER       git daemon
//	serve NAME lighttpd FOLDER     lighttpd with git http-backend over TLS, whose certificate
//	                               is in ca.pem; below private/ for ada with the password
//	                               pass word; old/ leads to
//	                               the same, page/ to a page, and plain/ to http
//	serve NAME dulwich FOLDER      the server of dulwich, an implementation of its own
//	serve NAME dulwich-web FOLDER  that over http
//	serve NAME proxy ADDRESS       a proxy that leads every host to what is at ADDRESS, for
//	                               ada with the password pass word
//	serve NAME cut ADDRESS         what is at ADDRESS, cut after 20,000 bytes
func serveCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: serve NAME SERVER FOLDER")
	}
	folder := ts.MkAbs(args[2])
	port := freePort(ts)
	switch args[1] {
	case "lighttpd":
		ts.Setenv(args[0], "https://127.0.0.1:"+port+"/git/")
		startServer(ts, port, lighttpd(ts, port, folder))
	case "dulwich", "dulwich-web":
		scheme := map[string]string{"dulwich": "git", "dulwich-web": "http"}[args[1]]
		startServer(ts, port, exec.Command("/usr/bin/python3", "-c", dulwichServer, scheme, port, folder))
		ts.Setenv(args[0], scheme+"://127.0.0.1:"+port+"/")
	case "cut":
		scheme, to, _ := strings.Cut(strings.TrimSuffix(args[2], "/"), "://")
		ts.Setenv(args[0], scheme+"://"+cutting(ts, to)+"/")
	case "proxy":
		ts.Setenv(args[0], "http://"+proxy(ts, args[2])+"/")
	case "daemon":
		startServer(ts, port, exec.Command("git", "daemon", "--export-all", "--reuseaddr", "--listen=127.0.0.1", "--port="+port, "--base-path="+folder, folder))
		ts.Setenv(args[0], "git://127.0.0.1:"+port+"/")
	default:
		ts.Fatalf("no server %s", args[1])
	}
}

// dulwichServer serves the repositories below a folder through dulwich.
const dulwichServer = `
import os, sys
from dulwich.repo import Repo
from dulwich.server import DictBackend, TCPGitServer
scheme, port, folder = sys.argv[1:]
repos = {"/" + name: Repo(os.path.join(folder, name)) for name in os.listdir(folder) if os.path.isdir(os.path.join(folder, name))}
if scheme == "git":
    TCPGitServer(DictBackend({name.encode(): repo for name, repo in repos.items()}), "127.0.0.1", int(port)).serve_forever()
from dulwich.web import make_wsgi_chain, WSGIServerLogger, WSGIRequestHandlerLogger
from wsgiref.simple_server import make_server
make_server("127.0.0.1", int(port), make_wsgi_chain(DictBackend(repos)), handler_class=WSGIRequestHandlerLogger, server_class=WSGIServerLogger).serve_forever()
`

// lighttpd returns a server that has git http-backend behind it.
func lighttpd(ts *testscript.TestScript, port, folder string) *exec.Cmd {
	write := func(name, text string) string {
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
		return ts.MkAbs(name)
	}
	certificate, key := selfSigned(ts)
	write("ca.pem", certificate)
	pem := write("server.pem", certificate+key)
	users := write("users", "ada:pass word\n")
	out, err := exec.Command("git", "--exec-path").Output()
	ts.Check(err)
	config := write("lighttpd.conf", strings.NewReplacer("{port}", port, "{pem}", pem, "{users}", users, "{folder}", folder, "{exec}", strings.TrimSpace(string(out))).Replace(`
server.modules = ("mod_alias", "mod_redirect", "mod_auth", "mod_authn_file", "mod_cgi", "mod_setenv", "mod_openssl")
server.document-root = "{folder}"
server.bind = "127.0.0.1"
server.port = {port}
server.stream-response-body = 1
ssl.engine = "enable"
ssl.pemfile = "{pem}"
url.redirect = ("^/git/old/(.*)$" => "/git/$1${qsa}", "^/git/page/.*$" => "/page.html", "^/git/plain/(.*)$" => "http://127.0.0.1:1/$1${qsa}")
alias.url = ("/git/" => "{exec}/git-http-backend/")
auth.backend = "plain"
auth.backend.plain.userfile = "{users}"
auth.require = ("/git/private" => ("method" => "basic", "realm" => "git", "require" => "valid-user"))
$HTTP["url"] =~ "^/git/" {
  cgi.assign = ("" => "")
  setenv.set-environment = ("GIT_PROJECT_ROOT" => "{folder}", "GIT_HTTP_EXPORT_ALL" => "1", "GIT_CONFIG_COUNT" => "1", "GIT_CONFIG_KEY_0" => "safe.directory", "GIT_CONFIG_VALUE_0" => "*")
}
`))
	program, err := exec.LookPath("lighttpd")
	if err != nil {
		program = "/usr/sbin/lighttpd" // which is no folder of a user's
	}
	return exec.Command(program, "-D", "-f", config)
}

// selfSigned returns a certificate of this machine's address, and its key.
func selfSigned(ts *testscript.TestScript) (certificate, key string) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	ts.Check(err)
	text, err := x509.MarshalPKCS8PrivateKey(private)
	ts.Check(err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text}))
}

// cutting returns the address of a proxy of what listens at to. It passes on what comes
// from there late and in small pieces, and ends the connection after 20,000 bytes.
func cutting(ts *testscript.TestScript, to string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				_ = client.Close()
				continue
			}
			go func() { _, _ = io.Copy(server, client) }()
			go func() {
				defer client.Close()
				defer server.Close()
				b := make([]byte, 500)
				for left := 20_000; left > 0; {
					n, err := server.Read(b[:min(len(b), left)])
					left -= n
					if _, wrong := client.Write(b[:n]); err != nil || wrong != nil {
						return
					}
					time.Sleep(time.Millisecond)
				}
			}()
		}
	}()
	return l.Addr().String()
}

// proxy returns the address of a proxy that leads every host to another address.
func proxy(ts *testscript.TestScript, to string) string {
	at, err := url.Parse(to)
	ts.Check(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
	onward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(at) }}
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("ada:pass word"))
	go func() {
		_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if !req.URL.IsAbs() || req.Header.Get("Proxy-Authorization") != want {
				w.WriteHeader(http.StatusProxyAuthRequired)
				return
			}
			onward.ServeHTTP(w, req)
		}))
	}()
	return l.Addr().String()
}

// freePort returns a port that nobody listens on.
func freePort(ts *testscript.TestScript) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	return port
}

// startServer starts a program until the end of the script, and waits until it
// listens on a port of this machine.
func startServer(ts *testscript.TestScript, port string, server *exec.Cmd) {
	server.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "HOME="+ts.Getenv("HOME"))
	stderr, err := server.StderrPipe()
	ts.Check(err)
	ts.Check(server.Start())
	ts.Defer(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	said := make(chan string, 100)
	go func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			select {
			case said <- lines.Text():
			default:
			}
		}
	}()
	for range 500 {
		conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", port), time.Second)
		if err == nil {
			_ = conn.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	var words []string
	for len(said) > 0 {
		words = append(words, <-said)
	}
	ts.Fatalf("%s", fmt.Sprintf("%s does not listen: %s", server.Path, strings.Join(words, "\n")))
}

// A web server may send more than its answer, perhaps a password that it was sent.
func TestWhatAServerSendsUnaskedIsNotPrinted(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\nunasked")
			}
		}
	}()
	out, err := exec.Command("keysweep", "scan", "http://"+listener.Addr().String()+"/shop").CombinedOutput()
	if !bytes.Contains(out, []byte("no git server at this address")) || bytes.Contains(out, []byte("nasked")) {
		t.Errorf("%v: %s", err, out)
	}
}
