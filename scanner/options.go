package scanner

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"keysweep/file"
	"keysweep/finding"
	"keysweep/scanner/gitdb/pack"
)

// Options says what to scan. The zero value scans the tree and the history of
// the current directory.
type Options struct {
	// Paths are files, folders, repositories, or "-" for Stdin. None: ".".
	Paths []string
	Stdin io.Reader
	// Tree and History choose one of the two; neither, or both, means both
	// (a plain folder has no history).
	Tree, History bool
	// Staged and Range, if not nil, ask for what is new there, and nothing else:
	// only one of them, and neither Tree nor History, may be set. Each path
	// names the repository that holds it.
	Staged *Staged
	Range  *Range
	// GitDir and WorkTree, for Staged and Range, are the repository to read if
	// Paths is empty, as in GIT_DIR and GIT_WORK_TREE. Empty: the one that holds
	// the working directory.
	GitDir, WorkTree string
	// ObjectDirs, for Staged and Range, are further folders of objects.
	ObjectDirs []string
	// Trusted is the commit whose comments count, as a revision: Comment.Merged is
	// set in what it reaches. Of a history, other than HEAD only a whole id is
	// understood. "": HEAD.
	Trusted string
	// ForeignComments says that the comments of other scanners count as
	// keysweep:allow does, see inline.Find.
	ForeignComments bool
	// Remotes are those of Paths that are addresses. They are fetched by Scan.
	Remotes map[string]*Remote
	// MaxPack is the most bytes that the pack of one of them may have. Zero: any.
	MaxPack int64
	// Keep is a folder for what is fetched, for git to read later: a new or an empty
	// one. Then there is one remote. "": it is removed after the scan.
	Keep string
	// Cache is a folder for the repositories of all remotes: only what is new is fetched
	// again. One process at a time may use it for one repository. "": none.
	Cache string
	// Ignored also reads the files that git ignores.
	Ignored bool
	// Exclude holds doublestar globs over paths below a target, separated by
	// '/'; what matches is counted as excluded and not reported.
	Exclude []string
	// MinConfidence is the lowest confidence to list. Zero: Medium.
	MinConfidence finding.Confidence
	// Since leaves out keys that a commit held before it, after a whole scan. A
	// key that is in no commit, or whose first commit has no date, stays. Zero:
	// all.
	Since time.Time
	// KeepRejected fills Result.RejectedFindings.
	KeepRejected bool
	// Workers is the number of goroutines that read. Zero: GOMAXPROCS.
	Workers int
	// MaxObject is the most bytes that one deltified object may unpack to;
	// a larger one is skipped as too-large. Zero: 256 MiB.
	MaxObject int64
	// NoArchives leaves archives and compressed files unopened. MaxUnpacked is how
	// many bytes all of them may unpack to; zero: 64 GiB.
	NoArchives  bool
	MaxUnpacked int64
	// UnopenedNoted says that a container beyond a limit is noted as unopened, not
	// as too large: the scan is complete without it.
	UnopenedNoted bool
	// VerifyObjects hashes every object, not only those that matter.
	VerifyObjects bool
	// AllowIncomplete says that a scan that is incomplete ends as one that is not;
	// only "nothing could be read" and a time limit remain what they are. All
	// occurrences of a key are then those in what could be read.
	AllowIncomplete bool
	// FollowAlternates also reads alternate object stores outside the folder
	// that holds the repository.
	FollowAlternates bool
	// Reach says what may be opened because content names it, and whether files
	// that are in the cloud are downloaded.
	Reach file.Reach
	// LineHashes fills in Occurrence.LineHash, for which files with findings
	// are read once more.
	LineHashes bool
	// Authors fills in Finding.FirstSeen.Author.
	Authors bool
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
	// Progress, if not nil, is updated while Scan runs.
	Progress *Progress
}

// Progress counts what is done. Its fields may be read at any time; totals
// grow as targets are opened. Bytes are stored bytes: of files, and of packs.
type Progress struct {
	Phase                 atomic.Value // string: "files", "receiving", "objects", "history of findings"
	Message               atomic.Value // string: what a server says while receiving; hostile text
	Files                 atomic.Int64
	Objects, ObjectsTotal atomic.Int64
	Bytes, BytesTotal     atomic.Int64
	Candidates            atomic.Int64
}

// ErrUse is wrapped by errors of the caller: a path that does not exist, a folder
// outside any repository where one is needed, a glob that does not parse.
var ErrUse = errors.New("cannot scan")

// withDefaults returns o with its zero values filled in, or says what is wrong
// with it.
func (o Options) withDefaults() (Options, error) {
	o.MinConfidence = cmp.Or(o.MinConfidence, finding.Medium)
	o.Progress = cmp.Or(o.Progress, new(Progress))
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.MaxObject <= 0 {
		o.MaxObject = pack.DefaultMaxObject
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	for _, g := range o.Exclude {
		if !doublestar.ValidatePattern(g) {
			return o, fmt.Errorf("%w: --exclude %s: not a valid glob", ErrUse, quoted(g))
		}
	}
	return o, nil
}

// onlyTree and onlyHistory report whether just one of the two was asked for.
func (o *Options) onlyTree() bool    { return o.Tree && !o.History }
func (o *Options) onlyHistory() bool { return o.History && !o.Tree }

// scope returns how much of a repository is scanned.
func (o *Options) scope() finding.Scope {
	switch {
	case o.Range != nil:
		return finding.ScopeRange
	case o.Staged == nil:
		return finding.ScopeWhole
	case o.Staged.Message != nil:
		return finding.ScopeMessage
	}
	return finding.ScopeStaged
}

// FromEnvironment takes from git's environment (git(1)) where the repository,
// its index and its objects are, for Staged and Range. get returns a variable,
// "" if it is not set.
func (o *Options) FromEnvironment(get func(string) string) {
	o.GitDir, o.WorkTree = get("GIT_DIR"), get("GIT_WORK_TREE")
	o.Reach.RefStorage = get("GIT_REFERENCE_BACKEND")
	if o.GitDir != "" && o.WorkTree == "" && get("GIT_IMPLICIT_WORK_TREE") != "0" {
		o.WorkTree = "."
	}
	if o.Staged != nil {
		o.Staged.IndexFile = get("GIT_INDEX_FILE")
	}
	if dir := get("GIT_OBJECT_DIRECTORY"); dir != "" {
		o.ObjectDirs = append(o.ObjectDirs, dir)
	}
	o.ObjectDirs = append(o.ObjectDirs, objectDirs(get("GIT_ALTERNATE_OBJECT_DIRECTORIES"))...)
}

// objectDirs reads a list of objects folders as git has it in
// GIT_ALTERNATE_OBJECT_DIRECTORIES (git(1)): separated as in PATH; one that
// starts with a double quote is quoted as in C.
func objectDirs(list string) (dirs []string) {
	for list != "" {
		dir := ""
		if quoted, err := strconv.QuotedPrefix(list); err == nil && list[0] == '"' {
			dir, _ = strconv.Unquote(quoted)
			list = list[len(quoted):]
		}
		plain, rest, _ := strings.Cut(list, string(filepath.ListSeparator))
		if dir += plain; dir != "" {
			dirs = append(dirs, dir)
		}
		list = rest
	}
	return dirs
}
