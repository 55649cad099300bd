package worktree

import (
	"maps"
	"slices"
	"sync"

	"keysweep/finding"
)

// How many paths are named for each reason; the rest is counted in one entry
// with the detail moreSkipped, so that a tree of a million unreadable files
// needs no gigabyte. The smallest paths are named, in whatever order they came.
const (
	namedNoted      = 100
	namedIncomplete = 1000
)

// moreSkipped is the detail of what is counted without a name.
const moreSkipped = "and more, not named"

// maxDetail is the most bytes of one detail; a longer one loses its middle.
const maxDetail = 4 << 10

// skips collects what was not read.
type skips struct {
	mu sync.Mutex
	by map[finding.Reason]*skipped // guarded by mu
}

type skipped struct {
	names []string // sorted, those that are named
	more  int64
}

func (s *skips) add(reason finding.Reason, detail string) {
	if len(detail) > maxDetail {
		detail = detail[:maxDetail/2] + "…" + detail[len(detail)-maxDetail/2:]
	}
	named := namedIncomplete
	if reason.Class() == finding.ClassNoted {
		named = namedNoted
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = make(map[finding.Reason]*skipped)
	}
	l := s.by[reason]
	if l == nil {
		l = new(skipped)
		s.by[reason] = l
	}
	at, _ := slices.BinarySearch(l.names, detail)
	if l.names = slices.Insert(l.names, at, detail); len(l.names) > named {
		l.names = l.names[:named]
		l.more++
	}
}

// list returns what was collected, sorted by reason and detail, the unnamed
// last.
func (s *skips) list() (out []finding.Skipped) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range slices.Sorted(maps.Keys(s.by)) {
		for _, name := range s.by[r].names {
			out = finding.AddSkipped(out, finding.Skipped{Reason: r, Count: 1, Detail: name})
		}
		if more := s.by[r].more; more > 0 {
			out = append(out, finding.Skipped{Reason: r, Count: more, Detail: moreSkipped})
		}
	}
	return out
}
