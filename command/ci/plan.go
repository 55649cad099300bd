// Package ci reads from the environment of a continuous integration system what
// a run has to scan: which commits a change brings in, whether it comes from a
// fork, and what the checkout lacks. It does not know how a scan works.
//
// Values of the environment are checked before use: commit ids must be ids, refs
// are looked up by their full names, and nothing is printed unchecked.
package ci

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrRefused is wrapped by Detect's error for an event that must not be scanned.
var ErrRefused = errors.New("refused")

// Scope is what a run asks to be scanned.
type Scope uint8

// The scopes.
const (
	Everything Scope = iota // the working tree and the whole history
	Changes                 // what the commits of Plan.Range bring in
	Nothing                 // nothing is new, as when a branch was deleted
)

// Plan says what to scan, and how to treat the results.
type Plan struct {
	Scope Scope
	// Range is set if Scope is Changes: "A..B", the commits reachable from B and
	// not from A, or "B", all that are reachable. " ^C" may follow: nor from C,
	// what the target or default branch has by now. All are full ids.
	Range string
	// Base is the commit whose tree holds the exceptions that count, a full id:
	// the tip that a change goes into, or the default branch, so that no change
	// silences itself. "" if there is none: then no exception of the repository
	// counts, except for Everything outside a fork, where the checkout counts.
	Base string
	// BaseName is what Base is called, as a branch or "the target branch", and
	// CountsFrom says from when on an exception of the change counts.
	BaseName, CountsFrom string
	// OwnCheckout says, for Everything outside a fork, that the commit of the run
	// is checked out: the exceptions there are the repository's own, whatever the
	// working directory is. It is not set where the CI names no commit.
	OwnCheckout bool
	// Fork says that the change comes from outside the repository, or may, as
	// when a commit other than the run's is checked out. No key is sent anywhere
	// then.
	Fork     bool
	ReadOnly bool // the run cannot write to its CI: an upload will fail
	// Upload says that the results may be uploaded to code scanning. Results of a
	// range may only be in a pull request: an upload closes the alerts that it
	// lacks.
	Upload bool
	// Missing says in a sentence which commits of the run the checkout lacks; the
	// scan is incomplete. "": none.
	Missing   string
	FetchHint string   // how to check everything out
	Notes     []string // sentences for the report; the first says what was scanned, and why
}

// Environment is where a CI describes a run.
type Environment struct {
	Get      func(name string) string // as os.Getenv
	ReadFile func(name string) ([]byte, error)
}

// Repository answers questions about the repository that is checked out.
type Repository interface {
	// Find returns the full id for id, hexadecimal and perhaps abbreviated; false
	// if no commit, or tag of a commit, has it.
	Find(id string) (string, bool)
	// Parents returns the parents of a commit that are in the repository.
	Parents(id string) []string
	// Ref returns the commit that a ref with this full name leads to.
	Ref(name string) (string, bool)
	// Head returns the commit that is checked out, "" if there is none.
	Head() string
	// Shallow reports whether the checkout lacks older history.
	Shallow() bool
}

// Detect returns what the run of a CI asks for. Without a repository, repo is nil
// and the files are all there is. The error says which value of the environment
// is wrong, and wraps ErrRefused if the event must not be scanned.
func Detect(env Environment, repo Repository) (*Plan, error) {
	for _, s := range systems {
		if !envIsTrue(env.Get, s.variable) {
			continue
		}
		v := &variables{Environment: env}
		r := s.read(v)
		if v.err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, v.err)
		}
		r.system, r.fetchHint = s.name, s.fetchHint
		return r.plan(repo), nil
	}
	r := run{event: "no known CI"}
	return r.plan(repo), nil
}

// run is what a CI says about a run. Nothing is looked up in the repository yet.
type run struct {
	system, fetchHint string
	event             string // in words
	scope             Scope
	fork              bool
	readOnly          bool
	change            bool // it is about commits that are not yet in their branch
	noRange           bool // its event does not say which commits are new
	unknownAuthor     bool // it is about a change and does not say whose
	queued            bool // the run's branch was made for the run
	otherOrigin       bool // the change does not go into origin
	forced            bool // before may be gone

	// The tip is the first of tips that exists, else what is checked out.
	tips []string
	// merged is the tip's second parent if the tip is a merge that the CI made
	// for the run: its first parent is then the base.
	merged string
	// before is the base if it exists. Empty or zero, there is none: a new branch.
	before string
	// targetBranch is the branch that the change goes into, and branch the run's
	// own.
	targetBranch, defaultBranch, branch string
}

// plan looks up what r names.
func (r *run) plan(repo Repository) *Plan {
	p := &Plan{Scope: r.scope, Fork: r.fork, ReadOnly: r.readOnly || r.fork, FetchHint: r.fetchHint}
	switch {
	case r.scope == Nothing:
		p.note("%s: nothing to scan.", r.title())
	case repo == nil:
		p.Scope = Everything
		but := ", but"
		if r.system == "" {
			but = " and"
		}
		p.note("%s%s no Git repository: scanned all files.", r.title(), but)
	case r.scope == Everything:
		r.planEverything(repo, p)
	default:
		r.planChanges(repo, p)
	}
	return p
}

// planEverything decides whose exceptions count for a scan of everything.
func (r *run) planEverything(repo Repository, p *Plan) {
	p.Upload = true
	p.OwnCheckout = !r.fork && r.checkedOut(repo)
	unknown := !r.fork && (r.unknownAuthor || !p.OwnCheckout && slices.ContainsFunc(r.tips, isID))
	words := "scanned the working tree and the whole history"
	if r.noRange {
		words += ", since the event does not say which commits are new"
	}
	p.note("%s: %s.", r.title(), words)
	if unknown {
		p.note("Whose commit is checked out is not known, so it is treated as a fork's.")
	}
	if r.fork || unknown {
		p.OwnCheckout, p.Fork = false, true
		p.Base, _ = remote(repo, r.defaultBranch)
		p.compareWith(r.defaultBranch, "the default branch")
		p.noteNoExceptions()
	}
}

// planChanges finds the commits of a change, and whose exceptions count for it.
func (r *run) planChanges(repo Repository, p *Plan) {
	p.Upload = r.change && !r.queued
	tip := r.tip(repo, p)
	if tip == "" {
		p.Scope, p.Upload = Everything, false
		p.note("%s: no commit is checked out: scanned the files.", r.title())
		return
	}
	base := r.base(repo, tip, p)
	p.Range = tip
	words := "scanned all commits up to " + tip
	if base != "" {
		p.Range = base + ".." + tip
		words = "scanned the commits " + p.Range
	}
	p.Base = base
	switch name := r.compared(); {
	case r.change:
		p.compareWith(r.targetBranch, "the target branch")
	case name != "":
		// Pushing a branch takes fewer rights than changing the default one.
		p.Base, _ = remote(repo, name)
		p.compareWith(name, "the default branch")
	default:
		p.BaseName, p.CountsFrom = "the previous commit", "from the next run on"
	}
	// The base says it already; or the change brings nothing in.
	if merged := r.mergedFrom(repo, tip); merged != "" && merged != base && !(r.change && merged == tip) {
		p.Range += " ^" + merged
		words += " that " + p.BaseName + " lacks"
	}
	p.noteNoExceptions()
	p.Notes = append([]string{fmt.Sprintf("%s: %s.", r.title(), words)}, p.Notes...)
}

// compareWith says that the exceptions of a branch count. words replace a name
// that cannot be printed as it is.
func (p *Plan) compareWith(branch, words string) {
	p.BaseName = words
	if plainName(branch) {
		p.BaseName = branch
	}
	p.CountsFrom = "once merged into " + p.BaseName
}

func (p *Plan) noteNoExceptions() {
	if p.Base == "" {
		p.note("No exceptions count: they are read from %s, which is missing here.", p.BaseName)
	}
}

// Tip returns the B of Range.
func (p *Plan) Tip() string {
	commits, _, _ := strings.Cut(p.Range, " ")
	return commits[strings.LastIndexByte(commits, '.')+1:]
}

func (p *Plan) note(format string, args ...any) {
	p.Notes = append(p.Notes, fmt.Sprintf(format, args...))
}

// lacks says what the checkout lacks, and how to get it.
func (p *Plan) lacks(format string, args ...any) {
	p.Missing = fmt.Sprintf(format, args...)
	if p.FetchHint != "" {
		p.Missing += " (" + p.FetchHint + ")"
	}
}

func (r *run) title() string {
	if r.system == "" {
		return strings.ToUpper(r.event[:1]) + r.event[1:]
	}
	return r.system + ", " + r.event
}

// checkedOut reports whether the commit of the run is checked out.
func (r *run) checkedOut(repo Repository) bool {
	head := repo.Head()
	return slices.ContainsFunc(r.tips, func(id string) bool {
		found, ok := repo.Find(id)
		return isID(id) && ok && found == head
	})
}

// tip returns the commit of the run, or what is checked out instead.
func (r *run) tip(repo Repository, p *Plan) string {
	named := slices.DeleteFunc(slices.Clone(r.tips), func(id string) bool { return !isID(id) })
	for _, id := range named {
		if found, ok := repo.Find(id); ok {
			return found
		}
	}
	if len(named) > 0 {
		p.lacks("commit %s of this run is missing, so what is checked out was scanned", named[0])
	}
	return repo.Head()
}

// base returns the commit that tip is compared with, "" if there is none.
func (r *run) base(repo Repository, tip string, p *Plan) string {
	if into := r.mergedInto(repo, tip); into != "" {
		return into
	}
	if isID(r.before) {
		if id, ok := repo.Find(r.before); ok {
			return id
		}
		switch {
		case repo.Shallow():
			p.lacks("commit %s, which this run starts from, is missing", r.before)
			return ""
		case r.forced:
			p.note("Commit %s, the previous tip of the branch, is gone.", r.before)
		default:
			p.note("Commit %s, which this run starts from, is missing.", r.before)
		}
	}
	if name := r.compared(); name != "" {
		if id, ok := remote(repo, name); ok {
			return id
		}
		if repo.Shallow() {
			p.lacks("the branch to compare with is missing")
		} else {
			p.note("The branch to compare with is missing: older keys are listed too.")
		}
		return ""
	}
	switch {
	case repo.Shallow():
		p.lacks("older commits of this run are missing")
	case r.change && !isID(r.before):
		p.note("There is nothing to compare this run with: older keys are listed too.")
	}
	return ""
}

// mergedInto returns the first parent of a merge that the CI made for the run, ""
// if tip is not one.
func (r *run) mergedInto(repo Repository, tip string) string {
	if r.merged != "" {
		if parents := repo.Parents(tip); len(parents) == 2 && parents[1] == r.merged {
			return parents[0]
		}
	}
	return ""
}

// mergedFrom returns the tip of the branch to compare with, "" if it is missing:
// what a branch merged from there is not its own. A merge made by the CI says this
// with its first parent, and still does once the branch is merged.
func (r *run) mergedFrom(repo Repository, tip string) string {
	name := r.compared()
	if name == "" || r.otherOrigin || r.queued || r.mergedInto(repo, tip) != "" {
		return ""
	}
	id, _ := remote(repo, name)
	return id
}

// compared returns the branch to compare with if nothing better is known, "" if
// that is the run's own.
func (r *run) compared() string {
	switch {
	case r.targetBranch != "":
		return r.targetBranch
	case r.defaultBranch != r.branch:
		return r.defaultBranch
	}
	return ""
}

// remote returns the tip of a branch on the server. A local branch of that name
// may be the change itself.
func remote(repo Repository, branch string) (string, bool) {
	return repo.Ref("refs/remotes/origin/" + branch)
}

// plainName reports whether the name of a branch can be printed as it is.
func plainName(branch string) bool {
	const longest = 100
	return branch != "" && len(branch) <= longest && !strings.ContainsFunc(branch, func(r rune) bool {
		return !strings.ContainsRune("_-./", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// isID reports whether id names a commit: it is neither empty nor all zeros, of 40
// or 64 digits.
func isID(id string) bool { return strings.Trim(id, "0") != "" }

// hexID reports whether s is an object id of least to 64 hexadecimal digits.
func hexID(s string, least int) bool {
	return len(s) >= least && len(s) <= 64 && strings.Trim(s, "0123456789abcdef") == ""
}
