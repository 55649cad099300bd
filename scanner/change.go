package scanner

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/lookup"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
	"keysweep/scanner/worktree"
)

// change finds the keys that are new in the commits of a range, or in the index
// of one repository: first what they add (this file), then what of it the
// parents do not hold (newness.go).
type change struct {
	*Prepared
	target *target
	db     *lookup.Database
	source finding.Source // of blobs
	units  []unit
	whole  bool     // all of the index is scanned, new or not
	tips   []oid.ID // what a range includes
	// inRange, if not nil, walks what is left to be walked, and returns whether
	// a commit is in the range after all.
	inRange func(context.Context) (func(oid.ID) bool, error)
	// merged, after findMerged, reports whether the commit whose comments count
	// reaches one of the range.
	merged func(oid.ID) bool

	mu      sync.Mutex
	added   map[oid.ID][]addition // guarded by mu; objects
	names   []addition            // guarded by mu; those that hold a literal
	pending []introduction
	room    int // of keyPaths

	known map[oid.ID]keySet // of blobs that were read
	below map[oid.ID]keySet // of whole trees
	// broughtBy holds the earliest commit that brings in a key at a location.
	broughtBy map[keyAt]gitdb.CommitRef
}

type keyAt struct {
	key finding.Secret
	at  location
}

// unit is what may bring in keys: a commit, a tag, a tree, or the index.
type unit struct {
	by      gitdb.CommitRef // zero for the index
	parents []oid.ID        // the trees that a new key is in none of
}

// addition is an object or a name that a unit adds at a path.
type addition struct {
	unit   int
	source finding.Source
	path   string
	before []oid.ID // the parents' blobs at this path
}

// introduction is a candidate that a unit adds, and that may not be new.
type introduction struct {
	addition
	*candidate
	allowed int // as candidate.allowed, and what introduce left out
}

func (s *Prepared) newChange(t *target, source finding.Source) *change {
	c := &change{
		Prepared: s, target: t, db: t.db, source: source,
		added: make(map[oid.ID][]addition), known: make(map[oid.ID]keySet),
		below:     make(map[oid.ID]keySet),
		broughtBy: make(map[keyAt]gitdb.CommitRef), room: keyPaths,
	}
	s.changes = append(s.changes, c)
	return c
}

// entry notes what unit adds. It may be called by several goroutines.
func (c *change) entry(unit int, e *lookup.Introduced) error {
	named := e.Named && c.collector.set.Finder().Contains([]byte(baseName(e.Path)))
	if !e.IsBlob() && !named {
		return nil
	}
	if worktree.Exclusions(c.opts.Exclude).Match(e.Path, e.Mode&0o170000 == 0o040000) {
		if e.IsBlob() {
			c.skipOne(finding.ReasonExcluded, e.Path)
		}
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if named {
		c.names = append(c.names, addition{unit: unit, source: finding.SourcePath, path: e.Path})
	}
	if e.IsBlob() {
		c.added[e.ID] = append(c.added[e.ID], addition{unit, c.source, e.Path, slices.Clone(e.Before)})
	}
	return nil
}

// baseName returns the last name of a '/'-separated path.
func baseName(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// readAdditions reads the blobs and names added, and fills pending.
func (c *change) readAdditions(ctx context.Context) error {
	if err := c.readAdded(ctx, oid.Blob); err != nil {
		return err
	}
	j := c.collector.newJudge(ctx)
	for _, a := range c.names {
		j.name(baseName(a.path), location{target: c.target, source: finding.SourcePath, path: a.path})
		c.drain(j, a)
	}
	return nil
}

// readAdded judges the objects in added, which are of one type, and appends what
// may be a finding to pending: once for each addition.
func (c *change) readAdded(ctx context.Context, typ oid.Type) error {
	found, err := c.judgeObjects(ctx, typ, slices.Collect(maps.Keys(c.added)), true)
	if err != nil {
		return err
	}
	for _, id := range slices.SortedFunc(maps.Keys(found), oid.ID.Compare) {
		c.introduce(found[id], c.added[id])
	}
	clear(c.added)
	return nil
}

// introduce appends to pending what may be a finding in an object, at each path
// where it is added. Lines times paths is more than either: beyond a limit, one line
// of each sort is enough (see commentSort), and beyond another, keys are open.
func (c *change) introduce(list []*candidate, added []addition) {
	type alike struct {
		key    finding.Secret
		inside string
		sort   sorts
	}
	kinds := make(map[alike]int) // the first of each in pending
	of := func(k *candidate) alike { return alike{k.match.Secret, k.at.inside, commentSort(k.view.comment)} }
	left := occurrencesPerObject
	for i, a := range added {
		if i > 0 && c.room < len(kinds) {
			for _, k := range list {
				c.cutKeys[k.match.Secret] = true
			}
			c.skipOne(finding.ReasonTooLarge, fmt.Sprintf("paths of changes: keys are added at more than %d; the others were left out", keyPaths))
			return
		}
		clear(kinds)
		for _, k := range list {
			first, known := kinds[of(k)]
			if known && left <= 0 {
				c.pending[first].allowed += 1 + k.allowed
				continue
			}
			if !known {
				kinds[of(k)] = len(c.pending)
			}
			c.pending = append(c.pending, introduction{a, k, k.allowed})
			left--
		}
		if i > 0 {
			c.room -= len(kinds)
		}
	}
}

// keyPaths is how many paths, times the keys of the object there, a change may add
// to the first of each object.
const keyPaths = 200_000

// judgeObjects reads objects and returns what may be a finding in each. isNew
// says that they are those in added, and count as read.
func (c *change) judgeObjects(ctx context.Context, typ oid.Type, ids []oid.ID, isNew bool) (map[oid.ID][]*candidate, error) {
	found := make(map[oid.ID][]*candidate) // guarded by c.mu
	finder := c.collector.set.Finder()
	skipped, err := c.db.ReadAll(ctx, typ, ids, func() func(oid.ID, *pack.Object) error {
		j := c.collector.newJudge(ctx)
		return func(id oid.ID, o *pack.Object) error {
			at := location{target: c.target, object: id}
			var opened []finding.Skipped
			skip := func(list ...finding.Skipped) {
				if isNew {
					c.skip(list...)
				}
			}
			if isNew {
				first := slices.MinFunc(c.added[id], func(a, b addition) int { return cmp.Compare(a.path, b.path) })
				at.source, at.path = first.source, first.path
			}
			if o.Stream != nil {
				// The database reports a broken stream; what came counts.
				_, opened, _ = j.streamOpened(o.Stream, at, int64(o.Size))
			} else if finder.Contains(o.Data) || typ == oid.Blob {
				opened, _ = j.wholeOpened(o.Data, at, typ == oid.Blob)
			}
			skip(opened...)
			list := j.drain(isNew)
			if p := pointerOf(o.Data); p != nil && typ == oid.Blob && o.Stream == nil {
				if err := c.readKept(j, p, o.Data, at, skip, keptOf(c.target.repo)); err != nil {
					return err
				}
				list = append(list, j.drain(isNew)...)
			}
			if o.Size > forgetOver {
				j.forget()
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			if len(list) > 0 {
				found[id] = list
			}
			if isNew {
				c.count(typ, int64(o.Size))
			}
			return context.Cause(ctx)
		}
	})
	c.skip(skipped...)
	return found, err
}

// count notes that an object was read. The caller holds mu.
func (c *change) count(typ oid.Type, size int64) {
	c.opts.Progress.Objects.Add(1)
	read := &c.result.Read
	read.Objects++
	read.Bytes += size
	switch typ {
	case oid.Blob:
		read.Blobs++
	case oid.Commit:
		read.Commits++
	case oid.Tag:
		read.Tags++
	}
}

// drain takes what j found in something that a unit adds.
func (c *change) drain(j *judge, a addition) {
	for _, k := range j.drain(true) {
		c.pending = append(c.pending, introduction{a, k, k.allowed})
	}
}
