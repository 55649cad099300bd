package gitdb

import (
	"bytes"
	"context"
	"encoding/binary"
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
	young, old map[oid.ID][]byte // the content of trees
	kept       int               // bytes in young
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
	// shownAgain bounds how many bytes are shown of trees that were shown in
	// the same comparison at other paths: a few nested trees can make more
	// paths than there are atoms.
	shownAgain = 1 << 20
)

// NewDiffer returns a Differ whose Reader keeps up to budget bytes.
func (db *Database) NewDiffer(budget int) *Differ {
	return &Differ{db: db, reader: db.NewReader(budget), young: make(map[oid.ID][]byte), broken: make(map[oid.ID]bool)}
}

// Close gives back what d reads with. It must not be used afterwards.
func (d *Differ) Close() { d.db.lookup.spare.Store(d.reader) }

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
	data, err := d.tree(ctx, tree)
	if err != nil {
		return err
	}
	return d.compare(ctx, "", &entries{id: tree, data: data}, parents, emit)
}

func (d *Differ) start() {
	d.again = shownAgain
	d.shown = nil
}

// Entries calls use with each entry of a tree. Its Name is valid until use
// returns.
func (d *Differ) Entries(ctx context.Context, tree oid.ID, use func(e *pack.TreeEntry)) error {
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
	if !ok && id != emptyTree && id != emptyTree256 {
		err := d.reader.Read(ctx, id, func(o *pack.Object) error {
			if o.Type != oid.Tree {
				return fmt.Errorf("%w: %s is a %v, not a tree", ErrRevision, id, o.Type)
			}
			if data = o.Data; d.reader.borrowed {
				data = bytes.Clone(data)
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
	if d.kept += len(data); d.kept > keptTrees {
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
	at   int // behind the current entry, in data or in the index
	from int // where the current entry starts in data

	staged *staged // nil: a tree object
	within *stagedFolder
	sub    int    // the number of the next folder
	name   []byte // of the current entry
}

// next goes to the next entry, whose Name is valid until the next call, and tells of what is none.
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
	others := make([]parentTree, len(parents))
	for i, p := range parents {
		data, err := d.tree(ctx, p)
		if err != nil {
			return err
		}
		others[i].entries = entries{id: p, data: data}
		others[i].end = !others[i].next(d)
	}
	var before, below []oid.ID
	for {
		if len(others) == 1 {
			d.skipEqual(list, &others[0])
		}
		if !list.next(d) {
			return nil
		}
		e := &list.treeEntry
		before, below = before[:0], below[:0]
		named, same := true, false
		for k := range others {
			o := others[k].find(d, e)
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
			d.skip(e.ID, fmt.Errorf("%w: its path is longer than %d bytes", pack.ErrTooLarge, maxPath))
			continue
		}
		if err := d.descend(ctx, name, list, below, emit); err != nil {
			return err
		}
	}
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

// find returns the entry that bears the name of e, or nil. It must be asked in
// git's order; of a tree that is not in order it finds too little, so that too
// much seems new, and nothing is hidden.
func (p *parentTree) find(d *Differ, e *treeEntry) *treeEntry {
	for !p.end && inOrder(&p.treeEntry, e) < 0 {
		p.end = !p.next(d)
	}
	if !p.end && bytes.Equal(p.Name, e.Name) {
		return &p.treeEntry
	}
	// A file and a folder of one name stand at different places.
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
				return nil
			}
		}
		if d.shown == nil {
			d.shown = make(map[oid.ID]bool)
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

// staged is an index, seen as folders. An index holds thousands of files, of
// which few have changed: the entries of a folder are made when it is compared.
type staged struct {
	index   *index.Index
	folders []stagedFolder // each followed by those below it
	trees   []byte         // scratch: the content of the trees from the top to here
}

// stagedFolder is a folder of the index.
type stagedFolder struct {
	first, end int // of the entries
	cut        int // bytes of its path, with the last '/'
	next       int // the number of the folder behind those below it
	// id is the name of the tree that the next commit would hold.
	id oid.ID
	// whole says that it would: there is no conflict in it.
	whole bool
	empty bool // the next commit holds nothing of it
}

// Staged calls emit for each entry of x that none of parents, trees, has. What
// git add -N announces is none. Whether whole folders are as in a parent is told
// by the ids that their trees would have: the index's own notes of them (the
// extension TREE) are not believed. Nothing of what emit gets is part of x. An
// error that wraps index.ErrCorrupt says that x's file was cut short meanwhile.
func (d *Differ) Staged(ctx context.Context, x *index.Index, parents []oid.ID, emit func(*Introduced) error) error {
	var failed error // of emit, and of ctx
	err := pack.Guard(func() error {
		failed = d.staged(ctx, x, parents, emit)
		return failed
	})
	if err != nil && failed == nil {
		err = fmt.Errorf("%w: %w", index.ErrCorrupt, err)
	}
	return err
}

func (d *Differ) staged(ctx context.Context, x *index.Index, parents []oid.ID, emit func(*Introduced) error) error {
	d.start()
	s := &staged{
		index:   x,
		folders: make([]stagedFolder, 0, 1+x.Len()/16),
		trees:   make([]byte, 0, min(64*x.Len(), 256<<10)), // not to grow: what is not used costs nothing
	}
	d.nameFolders(s, 0, x.Len(), 0)
	if top := &s.folders[0]; top.whole {
		for _, p := range parents {
			if p == top.id {
				return nil
			}
		}
	}
	return d.compare(ctx, "", s.list(0), parents, emit)
}

// nameFolders notes the folder of the entries from first to end, which are in
// order and share the first cut bytes of their paths, and those below it.
func (d *Differ) nameFolders(s *staged, first, end, cut int) {
	number := len(s.folders)
	f := stagedFolder{first: first, end: end, cut: cut, whole: true, empty: true}
	s.folders = append(s.folders, f)
	start := len(s.trees)
	add := func(mode uint32, name string, id []byte) {
		s.trees = strconv.AppendUint(s.trees, uint64(mode), 8)
		s.trees = append(append(append(append(s.trees, ' '), name...), 0), id...)
		f.empty = false
	}
	size := d.db.repo.Format.Size()
	for i := first; i < end; {
		e := s.index.At(i)
		name, isFolder := folderOf(&e, cut)
		if !isFolder {
			i++
			if !e.IntentToAdd {
				f.whole = f.whole && e.Stage == 0
				add(e.Mode, name, e.ID)
			}
			continue
		}
		from := i
		prefix := e.Path[cut : cut+len(name)+1]
		for i++; i < end && strings.HasPrefix(s.index.PathAt(i)[cut:], prefix); {
			i++
		}
		sub := len(s.folders)
		d.nameFolders(s, from, i, cut+len(prefix))
		if sub := &s.folders[sub]; !sub.empty {
			f.whole = f.whole && sub.whole
			add(index.ModeFolder, name, sub.id[:size])
		}
	}
	f.id = d.reader.hasher.Sum(oid.Tree, s.trees[start:])
	s.trees = s.trees[:start]
	f.next = len(s.folders)
	s.folders[number] = f
}

// folderOf returns the name that e has in the folder whose path has cut bytes,
// or that of the folder in there that e lies in.
func folderOf(e *index.Entry, cut int) (name string, isFolder bool) {
	name = e.Path[cut:]
	if len(e.Path) > maxPath {
		return name, false // no path that a file system has: not taken apart
	}
	switch slash := strings.IndexByte(name, '/'); {
	case slash < 0:
		return name, false
	case slash == len(name)-1 && e.Mode == index.ModeFolder:
		return name[:slash], false
	default:
		return name[:slash], true
	}
}

// list returns the entries of a folder of s.
func (s *staged) list(number int) *entries {
	f := &s.folders[number]
	return &entries{staged: s, within: f, at: f.first, sub: number + 1}
}

// nextStaged is next for a folder of the index.
func (e *entries) nextStaged() bool {
	for e.at < e.within.end {
		x := e.staged.index.At(e.at)
		name, isFolder := folderOf(&x, e.within.cut)
		e.name = append(e.name[:0], name...)
		if !isFolder {
			e.at++
			if x.IntentToAdd {
				continue
			}
			e.treeEntry = treeEntry{TreeEntry: pack.TreeEntry{Mode: x.Mode, Name: e.name, ID: oid.FromBytes(x.ID)}, stage: x.Stage}
			return true
		}
		number := e.sub
		f := &e.staged.folders[number]
		e.at, e.sub = f.end, f.next
		if !f.empty {
			e.treeEntry = treeEntry{TreeEntry: pack.TreeEntry{Mode: index.ModeFolder, Name: e.name, ID: f.id}, folder: f, number: number}
			return true
		}
	}
	return false
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
