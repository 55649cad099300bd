package history

import (
	"context"
	"slices"
	"sort"
	"strings"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
)

// Commits are known by their number, which is their position in
// Database.commits. noCommit is that of a commit that is not in the database.
const noCommit = -1

// commitNumber returns the number of a commit, or noCommit.
func (db *Database) commitNumber(id oid.ID) int32 {
	i := sort.Search(len(db.commits), func(i int) bool { return db.commits[i].ID.Compare(id) >= 0 })
	if i < len(db.commits) && db.commits[i].ID == id {
		return int32(i)
	}
	return noCommit
}

// parents returns, for each commit, the numbers of its parents.
func (db *Database) parents() [][]int32 {
	all := make([][]int32, len(db.commits))
	for i, c := range db.commits {
		list := make([]int32, len(c.Parents))
		for j, id := range c.Parents {
			list[j] = db.commitNumber(id)
		}
		all[i] = list
	}
	return all
}

// reach is what the refs lead to.
type reach struct {
	parents   [][]int32 // by commit
	reachable []bool    // by commit
	tips      []tip
	tags      []gitdb.Tag // on the way to the tips; one may be there twice
}

// tip is what a ref leads to, tags followed.
type tip struct {
	commit int32  // or noCommit:
	other  oid.ID // a tree or blob
	branch bool   // the ref is a local or remote branch
}

// reach follows the refs.
func (db *Database) reach() *reach {
	r := &reach{parents: db.parents()}
	r.findTips(db)
	var from []int32
	for _, t := range r.tips {
		from = append(from, t.commit)
	}
	r.reachable = r.reachedFrom(from...)
	return r
}

// reachedFrom says of each commit whether one of those in from reaches it.
func (r *reach) reachedFrom(from ...int32) []bool {
	reached := make([]bool, len(r.parents))
	for todo := from; len(todo) > 0; {
		c := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if c != noCommit && !reached[c] {
			reached[c] = true
			todo = append(todo, r.parents[c]...)
		}
	}
	return reached
}

// findTips fills tips and tags.
func (r *reach) findTips(db *Database) {
	tags := make(map[oid.ID]gitdb.Tag, len(db.tags))
	for _, t := range db.tags {
		tags[t.ID] = t
	}
	seen := make(map[tip]bool)
	for _, ref := range db.repo.Refs {
		id := ref.ID
		for range gitdb.MaxTagDepth {
			t, ok := tags[id]
			if !ok {
				break
			}
			r.tags = append(r.tags, t)
			id = t.Target
		}
		isBranch := strings.HasPrefix(ref.Name, "refs/heads/") || strings.HasPrefix(ref.Name, "refs/remotes/")
		if t := (tip{db.commitNumber(id), id, isBranch}); !id.IsZero() && !seen[t] {
			seen[t] = true
			r.tips = append(r.tips, t)
		}
	}
}

// missingNamed is how many missing objects a report names.
const missingNamed = 10

// Missing returns the objects that are absent although something names them,
// as entries of a report. An absent object that no ref leads to is what git's
// garbage collection leaves behind, and not missed.
func (db *Database) Missing(ctx context.Context) ([]finding.Skipped, error) {
	list, err := db.missed(ctx)
	db.partial = db.partial || err != nil || finding.Incomplete(list)
	return list, err
}

func (db *Database) missed(ctx context.Context) (gitdb.Skips, error) {
	var list gitdb.Skips
	if n := len(db.repo.Shallow); n > 0 {
		list.Add(finding.ReasonShallow, int64(n), "commits whose history was not cloned (git fetch --unshallow brings it)")
	}
	wanted := db.absent()
	if len(wanted) == 0 {
		return list, nil
	}
	reached, skipped, err := db.reached(ctx, wanted)
	list.Merge(skipped)
	switch {
	case err != nil || len(reached) == 0:
		return list, err
	case db.promisor:
		list.Add(finding.ReasonPromisor, int64(len(reached)), gitdb.PromisorDetail)
		return list, nil
	}
	// The first few by name: a repository may lack half a million.
	slices.SortFunc(reached, oid.ID.Compare)
	for i, id := range reached {
		if i == missingNamed {
			list.Add(finding.ReasonMissing, int64(len(reached)-i), "more objects that the history refers to")
			break
		}
		list.Add(finding.ReasonMissing, 1, "object %s, which the history refers to", id)
	}
	return list, nil
}

// absent returns the absent objects that a ref or an object names, but for those
// that a shallow clone leaves out.
func (db *Database) absent() map[oid.ID]struct{} {
	for _, ref := range db.repo.Refs {
		if !ref.ID.IsZero() && !db.Has(ref.ID) {
			db.missing[ref.ID] = struct{}{}
		}
	}
	shallow := make(map[oid.ID]bool)
	for _, id := range db.repo.Shallow {
		if c := db.commitNumber(id); c != noCommit {
			for _, p := range db.commits[c].Parents {
				shallow[p] = true
			}
		}
	}
	wanted := make(map[oid.ID]struct{})
	for id := range db.missing {
		if !shallow[id] && !gitdb.IsEmptyTree(id) {
			wanted[id] = struct{}{}
		}
	}
	return wanted
}

// reached returns which of the wanted objects the refs lead to, and what could
// not be read to find out.
func (db *Database) reached(ctx context.Context, wanted map[oid.ID]struct{}) (list []oid.ID, _ gitdb.Skips, _ error) {
	g, skipped, err := db.graphOf(ctx, wanted)
	if err != nil {
		return nil, skipped, err
	}
	var todo []oid.ID
	seen := make(map[oid.ID]bool)
	see := func(id oid.ID) {
		if seen[id] {
			return
		}
		seen[id] = true
		if _, ok := wanted[id]; ok {
			list = append(list, id)
		}
		todo = append(todo, id)
	}
	r := db.reach()
	for _, t := range r.tips {
		if t.commit == noCommit {
			see(t.other)
		}
	}
	for i, c := range db.commits {
		if r.reachable[i] {
			see(c.Tree)
			for _, p := range c.Parents {
				see(p)
			}
		}
	}
	for len(todo) > 0 {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, l := range g[id] {
			see(l.id)
		}
	}
	return list, skipped, nil
}
