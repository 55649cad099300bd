package verify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"keysweep/file"
	"keysweep/finding"
)

// The limits of a connection.
const (
	maxHeader     = 64 << 10 // bytes
	maxCAFile     = 16 << 20 // bytes
	dialTimeout   = 8 * time.Second
	minTLSVersion = tls.VersionTLS12
)

// client sends requests. It uses net/http's transport without its client: no
// redirects, no cookies, no addresses in errors. Each request uses HTTP/1.1 and a
// new connection: on a reused connection, and in HTTP/2, the transport repeats
// requests by itself, and a key would be sent more often than we count.
type client struct {
	opts   *Options
	secure *http.Transport
	plain  *http.Transport // to loopback addresses only; never through a proxy
}

func newClient(opts *Options) (*client, error) {
	roots, err := trustedRoots(opts.CAFile)
	if err != nil {
		return nil, err
	}
	proxy := opts.proxy
	if proxy == nil {
		proxy = http.ProxyFromEnvironment
	}
	c := &client{opts: opts}
	c.secure = &http.Transport{
		Proxy: func(req *http.Request) (*url.URL, error) {
			u, err := proxy(req)
			if err != nil {
				return nil, &proxyError{words: "the proxy address in the environment is not valid"}
			}
			return u, nil
		},
		OnProxyConnectResponse: func(_ context.Context, _ *url.URL, _ *http.Request, res *http.Response) error {
			if res.StatusCode != http.StatusOK {
				return &proxyError{words: fmt.Sprintf("the proxy answered CONNECT with %d", res.StatusCode)}
			}
			return nil
		},
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: minTLSVersion},
		TLSHandshakeTimeout: dialTimeout,
	}
	c.plain = &http.Transport{}
	for _, t := range []*http.Transport{c.secure, c.plain} {
		t.DialContext = c.dial(t == c.plain)
		t.DisableKeepAlives, t.DisableCompression = true, true
		t.MaxResponseHeaderBytes = maxHeader
		t.Protocols = new(http.Protocols)
		t.Protocols.SetHTTP1(true)
	}
	return c, nil
}

func (c *client) close() {
	c.secure.CloseIdleConnections()
	c.plain.CloseIdleConnections()
}

// trustedRoots returns the certificates of the system and of the file at path; nil,
// which means the system's, if path is "".
func trustedRoots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	pem, err := file.Read(path, maxCAFile)
	if err != nil {
		return nil, fmt.Errorf("CA file %s: %w", path, err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("CA file %s: no PEM certificate", path)
	}
	return pool, nil
}

// errNotLoopback is returned if a loopback name resolves to another address.
var errNotLoopback = errors.New("not a loopback address")

// dial opens connections. If loopback is set, it refuses all other addresses that
// a name resolves to.
func (c *client) dial(loopback bool) func(context.Context, string, string) (net.Conn, error) {
	if c.opts.dial != nil && !loopback {
		return c.opts.dial
	}
	d := &net.Dialer{Timeout: dialTimeout, KeepAlive: -1}
	if loopback {
		d.Control = func(_, address string, _ syscall.RawConn) error {
			if a, err := netip.ParseAddrPort(address); err != nil || !a.Addr().Unmap().IsLoopback() {
				return errNotLoopback
			}
			return nil
		}
	}
	return d.DialContext
}

// proxyError is a proxy that does not let us through. It has no words of the
// proxy's.
type proxyError struct{ words string }

func (e *proxyError) Error() string { return e.words }

// stage is how far a request got. Several goroutines write it.
type stage struct {
	handshake atomic.Bool // the TLS handshake began and has not succeeded
	answered  atomic.Bool // the first byte of an answer arrived
}

// get sends one request with key and returns the answer, or why there is none.
// Only the body of the answer may contain the key.
func (c *client) get(ctx context.Context, e *endpoint, key string) (*reply, outcome) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.opts.timeout, errRequest)
	defer cancel()
	var st stage
	trace := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		TLSHandshakeStart:    func() { st.handshake.Store(true) },
		TLSHandshakeDone:     func(_ tls.ConnectionState, err error) { st.handshake.Store(err != nil) },
		GotFirstResponseByte: func() { st.answered.Store(true) },
	})
	req := (&http.Request{
		Method: http.MethodGet, URL: e.url, Host: e.url.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"User-Agent":      {"keysweep/" + c.opts.Version},
			"Accept":          {"application/json"},
			"Accept-Encoding": {"identity"},
			e.probe.Header:    {credentials(e.probe.Scheme, key)},
		},
	}).WithContext(trace)
	transport := c.secure
	if e.url.Scheme == "http" {
		transport = c.plain
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		return nil, c.failure(ctx, &st, err)
	}
	defer res.Body.Close()
	if res.StatusCode < http.StatusOK {
		// The body of 101 is the connection, which no context ends.
		return &reply{status: res.StatusCode, header: res.Header}, outcome{}
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		o := c.failure(ctx, &st, err)
		if o.code == finding.CodeUnexpectedAnswer {
			o = final(finding.Unknown, finding.CodeConnection, "the answer was cut short")
		}
		return nil, o
	}
	return &reply{res.StatusCode, res.Header, body}, outcome{}
}

// credentials returns the value of the header that carries the key.
func credentials(scheme, key string) string {
	switch scheme {
	case "":
		return key
	case "Basic":
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(key+":"))
	}
	return scheme + " " + key
}

// errRequest is the cause when Options.timeout expires.
var errRequest = errors.New("the time limit of a request expired")

// failure returns why no answer came, in our own words: an error may quote the
// other side.
func (c *client) failure(ctx context.Context, st *stage, err error) outcome {
	unknown := func(code finding.StatusCode, words string) outcome { return final(finding.Unknown, code, words) }
	var (
		proxyErr *proxyError
		dnsErr   *net.DNSError
		opErr    *net.OpError
		netErr   net.Error
	)
	answered := st.answered.Load()
	switch {
	case ctx.Err() != nil && context.Cause(ctx) != errRequest:
		return interrupted(ctx)
	case errors.As(err, &proxyErr):
		return unknown(finding.CodeProxy, proxyErr.words)
	case errors.As(err, &opErr) && (opErr.Op == "proxyconnect" || strings.HasPrefix(opErr.Op, "socks")):
		return unknown(finding.CodeProxy, "the proxy cannot be reached")
	case errors.As(err, &dnsErr):
		if dnsErr.IsTimeout {
			return unknown(finding.CodeDNS, "the DNS lookup of the host timed out")
		}
		return unknown(finding.CodeDNS, "the DNS lookup of the host failed")
	case context.Cause(ctx) == errRequest, errors.As(err, &netErr) && netErr.Timeout():
		return unknown(finding.CodeTimeout, fmt.Sprintf("no answer within %v", c.opts.timeout))
	case errors.Is(err, errNotLoopback):
		return unknown(finding.CodeConnection, "plain http to a host that is not this machine")
	}
	if words, ok := untrusted(err); ok {
		return unknown(finding.CodeTLS, words)
	}
	o := unknown(finding.CodeConnection, "the connection failed")
	o.again = !answered
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, wsaRefused):
		o.words = "the connection was refused"
	case broken(err):
		o.words = "the connection was lost"
	case st.handshake.Load():
		return unknown(finding.CodeTLS, "the TLS handshake failed")
	case answered:
		return unknown(finding.CodeUnexpectedAnswer, "the answer is not HTTP, or its header is too long")
	}
	return o
}

// Windows has numbers of its own for these errors, which no other system uses.
const wsaRefused, wsaReset, wsaAborted = syscall.Errno(10061), syscall.Errno(10054), syscall.Errno(10053)

// broken reports whether a connection ended before it should.
func broken(err error) bool {
	ends := []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED, net.ErrClosed, wsaReset, wsaAborted}
	return slices.ContainsFunc(ends, func(end error) bool { return errors.Is(err, end) })
}

// untrusted reports whether err is about a certificate or the handshake.
func untrusted(err error) (words string, ok bool) {
	var (
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		authority x509.UnknownAuthorityError
		verifying *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		alert     tls.AlertError
	)
	switch {
	case errors.As(err, &name):
		return "the certificate is for another host", true
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate has expired or is not valid yet (check this machine's clock)", true
	case errors.As(err, &authority):
		return "the certificate is signed by an untrusted authority", true
	case errors.As(err, &verifying), errors.As(err, &invalid):
		return "the certificate is not valid", true
	case errors.As(err, &record):
		return "the host does not speak TLS", true
	case errors.As(err, &alert):
		return "the host rejected the TLS connection", true
	}
	return "", false
}
