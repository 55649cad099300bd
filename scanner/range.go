package scanner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
)

// Range asks for what commits bring in: those that an included revision
// reaches, and no excluded one.
type Range struct {
	// Include and Exclude are revisions, as gitrevisions(7) has them without
	// searches and reflogs. An id of zeros is none.
	Include, Exclude []string
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
	// nobody has fetched.
	AbsentNoted bool
}

// ParseRange reads ranges as git log takes them, joined: A..B is what B reaches
// and A does not, and HEAD where one of them is left out; B alone is all that B
// reaches; ^A leaves out what A reaches. Its error is about the first that is
// none of these.
func ParseRange(list []string) (*Range, error) {
	r := &Range{}
	for _, s := range list {
		from, to, isRange := strings.Cut(s, "..")
		switch {
		case strings.Contains(s, "..."):
			return nil, fmt.Errorf("%s: A...B is not understood: A..B is what B has and A has not", quoted(s))
		case isRange && from == "" && to == "":
			return nil, fmt.Errorf("%s names no commit: A..B is what B has and A has not", quoted(s))
		case isRange:
			if from == "" {
				from = "HEAD"
			}
			if to == "" {
				to = "HEAD"
			}
			r.Include, r.Exclude = append(r.Include, to), append(r.Exclude, from)
		case strings.HasPrefix(s, "^"):
			r.Exclude = append(r.Exclude, s[1:])
		default:
			r.Include = append(r.Include, s)
		}
		for _, rev := range append(r.Include, r.Exclude...) {
			// No revision looks so: git-check-ref-format(1).
			if rev == "" || rev[0] == '-' || rev[0] == '^' || strings.Contains(rev, "..") || strings.ContainsAny(rev, " \t\n") {
				return nil, fmt.Errorf("%s is no range: A..B, or B", quoted(s))
			}
		}
	}
	if len(r.Include) == 0 {
		return nil, errors.New("nothing is included: A..B is what B has and A has not")
	}
	return r, nil
}

// isZeros reports whether rev is the id that names nothing, 40 or 64 digits.
func isZeros(rev string) bool {
	return (len(rev) == 40 || len(rev) == 64) && strings.Trim(rev, "0") == ""
}

// scanRange reads what the commits of the range bring in.
func (s *scan) scanRange(ctx context.Context, number int, t *target) error {
	s.progress.Phase.Store("commits")
	db, err := s.lookup(ctx, t.repo)
	if err != nil {
		return err
	}
	opts, err := s.rangeOptions(ctx, number, t.repo, db)
	if err != nil {
		return err
	}
	r, err := db.NewRange(ctx, opts)
	if err != nil {
		return err
	}
	for _, k := range r.Skipped {
		s.skip(k)
	}
	if r.Cut > 0 {
		s.skip(finding.Skipped{Reason: finding.ReasonShallow, Count: int64(r.Cut), Detail: "commits of the range whose parents were not cloned: all that they hold counts as theirs (git fetch --unshallow brings the parents)"})
	}
	in := s.newIntroduced(number, db, finding.SourceBlob)
	in.tips = opts.Include
	s.introductions = append(s.introductions, in)
	if len(opts.Exclude) > 0 && !opts.Tips {
		in.inRange = func(ctx context.Context) (func(oid.ID) bool, error) { return r.Holds, r.Exact(ctx) }
	}
	trees := in.commitUnits(r, !opts.Tips)
	skipped, err := db.CompareAll(ctx, len(trees), func(i int, d *gitdb.Differ) error {
		return d.Introduced(ctx, trees[i], in.units[i].parents, func(e *gitdb.Introduced) error { return in.entry(i, e) })
	})
	for _, k := range skipped {
		s.skip(k)
	}
	if err != nil {
		return err
	}
	if err := in.others(ctx, r); err != nil {
		return err
	}
	if err := in.messages(ctx, r); err != nil {
		return err
	}
	in.refNames(ctx)
	s.progress.Phase.Store("objects")
	s.progress.ObjectsTotal.Add(int64(len(in.blobs)))
	if err := in.candidates(ctx); err != nil {
		return err
	}
	return in.settle(ctx)
}

// commitUnits makes the first units those of the commits of r, in their order,
// and returns their trees. dated says that what they hold and no parent does is
// theirs.
func (in *introduced) commitUnits(r *gitdb.Range, dated bool) (trees []oid.ID) {
	for i := range r.Commits {
		c := &r.Commits[i]
		var u unit
		if dated {
			u.by = gitdb.CommitRef{ID: c.ID, Date: c.Date}
		}
		for _, id := range r.Parents(c) {
			if p, ok := r.Commit(id); ok {
				u.parents = append(u.parents, p.Tree)
			}
		}
		in.units = append(in.units, u)
		trees = append(trees, c.Tree)
	}
	return trees
}

// others looks at trees and blobs that are included as they are.
func (in *introduced) others(ctx context.Context, r *gitdb.Range) error {
	d := in.db.NewDiffer(treeBudget)
	for _, id := range r.Others {
		number := len(in.units)
		in.units = append(in.units, unit{})
		tree, err := in.db.TreeOf(ctx, id)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			in.blobs[id] = append(in.blobs[id], spotOf{unit: number, source: in.source})
			continue
		}
		if err := d.Introduced(ctx, tree, nil, func(e *gitdb.Introduced) error { return in.entry(number, e) }); err != nil {
			return err
		}
	}
	for _, k := range d.Skipped {
		in.skip(k)
	}
	return nil
}

// messages looks at the commits and tags themselves.
func (in *introduced) messages(ctx context.Context, r *gitdb.Range) error {
	number := make(map[oid.ID]int, len(r.Commits)+len(r.Tags))
	var commits, tags []oid.ID
	for i, c := range r.Commits {
		number[c.ID] = i
		commits = append(commits, c.ID)
	}
	for _, t := range r.Tags {
		u := unit{by: gitdb.CommitRef{Date: t.Date}}
		if t.Type == oid.Commit {
			u.by.ID = t.Target
		}
		if t.Type == oid.Commit || t.Type == oid.Tree {
			// A key that the tagged commit holds is that commit's.
			if tree, err := in.db.TreeOf(ctx, t.Target); err == nil {
				u.parents = []oid.ID{tree}
			}
		}
		number[t.ID] = len(in.units)
		in.units = append(in.units, u)
		tags = append(tags, t.ID)
	}
	message := func(source finding.Source) func(oid.ID, []*seen) {
		return func(id oid.ID, list []*seen) {
			for _, s := range list {
				in.events = append(in.events, event{spotOf{unit: number[id], source: source}, s})
			}
		}
	}
	if err := in.judge(ctx, oid.Commit, commits, finding.SourceCommit, true, message(finding.SourceCommit)); err != nil {
		return err
	}
	return in.judge(ctx, oid.Tag, tags, finding.SourceTag, true, message(finding.SourceTag))
}

// refNames looks at the names of new refs.
func (in *introduced) refNames(ctx context.Context) {
	j := in.collector.newJudge(ctx)
	for _, name := range in.opts.Range.Names {
		j.name(name, place{target: in.target, source: finding.SourceRef, path: name})
		for _, s := range in.take(j) {
			in.events = append(in.events, event{spotOf{unit: len(in.units), source: finding.SourceRef, path: name}, s})
		}
	}
	in.units = append(in.units, unit{}) // which has no parents: they are new
}

// rangeOptions resolves the revisions of the range.
func (s *scan) rangeOptions(ctx context.Context, number int, repo *gitdb.Repository, db *gitdb.Database) (opts gitdb.RangeOptions, err error) {
	asked := s.opts.Range
	for _, rev := range asked.Include {
		if isZeros(rev) {
			continue
		}
		id, err := db.Resolve(ctx, rev)
		if err == nil && !db.Has(id) {
			err = fmt.Errorf("%w: %s", gitdb.ErrAbsent, id)
		}
		if err != nil {
			return opts, s.rangeError(ctx, rev, err)
		}
		opts.Include = append(opts.Include, id)
	}
	var absent []string
	for _, rev := range asked.Exclude {
		if isZeros(rev) {
			continue
		}
		id, err := db.Resolve(ctx, rev)
		if err != nil && !errors.Is(err, gitdb.ErrAbsent) {
			return opts, s.rangeError(ctx, rev, err)
		}
		if err != nil || !db.Has(id) {
			absent = append(absent, rev)
			continue
		}
		opts.Exclude = append(opts.Exclude, id)
	}
	for _, ref := range repo.Refs {
		starts := func(start string) bool { return strings.HasPrefix(ref.Name, start) && !ref.ID.IsZero() }
		if slices.ContainsFunc(asked.IncludeRefs, starts) {
			opts.Include = append(opts.Include, ref.ID)
		}
		if slices.ContainsFunc(asked.ExcludeRefs, starts) {
			opts.Exclude = append(opts.Exclude, ref.ID)
		}
	}
	for _, rev := range absent {
		if asked.AbsentNoted {
			s.note(number, fmt.Sprintf("%s is not in this repository: nothing was left out for it.", quoted(rev)))
			continue
		}
		what := "what else the range names is left out"
		switch {
		case len(opts.Exclude) > 0:
		case len(repo.Shallow) > 0:
			what = "all commits that are here were looked at"
		default:
			opts.Tips, what = true, "the tip of the range was looked at, with all that its tree holds, and not the commits before it"
		}
		reason := finding.ReasonMissing
		if len(repo.Shallow) > 0 {
			reason = finding.ReasonShallow
		}
		s.skip(finding.Skipped{Reason: reason, Count: 1, Detail: fmt.Sprintf("%s, where the range starts, is not in this repository; %s", quoted(rev), what)})
	}
	return opts, nil
}

func (s *scan) rangeError(ctx context.Context, rev string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w: --range: %s: %s", ErrUse, quoted(rev), plainError(err))
}
