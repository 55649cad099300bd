package report

import "fmt"

// readFacts says what was read.
func (p *phrases) readFacts() (list []fact) {
	add := func(name, words string) { list = append(list, fact{name, words}) }
	read := p.res.Read
	switch {
	case p.scanned.message:
		add("Scanned", "the commit message")
	case p.scanned.staged:
		add("Staged", fmt.Sprintf("%s (%s)", count(read.Files, "file", "files"), count(read.Blobs, "blob", "blobs")))
	case p.scanned.commits:
		words := fmt.Sprintf("%s, %s", count(read.Commits, "commit", "commits"), count(read.Blobs, "blob", "blobs"))
		if read.Tags > 0 {
			words += ", " + count(read.Tags, "tag", "tags")
		}
		add("Range", words)
	case !p.onlyStdin():
		// 0 means that there was none, a dash that it was not scanned.
		files, history := "– (not scanned)", "– (not scanned)"
		if p.scanned.tree {
			files = number(read.Files)
		}
		if p.scanned.history {
			history = fmt.Sprintf("%s (%s, %s), %s",
				count(read.Objects, "object", "objects"), count(read.Blobs, "blob", "blobs"),
				count(read.Commits, "commit", "commits"), count(read.Refs, "ref", "refs"))
		} else if !p.scanned.repository {
			history = "– (not a git repository)"
		}
		add("Files", files)
		add("History", history)
	}
	add("Read", fmt.Sprintf("%s in %s", size(read.Bytes), elapsed(p.res.Duration)))
	return list
}

// notListed says how many candidates the report leaves out, and which flag
// shows them; and which exceptions are new, or do not work as intended.
func (p *phrases) notListed() (list []fact) {
	add := func(name, words string) { list = append(list, fact{name, words}) }
	if n := p.res.BeforeSince; n > 0 {
		add("Not listed", fmt.Sprintf("%s first seen before %s (--since)", count(n, "key", "keys"), moment(p.res.Since)))
	}
	if n := p.res.Below; n > 0 {
		add("Not listed", fmt.Sprintf("%s below %s confidence (--min-confidence low)", count(n, "candidate", "candidates"), p.opts.MinConfidence))
	}
	if n := p.res.Rejected; n > 0 && !p.opts.ShowRejected && !p.opts.Hook {
		add("Not listed", fmt.Sprintf("%s rejected as placeholders or text (--show-rejected)", count(n, "candidate", "candidates")))
	}
	if len(p.res.Findings) > len(p.counted) {
		words := p.suppressedWords() + "; not counted"
		if !p.opts.ShowSuppressed {
			words += ", not listed (--show-suppressed)"
		}
		add("Suppressed", words)
	}
	list = append(list, p.added()...)
	for _, words := range p.exceptionLines() {
		add("Exceptions", words)
	}
	return list
}

// addedListed is how many exceptions that a commit adds are listed.
const addedListed = 20

// added lists the exceptions that the next commit adds.
func (p *phrases) added() (list []fact) {
	for i, e := range p.res.Added {
		if i == addedListed && !p.opts.Verbose {
			return append(list, fact{"Adds", number(int64(len(p.res.Added)-i+p.res.AddedMore)) + " more (-v lists them)"})
		}
		list = append(list, fact{"Adds", p.exceptionWords(e) + p.grounds(e.Reason, e.Owner, e.Expires)})
	}
	if n := p.res.AddedMore; n > 0 {
		list = append(list, fact{"Adds", number(int64(n)) + " more in the same files"})
	}
	return list
}

// notes says what the user must know of the targets.
func (p *phrases) notes() (list []fact) {
	for _, target := range p.res.Targets {
		for _, note := range target.Notes {
			words := p.quoteWords(note)
			if len(p.res.Targets) > 1 {
				words = p.quote(target.Name) + ": " + words
			}
			list = append(list, fact{"Note", words})
		}
	}
	return list
}
