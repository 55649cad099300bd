package report

import (
	"fmt"
	"io"
	"strings"

	"keysweep/finding"
)

// The text report, from the top: the verdict in one sentence, a block for each
// key, what was read and what was not, what to do, and the reason of the exit
// status. The first and the last line alone give the outcome.

func writeText(w io.Writer, res *finding.Result, opts Options) error {
	t := newTextReport(w, res, opts)
	if (opts.Quiet || opts.Hook && !opts.Verbose) && len(t.counted) == 0 && len(t.listed) == 0 && res.Complete() {
		t.added("keysweep: the commit adds " + count(len(res.Added), "exception", "exceptions") + ":")
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
	return &textReport{newCanvas(w, opts), newPhrases(res, opts)}
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
	t.write("\n")
	if t.coverage() {
		t.write("\n")
	}
	if !t.opts.Quiet && !t.opts.Hook {
		t.advice()
	}
	t.exitStatus(t.exitWords())
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

// added lists the exceptions that the next commit adds, below a heading.
func (t *textReport) added(heading string) {
	if len(t.res.Added) == 0 {
		return
	}
	if heading != "" {
		t.row(plain, "", 0, plain, heading)
	}
	for _, e := range t.res.Added {
		t.label("Adds", labelWidth, t.exceptionWords(e)+t.grounds(e.Reason, e.Owner, e.Expires))
	}
}
