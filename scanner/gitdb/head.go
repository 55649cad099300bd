package gitdb

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"keysweep/finding"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// readHead finds the Head that readRefs does, and reads no other refs than those
// on the way: HEAD is the only one in Refs.
func (r *Repository) readHead() {
	refs, symbolic := make(map[string]oid.ID), make(map[string]string)
	r.readRef(filepath.Join(r.GitDir, "HEAD"), "HEAD", refs, symbolic)
	name := "HEAD"
	for range symbolicDepth + 2 {
		target, ok := symbolic[name]
		if !ok {
			r.Head = refs[name]
			r.Refs = []Ref{{Name: "HEAD", ID: r.Head}}
			return
		}
		if name = target; refs[name].IsZero() {
			r.findRef(name, refs, symbolic)
		}
	}
}

// findRef reads one ref below refs/: a loose one of this working tree, or of the
// main one, or a packed one.
func (r *Repository) findRef(name string, refs map[string]oid.ID, symbolic map[string]string) {
	if !strings.HasPrefix(name, "refs/") {
		return
	}
	known := func() bool {
		_, isSymbolic := symbolic[name]
		_, isRef := refs[name]
		return isSymbolic || isRef
	}
	if r.isLooseName(r.GitDir, name) {
		r.readRef(filepath.Join(r.GitDir, filepath.FromSlash(name)), name, refs, symbolic)
	}
	if !known() && r.CommonDir != r.GitDir && r.isLooseName(r.CommonDir, name) {
		r.readRef(filepath.Join(r.CommonDir, filepath.FromSlash(name)), name, refs, symbolic)
	}
	if !known() {
		r.findPackedRef(name, refs)
	}
}

// isLooseName reports whether root may have a loose ref of this name that
// readLooseRefs would read, and that is a file.
func (r *Repository) isLooseName(root, name string) bool {
	if !filepath.IsLocal(filepath.FromSlash(name)) || strings.HasSuffix(name, ".lock") {
		return false
	}
	dir := root
	parts := strings.Split(name, "/")
	for i, part := range parts {
		if part == "" || strings.HasPrefix(part, ".") {
			return false
		}
		dir = filepath.Join(dir, part)
		info, err := os.Lstat(dir)
		if err != nil {
			return false
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

// findPackedRef looks for one name in packed-refs, which it neither copies nor
// checks.
func (r *Repository) findPackedRef(name string, refs map[string]oid.ID) {
	path := filepath.Join(r.CommonDir, "packed-refs")
	data, err := pack.Map(path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	defer pack.Unmap(data)
	if err == nil {
		err = pack.Guard(func() error {
			if id, ok := packedRef(data, name); ok {
				refs[name] = id
			}
			return nil
		})
	}
	if err != nil {
		r.skip(finding.ReasonUnreadable, "%v", err)
	}
}

// packedRef returns the id on the last line of packed-refs that is one of name.
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
		for _, digits := range [...]int{2 * oid.SHA1.Size(), 2 * oid.SHA256.Size()} {
			if start := at - digits; start == 0 || start > 0 && data[start-1] == '\n' {
				if found, valid := oid.Parse(data[start:at]); valid {
					id, ok = found, true
				}
			}
		}
	}
}

// MergeHeads returns the commits that a merge under way brings in, as
// MERGE_HEAD lists them.
func (r *Repository) MergeHeads() (list []oid.ID) {
	b, err := readSmall(filepath.Join(r.GitDir, "MERGE_HEAD"))
	if err != nil {
		return nil
	}
	for line := range bytes.Lines(b) {
		if id, ok := oid.Parse(bytes.TrimSpace(line)); ok {
			list = append(list, id)
		}
	}
	return list
}
