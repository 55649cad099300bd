package config

import (
	"cmp"
	"time"

	"keysweep/exceptions"
	"keysweep/finding"
	"keysweep/quote"
)

// Accepted is the exceptions that count for a scan.
type Accepted struct {
	exceptions.Set
	places *places
	notes  []Note
}

// Accepted reads the exceptions that count: of the configuration and of the
// baseline, and comments in what is the user's own. With Sources.None, only
// those of a baseline that the user named.
func (l *Loaded) Accepted() (*Accepted, error) {
	s := &l.sources
	var b *exceptions.Baseline
	var notes []Note
	var err error
	switch {
	case s.namesBaseline():
		if b, err = NamedBaseline(s.Baseline); err != nil {
			return nil, err
		}
	case s.None && s.Baseline == "":
	case l.trusted != nil:
		b, err = l.trusted.baseline()
		switch {
		case err != nil && l.trusted.Rev != "":
			notes = []Note{{Words: "None of its lines counts: " + err.Error()}}
		case err != nil:
			return nil, goOn(err)
		case b == nil && s.Baseline != "":
			if err := l.absent("--baseline", s.Baseline, func() error { _, err := NamedBaseline(s.Baseline); return err }); err != nil {
				return nil, err
			}
		}
	default:
		if b, notes, err = FindBaseline(cmp.Or(s.Here, "."), l.paths); err != nil {
			return nil, goOn(err)
		}
	}
	a := l.AcceptedWith(b)
	a.notes = notes
	return a, nil
}

// AcceptedWith is Accepted with a baseline that is read already, or nil.
func (l *Loaded) AcceptedWith(b *exceptions.Baseline) *Accepted {
	a := &Accepted{places: newPlaces(cmp.Or(l.sources.Here, "."), l.config, l.paths)}
	a.Place, a.Baseline = a.places.pathOf, b
	if l.config != nil {
		a.File, a.Allows = l.config.Path, l.config.Allows()
	}
	switch {
	case l.sources.None:
	case l.trusted != nil:
		a.Place, a.Inline = placeInTree, l.trusted.believes()
	default:
		a.Inline = a.places.own
	}
	return a
}

// At returns a scanner.Accept by what is not expired now.
func (a *Accepted) At(now time.Time) func(finding.Secret, *finding.Occurrence) bool {
	return func(key finding.Secret, o *finding.Occurrence) bool { return a.AcceptsPlace(key, o, now) }
}

// MarkAll marks what is accepted in the result of a scan. all says that no path
// was left out that an exception may be about: an entry that matches nothing is
// then reported as unused.
func (a *Accepted) MarkAll(res *finding.Result, all bool) {
	if all && res.Complete() && res.Since.IsZero() {
		for _, t := range res.Targets {
			whole := t.Tree && (t.History || t.Kind != finding.TargetRepository && !t.InRepository)
			a.Whole = a.Whole || whole && a.places.covers(t.Name)
		}
	}
	a.Mark(res)
}

// Notes returns what there is to say about baselines that were not used.
func (a *Accepted) Notes() []Note { return a.notes }

// AddNotes adds to a result which baselines were not used and, if verbose, which
// one was.
func (a *Accepted) AddNotes(res *finding.Result, verbose bool) {
	addNotes(res, a.notes)
	if verbose && a.Baseline != nil {
		addNotes(res, []Note{{Words: "The baseline " + quote.Name(a.Baseline.Name) + " was used."}})
	}
}
