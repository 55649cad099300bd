package scanner

import (
	"context"
	"slices"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/lookup"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// addAuthors fills in who made the commits that brought in the keys of the result.
func (s *Prepared) addAuthors(ctx context.Context) error {
	found := make(map[oid.ID][]*finding.Finding)
	for _, f := range s.result.Findings {
		if id, ok := oid.Parse([]byte(f.FirstSeen.Commit)); ok {
			found[id] = append(found[id], f)
		}
	}
	for _, t := range s.targets {
		if t.db != nil {
			if err := s.addAuthorsFrom(ctx, t.db, found); err != nil {
				return err
			}
		}
	}
	for _, h := range s.histories {
		db, err := s.openLookup(ctx, h.repo, h.target.incoming)
		if err == nil {
			err = s.addAuthorsFrom(ctx, db, found)
			db.Close()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// addAuthorsFrom fills in the authors of the commits that db has, by their ids.
func (s *Prepared) addAuthorsFrom(ctx context.Context, db *lookup.Database, found map[oid.ID][]*finding.Finding) error {
	var ids []oid.ID
	for id := range found {
		if db.Has(id) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, oid.ID.Compare)
	skipped, err := db.ReadAll(ctx, oid.Commit, ids, func() func(oid.ID, *pack.Object) error {
		return func(id oid.ID, o *pack.Object) error {
			for _, f := range found[id] {
				f.FirstSeen.Author = gitdb.Author(o.Data)
			}
			return nil
		}
	})
	s.skip(skipped...)
	return err
}
