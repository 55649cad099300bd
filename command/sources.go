package command

import (
	"errors"
	"slices"

	"keysweep/config"
)

// parseSources reads ruleOptions and --baseline.
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
