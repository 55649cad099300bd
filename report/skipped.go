package report

import (
	"strings"

	"keysweep/finding"
	"keysweep/quote"
)

// maxDetails is how many skipped items of a reason are named without Verbose.
const maxDetails = 3

// reasonWords says in words why count things were not read. A %s holds the
// number; a reason without one is a fact about the whole scan.
var reasonWords = map[finding.Reason]struct{ one, many string }{
	finding.ReasonMissing: {"1 missing object or file of git: another one names it, and it is not here",
		"%s missing objects or files of git: others name them, and they are not here"},
	finding.ReasonDamaged: {"1 damaged item: it does not decode, or fails its checksum",
		"%s damaged items: they do not decode, or fail their checksums"},
	finding.ReasonUnreadable: {"1 unreadable item: the system refused to read it",
		"%s unreadable items: the system refused to read them"},
	finding.ReasonTooLarge: {"1 object or archive over a limit (--max-object, --max-unpacked)",
		"%s objects or archives over a limit (--max-object, --max-unpacked)"},
	finding.ReasonShallow: {"shallow clone: its older history is not here",
		"shallow clone: its older history is not here"},
	finding.ReasonPromisor: {"partial clone: 1 object was left on the server",
		"partial clone: %s objects were left on the server"},
	finding.ReasonChanged: {"1 item changed while it was read",
		"%s items changed while they were read"},
	finding.ReasonUnknownFormat: {"1 item in a format that this version cannot read",
		"%s items in a format that this version cannot read"},
	finding.ReasonCloudFile: {"1 file that is in the cloud, not on this disk (--fetch-cloud-files downloads it)",
		"%s files that are in the cloud, not on this disk (--fetch-cloud-files downloads them)"},
	finding.ReasonReaderFailed: {"1 archive or compressed file whose reader failed",
		"%s archives or compressed files whose reader failed"},
	finding.ReasonNotFetched: {"1 repository that could not be fetched, or not to its end",
		"%s repositories that could not be fetched, or not to their ends"},
	finding.ReasonInterrupted: {"stopped before the end",
		"stopped before the end"},

	finding.ReasonExcluded: {"1 excluded, as asked", "%s excluded, as asked"},
	finding.ReasonIgnored: {"1 ignored by git (--ignored reads it)",
		"%s ignored by git (--ignored reads them)"},
	finding.ReasonSpecialFile: {"1 FIFO, device or socket", "%s FIFOs, devices or sockets"},
	finding.ReasonSubmoduleAbsent: {"1 submodule that is not checked out (git submodule update --init)",
		"%s submodules that are not checked out (git submodule update --init)"},
	finding.ReasonLFSPointer: {"1 Git LFS file whose content is not here (git lfs fetch --all brings it)",
		"%s Git LFS files whose content is not here (git lfs fetch --all brings it)"},
	finding.ReasonAnnexAbsent: {"1 git-annex file whose content was not read (git annex get brings it)",
		"%s git-annex files whose content was not read (git annex get brings it)"},
	finding.ReasonSpareCopy: {"1 unreadable copy of an object that was read from a pack",
		"%s unreadable copies of objects that were read from packs"},
	finding.ReasonExtension: {"1 extension of the repository, which changes neither objects nor refs",
		"%s extensions of the repository, which change neither objects nor refs"},
	finding.ReasonUnopened: {"1 archive too large for a hook (keysweep scan opens it)",
		"%s archives too large for a hook (keysweep scan opens them)"},
	finding.ReasonEncrypted: {"1 encrypted file", "%s encrypted files"},
	finding.ReasonDamagedMember: {"1 damaged file in an archive: what it yields was scanned",
		"%s damaged files in archives: what they yield was scanned"},
	finding.ReasonFormat: {"1 file in a format that is not opened: only its bytes as they are were scanned",
		"%s files in formats that are not opened: only their bytes as they are were scanned"},
	finding.ReasonNoHistory: {"1 pack or bundle of git whose objects were scanned without commits and paths (a scan of its repository has them)",
		"%s packs and bundles of git whose objects were scanned without commits and paths (a scan of their repositories has them)"},
}

// skippedGroup is what was not read for one reason.
type skippedGroup struct {
	words string
	items []finding.Skipped
}

// skippedGroups returns what was not read, of one class, by reason.
func (p *phrases) skippedGroups(class finding.Class) []skippedGroup {
	var groups []skippedGroup
	for _, group := range runs(p.res.Skipped, func(s finding.Skipped) finding.Reason { return s.Reason }) {
		if group[0].Reason.Class() != class {
			continue
		}
		var total int64
		for _, s := range group {
			total += s.Count
		}
		groups = append(groups, skippedGroup{reasonText(group[0].Reason, total), group})
	}
	return groups
}

// reasonText says that n things were not read.
func reasonText(reason finding.Reason, n int64) string {
	words := reasonWords[reason]
	switch {
	case words.one == "":
		return number(n) + " not read: " + quote.Text(string(reason))
	case n == 1:
		return words.one
	}
	return strings.Replace(words.many, "%s", number(n), 1)
}

// runs cuts list where the key changes.
func runs[T any, K comparable](list []T, key func(T) K) [][]T {
	var groups [][]T
	for i := range list {
		if i == 0 || key(list[i]) != key(list[i-1]) {
			groups = append(groups, nil)
		}
		last := len(groups) - 1
		groups[last] = append(groups[last], list[i])
	}
	return groups
}

// named returns the items of one reason that are to be named, and how many
// more there are.
func (p *phrases) named(group []finding.Skipped) (list []finding.Skipped, more int64) {
	limit := p.most(maxDetails, len(group))
	if r := group[0].Reason; r == finding.ReasonIgnored || r == finding.ReasonExcluded {
		limit = p.most(0, len(group)) // the user knows which
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
