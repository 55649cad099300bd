package command

import (
	"fmt"
	"slices"
	"strings"

	"keysweep/audit"
	"keysweep/command/ci"
	"keysweep/config"
	"keysweep/finding"
)

// trustBase says whose exceptions count: those of the commit that the change is
// to go into, so that it cannot silence itself. Files that the user named and
// that are in the checkout are the change's, too, and are read at that commit as
// well. named is the path to be scanned.
func (r *ciRun) trustBase(checkout *ci.Checkout, named string) {
	plan, s := r.plan, &r.opts.audit.Sources
	if plan.Scope != ci.Changes && !plan.Fork {
		if plan.OwnCheckout {
			s.Here = named
		}
		return
	}
	t := &config.Trust{Rev: plan.Base, Name: plan.BaseName, Nothing: plan.Base == "", Anywhere: true}
	s.Trust = t
	if checkout == nil {
		return
	}
	t.Config, _ = checkout.Holds(s.Config)
	t.Baseline, _ = checkout.Holds(s.Baseline)
	s.Rules = slices.DeleteFunc(s.Rules, func(name string) bool {
		below, inside := checkout.Holds(name)
		if inside {
			t.Rules = append(t.Rules, config.RuleFile{Name: name, Path: below})
		}
		return inside
	})
}

// noteAdded says that the change adds exceptions, if a key is found that one of
// them may be meant for.
func (r *ciRun) noteAdded(a *audit.Audit) {
	res := a.Result
	counts := func(f *finding.Finding) bool { return f.Suppressed == nil }
	if r.plan.Scope != ci.Changes || !slices.ContainsFunc(res.Findings, counts) || len(res.Targets) == 0 {
		return
	}
	note := func(words string) { res.Targets[0].Notes = append(res.Targets[0].Notes, words) }
	change := a.Loaded.ChangeOf(r.plan.Tip(), res.Findings)
	if change.Broken != "" {
		note(change.Broken)
	}
	if len(change.Added) == 0 {
		return
	}
	files := change.Files()
	const most = 3
	if more := len(files) - most; more > 0 {
		files = append(files[:most], fmt.Sprintf("%d more", more))
	}
	words := "This change adds an exception (%s): it counts " + r.plan.CountsFrom + "."
	if len(change.Added) > 1 {
		words = "This change adds exceptions (%s): they count " + r.plan.CountsFrom + "."
	}
	note(fmt.Sprintf(words, strings.Join(files, ", ")))
}
