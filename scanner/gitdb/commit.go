package gitdb

import (
	"bytes"
	"cmp"
	"fmt"
	"strconv"

	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// A commit is lines of "key value", an empty line, and the message
// (git-cat-file(1) prints it as it is):
//
//	tree ID
//	parent ID          none or several
//	author NAME <MAIL> SECONDS ZONE
//	committer NAME <MAIL> SECONDS ZONE
//	…
//
// and a tag likewise: object ID, type TYPE, tag NAME, tagger …

// Commit is what the graph of commits is made of.
type Commit struct {
	ID, Tree oid.ID
	Parents  []oid.ID
	Date     int64 // committer date, seconds since 1970 UTC; 0 if it has none
}

// MaxTagDepth is how long a chain of tags of tags is followed.
const MaxTagDepth = 100

// CommitRef is a commit and its committer date in seconds since 1970 UTC.
type CommitRef struct {
	ID   oid.ID
	Date int64
}

// Compare orders commits by date, those of one date by id.
func (c CommitRef) Compare(d CommitRef) int {
	return cmp.Or(cmp.Compare(c.Date, d.Date), c.ID.Compare(d.ID))
}

// ParseCommit decodes the headers of a commit; ID is not filled.
func ParseCommit(b []byte) (c Commit, err error) {
	rest, id, ok := headerID(b, "tree ")
	if !ok {
		return c, fmt.Errorf("%w: commit without a tree", pack.ErrCorrupt)
	}
	c.Tree = id
	for {
		next, id, ok := headerID(rest, "parent ")
		if !ok {
			break
		}
		c.Parents = append(c.Parents, id)
		rest = next
	}
	c.Date = headerDate(rest, "committer ")
	return c, nil
}

// Tag is an annotated tag and what it names.
type Tag struct {
	ID, Target oid.ID
	Type       oid.Type // of Target
	Date       int64    // seconds since 1970 UTC; 0 if it has none
}

// ParseTag decodes the headers of a tag; ID is not filled.
func ParseTag(b []byte) (t Tag, err error) {
	rest, id, ok := headerID(b, "object ")
	if !ok {
		return t, fmt.Errorf("%w: tag without an object", pack.ErrCorrupt)
	}
	t.Target = id
	if line, ok := bytes.CutPrefix(rest, []byte("type ")); ok {
		name, _, _ := bytes.Cut(line, []byte("\n"))
		t.Type, _ = oid.ParseType(string(name))
	}
	t.Date = headerDate(rest, "tagger ")
	return t, nil
}

// headerID decodes the line "key ID" at the start of b and returns what
// follows it.
func headerID(b []byte, key string) (rest []byte, id oid.ID, ok bool) {
	line, ok := bytes.CutPrefix(b, []byte(key))
	if !ok {
		return b, id, false
	}
	n := bytes.IndexByte(line, '\n')
	if n < 0 {
		return b, id, false
	}
	id, ok = oid.Parse(line[:n])
	return line[n+1:], id, ok
}

// Author returns who made the commit b, as "NAME <MAIL>"; "" if it does not say.
func Author(b []byte) string {
	who := header(b, "author ")
	return string(who[:bytes.LastIndexByte(who, '>')+1])
}

// headerDate returns the seconds in the line "key NAME <MAIL> SECONDS ZONE"
// among the headers of b, or 0.
func headerDate(b []byte, key string) int64 {
	who := header(b, key)
	// The name may hold anything: the date follows the last '>'.
	fields := bytes.Fields(who[bytes.LastIndexByte(who, '>')+1:])
	if len(fields) == 0 {
		return 0
	}
	n, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// header returns what follows key in the first header of b that starts with it.
func header(b []byte, key string) []byte {
	for len(b) > 0 && b[0] != '\n' {
		line, rest, _ := bytes.Cut(b, []byte("\n"))
		if value, ok := bytes.CutPrefix(line, []byte(key)); ok {
			return value
		}
		b = rest
	}
	return nil
}
