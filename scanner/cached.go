package scanner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/lookup"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// The cache holds a bare repository for each address. What is scanned of it has to be
// what a fetch of everything would bring, no more: where the server's refs no longer
// reach all that they did, everything is fetched again.

const (
	// changing is a file of a cached repository to which something is being added.
	changing = "keysweep-changing"
	// maxCachedPacks is when everything is fetched again, into one pack.
	maxCachedPacks = 50
	// maxHaves is how many ids are named to a server: what a socket's buffer holds,
	// since it may answer before it has read all.
	maxHaves = 256
)

// receiveCached is receive for a repository that is in s.opts.Cache, or will be.
func (s *Prepared) receiveCached(ctx context.Context, t *target) error {
	name := sha256.Sum256([]byte(t.Name))
	t.folder = filepath.Join(s.opts.Cache, hex.EncodeToString(name[:16])+".git")
	if old := openCached(t.folder, s); old != nil {
		t.kept = true
		if done, err := s.receiveNew(ctx, t, old); done || err != nil {
			return err
		}
	}
	t.kept, t.repo, t.incoming = false, nil, nil
	if err := os.RemoveAll(t.folder); err != nil {
		return temporary(err)
	}
	if err := os.MkdirAll(t.folder, 0o700); err != nil {
		return temporary(err)
	}
	return s.receiveAll(ctx, t)
}

// openCached opens a repository of the cache; nil: it is not there, or not whole.
func openCached(dir string, s *Prepared) *gitdb.Repository {
	if _, err := os.Lstat(filepath.Join(dir, changing)); err == nil {
		return nil
	}
	repo, err := gitdb.Open(dir, s.opts.Reach)
	if err != nil || len(repo.Skipped) > 0 || len(repo.Shallow) > 0 {
		return nil
	}
	stores := repo.Stores(gitdb.OpenOptions{})
	if len(stores.Skipped) > 0 || len(stores.Packs) > maxCachedPacks {
		return nil
	}
	for _, path := range stores.Packs {
		if _, err := os.Lstat(strings.TrimSuffix(path, ".pack") + ".idx"); err != nil {
			return nil
		}
	}
	return repo
}

// receiveNew fetches what old lacks. done is false if everything has to be fetched; the
// error says that the server did not send it.
func (s *Prepared) receiveNew(ctx context.Context, t *target, old *gitdb.Repository) (done bool, err error) {
	mark := filepath.Join(t.folder, changing)
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		return false, nil //nolint:nilerr // nothing may be added
	}
	in, err := pack.Receive(filepath.Join(t.folder, filepath.FromSlash(gitdb.PackFolder)), oid.SHA1, s.opts.MaxPack)
	if err != nil {
		return false, nil //nolint:nilerr // it is not whole
	}
	got, failed := t.remote.Fetch(ctx, haves(old), &counted{in, s.opts.Progress})
	s.opts.Progress.Bytes.Add(-in.Size())
	ended := in.End(failed)
	if failed != nil {
		if in.Size() == 0 {
			_ = os.Remove(mark) // else everything is fetched next time
		}
		if got != nil && ctx.Err() == nil {
			return false, nil // it may send everything, as dulwich does
		}
		return false, s.cutWords(failed)
	}
	if ended != nil || len(got.Shallow) > 0 {
		return false, nil
	}
	if in.Size() > 0 {
		p, err := in.Open(ctx, s.opts.Workers)
		if err == nil {
			err = in.WriteIndex(ctx, s.opts.Workers)
			p.Close()
		}
		if err != nil {
			return false, nil //nolint:nilerr // it refers to objects that are not in it
		}
	}
	if err := gitdb.Create(t.folder, got.Created); err != nil {
		return false, nil //nolint:nilerr // its refs may be of two times
	}
	if t.repo, err = gitdb.Open(t.folder, s.opts.Reach); err != nil || !s.reachesAll(ctx, t.repo, old) {
		return false, nil //nolint:nilerr // everything is fetched, which says what is wrong
	}
	t.root, t.Notes, t.headLeft = t.repo.GitDir, append(t.Notes, got.Notes...), got.HeadLeft
	return true, os.Remove(mark)
}

// haves returns what is named to the server: HEAD, then the branches, then other refs.
func haves(repo *gitdb.Repository) (list []string) {
	add := func(id oid.ID) {
		if text := id.String(); !id.IsZero() && len(list) < maxHaves && !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	add(repo.Head)
	for _, branches := range []bool{true, false} {
		for _, ref := range repo.Refs {
			if strings.HasPrefix(ref.Name, "refs/heads/") == branches {
				add(ref.ID)
			}
		}
	}
	return list
}

// reachesAll reports whether the refs of repo reach all that those of old do.
func (s *Prepared) reachesAll(ctx context.Context, repo, old *gitdb.Repository) bool {
	tips := repo.Tips()
	lost := slices.DeleteFunc(old.Tips(), func(id oid.ID) bool { return slices.Contains(tips, id) })
	if len(lost) == 0 {
		return true
	}
	db, err := lookup.Open(ctx, repo, gitdb.OpenOptions{Workers: s.opts.Workers, MaxObject: uint64(s.opts.MaxObject)})
	if err != nil {
		return false
	}
	defer db.Close()
	r, err := db.NewRange(ctx, lookup.RangeOptions{Include: lost, Exclude: tips})
	if err == nil && len(r.Commits) > 0 {
		err = r.Exact(ctx)
	}
	return err == nil && len(r.Commits)+len(r.Tags)+len(r.Others)+len(r.Skipped)+len(db.Skipped()) == 0
}

// isIncomplete reports whether something of t could not be read. It is not kept then: a
// fetch may mend it.
func (s *Prepared) isIncomplete(t *target) bool {
	return slices.ContainsFunc(s.result.Skipped, func(k finding.Skipped) bool {
		return k.Target == t.Name && k.Reason.Class() == finding.ClassIncomplete
	})
}
