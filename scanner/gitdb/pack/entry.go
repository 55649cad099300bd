// Package pack reads pack files without git: it inflates every entry once and
// builds every version once, walking delta families depth first.
//
// A pack is (gitformat-pack(5)):
//
//	"PACK" | version 2 or 3, 4 bytes | number of entries, 4 bytes
//	entry …
//	hash of all of the above, 20 or 32 bytes
//
// and an entry is
//
//	header  bits 7: continues, 6-4: type, 3-0: size; then 7 bits of size a byte
//	base    OFS_DELTA: distance back to the base entry; REF_DELTA: its id
//	zlib stream of size bytes: an object, or a delta
package pack

import (
	"errors"
	"fmt"

	"keysweep/scanner/gitdb/oid"
)

// ErrCorrupt is wrapped by every error about bytes that do not decode.
var ErrCorrupt = errors.New("corrupt")

// Entry types that are not object types.
const (
	ofsDelta = 6
	refDelta = 7
)

// header is the decoded header of a pack entry.
type header struct {
	typ    uint8
	size   uint64 // of the inflated stream: a claim
	stream int    // bytes from the start of the entry to its zlib stream
	back   uint64 // OFS_DELTA: bytes from the start of the base to this entry's
	base   oid.ID // REF_DELTA
}

// parseHeader decodes the entry header at the start of b.
func parseHeader(b []byte, hashSize int) (h header, err error) {
	if len(b) == 0 {
		return h, fmt.Errorf("%w: entry header is truncated", ErrCorrupt)
	}
	c := b[0]
	h.typ = c >> 4 & 7
	h.size = uint64(c & 15)
	i := 1
	for shift := uint(4); c&0x80 != 0; shift += 7 {
		if i == len(b) {
			return h, fmt.Errorf("%w: entry header is truncated", ErrCorrupt)
		}
		c = b[i]
		i++
		// 4 + 8*7 bits hold 2^60 bytes; no real object is larger.
		if shift > 53 {
			return h, fmt.Errorf("%w: entry size does not fit 60 bits", ErrCorrupt)
		}
		h.size |= uint64(c&0x7f) << shift
	}
	switch h.typ {
	case uint8(oid.Commit), uint8(oid.Tree), uint8(oid.Blob), uint8(oid.Tag):
	case ofsDelta:
		for n := 0; ; n++ {
			if i == len(b) {
				return h, fmt.Errorf("%w: base offset is truncated", ErrCorrupt)
			}
			if n > 8 {
				return h, fmt.Errorf("%w: base offset does not fit 63 bits", ErrCorrupt)
			}
			c = b[i]
			i++
			if n > 0 {
				h.back++
			}
			h.back = h.back<<7 | uint64(c&0x7f)
			if c&0x80 == 0 {
				break
			}
		}
		if h.back == 0 {
			return h, fmt.Errorf("%w: delta is its own base", ErrCorrupt)
		}
	case refDelta:
		if len(b)-i < hashSize {
			return h, fmt.Errorf("%w: base id is truncated", ErrCorrupt)
		}
		h.base = oid.FromBytes(b[i : i+hashSize])
		i += hashSize
	default:
		return h, fmt.Errorf("%w: unknown entry type %d", ErrCorrupt, h.typ)
	}
	h.stream = i
	return h, nil
}
