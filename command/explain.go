package command

import (
	"cmp"
	"errors"

	"keysweep/audit"
	"keysweep/finding"
	"keysweep/report"
	"keysweep/scanner"
)

var explainSpec = spec{
	name: "explain", purpose: "says why a line is a finding or not", args: "FILE[:LINE]|REV:PATH[:LINE]|OBJECT[:LINE]",
	about: `
FILE is a file, or - for standard input; without a line, every candidate in it
is explained. REV:PATH is a version of a file in the repository of the working
directory, or of --repository: REV as in git (HEAD~2, a branch, a tag, an id),
PATH from its top, or from here with ./; :PATH is what is staged. OBJECT is the
id of a blob, a commit or a tag. Without --repository, a file of that name wins.
Keys are judged as a scan judges them. The status is 0 if there was something
to explain, finding or not, and 2 if there is no such file, line or revision.
`,
	example: `keysweep explain config/pay.env:12`,
	options: []group{{"", "repository " + ruleOptions + " baseline accept-foreign-comments " + reachOptions + " min-confidence format show-secrets color"}},
	run:     explain,
}

func explain(c *call) error {
	sources, err := parseSources(c)
	reach, wrongReach := parseReach(c)
	opts, format, wrong := parseExplain(c)
	if err = cmp.Or(err, wrongReach, wrong); err != nil {
		return c.usage(err)
	}
	what := c.Args().First()
	e, err := audit.Explain(c.ctx, scanner.ExplainOptions{
		What: what, Repository: c.String("repository"), Stdin: c.stdin, FollowAlternates: c.Bool("follow-alternates"), Reach: reach, Now: c.now,
	}, sources, c.now())
	if signal, ok := errors.AsType[interruption](err); ok {
		return &ending{signal.status(), err}
	}
	if err != nil {
		return err
	}
	c.program.rules = e.Rules
	opts.RulesSHA256, opts.Rules, opts.Set = e.Rules.SHA256(), e.Rules.Rules(), e.Rules
	for _, n := range e.Notes {
		c.warn(n.Words)
	}
	return writing(report.WriteExplanation(c.stdout, format, explanation(what, e.Explained), opts))
}

// parseExplain reads the options of explain that concern its output.
func parseExplain(c *call) (opts report.Options, format report.Format, err error) {
	if c.Args().Len() != 1 {
		return opts, format, errors.New("explain needs one FILE:LINE, REV:PATH:LINE or OBJECT:LINE")
	}
	if opts, format, err = shortOutput(c); err != nil {
		return opts, format, err
	}
	opts.MinConfidence, opts.ShowSecrets = finding.Medium, c.Bool("show-secrets")
	if opts.ShowSecrets {
		err = mayShowSecrets(c.stdout)
	}
	err = cmp.Or(err, read(c, "min-confidence", parseConfidence, &opts.MinConfidence))
	return opts, format, err
}

// explanation hands what the scanner found out to the report.
func explanation(what string, e *scanner.Explained) *report.Explanation {
	out := &report.Explanation{
		What: what, Source: e.Source, Path: e.Path, Revision: e.Revision, Object: e.Object, Line: e.Line, Lines: e.Lines,
		Cut: e.Cut, NearMisses: e.NearMisses,
	}
	if len(e.Keys) == 0 {
		out.Before, out.After = e.Before, e.After
	}
	for _, k := range e.Keys {
		out.Keys = append(out.Keys, report.ExplainedKey(k))
	}
	return out
}
