package gitdb

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"keysweep/file"
	"keysweep/finding"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/reftable"
)

// ReftableText calls visit with what people wrote into the tables of r, also tables that
// no list names any more: member is logs/NAME, the records of a reflog as git
// writes them to files, but the newest first; or refs, the names of refs that are
// deleted in the table and what symbolic refs name. path is that of the table's file.
// text is valid until visit returns. The error is the first one, of visit or of a table:
// the others are read nevertheless.
func (r *Repository) ReftableText(visit func(path, member string, text []byte) error) (failed error) {
	if !r.refs.isReftable || r.refs.unknown {
		return nil
	}
	common, own := r.refFolders()
	folders := []string{common}
	if own != common {
		folders = append(folders, own)
	}
	for _, name := range r.worktrees() {
		if folder := filepath.Join(common, "worktrees", name); folder != own {
			folders = append(folders, folder)
		}
	}
	for _, folder := range folders {
		dir := filepath.Join(folder, "reftable")
		if cmp.Or(r.guard.Links(dir), r.guard.Folder(dir)) != nil {
			continue
		}
		failed = cmp.Or(failed, r.folderText(dir, visit))
	}
	if slices.ContainsFunc(r.Skipped, func(s finding.Skipped) bool { return strings.HasPrefix(s.Detail, "ref") }) {
		return nil // it was noted when the refs were read
	}
	return failed
}

// folderText is ReftableText for the tables in one folder. When git compacts them
// meanwhile, tables vanish, and the new one, which was not listed, has what they had.
func (r *Repository) folderText(dir string, visit func(path, member string, text []byte) error) (failed error) {
	seen := make(map[string]struct{})
	for again := true; again; {
		again = false
		list, err := os.ReadDir(dir)
		failed = cmp.Or(failed, present(err))
		for _, e := range list {
			_, known := seen[e.Name()]
			if known || !strings.HasSuffix(e.Name(), ".ref") || e.Type()&(fs.ModeDir|fs.ModeSymlink) != 0 {
				continue
			}
			seen[e.Name()] = struct{}{}
			err := r.tableText(file.Exact(filepath.Join(dir, e.Name())), visit)
			if errors.Is(err, fs.ErrNotExist) {
				again, err = true, nil
			}
			failed = cmp.Or(failed, err)
		}
	}
	return failed
}

// tableText is ReftableText for one table.
func (r *Repository) tableText(path string, visit func(path, member string, text []byte) error) error {
	if err := r.guard.Here(path); err != nil {
		return err
	}
	b, err := readRegular(path, tableLimit)
	if err != nil {
		return err
	}
	t, err := reftable.Open(b, r.Format)
	if err == nil {
		err = textOf(t, func(member string, text []byte) error { return visit(path, member, text) })
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// TableText is ReftableText for the file of one table, of either hash function.
func TableText(path string, visit func(member string, text []byte) error) error {
	b, err := readRegular(path, tableLimit)
	if err != nil {
		return err
	}
	t, err := reftable.Open(b, oid.SHA1)
	if err != nil {
		if other, err256 := reftable.Open(b, oid.SHA256); err256 == nil {
			t, err = other, nil
		}
	}
	if err != nil {
		return err
	}
	return textOf(t, visit)
}

// textOf calls visit for the members of a table. Behind an error of visit it is not
// called again.
func textOf(t *reftable.Table, visit func(member string, text []byte) error) (err error) {
	var text bytes.Buffer
	errRefs := t.Refs(func(ref reftable.Ref) {
		if ref.Deleted || ref.Target != "" {
			fmt.Fprintf(&text, "%s %s\n", ref.Name, ref.Target)
		}
	})
	member := "refs"
	flush := func() {
		if err == nil && text.Len() > 0 {
			err = visit(member, text.Bytes())
		}
		text.Reset()
	}
	errLogs := t.Logs(func(log reftable.Log) {
		if name := "logs/" + log.Ref; name != member {
			flush()
			member = name
		}
		text.WriteString(log.Line())
	})
	flush()
	return cmp.Or(err, errRefs, errLogs)
}
