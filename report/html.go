package report

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"

	"keysweep/finding"
	"keysweep/quote"
)

// HTML is one file to hand over: the verdict, the keys, what was read and what was
// not, the remedy. It needs no script; its own one adds search, filters and marks.
// It loads nothing, and its policy allows no more than its own style and script.
//
// Keys are redacted whatever Options say: the file travels.

var (
	//go:embed page/page.css
	pageStyle markup
	//go:embed page/page.js
	pageScript markup
)

// titleStart begins the title of each page, by which IsReport knows it. Of the
// verdict, up to maxTitle columns follow.
const titleStart, maxTitle = "keysweep: ", 60

// maxHTMLPlaces is how many places of a key are listed without Verbose.
const maxHTMLPlaces = 50

type htmlReport struct {
	xmlWriter
	span timeSpan
}

func writeHTML(w io.Writer, res *finding.Result, opts Options) error {
	opts.ShowSecrets, opts.Color, opts.ShowSuppressed = false, false, true
	h := &htmlReport{xmlWriter: xmlWriter{newPhrases(res, opts), bufio.NewWriter(w)}}
	h.listed = slices.Clone(h.counted) // then what was accepted
	for _, f := range res.Findings {
		if f.Suppressed != nil {
			h.listed = append(h.listed, f)
		}
	}
	h.span = spanOf(h.listed, res.Started)
	h.head()
	h.keys()
	h.remedy()
	h.repositories()
	h.turnedDown()
	h.coverage()
	h.raw("</main>\n<footer>\n<p>").text(fmt.Sprintf("Exit status %d: %s.", opts.Exit.Status, h.quoteWords(h.exitWords()))).raw("</p>\n<p>")
	h.text("Written by keysweep " + quote.Words(opts.Version) + ". Keys are redacted, dates are in UTC, and the page loads nothing.")
	h.raw("</p>\n</footer>\n<script>").raw(pageScript).raw("</script>\n</body>\n</html>\n")
	return h.w.Flush()
}

// policyOf returns the source of a policy that allows a text (CSP 3, "hash-source").
func policyOf(m markup) string {
	sum := sha256.Sum256([]byte(m))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func (h *htmlReport) head() {
	h.raw(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; base-uri 'none'; form-action 'none'; style-src `)
	h.text(policyOf(pageStyle)).raw("; script-src ").text(policyOf(pageScript))
	h.raw(`">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>`)
	verdict := h.verdictWords()
	title, _, _ := strings.Cut(verdict, ":")
	h.text(titleStart + cutRight(title, maxTitle, false)).raw("</title>\n<style>").raw(pageStyle).raw("</style>\n</head>\n<body>\n<header>\n<p class=\"about\">")
	var names []string
	for _, t := range h.res.Targets {
		names = append(names, h.quote(t.Name))
	}
	h.text("keysweep report on " + strings.Join(names[:min(len(names), maxNumbers)], ", "))
	if more := len(names) - maxNumbers; more > 0 {
		h.text(" and " + number(int64(more)) + " more")
	}
	h.text(", " + moment(h.res.Started)).raw("</p>\n")
	class := map[bool]markup{true: "found", false: "clean"}[len(h.counted) > 0]
	if len(h.counted) == 0 && !h.res.Complete() {
		class = "incomplete"
	}
	h.raw(`<h1 class="`).raw(class).raw(`">`).text(verdict).raw("</h1>\n")
	h.severities()
	h.raw("<nav>")
	if len(h.listed) > 0 {
		h.raw("<a href=\"#keys\">Keys</a> <a href=\"#remedy\">What to do</a> ")
	}
	if len(h.res.Repositories) > 0 {
		h.raw("<a href=\"#repositories\">Repositories</a> ")
	}
	h.raw("<a href=\"#coverage\">What was read</a></nav>\n</header>\n<main>\n")
	if groups := h.skippedGroups(finding.ClassIncomplete); len(groups) > 0 {
		h.raw("<section class=\"warning\">\n<h2>Not read: the scan is incomplete</h2>\n")
		h.notRead(groups)
		h.raw("</section>\n")
	}
}

// severities counts the keys.
func (h *htmlReport) severities() {
	var counts [finding.SeverityCritical + 1]int
	for _, f := range h.counted {
		counts[f.Severity()]++
	}
	h.raw("<ul class=\"counts\">\n")
	for s, n := range slices.Backward(counts[:]) {
		if n > 0 {
			h.raw(`<li class="`).text(finding.Severity(s).String()).raw(`">`).text(number(int64(n)) + " " + finding.Severity(s).String()).raw("</li>\n")
		}
	}
	if n := len(h.listed) - len(h.counted); n > 0 {
		h.raw(`<li class="accepted">`).text(number(int64(n)) + " accepted").raw("</li>\n")
	}
	h.raw(`<li class="read">`).text(size(h.res.Read.Bytes) + " read").raw("</li>\n</ul>\n")
}

// remedy says what to do, once for all keys, and the next commands.
func (h *htmlReport) remedy() {
	words, steps := h.remedyWords(), h.nextSteps()
	if len(words)+len(steps)+len(h.listed) == 0 {
		return
	}
	h.raw("<section id=\"remedy\">\n<h2>What to do</h2>\n")
	if len(words) == 0 && len(h.listed) > 0 {
		h.raw("<p>Nothing: each key is accepted.</p>\n")
	}
	for _, paragraph := range words {
		h.raw("<p>").text(paragraph).raw("</p>\n")
	}
	for _, step := range steps {
		h.raw("<pre><code>").text(h.quoteWords(step.Command)).raw("</code></pre>\n<p>").text(capitalised(h.quoteWords(step.Why))).raw("</p>\n")
	}
	h.raw("</section>\n")
}

// turnedDown lists the candidates that were turned down, if asked for.
func (h *htmlReport) turnedDown() {
	list := h.opts.rejected(h.res)
	if len(list) == 0 {
		return
	}
	h.raw("<section>\n<h2>Rejected, not counted</h2>\n<ul>\n")
	for _, f := range list {
		where := "no place"
		if len(f.Listed) > 0 {
			where = h.where(f.Listed[0])
		}
		h.raw("<li><code>").text(where).raw("</code> <code>").text(quote.Text(h.opts.key(f))).raw("</code> ").text(h.quoteWords(f.RejectedFor)).raw("</li>\n")
	}
	h.raw("</ul>\n</section>\n")
}

// coverage says what was read, and what was left out as it should be.
func (h *htmlReport) coverage() {
	h.raw("<section id=\"coverage\">\n<h2>What was read</h2>\n")
	h.definitions(slices.Concat(h.readFacts(), h.notListed(), h.notes()))
	if groups := h.skippedGroups(finding.ClassNoted); len(groups) > 0 {
		h.raw("<h3>Left out as intended</h3>\n")
		h.notRead(groups)
	} else if h.res.Complete() {
		h.raw("<p>Nothing was skipped.</p>\n")
	}
	h.raw("</section>\n")
}

func (h *htmlReport) notRead(groups []skippedGroup) {
	h.raw("<ul>\n")
	for _, g := range groups {
		h.raw("<li>").text(capitalised(g.words))
		named, more := h.named(g.items)
		if len(named) > 0 {
			h.raw("\n<ul>\n")
			for _, s := range named {
				h.raw("<li><code>").text(h.quoteDetail(s.Detail)).raw("</code>")
				if s.Count > 1 {
					h.text(fmt.Sprintf(" (%s times)", number(s.Count)))
				}
				h.raw("</li>\n")
			}
			if more > 0 {
				h.raw("<li>").text(fmt.Sprintf("+ %s more", number(more))).raw("</li>\n")
			}
			h.raw("</ul>\n")
		}
		h.raw("</li>\n")
	}
	h.raw("</ul>\n")
}

// definitions lists facts; those of one name that follow each other have it once.
func (h *htmlReport) definitions(facts []fact) {
	h.raw("<dl>\n")
	last := ""
	for _, f := range facts {
		if f.name != last {
			h.raw("<dt>").text(f.name).raw("</dt>\n")
		}
		last = f.name
		h.raw("<dd>").text(f.words).raw("</dd>\n")
	}
	h.raw("</dl>\n")
}
