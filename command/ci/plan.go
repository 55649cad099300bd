// Package ci reads from the environment of a continuous integration system what
// a run has to scan: which commits a change brings in, whether it comes from a
// fork, and what the checkout lacks. It does not know how a scan works.
//
// Values of the environment are checked before use: commit ids must be ids, refs
// are looked up by their full names, and nothing is printed unchecked.
package ci

import (
	"cmp"
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

// Word says whose word counts for a run: which exceptions do, and whether keys may be
// sent to their issuers.
type Word uint8

// The words, as the table of docs/ci.md has them for every CI and event.
const (
	// Foreign is a fork, or what is not known to be of the repository: the
	// exceptions of the default branch count, and nothing is sent.
	Foreign Word = iota
	// Branch is a branch, a tag or a pull request of the repository: the
	// exceptions of the target or default branch count.
	Branch
	// Own is the default or a protected branch: the exceptions of the commit
	// before a push count, those of the tip otherwise.
	Own
)

func (w Word) String() string { return [...]string{"foreign", "branch", "own"}[w] }

// Plan says what to scan, and how to treat the results.
type Plan struct {
	Scope Scope
	// Range is set if Scope is Changes: "A..B", the commits reachable from B and
	// not from A, or "B", all that are reachable. " ^C" may follow: nor from C,
	// what the target or default branch has by now. All are full ids.
	Range string
	// Word is whose word counts. Foreign: no key is sent anywhere.
	Word Word
	// Base is the commit whose exceptions count, a full id. "" if there is none:
	// then no exception of the repository counts.
	Base string
	// BaseName is what Base is called, as a branch or "the target branch", and
	// CountsFrom says from when on an exception of the change counts.
	BaseName, CountsFrom string
	ReadOnly             bool // the run cannot write to its CI: an upload will fail
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
	// DefaultBranch is the default branch where the CI does not name it. "": the
	// one that the clone's remote had.
	DefaultBranch string
}

// Repository answers questions about the repository that is checked out.
type Repository interface {
	// Find reports whether a commit, or a tag of a commit, has this whole id.
	Find(id string) bool
	// Complete returns the one commit that a tip reaches and whose id starts with
	// digits; false if there is none, or several.
	Complete(digits string, tips []string) (string, bool)
	// Reaches reports whether a commit reaches another, as far as is known.
	Reaches(from, id string) bool
	// Parents returns the parents of a commit that are in the repository.
	Parents(id string) []string
	// Ref returns the commit that a ref with this full name leads to.
	Ref(name string) (string, bool)
	// Default returns the name of the branch that the clone's remote had checked
	// out, "" if it is not known.
	Default() string
	// Head returns the commit that is checked out, "" if there is none.
	Head() string
	// Shallow reports whether the checkout lacks older history.
	Shallow() bool
}

// Detect returns what the run of a CI asks for. Without a repository, repo is nil
// and the files are all there is. The error says which value of the environment
// is wrong, and wraps ErrRefused if the event must not be scanned.
func Detect(env Environment, repo Repository) (*Plan, error) {
	r := &run{event: "no known CI"}
	for _, s := range systems {
		if !s.runs(env.Get) {
			continue
		}
		v := &variables{Environment: env}
		if r = s.read(v); v.err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, v.err)
		}
		r.system, r.fetchHint = s.name, s.fetchHint
		break
	}
	named := branchName(env.DefaultBranch)
	r.ignored = named != "" && r.defaultBranch != "" && named != r.defaultBranch
	r.defaultBranch = cmp.Or(r.defaultBranch, named)
	if r.defaultBranch == "" && repo != nil {
		r.defaultBranch = repo.Default()
	}
	return r.plan(repo), nil
}

// kind is what a run is about.
type kind uint8

const (
	other   kind = iota // an event that is not known, or of which anyone may be the author
	push                // to branch
	started             // on a schedule or by hand, on branch
	build               // of branch, and nothing says why
	tag                 // or a new branch
	change              // a pull request into targetBranch
	queue               // what is merged into targetBranch
)

// run is what a CI says about a run. Nothing is looked up in the repository yet.
type run struct {
	system, fetchHint string
	event             string // in words
	scope             Scope
	kind              kind
	own               bool // branch is the default or a protected one, says the CI
	fork              bool // of a change: it is not said to be the repository's own
	readOnly          bool
	noRange           bool // its event does not say which commits are new
	otherOrigin       bool // the change does not go into origin
	forced            bool // before may be gone
	ignored           bool // the CI names another default branch than the user

	// The tip is the first of tips that exists, else what is checked out.
	tips []string
	// merged is the tip's second parent if the tip is a merge that the CI made
	// for the run: its first parent is then the base.
	merged string
	// before is the base if it exists. It may be abbreviated. Empty or zero, there
	// is none: a new branch.
	before string
	// targetBranch is the branch that the change goes into, and branch the run's
	// own.
	targetBranch, defaultBranch, branch string
}

// whose returns whose word counts. tipKnown says that the commit that is scanned is
// that of the run.
func (r *run) whose(tipKnown bool) Word {
	switch {
	case r.kind == other, r.fork, !tipKnown:
		return Foreign
	case r.kind == change, r.kind == queue:
		return Branch
	case r.own && (r.kind == push || r.kind == started):
		return Own
	case r.defaultBranch == "", r.branch == "" && r.kind != tag:
		return Foreign
	case r.kind == tag, r.branch != r.defaultBranch:
		return Branch
	case r.kind == build:
		return Foreign
	}
	return Own
}

// plan looks up what r names.
func (r *run) plan(repo Repository) *Plan {
	p := &Plan{Scope: r.scope, ReadOnly: r.readOnly || r.fork, FetchHint: r.fetchHint}
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
		p.compareWith(r.defaultBranch, "the default branch")
	case r.scope == Everything:
		r.planEverything(repo, p)
	default:
		r.planChanges(repo, p)
	}
	if r.ignored {
		p.note("%s names the default branch: --default-branch and KEYSWEEP_DEFAULT_BRANCH do not count.", r.system)
	}
	return p
}

// planEverything decides whose exceptions count for a scan of everything.
func (r *run) planEverything(repo Repository, p *Plan) {
	p.Upload = true
	words := "scanned the working tree and the whole history"
	if r.noRange {
		words += ", since the event does not say which commits are new"
	}
	p.note("%s: %s.", r.title(), words)
	head := repo.Head()
	known := slices.Contains(r.tips, head) && fullID(head)
	p.Word = r.whose(known)
	r.trust(repo, p, "", head)
	r.noteForeign(p, known)
}

// planChanges finds the commits of a change, and whose exceptions count for it.
func (r *run) planChanges(repo Repository, p *Plan) {
	p.Upload = r.kind == change
	tip, known := r.tip(repo, p)
	if tip == "" {
		p.Scope, p.Upload = Everything, false
		p.note("%s: no commit is checked out: scanned the files.", r.title())
		return
	}
	if !known {
		r.merged = "" // the author of this tip chose its parents
	}
	base := r.base(repo, tip, p)
	p.Range = tip
	words := "scanned all commits up to " + tip
	comparedWith := branchWords(r.compared(), "the branch it is compared with")
	if base != "" {
		p.Range = base + ".." + tip
		words = "scanned the commits " + p.Range
		if base != r.before {
			words += ", all that " + comparedWith + " lacks"
		}
	}
	p.Word = r.whose(known)
	r.trust(repo, p, base, tip)
	r.noteForeign(p, known)
	// The base says it already; or the change brings nothing in.
	if merged := r.mergedFrom(repo, tip); merged != "" && merged != base && !(r.kind == change && merged == tip) {
		p.Range += " ^" + merged
		words += " that " + comparedWith + " lacks"
	}
	p.Notes = append([]string{fmt.Sprintf("%s: %s.", r.title(), words)}, p.Notes...)
}

// trust says whose exceptions count. base is the commit that the run is compared
// with, "" if there is none. The tip of a branch has exceptions that were merged since
// a change left it.
func (r *run) trust(repo Repository, p *Plan, base, tip string) {
	isBefore := base != "" && base == r.before // says the CI
	branch, words, fallback := r.defaultBranch, "the default branch", ""
	switch isChange := r.kind == change || r.kind == queue; {
	case p.Word == Own && r.kind == push:
		p.BaseName, p.CountsFrom = "the previous commit", "from the next run on"
		switch {
		case isBefore:
			p.Base = base
		case isID(r.before):
			p.noteMissing()
		default:
			p.note("No exceptions count: it is not known which commit was there before this push.")
		}
		return
	case p.Word == Own:
		p.Base, p.BaseName, p.CountsFrom = tip, "the commit of this run", "from now on"
		return
	case isChange && p.Word == Branch && (r.targetBranch != "" || isBefore):
		branch, words, fallback = r.targetBranch, "the target branch", base
	case isChange && r.targetBranch == r.defaultBranch:
		fallback = base
	}
	p.compareWith(branch, words)
	if branch == "" && fallback == "" {
		p.Word = Foreign
		p.note("No exceptions count and no key is sent: %s does not name the default branch (--default-branch NAME does, or KEYSWEEP_DEFAULT_BRANCH).", cmp.Or(r.system, "the environment"))
		return
	}
	p.Base = fallback
	// A tip that is not newer, or that has the change already, judges it no better.
	if id, ok := remote(repo, branch); ok && !r.otherOrigin && (fallback == "" || repo.Reaches(id, fallback) && !repo.Reaches(id, tip)) {
		p.Base = id
	}
	if p.Base == "" {
		p.noteMissing()
	}
}

func (p *Plan) noteMissing() {
	p.note("No exceptions count: they are read from %s, which is missing here.", p.BaseName)
}

// noteForeign says why a run that is not known to be a fork's is treated as one.
func (r *run) noteForeign(p *Plan, tipKnown bool) {
	switch {
	case p.Word != Foreign, r.fork, r.defaultBranch == "":
	case !tipKnown && r.kind != other:
		p.note("Whose commit is checked out is not known, so it is treated as a fork's.")
	default:
		p.note("Whose commits these are is not known, so they are treated as a fork's.")
	}
}

// compareWith says that the exceptions of a branch count. words replace a name
// that cannot be printed as it is.
func (p *Plan) compareWith(branch, words string) {
	p.BaseName = branchWords(branch, words)
	p.CountsFrom = "once merged into " + p.BaseName
}

// branchWords returns the name of a branch if it can be printed, or else words.
func branchWords(branch, words string) string {
	if plainName(branch) {
		return branch
	}
	return words
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

// tip returns the commit of the run, or what is checked out instead and false.
func (r *run) tip(repo Repository, p *Plan) (string, bool) {
	named := slices.DeleteFunc(slices.Clone(r.tips), func(id string) bool { return !isID(id) })
	for _, id := range named {
		if repo.Find(id) {
			return id, true
		}
	}
	if len(named) > 0 {
		p.lacks("commit %s of this run is missing, so what is checked out was scanned", named[0])
	}
	return repo.Head(), false
}

// commitBefore returns the commit that before names, and false if it is not here. A
// short id is looked for only where the change has no say: a branch or a tag of the
// change may have any name.
func (r *run) commitBefore(repo Repository, p *Plan) (id string, ok bool) {
	switch {
	case !isID(r.before):
		return "", false
	case repo.Find(r.before):
		return r.before, true
	case fullID(r.before):
		return "", false
	}
	var tips []string
	for _, name := range []string{r.targetBranch, r.defaultBranch} {
		if tip, ok := remote(repo, name); ok {
			tips = append(tips, tip)
		}
	}
	if id, ok = repo.Complete(r.before, tips); !ok {
		p.note("%s, which this run starts from, is not the start of one commit's id on the target or default branch: it is not known where it starts.", r.before)
	}
	return id, ok
}

// base returns the commit that tip is compared with, "" if there is none.
func (r *run) base(repo Repository, tip string, p *Plan) string {
	if into := r.mergedInto(repo, tip); into != "" {
		r.before = into
		return into
	}
	if id, ok := r.commitBefore(repo, p); ok {
		r.before = id
		return id
	}
	switch {
	case !isID(r.before):
	case repo.Shallow():
		p.lacks("commit %s, which this run starts from, is missing", r.before)
		return ""
	case !fullID(r.before):
	case r.forced:
		p.note("Commit %s, the previous tip of the branch, is gone.", r.before)
	default:
		p.note("Commit %s, which this run starts from, is missing.", r.before)
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
	case r.kind == change && !isID(r.before):
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
	if name == "" || r.otherOrigin || r.kind == queue || r.mergedInto(repo, tip) != "" {
		return ""
	}
	id, _ := remote(repo, name)
	return id
}

// compared returns the branch to compare with if nothing better is known, "" if
// that is the run's own, or may be: what it has is then new.
func (r *run) compared() string {
	switch {
	case r.targetBranch != "":
		return r.targetBranch
	case r.kind == tag, r.branch != "" && r.branch != r.defaultBranch:
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
