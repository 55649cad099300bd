package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"keysweep/finding"
	"keysweep/report"
	"keysweep/rules"
	"keysweep/scanner"
	"keysweep/verify"
)

// recheckFlags returns the options of recheck.
func recheckFlags() []cli.Flag {
	return slices.Concat([]cli.Flag{
		&cli.BoolFlag{Name: "paste", Usage: "read the keys from standard input, one a line, in the place of looking for them; a terminal does not show them"},
	}, verifyFlags(""), ruleFlags(""), []cli.Flag{
		&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "write `FORMAT` " + orList(report.ExplainFormats())},
		&cli.StringFlag{Name: "color", Usage: "colour the text: `WHEN` is auto, always or never"},
		&cli.BoolFlag{Name: "no-progress", Usage: "show no progress bar"},
		&cli.StringFlag{Name: "jobs", Aliases: []string{"j"}, Usage: "read with `N` workers; one per processor if not given"},
	})
}

// recheckHelp stands above the options of recheck.
const recheckHelp = `
REPORT is the JSON report of a scan. A report holds no keys: they are looked for
again in what was scanned then (run it in the same folder), or pasted. Each is
sent to its issuer alone: to Martis, to the issuers that the report's scan asked,
and to those that --verify-issuer names.
The status is 0 if every key is refused, 1 if one still works, and 3 if it could
not be told of one.
`

// recheck is the action of the command of that name.
func recheck(c *cli.Context) error {
	o, err := parseRecheck(c)
	if err != nil {
		return fmt.Errorf("%w%s", err, seeHelp("recheck"))
	}
	earlier, err := readEarlier(o.file)
	if err != nil {
		return err
	}
	set, err := o.rules.load(nil)
	if err != nil {
		return err
	}
	o.verification.opts.Issuers = append(o.verification.opts.Issuers, askedIn(earlier, set)...)
	if err := verify.Check(o.verification.opts, set); err != nil {
		return err
	}
	outcome := &report.Recheck{Report: o.file}
	for _, k := range earlier.Keys {
		outcome.Keys = append(outcome.Keys, report.Rechecked{Earlier: k, Pasted: o.paste})
	}
	if o.paste {
		err = paste(c.App.Reader, c.App.ErrWriter, outcome, set)
	} else {
		err = findAgain(c.Context, o, earlier, outcome, set, c.App.ErrWriter)
	}
	if err != nil {
		return err
	}
	var found []*finding.Finding
	for _, k := range outcome.Keys {
		if k.Now != nil {
			found = append(found, k.Now)
		}
	}
	if err := o.verification.ask(c.Context, set, found, o.progress, c.App.ErrWriter); err != nil {
		return err
	}
	var signal interruption
	if errors.As(context.Cause(c.Context), &signal) {
		return &ending{signal.status(), signal}
	}
	if o.verification.opts.DryRun {
		return nil
	}
	o.report.RulesSHA256, o.report.Rules = set.SHA256(), set.Rules()
	o.report.Exit = recheckReason(outcome)
	if err := writing(report.WriteRecheck(c.App.Writer, o.format, outcome, o.report)); err != nil {
		return err
	}
	return &ending{status: o.report.Exit.Status}
}

// recheckReason returns the status that an outcome leads to.
func recheckReason(r *report.Recheck) report.ExitReason {
	works, unclear := r.Count(report.StillWorks), r.Count(report.CouldNotTell)
	switch {
	case works > 0:
		return report.ExitReason{Status: statusFound, Words: keys(works) + " that should be refused"}
	case unclear > 0:
		return report.ExitReason{Status: statusIncomplete, Words: "it could not be told of " + keys(unclear)}
	}
	return report.ExitReason{Status: statusClean, Words: "every key is refused"}
}

type recheckOptions struct {
	file         string
	paste        bool
	rules        ruleSource
	verification verification
	report       report.Options
	format       report.Format
	workers      int
	progress     bool
}

func parseRecheck(c *cli.Context) (o recheckOptions, err error) {
	if c.Args().Len() != 1 || c.Args().First() == "" {
		return o, errors.New("recheck needs one REPORT, a JSON report of a scan")
	}
	o.file, o.paste = c.Args().First(), c.Bool("paste")
	if o.paste && o.file == "-" {
		return o, errors.New("--paste: the keys come from standard input, so the report cannot")
	}
	if o.rules, err = parseRules(c); err != nil {
		return o, err
	}
	if o.verification, err = parseVerification(c, true); err != nil {
		return o, err
	}
	color := "auto"
	if err := cmp.Or(
		read(c, "color", parseColor, &color),
		read(c, "format", parseShortFormat, &o.format),
		read(c, "jobs", parseJobs, &o.workers),
	); err != nil {
		return o, err
	}
	o.report = report.Options{
		Version: buildVersion().Version, Program: program(),
		Color: useColor(color, c.App.Writer), Width: columns(c.App.Writer),
	}
	o.progress = showProgress(c.App.ErrWriter) && !c.Bool("no-progress")
	return o, nil
}

func readEarlier(name string) (*report.Earlier, error) {
	in := os.Stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("the report: %w", err)
		}
		defer file.Close()
		in = file
	}
	e, err := report.ReadEarlier(in)
	if err != nil {
		return nil, fmt.Errorf("the report %s: %w", quote(name), err)
	}
	return e, nil
}

// askedIn returns the issuers that the scan of a report asked, and that can
// still be asked.
func askedIn(e *report.Earlier, set *rules.Set) []string {
	names := []string{verify.DefaultIssuer}
	for _, k := range e.Keys {
		f := &k.Finding
		asked := f.Status != finding.Unchecked && f.Status != finding.Unsupported
		if asked && slices.ContainsFunc(set.Rules(), func(r *rules.Rule) bool { return r.Issuer == f.Issuer && r.Probe != nil }) {
			names = append(names, f.Issuer)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// findAgain scans what a report names and fills in Rechecked.Now.
func findAgain(ctx context.Context, o recheckOptions, earlier *report.Earlier, outcome *report.Recheck, set *rules.Set, stderr io.Writer) error {
	opts := scanner.Options{MinConfidence: finding.Low, Ignored: true, Workers: o.workers, Tree: true, History: true}
	for _, t := range earlier.Targets {
		if t.Kind == finding.TargetStdin {
			continue
		}
		if _, err := os.Stat(t.Name); err != nil {
			fmt.Fprintf(stderr, "keysweep: %s\n", printable("what the report scanned is not here: "+err.Error()))
			continue
		}
		opts.Paths = append(opts.Paths, t.Name)
		opts.Tree, opts.History = opts.Tree && !t.History, opts.History && !t.Tree
	}
	if len(opts.Paths) == 0 || len(earlier.Keys) == 0 {
		return nil
	}
	if opts.Tree && opts.History {
		opts.Tree, opts.History = false, false // both
	}
	res, err := find(ctx, &scanOptions{scan: opts, progress: o.progress}, set, stderr)
	if err != nil {
		return err
	}
	now := map[string]*finding.Finding{}
	for _, f := range res.Findings {
		now[f.Secret.SHA256()] = f
	}
	for i := range outcome.Keys {
		outcome.Keys[i].Now = now[outcome.Keys[i].Earlier.SHA256]
	}
	return nil
}

// maxPasted limits a pasted line, in bytes.
const maxPasted = 4 << 10

// paste reads keys and fills in Rechecked.Now of those that the report names.
func paste(stdin io.Reader, stderr io.Writer, outcome *report.Recheck, set *rules.Set) error {
	take := func(key string) bool {
		for i := range outcome.Keys {
			k := &outcome.Keys[i]
			if f := pasted(key, k.Earlier, set); f != nil {
				k.Now = f
				return true
			}
		}
		return false
	}
	if file, ok := stdin.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		for i := range outcome.Keys {
			k := &outcome.Keys[i]
			for k.Now == nil {
				fmt.Fprintf(stderr, "Paste %s (%s), or press Enter to leave it out: ", report.Quote(k.Earlier.Redacted), k.Earlier.SHA256[:16])
				line, err := term.ReadPassword(int(file.Fd()))
				fmt.Fprintln(stderr)
				if err != nil || len(strings.TrimSpace(string(line))) == 0 {
					break
				}
				if !take(strings.TrimSpace(string(line))) {
					fmt.Fprintln(stderr, "keysweep: the report names no such key")
				}
			}
		}
		return nil
	}
	lines := bufio.NewScanner(stdin)
	lines.Buffer(nil, maxPasted)
	for n := 1; lines.Scan(); n++ {
		if key := strings.TrimSpace(lines.Text()); key != "" && !take(key) {
			fmt.Fprintf(stderr, "keysweep: line %d of standard input holds no key that the report names\n", n)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	return nil
}

// pasted returns the finding of a pasted key if it is k, or nil. What stood
// around the key is not known: its issuer is the report's.
func pasted(key string, k report.EarlierKey, set *rules.Set) *finding.Finding {
	prefix, _, _ := strings.Cut(k.Redacted, "…")
	body, ok := strings.CutPrefix(key, prefix)
	f := k.Finding
	f.Secret = finding.NewSecret(prefix, body)
	if !ok || f.Secret.SHA256() != k.SHA256 {
		return nil
	}
	f.Status, f.StatusReason = finding.Unchecked, ""
	return &f
}
