package index

import "keysweep/scanner/gitdb/oid"

// ParseCompact is Parse for a caller that needs few of the entries: if possible,
// the index has no Entries, only Len and At, and takes 4 bytes for each.
func ParseCompact(data []byte, format oid.Format) (*Index, error) {
	return parseWhole(data, format, true)
}

// Len returns the number of entries.
func (x *Index) Len() int { return len(x.Entries) + len(x.starts) }

// At returns the i-th entry.
func (x *Index) At(i int) Entry {
	if len(x.starts) == 0 {
		return x.Entries[i]
	}
	e, _, _ := x.decode(x.region[x.starts[i]:], nil) // as when it was parsed
	return e
}

// expand fills Entries.
func (x *Index) expand() {
	for i := range x.starts {
		x.Entries = append(x.Entries, x.At(i))
	}
	x.starts, x.region = nil, nil
}
