package command

import (
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"keysweep/config"
	"keysweep/quote"
	"keysweep/report"
	"keysweep/rules"
	"keysweep/screen"
)

// rulesCommands are the words behind "keysweep rules".
var rulesCommands = []string{"list", "show", "test"}

// rulesFlags returns the options of rules.
func rulesFlags() []cli.Flag {
	return append(ruleFlags(""),
		&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "write list and show as `FORMAT` " + orList(report.ExplainFormats())},
		&cli.StringFlag{Name: "color", Usage: "colour the text: `WHEN` is auto, always or never"},
	)
}

var rulesSpec = spec{
	name: "rules", purpose: "lists and shows the rules, and tests yours", args: "list|show ID|test [FILE…]",
	about: `
list          every rule: the built-in ones, those of .keysweep.toml, and those
              of --rules
show ID       everything about one of them
test [FILE…]  loads the rule files FILE beside the other rules, and runs their
              examples and counter-examples; without a FILE, those of
              .keysweep.toml and --rules; if there are none, the built-in ones.
              The status is 0 if all pass, 1 if one fails, 2 if a file does not
              load.
`,
	example: `keysweep rules show martis-secret-key`,
	flags:   rulesFlags, run: rulesCommand,
}

// rulesCommand is the action of the command rules.
func rulesCommand(c *call) error {
	sources, err := parseSources(c)
	if err == nil && !c.Args().Present() {
		err = errors.New("rules needs one of " + orList(rulesCommands))
	}
	var opts report.Options
	var format report.Format
	if err == nil {
		opts, format, err = parseRulesOutput(c)
	}
	if err != nil {
		return fmt.Errorf("%w%s", err, seeHelp("rules"))
	}
	args := c.Args().Tail()
	switch word := c.Args().First(); word {
	case "list":
		return rulesList(c, sources, args, format, opts)
	case "show":
		return rulesShow(c, sources, args, format, opts)
	case "test":
		if c.IsSet("format") {
			return errors.New("rules test has no --format" + seeHelp("rules"))
		}
		return rulesTest(c, sources, args, opts)
	default:
		message := "rules has no command " + quote.Name(word)
		if s := nearest(word, rulesCommands); s != "" {
			message += "; did you mean " + s + "?"
		}
		return errors.New(message + seeHelp("rules"))
	}
}

func parseRulesOutput(c *call) (opts report.Options, format report.Format, err error) {
	color := "auto"
	if err := read(c, "color", parseColor, &color); err != nil {
		return opts, format, err
	}
	if err := read(c, "format", parseShortFormat, &format); err != nil {
		return opts, format, err
	}
	return report.Options{Version: buildVersion().Version, Width: screen.Columns(c.stdout), Color: screen.UseColor(color, c.stdout)}, format, nil
}

func rulesList(c *call, sources config.Sources, args []string, format report.Format, opts report.Options) error {
	if len(args) > 0 {
		return errors.New("rules list takes no name (rules show does)" + seeHelp("rules"))
	}
	loaded, err := sources.Load(nil, nil)
	if err != nil {
		return err
	}
	set := loaded.Rules
	opts.RulesSHA256, opts.Rules = set.SHA256(), set.Rules()
	return writing(report.WriteRules(c.stdout, format, set.Rules(), opts))
}

func rulesShow(c *call, sources config.Sources, args []string, format report.Format, opts report.Options) error {
	if len(args) != 1 {
		return errors.New("rules show needs the id of one rule" + seeHelp("rules"))
	}
	loaded, err := sources.Load(nil, nil)
	if err != nil {
		return err
	}
	set := loaded.Rules
	var ids []string
	for _, r := range set.Rules() {
		if r.ID == args[0] {
			return writing(report.WriteRule(c.stdout, format, r, opts))
		}
		ids = append(ids, r.ID)
	}
	message := "no rule " + quote.Name(args[0])
	if s := nearest(args[0], ids); s != "" {
		message += "; did you mean " + s + "?"
	}
	return errors.New(message + "\nkeysweep rules list lists them")
}

func rulesTest(c *call, sources config.Sources, args []string, opts report.Options) error {
	if slices.Contains(args, "") {
		return errors.New("the name of a file is empty")
	}
	for _, file := range args {
		if !slices.Contains(sources.Rules, file) {
			sources.Rules = append(sources.Rules, file)
		}
	}
	loaded, err := sources.Load(nil, nil)
	if err != nil {
		return err
	}
	set := loaded.Rules
	var list []*rules.Rule
	for _, r := range set.Rules() {
		if !r.BuiltIn && (len(args) == 0 || slices.Contains(args, r.File)) {
			list = append(list, r)
		}
	}
	if len(list) == 0 && len(args) == 0 {
		list = set.Rules()
	}
	var proofs []rules.Proof
	failed := false
	for _, r := range list {
		for _, p := range set.ProveRule(r) {
			failed = failed || p.Err != nil
			proofs = append(proofs, p)
		}
	}
	if err := writing(report.WriteProofs(c.stdout, list, proofs, opts)); err != nil {
		return err
	}
	if failed {
		return &ending{status: StatusFound}
	}
	return nil
}
