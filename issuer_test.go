package main

import (
	"bufio"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// noWayOut is a proxy address without a listener: a test that asks an issuer of the
// world by mistake fails, and no key leaves the machine. Addresses of this
// machine need no proxy.
const noWayOut = "http://127.0.0.1:1"

// issuer plays the API of Martis on this machine, once in plain HTTP and once
// in TLS with a certificate that no system trusts. It answers by key.
type issuer struct {
	plain, secure *httptest.Server
	delay         time.Duration // of every answer

	mu      sync.Mutex
	answers map[string]string // by key; "*": every key without one
	seen    []request
	waiting chan string // gets the key of each request that is not answered
}

// request is one that the issuer saw.
type request struct{ line, key string }

func newIssuer() *issuer {
	i := &issuer{answers: map[string]string{}, waiting: make(chan string, 1000)}
	i.plain = httptest.NewServer(i)
	i.secure = httptest.NewUnstartedServer(i)
	i.secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	i.secure.StartTLS()
	return i
}

// startIssuer returns an issuer for the time of a test.
func startIssuer(t *testing.T) *issuer {
	t.Helper()
	i := newIssuer()
	t.Cleanup(i.close)
	return i
}

func (i *issuer) close() {
	i.plain.CloseClientConnections() // a silent answer ends
	i.secure.CloseClientConnections()
	i.plain.Close()
	i.secure.Close()
}

// certificate returns the certificate of the TLS server in PEM form.
func (i *issuer) certificate() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.secure.Certificate().Raw})
}

func (i *issuer) answer(key, how string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answers[key] = how
}

// requests returns those seen so far.
func (i *issuer) requests() []request {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.seen)
}

// issuerAnswers are the answers by name; the documents of Martis show them.
var issuerAnswers = map[string]struct {
	status     int
	kind, body string
}{
	"active":       {200, "application/json", `{"status":"success","data":[{"id":"ch_1","amount":1000}]}`},
	"expired":      {401, "application/json", `{"status":"error","message":"API key expired"}`},
	"unrecognised": {401, "application/json", `{"status":"error","message":"Invalid or missing API key"}`},
	"restricted":   {403, "application/json", `{"status":"error","message":"Insufficient permissions for this action"}`},
	"elsewhere":    {403, "application/json", `{"status":"error","message":"IP address not in the allowlist"}`},
	"firewall":     {403, "text/html", `<html><body>{"status":"error","message":"Request blocked"}</body></html>`},
	"busy":         {429, "application/json", `{"status":"error","message":"Too many requests"}`},
	"broken":       {500, "text/plain", `oops`},
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	i.mu.Lock()
	i.seen = append(i.seen, request{r.Method + " " + r.URL.RequestURI(), key})
	how := i.answers[key]
	if how == "" {
		how = i.answers["*"]
	}
	i.mu.Unlock()
	time.Sleep(i.delay)
	switch how {
	case "":
		how = "unrecognised"
	case "fading", "stumbling": // works once more
		i.answer(key, map[string]string{"fading": "expired", "stumbling": "firewall"}[how])
		how = "active"
	case "silent":
		i.waiting <- key
		<-r.Context().Done()
		return
	case "echo": // no API does this, and what it says must not be believed to be harmless
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"status":"error","message":"The key %s is not known"}`, key)
		return
	case "away":
		http.Redirect(w, r, i.secure.URL+"/elsewhere", http.StatusFound)
		return
	}
	a, ok := issuerAnswers[how]
	if !ok || r.Method != http.MethodGet || r.URL.RequestURI() != "/api/v1/payments/charges" {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	w.Header().Set("Content-Type", a.kind)
	w.WriteHeader(a.status)
	fmt.Fprint(w, a.body)
}

// issuerOfScript is the key of a script's issuer.
type issuerOfScript struct{}

type scriptIssuer struct {
	*issuer
	keys []string // the names of variables that hold keys
}

// issuerCommand is the command issuer of scripts:
//
//	issuer start               sets $ISSUER, $ISSUER_TLS and writes issuer.pem
//	issuer answer KEY HOW      of issuerAnswers, or silent, echo, away; * is every key
//	issuer saw [LINE…]         what came since the last time, in any order: "KEY TIMES"
//	                           by the names of variables; made-up keys are "other"
//	issuer proxy NAME STATUS   sets $NAME to a proxy that answers CONNECT so, and
//	                           issuer saw tells its requests as "CONNECT TIMES"
func issuerCommand(ts *testscript.TestScript, neg bool, args []string) {
	i := ts.Value(issuerOfScript{}).(*scriptIssuer)
	switch {
	case neg || len(args) == 0:
		ts.Fatalf("usage: issuer start | answer KEY HOW | saw [LINE…] | proxy NAME STATUS")
	case args[0] == "start":
		i.issuer = newIssuer()
		ts.Defer(i.close)
		ts.Setenv("ISSUER", i.plain.URL)
		ts.Setenv("ISSUER_TLS", i.secure.URL)
		ts.Check(os.WriteFile(ts.MkAbs("issuer.pem"), i.certificate(), 0o600))
	case args[0] == "answer" && len(args) == 3 && args[1] == "*":
		i.answer("*", args[2])
	case args[0] == "answer" && len(args) == 3:
		if ts.Getenv(args[1]) == "" {
			ts.Fatalf("$%s is empty", args[1])
		}
		i.answer(ts.Getenv(args[1]), args[2])
		if !slices.Contains(i.keys, args[1]) {
			i.keys = append(i.keys, args[1])
		}
	case args[0] == "saw":
		count := map[string]int{}
		for _, r := range i.requests() {
			name := "other"
			for _, k := range i.keys {
				if ts.Getenv(k) == r.key {
					name = k
				}
			}
			if strings.HasPrefix(r.line, "CONNECT ") {
				name = "CONNECT"
			}
			count[name]++
		}
		i.mu.Lock()
		i.seen = nil
		i.mu.Unlock()
		got := []string{}
		for name, n := range count {
			got = append(got, fmt.Sprintf("%s %d", name, n))
		}
		slices.Sort(got)
		want := slices.Sorted(slices.Values(args[1:]))
		if !slices.Equal(got, want) {
			ts.Fatalf("the issuer saw %q, want %q", got, want)
		}
	case args[0] == "proxy" && len(args) == 3:
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		ts.Defer(func() { l.Close() })
		ts.Setenv(args[1], "http://"+l.Addr().String())
		go i.proxy(l, args[2])
	default:
		ts.Fatalf("issuer does not do %q", args)
	}
}

// proxy answers every connection with status.
func (i *issuer) proxy(l net.Listener, status string) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		r, err := http.ReadRequest(bufio.NewReader(c))
		if err == nil {
			i.mu.Lock()
			i.seen = append(i.seen, request{r.Method + " " + r.RequestURI, r.Header.Get("Authorization")})
			i.mu.Unlock()
			fmt.Fprintf(c, "HTTP/1.1 %s No\r\nContent-Length: 0\r\n\r\n", status)
		}
		c.Close()
	}
}
