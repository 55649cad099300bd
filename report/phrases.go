package report

import (
	"fmt"
	"slices"
	"strings"

	"keysweep/finding"
	"keysweep/quote"
)

// phrases says in words what a result holds. All formats for people share them,
// and SARIF and annotations take their messages from them.
type phrases struct {
	*quote.Redactor
	res        *finding.Result
	opts       Options
	scanned    scanned
	counted    []*finding.Finding // not suppressed
	listed     []*finding.Finding // what gets a block
	marks      map[mark][]int     // of markNumbers; nil: not yet known
	unquotable []string           // names in the command that is being made, for quote.Beside
	// span dresses a quoted name or words that others decide.
	span func(string) string
}

func newPhrases(res *finding.Result, opts Options) *phrases {
	p := &phrases{Redactor: opts.redactor(res), res: res, opts: opts, scanned: scannedIn(res), span: func(s string) string { return s }}
	for _, f := range res.Findings {
		if f.Suppressed == nil {
			p.counted = append(p.counted, f)
		}
		if f.Suppressed == nil || opts.ShowSuppressed {
			p.listed = append(p.listed, f)
		}
	}
	return p
}

// quote redacts and quotes a string from the scanned content.
func (p *phrases) quote(s string) string { return p.span(quote.Text(p.Text(s))) }

// quoteWords quotes words that we or our caller wrote, and that may hold a
// name: unlike a name, they stay without quotes where they can.
func (p *phrases) quoteWords(s string) string {
	return p.span(quote.Words(p.Text(s)))
}

// quoteDetail is quote for a string as long as an attack likes.
func (p *phrases) quoteDetail(s string) string { return p.display(p.Text(s)) }

// most returns how many of n are listed: all if the user asked for that.
func (p *phrases) most(limit, n int) int {
	if p.opts.Verbose {
		return n
	}
	return min(limit, n)
}

func (p *phrases) verdictWords() string {
	n, suppressed := len(p.counted), len(p.res.Findings)-len(p.counted)
	interrupted := slices.ContainsFunc(p.res.Skipped, func(s finding.Skipped) bool { return s.Reason == finding.ReasonInterrupted })
	if n > 0 {
		words := p.foundWords()
		switch {
		case interrupted:
			words += "; the scan was stopped early and is incomplete"
		case !p.res.Complete():
			words += "; the scan is incomplete"
		}
		return words + "."
	}
	none := "No keys found"
	switch {
	case p.res.BeforeSince > 0:
		none = "No keys first seen since " + moment(p.res.Since) + " found"
	case p.res.Below > 0:
		none = "No keys " + p.threshold() + " found"
	}
	if suppressed > 0 {
		none += fmt.Sprintf(" except %s accepted", count(suppressed, "that is", "that are"))
	}
	switch {
	case interrupted:
		return none + " before the scan was stopped: it is incomplete."
	case !p.res.Complete():
		return none + " in what could be read: the scan is incomplete."
	}
	if words := p.emptyWords(); words != "" && suppressed == 0 {
		return words
	}
	return none + "."
}

// foundWords says how many keys there are, and what is true of the worst ones.
func (p *phrases) foundWords() string {
	n, worst := len(p.counted), p.counted[0]
	place := p.presence(worst)
	like := 0
	for _, f := range p.counted {
		if f.Environment == worst.Environment && f.Confidence == worst.Confidence && f.Status == worst.Status && p.presence(f) == place {
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
	if word != "" && strings.ContainsRune("aeioAEIO", rune(word[0])) {
		return "an"
	}
	return "a"
}

// emptyWords returns the verdict on a scan that had nothing to read, or "".
func (p *phrases) emptyWords() string {
	read := p.res.Read
	if len(p.res.Targets) == 0 || read.Files > 0 && !p.onlyStdin() || read.Objects > 0 || read.Bytes > 0 {
		return ""
	}
	if len(p.res.Skipped) > 0 {
		return "Nothing to scan: everything was left out (see below)."
	}
	switch {
	case p.scanned.staged:
		return "Nothing is staged: the next commit would add no file."
	case p.scanned.commits:
		return "Nothing to scan: no commit is in the range."
	case len(p.res.Targets) > 1:
		return fmt.Sprintf("Nothing to scan: all %s are empty.", number(int64(len(p.res.Targets))))
	}
	target := p.res.Targets[0]
	name := p.quote(target.Name)
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

func (p *phrases) onlyStdin() bool { return p.scanned.stdin && !p.scanned.tree && !p.scanned.history }

// threshold says in words which keys count.
func (p *phrases) threshold() string {
	switch p.opts.MinConfidence {
	case finding.High:
		return "of high confidence"
	case finding.Low:
		return "of any confidence"
	}
	return "at or above " + p.opts.MinConfidence.String() + " confidence"
}

func (p *phrases) exitWords() string {
	words := p.opts.Exit.Words
	if words == "" {
		words = p.statusReason()
	}
	if n := len(p.res.Findings) - len(p.counted); n > 0 {
		words += "; " + count(n, "key", "keys") + " accepted"
	}
	return words
}

// statusReason works the reason of the status out from the result.
func (p *phrases) statusReason() string {
	keys := count(len(p.counted), "key", "keys") + " " + p.threshold()
	switch p.opts.Exit.Status {
	case 0:
		if len(p.counted) > 0 {
			return keys + ", which do not count"
		}
		if p.res.BeforeSince > 0 {
			return "nothing first seen since " + moment(p.res.Since)
		}
		return "nothing to report"
	case 2:
		return "nothing could be read"
	case 129, 130, 141, 143:
		return "stopped by a signal"
	}
	if !p.res.Complete() {
		if len(p.counted) == 0 {
			return "the scan is incomplete"
		}
		return keys + ", and the scan is incomplete"
	}
	return keys
}

// scanned says what was scanned of at least one target.
type scanned struct {
	tree, history, stdin, repository bool
	staged, commits, message         bool // of the scopes
}

func scannedIn(res *finding.Result) scanned {
	var s scanned
	for _, t := range res.Targets {
		s.stdin = s.stdin || t.Kind == finding.TargetStdin
		s.repository = s.repository || t.Kind == finding.TargetRepository || t.InRepository
		s.tree = s.tree || t.Kind != finding.TargetStdin && t.Tree
		s.history = s.history || t.History
		s.staged = s.staged || t.Scope == finding.ScopeStaged
		s.commits = s.commits || t.Scope == finding.ScopeRange
		s.message = s.message || t.Scope == finding.ScopeMessage
	}
	return s
}
