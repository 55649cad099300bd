// Package verify asks the issuer of a key, and no one else, whether the key
// still works. It is the only package of ours that opens connections. Rule files
// (rules.Probe) define the requests and the answers that count. Only the API's
// own clear answer counts; anything else is finding.Unknown with a reason, never
// finding.Inactive.
//
// A key never appears in an address, an argument, the environment, a log, an
// error or a reason. Redirects are not followed, and the HTTP library cannot
// repeat a request unseen.
package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"keysweep/finding"
	"keysweep/rules"
)

// DefaultIssuer is asked if Options.Issuers is empty.
const DefaultIssuer = "martis"

// AllIssuers in Options.Issuers means every issuer whose rule has a probe.
const AllIssuers = "all"

// The limits of a run, where Options say nothing else.
const (
	defaultBudget      = 100 // keys
	defaultConcurrency = 2   // requests at a time per host
	defaultTimeout     = 10 * time.Second
	defaultTotal       = 60 * time.Second
	maxRate            = 5.0 // requests per second per host
)

// Options says which issuers to ask and how. The zero value asks DefaultIssuer.
type Options struct {
	// Issuers may be asked; AllIssuers is all of them. Nil: DefaultIssuer alone.
	Issuers []string
	// Issuer is the issuer that the user names for all keys. It overrides the
	// findings, except for keys whose shape belongs to another issuer alone.
	// Empty: the findings decide.
	Issuer string
	// Endpoints replaces, by issuer, the scheme, host and port of its addresses;
	// a path is put before theirs. It must be https, or http to a loopback
	// address. A replacement that is a known host of the issuer is used only for
	// the environment of that host.
	Endpoints map[string]string
	// CAFile is a PEM file of further trusted certificates.
	CAFile string
	// DryRun sends nothing and fills in Summary.Plans.
	DryRun bool
	// EgressLog gets one line of JSON for each request; see Record. Nil: none.
	EgressLog io.Writer

	Budget   int                   // most keys to ask about; 0: 100, negative: no limit
	Total    time.Duration         // of the whole run; 0: 60 s
	Version  string                // for the User-Agent; empty: devel
	Now      func() time.Time      // nil: time.Now
	Progress func(done, total int) // called after each key, one call at a time; nil: not called

	// For tests.
	concurrency int
	timeout     time.Duration // of one request
	dial        func(ctx context.Context, network, address string) (net.Conn, error)
	proxy       func(*http.Request) (*url.URL, error)
	sleep       func(ctx context.Context, d time.Duration) error
}

func (o *Options) setDefaults() {
	o.Budget = cmp.Or(o.Budget, defaultBudget)
	o.Total = cmp.Or(max(o.Total, 0), defaultTotal)
	o.concurrency = cmp.Or(o.concurrency, defaultConcurrency)
	o.timeout = cmp.Or(o.timeout, defaultTimeout)
	o.Version = cmp.Or(o.Version, "devel")
	if len(o.Issuers) == 0 {
		o.Issuers = []string{DefaultIssuer}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Progress == nil {
		o.Progress = func(int, int) {}
	}
	if o.sleep == nil {
		o.sleep = sleep
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// Budget returns how many keys opts allow to ask about, at least 0.
func Budget(opts Options) int { return max(cmp.Or(opts.Budget, defaultBudget), 0) }

// Summary is what the findings do not say about a run.
type Summary struct {
	Plans      []Plan // of a dry run: the keys that would be sent, in the order of the findings
	OverBudget int    // keys beyond Options.Budget
}

// Plan is a key that would be sent, and where to.
type Plan struct {
	Secret      finding.Secret // prints redacted
	Issuer      string
	Environment finding.Environment
	URL         string
}

// Check returns what is wrong with opts, before anything is scanned or sent: an
// issuer without a probe, an address that may not be used, an unreadable CA file.
func Check(opts Options, set *rules.Set) error {
	opts.setDefaults()
	if _, err := newRouter(&opts, set); err != nil {
		return err
	}
	_, err := newClient(&opts)
	return err
}

// All asks about every finding whose issuer is certain enough and may be asked.
// It sets Status, StatusReason and CheckedAt of all findings; with
// Options.Issuer, also Issuer, its strength and evidence, and RuleID. Suppressed
// findings and those of low confidence are included: a key that works is a key.
// Findings of the same key share one request.
//
// An error means that opts are wrong and nothing was sent, or that the egress
// log could not be written and nothing more was sent. An unclear answer is not an
// error. When ctx ends, the keys without an answer become unknown, and All
// returns soon.
func All(ctx context.Context, opts Options, set *rules.Set, findings []*finding.Finding) (Summary, error) {
	opts.setDefaults()
	var sum Summary
	router, err := newRouter(&opts, set)
	if err != nil {
		return sum, err
	}
	client, err := newClient(&opts)
	if err != nil {
		return sum, err
	}
	defer client.close()
	jobs := router.route(findings)
	if opts.Budget >= 0 && len(jobs) > opts.Budget {
		sum.OverBudget = len(jobs) - opts.Budget
		for _, j := range jobs[opts.Budget:] {
			j.record(final(finding.Unknown, finding.CodeBudget, fmt.Sprintf("the limit is %d", opts.Budget)), time.Time{})
		}
		jobs = jobs[:opts.Budget]
	}
	if opts.DryRun {
		for _, j := range jobs {
			j.record(final(finding.Unchecked, finding.CodeNotAsked, "dry run"), time.Time{})
			sum.Plans = append(sum.Plans, Plan{j.secret, j.endpoint.issuer, j.endpoint.env, j.endpoint.url.String()})
		}
		return sum, nil
	}
	spare := len(findings) * maxAttempts
	if opts.Budget >= 0 {
		spare = opts.Budget - len(jobs)
	}
	r := &run{opts: &opts, spare: spare, client: client, keys: map[string]bool{}, total: len(jobs), egress: newEgress(opts.EgressLog, opts.Now)}
	for _, j := range jobs {
		for _, key := range append([]finding.Secret{j.secret}, j.next...) {
			r.keys[key.Reveal()] = true
		}
	}
	r.ask(ctx, jobs)
	return sum, r.egress.err()
}

// run is the state of one call of All.
type run struct {
	opts   *Options
	client *client
	egress *egress
	keys   map[string]bool // no made-up key may be one of these
	end    time.Time       // when Options.Total expires
	total  int

	mu    sync.Mutex
	done  int // guarded by mu
	spare int // guarded by mu; further keys that the budget allows
}

// errTotal is the cause when Options.Total expires.
var errTotal = errors.New("the time limit for all keys expired")

// ask asks about all jobs, each host at its own rate.
func (r *run) ask(ctx context.Context, jobs []*job) {
	r.end = r.opts.Now().Add(r.opts.Total)
	ctx, cancel := context.WithTimeoutCause(ctx, r.opts.Total, errTotal)
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r.egress.failed = stop
	var hosts []*host
	for _, j := range jobs {
		h := j.endpoint.host
		if !slices.Contains(hosts, h) {
			h.start(r.opts)
			hosts = append(hosts, h)
		}
		h.jobs = append(h.jobs, j)
	}
	var workers sync.WaitGroup
	for _, h := range hosts {
		for range min(r.opts.concurrency, len(h.jobs)) {
			workers.Go(func() {
				for j := h.next(); j != nil; j = h.next() {
					j.outcome = recovering(func() outcome { return r.askOne(ctx, j) })
					h.countFailure(j.outcome)
					j.checked = r.opts.Now()
					r.progress()
				}
			})
		}
	}
	workers.Wait()
	for _, j := range jobs {
		if e := j.endpoint; e.control == controlAccepted && j.outcome.verdict != finding.Unknown {
			j.outcome = acceptsAnything
		}
		j.record(j.outcome, j.checked)
	}
}

func (r *run) progress() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done++
	r.opts.Progress(r.done, r.total)
}

// askCandidates asks about a key and, as long as the issuer refuses it, about what it
// may be instead: in all at most maxAttempts requests. The outcome of the last one
// counts, and a candidate that works becomes the key.
func (r *run) askCandidates(ctx context.Context, j *job) outcome {
	o, sent := r.attempts(ctx, j.endpoint, j.secret, false, maxAttempts)
	for _, next := range j.next {
		if o.verdict != finding.Inactive || sent == maxAttempts || !r.takeSpare() {
			break
		}
		var n int
		o, n = r.attempts(ctx, j.endpoint, next, false, maxAttempts-sent)
		sent += n
		if o.verdict == finding.Active || o.verdict == finding.Restricted {
			j.secret = next
		}
	}
	return o
}

// takeSpare reports whether the budget allows to ask about one more key.
func (r *run) takeSpare() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spare--
	return r.spare >= 0
}

// askOne asks about one key and decides what to believe.
func (r *run) askOne(ctx context.Context, j *job) outcome {
	o := r.askCandidates(ctx, j)
	switch {
	case o.verdict == finding.Inactive && j.extent != finding.Exact:
		o.verdict = finding.Unknown
		o.words = strings.TrimPrefix(o.words+"; where the key begins and ends is not certain", "; ")
	case o.verdict == finding.Active || o.verdict == finding.Restricted:
		return r.controlled(ctx, j, o)
	case o.code == finding.CodeNotRecognised && o.verdict == finding.Inactive && j.strength < finding.StrengthHost:
		o.verdict = finding.Unknown
		why := "only names point to " + j.endpoint.issuer
		if j.findings[0].IssuerStrength == finding.StrengthUser {
			why = "another issuer is named near it"
		}
		o.words = strings.TrimPrefix(o.words+"; ", "; ") + "it may be another issuer's key: " + why
	}
	return o
}
