package verify

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"keysweep/finding"
)

// maxFailures is how many keys in a row may fail at a host before the rest are
// not tried.
const maxFailures = 5

// host is one host, its jobs and its limits.
type host struct {
	jobs    []*job
	limiter *rate.Limiter

	mu        sync.Mutex
	taken     int       // guarded by mu, as are the others; jobs[:taken] were started
	notBefore time.Time // from Retry-After
	failures  int       // keys in a row
	closed    *outcome  // if set, the outcome of every further key
}

func (h *host) start(opts *Options) {
	h.limiter = rate.NewLimiter(maxRate, opts.concurrency)
}

// next returns the next job, or nil.
func (h *host) next() *job {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.taken == len(h.jobs) {
		return nil
	}
	h.taken++
	return h.jobs[h.taken-1]
}

// turn waits until the host may be asked again. If it may not, it returns false
// and the outcome.
func (h *host) turn(ctx context.Context, opts *Options) (outcome, bool) {
	now := opts.Now()
	wait := h.limiter.ReserveN(now, 1).DelayFrom(now)
	for {
		h.mu.Lock()
		closed := h.closed
		wait = max(wait, h.notBefore.Sub(now))
		h.mu.Unlock()
		switch {
		case closed != nil:
			return *closed, false
		case ctx.Err() != nil:
			return interrupted(ctx), false
		case wait <= 0:
			return outcome{}, true
		}
		if opts.sleep(ctx, wait) != nil {
			return interrupted(ctx), false
		}
		// Meanwhile another worker may have received a Retry-After.
		now, wait = opts.Now(), 0
	}
}

// pause keeps requests back until t.
func (h *host) pause(t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t.After(h.notBefore) {
		h.notBefore = t
	}
}

// close gives every further key the outcome o.
func (h *host) close(o outcome) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed == nil {
		h.closed = &o
	}
}

// countFailure closes a host that is down, so that it is not asked about every key.
func (h *host) countFailure(o outcome) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !o.hostFailed() {
		h.failures = 0
		return
	}
	if h.failures++; h.failures >= maxFailures && h.closed == nil {
		h.closed = &outcome{verdict: finding.Unknown, code: o.code, words: fmt.Sprintf("gave up after %d keys in a row: %s", maxFailures, o.words)}
	}
}

// interrupted is the outcome of a request that ctx ended.
func interrupted(ctx context.Context) outcome {
	if context.Cause(ctx) == errTotal {
		return final(finding.Unknown, finding.CodeTimeout, errTotal.Error())
	}
	return final(finding.Unknown, finding.CodeCancelled, "the run was cancelled")
}
