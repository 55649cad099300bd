package pack

import (
	"bytes"
	"fmt"
	"slices"

	"keysweep/scanner/gitdb/oid"
)

// TreeEntry is one entry of a tree object (gitformat-pack(5) has no drawing of
// it; git-ls-tree(1) prints it):
//
//	mode, octal digits | space | name | NUL | id, 20 or 32 bytes
type TreeEntry struct {
	Mode uint32 // 040000 tree, 0120000 link, 0160000 submodule commit, else blob
	Name []byte
	ID   oid.ID
}

// IsTree reports whether the entry names a tree.
func (e TreeEntry) IsTree() bool { return e.Mode&0o170000 == 0o040000 }

// IsSubmodule reports whether the entry names a commit of another repository.
func (e TreeEntry) IsSubmodule() bool { return e.Mode&0o170000 == 0o160000 }

// ParseTreeEntry decodes the entry at offset at of tree and returns the offset
// of the next. Name is a part of tree.
func ParseTreeEntry(tree []byte, at, hashSize int) (e TreeEntry, next int, err error) {
	b := tree[at:]
	i := 0
	for ; i < len(b) && b[i] >= '0' && b[i] <= '7'; i++ {
		if i == 7 {
			return e, 0, fmt.Errorf("%w: tree entry at %d: mode is too long", ErrCorrupt, at)
		}
		e.Mode = e.Mode<<3 | uint32(b[i]-'0')
	}
	if i == 0 || i == len(b) || b[i] != ' ' {
		return e, 0, fmt.Errorf("%w: tree entry at %d: no mode", ErrCorrupt, at)
	}
	b = b[i+1:]
	n := bytes.IndexByte(b, 0)
	if n < 0 {
		return e, 0, fmt.Errorf("%w: tree entry at %d: name has no end", ErrCorrupt, at)
	}
	if len(b)-n-1 < hashSize {
		return e, 0, fmt.Errorf("%w: tree entry at %d: id is truncated", ErrCorrupt, at)
	}
	e.Name = b[:n]
	e.ID = oid.FromBytes(b[n+1 : n+1+hashSize])
	return e, at + i + 1 + n + 1 + hashSize, nil
}

// TreeStarts appends to starts where the entries of tree start. The error says
// where parsing stopped.
func TreeStarts(starts []uint32, tree []byte, hashSize int) ([]uint32, error) {
	s := treeStarts{starts: starts}
	s.parseRange(tree, 0, len(tree), hashSize)
	return s.starts, s.err
}

// treeStarts is where the entries of one tree start. A delta copies most of
// them from its base: parsing each whole root tree again would cost more than
// all else that is done to trees.
type treeStarts struct {
	starts []uint32 // ascending
	fresh  []uint32 // those whose entry the base does not hold in one piece
	err    error    // where parsing stopped
}

// parse fills s from a whole tree; every entry is fresh.
func (s *treeStarts) parse(tree []byte, hashSize int) {
	s.starts, s.fresh, s.err = s.starts[:0], s.fresh[:0], nil
	s.parseRange(tree, 0, len(tree), hashSize)
}

// parseRange parses entries from offset at until one starts at or after end,
// and returns its offset.
func (s *treeStarts) parseRange(tree []byte, at, end, hashSize int) int {
	for at < end {
		_, next, err := ParseTreeEntry(tree, at, hashSize)
		if err != nil {
			s.err = err
			return len(tree)
		}
		s.starts = append(s.starts, uint32(at))
		s.fresh = append(s.fresh, uint32(at))
		at = next
	}
	return at
}

// inherit fills s for the tree that ops make of base.
func (s *treeStarts) inherit(tree []byte, base []uint32, ops []op, hashSize int) {
	s.starts, s.fresh, s.err = s.starts[:0], s.fresh[:0], nil
	at := 0 // the next entry starts here
	end := 0
	for _, o := range ops {
		begin := end
		end += o.n
		for at < end {
			if s.err != nil {
				return
			}
			if o.from < 0 {
				at = s.parseRange(tree, at, end, hashSize)
				continue
			}
			// Where both trees start an entry at the same copied byte, they
			// go on alike until the copy ends.
			first, same := slices.BinarySearch(base, uint32(at-begin+o.from))
			if !same {
				at = s.parseRange(tree, at, at+1, hashSize)
				continue
			}
			limit := uint32(o.from + o.n)
			for ; first+1 < len(base) && base[first+1] <= limit; first++ {
				s.starts = append(s.starts, base[first]-uint32(o.from)+uint32(begin))
			}
			// The last entry may reach beyond the copy: read it again.
			at = int(base[first]) - o.from + begin
			if at < end {
				at = s.parseRange(tree, at, at+1, hashSize)
			}
		}
	}
}
