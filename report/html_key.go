package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"keysweep/finding"
	"keysweep/quote"
)

// keys writes an article for each key.
func (h *htmlReport) keys() {
	if len(h.listed) == 0 {
		return
	}
	h.raw("<section id=\"keys\">\n<h2>Keys</h2>\n")
	if h.span.begin.Before(h.span.end) {
		h.raw(legend)
	}
	for i, f := range h.listed {
		h.key(i+1, f)
	}
	h.raw("</section>\n")
}

// legend explains the timelines.
const legend markup = `<p class="legend" aria-hidden="true">
<span><svg width="16" height="16"><circle class="first" cx="8" cy="8" r="5"/></svg> first seen</span>
<span><svg width="16" height="16"><path class="last" d="M8 2l6 6-6 6-6-6z"/></svg> last seen</span>
<span><svg width="16" height="16"><path class="removed" d="M3 3l10 10M13 3L3 13"/></svg> removed</span>
<span><svg width="16" height="16"><path class="head" d="M4 1l10 7-10 7z"/></svg> still in HEAD</span>
<span><svg width="28" height="16"><rect class="files" x="0" y="4" width="28" height="8" rx="2"/></svg> in files</span>
<span><svg width="28" height="16"><rect class="exposed" x="0" y="6" width="28" height="4" rx="2"/></svg> exposed</span>
</p>
`

// key writes what is known of one key.
func (h *htmlReport) key(n int, f *finding.Finding) {
	label := f.Severity().String()
	if f.Suppressed != nil {
		label = "accepted"
	}
	issuer := cmp.Or(f.Issuer, finding.IssuerUnknown)
	if hasIssuer(f) {
		issuer = quote.Text(h.opts.issuerName(f.Issuer))
	}
	h.raw(`<article class="key `).text(label).raw(`" id="k-`).text(f.Secret.ID()).raw(`" data-severity="`).text(label)
	h.raw(`" data-issuer="`).text(issuer).raw(`" data-state="`).text(cmp.Or(h.presence(f).short, "in files"))
	h.raw(`" data-status="`).text(f.Status.String()).raw("\">\n<h3><span class=\"number\">").text(number(int64(n)))
	h.raw(`</span> <span class="label">`).text(label).raw(`</span> <code class="secret">`).text(quote.Text(h.opts.key(f))).raw("</code> ")
	if works(f) {
		h.raw(`<strong class="live">LIVE</strong> `)
	}
	h.raw(`<span class="kind">`).text(h.keyWords(f) + ", " + h.about(f, "")).raw("</span></h3>\n")
	places := h.places(f)
	if len(places) > 0 {
		h.raw(`<p class="place">`)
		h.place(places[0])
		h.raw("</p>\n")
	}
	if e, line := h.excerptOf(f); e.Key != "" {
		h.excerpt(e, line)
	}
	h.timeline(f)
	h.definitions(append(h.facts(f), fact{"id", f.Secret.ID()}))
	h.otherPlaces(places)
	if words := h.markWords(f); words != "" {
		h.raw(`<p class="advice">`).text(words).raw("</p>\n")
	}
	h.raw("</article>\n")
}

func (h *htmlReport) excerpt(e finding.Excerpt, line int) {
	left, key, right := fit(e, maxProse)
	h.raw(`<pre class="excerpt">`)
	if line > 0 {
		h.raw(`<span class="line">`).text(fmt.Sprint(line)).raw("</span> ")
	}
	h.text(left).raw("<mark>").text(key).raw("</mark>").text(strings.TrimRight(right, " ")).raw("</pre>\n")
}

func (h *htmlReport) place(p place) {
	if p.link != "" {
		h.raw(`<a rel="noreferrer" href="`).text(p.link).raw(`">`)
	}
	h.raw("<code>").text(p.where).raw("</code>")
	if p.link != "" {
		h.raw("</a>")
	}
	if len(p.notes) > 0 {
		h.raw(` <span class="notes">`).text(strings.Join(p.notes, ", ")).raw("</span>")
	}
}

// otherPlaces lists the places after the first.
func (h *htmlReport) otherPlaces(places []place) {
	if len(places) < 2 {
		return
	}
	limit := h.most(maxHTMLPlaces, len(places))
	h.raw("<details><summary>").text(count(len(places)-1, "more place", "more places")).raw("</summary>\n<ul class=\"places\">\n")
	for _, p := range places[1:limit] {
		h.raw("<li>")
		h.place(p)
		h.raw("</li>\n")
	}
	if more := len(places) - limit; more > 0 {
		h.raw("<li>").text("+ " + number(int64(more)) + " more (-v lists them)").raw("</li>\n")
	}
	h.raw("</ul></details>\n")
}

// timeSpan is what all timelines show: from the first sighting of any key until
// the scan.
type timeSpan struct{ begin, end time.Time }

func spanOf(list []*finding.Finding, now time.Time) timeSpan {
	s := timeSpan{now, now}
	for _, f := range list {
		if t := f.FirstSeen.Date; f.FirstSeen.Commit != "" && t.Unix() > 0 && t.Before(s.begin) {
			s.begin = t
		}
	}
	return s
}

// percent returns where t is in s. Committers' clocks may be wrong: never outside.
func (s timeSpan) percent(t time.Time) float64 {
	if t.Before(s.begin) {
		return 0
	}
	return min(100, 100*float64(t.Sub(s.begin))/float64(s.end.Sub(s.begin)))
}

// timeline draws when f was seen, in files and exposed. Its words are among the
// facts.
func (h *htmlReport) timeline(f *finding.Finding) {
	if f.FirstSeen.Commit == "" || !h.span.begin.Before(h.span.end) {
		return
	}
	at := func(t time.Time) string { return fmt.Sprintf("%.2f%%", h.span.percent(t)) }
	bar := func(shape markup, d time.Duration) {
		if d > 0 {
			from, to := h.span.percent(f.FirstSeen.Date), h.span.percent(f.FirstSeen.Date.Add(d))
			h.raw("<rect ").raw(shape).raw(` x="`).text(fmt.Sprintf("%.2f%%", from)).raw(`" width="`).text(fmt.Sprintf("%.2f%%", max(0, to-from))).raw("\"/>\n")
		}
	}
	sign := func(t time.Time, path markup) {
		h.raw(`<svg x="`).text(at(t)).raw(`" y="16" overflow="visible">`).raw(path).raw("</svg>\n")
	}
	h.raw(`<svg class="timeline" role="img" aria-label="`).text(timelineWords(f)).raw("\" width=\"100%\" height=\"46\">\n")
	h.raw("<line class=\"axis\" x1=\"0\" x2=\"100%\" y1=\"16\" y2=\"16\"/>\n")
	for year := h.span.begin.UTC().Year() + 1; year <= h.span.end.UTC().Year(); year++ {
		x := at(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC))
		h.raw(`<line class="axis" x1="`).text(x).raw(`" x2="`).text(x).raw("\" y1=\"12\" y2=\"20\"/>\n")
	}
	bar(`class="exposed" y="14" height="4" rx="2"`, f.Exposed)
	bar(`class="files" y="12" height="8" rx="2"`, f.InFiles())
	h.raw(`<circle class="first" cx="`).text(at(f.FirstSeen.Date)).raw("\" cy=\"16\" r=\"5\"/>\n")
	if f.LastSeen.Commit != "" && f.InHead != finding.Yes {
		sign(f.LastSeen.Date, `<path class="last" d="M0-6L6 0 0 6-6 0z"/>`)
	}
	if f.Removed.Commit != "" && !f.InBranch {
		sign(f.Removed.Date, `<path class="removed" d="M-5-5L5 5M5-5L-5 5"/>`)
	}
	if f.InHead == finding.Yes {
		sign(h.span.end, `<path class="head" d="M0-7L11 0 0 7z"/>`)
	}
	h.raw(`<text x="0" y="42">`).text(day(h.span.begin)).raw(`</text><text x="100%" y="42" text-anchor="end">`).text(day(h.span.end)).raw("</text>\n</svg>\n")
}

// timelineWords says what the timeline of f shows.
func timelineWords(f *finding.Finding) string {
	words := "Timeline: first seen " + day(f.FirstSeen.Date)
	switch {
	case f.InHead == finding.Yes:
		words += ", still in HEAD"
	case f.Removed.Commit != "" && !f.InBranch:
		words += ", removed " + day(f.Removed.Date)
	case f.LastSeen.Commit != "":
		words += ", last seen " + day(f.LastSeen.Date)
	}
	if exposed := exposedWords(f); exposed != "" {
		words += ", exposed " + exposed
	}
	return words
}
