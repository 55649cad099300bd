package index

import (
	"bytes"
	"encoding/binary"
	"unsafe"
)

// ParseCompact is Parse for a caller that needs few of the entries: if possible,
// the index has no Entries, only Len and At, and takes 4 bytes for each.
func ParseCompact(data []byte, hashSize int) (*Index, error) {
	return parseWhole(data, hashSize, true)
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

// PathAt returns the path of the i-th entry.
func (x *Index) PathAt(i int) string {
	if len(x.starts) == 0 {
		return x.Entries[i].Path
	}
	b := x.region[x.starts[i]:]
	at := statSize + x.hashSize + 2
	flags := binary.BigEndian.Uint16(b[at-2:])
	if flags&flagExtended != 0 {
		at += 2
	}
	length := int(flags & flagNameLength)
	if length == flagNameLength {
		length = bytes.IndexByte(b[at:], 0)
	}
	return unsafe.String(unsafe.SliceData(b[at:at+length]), length)
}

// expand fills Entries.
func (x *Index) expand() {
	entries := make([]Entry, len(x.starts))
	for i := range entries {
		entries[i] = x.At(i)
	}
	x.Entries, x.starts, x.region = entries, nil, nil
}
