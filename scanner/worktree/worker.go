package worktree

import (
	"errors"

	disk "keysweep/file"
	"keysweep/finding"
)

// worker is one goroutine's part of a walk, and its scratch.
type worker struct {
	*walker
	id     int
	f      File
	file   file // opened before, to be used again
	reader reader
	others bool // File.others of the next one

	files, bytes int64
}

func (w *worker) run() {
	for {
		it, ok := w.next()
		if !ok {
			return
		}
		w.done(it, w.do(it))
	}
}

func (w *worker) do(it item) error {
	n := it.node
	dir, err := w.acquire(n)
	if err != nil {
		w.skip(n.path()+"/", err)
		return nil
	}
	defer w.release(n)
	if it.what == itemFiles {
		return w.visitFiles(n, dir, n.path(), it.entries)
	}
	return w.list(n, dir, it.what == itemFolder)
}

// list reads n's entries, or the next part of them, visits the folders among
// them and some files, and leaves the rest to all workers.
func (w *worker) list(n *node, dir folder, first bool) error {
	at := n.path()
	var entries []entry
	more, mayWait := true, false
	for more && !mayWait && !w.stopped.Load() {
		list, done, err := dir.list(w.opts.list)
		entries = append(entries, list...)
		if err != nil {
			w.skip(at+"/", err)
		}
		more = !done && err == nil
		w.mu.Lock()
		n.listing = more
		mayWait = w.kept <= w.maxKept
		w.mu.Unlock()
	}
	if first {
		w.inspect(n, dir, at, entries, !more)
	}

	var items []item
	if more {
		items = append(items, item{what: itemMore, node: n})
	}
	files := entries[:0]
	for _, e := range entries {
		if e.kind != Directory {
			files = append(files, e)
			continue
		}
		child, err := w.folder(n, dir, at, e.name)
		if err != nil {
			w.push(items...) // so that what waits is closed
			return err
		}
		if child != nil {
			items = append(items, item{what: itemFolder, node: child})
		}
	}
	for len(files) > filesAtOnce {
		items = append(items, item{what: itemFiles, node: n, entries: files[:filesAtOnce:filesAtOnce]})
		files = files[filesAtOnce:]
	}
	w.push(items...)
	return w.visitFiles(n, dir, at, files)
}

// folder visits the folder name of n and returns it, or nil if it is not to be
// entered.
func (w *worker) folder(n *node, dir folder, at, name string) (*node, error) {
	p := join(at, name)
	child := &node{parent: n, name: name, checkout: n.checkout, rules: n.rules, ignored: n.ignored, bare: n.bare}
	if name == ".git" && n.skipGit {
		return nil, nil
	}
	if w.opts.Exclude.match(p, true) {
		w.skips.add(finding.ReasonExcluded, p+"/")
		return nil, nil
	}
	if w.ignores(child, p, true) {
		repo, below := child.checkout.repo, child.checkout.below(p)
		if child.checkout.submodules[below] == nil && (repo.TrackedUnder == nil || !repo.TrackedUnder(below)) {
			w.skips.add(finding.ReasonIgnored, p+"/")
			return nil, nil
		}
		child.ignored = true
	}
	switch err := w.call(dir, p, entry{name, Directory}); {
	case errors.Is(err, ErrSkipped):
		return nil, nil
	default:
		return child, err
	}
}

// ignores reports whether git's rules ignore p, tracked or not; n is its own
// node if it is a folder, else the one that holds it.
func (w *worker) ignores(n *node, p string, folder bool) bool {
	return n.checkout.repo != nil && !w.opts.Ignored && (n.ignored || n.rules.match(n.checkout.below(p), folder))
}

// visitFiles visits entries of n that are not folders.
func (w *worker) visitFiles(n *node, dir folder, at string, entries []entry) error {
	repo := n.checkout.repo
	top := 0 // how many bytes of a path are the bare repository's
	if n.bare != nil {
		top = len(slashed(n.bare.path()))
	}
	for i, e := range entries {
		if w.stopped.Load() {
			return nil
		}
		p := join(at, e.name)
		if w.named != "" {
			p = w.named
		} else if n.bare != nil && e.kind == Regular && isObject(p[top:]) {
			continue
		} else if w.opts.Exclude.match(p, false) {
			w.skips.add(finding.ReasonExcluded, p)
			continue
		} else if w.ignores(n, p, false) && (repo.Tracked == nil || !repo.Tracked(n.checkout.below(p))) {
			w.skips.add(finding.ReasonIgnored, p)
			continue
		}
		switch e.kind {
		case Special:
			w.skips.add(finding.ReasonSpecialFile, p)
		case Away:
			w.skip(p, disk.ErrCloud)
		default:
			w.files++
		}
		w.others = i < len(entries)-1
		err := w.call(dir, p, e)
		w.others = false
		if errors.Is(err, errLater) {
			w.files--
			w.push(item{what: itemFiles, node: n, entries: entries[i : i+1 : i+1]})
		} else if err != nil && !errors.Is(err, ErrSkipped) {
			return err
		}
	}
	return nil
}

// call calls visit.
func (w *worker) call(dir folder, p string, e entry) error {
	w.f = File{Path: p, Kind: e.kind, dir: dir, name: e.name, w: w, others: w.others}
	return w.visit(w.id, &w.f)
}
