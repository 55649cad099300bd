package audit

import (
	"context"
	"path/filepath"
	"time"

	"keysweep/config"
	"keysweep/finding"
	"keysweep/rules"
	"keysweep/scanner"
)

// Explanation is what Explain has to say of a line, or of a file.
type Explanation struct {
	*scanner.Explained
	Rules *rules.Set
	// Notes are about configurations and baselines that were not used.
	Notes []config.Note
}

// Explain judges a line, or all of a file, as an audit of it would, and says
// why. now decides what is expired. An error that wraps scanner.ErrUse says that
// there is no such file, line or revision.
func Explain(ctx context.Context, opts scanner.ExplainOptions, sources config.Sources, now time.Time) (*Explanation, error) {
	opts.ForeignComments = sources.Foreign
	file := opts.Target()
	loaded, err := sources.Load([]string{file}, nil)
	if err != nil {
		return nil, err
	}
	if err := loaded.Accept(nil); err != nil {
		return nil, err
	}
	e, err := scanner.Explain(ctx, opts, loaded.Rules)
	if err != nil {
		return nil, err
	}
	for i := range e.Keys {
		if k := &e.Keys[i]; k.Confidence != finding.Rejected {
			k.Suppressed, k.OtherPlaces = suppression(loaded, e, k, file, now)
		}
	}
	return &Explanation{e, loaded.Rules, loaded.Notes(false)}, nil
}

// suppression returns who accepted a key, as far as the version that was read
// says, and whether it depends on its other occurrences.
func suppression(l *config.Loaded, e *scanner.Explained, k *scanner.ExplainedKey, file string, now time.Time) (*finding.Suppression, bool) {
	o := finding.Occurrence{Target: file, Source: e.Source, Path: e.Path, Line: k.Line, Comment: k.Comment}
	if e.Source == finding.SourceWorktree {
		o.Path = filepath.Base(e.Path)
	} else if e.Source != finding.SourceStdin {
		l.PathOf = func(*finding.Occurrence) (string, bool) { return e.Path, true }
		o.InHead = finding.Yes // its only version here
	}
	nowhere := finding.Finding{Secret: k.Secret}
	here := finding.Finding{Secret: k.Secret, Listed: []finding.Occurrence{o}}
	here.MeetEvery() // the caller says whether others count
	l.Mark(&finding.Result{Started: now, Findings: []*finding.Finding{&nowhere, &here}})
	return here.Suppressed, nowhere.Suppressed == nil
}
