package report

import (
	"fmt"
	"strings"

	"keysweep/finding"
)

// labelWidth is the longest label below the findings and two spaces.
const labelWidth = len("Incomplete") + 2

// coverage writes what was read, what was not, and what is not listed. It
// reports whether it wrote anything.
func (t *textReport) coverage() bool {
	if t.opts.Quiet {
		return t.skipped(finding.ClassIncomplete)
	}
	read := t.res.Read
	switch {
	case t.looked.message:
		t.label("Looked at", "the message of the commit")
	case t.looked.staged:
		t.label("Staged", fmt.Sprintf("%s (%s)", count(read.Files, "file", "files"), count(read.Blobs, "blob", "blobs")))
	case t.looked.commits:
		words := fmt.Sprintf("%s, %s", count(read.Commits, "commit", "commits"), count(read.Blobs, "blob", "blobs"))
		if read.Tags > 0 {
			words += ", " + count(read.Tags, "tag", "tags")
		}
		t.label("Range", words)
	case !t.onlyStdin():
		// 0 means that there was none, a dash that nobody looked.
		files, history := "– (not looked at)", "– (not looked at)"
		if t.looked.tree {
			files = number(read.Files)
		}
		if t.looked.history {
			history = fmt.Sprintf("%s (%s, %s), %s",
				count(read.Objects, "object", "objects"), count(read.Blobs, "blob", "blobs"),
				count(read.Commits, "commit", "commits"), count(read.Refs, "ref", "refs"))
		} else if !t.looked.repository {
			history = "– (not a git repository)"
		}
		t.label("Files", files)
		t.label("History", history)
	}
	t.label("Read", fmt.Sprintf("%s in %s", size(read.Bytes), elapsed(t.res.Duration)))
	incomplete := t.skipped(finding.ClassIncomplete)
	noted := t.skipped(finding.ClassNoted)
	if !incomplete && !noted {
		t.label("Skipped", "nothing")
	}
	t.notListed()
	t.notes()
	return true
}

func (t *textReport) label(name, words string) {
	t.row(dim, name, labelWidth, plain, words)
}

// notListed says how many candidates the report leaves out, and which flag
// shows them.
func (t *textReport) notListed() {
	name := "Not listed"
	line := func(words string) {
		t.label(name, words)
		name = ""
	}
	if n := t.res.BeforeSince; n > 0 {
		line(fmt.Sprintf("%s first seen before %s (--since)", count(n, "key", "keys"), moment(t.res.Since)))
	}
	if n := t.res.Below; n > 0 {
		line(fmt.Sprintf("%s below %s confidence (--min-confidence low)", count(n, "candidate", "candidates"), t.opts.MinConfidence))
	}
	if n := t.res.Rejected; n > 0 && !t.opts.ShowRejected {
		line(fmt.Sprintf("%s rejected as placeholders or text (--show-rejected)", count(n, "candidate", "candidates")))
	}
	if len(t.res.Findings) > len(t.counted) {
		words := t.suppressedWords() + ": not counted"
		if !t.opts.ShowSuppressed {
			words += ", nor listed (--show-suppressed)"
		}
		t.label("Suppressed", words)
	}
	t.added("")
	name = "Exceptions"
	for _, words := range t.exceptionLines() {
		line(words)
	}
}

func (t *textReport) notes() {
	name := "Note"
	for _, target := range t.res.Targets {
		for _, note := range target.Notes {
			words := t.quoteWords(note)
			if len(t.res.Targets) > 1 {
				words = t.quote(target.Name) + ": " + words
			}
			t.label(name, words)
			name = ""
		}
	}
}

// maxDetails is how many skipped items of a reason are named without Verbose.
const maxDetails = 3

// reasonWords says in words why count things were not read. A %s holds the
// number; a reason without one is a fact about the whole scan.
var reasonWords = map[finding.Reason]struct{ one, many string }{
	finding.ReasonMissing: {"1 missing object: another object names it, and it is not here",
		"%s missing objects: other objects name them, and they are not here"},
	finding.ReasonDamaged: {"1 damaged item: it does not decode, or fails its checksum",
		"%s damaged items: they do not decode, or fail their checksums"},
	finding.ReasonUnreadable: {"1 unreadable item: the system refused to read it",
		"%s unreadable items: the system refused to read them"},
	finding.ReasonTooLarge: {"1 object too large for the memory limit",
		"%s objects too large for the memory limit"},
	finding.ReasonShallow: {"shallow clone: its older history is not here",
		"shallow clone: its older history is not here"},
	finding.ReasonPromisor: {"partial clone: 1 object was left on the server",
		"partial clone: %s objects were left on the server"},
	finding.ReasonChanged: {"1 item changed while it was read",
		"%s items changed while they were read"},
	finding.ReasonUnknownFormat: {"1 item in a format that this version cannot read",
		"%s items in a format that this version cannot read"},
	finding.ReasonInterrupted: {"stopped before the end",
		"stopped before the end"},

	finding.ReasonExcluded: {"1 excluded, as asked", "%s excluded, as asked"},
	finding.ReasonIgnored: {"1 ignored by git (--ignored reads it)",
		"%s ignored by git (--ignored reads them)"},
	finding.ReasonSpecialFile: {"1 FIFO, device or socket", "%s FIFOs, devices or sockets"},
	finding.ReasonSubmoduleAbsent: {"1 submodule that is not checked out (git submodule update --init)",
		"%s submodules that are not checked out (git submodule update --init)"},
	finding.ReasonLFSPointer: {"1 Git LFS file whose content is on a server (git lfs pull)",
		"%s Git LFS files whose content is on a server (git lfs pull)"},
}

// skippedGroup is what was not read for one reason.
type skippedGroup struct {
	words string
	items []finding.Skipped
}

// skippedGroups returns what was not read, of one class, by reason.
func (t *textReport) skippedGroups(class finding.Class) []skippedGroup {
	var groups []skippedGroup
	list := t.res.Skipped
	for len(list) > 0 {
		n := 1
		total := list[0].Count
		for n < len(list) && list[n].Reason == list[0].Reason {
			total += list[n].Count
			n++
		}
		group := list[:n]
		list = list[n:]
		reason := group[0].Reason
		if reason.Class() != class {
			continue
		}
		words := reasonWords[reason].one
		if total != 1 {
			words = strings.Replace(reasonWords[reason].many, "%s", number(total), 1)
		}
		if words == "" {
			words = fmt.Sprintf("%s: %s", number(total), t.quote(string(reason)))
		}
		groups = append(groups, skippedGroup{words, group})
	}
	return groups
}

// skipped lists what was not read, of one class. It reports whether there was
// anything.
func (t *textReport) skipped(class finding.Class) bool {
	name, st := "Left out", dim
	if class == finding.ClassIncomplete {
		name, st = "Incomplete", boldYellow
	}
	groups := t.skippedGroups(class)
	for _, g := range groups {
		t.row(st, name, labelWidth, plain, g.words)
		name = ""
		t.details(g.items)
	}
	return len(groups) > 0
}

// details names the items of one reason.
func (t *textReport) details(group []finding.Skipped) {
	named, more := t.named(group)
	for _, s := range named {
		words := t.quoteDetail(s.Detail)
		if s.Count > 1 {
			words += fmt.Sprintf(" (%s times)", number(s.Count))
		}
		t.row(plain, "", labelWidth+2, dim, words)
	}
	if more > 0 {
		t.row(plain, "", labelWidth+2, dim, fmt.Sprintf("+ %s more (-v lists them)", number(more)))
	}
}

// named returns the items of one reason that are to be named, and how many
// more there are.
func (t *textReport) named(group []finding.Skipped) (list []finding.Skipped, more int64) {
	limit := maxDetails
	switch group[0].Reason {
	case finding.ReasonIgnored, finding.ReasonExcluded:
		limit = 0 // the user knows which
	}
	if t.opts.Verbose {
		limit = len(group)
	}
	for _, s := range group {
		switch {
		case s.Detail == "":
		case len(list) == limit:
			more += s.Count
		default:
			list = append(list, s)
		}
	}
	if len(list) == 0 {
		more = 0
	}
	return list, more
}

// quoteDetail is quote for a string as long as an attack likes.
func (t *textReport) quoteDetail(s string) string { return t.display(t.Text(s)) }
