package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"keysweep/finding"
	"keysweep/quote"
)

// Markdown (GitHub's) is for an issue, a comment on a pull request or the
// summary of a job: the verdict as its heading, a table of all keys, the
// details of the first ones, what was not read, and what to do.
//
// Whatever others decide (names, text of messages, reasons) is quoted as in
// text and is in a code span: there, nothing is a link, a mention or HTML.
// See code and markdownText.

// maxMarkdown is the most bytes of a report. GitHub drops the summary of a step
// whole if it is over 1 MiB, and other steps of a job may add to it.
const maxMarkdown = 900_000

// maxMarkdownName is the most bytes of one name or text of others.
const maxMarkdownName = 1000

func writeMarkdown(w io.Writer, res *finding.Result, opts Options) error {
	m := &markdown{phrases: newPhrases(res, opts)}
	m.span = func(s string) string { return code(s, false) }
	sections := []section{m.head(), m.noteList(), m.table(), m.repositories(), m.details(), m.turnedDown(), m.notRead(finding.ClassIncomplete), m.notRead(finding.ClassNoted), m.remedy()}
	room := maxMarkdown
	for _, s := range sections {
		room -= len(s.before) + len(s.after) + maxCutWords
	}
	out := bufio.NewWriter(w)
	for _, s := range sections {
		write := func(text string) { _, _ = out.WriteString(m.Text(text)) } // its first error stays until Flush
		write(s.before)
		share := room * 3 / 4 // so that no section leaves nothing for the next
		for i, item := range s.items {
			if len(item) > share {
				s.after += fmt.Sprintf("\n*Cut here: %s not shown, since the report would be larger than %s. The JSON report has everything.*\n",
					count(len(s.items)-i, s.one+" is", s.many+" are"), size(maxMarkdown))
				break
			}
			share -= len(item)
			room -= len(item)
			write(item)
		}
		write(s.after)
	}
	return out.Flush()
}

// maxCutWords is longer than the sentence on what was cut.
const maxCutWords = 200

// section is a part of the report. What is before and after its items is
// always written; items are cut when the report grows too large.
type section struct {
	before, after string
	items         []string
	one, many     string // what the items are
}

type markdown struct{ *phrases }

func (m *markdown) head() section {
	var out strings.Builder
	verdict := m.verdictWords()
	out.WriteString("## keysweep: " + strings.ToLower(verdict[:1]) + verdict[1:] + "\n\n")
	var parts []string
	var severities [finding.SeverityCritical + 1]int
	for _, f := range m.counted {
		severities[f.Severity()]++
	}
	for s, n := range slices.Backward(severities[:]) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %v", n, finding.Severity(s)))
		}
	}
	if len(parts) > 0 {
		out.WriteString("By severity: " + strings.Join(parts, ", ") + ".\n\n")
	}
	for _, fact := range slices.Concat(m.readFacts(), m.notListed()) {
		out.WriteString("- " + fact.name + ": " + fact.words + "\n")
	}
	return section{before: out.String()}
}

// noteList has what the user must know of the targets.
func (m *markdown) noteList() section {
	s := section{one: "note", many: "notes"}
	for _, note := range m.notes() {
		s.items = append(s.items, "\nNote: "+note.words+"\n")
	}
	return s
}

// table has a row for each key. What does not fit is cut at its end.
func (m *markdown) table() section {
	s := section{one: "key", many: "keys"}
	if len(m.listed) == 0 {
		return s
	}
	s.before = "\n| # | Key | Issuer | Environment | Confidence | Status | First occurrence | First seen | Exposed |\n" +
		"|--:|---|---|---|---|---|---|---|--:|\n"
	for i, f := range m.listed {
		issuer := cmp.Or(f.Issuer, finding.IssuerUnknown)
		if hasIssuer(f) {
			issuer = m.opts.issuerName(issuer)
		}
		where := ""
		if len(f.Listed) > 0 {
			where = linked(m.places(f)[0], true)
			if now := m.presence(f).short; now != "" {
				where += ", " + now
			}
		}
		first, exposed := "", ""
		if f.FirstSeen.Commit != "" {
			first, exposed = day(f.FirstSeen.Date), exposedWords(f)
		}
		status := f.Status.String()
		if f.Suppressed != nil {
			status += ", suppressed"
		}
		s.items = append(s.items, fmt.Sprintf("| %d | %s | %s | %v | %v | %s | %s | %s | %s |\n", i+1,
			code(quote.Text(m.opts.key(f)), true), markdownText(quote.Words(m.Text(issuer))), f.Environment, f.Confidence, status, where, first, exposed))
	}
	return s
}

// details has a list of facts for each of the first keys.
func (m *markdown) details() section {
	s := section{one: "key in detail", many: "keys in detail"}
	if len(m.listed) == 0 {
		return s
	}
	s.before = "\n### Details\n"
	for i, f := range m.listed {
		if i == maxBlocks && !m.opts.Verbose {
			s.after = fmt.Sprintf("\nOnly the first %d keys are shown in detail.\n", maxBlocks)
			break
		}
		var out strings.Builder
		line := func(name, text string) { fmt.Fprintf(&out, "- %s: %s\n", name, text) }
		fmt.Fprintf(&out, "\n**%d** %s, %v severity, id %s\n\n", i+1, code(quote.Text(m.opts.key(f)), false), f.Severity(), f.Secret.ID())
		if words := m.markWords(f); words != "" {
			line("Advice", words)
		}
		m.writePlaces(&out, f)
		for _, fact := range m.facts(f) {
			line(capitalised(fact.name), fact.words)
		}
		s.items = append(s.items, out.String())
	}
	return s
}

func (m *markdown) writePlaces(out *strings.Builder, f *finding.Finding) {
	places := m.places(f)
	limit := m.most(maxPlaces, len(places))
	for _, p := range places[:limit] {
		out.WriteString("- " + linked(p, false))
		if len(p.notes) > 0 {
			out.WriteString(" (" + strings.Join(p.notes, ", ") + ")")
		}
		out.WriteString("\n")
	}
	if more := len(places) - limit; more > 0 {
		fmt.Fprintf(out, "- and %s\n", count(more, "more place", "more places"))
	}
}

// turnedDown lists the candidates that were turned down, if asked for.
func (m *markdown) turnedDown() section {
	s := section{one: "rejected candidate", many: "rejected candidates"}
	list := m.opts.rejected(m.res)
	if len(list) == 0 {
		return s
	}
	s.before = "\n### Rejected, not counted\n\n"
	for _, f := range list {
		where := "no place"
		if len(f.Listed) > 0 {
			where = code(m.where(f.Listed[0]), false)
		}
		line := "- " + where + ", " + code(quote.Text(m.opts.key(f)), false)
		if f.RejectedFor != "" {
			line += ": " + m.quoteWords(f.RejectedFor)
		}
		s.items = append(s.items, line+"\n")
	}
	return s
}

func (m *markdown) notRead(class finding.Class) section {
	s := section{one: "line", many: "lines"}
	groups := m.skippedGroups(class)
	if len(groups) == 0 {
		return s
	}
	s.before = "\n### Left out as intended\n\n"
	if class == finding.ClassIncomplete {
		s.before = "\n### Not read: the scan is incomplete\n\n"
	}
	for _, g := range groups {
		s.items = append(s.items, "- "+markdownText(g.words)+"\n")
		named, more := m.named(g.items)
		for _, item := range named {
			line := "  - " + code(m.display(m.Text(item.Detail)), false)
			if item.Count > 1 {
				line += fmt.Sprintf(" (%s times)", number(item.Count))
			}
			s.items = append(s.items, line+"\n")
		}
		if more > 0 {
			s.items = append(s.items, fmt.Sprintf("  - and %s more\n", number(more)))
		}
	}
	return s
}

func (m *markdown) remedy() section {
	m.span = markdownText // the rules are the user's own
	words := m.remedyWords()
	if len(words) == 0 {
		return section{}
	}
	return section{before: "\n### Remedy\n\n- " + strings.Join(words, "\n- ") + "\n"}
}

// code returns s, which package quote has made one visible line, as a code
// span: a fence longer than any run of backquotes in it, and a space beside a
// backquote at an end, which is not part of the code. In a table a | parts
// cells even in a code span, unless a backslash precedes it. See
// CommonMark, "Code spans", and GitHub Flavored Markdown, "Tables".
func code(s string, inTable bool) string {
	if len(s) > maxMarkdownName {
		s = strings.ToValidUTF8(s[:maxMarkdownName], "") + ellipsis
	}
	if s == "" {
		return ""
	}
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if s[0] == '`' || s[len(s)-1] == '`' || s[0] == ' ' && s[len(s)-1] == ' ' {
		s = " " + s + " "
	}
	if inTable {
		s = strings.ReplaceAll(s, "|", `\|`)
	}
	return fence + s + fence
}

// linked returns the name of a place, and where it leads if that is known.
func linked(p place, inTable bool) string {
	where := code(p.where, inTable)
	if p.link == "" {
		return where
	}
	return "[" + where + "](" + p.link + ")"
}

// markdownText escapes words of rules and of ours, which follow other
// words on their line. A backslash takes the meaning from what is one character
// in Markdown; an empty comment parts what is a mention or a link to GitHub
// only when all markup is done.
func markdownText(s string) string {
	var out strings.Builder
	for i, r := range s {
		switch {
		case strings.ContainsRune("\\`*_{}[]<>#!|~&$", r):
			out.WriteByte('\\')
			out.WriteRune(r)
		case r == '@', r == ':' && strings.HasPrefix(s[i:], "://"), r == '.' && i >= 3 && strings.EqualFold(s[i-3:i], "www"):
			out.WriteRune(r)
			out.WriteString("<!-- -->")
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}
