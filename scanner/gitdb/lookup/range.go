package lookup

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"slices"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
)

// Range is the commits of a range, as git rev-list INCLUDE… --not
// EXCLUDE… lists them.
type Range struct {
	// Commits are reachable from an included object. Newest first by committer
	// date, a commit of one date by id.
	Commits []gitdb.Commit
	// Tags are the annotated tags among what was included, and Others the
	// trees and blobs, tags followed.
	Tags   []gitdb.Tag
	Others []oid.ID
	// Cut is the number of Commits whose parents a shallow clone leaves out:
	// all that their trees hold counts as theirs.
	Cut     int
	Skipped []finding.Skipped

	db       *Database
	reader   *Reader
	queue    commitQueue
	seen     map[oid.ID]*walked
	shallow  map[oid.ID]bool
	grafted  map[oid.ID]bool // begin a shallow history; nil: none may
	included int             // entries of queue that exclude is not known to reach
	oldest   int64
	tips     bool
}

// ReachedFrom returns a function that reports, of the commits that tips reach,
// whether rev reaches them, too. A rev that is not here reaches none, and so does one
// of which not all could be read: what could not is skipped. The error is ctx's alone.
func (db *Database) ReachedFrom(ctx context.Context, rev string, tips []oid.ID) (reached func(oid.ID) bool, skipped []finding.Skipped, err error) {
	none := func(oid.ID) bool { return false }
	id, err := db.Resolve(ctx, rev+"^{commit}")
	switch {
	case ctx.Err() != nil:
		return none, nil, context.Cause(ctx)
	case errors.Is(err, ErrRevision) || errors.Is(err, ErrAbsent):
		return none, nil, nil
	case err != nil:
		return none, []finding.Skipped{{Reason: gitdb.ReasonOf(err), Count: 1, Detail: err.Error()}}, nil
	}
	r, err := db.NewRange(ctx, RangeOptions{Include: tips, Exclude: []oid.ID{id}})
	if err == nil && len(r.Commits) > 0 {
		err = r.Exact(ctx)
	}
	if err != nil || len(r.Skipped) > 0 {
		return none, r.Skipped, err
	}
	return func(id oid.ID) bool { return !r.Holds(id) }, nil, nil
}

// walked is a commit that the walk has met.
type walked struct {
	gitdb.Commit
	included, excluded bool
	done               bool // it has left the queue
}

// commitQueue is a heap, the newest commit first.
type commitQueue []*walked

func (q commitQueue) Len() int { return len(q) }
func (q commitQueue) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(q[j].Date, q[i].Date), q[i].ID.Compare(q[j].ID)) < 0
}
func (q commitQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push implements heap.Interface.
func (q *commitQueue) Push(x any) { *q = append(*q, x.(*walked)) }

// Pop implements heap.Interface.
func (q *commitQueue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// RangeOptions says which commits are meant.
type RangeOptions struct {
	Include, Exclude []oid.ID
	// Tips takes the included commits alone, as if they had no parents.
	Tips bool
	// Shallow says that an included commit whose parent is not here is where a shallow
	// history begins, as if the repository's list had it: all that its tree holds counts
	// as its own, and nothing is missing.
	Shallow bool
}

// NewRange walks from the included objects to the excluded ones. An included
// object that is not in the database is skipped as missing; an excluded one
// excludes nothing. The error is ctx's alone.
//
// The walk goes by date and ends when only excluded commits are left that are
// older than all of Commits. Where clocks were wrong, Commits may then hold some
// that exclude reaches by a path that was not walked to its end: never too few,
// and Exact removes these.
func (db *Database) NewRange(ctx context.Context, opts RangeOptions) (*Range, error) {
	r := &Range{db: db, reader: db.NewReader(1 << 20), seen: make(map[oid.ID]*walked), shallow: make(map[oid.ID]bool), tips: opts.Tips}
	for _, id := range db.repo.Shallow {
		r.shallow[id] = true
	}
	if opts.Shallow {
		r.grafted = make(map[oid.ID]bool)
	}
	known := make(map[oid.ID]bool) // tags
	begun := make(map[oid.ID]int)  // a hundred thousand refs may lead to one commit
	for i, id := range slices.Concat(opts.Exclude, opts.Include) {
		side := 1
		if i >= len(opts.Exclude) {
			side = 2
		}
		if begun[id]&side != 0 {
			continue
		}
		begun[id] |= side
		if err := r.begin(ctx, id, i >= len(opts.Exclude), known); err != nil {
			return nil, err
		}
	}
	return r, r.walk(ctx, false)
}

// begin notes an object from which the walk starts. The error is ctx's alone.
func (r *Range) begin(ctx context.Context, id oid.ID, included bool, known map[oid.ID]bool) error {
	target, typ, tags, err := r.reader.untag(ctx, id)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !included && errors.Is(err, ErrAbsent):
		return nil
	case err != nil:
		r.skip(target, err)
		return nil
	}
	for _, t := range tags {
		if t.Target, t.Type = target, typ; included && !known[t.ID] {
			r.Tags = append(r.Tags, t)
		}
		known[t.ID] = true
	}
	switch {
	case typ == oid.Commit:
		return r.enter(ctx, target, included)
	case included && !slices.Contains(r.Others, target):
		r.Others = append(r.Others, target)
	}
	return nil
}

// Exact walks all that exclude reaches, and takes it out of Commits.
func (r *Range) Exact(ctx context.Context) error { return r.walk(ctx, true) }

// Commit returns a commit that the walk has met: one of Commits, or a parent of
// one.
func (r *Range) Commit(id oid.ID) (gitdb.Commit, bool) {
	if w := r.seen[id]; w != nil && !w.Tree.IsZero() {
		return w.Commit, true
	}
	return gitdb.Commit{}, false
}

// Holds reports whether id is one of Commits, after Exact as well.
func (r *Range) Holds(id oid.ID) bool {
	w := r.seen[id]
	return w != nil && w.included && !w.excluded
}

func (r *Range) skip(id oid.ID, err error) {
	r.Skipped = finding.AddSkipped(r.Skipped, r.db.skippedObject(id, err))
}

// enter meets a commit. The error is ctx's alone.
func (r *Range) enter(ctx context.Context, id oid.ID, included bool) error {
	if w := r.seen[id]; w != nil {
		if !included {
			r.exclude(w)
		}
		return nil
	}
	c, err := r.reader.commit(ctx, id)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	w := &walked{Commit: c, included: included, excluded: !included}
	r.seen[id] = w
	switch {
	case err == nil:
		heap.Push(&r.queue, w)
		if included {
			r.included++
		}
		return nil
	case included || !errors.Is(err, ErrAbsent): // what is missing beyond an excluded commit excludes nothing
		r.skip(id, err)
	}
	w.included, w.excluded, w.done = false, true, true
	return nil
}

// exclude marks a commit that was included, and what it reaches as far as the
// walk has come.
func (r *Range) exclude(w *walked) {
	todo := []*walked{w}
	for len(todo) > 0 {
		w := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if w.excluded {
			continue
		}
		w.excluded = true
		if !w.done {
			r.included--
			continue
		}
		for _, p := range r.Parents(&w.Commit) {
			if known := r.seen[p]; known != nil {
				todo = append(todo, known)
			}
		}
	}
}

// Parents returns the parents of a commit, none where a shallow clone is cut.
func (r *Range) Parents(c *gitdb.Commit) []oid.ID {
	if r.tips || r.shallow[c.ID] || r.grafted[c.ID] {
		return nil
	}
	return c.Parents
}

// walk goes on until all that is left in the queue is excluded and older than
// what is not, or, if all is set, until nothing is left.
func (r *Range) walk(ctx context.Context, all bool) error {
	for len(r.queue) > 0 && (all || r.included > 0 || len(r.Commits) > 0 && r.queue[0].Date >= r.oldest) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		w := heap.Pop(&r.queue).(*walked)
		w.done = true
		if !w.excluded {
			r.included--
			if len(r.Commits) == 0 || w.Date < r.oldest {
				r.oldest = w.Date
			}
			r.Commits = append(r.Commits, w.Commit)
		}
		if r.grafted != nil && !w.excluded && slices.ContainsFunc(w.Parents, func(p oid.ID) bool { return !r.db.Has(p) }) {
			r.grafted[w.ID] = true
		}
		for _, p := range r.Parents(&w.Commit) {
			if err := r.enter(ctx, p, !w.excluded); err != nil {
				return err
			}
		}
	}
	r.Commits = slices.DeleteFunc(r.Commits, func(c gitdb.Commit) bool { return r.seen[c.ID].excluded })
	slices.SortFunc(r.Commits, func(a, b gitdb.Commit) int {
		return cmp.Or(cmp.Compare(b.Date, a.Date), a.ID.Compare(b.ID))
	})
	r.Cut = 0
	for _, c := range r.Commits {
		if r.shallow[c.ID] {
			r.Cut++
		}
	}
	return nil
}
