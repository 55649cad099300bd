// Package reftable reads the tables of git's reftable backend: refs and reflogs.
// It knows no files: a table is a byte slice, a stack a list of tables.
//
// A table is (git's Documentation/technical/reftable.adoc):
//
//	header   "REFT" | version 1 or 2, 1 byte | block size, 3 | least update index, 8
//	         | greatest update index, 8 | version 2: "sha1" or "s256"
//	blocks   of refs 'r', index of refs 'i', objects 'o', their index 'i',
//	         logs 'g', their index 'i'; each may be absent
//	footer   header again | position of the index of refs, 8 | of objects << 5 and
//	         the length of their keys, 8 | of their index, 8 | of logs, 8 | of their
//	         index, 8 | CRC-32 of the footer up to here, 4
//
// All numbers are big-endian. A block is
//
//	type, 1 byte | length from here to the end of the restarts, 3
//	records
//	offsets of restarts, 3 each | number of restarts, 2
//
// and is filled up with zeros to the block size, if that is not 0. The first block
// begins with the header: its length and offsets count from the start of the file.
// Logs are deflated behind the four bytes, and never filled up.
//
// Only the blocks of refs and logs are read: the indexes speed up what takes
// milliseconds here, and the objects say nothing else.
package reftable

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"keysweep/scanner/gitdb/inflate"
	"keysweep/scanner/gitdb/oid"
)

// ErrCorrupt is wrapped by the errors for a table that does not decode.
var ErrCorrupt = errors.New("corrupt reftable")

// ErrVersion is wrapped by the error for a version or hash function that is not
// known.
var ErrVersion = errors.New("unknown reftable version")

// blockHeader is the length of a block's type and length, and leastBlock the
// least length of one: that, no record, one restart and their number.
const (
	blockHeader = 4
	leastBlock  = blockHeader + 3 + 2
)

// Table is one table. It keeps the slice that it was opened with.
type Table struct {
	blocks    []byte // the file without its footer
	header    int    // length of the header
	blockSize int    // 0: blocks are not aligned
	format    oid.Format
	least     uint64 // least update index
	logs      uint64 // position of the first block of logs; 0: none, or the first block
}

// Open reads the header and footer of a table of a repository of this format. An
// error wraps ErrCorrupt or ErrVersion.
func Open(b []byte, format oid.Format) (*Table, error) {
	if len(b) < 5 || string(b[:4]) != "REFT" {
		return nil, fmt.Errorf("%w: it does not begin with REFT", ErrCorrupt)
	}
	t := &Table{header: 24}
	switch b[4] {
	case 1:
	case 2:
		t.header = 28
	default:
		return nil, fmt.Errorf("%w %d", ErrVersion, b[4])
	}
	footer := len(b) - t.header - 5*8 - 4
	if footer < t.header {
		return nil, fmt.Errorf("%w: %d bytes have no room for header and footer", ErrCorrupt, len(b))
	}
	if t.header == 28 {
		switch hash := string(b[24:28]); hash {
		case "sha1":
		case "s256":
			t.format = oid.SHA256
		default:
			return nil, fmt.Errorf("%w: hash function %q", ErrVersion, hash)
		}
	}
	if t.format != format {
		return nil, fmt.Errorf("%w: its ids have %d bytes, those of the repository %d", ErrCorrupt, t.format.Size(), format.Size())
	}
	end := b[footer:]
	if string(end[:t.header]) != string(b[:t.header]) {
		return nil, fmt.Errorf("%w: header and footer differ", ErrCorrupt)
	}
	sum := len(end) - 4
	if crc32.ChecksumIEEE(end[:sum]) != binary.BigEndian.Uint32(end[sum:]) {
		return nil, fmt.Errorf("%w: checksum of the footer", ErrCorrupt)
	}
	t.blocks = b[:footer]
	t.blockSize = uint24(b[5:])
	t.least = binary.BigEndian.Uint64(b[8:])
	t.logs = binary.BigEndian.Uint64(end[t.header+3*8:])
	return t, nil
}

// block is the records of one block.
type block struct {
	records []byte
	at      int // of the block in the file, for errors
}

// refBlocks calls visit for each block of refs, until that returns false.
func (t *Table) refBlocks(visit func(block) (bool, error)) error {
	for at := 0; ; {
		head := t.headOf(at)
		if at+head == len(t.blocks) || at+head < len(t.blocks) && t.blocks[at+head] != 'r' {
			return nil
		}
		if len(t.blocks)-at < head+leastBlock {
			return fmt.Errorf("%w: block at %d: cut", ErrCorrupt, at)
		}
		length := uint24(t.blocks[at+head+1:])
		if length < head+leastBlock || length > len(t.blocks)-at {
			return fmt.Errorf("%w: block at %d: length %d", ErrCorrupt, at, length)
		}
		b, err := newBlock(t.blocks[at:at+length], head, at)
		if err != nil {
			return err
		}
		if more, err := visit(b); err != nil || !more {
			return err
		}
		at += t.padded(at, length)
	}
}

// padded returns how far the next block is behind the one at at. A block that is
// not followed by a zero was not filled up, as git reads it.
func (t *Table) padded(at, length int) int {
	next := at + length
	if length < t.blockSize && next < len(t.blocks) && t.blocks[next] == 0 {
		return min(t.blockSize, len(t.blocks)-at)
	}
	return length
}

// logBlocks calls visit for each block of logs. Its records are valid until the
// next call.
func (t *Table) logBlocks(visit func(block) error) error {
	if t.logs > uint64(len(t.blocks)) {
		return fmt.Errorf("%w: logs at %d, behind the end", ErrCorrupt, t.logs)
	}
	var d inflate.Decoder
	d.Checksum = true
	var buf []byte
	for at := int(t.logs); ; {
		head := t.headOf(at)
		if at+head == len(t.blocks) || at+head < len(t.blocks) && t.blocks[at+head] != 'g' {
			return nil
		}
		start := at + head + blockHeader
		if start > len(t.blocks) {
			return fmt.Errorf("%w: block at %d: cut", ErrCorrupt, at)
		}
		length := uint24(t.blocks[at+head+1:])
		deflated := t.blocks[start:]
		if length < head+leastBlock || (length-head-blockHeader)/inflate.MaxRatio > len(deflated) {
			return fmt.Errorf("%w: block at %d: length %d", ErrCorrupt, at, length)
		}
		if cap(buf) < length {
			buf = make([]byte, length)
		}
		buf = buf[:length]
		n, err := d.Inflate(buf[head+blockHeader:], deflated)
		if err != nil {
			return fmt.Errorf("%w: block at %d: %w", ErrCorrupt, at, err)
		}
		b, err := newBlock(buf, head, at)
		if err != nil {
			return err
		}
		if err := visit(b); err != nil {
			return err
		}
		at = start + n
	}
}

// headOf returns how many bytes of the block at at are the header of the file.
func (t *Table) headOf(at int) int {
	if at == 0 {
		return t.header
	}
	return 0
}

// newBlock cuts the restarts off a block whose own header is behind head bytes.
func newBlock(b []byte, head, at int) (block, error) {
	restarts := int(binary.BigEndian.Uint16(b[len(b)-2:]))
	end := len(b) - 2 - 3*restarts
	if restarts == 0 || end < head+blockHeader {
		return block{}, fmt.Errorf("%w: block at %d: %d restarts", ErrCorrupt, at, restarts)
	}
	return block{records: b[head+blockHeader : end], at: at}, nil
}

func uint24(b []byte) int { return int(b[0])<<16 | int(b[1])<<8 | int(b[2]) }
