package lookup

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
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
	// new as well as the content.
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
	young, old map[oid.ID][]byte // the content of trees
	kept, keep int               // bytes in young, and the most
	open       int               // bytes of the trees that are being compared
	depth      int               // of calls
	among      bool              // others compare at the same time
	large      bool              // it holds db.large
	broken     map[oid.ID]bool   // trees that were skipped
	again      int               // bytes that one comparison may still show of trees shown before
	shown      map[oid.ID]bool
}

// treeEntry is an entry of a tree object, or of the index.
type treeEntry struct {
	pack.TreeEntry
	folder *stagedFolder // of the index
	number int           // of folder
	stage  uint8
}

// The limits of a Differ.
const (
	keptTrees = 8 << 20 // bytes
	// openTrees bounds the bytes of trees that are compared at once: those from
	// the top to a folder, and the parents'. A deeper folder is too large.
	openTrees = 128 << 20
	// smallTrees are bytes of trees that all workers may hold at once. Only one
	// of them holds more.
	smallTrees = 4 << 20
	// shownAgain bounds how many bytes are shown of trees that were shown in
	// the same comparison at other paths: a few nested trees can make more
	// paths than there are atoms. What is beyond it is skipped as too large.
	shownAgain = 4 << 20
)

// NewDiffer returns a Differ whose Reader keeps up to budget bytes.
func (db *Database) NewDiffer(budget int) *Differ {
	r := db.NewReader(budget)
	r.share(db.trees)
	return &Differ{db: db, reader: r, keep: keptTrees, young: make(map[oid.ID][]byte), broken: make(map[oid.ID]bool), shown: make(map[oid.ID]bool)}
}

// Close gives back what d reads with. It must not be used afterwards.
func (d *Differ) Close() { d.db.spare.Store(d.reader) }

// Introduced calls emit for each entry that tree has and none of parents does.
// A tree that cannot be read goes to Skipped; if it is a parent's, it counts as
// empty. The error is ctx's or emit's.
func (d *Differ) Introduced(ctx context.Context, tree oid.ID, parents []oid.ID, emit func(*Introduced) error) error {
	if slices.Contains(parents, tree) {
		return nil
	}
	d.start()
	defer d.enter()()
	data, err := d.tree(ctx, tree)
	if err != nil {
		return err
	}
	return d.compare(ctx, "", &entries{id: tree, data: data}, parents, emit)
}

// enter begins a call that holds trees; the function that it returns ends it.
func (d *Differ) enter() (leave func()) {
	d.depth++
	return func() {
		if d.depth--; d.depth == 0 && d.large {
			d.large = false
			clear(d.young) // which may hold a large one
			clear(d.old)
			d.kept = 0
			d.db.large.Unlock()
		}
	}
}

// alone waits until no other worker holds large trees.
func (d *Differ) alone() {
	if d.among && !d.large {
		d.db.large.Lock()
		d.large = true
	}
}

// hold counts the bytes of a tree that is compared, and reports whether they are
// not too many.
func (d *Differ) hold(n int) bool {
	if d.open += n; d.open > smallTrees {
		d.alone()
	}
	return d.open <= openTrees
}

func (d *Differ) start() {
	d.again = shownAgain
	clear(d.shown)
}

// Entries calls use with each entry of a tree. Its Name is valid until use
// returns.
func (d *Differ) Entries(ctx context.Context, tree oid.ID, use func(e *pack.TreeEntry)) error {
	defer d.enter()()
	data, err := d.tree(ctx, tree)
	if err != nil {
		return err
	}
	for list := (entries{id: tree, data: data}); list.next(d); {
		use(&list.TreeEntry)
	}
	return nil
}

// tree returns the content of a tree, nothing if it cannot be read.
func (d *Differ) tree(ctx context.Context, id oid.ID) ([]byte, error) {
	if data, ok := d.young[id]; ok {
		return data, nil
	}
	data, ok := d.old[id]
	if !ok && !gitdb.IsEmptyTree(id) {
		read := func() error {
			return d.reader.readTyped(ctx, id, oid.Tree, func(b []byte) error {
				switch {
				case len(b) > smallTrees && d.among && !d.large:
					data = nil // until no other worker has such a tree
				case d.reader.borrowed:
					data = bytes.Clone(b)
				default:
					data = b
				}
				return nil
			})
		}
		err := read()
		if err == nil && data == nil {
			d.alone()
			err = read()
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			d.skip(id, err)
		}
	}
	if d.kept += len(data); d.kept > d.keep {
		d.old, d.young, d.kept = d.young, make(map[oid.ID][]byte), len(data)
	}
	d.young[id] = data
	return data, nil
}

func (d *Differ) skip(id oid.ID, err error) {
	if !d.broken[id] {
		d.broken[id] = true
		d.Skipped = finding.AddSkipped(d.Skipped, d.db.skippedObject(id, err))
	}
}

// entries goes through those of a tree object, or of a folder of the index. It
// starts before the first.
type entries struct {
	treeEntry
	id   oid.ID
	data []byte
	at   int // after the current entry, in data or in the index
	from int // where the current entry starts in data

	staged *staged // nil: a tree object
	within *stagedFolder
	sub    int    // the number of the next folder
	name   []byte // of the current entry
}

// next goes to the next entry, whose Name is valid until the next call. It reports
// whether there is one.
func (e *entries) next(d *Differ) bool {
	if e.staged != nil {
		return e.nextStaged()
	}
	if e.at >= len(e.data) {
		return false
	}
	entry, next, err := pack.ParseTreeEntry(e.data, e.at, d.db.repo.Format.Size())
	if err != nil {
		d.skip(e.id, err)
		e.at = len(e.data)
		return false
	}
	e.TreeEntry, e.from, e.at = entry, e.at, next
	return true
}

// parentTree is a parent's tree, at an entry that is not before the one that is
// looked for, or at its end.
type parentTree struct {
	entries
	end bool
}

// compare shows what list, the entries of the folder at path, holds and no tree
// of parents does.
func (d *Differ) compare(ctx context.Context, path string, list *entries, parents []oid.ID, emit func(*Introduced) error) error {
	defer func(open int) { d.open = open }(d.open)
	few := d.hold(len(list.data))
	others := make([]parentTree, len(parents))
	for i, p := range parents {
		data, err := d.tree(ctx, p)
		if err != nil {
			return err
		}
		if few = few && d.hold(len(data)); !few {
			break
		}
		others[i].entries = entries{id: p, data: data}
		others[i].end = !others[i].next(d)
	}
	if !few {
		d.skip(list.id, fmt.Errorf("%w: it and the folders above it have more than %d bytes, or the parents'", pack.ErrTooLarge, openTrees))
		return nil
	}
	var in Introduced
	var below []oid.ID // the parents' trees at the entry's path
	for {
		if len(others) == 1 {
			d.skipEqual(list, &others[0])
		}
		if !list.next(d) {
			return nil
		}
		e := &list.treeEntry
		in = Introduced{Mode: e.Mode, ID: e.ID, Named: true, Before: in.Before[:0], Stage: e.stage}
		var same bool
		if below, same = d.against(others, e, &in, below[:0]); same {
			continue
		}
		if in.Path = string(e.Name); path != "" {
			in.Path = path + "/" + in.Path
		}
		if in.Named || in.IsBlob() {
			if err := emit(&in); err != nil {
				return err
			}
		}
		if !e.IsTree() {
			continue
		}
		if len(in.Path) > gitdb.MaxPath {
			d.skip(e.ID, fmt.Errorf("%w: its path is longer than %d bytes", pack.ErrTooLarge, gitdb.MaxPath))
			continue
		}
		if err := d.descend(ctx, in.Path, list, below, emit); err != nil {
			return err
		}
	}
}

// against fills in what the parents' trees have at the entry e: Named and Before,
// and, appended to below, trees. same says that one of them has e itself.
func (d *Differ) against(others []parentTree, e *treeEntry, in *Introduced, below []oid.ID) (_ []oid.ID, same bool) {
	for k := range others {
		o := others[k].find(d, e)
		if o == nil {
			continue
		}
		in.Named = false
		switch {
		case o.ID == e.ID && o.IsTree() == e.IsTree() && o.IsSubmodule() == e.IsSubmodule() && (e.folder == nil || e.folder.whole):
			same = true
		case o.IsTree():
			below = append(below, o.ID)
		case !o.IsSubmodule():
			in.Before = append(in.Before, o.ID)
		}
	}
	return below, same
}

// skipEqual goes over entries that both trees have here, byte for byte: most of
// two versions of a large folder.
func (d *Differ) skipEqual(list *entries, other *parentTree) {
	if list.staged != nil || other.end {
		return
	}
	a, b := list.data[list.at:], other.data[other.from:]
	n, limit := 0, min(len(a), len(b))
	for n+8 <= limit && binary.LittleEndian.Uint64(a[n:]) == binary.LittleEndian.Uint64(b[n:]) {
		n += 8
	}
	for n < limit && a[n] == b[n] {
		n++
	}
	end := 0 // of the last whole entry in a[:n]
	for {
		name := bytes.IndexByte(a[end:n], 0)
		if name < 0 || end+name+1+d.db.repo.Format.Size() > n {
			break
		}
		end += name + 1 + d.db.repo.Format.Size()
	}
	if end > 0 {
		list.at += end
		other.at = other.from + end
		other.end = !other.next(d)
	}
}

// find returns the entry that bears the name of e, or nil. It must be called in
// git's order; in a tree that is not in order it finds too little, so that too
// much seems new, and nothing is hidden.
func (p *parentTree) find(d *Differ, e *treeEntry) *treeEntry {
	for !p.end && inOrder(&p.treeEntry, e) < 0 {
		p.end = !p.next(d)
	}
	if !p.end && bytes.Equal(p.Name, e.Name) {
		return &p.treeEntry
	}
	// A file and a folder of one name sort differently.
	for all := (entries{id: p.id, data: p.data}); all.next(d); {
		if bytes.Equal(all.Name, e.Name) {
			found := all.treeEntry
			return &found
		}
	}
	return nil
}

// descend compares the folder that list is at, which is at path, with the trees
// of the parents there.
func (d *Differ) descend(ctx context.Context, path string, list *entries, below []oid.ID, emit func(*Introduced) error) error {
	e := &list.treeEntry
	if e.folder != nil {
		return d.compare(ctx, path, list.staged.list(e.number), below, emit)
	}
	data, err := d.tree(ctx, e.ID)
	if err != nil {
		return err
	}
	if len(below) == 0 {
		if d.shown[e.ID] {
			if d.again -= len(data); d.again < 0 {
				d.skip(e.ID, fmt.Errorf("%w: its paths are too many", pack.ErrTooLarge))
				return nil
			}
		}
		d.shown[e.ID] = true
	}
	return d.compare(ctx, path, &entries{id: e.ID, data: data}, below, emit)
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
