// Package ci works out from the environment of a continuous integration system
// what a run of it is about: which commits a change brings in, whether it comes
// from a fork, and what a checkout lacks. It knows nothing of how a scan works.
//
// What a system says is checked before it is used: ids are ids, names of refs
// are looked up whole, and none of it is ever printed unchecked.
package ci

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrRefused is wrapped by Work's error for an event that must not be scanned.
var ErrRefused = errors.New("refused")

// Scope is what a run asks to be scanned.
type Scope uint8

// The scopes.
const (
	Everything Scope = iota // the working tree and the whole history
	Changes                 // what the commits of Plan.Range bring in
	Nothing                 // there is nothing new, as when a branch was deleted
)

// Plan is what is to be scanned, and what is to be known of it.
type Plan struct {
	System string // the name of the CI, "" if it is not known
	Event  string // its kind of run, in words
	Scope  Scope
	// Range is set if Scope is Changes: "A..B", the commits reachable from B and
	// not from A, or "B", all that are reachable. " ^C" may follow: nor from C,
	// what the target or the default branch has by now. They are whole ids.
	Range string
	// Base is the commit whose tree holds the exceptions that count, a whole id:
	// what a change is to go into, or the default branch, so that no change
	// silences itself. "" if there is none: then no exception of the repository
	// counts, except for Everything that is no fork's, where what is checked out
	// counts.
	Base string
	// Whose says what Base is called, as a branch or "the target branch", and
	// Then from when on an exception of the change counts, in words.
	Whose, Then string
	// Own says, for Everything that is no fork's, that the commit of the run is
	// checked out: the exceptions there are the repository's own, from wherever
	// it is looked at. Where the CI names no commit, it is not set either.
	Own bool
	// Fork says that the run is for somebody who has no rights in the
	// repository, or that nobody can tell, as when another commit than that of
	// the run is checked out. No key is sent anywhere then.
	Fork bool
	// ReadOnly says that the run cannot write to its CI: an upload will fail.
	ReadOnly bool
	// Upload says that the results may be uploaded to code scanning. Those of a
	// range may only where they are about that range, in a pull request: an
	// upload closes the alerts that it lacks.
	Upload bool
	// Lacking says in a sentence which commits the checkout lacks that the run
	// is about; the scan is incomplete. "": none.
	Lacking string
	// Whole says how to check everything out, for when something is lacking.
	Whole string
	// Notes are sentences for the report, the first of which says what was
	// scanned and why.
	Notes []string
}

// Environment is where a CI says what a run is about.
type Environment struct {
	// Get returns a variable of the environment, "" if it is not set.
	Get func(name string) string
	// ReadFile returns the bytes of a file, as os.ReadFile does.
	ReadFile func(name string) ([]byte, error)
}

// Repository answers questions about the repository that is checked out.
type Repository interface {
	// Find returns the whole id of the object that id, hexadecimal and perhaps
	// abbreviated, names, and false if it is not a commit or a tag of one that is
	// there.
	Find(id string) (string, bool)
	// Parents returns the parents of a commit as far as they are there.
	Parents(id string) []string
	// Ref returns the commit that a ref with this whole name leads to.
	Ref(name string) (string, bool)
	// Head returns the commit that is checked out, "" if there is none.
	Head() string
	// Shallow reports whether older history was left out of the checkout.
	Shallow() bool
}

// Work returns what the run of a CI asks for. A repository of nil is none: its
// files are all there is. The error says what of the environment is wrong, and
// wraps ErrRefused if the event must not be scanned.
func Work(env Environment, repo Repository) (*Plan, error) {
	for _, s := range systems {
		if !s.runs(env.Get) {
			continue
		}
		r, err := s.read(env)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		r.system, r.whole = s.name, s.whole
		return r.plan(repo), nil
	}
	r := run{event: "no CI that is known here"}
	return r.plan(repo), nil
}

// run is what a CI says of a run, not yet looked up.
type run struct {
	system, whole string
	event         string // in words
	scope         Scope
	fork          bool
	readOnly      bool
	change        bool // it is about what is to go into a branch, and not yet in
	unsaid        bool // it is an event that has no rule of its own
	anybodys      bool // it is about a change, and does not tell whose

	// queued says that the branch that it is about is made for the run.
	queued bool

	// elsewhere says that origin is not where the change is to go into.
	elsewhere bool

	// The tip is the first of tips that is there, else what is checked out.
	tips []string
	// merged is the tip's second parent if the tip is a merge that the CI made
	// for the run: its first parent is then the base.
	merged string
	// before is the base if it is there. If it is not set or zero, there is none:
	// a new branch.
	before string
	// forced says that before may have gone.
	forced bool
	// into is the branch that the change is to go into, fallback the default
	// branch, and branch the run's own.
	into, fallback, branch string
}

// plan looks up what r names.
func (r *run) plan(repo Repository) *Plan {
	p := &Plan{System: r.system, Event: r.event, Scope: r.scope, Fork: r.fork, ReadOnly: r.readOnly || r.fork, Whole: r.whole}
	switch {
	case r.scope == Nothing:
		p.note("%s: there is nothing to scan.", r.title())
		return p
	case repo == nil:
		p.Scope = Everything
		p.note("%s: there is no repository here; all files were scanned.", r.title())
		return p
	case r.scope == Everything:
		p.Upload = true
		p.Own = !r.fork && r.checkedOut(repo)
		unknown := !r.fork && (r.anybodys || !p.Own && r.named())
		if r.fork || unknown {
			p.Own, p.Fork = false, true
			p.Base, _ = remote(repo, r.fallback)
			p.judge(r.fallback, "the default branch")
			defer p.tellNobodys() // after what was scanned
		}
		words := "the working tree and the whole history were scanned"
		if r.unsaid {
			words = "it does not tell which commits are new; " + words
		}
		p.note("%s: %s.", r.title(), words)
		if unknown {
			p.note("Nobody can tell whose it is: what is checked out may be of a fork.")
		}
		return p
	}
	p.Upload = r.change && !r.queued
	tip := r.tip(repo, p)
	if tip == "" {
		p.Scope, p.Upload = Everything, false
		p.note("%s: no commit is checked out; the files were scanned.", r.title())
		return p
	}
	base := r.base(repo, tip, p)
	p.Range = tip
	if base != "" {
		p.Range = base + ".." + tip
	}
	commits := p.Range
	has := r.has(repo, tip)
	if has == base || r.change && has == tip {
		has = "" // said already; or, of a change, that it brings in nothing
	}
	if has != "" {
		p.Range += " ^" + has
	}
	p.Base = base
	switch name := r.comparedWith(); {
	case r.change:
		p.judge(r.into, "the target branch")
	case name != "":
		// Who may push a branch is not who decides what goes into the default one.
		p.Base, _ = remote(repo, name)
		p.judge(name, "the default branch")
	default:
		p.Whose, p.Then = "the commit before", "from the next run on"
	}
	p.tellNobodys()
	words := "the commits up to " + commits
	if base != "" {
		words = "the commits of " + commits
	}
	if has != "" {
		words += " that " + p.Whose + " does not have"
	}
	p.Notes = append([]string{fmt.Sprintf("%s: %s were scanned.", r.title(), words)}, p.Notes...)
	return p
}

// judge says that the exceptions of a branch count. words stand for a name that
// had better not be printed.
func (p *Plan) judge(branch, words string) {
	p.Whose = words
	if plainName(branch) {
		p.Whose = branch
	}
	p.Then = "once merged into " + p.Whose
}

func (p *Plan) tellNobodys() {
	if p.Base == "" {
		p.note("No exception counts: those of %s would, which is not here.", p.Whose)
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

// lack says that the checkout is short of something, and how to get it.
func (p *Plan) lack(format string, args ...any) {
	p.Lacking = fmt.Sprintf(format, args...)
	if p.Whole != "" {
		p.Lacking += " (" + p.Whole + ")"
	}
}

func (r *run) title() string {
	if r.system == "" {
		return strings.ToUpper(r.event[:1]) + r.event[1:]
	}
	return r.system + ", " + r.event
}

// checkedOut reports whether the commit that the run is about is checked out.
func (r *run) checkedOut(repo Repository) bool {
	head := repo.Head()
	for _, id := range r.tips {
		if found, ok := repo.Find(id); !none(id) && ok && found == head {
			return true
		}
	}
	return false
}

// named reports whether the CI named a commit that the run is about.
func (r *run) named() bool {
	return slices.ContainsFunc(r.tips, func(id string) bool { return !none(id) })
}

// tip returns the commit that the run is about, or what is there in its place.
func (r *run) tip(repo Repository, p *Plan) string {
	said := ""
	for _, id := range r.tips {
		if none(id) {
			continue
		}
		if found, ok := repo.Find(id); ok {
			return found
		}
		if said == "" {
			said = id
		}
	}
	if said != "" {
		p.lack("commit %s of this run is not here: what is checked out was scanned", said)
	}
	return repo.Head()
}

// base returns the commit that tip is compared with, "" if there is none.
func (r *run) base(repo Repository, tip string, p *Plan) string {
	if into := r.mergedInto(repo, tip); into != "" {
		return into
	}
	if !none(r.before) {
		if id, ok := repo.Find(r.before); ok {
			return id
		}
		switch {
		case repo.Shallow():
			p.lack("commit %s, which this run starts from, is not here", r.before)
			return ""
		case r.forced:
			p.note("Commit %s, which the branch was moved away from, is gone.", r.before)
		default:
			p.note("Commit %s, which this run starts from, is not here.", r.before)
		}
	}
	if name := r.comparedWith(); name != "" {
		if id, ok := remote(repo, name); ok {
			return id
		}
		if repo.Shallow() {
			p.lack("the branch that this run is compared with is not here")
		} else {
			p.note("The branch that this run is compared with is not here: older keys are listed too.")
		}
		return ""
	}
	switch {
	case repo.Shallow():
		p.lack("older commits of this run are not here")
	case r.change && none(r.before):
		p.note("It is not known what this run is compared with: older keys are listed too.")
	}
	return ""
}

// mergedInto returns the first parent of a merge that the CI made for the run, ""
// if tip is none.
func (r *run) mergedInto(repo Repository, tip string) string {
	if r.merged != "" {
		if parents := repo.Parents(tip); len(parents) == 2 && parents[1] == r.merged {
			return parents[0]
		}
	}
	return ""
}

// has returns the tip of the branch that the run is compared with, "" if it is not
// here: a branch brings in nothing of what it merged from there. Where the CI made
// a merge, its parent says that already, and still does once the branch is merged.
func (r *run) has(repo Repository, tip string) string {
	name := r.comparedWith()
	if name == "" || r.elsewhere || r.queued || r.mergedInto(repo, tip) != "" {
		return ""
	}
	id, _ := remote(repo, name)
	return id
}

// comparedWith returns the name of the branch that the run is compared with if
// nothing better is known, "" if that is its own.
func (r *run) comparedWith() string {
	switch {
	case r.into != "":
		return r.into
	case r.fallback != r.branch:
		return r.fallback
	}
	return ""
}

// remote returns the tip of a branch as it is on the server. Only there: a
// branch of that name here may be the change itself.
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

// none reports whether id stands for no commit: it is empty or zero, of 40 or
// 64 digits.
func none(id string) bool { return strings.Trim(id, "0") == "" }

// hexID reports whether s is an id of an object: hexadecimal digits, at least
// so many.
func hexID(s string, least int) bool {
	return len(s) >= least && len(s) <= 64 && strings.Trim(s, "0123456789abcdef") == ""
}
