package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/bmatcuk/doublestar/v4"

	"keysweep/audit"
	"keysweep/quote"
	"keysweep/scanner"
	"keysweep/screen"
	"keysweep/verify"
)

var scanSpec = spec{
	name: "scan", purpose: "finds keys in files, folders, repositories and standard input", args: "[PATH|URL…]",
	about: `
A PATH is a file, a folder, a repository, or - for standard input; the default
is the current folder. Of a repository, the working tree and the whole object
database are read. A URL is the address of a repository on a server, as
https://HOST/PATH or git://HOST/PATH; its history is fetched, without git, and
scanned. Options may come before and after paths; after --, all is paths.
Results go to standard output, everything else to standard error.
`,
	example: "keysweep scan --min-confidence high -o report.sarif .",
	options: []group{
		{headingWhat, "tree history staged range agents ignored exclude " + ruleOptions + " " + reachOptions + " no-archives max-unpacked verify-objects max-object"},
		{headingRemote, remoteOptions},
		{headingCounts, "min-confidence baseline accept-foreign-comments since fail-on exit-code show-rejected show-suppressed"},
		{headingVerify, "verify " + verifyOptions},
		{headingReports, "format output author show-secrets color no-progress quiet verbose"},
		{headingLimits, "timeout jobs"},
	},
	statuses: scanStatuses, run: scan,
}

func scan(c *call) error {
	parse := parseScan
	if c.Bool("agents") {
		parse = parseScanOfAgents
	}
	opts, err := parse(c)
	if err != nil {
		return c.usage(err)
	}
	return scanWith(c, opts)
}

// warnOfUnread says what a user may take to be read, or left out, and is not.
func (c *call) warnOfUnread(opts *scanOptions) {
	in, isFile := c.stdin.(*os.File)
	if isFile && len(opts.audit.Scan.Paths) == 0 && !opts.report.Quiet && os.Getenv("CI") == "" {
		if info, err := in.Stat(); err == nil && info.Mode()&os.ModeNamedPipe != 0 {
			c.warn("standard input is not read: keysweep scan - reads it")
		}
	}
	for _, name := range opts.audit.Scan.Paths {
		for _, glob := range opts.audit.Scan.Exclude {
			if info, err := os.Stat(name); doublestar.MatchUnvalidated(glob, filepath.ToSlash(name)) && err == nil && !info.IsDir() {
				c.warn(fmt.Sprintf("--exclude %s does not leave out %s: it is named as a path", quote.Name(glob), quote.Name(name)))
			}
		}
	}
}

// scanWith scans and reports.
func scanWith(c *call, opts *scanOptions) error {
	a, err := audit.Open(c.ctx, opts.audit) // what to look for, and whose exceptions count
	if err != nil {
		if s := opts.audit.Sources; s.Trust == nil {
			if l, loading := s.Load(opts.audit.Scan.Paths, nil); loading == nil {
				c.program.rules = l.Rules // what they find is not printed with the error
			}
		}
		return err
	}
	defer a.Close()
	c.program.rules = a.Loaded.Rules
	if c.command.name == "scan" {
		c.warnOfUnread(opts)
	}
	ctx, cancel := opts.limit(c.ctx)
	defer cancel()
	if err := c.find(ctx, a.Scan, opts.audit.Scan.Progress); err != nil { // where it is, and what was skipped
		return errors.Join(err, a.Close())
	}
	if opts.found != nil {
		opts.found(a)
	}
	asked := c.ask(opts.audit.Verify, opts.audit.Scan.Progress != nil, a.Result.Findings, func(progress func(done, total int)) (verify.Summary, error) {
		return a.Verify(ctx, progress) // whether it still works
	})
	a.Mark(opts.report.Verbose) // what a person accepted; never a live key
	if opts.marked != nil {
		opts.marked(a)
	}
	opts.report = a.ReportOptions(opts.report)
	opts.report.Exit = opts.exitReason(ctx, a.Result, asked)
	if err := opts.deliver(a.Result, c.stdout, c.stderr); err != nil {
		return err
	}
	if asked == nil && opts.report.Exit.Status == StatusUse {
		return &ending{StatusUse, fmt.Errorf("nothing could be read: %s", a.Result.Skipped[0].Detail)}
	}
	return &ending{opts.report.Exit.Status, asked}
}

// limit returns ctx with the end that --timeout sets to scanning and asking.
func (o *scanOptions) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if o.timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("--timeout %v", o.timeout))
}

// progress returns counters for a progress bar, nil if none is wanted.
func (c *call) progress() *scanner.Progress {
	if !screen.ShowProgress(c.stderr) || c.Bool("no-progress") || c.Bool("quiet") {
		return nil
	}
	return new(scanner.Progress)
}

// find calls scan, with a bar if progress is not nil.
func (c *call) find(ctx context.Context, scan func(context.Context) error, progress *scanner.Progress) error {
	if progress != nil {
		defer showScan(c.stderr, progress)()
	}
	err := scan(ctx)
	if signal, ok := errors.AsType[interruption](context.Cause(ctx)); ok && err != nil {
		return &ending{signal.status(), err}
	}
	return err
}

// say writes to standard output, without keys.
func (c *call) say(text string) error {
	_, err := io.WriteString(c.stdout, c.program.hide(text))
	return writing(err)
}

// writing turns an error of writing to standard output into an ending.
func writing(err error) error {
	if readerIsGone(err) || errors.Is(err, io.ErrClosedPipe) {
		return errClosedPipe
	}
	if err != nil {
		return fmt.Errorf("standard output could not be written: %w", err)
	}
	return nil
}
