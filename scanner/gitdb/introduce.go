package gitdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"keysweep/finding"
	"keysweep/scanner/gitdb/index"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// Introduced is an entry of a tree, at any depth, that no parent's tree has at
// the same path.
type Introduced struct {
	Path string // raw bytes, '/'-separated, from the top
	Mode uint32 // as in pack.TreeEntry
	ID   oid.ID
	// Named says that no parent has an entry of this name there: the name is
	// new, too. Else the content is.
	Named bool
	// Before are the blobs that the parents have at this path. It is valid
	// until the call returns.
	Before []oid.ID
	// Stage is that of an entry of the index in a conflict, else 0.
	Stage uint8
}

// IsBlob reports whether the entry has content in this repository.
func (i *Introduced) IsBlob() bool { return i.Mode&0o170000 != 0o040000 && i.Mode&0o170000 != 0o160000 }

// Differ compares trees, and keeps those that it has read. It is the scratch of
// one goroutine.
type Differ struct {
	// Skipped is what could not be read.
	Skipped []finding.Skipped

	db         *Database
	reader     *Reader
	young, old map[oid.ID][]treeEntry
	kept       int // entries in young
	budget     int // entries that may be in young
	again      int // entries that one comparison may still show of trees shown before
	shown      map[oid.ID]bool
	buf        bytes.Buffer
}

// treeEntry is an entry of a tree object, or of the index.
type treeEntry struct {
	pack.TreeEntry
	folder *stagedFolder // of the index
	stage  uint8
}

// The limits of a Differ.
const (
	keptEntries = 200_000 // about 16 MiB
	// shownAgain bounds how many entries are shown of trees that were shown in
	// the same comparison at other paths: a few nested trees can make more
	// paths than there are atoms.
	shownAgain = 20_000
)

// NewDiffer returns a Differ whose Reader keeps up to budget bytes.
func (db *Database) NewDiffer(budget int) *Differ {
	return &Differ{db: db, reader: db.NewReader(budget), young: make(map[oid.ID][]treeEntry), budget: keptEntries}
}

// Introduced calls emit for each entry that tree has and none of parents does.
// A tree that cannot be read goes to Skipped; if it is a parent's, it counts as
// empty. The error is ctx's or emit's.
func (d *Differ) Introduced(ctx context.Context, tree oid.ID, parents []oid.ID, emit func(*Introduced) error) error {
	for _, p := range parents {
		if p == tree {
			return nil
		}
	}
	d.start()
	list, err := d.tree(ctx, tree)
	if err != nil {
		return err
	}
	return d.compare(ctx, "", list, parents, emit)
}

func (d *Differ) start() {
	d.again = shownAgain
	d.shown = nil
}

// Entries calls use with each entry of a tree.
func (d *Differ) Entries(ctx context.Context, tree oid.ID, use func(e *pack.TreeEntry)) error {
	list, err := d.tree(ctx, tree)
	for i := range list {
		use(&list[i].TreeEntry)
	}
	return err
}

// tree returns the entries of a tree, as far as they can be read.
func (d *Differ) tree(ctx context.Context, id oid.ID) ([]treeEntry, error) {
	if list, ok := d.young[id]; ok {
		return list, nil
	}
	list, ok := d.old[id]
	if !ok && id != emptyTree && id != emptyTree256 {
		err := d.reader.Read(ctx, id, func(o *pack.Object) error {
			if o.Type != oid.Tree {
				return fmt.Errorf("%w: %s is a %v, not a tree", ErrRevision, id, o.Type)
			}
			size := d.db.repo.Format.Size()
			list = make([]treeEntry, 0, len(o.Data)/(size+16))
			// A loose object's bytes are used again, those of a pack are not;
			// one copy more is cheap.
			data := bytes.Clone(o.Data)
			for at := 0; at < len(data); {
				e, next, err := pack.ParseTreeEntry(data, at, size)
				if err != nil {
					d.skip(id, err)
					break
				}
				list = append(list, treeEntry{TreeEntry: e})
				at = next
			}
			return nil
		})
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			d.skip(id, err)
		}
	}
	if d.kept += len(list) + 1; d.kept > d.budget {
		d.old, d.young, d.kept = d.young, make(map[oid.ID][]treeEntry), len(list)+1
	}
	d.young[id] = list
	return list, nil
}

func (d *Differ) skip(id oid.ID, err error) {
	d.Skipped = finding.AddSkipped(d.Skipped, d.db.skippedObject(id, err))
}

// compare shows what list, the entries of the folder at path, holds and no tree
// of parents does.
func (d *Differ) compare(ctx context.Context, path string, list []treeEntry, parents []oid.ID, emit func(*Introduced) error) error {
	others := make([][]treeEntry, len(parents))
	for i, p := range parents {
		var err error
		if others[i], err = d.tree(ctx, p); err != nil {
			return err
		}
	}
	at := make([]int, len(others)) // the next entry of each
	var before, below []oid.ID
	for i := range list {
		e := &list[i]
		before, below = before[:0], below[:0]
		named, same := true, false
		for k, other := range others {
			// Both are in git's order; one that is not shows too much as new,
			// and hides nothing.
			for at[k] < len(other) && inOrder(&other[at[k]], e) < 0 {
				at[k]++
			}
			o := lookFor(other, at[k], e)
			if o == nil {
				continue
			}
			named = false
			switch {
			case o.ID == e.ID && o.IsTree() == e.IsTree() && o.IsSubmodule() == e.IsSubmodule() && (e.folder == nil || e.folder.whole):
				same = true
			case o.IsTree():
				below = append(below, o.ID)
			case !o.IsSubmodule():
				before = append(before, o.ID)
			}
		}
		if same {
			continue
		}
		name := string(e.Name)
		if path != "" {
			name = path + "/" + name
		}
		in := Introduced{Path: name, Mode: e.Mode, ID: e.ID, Named: named, Before: before, Stage: e.stage}
		if named || in.IsBlob() {
			if err := emit(&in); err != nil {
				return err
			}
		}
		if !e.IsTree() {
			continue
		}
		if len(name) > maxPath {
			d.Skipped = finding.AddSkipped(d.Skipped, finding.Skipped{Reason: finding.ReasonTooLarge, Count: 1, Detail: fmt.Sprintf("tree %s: its path is longer than %d bytes", e.ID, maxPath)})
			continue
		}
		if err := d.descend(ctx, name, e, below, emit); err != nil {
			return err
		}
	}
	return nil
}

// descend compares the folder e at path with the trees of the parents there.
func (d *Differ) descend(ctx context.Context, path string, e *treeEntry, below []oid.ID, emit func(*Introduced) error) error {
	if e.folder != nil {
		return d.compare(ctx, path, e.folder.entries, below, emit)
	}
	list, err := d.tree(ctx, e.ID)
	if err != nil {
		return err
	}
	if len(below) == 0 {
		if d.shown[e.ID] {
			if d.again -= len(list); d.again < 0 {
				return nil
			}
		}
		if d.shown == nil {
			d.shown = make(map[oid.ID]bool)
		}
		d.shown[e.ID] = true
	}
	return d.compare(ctx, path, list, below, emit)
}

// lookFor returns the entry of list that bears the name of e, or nil. A file and
// a folder of one name stand at different places: from is where e would.
func lookFor(list []treeEntry, from int, e *treeEntry) *treeEntry {
	if from < len(list) && bytes.Equal(list[from].Name, e.Name) {
		return &list[from]
	}
	// Names between "x" and "x/" begin with x and a smaller byte than '/'.
	step := 1
	if e.IsTree() {
		from, step = from-1, -1
	}
	for i := from; i >= 0 && i < len(list) && bytes.HasPrefix(list[i].Name, e.Name); i += step {
		if len(list[i].Name) == len(e.Name) {
			return &list[i]
		}
	}
	return nil
}

// inOrder compares as git sorts the entries of a tree: a folder as if its name
// ended in '/'.
func inOrder(a, b *treeEntry) int {
	n := min(len(a.Name), len(b.Name))
	if c := bytes.Compare(a.Name[:n], b.Name[:n]); c != 0 {
		return c
	}
	return int(nameByte(a, n)) - int(nameByte(b, n))
}

func nameByte(e *treeEntry, i int) byte {
	switch {
	case i < len(e.Name):
		return e.Name[i]
	case e.IsTree():
		return '/'
	}
	return 0
}

// stagedFolder is a folder of the index.
type stagedFolder struct {
	entries []treeEntry
	// whole says that entries are what the next commit holds of the folder, and
	// that its tree would bear the id of its entry: there is no conflict in it.
	whole bool
}

// Staged calls emit for each entry of x that none of parents, trees, has. What
// git add -N announces is none. Whether whole folders are as in a parent is told
// by the ids that their trees would have: the index's own notes of them (the
// extension TREE) are not believed.
func (d *Differ) Staged(ctx context.Context, x *index.Index, parents []oid.ID, emit func(*Introduced) error) error {
	d.start()
	top, id := d.stagedFolder(x.Entries, 0)
	if top.whole {
		for _, p := range parents {
			if p == id {
				return nil
			}
		}
	}
	return d.compare(ctx, "", top.entries, parents, emit)
}

// stagedFolder builds the folder of entries, which are in order and share the
// first cut bytes of their paths, and the id of its tree.
func (d *Differ) stagedFolder(entries []index.Entry, cut int) (*stagedFolder, oid.ID) {
	f := &stagedFolder{whole: true}
	for len(entries) > 0 {
		e := &entries[0]
		name := e.Path[cut:]
		slash := strings.IndexByte(name, '/')
		if len(e.Path) > maxPath {
			slash = -1 // no path that a file system has: not taken apart
		}
		if slash < 0 || slash == len(name)-1 && e.Mode == index.ModeFolder {
			entries = entries[1:]
			if e.IntentToAdd {
				continue
			}
			if slash >= 0 {
				name = name[:slash]
			}
			f.whole = f.whole && e.Stage == 0
			f.entries = append(f.entries, treeEntry{TreeEntry: pack.TreeEntry{Mode: e.Mode, Name: []byte(name), ID: oid.FromBytes(e.ID)}, stage: e.Stage})
			continue
		}
		n := 1
		for n < len(entries) && len(entries[n].Path) > cut+slash && entries[n].Path[cut:cut+slash+1] == name[:slash+1] {
			n++
		}
		sub, id := d.stagedFolder(entries[:n], cut+slash+1)
		entries = entries[n:]
		if len(sub.entries) == 0 {
			continue
		}
		f.whole = f.whole && sub.whole
		f.entries = append(f.entries, treeEntry{TreeEntry: pack.TreeEntry{Mode: index.ModeFolder, Name: []byte(name[:slash]), ID: id}, folder: sub})
	}
	d.buf.Reset()
	size := d.db.repo.Format.Size()
	for i := range f.entries {
		e := &f.entries[i]
		b := strconv.AppendUint(d.buf.AvailableBuffer(), uint64(e.Mode), 8)
		b = append(append(append(b, ' '), e.Name...), 0)
		d.buf.Write(append(b, e.ID[:size]...))
	}
	return f, d.reader.hasher.Sum(oid.Tree, d.buf.Bytes())
}

// TreeOf returns the tree of a commit, or of the commit or tree that a tag
// names. The error is ctx's, wraps ErrAbsent or pack.ErrCorrupt, or says that
// there is none.
func (db *Database) TreeOf(ctx context.Context, id oid.ID) (oid.ID, error) {
	tree, err := db.peeled(ctx, id, oid.Tree)
	if err != nil && errors.Is(err, ErrRevision) {
		err = fmt.Errorf("%w: %w", pack.ErrCorrupt, err)
	}
	return tree, err
}
