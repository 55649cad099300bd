package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"

	"keysweep/finding"
	"keysweep/report"
	"keysweep/rules"
	"keysweep/scanner"
	"keysweep/verify"
)

// scan is the action of the command of that name.
func scan(c *call) error {
	opts, err := parseScan(c)
	if err != nil {
		return fmt.Errorf("%w%s", err, seeHelp("scan"))
	}
	return scanWith(c, opts)
}

// scanWith scans and reports.
func scanWith(c *call, opts *scanOptions) error {
	prepared, err := opts.prepare()
	if err != nil {
		return err
	}
	defer prepared.Close()
	opts.rules.look(c.ctx, prepared, opts.scan.Paths)
	set, err := opts.rules.load(opts.scan.Paths) // what to look for
	if err != nil {
		return err
	}
	accepted, err := opts.rules.accept(opts.scan.Paths) // what a person accepted
	if err != nil {
		return err
	}
	if opts.verify.on {
		if err := verify.Check(opts.verify.opts, set); err != nil {
			return err
		}
	}
	closeLog, err := opts.verify.openLog()
	if err != nil {
		return err
	}
	ctx, cancel := opts.limit(c.ctx)
	defer cancel()
	res, err := opts.find(ctx, prepared, set, accepted.accepts(c.now()), c.App.ErrWriter) // where it is, and what was skipped
	if err != nil {
		return errors.Join(err, closeLog())
	}
	if opts.found != nil {
		opts.found(res)
	}
	asked := opts.verify.ask(ctx, set, res.Findings, opts.progress, c.App.ErrWriter) // whether it still works
	asked = errors.Join(asked, closeLog())
	accepted.mark(res, len(opts.scan.Exclude) == 0) // never a live key
	res.Sort()                                      // keys that work come first
	opts.rules.tell(res, opts.report.Verbose)
	accepted.tell(res, opts.report.Verbose)
	if opts.marked != nil {
		opts.marked(res)
	}
	opts.report.RulesSHA256 = set.SHA256()
	if len(res.Findings)+len(res.RejectedFindings) > 0 { // else they are not even read
		opts.report.Rules = set.Rules()
	}
	opts.report.Exit = exitReason(ctx, res, opts)
	if opts.failOn == failOnActive {
		opts.report.Exit = activeReason(res.Findings, opts.report.Exit)
	}
	if asked != nil {
		opts.report.Exit = report.ExitReason{Status: statusUse, Words: "the egress log could not be written, and nothing more was sent"}
	}
	if err := opts.deliver(res, c.App.Writer, c.App.ErrWriter); err != nil {
		return err
	}
	if asked != nil {
		return &ending{statusUse, asked}
	}
	if opts.report.Exit.Status == statusUse {
		return &ending{statusUse, fmt.Errorf("nothing could be read: %s", res.Skipped[0].Detail)}
	}
	return &ending{status: opts.report.Exit.Status}
}

// limit returns ctx with the end that --timeout sets to scanning and asking.
func (o *scanOptions) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if o.timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("--timeout %v", o.timeout))
}

// prepare resolves what is to be scanned.
func (o *scanOptions) prepare() (*scanner.Prepared, error) {
	if o.progress {
		o.scan.Progress = new(scanner.Progress)
	}
	return scanner.Prepare(o.scan)
}

// find is prepare and what follows.
func find(ctx context.Context, opts *scanOptions, set *rules.Set, stderr io.Writer) (*finding.Result, error) {
	prepared, err := opts.prepare()
	if err != nil {
		return nil, err
	}
	defer prepared.Close()
	return opts.find(ctx, prepared, set, nil, stderr)
}

// find scans, with a progress bar if one is wanted.
func (o *scanOptions) find(ctx context.Context, prepared *scanner.Prepared, set *rules.Set, accept scanner.Accept, stderr io.Writer) (*finding.Result, error) {
	if o.progress {
		defer showBar(stderr, o.scan.Progress)()
	}
	res, err := prepared.Scan(ctx, set, accept)
	var signal interruption
	if err != nil && errors.As(context.Cause(ctx), &signal) {
		return nil, &ending{signal.status(), err}
	}
	return res, err
}

// exitReason returns the status that res leads to.
func exitReason(ctx context.Context, res *finding.Result, opts *scanOptions) report.ExitReason {
	var signal interruption
	read := res.Read
	found := slices.ContainsFunc(res.Findings, opts.failOn.counts)
	interrupted := slices.ContainsFunc(res.Skipped, func(s finding.Skipped) bool { return s.Reason == finding.ReasonInterrupted }) ||
		slices.ContainsFunc(res.Findings, func(f *finding.Finding) bool { return finding.CodeOf(f.StatusReason) == finding.CodeCancelled })
	switch {
	case errors.As(context.Cause(ctx), &signal):
		return report.ExitReason{Status: signal.status()}
	case interrupted && !opts.allowIncomplete:
		return report.ExitReason{Status: statusIncomplete, Words: fmt.Sprintf("stopped by --timeout %v", opts.timeout)}
	case read.Bytes+read.Objects+read.Refs == 0 && !found && !res.Complete() && opts.scan.Staged == nil && opts.scan.Range == nil:
		return report.ExitReason{Status: statusUse, Words: "nothing could be read"}
	case found && (opts.exitCode == statusFound || res.Complete() || opts.allowIncomplete):
		return report.ExitReason{Status: opts.exitCode}
	case !res.Complete() && opts.allowIncomplete:
		return report.ExitReason{Status: statusClean, Words: "nothing to report in what could be read (--allow-incomplete)"}
	case !res.Complete():
		return report.ExitReason{Status: statusIncomplete}
	}
	return report.ExitReason{Status: statusClean}
}

// writing turns an error of writing to standard output into an ending.
func writing(err error) error {
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
		return errClosedPipe
	}
	if err != nil {
		return fmt.Errorf("standard output could not be written: %w", err)
	}
	return nil
}
