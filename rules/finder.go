package rules

import (
	"encoding/binary"
	"slices"
)

// The finder is a sampled q-gram filter (Wu and Manber's idea). Only every
// stride-th position of the text is looked at: the 4 bytes there are hashed
// and one bit of a 128-kbit table says whether they are a 4-gram of any
// literal's head. A head is the literal's first stride+3 bytes, so that it
// has exactly stride 4-grams and exactly one of them stands on a sampled
// position, wherever the literal lies:
//
//	text      . . . . s k _ l i v e _ . . . . . .
//	sampled   ^         ^         ^         ^        stride 5
//	4-gram              [k _ l i]
//
// A sample that passes is looked up exactly (4-gram to literal and offset)
// and compared.
const (
	gramLen = 4
	// maxHead limits the stride to 5: a head as long as the shortest built-in
	// literal.
	maxHead = 8
	// filterBits is the size of the table. With the 3 200 grams of the built-in
	// rules 2.5 % of random samples pass; 16 KiB stay in the first cache beside
	// the text. Half the table is 1.4 times slower on source code.
	filterBits = 1 << 17
	// gramHash is an odd multiplier; the product's upper 17 bits index the
	// filter.
	gramHash = 0x9E3779B1
)

// Finder finds every occurrence of every literal of a set. It holds no state
// of a search and is safe for concurrent use.
type Finder struct {
	filter [filterBits / 64]uint64
	stride int
	maxLen int
	lits   [][]byte

	// heads are the distinct heads; those of one text follow each other in
	// byHead, lowest index first.
	heads   []head
	headLen int
	byHead  []uint32 // literals

	// grams is an open hash table; its length is a power of two.
	grams []gramSlot
	mask  uint32
	// places of one gram are consecutive, the greatest offset first: so the
	// starts they mean ascend.
	places []gramPlace
}

// head is the first bytes of some literals.
type head struct {
	text        []byte
	first, last uint32 // byHead[first:last]
}

type gramSlot struct {
	gram        uint32
	first, last uint32 // places[first:last]; empty: first == last
}

type gramPlace struct {
	head   uint32
	offset uint32 // of the gram in the head
}

// newFinder returns a finder of lits, each at least 4 bytes. It keeps lits.
func newFinder(lits [][]byte) *Finder {
	f := &Finder{lits: lits, stride: maxHead - gramLen + 1}
	for _, l := range lits {
		f.stride = min(f.stride, len(l)-gramLen+1)
		f.maxLen = max(f.maxLen, len(l))
	}
	f.stride = max(f.stride, 1)
	f.headLen = f.stride + gramLen - 1
	f.groupHeads()
	// By gram, then the greatest offset first: see Finder.places.
	const offsetBits, headBits = 8, 24
	sorted := make([]uint64, 0, len(f.heads)*f.stride)
	for h := range f.heads {
		for off := range f.stride {
			gram := binary.LittleEndian.Uint32(f.heads[h].text[off:])
			sorted = append(sorted, uint64(gram)<<(offsetBits+headBits)|uint64(maxHead-off)<<headBits|uint64(h))
		}
	}
	slices.Sort(sorted)
	size := 8
	for size < 4*len(sorted) {
		size *= 2
	}
	f.grams, f.mask = make([]gramSlot, size), uint32(size-1)
	f.places = make([]gramPlace, 0, len(sorted))
	for i := 0; i < len(sorted); {
		gram := uint32(sorted[i] >> (offsetBits + headBits))
		h := gram * gramHash >> 15
		f.filter[h/64] |= 1 << (h % 64)
		slot := h & f.mask
		for f.grams[slot].first != f.grams[slot].last {
			slot = (slot + 1) & f.mask
		}
		first := uint32(len(f.places))
		for ; i < len(sorted) && uint32(sorted[i]>>(offsetBits+headBits)) == gram; i++ {
			f.places = append(f.places, gramPlace{uint32(sorted[i] & (1<<headBits - 1)), maxHead - uint32(sorted[i]>>headBits&(1<<offsetBits-1))})
		}
		f.grams[slot] = gramSlot{gram, first, uint32(len(f.places))}
	}
	return f
}

// groupHeads fills heads and byHead.
func (f *Finder) groupHeads() {
	index := make(map[string]uint32, len(f.lits)/4)
	of := make([]uint32, len(f.lits))
	const none = ^uint32(0)
	for i, l := range f.lits {
		if len(l) < f.headLen {
			of[i] = none // refused by the loader
			continue
		}
		text := l[:f.headLen]
		h, ok := index[string(text)]
		if !ok {
			h = uint32(len(f.heads))
			index[string(text)] = h
			f.heads = append(f.heads, head{text: text})
		}
		of[i] = h
		f.heads[h].last++ // a count, so far
	}
	at := uint32(0)
	for h := range f.heads {
		n := f.heads[h].last
		f.heads[h].first, f.heads[h].last = at, at
		at += n
	}
	f.byHead = make([]uint32, len(f.lits))
	for i, h := range of {
		if h == none {
			continue
		}
		f.byHead[f.heads[h].last] = uint32(i)
		f.heads[h].last++
	}
}

// MaxLen returns the length of the longest literal in bytes: a search that is
// cut in two must overlap by one less.
func (f *Finder) MaxLen() int { return f.maxLen }

// Contains reports whether any literal occurs in b.
func (f *Finder) Contains(b []byte) bool {
	_, _, ok := f.Next(b, 0)
	return ok
}

// Next returns the first occurrence of any literal in b that starts at or
// behind from: where it starts and the literal's index in Set.Literals. Of
// several literals at one start it returns the one with the lowest index.
// Following occurrences are found with from = start + 1.
func (f *Finder) Next(b []byte, from int) (start, literal int, ok bool) {
	if f.stride == maxHead-gramLen+1 {
		return f.next5(b, from)
	}
	for p := max(from, 0); p+gramLen <= len(b); p += f.stride {
		g := binary.LittleEndian.Uint32(b[p:])
		if f.maybe(g) {
			if start, literal, ok = f.check(b, from, p, g); ok {
				return start, literal, true
			}
		}
	}
	return 0, 0, false
}

// next5 is Next for a stride of 5, eight samples (40 bytes) a turn: the loop
// that the whole product waits for.
func (f *Finder) next5(b []byte, from int) (start, literal int, ok bool) {
	const stride, block = 5, 40
	t := &f.filter
	p := max(from, 0)
	for p+block <= len(b) {
		w := (*[block]byte)(b[p:])
		g0 := binary.LittleEndian.Uint32(w[0:4])
		g1 := binary.LittleEndian.Uint32(w[5:9])
		g2 := binary.LittleEndian.Uint32(w[10:14])
		g3 := binary.LittleEndian.Uint32(w[15:19])
		g4 := binary.LittleEndian.Uint32(w[20:24])
		g5 := binary.LittleEndian.Uint32(w[25:29])
		g6 := binary.LittleEndian.Uint32(w[30:34])
		g7 := binary.LittleEndian.Uint32(w[35:39])
		h0, h1, h2, h3 := g0*gramHash>>15, g1*gramHash>>15, g2*gramHash>>15, g3*gramHash>>15
		h4, h5, h6, h7 := g4*gramHash>>15, g5*gramHash>>15, g6*gramHash>>15, g7*gramHash>>15
		any := t[h0/64]>>(h0%64) | t[h1/64]>>(h1%64) | t[h2/64]>>(h2%64) | t[h3/64]>>(h3%64) |
			t[h4/64]>>(h4%64) | t[h5/64]>>(h5%64) | t[h6/64]>>(h6%64) | t[h7/64]>>(h7%64)
		if any&1 != 0 {
			for q := p; q < p+block; q += stride {
				g := binary.LittleEndian.Uint32(b[q:])
				if !f.maybe(g) {
					continue
				}
				if start, literal, ok = f.check(b, from, q, g); ok {
					return start, literal, true
				}
			}
		}
		p += block
	}
	for ; p+gramLen <= len(b); p += stride {
		g := binary.LittleEndian.Uint32(b[p:])
		if f.maybe(g) {
			if start, literal, ok = f.check(b, from, p, g); ok {
				return start, literal, true
			}
		}
	}
	return 0, 0, false
}

func (f *Finder) maybe(g uint32) bool {
	h := g * gramHash >> 15
	return f.filter[h/64]>>(h%64)&1 != 0
}

// check compares the literals that hold gram g, which stands at b[p:], and
// returns the first that starts at or behind from.
func (f *Finder) check(b []byte, from, p int, g uint32) (start, literal int, ok bool) {
	slot := g * gramHash >> 15 & f.mask
	for f.grams[slot].gram != g || f.grams[slot].first == f.grams[slot].last {
		if f.grams[slot].first == f.grams[slot].last {
			return 0, 0, false
		}
		slot = (slot + 1) & f.mask
	}
	s := f.grams[slot]
	for _, place := range f.places[s.first:s.last] {
		at := p - int(place.offset)
		if at < from || at < 0 || at+f.headLen > len(b) {
			continue
		}
		h := &f.heads[place.head]
		if string(b[at:at+f.headLen]) != string(h.text) {
			continue
		}
		for _, literal := range f.byHead[h.first:h.last] {
			if l := f.lits[literal]; at+len(l) <= len(b) && string(b[at:at+len(l)]) == string(l) {
				return at, int(literal), true
			}
		}
	}
	return 0, 0, false
}

// at returns the literals of f that start at b[start:], lowest index first,
// appended to dst.
func (f *Finder) at(dst []int, b []byte, start int) []int {
	if start < 0 || start+gramLen > len(b) {
		return dst
	}
	g := binary.LittleEndian.Uint32(b[start:])
	slot := g * gramHash >> 15 & f.mask
	for f.grams[slot].first != f.grams[slot].last {
		if f.grams[slot].gram == g {
			for _, place := range f.places[f.grams[slot].first:f.grams[slot].last] {
				h := &f.heads[place.head]
				if place.offset != 0 || start+f.headLen > len(b) || string(b[start:start+f.headLen]) != string(h.text) {
					continue
				}
				for _, literal := range f.byHead[h.first:h.last] {
					if l := f.lits[literal]; start+len(l) <= len(b) && string(b[start:start+len(l)]) == string(l) {
						dst = append(dst, int(literal))
					}
				}
			}
			break
		}
		slot = (slot + 1) & f.mask
	}
	return dst
}
