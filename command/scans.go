package command

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"keysweep/audit"
	"keysweep/finding"
	"keysweep/report"
	"keysweep/rules"
)

// Scan is what options of the command scan mean, for a program that does many scans and
// reports them as one.
type Scan struct{ opts *scanOptions }

// ParseScan reads args as they may follow the words "keysweep scan".
func ParseScan(ctx context.Context, args []string, p Process) (*Scan, error) {
	program := newProgram(p)
	l, err := program.parse(append([]string{"scan"}, args...))
	if err != nil {
		return nil, err
	}
	c, err := program.call(ctx, l)
	if err != nil {
		return nil, err
	}
	opts, err := parseScan(c)
	return &Scan{opts}, err
}

// Audit returns the options of the audit.
func (s *Scan) Audit() audit.Options { return s.opts.audit }

// Limit returns ctx with the end that --timeout sets.
func (s *Scan) Limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return s.opts.limit(ctx)
}

// ReportOptions returns the options of a report to a file, on what was found by set.
func (s *Scan) ReportOptions(set *rules.Set) report.Options {
	o := s.opts.report
	o.RulesSHA256, o.Set, o.Rules = set.SHA256(), set, set.Rules()
	return o
}

// Deliver writes the reports on res, which set found, and returns the exit status. An
// error says why it is StatusUse.
func (s *Scan) Deliver(ctx context.Context, res *finding.Result, set *rules.Set, p Process) (status int, err error) {
	o := *s.opts
	o.report = s.ReportOptions(set)
	o.report.Exit = o.exitReason(ctx, res, nil)
	if err := o.deliver(res, p.Stdout, p.Stderr); err != nil {
		return StatusUse, err
	}
	if o.report.Exit.Status == StatusUse && len(res.Skipped) > 0 {
		return StatusUse, fmt.Errorf("nothing could be read: %s", res.Skipped[0].Detail)
	}
	return o.report.Exit.Status, nil
}

// Flags returns those options of scan, by their long names, for the command line of
// another program.
func Flags(names ...string) (flags []cli.Flag) {
	for _, name := range names {
		o := optionOf("scan", name)
		var aliases []string
		if o.short != "" {
			aliases = []string{o.short}
		}
		switch f := o.flag().(type) {
		case *cli.BoolFlag:
			f.Usage, f.Aliases = o.usage, aliases
			flags = append(flags, f)
		case *cli.StringSliceFlag:
			f.Usage, f.Aliases = o.usage, aliases
			flags = append(flags, f)
		case *cli.StringFlag:
			f.Usage, f.Aliases = o.usage, aliases
			flags = append(flags, f)
		}
	}
	return flags
}

// Typed returns those options that c has, as they may be typed again.
func Typed(c *cli.Context, names ...string) (args []string) {
	for _, name := range names {
		switch o := optionOf("scan", name); {
		case !c.IsSet(name):
		case o.takes == none:
			args = append(args, fmt.Sprintf("--%s=%t", name, c.Bool(name)))
		case o.takes == list:
			for _, value := range c.StringSlice(name) {
				args = append(args, "--"+name+"="+value)
			}
		default:
			args = append(args, "--"+name+"="+c.String(name))
		}
	}
	return args
}

// Build returns what identifies a program that was built from a commit, version and
// commit; exact says that no change was made to it.
func Build() (words string, exact bool) {
	b := buildVersion()
	return strings.TrimSpace(b.Version + " " + b.Commit), b.Commit != "" && !b.Modified || b.Source == fromModule
}
