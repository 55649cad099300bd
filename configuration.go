package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"keysweep/config"
	"keysweep/finding"
	"keysweep/quote"
	"keysweep/rules"
)

// ruleFlags are the options that say which rules there are. All commands that
// judge have them.
func ruleFlags(category string) []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Category: category, Name: "rules", Usage: "add the rules of `FILE` (TOML); repeatable"},
		&cli.StringFlag{Category: category, Name: "config", Aliases: []string{"c"}, Usage: "read the configuration `FILE`; " + config.Name + " of the scanned repository or folder if not given"},
		&cli.BoolFlag{Category: category, Name: "no-config", Usage: "read no configuration and no baseline of what is scanned, and believe no keysweep:allow"},
	}
}

// ruleSource is what the options of ruleFlags say together.
type ruleSource struct {
	files  []string // of the user's own rules
	config string   // "": look for one
	none   bool     // read no configuration
	// baseline is what the user named; "": look for one.
	baseline string
	// from says what is read in the place of the working tree; nil: nothing.
	from *trust
	// here stands for the working directory where it is asked whose what is
	// scanned is. "": the working directory.
	here   string
	loaded *config.Config
	notes  []config.Note
}

func parseRules(c *call) (ruleSource, error) {
	s := ruleSource{files: c.StringSlice("rules"), config: c.String("config"), none: c.Bool("no-config"), baseline: c.String("baseline")}
	switch {
	case slices.Contains(s.files, ""):
		return s, errors.New("--rules: the name of the file is empty")
	case c.IsSet("config") && s.config == "":
		return s, errors.New("--config: the name of the file is empty")
	case c.IsSet("baseline") && s.baseline == "":
		return s, errors.New("--baseline: the name of the file is empty")
	case s.config != "" && s.none:
		return s, errors.New("--config and --no-config exclude each other")
	}
	return s, nil
}

// namesConfig reports whether the user named a configuration that counts as it
// lies there.
func (s *ruleSource) namesConfig() bool {
	return s.config != "" && (s.from == nil || s.from.config == "")
}

// namesBaseline is namesConfig for the baseline.
func (s *ruleSource) namesBaseline() bool {
	return s.baseline != "" && (s.from == nil || s.from.baseline == "")
}

// load returns the rules for a scan of paths, and reads the configuration that
// counts for it.
func (s *ruleSource) load(paths []string) (set *rules.Set, err error) {
	switch {
	case s.none:
	case s.namesConfig():
		s.loaded, err = config.Named(s.config)
	case s.from != nil:
		if s.loaded, err = s.from.loadConfig(); s.loaded == nil && err == nil && s.config != "" {
			note, err := s.from.absent("--config", s.config)
			if err != nil {
				_, err = config.Named(s.config) // says the same of the file
				return nil, err
			}
			s.notes = append(s.notes, note)
		}
	default:
		s.loaded, s.notes, err = config.FindFrom(cmp.Or(s.here, "."), paths)
	}
	var named []rules.File
	if s.from != nil {
		var notes []config.Note
		var broken error
		if named, notes, broken = s.from.loadRules(); broken != nil {
			return nil, broken
		}
		s.notes = append(s.notes, notes...)
	}
	if err == nil {
		set, err = rules.Load(s.files, append(s.loaded.Rules(), named...)...)
		var at *rules.LoadError
		if errors.As(err, &at) && s.loaded != nil && at.File == s.loaded.Path {
			err = fmt.Errorf("configuration %s: line %d, column %d: %s", at.File, at.Line, at.Col, at.Reason)
		} else if err != nil {
			return nil, err
		}
	}
	if err != nil && s.from != nil && s.from.rev != "" && !s.namesConfig() {
		// Nobody could mend what is there if it stopped every change.
		s.notes = append(s.notes, config.Note{Words: "None of its exceptions counts: " + err.Error()})
		s.loaded = nil
		return rules.Load(s.files, named...)
	}
	if err != nil {
		return nil, fmt.Errorf("%w\n  --no-config goes on without it", err)
	}
	return set, nil
}

// tell adds to a result which configuration was used, if verbose, and which
// ones were not.
func (s *ruleSource) tell(res *finding.Result, verbose bool) {
	tellNotes(res, s.notes)
	if verbose && s.loaded != nil && len(res.Targets) > 0 {
		t := &res.Targets[0]
		t.Notes = append(t.Notes, "The configuration "+quote.Name(s.loaded.Path)+" was used.")
	}
}

// tellNotes adds notes to the targets that they are about.
func tellNotes(res *finding.Result, notes []config.Note) {
	for _, n := range notes {
		if n.Path < len(res.Targets) {
			t := &res.Targets[n.Path]
			t.Notes = append(t.Notes, n.Words)
		}
	}
}
