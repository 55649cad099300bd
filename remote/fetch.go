package remote

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/git"
	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
)

// Options says how servers are spoken to. The zero value takes the default refs and
// sends the credentials of addresses, netrc and ssh.
type Options struct {
	// Refs says which refs are fetched.
	Refs Selection
	// Tokens are passwords for web servers. CheckTokens says whether they can be used.
	Tokens []Token
	// CAFile is a PEM file of further trusted certificates.
	CAFile string
	// Messages, if not nil, is called with each line that the server writes for
	// its users. It is hostile text.
	Messages func(line string)
}

const (
	// connectTime is how long a server may take to answer the first time, and
	// idleTime how long it may be silent afterwards: git's own servers send a
	// sign of life every five seconds.
	connectTime = 30 * time.Second
	idleTime    = 2 * time.Minute
)

// Client fetches repositories. It is safe for concurrent use.
type Client struct {
	opts  Options
	roots *x509.CertPool
}

// NewClient returns a client. The error is about a file that opts names.
func NewClient(opts Options) (*Client, error) {
	roots, err := Roots(opts.CAFile)
	if err != nil {
		return nil, err
	}
	return &Client{opts: opts, roots: roots}, nil
}

// Fetch asks the server at a for its refs and writes one pack, with all that the
// chosen ones reach and those in have do not, to w. have are ids of objects that are
// here with all that they reach, in hexadecimal digits. Errors are one sentence that names neither user nor
// password, and with them Fetch returns what is known: nil before the server has
// named its refs. An error of w is returned as it is. A repository without refs, or
// without any that a glob took, has no pack, and is no error; a ref that was named and
// is not there is one, and nothing is fetched.
func (c *Client) Fetch(ctx context.Context, a *Address, have []string, w io.Writer) (*Fetched, error) {
	ctx, watch := watchSilence(ctx)
	defer watch.stop()
	t, err := c.open(a)
	if err != nil {
		return nil, c.sentence(ctx, a, t, err)
	}
	session, ar, err := c.discover(ctx, a, t)
	if errors.Is(err, transport.ErrEmptyRemoteRepository) {
		return &Fetched{}, nil
	}
	if err != nil {
		return nil, c.sentence(ctx, a, t, err)
	}
	defer session.Close()
	f := &Fetched{Final: t.final(a)}
	wants := f.choose(ar, c.opts.Refs)
	if err := f.missing(c.opts.Refs); err != nil {
		return f, c.sentence(ctx, a, t, err)
	}
	wants = slices.DeleteFunc(wants, func(id plumbing.Hash) bool { return slices.Contains(have, id.String()) })
	if len(wants) == 0 {
		return f, nil
	}
	req := packp.NewUploadPackRequestFromCapabilities(ar.Capabilities)
	req.Wants = wants
	for _, id := range have {
		req.Haves = append(req.Haves, plumbing.NewHash(id))
		req.Capabilities.Delete(capability.ThinPack) // the pack has to be whole by itself
	}
	err = guard(func() error { return c.pack(ctx, session, req, &watchedWriter{w, watch}) })
	if err != nil {
		return f, c.sentence(ctx, a, t, err)
	}
	return f, nil
}

// conversation is how one server is spoken to.
type conversation struct {
	transport transport.Transport
	endpoint  *transport.Endpoint
	auth      transport.AuthMethod
	web       *web   // nil: neither http nor https
	login     *login // nil: not ssh
}

// open prepares to speak to the server at a.
func (c *Client) open(a *Address) (*conversation, error) {
	t := &conversation{endpoint: &transport.Endpoint{Protocol: a.Scheme, Host: a.Host, Port: a.Port, Path: a.Path}}
	switch a.Scheme {
	case "http", "https":
		t.endpoint.Host = a.hostPort(0)
		login, err := c.credentials(a)
		if err != nil {
			return t, err
		}
		if login != nil { // a nil pointer in an interface is no nil
			t.auth = login
		}
		t.web = c.newWeb(a)
		t.transport = t.web.transport()
	case "git":
		t.endpoint.Port = portOf(a)
		t.transport = git.DefaultClient
	case "ssh":
		t.transport = gitssh.DefaultClient
		t.login, t.endpoint.Host, t.endpoint.Port = newLogin(a)
		t.auth = t.login
	}
	return t, nil
}

// final returns the address that the first request was led to, "" if it was not.
func (t *conversation) final(a *Address) string {
	if t.web == nil {
		return ""
	}
	e := t.endpoint
	at := &Address{Scheme: e.Protocol, Host: strings.ReplaceAll(trimBrackets(e.Host), "%25", "%"), Port: e.Port, Path: e.Path}
	if at.String() == a.String() {
		return ""
	}
	return at.String()
}

// discover opens a session and returns the refs of the server. go-git's connections
// do not end with a context, so they are left behind if it does.
func (c *Client) discover(ctx context.Context, a *Address, t *conversation) (transport.UploadPackSession, *packp.AdvRefs, error) {
	offerAll()
	ctx, cancel := context.WithTimeoutCause(ctx, connectTime, errNoAnswer)
	defer cancel()
	type answer struct {
		session transport.UploadPackSession
		refs    *packp.AdvRefs
		err     error
	}
	done := make(chan answer, 1)
	go func() {
		var got answer
		got.err = guard(func() (err error) {
			session, err := t.transport.NewUploadPackSession(t.endpoint, t.auth)
			if err != nil {
				return err
			}
			if got.refs, err = session.AdvertisedReferencesContext(ctx); err != nil {
				_ = session.Close()
				return err
			}
			got.session = session
			return nil
		})
		done <- got
	}()
	select {
	case got := <-done:
		return got.session, got.refs, got.err
	case <-ctx.Done():
		go func() {
			if got := <-done; got.err == nil {
				_ = got.session.Close()
			}
		}()
		return nil, nil, context.Cause(ctx)
	}
}

// guard turns a panic of go-git, which reads what a stranger sent, into an error.
func guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal error: panic of %T", r)
		}
	}()
	return f()
}

// offerAll lets go-git offer multi_ack, without which Azure DevOps sends no pack, and
// thin-pack, without which dulwich does not. Both mean something only where the client
// has objects already, and this one has none.
var offerAll = sync.OnceFunc(func() { transport.UnsupportedCapabilities = nil })

// pack asks for a pack and writes it to w.
func (c *Client) pack(ctx context.Context, session transport.UploadPackSession, req *packp.UploadPackRequest, w *watchedWriter) error {
	res, err := session.UploadPack(ctx, req)
	if err != nil {
		return err
	}
	defer res.Close()
	var pack io.Reader = res
	if req.Capabilities.Supports(capability.Sideband64k) || req.Capabilities.Supports(capability.Sideband) {
		pack = &demuxer{r: res, messages: &messages{say: c.opts.Messages, watch: w.watch}}
	}
	_, err = io.CopyBuffer(writerOnly{w}, pack, make([]byte, 128<<10))
	return err
}

// writerOnly hides all methods of a writer but Write, so that a copy uses its buffer.
type writerOnly struct{ io.Writer }

// watch ends a context when nothing came for idleTime.
type watch struct {
	timer  *time.Timer
	cancel context.CancelCauseFunc
}

func watchSilence(ctx context.Context) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{cancel: cancel}
	w.timer = time.AfterFunc(idleTime, func() { cancel(errSilent) })
	return ctx, w
}

// alive says that something came.
func (w *watch) alive() { w.timer.Reset(idleTime) }

func (w *watch) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// watchedWriter notes in a watch that something came, and marks errors of its writer.
type watchedWriter struct {
	w     io.Writer
	watch *watch
}

func (w *watchedWriter) Write(b []byte) (int, error) {
	w.watch.alive()
	n, err := w.w.Write(b)
	if err != nil {
		err = &writeError{err}
	}
	return n, err
}

// writeError is an error of the writer of Fetch.
type writeError struct{ err error }

func (e *writeError) Error() string { return e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }
