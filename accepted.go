package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"keysweep/config"
	"keysweep/exceptions"
	"keysweep/finding"
	"keysweep/quote"
	"keysweep/scanner"
)

// baselineFlag names the baseline. All commands that look at findings have it.
func baselineFlag(category string) cli.Flag {
	return &cli.StringFlag{Category: category, Name: "baseline", Usage: "accept the keys of the baseline `FILE`; " + exceptions.BaselineName + " of the scanned repository or folder if not given"}
}

// accepted is what people accepted that counts for a scan.
type accepted struct {
	exceptions.Set
	places *config.Places
	notes  []config.Note
}

// accept reads what counts for a scan of paths, once load has read the
// configuration: of the configuration and of the baseline, and the comments of
// what is the user's own. With --no-config, only a baseline that the user named.
func (s *ruleSource) accept(paths []string) (*accepted, error) {
	switch {
	case s.namesBaseline():
		b, err := config.NamedBaseline(s.baseline)
		return s.acceptWith(paths, b), err
	case s.none && s.baseline == "":
		return s.acceptWith(paths, nil), nil
	case s.from != nil:
		b, err := s.from.loadBaseline()
		a := s.acceptWith(paths, b)
		if err != nil && s.from.rev != "" {
			a.notes = append(a.notes, config.Note{Words: "None of its lines counts: " + err.Error()})
			err = nil
		} else if b == nil && err == nil && s.baseline != "" {
			note, err := s.from.absent("--baseline", s.baseline)
			if err != nil {
				_, err = config.NamedBaseline(s.baseline)
				return nil, err
			}
			a.notes = append(a.notes, note)
		}
		if err != nil {
			err = fmt.Errorf("%w\n  --no-config goes on without it", err)
		}
		return a, err
	}
	b, notes, err := config.FindBaselineFrom(cmp.Or(s.here, "."), paths)
	if err != nil {
		return nil, fmt.Errorf("%w\n  --no-config goes on without it", err)
	}
	a := s.acceptWith(paths, b)
	a.notes = notes
	return a, nil
}

// acceptWith is accept with a baseline that is read already, or nil.
func (s *ruleSource) acceptWith(paths []string, b *exceptions.Baseline) *accepted {
	a := &accepted{places: config.NewPlacesFrom(cmp.Or(s.here, "."), s.loaded, paths)}
	a.Place, a.Baseline = a.places.Place, b
	if s.loaded != nil {
		a.File, a.Allows = s.loaded.Path, s.loaded.Allows()
	}
	switch {
	case s.none:
	case s.from != nil:
		a.Place, a.Inline = config.PlaceInTree, s.from.believes()
	default:
		a.Inline = a.places.Own
	}
	return a
}

// accepts returns a scanner.Accept; now decides what is expired.
func (a *accepted) accepts(now time.Time) func(finding.Secret, *finding.Occurrence) bool {
	return func(key finding.Secret, o *finding.Occurrence) bool { return a.AcceptsPlace(key, o, now) }
}

// mark marks what is accepted. all says that nothing was left out that an
// exception may be about.
func (a *accepted) mark(res *finding.Result, all bool) {
	if all && res.Complete() && res.Since.IsZero() {
		for _, t := range res.Targets {
			whole := t.Tree && (t.History || t.Kind != finding.TargetRepository && !t.InRepository)
			a.Whole = a.Whole || whole && a.places.Covers(t.Name)
		}
	}
	a.Mark(res)
}

// tell adds to a result which baseline was used, if verbose, and which ones
// were not.
func (a *accepted) tell(res *finding.Result, verbose bool) {
	tellNotes(res, a.notes)
	if verbose && a.Baseline != nil && len(res.Targets) > 0 {
		t := &res.Targets[0]
		t.Notes = append(t.Notes, "The baseline "+quote.Name(a.Baseline.Name)+" was used.")
	}
}

// explain fills in who accepted the keys of e, as far as the place that was read
// tells. file is what ExplainedFile returned; now decides what is expired.
func (a *accepted) explain(e *scanner.Explained, file string, now time.Time) {
	for i := range e.Keys {
		k := &e.Keys[i]
		if k.Confidence == finding.Rejected {
			continue
		}
		o := finding.Occurrence{Target: file, Source: e.Source, Path: e.Path, Line: k.Line, Comment: k.Comment}
		if e.Source == finding.SourceWorktree {
			o.Path = filepath.Base(e.Path)
		} else if e.Source != finding.SourceStdin {
			a.Place = func(*finding.Occurrence) (string, bool) { return e.Path, true }
			o.InHead = true // its only version here
		}
		nowhere := finding.Finding{Secret: k.Secret}
		here := finding.Finding{Secret: k.Secret, Occurrences: []finding.Occurrence{o}}
		res := &finding.Result{Started: now, Findings: []*finding.Finding{&nowhere, &here}}
		a.Mark(res)
		k.Suppressed, k.OtherPlaces = here.Suppressed, nowhere.Suppressed == nil
	}
}
