package command

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"keysweep/audit"
	"keysweep/finding"
	"keysweep/quote"
	"keysweep/verify"
)

// endpointsVariable names the environment variable that replaces addresses, as
// --endpoint does: NAME=URL, separated by commas.
const endpointsVariable = "KEYSWEEP_ENDPOINTS"

// maxKeys bounds --verify-limit.
const maxKeys = 100_000

// parseVerification reads the options of verification. recheck asks without a
// flag, and takes the issuers from its report if none is named. remote says that
// servers of repositories are spoken to.
func parseVerification(c *call, recheck, remote bool) (audit.Verification, error) {
	v := audit.Verification{On: recheck || c.Bool("verify") || c.IsSet("verify-issuer"), EgressLog: c.String("egress-log")}
	if !v.On {
		for name := range strings.FieldsSeq(verifyOptions) {
			if c.IsSet(name) && (name != "ca-file" || !remote) {
				return v, fmt.Errorf("--%s has no effect without --verify or --verify-issuer", name)
			}
		}
		return v, nil
	}
	v.Options = verify.Options{
		Issuer: c.String("issuer"), CAFile: c.String("ca-file"), DryRun: c.Bool("dry-run"),
		Version: buildVersion().Version, Endpoints: map[string]string{}, Now: c.now,
	}
	if !recheck && c.Bool("verify") {
		v.Options.Issuers = []string{verify.DefaultIssuer}
	}
	v.Options.Issuers = append(v.Options.Issuers, c.StringSlice("verify-issuer")...)
	if v.Options.Issuer != "" && !slices.Contains(v.Options.Issuers, v.Options.Issuer) {
		v.Options.Issuers = append(v.Options.Issuers, v.Options.Issuer)
	}
	switch {
	case isStandard(v.EgressLog):
		return v, errors.New("--egress-log: the log goes to a file, not to standard output")
	case v.EgressLog != "" && v.Options.DryRun:
		return v, errors.New("--egress-log has no effect with --dry-run: nothing is sent")
	}
	return v, cmp.Or(
		parseEndpoints(v.Options.Endpoints, endpointsVariable, strings.Split(os.Getenv(endpointsVariable), ",")),
		parseEndpoints(v.Options.Endpoints, "--endpoint", c.StringSlice("endpoint")),
		read(c, "verify-timeout", parseTimeout, &v.Options.Total),
		read(c, "verify-limit", numberUpTo(1, maxKeys), &v.Options.Budget))
}

func parseEndpoints(endpoints map[string]string, source string, list []string) error {
	for _, e := range list {
		if e == "" && source == endpointsVariable {
			continue
		}
		name, url, ok := strings.Cut(e, "=")
		if !ok || name == "" || url == "" {
			return fmt.Errorf("%s: %s is not NAME=URL", source, quote.Name(e))
		}
		if quote.HideKeys(url) != url {
			return fmt.Errorf("%s: %s holds a key, and addresses are logged", source, quote.Name(url))
		}
		endpoints[name] = url
	}
	return nil
}

// ask asks the issuers of findings through verify, with a bar if one is wanted,
// and reports what a dry run would send.
func (c *call) ask(v audit.Verification, bar bool, findings []*finding.Finding, verifyAll func(progress func(done, total int)) (verify.Summary, error)) error {
	var progress func(done, total int)
	if v.On {
		if err := verify.NoCoreDumps(); err != nil {
			c.warn("a core dump of this process could hold a key: " + err.Error())
		}
		if bar && !v.Options.DryRun {
			var erase func()
			progress, erase = showAsking(c.stderr)
			defer erase()
		}
	}
	sum, err := verifyAll(progress)
	if err == nil && v.On && v.Options.DryRun {
		c.showPlans(sum, findings)
	}
	return err
}

// showPlans lists what a dry run would have sent, with keys as reports show them.
func (c *call) showPlans(sum verify.Summary, findings []*finding.Finding) {
	shown := map[finding.Secret]string{}
	for _, f := range findings {
		shown[f.Secret] = f.Redacted()
	}
	for _, p := range sum.Plans {
		c.warn(fmt.Sprintf("%s (%s %v) would go to %s", shown[p.Secret], p.Issuer, p.Environment, p.URL))
	}
	words := "no key would be sent to anyone"
	if n := len(sum.Plans); n > 0 {
		words = keys(n) + " would be sent"
	}
	if sum.OverBudget > 0 {
		words += fmt.Sprintf(", and %d more, beyond --verify-limit, would not", sum.OverBudget)
	}
	c.warn("dry run: " + words + "; nothing was sent")
}
