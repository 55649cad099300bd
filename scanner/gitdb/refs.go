package gitdb

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"keysweep/finding"
	"keysweep/scanner/gitdb/oid"
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

// readRefs reads the refs of the files backend (git-pack-refs(1),
// gitrepository-layout(5)): packed-refs, and loose ones that override them.
func (r *Repository) readRefs() {
	refs := make(map[string]oid.ID)
	symbolic := make(map[string]string)
	r.readPackedRefs(refs)
	roots := []string{r.CommonDir}
	if r.GitDir != r.CommonDir {
		roots = append(roots, r.GitDir)
	}
	for _, root := range roots {
		r.readLooseRefs(root, "refs", refs, symbolic)
	}
	r.readRef(filepath.Join(r.GitDir, "HEAD"), "HEAD", refs, symbolic)
	if r.GitDir != r.CommonDir {
		r.readRef(filepath.Join(r.CommonDir, "HEAD"), "main-worktree/HEAD", refs, symbolic)
	}
	trees, err := os.ReadDir(filepath.Join(r.CommonDir, "worktrees"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.skip(finding.ReasonUnreadable, "%v", err)
	}
	for _, t := range trees {
		name := "worktrees/" + t.Name() + "/HEAD"
		path := filepath.Join(r.CommonDir, filepath.FromSlash(name))
		if _, err := os.Lstat(path); err == nil {
			r.readRef(path, name, refs, symbolic)
		}
	}
	for name, id := range refs {
		if _, also := symbolic[name]; !also {
			r.Refs = append(r.Refs, Ref{Name: name, ID: id})
		}
	}
	for name, target := range symbolic {
		for range symbolicDepth {
			next, ok := symbolic[target]
			if !ok {
				break
			}
			target = next
		}
		ref := Ref{Name: name}
		if _, deeper := symbolic[target]; !deeper {
			ref.ID = refs[target]
		}
		r.Refs = append(r.Refs, ref)
		if name == "HEAD" {
			r.Head = ref.ID
		}
	}
	if _, also := symbolic["HEAD"]; !also {
		r.Head = refs["HEAD"]
	}
	slices.SortFunc(r.Refs, func(a, b Ref) int { return cmp.Compare(a.Name, b.Name) })
}

func (r *Repository) readPackedRefs(refs map[string]oid.ID) {
	// A repository may have a hundred thousand refs: more than a small file.
	b, err := readRegular(filepath.Join(r.CommonDir, "packed-refs"), packedRefsLimit)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			r.skip(finding.ReasonUnreadable, "%v", err)
		}
		return
	}
	for line := range bytes.Lines(b) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 || line[0] == '#' || line[0] == '^' {
			continue
		}
		hex, name, ok := bytes.Cut(line, []byte(" "))
		id, valid := oid.Parse(hex)
		if !ok || !valid {
			r.skip(finding.ReasonDamaged, "packed-refs: malformed line")
			continue
		}
		refs[string(name)] = id
	}
}

// readLooseRefs reads root/below and what is in it.
func (r *Repository) readLooseRefs(root, below string, refs map[string]oid.ID, symbolic map[string]string) {
	todo := []string{below}
	for len(todo) > 0 {
		dir := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		list, err := os.ReadDir(filepath.Join(root, filepath.FromSlash(dir)))
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				r.skip(finding.ReasonUnreadable, "%v", err)
			}
			continue
		}
		for _, e := range list {
			name := dir + "/" + e.Name()
			switch {
			case strings.HasPrefix(e.Name(), "."), strings.HasSuffix(name, ".lock"):
				// No names of refs: git-check-ref-format(1).
			case e.IsDir():
				todo = append(todo, name)
			case e.Type()&fs.ModeSymlink != 0 && r.linkedFolder(filepath.Join(root, filepath.FromSlash(name))):
				if strings.Count(name, "/") < maxRefDepth {
					todo = append(todo, name)
				}
			default:
				r.readRef(filepath.Join(root, filepath.FromSlash(name)), name, refs, symbolic)
			}
		}
	}
}

// maxRefDepth ends a loop of links among folders of refs.
const maxRefDepth = 50

// linkedFolder reports whether the link at path leads to a folder of this
// repository, which git follows.
func (r *Repository) linkedFolder(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return false
	}
	real, errR := filepath.EvalSymlinks(path)
	common, errC := filepath.EvalSymlinks(r.CommonDir)
	if errR != nil || errC != nil || !strings.HasPrefix(real, common+string(filepath.Separator)) {
		r.skip(finding.ReasonUnreadable, "%s points outside the repository", path)
		return false
	}
	return true
}

// readRef reads one ref file: an id, or "ref: NAME". A symbolic link to a name
// below refs/ is an old form of the latter; it is not followed.
func (r *Repository) readRef(path, name string, refs map[string]oid.ID, symbolic map[string]string) {
	if target, err := os.Readlink(path); err == nil {
		if target = filepath.ToSlash(target); strings.HasPrefix(target, "refs/") {
			symbolic[name] = target
		}
		return
	}
	b, err := readSmall(path)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			r.skip(finding.ReasonUnreadable, "%v", err)
		}
		return
	}
	b = bytes.TrimSpace(b)
	if target, ok := bytes.CutPrefix(b, []byte("ref:")); ok {
		symbolic[name] = string(bytes.TrimSpace(target))
		return
	}
	id, ok := oid.Parse(b)
	if !ok {
		r.skip(finding.ReasonDamaged, "ref %s: not an object id", name)
		return
	}
	refs[name] = id
}

// Ref returns what a whole name of a ref names, and false if there is none.
func (r *Repository) Ref(name string) (oid.ID, bool) {
	i, ok := slices.BinarySearchFunc(r.Refs, name, func(ref Ref, name string) int { return strings.Compare(ref.Name, name) })
	if ok {
		return r.Refs[i].ID, !r.Refs[i].ID.IsZero()
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
