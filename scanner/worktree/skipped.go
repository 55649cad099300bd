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
	count int64
	names []string // at most twice as many as are named
}

func (s *skips) add(reason finding.Reason, detail string) {
	if len(detail) > maxDetail {
		detail = detail[:maxDetail/2] + "…" + detail[len(detail)-maxDetail/2:]
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
	l.count++
	if l.names = append(l.names, detail); len(l.names) >= 2*maxNamed(reason) {
		l.trim(reason)
	}
}

func maxNamed(reason finding.Reason) int {
	if reason.Class() == finding.ClassNoted {
		return namedNoted
	}
	return namedIncomplete
}

func (l *skipped) trim(reason finding.Reason) {
	slices.Sort(l.names)
	l.names = l.names[:min(len(l.names), maxNamed(reason))]
}

// list returns what was collected, sorted by reason and detail, the unnamed
// last.
func (s *skips) list() []finding.Skipped {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []finding.Skipped
	for _, r := range slices.Sorted(maps.Keys(s.by)) {
		l := s.by[r]
		l.trim(r)
		for _, name := range l.names {
			out = finding.AddSkipped(out, finding.Skipped{Reason: r, Count: 1, Detail: name})
		}
		if rest := l.count - int64(len(l.names)); rest > 0 {
			out = append(out, finding.Skipped{Reason: r, Count: rest, Detail: moreSkipped})
		}
	}
	return out
}
