package worktree

// item is work. It counts in parent(item).waiting.
type item struct {
	what    itemKind
	node    *node
	entries []entry // of itemFiles
}

type itemKind uint8

const (
	itemFolder itemKind = iota // open node and list it
	itemMore                   // go on listing node
	itemFiles                  // visit entries of node
)

// needs returns the node that must stay at hand for it.
func (it item) needs() *node {
	if it.what == itemFolder {
		return it.node.parent
	}
	return it.node
}

func (w *walker) push(items ...item) {
	if len(items) == 0 {
		return
	}
	w.mu.Lock()
	for _, it := range items {
		if n := it.needs(); n != nil {
			n.waiting++
		}
	}
	w.stack = append(w.stack, items...)
	w.mu.Unlock()
	w.wake.Broadcast()
}

// next waits for work; false: there is none left, or the walk was stopped.
func (w *walker) next() (item, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.stack) == 0 && w.busy > 0 && !w.stopped.Load() {
		w.wake.Wait()
	}
	if len(w.stack) == 0 || w.stopped.Load() {
		w.wake.Broadcast()
		return item{}, false
	}
	last := len(w.stack) - 1
	it := w.stack[last]
	w.stack[last] = item{}
	w.stack = w.stack[:last]
	w.busy++
	return it, true
}

// done ends what next began.
func (w *walker) done(it item, err error) {
	w.mu.Lock()
	w.busy--
	var gone folder
	if n := it.needs(); n != nil {
		n.waiting--
		gone = w.unusedLocked(n)
	}
	if err != nil && w.err == nil {
		w.err = err
		w.stopped.Store(true)
	}
	over := w.busy == 0 && len(w.stack) == 0 || w.stopped.Load()
	w.unlockAndClose(gone)
	if over {
		w.wake.Broadcast()
	}
}

func (w *walker) stop() {
	w.mu.Lock()
	w.stopped.Store(true)
	w.mu.Unlock()
	w.wake.Broadcast()
}
