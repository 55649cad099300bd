package history

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"keysweep/scanner/gitdb/oid"
)

// keySets gives each tree of a graph the set of keys below it. Equal sets are
// one, with one number; a set is a bit for each key.
type keySets struct {
	graph  graph
	held   map[oid.ID][]int32
	words  int // of a set
	number map[string]int32
	sets   [][]uint64 // by number; number 0 is the empty set
	of     map[oid.ID]int32
	key    []byte // scratch
}

func newKeySets(g graph, held map[oid.ID][]int32, keys int) *keySets {
	s := &keySets{graph: g, held: held, words: (keys + 63) / 64, number: make(map[string]int32), of: make(map[oid.ID]int32)}
	s.intern(make([]uint64, s.words))
	return s
}

// intern returns the number of a set.
func (s *keySets) intern(set []uint64) int32 {
	s.key = s.key[:0]
	for _, w := range set {
		s.key = binary.LittleEndian.AppendUint64(s.key, w)
	}
	if n, ok := s.number[string(s.key)]; ok {
		return n
	}
	n := int32(len(s.sets))
	s.number[string(s.key)] = n
	s.sets = append(s.sets, slices.Clone(set))
	return n
}

// keysBelow returns the number of the set of keys that an object holds or leads to.
func (s *keySets) keysBelow(id oid.ID) int32 {
	if n, ok := s.of[id]; ok {
		return n
	}
	own, links := s.held[id], s.graph[id]
	if len(own) == 0 && len(links) == 0 {
		return 0
	}
	s.of[id] = 0 // ends a cycle, which only a forged index makes possible
	set := make([]uint64, s.words)
	for _, k := range own {
		set[k/64] |= 1 << (k % 64)
	}
	for _, l := range links {
		unite(set, s.sets[s.keysBelow(l.id)])
	}
	n := s.intern(set)
	s.of[id] = n
	return n
}

// each calls f with every key that an object holds or leads to.
func (s *keySets) each(id oid.ID, f func(key int)) {
	eachKey(s.sets[s.keysBelow(id)], s.sets[0], f)
}

func unite(set, more []uint64) {
	for i, w := range more {
		set[i] |= w
	}
}

// eachKey calls f with every key of set that is not in except.
func eachKey(set, except []uint64, f func(key int)) {
	for i, w := range set {
		for w &^= except[i]; w != 0; w &= w - 1 {
			f(i*64 + bits.TrailingZeros64(w))
		}
	}
}
