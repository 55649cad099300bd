package report

import (
	"fmt"
	"strings"

	"keysweep/finding"
	"keysweep/quote"
)

// maxRepositories is how many repositories with keys, or not wholly scanned, are named
// without Verbose. The clean ones are then only counted.
const maxRepositories = 50

// repositoryWords says how a repository fared: clean, or its keys, and whether it is
// incomplete or failed, with the reason.
func (p *phrases) repositoryWords(r finding.Repository) string {
	var list []string
	if r.Keys > 0 {
		list = append(list, count(int64(r.Keys), "key", "keys"))
	}
	switch {
	case r.Failed != "":
		list = append(list, "failed: "+p.quoteWords(r.Failed))
	case !r.Complete:
		list = append(list, "incomplete")
	case r.Keys == 0:
		list = append(list, "clean")
	}
	return strings.Join(list, ", ")
}

// repositoryCount counts all repositories: clean, with keys, incomplete, failed. The last
// two may have keys, too.
func (p *phrases) repositoryCount() string {
	var clean, keys, incomplete, failed int
	for _, r := range p.res.Repositories {
		if r.Keys > 0 {
			keys++
		}
		switch {
		case r.Failed != "":
			failed++
		case !r.Complete:
			incomplete++
		case r.Keys == 0:
			clean++
		}
	}
	words := fmt.Sprintf("%s: %d clean", count(int64(len(p.res.Repositories)), "repository", "repositories"), clean)
	for _, c := range []struct {
		n    int
		word string
	}{{keys, "with keys"}, {incomplete, "incomplete"}, {failed, "failed"}} {
		if c.n > 0 {
			words += fmt.Sprintf(", %d %s", c.n, c.word)
		}
	}
	return words
}

// notClean returns the repositories that are named, and how many others are not clean.
func (p *phrases) notClean() (list []finding.Repository, more int) {
	for _, r := range p.res.Repositories {
		switch isClean := r.Keys == 0 && r.Complete; {
		case p.opts.Verbose, !isClean && len(list) < maxRepositories:
			list = append(list, r)
		case !isClean:
			more++
		}
	}
	return list, more
}

// repositories writes a line for each repository.
func (t *textReport) repositories() {
	if len(t.res.Repositories) == 0 {
		return
	}
	t.label("Scanned", labelWidth, t.repositoryCount())
	list, more := t.notClean()
	for _, r := range list {
		t.row(plain, "", labelWidth+2, dim, t.quoteDetail(r.Name)+": "+t.repositoryWords(r))
	}
	if more > 0 {
		t.row(plain, "", labelWidth+2, dim, fmt.Sprintf("+ %s more (-v lists them)", number(int64(more))))
	}
}

// repositories has a row for each repository that is not clean.
func (m *markdown) repositories() section {
	s := section{one: "repository", many: "repositories"}
	if len(m.res.Repositories) == 0 {
		return s
	}
	span := m.span
	defer func() { m.span = span }()
	m.span = func(s string) string { return code(s, true) }
	s.before = "\n### " + m.repositoryCount() + "\n"
	list, more := m.notClean()
	if len(list) > 0 {
		s.before += "\n| Repository | Result |\n|---|---|\n"
	}
	for _, r := range list {
		s.items = append(s.items, fmt.Sprintf("| %s | %s |\n", code(m.display(m.Text(r.Name)), true), m.repositoryWords(r)))
	}
	if more > 0 {
		s.after = fmt.Sprintf("\nAnd %s more.\n", number(int64(more)))
	}
	return s
}

// repositories has the table of all repositories.
func (h *htmlReport) repositories() {
	if len(h.res.Repositories) == 0 {
		return
	}
	h.raw("<section id=\"repositories\">\n<h2>").text(h.repositoryCount()).raw("</h2>\n<table>\n<thead><tr><th scope=\"col\">Repository</th><th scope=\"col\">Result</th></tr></thead>\n<tbody>\n")
	for _, r := range h.res.Repositories {
		h.raw("<tr><td>").text(h.quoteDetail(r.Name)).raw("</td><td>").text(h.repositoryWords(r)).raw("</td></tr>\n")
	}
	h.raw("</tbody>\n</table>\n</section>\n")
}

// repositories are those of scan.
func (r recorder) repositories(list []finding.Repository) (out []object) {
	for _, repo := range list {
		out = append(out, object{{"name", text(repo.Name)}, {"keys", repo.Keys}, {"complete", repo.Complete}, {"failed", absent(quote.Words(repo.Failed))}})
	}
	return out
}
