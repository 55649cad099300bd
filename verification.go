package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"keysweep/finding"
	"keysweep/quote"
	"keysweep/report"
	"keysweep/rules"
	"keysweep/verify"
)

const headingVerify = "Verification (nothing is sent without --verify or --verify-issuer)"

// endpointsVariable names the environment variable that replaces addresses, as
// --endpoint does: NAME=URL, separated by commas.
const endpointsVariable = "KEYSWEEP_ENDPOINTS"

// verifyFlags are the options that say whom to ask and how. Scan and recheck
// have them.
func verifyFlags(category string) []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Category: category, Name: "verify-issuer", Usage: "ask the issuer `NAME`, or all; repeatable"},
		&cli.StringFlag{Category: category, Name: "issuer", Usage: "take keys for those of issuer `NAME`, unless their shape is another's alone"},
		&cli.StringSliceFlag{Category: category, Name: "endpoint", Usage: "ask at an address of yours, `NAME=URL`; https, or http to this machine; repeatable"},
		&cli.StringFlag{Category: category, Name: "ca-file", Usage: "also trust the certificates of `FILE` (PEM)"},
		&cli.BoolFlag{Category: category, Name: "dry-run", Usage: "say which key would go where, and send nothing"},
		&cli.StringFlag{Category: category, Name: "egress-log", Usage: "append a line for each request to `FILE` (JSON Lines, without keys)"},
		&cli.StringFlag{Category: category, Name: "verify-timeout", Usage: "stop asking after `DURATION` in all; 60s if not given"},
		&cli.StringFlag{Category: category, Name: "verify-limit", Usage: "ask about `N` keys at most; 100 if not given"},
	}
}

// verification is what the options of verifyFlags mean together.
type verification struct {
	on        bool
	opts      verify.Options
	egressLog string // "": none
}

// maxKeys bounds --verify-limit.
const maxKeys = 100_000

// parseVerification reads the options of verification. recheck asks without
// being told to, and takes the issuers from its report if none is named.
func parseVerification(c *call, recheck bool) (verification, error) {
	v := verification{on: recheck || c.Bool("verify") || c.IsSet("verify-issuer"), egressLog: c.String("egress-log")}
	if !v.on {
		for _, f := range verifyFlags("") {
			if name := f.Names()[0]; c.IsSet(name) {
				return v, fmt.Errorf("--%s has no effect without --verify or --verify-issuer", name)
			}
		}
		return v, nil
	}
	v.opts = verify.Options{
		Issuer: c.String("issuer"), CAFile: c.String("ca-file"), DryRun: c.Bool("dry-run"),
		Version: buildVersion().Version, Endpoints: map[string]string{}, Now: c.now,
	}
	if !recheck && c.Bool("verify") {
		v.opts.Issuers = []string{verify.DefaultIssuer}
	}
	v.opts.Issuers = append(v.opts.Issuers, c.StringSlice("verify-issuer")...)
	if v.opts.Issuer != "" && !slices.Contains(v.opts.Issuers, v.opts.Issuer) {
		v.opts.Issuers = append(v.opts.Issuers, v.opts.Issuer)
	}
	for _, name := range []string{"issuer", "ca-file", "egress-log"} {
		if c.IsSet(name) && c.String(name) == "" {
			return v, fmt.Errorf("--%s: its value is empty", name)
		}
	}
	if slices.Contains(v.opts.Issuers, "") {
		return v, errors.New("--verify-issuer: the name of the issuer is empty")
	}
	if v.egressLog == "-" {
		return v, errors.New("--egress-log: the log goes to a file, not to standard output")
	}
	if v.egressLog != "" && v.opts.DryRun {
		return v, errors.New("--egress-log has no effect with --dry-run: nothing is sent")
	}
	if err := v.parseEndpoints(endpointsVariable, strings.Split(os.Getenv(endpointsVariable), ",")); err != nil {
		return v, err
	}
	if err := v.parseEndpoints("--endpoint", c.StringSlice("endpoint")); err != nil {
		return v, err
	}
	if err := read(c, "verify-timeout", parseTimeout, &v.opts.Total); err != nil {
		return v, err
	}
	return v, read(c, "verify-limit", parseKeys, &v.opts.Budget)
}

func (v *verification) parseEndpoints(source string, list []string) error {
	for _, e := range list {
		if e == "" && source == endpointsVariable {
			continue
		}
		name, url, ok := strings.Cut(e, "=")
		if !ok || name == "" || url == "" {
			return fmt.Errorf("%s: %s is not NAME=URL", source, quote.Name(e))
		}
		v.opts.Endpoints[name] = url
	}
	return nil
}

func parseKeys(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxKeys {
		return 0, fmt.Errorf("%s is not a number from 1 to %d", quote.Name(s), maxKeys)
	}
	return n, nil
}

// openLog opens the egress log, before anything is scanned: what could not be
// noted would not be sent. close is never nil.
func (v *verification) openLog() (close func() error, err error) {
	if !v.on || v.egressLog == "" {
		return func() error { return nil }, nil
	}
	if info, err := os.Stat(v.egressLog); err == nil && info.Mode()&os.ModeNamedPipe != 0 {
		return func() error { return nil }, fmt.Errorf("--egress-log: %s is a FIFO, and the scan would wait for its reader", quote.Name(v.egressLog))
	}
	log, err := os.OpenFile(v.egressLog, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return func() error { return nil }, fmt.Errorf("--egress-log: %w", err)
	}
	v.opts.EgressLog = log
	return log.Close, nil
}

// ask asks about the findings, and tells a dry run's plans to stderr. After an
// error, the findings still say what is known.
func (v *verification) ask(ctx context.Context, set *rules.Set, findings []*finding.Finding, progress bool, stderr io.Writer) error {
	if !v.on {
		return nil
	}
	if err := verify.NoCoreDumps(); err != nil {
		fmt.Fprintf(stderr, "keysweep: %s\n", quote.Message("a core dump of this process could hold a key: "+err.Error()))
	}
	opts := v.opts
	if progress && !opts.DryRun {
		var erase func()
		opts.Progress, erase = showAsking(stderr)
		defer erase()
	}
	sum, err := verify.All(ctx, opts, set, findings)
	if err != nil {
		return err
	}
	if opts.DryRun {
		tellPlans(stderr, sum, findings)
	}
	return nil
}

// tellPlans says what a dry run would have sent, with keys as reports show them.
func tellPlans(stderr io.Writer, sum verify.Summary, findings []*finding.Finding) {
	shown := map[finding.Secret]string{}
	for _, f := range findings {
		shown[f.Secret] = f.Redacted()
	}
	for _, p := range sum.Plans {
		fmt.Fprintf(stderr, "keysweep: %s\n", quote.Message(fmt.Sprintf("%s (%s %v) would go to %s", shown[p.Secret], p.Issuer, p.Environment, p.URL)))
	}
	words := "no key would be sent to anyone"
	if n := len(sum.Plans); n > 0 {
		words = keys(n) + " would be sent"
	}
	if sum.OverBudget > 0 {
		words += fmt.Sprintf(", and %d more, beyond --verify-limit, would not", sum.OverBudget)
	}
	fmt.Fprintf(stderr, "keysweep: dry run: %s; nothing was sent\n", words)
}

// keys returns "1 key" or "n keys".
func keys(n int) string {
	if n == 1 {
		return "1 key"
	}
	return fmt.Sprintf("%d keys", n)
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

// activeReason gives the words to a status that --fail-on active led to, and
// makes it statusIncomplete if nobody could tell whether a key works, unless
// another one is known to and the status is statusFound. Other statuses that
// reason has say worse, and stay.
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
	if reason.Words != "" || reason.Status == statusUse || reason.Status > statusSignal && active == 0 {
		return reason
	}
	words := "no key is known to work"
	if active > 0 {
		words = isOrAre(active) + " known to work"
	}
	switch {
	case reason.Status == statusIncomplete:
		words += ", and the scan is incomplete"
	case unknown > 0:
		if active == 0 || reason.Status != statusFound {
			reason.Status = statusIncomplete
		}
		words += ", and it could not be told of " + keys(unknown)
	case unasked > 0 && active == 0:
		words += "; " + wasOrWere(unasked) + " not asked about"
	}
	reason.Words = words
	return reason
}

func isOrAre(n int) string {
	if n == 1 {
		return "1 key is"
	}
	return fmt.Sprintf("%d keys are", n)
}

func wasOrWere(n int) string {
	if n == 1 {
		return "1 key was"
	}
	return fmt.Sprintf("%d keys were", n)
}
