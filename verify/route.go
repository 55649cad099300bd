package verify

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"keysweep/finding"
	"keysweep/rules"
)

// endpoint is one address of one issuer: the keys of one environment go there.
type endpoint struct {
	issuer string
	env    finding.Environment
	url    *url.URL
	probe  *rules.Probe
	host   *host

	controlMu    sync.Mutex
	control      control // guarded by controlMu, as are the others; see controlled
	controlTries int
	controlWords string // why it told nothing
}

// job is a distinct key to ask about, and the findings that hold it.
type job struct {
	secret   finding.Secret
	findings []*finding.Finding
	endpoint *endpoint
	strength finding.Strength

	outcome outcome
	checked time.Time
}

func (j *job) plan() Plan {
	return Plan{j.secret, j.endpoint.issuer, j.endpoint.env, j.strength, j.endpoint.url.String()}
}

// settle writes an outcome into the findings.
func (j *job) settle(o outcome, at time.Time) {
	for _, f := range j.findings {
		o.settle(f, at)
	}
}

// router decides where a key may go.
type router struct {
	opts      *Options
	set       *rules.Set
	endpoints map[endpointKey]*endpoint
	hosts     map[string]*host
}

type endpointKey struct {
	probe *rules.Probe
	env   finding.Environment
}

func newRouter(opts *Options, set *rules.Set) (*router, error) {
	r := &router{opts: opts, set: set, endpoints: map[endpointKey]*endpoint{}, hosts: map[string]*host{}}
	probes := map[string]bool{}
	for _, rule := range set.Rules() {
		p := r.probe(rule)
		if p == nil {
			continue
		}
		probes[rule.Issuer] = true
		for env, address := range p.Endpoints {
			u, err := r.replaced(rule.Issuer, address)
			if err != nil {
				return nil, err
			}
			name := u.Scheme + "://" + u.Host
			if r.hosts[name] == nil {
				r.hosts[name] = &host{}
			}
			r.endpoints[endpointKey{p, env}] = &endpoint{issuer: rule.Issuer, env: env, url: u, probe: p, host: r.hosts[name]}
		}
	}
	known := func(issuer string) error {
		if probes[issuer] {
			return nil
		}
		return fmt.Errorf("no rule says how to ask the issuer %q", issuer)
	}
	for _, issuer := range opts.Issuers {
		if issuer != AllIssuers {
			if err := known(issuer); err != nil {
				return nil, err
			}
		}
	}
	if opts.Issuer != "" {
		if err := known(opts.Issuer); err != nil {
			return nil, err
		}
	}
	for issuer := range opts.Endpoints {
		if err := known(issuer); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// probe returns the probe of a rule, unless its file is not to be believed.
func (r *router) probe(rule *rules.Rule) *rules.Probe {
	if rule == nil || slices.Contains(r.opts.IgnoreProbesOf, rule.File) && !rule.BuiltIn {
		return nil
	}
	return rule.Probe
}

// replaced returns the address to use in the place of u.
func (r *router) replaced(issuer string, u *url.URL) (*url.URL, error) {
	text, ok := r.opts.Endpoints[issuer]
	if !ok {
		return u, nil
	}
	base, err := url.Parse(text)
	switch {
	case err != nil || base.Host == "" || base.Hostname() == "":
		return nil, fmt.Errorf("the address for %s is not a URL such as https://host:8443", issuer)
	case base.User != nil:
		return nil, fmt.Errorf("the address for %s has a user name", issuer)
	case base.RawQuery != "" || base.ForceQuery || strings.Contains(text, "#"):
		return nil, fmt.Errorf("the address for %s has a query or a fragment", issuer)
	case base.Scheme == "http" && !isLoopback(base.Hostname()):
		return nil, fmt.Errorf("the address for %s is plain http: that may only go to a loopback address", issuer)
	case base.Scheme != "http" && base.Scheme != "https":
		return nil, fmt.Errorf("the address for %s is neither https nor http", issuer)
	}
	to := *u
	to.Scheme, to.Host = base.Scheme, strings.ToLower(base.Host)
	to.Path = strings.TrimSuffix(base.Path, "/") + u.Path
	to.RawPath = ""
	return &to, nil
}

// isLoopback reports whether host, a name or an address, is this machine. The
// client checks the address that it connects to, too.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// crosses reports whether e, replaced, is a known host of its issuer for
// another environment: a live key must not be sent to a sandbox.
func (e *endpoint) crosses() bool {
	crossed := false
	for env, u := range e.probe.Endpoints {
		same := strings.EqualFold(hostPort(u), hostPort(e.url))
		if same && env == e.env {
			return false
		}
		crossed = crossed || same
	}
	return crossed
}

func hostPort(u *url.URL) string {
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	switch n, err := strconv.Atoi(u.Port()); {
	case err == nil:
		return net.JoinHostPort(host, strconv.Itoa(n))
	case u.Scheme == "http":
		return net.JoinHostPort(host, "80")
	}
	return net.JoinHostPort(host, "443")
}

// route settles the findings that nobody is asked about and returns the
// distinct keys of the others, in their order.
func (r *router) route(findings []*finding.Finding) []*job {
	var jobs []*job
	byKey := map[string]*job{}
	for _, f := range findings {
		e, strength, o := r.endpoint(f)
		if e == nil {
			o.settle(f, time.Time{})
			continue
		}
		j := byKey[f.Secret.Reveal()]
		switch {
		case j == nil:
			j = &job{secret: f.Secret, endpoint: e, strength: strength}
			byKey[f.Secret.Reveal()] = j
			jobs = append(jobs, j)
		case j.endpoint != e:
			said(finding.Unchecked, finding.CodeIssuerAmbiguous, "the same key was also found as one of "+j.endpoint.issuer).settle(f, time.Time{})
			continue
		}
		j.strength = min(j.strength, strength)
		j.findings = append(j.findings, f)
	}
	return jobs
}

// endpoint returns where the key of f may go, and how sure it is that it
// belongs there; or nil and why it may not.
func (r *router) endpoint(f *finding.Finding) (*endpoint, finding.Strength, outcome) {
	unchecked := func(code finding.StatusCode, words string) (*endpoint, finding.Strength, outcome) {
		return nil, 0, said(finding.Unchecked, code, words)
	}
	if f.Confidence == finding.Rejected {
		return unchecked(finding.CodeNotAsked, "this is no key")
	}
	strength := r.takeWord(f)
	switch {
	case f.Issuer == finding.IssuerAmbiguous:
		return unchecked(finding.CodeIssuerAmbiguous, "more than one issuer is named around it")
	case f.Issuer == "" || f.Issuer == finding.IssuerUnknown:
		return unchecked(finding.CodeIssuerUnknown, "nothing says whose key it is")
	case f.IssuerStrength < finding.StrengthStrong:
		return unchecked(finding.CodeIssuerUnknown, "too little speaks for "+f.Issuer)
	}
	p := r.probe(r.set.RuleOf(f.RuleID, f.Issuer))
	if p == nil {
		return nil, 0, said(finding.Unsupported, finding.CodeNoProbe, "no rule says how to ask "+f.Issuer)
	}
	if !slices.Contains(r.opts.Issuers, f.Issuer) && !slices.Contains(r.opts.Issuers, AllIssuers) && r.opts.Issuer != f.Issuer {
		return unchecked(finding.CodeNotAsked, f.Issuer+" was not to be asked")
	}
	if f.Environment == finding.EnvironmentUnknown {
		return unchecked(finding.CodeNotAsked, "the key does not say of which environment it is")
	}
	e := r.endpoints[endpointKey{p, f.Environment}]
	switch {
	case e == nil:
		return nil, 0, said(finding.Unsupported, finding.CodeNoProbe, fmt.Sprintf("no rule says how to ask %s about %s keys", f.Issuer, f.Environment))
	case e.issuer != f.Issuer:
		return unchecked(finding.CodeIssuerAmbiguous, "its rule is "+e.issuer+"'s")
	case e.crosses():
		return unchecked(finding.CodeNotAsked, fmt.Sprintf("the address given is not for %s keys", f.Environment))
	case !sendable(f.Secret.Reveal()):
		return unchecked(finding.CodeNotAsked, "it has characters that a header cannot carry")
	}
	return e, strength, outcome{}
}

// takeWord makes the key the issuer's that the user named, unless its shape is
// another's alone. It returns how sure the issuer is: a user who names one for
// all keys of a scan cannot mean those beside which another one is named, so
// that what the issuer does not recognise may well work there.
func (r *router) takeWord(f *finding.Finding) finding.Strength {
	issuer := r.opts.Issuer
	if issuer == "" || f.Issuer != issuer && f.IssuerStrength == finding.StrengthShape {
		return f.IssuerStrength
	}
	rule := r.set.RuleOf(f.RuleID, issuer)
	if rule == nil || rule.Issuer != issuer {
		return f.IssuerStrength // it has no such keys
	}
	sure := finding.StrengthUser
	if f.Issuer != issuer && f.IssuerStrength >= finding.StrengthStrong && f.Issuer != finding.IssuerAmbiguous {
		sure = finding.StrengthStrong
	}
	f.Issuer, f.RuleID, f.IssuerStrength = issuer, rule.ID, finding.StrengthUser
	f.IssuerEvidence = append([]string{issuer + ": the user said so"}, f.IssuerEvidence...)
	return sure
}

// sendable reports whether a header can carry key as it is.
func sendable(key string) bool {
	return strings.IndexFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}
