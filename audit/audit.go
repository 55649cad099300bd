// Package audit does one whole audit: it loads the configuration and the rules,
// scans, asks issuers, and marks what a person accepted. It knows no flags and
// writes to no stream; what it found is a finding.Result, for package report.
//
// The steps are called one after the other:
//
//	a, err := audit.Open(ctx, opts) // what to look for, and whose exceptions count
//	defer a.Close()
//	err = a.Scan(ctx)               // where it is, and what was skipped
//	_, err = a.Verify(ctx, nil)     // whether it still works
//	a.Mark(false)                   // what a person accepted; never a live key
//	err = report.Write(w, report.JSON, a.Result, a.ReportOptions(report.Options{}))
package audit

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"keysweep/config"
	"keysweep/exceptions"
	"keysweep/finding"
	"keysweep/report"
	"keysweep/scanner"
	"keysweep/verify"
)

// Options says what to audit. The zero value audits the working directory by
// its own configuration, and sends nothing.
type Options struct {
	// Scan says what to scan. Its Now is the clock of the audit.
	Scan scanner.Options
	// Sources says where rules and exceptions come from.
	Sources config.Sources
	// Baseline, if not nil, counts instead of one that Sources leads to.
	Baseline *exceptions.Baseline
	// Own says that the one repository of Scan is the user's own, wherever it is: the
	// exceptions of its default branch count. Sources.None excludes it.
	Own bool
	// Verify says which issuers are asked.
	Verify Verification
}

// Audit is one audit. Its methods are called in the order of their listing here,
// and each at most once.
type Audit struct {
	// Loaded is the rules, and the configuration that counts.
	Loaded *config.Loaded
	// Result is what Scan found, which Verify and Mark complete.
	Result *finding.Result

	opts     Options
	prepared *scanner.Prepared
	verifier *Verifier
}

// Open resolves what is to be scanned, reads rules, configuration and baseline,
// and refuses what cannot work before anything is scanned or sent. An error that
// wraps scanner.ErrUse is about a path.
func Open(ctx context.Context, opts Options) (*Audit, error) {
	if opts.Scan.Now == nil {
		opts.Scan.Now = time.Now
	}
	opts.Scan.Trusted, opts.Scan.ForeignComments = opts.Sources.Commenting(), opts.Sources.Foreign
	opts.Sources.Remote = slices.Sorted(maps.Keys(opts.Scan.Remotes))
	prepared, err := scanner.Prepare(opts.Scan)
	if err != nil {
		return nil, err
	}
	a := &Audit{opts: opts, prepared: prepared}
	if opts.Own {
		err = a.own(ctx)
	}
	if err == nil {
		err = a.load(ctx)
	}
	if err != nil {
		prepared.Close()
		return nil, err
	}
	return a, nil
}

// own has the exceptions of the default branch count.
func (a *Audit) own(ctx context.Context) error {
	if err := a.prepared.Fetch(ctx); err != nil {
		return err
	}
	rev := a.prepared.TrustDefaultBranch()
	a.opts.Sources.Trust = &config.Trust{Rev: rev, Name: "the default branch", Anywhere: true}
	return nil
}

func (a *Audit) load(ctx context.Context) (err error) {
	read := func(rev, path string, limit int64) ([]byte, error) { return a.ReadFile(ctx, rev, path, limit) }
	if a.Loaded, err = a.opts.Sources.Load(a.opts.Scan.Paths, read); err != nil {
		return err
	}
	if err = a.Loaded.Accept(a.opts.Baseline); err != nil {
		return err
	}
	a.verifier, err = a.opts.Verify.Open(a.Loaded.Rules)
	return err
}

// Scan scans, and sets Result. The error says that nothing could be read, or
// that ctx ended before there was anything to report; all else is in
// Result.Skipped.
func (a *Audit) Scan(ctx context.Context) (err error) {
	now := a.opts.Scan.Now()
	a.Result, err = a.prepared.Scan(ctx, a.Loaded.Rules, scanner.Accept{
		Occurrence: func(key finding.Secret, o *finding.Occurrence) bool { return a.Loaded.AcceptsOccurrence(key, o, now) },
		Path:       func(o *finding.Occurrence) (string, bool) { return a.Loaded.AcceptsPath(o, now) },
	})
	if err == nil && !a.opts.Own {
		a.noteTheirs(ctx)
	}
	return err
}

// Verify asks the issuers, if Options.Verify says so; progress may be nil. After
// an error, which is one of the egress log, the findings still say what is known.
func (a *Audit) Verify(ctx context.Context, progress func(done, total int)) (verify.Summary, error) {
	sum, err := a.verifier.Ask(ctx, a.Result.Findings, progress)
	return sum, errors.Join(err, a.verifier.Close())
}

// Mark marks what a person accepted, puts keys that work first, and notes at the
// targets which files were not used. With verbose, it also notes which were.
func (a *Audit) Mark(verbose bool) {
	a.Loaded.MarkAll(a.Result, len(a.opts.Scan.Exclude) == 0)
	a.Result.CountRepositories()
	a.Result.Sort()
	a.Loaded.AddNotes(a.Result, verbose)
}

// Basis returns what the finding of key rests on, after Scan.
func (a *Audit) Basis(key finding.Secret) scanner.Basis { return a.prepared.Basis(key) }

// ReadFile returns the bytes, at most limit, of the file at path in the tree of the
// revision rev, of the first target, which is a repository. path is '/'-separated,
// from the top.
func (a *Audit) ReadFile(ctx context.Context, rev, path string, limit int64) ([]byte, error) {
	return a.prepared.ReadFile(ctx, rev, path, limit)
}

// ReportOptions returns o with what a report has to say of the rules.
func (a *Audit) ReportOptions(o report.Options) report.Options {
	o.RulesSHA256, o.Set = a.Loaded.Rules.SHA256(), a.Loaded.Rules
	if len(a.Result.Findings)+len(a.Result.RejectedFindings) > 0 { // else they are not even read
		o.Rules = a.Loaded.Rules.Rules()
	}
	return o
}

// Close closes what was opened. The error is one of the egress log, if Verify
// was not called.
func (a *Audit) Close() error {
	a.prepared.Close()
	return a.verifier.Close()
}
