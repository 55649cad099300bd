package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"keysweep/file"
)

// maxCAFile and maxRefs bound a file of certificates, and what a web server sends as
// its list of refs: room for two million.
const (
	maxCAFile = 16 << 20
	maxRefs   = 256 << 20
)

// Roots returns the certificates of the system and those of a PEM file. Of "" it is nil,
// which stands for the first alone.
func Roots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	pem, err := file.Read(path, maxCAFile)
	if err != nil {
		return nil, fmt.Errorf("--ca-file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--ca-file %s: no PEM certificate", path)
	}
	return pool, nil
}

// web is one conversation over http or https. Of what a server answers, it lets
// nothing through to go-git but git's own content types, so that no page of a
// stranger, of whatever size, ends up in an error.
type web struct {
	client *http.Client
	inner  *http.Transport
}

func (c *Client) newWeb(_ *Address) *web {
	w := &web{inner: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: connectTime}).DialContext,
		TLSClientConfig:     &tls.Config{RootCAs: c.roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: connectTime,
		IdleConnTimeout:     time.Minute,
		DisableCompression:  true, // a pack is compressed, and a list of refs could be a bomb
		ForceAttemptHTTP2:   true,
		OnProxyConnectResponse: func(_ context.Context, _ *url.URL, _ *http.Request, res *http.Response) error {
			if res.StatusCode == http.StatusOK {
				return nil
			}
			return &statusError{status: res.StatusCode, proxy: true}
		},
	}}
	w.client = &http.Client{Transport: w}
	return w
}

func (w *web) transport() transport.Transport { return githttp.NewClient(w.client) }

// statusError is an answer that is no success.
type statusError struct {
	status int
	sent   bool // credentials were
	proxy  bool // it is the proxy's
}

func (e *statusError) Error() string { return fmt.Sprintf("status %d", e.status) }

// errNotGit says that a web server answered with something else than git's protocol.
var (
	errNotGit  = errors.New("not git")
	errDumbWeb = errors.New("dumb")
)

// RoundTrip implements http.RoundTripper.
func (w *web) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := w.inner.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode >= 300 && res.StatusCode < 400 && res.Header.Get("Location") != "" {
		return res, nil // followed, or refused, by the client
	}
	kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	isRefs := req.Method == http.MethodGet
	switch {
	case res.StatusCode < 200 || res.StatusCode > 299:
		err = &statusError{status: res.StatusCode, sent: req.Header.Get("Authorization") != ""}
	case isRefs && strings.HasPrefix(kind, "text/plain") && strings.HasSuffix(req.URL.Path, "/info/refs"):
		err = errDumbWeb
	case isRefs && kind != "application/x-git-upload-pack-advertisement", !isRefs && kind != "application/x-git-upload-pack-result":
		err = errNotGit
	}
	if err != nil {
		_ = res.Body.Close()
		return nil, err
	}
	if isRefs {
		res.Body = &limitedBody{res.Body, maxRefs}
	}
	return res, nil
}

// limitedBody is a body that may have no more bytes than left.
type limitedBody struct {
	io.ReadCloser
	left int64
}

var errManyRefs = errors.New("too many refs")

func (l *limitedBody) Read(b []byte) (int, error) {
	n, err := l.ReadCloser.Read(b)
	if l.left -= int64(n); l.left < 0 {
		return 0, errManyRefs
	}
	return n, err
}
