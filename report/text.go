package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"keysweep/finding"
)

// The text report, from the top: the verdict in one sentence, a block for each
// key, what was read and what was not, what to do, and the reason of the exit
// status. The first and the last line alone give the outcome.

func writeText(w io.Writer, res *finding.Result, opts Options) error {
	t := newTextReport(w, res, opts)
	if (opts.Quiet || opts.Hook && !opts.Verbose) && len(t.counted) == 0 && len(t.listed) == 0 && res.Complete() {
		if n := len(res.Added) + res.AddedMore; n > 0 {
			t.row(plain, "", 0, plain, "keysweep: the commit adds "+count(n, "exception", "exceptions")+":")
			t.labels(t.added())
		}
		return t.w.Flush()
	}
	t.verdict()
	for i, f := range t.listed {
		brief := i >= maxBlocks && !opts.Verbose
		if brief && i == maxBlocks {
			n := len(t.listed) - maxBlocks
			t.write("\n")
			t.row(plain, "", 0, bold, fmt.Sprintf("%s in brief (-v lists them in full):", count(n, "further key", "further keys")))
		}
		if !brief || i == maxBlocks {
			t.write("\n")
		}
		t.block(i+1, f, brief)
	}
	t.rejected()
	t.closing()
	return t.w.Flush()
}

// Summary writes what the text report says around its findings. It is for
// standard error, when the report itself goes elsewhere.
func Summary(w io.Writer, res *finding.Result, opts Options) error {
	opts = opts.withDefaults()
	t := newTextReport(w, res, opts)
	if opts.Quiet && len(t.counted) == 0 && res.Complete() {
		return nil
	}
	t.verdict()
	t.closing()
	return t.w.Flush()
}

// textReport writes the phrases to a canvas.
type textReport struct {
	*canvas
	*phrases
}

func newTextReport(w io.Writer, res *finding.Result, opts Options) *textReport {
	p := newPhrases(res, opts)
	return &textReport{newCanvas(w, opts, p.Redactor), p}
}

// verdict writes the first line.
func (t *textReport) verdict() {
	st := bold
	switch {
	case len(t.counted) > 0:
		st = boldRed
	case !t.res.Complete():
		st = boldYellow
	}
	t.row(plain, "", 0, st, t.verdictWords())
}

// closing writes what follows the findings.
func (t *textReport) closing() {
	if t.opts.Hook && !t.opts.Verbose {
		t.closingOfHook()
		return
	}
	t.write("\n")
	if t.coverage() {
		t.write("\n")
	}
	if !t.opts.Quiet && !t.opts.Hook {
		t.advice()
	}
	t.exitStatus(t.exitWords())
}

// closingOfHook writes what follows the findings where git goes on to say what was
// stopped: only what the user may have to look at.
func (t *textReport) closingOfHook() {
	facts := slices.Concat(t.sharedMarks(), t.notListed(), t.notes())
	if t.res.Complete() && len(facts) == 0 {
		return
	}
	t.write("\n")
	t.skipped(finding.ClassIncomplete)
	t.labels(facts)
}

// exitStatus writes the last line.
func (t *textReport) exitStatus(words string) {
	st := boldYellow
	switch t.opts.Exit.Status {
	case 0:
		st = plain
	case 1:
		st = red
	}
	t.row(plain, "", 0, st, fmt.Sprintf("exit status %d: %s", t.opts.Exit.Status, t.quoteWords(words)))
}

// advice writes the remedy, once for all keys, and the next command.
func (t *textReport) advice() {
	steps := t.nextSteps()
	remedy := t.remedyWords()
	for _, words := range remedy {
		t.label("Remedy", labelWidth, words)
	}
	label := "Next"
	for _, step := range steps {
		// Never wrapped: a command is there to be copied.
		t.put(dim, label)
		t.write(strings.Repeat(" ", labelWidth-len(label)))
		label = ""
		t.put(bold, t.quoteWords(step.Command))
		t.write("\n")
		t.label("", labelWidth, t.quoteWords(step.Why))
	}
	if len(remedy) > 0 || len(steps) > 0 {
		t.write("\n")
	}
}

// labelWidth is the longest label below the findings and two spaces.
const labelWidth = len("Incomplete") + 2

// coverage writes what was read, what was not, and what is not listed. It
// reports whether it wrote anything.
func (t *textReport) coverage() bool {
	if t.opts.Quiet {
		return t.skipped(finding.ClassIncomplete)
	}
	t.repositories()
	t.labels(t.readFacts())
	incomplete := t.skipped(finding.ClassIncomplete)
	noted := t.skipped(finding.ClassNoted)
	if !incomplete && !noted {
		t.label("Skipped", labelWidth, "nothing")
	}
	t.labels(t.notListed())
	t.labels(t.notes())
	return true
}

// labels writes facts about the whole scan.
func (t *textReport) labels(facts []fact) {
	for _, f := range facts {
		t.label(f.name, labelWidth, f.words)
	}
}

// skipped lists what was not read, of one class. It reports whether there was
// anything.
func (t *textReport) skipped(class finding.Class) bool {
	name, st := "Left out", dim
	if class == finding.ClassIncomplete {
		name, st = "Incomplete", boldYellow
	}
	groups := t.skippedGroups(class)
	for _, g := range groups {
		t.row(st, name, labelWidth, plain, g.words)
		name = ""
		t.details(g.items)
	}
	return len(groups) > 0
}

// details names the items of one reason.
func (t *textReport) details(group []finding.Skipped) {
	named, more := t.named(group)
	for _, s := range named {
		words := t.quoteDetail(s.Detail)
		if s.Count > 1 {
			words += fmt.Sprintf(" (%s times)", number(s.Count))
		}
		t.row(plain, "", labelWidth+2, dim, words)
	}
	if more > 0 {
		t.row(plain, "", labelWidth+2, dim, fmt.Sprintf("+ %s more (-v lists them)", number(more)))
	}
}

// Key writes what the text report says of one key of a result, under a number.
func Key(w io.Writer, res *finding.Result, f *finding.Finding, number int, opts Options) error {
	t := newTextReport(w, res, opts.withDefaults())
	t.block(number, f, false)
	return t.w.Flush()
}
