package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"keysweep/finding"
	"keysweep/quote"
)

// remedyWords returns the remedy for all keys as a few paragraphs: the order of
// work, what each issuer wants to be known, and the habit. It is empty if no
// key is known or feared to work, and none has advice in common with another.
func (p *phrases) remedyWords() []string {
	list := p.usable()
	var shared []string
	for _, s := range p.sharedMarks() {
		shared = append(shared, s.words)
	}
	if len(list) == 0 {
		return shared
	}
	issuers, more := p.issuerWords(list)
	at := p.quoteWords(atIssuer(p.opts, list...))
	first := plural(len(list), "Create a new key", "For each key: create a new one") + at +
		", switch to it, check that it works, then revoke the old one: this order avoids downtime."
	words := []string{first}
	for _, w := range issuers {
		if len(issuers) == 1 && more == 0 {
			words[0] += " " + w.advice
			break
		}
		words = append(words, w.name+": "+w.advice)
	}
	if more > 0 {
		words = append(words, fmt.Sprintf("+ %s (-v lists them)", count(more, "more issuer", "more issuers")))
	}
	return append(append(words, shared...), lostWords(list), "Keep "+keeping)
}

// markNumbers returns the numbers of the listed keys that have each mark, without
// the marks that the end of the report names for all keys.
func (p *phrases) markNumbers() map[mark][]int {
	if p.marks == nil {
		p.marks = make(map[mark][]int)
		for i, f := range p.listed {
			for _, m := range marksOf(f, p.res.Started) {
				if m.several != "" {
					p.marks[m] = append(p.marks[m], i+1)
				}
			}
		}
	}
	return p.marks
}

// markWords says what is special about f, and leaves out what the end of the
// report says of several keys.
func (p *phrases) markWords(f *finding.Finding) string {
	var words []string
	for _, m := range marksOf(f, p.res.Started) {
		if len(p.markNumbers()[m]) == 1 {
			words = append(words, m.sentence)
		}
	}
	return strings.Join(words, " ")
}

// maxNumbers is how many keys are named by their numbers.
const maxNumbers = 8

// sharedMarks says what is special about several keys, once.
func (p *phrases) sharedMarks() (list []fact) {
	shared := slices.DeleteFunc(slices.Collect(maps.Keys(p.markNumbers())), func(m mark) bool { return len(p.marks[m]) < 2 })
	slices.SortFunc(shared, func(a, b mark) int {
		return cmp.Or(slices.Compare(p.marks[a], p.marks[b]), cmp.Compare(a.sentence, b.sentence))
	})
	for _, m := range shared {
		var names []string
		for _, n := range p.marks[m][:min(len(p.marks[m]), maxNumbers)] {
			names = append(names, number(int64(n)))
		}
		if more := len(p.marks[m]) - len(names); more > 0 {
			names = append(names, number(int64(more))+" more")
		}
		last := len(names) - 1
		words := "Keys " + strings.Join(names[:last], ", ") + " and " + names[last]
		list = append(list, fact{"Advice", words + ": " + m.several})
	}
	return list
}

// lostWords says what is true of most keys, once.
func lostWords(list []*finding.Finding) string {
	words := "Deleting a key, even from the history, does not undo the leak."
	sandbox := 0
	for _, f := range list {
		if f.Environment == finding.Sandbox {
			sandbox++
		}
	}
	if sandbox > 0 {
		words += " " + plural(sandbox, "A sandbox key is", "Sandbox keys are") + " less urgent, but replace " + plural(sandbox, "it", "them") + " too."
	}
	return words
}

// usable returns the counted keys that may work.
func (p *phrases) usable() []*finding.Finding {
	return slices.DeleteFunc(slices.Clone(p.counted), func(f *finding.Finding) bool { return !usable(f) })
}

// maxIssuers is how many issuers have their words listed without Verbose.
const maxIssuers = 4

// issuerAdvice is what is to be known of replacing the keys of one issuer.
type issuerAdvice struct{ name, advice string }

// issuerWords returns the advice of the rules of list, the worst key's first,
// and how many more there are.
func (p *phrases) issuerWords(list []*finding.Finding) (words []issuerAdvice, more int) {
	seen := map[string]bool{}
	for _, f := range list {
		rule := ruleOf(f, p.opts)
		if rule == nil || rule.Advice == "" || seen[rule.ID] {
			continue
		}
		seen[rule.ID] = true
		if len(words) == maxIssuers && !p.opts.Verbose {
			more++
			continue
		}
		name := "Issuer unknown"
		switch {
		case hasIssuer(f):
			name = p.opts.issuerName(f.Issuer)
		case f.Issuer == finding.IssuerAmbiguous:
			name = "Issuer ambiguous"
		}
		words = append(words, issuerAdvice{p.quote(name), p.quoteWords(rule.Advice)})
	}
	return words, more
}

// nextSteps returns the commands that help most now: one for the keys, one for
// what was not read.
func (p *phrases) nextSteps() []Step {
	if p.opts.Next != nil || len(p.res.Targets) == 0 {
		return p.opts.Next
	}
	var steps []Step
	add := func(step Step) {
		if beside := quote.Beside(p.opts.System, p.unquotable...); beside != "" {
			step.Why = strings.TrimSuffix(step.Why, ".") + "; " + beside + "."
		}
		p.unquotable = nil
		steps = append(steps, step)
	}
	if len(p.counted) > 0 {
		add(p.stepForKey(p.counted[0]))
	}
	add(p.stepForSkipped())
	if len(p.counted) == 0 && p.res.Complete() {
		add(p.stepForNone())
	}
	return slices.DeleteFunc(steps, func(s Step) bool { return s.Command == "" })
}

// stepForNone looks further, where nothing was found.
func (p *phrases) stepForNone() Step {
	for _, target := range p.res.Targets {
		if target.Kind == finding.TargetRepository && target.Tree && !target.History {
			return Step{p.scan("--history", target.Name), "also scans the history, which keeps what was removed from the files."}
		}
	}
	if p.res.Below > 0 {
		return Step{p.scan("--min-confidence low"), "also lists what looks less like a key."}
	}
	return Step{}
}

func (p *phrases) stepForKey(f *finding.Finding) Step {
	if p.isRemote(f.Listed) {
		return Step{}
	}
	if f.FirstSeen.Commit != "" {
		for _, o := range f.Listed {
			if o.Object != "" || o.Commit != "" {
				return Step{p.git(o) + " show " + short(f.FirstSeen.Commit),
					fmt.Sprintf("shows the commit that added key %d, and the key itself.", 1+slices.Index(p.listed, f))}
			}
		}
	}
	if len(f.Listed) > 0 && f.Listed[0].Object != "" {
		o := f.Listed[0]
		return Step{p.git(o) + " cat-file -p " + short(o.Object),
			fmt.Sprintf("shows the object that holds key %d, and the key itself.", 1+slices.Index(p.listed, f))}
	}
	for _, target := range p.res.Targets {
		if target.Kind == finding.TargetRepository && !target.History {
			return Step{p.scan("--history", target.Name), "scans the history, which keeps keys that were deleted from the files."}
		}
	}
	if p.onlyStdin() {
		return Step{}
	}
	if len(f.Listed) > 0 && f.Listed[0].Transcript != nil {
		return Step{p.opts.Program + " scan --agents", "checks again, once the files are deleted."}
	}
	return Step{p.scan(""), "checks again, once the " + plural(len(p.counted), "key is", "keys are") + " out of the files."}
}

// stepForSkipped answers what made the scan incomplete, the easiest first.
func (p *phrases) stepForSkipped() Step {
	if p.res.Complete() {
		return Step{}
	}
	for _, step := range stepsForSkipped {
		i := slices.IndexFunc(p.res.Skipped, func(s finding.Skipped) bool { return s.Reason == step.reason })
		switch {
		case i < 0 || step.git != "" && p.lacksRemotely(p.res.Skipped[i]):
		case step.git != "":
			return Step{p.git(p.lacking(p.res.Skipped[i])) + " " + step.git, step.why}
		default:
			return Step{p.scan(""), step.why}
		}
	}
	return Step{p.scan("-v"), "names everything that could not be read."}
}

// isRemote reports whether an occurrence of list is in a repository that is not on
// this disk, where git could show it.
func (p *phrases) isRemote(list []finding.Occurrence) bool {
	return slices.ContainsFunc(list, func(o finding.Occurrence) bool {
		return slices.ContainsFunc(p.res.Targets, func(t finding.Target) bool { return t.Remote && t.Name == o.Target })
	})
}

// lacksRemotely reports whether s is missing from a repository that is not on this
// disk.
func (p *phrases) lacksRemotely(s finding.Skipped) bool {
	return p.isRemote([]finding.Occurrence{p.lacking(s)})
}

// lacking returns an occurrence in the repository that lacks s.
func (p *phrases) lacking(s finding.Skipped) finding.Occurrence {
	if s.Target == "" {
		for _, target := range p.res.Targets {
			if target.Kind == finding.TargetRepository {
				return finding.Occurrence{Target: target.Name}
			}
		}
	}
	return finding.Occurrence{Target: s.Target, Folder: s.Folder}
}

// stepsForSkipped answer reasons with a git command or another scan.
var stepsForSkipped = []struct {
	reason   finding.Reason
	git, why string
}{
	{finding.ReasonInterrupted, "", "scans again, to the end."},
	{finding.ReasonNotFetched, "", "tries again."},
	{finding.ReasonShallow, "fetch --unshallow", "gets the older history (in a GitHub workflow: fetch-depth: 0); then scan again."},
	{finding.ReasonPromisor, "fetch --refetch --no-filter", "gets the objects left on the server; then scan again."},
	{finding.ReasonMissing, "fsck --full", "says what is broken; a fresh clone may be whole."},
	{finding.ReasonDamaged, "fsck --full", "says what is broken; a fresh clone may be whole."},
	{finding.ReasonChanged, "", "scans again, while nothing writes there."},
}

// scan returns our own command for targets, or for those of the result.
func (p *phrases) scan(flags string, targets ...string) string {
	words := []string{p.opts.Program, "scan"}
	if flags != "" {
		words = append(words, flags)
	}
	if targets == nil {
		for _, target := range p.res.Targets {
			targets = append(targets, target.Name)
		}
	}
	for _, name := range targets {
		if name != "-" && strings.HasPrefix(name, "-") {
			name = "./" + name // no option
		}
		words = append(words, p.word(name))
	}
	return strings.Join(words, " ")
}

// word returns a name as a word of a command. What cannot be one, nextSteps says
// beside it.
func (p *phrases) word(name string) string {
	word, ok := quote.Word(p.opts.System, name)
	if !ok {
		p.unquotable = append(p.unquotable, name)
	}
	return word
}

// git returns the start of a git command in the repository of o. In a bare one, git
// refuses -C under safe.bareRepository=explicit, git 3.0's default.
func (p *phrases) git(o finding.Occurrence) string {
	repository := p.folder(o)
	isBare := slices.ContainsFunc(p.res.Targets, func(t finding.Target) bool { return t.Name == o.Target && slices.Contains(t.Bare, o.Folder) })
	switch {
	case isBare:
		return "git --git-dir " + p.word(cmp.Or(repository, "."))
	case repository == "." || repository == "":
		return "git"
	}
	return "git -C " + p.word(repository)
}
