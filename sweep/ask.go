package main

import (
	"context"
	"errors"
	"slices"

	"keysweep/finding"
	"keysweep/sweep/queue"
	"keysweep/sweep/record"
	"keysweep/verify"
)

// ask has the issuers asked about the keys of res that the evidence of all repositories gives
// to one: each key once, by a worker that reads it again.
func (s *sweep) ask(ctx context.Context, res *finding.Result) error {
	jobs, asked, err := s.plan(res)
	if err != nil {
		return err
	}
	publish := func() error {
		for _, j := range jobs {
			if slices.ContainsFunc(j.Asks, func(k queue.KeyToAsk) bool { return asked[k.SHA256].Status == finding.Unchecked }) {
				if err := s.q.Publish(ctx, j); err != nil {
					return err
				}
			}
		}
		return nil
	}
	done := func() (bool, error) {
		left := 0
		for sha256, f := range asked {
			if f.Status != finding.Unchecked {
				continue
			}
			answer, err := s.q.Answer(context.WithoutCancel(ctx), s.kept.ID, sha256)
			if err != nil {
				return false, err
			}
			if answer == nil {
				left++
				continue
			}
			if err := record.Answer(f, answer); err != nil {
				return false, err
			}
		}
		return left == 0, nil
	}
	if ctx.Err() == nil {
		err = s.waitForAnswers(ctx, done, publish)
	} else {
		_, err = done() // there may be answers from before a sweep was stopped
	}
	if _, ended := errors.AsType[*ending](err); err != nil && (ended || ctx.Err() == nil) {
		return err
	}
	for _, f := range asked {
		if f.Status == finding.Unchecked { // ctx ended
			f.Status, f.StatusReason = finding.Unknown, finding.CodeCancelled.Reason("")
		}
	}
	record.Live(res)
	return nil
}

// waitForAnswers publishes work, unless it is done, and waits until it is.
func (s *sweep) waitForAnswers(ctx context.Context, done func() (bool, error), publish func() error) error {
	if err := s.q.WatchAnswers(ctx, s.kept.ID, func() { s.hasResult("") }); err != nil {
		return err
	}
	is, err := done()
	if err != nil || is {
		return err
	}
	if err := publish(); err != nil {
		return err
	}
	return s.wait(ctx, done, publish)
}

// plan returns what is to be asked about, and by which work: by repository, the first that
// holds the key. The others get the reason why they are not asked about.
func (s *sweep) plan(res *finding.Result) (jobs []queue.Job, asked map[string]*finding.Finding, err error) {
	o := s.scan.Audit().Verify.Options
	o.DryRun = true
	sum, err := verify.All(context.Background(), o, s.set, res.Findings)
	if err != nil {
		return nil, nil, err
	}
	planned := map[finding.Secret]bool{}
	for _, p := range sum.Plans {
		planned[p.Secret] = true
	}
	asked = map[string]*finding.Finding{}
	at := map[string]int{} // of jobs, by repository
	for _, f := range res.Findings {
		if !planned[f.Secret] || len(f.Listed) == 0 {
			continue
		}
		name := f.Listed[0].Target
		i, ok := at[name]
		if !ok {
			r := slices.IndexFunc(s.repos, func(r listed) bool { return r.Name == name })
			if r < 0 { // the report has the name without a key that is in it
				f.Status, f.StatusReason = finding.Unknown, finding.CodeNotFound.Reason("the name of its repository holds a key")
				continue
			}
			i = len(jobs)
			at[name] = i
			jobs = append(jobs, queue.Job{Sweep: s.kept.ID, Kind: queue.Ask, Repository: s.repos[r]})
		}
		f.Status, f.StatusReason = finding.Unchecked, ""
		asked[f.Secret.SHA256()] = f
		jobs[i].Asks = append(jobs[i].Asks, queue.KeyToAsk{SHA256: f.Secret.SHA256(), RuleID: f.RuleID, Issuer: f.Issuer, Strength: uint8(f.IssuerStrength)})
	}
	spare := verify.Budget(o) - len(sum.Plans)
	for i := range jobs {
		jobs[i].Spare = min(spare, 2*len(jobs[i].Asks))
		spare -= jobs[i].Spare
	}
	return jobs, asked, nil
}
