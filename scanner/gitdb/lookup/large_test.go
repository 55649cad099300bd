package lookup

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"keysweep/finding"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// flat makes trees with n files in one folder, of which each changes one.
func flat(t *testing.T, n, count int) (dir string, trees []oid.ID) {
	t.Helper()
	r := newRepo(t)
	r.Write("old", "old")
	r.Write("new", "new")
	before, after := ids(t, r.hash("old"))[0], ids(t, r.hash("new"))[0]
	tree := func(content []byte) oid.ID {
		r.Write("tree", string(content))
		return ids(t, strings.TrimSpace(r.Git("hash-object", "-t", "tree", "-w", "tree")))[0]
	}
	for i := range count {
		var content []byte
		for k := range n {
			id := before
			if k == i {
				id = after
			}
			content = append(fmt.Appendf(content, "100644 file%06d\x00", k), id[:20]...)
		}
		folder := tree(content)
		trees = append(trees, tree(append([]byte("40000 folder\x00"), folder[:20]...)))
		r.Git("update-ref", fmt.Sprintf("refs/trees/%d", i), trees[i].String())
	}
	r.Git("repack", "-adq")
	return r.Dir, trees
}

// changes compares each tree with the next.
func changes(t *testing.T, db *Database, trees []oid.ID) (list []string, skipped []finding.Skipped) {
	t.Helper()
	var mu sync.Mutex
	skipped, err := db.CompareAll(context.Background(), len(trees)-1, func(i int, d *Differ) error {
		return d.Introduced(context.Background(), trees[i], trees[i+1:i+2], func(e *Introduced) error {
			mu.Lock()
			defer mu.Unlock()
			list = append(list, fmt.Sprint(i, " ", e.Path))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list, skipped
}

func TestLargeFoldersAreComparedByOneWorkerAtATime(t *testing.T) {
	dir, trees := flat(t, smallTrees/38+1000, 6)
	var want []string
	for i := range 5 {
		want = append(want, fmt.Sprintf("%d folder/file%06d", i, i), fmt.Sprintf("%d folder/file%06d", i, i+1))
	}
	for _, workers := range []int{1, 4} {
		got, skipped := changes(t, lookupDB(t, dir, workers), trees)
		if !slices.Equal(got, want) || len(skipped) > 0 {
			t.Errorf("%d workers: %v, want %v; %v", workers, got, want, skipped)
		}
	}
}

func TestAFolderOverTheLimitOfTreesIsTooLarge(t *testing.T) {
	dir, trees := flat(t, 3000, 3)
	db := lookupDB(t, dir, 2)
	db.trees = pack.NewBudget(100_000)
	got, skipped := changes(t, db, trees)
	if len(got) > 0 || len(skipped) == 0 || slices.ContainsFunc(skipped, func(s finding.Skipped) bool {
		return s.Reason != finding.ReasonTooLarge || !strings.Contains(s.Detail, "too large")
	}) {
		t.Errorf("%v, skipped %v", got, skipped)
	}
}
