// Package report writes the result of a scan for people (text, Markdown, CSV,
// HTML) and for programs (JSON, JSONL, SARIF, GitLab, JUnit). It knows nothing of how a scan works.
//
// What is said, the phrases, is apart from how a format writes it: phrases.go,
// key.go, place.go, skipped.go, exception.go, advice.go and remedy.go hold words
// that formats share, record.go the records of JSON. Each format has a file of
// its name, but JSONL, which is in json.go.
//
// Keys come out redacted unless Options.ShowSecrets says otherwise, and bytes
// that the scanned content decides are quoted: see package quote.
package report

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"keysweep/finding"
	"keysweep/quote"
	"keysweep/rules"
)

// Format is the form of a report. Each has a line in formats.
type Format uint8

// The formats; docs/report.md describes them.
const (
	Text Format = iota
	JSON
	JSONL
	CSV
	Markdown
	SARIF
	HTML
	GitLab
	JUnit
)

// formats is the one list of formats: a new one is a constant above, a line
// here, and a file.
var formats = [...]struct {
	name       string
	extensions []string
	write      func(io.Writer, *finding.Result, Options) error
}{
	Text:     {"text", []string{".txt"}, writeText},
	JSON:     {"json", []string{".json"}, writeJSON},
	JSONL:    {"jsonl", []string{".jsonl"}, writeJSONL},
	CSV:      {"csv", []string{".csv"}, writeCSV},
	Markdown: {"markdown", []string{".md", ".markdown"}, writeMarkdown},
	SARIF:    {"sarif", []string{".sarif", ".sarif.json"}, writeSARIF},
	HTML:     {"html", []string{".html", ".htm"}, writeHTML},
	GitLab:   {"gitlab", []string{"gl-secret-detection-report.json", ".gitlab.json"}, writeGitLab},
	JUnit:    {"junit", []string{"junit.xml"}, writeJUnit},
}

// String returns the name that ParseFormat reads.
func (f Format) String() string {
	if int(f) >= len(formats) {
		return fmt.Sprintf("Format(%d)", uint8(f))
	}
	return formats[f].name
}

// FormatNames returns the names that ParseFormat reads.
func FormatNames() []string {
	var names []string
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

// Extensions returns the ends of file names that name a format, as .json.
func Extensions() []string {
	var list []string
	for _, f := range formats {
		list = append(list, f.extensions...)
	}
	return list
}

// ParseFormat returns the format called name, or whose files end so: md.
func ParseFormat(name string) (Format, error) {
	for i, f := range formats {
		if f.name == name || slices.Contains(f.extensions, "."+name) {
			return Format(i), nil
		}
	}
	return Text, fmt.Errorf("unknown format %s: it is one of %s", quote.Text(name), strings.Join(FormatNames(), ", "))
}

// FormatOf returns the format that the extension of path asks for, and false
// if it asks for none.
func FormatOf(path string) (Format, bool) {
	name := strings.ToLower(filepath.Base(path))
	for i, f := range slices.Backward(formats[:]) { // .sarif.json is SARIF, not JSON
		if slices.ContainsFunc(f.extensions, func(ext string) bool { return strings.HasSuffix(name, ext) }) {
			return Format(i), true
		}
	}
	return Text, false
}

// Options says what to write. The zero value is a plain text of 80 columns
// with keys redacted.
type Options struct {
	Version, RulesSHA256 string // of the tool, for programs
	// Rules are those of the scan, for the advice of a key's issuer, and for what
	// SARIF says of them. None: the advice that holds for every issuer.
	Rules []*rules.Rule
	// Set finds the keys that are hidden in names and texts. Nil: the built-in rules.
	Set *rules.Set
	// WorkDir is the absolute path of the folder that relative targets are
	// below, and places in SARIF. It is not printed. "": not known.
	WorkDir string
	// Program is how the user started us, for commands to copy. "": keysweep.
	Program string
	// System is the GOOS whose shells commands are copied to. "": this one.
	System string

	Color bool // SGR colours, in text
	Width int  // columns of the text. 0: 80
	// Hook writes the text of a git hook, which stops a change before anything is
	// published: no advice, and nothing at all if no key counts and everything
	// was read. Exceptions that a commit adds are always listed.
	Hook bool
	// Quiet leaves out of the text what asks for no action: what was read, what
	// was left out as it should be, notes and advice. With nothing found and
	// nothing missed, the text is empty.
	Quiet bool
	// Verbose lists every place and every skipped item.
	Verbose bool

	ShowRejected   bool // list Result.RejectedFindings
	ShowSuppressed bool // list in text what a person accepted; JSON always does
	ShowSecrets    bool // print keys whole
	// OmitSuppressed leaves out of SARIF what a person accepted, and says how many:
	// GitHub ignores that a result is suppressed, and opens an alert.
	OmitSuppressed bool

	// MinConfidence is what the scan was asked for. Zero: Medium.
	MinConfidence finding.Confidence
	Exit          ExitReason
	// Links is where the places of Markdown lead. Nil: nowhere.
	Links *Links
	// Next are the commands that the text suggests. Nil: worked out from the
	// result; empty: none.
	Next []Step
}

// ExitReason is the status that the process will end with, and why.
type ExitReason struct {
	Status int
	Words  string // "": worked out from the status and the result
}

// Step is a command to copy, and what it does for the reader.
type Step struct{ Command, Why string }

// Write writes the report on res to w. An error is one of w, which then holds
// part of a report.
func Write(w io.Writer, f Format, res *finding.Result, opts Options) error {
	if int(f) >= len(formats) {
		return fmt.Errorf("no such format: %v", f)
	}
	return formats[f].write(w, res, opts.withDefaults())
}

// redactor returns what hides the keys of res, which may be nil, and others.
func (o Options) redactor(res *finding.Result) *quote.Redactor {
	return quote.NewRedactor(o.Set, res, o.ShowSecrets)
}

// withDefaults replaces zero values by what they mean.
func (o Options) withDefaults() Options {
	o.MinConfidence = cmp.Or(o.MinConfidence, finding.Medium)
	o.Program = cmp.Or(o.Program, "keysweep")
	o.System = cmp.Or(o.System, runtime.GOOS)
	if o.Width <= 0 {
		o.Width = 80
	}
	return o
}
