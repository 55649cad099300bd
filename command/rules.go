package command

import (
	"cmp"
	"errors"
	"slices"

	"keysweep/quote"
	"keysweep/report"
	"keysweep/rules"
)

// rulesCommands are the words behind "keysweep rules".
var rulesCommands = []string{"list", "show", "test"}

var rulesSpec = spec{
	name: "rules", purpose: "lists and shows the rules, and tests yours", args: "list|show ID|test [FILE…]",
	about: `
list          lists every rule: built-in, of .keysweep.toml, and of --rules
show ID       shows everything about one of them
test [FILE…]  loads the rule files FILE beside the other rules, and runs their
              examples and counter-examples; without a FILE, those of
              .keysweep.toml and --rules; if there are none, the built-in ones.
              The status is 0 if all pass, 1 if one fails, 2 if a file does not
              load.
`,
	example: `keysweep rules show martis-secret-key`,
	options: []group{{"", ruleOptions + " format color"}}, run: rulesCommand,
}

func rulesCommand(c *call) error {
	word, err := c.subcommand(rulesCommands)
	if err != nil {
		return c.usage(err)
	}
	args := c.Args().Tail()
	sources, err := parseSources(c)
	opts, format, wrong := shortOutput(c)
	if err = cmp.Or(err, wrong, checkRules(c, word, args)); err != nil {
		return c.usage(err)
	}
	if word == "test" {
		for _, file := range args {
			if !slices.Contains(sources.Rules, file) {
				sources.Rules = append(sources.Rules, file)
			}
		}
	}
	loaded, err := sources.Load(nil, nil)
	if err != nil {
		return err
	}
	set := loaded.Rules
	c.program.rules, opts.Set = set, set
	switch word {
	case "list":
		opts.RulesSHA256, opts.Rules = set.SHA256(), set.Rules()
		return writing(report.WriteRules(c.stdout, format, set.Rules(), opts))
	case "show":
		return rulesShow(c, set, args[0], format, opts)
	}
	return rulesTest(c, set, args, opts)
}

// checkRules refuses what a command of rules does not take.
func checkRules(c *call, word string, args []string) error {
	switch {
	case word == "list" && len(args) > 0:
		return errors.New("rules list takes no name (rules show does)")
	case word == "show" && len(args) != 1:
		return errors.New("rules show needs the id of one rule")
	case word == "test" && c.IsSet("format"):
		return errors.New("rules test has no --format")
	case word == "test" && slices.Contains(args, ""):
		return errors.New("the name of a file is empty")
	}
	return nil
}

func rulesShow(c *call, set *rules.Set, id string, format report.Format, opts report.Options) error {
	var ids []string
	for _, r := range set.Rules() {
		if r.ID == id {
			return writing(report.WriteRule(c.stdout, format, r, opts))
		}
		ids = append(ids, r.ID)
	}
	return errors.New("no rule " + quote.Name(id) + didYouMean(id, ids) + "\nkeysweep rules list lists them")
}

func rulesTest(c *call, set *rules.Set, args []string, opts report.Options) error {
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
