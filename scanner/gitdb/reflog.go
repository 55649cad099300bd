package gitdb

import (
	"bytes"
	"cmp"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/reftable"
)

// A reflog is a file logs/NAME, the oldest record first, one a line (git-reflog(1)):
//
//	old id | space | new id | space | name <mail> seconds zone | tab | message
//
// or it is in the reftables.

// LogRecord is one record of a reflog.
type LogRecord = reftable.Log

// reflogLimit is room for half a million records.
const reflogLimit = 128 << 20

// Reflog returns the records of the reflog of the ref with this full name, the newest
// first, without the zone and the person if it is in a file. It has none if there is no
// reflog. Lines that cannot be read are left out, as git leaves them out.
func (r *Repository) Reflog(name string) ([]LogRecord, error) {
	folder, own := r.refFolders()
	if ref, ok := strings.CutPrefix(name, "main-worktree/"); ok {
		name = ref
	} else if part := strings.SplitN(name, "/", 3); part[0] == "worktrees" && len(part) == 3 && filepath.IsLocal(part[1]) {
		folder, name = filepath.Join(folder, "worktrees", part[1]), part[2]
	} else if isOfOneTree(name) {
		folder = own
	}
	switch {
	case r.refs.unknown:
		return nil, nil
	case r.refs.isReftable:
		again := *r // what is damaged was noted when it was opened
		return again.openStack(folder).Log(name)
	case !filepath.IsLocal(filepath.FromSlash(name)):
		return nil, nil
	}
	path := filepath.Join(folder, "logs", filepath.FromSlash(name))
	if err := cmp.Or(r.guard.Links(path), r.guard.Here(path)); err != nil {
		return nil, err
	}
	b, err := readRegular(path, reflogLimit)
	if err != nil {
		return nil, present(err)
	}
	var list []LogRecord
	for line := range bytes.Lines(b) {
		if log, ok := parseReflogLine(line, r.Format); ok {
			list = append(list, log)
		}
	}
	slices.Reverse(list)
	return list, nil
}

// isOfOneTree reports whether each working tree has a ref of this name of its own
// (gitglossary(7), "per-worktree ref").
func isOfOneTree(name string) bool {
	for _, start := range []string{"refs/bisect/", "refs/worktree/", "refs/rewritten/"} {
		if strings.HasPrefix(name, start) {
			return true
		}
	}
	return !strings.Contains(name, "/")
}

func parseReflogLine(line []byte, format oid.Format) (log LogRecord, ok bool) {
	digits := 2 * format.Size()
	if len(line) < 2*digits+2 || line[digits] != ' ' || line[2*digits+1] != ' ' {
		return log, false
	}
	var okOld, okNew bool
	log.Old, okOld = oid.Parse(line[:digits])
	log.New, okNew = oid.Parse(line[digits+1 : 2*digits+1])
	who, message, _ := bytes.Cut(line[2*digits+2:], []byte("\t"))
	when := bytes.Fields(who[bytes.LastIndexByte(who, '>')+1:])
	if !okOld || !okNew || len(when) == 0 {
		return log, false
	}
	seconds, err := strconv.ParseInt(string(when[0]), 10, 64)
	log.Time, log.Message = seconds, string(bytes.TrimRight(message, "\n"))
	return log, err == nil
}
