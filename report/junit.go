package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"keysweep/finding"
	"keysweep/quote"
)

// JUnit's XML, as Jenkins and its kin read it (junit-10.xsd of the xUnit plugin): a test
// for each key, which fails, or is skipped if a person accepted the key; and one that
// everything was read. Keys are redacted whatever Options say.

func writeJUnit(w io.Writer, res *finding.Result, opts Options) error {
	opts.ShowSecrets = false
	x := &xmlWriter{phrases: newPhrases(res, opts), w: bufio.NewWriter(w)}
	failures, skipped := len(x.counted), len(res.Findings)-len(x.counted)
	unread := x.skippedGroups(finding.ClassIncomplete)
	if len(unread) > 0 {
		failures++
	}
	x.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"keysweep\" tests=\"").text(fmt.Sprint(len(res.Findings) + 1))
	x.raw(`" failures="`).text(fmt.Sprint(failures)).raw(`" errors="0" skipped="`).text(fmt.Sprint(skipped))
	x.raw(`" time="`).text(fmt.Sprintf("%.3f", res.Duration.Seconds())).raw(`" timestamp="`).text(gitlabTime(res.Started)).raw("\">\n")
	x.raw("<testcase classname=\"keysweep\" name=\"everything was read\">\n")
	if len(unread) > 0 {
		x.raw(`<failure type="incomplete" message="the scan is incomplete">`)
		for _, g := range unread {
			x.text(g.words + "\n")
			named, _ := x.named(g.items)
			for _, s := range named {
				x.text("  " + x.quoteDetail(s.Detail) + "\n")
			}
		}
		x.raw("</failure>\n")
	}
	x.raw("</testcase>\n")
	for _, f := range res.Findings {
		x.key(f)
	}
	x.raw("</testsuite>\n</testsuites>\n")
	return x.w.Flush()
}

// key writes the test of a key.
func (x *xmlWriter) key(f *finding.Finding) {
	places, where := x.places(f), "no place"
	if len(places) > 0 {
		where = places[0].where
	}
	x.raw(`<testcase classname="keysweep" name="`).text(quote.Text(f.Redacted()) + " " + f.Secret.ID() + " in " + where).raw("\">\n")
	if f.Suppressed != nil {
		x.raw(`<skipped message="`).text("accepted " + x.suppressionWords(f.Suppressed)).raw("\"/>\n</testcase>\n")
		return
	}
	x.raw(`<failure type="`).text(f.Severity().String()).raw(`" message="`).text(capitalised(x.keyWords(f)) + ", " + x.about(f, "")).raw(`">`)
	for _, fact := range x.facts(f) {
		x.text(fact.name + ": " + fact.words + "\n")
	}
	for _, p := range places[:min(len(places), maxHTMLPlaces)] {
		x.text("in " + p.where)
		if len(p.notes) > 0 {
			x.text(" (" + strings.Join(p.notes, ", ") + ")")
		}
		x.raw("\n")
	}
	if marks := remedyOf(f, x.opts, x.res.Started).Marks; len(marks) > 0 {
		x.text(strings.Join(marks, " ") + "\n")
	}
	x.text(firstStep).raw("</failure>\n</testcase>\n")
}
