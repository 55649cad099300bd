package scanner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/lookup"
	"keysweep/scanner/gitdb/oid"
)

// Range asks for what commits add: those that an included revision reaches, and
// no excluded one.
type Range struct {
	// Include and Exclude are revisions, as lookup.Database.Resolve has them. An id of
	// zeros is none.
	Include, Exclude []string
	// Between are pairs of revisions: what one of a pair reaches and the other does not
	// is included.
	Between [][2]string
	// IncludeRefs are the starts of names of refs, as refs/heads/: what these
	// reach is included, too.
	IncludeRefs []string
	// ExcludeRefs are the starts of names of refs, as refs/remotes/origin/:
	// what these reach is excluded, too.
	ExcludeRefs []string
	// Names are names of refs that are new: content, too.
	Names []string
	// AbsentNoted says that an excluded id that is not in the database does not
	// make the scan incomplete: the other side of a push may have commits that
	// were never fetched.
	AbsentNoted bool
	// Received says that the commits are being pushed to this repository, which may let
	// in a shallow history.
	Received bool
}

// ParseRange reads ranges as git log takes them, joined: A..B is what B reaches
// and A does not, and HEAD where one of them is left out; B alone is all that B
// reaches; ^A leaves out what A reaches; A...B is what A or B reaches and not both. What
// is in braces, or behind :/, is part of A or B. Its error is about the first that is none of these.
func ParseRange(list []string) (*Range, error) {
	r := &Range{}
	for _, s := range list {
		from, to, isRange := cutRange(s)
		to, isBetween := strings.CutPrefix(to, ".")
		if isRange && from == "" && to == "" {
			return nil, fmt.Errorf("%s names no commit: A..B is what B has and A lacks", quoted(s))
		}
		if isRange {
			from, to = cmp.Or(from, "HEAD"), cmp.Or(to, "HEAD")
		}
		revs := []string{from, to}
		switch {
		case isBetween:
			r.Between = append(r.Between, [2]string{from, to})
		case isRange:
			r.Include, r.Exclude = append(r.Include, to), append(r.Exclude, from)
		case strings.HasPrefix(s, "^"):
			r.Exclude, revs = append(r.Exclude, s[1:]), []string{s[1:]}
		default:
			r.Include, revs = append(r.Include, s), []string{s}
		}
		for _, rev := range revs {
			// No revision looks so: git-check-ref-format(1).
			name, _, _ := strings.Cut(rev, "{")
			_, _, further := cutRange(rev)
			if rev == "" || rev[0] == '-' || rev[0] == '^' || further || !strings.HasPrefix(rev, ":/") && strings.ContainsAny(name, " \t\n") {
				return nil, fmt.Errorf("%s is no range: A..B, or B", quoted(s))
			}
		}
	}
	if len(r.Include)+len(r.Between) == 0 {
		return nil, errors.New("nothing is included: A..B is what B has and A lacks")
	}
	return r, nil
}

// cutRange cuts s at the first ".." outside braces and before :/.
func cutRange(s string) (from, to string, ok bool) {
	if strings.HasPrefix(s, ":/") {
		return s, "", false
	}
	depth := 0
	for i := range len(s) {
		switch {
		case s[i] == '{':
			depth++
		case s[i] == '}':
			depth--
		case depth <= 0 && strings.HasPrefix(s[i:], ".."):
			return s[:i], s[i+2:], true
		}
	}
	return s, "", false
}

// scanRange reads what the commits of the range add.
func (s *Prepared) scanRange(ctx context.Context, t *target) error {
	s.opts.Progress.Phase.Store("commits")
	t.addBare(t.repo)
	db, err := s.lookup(ctx, t)
	if err != nil {
		return err
	}
	opts, err := s.rangeOptions(ctx, t, db)
	if err != nil {
		return err
	}
	r, err := db.NewRange(ctx, opts)
	if err != nil {
		return err
	}
	s.skip(r.Skipped...)
	if r.Cut > 0 {
		s.skip(finding.Skipped{Reason: finding.ReasonShallow, Count: int64(r.Cut), Detail: "commits of the range whose parents were not cloned: all that they hold counts as theirs (git fetch --unshallow brings the parents)"})
	}
	c := s.newChange(t, finding.SourceBlob)
	c.tips = opts.Include
	if len(opts.Exclude) > 0 && !opts.Tips {
		c.inRange = func(ctx context.Context) (func(oid.ID) bool, error) { return r.Holds, r.Exact(ctx) }
	}
	trees := c.commitUnits(r, !opts.Tips)
	if err := c.readMessages(ctx, r); err != nil {
		return err
	}
	skipped, err := db.CompareAll(ctx, len(trees), func(i int, d *lookup.Differ) error {
		return d.Introduced(ctx, trees[i], c.units[i].parents, func(e *lookup.Introduced) error { return c.entry(i, e) })
	})
	s.skip(skipped...)
	if err != nil {
		return err
	}
	if err := c.readOthers(ctx, r); err != nil {
		return err
	}
	c.readRefNames(ctx)
	s.opts.Progress.Phase.Store("objects")
	s.opts.Progress.ObjectsTotal.Add(int64(len(c.added)))
	if err := c.readAdditions(ctx); err != nil {
		return err
	}
	return c.keepNew(ctx)
}

// commitUnits makes the first units those of the commits of r, in their order,
// and returns their trees. dated says that a commit brought in what it holds and
// no parent does.
func (c *change) commitUnits(r *lookup.Range, dated bool) (trees []oid.ID) {
	for i := range r.Commits {
		commit := &r.Commits[i]
		var u unit
		if dated {
			u.by = gitdb.CommitRef{ID: commit.ID, Date: commit.Date}
		}
		for _, id := range r.Parents(commit) {
			if p, ok := r.Commit(id); ok {
				u.parents = append(u.parents, p.Tree)
			}
		}
		c.units = append(c.units, u)
		trees = append(trees, commit.Tree)
	}
	return trees
}

// readOthers notes the trees and blobs that the range names themselves.
func (c *change) readOthers(ctx context.Context, r *lookup.Range) error {
	d := c.db.NewDiffer(treeBudget)
	for _, id := range r.Others {
		number := len(c.units)
		c.units = append(c.units, unit{})
		tree, err := c.db.TreeOf(ctx, id)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			c.added[id] = append(c.added[id], addition{unit: number, source: c.source})
			continue
		}
		if err := d.Introduced(ctx, tree, nil, func(e *lookup.Introduced) error { return c.entry(number, e) }); err != nil {
			return err
		}
	}
	c.skip(d.Skipped...)
	return nil
}

// readMessages reads the commits and tags themselves.
func (c *change) readMessages(ctx context.Context, r *lookup.Range) error {
	for i := range r.Commits {
		c.added[r.Commits[i].ID] = []addition{{unit: i, source: finding.SourceCommit}}
	}
	if err := c.readAdded(ctx, oid.Commit); err != nil {
		return err
	}
	for _, t := range r.Tags {
		u := unit{by: gitdb.CommitRef{Date: t.Date}}
		if t.Type == oid.Commit {
			u.by.ID = t.Target
		}
		if t.Type == oid.Commit || t.Type == oid.Tree {
			// A key that the tagged commit holds is that commit's.
			tree, err := c.db.TreeOf(ctx, t.Target)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				c.skipOne(gitdb.ReasonOf(err), fmt.Sprintf("what the tag %s is of: %v", t.ID, err))
			} else {
				u.parents = []oid.ID{tree}
			}
		}
		c.added[t.ID] = []addition{{unit: len(c.units), source: finding.SourceTag}}
		c.units = append(c.units, u)
	}
	return c.readAdded(ctx, oid.Tag)
}

// readRefNames reads the names of new refs.
func (c *change) readRefNames(ctx context.Context) {
	j := c.collector.newJudge(ctx)
	for _, name := range c.opts.Range.Names {
		j.name(name, location{target: c.target, source: finding.SourceRef, path: name})
		c.drain(j, addition{unit: len(c.units), source: finding.SourceRef, path: name})
	}
	c.units = append(c.units, unit{}) // without parents: the names are new
}

// rangeOptions resolves the revisions of the range.
func (s *Prepared) rangeOptions(ctx context.Context, t *target, db *lookup.Database) (opts lookup.RangeOptions, err error) {
	asked := s.opts.Range
	var absent []string
	for i, rev := range slices.Concat(asked.Include, asked.Exclude) {
		if (len(rev) == 40 || len(rev) == 64) && strings.Trim(rev, "0") == "" {
			continue // the id that names nothing
		}
		id, err := db.Resolve(ctx, rev)
		if ctx.Err() != nil {
			return opts, context.Cause(ctx)
		}
		if err == nil && !db.Has(id) {
			err = fmt.Errorf("%w: %s", lookup.ErrAbsent, id)
		}
		isExcluded := i >= len(asked.Include)
		switch {
		case isExcluded && errors.Is(err, lookup.ErrAbsent):
			absent = append(absent, rev)
		case err != nil:
			return opts, fmt.Errorf("%w: --range: %s: %s", ErrUse, quoted(rev), plainError(err))
		case isExcluded:
			opts.Exclude = append(opts.Exclude, id)
		default:
			opts.Include = append(opts.Include, id)
		}
	}
	for _, pair := range asked.Between {
		var ends [2]oid.ID
		for i, rev := range pair {
			if ends[i], err = db.Resolve(ctx, rev+"^{commit}"); err != nil {
				return opts, cmp.Or(context.Cause(ctx), fmt.Errorf("%w: --range: %s: %s", ErrUse, quoted(rev), plainError(err)))
			}
		}
		bases, err := db.Bases(ctx, ends[0], ends[1])
		if err != nil {
			return opts, err
		}
		opts.Include, opts.Exclude = append(opts.Include, ends[:]...), append(opts.Exclude, bases...)
	}
	opts.Shallow = asked.Received && t.repo.ShallowUpdate
	for _, ref := range t.repo.Refs {
		starts := func(start string) bool { return strings.HasPrefix(ref.Name, start) && !ref.ID.IsZero() }
		if slices.ContainsFunc(asked.IncludeRefs, starts) {
			opts.Include = append(opts.Include, ref.ID)
		}
		if slices.ContainsFunc(asked.ExcludeRefs, starts) {
			opts.Exclude = append(opts.Exclude, ref.ID)
		}
	}
	if len(absent) == 0 {
		return opts, nil
	}
	if asked.AbsentNoted {
		for _, rev := range absent {
			t.note("%s is not in this repository: nothing was left out for it.", quoted(rev))
		}
		return opts, nil
	}
	isShallow := len(t.repo.Shallow) > 0
	opts.Tips = len(opts.Exclude) == 0 && !isShallow
	s.skipAbsent(absent, &opts, isShallow)
	return opts, nil
}

// skipAbsent says what was done without the revisions that the range excludes
// and that are not in the repository.
func (s *Prepared) skipAbsent(revs []string, opts *lookup.RangeOptions, isShallow bool) {
	reason, what := finding.ReasonMissing, "what else the range names is left out"
	switch {
	case opts.Tips:
		what = "the tip of the range was scanned, with all that its tree holds, and not the commits before it"
	case len(opts.Exclude) == 0:
		what = "all commits that are here were scanned"
	}
	if isShallow {
		reason = finding.ReasonShallow
	}
	for _, rev := range revs {
		s.skipOne(reason, fmt.Sprintf("%s, where the range starts, is not in this repository; %s", quoted(rev), what))
	}
}
