package worktree

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/bmatcuk/doublestar/v4"

	"keysweep/finding"
)

const (
	// listAtOnce is how many entries of a folder are held at once; a larger
	// folder is listed in parts.
	listAtOnce = 4096
	// filesAtOnce is how many files a worker takes from the stack: enough that
	// the lock costs nothing, few enough that all workers end together.
	filesAtOnce = 64
)

// walker is the state of one walk that the workers share.
//
// Work lies on a stack, so that the tree is walked depth first and what waits
// is the siblings of the way down. A folder stays open while anything on the
// stack needs it, if fewer than maxKept do; otherwise it is opened again from
// its nearest open ancestor. So neither depth nor width costs descriptors, and
// no path need fit into PATH_MAX.
type walker struct {
	ctx     context.Context
	opts    Options
	visit   func(worker int, f *File) error
	exclude []exclusion
	named   string // if root is a file: its name
	root    *node
	maxKept int
	skips   skips
	stopped atomic.Bool

	mu     sync.Mutex
	wake   sync.Cond // there is work, or there will be none
	stack  []item    // guarded by mu
	busy   int       // workers that may push; guarded by mu
	kept   int       // open folders, but for root; guarded by mu
	err    error     // of visit, the first; guarded by mu
	scopes []*scope  // guarded by mu
	nested []Nested  // guarded by mu
}

type exclusion struct {
	pattern    string
	folderOnly bool
}

// scope is a repository whose files are being visited, or none.
type scope struct {
	repo *Repository // nil: a plain folder
	// A path at+p below the walk's root is prefix+p below the top. One of the
	// two is empty: the repository holds root, or root holds it.
	at, prefix string
	submodules map[string]*atomic.Bool // by path below the top: was checked out
}

func newScope(repo *Repository, at, prefix string) *scope {
	sc := &scope{repo: repo, at: at, prefix: prefix}
	if len(repo.Submodules) > 0 {
		sc.submodules = make(map[string]*atomic.Bool, len(repo.Submodules))
		for _, s := range repo.Submodules {
			sc.submodules[s] = new(atomic.Bool)
		}
	}
	return sc
}

// below returns path p, below the walk's root, as a path below the top.
func (sc *scope) below(p string) string {
	if sc.prefix == "" {
		return p[min(len(sc.at), len(p)):]
	}
	return sc.prefix + p
}

// node is a folder. Its fields are set before it goes on the stack, or, those
// that depend on what it holds, before its entries do.
type node struct {
	parent *node
	name   string
	scope  *scope
	rules  *rules // of the folder's entries
	// ignored says that git ignores the folder, which is entered for the sake
	// of tracked files.
	ignored bool
	part    part

	dir     folder // nil: closed; guarded by walker.mu
	users   int    // workers that use dir; guarded by walker.mu
	waiting int    // items on the stack, or being done; guarded by walker.mu
	listing bool   // dir is in the middle of a listing; guarded by walker.mu
}

// part says what a folder is to a repository's object database.
type part uint8

const (
	partNone    part = iota
	partTop          // .git, or a bare repository
	partObjects      // objects
	partFan          // objects/5e
	partPack         // objects/pack
)

// path returns the path below the walk's root. It is put together when it is
// needed: the paths of a very deep tree do not fit into memory together.
func (n *node) path() string {
	size := 0
	for k := n; k.parent != nil; k = k.parent {
		size += len(k.name) + 1
	}
	if size == 0 {
		return ""
	}
	buf := make([]byte, size-1)
	for k := n; k.parent != nil; k = k.parent {
		size -= len(k.name) + 1
		copy(buf[size:], k.name)
		if size > 0 {
			buf[size-1] = '/'
		}
	}
	return string(buf)
}

func join(folder, name string) string {
	if folder == "" {
		return name
	}
	return folder + "/" + name
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
	if len(items) == 1 {
		w.wake.Signal()
	} else {
		w.wake.Broadcast()
	}
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
	w.mu.Unlock()
	if gone != nil {
		gone.close()
	}
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
			spare = dir // somebody else has opened it meanwhile
		}
		n.users++
		dir = n.dir
	}
	w.mu.Unlock()
	if gone != nil {
		gone.close()
	}
	if spare != nil {
		spare.close()
	}
	return dir, err
}

func (w *walker) release(n *node) {
	w.mu.Lock()
	n.users--
	gone := w.unusedLocked(n)
	w.mu.Unlock()
	if gone != nil {
		gone.close()
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

// worker is one goroutine's part of a walk, and its scratch.
type worker struct {
	*walker
	id      int
	f       File
	file    file // opened before, to be used again
	reader  reader
	scratch []bool // of globs

	files, folders, bytes int64
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
// them and some files, and leaves the rest to everybody.
func (w *worker) list(n *node, dir folder, first bool) error {
	at := n.path()
	if first {
		w.folders++
	}
	var entries []entry
	for {
		list, done, err := dir.list(w.opts.list)
		entries = append(entries, list...)
		if err != nil {
			w.skip(at+"/", err)
			done = true
		}
		w.mu.Lock()
		n.listing = !done
		mayWait := w.kept <= w.maxKept
		w.mu.Unlock()
		if done || mayWait || w.stopped.Load() {
			break
		}
	}
	w.mu.Lock()
	more := n.listing
	w.mu.Unlock()
	if first {
		w.look(n, dir, at, entries, !more)
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

// look finds out, before anything in the folder is visited, whether it is a
// repository, and what its .gitignore says. all: entries is the whole folder.
func (w *worker) look(n *node, dir folder, at string, entries []entry, all bool) {
	found := make(map[string]Kind, 5)
	fold := n.scope.repo != nil && n.scope.repo.IgnoreCase
	for _, e := range entries {
		switch e.name {
		case ".git", ".gitignore", "HEAD", "objects", "refs":
			found[e.name] = e.kind
		default:
			if fold && strings.EqualFold(e.name, ".gitignore") {
				found[".gitignore"] = e.kind
			}
		}
	}
	if !all {
		for _, name := range [...]string{".git", ".gitignore", "HEAD", "objects", "refs"} {
			if kind, err := dir.lstat(name); err == nil {
				found[name] = kind
			}
		}
	}
	if n.part == partNone {
		w.lookForRepository(n, dir, at, found)
	}
	if _, ok := found[".gitignore"]; ok && n.scope.repo != nil && !n.ignored && !w.opts.Ignored {
		n.rules = w.readIgnore(dir, n.rules, len(n.scope.below(slashed(at))), n.scope.repo.IgnoreCase)
	}
}

// slashed returns the path of a folder with the '/' that its entries' paths
// have behind it.
func slashed(folder string) string {
	if folder == "" {
		return ""
	}
	return folder + "/"
}

func (w *worker) lookForRepository(n *node, dir folder, at string, found map[string]Kind) {
	kind, ok := found[".git"]
	switch {
	case !ok:
		head, ok := found["HEAD"]
		if ok && head != Directory && isFolder(found, "objects") && isFolder(found, "refs") {
			n.part = partTop
			w.meet(Nested{at, Bare})
		}
		return
	case kind == Special, kind == Directory && !w.isGitFolder(dir):
		return
	}
	if n.parent == nil && n.scope.repo != nil && n.scope.prefix == "" {
		return // the repository that the caller knows
	}
	if n.parent != nil {
		if seen := n.parent.scope.submodules[n.parent.scope.below(at)]; seen != nil {
			seen.Store(true)
		}
	}
	w.meet(Nested{at, map[Kind]NestedKind{Directory: GitFolder, Regular: GitFile, Symlink: GitLink}[kind]})

	var repo *Repository
	if w.opts.OpenNested != nil {
		var err error
		if repo, err = w.opts.OpenNested(at); err != nil {
			repo = nil
			w.skips.add(finding.ReasonUnreadable, slashed(at)+".git: "+err.Error())
		}
	}
	n.scope, n.rules, n.ignored = &scope{}, nil, false
	if repo != nil {
		n.scope = newScope(repo, slashed(at), "")
		n.rules = readExclude(repo.InfoExclude, repo.IgnoreCase)
		w.mu.Lock()
		w.scopes = append(w.scopes, n.scope)
		w.mu.Unlock()
	}
}

func isFolder(found map[string]Kind, name string) bool {
	kind, ok := found[name]
	return ok && kind == Directory
}

func (w *worker) meet(n Nested) {
	w.mu.Lock()
	w.nested = append(w.nested, n)
	w.mu.Unlock()
}

// isGitFolder reports whether the folder .git in dir is a repository's: it
// holds what git asks for (setup.c, is_git_directory), so that somebody reads
// it. Otherwise it must be walked.
func (w *walker) isGitFolder(dir folder) bool {
	git, err := patiently(w, func() (folder, error) { return dir.sub([]string{".git"}) })
	if err != nil {
		return false
	}
	defer git.close()
	if kind, err := git.lstat("HEAD"); err != nil || kind == Directory {
		return false
	}
	for _, name := range [...]string{"objects", "refs"} {
		// git-new-workdir makes links of them.
		if kind, err := git.lstat(name); err != nil || kind != Directory && kind != Symlink {
			return false
		}
	}
	return true
}

// readIgnore extends the chain by dir's .gitignore. As in git, one that is a
// link does not count. One that cannot be read ends what the chain ignores.
func (w *walker) readIgnore(dir folder, chain *rules, base int, fold bool) *rules {
	f, err := patiently(w, func() (file, error) { return dir.open(".gitignore", nil) })
	switch {
	case errors.Is(err, errKind), errors.Is(err, fs.ErrNotExist):
		return chain
	case err != nil:
		return nil
	}
	defer f.close()
	return chain.extend(f, base, fold)
}

// folder visits the folder name of n and returns it, or nil if it is not to be
// entered.
func (w *worker) folder(n *node, dir folder, at, name string) (*node, error) {
	p := join(at, name)
	child := &node{parent: n, name: name, scope: n.scope, rules: n.rules, ignored: n.ignored}
	switch {
	case name == ".git" && n.part == partNone && w.isGitFolder(dir):
		if !w.opts.GitFolders {
			return nil, nil
		}
		child.part = partTop
		child.scope, child.rules, child.ignored = &scope{}, nil, false
	case n.part == partTop && name == "objects":
		child.part = partObjects
	case n.part == partObjects && name == "pack":
		child.part = partPack
	case n.part == partObjects && len(name) == 2 && isHex(name):
		child.part = partFan
	}
	if w.excluded(p, true) {
		w.skips.add(finding.ReasonExcluded, p+"/")
		return nil, nil
	}
	if w.ignores(child, p, true) {
		repo, below := child.scope.repo, child.scope.below(p)
		if child.scope.submodules[below] == nil && (repo.TrackedUnder == nil || !repo.TrackedUnder(below)) {
			w.skips.add(finding.ReasonIgnored, p+"/")
			return nil, nil
		}
		child.ignored = true
	}
	return child, w.call(n, dir, p, entry{name, Directory})
}

// ignores reports whether git's rules ignore p, tracked or not; n is its own
// node if it is a folder, else the one that holds it.
func (w *worker) ignores(n *node, p string, folder bool) bool {
	switch {
	case n.scope.repo == nil || w.opts.Ignored:
		return false
	case n.ignored:
		return true
	case n.rules == nil:
		return false
	}
	return n.rules.match(n.scope.below(p), folder, &w.scratch) == ignored
}

func (w *walker) excluded(p string, folder bool) bool {
	for _, e := range w.exclude {
		if (folder || !e.folderOnly) && doublestar.MatchUnvalidated(e.pattern, p) {
			return true
		}
	}
	return false
}

func isHex(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) && (s[i] < 'a' || s[i] > 'f') {
			return false
		}
	}
	return true
}

// isObject reports whether name, in a folder that is part p of a database, is
// a file of objects, which the database's reader reads.
func (p part) isObject(name string) bool {
	switch p {
	case partFan:
		return (len(name) == 38 || len(name) == 62) && isHex(name)
	case partPack:
		switch path.Ext(name) {
		case ".pack", ".idx", ".rev", ".bitmap", ".mtimes":
			return strings.HasPrefix(name, "pack-")
		}
	}
	return false
}

// visitFiles visits entries of n that are not folders.
func (w *worker) visitFiles(n *node, dir folder, at string, entries []entry) error {
	for _, e := range entries {
		if w.stopped.Load() {
			return nil
		}
		p := join(at, e.name)
		if w.named != "" {
			p = w.named
		} else if n.part.isObject(e.name) && e.kind == Regular {
			continue
		} else if w.excluded(p, false) {
			w.skips.add(finding.ReasonExcluded, p)
			continue
		} else if w.ignores(n, p, false) && !n.scope.tracked(p) {
			w.skips.add(finding.ReasonIgnored, p)
			continue
		}
		if e.kind == Special {
			w.skips.add(finding.ReasonSpecialFile, p)
		} else {
			w.files++
		}
		if err := w.call(n, dir, p, e); err != nil {
			return err
		}
	}
	return nil
}

func (sc *scope) tracked(p string) bool {
	return sc.repo.Tracked != nil && sc.repo.Tracked(sc.below(p))
}

// call calls visit.
func (w *worker) call(n *node, dir folder, p string, e entry) error {
	w.f = File{Path: p, Kind: e.kind, dir: dir, name: e.name, w: w}
	err := w.visit(w.id, &w.f)
	if errors.Is(err, ErrSkipped) {
		return nil
	}
	return err
}

// countAbsent counts the submodules below root that were not met with a .git.
func (w *walker) countAbsent() {
	for _, sc := range w.scopes {
		for below, seen := range sc.submodules {
			p, ok := strings.CutPrefix(below, sc.prefix)
			if !ok || seen.Load() {
				continue
			}
			p = sc.at + p
			if !w.excludedWithin(p) {
				w.skips.add(finding.ReasonSubmoduleAbsent, p+"/")
			}
		}
	}
}

// excludedWithin reports whether p, a folder, or one above it is excluded.
func (w *walker) excludedWithin(p string) bool {
	for i := 0; i < len(p); i++ {
		if p[i] == '/' && w.excluded(p[:i], true) {
			return true
		}
	}
	return w.excluded(p, true)
}
