package verify

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	neturl "net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"keysweep/finding"
	"keysweep/rules"
)

const (
	martisLive = "api.martis.id:443"
	martisTest = "api-staging.martis.id:443"
	stripeHost = "api.stripe.com:443"
)

// built is the built-in rules, loaded once.
var built = sync.OnceValue(func() *rules.Set {
	set, err := rules.Load(nil)
	if err != nil {
		panic(err)
	}
	return set
})

// authority signs the certificates of the world.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

var trustedAuthority, strangeAuthority = sync.OnceValue(newAuthority), sync.OnceValue(newAuthority)

func newAuthority() *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return &authority{cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// certificate returns one for name that ends at the given time.
func (a *authority) certificate(name string, from, to time.Time) tls.Certificate {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: from, NotAfter: to, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &a.key.PublicKey, a.key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key}
}

// world is the network of a test: hosts by name, all of them here. Nothing
// else can be reached.
type world struct {
	t testing.TB

	mu     sync.Mutex
	hosts  map[string]string         // host:port to a loopback address; "" is a name that does not exist
	saw    map[string]map[string]int // key to the hosts that saw it, and how often
	keys   map[string]bool           // of the test
	clock  time.Time
	slept  time.Duration
	output bytes.Buffer // everything that a run wrote anywhere
	opts   Options
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, hosts: map[string]string{}, saw: map[string]map[string]int{}, keys: map[string]bool{}, clock: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, trustedAuthority().pem, 0o600); err != nil {
		t.Fatal(err)
	}
	w.opts = Options{
		CAFile: ca, EgressLog: writer(w.write), Version: "1.2.3", timeout: 5 * time.Second,
		Now:      w.now,
		Progress: func(done, total int) { fmt.Fprintf(writer(w.write), "progress %d/%d\n", done, total) },
		dial:     w.dial, proxy: func(*http.Request) (*neturl.URL, error) { return nil, nil }, sleep: w.sleep,
	}
	return w
}

type writer func([]byte) (int, error)

func (f writer) Write(b []byte) (int, error) { return f(b) }

func (w *world) write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.output.Write(b)
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

// sleep moves the clock of the world instead of waiting.
func (w *world) sleep(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
	w.slept += d
	return nil
}

func (w *world) dial(ctx context.Context, network, address string) (net.Conn, error) {
	w.mu.Lock()
	to, ok := w.hosts[address]
	w.mu.Unlock()
	host, _, _ := net.SplitHostPort(address)
	switch {
	case !ok && isLoopback(host):
		to = address
	case !ok:
		w.t.Errorf("a connection to %s", address)
		return nil, &net.DNSError{Err: "no such host", Name: host}
	case to == "":
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return new(net.Dialer).DialContext(ctx, network, to)
}

// see notes that host saw the key of a request, and returns the key.
func (w *world) see(host string, r *http.Request) string {
	header := r.Header.Get("Authorization")
	scheme, key, _ := strings.Cut(header, " ")
	if scheme == "Basic" {
		key, _, _ = r.BasicAuth()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.saw[key] == nil {
		w.saw[key] = map[string]int{}
	}
	w.saw[key][host]++
	return key
}

// host starts a host that answers with h; change may spoil its TLS.
func (w *world) host(name string, h func(rw http.ResponseWriter, r *http.Request, key string), change func(*tls.Config)) *httptest.Server {
	host, _, _ := net.SplitHostPort(name)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		h(rw, r, w.see(name, r))
	}))
	s.Config.ErrorLog = log.New(writer(func(b []byte) (int, error) { return len(b), nil }), "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{leaf(host)}}
	if change != nil {
		change(s.TLS)
	}
	s.StartTLS()
	w.t.Cleanup(s.Close)
	w.at(name, s.Listener.Addr().String())
	return s
}

var leaves sync.Map

func leaf(host string) tls.Certificate {
	if c, ok := leaves.Load(host); ok {
		return c.(tls.Certificate)
	}
	c := trustedAuthority().certificate(host, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	leaves.Store(host, c)
	return c
}

func (w *world) at(name, address string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hosts[name] = address
}

// raw starts a host of which serve plays every connection, TLS or not.
func (w *world) raw(name string, secure bool, serve func(net.Conn)) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	if secure {
		host, _, _ := net.SplitHostPort(name)
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{leaf(host)}})
	}
	w.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); serve(c) }()
		}
	}()
	w.at(name, l.Addr().String())
}

// run verifies findings and checks what must hold whatever happens: nothing
// that was written holds a key, and every key was seen by one host at most, at
// most three times.
func (w *world) run(ctx context.Context, list ...*finding.Finding) Summary {
	w.t.Helper()
	sum, err := All(ctx, w.opts, built(), list)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range list {
		text, err := json.Marshal(f)
		if err != nil {
			w.t.Fatal(err)
		}
		fmt.Fprintf(writer(w.write), "%s\n%+v %#v\n", text, f, f)
	}
	fmt.Fprintf(writer(w.write), "%+v %#v\n", sum, sum)
	w.noLeak(list)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range list {
		hosts := w.saw[f.Secret.Reveal()]
		total := 0
		for _, n := range hosts {
			total += n
		}
		if len(hosts) > 1 || total > maxAttempts {
			w.t.Errorf("the key was seen %v", hosts)
		}
	}
	return sum
}

func (w *world) noLeak(list []*finding.Finding) {
	w.t.Helper()
	w.mu.Lock()
	text := w.output.String()
	w.mu.Unlock()
	for _, f := range list {
		key := f.Secret.Reveal()
		body := key[len(f.Secret.Prefix()):]
		percent := ""
		for _, c := range []byte(body) {
			percent += fmt.Sprintf("%%%02x", c)
		}
		for _, form := range []string{
			body, strings.ToLower(body), strings.ToUpper(body), body[:8], body[8:], reversed(body), percent, strings.ToUpper(percent),
			base64.StdEncoding.EncodeToString([]byte(key)), base64.RawURLEncoding.EncodeToString([]byte(body)),
			base64.StdEncoding.EncodeToString([]byte(key + ":")), hex.EncodeToString([]byte(body)),
		} {
			if i := strings.Index(text, form); i >= 0 {
				w.t.Errorf("a key was written: …%s…", text[max(0, i-80):min(len(text), i+80)])
				return
			}
		}
	}
}

// sent returns how many requests were seen with the keys of a list, and with others,
// which are made up.
func (w *world) sent(list ...*finding.Finding) (keys, made int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, hosts := range w.saw {
		for _, n := range hosts {
			if slices.ContainsFunc(list, func(f *finding.Finding) bool { return f.Secret.Reveal() == key }) {
				keys += n
			} else {
				made += n
			}
		}
	}
	return keys, made
}

// requests returns how often a key was seen.
func (w *world) requests(f *finding.Finding) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, seen := range w.saw[f.Secret.Reveal()] {
		n += seen
	}
	return n
}

const base62 = digits + lower + upper

// body returns n random characters, the same for the same seed.
func body(n int, seed uint64) string {
	r := mathrand.New(mathrand.NewPCG(seed, 7))
	b := make([]byte, n)
	for i := range b {
		b[i] = base62[r.IntN(len(base62))]
	}
	return string(b)
}

// martisKey returns a finding of a production key of Martis.
func martisKey(seed uint64) *finding.Finding {
	return &finding.Finding{
		Secret: finding.NewSecret("sk_"+"live_", body(40, seed)), RuleID: "martis-secret-key", Issuer: "martis",
		IssuerStrength: finding.StrengthHost, Environment: finding.Production, Confidence: finding.High,
	}
}

// answer writes a JSON answer.
func answer(rw http.ResponseWriter, status int, text string) {
	rw.Header().Set("Content-Type", "application/json; charset=utf-8")
	rw.WriteHeader(status)
	fmt.Fprint(rw, text)
}

// martis plays the API faithfully: states says what it knows of a key.
func martis(states map[string]string) func(rw http.ResponseWriter, r *http.Request, key string) {
	return func(rw http.ResponseWriter, r *http.Request, key string) {
		if r.Method != http.MethodGet || r.URL.Path != "/api/v1/payments/charges" || r.URL.RawQuery != "" ||
			r.Header.Get("Authorization") != "Bearer "+key || r.Header.Get("User-Agent") != "keysweep/1.2.3" {
			answer(rw, http.StatusTeapot, `{"status":"fail","data":{}}`)
			return
		}
		switch states[key] {
		case "active":
			answer(rw, http.StatusOK, `{"status":"success","data":[{"id":"ch_1","amount":1000}]}`)
		case "expired":
			answer(rw, http.StatusUnauthorized, `{"status":"error","message":"API key expired"}`)
		case "restricted":
			answer(rw, http.StatusForbidden, `{"status":"error","message":"Insufficient permissions for this action"}`)
		case "not activated":
			answer(rw, http.StatusForbidden, `{"status":"fail","message":"Account not activated"}`)
		case "allowlist":
			answer(rw, http.StatusForbidden, `{"status":"error","message":"IP address not in the allowlist"}`)
		case "allowlist 401":
			answer(rw, http.StatusUnauthorized, `{"status":"error","message":"IP address not in the allowlist"}`)
		default:
			answer(rw, http.StatusUnauthorized, `{"status":"error","message":"Invalid or missing API key"}`)
		}
	}
}

func reversed(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}
