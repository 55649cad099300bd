package verify

import (
	"fmt"
	"maps"
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
	controlWords string // why the answer to the made-up key was unclear
}

// job is a distinct key to ask about, and its findings.
type job struct {
	// secret is what is asked about first, and then what was accepted: the key, or
	// one of the candidates where its ends are not certain.
	secret   finding.Secret
	next     []finding.Secret // asked about, one by one, if the issuer refuses secret
	extent   finding.Extent
	findings []*finding.Finding
	endpoint *endpoint
	strength finding.Strength

	outcome outcome
	checked time.Time
}

// record writes an outcome into the findings. What an issuer accepts is the key.
func (j *job) record(o outcome, at time.Time) {
	for _, f := range j.findings {
		o.record(f, at)
		if o.verdict != finding.Active && o.verdict != finding.Restricted {
			continue
		}
		if f.Secret != j.secret {
			f.Former, f.Secret = append(f.Former, f.Secret), j.secret
		}
		f.Extent, f.Candidates = finding.Exact, nil
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
		if rule.Probe == nil {
			continue
		}
		probes[rule.Issuer] = true
		for env, address := range rule.Probe.Endpoints {
			u, err := r.replace(rule.Issuer, address)
			if err != nil {
				return nil, err
			}
			name := u.Scheme + "://" + u.Host
			if r.hosts[name] == nil {
				r.hosts[name] = &host{}
			}
			r.endpoints[endpointKey{rule.Probe, env}] = &endpoint{issuer: rule.Issuer, env: env, url: u, probe: rule.Probe, host: r.hosts[name]}
		}
	}
	named := slices.DeleteFunc(slices.Clone(opts.Issuers), func(issuer string) bool { return issuer == AllIssuers })
	if opts.Issuer != "" {
		named = append(named, opts.Issuer)
	}
	for _, issuer := range slices.AppendSeq(named, maps.Keys(opts.Endpoints)) {
		if !probes[issuer] {
			return nil, fmt.Errorf("no rule has a probe for the issuer %q", issuer)
		}
	}
	return r, nil
}

// replace returns u, or the user's replacement for it.
func (r *router) replace(issuer string, u *url.URL) (*url.URL, error) {
	text, ok := r.opts.Endpoints[issuer]
	if !ok {
		return u, nil
	}
	base, err := url.Parse(text)
	switch {
	case err != nil || base.Host == "" || base.Hostname() == "":
		return nil, fmt.Errorf("the address for %s is not a URL such as https://host:8443", issuer)
	case strings.ContainsFunc(base.Host, func(r rune) bool { return r <= ' ' || r > '~' }):
		// The client would map it to another name than the one that crosses sees.
		return nil, fmt.Errorf("the host of the address for %s is not ASCII: give its xn-- form", issuer)
	case base.User != nil:
		return nil, fmt.Errorf("the address for %s has a user name", issuer)
	case base.RawQuery != "" || base.ForceQuery || strings.Contains(text, "#"):
		return nil, fmt.Errorf("the address for %s has a query or a fragment", issuer)
	case base.Scheme == "http" && !isLoopback(base.Hostname()):
		return nil, fmt.Errorf("the address for %s is plain http, which is allowed only to a loopback address", issuer)
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
// client also checks the address it connects to.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// crosses reports whether e, after a replacement, is a known host of its issuer
// for another environment: a live key must not be sent to a sandbox.
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

// route returns the distinct keys to ask about, in the order of the findings, and
// records in the other findings why they are not asked about.
func (r *router) route(findings []*finding.Finding) []*job {
	var jobs []*job
	byKey := map[finding.Secret]*job{}
	for _, f := range findings {
		e, strength, o := r.endpoint(f)
		if e == nil {
			o.record(f, time.Time{})
			continue
		}
		may := []finding.Secret{f.Secret} // or more, if it is asked about at all
		if r.opts.Budget < 0 || len(jobs) < r.opts.Budget {
			may = r.candidates(f, findings)
		}
		if len(may) == 0 {
			final(finding.Unchecked, finding.CodeNotAsked, "it may hold a part of another key").record(f, time.Time{})
			continue
		}
		j := byKey[f.Secret]
		switch {
		case j == nil:
			j = &job{secret: may[0], next: may[1:], extent: f.Extent, endpoint: e, strength: strength}
			byKey[f.Secret] = j
			jobs = append(jobs, j)
		case j.endpoint != e:
			final(finding.Unchecked, finding.CodeIssuerAmbiguous, "the same key was also attributed to "+j.endpoint.issuer).record(f, time.Time{})
			continue
		}
		j.strength = min(j.strength, strength)
		j.findings = append(j.findings, f)
	}
	return jobs
}

// endpoint returns where the key of f may go and how certain its issuer is, or
// nil and why it may not be sent.
func (r *router) endpoint(f *finding.Finding) (*endpoint, finding.Strength, outcome) {
	unchecked := func(code finding.StatusCode, words string) (*endpoint, finding.Strength, outcome) {
		return nil, 0, final(finding.Unchecked, code, words)
	}
	unsupported := func(whose string) (*endpoint, finding.Strength, outcome) {
		return nil, 0, final(finding.Unsupported, finding.CodeNoProbe, "no rule has a probe for "+whose)
	}
	if f.Confidence == finding.Rejected {
		return unchecked(finding.CodeNotAsked, "not a key")
	}
	strength := r.applyIssuer(f)
	switch {
	case f.Issuer == finding.IssuerAmbiguous:
		return unchecked(finding.CodeIssuerAmbiguous, "more than one issuer is named near it")
	case f.Issuer == "" || f.Issuer == finding.IssuerUnknown:
		return unchecked(finding.CodeIssuerUnknown, "nothing identifies the issuer")
	case f.IssuerStrength < finding.StrengthStrong:
		return unchecked(finding.CodeIssuerUnknown, "the evidence for "+f.Issuer+" is too weak")
	}
	rule := r.set.RuleOf(f.RuleID, f.Issuer)
	if rule == nil || rule.Probe == nil {
		return unsupported(f.Issuer)
	}
	if !slices.Contains(r.opts.Issuers, f.Issuer) && !slices.Contains(r.opts.Issuers, AllIssuers) && r.opts.Issuer != f.Issuer {
		return unchecked(finding.CodeNotAsked, "verification of "+f.Issuer+" keys is off")
	}
	if why := rule.Probe.Unsupported[f.Secret.Prefix()]; why != "" {
		return nil, 0, final(finding.Unsupported, finding.CodeNoProbe, why)
	}
	if f.Environment == finding.EnvironmentUnknown {
		return unchecked(finding.CodeNotAsked, "the environment of the key is unknown")
	}
	e := r.endpoints[endpointKey{rule.Probe, f.Environment}]
	switch {
	case e == nil:
		return unsupported(fmt.Sprintf("%s keys of %s", f.Environment, f.Issuer))
	case e.issuer != f.Issuer:
		return unchecked(finding.CodeIssuerAmbiguous, "its rule belongs to "+e.issuer)
	case e.crosses():
		return unchecked(finding.CodeNotAsked, fmt.Sprintf("the address given is not for %s keys", f.Environment))
	case !f.Secret.IsSealed() && !sendable(f.Secret.Reveal()):
		return unchecked(finding.CodeNotAsked, "it has characters that a header cannot carry")
	}
	return e, strength, outcome{}
}

// candidates returns what may be sent as the key of f, the likeliest first: where
// its ends are not certain, nothing that may hold a part of another key, or that
// is known to be of another issuer.
func (r *router) candidates(f *finding.Finding, all []*finding.Finding) []finding.Secret {
	if f.Extent == finding.Exact || f.Secret.IsSealed() {
		return []finding.Secret{f.Secret}
	}
	var list []finding.Secret
	for _, c := range append([]finding.Secret{f.Secret}, f.Candidates...) {
		owner := r.set.OwnerOf(c)
		other := owner != f.Issuer && (owner != "" || f.IssuerStrength == finding.StrengthShape)
		if !other && sendable(c.Reveal()) && !r.set.HoldsPrefix(c) &&
			!slices.ContainsFunc(all, func(g *finding.Finding) bool { return g.Secret != f.Secret && holdsPart(c, g.Secret) }) {
			list = append(list, c)
		}
	}
	return list
}

// minPart is how many characters at the end of a candidate are taken for the start
// of another key.
const minPart = 3

// holdsPart reports whether the body of c holds that of another key, or ends with
// the start of that key.
func holdsPart(c, other finding.Secret) bool {
	body, key := c.Reveal()[len(c.Prefix()):], other.Reveal()
	if strings.Contains(body, key[len(other.Prefix()):]) {
		return true
	}
	for i := 1; i <= len(body)-minPart; i++ {
		if strings.HasPrefix(key, body[i:]) {
			return true
		}
	}
	return false
}

// applyIssuer attributes the key to Options.Issuer, unless its shape belongs to
// another issuer alone, or its prefix may be part of a longer one. It returns how certain the issuer is: a user who names one
// issuer for a whole scan may be wrong about a key near which another is named. A
// key that the issuer does not recognise may well work there.
func (r *router) applyIssuer(f *finding.Finding) finding.Strength {
	issuer := r.opts.Issuer
	if issuer == "" || f.Issuer != issuer && (f.IssuerStrength == finding.StrengthShape || f.Glued) {
		return f.IssuerStrength
	}
	rule := r.set.RuleOf(f.RuleID, issuer)
	if rule == nil || rule.Issuer != issuer {
		return f.IssuerStrength // the issuer has no such keys
	}
	strength := finding.StrengthUser
	if f.Issuer != issuer && f.IssuerStrength >= finding.StrengthStrong && f.Issuer != finding.IssuerAmbiguous {
		strength = finding.StrengthStrong
	}
	f.Issuer, f.RuleID, f.IssuerStrength = issuer, rule.ID, finding.StrengthUser
	f.IssuerEvidence = append([]string{issuer + ": named by the user"}, f.IssuerEvidence...)
	return strength
}

// sendable reports whether a header can carry key as it is.
func sendable(key string) bool {
	return strings.IndexFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}
