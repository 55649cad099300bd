package pack

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"sort"

	"keysweep/scanner/gitdb/oid"
)

// ErrUnusable is wrapped by errors about a pack index that cannot serve: it
// is absent, damaged, of another version, or contradicts its pack. The pack
// itself can still be read.
var ErrUnusable = errors.New("unusable pack index")

// Version 2 of a pack index is (gitformat-pack(5)):
//
//	"\377tOc" | 2 | 256 cumulative counts by first byte, 4 bytes each
//	ids, ascending | CRC-32 of each entry | offset of each entry, 4 bytes
//	offsets over 31 bits, 8 bytes each: the 4-byte offset has its top bit set
//	                                    and counts into this table
//	pack trailer | hash of all of the above
//
// Version 1 has no magic: the counts, then for each entry its offset and its
// id, then pack trailer and hash.
const (
	indexMagic  = "\377tOc"
	indexHeader = 8 + 256*4
)

// names is the sorted list of ids of a pack. Position counts in it from 0.
type names struct {
	ids      []byte // count*hashSize, ascending
	hashSize int
	fanout   [257]uint32 // fanout[b] is the first position whose id starts with b or more
}

func (n *names) count() int { return len(n.ids) / n.hashSize }

func (n *names) bytes(pos int) []byte {
	return n.ids[pos*n.hashSize : (pos+1)*n.hashSize]
}

// find returns the position of the id whose bytes are b.
//
// Ids are hashes, so the position of one among those that begin with the same
// byte follows from its next four bytes, give or take the square root of their
// number. Searching outwards from there takes 88 ns among 400 000 ids, a binary
// search from the middle 222 ns (BenchmarkFind), and this is asked of every
// entry that a tree newly names. Ids that do not spread evenly only make it
// slower.
func (n *names) find(b []byte) (int, bool) {
	lo, hi := int(n.fanout[b[0]]), int(n.fanout[int(b[0])+1])
	if lo == hi {
		return 0, false
	}
	key := binary.BigEndian.Uint64(b)
	at := lo + int(uint64(binary.BigEndian.Uint32(b[1:]))*uint64(hi-lo)>>32)
	if n.head(at) < key {
		for step := 8; ; step *= 2 {
			lo = at + 1
			if at += step; at >= hi {
				break
			}
			if n.head(at) >= key {
				hi = at + 1
				break
			}
		}
	} else {
		for step := 8; ; step *= 2 {
			hi = at + 1
			if at -= step; at < lo {
				break
			}
			if n.head(at) < key {
				lo = at + 1
				break
			}
		}
	}
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if n.head(mid) < key {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == n.count() || n.head(lo) != key {
		return 0, false
	}
	if !bytes.Equal(n.bytes(lo), b) {
		// Ids that share eight bytes are forged, but may be there, and many.
		lo += sort.Search(int(n.fanout[int(b[0])+1])-lo, func(i int) bool { return bytes.Compare(n.bytes(lo+i), b) >= 0 })
	}
	return lo, lo < n.count() && bytes.Equal(n.bytes(lo), b)
}

// head returns the first eight bytes of the id at pos.
func (n *names) head(pos int) uint64 {
	return binary.BigEndian.Uint64(n.ids[pos*n.hashSize:])
}

// indexed is where an id is in a pack: its position among the sorted ids, and
// the offset of the entry.
type indexed struct {
	offset uint64
	pos    uint32
}

// packIndex is a pack index file, whose tables are read where they are.
type packIndex struct {
	names
	file    []byte
	offsets []byte // of the entries, one for each id, 4 bytes in every stride
	stride  int
	long    []byte // of version 2
}

// parseIndex finds the tables in a pack index file. It believes what they hold:
// verify does not. The index must belong to a pack of count entries that ends
// with trailer.
func parseIndex(file []byte, format oid.Format, count uint32, trailer []byte) (*packIndex, error) {
	size, total := format.Size(), int(count)
	if len(file) < 256*4+2*size {
		return nil, fmt.Errorf("%w: truncated", ErrUnusable)
	}
	x := &packIndex{names: names{hashSize: size}, file: file}
	tables := file[:len(file)-2*size]
	if string(file[:4]) != indexMagic {
		if len(tables) != 256*4+total*(4+size) {
			return nil, fmt.Errorf("%w: neither version 1 nor 2", ErrUnusable)
		}
		if err := x.counts(tables, count); err != nil {
			return nil, err
		}
		x.offsets, x.stride = tables[256*4:], 4+size
		for e := x.offsets; len(e) > 0; e = e[x.stride:] {
			x.ids = append(x.ids, e[4:x.stride]...)
		}
	} else {
		if v := binary.BigEndian.Uint32(file[4:]); v != 2 {
			return nil, fmt.Errorf("%w: version %d", ErrUnusable, v)
		}
		rest := len(tables) - indexHeader - total*(size+4+4)
		if len(tables) < indexHeader {
			return nil, fmt.Errorf("%w: truncated", ErrUnusable)
		}
		// Counts first: beside a damaged pack, a whole index would seem truncated.
		if err := x.counts(tables[8:], count); err != nil {
			return nil, err
		}
		if rest < 0 || rest%8 != 0 {
			return nil, fmt.Errorf("%w: truncated", ErrUnusable)
		}
		ids := tables[indexHeader:]
		x.ids = ids[:total*size]
		x.offsets, x.stride = ids[total*(size+4):total*(size+4+4)], 4
		x.long = ids[total*(size+4+4):]
	}
	if !bytes.Equal(file[len(tables):len(tables)+size], trailer) {
		return nil, fmt.Errorf("%w: it belongs to another pack", ErrUnusable)
	}
	return x, nil
}

// offset returns the offset of the entry whose id is at pos.
func (x *packIndex) offset(pos int) (uint64, bool) {
	off := uint64(binary.BigEndian.Uint32(x.offsets[pos*x.stride:]))
	if x.long == nil || off&(1<<31) == 0 {
		return off, true
	}
	k := off &^ (1 << 31)
	if k >= uint64(len(x.long)/8) {
		return 0, false
	}
	return binary.BigEndian.Uint64(x.long[8*k:]), true
}

// verify checks the hash at the end, and that the ids ascend and are where the
// counts say, so that find finds each.
func (x *packIndex) verify(format oid.Format) error {
	h := format.New()
	sum := len(x.file) - x.hashSize
	h.Write(x.file[:sum])
	if !bytes.Equal(h.Sum(nil), x.file[sum:]) {
		return fmt.Errorf("%w: its checksum does not match", ErrUnusable)
	}
	for b := range 256 {
		for pos := x.fanout[b]; pos < x.fanout[b+1]; pos++ {
			id := x.bytes(int(pos))
			if int(id[0]) != b || pos > 0 && bytes.Compare(x.bytes(int(pos)-1), id) > 0 {
				return fmt.Errorf("%w: its ids do not ascend", ErrUnusable)
			}
		}
	}
	return nil
}

// counts takes over the 256 cumulative counts, the last of which is count.
func (n *names) counts(table []byte, count uint32) error {
	var last uint32
	for i := range 256 {
		next := binary.BigEndian.Uint32(table[4*i:])
		if next < last {
			return fmt.Errorf("%w: counts descend", ErrUnusable)
		}
		n.fanout[i+1], last = next, next
	}
	if last != count {
		return fmt.Errorf("%w: it lists %d entries, the pack holds %d", ErrUnusable, last, count)
	}
	return nil
}

// index returns an index file of version 2 for p.
func (p *Pack) index() []byte {
	size := p.format.Size()
	b := make([]byte, 0, indexHeader+p.names.count()*(size+8)+2*size)
	b = append(b, indexMagic...)
	b = binary.BigEndian.AppendUint32(b, 2)
	for _, count := range p.names.fanout[1:] {
		b = binary.BigEndian.AppendUint32(b, count)
	}
	b = append(b, p.names.ids...)
	for _, entry := range p.entryAt {
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(p.data[p.entries[entry].offset:p.next(int(entry))]))
	}
	var long []byte
	for _, entry := range p.entryAt {
		offset := p.entries[entry].offset
		if offset >= 1<<31 {
			offset, long = 1<<31|uint64(len(long)/8), binary.BigEndian.AppendUint64(long, offset)
		}
		b = binary.BigEndian.AppendUint32(b, uint32(offset))
	}
	b = append(append(b, long...), p.trailer()...)
	h := p.format.New()
	h.Write(b)
	return h.Sum(b)
}

// buildNames sorts ids, which are in entry order, and returns the list and the
// entry of each position.
func buildNames(ids []oid.ID, hashSize int) (*names, []uint32) {
	order := make([]uint32, len(ids))
	for i := range order {
		order[i] = uint32(i)
	}
	sort.Slice(order, func(a, b int) bool { return ids[order[a]].Compare(ids[order[b]]) < 0 })
	n := &names{hashSize: hashSize, ids: make([]byte, 0, len(ids)*hashSize)}
	for _, e := range order {
		n.ids = append(n.ids, ids[e][:hashSize]...)
		n.fanout[int(ids[e][0])+1]++
	}
	for b := range 256 {
		n.fanout[b+1] += n.fanout[b]
	}
	return n, order
}
