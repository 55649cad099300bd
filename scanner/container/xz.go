package container

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/ulikunitz/xz/lzma"
)

// xzReader reads the blocks of an xz file (The .xz File Format 1.2.1). Only the framing
// is ours: a block says how large a dictionary it wants, which the library would
// allocate whatever it is.
//
//	stream header  fd 37 7a 58 5a 00 | flags, 2: 0, type of check | CRC-32 of the flags, 4
//	blocks         length, 1: (length + 1) * 4 bytes of header | flags, 1: number of filters - 1,
//	               0x40: packed size, 0x80: size | sizes | filters: id, length, properties |
//	               zeros | CRC-32, 4; data, filled up to four bytes; check
//	index          00 | records … | zeros | CRC-32
//	stream footer  CRC-32, 4 | size of the index, 4 | flags, 2 | "YZ"
//
// Checks are not compared: a damaged block fails to decode, or yields what it says.
type xzReader struct {
	in    *input
	check int64 // bytes behind each block
	block io.Reader
	start int64 // of the block's data, in in's count
	err   error
}

// The filters that are opened. Those of other machines' code do not fit text.
const (
	x86Filter   = 0x04
	lzma2Filter = 0x21
)

func openXz(in *input) (io.Reader, error) {
	x := &xzReader{in: in}
	return x, x.streamHeader()
}

func (x *xzReader) streamHeader() error {
	var h [12]byte
	if _, err := io.ReadFull(x.in, h[:]); err != nil {
		return err
	}
	if crc32.ChecksumIEEE(h[6:8]) != binary.LittleEndian.Uint32(h[8:]) || h[6] != 0 || h[7] > 15 {
		return errHeader
	}
	// Types 1 to 3 have four bytes, 4 to 6 eight, and so on.
	if x.check = 0; h[7] > 0 {
		x.check = 4 << ((h[7] - 1) / 3)
	}
	return nil
}

func (x *xzReader) Read(p []byte) (n int, err error) {
	for x.err == nil {
		if x.block == nil {
			if x.err = x.next(); x.err != nil {
				break
			}
		}
		n, err := x.block.Read(p)
		if err == io.EOF {
			x.block, err = nil, x.skip((4-(x.in.meter.consumed-x.start)%4)%4+x.check)
		}
		x.err = err
		if n > 0 {
			return n, nil
		}
	}
	return 0, x.err
}

func (x *xzReader) skip(n int64) error {
	_, err := io.CopyN(io.Discard, x.in, n)
	return unexpected(err)
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// next reads the header of the next block; io.EOF behind the last stream.
func (x *xzReader) next() error {
	for {
		length, err := x.in.ReadByte()
		if err != nil {
			return unexpected(err)
		}
		if length != 0 {
			return x.blockHeader((int(length) + 1) * 4)
		}
		if err := x.index(); err != nil {
			return err
		}
		// Zeros may fill up a stream; another one may follow.
		for {
			head, _ := x.in.r.Peek(6)
			if len(head) >= 4 && string(head[:4]) == "\x00\x00\x00\x00" {
				if err := x.skip(4); err != nil {
					return err
				}
				continue
			}
			if string(head) != "\xfd7zXZ\x00" {
				return io.EOF
			}
			break
		}
		if err := x.streamHeader(); err != nil {
			return err
		}
	}
}

// blockHeader reads the header of a block, which has size bytes, and opens its data.
func (x *xzReader) blockHeader(size int) error {
	h := make([]byte, size)
	h[0] = byte(size/4 - 1)
	if _, err := io.ReadFull(x.in, h[1:]); err != nil {
		return unexpected(err)
	}
	if crc32.ChecksumIEEE(h[:size-4]) != binary.LittleEndian.Uint32(h[size-4:]) {
		return errHeader
	}
	flags, rest := h[1], h[2:size-4]
	for _, bit := range []byte{0x40, 0x80} {
		if flags&bit != 0 {
			_, n := binary.Uvarint(rest)
			if n <= 0 {
				return errHeader
			}
			rest = rest[n:]
		}
	}
	x86 := flags&3 == 1 && len(rest) > 2 && rest[0] == x86Filter && rest[1] == 0
	if x86 {
		rest = rest[2:]
	} else if flags&3 != 0 {
		return fmt.Errorf("%w: %d filters", errUnsupported, flags&3+1)
	}
	if len(rest) < 3 || rest[0] != lzma2Filter || rest[1] != 1 || rest[2] > 40 {
		return fmt.Errorf("%w: a filter other than LZMA2", errUnsupported)
	}
	x.start = x.in.meter.consumed
	block, err := newLzma2(rest[2], maxDictionary, x.in)
	if x.block = block; x86 && err == nil {
		x.block = &x86Reader{in: block}
	}
	return unexpected(err)
}

// newLzma2 returns a reader of LZMA2 with this property, at most 40: the size of the
// dictionary, of which no more than size is needed.
func newLzma2(property byte, size int64, in io.Reader) (io.Reader, error) {
	dictionary := int64(1<<32 - 1)
	if property < 40 {
		dictionary = int64(2|property&1) << (property/2 + 11)
	}
	if dictionary > maxDictionary {
		return nil, errDictionary
	}
	return lzma.Reader2Config{DictCap: int(max(min(dictionary, size), lzma.MinDictCap))}.NewReader2(in)
}

// index skips the index and the footer of a stream.
func (x *xzReader) index() error {
	start := x.in.meter.consumed - 1
	records, err := binary.ReadUvarint(x.in)
	if err != nil {
		return unexpected(err)
	}
	for range records {
		for range 2 {
			if _, err := binary.ReadUvarint(x.in); err != nil {
				return unexpected(err)
			}
		}
	}
	return x.skip((4-(x.in.meter.consumed-start)%4)%4 + 4 + 12)
}
