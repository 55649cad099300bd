package finding

import (
	"cmp"
	"slices"
	"time"
)

// Result is what a scan found, what it read and what it could not.
type Result struct {
	Targets  []Target
	Started  time.Time
	Duration time.Duration
	Read     Counts
	// Findings holds the keys at or above the confidence asked for, sorted by
	// Sort.
	Findings []*Finding
	// RejectedFindings are the candidates turned down; filled only if they were
	// asked for.
	RejectedFindings []*Finding
	// Rejected and Below count distinct candidates: turned down, and below the
	// confidence asked for.
	Rejected, Below int
	// BelowFingerprints holds the SHA-256 of the candidates that Below counts,
	// sorted, in hex.
	BelowFingerprints []string
	// Since is the time that the user asked for: keys that a commit held before
	// it are not in Findings. Zero: none. BeforeSince counts them.
	Since       time.Time
	BeforeSince int
	Skipped     []Skipped // sorted by class, reason, detail
	// Added are the comments keysweep:allow that the next commit adds beside
	// keys, of ScopeStaged and ScopeMessage; sorted by file and line. Problem is
	// not set. AddedMore counts further ones, which are left out: beside a key in a file
	// that has a thousand or more.
	Added     []Exception
	AddedMore int
	// Exceptions are those that a reader should check, sorted by problem, file,
	// line and entry.
	Exceptions []Exception
	// Repositories is, of many repositories, what became of each, sorted by name. Nil:
	// there are not many.
	Repositories []Repository
}

// Repository is what became of one of many repositories.
type Repository struct {
	Name     string // of the target, and the path below it of a repository in a folder
	Keys     int    // how many findings that no person accepted have an occurrence in it
	Complete bool   // all that should have been read was
	Failed   string // why it was not scanned, in words; "": it was
}

// Complete reports whether everything that should have been read was.
func (r *Result) Complete() bool { return !Incomplete(r.Skipped) }

// Incomplete reports whether something of list should have been read.
func Incomplete(list []Skipped) bool {
	return slices.ContainsFunc(list, func(s Skipped) bool { return s.Reason.Class() == ClassIncomplete })
}

// TargetKind says what a target turned out to be.
type TargetKind string

// The kinds of targets.
const (
	TargetRepository TargetKind = "repository"
	TargetFolder     TargetKind = "folder"
	TargetFile       TargetKind = "file"
	TargetStdin      TargetKind = "stdin"
)

// Scope says how much of a repository was scanned.
type Scope string

// The scopes.
const (
	ScopeWhole  Scope = ""
	ScopeStaged Scope = "staged" // what the next commit would add
	ScopeRange  Scope = "range"  // what some commits bring in
	// ScopeMessage is the message of the next commit.
	ScopeMessage Scope = "message"
)

// Web is the addresses of pages, in which {commit}, {path} and {line} stand for these.
type Web struct{ File, Commit string }

// Target is one of the things that the user asked to scan.
type Target struct {
	Name    string // as the user named it
	Kind    TargetKind
	Tree    bool // its files were scanned
	History bool // its object database was scanned
	Remote  bool // Name is an address: it was fetched
	// Web is where people browse what is at the address; the zero value: not known.
	Web Web
	// Scope, if not ScopeWhole, says what was scanned instead: then Tree and
	// History are false.
	Scope Scope
	// InRepository says that a folder or file is in a working tree, whose history
	// was not asked for unless History is set.
	InRepository bool
	// Bare are the repositories that have no working tree, as Occurrence.Folder names
	// them.
	Bare []string
	// Notes are sentences that the user must read, for example that a folder is
	// inside a repository whose history was not asked for.
	Notes []string
}

// Counts is what was read. Files counts files of the working tree or, of
// ScopeStaged, files that the next commit would add or change; the others count
// the object database, distinct by id where several packs hold an object.
// Bytes is content: files and unpacked objects.
type Counts struct {
	Files                                int64
	Objects, Blobs, Commits, Trees, Tags int64
	Refs                                 int64
	Bytes                                int64
}

// Add adds the counts of d.
func (c *Counts) Add(d Counts) {
	c.Files += d.Files
	c.Objects += d.Objects
	c.Blobs += d.Blobs
	c.Commits += d.Commits
	c.Trees += d.Trees
	c.Tags += d.Tags
	c.Refs += d.Refs
	c.Bytes += d.Bytes
}

// Class says whether a skip makes the scan incomplete.
type Class string

// The classes.
const (
	ClassIncomplete Class = "incomplete" // it should have been read
	ClassNoted      Class = "noted"      // it is reported, and the scan is complete
)

// Reason is why something was not read: a closed list.
type Reason string

// The reasons.
const (
	ReasonMissing       Reason = "missing"             // an object that another one names is not there
	ReasonDamaged       Reason = "damaged"             // bytes that do not decode or do not match their checksum
	ReasonUnreadable    Reason = "unreadable"          // the system refused
	ReasonTooLarge      Reason = "too-large"           // over the memory limit of one object
	ReasonShallow       Reason = "shallow"             // a clone without its older history
	ReasonPromisor      Reason = "promisor"            // a partial clone without some objects
	ReasonChanged       Reason = "changed-during-scan" // different bytes before and after
	ReasonUnknownFormat Reason = "unknown-format"      // a format or extension that we cannot read
	ReasonCloudFile     Reason = "cloud-file"          // a file that reading would download
	ReasonReaderFailed  Reason = "reader-failed"       // what opens containers failed
	ReasonNotFetched    Reason = "not-fetched"         // what a server did not send
	ReasonInterrupted   Reason = "interrupted"         // a signal or the time limit

	ReasonExcluded        Reason = "excluded"         // the user said so
	ReasonIgnored         Reason = "ignored"          // git ignores it, and it is not tracked
	ReasonSpecialFile     Reason = "special-file"     // FIFO, device or socket
	ReasonSubmoduleAbsent Reason = "submodule-absent" // a submodule that is not checked out
	ReasonLFSPointer      Reason = "lfs-pointer"      // content that Git LFS keeps, and not here
	ReasonAnnexAbsent     Reason = "annex-absent"     // content that git-annex keeps, and not here
	ReasonSpareCopy       Reason = "spare-copy"       // a copy of an object that was read from a pack
	ReasonExtension       Reason = "extension"        // of a repository, which changes neither objects nor refs
	ReasonUnopened        Reason = "unopened"         // a container that is too large for a hook
	ReasonEncrypted       Reason = "encrypted"        // a member of a container that needs a password
	ReasonDamagedMember   Reason = "damaged-member"   // a container or member that does not decode to its end; its bytes were read
	ReasonFormat          Reason = "format"           // a container that is not opened; its bytes were read
	ReasonNoHistory       Reason = "no-history"       // a pack or bundle whose objects were read, without commits
)

// Class returns noted for what may be left out, incomplete for the rest.
func (r Reason) Class() Class {
	switch r {
	case ReasonExcluded, ReasonIgnored, ReasonSpecialFile, ReasonSubmoduleAbsent, ReasonLFSPointer, ReasonAnnexAbsent, ReasonSpareCopy, ReasonExtension,
		ReasonUnopened, ReasonEncrypted, ReasonDamagedMember, ReasonFormat, ReasonNoHistory:
		return ClassNoted
	}
	return ClassIncomplete
}

// Skipped is something that was not read. Equal Reason and Detail are counted
// together.
type Skipped struct {
	Reason Reason
	Count  int64
	// Detail names what it is (a path, an object, a pack and offset) and the
	// error. Raw bytes: quote them to print them.
	Detail string
	// Target and Folder say, as in Occurrence, which repository it is missing from.
	// "": the target is known, or it is none.
	Target, Folder string
}

// AddSkipped adds s to list, to the last entry if that has the same reason and
// detail. Sort merges the others: a damaged repository may have a hundred
// thousand.
func AddSkipped(list []Skipped, s Skipped) []Skipped {
	if n := len(list); n > 0 && list[n-1].same(s) {
		list[n-1].Count += s.Count
		return list
	}
	return append(list, s)
}

// same reports whether s and o are counted together.
func (s Skipped) same(o Skipped) bool {
	o.Count = s.Count
	return s == o
}

// Sort puts the result in the order of reports: findings worst first, then by
// first_seen and id, so that the order does not depend on the workers.
func (r *Result) Sort() {
	slices.SortFunc(r.Findings, compare)
	slices.SortFunc(r.RejectedFindings, compare)
	slices.SortFunc(r.Skipped, func(a, b Skipped) int {
		return cmp.Or(cmp.Compare(a.Reason.Class(), b.Reason.Class()),
			cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Detail, b.Detail), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Folder, b.Folder))
	})
	var merged []Skipped
	for _, s := range r.Skipped {
		merged = AddSkipped(merged, s)
	}
	r.Skipped = merged
}

// compare orders by urgency, severity, confidence, presence in HEAD, first date
// and key, the worst and the newest first.
func compare(a, b *Finding) int {
	return cmp.Or(
		cmp.Compare(urgency[b.Status], urgency[a.Status]),
		cmp.Compare(b.Severity(), a.Severity()),
		cmp.Compare(b.Confidence, a.Confidence),
		number(b.InHead == Yes)-number(a.InHead == Yes),
		b.FirstSeen.Date.Compare(a.FirstSeen.Date),
		cmp.Compare(a.Secret.SHA256(), b.Secret.SHA256()))
}

// urgency orders statuses: a key that works before one of which nothing is
// known, whatever the reason, and that before one that was refused.
var urgency = [...]int{Unchecked: 1, Unsupported: 1, Unknown: 1, Inactive: 0, Restricted: 2, Active: 3}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// SortOccurrences orders by what to look at first: what the working tree or HEAD
// holds, then what a ref reaches, then the newest, then by path and line.
func SortOccurrences(list []Occurrence) {
	slices.SortFunc(list, func(a, b Occurrence) int {
		return cmp.Or(
			cmp.Compare(rank(a), rank(b)),
			b.Date.Compare(a.Date),
			cmp.Compare(a.Target, b.Target),
			cmp.Compare(a.Source, b.Source),
			cmp.Compare(a.Folder, b.Folder),
			cmp.Compare(a.Path, b.Path),
			slices.Compare(a.Inside, b.Inside),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Object, b.Object),
		)
	})
}

func rank(o Occurrence) int {
	switch {
	case o.Object == "":
		return 0
	case o.InHead == Yes:
		return 1
	case o.Reachable == Yes:
		return 2
	}
	return 3
}
