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
func parseVerification(c *cli.Context, recheck bool) (verification, error) {
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
		Version: buildVersion().Version, Endpoints: map[string]string{},
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
			return fmt.Errorf("%s: %s is not NAME=URL", source, quote(e))
		}
		v.opts.Endpoints[name] = url
	}
	return nil
}

func parseKeys(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxKeys {
		return 0, fmt.Errorf("%s is not a number from 1 to %d", quote(s), maxKeys)
	}
	return n, nil
}

// ask asks about the findings, and tells a dry run's plans to stderr.
func (v *verification) ask(ctx context.Context, set *rules.Set, findings []*finding.Finding, progress bool, stderr io.Writer) (err error) {
	if !v.on {
		return nil
	}
	if err := verify.NoCoreDumps(); err != nil {
		fmt.Fprintf(stderr, "keysweep: %s\n", printable("a core dump of this process could hold a key: "+err.Error()))
	}
	opts := v.opts
	if v.egressLog != "" {
		log, err := os.OpenFile(v.egressLog, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("--egress-log: %w", err)
		}
		defer func() { err = errors.Join(err, log.Close()) }()
		opts.EgressLog = log
	}
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
		for _, p := range sum.Plans {
			fmt.Fprintf(stderr, "keysweep: %s\n", printable(p.String()))
		}
		words := "no key would be sent to anyone"
		if n := len(sum.Plans); n > 0 {
			words = fmt.Sprintf("%s would be sent", keys(n))
		}
		if sum.OverBudget > 0 {
			words += fmt.Sprintf(", and %s more, beyond --verify-limit, would not", keys(sum.OverBudget))
		}
		fmt.Fprintf(stderr, "keysweep: dry run: %s; nothing was sent\n", words)
	}
	return nil
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
// makes it statusIncomplete if nobody could tell whether a key works.
func activeReason(findings []*finding.Finding, reason report.ExitReason) report.ExitReason {
	active, unknown := 0, 0
	for _, f := range findings {
		if failOnActive.counts(f) {
			active++
		}
		if f.Status == finding.Unknown {
			unknown++
		}
	}
	switch {
	case reason.Words != "" || reason.Status > statusIncomplete:
	case active > 0:
		reason.Words = isOrAre(active) + " known to work"
	case unknown > 0:
		reason = report.ExitReason{Status: statusIncomplete, Words: fmt.Sprintf("it could not be told whether %s still works", keys(unknown))}
		if unknown > 1 {
			reason.Words = fmt.Sprintf("it could not be told whether %s still work", keys(unknown))
		}
	case reason.Status == statusClean:
		reason.Words = "no key is known to work"
	}
	return reason
}

func isOrAre(n int) string {
	if n == 1 {
		return "1 key is"
	}
	return fmt.Sprintf("%d keys are", n)
}
