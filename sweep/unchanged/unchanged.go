// Package unchanged says whether a repository is still what it was when it was scanned,
// without a scan: by its files' names, sizes and times, or by what its server says of its
// refs in one request.
package unchanged

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"keysweep/file"
	"keysweep/remote"
	"keysweep/scanner/gitdb"
)

// Options says what else a report depends on.
type Options struct {
	// Settings are the version of the program, the digests of rules and
	// configuration, and the options: any change of theirs is one of the repository.
	Settings []string
	// FollowAlternates is that of the scan.
	FollowAlternates bool
}

// tick is longer than the finest difference of times that any usual file system keeps
// (FAT: two seconds). What changed within it may change again and keep its times.
const tick = 2 * time.Second

// Address returns a digest of all refs that the server at a names and of its HEAD: while
// it is the same, so is what a scan fetches. It costs one request. The error is one
// sentence.
func Address(ctx context.Context, client *remote.Client, a *remote.Address, o Options) (string, error) {
	digest := o.start("address " + a.String())
	if err := client.Refs(ctx, a, digest); err != nil {
		return "", err
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

// Path returns a digest of the names, sizes, times and inode numbers of all files of a
// bare repository, among them packs, loose objects, refs, reflogs, index and alternates,
// and of the objects folders that it borrows. "" means that path has to be scanned: it
// has a working tree or is no repository, a file could not be read, or one changed so
// recently before now that it could change again unseen.
func Path(path string, now time.Time, o Options) string {
	repo, err := gitdb.OpenHead(path, file.Reach{})
	if err != nil || repo.Top != "" {
		return ""
	}
	w := &walk{digest: o.start("path"), seen: map[string]bool{}, recent: now.Add(-tick)}
	stores := repo.Stores(gitdb.OpenOptions{FollowAlternates: o.FollowAlternates})
	roots := append([]string{repo.GitDir, repo.CommonDir}, stores.Dirs...)
	for _, root := range roots {
		if err := w.folder(root); err != nil {
			return ""
		}
	}
	return hex.EncodeToString(w.digest.Sum(nil))
}

// start returns a digest of the settings.
func (o Options) start(first string) hash.Hash {
	digest := sha256.New()
	fmt.Fprintf(digest, "%q %q\n", first, o.Settings)
	return digest
}

// walk adds files to a digest.
type walk struct {
	digest hash.Hash
	seen   map[string]bool // folders, without links
	recent time.Time
}

// folder adds all files below a folder, and below the folders that links in it lead to.
func (w *walk) folder(root string) error {
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return err
	}
	fmt.Fprintf(w.digest, "folder %q\n", real)
	return filepath.WalkDir(real, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if w.seen[path] {
				return fs.SkipDir
			}
			w.seen[path] = true
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if err := w.file(path, info); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			return err
		}
		target, err := os.Stat(path)
		switch {
		case file.Absent(err): // a link to nothing
			return nil
		case err != nil:
			return err
		case target.IsDir():
			return w.folder(path)
		}
		return w.file(path, target)
	})
}

// file adds what is known of a file without reading it.
func (w *walk) file(path string, info fs.FileInfo) error {
	changed, inode := status(info)
	if info.ModTime().After(w.recent) || changed.After(w.recent) {
		return fmt.Errorf("%s changed just now", path)
	}
	_, err := fmt.Fprintf(w.digest, "%q %v %d %d %d %d\n", path, info.Mode(), info.Size(), info.ModTime().UnixNano(), changed.UnixNano(), inode)
	return err
}
