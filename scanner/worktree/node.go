package worktree

import (
	"slices"
	"strings"
)

// node is a folder. Its fields are set before it goes on the stack; those that
// depend on what it holds, before its entries do.
type node struct {
	parent   *node
	name     string
	checkout *checkout
	rules    *rules // of the folder's entries
	// ignored says that git ignores the folder, which is entered only because of
	// tracked files.
	ignored bool
	skipGit bool  // its folder .git is a repository's, or cannot be read
	bare    *node // the bare repository that it is in, or that it is; nil: none

	dir     folder // nil: closed; guarded by walker.mu
	users   int    // workers that use dir; guarded by walker.mu
	waiting int    // items on the stack, or being done; guarded by walker.mu
	listing bool   // dir is in the middle of a listing; guarded by walker.mu
}

// path returns the path below the walk's root. It is put together when it is
// needed: the paths of a very deep tree do not fit into memory together.
func (n *node) path() string {
	var names []string
	for ; n.parent != nil; n = n.parent {
		names = append(names, n.name)
	}
	slices.Reverse(names)
	return strings.Join(names, "/")
}

func join(folder, name string) string {
	if folder == "" {
		return name
	}
	return folder + "/" + name
}

// slashed returns the path of a folder with the '/' that its entries' paths
// have behind it.
func slashed(folder string) string {
	if folder == "" {
		return ""
	}
	return folder + "/"
}

// acquire opens n's folder, unless it is open; release must follow.
func (w *walker) acquire(n *node) (folder, error) {
	w.mu.Lock()
	if n.dir != nil {
		n.users++
		w.mu.Unlock()
		return n.dir, nil
	}
	names := []string{n.name}
	a := n.parent
	for ; a.dir == nil; a = a.parent { // root is always open
		names = append(names, a.name)
	}
	a.users++
	w.mu.Unlock()
	slices.Reverse(names)

	dir, err := patiently(w, func() (folder, error) { return a.dir.sub(names) })

	w.mu.Lock()
	a.users--
	gone := w.unusedLocked(a)
	var spare folder
	if err == nil {
		if n.dir == nil {
			n.dir = dir
			w.kept++
		} else {
			spare = dir // another worker has opened it meanwhile
		}
		n.users++
		dir = n.dir
	}
	w.unlockAndClose(gone, spare)
	return dir, err
}

func (w *walker) release(n *node) {
	w.mu.Lock()
	n.users--
	w.unlockAndClose(w.unusedLocked(n))
}

// unlockAndClose closes the folders that are not nil, outside the lock.
func (w *walker) unlockAndClose(folders ...folder) {
	w.mu.Unlock()
	for _, f := range folders {
		if f != nil {
			f.close()
		}
	}
}

// unusedLocked takes n's folder away if it is to be closed.
func (w *walker) unusedLocked(n *node) folder {
	if n.dir == nil || n.users > 0 || n.parent == nil || n.listing && !w.stopped.Load() {
		return nil
	}
	if n.waiting > 0 && w.kept <= w.maxKept && !w.stopped.Load() {
		return nil
	}
	dir := n.dir
	n.dir = nil
	w.kept--
	return dir
}

// closeAll closes what a stopped walk left open. No worker runs any more.
func (w *walker) closeAll() {
	for _, it := range w.stack {
		for n := it.needs(); n != nil && n != w.root; n = n.parent {
			if n.dir != nil {
				n.dir.close()
				n.dir = nil
			}
		}
	}
	w.root.dir.close()
}

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
