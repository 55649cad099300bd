package index

import (
	"bytes"
	"encoding/binary"
	"unsafe"
)

// ParseCompact is Parse for who looks at few of the entries: if it can be, the
// index has no Entries, only Len and At, and takes 4 bytes for each.
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
	b := x.region[x.starts[i]:]
	path, flags, more := x.pathOf(b)
	return Entry{
		Path: path,
		ID:   b[statSize : statSize+x.hashSize : statSize+x.hashSize],
		Mode: binary.BigEndian.Uint32(b[modeAt:]), Stage: uint8(flags & flagStage >> flagStageShift),
		AssumeValid:  flags&flagAssumeValid != 0,
		SkipWorktree: more&moreSkipWorktree != 0, IntentToAdd: more&moreIntentToAdd != 0,
	}
}

// PathAt returns the path of the i-th entry.
func (x *Index) PathAt(i int) string {
	if len(x.starts) == 0 {
		return x.Entries[i].Path
	}
	path, _, _ := x.pathOf(x.region[x.starts[i]:])
	return path
}

// pathOf returns the path of the entry that b, which was parsed, starts with,
// and its flags.
func (x *Index) pathOf(b []byte) (path string, flags, more uint16) {
	at := statSize + x.hashSize + 2
	flags = binary.BigEndian.Uint16(b[at-2:])
	if flags&flagExtended != 0 {
		more = binary.BigEndian.Uint16(b[at:])
		at += 2
	}
	length := int(flags & flagNameLength)
	if length == flagNameLength {
		length = bytes.IndexByte(b[at:], 0)
	}
	return unsafe.String(unsafe.SliceData(b[at:at+length]), length), flags, more // nobody writes to it
}

// expand fills Entries.
func (x *Index) expand() {
	entries := make([]Entry, len(x.starts))
	for i := range entries {
		entries[i] = x.At(i)
	}
	x.Entries, x.starts, x.region = entries, nil, nil
}
