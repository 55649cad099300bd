package pack

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"keysweep/scanner/gitdb/oid"
)

// copyOp and insertOp write delta instructions.
func copyOp(off, size uint32) []byte {
	b := []byte{0x80}
	for i := range 4 {
		if v := byte(off >> (8 * i)); v != 0 {
			b[0] |= 1 << i
			b = append(b, v)
		}
	}
	for i := range 3 {
		if v := byte(size >> (8 * i)); v != 0 {
			b[0] |= 0x10 << i
			b = append(b, v)
		}
	}
	return b
}

// deltaHead writes the two sizes at the start of a delta.
func deltaHead(base, result int) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(nil, uint64(base)), uint64(result))
}

func insertOp(text string) []byte { return append([]byte{byte(len(text))}, text...) }

func TestApplyFollowsTheInstructions(t *testing.T) {
	base := []byte("0123456789abcdef")
	big := bytes.Repeat([]byte("x"), 0x10000)
	for _, c := range []struct {
		name  string
		base  []byte
		delta []byte
		size  int
		want  string
		err   bool
	}{
		{"a copy and an insert", base, slices.Concat(copyOp(2, 3), insertOp("XY")), 5, "234XY", false},
		{"copies go back and forth", base, slices.Concat(copyOp(10, 6), copyOp(0, 2)), 8, "abcdef01", false},
		{"size zero means 65536", big, []byte{0x80}, 0x10000, string(big), false},
		{"an empty result", base, nil, 0, "", false},
		{"delta copies past end of base", base, copyOp(10, 7), 7, "", true},
		{"delta copies from behind the base", base, copyOp(1<<31, 1), 1, "", true},
		{"delta yields more bytes than it declares", base, copyOp(0, 5), 4, "", true},
		{"delta inserts more bytes than it declares", base, insertOp("abc"), 2, "", true},
		{"delta yields fewer bytes than it declares", base, copyOp(0, 5), 6, "", true},
		{"insert is truncated", base, []byte{5, 'a'}, 5, "", true},
		{"copy is truncated", base, []byte{0xff, 1, 2}, 5, "", true},
		{"reserved instruction", base, []byte{0}, 0, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dst := make([]byte, c.size)
			_, err := apply(dst, c.base, c.delta, nil)
			if c.err {
				if !errors.Is(err, ErrCorrupt) {
					t.Errorf("error %v, want ErrCorrupt", err)
				}
				return
			}
			if err != nil || string(dst) != c.want {
				t.Errorf("%q, %v; want %q", dst, err, c.want)
			}
		})
	}
}

func TestFreshSpansLeaveOutWhatTheBaseHolds(t *testing.T) {
	for _, c := range []struct {
		name string
		ops  []op
		want []Span
	}{
		{"a plain copy", []op{{0, 10}}, nil},
		{"copies that continue each other", []op{{0, 10}, {10, 5}}, nil},
		{"copies that do not", []op{{0, 10}, {11, 5}}, []Span{{10, 10}}},
		{"an insert between copies", []op{{0, 10}, {-1, 3}, {10, 5}}, []Span{{10, 13}}},
		{"two inserts in a row", []op{{-1, 3}, {-1, 4}, {0, 1}}, []Span{{0, 7}}},
		{"several short copies", []op{{0, 1}, {5, 1}, {3, 1}}, []Span{{1, 1}, {2, 2}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, freshSpans(nil, c.ops)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// randomTree returns a tree object with n entries, and the names in it.
func randomTree(r *rand.Rand, n int) []byte {
	var b []byte
	for range n {
		b = append(b, []string{"100644", "40000", "160000", "120000"}[r.IntN(4)]...)
		b = append(b, ' ')
		for range 1 + r.IntN(9) {
			b = append(b, "ab40 1.\xff"[r.IntN(8)])
		}
		b = append(b, 0)
		for range 20 {
			// Ids that look like entries are the hard case.
			b = append(b, "1006440 \x00ab\x07"[r.IntN(12)])
		}
	}
	return b
}

// randomDelta returns instructions that make some result of base.
func randomDelta(r *rand.Rand, base []byte, more func() []byte) (instructions []byte, result []byte) {
	for range 1 + r.IntN(6) {
		if r.IntN(3) == 0 || len(base) == 0 {
			text := more()
			text = text[:min(len(text), 1+r.IntN(60))]
			if len(text) == 0 {
				continue
			}
			instructions = append(instructions, insertOp(string(text))...)
			result = append(result, text...)
			continue
		}
		off := r.IntN(len(base))
		size := 1 + r.IntN(len(base)-off)
		instructions = append(instructions, copyOp(uint32(off), uint32(size))...)
		result = append(result, base[off:off+size]...)
	}
	return instructions, result
}

func TestTreeStartsAreInheritedAsIfParsed(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	fresh := 0
	for range 20000 {
		base := randomTree(r, r.IntN(8))
		delta, _ := randomDelta(r, base, func() []byte { return randomTree(r, 1+r.IntN(2)) })
		if r.IntN(2) == 0 {
			// What git makes: whole entries change between two copies.
			var s treeStarts
			s.parse(base, 20)
			if len(s.starts) < 3 {
				continue
			}
			cut := int(s.starts[1+r.IntN(len(s.starts)-2)])
			delta = slices.Concat(copyOp(0, uint32(cut)), insertOp(string(randomTree(r, 1))), copyOp(uint32(cut), uint32(len(base)-cut)))
		}
		checkInherit(t, base, delta, &fresh)
	}
	if fresh == 0 {
		t.Error("no entry was ever inherited")
	}
}

// checkInherit compares inherit with parsing from scratch. inherited counts
// the entries that were not parsed again.
func checkInherit(t *testing.T, base, instructions []byte, inherited *int) {
	t.Helper()
	size, err := resultSize(instructions)
	if err != nil || size > 1<<20 {
		return
	}
	result := make([]byte, size)
	ops, err := apply(result, base, instructions, nil)
	if err != nil {
		return
	}
	var b, got, want treeStarts
	b.parse(base, 20)
	want.parse(result, 20)
	got.inherit(result, b.starts, ops, 20)
	if b.err != nil {
		// Then base.starts holds no boundary behind the damage; only the
		// entries must agree.
		got.err, want.err = nil, nil
	}
	if !slices.Equal(got.starts, want.starts) || (got.err == nil) != (want.err == nil) {
		t.Fatalf("base %q\nresult %q\nops %v\ngot  %v, %v\nwant %v, %v", base, result, ops, got.starts, got.err, want.starts, want.err)
	}
	// An entry that is not fresh must stand in the base as it is.
	have := make(map[string]bool)
	for i := range b.starts {
		have[string(entryAt(base, b.starts[i]))] = true
	}
	for _, s := range got.starts {
		if slices.Contains(got.fresh, s) {
			continue
		}
		*inherited++
		if !have[string(entryAt(result, s))] {
			t.Fatalf("the entry at %d of %q is not in %q, and not fresh", s, result, base)
		}
	}
}

func entryAt(tree []byte, at uint32) []byte {
	_, next, err := ParseTreeEntry(tree, int(at), 20)
	if err != nil {
		return nil
	}
	return tree[at:next]
}

// resultSize adds up what instructions yield.
func resultSize(d []byte) (int, error) {
	n := 0
	for len(d) > 0 {
		c := d[0]
		d = d[1:]
		if c&0x80 == 0 {
			if int(c) > len(d) {
				return 0, ErrCorrupt
			}
			n += int(c)
			d = d[c:]
			continue
		}
		_, size, rest, err := copyOperands(c, d)
		if err != nil {
			return 0, err
		}
		if size == 0 {
			size = 0x10000
		}
		n += int(size)
		d = rest
	}
	return n, nil
}

func FuzzTreeInherit(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 10 {
		base := randomTree(r, 4)
		delta, _ := randomDelta(r, base, func() []byte { return randomTree(r, 1) })
		f.Add(base, delta)
	}
	f.Fuzz(func(t *testing.T, base, instructions []byte) {
		n := 0
		checkInherit(t, base, instructions, &n)
	})
}

func FuzzDelta(f *testing.F) {
	f.Add([]byte("0123456789"), slices.Concat([]byte{10, 5}, copyOp(2, 3), insertOp("XY")))
	f.Add([]byte("0123456789"), []byte{10, 5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, base, delta []byte) {
		from, to, rest, err := deltaSizes(delta)
		if err != nil || to > 1<<20 {
			return
		}
		dst := make([]byte, to)
		ops, err := apply(dst, base, rest, nil)
		if from == uint64(len(base)) {
			checkSplice(t, base, delta, dst, err)
		}
		if err != nil {
			return
		}
		// What the instructions say is what was done.
		var again []byte
		at := 0
		for _, o := range ops {
			if o.from < 0 {
				again = append(again, dst[at:at+o.n]...)
			} else {
				again = append(again, base[o.from:o.from+o.n]...)
			}
			at += o.n
		}
		if !bytes.Equal(again, dst) {
			t.Fatalf("ops %v do not yield %q", ops, dst)
		}
		last := -1
		for _, s := range freshSpans(nil, ops) {
			if s.Start <= last || s.End < s.Start || s.End > len(dst) {
				t.Fatalf("spans %v do not ascend", freshSpans(nil, ops))
			}
			last = s.End
		}
	})
}

// checkSplice compares what a splice makes of a delta, in two steps, with what was built.
func checkSplice(t *testing.T, base, delta, want []byte, wantErr error) {
	t.Helper()
	s := &splice{}
	for _, part := range [][]byte{base[:len(base)/2], base[len(base)/2:]} {
		if err := s.add(part); err != nil {
			t.Fatal(err)
		}
	}
	out, err := s.apply(delta, nil)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("spliced: %v; built: %v", err, wantErr)
	}
	if err != nil {
		return
	}
	if got, err := io.ReadAll(iotest.OneByteReader(out)); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("spliced: %q, %v; built: %q", got, err, want)
	}
}

func FuzzEntryHeader(f *testing.F) {
	f.Add([]byte{0x95, 0x0a, 1, 2, 3})
	f.Add([]byte{0xe5, 0x0a, 0x81, 0x02})
	f.Add(append([]byte{0x75}, make([]byte, 20)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHeader(b, 20)
		if err == nil && (h.stream > len(b) || h.size >= 1<<60) {
			t.Fatalf("header %+v of %d bytes", h, len(b))
		}
	})
}

func FuzzIndex(f *testing.F) {
	ids := []oid.ID{{1}, {2}, {3, 4}}
	n, _ := buildNames(ids, 20)
	file := []byte(indexMagic)
	file = binary.BigEndian.AppendUint32(file, 2)
	for b := range 256 {
		file = binary.BigEndian.AppendUint32(file, n.fanout[b+1])
	}
	file = append(file, n.ids...)
	file = append(file, make([]byte, 3*8)...)
	trailer := make([]byte, 20)
	file = append(file, trailer...)
	h := oid.SHA1.New()
	h.Write(file)
	f.Add(h.Sum(file), uint32(3))
	f.Fuzz(func(t *testing.T, b []byte, count uint32) {
		if len(b) >= 40 {
			// A fuzzer does not find a checksum.
			h := oid.SHA1.New()
			h.Write(b[:len(b)-20])
			copy(b[len(b)-20:], h.Sum(nil))
		}
		x, err := parseIndex(b, oid.SHA1, count, trailer)
		if err == nil {
			for i := range x.count() { // also of an index that is only believed
				x.find(x.bytes(i))
				x.offset(i)
			}
			err = x.verify(oid.SHA1)
		}
		if err != nil {
			if !errors.Is(err, ErrUnusable) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if x.count() != int(count) {
			t.Fatalf("%d names of %d", x.count(), count)
		}
		for i := range x.count() {
			if pos, ok := x.find(x.bytes(i)); !ok || !bytes.Equal(x.bytes(pos), x.bytes(i)) {
				t.Fatalf("id %d is not found", i)
			}
		}
	})
}

func FuzzTreeEntry(f *testing.F) {
	f.Add(randomTree(rand.New(rand.NewPCG(5, 6)), 3))
	f.Fuzz(func(t *testing.T, b []byte) {
		for at := 0; at < len(b); {
			_, next, err := ParseTreeEntry(b, at, 20)
			if err != nil {
				return
			}
			if next <= at || next > len(b) {
				t.Fatalf("entry at %d of %d ends at %d", at, len(b), next)
			}
			at = next
		}
	})
}

func TestFindFindsEachIDAndNoOther(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for _, size := range []int{0, 1, 2, 300, 5000} {
		var ids []oid.ID
		for i := range size {
			var id oid.ID
			for j := range 20 {
				id[j] = byte(r.Uint32())
			}
			if i%3 == 0 {
				clear(id[:9]) // forged: they share their head
			}
			ids = append(ids, id)
		}
		n, order := buildNames(ids, 20)
		for _, id := range ids {
			pos, ok := n.find(id[:20])
			if !ok || ids[order[pos]] != id {
				t.Fatalf("%d ids: %s is not found", size, id)
			}
			id[19]++
			if pos, ok := n.find(id[:20]); ok && ids[order[pos]] != id {
				t.Fatalf("%d ids: %s is found, and is not there", size, id)
			}
		}
	}
}

func BenchmarkFind(b *testing.B) {
	r := rand.New(rand.NewPCG(9, 9))
	ids := make([]oid.ID, 400_000)
	for i := range ids {
		for j := range 20 {
			ids[i][j] = byte(r.Uint32())
		}
	}
	n, _ := buildNames(ids, 20)
	i := 0
	for b.Loop() {
		n.find(ids[i][:20])
		i = (i + 7919) % len(ids)
	}
}

func TestADeltaOfVeryManyInstructionsIsNotRecorded(t *testing.T) {
	base := []byte("100644 a\x0001234567890123456789")
	var delta []byte
	for range maxOps + 10 {
		delta = append(delta, copyOp(0, 1)...)
	}
	dst := make([]byte, maxOps+10)
	ops, err := apply(dst, base, delta, nil)
	if err != nil || len(ops) != maxOps {
		t.Fatalf("%d instructions recorded, %v", len(ops), err)
	}
	file := newPackFile()
	file.add(3, nil, base)
	head := deltaHead(len(base), maxOps+10)
	file.add(ofsDelta, []byte{byte(file.Len() - file.offsets[0])}, append(head, delta...))
	p, err := openNamed(file.write(t))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	v := &spansVisitor{}
	if err := p.Walk(context.Background(), WalkOptions{NewVisitor: func() Visitor { return v }}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Span{{0, maxOps + 10}}, v.spans); diff != "" {
		t.Error(diff)
	}
}

// spansVisitor keeps the fresh spans of the only delta.
type spansVisitor struct {
	nothing
	spans []Span
}

func (v *spansVisitor) Visit(o *Object) (bool, error) {
	if o.Delta {
		v.spans = slices.Clone(o.Fresh)
	}
	return false, nil
}

func TestBuiltNamesFindEveryEntry(t *testing.T) {
	ids := []oid.ID{{9}, {2}, {5}, {7}}
	offsets := []uint64{12, 1<<31 - 1, 1 << 31, 1 << 40}
	p := &Pack{}
	for _, offset := range offsets {
		p.entries = append(p.entries, entry{offset: offset})
	}
	p.names, p.entryAt = buildNames(ids, 20)
	for i, id := range ids {
		pos, ok := p.names.find(id[:20])
		if !ok || p.Offset(int(p.entryAt[pos])) != offsets[i] {
			t.Errorf("%s: not found at %d", id, offsets[i])
		}
	}
}
