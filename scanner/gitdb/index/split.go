package index

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"keysweep/scanner/gitdb/oid"
)

// link is the extension that makes an index half of a split one. The other
// half, the shared index, is in the file sharedindex.<base> beside it.
//
//	hash size: base | EWAH bitmap of deleted entries | of replaced ones
//
// The bitmaps count the shared index's entries. The replaced ones come first
// in this half, in order and without paths; the rest is added. Base alone, with
// no bitmaps, deletes and replaces nothing.
type link struct {
	base              []byte
	deleted, replaced bitmap
}

// parseLink returns nil for the link of an index that was split once.
func parseLink(b []byte, hashSize int) (*link, error) {
	if len(b) < hashSize {
		return nil, fmt.Errorf("%w: extension link of %d bytes", ErrCorrupt, len(b))
	}
	l := &link{base: b[:hashSize]}
	if b = b[hashSize:]; len(b) > 0 {
		for _, m := range []*bitmap{&l.deleted, &l.replaced} {
			var err error
			if *m, b, err = parseBitmap(b); err != nil {
				return nil, err
			}
		}
		if len(b) > 0 {
			return nil, fmt.Errorf("%w: %d bytes after the bitmaps of extension link", ErrCorrupt, len(b))
		}
	}
	if allZero(l.base) {
		return nil, nil
	}
	return l, nil
}

// parseShared reads the shared index that l names.
func parseShared(data []byte, format oid.Format, l *link) (*Index, error) {
	x, further, err := parse(data, format, false)
	switch {
	case err != nil:
	case further != nil:
		err = fmt.Errorf("%w: a shared index has a shared index", ErrCorrupt)
	default:
		if sum := data[len(data)-format.Size():]; !bytes.Equal(sum, l.base) && !allZero(sum) {
			err = fmt.Errorf("%w: its name is not its checksum", ErrCorrupt)
		}
	}
	return x, err
}

// complete merges the entries of a shared index into x.
func (x *Index) complete(base *Index, l *link) error {
	deleted, err := l.deleted.positions(len(base.Entries))
	if err != nil {
		return err
	}
	replaced, err := l.replaced.positions(len(base.Entries))
	if err != nil {
		return err
	}
	if len(replaced) > len(x.Entries) {
		return fmt.Errorf("%w: %d entries replace %d", ErrCorrupt, len(x.Entries), len(replaced))
	}
	replacements, added := x.Entries[:len(replaced)], x.Entries[len(replaced):]
	for i, at := range replaced {
		if replacements[i].Path != "" {
			return fmt.Errorf("%w: entry %d replaces another and has a path", ErrCorrupt, i)
		}
		path := base.Entries[at].Path
		base.Entries[at] = replacements[i]
		base.Entries[at].Path = path
	}
	for i := range added {
		if added[i].Path == "" {
			return fmt.Errorf("%w: entry %d has no path", ErrCorrupt, len(replaced)+i)
		}
	}
	// The added come first, so that they win over the same path and stage.
	all := slices.Grow(slices.Clone(added), len(base.Entries))
	for i, e := range base.Entries {
		if len(deleted) > 0 && deleted[0] == i {
			deleted = deleted[1:]
			continue
		}
		all = append(all, e)
	}
	slices.SortStableFunc(all, compare)
	x.Entries = slices.CompactFunc(all, func(a, b Entry) bool { return compare(a, b) == 0 })
	x.Sparse = x.Sparse || base.Sparse
	return nil
}

// bitmap is an EWAH compressed bitmap, not unpacked. See gitformat-bitmap(5),
// "EWAH bit arrays", and ewah/ewok.h:
//
//	4 number of bits | 4 number of words | words of 8 | 4 last marker's index
//
// A marker word says: bit 0 is repeated in (bits 1 to 32) words, and then come
// (bits 33 to 63) words as they are. The lowest bit of a word is the first.
type bitmap []byte

func parseBitmap(b []byte) (m bitmap, rest []byte, err error) {
	if len(b) < 8 {
		return nil, nil, fmt.Errorf("%w: bitmap of %d bytes", ErrCorrupt, len(b))
	}
	size := uint64(binary.BigEndian.Uint32(b[4:])) * 8
	if size+12 > uint64(len(b)) {
		return nil, nil, fmt.Errorf("%w: bitmap of %d bytes, %d are left", ErrCorrupt, size+12, len(b))
	}
	return b[8 : 8+size], b[8+size+4:], nil
}

// positions returns the bits that are set, all less than limit, in order.
func (m bitmap) positions(limit int) ([]int, error) {
	const maxRun = 1<<32 - 1
	var out []int
	var at uint64 // in bits
	words := []byte(m)
	set := func(bits uint64) error {
		for i := uint64(0); bits != 0; i, bits = i+1, bits>>1 {
			if bits&1 == 0 {
				continue
			}
			if at+i >= uint64(limit) {
				return fmt.Errorf("%w: bit %d of %d entries", ErrCorrupt, at+i, limit)
			}
			out = append(out, int(at+i))
		}
		return nil
	}
	for len(words) > 0 {
		marker := binary.BigEndian.Uint64(words)
		words = words[8:]
		run, literals := marker>>1&maxRun, marker>>33
		if marker&1 == 0 {
			at = min(at+run*64, 1<<40) // no index has so many entries; not to wrap around
		} else {
			for ; run > 0; run-- {
				if err := set(^uint64(0)); err != nil {
					return nil, err
				}
				at += 64
			}
		}
		if literals > uint64(len(words)/8) {
			return nil, fmt.Errorf("%w: bitmap is truncated", ErrCorrupt)
		}
		for ; literals > 0; literals-- {
			if err := set(binary.BigEndian.Uint64(words)); err != nil {
				return nil, err
			}
			at += 64
			words = words[8:]
		}
	}
	return out, nil
}
