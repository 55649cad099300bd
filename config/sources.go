package config

import (
	"cmp"
	"errors"
	"fmt"

	"keysweep/finding"
	"keysweep/quote"
	"keysweep/rules"
)

// Sources says where rules and exceptions come from: what the user named, and
// whose exceptions count. The zero value looks for a configuration and a
// baseline in what is scanned, and believes them if they are the user's own.
type Sources struct {
	// Rules are files with rules of the user's own.
	Rules []string
	// Config and Baseline are files that the user named. "": look for one.
	Config, Baseline string
	// None reads no configuration and no baseline but one that is named, and
	// believes no comment.
	None bool
	// Here is a folder that replaces the working directory when it is decided
	// whose the scanned files are. "": the working directory.
	Here string
	// Trust says whose exceptions count instead of the working tree's. Nil: the
	// working tree's do.
	Trust *Trust
}

// Loaded is the rules for a scan, and the configuration that counts for it.
type Loaded struct {
	// Rules is what to look for.
	Rules *rules.Set

	sources Sources
	paths   []string
	trusted *trusted // nil: Sources.Trust is
	config  *Config  // nil: none counts
	notes   []Note
}

// Load reads the rules for a scan of paths, and the configuration that counts
// for it. read is asked for files of the index and of commits; it may be nil if
// Trust is.
func (s Sources) Load(paths []string, read Reader) (*Loaded, error) {
	l := &Loaded{sources: s, paths: paths}
	if s.Trust != nil {
		l.trusted = newTrusted(*s.Trust, read)
		l.notes = l.trusted.distrustOutside(paths)
	}
	broken := l.readConfig()
	if broken == nil && l.config == nil && s.Config != "" {
		if err := l.absent("--config", s.Config, func() error { _, err := Named(s.Config); return err }); err != nil {
			return nil, err
		}
	}
	named, err := l.namedRules()
	if err != nil {
		return nil, err
	}
	if broken == nil {
		l.Rules, err = rules.Load(s.Rules, append(l.config.Rules(), named...)...)
		var at *rules.LoadError
		if errors.As(err, &at) && l.config != nil && at.File == l.config.Path {
			broken = fmt.Errorf("configuration %s: line %d, column %d: %s", at.File, at.Line, at.Col, at.Reason)
		} else if err != nil {
			return nil, err
		}
	}
	switch {
	case broken == nil:
		return l, nil
	case l.trusted != nil && l.trusted.Rev != "" && !s.namesConfig():
		// A broken file there could not be fixed if it stopped every change.
		l.note("None of its exceptions counts: " + broken.Error())
		l.config = nil
		l.Rules, err = rules.Load(s.Rules, named...)
		return l, err
	}
	return nil, goOn(broken)
}

// goOn adds to an error of a configuration or a baseline how to do without.
func goOn(err error) error { return fmt.Errorf("%w\n  --no-config goes on without it", err) }

// namesConfig reports whether the user named a configuration that counts as it
// is in its file.
func (s *Sources) namesConfig() bool {
	return s.Config != "" && (s.Trust == nil || s.Trust.Config == "")
}

// namesBaseline is namesConfig for the baseline.
func (s *Sources) namesBaseline() bool {
	return s.Baseline != "" && (s.Trust == nil || s.Trust.Baseline == "")
}

// readConfig reads the configuration that counts, if there is one.
func (l *Loaded) readConfig() (err error) {
	s := &l.sources
	switch {
	case s.None:
	case s.namesConfig():
		l.config, err = Named(s.Config)
	case l.trusted != nil:
		l.config, err = l.trusted.config()
	default:
		var notes []Note
		l.config, notes, err = Find(cmp.Or(s.Here, "."), l.paths)
		l.notes = append(l.notes, notes...)
	}
	return err
}

func (l *Loaded) note(words string) { l.notes = append(l.notes, Note{Words: words}) }

// Notes returns what there is to say about files that were not used.
func (l *Loaded) Notes() []Note { return l.notes }

// AddNotes adds to a result which files were not used and, if verbose, which
// configuration was.
func (l *Loaded) AddNotes(res *finding.Result, verbose bool) {
	addNotes(res, l.notes)
	if verbose && l.config != nil {
		addNotes(res, []Note{{Words: "The configuration " + quote.Name(l.config.Path) + " was used."}})
	}
}

// addNotes adds notes to the targets that they are about.
func addNotes(res *finding.Result, notes []Note) {
	for _, n := range notes {
		if n.Path < len(res.Targets) {
			t := &res.Targets[n.Path]
			t.Notes = append(t.Notes, n.Words)
		}
	}
}
