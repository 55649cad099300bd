package report

import (
	"cmp"
	"compress/gzip"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"keysweep/finding"
)

// What GitHub code scanning takes of one file (docs.github.com, "SARIF support
// for code scanning"). What is beyond it we leave out ourselves, the least bad
// first, and say so in a notification; GitHub would do it in silence.
const (
	maxSARIFResults = 5000    // it keeps that many
	maxSARIFText    = 1024    // characters of a description
	maxSARIFSize    = 8 << 20 // bytes of the results, gzipped; 10 MB are taken, and the rest needs room
	maxRelated      = 100     // places of one result that it shows
	// maxRelatedInAll and maxRelatedBytes are ours: further places must not
	// crowd out results. The first is for a file, the second the URIs of one
	// result.
	maxRelatedInAll = 20_000
	maxRelatedBytes = 64 << 10
)

// projectURI and rulesURI are where people read on.
const (
	projectURI = "https://github.com/keysweep/keysweep"
	rulesURI   = projectURI + "/blob/main/docs/rules.md"
	reportURI  = projectURI + "/blob/main/docs/report.md#sarif"
)

// sarifReport holds what the parts of a SARIF file need. Its objects have the
// names of the standard (SARIF 2.1.0, OASIS, errata 01, §3), and no more of their
// members than we fill: what is not there is left out, never -1, null or an
// empty string.
//
// They are not those of github.com/owenrumney/go-sarif/v3: its types have no
// way to leave out byteOffset, charOffset, index, parentIndex, ruleIndex and
// the like, whose zero means something, or two dozen empty arrays a result.
type sarifReport struct {
	*phrases
	bases     sarifBases
	rules     *sarifRules
	notices   sarifNotices
	artifacts sarifArtifacts
	related   int // relatedLocations in all
	cutPlaces int // places left out
	cutIn     int // results with places left out
}

// writeSARIF writes a SARIF 2.1.0 log with one run. Results are encoded one at
// a time. Keys are redacted whatever opts says: the file is made to be uploaded.
func writeSARIF(w io.Writer, res *finding.Result, opts Options) error {
	opts.ShowSecrets, opts.Color = false, false
	s := &sarifReport{phrases: newPhrases(res, opts)}
	// What the file leaves out is known only when it is nearly written.
	s.notices.order = []string{noticeResults, noticePlaces}
	s.bases = newSARIFBases(s.Redactor, res, opts)
	findings := s.kept()
	s.rules = newSARIFRules(s.Redactor, opts, findings)
	s.skipped()

	var packed counter                                    // as uploads are gzipped, and a little more than what a slower compressor makes
	gz, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed) // the level is valid
	j := newJSONWriter(io.MultiWriter(w, gz), s.Redactor)
	j.raw("{\n  \"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\",\n  \"version\": \"2.1.0\",\n  \"runs\": [\n    {")
	j.indent = "      "
	j.member("tool", object{{"driver", s.driver()}})
	j.member("automationDetails", object{{"id", s.category()}})
	j.member("columnKind", "utf16CodeUnits")
	j.member("redactionTokens", []string{ellipsis})
	s.cut(list(j, "results", findings, func(f *finding.Finding) any {
		if packed > maxSARIFSize {
			return nil
		}
		return s.result(f)
	}))
	if s.artifacts.list != nil {
		j.member("artifacts", s.artifacts.list)
	}
	j.member("originalUriBaseIds", s.bases.used())
	j.member("invocations", []object{s.invocation()})
	j.member("properties", s.runProperties())
	j.raw("\n    }\n  ]\n}\n")
	return j.flush()
}

// kept returns the findings to write: those not accepted first, if
// there are too many.
func (s *sarifReport) kept() []*finding.Finding {
	list := s.res.Findings
	if s.opts.OmitSuppressed {
		list = s.counted
	}
	if len(list) <= maxSARIFResults {
		return list
	}
	list = slices.Clone(s.counted)
	for _, f := range s.res.Findings {
		if f.Suppressed != nil {
			list = append(list, f)
		}
	}
	return list[:maxSARIFResults]
}

// counter counts the bytes that are written to it.
type counter int64

func (n *counter) Write(b []byte) (int, error) {
	*n += counter(len(b))
	return len(b), nil
}

func (s *sarifReport) driver() object {
	version := strings.TrimPrefix(s.opts.Version, "v")
	semanticVersion := semantic().FindString(version)
	if semanticVersion == "" {
		version = "0-" + cmp.Or(version, "unknown") // it starts with a number, readers say
	}
	return object{
		{"name", "keysweep"}, {"version", version}, given("semanticVersion", semanticVersion), {"informationUri", projectURI},
		{"rules", s.rules.list}, given("notifications", s.notices.kinds()),
	}
}

var semantic = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?$`) })

// category returns the id of the run. GitHub takes what precedes the last
// slash as the category, and closes the alerts of a category that its next run
// lacks: runs that scanned something else must have another.
func (s *sarifReport) category() string {
	var parts []string
	for _, p := range []struct {
		name    string
		scanned bool
	}{{"tree", s.scanned.tree}, {"history", s.scanned.history}, {"stdin", s.scanned.stdin}, {"staged", s.scanned.staged}, {"range", s.scanned.commits}} {
		if p.scanned {
			parts = append(parts, p.name)
		}
	}
	if parts == nil {
		parts = []string{"nothing"}
	}
	return "keysweep/" + strings.Join(parts, "+") + "/"
}

func (s *sarifReport) invocation() object {
	return object{
		{"executionSuccessful", s.res.Complete()},
		{"exitCode", s.opts.Exit.Status},
		{"exitCodeDescription", sarifText(s.bases.anonymous(s.quoteWords(s.exitWords()))) + "."},
		given("startTimeUtc", timestamp(s.res.Started)),
		given("endTimeUtc", timestamp(s.res.Started.Add(s.res.Duration))),
		given("toolExecutionNotifications", s.notices.list),
	}
}

// runProperties have the names of the JSON report's scan and summary.
func (s *sarifReport) runProperties() object {
	out := object{given("rules_sha256", s.opts.RulesSHA256), {"complete", s.res.Complete()}}
	for _, m := range readCounts(s.res) {
		if m.name != "bytes" {
			out = append(out, given(m.name, m.value))
		}
	}
	return append(out, member{"bytes", s.res.Read.Bytes},
		member{"findings", len(s.res.Findings)}, // also those left out of the file
		member{"suppressed", len(s.res.Findings) - len(s.counted)},
		member{"below", s.res.Below}, member{"rejected", s.res.Rejected})
}

// messageObject returns a message, or a multiformatMessageString.
func messageObject(text string) object { return object{{"text", text}} }

// sarifText makes words fit for a message: not too long, and without what the
// standard gives a meaning in one, embedded links (§3.11.6) and placeholders
// (§3.11.5), which a file's name could hold.
func sarifText(words string) string {
	words = strings.ReplaceAll(words, "](", `]\x28`)
	words = placeholder().ReplaceAllString(words, `\x7b$1}`)
	if utf8.RuneCountInString(words) < maxSARIFText {
		return strings.ToValidUTF8(words, "\ufffd")
	}
	r := []rune(words)
	return string(r[:maxSARIFText-2]) + ellipsis
}

var placeholder = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{([0-9]+)\}`) })

// sarifSeverities says how a result of a severity is shown, and the number by
// which GitHub sorts: above 9 critical, from 7 high, from 4 medium.
var sarifSeverities = [...]struct{ level, number string }{
	finding.SeverityLow:      {"note", "2.0"},
	finding.SeverityMedium:   {"warning", "5.5"},
	finding.SeverityHigh:     {"error", "8.0"},
	finding.SeverityCritical: {"error", "9.5"},
}

// rank is the priority of f from 0 to 100: its severity, then whether it is
// known to work, how sure we are, and whether it is still in HEAD.
func rank(f *finding.Finding) int {
	const perSeverity, working, perConfidence, present = 25, 10, 5, 5
	n := perSeverity * int(f.Severity())
	if works(f) {
		n += working
	}
	n += perConfidence * max(0, int(f.Confidence)-int(finding.Low))
	if f.InHead == finding.Yes {
		n += present
	}
	return n
}
