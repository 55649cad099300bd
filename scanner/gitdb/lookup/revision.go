package lookup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"keysweep/file"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// Revisions are written as in gitrevisions(7):
//
//	base suffix…
//	base      an id, whole or at least four digits of it; a ref, whole or short;
//	          HEAD, or @ for it; what git describe prints (…-g<digits>);
//	          REF@{N}, REF@{DATE}: what its reflog says that it was; @{N}, @{DATE}: the
//	          branch that is checked out; BRANCH@{upstream}, BRANCH@{push}; @{-N}
//	suffix    ~N: the N-th first parent; ^N: the N-th parent, ^0 the commit;
//	          ^{}: what tags name; ^{commit}, ^{tree}, ^{blob}, ^{tag}, ^{object};
//	          ^{/TEXT}: the newest commit from there on whose message matches
//
// or :/TEXT, the newest such commit that a ref leads to.

// ErrRevision is wrapped by errors about a revision that names no object.
var ErrRevision = errors.New("no such revision")

// The limits of a revision.
const (
	minAbbreviation = 4
	maxAncestor     = 1_000_000 // of ~N
	maxCandidates   = 1000      // ids that an abbreviation may have, to tell them apart
	listedIDs       = 10        // of an ambiguous abbreviation
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
	r := db.NewReader(0)
	defer db.spare.Store(r)
	if text, ok := strings.CutPrefix(rev, ":/"); ok {
		return r.search(ctx, db.repo.Tips(), text)
	}
	base, suffixes := rev, ""
	if i := strings.IndexAny(rev, "^~"); i >= 0 {
		base, suffixes = rev[:i], rev[i:]
	}
	id, err := r.base(ctx, base, hintOf(suffixes))
	for err == nil && suffixes != "" {
		var s suffix
		if s, suffixes, err = nextSuffix(suffixes); err == nil {
			id, err = r.apply(ctx, id, s)
		}
	}
	return id, err
}

// suffix is one step of a revision: ~N, ^N, ^{TYPE} or ^{/TEXT}.
type suffix struct {
	ancestor bool // ~
	n        int  // of ~N and ^N
	braces   bool // ^{typ}
	typ      oid.Type
	object   bool // ^{object}
	search   bool // ^{/text}
	text     string
}

// nextSuffix decodes the suffix that s, which is not empty, starts with.
func nextSuffix(s string) (x suffix, rest string, err error) {
	if body, ok := strings.CutPrefix(s, "^{"); ok {
		name, rest, closed := cutBraces(body)
		x.braces = true
		typ, known := oid.ParseType(name)
		switch {
		case closed && strings.HasPrefix(name, "/"):
			x.search, x.text = true, name[1:]
		case closed && known:
			x.typ = typ
		case closed && name == "object":
			x.object = true
		case !closed || name != "":
			return x, "", fmt.Errorf("%w: ^{%s is not ^{}, ^{commit}, ^{tree}, ^{blob}, ^{tag}, ^{object} or ^{/TEXT}", ErrRevision, body)
		}
		return x, rest, nil
	}
	if s[0] != '^' && s[0] != '~' {
		return x, "", fmt.Errorf("%w: %q is not a suffix of a revision", ErrRevision, s)
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

// cutBraces cuts s at the '}' that closes a brace before it.
func cutBraces(s string) (inside, rest string, closed bool) {
	depth := 1
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return s[:i], s[i+1:], true
			}
		}
	}
	return s, "", false
}

// hintOf returns what must be before the first of suffixes; without any, a
// path follows.
func hintOf(suffixes string) hint {
	if suffixes == "" {
		return treeish
	}
	x, _, err := nextSuffix(suffixes)
	switch {
	case err != nil:
		return anyObject
	case !x.braces, x.typ == oid.Commit, x.search:
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

// findRef returns the full name of the ref that a name, perhaps a short one, means.
func findRef(repo *gitdb.Repository, name string) (full string, id oid.ID, ok bool) {
	for _, rule := range refRules {
		full = rule.before + name + rule.after
		if id, ok = repo.Ref(full); ok {
			return full, id, true
		}
	}
	return "", oid.ID{}, false
}

// base resolves a revision without suffixes.
func (r *Reader) base(ctx context.Context, name string, want hint) (oid.ID, error) {
	if name == "" {
		return oid.ID{}, fmt.Errorf("%w: it is empty", ErrRevision)
	}
	if name == "@" {
		name = "HEAD"
	}
	repo := r.db.repo
	name, err := r.db.expand(name)
	if err != nil {
		return oid.ID{}, err
	}
	if ref, at, ok := strings.Cut(name, "@{"); ok {
		return r.db.logged(ref, at)
	}
	if len(name) == 2*repo.Format.Size() {
		if id, ok := oid.Parse([]byte(name)); ok {
			return id, nil
		}
	}
	if _, id, ok := findRef(repo, name); ok {
		return id, nil
	}
	if i := strings.LastIndex(name, "-g"); i > 0 {
		if id, err := r.abbreviated(ctx, name[i+2:], onlyCommit); err == nil {
			return id, nil
		}
	}
	return r.abbreviated(ctx, name, want)
}

// abbreviated returns the one object whose id starts with digits.
func (r *Reader) abbreviated(ctx context.Context, digits string, want hint) (oid.ID, error) {
	if len(digits) < minAbbreviation || strings.Trim(digits, "0123456789abcdefABCDEF") != "" || len(digits) > 2*r.db.repo.Format.Size() {
		return oid.ID{}, fmt.Errorf("%w: %s", ErrRevision, digits)
	}
	list, err := r.db.idsWithPrefix(strings.ToLower(digits))
	switch {
	case err != nil:
		return oid.ID{}, fmt.Errorf("%s: %w", digits, err)
	case len(list) == 0:
		return oid.ID{}, fmt.Errorf("%w: %s: no ref has this name, and no object id starts with it", ErrRevision, digits)
	case len(list) == 1:
		return list[0], nil
	}
	if want != anyObject && len(list) <= maxCandidates {
		fitting := slices.DeleteFunc(slices.Clone(list), func(id oid.ID) bool { return ctx.Err() != nil || !r.fits(ctx, id, want) })
		switch {
		case ctx.Err() != nil:
			return oid.ID{}, context.Cause(ctx)
		case len(fitting) == 1:
			return fitting[0], nil
		case len(fitting) > 1:
			list = fitting
		}
	}
	return oid.ID{}, r.ambiguous(ctx, digits, list)
}

// ambiguous says which objects digits may mean.
func (r *Reader) ambiguous(ctx context.Context, digits string, list []oid.ID) error {
	var words []string
	for _, id := range list[:min(len(list), listedIDs)] {
		word := id.String()
		if typ, err := r.typeOf(ctx, id); err == nil {
			word += " (" + typ.String() + ")"
		}
		words = append(words, word)
	}
	if n := len(list) - len(words); n > 0 {
		words = append(words, fmt.Sprintf("%d more", n))
	}
	return fmt.Errorf("%w: %s is ambiguous, it may be %s", ErrRevision, digits, strings.Join(words, ", "))
}

// idsWithPrefix returns the ids that start with digits, at least two hex digits
// in lower case, sorted. After an error there may be more.
func (db *Database) idsWithPrefix(digits string) (list []oid.ID, err error) {
	first, _ := oid.Parse([]byte(digits[:2] + strings.Repeat("0", 38)))
	see := func(id oid.ID) {
		if id[0] == first[0] && strings.HasPrefix(id.String(), digits) {
			list = append(list, id)
		}
	}
	for _, p := range db.packs {
		err = cmp.Or(err, pack.Guard(func() error { p.IDs(first[0], see); return nil }))
	}
	for _, dir := range db.dirs {
		files, errDir := os.ReadDir(filepath.Join(dir, digits[:2]))
		if errDir != nil && !file.Absent(errDir) {
			err = cmp.Or(err, errDir)
		}
		for _, f := range files {
			if id, ok := oid.Parse([]byte(digits[:2] + f.Name())); ok {
				see(id)
			}
		}
	}
	slices.SortFunc(list, oid.ID.Compare)
	return slices.Compact(list), err
}

// fits reports whether an object is what a hint wants, tags followed.
func (r *Reader) fits(ctx context.Context, id oid.ID, want hint) bool {
	typ, err := r.typeOf(ctx, id)
	if err == nil && typ == oid.Tag && want != onlyCommit {
		_, typ, _, err = r.untag(ctx, id)
	}
	return err == nil && (typ == oid.Commit || want == treeish && typ == oid.Tree)
}

// apply goes one step from id.
func (r *Reader) apply(ctx context.Context, id oid.ID, s suffix) (oid.ID, error) {
	switch {
	case s.search:
		return r.search(ctx, []oid.ID{id}, s.text)
	case s.object:
		_, err := r.typeOf(ctx, id)
		return id, err
	case s.braces && s.typ == 0:
		id, _, _, err := r.untag(ctx, id)
		return id, err
	case s.braces && s.typ == oid.Tag:
		typ, err := r.typeOf(ctx, id)
		if err == nil && typ != oid.Tag {
			err = fmt.Errorf("%w: %s is a %v, not a tag", ErrRevision, id, typ)
		}
		return id, err
	case s.braces:
		return r.peel(ctx, id, s.typ)
	}
	id, err := r.peel(ctx, id, oid.Commit)
	switch {
	case err != nil || s.n == 0:
		return id, err
	case s.ancestor:
		for n := 0; n < s.n && err == nil; n++ {
			id, err = r.parent(ctx, id, 1)
		}
		return id, err
	}
	return r.parent(ctx, id, s.n)
}

// parent returns the n-th parent of a commit; the first is 1.
func (r *Reader) parent(ctx context.Context, id oid.ID, n int) (oid.ID, error) {
	if ctx.Err() != nil {
		return id, context.Cause(ctx)
	}
	c, err := r.commit(ctx, id)
	switch {
	case err != nil:
		return id, err
	case slices.Contains(r.db.repo.Shallow, id):
		return id, fmt.Errorf("%w: the parents of %s are not in this shallow clone (%w)", ErrRevision, id, ErrAbsent)
	case len(c.Parents) < n:
		return id, fmt.Errorf("%w: %s has %d parents", ErrRevision, id, len(c.Parents))
	}
	return c.Parents[n-1], nil
}
