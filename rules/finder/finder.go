// Package finder finds many byte strings at once, in one pass.
//
// It is a sampled q-gram filter (Wu and Manber's idea). Only every
// stride-th position of the text is read: the 4 bytes there are hashed
// and one bit of a 128-kbit table says whether they are a 4-gram of any
// literal's head. A head is the literal's first stride+3 bytes, so that it
// has exactly stride 4-grams and exactly one of them is at a sampled
// position, wherever the literal is:
//
//	text      . . . . s k _ l i v e _ . . . . . .
//	sampled   ^         ^         ^         ^        stride 5
//	4-gram              [k _ l i]
//
// Where a sample passes, the stride positions where a head could start are looked
// up exactly, and the literals of a head that is there are compared. Heads are
// enough to say that there is no literal, and cheap to have: see FromHeads.
//
// A literal of 6 bytes leaves the stride as it is. Each sample that may meet it
// holds 3 bytes of it at least, and at most one of any value before or behind it:
//
//	[. H 4 s]   [H 4 s I]   [4 s I A]   [s I A C]   [I A C .]
package finder

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"iter"
	"math/bits"
	"slices"
	"strings"
)

// The sizes of the filter.
const (
	gramLen = 4
	// HeadLen is how many bytes a head has at most, which limits the stride to 5:
	// as many as the shortest built-in literal.
	HeadLen = 8
	// shortLen is the length of literals that are too short for a head and leave the
	// stride as it is. They have many grams: more than maxShort shorten it.
	shortLen = HeadLen - 2
	maxShort = 48
	// filterBits is the size of the table: 3 % of random samples pass, and 16 KiB stay in the
	// first cache beside the text. Half the table is 1.4 times slower on source code.
	filterBits = 1 << 17
	// gramHash is a multiplier; the product's upper 17 bits index the filter. Its lowest bits are
	// zero, so that grams that end in any byte take 32 bits of the filter, and not 256. Of 24 000
	// it lets the fewest samples of deltas, source code, documents and programs pass.
	gramHash = 0x930A1578
	// secondHash is another one, for a second table: of the samples that pass the
	// first by chance few pass both, and looking up heads costs more.
	secondHash = 0x938A8BC8
	// offsetHash and offsetBits say where in a literal such a gram is: to look up a head at
	// each place takes longer.
	offsetHash, offsetBits = 0x9E3779B8, 12
	// lowBits is how many bits of a gram's last byte count, with these three multipliers.
	lowBits = 5
	// headHash likewise; the upper bits of the product index heads.
	headHash = 0x9E3779B97F4A7C15
)

// Finder finds every occurrence of every literal of a set. It holds no state
// of a search and is safe for concurrent use.
type Finder struct {
	filter  [filterBits / 64]uint64
	second  [filterBits / 128]uint64 // the same by secondHash, half as large
	offsets [1 << offsetBits]uint8   // bit k+1: a literal may begin k bytes before such a gram
	stride  int
	maxLen  int
	headLen int

	// heads is an open hash table of half of the heads' hashes; 0: none. Two heads of one hash
	// are one: literals are compared in the end. Its length is a power of two.
	heads []uint32
	shift int // 64 less the logarithm of the length

	starts []uint32 // the first 4 bytes of literals of shortLen, each once

	// whole returns the finder that also knows the literals of the heads, which
	// takes longer to make; nil: this one does.
	whole func() *Finder
	lits  [][]byte
	// first holds the first literal of each of heads, next the one that follows
	// each of lits under its head, lowest index first; -1 after the last.
	first, next []int32
}

// New returns a finder of lits, each at least 4 bytes. It keeps lits. One of 6 bytes may
// be missed where nothing follows it.
func New(lits [][]byte) *Finder {
	short := 0
	for _, l := range lits {
		if len(l) == shortLen {
			short++
		}
	}
	headLen, maxLen := HeadLen, 0
	for _, l := range lits {
		if len(l) != shortLen || short > maxShort {
			headLen = min(headLen, len(l))
		}
		maxLen = max(maxLen, len(l))
	}
	headLen = max(headLen, gramLen)
	heads := make([]uint64, 0, len(lits))
	for _, l := range lits {
		if len(l) >= headLen {
			heads = append(heads, headAt(l, 0, headLen))
		}
	}
	slices.Sort(heads)
	heads = slices.Compact(heads)
	f := newHeadFinder(len(heads)+short, headLen, maxLen)
	for _, head := range heads {
		f.add(head, headLen)
	}
	f.lits, f.first, f.next = lits, slices.Repeat([]int32{-1}, len(f.heads)), make([]int32, len(lits))
	for i, l := range slices.Backward(lits) {
		n := f.headLen
		if len(l) < n {
			if len(l) != shortLen {
				continue // refused by the loader
			}
			n = shortLen
			f.addShort(l)
		}
		slot, _, _ := f.slot(headAt(l, 0, n))
		f.next[i], f.first[slot] = f.first[slot], int32(i)
	}
	return f
}

// FromHeads returns a finder of literals, of at most maxLen bytes, that are known by their heads:
// in hex, one a line. Where one is met it goes on with whole, which takes longer to make.
func FromHeads(heads string, maxLen int, whole func() *Finder) *Finder {
	f := newHeadFinder(strings.Count(heads, "\n"), HeadLen, maxLen)
	f.whole = whole
	for line := range strings.Lines(heads) {
		var digits [2*HeadLen + 1]byte
		var head [HeadLen]byte
		copy(digits[:], line)
		n, err := hex.Decode(head[:], digits[:max(0, min(len(line), len(digits))-1)])
		switch {
		case err != nil || line[len(line)-1] != '\n' || n != HeadLen && n != shortLen || len(line) > len(digits):
			panic(fmt.Sprintf("finder: %q is no head", line)) // the tests read them
		case n == HeadLen:
			f.add(binary.LittleEndian.Uint64(head[:]), HeadLen)
		default:
			f.addShort(head[:n])
		}
	}
	return f
}

// newHeadFinder returns a finder without heads. Its caller adds at most n.
func newHeadFinder(n, headLen, maxLen int) *Finder {
	f := &Finder{headLen: headLen, stride: headLen - gramLen + 1, maxLen: maxLen}
	size := 1 << bits.Len(uint(2*n))
	f.heads, f.shift = make([]uint32, size), 64-bits.Len(uint(size-1))
	return f
}

// add adds a head of n bytes.
func (f *Finder) add(head uint64, n int) {
	slot, hash, _ := f.slot(head)
	f.heads[slot] = hash
	for off := range n - gramLen + 1 {
		f.addGram(uint32(head>>(8*off)), off)
	}
}

// addGram adds a gram that is off bytes into a literal, or one byte before it: -1.
func (f *Finder) addGram(g uint32, off int) {
	h, k := g*gramHash>>15, g*secondHash>>16
	f.filter[h/64] |= 1 << (h % 64)
	f.second[k/64] |= 1 << (k % 64)
	f.offsets[g*offsetHash>>(32-offsetBits)] |= 1 << (off + 1)
}

// addShort adds a literal of shortLen bytes.
func (f *Finder) addShort(l []byte) {
	head := headAt(l, 0, shortLen)
	f.add(head, shortLen)
	for c := range uint32(1 << lowBits) {
		f.addGram(uint32(head>>24)|c<<24, shortLen-gramLen+1)
	}
	if start := uint32(head); !slices.Contains(f.starts, start) {
		f.starts = append(f.starts, start)
		for c := range uint32(1 << 8) {
			f.addGram(start<<8|c, -1)
		}
	}
}

// slot returns where the hash of head is in f.heads, or where it would be.
func (f *Finder) slot(head uint64) (slot int, hash uint32, ok bool) {
	product := head * headHash
	hash = uint32(product>>32) | 1 // not zero
	mask := len(f.heads) - 1
	slot = int(product >> f.shift)
	for {
		switch f.heads[slot&mask] {
		case 0:
			return slot & mask, hash, false
		case hash:
			return slot & mask, hash, true
		}
		slot++
	}
}

// headAt returns the head at b[at:], which holds n bytes, at most 8.
func headAt(b []byte, at, n int) uint64 {
	if at+8 <= len(b) {
		return binary.LittleEndian.Uint64(b[at:]) & (1<<(8*n) - 1)
	}
	var w [8]byte
	copy(w[:n], b[at:])
	return binary.LittleEndian.Uint64(w[:])
}

// Literals returns what f finds, none if it only knows heads. Callers must not
// change it.
func (f *Finder) Literals() [][]byte { return f.lits }

// MaxLen returns the length of the longest literal in bytes: a search that is
// cut in two must overlap by one less.
func (f *Finder) MaxLen() int { return f.maxLen }

// Contains reports whether any literal occurs in b.
func (f *Finder) Contains(b []byte) bool {
	_, _, ok := f.Next(b, 0)
	return ok
}

// Next returns where the first literal is in b that starts at or behind from, and its index in
// Literals; of several at one start the lowest. The next one is found from start + 1.
func (f *Finder) Next(b []byte, from int) (start, literal int, ok bool) {
	p := max(from, 0)
	if f.stride == HeadLen-gramLen+1 {
		p, start, literal, ok = f.next5(b, from, p)
	}
	for ; !ok && p+gramLen <= len(b); p += f.stride {
		if f.maybe(binary.LittleEndian.Uint32(b[p:])) {
			start, literal, ok = f.check(b, from, p)
		}
	}
	return start, literal, ok
}

// All returns where literals start in b, from the first to the last, and the
// index of one at each position, as Next does.
func (f *Finder) All(b []byte) iter.Seq2[int, int] {
	return func(yield func(start, literal int) bool) {
		for from := 0; ; {
			start, literal, ok := f.Next(b, from)
			if !ok || !yield(start, literal) {
				return
			}
			from = start + 1
		}
	}
}

// next5 is Next for a stride of 5, eight samples (40 bytes) a turn: the loop
// that the whole product waits for. It begins at p and returns where it ended.
func (f *Finder) next5(b []byte, from, p int) (end, start, literal int, ok bool) {
	const stride, block = 5, 40
	t := &f.filter
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
			// One bit for each sample: a branch for each takes as long as the rest.
			passed := t[h0/64]>>(h0%64)&1 | t[h1/64]>>(h1%64)&1<<1 | t[h2/64]>>(h2%64)&1<<2 | t[h3/64]>>(h3%64)&1<<3 |
				t[h4/64]>>(h4%64)&1<<4 | t[h5/64]>>(h5%64)&1<<5 | t[h6/64]>>(h6%64)&1<<6 | t[h7/64]>>(h7%64)&1<<7
			for ; passed != 0; passed &= passed - 1 {
				q := p + stride*bits.TrailingZeros64(passed)
				if f.maybe(binary.LittleEndian.Uint32(b[q:])) {
					if start, literal, ok = f.check(b, from, q); ok {
						return q, start, literal, true
					}
				}
			}
		}
		p += block
	}
	return p, 0, 0, false
}

func (f *Finder) maybe(g uint32) bool {
	h, k := g*gramHash>>15, g*secondHash>>16
	return f.filter[h/64]>>(h%64)&1 != 0 && f.second[k/64]>>(k%64)&1 != 0
}

// check compares the literals that the sample at b[p:] covers, and returns the first
// that starts at or behind from.
func (f *Finder) check(b []byte, from, p int) (start, literal int, ok bool) {
	may := f.offsets[binary.LittleEndian.Uint32(b[p:])*offsetHash>>(32-offsetBits)]
	for at := max(from, p-f.stride+1, 0); at <= p+1; at++ {
		if may>>(p+1-at)&1 != 0 {
			var found [4]int
			if list := f.AppendAt(found[:0], b, at); len(list) > 0 {
				return at, list[0], true
			}
		}
	}
	return 0, 0, false
}

// slots returns where f.heads has the head at b[at:], and the literal of shortLen; -1:
// nowhere.
func (f *Finder) slots(b []byte, at int) (head, short int) {
	head, short = -1, -1
	if at+f.headLen <= len(b) {
		if slot, _, ok := f.slot(headAt(b, at, f.headLen)); ok {
			head = slot
		}
	}
	if at+shortLen < len(b) && slices.Contains(f.starts, binary.LittleEndian.Uint32(b[at:])) {
		// What follows the literal may be zeros: the slot is that of a head, too.
		if slot, _, ok := f.slot(headAt(b, at, shortLen)); ok && slot != head {
			short = slot
		}
	}
	return head, short
}

// AppendAt appends to dst the literals that start at b[start:], lowest index
// first.
func (f *Finder) AppendAt(dst []int, b []byte, start int) []int {
	head, short := f.slots(b, start)
	if head < 0 && short < 0 {
		return dst
	}
	if f.whole != nil {
		return f.whole().AppendAt(dst, b, start)
	}
	n := len(dst)
	for _, slot := range [...]int{head, short} {
		if slot < 0 {
			continue
		}
		for l := f.first[slot]; l >= 0; l = f.next[l] {
			if bytes.HasPrefix(b[start:], f.lits[l]) {
				dst = append(dst, int(l))
			}
		}
	}
	slices.Sort(dst[n:])
	return dst
}
