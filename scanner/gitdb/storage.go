package gitdb

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"keysweep/file"
	"keysweep/finding"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/reftable"
)

// refStorage is where the refs of a repository are, and in which format (git-config(1),
// extensions.refStorage).
type refStorage struct {
	isReftable bool
	unknown    bool // no ref can be read
	// folder is instead of the common folder; "": the common folder.
	folder string
}

// setRefStorage takes FORMAT or FORMAT://FOLDER, a folder that may be relative to the
// common one. One outside of home is not opened: the configuration may be a
// stranger's.
func (r *Repository) setRefStorage(value string) {
	value = cmp.Or(r.guard.RefStorage, value)
	format, folder, named := strings.Cut(value, "://")
	s := refStorage{isReftable: strings.EqualFold(format, "reftable"), unknown: true}
	var err error
	if named {
		s.folder, err = r.guard.Path(r.CommonDir, filepath.FromSlash(folder))
	}
	switch {
	case named && folder == "", !s.isReftable && !strings.EqualFold(format, "files"):
		r.skip(finding.ReasonUnknownFormat, "ref storage %q: all objects are read, but what the refs reach is unknown", value)
	case err != nil:
		r.skip(ReasonOf(err), "refs: %v", err)
	case named && !r.guard.AsGit && r.guard.RefStorage == "" && !r.isNearby(s.folder):
		r.skip(finding.ReasonUnreadable, "refs are in %s, outside %s: all objects are read, but what the refs reach is unknown", s.folder, r.home())
	default:
		s.unknown = false
	}
	r.refs = s
}

// refFolders returns the folders of the refs that all working trees share and of
// those of this one.
func (r *Repository) refFolders() (common, own string) {
	if r.refs.folder == "" {
		return r.CommonDir, r.GitDir
	}
	common, own = r.refs.folder, r.refs.folder
	if r.GitDir != r.CommonDir {
		own = filepath.Join(common, "worktrees", filepath.Base(r.GitDir))
	}
	return common, own
}

// readStacks reads all refs of a repository with reftables: those of the stack that
// all working trees share, of the stack of this one, and the HEADs of the others.
func (f *refFiles) readStacks(worktrees []string) {
	common, own := f.repo.refFolders()
	f.readStack(common)
	if own != common {
		f.leaveMainWorktree()
		f.readStack(own)
	}
	for _, name := range worktrees {
		f.findIn(f.repo.openStack(filepath.Join(common, "worktrees", name)), "HEAD", "worktrees/"+name+"/HEAD")
	}
}

// readStack reads the refs of the stack in a folder.
func (f *refFiles) readStack(folder string) {
	refs, err := f.repo.openStack(folder).Refs()
	if err != nil {
		f.repo.skip(finding.ReasonDamaged, "refs: %v", err)
	}
	for _, ref := range refs {
		f.add(ref, ref.Name)
	}
}

// findIn looks for one ref in a stack, and calls it name.
func (f *refFiles) findIn(stack reftable.Stack, ref, name string) {
	record, ok, err := stack.Find(ref)
	if err != nil {
		f.repo.skip(finding.ReasonDamaged, "ref %s: %v", name, err)
	}
	if ok {
		f.add(record, name)
	}
}

func (f *refFiles) add(ref reftable.Ref, name string) {
	delete(f.ids, name)
	delete(f.symbolic, name)
	if ref.Target != "" {
		f.symbolic[name] = ref.Target
	} else {
		f.ids[name] = ref.ID
	}
}

// leaveMainWorktree renames the HEAD of the main working tree, whose stack is the
// common one, and forgets its ORIG_HEAD and the like.
func (f *refFiles) leaveMainWorktree() {
	id, isID := f.ids["HEAD"]
	target, isSymbolic := f.symbolic["HEAD"]
	isPrivate := func(name string) bool { return !strings.Contains(name, "/") }
	maps.DeleteFunc(f.ids, func(name string, _ oid.ID) bool { return isPrivate(name) })
	maps.DeleteFunc(f.symbolic, func(name, _ string) bool { return isPrivate(name) })
	if isID {
		f.ids["main-worktree/HEAD"] = id
	}
	if isSymbolic {
		f.symbolic["main-worktree/HEAD"] = target
	}
}

// stackTries is how often a stack is read anew because git compacted its tables
// meanwhile. tableLimit is room for a million refs.
const (
	stackTries = 10
	tableLimit = packedRefsLimit
)

// openStack opens the tables that folder/reftable/tables.list names. What cannot be
// read is in Skipped, and the stack then lacks it.
func (r *Repository) openStack(folder string) reftable.Stack {
	return r.openStackBy(folder, func(path string) ([]byte, error) { return readRegular(path, tableLimit) })
}

// openStackBy is openStack with another way to get the bytes of a table.
func (r *Repository) openStackBy(folder string, read func(path string) ([]byte, error)) (stack reftable.Stack) {
	dir := file.Exact(filepath.Join(folder, "reftable"))
	if err := cmp.Or(r.guard.Links(dir), r.guard.Folder(dir)); err != nil {
		r.skip(finding.ReasonUnreadable, "refs: %v", err)
		return nil
	}
	var last []string
	for range stackTries {
		b, err := readGuarded(&r.guard, filepath.Join(dir, "tables.list"))
		if err != nil {
			r.skip(finding.ReasonUnreadable, "refs: %v", err)
			return nil
		}
		names := strings.Fields(string(b))
		var gone error
		if stack, gone = r.openTables(dir, names, read); gone == nil {
			return stack
		}
		// A compaction writes the new list before it removes the old tables.
		if slices.Equal(names, last) {
			r.skip(finding.ReasonMissing, "refs: %v", gone)
			return stack
		}
		last = names
	}
	r.skip(finding.ReasonChanged, "refs: %s: git compacts the tables all the time", dir)
	return stack
}

// openTables opens tables, the oldest first. The error is that of the last one that
// is not there; whatever else is wrong is in Skipped.
func (r *Repository) openTables(dir string, names []string, read func(path string) ([]byte, error)) (stack reftable.Stack, gone error) {
	var skipped Skips
	for _, name := range names {
		if strings.ContainsAny(name, `/\`) {
			skipped.Add(finding.ReasonDamaged, 1, "refs: tables.list names %q", name)
			continue
		}
		path, err := r.guard.Path(dir, name)
		if err == nil {
			err = r.guard.Here(path)
		}
		if err != nil {
			skipped.Add(ReasonOf(err), 1, "refs: %s: %v", name, err)
			continue
		}
		b, err := read(path)
		if errors.Is(err, fs.ErrNotExist) {
			gone = fmt.Errorf("tables.list names %s, which is not here: the refs and reflogs in it are unknown", name)
			continue
		}
		var t *reftable.Table
		if err == nil {
			t, err = reftable.Open(b, r.Format)
		}
		if err != nil {
			skipped.Add(ReasonOf(err), 1, "refs: %s: %v", name, err)
			continue
		}
		stack = append(stack, t)
	}
	if gone == nil {
		r.Skipped.Merge(skipped)
	}
	return stack, gone
}
