package verify

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"keysweep/finding"
)

// maxAttempts is one request and two retries.
const maxAttempts = 3

// maxRetryAfter is the longest Retry-After that is honoured.
const maxRetryAfter = 60 * time.Second

// attempts asks about one key, with retries if the host was too busy to answer: at
// most so many requests. It returns how many were sent.
// backoff.Retry has the loop as well, but no clock can be given to it, and other
// workers may make the host wait between two tries.
func (r *run) attempts(ctx context.Context, e *endpoint, key finding.Secret, madeUp bool, most int) (o outcome, sent int) {
	pause := backoff.NewExponentialBackOff()
	for attempt := 1; ; attempt++ {
		if o, ok := e.host.turn(ctx, r.opts); !ok {
			return o, sent
		}
		sent++
		rep, o := r.request(ctx, e, key, madeUp, attempt)
		if rep != nil {
			o = read(e.probe, rep, key.Prefix())
			o.words = clean(o.words, key.Reveal(), key.Prefix())
		}
		wait, again := r.retry(e.host, rep, &o, pause)
		if !again || attempt == most {
			return o, sent
		}
		if r.opts.Now().Add(wait).After(r.end) {
			o.words += "; no time is left to retry"
			return o, sent
		}
		if r.opts.sleep(ctx, wait) != nil {
			return interrupted(ctx), sent
		}
	}
}

// retry returns whether, and after how long, to ask again.
func (r *run) retry(h *host, rep *reply, o *outcome, pause backoff.BackOff) (time.Duration, bool) {
	if !o.again {
		return 0, false
	}
	wait := pause.NextBackOff()
	if rep == nil {
		return wait, true
	}
	asked, ok := retryAfter(rep.header, r.opts.Now())
	if !ok {
		return wait, true
	}
	if asked > maxRetryAfter {
		o.words += fmt.Sprintf("; the host asked for a pause of more than %v", maxRetryAfter)
		h.close(*o)
		return 0, false
	}
	h.pause(r.opts.Now().Add(asked))
	return max(wait, asked), true
}

// retryAfter reads the header of that name (RFC 9110, section 10.2.3).
func retryAfter(header http.Header, now time.Time) (time.Duration, bool) {
	text := strings.TrimSpace(header.Get("Retry-After"))
	if text == "" {
		return 0, false
	}
	if strings.Trim(text, "0123456789") == "" {
		seconds, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return maxRetryAfter + 1, true
		}
		return time.Duration(seconds) * time.Second, true
	}
	if t, err := http.ParseTime(text); err == nil {
		return max(t.Sub(now), 0), true
	}
	return 0, false
}

// request sends one request. It is logged before it is sent, or not sent, and
// again with its result.
func (r *run) request(ctx context.Context, e *endpoint, key finding.Secret, madeUp bool, attempt int) (*reply, outcome) {
	rec := Record{Event: "request", Method: http.MethodGet, Host: e.url.Host, Path: e.url.EscapedPath(), Key: key.ID(), MadeUp: madeUp, Attempt: attempt}
	if !r.egress.write(rec) {
		return nil, final(finding.Unknown, finding.CodeCancelled, "the egress log cannot be written")
	}
	rep, o := r.client.get(ctx, e, key.Reveal())
	rec.Event, rec.Error = "result", o.code
	if rep != nil {
		rec.Status = rep.status
	}
	r.egress.write(rec)
	return rep, o
}

// recovering contains a panic. The panic's value may hold a key, so only its type
// and source line are reported.
func recovering(f func() outcome) (o outcome) {
	defer func() {
		if v := recover(); v != nil {
			o = outcome{verdict: finding.Unknown, code: finding.CodeInternalError, words: fmt.Sprintf("%T at %s", v, panicked())}
		}
	}()
	return f()
}

// panicked returns the source line of the panic that is being recovered.
func panicked() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "runtime.") {
			return path.Base(f.File) + ":" + strconv.Itoa(f.Line)
		}
		if !more {
			return "an unknown line"
		}
	}
}
