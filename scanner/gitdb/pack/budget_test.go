package pack

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"keysweep/scanner/gitdb/oid"
)

// family writes delta families, and knows what the entries hold.
type family struct {
	*packFile
	sums  map[string]int // of all contents so far
	built int            // bytes of all contents
}

func newFamily() *family { return &family{packFile: newPackFile(), sums: make(map[string]int)} }

// version is an entry of a family.
type version struct {
	at      int // its offset
	content []byte
}

func (f *family) note(content []byte) version {
	f.sums[fmt.Sprintf("%x", sha1.Sum(content))]++
	f.built += len(content)
	return version{f.offsets[len(f.offsets)-1], content}
}

// root adds n bytes that are no delta.
func (f *family) root(n int, mark string) version {
	content := append(make([]byte, n-len(mark)), mark...)
	f.add(byte(oid.Blob), nil, content)
	return f.note(content)
}

// on adds n bytes, built on base by copies of what it begins with, and mark.
func (f *family) on(base version, n int, mark string) version {
	delta := deltaHead(len(base.content), n)
	content := make([]byte, 0, n)
	for len(content)+len(mark) < n {
		size := min(n-len(mark)-len(content), len(base.content), 1<<24-1)
		delta = append(delta, copyOp(0, uint32(size))...)
		content = append(content, base.content[:size]...)
	}
	delta = append(delta, insertOp(mark)...)
	content = append(content, mark...)
	at := f.Len()
	f.add(ofsDelta, baseDistance(at-base.at), delta)
	return f.note(content)
}

// baseDistance writes the distance back to the base of an OFS_DELTA.
func baseDistance(n int) []byte {
	b := []byte{byte(n & 0x7f)}
	for n >>= 7; n > 0; n >>= 7 {
		n--
		b = append(b, 0x80|byte(n&0x7f))
	}
	slices.Reverse(b)
	return b
}

// hostile are packs of few bytes that unpack to many: objects of about n bytes each.
var hostile = []struct {
	name  string
	build func(f *family, n int)
}{
	{"many large bases, each with a version", func(f *family, n int) {
		for i := range 16 {
			base := f.on(f.root(1<<10, fmt.Sprint(i)), n, fmt.Sprint("base", i))
			f.on(base, 9, fmt.Sprint("v", i))
		}
	}},
	{"a long chain", func(f *family, n int) {
		v := f.root(n/2, "root")
		for i := range 20 {
			v = f.on(v, n-i, fmt.Sprint("v", i))
		}
	}},
	{"many versions of one base", func(f *family, n int) {
		base := f.root(n, "base")
		for i := range 40 {
			f.on(base, n-i, fmt.Sprint("v", i))
		}
	}},
	{"deltas that double", func(f *family, n int) {
		v := f.root(1<<6, "root")
		for size := 1 << 7; size <= n; size *= 2 {
			v = f.on(v, size, fmt.Sprint(size))
			f.on(v, 100, fmt.Sprint("leaf", size))
		}
	}},
	{"a comb: each version of a chain has a version of a version", func(f *family, n int) {
		v := f.root(n, "root")
		for i := range 12 {
			tooth := f.on(v, n-1, fmt.Sprint("tooth", i))
			f.on(tooth, n-2, fmt.Sprint("end", i))
			v = f.on(v, n, fmt.Sprint("chain", i))
		}
	}},
	{"families of all workers at once", func(f *family, n int) {
		for i := range 5 * rootBatch {
			f.on(f.root(1<<10, fmt.Sprint(i)), n/4, fmt.Sprint("v", i))
		}
	}},
	{"a random family", func(f *family, n int) {
		r := rand.New(rand.NewPCG(1, 3))
		all := []version{f.root(n, "root")}
		for i := range 80 {
			size := 10 + r.IntN(n-10)
			if r.IntN(2) == 0 {
				size = 10 + r.IntN(1000)
			}
			all = append(all, f.on(all[r.IntN(len(all))], size, fmt.Sprint("v", i)))
		}
	}},
}

// sums is a visitor that keeps the hash of every content.
type sums struct {
	mu    sync.Mutex
	sums  map[string]int
	fails []error
}

func (s *sums) Visit(o *Object) (bool, error) {
	h := sha1.New()
	if o.Stream != nil {
		_, _ = io.Copy(h, o.Stream)
	} else {
		h.Write(o.Data)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sums[fmt.Sprintf("%x", h.Sum(nil))]++
	return false, nil
}

func (s *sums) Fail(_, _ int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails = append(s.fails, err)
}

func TestHostilePacksAreReadWithinTheBudget(t *testing.T) {
	const object = 1 << 20
	counts := []int{1, 2, 8, MaxWorkers}
	if testing.Short() {
		counts = []int{8}
	}
	for _, tt := range hostile {
		f := newFamily()
		tt.build(f, object)
		p, err := openNamed(f.write(t))
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		for _, workers := range counts {
			t.Run(fmt.Sprintf("%s, %d workers", tt.name, workers), func(t *testing.T) {
				budget := newBudget(0, object, object) // no more than one of them needs
				s := &sums{sums: make(map[string]int)}
				err := p.Walk(context.Background(), WalkOptions{Workers: workers, MaxObject: object, Budget: budget, NewVisitor: func() Visitor { return s }})
				if err != nil || len(s.fails) > 0 {
					t.Fatal(err, s.fails)
				}
				if !maps.Equal(s.sums, f.sums) {
					t.Errorf("%d contents, want %d", len(s.sums), len(f.sums))
				}
				if peak := budget.Peak(); peak > budget.limit || peak == 0 {
					t.Errorf("%d bytes were held, %d are allowed", peak, budget.limit)
				}
				if budget.held != 0 {
					t.Errorf("%d bytes are still held", budget.held)
				}
			})
		}
	}
}

// What is counted is what the runtime allocates: with the sizes of real scans.
func TestTheHeapStaysWithinTheBudget(t *testing.T) {
	if testing.Short() {
		return // it builds gigabytes
	}
	f := newFamily()
	for i := range 3 { // of as many workers
		f.on(f.on(f.root(1<<20, fmt.Sprint(i)), 150<<20, fmt.Sprint("v", i)), 220<<20, fmt.Sprint("w", i))
		for k := range rootBatch - 1 {
			f.root(1<<10, fmt.Sprint(i, k))
		}
	}
	noise := make([]byte, 1<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	f.add(byte(oid.Blob), nil, noise) // a pack may unpack to 4,000 times its size
	path := f.write(t)
	ids := make([]oid.ID, len(f.offsets)) // which are not believed, nor looked at here
	for i := range ids {
		binary.BigEndian.PutUint32(ids[i][:], uint32(i+1)<<16)
	}
	writeIndex(t, path, ids, f.offsets)
	f = nil
	p, err := openNamed(path)
	if err != nil || p.IndexErr != nil {
		t.Fatal(err, p.IndexErr)
	}
	defer p.Close()
	debug.FreeOSMemory()
	before := heapObjects()
	budget := NewBudget(0)
	v := &heapVisitor{}
	if err := p.Walk(context.Background(), WalkOptions{Workers: 3, Budget: budget, NewVisitor: func() Visitor { return v }}); err != nil {
		t.Fatal(err)
	}
	heap := v.most.Load() - before
	t.Logf("%d MB were counted, the heap grew by %d MB", budget.Peak()/1e6, heap/1e6)
	if v.large.Load() != 6 || budget.Peak() > heapLimit || heap > heapLimit {
		t.Errorf("%d large objects; %d bytes were counted, the heap grew by %d", v.large.Load(), budget.Peak(), heap)
	}
}

// heapObjects returns the bytes of the heap that are in use or rubbish.
func heapObjects() int64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}

// heapVisitor keeps the largest heap that it saw.
type heapVisitor struct {
	nothing
	mu    sync.Mutex
	most  atomic.Int64
	large atomic.Int64 // objects
}

func (v *heapVisitor) Visit(o *Object) (bool, error) {
	if len(o.Data) > 100<<20 {
		v.large.Add(1)
		v.mu.Lock()
		defer v.mu.Unlock()
		v.most.Store(max(v.most.Load(), heapObjects()))
	}
	return false, nil
}

// Versions are built once, but for few: as many bytes as the objects have, not as
// their chains. What is counted are bytes built, with a budget for four objects.
func TestTheBytesBuiltAreLinearInTheContent(t *testing.T) {
	if testing.Short() {
		return // one goroutine does most of it
	}
	const object = 256 << 10
	kinds := []struct {
		name  string
		build func(f *family, n int)
	}{
		{"bases", func(f *family, n int) {
			for i := range n {
				f.on(f.on(f.root(1<<10, fmt.Sprint(i)), object, fmt.Sprint("v", i)), 9, fmt.Sprint("w", i))
			}
		}},
		{"a chain", func(f *family, n int) {
			v := f.root(object, "root")
			for i := range n {
				v = f.on(v, object, fmt.Sprint("v", i))
			}
		}},
		{"versions of one base", func(f *family, n int) {
			base := f.root(object, "root")
			for i := range n {
				f.on(base, object, fmt.Sprint("v", i))
			}
		}},
		{"a comb", func(f *family, n int) {
			v := f.root(object, "root")
			for i := range n / 3 {
				f.on(f.on(v, object, fmt.Sprint("tooth", i)), object, fmt.Sprint("end", i))
				v = f.on(v, object, fmt.Sprint("chain", i))
			}
		}},
		{"a binary tree", func(f *family, n int) {
			all := []version{f.root(object, "root")}
			for i := range n {
				all = append(all, f.on(all[i/2], object, fmt.Sprint("v", i)))
			}
		}},
	}
	for _, tt := range kinds {
		for _, n := range []int{60, 120, 240} {
			f := newFamily()
			tt.build(f, n)
			p, err := openNamed(f.write(t))
			if err != nil {
				t.Fatal(err)
			}
			for _, workers := range []int{1, 8} {
				budget := newBudget(0, 3*object, object)
				s := &sums{sums: make(map[string]int)}
				if err := p.Walk(context.Background(), WalkOptions{Workers: workers, MaxObject: object, Budget: budget, NewVisitor: func() Visitor { return s }}); err != nil || len(s.fails) > 0 {
					t.Fatal(err, s.fails)
				}
				if budget.built > int64(3*f.built) {
					t.Errorf("%s of %d, %d workers: %d bytes of content, %d built", tt.name, n, workers, f.built, budget.built)
				}
			}
			p.Close()
		}
	}
}

func TestAWaitEndsWhenTheWalkDoes(t *testing.T) {
	b := newBudget(0, 1<<20, 1<<20)
	if !b.grant(b.limit) {
		t.Fatal("the budget is not empty")
	}
	var stopped sync.WaitGroup
	stop := make(chan struct{})
	stopped.Go(func() { b.wait(1, func() bool { <-stop; return true }) })
	close(stop)
	b.wakeUp()
	stopped.Wait()
}

func TestLongDeltasAreAppliedInPieces(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	base := make([]byte, 3<<20)
	for i := range base {
		base[i] = byte(r.Uint32())
	}
	for _, inserts := range []int{deltaPiece / 128, deltaPiece/128 + 1, 9000} {
		var instructions, want []byte
		for range inserts {
			text := make([]byte, 127)
			for i := range text {
				text[i] = byte(r.Uint32())
			}
			instructions = append(append(instructions, 127), text...)
			off, size := r.IntN(len(base)/2), 1+r.IntN(300)
			instructions = append(instructions, copyOp(uint32(off), uint32(size))...)
			want = append(append(want, text...), base[off:off+size]...)
		}
		delta := append(deltaHead(len(base), len(want)), instructions...)
		for _, tt := range []struct {
			name  string
			delta []byte
			ok    bool
		}{
			{"whole", delta, true},
			{"the last instruction is cut", delta[:len(delta)-1], false},
			{"the last instruction is missing", append(deltaHead(len(base), len(want)+1), instructions...), false},
			{"an instruction too many", append(slices.Clone(delta), 1, 'x'), false},
		} {
			f := newPackFile()
			f.add(byte(oid.Blob), nil, base)
			at := f.Len()
			f.add(ofsDelta, baseDistance(at-f.offsets[0]), tt.delta)
			p, err := openNamed(f.write(t))
			if err != nil {
				t.Fatal(err)
			}
			v := &lastData{}
			err = p.Walk(context.Background(), WalkOptions{NewVisitor: func() Visitor { return v }})
			p.Close()
			if err != nil || tt.ok != (v.failed == nil) || tt.ok && !bytes.Equal(v.data, want) {
				t.Errorf("%d inserts, %s: %d bytes, %v, %v", inserts, tt.name, len(v.data), v.failed, err)
			}
		}
	}
}

// lastData keeps the content of the last delta.
type lastData struct {
	data   []byte
	failed error
}

func (v *lastData) Visit(o *Object) (bool, error) {
	if o.Delta {
		v.data = bytes.Clone(o.Data)
	}
	return false, nil
}

func (v *lastData) Fail(_, _ int, err error) { v.failed = err }
