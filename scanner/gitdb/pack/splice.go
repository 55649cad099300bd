package pack

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"keysweep/scanner/gitdb/oid"
)

// splice is a version that is not built: pieces of the root of its chain, and of what
// deltas insert, one behind the other. A blob over the limit for built objects is read so,
// which takes the memory of its root alone, however long the chain is:
//
//	root     aaaaaaaaabbbbbbbbbbbbbb
//	delta    copy 9 bytes at 0, insert "X", copy 14 bytes at 9
//	pieces   aaaaaaaaa, X, bbbbbbbbbbbbbb
type splice struct {
	pieces [][]byte
	ends   []uint64 // of the pieces, in the version
}

// maxPieces bounds the pieces of a version; git copies at most 64 KiB at once. Two lists
// of as many take spliceRoom bytes.
const (
	maxPieces  = 1 << 19
	spliceRoom = 2 * maxPieces * (24 + 8)
)

func (s *splice) size() uint64 {
	if len(s.ends) == 0 {
		return 0
	}
	return s.ends[len(s.ends)-1]
}

func (s *splice) add(piece []byte) error {
	if len(s.pieces) == maxPieces {
		return fmt.Errorf("%w: more than %d pieces of others", ErrTooLarge, maxPieces)
	}
	s.ends = append(s.ends, s.size()+uint64(len(piece)))
	s.pieces = append(s.pieces, piece)
	return nil
}

// copyFrom adds n bytes of base from off on, which base has.
func (s *splice) copyFrom(base *splice, off, n uint64) error {
	i, _ := slices.BinarySearch(base.ends, off+1)
	for ; n > 0; i++ {
		from := off - (base.ends[i] - uint64(len(base.pieces[i])))
		piece := base.pieces[i][from:]
		piece = piece[:min(uint64(len(piece)), n)]
		if err := s.add(piece); err != nil {
			return err
		}
		off, n = off+uint64(len(piece)), n-uint64(len(piece))
	}
	return nil
}

// apply returns what a delta makes of s. It keeps parts of delta.
func (s *splice) apply(delta []byte, left *allowance) (*splice, error) {
	from, to, d, err := deltaSizes(delta)
	switch {
	case err != nil:
		return nil, err
	case from != s.size():
		return nil, fmt.Errorf("%w: delta is for a base of %d bytes, base has %d", ErrCorrupt, from, s.size())
	}
	if err := left.spend(to); err != nil {
		return nil, err
	}
	out := &splice{}
	for len(d) > 0 {
		c := d[0]
		if d = d[1:]; c&0x80 == 0 {
			if c == 0 || int(c) > len(d) {
				return nil, fmt.Errorf("%w: delta insert of %d bytes, %d left", ErrCorrupt, c, len(d))
			}
			err = out.add(d[:c])
			d = d[c:]
		} else {
			var off, size uint32
			if off, size, d, err = copyOperands(c, d); err != nil {
				return nil, err
			}
			size = cmp.Or(size, 0x10000)
			if uint64(off)+uint64(size) > from {
				return nil, fmt.Errorf("%w: delta copies %d bytes at %d, base has %d", ErrCorrupt, size, off, from)
			}
			err = out.copyFrom(s, uint64(off), uint64(size))
		}
		if err == nil && out.size() > to {
			err = fmt.Errorf("%w: delta yields more bytes than it declares", ErrCorrupt)
		}
		if err != nil {
			return nil, err
		}
	}
	if out.size() != to {
		return nil, fmt.Errorf("%w: delta yields %d bytes, declares %d", ErrCorrupt, out.size(), to)
	}
	return out, nil
}

// Read implements io.Reader. It takes what it returns out of s.
func (s *splice) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(s.pieces) == 0 {
			return n, io.EOF
		}
		m := copy(p[n:], s.pieces[0])
		n += m
		if s.pieces[0] = s.pieces[0][m:]; len(s.pieces[0]) == 0 {
			s.pieces = s.pieces[1:]
		}
	}
	return n, nil
}

// spliced shows the blob at offset, which cannot be built for the reason of tooLarge, as
// a stream, if its root and the deltas have room in the budget.
func (r *LookupReader) spliced(l *Lookup, offset uint64, left *allowance, tooLarge error, use func(*Object) error) error {
	base, err := r.findBase(l, offset)
	if err != nil {
		return err
	}
	chain := slices.Clone(r.chain)
	var headers []header
	need := uint64(spliceRoom)
	for _, at := range chain {
		h, err := l.header(at)
		if err == nil {
			err = checkStored(h, uint64(len(l.source(at, h))), left)
		}
		if err != nil {
			return err
		}
		headers = append(headers, h)
		if need += h.size; need > uint64(r.budget.limit) {
			return tooLarge
		}
	}
	typ := oid.Blob
	if base != nil {
		typ = base.typ
	} else {
		typ = oid.Type(headers[len(headers)-1].typ)
	}
	if typ != oid.Blob {
		return tooLarge
	}
	r.used = 0 // what is kept is not counted
	r.wait(int64(need), func() bool { return false })
	defer func() { r.dropped = int64(need) }()
	s := &splice{}
	if base != nil {
		err = s.add(base.buf.data)
	}
	for i, at := range slices.Backward(chain) {
		if err != nil {
			break
		}
		content := make([]byte, headers[i].size)
		if _, err = r.decoder.Inflate(content, l.source(at, headers[i])); err != nil {
			err = fmt.Errorf("%w: %w", ErrCorrupt, err)
		} else if base == nil && i == len(chain)-1 {
			err = s.add(content)
		} else {
			s, err = s.apply(content, left)
		}
	}
	if errors.Is(err, ErrTooLarge) {
		err = tooLarge
	}
	if err != nil {
		return err
	}
	return use(&Object{Type: typ, Size: s.size(), Stream: s})
}
