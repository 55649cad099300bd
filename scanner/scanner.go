// Package scanner knows where to look and how much at once: working trees,
// plain folders, standard input, and the object databases of repositories.
package scanner

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"keysweep/finding"
	"keysweep/rules"
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
	// Ignored also reads the files that git ignores.
	Ignored bool
	// Exclude holds doublestar globs over paths below a target, separated by
	// '/'; what matches is not reported, and counted as excluded.
	Exclude []string
	// MinConfidence is the least confidence that is listed. Zero: Medium.
	MinConfidence finding.Confidence
	// KeepRejected fills Result.RejectedFindings.
	KeepRejected bool
	// Workers is the number of goroutines that read. Zero: GOMAXPROCS.
	Workers int
	// MaxObject is the most bytes that one deltified object may unpack to;
	// a larger one is skipped as too-large. Zero: 256 MiB.
	MaxObject int64
	// VerifyObjects hashes every object, not only those that matter.
	VerifyObjects bool
	// FollowAlternates also reads alternate object stores that lie outside
	// the folder that holds the repository.
	FollowAlternates bool
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
	// Progress, if not nil, is updated while Scan runs.
	Progress *Progress
}

// Progress counts what is done. Its fields may be read at any time; totals
// grow as targets are opened. Bytes are stored bytes: of files, and of packs.
type Progress struct {
	Phase                 atomic.Value // string: "files", "objects", "history of findings"
	Files                 atomic.Int64
	Objects, ObjectsTotal atomic.Int64
	Bytes, BytesTotal     atomic.Int64
	Candidates            atomic.Int64
}

// ErrUse is wrapped by errors that are the caller's: a path that does not
// exist, a folder that is no repository where a repository is needed, a glob
// that does not parse.
var ErrUse = errors.New("cannot scan")

// Scan reads what opts names and returns what it found and what it could not
// read. The error is one of wrong use, or says that nothing could be read;
// everything else is in Result.Skipped. When ctx ends, Scan returns within a
// second what it has, with ReasonInterrupted among the skipped.
func Scan(ctx context.Context, opts Options, set *rules.Set) (*finding.Result, error) {
	panic("unreachable")
}
