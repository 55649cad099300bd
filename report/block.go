package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"keysweep/finding"
	"keysweep/quote"
)

// maxPlaces is how many places of a key are listed without Verbose.
const maxPlaces = 3

// maxBlocks is how many keys are told in full without Verbose: nobody reads
// further before the first ones are dealt with. The rest get two lines each.
const maxBlocks = 20

// block writes what is known of one key. A brief one has no more than its
// head and its first place.
func (t *textReport) block(number int, f *finding.Finding, brief bool) {
	head := fmt.Sprintf("%d", number)
	indent := len(head) + 2
	key := f.Redacted()
	if t.opts.ShowSecrets {
		key = f.Secret.Reveal()
	}
	st := bold
	switch f.Severity() {
	case finding.SeverityCritical, finding.SeverityHigh:
		st = boldRed
	case finding.SeverityMedium:
		st = boldYellow
	}
	words := t.keyWords(f) + ", " + confidenceWords(f)
	if now := t.presence(f).short; now != "" {
		words += ", " + now
	}
	live := ""
	if works(f) {
		live = "LIVE  "
	}
	t.row(plain, head, indent, st, live+quote.Text(key)+"  "+words)

	places := t.places(f)
	if len(places) > 0 {
		t.write(strings.Repeat(" ", indent) + places[0].where)
		t.placeNotes(indent, places[0])
	}
	if brief {
		return
	}
	if len(places) > 0 {
		t.excerptOf(indent, f)
	}
	label := func(name, words string) { t.field(indent, name, words) }
	if f.FirstSeen.Commit != "" {
		label("first seen", day(f.FirstSeen.Date)+" in "+short(f.FirstSeen.Commit))
		if f.LastSeen.Commit != "" {
			last := day(f.LastSeen.Date) + " in " + short(f.LastSeen.Commit)
			if f.InHead {
				last += " (HEAD)"
			}
			label("last seen", last)
		}
		if n := days(f.Exposed); n > 0 {
			label("exposed", count(n, "day", "days"))
		} else {
			label("exposed", "less than a day")
		}
	}
	if f.Status != finding.Unchecked || f.StatusReason != "" {
		label("status", t.statusWords(f))
	}
	if s := f.Suppressed; s != nil {
		label("suppressed", t.suppressionWords(s))
	}
	if len(f.IssuerEvidence) > 0 {
		label("evidence", t.quoteWords(strings.Join(f.IssuerEvidence, "; ")))
	}
	if len(f.Encoding) > 0 {
		label("encoded", "as "+t.quoteWords(strings.Join(f.Encoding, ", which holds ")))
	}
	t.otherPlaces(indent, places)
	if words := t.markWords(f); words != "" && !t.opts.Quiet {
		label("advice", words)
	}
}

// markWords says what is special about f, and leaves out what the end of the
// report says of all keys.
func (t *textReport) markWords(f *finding.Finding) string {
	var words []string
	for _, m := range marksOf(f, t.res.Started) {
		if !m.common {
			words = append(words, m.sentence)
		}
	}
	return strings.Join(words, " ")
}

// works reports whether f's issuer says that it is in use.
func works(f *finding.Finding) bool {
	return f.Status == finding.Active || f.Status == finding.Restricted
}

// fieldWidth is the longest label of a block and two spaces.
const fieldWidth = len("first seen") + 2

func (t *textReport) field(indent int, name, words string) {
	t.write(strings.Repeat(" ", indent))
	t.put(dim, name)
	for i, line := range t.wrap(words, indent+fieldWidth) {
		if i == 0 {
			t.write(strings.Repeat(" ", fieldWidth-len(name)))
		} else {
			t.write(strings.Repeat(" ", indent+fieldWidth))
		}
		t.write(line + "\n")
	}
}

// keyWords says what kind of key f is, and whose.
func (t *textReport) keyWords(f *finding.Finding) string {
	kind := "key"
	if f.Environment != finding.EnvironmentUnknown {
		kind = f.Environment.String() + " key"
	}
	switch f.Issuer {
	case finding.IssuerUnknown, "":
		return kind + ", issuer unknown"
	case finding.IssuerAmbiguous:
		return kind + ", issuer ambiguous"
	}
	return t.quote(t.opts.issuerName(f.Issuer)) + " " + kind
}

// issuerName returns the name of the issuer with an id, as its rules spell it.
func (o Options) issuerName(id string) string {
	for _, r := range o.Rules {
		if r.Issuer == id && r.Name != "" && r.Name != id {
			return r.Name
		}
	}
	first, size := utf8.DecodeRuneInString(id)
	return string(unicode.ToUpper(first)) + id[size:]
}

func confidenceWords(f *finding.Finding) string {
	words := f.Confidence.String() + " confidence"
	if f.Typed {
		words += " (looks typed by hand)"
	}
	return words
}

func (t *textReport) statusWords(f *finding.Finding) string {
	words := [...]string{
		finding.Unchecked:   "not checked",
		finding.Unsupported: "there is no way to ask its issuer",
		finding.Unknown:     "could not tell whether it still works",
		finding.Inactive:    "the issuer refused it",
		finding.Restricted:  "it works, with limited rights",
		finding.Active:      "it still works",
	}[f.Status]
	if f.StatusReason != "" {
		words += " (" + t.quoteWords(f.StatusReason) + ")"
	}
	if !f.CheckedAt.IsZero() {
		words += ", checked " + day(f.CheckedAt)
	}
	return words
}

func (t *textReport) suppressionWords(s *finding.Suppression) string {
	words := suppressedBy[s.Kind]
	if s.Reason != "" {
		words += ": " + t.quote(s.Reason)
	}
	if s.Owner != "" {
		words += ", owner " + t.quote(s.Owner)
	}
	if !s.Expires.IsZero() {
		words += ", until " + day(s.Expires)
	}
	return words
}

// excerptOf writes the line of f's first place.
func (t *textReport) excerptOf(indent int, f *finding.Finding) {
	o := f.Occurrences[0]
	e := o.Excerpt
	if e.Key == "" {
		return
	}
	if t.opts.ShowSecrets && len(f.Encoding) == 0 {
		e.Key = f.Secret.Reveal()
	}
	e.Before, e.Key, e.After = t.Text(e.Before), t.Text(e.Key), t.Text(e.After)
	line := o.Line
	if o.Source == finding.SourcePath || o.Source == finding.SourceRef {
		line = 0
	}
	t.excerpt(indent, line, e)
}

// place is where a key stands, for a reader: the same line of a file in the
// working tree, in HEAD and in older versions is one place.
type place struct {
	where string
	file  string // without the line
	link  string // "": none
	notes []string
}

func (t *textReport) places(f *finding.Finding) []place {
	var list []place
	index := map[string]int{}
	for _, o := range f.Occurrences {
		where := t.where(o)
		i, ok := index[where]
		if !ok {
			i = len(list)
			index[where] = i
			list = append(list, place{where: where, file: t.joined(o)})
		}
		if list[i].link == "" {
			list[i].link = t.link(o)
		}
		list[i].notes = append(list[i].notes, t.notesOn(o)...)
	}
	// A reader of three places wants three files, not three lines of one.
	seen := make(map[string]bool)
	var first, rest []place
	for _, p := range list {
		if seen[p.file] {
			rest = append(rest, p)
			continue
		}
		seen[p.file] = true
		first = append(first, p)
	}
	return append(first, rest...)
}

// where names the place of o on one line.
func (t *textReport) where(o finding.Occurrence) string {
	switch o.Source {
	case finding.SourceStdin:
		return fmt.Sprintf("standard input:%d", o.Line)
	case finding.SourceCommit:
		if o.Object == "" {
			return fmt.Sprintf("message of the commit, line %d", o.Line)
		}
		return fmt.Sprintf("text of commit %s, line %d", short(o.Object), o.Line)
	case finding.SourceTag:
		return fmt.Sprintf("text of tag object %s, line %d", short(o.Object), o.Line)
	case finding.SourceRef:
		return "name of the ref " + t.display(t.Text(o.Path))
	case finding.SourcePath:
		return "name of " + t.display(t.joined(o))
	}
	if o.Line == 0 {
		return t.display(t.joined(o))
	}
	return fmt.Sprintf("%s:%d", t.display(t.joined(o)), o.Line)
}

// joined returns the path of o as the user would open it.
func (t *textReport) joined(o finding.Occurrence) string {
	target, path := t.Text(o.Target), t.Path(o.Path)
	switch {
	case path == "" || t.isFile(o.Target):
		return target
	case len(t.res.Targets) == 1 && !t.looked.tree:
		return path // nothing that could be opened, and the repository is known
	case target == "" || target == ".":
		return path
	case strings.HasSuffix(target, "/"):
		return target + path
	}
	return target + "/" + path
}

// isFile reports whether a target is a single file, which is then the path.
func (t *textReport) isFile(name string) bool {
	return slices.ContainsFunc(t.res.Targets, func(f finding.Target) bool {
		return f.Name == name && f.Kind == finding.TargetFile
	})
}

// maxPath is how many columns of a path are shown; the rest of a longer one,
// which only an attack has, is in JSON.
const maxPath = 240

// display quotes a path that is already redacted.
func (t *textReport) display(path string) string {
	path = quote.Text(path)
	if width(path) <= maxPath {
		return path
	}
	return cutRight(path, maxPath*2/3, true) + strings.TrimPrefix(cutLeft(path, maxPath/3, true), ellipsis)
}

// notesOn says what is known of o beyond its place.
func (t *textReport) notesOn(o finding.Occurrence) []string {
	var notes []string
	switch {
	case o.Source == finding.SourceStdin, o.Source == finding.SourceRef, o.Source == finding.SourceCommit && o.Object == "":
		return nil
	case o.Source == finding.SourceIndex, o.Source == finding.SourcePath && t.looked.staged:
		notes = append(notes, "staged")
	case o.Source == finding.SourceWorktree || o.Object == "" && o.Commit == "":
		if !t.looked.repository {
			return nil // a plain folder has nothing else
		}
		return append(notes, "working tree")
	case o.InHead:
		notes = append(notes, "HEAD")
	case o.Source == finding.SourceCommit:
		notes = append(notes, day(o.Date))
	case o.Commit != "":
		notes = append(notes, fmt.Sprintf("added %s in %s", day(o.Date), short(o.Commit)))
	}
	if o.Versions > 1 {
		notes = append(notes, number(int64(o.Versions))+" versions")
	}
	if !o.Reachable && o.Source != finding.SourceIndex && !t.looked.staged {
		notes = append(notes, "no ref reaches it")
	}
	return notes
}

// placeNotes writes the notes on a place behind it, or below it if they do not
// fit. The place itself is never wrapped, so that it can be copied.
func (t *textReport) placeNotes(indent int, p place) {
	notes := strings.Join(p.notes, ", ")
	switch {
	case notes == "":
		t.write("\n")
	case indent+width(p.where)+2+width(notes) <= t.width:
		t.write("  ")
		t.put(dim, notes)
		t.write("\n")
	default:
		t.write("\n")
		t.row(plain, "", indent+2, dim, notes)
	}
}

// otherPlaces lists the places behind the first.
func (t *textReport) otherPlaces(indent int, places []place) {
	limit := maxPlaces
	if t.opts.Verbose {
		limit = len(places)
	}
	for i := 1; i < min(limit, len(places)); i++ {
		name := ""
		if i == 1 {
			name = "also in"
		}
		t.write(strings.Repeat(" ", indent))
		t.put(dim, name)
		t.write(strings.Repeat(" ", fieldWidth-len(name)) + places[i].where)
		t.placeNotes(indent+fieldWidth, places[i])
	}
	if more := len(places) - limit; more > 0 {
		t.write(fmt.Sprintf("%s+ %s more\n", strings.Repeat(" ", indent+fieldWidth), number(int64(more))))
	}
}

// rejected lists the candidates that were turned down, a line or two each.
func (t *textReport) rejected() {
	if !t.opts.ShowRejected || len(t.res.RejectedFindings) == 0 {
		return
	}
	n := len(t.res.RejectedFindings)
	t.write("\n")
	t.row(plain, "", 0, bold, fmt.Sprintf("%s, not counted:", count(n, "rejected candidate", "rejected candidates")))
	for _, f := range t.res.RejectedFindings {
		key := f.Redacted()
		if t.opts.ShowSecrets {
			key = f.Secret.Reveal()
		}
		where := "no place"
		if len(f.Occurrences) > 0 {
			where = t.where(f.Occurrences[0])
		}
		t.write("   " + where + "  " + quote.Text(key) + "\n")
		if f.RejectedFor != "" {
			t.row(plain, "", 6, dim, t.quoteWords(f.RejectedFor))
		}
	}
}
