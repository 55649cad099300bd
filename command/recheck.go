package command

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"keysweep/audit"
	"keysweep/config"
	"keysweep/file"
	"keysweep/finding"
	"keysweep/quote"
	"keysweep/report"
	"keysweep/rules"
	"keysweep/scanner"
	"keysweep/verify"
)

var recheckSpec = spec{
	name: "recheck", purpose: "asks again whether the keys of a report still work", args: "REPORT",
	about: `
REPORT is the JSON report of a scan. A report holds no keys: they are looked for
again in what was scanned then (run it in the same folder), or pasted. Each is
sent to its issuer alone: to Martis, to the issuers that the report's scan
asked, and to those named with --verify-issuer.
The status is 0 if every key is refused, 1 if one still works, and 3 if there is
no clear answer for one, or if the report's scan was incomplete.
`,
	example: `keysweep recheck report.json`,
	options: []group{{"", "paste wait " + verifyOptions + " " + ruleOptions + " allow-share fetch-cloud-files format color no-progress jobs"}},
	run:     recheck,
}

func recheck(c *call) error {
	o, err := parseRecheck(c)
	if err != nil {
		return c.usage(err)
	}
	earlier, err := readEarlier(o.file, c.stdin)
	if err != nil {
		return err
	}
	paths := o.here(earlier.Targets)
	loaded, err := o.sources.Load(paths, nil)
	if err != nil {
		return err
	}
	set := loaded.Rules
	c.program.rules = set
	o.verification.Options.Issuers = append(o.verification.Options.Issuers, askedIn(earlier, set)...)
	verifier, err := o.verification.Open(set)
	if err != nil {
		return err
	}
	defer verifier.Close()
	outcome := &report.Recheck{Report: o.file, Targets: earlier.Targets, Incomplete: !earlier.Complete}
	for _, k := range earlier.Keys {
		outcome.Keys = append(outcome.Keys, report.Rechecked{Earlier: k, Pasted: o.paste})
	}
	if o.paste {
		err = c.paste(outcome, set)
	} else {
		err = c.findAgain(o, paths, earlier, outcome, set)
	}
	if err != nil {
		return errors.Join(err, verifier.Close())
	}
	asked := errors.Join(c.askUntilRefused(o, verifier, outcome), verifier.Close())
	if o.verification.Options.DryRun && asked == nil {
		if outcome.Unread {
			return &ending{status: StatusIncomplete}
		}
		return nil
	}
	o.report.RulesSHA256, o.report.Rules, o.report.Set = set.SHA256(), set.Rules(), set
	o.report.Exit = recheckReason(c.ctx, outcome)
	if asked != nil {
		o.report.Exit = unasked
	}
	if err := writing(report.WriteRecheck(c.stdout, o.format, outcome, o.report)); err != nil {
		return err
	}
	return &ending{o.report.Exit.Status, asked}
}

// The pauses between two questions about the same key: the first, doubled each
// time, and the longest.
const firstPause, longestPause = time.Second, 30 * time.Second

// askUntilRefused asks about the keys that were found, and again about the ones that
// work, with pauses of o.wait in all. An unclear answer does not replace a clear
// one.
func (c *call) askUntilRefused(o recheckOptions, verifier *audit.Verifier, outcome *report.Recheck) error {
	var asking []*finding.Finding
	for _, k := range outcome.Keys {
		if k.Now != nil {
			asking = append(asking, k.Now)
		}
	}
	left, next := o.wait, firstPause
	for again := false; ; again = true {
		before := map[*finding.Finding]finding.Finding{}
		for _, f := range asking {
			before[f] = *f
		}
		err := c.ask(o.verification, o.progress != nil, asking, func(progress func(done, total int)) (verify.Summary, error) {
			return verifier.Ask(c.ctx, asking, progress)
		})
		for _, f := range asking {
			if again && f.Status == finding.Unknown {
				*f = before[f]
			}
		}
		asking = slices.DeleteFunc(asking, func(f *finding.Finding) bool { return f.Status < finding.Restricted })
		if err != nil || len(asking) == 0 || left <= 0 {
			return err
		}
		pause := min(next, left)
		select {
		case <-c.ctx.Done():
			return nil
		case <-time.After(pause):
		}
		left, next = left-pause, min(2*next, longestPause)
	}
}

// recheckReason returns the status that an outcome leads to.
func recheckReason(ctx context.Context, r *report.Recheck) report.ExitReason {
	works, unclear := r.Count(report.StillWorks), r.Count(report.CouldNotTell)
	signal, stopped := errors.AsType[interruption](context.Cause(ctx))
	switch {
	case stopped:
		return report.ExitReason{Status: signal.status(), Words: "stopped by a signal"}
	case works == 1:
		return report.ExitReason{Status: StatusFound, Words: "1 key still works"}
	case works > 0:
		return report.ExitReason{Status: StatusFound, Words: keys(works) + " still work"}
	case unclear > 0:
		return report.ExitReason{Status: StatusIncomplete, Words: keys(unclear) + " had no clear answer"}
	case r.Incomplete:
		return report.ExitReason{Status: StatusIncomplete, Words: "the scan of the report was incomplete: it may lack keys"}
	case len(r.Keys) == 0:
		return report.ExitReason{Status: StatusClean, Words: "there is nothing to ask about"}
	}
	return report.ExitReason{Status: StatusClean, Words: "every key is refused"}
}

type recheckOptions struct {
	file         string
	paste        bool
	sources      config.Sources
	reach        file.Reach
	verification audit.Verification
	report       report.Options
	format       report.Format
	wait         time.Duration // to pause in all between questions about keys that work
	workers      int
	progress     *scanner.Progress // nil: no bar
}

func parseRecheck(c *call) (o recheckOptions, err error) {
	if c.Args().Len() != 1 || c.Args().First() == "" {
		return o, errors.New("recheck needs one REPORT, the JSON report of a scan")
	}
	o.file, o.paste = c.Args().First(), c.Bool("paste")
	if o.paste && o.file == "-" {
		return o, errors.New("--paste: the keys come from standard input, so the report cannot")
	}
	var noSources, noReach, noVerification, noOutput error
	o.sources, noSources = parseSources(c)
	o.reach, noReach = parseReach(c)
	o.verification, noVerification = parseVerification(c, true, false)
	o.report, o.format, noOutput = shortOutput(c)
	o.progress = c.progress()
	if err := cmp.Or(noSources, noReach, noVerification, noOutput,
		read(c, "wait", parseTimeout, &o.wait),
		read(c, "jobs", numberUpTo(1, maxWorkers), &o.workers),
	); err != nil {
		return o, err
	}
	if o.wait > 0 && o.verification.Options.DryRun {
		return o, errors.New("--wait has no effect with --dry-run: nothing is sent")
	}
	return o, nil
}

// readEarlier reads a report: a file, or - for standard input.
func readEarlier(name string, stdin io.Reader) (*report.Earlier, error) {
	in := stdin
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
		return nil, fmt.Errorf("the report %s: %w", quote.Name(name), err)
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

// here returns the names of the targets that can be scanned again. A report may come
// from elsewhere: what it names on another host is not.
func (o *recheckOptions) here(targets []finding.Target) []string {
	var paths []string
	guard := o.reach.Guard(".")
	for _, t := range targets {
		if t.Kind == finding.TargetStdin || audit.RefuseAddresses([]string{t.Name}) != nil { // a folder may have the name of an address
			continue
		}
		if _, err := guard.Path(guard.Base(), t.Name); err != nil {
			continue
		}
		if _, err := os.Stat(t.Name); !file.Absent(err) {
			paths = append(paths, t.Name)
		}
	}
	return paths
}

// findAgain scans what a report names and fills in Rechecked.Now. It warns of
// what cannot be scanned.
func (c *call) findAgain(o recheckOptions, paths []string, earlier *report.Earlier, outcome *report.Recheck, set *rules.Set) error {
	opts := scanner.Options{Paths: paths, MinConfidence: finding.Low, Ignored: true, Workers: o.workers, Tree: true, History: true, Now: c.now, Progress: o.progress, Reach: o.reach}
	guard := o.reach.Guard(".")
	for _, t := range earlier.Targets {
		switch {
		case t.Kind == finding.TargetStdin:
			c.warn("the report is about standard input, which cannot be read again (--paste takes the keys)")
		case audit.RefuseAddresses([]string{t.Name}) != nil:
			c.warn("the report is about " + quote.Name(t.Name) + ", which is not fetched again (--paste takes the keys; keysweep scan --verify scans it again)")
		case !slices.Contains(paths, t.Name):
			words := "what the report is about is not here any more: " + quote.Name(t.Name)
			if _, err := guard.Path(guard.Base(), t.Name); err != nil {
				words = "what the report is about cannot be scanned again: " + quote.Name(err.Error())
			}
			c.warn(words)
		default:
			opts.Tree, opts.History = opts.Tree && !t.History, opts.History && !t.Tree
		}
	}
	for i := range outcome.Keys {
		outcome.Keys[i].Unread = len(paths) < len(earlier.Targets)
	}
	if len(paths) == 0 || len(earlier.Keys) == 0 {
		return nil
	}
	prepared, err := scanner.Prepare(opts)
	if err != nil {
		return err
	}
	defer prepared.Close()
	var res *finding.Result
	scan := func(ctx context.Context) (err error) {
		res, err = prepared.Scan(ctx, set, scanner.Accept{})
		return err
	}
	if err := c.find(c.ctx, scan, o.progress); err != nil {
		return err
	}
	now := map[string]*finding.Finding{}
	for _, f := range res.Findings {
		for i, fingerprint := range f.Fingerprints() {
			if i == 0 || now[fingerprint] == nil {
				now[fingerprint] = f
			}
		}
	}
	missing := 0
	for i := range outcome.Keys {
		k := &outcome.Keys[i]
		if k.Now = now[k.Earlier.SHA256]; k.Now == nil {
			missing++
			k.Unread = k.Unread || !res.Complete()
		}
	}
	if missing > 0 && !res.Complete() {
		outcome.Unread = true
		c.warn("some content could not be read again (keysweep scan lists it): " + keys(missing) + " may be where the report found it")
	}
	return nil
}

// maxPasted limits a pasted line, in bytes.
const maxPasted = 4 << 10

// paste reads keys and fills in Rechecked.Now of those that the report names.
func (c *call) paste(outcome *report.Recheck, set *rules.Set) error {
	take := func(key string) (taken bool) {
		for i := range outcome.Keys {
			k := &outcome.Keys[i]
			if f := pasted(key, k.Earlier, set); f != nil {
				k.Now, taken = f, true
			}
		}
		return taken
	}
	if file, ok := c.stdin.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return pasteOnTerminal(c.ctx, file, c.stderr, outcome, take)
	}
	lines := bufio.NewScanner(c.stdin)
	lines.Buffer(nil, maxPasted)
	strange := 0
	for n := 1; lines.Scan(); n++ {
		// Some editors and shells start a text with a byte order mark.
		key := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if key == "" || take(key) {
			continue
		}
		if strange++; strange <= maxStrange {
			c.warn(fmt.Sprintf("line %d of standard input holds no key that the report names, or more than the key", n))
		}
	}
	if strange > maxStrange {
		c.warn(fmt.Sprintf("so do %d further lines", strange-maxStrange))
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("standard input: a line is longer than %d bytes, and no key is", maxPasted)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	return nil
}

// maxStrange is how many lines of a paste that hold no key are named.
const maxStrange = 10

// pasteOnTerminal asks a person for each key, whose typing is not shown.
func pasteOnTerminal(ctx context.Context, terminal *os.File, stderr io.Writer, outcome *report.Recheck, take func(string) bool) error {
	fd := int(terminal.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	// A signal ends the process while the terminal is read: it must show again
	// what is typed then.
	defer context.AfterFunc(ctx, func() { _ = term.Restore(fd, before) })()
	for i := range outcome.Keys {
		k := &outcome.Keys[i]
		for k.Now == nil && ctx.Err() == nil {
			fmt.Fprintf(stderr, "Paste %s (%s), or press Enter to leave it out: ", quote.Name(k.Earlier.Redacted), k.Earlier.SHA256[:16])
			line, err := term.ReadPassword(fd)
			fmt.Fprintln(stderr)
			key := strings.TrimSpace(string(line))
			if errors.Is(err, io.EOF) {
				return nil // no more will come
			}
			if err != nil {
				return fmt.Errorf("standard input: %w", err)
			}
			if key == "" {
				break
			}
			if !take(key) {
				fmt.Fprintln(stderr, "keysweep: the report names no such key")
			}
		}
	}
	return nil
}

// pasted returns the finding of a pasted key if it is k, or nil. What stood
// around the key is not known: its issuer is the report's. Its environment is
// that of its prefix, whatever the report says.
func pasted(key string, k report.EarlierKey, set *rules.Set) *finding.Finding {
	sum := sha256.Sum256([]byte(key))
	if hex.EncodeToString(sum[:]) != k.SHA256 {
		return nil
	}
	f := k.Finding
	f.Status, f.StatusReason, f.Environment = finding.Unchecked, "", finding.EnvironmentUnknown
	prefix := ""
	if rule := set.RuleOf(f.RuleID, f.Issuer); rule != nil {
		for _, l := range rule.Literals {
			if strings.HasPrefix(key, l) && len(l) > len(prefix) {
				prefix, f.Environment = l, rule.Environments[l]
			}
		}
	}
	f.Secret = finding.NewSecret(prefix, key[len(prefix):])
	// A report may be wrong, or changed: a shape that another issuer alone has
	// is not sent to the one that it names.
	for _, m := range set.NewMatcher().Matches([]byte(key), rules.Span{Start: 0, End: len(key)}) {
		issuer, why := set.Attributor().Attribute(m.Shapes, m.Evidence)
		if m.Start == 0 && m.End == len(key) && issuer != finding.IssuerUnknown && issuer != f.Issuer {
			f.Issuer, f.IssuerEvidence, f.IssuerStrength = issuer, why, finding.StrengthShape
		}
	}
	return &f
}
