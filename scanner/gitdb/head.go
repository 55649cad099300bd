package gitdb

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"keysweep/file"
	"keysweep/finding"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
	"keysweep/scanner/gitdb/reftable"
)

// readHead finds the Head that readRefs does, and reads no other refs than those
// on the way: HEAD is the only one in Refs.
func (r *Repository) readHead() {
	f := r.newRefFiles()
	f.onDemand = true
	if r.refs.isReftable {
		r.Head = f.headInTables()
	} else if !r.refs.unknown {
		_, own := r.refFolders()
		f.read(filepath.Join(own, "HEAD"), "HEAD")
		r.Head = f.resolve("HEAD")
	}
	f.noteGone()
	r.Refs = []Ref{{Name: "HEAD", ID: r.Head}}
}

// headInTables returns what HEAD leads to. Tables are mapped, since little of them is read.
func (f *refFiles) headInTables() (head oid.ID) {
	var mapped [][]byte
	defer func() {
		for _, data := range mapped {
			pack.Unmap(data)
		}
	}()
	err := pack.Guard(func() error {
		open := func(folder string) reftable.Stack {
			return f.repo.openStackBy(folder, func(path string) ([]byte, error) {
				data, err := pack.Map(path)
				mapped = append(mapped, data)
				return data, err
			})
		}
		common, own := f.repo.refFolders()
		f.stacks = []reftable.Stack{open(own)}
		if own != common {
			f.stacks = append(f.stacks, open(common))
		}
		f.findIn(f.stacks[0], "HEAD", "HEAD")
		head = f.resolve("HEAD")
		return nil
	})
	if err != nil {
		f.repo.skip(finding.ReasonDamaged, "refs: %v", err)
	}
	f.stacks = nil
	return head
}

// find reads one ref below refs/: of this working tree's stack or the common one; or
// a loose one of this working tree, or of the main one, or a packed one.
func (f *refFiles) find(name string) {
	if !strings.HasPrefix(name, "refs/") {
		return
	}
	for _, stack := range f.stacks {
		if !f.isKnown(name) {
			f.findIn(stack, name, name)
		}
	}
	if f.stacks != nil {
		return
	}
	common, own := f.repo.refFolders()
	for _, root := range []string{own, common} {
		if !f.isKnown(name) && f.repo.isLooseName(root, name) {
			f.read(filepath.Join(root, filepath.FromSlash(name)), name)
		}
	}
	if !f.isKnown(name) {
		f.findPacked(name)
	}
}

// isLooseName reports whether root may have a loose ref of this name that
// readLoose would read, and that is a file. Where that is not known, reading it says
// so.
func (r *Repository) isLooseName(root, name string) bool {
	if strings.ContainsAny(name, `:\`) || strings.HasSuffix(name, ".lock") {
		return false // git-check-ref-format(1); on Windows it would be elsewhere
	}
	dir := root
	parts := strings.Split(name, "/")
	for i, part := range parts {
		if part == "" || strings.HasPrefix(part, ".") {
			return false
		}
		dir = file.Exact(filepath.Join(dir, part))
		info, err := os.Lstat(dir)
		if err != nil {
			return !file.Absent(err)
		}
		isLink := info.Mode()&fs.ModeSymlink != 0
		switch {
		case i == len(parts)-1:
			return !info.IsDir()
		case info.IsDir(), isLink && i == 0, isLink && r.linkedFolder(dir):
		default:
			return false
		}
	}
	return false
}

// findPacked looks for one name in packed-refs, which it neither copies nor
// checks.
func (f *refFiles) findPacked(name string) {
	common, _ := f.repo.refFolders()
	path := filepath.Join(common, "packed-refs")
	data, err := pack.Map(path)
	if file.Absent(err) {
		return
	}
	defer pack.Unmap(data)
	if err == nil {
		err = pack.Guard(func() error {
			if id, ok := packedRef(data, name); ok {
				f.ids[name] = id
			}
			return nil
		})
	}
	if err != nil {
		f.repo.skip(finding.ReasonUnreadable, "%v", err)
	}
}

// packedRef returns the id on the last line of packed-refs for name.
func packedRef(data []byte, name string) (id oid.ID, ok bool) {
	behind := []byte(" " + name)
	for from := 0; ; {
		n := bytes.Index(data[from:], behind)
		if n < 0 {
			return id, ok
		}
		at := from + n
		if from = at + len(behind); from < len(data) && data[from] != '\n' && data[from] != '\r' {
			continue // a longer name
		}
		if found, valid := oid.Parse(data[bytes.LastIndexByte(data[:at], '\n')+1 : at]); valid {
			id, ok = found, true
		}
	}
}

// MergeHeads returns the commits that a merge in progress brings in, as
// MERGE_HEAD lists them. What could not be read of it is skipped.
func (r *Repository) MergeHeads(skipped *Skips) []oid.ID {
	list, err := readIDs(filepath.Join(r.GitDir, "MERGE_HEAD"))
	if present(err) != nil {
		skipped.Add(finding.ReasonUnreadable, 1, "%v", err)
	}
	return list
}
