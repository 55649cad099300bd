package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"keysweep/command/ci"
	"keysweep/config"
	"keysweep/exceptions"
	"keysweep/file"
	"keysweep/finding"
	"keysweep/quote"
	"keysweep/rules"
)

// trustBase says whose exceptions count: those of the commit that the change is
// to go into, so that it cannot silence itself. Files that the user named and
// that lie in the checkout are the change's, too, and are read there as well.
// named is the path to be scanned.
func (r *ciRun) trustBase(checkout *ci.Checkout, named string) {
	plan, s := r.plan, &r.opts.rules
	if plan.Scope != ci.Changes && !plan.Fork {
		if plan.Own {
			s.here = named
		}
		return
	}
	t := &trust{rev: plan.Base, words: plan.Whose, nothing: plan.Base == "", anywhere: true}
	s.from = t
	if checkout == nil {
		return
	}
	t.config, _ = checkout.Holds(s.config)
	t.baseline, _ = checkout.Holds(s.baseline)
	s.files = slices.DeleteFunc(s.files, func(name string) bool {
		below, inside := checkout.Holds(name)
		if inside {
			t.rules = append(t.rules, ruleFile{name: name, path: below})
		}
		return inside
	})
}

// tellAdded says that the change adds exceptions, if a key is found that one of
// them may be meant for.
func (r *ciRun) tellAdded(res *finding.Result) {
	plan, s := r.plan, &r.opts.rules
	counts := func(f *finding.Finding) bool { return f.Suppressed == nil }
	if s.from == nil || s.from.nothing || plan.Scope != ci.Changes || s.none || !slices.ContainsFunc(res.Findings, counts) || len(res.Targets) == 0 {
		return
	}
	base := s.from
	tip := &trust{rev: plan.Tip(), words: "this change", config: base.config, baseline: base.baseline, ctx: base.ctx, prepared: base.prepared}
	note := func(words string) { res.Targets[0].Notes = append(res.Targets[0].Notes, words) }
	if _, err := tip.loadConfig(); err != nil {
		note("What the change makes of the exceptions is broken and would not count: " + err.Error() + ".")
	} else if _, err := tip.loadBaseline(); err != nil {
		note("What the change makes of the accepted keys is broken and would not count: " + err.Error() + ".")
	}
	list := exceptions.Added(base.all(), tip.all())
	believed := base.believes()
	for _, f := range res.Findings {
		for i := range f.Occurrences {
			if o := &f.Occurrences[i]; f.Suppressed == nil && o.Comment.Reason != "" && !believed(f, o) {
				list = append(list, finding.Exception{Kind: finding.KindInline, File: path.Join(o.Folder, o.Path)})
			}
		}
	}
	if len(list) == 0 {
		return
	}
	var files []string
	for _, e := range list {
		if name := quote.Name(e.File); !slices.Contains(files, name) {
			files = append(files, name)
		}
	}
	slices.Sort(files)
	const most = 3
	if more := len(files) - most; more > 0 {
		files = append(files[:most], fmt.Sprintf("%d more", more))
	}
	words := "This change adds an exception (%s): it counts " + plan.Then + "."
	if len(list) > 1 {
		words = "This change adds exceptions (%s): they count " + plan.Then + "."
	}
	note(fmt.Sprintf(words, strings.Join(files, ", ")))
}

// ruleFile is a file of rules that the user named and that the looked-at change
// may have touched.
type ruleFile struct {
	name string // as the user named it
	path string // from the top
}

// loadRules reads the files of t.rules. One that is not there is the change's
// own: rules only add, so that it can hide nothing, but it may not say where a
// key is sent.
func (t *trust) loadRules() (list []rules.File, notes []config.Note, err error) {
	for _, f := range t.rules {
		const limit = 1 << 20 // of rules.Load
		text, err := t.read(f.path, limit)
		own := errors.Is(err, fs.ErrNotExist)
		if own {
			text, err = file.Read(f.name, limit)
			notes = append(notes, config.Note{Words: fmt.Sprintf("The rules of %s are those of the change: %s has none there.", quote.Name(f.name), t.words)})
		}
		if err != nil {
			return nil, nil, fmt.Errorf("--rules %s: %w", quote.Name(f.name), err)
		}
		list = append(list, rules.File{Name: f.name, Text: text, Found: own})
	}
	return list, notes, nil
}

// absent says that a file that the user named is not there, if it lies in what
// is scanned. Anywhere else, that is an error.
func (t *trust) absent(option, name string) (config.Note, error) {
	if _, err := os.Stat(name); err != nil {
		return config.Note{}, err
	}
	return config.Note{Words: fmt.Sprintf("%s %s does not count: it is not in %s (merge the exceptions first).", option, quote.Name(name), t.words)}, nil
}
