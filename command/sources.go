package command

import (
	"errors"
	"slices"

	"github.com/urfave/cli/v2"

	"keysweep/config"
	"keysweep/exceptions"
)

// ruleFlags are the options that say which rules there are. All commands that
// judge have them.
func ruleFlags(category string) []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Category: category, Name: "rules", Usage: "add the rules of `FILE` (TOML); repeatable"},
		&cli.StringFlag{Category: category, Name: "config", Aliases: []string{"c"}, Usage: "read the configuration `FILE`; " + config.Name + " of the scanned repository or folder if not given"},
		&cli.BoolFlag{Category: category, Name: "no-config", Usage: "read no configuration and no baseline of what is scanned, and ignore keysweep:allow"},
	}
}

// baselineFlag names the baseline. All commands that list findings have it.
func baselineFlag(category string) cli.Flag {
	return &cli.StringFlag{Category: category, Name: "baseline", Usage: "accept the keys of the baseline `FILE`; " + exceptions.BaselineName + " of the scanned repository or folder if not given"}
}

// parseSources reads the options of ruleFlags and baselineFlag.
func parseSources(c *call) (config.Sources, error) {
	s := config.Sources{Rules: c.StringSlice("rules"), Config: c.String("config"), None: c.Bool("no-config"), Baseline: c.String("baseline")}
	switch {
	case slices.Contains(s.Rules, ""):
		return s, errors.New("--rules: the name of the file is empty")
	case c.IsSet("config") && s.Config == "":
		return s, errors.New("--config: the name of the file is empty")
	case c.IsSet("baseline") && s.Baseline == "":
		return s, errors.New("--baseline: the name of the file is empty")
	case s.Config != "" && s.None:
		return s, errors.New("--config and --no-config exclude each other")
	}
	return s, nil
}
