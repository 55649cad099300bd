package record

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"keysweep/finding"
	"keysweep/rules"
	"keysweep/scanner"
)

// Joined joins reports: the same key in several repositories is one finding, as in a scan
// of all of them.
type Joined struct {
	set   *rules.Set
	now   time.Time
	res   finding.Result
	keys  map[string]*joined // by SHA-256
	below map[string]bool
}

// joined is one key of all repositories.
type joined struct {
	*finding.Finding
	basis scanner.Basis
	open  bool // a repository did not accept it
}

// NewJoined returns what has no report yet. now is when the sweep began, and set the rules
// that say whose a key is.
func NewJoined(set *rules.Set, now time.Time) *Joined {
	return &Joined{set: set, now: now, res: finding.Result{Started: now}, keys: map[string]*joined{}, below: map[string]bool{}}
}

// Fail adds a repository that was not scanned, and why, in words.
func (j *Joined) Fail(name string, reason finding.Reason, why string) {
	j.res.Targets = append(j.res.Targets, finding.Target{Name: name, Kind: finding.TargetRepository})
	j.res.Repositories = append(j.res.Repositories, finding.Repository{Name: name, Failed: why})
	j.res.Skipped = append(j.res.Skipped, finding.Skipped{Reason: reason, Count: 1, Detail: name + ": " + why, Target: name})
}

// Add adds the report of a repository. The order of calls decides what is listed first where
// nothing else does. r is not to be used again.
func (j *Joined) Add(name string, r *Report) {
	res := &r.Result
	later := j.now.Sub(res.Started) // of a report that an earlier sweep made
	repo := finding.Repository{Name: name, Complete: res.Complete()}
	for _, s := range res.Skipped {
		if s.Reason == finding.ReasonNotFetched && res.Read == (finding.Counts{}) {
			repo.Failed = strings.TrimPrefix(s.Detail, name+": ")
		}
		if s.Target = name; !strings.HasPrefix(s.Detail, name) {
			s.Detail = name + ": " + s.Detail
		}
		j.res.Skipped = append(j.res.Skipped, s)
	}
	j.res.Repositories = append(j.res.Repositories, repo)
	j.res.Targets = append(j.res.Targets, res.Targets...)
	j.res.Read.Add(res.Read)
	j.res.Rejected += res.Rejected
	for _, fingerprint := range res.BelowFingerprints {
		j.below[fingerprint] = true
	}
	j.res.Below += res.Below
	j.res.BeforeSince += res.BeforeSince
	j.res.Since = res.Since
	for _, e := range res.Exceptions {
		if e.File != "" {
			e.File = name + "/" + e.File
		}
		j.res.Exceptions = append(j.res.Exceptions, e)
	}
	for _, f := range res.Findings {
		switch {
		case f.Exposed == time.Second: // or less: its commit's date may be ahead
			f.Exposed = max(j.now.Sub(f.FirstSeen.Date), time.Second)
		case f.Exposed > 0:
			f.Exposed += later
		}
		j.add(f, r.Bases[f.Secret.SHA256()])
	}
}

func (j *Joined) add(f *finding.Finding, basis scanner.Basis) {
	id := f.Secret.SHA256()
	k := j.keys[id]
	if k == nil {
		j.keys[id] = &joined{Finding: f, basis: basis, open: f.Suppressed == nil}
		return
	}
	k.take(f)
	k.basis.Add(basis)
	k.open = k.open || f.Suppressed == nil
}

// take adds what another scan says of the same key.
func (k *joined) take(f *finding.Finding) {
	if f.Confidence > k.Confidence || f.Confidence == k.Confidence && smaller(f, k.Finding) {
		k.Confidence, k.RuleID, k.Environment = f.Confidence, f.RuleID, f.Environment
		k.Typed, k.Score, k.Encoding = f.Typed, f.Score, f.Encoding
	}
	if f.Extent < k.Extent {
		k.Extent, k.Candidates = f.Extent, f.Candidates
	}
	k.Glued = k.Glued && f.Glued
	for _, former := range f.Former {
		if !slices.Contains(k.Former, former) {
			k.Former = append(k.Former, former)
		}
	}
	k.takeHistory(f)
	k.Listed = append(k.Listed, f.Listed...)
	k.Suppressed = cmp.Or(k.Suppressed, f.Suppressed)
}

// takeHistory adds when another repository held the key.
func (k *joined) takeHistory(f *finding.Finding) {
	if f.FirstSeen.Commit != "" && (k.FirstSeen.Commit == "" || f.FirstSeen.Date.Before(k.FirstSeen.Date)) {
		k.FirstSeen = f.FirstSeen
	}
	inHead, was := f.InHead == finding.Yes, k.InHead == finding.Yes
	if f.LastSeen.Commit != "" && (k.LastSeen.Commit == "" || inHead && !was || inHead == was && f.LastSeen.Date.After(k.LastSeen.Date)) {
		k.LastSeen = f.LastSeen
	}
	if f.Removed.Commit != "" && (k.Removed.Commit == "" || f.Removed.Date.After(k.Removed.Date)) {
		k.Removed = f.Removed
	}
	k.InHead, k.InBranch = k.InHead.Or(f.InHead), k.InBranch || f.InBranch
	k.Exposed = max(k.Exposed, f.Exposed)
}

// smaller orders findings of one key that have the same confidence: the least encoded one
// is shown.
func smaller(f, g *finding.Finding) bool {
	return cmp.Or(cmp.Compare(len(f.Encoding), len(g.Encoding)), slices.Compare(f.Encoding, g.Encoding), cmp.Compare(f.RuleID, g.RuleID)) < 0
}

// Result returns the one report, when all are added. Keys are not counted yet.
func (j *Joined) Result() *finding.Result {
	j.joinGlued()
	for _, id := range slices.Sorted(maps.Keys(j.keys)) {
		k := j.keys[id]
		k.basis.Attribute(k.Finding, j.set)
		if k.basis.Partial { // what one repository may hold unread, another does not say
			k.FirstSeen, k.Removed, k.Exposed = finding.Sighting{}, finding.Sighting{}, 0
			if k.InHead != finding.Yes {
				k.InHead, k.LastSeen = finding.NotKnown, finding.Sighting{}
			}
		}
		if k.open {
			k.Suppressed = nil
		}
		finding.SortOccurrences(k.Listed)
		j.res.Findings = append(j.res.Findings, k.Finding)
	}
	j.res.BelowFingerprints = slices.Sorted(maps.Keys(j.below))
	slices.SortFunc(j.res.Exceptions, func(a, b finding.Exception) int {
		return cmp.Or(cmp.Compare(a.Problem, b.Problem), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Entry, b.Entry))
	})
	j.res.Sort()
	return &j.res
}

// joinGlued joins what may be a key with something behind it to the key that another
// repository has without.
func (j *Joined) joinGlued() {
	for _, id := range slices.Sorted(maps.Keys(j.keys)) {
		k := j.keys[id]
		for _, may := range k.Candidates {
			key := j.keys[may.SHA256()]
			if key == nil || key == k || key.Extent != finding.Exact || k.Extent == finding.Exact {
				continue
			}
			key.takeHistory(k.Finding)
			key.Former = append(key.Former, k.Secret)
			key.Listed = append(key.Listed, k.Listed...)
			key.basis.Add(k.basis)
			key.open = key.open || k.open
			delete(j.keys, id)
			break
		}
	}
}

// Live takes back that keys are accepted which are known to work, and notes it.
func Live(res *finding.Result) {
	for _, f := range res.Findings {
		if s := f.Suppressed; s != nil && (f.Status == finding.Active || f.Status == finding.Restricted) {
			res.Exceptions = append(res.Exceptions, finding.Exception{Kind: s.Kind, Entry: f.Secret.ID(), Problem: finding.ExceptionLive,
				Reason: s.Reason, Owner: s.Owner, Expires: s.Expires})
			f.Suppressed = nil
		}
	}
	res.Sort()
}

// Answer takes over what an issuer said of f, from EncodeAnswer.
func Answer(f *finding.Finding, text []byte) error {
	var a finding.Finding
	if err := forms().dec.Unmarshal(text, &a); err != nil {
		return err
	}
	f.Status, f.StatusReason, f.CheckedAt = min(a.Status, finding.Active), a.StatusReason, a.CheckedAt
	if a.Secret.IsSealed() && a.Secret != f.Secret { // one of its candidates was accepted
		f.Former, f.Secret = append(f.Former, f.Secret), a.Secret
		f.Extent, f.Candidates = finding.Exact, nil
	}
	return nil
}

// EncodeAnswer returns what an issuer said of f.
func EncodeAnswer(f *finding.Finding) ([]byte, error) {
	return forms().enc.Marshal(finding.Finding{Secret: f.Secret, Status: f.Status, StatusReason: f.StatusReason, CheckedAt: f.CheckedAt})
}

// OnlyOf returns what res says of one of its repositories.
func OnlyOf(res *finding.Result, name string) *finding.Result {
	one := *res
	of := func(target string) bool { return target != name }
	one.Targets = slices.DeleteFunc(slices.Clone(res.Targets), func(t finding.Target) bool { return of(t.Name) })
	one.Skipped = slices.DeleteFunc(slices.Clone(res.Skipped), func(s finding.Skipped) bool { return of(s.Target) })
	one.Exceptions = slices.DeleteFunc(slices.Clone(res.Exceptions), func(e finding.Exception) bool { return !strings.HasPrefix(e.File, name+"/") })
	one.Repositories, one.Findings = nil, nil
	for _, f := range res.Findings {
		g := *f
		g.Listed = slices.DeleteFunc(slices.Clone(f.Listed), func(o finding.Occurrence) bool { return of(o.Target) })
		if len(g.Listed) > 0 {
			one.Findings = append(one.Findings, &g)
		}
	}
	return &one
}
