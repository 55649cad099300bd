package lookup

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/index"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

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
	next       int // the number of the folder after those below it
	// id is the name of the tree that the next commit would hold.
	id oid.ID
	// whole says that it would: there is no conflict in it.
	whole bool
	empty bool // the next commit holds nothing of it
}

// Staged calls emit for each entry of x that none of parents, trees, has. Entries
// of git add -N are left out. Whether whole folders are as in a parent
// follows from the ids that their trees would have: the index's own cache of them
// (the extension TREE) is not trusted. Nothing of what emit gets is part of x. An
// error that wraps index.ErrCorrupt says that x's file was truncated meanwhile.
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
	if top := &s.folders[0]; top.whole && slices.Contains(parents, top.id) {
		return nil
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
		i += sort.Search(end-i, func(k int) bool { return !strings.HasPrefix(s.index.At(from + k).Path[cut:], prefix) })
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
// or that of the folder in it that holds e.
func folderOf(e *index.Entry, cut int) (name string, isFolder bool) {
	name = e.Path[cut:]
	if len(e.Path) > gitdb.MaxPath {
		return name, false // longer than the paths of file systems: not split
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
