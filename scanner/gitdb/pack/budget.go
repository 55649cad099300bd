package pack

import (
	"math"
	"runtime"
	"runtime/debug"
	"sync"
)

// heapLimit is how many bytes of object contents all workers of a scan hold at
// once. What they dropped counts until the collector has freed it.
const heapLimit = 600_000_000

// MaxWorkers is how many workers read one store at once: each has scratch of its
// own, and more would leave none of heapLimit to the objects.
const MaxWorkers = 32

// scratch is at most what a worker holds beside objects, in bytes: a delta or a
// piece of one and the window that it comes through, what it did, the spans that
// this leaves, and the tables of a decoder, a quarter of a MiB each.
const scratch = 5 << 18

// Budget bounds the bytes of object contents that all who share it hold at once.
// Most objects are small, and a worker takes what it needs without waiting. Where
// the budget is used up, a worker first gives back all that it holds, and then waits
// for its turn: so no two can wait for each other, and in the end the largest
// object is read while no worker holds anything. What was given back is built again.
type Budget struct {
	limit    int64
	alone    int64 // what one worker needs for any object
	object   int64 // the largest that it is for
	retained int   // bytes of bases that a worker keeps

	mu      sync.Mutex
	turned  sync.Cond // held or turn changed
	held    int64     // guarded by mu; granted
	dropped int64     // guarded by mu; given back since the last collection
	peak    int64     // guarded by mu; the most that was held and dropped
	built   int64     // guarded by mu; bytes of all that was built, for tests
	tickets uint64    // guarded by mu; given to those who wait
	turn    uint64    // guarded by mu; the ticket whose turn it is
}

// NewBudget returns a budget for objects of up to maxObject bytes, zero:
// DefaultMaxObject. With the scratch of all workers it is 600 MB, or more if two
// such objects need more.
func NewBudget(maxObject uint64) *Budget {
	if maxObject == 0 {
		maxObject = DefaultMaxObject
	}
	return newBudget(heapLimit-MaxWorkers*scratch, retainedLimit, int64(min(maxObject, math.MaxInt64/4)))
}

// NewTreeBudget returns a budget for trees of up to MaxTree bytes, 120 MB.
func NewTreeBudget() *Budget { return newBudget(120e6, 0, treeObject) }

// MaxTree is how many bytes one tree may have where commits are compared: several
// are held at once. Git's take some 40 bytes for each entry.
const MaxTree = treeObject / 3 * 2

const treeObject = 48 << 20

func newBudget(limit, retained, maxObject int64) *Budget {
	alone := maxObject + max(maxObject, retained) + purseStep
	b := &Budget{limit: max(limit, alone), alone: alone, retained: int(retained), object: maxObject}
	b.turned.L = &b.mu
	return b
}

// Peak returns the most bytes that were held at once, with what was dropped and
// perhaps not freed yet.
func (b *Budget) Peak() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.peak
}

// grant takes n bytes, if they are left and no worker waits.
func (b *Budget) grant(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.turn != b.tickets || b.held+n > b.limit {
		return false
	}
	b.add(n)
	return true
}

// discard says that n bytes of those held were dropped, and others will be used
// instead of them.
func (b *Budget) discard(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dropped += n
	b.add(0)
}

// wait takes n bytes when it is the caller's turn. The caller holds nothing. It
// returns early once stopped does; wakeUp must follow such a change.
func (b *Budget) wait(n int64, stopped func() bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ticket := b.tickets
	b.tickets++
	for b.turn != ticket || b.held+n > b.limit && !stopped() {
		b.turned.Wait()
	}
	b.turn++
	b.add(n)
	b.turned.Broadcast()
}

// add takes n bytes. The caller holds mu: while rubbish is collected, no worker
// takes more.
func (b *Budget) add(n int64) {
	if b.dropped > 0 && b.held+b.dropped+n > b.limit {
		b.collect()
	}
	b.held += n
	b.peak = max(b.peak, b.held+b.dropped)
}

// collect frees what was dropped, unless there is so little in the heap that the
// collector must have been there on its own. The caller holds mu.
func (b *Budget) collect() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if int64(m.HeapAlloc) > b.limit/8 {
		debug.FreeOSMemory()
	}
	b.dropped = 0
}

// back gives n bytes back, of which dropped are rubbish now.
func (b *Budget) back(n, dropped int64) {
	b.mu.Lock()
	b.held -= n
	b.dropped += dropped
	b.turned.Broadcast()
	b.mu.Unlock()
}

// Settle is called when no reader holds anything any more: what was dropped is not
// left to the next reader, with another budget.
func (b *Budget) Settle() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dropped > b.limit/8 {
		b.collect()
	}
}

func (b *Budget) wakeUp() {
	b.mu.Lock()
	b.turned.Broadcast()
	b.mu.Unlock()
}

// purseStep is in what steps a purse takes and gives back: nearly all objects are
// smaller, and cost no lock.
const purseStep = 1 << 20

// purse is what one worker has of a budget. It is the scratch of one goroutine.
type purse struct {
	budget  *Budget
	granted int64
	used    int64
	dropped int64 // used once, and not yet given back
	fixed   bool  // granted by wait: kept until close
}

// take uses n bytes more, if they are left.
func (p *purse) take(n int) bool {
	if more := p.used + int64(n) - p.granted; more > 0 {
		more = (more + purseStep - 1) / purseStep * purseStep
		if !p.budget.grant(more) {
			return false
		}
		p.granted += more
	}
	if p.fixed && p.used+p.dropped+int64(n) > p.granted {
		p.budget.discard(p.dropped)
		p.dropped = 0
	}
	p.used += int64(n)
	return true
}

// drop says that n bytes are rubbish.
func (p *purse) drop(n int) {
	p.used -= int64(n)
	p.dropped += int64(n)
	if more := (p.granted - p.used) / purseStep * purseStep; more > 0 && !p.fixed {
		p.granted -= more
		p.budget.back(more, p.dropped)
		p.dropped = 0
	}
}

// hand leaves n used bytes to the budget, which others will give back.
func (p *purse) hand(n int) {
	p.used -= int64(n)
	p.granted -= int64(n)
}

// wait waits until n bytes are granted. The worker must have dropped all.
func (p *purse) wait(n int64, stopped func() bool) {
	p.close()
	p.budget.wait(n, stopped)
	p.granted, p.fixed = n, true
}

// close gives back all that is not used.
func (p *purse) close() {
	p.fixed = false
	p.budget.back(p.granted-p.used, p.dropped)
	p.granted, p.dropped = p.used, 0
}

// MaxObject is what readers that share b are made with.
func (b *Budget) MaxObject() uint64 { return uint64(b.object) }

// Room is what a reader of other objects than those of packs has of a budget, one
// object at a time. It is the scratch of one goroutine.
type Room struct{ purse }

// Room returns an empty Room of b.
func (b *Budget) Room() *Room { return &Room{purse{budget: b}} }

// Wait waits until n bytes are granted; the largest object is the most. The caller
// holds nothing that counts.
func (r *Room) Wait(n int64) { r.wait(min(n, r.budget.alone), func() bool { return false }) }

// Close gives them back.
func (r *Room) Close() {
	r.dropped = r.granted
	r.close()
}
