package pack

// Bits is a set of entry numbers.
type Bits struct{ words []uint64 }

// NewBits returns an empty set for numbers below n.
func NewBits(n int) *Bits { return &Bits{words: make([]uint64, (n+63)/64)} }

// Has reports whether i is in the set.
func (b *Bits) Has(i int) bool { return b.words[i/64]&(1<<(i%64)) != 0 }

// Add puts i into the set and reports whether it was not there.
func (b *Bits) Add(i int) bool {
	fresh := !b.Has(i)
	b.words[i/64] |= 1 << (i % 64)
	return fresh
}

// AddWithBases puts entry and all that it is built on into b.
func (p *Pack) AddWithBases(b *Bits, entry int) {
	for e := int32(entry); e >= 0 && b.Add(int(e)); e = p.entries[e].base {
	}
}
