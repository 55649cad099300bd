package command

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"keysweep/audit"
	"keysweep/config"
	"keysweep/file"
	"keysweep/finding"
	"keysweep/quote"
	"keysweep/report"
	"keysweep/scanner"
	"keysweep/screen"
)

// scanOptions is what the options of scan mean together.
type scanOptions struct {
	audit    audit.Options
	outputs  []output       // at least one
	report   report.Options // of a file; a terminal gets more
	timeout  time.Duration  // zero: none
	color    string         // auto, always or never
	secrets  bool           // print keys whole where it is a terminal
	failOn   failOn
	exitCode int

	// found, if not nil, is called when the scan is done, and marked when it is
	// known what is accepted.
	found, marked func(*audit.Audit)
}

// maxWorkers bounds --jobs: each worker holds buffers of its own.
const maxWorkers = 1024

// parseScan reads the options of scan, and refuses what cannot work before
// anything is read.
func parseScan(c *call) (*scanOptions, error) { return parseScanOf(c, c.Args().Slice()) }

// parseScanOf is parseScan for a command whose arguments are not its paths.
func parseScanOf(c *call, paths []string) (o *scanOptions, err error) {
	o = &scanOptions{
		report: report.Options{
			Version:        buildVersion().Version,
			Program:        programName(),
			Quiet:          c.Bool("quiet"),
			Verbose:        c.Bool("verbose"),
			ShowRejected:   c.Bool("show-rejected"),
			ShowSuppressed: c.Bool("show-suppressed"),
		},
		color:    "auto",
		secrets:  c.Bool("show-secrets"),
		exitCode: StatusFound,
	}
	if o.audit, err = parseAudit(c, paths); err != nil {
		return nil, err
	}
	var format report.Format
	if err := cmp.Or(
		read(c, "since", func(s string) (time.Time, error) { return parseSince(s, c.now()) }, &o.audit.Scan.Since),
		read(c, "fail-on", oneOf("any active none", failOnAny, failOnActive, failOnNone), &o.failOn),
		read(c, "exit-code", numberUpTo(0, maxExitCode), &o.exitCode),
		read(c, "timeout", parseTimeout, &o.timeout),
		read(c, "color", parseColor, &o.color),
		read(c, "format", report.ParseFormat, &format),
	); err != nil {
		return nil, err
	}
	o.report.MinConfidence = o.audit.Scan.MinConfidence
	if o.audit.Verify, err = parseVerification(c, false, len(o.audit.Scan.Remotes) > 0); err != nil {
		return nil, err
	}
	if err := cmp.Or(parseScope(c, &o.audit.Scan, &o.audit.Sources), o.check(c)); err != nil {
		return nil, err
	}
	return o, o.parseOutputs(c, format)
}

// parseAudit reads the options that say what is read, and by which rules.
func parseAudit(c *call, paths []string) (o audit.Options, err error) {
	o.Scan = scanner.Options{
		Paths:            paths,
		Stdin:            c.stdin,
		Tree:             c.Bool("tree"),
		History:          c.Bool("history"),
		Ignored:          c.Bool("ignored"),
		Exclude:          c.StringSlice("exclude"),
		KeepRejected:     c.Bool("show-rejected"),
		Authors:          c.Bool("author"),
		NoArchives:       c.Bool("no-archives"),
		VerifyObjects:    c.Bool("verify-objects"),
		FollowAlternates: c.Bool("follow-alternates"),
		Now:              c.now,
		Progress:         c.progress(),
	}
	if slices.Contains(paths, "") {
		return o, errors.New("a path is empty")
	}
	if c.command.has("ref") {
		err = parseRemote(c, &o.Scan)
	} else {
		err = audit.RefuseAddresses(paths)
	}
	if err != nil {
		return o, err
	}
	o.Sources, err = parseSources(c)
	reach, wrong := parseReach(c)
	err = cmp.Or(err, wrong)
	o.Scan.Reach = reach
	return o, cmp.Or(err,
		read(c, "min-confidence", parseConfidence, &o.Scan.MinConfidence),
		read(c, "jobs", numberUpTo(1, maxWorkers), &o.Scan.Workers),
		read(c, "max-unpacked", parseSize, &o.Scan.MaxUnpacked),
		read(c, "max-object", parseSize, &o.Scan.MaxObject))
}

// parseRemote reads the options of addresses, and finds these among the paths.
func parseRemote(c *call, o *scanner.Options) error {
	var r audit.Remote
	var err error
	if r.Refs, err = audit.SelectRefs(c.StringSlice("ref")); err != nil {
		return fmt.Errorf("--ref: %w", err)
	}
	for _, text := range c.StringSlice("token-env") {
		token, err := audit.ParseToken(text, os.Getenv)
		if err != nil {
			return fmt.Errorf("--token-env: %w", err)
		}
		r.Tokens = append(r.Tokens, token)
	}
	r.Forges = map[string]string{}
	for _, text := range c.StringSlice("forge") {
		host, kind, err := audit.ParseForge(text)
		if err != nil {
			return fmt.Errorf("--forge: %w", err)
		}
		r.Forges[host] = kind
	}
	r.CAFile = c.String("ca-file")
	o.Keep = c.String("keep")
	if err := cmp.Or(read(c, "max-pack", parseSize, &o.MaxPack), audit.Addresses(o, r)); err != nil {
		return err
	}
	switch {
	case o.Keep != "" && len(o.Remotes) > 1:
		return errors.New("--keep: there is one folder and more than one address")
	case o.Keep != "" && !isNewFolder(o.Keep):
		return fmt.Errorf("--keep: %s is there, and is no empty folder", quote.Name(o.Keep))
	case len(o.Remotes) > 0:
		return nil
	}
	for name := range strings.FieldsSeq(remoteOptions) {
		if c.IsSet(name) {
			return fmt.Errorf("--%s has no effect without the address of a repository", name)
		}
	}
	return nil
}

// isNewFolder reports whether path is not there, or an empty folder.
func isNewFolder(path string) bool {
	list, err := os.ReadDir(path)
	return file.Absent(err) || err == nil && len(list) == 0
}

// parseReach reads the options that say how far content may lead.
func parseReach(c *call) (file.Reach, error) {
	r := file.Reach{Cloud: c.Bool("fetch-cloud-files")}
	for _, text := range c.StringSlice("allow-share") {
		share, err := file.ParseShare(runtime.GOOS, text)
		if err != nil {
			return r, fmt.Errorf("--allow-share: %s is no share: %w", quote.Name(text), err)
		}
		r.Shares = append(r.Shares, share)
	}
	return r, nil
}

// parseSources reads ruleOptions and --baseline.
func parseSources(c *call) (config.Sources, error) {
	s := config.Sources{Rules: c.StringSlice("rules"), Config: c.String("config"), None: c.Bool("no-config"), Baseline: c.String("baseline"), Cloud: c.Bool("fetch-cloud-files"),
		Foreign: c.Bool("accept-foreign-comments")}
	if s.Config != "" && s.None {
		return s, errors.New("--config and --no-config exclude each other")
	}
	return s, nil
}

// check refuses options that exclude each other, and values that mean nothing.
func (o *scanOptions) check(c *call) error {
	v, s := &o.audit.Verify, &o.audit.Scan
	switch {
	case o.failOn == failOnActive && !c.command.has("verify"):
		return fmt.Errorf("--fail-on: %s sends no key, so none is known to work: use any or none", c.command.name)
	case o.failOn == failOnActive && !v.On:
		return errors.New("--fail-on active needs --verify or --verify-issuer: without an answer no key is known to work")
	case o.failOn == failOnActive && v.Options.DryRun:
		return errors.New("--fail-on active and --dry-run exclude each other: a dry run gets no answers")
	case !s.Since.IsZero() && s.Tree && !s.History:
		return errors.New("--since and --tree exclude each other: only the history says when a key was first seen")
	case c.Bool("quiet") && c.Bool("verbose"):
		return errors.New("--quiet and --verbose exclude each other")
	}
	for _, glob := range s.Exclude {
		if !doublestar.ValidatePattern(glob) {
			return fmt.Errorf("--exclude: %s is not a glob", quote.Name(glob))
		}
		if err := file.CheckGlob(runtime.GOOS, glob, true); err != nil {
			return fmt.Errorf("--exclude: %s: %w", quote.Name(glob), err)
		}
	}
	if o.secrets {
		return mayShowSecrets(c.stdout)
	}
	return nil
}

// parseOutputs reads where the report goes, and asks for what its formats need.
func (o *scanOptions) parseOutputs(c *call, format report.Format) (err error) {
	if o.outputs, err = parseOutputs(c.StringSlice("output"), format, c.IsSet("format")); err != nil {
		return err
	}
	if err := checkOutputs(o.outputs, o.audit.Scan.Paths, c.stdout); err != nil {
		return err
	}
	log := o.audit.Verify.EgressLog
	for _, out := range o.outputs {
		if !out.standard() && o.reads(out.path) {
			return fmt.Errorf("--output: %s is read by this scan, and would be overwritten", quote.Name(out.path))
		}
		if log != "" && !out.standard() && (absolute(out.path) == absolute(log) || sameFile(out.path, log)) {
			return fmt.Errorf("--egress-log: %s is the file of a report", quote.Name(log))
		}
		if out.format == report.SARIF {
			o.audit.Scan.LineHashes = true
			// Without it, absolute targets differ by their number alone.
			o.report.WorkDir, _ = os.Getwd()
		}
	}
	return nil
}

// reads reports whether path is a file that is read besides the targets: rules,
// exceptions, or what is standard input.
func (o *scanOptions) reads(path string) bool {
	if f, ok := o.audit.Scan.Stdin.(*os.File); ok && slices.Contains(o.audit.Scan.Paths, "-") {
		if info, err := f.Stat(); err == nil && isAt(info, path) {
			return true
		}
	}
	s := &o.audit.Sources
	return slices.ContainsFunc(append(slices.Clone(s.Rules), s.Config, s.Baseline), func(read string) bool { return sameFile(path, read) })
}

// parseScope reads --staged and --range, and where git's environment says the
// repository is.
func parseScope(c *call, o *scanner.Options, sources *config.Sources) error {
	var scope string
	switch {
	case c.Bool("staged") && c.IsSet("range"):
		return errors.New("--staged and --range exclude each other: the one scans the next commit, the other commits")
	case c.Bool("staged"):
		scope, o.Staged = "--staged", new(scanner.Staged)
		sources.Trust = &config.Trust{Name: "the index"}
	case c.IsSet("range"):
		var err error
		if o.Range, err = scanner.ParseRange(c.StringSlice("range")); err != nil {
			return fmt.Errorf("--range: %w", err)
		}
		scope = "--range"
	default:
		return nil
	}
	for _, other := range []string{"tree", "history", "since", "ignored", "verify-objects"} {
		if c.IsSet(other) {
			return fmt.Errorf("%s and --%s exclude each other: %s scans what is new, and nothing else", scope, other, scope)
		}
	}
	if len(o.Paths) == 0 {
		o.FromEnvironment(os.Getenv) // which is about the repository that git runs in
	}
	return nil
}

// read parses the value of the option called name into dst, if it was given.
func read[T any](c *call, name string, parse func(string) (T, error), dst *T) error {
	if !c.IsSet(name) {
		return nil
	}
	v, err := parse(c.String(name))
	if err != nil {
		return fmt.Errorf("--%s: %w", name, err)
	}
	*dst = v
	return nil
}

// oneOf returns a reader of a word, each of which stands for the value at its
// index.
func oneOf[T any](words string, values ...T) func(string) (T, error) {
	return func(s string) (T, error) {
		list := strings.Fields(words)
		if i := slices.Index(list, s); i >= 0 {
			return values[i], nil
		}
		var none T
		return none, fmt.Errorf("%s is not %s", quote.Name(s), orList(list))
	}
}

func parseConfidence(s string) (finding.Confidence, error) {
	return oneOf("low medium high", finding.Low, finding.Medium, finding.High)(s)
}

func parseColor(s string) (string, error) {
	return oneOf("auto always never", "auto", "always", "never")(s)
}

// maxExitCode is the most that a process can end with.
const maxExitCode = 255

// numberUpTo returns a reader of a number from least to most.
func numberUpTo(least, most int) func(string) (int, error) {
	return func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil || n < least || n > most {
			return 0, fmt.Errorf("%s is not a number from %d to %d", quote.Name(s), least, most)
		}
		return n, nil
	}
}

func parseTimeout(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%s is not a duration, as 90s or 10m", quote.Name(s))
	}
	if d <= 0 {
		return 0, fmt.Errorf("%s is no time at all", quote.Name(s))
	}
	return d, nil
}

const (
	// maxBack bounds how far back --since goes: further than any commit.
	maxBack = 200 * 365 * 24 * time.Hour
	// maxAhead is how far the day of a user may be ahead of the UTC day.
	maxAhead time.Duration = 14 * time.Hour
)

// parseSince reads a day (from its start in UTC, as reports have it), a time in
// RFC 3339, or a span back from now as 12h, 30d or 2w. There is no m: months to
// some, minutes to others.
func parseSince(s string, now time.Time) (time.Time, error) {
	ahead := maxAhead
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		ahead = 0
		t, err = time.Parse(time.RFC3339, s)
	}
	switch {
	case err == nil && t.After(now.Add(ahead)):
		return time.Time{}, fmt.Errorf("%s is in the future", s)
	case err == nil:
		return t, nil
	}
	const day = 24 * time.Hour
	units := map[string]time.Duration{"h": time.Hour, "d": day, "w": 7 * day}
	if last := len(s) - 1; last > 0 && units[s[last:]] > 0 {
		unit := units[s[last:]]
		n, err := strconv.ParseUint(s[:last], 10, 32)
		switch {
		case err != nil:
		case n == 0:
			return time.Time{}, fmt.Errorf("%s is no time at all", quote.Name(s))
		case time.Duration(n) > maxBack/unit:
			return time.Time{}, fmt.Errorf("%s is further back than any commit", quote.Name(s))
		default:
			return now.Add(-time.Duration(n) * unit), nil
		}
	}
	return time.Time{}, fmt.Errorf("%s is not a date, as 2026-01-31 or 2026-01-31T10:00:00Z, nor a span back from now, as 12h, 30d or 2w", quote.Name(s))
}

// sizeUnits are the units of --max-object, longest names first where one ends
// another.
var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9},
	{"k", 1 << 10}, {"K", 1 << 10}, {"m", 1 << 20}, {"M", 1 << 20}, {"g", 1 << 30}, {"G", 1 << 30},
	{"B", 1}, {"", 1},
}

// parseSize reads a number of bytes: 1000, 64k (as git counts, 65,536), 64KiB
// or 64kB (64,000).
func parseSize(s string) (int64, error) {
	for _, unit := range sizeUnits {
		digits, ok := strings.CutSuffix(s, unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err == nil && n > 0 && n <= math.MaxInt64/unit.bytes {
			return n * unit.bytes, nil
		}
		break
	}
	return 0, fmt.Errorf("%s is not a size, as 64MiB or 1GiB", quote.Name(s))
}

// programName returns how the user started us, for commands to copy.
func programName() string {
	// go run builds into a folder of its own, .../go-build123/b001/exe/keysweep.
	exe, err := os.Executable()
	if err == nil && strings.Contains(exe, "go-build") && strings.Contains(exe, string(os.PathSeparator)+"exe"+string(os.PathSeparator)) {
		return "go run ."
	}
	return "keysweep"
}

// mayShowSecrets returns an error where printed keys would be kept: in files,
// pipes and the logs of a CI.
func mayShowSecrets(stdout io.Writer) error {
	switch {
	case os.Getenv("CI") != "":
		return errors.New("--show-secrets: not where CI is set, since logs are kept")
	case !screen.IsTerminal(stdout):
		return errors.New("--show-secrets needs a terminal; standard output is not one")
	}
	return nil
}
