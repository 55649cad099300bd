package command

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"keysweep/finding"
	"keysweep/report"
)

// The exit statuses. They are a promise to scripts: README.md and
// "keysweep scan --help" list them.
const (
	StatusClean      = 0   // nothing to report
	StatusFound      = 1   // findings that count; --exit-code replaces it
	StatusUse        = 2   // wrong use, bad configuration, nothing could be read, a report could not be written
	StatusIncomplete = 3   // something was not read, and no other status says worse
	StatusSignal     = 128 // plus the number of the signal that ended the scan
	StatusPipe       = StatusSignal + 13
)

// exitStatus is a line of help.
type exitStatus struct{ number, meaning string }

// scanStatuses are those of scan and ci; README.md holds the same table.
var scanStatuses = []exitStatus{
	{"0", "nothing to report"},
	{"1", "findings that count (--fail-on, --min-confidence, --exit-code)"},
	{"2", "wrong use, bad configuration, nothing could be read, or a report could not be written"},
	{"3", "incomplete: some content was not read, or --timeout expired (replaces 0 and the --exit-code value)"},
	{"129, 130, 141, 143", "ended by a signal: HUP (not on Windows), INT (Ctrl-C), PIPE, TERM"},
}

// failOn says which findings lead to status 1.
type failOn uint8

const (
	failOnAny failOn = iota
	failOnActive
	failOnNone
)

// counts reports whether f leads to status 1.
func (o failOn) counts(f *finding.Finding) bool {
	switch o {
	case failOnAny:
		return f.Suppressed == nil
	case failOnActive:
		return f.Status == finding.Active || f.Status == finding.Restricted
	}
	return false
}

// unasked ends reports of a verification that failed: no request goes unlogged.
var unasked = report.ExitReason{Status: StatusUse, Words: "the egress log could not be written, and nothing more was sent"}

// exitReason returns the status that a result leads to. asked is what went wrong
// with the verification.
func (o *scanOptions) exitReason(ctx context.Context, res *finding.Result, asked error) report.ExitReason {
	switch {
	case asked != nil:
		return unasked
	case o.failOn == failOnActive:
		return activeReason(res.Findings, o.scanReason(ctx, res))
	}
	return o.scanReason(ctx, res)
}

// scanReason is exitReason but for the answers of issuers.
func (o *scanOptions) scanReason(ctx context.Context, res *finding.Result) report.ExitReason {
	signal, stopped := errors.AsType[interruption](context.Cause(ctx))
	found := slices.ContainsFunc(res.Findings, o.failOn.counts)
	new := o.audit.Scan.Staged != nil || o.audit.Scan.Range != nil // an empty set of changes is no failure
	new = new && !slices.ContainsFunc(res.Skipped, func(s finding.Skipped) bool { return s.Reason == finding.ReasonNotFetched })
	switch read := res.Read; {
	case stopped:
		return report.ExitReason{Status: signal.status()}
	case timedOut(res) && !o.audit.Scan.AllowIncomplete:
		return report.ExitReason{Status: StatusIncomplete, Words: fmt.Sprintf("stopped by --timeout %v", o.timeout)}
	case read.Bytes+read.Objects+read.Refs == 0 && !found && !res.Complete() && !new:
		return report.ExitReason{Status: StatusUse, Words: "nothing could be read"}
	case found && (o.exitCode == StatusFound || res.Complete() || o.audit.Scan.AllowIncomplete):
		return report.ExitReason{Status: o.exitCode}
	case !res.Complete() && o.audit.Scan.AllowIncomplete:
		return report.ExitReason{Status: StatusClean, Words: "nothing to report in what could be read (--allow-incomplete)"}
	case !res.Complete():
		return report.ExitReason{Status: StatusIncomplete}
	}
	return report.ExitReason{Status: StatusClean}
}

// timedOut reports whether the scan or the verification was cut short.
func timedOut(res *finding.Result) bool {
	return slices.ContainsFunc(res.Skipped, func(s finding.Skipped) bool { return s.Reason == finding.ReasonInterrupted }) ||
		slices.ContainsFunc(res.Findings, func(f *finding.Finding) bool { return finding.CodeOf(f.StatusReason) == finding.CodeCancelled })
}

// activeReason words a status that --fail-on active led to, and makes it
// StatusIncomplete if it could not be found out whether a key works, unless
// another one is known to and the status is StatusFound. Other statuses of
// reason are worse, and stay.
func activeReason(findings []*finding.Finding, reason report.ExitReason) report.ExitReason {
	active, unknown, unasked := 0, 0, 0
	for _, f := range findings {
		switch f.Status {
		case finding.Active, finding.Restricted:
			active++
		case finding.Unknown:
			unknown++
		case finding.Unchecked, finding.Unsupported:
			unasked++
		}
	}
	if reason.Words != "" || reason.Status == StatusUse || reason.Status > StatusSignal && active == 0 {
		return reason
	}
	words := "no key is known to work"
	if active > 0 {
		words = count(active, "key is", "keys are") + " known to work"
	}
	switch {
	case reason.Status == StatusIncomplete:
		words += ", and the scan is incomplete"
	case unknown > 0:
		if active == 0 || reason.Status != StatusFound {
			reason.Status = StatusIncomplete
		}
		words += ", and " + count(unknown, "key", "keys") + " had no clear answer"
	case unasked > 0 && active == 0:
		words += "; " + count(unasked, "key was", "keys were") + " not asked about"
	}
	reason.Words = words
	return reason
}

// count returns "1 one" or "n many".
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// keys returns "1 key" or "n keys".
func keys(n int) string { return count(n, "key", "keys") }
