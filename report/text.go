package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"keysweep/finding"
	"keysweep/quote"
)

// The text report, from the top: the verdict in one sentence, a block for each
// key, what was read and what was not, what to do, and the reason of the exit
// status. Who reads only the first and the last line knows the outcome.

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
			t.row(plain, "", 0, bold, fmt.Sprintf("%s in brief (-v tells all):", count(n, "further key", "further keys")))
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

// textReport holds what the parts of the report need.
type textReport struct {
	*canvas
	*quote.Redactor
	res     *finding.Result
	opts    Options
	looked  looks
	counted []*finding.Finding // not suppressed
	listed  []*finding.Finding // what gets a block
	// span dresses a quoted name or words that others decide; nil: as they are.
	span func(string) string
}

func newTextReport(w io.Writer, res *finding.Result, opts Options) *textReport {
	t := &textReport{canvas: newCanvas(w, opts), Redactor: quote.NewRedactor(res, opts.ShowSecrets), res: res, opts: opts, looked: lookedAt(res)}
	for _, f := range res.Findings {
		if f.Suppressed == nil {
			t.counted = append(t.counted, f)
		}
		if f.Suppressed == nil || opts.ShowSuppressed {
			t.listed = append(t.listed, f)
		}
	}
	return t
}

// quote redacts and quotes a string from the scanned content.
func (t *textReport) quote(s string) string { return t.dress(quote.Text(t.Text(s))) }

func (t *textReport) dress(s string) string {
	if t.span == nil {
		return s
	}
	return t.span(s)
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

func (t *textReport) verdictWords() string {
	n, suppressed := len(t.counted), len(t.res.Findings)-len(t.counted)
	interrupted := slices.ContainsFunc(t.res.Skipped, func(s finding.Skipped) bool { return s.Reason == finding.ReasonInterrupted })
	if n > 0 {
		words := t.foundWords()
		switch {
		case interrupted:
			words += "; the scan was stopped early and is incomplete"
		case !t.res.Complete():
			words += "; the scan is incomplete"
		}
		return words + "."
	}
	none := "No keys found"
	switch {
	case t.res.BeforeSince > 0:
		none = "No keys first seen since " + moment(t.res.Since) + " found"
	case t.res.Below > 0:
		none = "No keys " + t.threshold() + " found"
	}
	if suppressed > 0 {
		none += fmt.Sprintf(" except %s suppressed", count(suppressed, "that is", "that are"))
	}
	switch {
	case interrupted:
		return none + " before the scan was stopped: it is incomplete."
	case !t.res.Complete():
		return none + " in what could be read: the scan is incomplete."
	}
	if words := t.emptyWords(); words != "" && suppressed == 0 {
		return words
	}
	return none + "."
}

// foundWords says how many keys there are, and what is true of the worst ones.
func (t *textReport) foundWords() string {
	n, worst := len(t.counted), t.counted[0]
	place := t.presence(worst)
	like := 0
	for _, f := range t.counted {
		if f.Environment == worst.Environment && f.Confidence == worst.Confidence && f.Status == worst.Status && t.presence(f) == place {
			like++
		}
	}
	adjective := ""
	if works(worst) {
		adjective = "LIVE "
	}
	if worst.Environment != finding.EnvironmentUnknown {
		adjective += worst.Environment.String() + " "
	}
	confidence := fmt.Sprintf("of %s confidence", worst.Confidence)
	found := count(n, "key", "keys") + " found"
	where := ""
	if place.long != "" {
		where = ", " + place.long
	}
	switch {
	case n == 1:
		return fmt.Sprintf("%s, %s %skey %s%s", found, article(adjective), adjective, confidence, where)
	case like == n:
		return fmt.Sprintf("%s, %s %skeys %s%s", found, plural(n-1, "both", "all"), adjective, confidence, where)
	case place.long == "":
		return fmt.Sprintf("%s: %s %s", found, count(like, "is "+article(adjective)+" "+adjective+"key", "are "+adjective+"keys"), confidence)
	}
	return fmt.Sprintf("%s: %s %s %s %s", found, count(like, adjective+"key", adjective+"keys"), confidence, plural(like, "is", "are"), place.long)
}

func article(word string) string {
	if strings.HasPrefix(word, "a") {
		return "an"
	}
	return "a"
}

// emptyWords returns the verdict on a scan that had nothing to read, or "".
func (t *textReport) emptyWords() string {
	read := t.res.Read
	if len(t.res.Targets) == 0 || read.Files > 0 && !t.onlyStdin() || read.Objects > 0 || read.Bytes > 0 {
		return ""
	}
	if len(t.res.Skipped) > 0 {
		return "Nothing to scan: all there is was left out, see below."
	}
	switch {
	case t.looked.staged:
		return "Nothing is staged: the next commit would add no file."
	case t.looked.commits:
		return "Nothing to scan: no commit is in the range."
	case len(t.res.Targets) > 1:
		return fmt.Sprintf("Nothing to scan: all %s are empty.", number(int64(len(t.res.Targets))))
	}
	target := t.res.Targets[0]
	name := t.quote(target.Name)
	switch {
	case target.Kind == finding.TargetStdin:
		return "Nothing to scan: standard input is empty."
	case target.Kind == finding.TargetRepository && !target.Tree:
		return "Nothing to scan: the history of " + name + " is empty."
	case target.Kind == finding.TargetRepository && !target.History:
		return "Nothing to scan: the working tree of " + name + " is empty."
	}
	return fmt.Sprintf("Nothing to scan: the %s %s is empty.", target.Kind, name)
}

func (t *textReport) onlyStdin() bool { return t.looked.stdin && !t.looked.tree && !t.looked.history }

// presence says in words where a key stands now, for the verdict and, shorter,
// for the head of its block. It is empty for plain folders and standard input:
// that the key is there goes without saying.
type presence struct{ long, short string }

func (t *textReport) presence(f *finding.Finding) presence {
	var tree, staged, reachable, database bool
	for _, o := range f.Occurrences {
		switch o.Source {
		case finding.SourceStdin:
		case finding.SourceIndex:
			staged = true
		case finding.SourceWorktree:
			tree = true
		case finding.SourcePath:
			fileOf := o.Object == "" && o.Commit == "" && t.looked.tree
			staged = staged || t.looked.staged
			tree = tree || fileOf
			database = database || !fileOf && !t.looked.staged
		case finding.SourceRef:
			database, reachable = true, true
		default:
			database = true
		}
		reachable = reachable || o.Reachable
	}
	committed := f.FirstSeen.Commit != ""
	switch {
	case f.InHead:
		return presence{"still in HEAD", "still in HEAD"}
	case tree && committed:
		return presence{"in the working tree and in the history, not in HEAD", "not in HEAD"}
	case tree && t.looked.history:
		return presence{"in the working tree, not committed", "not committed"}
	case tree && t.looked.repository:
		return presence{"in the working tree", "in the working tree"}
	case t.looked.message:
		return presence{"in the message of the commit", ""}
	case staged:
		return presence{"staged for the next commit", "staged"}
	case database && t.looked.commits && t.opts.Hook:
		return presence{"in what is pushed", "new"}
	case database && t.looked.commits:
		return presence{"brought in by the range", "new"}
	case database && (committed || reachable):
		return presence{"in the history, not in HEAD", "not in HEAD"}
	case database:
		return presence{"in objects that no ref reaches", "unreachable"}
	}
	return presence{}
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
	st := plain
	switch t.opts.Exit.Status {
	case 0:
	case 1:
		st = red
	default:
		st = boldYellow
	}
	t.row(plain, "", 0, st, fmt.Sprintf("exit status %d: %s", t.opts.Exit.Status, t.quoteWords(t.exitWords())))
}

// quoteWords quotes words that we or our caller wrote, and that may hold a
// name: unlike a name, they stay without quotes where they can.
func (t *textReport) quoteWords(s string) string {
	return t.dress(quote.Words(t.Text(s)))
}

// threshold says in words which keys count.
func (t *textReport) threshold() string {
	switch t.opts.MinConfidence {
	case finding.High:
		return "of high confidence"
	case finding.Low:
		return "of any confidence"
	}
	return "at or above " + t.opts.MinConfidence.String() + " confidence"
}

func (t *textReport) exitWords() string {
	words := t.opts.Exit.Words
	if words == "" {
		words = t.statusReason()
	}
	if n := len(t.res.Findings) - len(t.counted); n > 0 {
		words += "; " + count(n, "key", "keys") + " accepted"
	}
	return words
}

// statusReason works the reason of the status out from the result.
func (t *textReport) statusReason() string {
	keys := count(len(t.counted), "key", "keys") + " " + t.threshold()
	switch t.opts.Exit.Status {
	case 0:
		if len(t.counted) > 0 {
			return keys + ", which do not count"
		}
		if t.res.BeforeSince > 0 {
			return "nothing first seen since " + moment(t.res.Since)
		}
		return "nothing to report"
	case 2:
		return "nothing could be read"
	case 129, 130, 141, 143:
		return "stopped by a signal"
	}
	if !t.res.Complete() {
		if len(t.counted) == 0 {
			return "the scan is incomplete"
		}
		return keys + ", and the scan is incomplete"
	}
	return keys
}
