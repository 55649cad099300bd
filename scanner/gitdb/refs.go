package gitdb

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"keysweep/file"
	"keysweep/finding"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/reftable"
)

// Ref is a name for an object: below refs/, or the HEAD of a working tree.
type Ref struct {
	Name string // raw bytes, for example refs/heads/main, HEAD, worktrees/x/HEAD
	ID   oid.ID // zero: it names a ref that is not there (an unborn branch)
}

// symbolicDepth is how far a symbolic ref is followed, as git does.
const symbolicDepth = 5

// packedRefsLimit is room for a million refs.
const packedRefsLimit = 128 << 20

// refFiles are refs as far as they were read: those of the files backend
// (git-pack-refs(1), gitrepository-layout(5)), packed-refs and loose ones, which
// override them, or those of reftables.
type refFiles struct {
	repo     *Repository
	ids      map[string]oid.ID
	symbolic map[string]string // the name of another ref
	gone     []string          // what a listing named and was not there
	circles  map[string]bool   // by a ref of each: noted
	onDemand bool              // resolve reads what it needs
	stacks   []reftable.Stack  // where that is, if refs are in reftables
}

func (r *Repository) newRefFiles() *refFiles {
	return &refFiles{repo: r, ids: make(map[string]oid.ID), symbolic: make(map[string]string), circles: make(map[string]bool)}
}

// resolve returns what a ref leads to, zero if that is not there.
func (f *refFiles) resolve(name string) oid.ID {
	for range symbolicDepth + 2 {
		if f.onDemand && !f.isKnown(name) {
			f.find(name)
		}
		target, ok := f.symbolic[name]
		if !ok {
			return f.ids[name]
		}
		name = target
	}
	f.noteCircle(name)
	return oid.ID{}
}

// noteCircle notes, once, symbolic refs that lead to each other, name among them. A
// long chain has an end, to which git does not follow it.
func (f *refFiles) noteCircle(name string) {
	first, at := name, f.symbolic[name]
	for range maxCircle {
		if at == "" || at == name {
			break
		}
		first, at = min(first, at), f.symbolic[at]
	}
	if at == name && !f.circles[first] {
		f.circles[first] = true
		f.repo.skip(finding.ReasonDamaged, "symbolic ref %s: it leads in a circle", first)
	}
}

// maxCircle is how long a circle may be to be noticed, in refs.
const maxCircle = 100

func (f *refFiles) isKnown(name string) bool {
	_, isSymbolic := f.symbolic[name]
	_, isRef := f.ids[name]
	return isSymbolic || isRef
}

// readRefs fills Refs and Head.
func (r *Repository) readRefs() {
	f := r.newRefFiles()
	worktrees := r.worktrees()
	if r.refs.isReftable {
		f.readStacks(worktrees)
	} else if !r.refs.unknown {
		f.readFiles(worktrees)
	}
	for name := range f.ids {
		f.list(name)
	}
	for name := range f.symbolic {
		if _, also := f.ids[name]; !also {
			f.list(name)
		}
	}
	slices.SortFunc(r.Refs, func(a, b Ref) int { return cmp.Compare(a.Name, b.Name) })
	r.Head, r.symbolic = f.resolve("HEAD"), f.symbolic
}

// list adds a ref to the repository's. ORIG_HEAD and its like are no refs that keep
// an object reachable.
func (f *refFiles) list(name string) {
	ref := Ref{name, f.resolve(name)}
	if name != "HEAD" && !strings.Contains(name, "/") {
		f.repo.pseudo = append(f.repo.pseudo, ref)
		return
	}
	f.repo.Refs = append(f.repo.Refs, ref)
}

// worktrees returns the names of the linked working trees.
func (r *Repository) worktrees() (names []string) {
	list, err := os.ReadDir(filepath.Join(r.CommonDir, "worktrees"))
	if present(err) != nil {
		r.skip(finding.ReasonUnreadable, "%v", err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// readFiles reads all refs of the files backend.
func (f *refFiles) readFiles(worktrees []string) {
	common, own := f.repo.refFolders()
	f.readLoose(common, "refs")
	f.read(filepath.Join(own, "HEAD"), "HEAD")
	if own != common {
		f.readLoose(own, "refs")
		f.read(filepath.Join(common, "HEAD"), "main-worktree/HEAD")
	}
	for _, worktree := range worktrees {
		name := "worktrees/" + worktree + "/HEAD"
		path := file.Exact(filepath.Join(common, filepath.FromSlash(name)))
		if _, err := os.Lstat(path); !file.Absent(err) { // git worktree prune removes such a folder
			f.read(path, name)
		}
	}
	f.readPacked() // last: git pack-refs moves refs into it
	f.noteGone()
}

func (f *refFiles) readPacked() {
	// A repository may have a hundred thousand refs: more than a small file.
	common, _ := f.repo.refFolders()
	b, err := readRegular(filepath.Join(common, "packed-refs"), packedRefsLimit)
	if err != nil {
		if !file.Absent(err) {
			f.repo.skip(finding.ReasonUnreadable, "%v", err)
		}
		return
	}
	packed := make(map[string]oid.ID)
	for line := range bytes.Lines(b) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 || line[0] == '#' || line[0] == '^' {
			continue
		}
		hex, name, ok := bytes.Cut(line, []byte(" "))
		id, valid := oid.Parse(hex)
		if !ok || !valid {
			f.repo.skip(finding.ReasonDamaged, "packed-refs: malformed line")
			continue
		}
		packed[string(name)] = id
	}
	for name, id := range packed {
		if !f.isKnown(name) { // a loose ref overrides it
			f.ids[name] = id
		}
	}
}

// noteGone notes the refs that a listing named, and that are neither loose nor packed
// any more.
func (f *refFiles) noteGone() {
	for _, name := range f.gone {
		if !f.isKnown(name) {
			f.repo.skip(finding.ReasonChanged, "ref %s: vanished", name)
		}
	}
}

// readLoose reads root/below and what is in it.
func (f *refFiles) readLoose(root, below string) {
	todo := []string{below}
	for len(todo) > 0 {
		dir := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		list, err := os.ReadDir(file.Exact(filepath.Join(root, filepath.FromSlash(dir))))
		if err != nil {
			if !file.Absent(err) {
				f.repo.skip(finding.ReasonUnreadable, "%v", err)
			} else if dir != below {
				f.gone = append(f.gone, dir+"/")
			}
			continue
		}
		for _, e := range list {
			name := dir + "/" + e.Name()
			path := file.Exact(filepath.Join(root, filepath.FromSlash(name)))
			switch {
			case strings.HasPrefix(e.Name(), "."), strings.HasSuffix(name, ".lock"):
				// Not the name of a ref: git-check-ref-format(1).
			case e.IsDir():
				todo = append(todo, name)
			case e.Type()&fs.ModeSymlink != 0 && f.repo.linkedFolder(path):
				if strings.Count(name, "/") < maxRefDepth {
					todo = append(todo, name)
				}
			default:
				f.read(path, name)
			}
		}
	}
}

// maxRefDepth ends a loop of links among folders of refs.
const maxRefDepth = 50

// linkedFolder reports whether the link at path leads to a folder of this
// repository, which git follows.
func (r *Repository) linkedFolder(path string) bool {
	if err := r.guard.Links(path); err != nil {
		r.skip(finding.ReasonUnreadable, "%v", err)
		return false
	}
	info, err := file.Stat(path)
	if present(err) != nil {
		r.skip(finding.ReasonUnreadable, "%v", err)
	}
	if err != nil || !info.IsDir() {
		return false
	}
	real, errR := filepath.EvalSymlinks(path)
	folder, _ := r.refFolders()
	common, errC := filepath.EvalSymlinks(folder)
	if errR != nil || errC != nil || !strings.HasPrefix(real, common+string(filepath.Separator)) {
		r.skip(finding.ReasonUnreadable, "%s points outside the repository", path)
		return false
	}
	return true
}

// read reads one ref file: an id, or "ref: NAME". What a listing named is read again
// if it is not there: a value in packed-refs may be older.
func (f *refFiles) read(path, name string) {
	path = file.Exact(path)
	target, b, err := readRef(path)
	if file.Absent(err) {
		target, b, err = readRef(path)
	}
	switch {
	case file.Absent(err):
		f.gone = append(f.gone, name)
		return
	case err != nil:
		f.repo.skip(finding.ReasonUnreadable, "%v", err)
		return
	case target != "":
		f.symbolic[name] = target
		return
	}
	b = bytes.TrimSpace(b)
	if target, ok := bytes.CutPrefix(b, []byte("ref:")); ok {
		f.symbolic[name] = string(bytes.TrimSpace(target))
		return
	}
	id, ok := oid.Parse(b)
	if !ok {
		f.repo.skip(finding.ReasonDamaged, "ref %s: not an object id", name)
		return
	}
	f.ids[name] = id
}

// readRef reads the file of a ref. A symbolic link to a name below refs/, target, is
// an old form of "ref: NAME"; no other is followed.
func readRef(path string) (target string, text []byte, err error) {
	target, err = os.Readlink(path)
	if err == nil {
		if target = filepath.ToSlash(target); !strings.HasPrefix(target, "refs/") {
			err = fmt.Errorf("%s: a symbolic link to a file", path)
		}
		return target, nil, err
	}
	if runtime.GOOS == "windows" || errors.Is(err, syscall.EINVAL) { // no link
		text, err = readSmall(path)
	}
	return "", text, err
}

// Tips returns the objects that refs and HEADs lead to.
func (r *Repository) Tips() (ids []oid.ID) {
	for _, ref := range r.Refs {
		if !ref.ID.IsZero() {
			ids = append(ids, ref.ID)
		}
	}
	return ids
}

// Symbolic returns the name of the ref that a symbolic ref with this full name leads
// to. "": it is none.
func (r *Repository) Symbolic(name string) string { return r.symbolic[name] }

// Ref returns the id of the ref with this full name, and false if there is none.
func (r *Repository) Ref(name string) (oid.ID, bool) {
	i, ok := slices.BinarySearchFunc(r.Refs, name, func(ref Ref, name string) int { return strings.Compare(ref.Name, name) })
	if ok {
		return r.Refs[i].ID, !r.Refs[i].ID.IsZero()
	}
	for _, ref := range r.pseudo {
		if ref.Name == name {
			return ref.ID, !ref.ID.IsZero()
		}
	}
	// FETCH_HEAD, MERGE_HEAD, ORIG_HEAD and the like are files beside HEAD.
	if !strings.HasSuffix(name, "_HEAD") || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != "" {
		return oid.ID{}, false
	}
	b, err := readSmall(filepath.Join(r.GitDir, name))
	digits := 2 * r.Format.Size()
	if err != nil || len(b) < digits {
		return oid.ID{}, false
	}
	return oid.Parse(b[:digits])
}
