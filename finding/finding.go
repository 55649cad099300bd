package finding

import (
	"slices"
	"strings"
	"time"
)

// Environment is where a key works.
type Environment uint8

// The environments; the prefix of a key decides.
const (
	EnvironmentUnknown Environment = iota
	Sandbox
	Production
)

func (e Environment) String() string { return [...]string{"unknown", "sandbox", "production"}[e] }

// Confidence is how sure we are that a match is a real key.
type Confidence uint8

// The confidences. Rejected matches are not findings: their score or shape
// turned them down.
const (
	Rejected Confidence = iota
	Low
	Medium
	High
)

func (c Confidence) String() string { return [...]string{"rejected", "low", "medium", "high"}[c] }

// Extent is how sure we are where a key begins and ends: the smaller, the surer.
type Extent uint8

// The extents.
const (
	Exact  Extent = iota // the evidence around the key agrees on both ends
	Likely               // another start or end is possible; Finding.Candidates has the next best
	Cut                  // the text ends within the key, or holds only a part of it
)

func (e Extent) String() string { return [...]string{"exact", "likely", "cut"}[e] }

// Status is the issuer's answer to the question whether a key still works.
type Status uint8

// The statuses. "Could not tell" is a status of its own, never Inactive.
const (
	Unchecked   Status = iota // verification was not asked for
	Unsupported               // the rule has no probe
	Unknown                   // the probe failed; the reason is in Finding.StatusReason
	Inactive                  // the issuer, and no one else, refused the secret
	Restricted                // the issuer knows the secret and denies this request
	Active                    // the issuer accepted it
)

func (s Status) String() string {
	return [...]string{"unchecked", "unsupported", "unknown", "inactive", "restricted", "active"}[s]
}

// Severity is what a leak of the key costs, as in SARIF's security-severity.
type Severity uint8

// The severities.
const (
	SeverityLow Severity = iota
	SeverityMedium
	SeverityHigh
	SeverityCritical
)

func (s Severity) String() string { return [...]string{"low", "medium", "high", "critical"}[s] }

// Strength is how sure it is whose key a finding is.
type Strength uint8

// The strengths, the weakest first. From StrengthStrong on the issuer may be
// asked about the key; from StrengthHost on its word that it does not know the
// key is believed, since the key was certainly meant for it.
const (
	StrengthNone   Strength = iota
	StrengthWeak            // a name in the path or somewhere in the file
	StrengthStrong          // a name on the line, of a section or setting; an SDK's import nearby; a host in the file
	StrengthHost            // the issuer's host near the key
	StrengthShape           // a prefix or shape that no other issuer has
	StrengthUser            // the user said so
)

func (s Strength) String() string {
	return [...]string{"none", "weak", "strong", "host", "shape", "user"}[s]
}

// IssuerUnknown and IssuerAmbiguous are the Finding.Issuer of a key without
// evidence, and with evidence for more than one issuer.
const (
	IssuerUnknown   = "unknown"
	IssuerAmbiguous = "ambiguous"
)

// Finding is one distinct key and all its occurrences.
type Finding struct {
	Secret         Secret
	RuleID         string
	Issuer         string   // a rule file's issuer, IssuerUnknown or IssuerAmbiguous
	IssuerEvidence []string // in words, strongest first
	IssuerStrength Strength // how sure Issuer is
	Environment    Environment
	Confidence     Confidence
	// Extent is the surest of all occurrences.
	Extent Extent
	// Candidates are what the key may be instead of Secret, the likeliest first:
	// at most two, none if Extent is Exact.
	Candidates []Secret
	// Glued says that letters or digits stand before the prefix wherever the key is:
	// it may be a key of someone else, with a longer prefix.
	Glued bool
	// Former is what older versions took for the key at some place: exceptions for
	// it go on to count.
	Former []Secret
	// Typed says that the body looks typed by hand; then Confidence is Low.
	Typed bool
	// Score is the mixture log-likelihood ratio in bits per character: below
	// zero is random, above is text (docs/internals/score.md).
	Score float64
	// Encoding names the decoders that the bytes went through, outermost
	// first; empty for plain text.
	Encoding []string

	Status       Status
	StatusReason string // "code: words"
	CheckedAt    time.Time

	Suppressed *Suppression // nil unless a person accepted the key

	// RejectedFor says in words why a candidate is Rejected.
	RejectedFor string

	// FirstSeen is the commit that holds the key and none of whose parents
	// does, the smallest by (committer date, id). Zero if no commit holds it.
	FirstSeen Sighting
	// LastSeen is HEAD if it holds the key, else the commit with the greatest
	// committer date that does. Zero if no commit holds it, or if that is not known.
	LastSeen Sighting
	// Removed is the last commit that took the key out of the files of a branch.
	// Zero if there is none, or if that is not known.
	Removed Sighting
	// InBranch says that the newest files of HEAD or a branch hold it, so that
	// Removed was not everywhere.
	InBranch bool
	// Exposed is from FirstSeen until now, at least a second, if a ref reaches a
	// commit or tag that holds the key: every clone can read it, also when a later
	// commit removed it. Zero: no ref does, or the history was not scanned.
	Exposed time.Duration
	InHead  Answer // whether HEAD's tree holds it

	// Listed are the occurrences that reports show, sorted by SortOccurrences. A
	// limit may have left some out: Every is what holds for all.
	Listed []Occurrence

	met bool // see MeetEvery
}

// Severity returns critical for a production key of high confidence, one step
// less for a sandbox key and for each step of confidence. A key known to work
// is at least high; one that the issuer refused is low.
func (f *Finding) Severity() Severity {
	switch {
	case f.Status == Inactive:
		return SeverityLow
	case f.Environment == Production && (f.Status == Active || f.Status == Restricted || f.Confidence == High):
		return SeverityCritical
	case f.Status == Active || f.Status == Restricted || f.Environment == Production && f.Confidence == Medium:
		return SeverityHigh
	case f.Confidence == High || f.Environment == Production:
		return SeverityMedium
	}
	return SeverityLow
}

// Redacted returns the key as reports show it: with its last four characters
// only where the body is long, random and not typed.
func (f *Finding) Redacted() string {
	if f.Typed || f.Confidence <= Low {
		return f.Secret.Redacted()
	}
	return f.Secret.RedactedWithTail()
}

// Fingerprints returns the SHA-256 of the key, in hex, and those of what it may be
// instead, which a scan that sees more takes it for, and of what older versions took
// for it.
func (f *Finding) Fingerprints() []string {
	list := []string{f.Secret.SHA256()}
	for _, other := range slices.Concat(f.Candidates, f.Former) {
		list = append(list, other.SHA256())
	}
	return list
}

// InFiles returns for how long the files of a branch held the key, at least a
// second: from FirstSeen until Removed, or until now. Zero: none did, or that is not
// known.
func (f *Finding) InFiles() time.Duration {
	switch {
	case f.FirstSeen.Commit == "":
		return 0
	case f.InBranch:
		return f.Exposed
	case f.Removed.Commit == "":
		return 0
	}
	return max(f.Removed.Date.Sub(f.FirstSeen.Date), time.Second)
}

// Sighting is a commit and its committer date.
type Sighting struct {
	Commit string // hex id, 40 or 64 digits
	Date   time.Time
	Author string // "NAME <MAIL>", raw bytes; filled on request
}

// The kinds of exceptions, by where a person wrote them.
const (
	KindInline   = "inline"   // a comment on the line of the key
	KindConfig   = "config"   // an entry of the configuration
	KindBaseline = "baseline" // a line of the baseline
)

// Suppression is a person's word that a finding is accepted.
type Suppression struct {
	Kind    string // one of the kinds above
	Reason  string
	Owner   string
	Expires time.Time // the last second that it counts; zero: never ends
}

// Exception is one that a reader should check: it may not do what its author
// thinks.
type Exception struct {
	Kind string // one of the kinds above
	// File, raw bytes, and Line, 1-based, are where it is written. Zero: not
	// known, or many.
	File    string
	Line    int
	Entry   string // a glob, or the fingerprint of a key or its first 16 digits
	Problem ExceptionProblem
	Reason  string
	Owner   string
	Expires time.Time // the last second that it counts; zero: never ends
}

// ExceptionProblem is what is wrong with an exception: a closed list.
type ExceptionProblem string

// The problems.
const (
	ExceptionExpired   ExceptionProblem = "expired"   // its last day has passed
	ExceptionForeign   ExceptionProblem = "foreign"   // a comment that another scanner follows
	ExceptionLive      ExceptionProblem = "live"      // the key is known to work: it cannot be accepted
	ExceptionNoReason  ExceptionProblem = "no-reason" // keysweep:allow without a reason does not count
	ExceptionUntrusted ExceptionProblem = "untrusted" // keysweep:allow in what is not the user's own
	ExceptionUnused    ExceptionProblem = "unused"    // no key matches
)

// Source is the kind of content that an occurrence is in.
type Source string

// The sources.
const (
	SourceWorktree Source = "worktree" // bytes of a file
	SourceBlob     Source = "blob"     // a blob of the object database
	SourceIndex    Source = "index"    // a blob that the index names
	SourceCommit   Source = "commit"   // a commit object: message, names, headers
	SourceTag      Source = "tag"      // a tag object
	SourcePath     Source = "path"     // the name of a file, folder or tree entry
	SourceRef      Source = "ref"      // the name of a ref
	SourceStdin    Source = "stdin"
	SourceMetadata Source = "metadata" // what git keeps beside the objects: configuration, hooks, reflogs
)

// Occurrence is where the key is: one per (target, source, path, line), however
// many versions of the file hold it there.
type Occurrence struct {
	Target string // as the user named it
	Source Source
	Path   string // raw bytes, separated by '/', below the target; "" if there is none
	// Inside names, if the file or object is a container, such as an archive, the
	// member that the key is in: raw bytes, the names of containers in one another,
	// the outermost first. Line and columns are then those of the member. Nil: the
	// key is in the file or object itself.
	Inside []string
	// Layer says where in a container image the member is.
	Layer Layer
	// Line, Column and EndColumn are 1-based, columns in bytes; EndColumn is
	// the first column behind the key as it is in the text, or behind the first
	// line of a wrapped key. Zero for sources path and ref.
	Line, Column, EndColumn int
	// UnitColumn and UnitEndColumn are Column and EndColumn in UTF-16 code
	// units, as editors and SARIF count: a character outside the Basic
	// Multilingual Plane is two, a byte that is not UTF-8 one.
	UnitColumn, UnitEndColumn int
	// LineHash is what GitHub calls primaryLocationLineHash: a hash of the
	// text from the line's start on. It is filled on request, for files of the
	// working tree whose line is still there.
	LineHash string
	// Folder is the path from the target to the folder that Path is below,
	// '/'-separated: "" if that is the target, "lib" in a repository within the
	// target, ".." if the target is a folder of the repository,
	// ".git/modules/lib" in a database without a working tree.
	Folder    string
	Object    string    // hex id of the newest version; "" in a working tree
	Versions  int       // distinct objects that hold it at this path and line; 0 in a working tree
	Commit    string    // hex id of the commit that brought it here; "" if none
	Date      time.Time // that commit's committer date
	Reachable Answer    // whether a ref or a HEAD leads to it
	InHead    Answer    // whether HEAD's tree holds it at this path and line
	// TipLine is, of ScopeRange, the first line of the key in the version of the
	// file at Path that a tip of the range holds, 1-based; 0 if none holds it.
	TipLine int
	// Newest says that no newer version of the file at Path that is known holds
	// the key. False in a working tree.
	Newest  bool
	Excerpt Excerpt
	Comment Comment // on the line of the key
	// Transcript says what a file of a coding agent says of the line. Nil: it is in
	// none, or that was not asked for.
	Transcript *Transcript
}

// Transcript is what a file of a coding agent says of a place in it. What is not known is
// "" or zero.
type Transcript struct {
	Agent   string    // the agent's name, as people write it
	Project string    // the folder that it worked in: raw bytes
	Session string    // raw bytes
	Date    time.Time // when the line was written
	Author  string    // one of the authors below
}

// The authors.
const (
	AuthorPerson = "person"
	AuthorAgent  = "agent"
	AuthorTool   = "tool" // the result of one
	AuthorRule   = "rule" // of permissions, in settings
)

// Layer is where in a container image something is. The zero value: in none.
type Layer struct {
	Number    int // of the layer, the lowest is 1
	RemovedIn int // number of the layer that removes the file; 0: none does
}

// InsideOf joins what names a file or object with the names of Inside, as
// dist/app.jar!/config/app.properties: name itself if Inside is empty.
func (o *Occurrence) InsideOf(name string) string {
	return strings.Join(append([]string{name}, o.Inside...), "!/")
}

// Comment is keysweep:allow REASON near a key: its author accepts what is on the
// line. Whether it counts is decided elsewhere.
type Comment struct {
	Found bool
	// Reason is "" if there is none: then the comment does not count. Raw bytes,
	// every candidate in it redacted.
	Reason string
	// Foreign is the word by which the line accepts its secrets for another scanner,
	// as gitleaks:allow. "": there is none.
	Foreign string
	// Merged says, of what a repository holds, that the commit whose comments
	// count reaches it (scanner.Options.Trusted). False outside commits.
	Merged bool
}

// Excerpt is the line around a key, every candidate in it redacted. Raw bytes:
// quote them to print them.
type Excerpt struct {
	Before, Key, After string
	CutLeft, CutRight  bool // the line goes on
}
