package command

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"keysweep/audit"
	"keysweep/command/ci"
	"keysweep/config"
	"keysweep/file"
	"keysweep/finding"
	"keysweep/quote"
	"keysweep/report"
	"keysweep/scanner"
	"keysweep/screen"
)

var ciSpec = spec{
	name: "ci", purpose: "scans the commits a CI run covers and reports in that system's format", args: "[PATH]",
	about: `
PATH is a folder of the repository that is checked out; the default is the
current folder. The CI's environment says what to scan: for a pull request or a
push its commits, else the working tree and the whole history. On GitHub, the
worst keys also become annotations, and the report becomes the job's summary.
Keys found in a fork are not sent to their issuers. A change cannot silence
itself: exceptions count once they are merged. docs/ci.md has setups to copy,
and says for every CI and event whose exceptions count.
`,
	example: "keysweep ci --fail-on active --verify -o keysweep.sarif",
	// Those of scan, but for what the run decides on, or is for a person at a terminal.
	options: []group{
		{headingWhat, "exclude " + ruleOptions + " " + reachOptions + " no-archives max-unpacked verify-objects max-object"},
		{headingCounts, "min-confidence default-branch baseline accept-foreign-comments fail-on exit-code allow-incomplete show-rejected show-suppressed"},
		{headingVerify, "verify " + verifyOptions},
		{headingReports, "format output author quiet verbose"},
		{headingLimits, "timeout jobs"},
	},
	statuses: scanStatuses, run: func(c *call) error { return ciCommand(c, rand.Text()) },
}

// ciRun is one run of the command ci.
type ciRun struct {
	plan    *ci.Plan
	opts    *scanOptions
	res     *finding.Result // nil: nothing was scanned
	token   string
	actions bool // GitHub Actions reads what we print
	call    *call
}

// ciCommand is the command ci. The token is drawn at random, so that nothing that is
// scanned can hold it.
func ciCommand(c *call, token string) error {
	r := &ciRun{token: token, actions: screen.EnvIsTrue("GITHUB_ACTIONS"), call: c}
	err := r.run(c)
	if end, ok := errors.AsType[*ending](err); r.actions && err != nil && !errors.Is(err, errClosedPipe) && (!ok || end.err != nil) {
		message, _, _ := strings.Cut(quote.Message(err.Error()), "\n")
		_ = c.annotate(report.LevelError, message)
	}
	return err
}

func (r *ciRun) run(c *call) error {
	if c.Args().Len() > 1 {
		return c.usage(errors.New("ci takes one PATH at most"))
	}
	path := cmp.Or(c.Args().First(), ".")
	if path == "-" {
		return errors.New("ci scans a repository or a folder, not standard input")
	}
	opts, err := parseScan(c)
	if err != nil {
		return c.usage(err)
	}
	r.opts = opts
	checkout, err := ci.OpenCheckout(c.ctx, path, opts.audit.Scan.Reach, opts.audit.Scan.FollowAlternates)
	if err != nil {
		return err
	}
	var repo ci.Repository
	if checkout != nil {
		defer checkout.Close()
		repo = checkout
		if err := opts.checkWrites(checkout); err != nil {
			return err
		}
	}
	readEvent := func(path string) ([]byte, error) { return file.Read(path, maxEvent) }
	env := ci.Environment{Get: os.Getenv, ReadFile: readEvent, DefaultBranch: cmp.Or(c.String("default-branch"), os.Getenv(defaultBranchVariable))}
	if r.plan, err = ci.Detect(env, repo); err != nil {
		return err
	}
	opts.audit.Scan.AllowIncomplete = c.Bool("allow-incomplete")
	opts.report.OmitSuppressed = r.actions
	opts.report.Links = links(checkout, path)
	if err := r.apply(checkout, path); err != nil {
		return err
	}
	end := r.scan(c)
	ended, ok := errors.AsType[*ending](end)
	if end != nil && (!ok || ended.err != nil) {
		return end
	}
	untold, err := r.report()
	if len(untold) > 0 {
		status := StatusUse
		if ended != nil && ended.status != StatusClean {
			status = ended.status // that something was found matters more
		}
		return &ending{status, errors.New(strings.Join(untold, "; "))}
	}
	return cmp.Or(err, end)
}

// defaultBranchVariable is --default-branch where that is not given.
const defaultBranchVariable = "KEYSWEEP_DEFAULT_BRANCH"

// checkWrites refuses to write where only a link of what is checked out leads.
func (o *scanOptions) checkWrites(checkout *ci.Checkout) error {
	for _, out := range o.outputs {
		if out.standard() {
			continue
		}
		if err := checkout.CheckWrite(out.path); err != nil {
			return fmt.Errorf("--output %s: %w", quote.Name(out.path), err)
		}
	}
	if o.audit.Verify.EgressLog != "" {
		if err := checkout.CheckWrite(o.audit.Verify.EgressLog); err != nil {
			return fmt.Errorf("--egress-log %s: %w", quote.Name(o.audit.Verify.EgressLog), err)
		}
	}
	return nil
}

// maxEvent is the most bytes of an event's file. GitHub's are 25 MB at most.
const maxEvent = 64 << 20

// links returns where occurrences can be opened in a browser.
func links(checkout *ci.Checkout, path string) *report.Links {
	l := &report.Links{Server: os.Getenv("GITHUB_SERVER_URL"), Name: os.Getenv("GITHUB_REPOSITORY"), Outside: true}
	if checkout != nil {
		below, ok := checkout.Below(path)
		l.Commit, l.Below, l.Outside = checkout.Head(), below, !ok
	}
	return l
}

// apply turns the plan into options.
func (r *ciRun) apply(checkout *ci.Checkout, path string) error {
	opts, plan, links := r.opts, r.plan, r.opts.report.Links
	r.trustBase(checkout)
	opts.marked = r.noteAdded
	if links.Below != "" {
		// A folder means its repository, as it does for Changes.
		opts.audit.Scan.Paths = []string{config.Shown(checkout.Top())}
		links.Below = ""
	}
	if plan.Scope == ci.Changes {
		var err error
		if opts.audit.Scan.Range, err = scanner.ParseRange(strings.Fields(plan.Range)); err != nil {
			return err
		}
	}
	if plan.Word == ci.Foreign && opts.audit.Verify.On {
		opts.audit.Verify.On = false
		plan.Notes = append(plan.Notes, "The run is for a fork, or may be: no key was sent to its issuer.")
		if opts.failOn == failOnActive {
			opts.failOn = failOnAny
			plan.Notes = append(plan.Notes, "Without an answer, each key counts, as with --fail-on any.")
		}
	}
	opts.found = func(a *audit.Audit) {
		res := a.Result
		r.res = res
		shallow := func(s finding.Skipped) bool { return s.Reason == finding.ReasonShallow }
		switch {
		case plan.Missing != "":
			res.Skipped = finding.AddSkipped(res.Skipped, finding.Skipped{Reason: finding.ReasonShallow, Count: 1, Detail: plan.Missing})
		case plan.FetchHint != "" && slices.ContainsFunc(res.Skipped, shallow):
			plan.Notes = append(plan.Notes, "Older commits were not checked out; "+plan.FetchHint+".")
		}
		if len(res.Targets) > 0 {
			res.Targets[0].Notes = append(res.Targets[0].Notes, plan.Notes...)
		}
	}
	return nil
}

// scan scans and reports. On GitHub, no line of the report is read as a command.
func (r *ciRun) scan(c *call) (err error) {
	if r.actions {
		if err := r.call.say("::stop-commands::" + r.token + "\n"); err != nil {
			return err
		}
		defer func() { err = cmp.Or(err, r.call.say("::"+r.token+"::\n")) }() // also if the report ends early
	}
	if r.plan.Scope == ci.Nothing {
		return r.call.say(strings.Join(r.plan.Notes, " ") + "\n")
	}
	return scanWith(c, r.opts)
}

// report reports to GitHub Actions; other systems get the text alone. When one of
// GitHub's files cannot be written, untold says so, and the others still are.
func (r *ciRun) report() (untold []string, err error) {
	if !r.actions {
		return nil, nil
	}
	if r.res != nil {
		if !r.res.Complete() {
			words := cmp.Or(r.plan.Missing, "the report of the job says what was not read")
			if err := r.call.annotate(report.LevelWarning, "The scan is incomplete: "+words+"."); err != nil {
				return nil, err
			}
		}
		if err := writing(report.Annotations(r.call.stdout, r.res, r.opts.report)); err != nil {
			return nil, err
		}
	}
	note := func(err error) {
		if err != nil {
			untold = append(untold, err.Error())
		}
	}
	note(appendTo("GITHUB_OUTPUT", func(w io.Writer) error { return ci.WriteOutputs(w, r.outputs(), r.token) }))
	if r.res != nil {
		note(appendTo("GITHUB_STEP_SUMMARY", func(w io.Writer) error {
			return report.Write(w, report.Markdown, r.res, r.opts.report)
		}))
	}
	return untold, nil
}

// annotate writes a message for the page of the run.
func (c *call) annotate(level report.Level, message string) error {
	return c.say(report.WorkflowCommand(level, message, report.Property{Name: "title", Value: "keysweep"}))
}

// outputs returns what later steps may want to know.
func (r *ciRun) outputs() []ci.Output {
	findings, active, complete := 0, 0, true
	if r.res != nil {
		complete = r.res.Complete()
		for _, f := range r.res.Findings {
			if f.Suppressed == nil {
				findings++
			}
			if failOnActive.counts(f) {
				active++
			}
		}
	}
	list := []ci.Output{
		{Name: "findings", Value: strconv.Itoa(findings)},
		{Name: "active", Value: strconv.Itoa(active)},
		{Name: "complete", Value: strconv.FormatBool(complete)},
	}
	uploadable := false
	for _, format := range []report.Format{report.JSON, report.SARIF, report.Markdown} {
		path := ""
		for _, out := range r.opts.outputs {
			if r.res != nil && out.format == format && !out.standard() && path == "" {
				path = r.call.program.hide(absolute(out.path))
			}
		}
		uploadable = uploadable || format == report.SARIF && path != ""
		list = append(list, ci.Output{Name: format.String(), Value: path})
	}
	// An upload closes the alerts that it lacks: it had better not lack what was
	// only not read. In a pull request there are no others.
	uploadable = uploadable && r.plan.Upload && (complete || r.opts.audit.Scan.AllowIncomplete || r.plan.Scope == ci.Changes)
	return append(list,
		ci.Output{Name: "upload", Value: strconv.FormatBool(uploadable)},
		ci.Output{Name: "read-only", Value: strconv.FormatBool(r.plan.ReadOnly)})
}

// appendTo appends to the file that a variable names; its earlier lines come from
// others. Without the variable, there is nothing to write.
func appendTo(variable string, write func(io.Writer) error) error {
	path := os.Getenv(variable)
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		err = errors.Join(write(f), f.Close())
	}
	if err != nil {
		return fmt.Errorf("%s: %w", variable, err)
	}
	return nil
}

// trustBase makes the exceptions of the plan's commit count: a change cannot silence
// itself. Files that the user named and that are in the checkout are the change's,
// too, and are read at that commit as well.
func (r *ciRun) trustBase(checkout *ci.Checkout) {
	plan, s := r.plan, &r.opts.audit.Sources
	t := &config.Trust{Rev: plan.Base, Name: plan.BaseName, Nothing: plan.Base == "", Anywhere: true}
	s.Trust = t
	if checkout == nil {
		return
	}
	t.Config, _ = checkout.Holds(s.Config)
	t.Baseline, _ = checkout.Holds(s.Baseline)
	s.Rules = slices.DeleteFunc(s.Rules, func(name string) bool {
		below, inside := checkout.Holds(name)
		if inside {
			t.Rules = append(t.Rules, config.RuleFile{Name: name, Path: below})
		}
		return inside
	})
}

// noteAdded says that the change adds exceptions, if a key is found that one of
// them may be meant for.
func (r *ciRun) noteAdded(a *audit.Audit) {
	res := a.Result
	counts := func(f *finding.Finding) bool { return f.Suppressed == nil }
	if r.plan.Scope != ci.Changes || !slices.ContainsFunc(res.Findings, counts) || len(res.Targets) == 0 {
		return
	}
	note := func(words string) { res.Targets[0].Notes = append(res.Targets[0].Notes, words) }
	change := a.Loaded.ChangeOf(r.plan.Tip(), res.Findings)
	if change.Broken != "" {
		note(change.Broken)
	}
	if len(change.Added) == 0 {
		return
	}
	files := change.Files()
	const most = 3
	if more := len(files) - most; more > 0 {
		files = append(files[:most], fmt.Sprintf("%d more", more))
	}
	words := "This change adds an exception (%s): it counts " + r.plan.CountsFrom + "."
	if len(change.Added) > 1 {
		words = "This change adds exceptions (%s): they count " + r.plan.CountsFrom + "."
	}
	note(fmt.Sprintf(words, strings.Join(files, ", ")))
}
