package report

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"keysweep/finding"
	"keysweep/rules"
)

// keyWords says what kind of key f is, and whose.
func (p *phrases) keyWords(f *finding.Finding) string {
	return kindWords(f, p.quote(p.opts.issuerName(f.Issuer)), ", issuer unknown", ", issuer ambiguous")
}

// kindWords names a key by where it works, after its issuer's name or before
// the words for an issuer that is unknown or ambiguous.
func kindWords(f *finding.Finding, issuer, unknown, ambiguous string) string {
	kind := "key"
	if f.Environment != finding.EnvironmentUnknown {
		kind = f.Environment.String() + " key"
	}
	switch f.Issuer {
	case finding.IssuerUnknown, "":
		return kind + unknown
	case finding.IssuerAmbiguous:
		return kind + ambiguous
	}
	return issuer + " " + kind
}

// issuerName returns the name of the issuer with an id, as its rules spell it.
func (o Options) issuerName(id string) string {
	for _, r := range o.Rules {
		if r.Issuer == id && r.Name != "" && r.Name != id {
			return r.Name
		}
	}
	return capitalised(o.redactor(nil).Text(id)) // a prefix with a capital is none
}

func capitalised(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:]
}

// exposedWords says for how long clones could read f, "" if they could not.
func exposedWords(f *finding.Finding) string { return daysWords(f.Exposed) }

// daysWords says how many days d has, "" if it is zero.
func daysWords(d time.Duration) string {
	switch n := days(d); {
	case n > 0:
		return count(n, "day", "days")
	case d > 0:
		return "less than a day"
	}
	return ""
}

// fact is one labelled statement about a key or a rule.
type fact struct{ name, words string }

// facts returns what is known of f beside its head, its places and its advice.
func (p *phrases) facts(f *finding.Finding) []fact {
	var list []fact
	add := func(name, words string) { list = append(list, fact{name, words}) }
	if f.FirstSeen.Commit != "" {
		first := day(f.FirstSeen.Date) + " in " + p.span(short(f.FirstSeen.Commit))
		if f.FirstSeen.Author != "" {
			first += " by " + p.quoteWords(f.FirstSeen.Author)
		}
		add("first seen", first)
	}
	if f.LastSeen.Commit != "" {
		last := day(f.LastSeen.Date) + " in " + p.span(short(f.LastSeen.Commit))
		if f.InHead == finding.Yes {
			last += " (HEAD)"
		}
		add("last seen", last)
	}
	if f.Removed.Commit != "" && !f.InBranch {
		add("removed", day(f.Removed.Date)+" in "+p.span(short(f.Removed.Commit)))
	}
	if words := exposedWords(f); words != "" && f.FirstSeen.Commit != "" {
		if in := daysWords(f.InFiles()); in != "" && !f.InBranch {
			words += ", in files for " + in
		}
		add("exposed", words)
	}
	if f.Status != finding.Unchecked || f.StatusReason != "" {
		add("status", p.statusWords(f))
	}
	if f.Suppressed != nil {
		add("suppressed", p.suppressionWords(f.Suppressed))
	}
	if len(f.IssuerEvidence) > 0 {
		add("evidence", p.quoteWords(strings.Join(f.IssuerEvidence, "; ")))
	}
	if words := extentWords[f.Extent]; words != "" {
		add("extent", words)
	}
	if len(f.Encoding) > 0 {
		add("encoded", "as "+p.quoteWords(strings.Join(f.Encoding, ", which holds ")))
	}
	return list
}

// extentWords says where the ends of a key are not certain.
var extentWords = [...]string{
	finding.Exact:  "",
	finding.Likely: "likely: where it begins or ends is not certain",
	finding.Cut:    "cut: the text may hold only a part of it",
}

// rejected returns the rejected candidates of res to list.
func (o Options) rejected(res *finding.Result) []*finding.Finding {
	if !o.ShowRejected {
		return nil
	}
	return res.RejectedFindings
}

// key returns f's key as a report shows it.
func (o Options) key(f *finding.Finding) string {
	if o.ShowSecrets {
		return f.Secret.Reveal()
	}
	return f.Redacted()
}

// about says how sure we are of f, what its issuer said and where it is now.
func (p *phrases) about(f *finding.Finding, status string) string {
	words := f.Confidence.String() + " confidence"
	if f.Typed {
		words += " (looks typed by hand)"
	}
	for _, more := range []string{status, p.presence(f).short} {
		if more != "" {
			words += ", " + more
		}
	}
	return words
}

func (p *phrases) statusWords(f *finding.Finding) string {
	words := [...]string{
		finding.Unchecked:   "not checked",
		finding.Unsupported: "its issuer cannot be asked",
		finding.Unknown:     "could not tell whether it still works",
		finding.Inactive:    "the issuer refused it",
		finding.Restricted:  "it works, with limited rights",
		finding.Active:      "it still works",
	}[f.Status]
	if f.StatusReason != "" {
		words += " (" + p.quoteWords(f.StatusReason) + ")"
	}
	if !f.CheckedAt.IsZero() {
		words += ", checked " + day(f.CheckedAt)
	}
	return words
}

// works reports whether f's issuer says that it is in use.
func works(f *finding.Finding) bool {
	return f.Status == finding.Active || f.Status == finding.Restricted
}

func (p *phrases) suppressionWords(s *finding.Suppression) string {
	return suppressedBy[s.Kind] + p.grounds(s.Reason, s.Owner, s.Expires)
}

// grounds returns why, by whom and until when something is accepted, to follow
// its name.
func (p *phrases) grounds(reason, owner string, expires time.Time) (words string) {
	if reason != "" {
		words = ": " + p.quote(reason)
	}
	if owner != "" {
		words += ", owner " + p.quote(owner)
	}
	if !expires.IsZero() {
		words += ", until " + day(expires)
	}
	return words
}

// presence says in words where a key is now, for the verdict and, shorter,
// for the head of its block. It is empty for plain folders and standard input:
// that the key is there goes without saying.
type presence struct{ long, short string }

func (p *phrases) presence(f *finding.Finding) presence {
	var tree, staged, database, beside bool
	reachable := finding.No
	for _, o := range f.Listed {
		switch o.Source {
		case finding.SourceStdin:
		case finding.SourceIndex:
			staged = true
		case finding.SourceWorktree:
			tree = true
		case finding.SourcePath:
			fileOf := o.Object == "" && o.Commit == "" && p.scanned.tree
			staged = staged || p.scanned.staged
			tree = tree || fileOf
			database = database || !fileOf && !p.scanned.staged
		case finding.SourceRef:
			database, reachable = true, finding.Yes
		case finding.SourceMetadata:
			beside = true
		default:
			database = true
		}
		reachable = reachable.Or(o.Reachable)
	}
	committed := f.FirstSeen.Commit != ""
	switch {
	case f.InHead == finding.Yes:
		return presence{"still in HEAD", "still in HEAD"}
	case f.InHead == finding.NotKnown && tree:
		return presence{"in the working tree", "in the working tree"}
	case f.InHead == finding.NotKnown:
		return presence{"in the history, perhaps in HEAD", "perhaps in HEAD"}
	case tree && committed:
		return presence{"in the working tree and in the history, not in HEAD", "not in HEAD"}
	case tree && p.scanned.history && p.inRepository(f):
		return presence{"in the working tree, not committed", "not committed"}
	case tree && p.scanned.repository && p.inRepository(f):
		return presence{"in the working tree", "in the working tree"}
	case p.scanned.message:
		return presence{"in the commit message", ""}
	case staged:
		return presence{"staged for the next commit", "staged"}
	case database && p.scanned.commits && p.opts.Hook:
		return presence{"in the push", "new"}
	case database && p.scanned.commits:
		return presence{"added in the range", "new"}
	case database && (committed || reachable != finding.No):
		return presence{"in the history, not in HEAD", "not in HEAD"}
	case database:
		return presence{"in objects that no ref reaches", "unreachable"}
	case beside && !tree:
		return presence{"in git's own files", "not committed"}
	}
	return presence{}
}

// inRepository reports whether a target that holds f is a repository or in one. Of
// a folder that only has some in it, it is not known which files are theirs.
func (p *phrases) inRepository(f *finding.Finding) bool {
	return slices.ContainsFunc(p.res.Targets, func(t finding.Target) bool {
		return (t.Kind == finding.TargetRepository || t.InRepository) &&
			slices.ContainsFunc(f.Listed, func(o finding.Occurrence) bool { return o.Target == t.Name })
	})
}

// KeyWords says in words what kind of key f is, and whose: Martis production key. set
// has the issuer's name.
func KeyWords(f *finding.Finding, set *rules.Set) string {
	p := newPhrases(&finding.Result{}, Options{Set: set, Rules: set.Rules()})
	return p.keyWords(f)
}
