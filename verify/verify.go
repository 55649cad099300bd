// Package verify asks the issuer of a key, and no one else, whether the key
// still works. It is the only package of ours that opens connections. What it
// sends, when and to whom is data in rule files (rules.Probe); what comes back
// counts only if it is the API's own clear answer, and anything else is
// finding.Unknown with a reason, never finding.Inactive.
//
// No key stands in an address, an argument, the environment, a log, an error
// or a reason; a request is never redirected, and never repeated by the HTTP
// library behind our back.
package verify

import (
	"cmp"
	"context"
	"crypto/rand"
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

// DefaultIssuer is asked if Options.Issuers names nobody.
const DefaultIssuer = "martis"

// AllIssuers in Options.Issuers stands for everyone whom a rule says how to
// ask.
const AllIssuers = "all"

// The defaults of Options.
const (
	DefaultBudget      = 100
	DefaultConcurrency = 2
	DefaultRate        = 5.0
	DefaultTimeout     = 10 * time.Second
	DefaultTotal       = 60 * time.Second
)

// Options says whom to ask and how. The zero value asks DefaultIssuer.
type Options struct {
	// Issuers may be asked; AllIssuers is everyone. Nil: DefaultIssuer alone.
	Issuers []string
	// Issuer is the user's word for whose the keys are. It holds for every key
	// whose shape is not another issuer's alone, whatever else stands around
	// it. Empty: the findings say.
	Issuer string
	// Endpoints replaces, by issuer, scheme, host and port of its addresses,
	// and is put before their paths. It must be https, or http to a loopback
	// address. An issuer whose address is replaced is not asked about keys of
	// one environment at its known host of another.
	Endpoints map[string]string
	// IgnoreProbesOf are rule files (rules.Rule.File) whose probes are not
	// used: those that the scanned content brought along.
	IgnoreProbesOf []string
	// CAFile is a PEM file of certificates that are trusted, too.
	CAFile string
	// DryRun sends nothing and fills in Summary.Plans.
	DryRun bool
	// EgressLog gets one line of JSON for each request; see Record. Nil: none.
	EgressLog io.Writer

	Budget      int           // keys to ask about at most; 0: DefaultBudget, negative: no limit
	Concurrency int           // requests under way per host; 0: DefaultConcurrency
	Rate        float64       // requests per second and host; 0: DefaultRate
	Timeout     time.Duration // of one request; 0: DefaultTimeout
	Total       time.Duration // of the whole run; 0: DefaultTotal

	Version  string                // for the User-Agent; empty: devel
	Now      func() time.Time      // nil: time.Now
	Rand     io.Reader             // of made-up keys; nil: crypto/rand.Reader
	Progress func(done, total int) // called after each key, never at the same time; nil: nobody

	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	proxy func(*http.Request) (*url.URL, error)
	sleep func(ctx context.Context, d time.Duration) error
}

func (o *Options) setDefaults() {
	o.Budget = cmp.Or(o.Budget, DefaultBudget)
	o.Concurrency = cmp.Or(max(o.Concurrency, 0), DefaultConcurrency)
	o.Rate = cmp.Or(max(o.Rate, 0), DefaultRate)
	o.Timeout = cmp.Or(max(o.Timeout, 0), DefaultTimeout)
	o.Total = cmp.Or(max(o.Total, 0), DefaultTotal)
	o.Version = cmp.Or(o.Version, "devel")
	if len(o.Issuers) == 0 {
		o.Issuers = []string{DefaultIssuer}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
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

// Summary is what a run did.
type Summary struct {
	Asked    int // distinct keys that an answer was sought for
	Requests int // that were sent, with repetitions and made-up keys
	Controls int // of these, those with a made-up key
	// Plans holds, of a dry run, each key that would be sent, in the order of
	// the findings. OverBudget counts the keys beyond Options.Budget.
	Plans      []Plan
	OverBudget int
}

// Plan is a key that would be sent, and where to.
type Plan struct {
	Secret      finding.Secret // prints redacted
	Issuer      string
	Environment finding.Environment
	Strength    finding.Strength // how sure the issuer is
	URL         string
}

func (p Plan) String() string {
	return fmt.Sprintf("%s (%s, %s %s) would go to %s", p.Secret.Redacted(), p.Secret.ID(), p.Issuer, p.Environment, p.URL)
}

// Check says what is wrong with opts, before anything is scanned or sent: an
// issuer that no rule says how to ask, an address that may not be used, a
// file of certificates that cannot be read.
func Check(opts Options, set *rules.Set) error {
	opts.setDefaults()
	if _, err := newRouter(&opts, set); err != nil {
		return err
	}
	_, err := newClient(&opts)
	return err
}

// All asks about every finding whose issuer is sure enough and may be asked,
// and sets Status, StatusReason and CheckedAt of all findings; with
// Options.Issuer, also Issuer, its strength and evidence, and RuleID. Findings
// of low confidence and suppressed ones are asked about, too: a key that works
// is a key. Findings of equal keys share one request.
//
// An error means that opts are wrong and nothing was sent, or that the egress
// log could not be written, and nothing more was sent. That no clear answer
// came is not an error. When ctx ends, the keys without an answer become
// unknown, and All returns soon.
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
			j.settle(said(finding.Unknown, finding.CodeBudget, fmt.Sprintf("more than %d keys", opts.Budget)), time.Time{})
		}
		jobs = jobs[:opts.Budget]
	}
	if opts.DryRun {
		for _, j := range jobs {
			j.settle(said(finding.Unchecked, finding.CodeNotAsked, "dry run"), time.Time{})
			sum.Plans = append(sum.Plans, j.plan())
		}
		return sum, nil
	}
	r := &run{opts: &opts, client: client, keys: map[string]bool{}, total: len(jobs), egress: newEgress(opts.EgressLog, opts.Now)}
	for _, j := range jobs {
		r.keys[j.secret.Reveal()] = true
	}
	r.ask(ctx, jobs)
	sum.Asked, sum.Requests, sum.Controls = len(jobs), r.requests, r.controls
	return sum, r.egress.err()
}

// run is one run while it lasts.
type run struct {
	opts   *Options
	client *client
	egress *egress
	keys   map[string]bool // no made-up key may be one of these
	end    time.Time       // when Options.Total is used up
	total  int

	mu       sync.Mutex
	done     int // guarded by mu, as are the others
	requests int
	controls int
}

// errTotal is the cause when Options.Total strikes.
var errTotal = fmt.Errorf("the time for all keys is used up")

// ask asks about all jobs, each host at its own pace.
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
		for range min(r.opts.Concurrency, len(h.jobs)) {
			workers.Go(func() {
				for j := h.next(); j != nil; j = h.next() {
					j.outcome = r.guarded(func() outcome { return r.askOne(ctx, j) })
					h.learn(j.outcome)
					j.checked = r.opts.Now()
					r.progress()
				}
			})
		}
	}
	workers.Wait()
	for _, j := range jobs {
		if e := j.endpoint; e.control == controlAccepted && j.outcome.verdict != finding.Unknown {
			j.outcome = said(finding.Unknown, finding.CodeAcceptsAnything, acceptsAnything)
		}
		j.settle(j.outcome, j.checked)
	}
}

func (r *run) progress() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done++
	r.opts.Progress(r.done, r.total)
}

// askOne asks about one key and decides what to believe.
func (r *run) askOne(ctx context.Context, j *job) outcome {
	o := r.attempts(ctx, j.endpoint, j.secret, false)
	switch {
	case o.verdict == finding.Active || o.verdict == finding.Restricted:
		return r.controlled(ctx, j, o)
	case o.code == finding.CodeNotRecognised && o.verdict == finding.Inactive && j.strength < finding.StrengthHost:
		o.verdict = finding.Unknown
		why := "only names speak for " + j.endpoint.issuer
		if j.findings[0].IssuerStrength == finding.StrengthUser {
			why = "another issuer is named around it"
		}
		o.words = strings.TrimPrefix(o.words+"; ", "; ") + "it may be somebody else's key: " + why
	}
	return o
}
