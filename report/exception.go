package report

import (
	"cmp"
	"fmt"
	"strings"

	"keysweep/finding"
)

// exceptions returns the entries of scan.exceptions.
func (r recorder) exceptions(list []finding.Exception) []object {
	out := make([]object, 0, len(list))
	for _, e := range list {
		out = append(out, object{
			{"kind", e.Kind}, {"file", absent(text(e.File))}, {"line", absent(e.Line)},
			{"entry", e.Entry}, {"problem", e.Problem},
			{"reason", absent(e.Reason)}, {"owner", absent(e.Owner)}, {"expires", timestamp(e.Expires)},
		})
	}
	return out
}

// byKind counts what a person accepted by the kinds of exceptions.
func byKind(list []*finding.Finding) map[string]int64 {
	counts := map[string]int64{"inline": 0, "config": 0, "baseline": 0}
	for _, f := range list {
		if f.Suppressed != nil {
			counts[f.Suppressed.Kind]++
		}
	}
	return counts
}

// suppressedWords says how many findings a person accepted, and by what.
func (p *phrases) suppressedWords() string {
	n := len(p.res.Findings) - len(p.counted)
	var parts []string
	counts := byKind(p.res.Findings)
	for _, kind := range [...]string{"inline", "config", "baseline"} {
		if c := counts[kind]; c > 0 {
			parts = append(parts, number(c)+" "+suppressedBy[kind])
		}
	}
	by := ": " + strings.Join(parts, ", ")
	if len(parts) == 1 {
		_, by, _ = strings.Cut(parts[0], " ")
		by = " " + by
	}
	return count(n, "key", "keys") + " accepted" + by
}

// problemWords says what is the matter with exceptions.
var problemWords = map[finding.ExceptionProblem]struct{ one, many string }{
	finding.ExceptionExpired:   {"1 exception is expired and no longer counts", "%s exceptions are expired and no longer count"},
	finding.ExceptionForeign:   {"1 comment accepts a key for another tool, and does not count (keysweep:allow REASON would, or --accept-foreign-comments)", "%s comments accept keys for other tools, and do not count (keysweep:allow REASON would, or --accept-foreign-comments)"},
	finding.ExceptionLive:      {"1 accepted key still works and cannot be accepted", "%s accepted keys still work and cannot be accepted"},
	finding.ExceptionNoReason:  {"1 keysweep:allow has no reason and does not count", "%s keysweep:allow have no reason and do not count"},
	finding.ExceptionUntrusted: {"1 keysweep:allow is not trusted here: it is not in the version whose exceptions count", "%s keysweep:allow are not trusted here: they are not in the version whose exceptions count"},
	finding.ExceptionUnused:    {"1 exception is unused: no key matches", "%s exceptions are unused: no key matches"},
}

// exceptionLines says, in a line for each problem, which exceptions do not do
// what they should.
func (p *phrases) exceptionLines() (lines []string) {
	for _, list := range runs(p.res.Exceptions, func(e finding.Exception) finding.ExceptionProblem { return e.Problem }) {
		n := len(list)
		words := problemWords[list[0].Problem].one
		if n > 1 {
			words = strings.Replace(problemWords[list[0].Problem].many, "%s", number(int64(n)), 1)
		}
		limit := p.most(maxDetails, n)
		var which []string
		for _, e := range list[:limit] {
			which = append(which, p.exceptionWords(e))
		}
		words += ": " + strings.Join(which, ", ")
		if n > limit {
			words += fmt.Sprintf(" + %s more (-v lists them)", number(int64(n-limit)))
		}
		lines = append(lines, words)
	}
	return lines
}

// exceptionWords names an exception: where it is and what it accepts.
func (p *phrases) exceptionWords(e finding.Exception) string {
	where := ""
	if e.File != "" {
		where = p.quote(e.File)
		if e.Line > 0 {
			where = p.quote(fmt.Sprintf("%s:%d", e.File, e.Line))
		}
	}
	if e.Kind == "inline" && where == "" && e.Line > 0 {
		where = fmt.Sprintf("commit message, line %d", e.Line)
	}
	what := p.quote(e.Entry)
	if e.Kind == "inline" && where != "" {
		what = ""
	}
	if !e.Expires.IsZero() && e.Problem == finding.ExceptionExpired {
		what += " until " + day(e.Expires)
	}
	if where == "" || what == "" {
		return cmp.Or(where, what)
	}
	return where + " (" + what + ")"
}
