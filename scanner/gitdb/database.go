package gitdb

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"keysweep/finding"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// Database is the open object database of a repository: its packs, loose
// objects and alternates. It is safe for concurrent use.
type Database struct {
	repo     *Repository
	packs    []*pack.Pack // by path
	loose    []looseObject
	promisor bool
	skipped  []finding.Skipped
	lookup   *lookup // if LookupOnly; then packs and loose are empty

	// present holds the first eight bytes of every id, the union over packs
	// and loose objects; nil if one pack holds all.
	present map[uint64]struct{}
	// twice marks, for each store, the entries whose id is also elsewhere;
	// repeated those of them that an earlier store holds.
	twice, repeated []*pack.Bits
	edges           [][]edge // by store, filled by the first walk
	commits         []Commit // sorted by id, filled by the first walk
	tags            []tagTarget
	missing         map[oid.ID]struct{}
	progress        func(objects, bytes int64)
	workers         int
	maxObject       uint64
}

// alternateDepth is how many steps alternates of alternates are followed, as
// git does.
const alternateDepth = 5

// OpenOptions says how to open a database.
type OpenOptions struct {
	// FollowAlternates also reads alternates outside the folder that holds
	// the repository: a repository that came from a stranger could name the
	// objects of a private one.
	FollowAlternates bool
	// LookupOnly opens for reading single objects, in a time that does not
	// depend on how many there are: Scan, Trace, Missing and Totals do not work.
	LookupOnly bool
	// ObjectDirs are further objects folders, read before the repository's own
	// and wherever they lie: where git keeps what is being pushed until the
	// hooks have accepted it.
	ObjectDirs []string
	Workers    int
	MaxObject  uint64                     // zero: pack.DefaultMaxObject
	Progress   func(objects, bytes int64) // may be nil
}

// OpenDatabase opens the object database of r. What cannot be opened is
// skipped and told in the result of Scan. The error is ctx's alone.
func (r *Repository) OpenDatabase(ctx context.Context, opts OpenOptions) (*Database, error) {
	db := &Database{repo: r, promisor: r.Promisor, progress: opts.Progress, workers: max(opts.Workers, 1), maxObject: opts.MaxObject,
		missing: make(map[oid.ID]struct{})}
	if db.progress == nil {
		db.progress = func(int64, int64) {}
	}
	if opts.LookupOnly {
		db.lookup = new(lookup)
	}
	dirs := append(slices.Clone(opts.ObjectDirs), filepath.Join(r.CommonDir, "objects"))
	seen := make(map[string]bool)
	depth := map[string]int{}
	for i := 0; i < len(dirs); i++ {
		dir := dirs[i]
		real, err := filepath.EvalSymlinks(dir)
		if err != nil {
			db.skip(finding.ReasonUnreadable, "%v", err)
			continue
		}
		if seen[real] {
			continue
		}
		seen[real] = true
		if err := db.openDir(ctx, dir); err != nil {
			db.Close()
			return nil, err
		}
		for _, alt := range db.alternates(dir, opts.FollowAlternates) {
			if depth[dir] < alternateDepth {
				depth[alt] = depth[dir] + 1
				dirs = append(dirs, alt)
			} else {
				db.skip(finding.ReasonUnreadable, "alternate %s: more than %d steps away", alt, alternateDepth)
			}
		}
	}
	slices.SortFunc(db.packs, func(a, b *pack.Pack) int { return cmp.Compare(a.Path, b.Path) })
	slices.SortFunc(db.loose, func(a, b looseObject) int { return cmp.Or(a.id.Compare(b.id), cmp.Compare(a.dir, b.dir)) })
	if opts.LookupOnly {
		return db, nil
	}
	if err := pack.Guard(func() error { db.compareStores(); return nil }); err != nil {
		db.skip(finding.ReasonDamaged, "comparing packs: %v", err)
	}
	db.edges = make([][]edge, len(db.packs)+1)
	return db, nil
}

// Close unmaps all packs.
func (db *Database) Close() {
	for _, p := range db.packs {
		p.Close()
	}
	if db.lookup != nil {
		db.lookup.close()
	}
}

func (db *Database) skip(reason finding.Reason, format string, args ...any) {
	db.skipped = finding.AddSkipped(db.skipped, finding.Skipped{Reason: reason, Count: 1, Detail: fmt.Sprintf(format, args...)})
}

// openDir opens the packs and lists the loose objects of one objects folder.
func (db *Database) openDir(ctx context.Context, dir string) error {
	list, err := os.ReadDir(filepath.Join(dir, "pack"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		db.skip(finding.ReasonUnreadable, "%v", err)
	}
	for _, e := range list {
		name := e.Name()
		switch {
		case strings.HasSuffix(name, ".promisor"):
			db.promisor = true
		case strings.HasSuffix(name, ".pack") && db.lookup != nil:
			if err := db.openLookup(ctx, filepath.Join(dir, "pack", name)); err != nil {
				return err
			}
		case strings.HasSuffix(name, ".pack"):
			p, err := pack.Open(ctx, filepath.Join(dir, "pack", name), db.repo.Format)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				db.skip(packReason(err), "%s: %v", name, err)
				continue
			}
			db.packs = append(db.packs, p)
		case strings.HasSuffix(name, ".idx"):
			if _, err := os.Lstat(filepath.Join(dir, "pack", strings.TrimSuffix(name, ".idx")+".pack")); errors.Is(err, fs.ErrNotExist) {
				db.skip(finding.ReasonMissing, "pack of the index %s", name)
			}
		}
	}
	if db.lookup != nil {
		db.lookup.dirs = append(db.lookup.dirs, dir)
	} else {
		db.listLoose(dir)
	}
	return nil
}

func packReason(err error) finding.Reason {
	switch {
	case errors.Is(err, pack.ErrTooLarge):
		return finding.ReasonTooLarge
	case errors.Is(err, pack.ErrCorrupt) || errors.Is(err, pack.ErrUnusable):
		return finding.ReasonDamaged
	}
	return finding.ReasonUnreadable
}

// alternates returns the objects folders that dir borrows from
// (gitrepository-layout(5), objects/info/alternates).
func (db *Database) alternates(dir string, follow bool) (dirs []string) {
	b, err := readSmall(filepath.Join(dir, "info", "alternates"))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			db.skip(finding.ReasonUnreadable, "%v", err)
		}
		return nil
	}
	for line := range bytes.Lines(b) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		alt := filepath.FromSlash(string(line))
		if !filepath.IsAbs(alt) {
			alt = filepath.Join(dir, alt)
		}
		alt = filepath.Clean(alt)
		if !follow && !db.nearby(alt) {
			db.skip(finding.ReasonUnreadable, "alternate object store %s: it lies outside %s (--follow-alternates reads it)", alt, db.home())
			continue
		}
		dirs = append(dirs, alt)
	}
	return dirs
}

// home is the folder that holds the repository: what lies in it came with it.
func (db *Database) home() string {
	if db.repo.Top != "" && db.repo.GitDir == db.repo.CommonDir {
		return filepath.Dir(db.repo.Top)
	}
	dir := db.repo.CommonDir
	if filepath.Base(dir) == ".git" {
		dir = filepath.Dir(dir)
	}
	return filepath.Dir(dir)
}

// nearby reports whether dir, links resolved, lies below home and belongs to
// the owner of the repository.
func (db *Database) nearby(dir string) bool {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		// It is not there: opening it says so.
		return true
	}
	home, err := filepath.EvalSymlinks(db.home())
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(home, real)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return false
	}
	return sameOwner(db.repo.CommonDir, real)
}

// stores is the number of packs and one for all loose objects.
func (db *Database) stores() int { return len(db.packs) + 1 }

// short is the part of an id that sets of ids keep: ids are hashes, so eight
// bytes tell ten million of them apart.
func short(id oid.ID) uint64 { return binary.LittleEndian.Uint64(id[:8]) }

// compareStores finds the ids that more than one store holds.
func (db *Database) compareStores() {
	db.twice = make([]*pack.Bits, db.stores())
	db.repeated = make([]*pack.Bits, db.stores())
	if len(db.packs) == 0 && len(db.loose) == 0 || len(db.packs) == 1 && len(db.loose) == 0 {
		return
	}
	type place struct {
		store int32
		entry int32
	}
	db.present = make(map[uint64]struct{})
	first := make(map[uint64]place)
	see := func(store, entry int, id oid.ID) {
		k := short(id)
		db.present[k] = struct{}{}
		p, ok := first[k]
		if !ok {
			first[k] = place{int32(store), int32(entry)}
			return
		}
		db.mark(db.twice, int(p.store), int(p.entry))
		db.mark(db.twice, store, entry)
		db.mark(db.repeated, store, entry)
	}
	for i, p := range db.packs {
		p.IDs(func(id oid.ID, entry int) { see(i, entry, id) })
	}
	for i, l := range db.loose {
		see(len(db.packs), i, l.id)
	}
}

// mark puts an entry of a store into a set by store.
func (db *Database) mark(sets []*pack.Bits, store, entry int) {
	if sets[store] == nil {
		n := len(db.loose)
		if store < len(db.packs) {
			n = db.packs[store].Count()
		}
		sets[store] = pack.NewBits(n)
	}
	sets[store].Add(entry)
}

// Has reports whether the database holds an object that bears id.
func (db *Database) Has(id oid.ID) bool {
	if db.lookup != nil {
		return db.lookup.has(id)
	}
	if db.present != nil {
		_, ok := db.present[short(id)]
		return ok
	}
	if len(db.packs) == 1 {
		_, ok := db.packs[0].Find(id)
		return ok
	}
	return false
}

// Totals returns the number of objects, each copy counted, and stored bytes
// that Scan will read.
func (db *Database) Totals() (objects, bytes int64) {
	for _, p := range db.packs {
		objects += int64(p.Count())
		bytes += p.Size()
	}
	for _, l := range db.loose {
		objects++
		bytes += l.size
	}
	return objects, bytes
}

// OutsideAlternates returns the object stores that r's own borrows from and
// that a scan leaves out unless it follows alternates.
func (r *Repository) OutsideAlternates() (dirs []string) {
	db := &Database{repo: r}
	for _, dir := range db.alternates(filepath.Join(r.CommonDir, "objects"), true) {
		if !db.nearby(dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}
