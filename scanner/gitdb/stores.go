package gitdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"keysweep/file"
	"keysweep/finding"
	"keysweep/scanner/gitdb/pack"
	"keysweep/scanner/gitdb/reftable"
)

// OpenOptions says how to open an object database.
type OpenOptions struct {
	// FollowAlternates also reads alternates outside the folder that holds
	// the repository: a repository that came from a stranger could name the
	// objects of a private one.
	FollowAlternates bool
	// ObjectDirs are further objects folders, read before the repository's own
	// and wherever they are: where git keeps what is being pushed until the
	// hooks have accepted it.
	ObjectDirs []string
	// Incoming, if not nil, is the only pack.
	Incoming  *pack.Incoming
	Workers   int    // zero: one
	MaxObject uint64 // in bytes, zero: pack.DefaultMaxObject
	// Now is the clock, for revisions that name a date. Nil: none can.
	Now func() time.Time
}

// Stores is where the objects of a repository are.
type Stores struct {
	Dirs     []string // objects folders, in the order in which they are searched
	Packs    []string // paths of the packs in Dirs, in the same order, then by name
	Promisor bool     // objects may be absent, since a partial clone left them out
	// Skipped is what could not be listed.
	Skipped Skips

	guard *file.Guard
}

// alternateDepth is how many steps alternates of alternates are followed, as
// git does.
const alternateDepth = 5

// Stores lists the objects folders of r, its alternates included, and their
// packs.
func (r *Repository) Stores(opts OpenOptions) *Stores {
	s := &Stores{Promisor: r.Promisor, guard: &r.guard}
	dirs := append(slices.Clone(opts.ObjectDirs), r.objects())
	seen := make(map[string]bool)
	depth := map[string]int{}
	for i := 0; i < len(dirs); i++ {
		dir := dirs[i]
		if err := r.guardObjects(dir); err != nil {
			s.Skipped.Add(ReasonOf(err), 1, "%v", err)
			continue
		}
		real, err := r.guard.Real.Of(dir)
		if err != nil {
			s.Skipped.Add(finding.ReasonUnreadable, 1, "%v", err)
			continue
		}
		if seen[real] {
			continue
		}
		seen[real] = true
		s.Dirs = append(s.Dirs, dir)
		s.listPacks(filepath.Join(dir, "pack"))
		for _, text := range r.alternates(dir, &s.Skipped) {
			alt, err := r.guard.Path(dir, text)
			switch {
			case err != nil:
				s.Skipped.Add(ReasonOf(err), 1, "alternate object store %v", err)
			case !opts.FollowAlternates && !r.isNearby(alt):
				s.Skipped.Add(finding.ReasonUnreadable, 1, "alternate object store %s: it is outside %s (--follow-alternates reads it)", alt, r.home())
			case depth[dir] == alternateDepth:
				s.Skipped.Add(finding.ReasonUnreadable, 1, "alternate %s: more than %d steps away", alt, alternateDepth)
			default:
				depth[alt] = depth[dir] + 1
				dirs = append(dirs, alt)
			}
		}
	}
	return s
}

// OpenPacks opens the packs of s by open. What cannot be opened is in Skipped; the
// error is ctx's alone.
func OpenPacks[P any](ctx context.Context, s *Stores, open func(path string) (P, error)) (packs []P, err error) {
	for _, path := range s.Packs {
		p, err := open(path)
		switch {
		case ctx.Err() != nil:
			return packs, context.Cause(ctx)
		case err != nil:
			s.Skipped.Add(ReasonOf(err), 1, "%s: %v", filepath.Base(path), err)
		default:
			packs = append(packs, p)
		}
	}
	return packs, nil
}

// listPacks adds the packs in a pack folder.
func (s *Stores) listPacks(dir string) {
	list, err := os.ReadDir(dir)
	if present(err) != nil {
		s.Skipped.Add(finding.ReasonUnreadable, 1, "%v", err)
	}
	for _, e := range list {
		name := e.Name()
		switch filepath.Ext(name) {
		case ".promisor":
			s.Promisor = true
		case ".pack":
			path := file.Exact(filepath.Join(dir, name))
			if err := s.guard.Here(path); err != nil {
				s.Skipped.Add(ReasonOf(err), 1, "%s: %v", name, err)
				continue
			}
			s.Packs = append(s.Packs, path)
		case ".idx":
			switch _, err := os.Lstat(filepath.Join(dir, strings.TrimSuffix(name, ".idx")+".pack")); {
			case file.Absent(err):
				s.Skipped.Add(finding.ReasonMissing, 1, "pack of the index %s", name)
			case err != nil:
				s.Skipped.Add(finding.ReasonUnreadable, 1, "%v", err)
			}
		}
	}
}

// guardObjects judges the links in an objects folder, and those that lead to it.
func (r *Repository) guardObjects(dir string) error {
	if err := r.guard.Links(dir); err != nil {
		return err
	}
	if err := r.guard.Folder(dir); err != nil {
		return err
	}
	if err := r.guard.Folder(filepath.Join(dir, "pack")); errors.Is(err, file.ErrElsewhere) {
		return err
	}
	return r.guard.Links(filepath.Join(dir, "info", "alternates"))
}

// objects returns the repository's own objects folder.
func (r *Repository) objects() string { return filepath.Join(r.CommonDir, "objects") }

// alternates returns the objects folders that dir borrows from, each as the file has
// it (gitrepository-layout(5), objects/info/alternates).
func (r *Repository) alternates(dir string, skipped *Skips) (dirs []string) {
	b, err := readGuarded(&r.guard, filepath.Join(dir, "info", "alternates"))
	if err != nil {
		if !file.Absent(err) {
			skipped.Add(ReasonOf(err), 1, "%v", err)
		}
		return nil
	}
	for line := range bytes.Lines(b) {
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 && line[0] != '#' {
			dirs = append(dirs, string(line))
		}
	}
	return dirs
}

// OutsideAlternates returns the object stores that r's own borrows from and
// that a scan leaves out unless it follows alternates.
func (r *Repository) OutsideAlternates() (dirs []string) {
	if r.guardObjects(r.objects()) != nil {
		return nil
	}
	for _, text := range r.alternates(r.objects(), new(Skips)) {
		if alt, err := r.guard.Path(r.objects(), text); err != nil {
			dirs = append(dirs, text)
		} else if !r.isNearby(alt) {
			dirs = append(dirs, alt)
		}
	}
	return dirs
}

// home is the folder that holds the repository: what is in it came with it.
func (r *Repository) home() string {
	if r.Top != "" && r.GitDir == r.CommonDir {
		return filepath.Dir(r.Top)
	}
	dir := r.CommonDir
	if filepath.Base(dir) == ".git" {
		dir = filepath.Dir(dir)
	}
	return filepath.Dir(dir)
}

// isNearby reports whether dir is below home, by its name and with its links
// resolved, and belongs to the owner of the repository. One below home that does not
// exist is: opening it says so.
func (r *Repository) isNearby(dir string) bool {
	home, err := filepath.EvalSymlinks(r.home())
	if err != nil {
		return false
	}
	_, below := file.Below(r.home(), dir)
	if _, belowReal := file.Below(home, dir); !below && !belowReal {
		return false
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return true
	}
	_, below = file.Below(home, real)
	return below && sameOwner(r.CommonDir, real)
}

// Skips collects what could not be read, neighbours of one reason and detail
// counted together.
type Skips []finding.Skipped

// Add notes count objects or files that could not be read.
func (s *Skips) Add(reason finding.Reason, count int64, format string, args ...any) {
	*s = finding.AddSkipped(*s, finding.Skipped{Reason: reason, Count: count, Detail: fmt.Sprintf(format, args...)})
}

// Merge takes over the entries of list.
func (s *Skips) Merge(list []finding.Skipped) {
	for _, k := range list {
		*s = finding.AddSkipped(*s, k)
	}
}

// PromisorDetail says what absent objects of a partial clone are.
const PromisorDetail = "objects that a partial clone left on its server (git fetch --refetch brings them)"

// ReasonOf returns the reason for skipping an object or a pack that could not be
// read because of err.
func ReasonOf(err error) finding.Reason {
	switch {
	case errors.Is(err, file.ErrCloud):
		return finding.ReasonCloudFile
	case errors.Is(err, pack.ErrTooLarge):
		return finding.ReasonTooLarge
	case errors.Is(err, pack.ErrCorrupt) || errors.Is(err, pack.ErrUnusable) || errors.Is(err, reftable.ErrCorrupt):
		return finding.ReasonDamaged
	case errors.Is(err, reftable.ErrVersion):
		return finding.ReasonUnknownFormat
	}
	return finding.ReasonUnreadable
}
