package report

import (
	"fmt"
	"slices"
	"strings"

	"keysweep/finding"
)

// Notifications say what the results do not: what was not read, and what this
// file leaves out.

// The kinds of notifications beside the reasons of package finding.
const (
	noticeNote    = "note"
	noticeResults = "results-left-out"
	noticePlaces  = "places-left-out"
)

// sarifNotices collects notifications and their kinds.
type sarifNotices struct {
	list  []object
	order []string // ids of kinds
}

func (n *sarifNotices) add(kind, text string) {
	n.list = append(n.list, object{
		{"descriptor", object{{"id", kind}, {"index", n.kind(kind)}}}, {"level", noticeKindOf(kind).level}, {"message", messageObject(text)},
	})
}

// kind returns the index of a kind.
func (n *sarifNotices) kind(id string) int {
	i := slices.Index(n.order, id)
	if i < 0 {
		i = len(n.order)
		n.order = append(n.order, id)
	}
	return i
}

// kinds returns the descriptors of the notifications.
func (n *sarifNotices) kinds() []object {
	var list []object
	for _, id := range n.order {
		words := noticeKindOf(id)
		list = append(list, descriptor(id, nameOf(id, "Notice"), words.what, words.what, messageObject(words.help), reportURI, words.level))
	}
	return list
}

type noticeKind struct{ level, what, help string }

func noticeKindOf(id string) noticeKind {
	if kind, ok := noticeWords[id]; ok {
		return kind
	}
	return noticeKind{"error", "Something was not read: " + id + ".", "See the message."}
}

// noticeWords says what each kind means, and what to do. Its level is error for
// what should have been read, warning for what is known to be elsewhere and for
// what the file leaves out, and note for what need not be read.
var noticeWords = map[string]noticeKind{
	string(finding.ReasonMissing):       {"error", "An object that another object names is not in the repository.", "Scan a fresh clone; git fsck --full says what is broken."},
	string(finding.ReasonDamaged):       {"error", "Something does not decode, or fails its checksum.", "Scan a fresh clone; git fsck --full says what is broken."},
	string(finding.ReasonUnreadable):    {"error", "The system refused to read something.", "Give the user that scans the right to read it, or exclude it."},
	string(finding.ReasonTooLarge):      {"warning", "An object or archive is over a limit.", "Raise the limit with --max-object or --max-unpacked; unpack an archive that holds far more than its size, and scan the folder."},
	string(finding.ReasonShallow):       {"warning", "The clone is shallow: its older history is not here.", "Run git fetch --unshallow, or set fetch-depth: 0 in a GitHub workflow, and scan again."},
	string(finding.ReasonPromisor):      {"warning", "The clone is partial: some objects were left on the server.", "Run git fetch --refetch --no-filter, and scan again."},
	string(finding.ReasonChanged):       {"error", "Something changed while it was read.", "Scan again while nothing writes there."},
	string(finding.ReasonUnknownFormat): {"error", "Something has a format that this version cannot read.", "Use a newer version."},
	string(finding.ReasonCloudFile):     {"error", "A file is in the cloud, not on this disk.", "Use --fetch-cloud-files to download it, or exclude it."},
	string(finding.ReasonReaderFailed):  {"error", "What opens an archive or a compressed file failed.", "Unpack it and scan the folder; please report the failure."},
	string(finding.ReasonNotFetched):    {"error", "A repository could not be fetched, or not to its end.", "See the message, and scan again."},
	string(finding.ReasonInterrupted):   {"error", "The scan was stopped before its end.", "Scan again, with more time."},

	string(finding.ReasonExcluded):        {"note", "Something was excluded, as asked.", "Nothing needs to be done."},
	string(finding.ReasonIgnored):         {"note", "Files that git ignores were not read.", "Use --ignored to read them, too."},
	string(finding.ReasonSpecialFile):     {"note", "A FIFO, device or socket was not opened.", "Nothing needs to be done."},
	string(finding.ReasonSubmoduleAbsent): {"note", "A submodule is not checked out.", "Run git submodule update --init, and scan again."},
	string(finding.ReasonLFSPointer):      {"note", "The content of a Git LFS file is not here.", "Run git lfs fetch --all, and scan again."},

	string(finding.ReasonAnnexAbsent):   {"note", "The content of a file that git-annex keeps is not here.", "Run git annex get, and scan again."},
	string(finding.ReasonSpareCopy):     {"note", "A copy of an object cannot be read; the object was read from a pack.", "Nothing needs to be done; git gc removes it."},
	string(finding.ReasonExtension):     {"note", "A repository has an extension that changes neither objects nor refs.", "Nothing needs to be done."},
	string(finding.ReasonUnopened):      {"note", "An archive is too large for a hook.", "Run keysweep scan on it."},
	string(finding.ReasonEncrypted):     {"note", "An encrypted file was not read.", "Decrypt it and scan what comes of it."},
	string(finding.ReasonDamagedMember): {"note", "A file in an archive is damaged: what it yields was scanned.", "Check the archive."},
	string(finding.ReasonNoHistory):     {"note", "The objects of a pack or bundle of git were scanned without commits and paths.", "Run git clone FILE.bundle, or put a pack into a repository with git unpack-objects, and scan the repository."},
	string(finding.ReasonFormat):        {"note", "A file has a format that is not opened: only its bytes as they are were scanned.", "Unpack it and scan the folder."},

	noticeNote:    {"note", "Something about the scan that a reader should know.", "Read the message."},
	noticeResults: {"warning", "Results were left out of this file, since code scanning takes no more.", "See them all in the JSON report; scan parts of the tree into files of their own, with a category each."},
	noticePlaces:  {"warning", "Some further places of keys were left out of this file.", "See them all in the JSON report."},
}

// maxNotices is how many items of one reason get a notification each.
const maxNotices = 100

// skipped reports what was not read, and what the targets' notes say.
func (s *sarifReport) skipped() {
	for _, group := range runs(s.res.Skipped, func(k finding.Skipped) finding.Reason { return k.Reason }) {
		id := string(group[0].Reason)
		add := func(count int64, more string) {
			words := reasonText(group[0].Reason, count)
			s.notices.add(id, sarifText(capitalised(words)+more)+".")
		}
		var more int64
		for i, k := range group {
			switch {
			case i >= maxNotices:
				more += k.Count
			case k.Detail == "":
				add(k.Count, "")
			default:
				add(k.Count, ": "+s.bases.anonymous(s.quoteDetail(k.Detail)))
			}
		}
		if more > 0 {
			add(more, " (not listed one by one)")
		}
	}
	if n := len(s.res.Findings) - len(s.counted); s.opts.OmitSuppressed && n > 0 {
		s.notices.add(noticeNote, count(n, "accepted key is", "accepted keys are")+" left out of this file: GitHub would open an alert for each.")
	}
	for _, words := range s.exceptionLines() {
		s.notices.add(noticeNote, sarifText(s.bases.anonymous(words))+".")
	}
	for i, t := range s.res.Targets {
		for _, note := range t.Notes {
			words := s.bases.anonymous(s.quoteWords(note))
			if len(s.res.Targets) > 1 {
				words = fmt.Sprintf("Target %d: %s", i+1, words)
			}
			s.notices.add(noticeNote, strings.TrimSuffix(sarifText(words), ".")+".")
		}
	}
}

// cut reports what the file leaves out, when the number of results in it is known.
func (s *sarifReport) cut(written int) {
	all := len(s.res.Findings)
	if s.opts.OmitSuppressed {
		all = len(s.counted)
	}
	if written < all {
		why := fmt.Sprintf("GitHub keeps %s of a file", number(maxSARIFResults))
		if written < min(all, maxSARIFResults) {
			why = "GitHub takes no file over 10 MB"
		}
		s.notices.add(noticeResults, fmt.Sprintf("%s of %s left out, the least urgent: %s.",
			number(int64(all-written)), count(all, "result was", "results were"), why))
	}
	if s.cutPlaces > 0 {
		s.notices.add(noticePlaces, fmt.Sprintf("%s of %s left out of this file; occurrenceCount counts all.",
			count(s.cutPlaces, "further place", "further places"), count(s.cutIn, "key", "keys")+" "+plural(s.cutPlaces, "was", "were")))
	}
}
