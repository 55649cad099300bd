package list

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"keysweep/quote"
	"keysweep/remote"
)

// Limits of one conversation with an API.
const (
	answerTime = 60 * time.Second // of one request
	maxAnswer  = 64 << 20         // bytes: a page of a hundred repositories has one
	maxPause   = 2 * time.Hour    // GitHub's limits are of one hour
	maxTries   = 6                // of one request
	// secondaryPause is how long GitHub asks to wait when it names no time, at least.
	secondaryPause = time.Minute
)

// newClient returns a client for h's API alone, which sends the token and waits for rate
// limits. The client libraries get no token: net/http would hand on some of their headers
// to another host.
func newClient(h *host) (*http.Client, error) {
	roots, err := remote.Roots(h.CAFile)
	if err != nil {
		return nil, err
	}
	inner := http.DefaultTransport.(*http.Transport).Clone()
	inner.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	inner.ResponseHeaderTimeout = answerTime
	return &http.Client{Transport: &patient{h, inner}}, nil
}

// patient is a transport to one host that waits as long as the server asks.
type patient struct {
	h     *host
	inner http.RoundTripper
}

// RoundTrip implements http.RoundTripper. Any answer but success and redirects is a
// statusError, so that no client library reads it.
func (p *patient) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != p.h.base.Scheme || req.URL.Host != p.h.base.Host {
		return nil, &leadsElsewhere{req.URL.Host}
	}
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", "keysweep")
	if p.h.token != "" {
		req.Header.Set("Authorization", p.h.scheme+" "+p.h.token)
	}
	for try := 1; ; try++ {
		res, err := p.inner.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		if res.StatusCode < 400 {
			return p.success(res)
		}
		refusal := readRefusal(res)
		pause := refusal.pause(res.Header, p.h.Now(), try)
		switch {
		case pause <= 0 || try == maxTries:
			return nil, refusal
		case pause > maxPause:
			refusal.limited = pause
			return nil, refusal
		case pause >= 10*time.Second:
			p.h.Say(fmt.Sprintf("%s asks to wait for %s.", p.h.base.Host, pause.Round(time.Second)))
		}
		if err := p.h.Sleep(req.Context(), pause); err != nil {
			return nil, err
		}
	}
}

// success bounds an answer, and refuses one that is not of an API.
func (p *patient) success(res *http.Response) (*http.Response, error) {
	if res.StatusCode < 300 && !strings.Contains(res.Header.Get("Content-Type"), "json") {
		_ = res.Body.Close()
		return nil, errNoAPI
	}
	if strings.HasPrefix(res.Header.Get("X-Github-Sso"), "partial-results") {
		p.h.Say(fmt.Sprintf("%s lists only a part: the token in %s is not authorized for the single sign-on of every organisation.", p.h.base.Host, p.h.variable))
	}
	res.Body = &boundedBody{ReadCloser: res.Body, left: maxAnswer}
	return res, nil
}

// boundedBody is a body that may have no more bytes than left.
type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(buf []byte) (int, error) {
	n, err := b.ReadCloser.Read(buf)
	if b.left -= int64(n); b.left < 0 {
		return 0, errLongAnswer
	}
	return n, err
}

var (
	errNoAPI      = errors.New("not JSON")
	errLongAnswer = errors.New("it answers with too many bytes")
)

// leadsElsewhere says that a server leads to another one.
type leadsElsewhere struct{ host string }

func (e *leadsElsewhere) Error() string { return "leads to " + e.host }

// statusError is an answer that is neither success nor a redirect.
type statusError struct {
	status  int
	message string        // of the server: hostile
	limited time.Duration // the wait that it asks for, if that is too long
}

func (e *statusError) Error() string { return fmt.Sprintf("status %d", e.status) }

// isStatus reports whether err is an answer with a status.
func isStatus(err error, status int) bool {
	var e *statusError
	return errors.As(err, &e) && e.status == status
}

// readRefusal reads what the server says with a refusal, and closes the answer.
func readRefusal(res *http.Response) *statusError {
	body, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	_ = res.Body.Close()
	var said struct {
		Message any `json:"message"` // a string, or of GitLab at times an object
	}
	e := &statusError{status: res.StatusCode}
	if json.Unmarshal(bytes.TrimSpace(body), &said) == nil {
		e.message, _ = said.Message.(string)
	}
	return e
}

// pause returns how long to wait before a request is tried again, zero or less if it
// must not be. The documents: "Rate limits for the REST API" of GitHub, "Rate limits"
// of GitLab (whose headers have no x-), RFC 9110 §10.2.3.
func (e *statusError) pause(header http.Header, now time.Time, try int) time.Duration {
	backoff := func(first time.Duration) time.Duration { return first << (try - 1) }
	switch e.status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		if after := retryAfter(header, now); after > 0 {
			return after
		}
		return backoff(time.Second)
	case http.StatusTooManyRequests, http.StatusForbidden:
	default:
		return 0
	}
	if after := retryAfter(header, now); after > 0 {
		return after
	}
	first := func(names ...string) string {
		for _, name := range names {
			if v := header.Get(name); v != "" {
				return v
			}
		}
		return ""
	}
	reset, err := strconv.ParseInt(first("X-Ratelimit-Reset", "Ratelimit-Reset"), 10, 64)
	if err == nil && first("X-Ratelimit-Remaining", "Ratelimit-Remaining") == "0" {
		// The server's own clock, if it says it, and a second, since it cuts them off.
		if date, err := http.ParseTime(header.Get("Date")); err == nil {
			now = date
		}
		return max(time.Unix(reset, 0).Sub(now), 0) + time.Second
	}
	if e.status == http.StatusTooManyRequests || strings.Contains(strings.ToLower(e.message), "secondary rate limit") {
		return backoff(secondaryPause)
	}
	return 0
}

// retryAfter reads Retry-After: seconds or a date.
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(max(seconds, 1)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), time.Second)
	}
	return 0
}

// sentence returns one sentence for what went wrong when name was listed.
func (h *host) sentence(ctx context.Context, name string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	where := h.base.Host
	var elsewhere *leadsElsewhere
	var refused *statusError
	var failed *url.Error
	switch {
	case errors.As(err, &elsewhere):
		return fmt.Errorf("%s leads to %s, which is not followed: --api names the address to ask", where, quote.Name(elsewhere.host))
	case errors.As(err, &refused):
		return errors.New(h.refusal(name, refused))
	case errors.Is(err, errNoAPI):
		return fmt.Errorf("%s does not answer as an API of %s: is --api its address?", where, h.name)
	case errors.As(err, &failed): // whose text has the whole address
		err = failed.Err
	}
	return fmt.Errorf("listing %s of %s: %s", quote.Name(name), where, quote.Name(h.hideToken(err.Error())))
}

// refusal says what a status means.
func (h *host) refusal(name string, e *statusError) string {
	where, said := h.base.Host, ""
	if e.message != "" {
		said = ": " + quote.Name(h.hideToken(e.message[:min(len(e.message), 200)]))
	}
	switch {
	case e.limited > 0:
		return fmt.Sprintf("the rate limit of %s ends in %s", where, e.limited.Round(time.Minute))
	case e.status == http.StatusUnauthorized && h.token == "":
		return fmt.Sprintf("%s asks for a token (%s)", where, strings.Join(h.variables(), ", "))
	case e.status == http.StatusUnauthorized:
		return fmt.Sprintf("%s refuses the token in %s%s", where, h.variable, said)
	case e.status == http.StatusNotFound && h.token == "":
		return fmt.Sprintf("%s has no public organisation, group or account %s", where, quote.Name(name))
	case e.status == http.StatusNotFound:
		return fmt.Sprintf("%s has no organisation, group or account %s that the token in %s may see", where, quote.Name(name), h.variable)
	}
	return fmt.Sprintf("%s does not list %s (status %d)%s", where, quote.Name(name), e.status, said)
}

// hideToken hides the token where a server repeats it.
func (h *host) hideToken(text string) string {
	if h.token == "" {
		return text
	}
	return strings.ReplaceAll(text, h.token, "…")
}
