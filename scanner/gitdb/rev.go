package gitdb

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// Revisions are written as in gitrevisions(7):
//
//	base suffix…
//	base      an id, whole or at least four digits of it; a ref, whole or short;
//	          HEAD, or @ for it; what git describe prints (…-g<digits>)
//	suffix    ~N: the N-th first parent; ^N: the N-th parent, ^0 the commit;
//	          ^{}: what tags name; ^{commit}, ^{tree}, ^{blob}, ^{tag}, ^{object}
//
// Not read: the reflog and the configuration (@{…}), and searches (:/text,
// ^{/text}).

// ErrRevision is wrapped by errors about a revision that names no object.
var ErrRevision = errors.New("no such revision")

// The limits of a revision.
const (
	minAbbreviation = 4
	maxAncestor     = 1_000_000 // of ~N
	maxTagDepth     = 100
	maxCandidates   = 1000 // ids that an abbreviation may have, to tell them apart
	listedIDs       = 10   // of an ambiguous abbreviation
)

// hint says what an abbreviation must name if several objects have it.
type hint uint8

const (
	anyObject hint = iota
	committish
	treeish
	onlyCommit
)

// Resolve returns the object that rev names, as in REV:PATH: of several objects
// that an abbreviation could mean, the one that has a tree. An error that wraps
// ErrRevision is about rev, any other about the database or ctx.
func (db *Database) Resolve(ctx context.Context, rev string) (oid.ID, error) {
	base, suffixes := rev, ""
	if i := strings.IndexAny(rev, "^~"); i >= 0 {
		base, suffixes = rev[:i], rev[i:]
	}
	id, err := db.base(ctx, base, hintOf(suffixes))
	if err != nil {
		return id, err
	}
	for suffixes != "" {
		var s suffix
		if s, suffixes, err = nextSuffix(suffixes); err != nil {
			return id, err
		}
		if id, err = db.apply(ctx, id, s); err != nil {
			return id, err
		}
	}
	return id, nil
}

// suffix is one step of a revision: ~N, ^N, or ^{TYPE}.
type suffix struct {
	ancestor bool // ~
	n        int  // of ~N and ^N
	braces   bool // ^{typ}
	typ      oid.Type
	object   bool // ^{object}
}

// nextSuffix decodes the suffix that s, which is not empty, starts with.
func nextSuffix(s string) (x suffix, rest string, err error) {
	if body, ok := strings.CutPrefix(s, "^{"); ok {
		name, rest, closed := strings.Cut(body, "}")
		x.braces = true
		typ, known := oid.ParseType(name)
		switch {
		case closed && known:
			x.typ = typ
		case closed && name == "object":
			x.object = true
		case !closed || name != "":
			return x, "", fmt.Errorf("%w: ^{%s is not ^{}, ^{commit}, ^{tree}, ^{blob}, ^{tag} or ^{object}", ErrRevision, body)
		}
		return x, rest, nil
	}
	if s[0] != '^' && s[0] != '~' {
		return x, "", fmt.Errorf("%w: %q is no suffix of a revision", ErrRevision, s)
	}
	x.ancestor, x.n = s[0] == '~', 1
	end := 1
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	if end > 1 {
		if x.n, err = strconv.Atoi(s[1:end]); err != nil || x.n > maxAncestor {
			return x, "", fmt.Errorf("%w: %s is more than %d steps", ErrRevision, s[:end], maxAncestor)
		}
	}
	return x, s[end:], nil
}

// hintOf returns what must stand before the first of suffixes; without any, a
// path follows.
func hintOf(suffixes string) hint {
	if suffixes == "" {
		return treeish
	}
	x, _, err := nextSuffix(suffixes)
	switch {
	case err != nil:
		return anyObject
	case !x.braces, x.typ == oid.Commit:
		return committish
	case x.typ == oid.Tree:
		return treeish
	}
	return anyObject
}

// refRules are where a short name is looked for, in this order
// (gitrevisions(7), "<refname>").
var refRules = [...]struct{ before, after string }{
	{"", ""}, {"refs/", ""}, {"refs/tags/", ""}, {"refs/heads/", ""}, {"refs/remotes/", ""}, {"refs/remotes/", "/HEAD"},
}

// base resolves a revision without suffixes.
func (db *Database) base(ctx context.Context, name string, want hint) (oid.ID, error) {
	if name == "" {
		return oid.ID{}, fmt.Errorf("%w: it is empty", ErrRevision)
	}
	if name == "@" {
		name = "HEAD"
	}
	if strings.Contains(name, "@{") {
		return oid.ID{}, fmt.Errorf("%w: %s: @{…} is not understood here; git rev-parse tells the id", ErrRevision, name)
	}
	if len(name) == 2*db.repo.Format.Size() {
		if id, ok := oid.Parse([]byte(name)); ok {
			return id, nil
		}
	}
	for _, r := range refRules {
		if id, ok := db.repo.ref(r.before + name + r.after); ok {
			return id, nil
		}
	}
	if i := strings.LastIndex(name, "-g"); i > 0 {
		if id, err := db.abbreviated(ctx, name[i+2:], onlyCommit); err == nil {
			return id, nil
		}
	}
	return db.abbreviated(ctx, name, want)
}

// ref returns what a whole name of a ref names, and false if there is none.
func (r *Repository) ref(name string) (oid.ID, bool) {
	i, ok := slices.BinarySearchFunc(r.Refs, name, func(ref Ref, name string) int { return strings.Compare(ref.Name, name) })
	if ok {
		return r.Refs[i].ID, !r.Refs[i].ID.IsZero()
	}
	// FETCH_HEAD, MERGE_HEAD, ORIG_HEAD and the like are files beside HEAD.
	if !strings.HasSuffix(name, "_HEAD") || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != "" {
		return oid.ID{}, false
	}
	b, err := readSmall(filepath.Join(r.GitDir, name))
	digits := 2 * r.Format.Size()
	if err != nil || len(b) < digits {
		return oid.ID{}, false
	}
	return oid.Parse(b[:digits])
}

// abbreviated returns the one object whose id starts with digits.
func (db *Database) abbreviated(ctx context.Context, digits string, want hint) (oid.ID, error) {
	if len(digits) < minAbbreviation || strings.Trim(digits, "0123456789abcdefABCDEF") != "" || len(digits) > 2*db.repo.Format.Size() {
		return oid.ID{}, fmt.Errorf("%w: %s", ErrRevision, digits)
	}
	list := db.withPrefix(strings.ToLower(digits))
	switch {
	case len(list) == 0:
		return oid.ID{}, fmt.Errorf("%w: %s: no ref of this name, no object whose id starts so", ErrRevision, digits)
	case len(list) == 1:
		return list[0], nil
	}
	var fitting []oid.ID
	if want != anyObject && len(list) <= maxCandidates {
		for _, id := range list {
			if ctx.Err() != nil {
				return oid.ID{}, context.Cause(ctx)
			}
			if db.fits(ctx, id, want) {
				fitting = append(fitting, id)
			}
		}
		if len(fitting) == 1 {
			return fitting[0], nil
		}
		if len(fitting) > 1 {
			list = fitting
		}
	}
	var words []string
	for _, id := range list[:min(len(list), listedIDs)] {
		word := id.String()
		if typ, err := db.typeOf(ctx, id); err == nil {
			word += " (" + typ.String() + ")"
		}
		words = append(words, word)
	}
	if n := len(list) - len(words); n > 0 {
		words = append(words, fmt.Sprintf("%d more", n))
	}
	return oid.ID{}, fmt.Errorf("%w: %s is ambiguous: it begins %s", ErrRevision, digits, strings.Join(words, ", "))
}

// withPrefix returns the ids that start with digits, hex in lower case, sorted.
func (db *Database) withPrefix(digits string) (list []oid.ID) {
	even := digits[:len(digits)&^1]
	head, _ := hex.DecodeString(even) // checked by the caller
	see := func(id oid.ID) {
		if bytes.HasPrefix(id[:], head) && strings.HasPrefix(id.String(), digits) {
			list = append(list, id)
		}
	}
	if db.lookup != nil {
		db.lookup.withPrefix(digits, see)
	}
	for _, p := range db.packs {
		p.IDs(func(id oid.ID, _ int) { see(id) })
	}
	for _, l := range db.loose {
		see(l.id)
	}
	slices.SortFunc(list, oid.ID.Compare)
	return slices.Compact(list)
}

// fits reports whether an object is what a hint wants, tags followed.
func (db *Database) fits(ctx context.Context, id oid.ID, want hint) bool {
	typ, err := db.typeOf(ctx, id)
	if err == nil && typ == oid.Tag && want != onlyCommit {
		_, typ, err = db.untagged(ctx, id)
	}
	return err == nil && (typ == oid.Commit || want == treeish && typ == oid.Tree)
}

// untagged follows tags to what is none.
func (db *Database) untagged(ctx context.Context, id oid.ID) (oid.ID, oid.Type, error) {
	for range maxTagDepth {
		typ, err := db.typeOf(ctx, id)
		if err != nil || typ != oid.Tag {
			return id, typ, err
		}
		err = db.follow(ctx, id, oid.Tag, func(b []byte) error {
			t, err := parseTag(b)
			id = t.target
			return err
		})
		if err != nil {
			return id, 0, err
		}
	}
	return id, 0, fmt.Errorf("%w: %s: more than %d tags of tags", ErrRevision, id, maxTagDepth)
}

// peeled follows tags, and for a tree also a commit, to an object of type typ.
func (db *Database) peeled(ctx context.Context, id oid.ID, typ oid.Type) (oid.ID, error) {
	id, have, err := db.untagged(ctx, id)
	if err != nil || have == typ {
		return id, err
	}
	if typ != oid.Tree || have != oid.Commit {
		return id, fmt.Errorf("%w: %s is a %v, not a %v", ErrRevision, id, have, typ)
	}
	c, err := db.readCommit(ctx, id)
	return c.Tree, err
}

func (db *Database) readCommit(ctx context.Context, id oid.ID) (c Commit, err error) {
	err = db.follow(ctx, id, oid.Commit, func(b []byte) error {
		c, err = parseCommit(b)
		return err
	})
	c.ID = id
	if slices.Contains(db.repo.Shallow, id) {
		c.Parents = nil
	}
	return c, err
}

// apply goes one step from id.
func (db *Database) apply(ctx context.Context, id oid.ID, s suffix) (oid.ID, error) {
	switch {
	case s.object:
		_, err := db.typeOf(ctx, id)
		return id, err
	case s.braces && s.typ == 0:
		id, _, err := db.untagged(ctx, id)
		return id, err
	case s.braces && s.typ == oid.Tag:
		typ, err := db.typeOf(ctx, id)
		if err == nil && typ != oid.Tag {
			err = fmt.Errorf("%w: %s is a %v, not a tag", ErrRevision, id, typ)
		}
		return id, err
	case s.braces:
		return db.peeled(ctx, id, s.typ)
	}
	id, err := db.peeled(ctx, id, oid.Commit)
	if err != nil || s.n == 0 {
		return id, err
	}
	steps, parent := 1, s.n
	if s.ancestor {
		steps, parent = s.n, 1
	}
	for range steps {
		if ctx.Err() != nil {
			return id, context.Cause(ctx)
		}
		c, err := db.readCommit(ctx, id)
		switch {
		case err != nil:
			return id, err
		case len(c.Parents) < parent && slices.Contains(db.repo.Shallow, id):
			return id, fmt.Errorf("%w: the parents of %s are not in this shallow clone (%w)", ErrRevision, id, ErrAbsent)
		case len(c.Parents) < parent:
			return id, fmt.Errorf("%w: %s has %d parents", ErrRevision, id, len(c.Parents))
		}
		id = c.Parents[parent-1]
	}
	return id, nil
}

// AtPath returns what stands at path, '/'-separated, in the tree of the object
// root: a commit, a tree or a tag of one. An error that wraps ErrRevision says
// that nothing stands there.
func (db *Database) AtPath(ctx context.Context, root oid.ID, path string) (pack.TreeEntry, error) {
	tree, err := db.peeled(ctx, root, oid.Tree)
	if err != nil {
		return pack.TreeEntry{}, err
	}
	at := pack.TreeEntry{Mode: 0o040000, ID: tree}
	for name := range strings.SplitSeq(path, "/") {
		var found *pack.TreeEntry
		if !at.IsTree() {
			return at, fmt.Errorf("%w: nothing at %s: %s is no folder", ErrRevision, path, at.Name)
		}
		err := db.follow(ctx, at.ID, oid.Tree, func(b []byte) error {
			for next := 0; next < len(b) && found == nil; {
				e, after, err := pack.ParseTreeEntry(b, next, db.repo.Format.Size())
				if err != nil {
					return err
				}
				if string(e.Name) == name {
					e.Name = bytes.Clone(e.Name)
					found = &e
				}
				next = after
			}
			return nil
		})
		if err != nil {
			return at, err
		}
		if found == nil {
			return at, fmt.Errorf("%w: nothing at %s", ErrRevision, path)
		}
		at = *found
	}
	return at, nil
}
