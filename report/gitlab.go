package report

import (
	"cmp"
	"io"
	"strings"
	"time"

	"keysweep/finding"
	"keysweep/quote"
)

// GitLab's secret detection report: JSON by its schema (security-report-schemas),
// one vulnerability for each key. GitLab knows no accepted ones: it would open each, so
// that they are left out, and a message counts them. Keys are redacted whatever
// Options say.

// gitlabVersion is the version of the schema.
const gitlabVersion = "15.2.1"

// Limits of the schema, in characters.
const (
	maxGitLabName     = 255
	maxGitLabSolution = 7000
)

func writeGitLab(w io.Writer, res *finding.Result, opts Options) error {
	opts.ShowSecrets = false
	p := newPhrases(res, opts)
	j := newJSONWriter(w, p.Redactor)
	j.indent = "  "
	j.raw("{")
	j.member("version", gitlabVersion)
	j.member("scan", p.gitlabScan())
	list(j, "vulnerabilities", p.counted, func(f *finding.Finding) any { return p.gitlabVulnerability(f) })
	j.raw("\n}\n")
	return j.flush()
}

func (p *phrases) gitlabScan() object {
	messages := []object{}
	message := func(level, words string) {
		messages = append(messages, object{{"level", level}, {"value", words}})
	}
	for _, g := range p.skippedGroups(finding.ClassIncomplete) {
		message("warn", "Not read: "+g.words)
	}
	if len(p.res.Findings) > len(p.counted) {
		message("info", p.suppressedWords()+"; not in this report")
	}
	for _, note := range p.notes() {
		message("info", note.words)
	}
	status := "success"
	if !p.res.Complete() {
		status = "failure"
	}
	tool := object{{"id", "keysweep"}, {"name", "keysweep"}, {"url", projectURI}, {"vendor", object{{"name", "keysweep"}}}, {"version", cmp.Or(p.opts.Version, "unknown")}}
	return object{
		{"analyzer", tool}, {"scanner", tool}, {"type", "secret_detection"}, {"status", status},
		{"start_time", gitlabTime(p.res.Started)}, {"end_time", gitlabTime(p.res.Started.Add(p.res.Duration))},
		{"messages", messages},
	}
}

// gitlabTime returns t as the schema wants it, in UTC without a zone.
func gitlabTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") }

func (p *phrases) gitlabVulnerability(f *finding.Finding) object {
	words := []string{"Key " + quote.Text(f.Redacted()) + ", " + p.about(f, "") + "."}
	for _, fact := range p.facts(f) {
		words = append(words, capitalised(fact.name)+": "+fact.words+".")
	}
	places := p.places(f)
	for _, place := range places[:min(len(places), maxHTMLPlaces)] {
		words = append(words, "In "+place.where+".")
	}
	todo := remedyOf(f, p.opts, p.res.Started)
	return object{
		{"id", f.Secret.ID()},
		{"name", cutRunes(capitalised(p.keyWords(f)), maxGitLabName)},
		{"description", markdownText(strings.Join(words, "\n- "))}, // GitLab takes it for Markdown
		{"severity", capitalised(f.Severity().String())},
		{"solution", cutRunes(markdownText(strings.Join(append(todo.Marks, todo.Steps...), " ")), maxGitLabSolution)},
		{"identifiers", []object{
			{{"type", "keysweep_rule_id"}, {"name", "keysweep rule " + f.RuleID}, {"value", f.RuleID}},
			{{"type", "cwe"}, {"name", "CWE-798"}, {"value", "798"}, {"url", "https://cwe.mitre.org/data/definitions/798.html"}},
		}},
		{"location", p.gitlabLocation(f)},
	}
}

// gitlabLocation returns the best place of f. The schema wants a commit; what is in
// none has that of GitLab's own analyzer for such files.
func (p *phrases) gitlabLocation(f *finding.Finding) object {
	if len(f.Listed) == 0 {
		return object{{"commit", object{{"sha", "0000000"}}}}
	}
	o := f.Listed[0]
	path := ""
	if o.Source != finding.SourceRef && o.Source != finding.SourceStdin && o.Path != "" {
		path = p.Text(finding.Below(o.Folder, o.Path))
		if name, ok := p.opts.Links.file(o); ok {
			path = p.Text(name)
		}
	}
	line := o.Line
	if o.Inside != nil {
		line = 0
	}
	commit := object{{"sha", cmp.Or(o.Commit, f.FirstSeen.Commit, "0000000")}, given("date", timestamp(o.Date))}
	if f.FirstSeen.Author != "" && o.Commit == f.FirstSeen.Commit {
		commit = append(commit, member{"author", quote.Words(p.Text(f.FirstSeen.Author))})
	}
	return object{given("file", path), given("start_line", line), given("end_line", line), {"commit", commit}}
}

// cutRunes returns s in at most n characters.
func cutRunes(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + ellipsis
	}
	return s
}
