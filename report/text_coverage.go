package report

import (
	"fmt"

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
	case t.scanned.message:
		t.label("Scanned", labelWidth, "the commit message")
	case t.scanned.staged:
		t.label("Staged", labelWidth, fmt.Sprintf("%s (%s)", count(read.Files, "file", "files"), count(read.Blobs, "blob", "blobs")))
	case t.scanned.commits:
		words := fmt.Sprintf("%s, %s", count(read.Commits, "commit", "commits"), count(read.Blobs, "blob", "blobs"))
		if read.Tags > 0 {
			words += ", " + count(read.Tags, "tag", "tags")
		}
		t.label("Range", labelWidth, words)
	case !t.onlyStdin():
		// 0 means that there was none, a dash that it was not scanned.
		files, history := "– (not scanned)", "– (not scanned)"
		if t.scanned.tree {
			files = number(read.Files)
		}
		if t.scanned.history {
			history = fmt.Sprintf("%s (%s, %s), %s",
				count(read.Objects, "object", "objects"), count(read.Blobs, "blob", "blobs"),
				count(read.Commits, "commit", "commits"), count(read.Refs, "ref", "refs"))
		} else if !t.scanned.repository {
			history = "– (not a git repository)"
		}
		t.label("Files", labelWidth, files)
		t.label("History", labelWidth, history)
	}
	t.label("Read", labelWidth, fmt.Sprintf("%s in %s", size(read.Bytes), elapsed(t.res.Duration)))
	incomplete := t.skipped(finding.ClassIncomplete)
	noted := t.skipped(finding.ClassNoted)
	if !incomplete && !noted {
		t.label("Skipped", labelWidth, "nothing")
	}
	t.notListed()
	t.notes()
	return true
}

// notListed says how many candidates the report leaves out, and which flag
// shows them.
func (t *textReport) notListed() {
	line := func(words string) { t.label("Not listed", labelWidth, words) }
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
		words := t.suppressedWords() + "; not counted"
		if !t.opts.ShowSuppressed {
			words += ", not listed (--show-suppressed)"
		}
		t.label("Suppressed", labelWidth, words)
	}
	t.added("")
	for _, words := range t.exceptionLines() {
		t.label("Exceptions", labelWidth, words)
	}
}

func (t *textReport) notes() {
	for _, target := range t.res.Targets {
		for _, note := range target.Notes {
			words := t.quoteWords(note)
			if len(t.res.Targets) > 1 {
				words = t.quote(target.Name) + ": " + words
			}
			t.label("Note", labelWidth, words)
		}
	}
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
