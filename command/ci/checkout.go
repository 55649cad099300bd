package ci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/oid"
)

// Checkout is a repository on disk. It implements Repository.
type Checkout struct {
	ctx  context.Context // of OpenCheckout: a lookup takes no time of its own
	repo *gitdb.Repository
	db   *gitdb.Database
	dir  string
}

// OpenCheckout opens the repository that holds path, or returns nil if there is
// none. Close it. Alternates outside the repository's folder are followed if
// followAlternates is set.
func OpenCheckout(ctx context.Context, path string, followAlternates bool) (*Checkout, error) {
	dir, inside := gitdb.Discover(path)
	if !inside {
		return nil, nil
	}
	repo, err := gitdb.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("the repository of %q: %w", path, err)
	}
	db, err := repo.OpenDatabase(ctx, gitdb.OpenOptions{LookupOnly: true, FollowAlternates: followAlternates})
	if err != nil {
		return nil, err
	}
	return &Checkout{ctx, repo, db, dir}, nil
}

// Close closes the database.
func (c *Checkout) Close() { c.db.Close() }

// Find implements Repository.
func (c *Checkout) Find(id string) (string, bool) {
	if _, err := c.db.Resolve(c.ctx, id+"^{commit}"); err != nil {
		return "", false
	}
	whole, err := c.db.Resolve(c.ctx, id+"^{object}")
	return whole.String(), err == nil
}

// Parents implements Repository.
func (c *Checkout) Parents(id string) []string {
	const most = 2 // of more, the CI made none
	var list []string
	for n := 1; n <= most+1; n++ {
		parent, err := c.db.Resolve(c.ctx, fmt.Sprintf("%s^%d", id, n))
		if err != nil {
			break
		}
		found, ok := c.Find(parent.String())
		if !ok {
			break
		}
		list = append(list, found)
	}
	return list
}

// Ref implements Repository.
func (c *Checkout) Ref(name string) (string, bool) {
	for _, r := range c.repo.Refs {
		if r.Name == name && r.ID != (oid.ID{}) {
			return c.Find(r.ID.String())
		}
	}
	return "", false
}

// Head implements Repository.
func (c *Checkout) Head() string {
	if c.repo.Head == (oid.ID{}) {
		return ""
	}
	id, _ := c.Find(c.repo.Head.String())
	return id
}

// Shallow implements Repository.
func (c *Checkout) Shallow() bool { return len(c.repo.Shallow) > 0 }

// Below returns the way from the top of the working tree to path, separated by
// '/': "" for the top itself. ok is false if path is not in a working tree.
func (c *Checkout) Below(path string) (below string, ok bool) {
	if c.repo.Top == "" {
		return "", false
	}
	top, err := real(c.repo.Top)
	if err != nil {
		return "", false
	}
	at, err := real(path)
	if err != nil {
		return "", false
	}
	below, err = filepath.Rel(top, at)
	below = filepath.ToSlash(below)
	switch {
	case err != nil || below == ".." || strings.HasPrefix(below, "../"):
		return "", false
	case below == ".":
		return "", true
	}
	return below, true
}

// Top returns the folder of the working tree, "" if there is none.
func (c *Checkout) Top() string { return c.repo.Top }

// Holds returns the way from the top of the working tree to a file, as Below
// does for folders, and false if it lies elsewhere. It goes by the name and, if
// that leads nowhere inside, by where links lead: what a change can make of a
// file is the change's.
func (c *Checkout) Holds(file string) (string, bool) {
	if c.repo.Top == "" || file == "" {
		return "", false
	}
	top, err := os.Stat(c.repo.Top)
	if err != nil {
		return "", false
	}
	named, err := filepath.Abs(file)
	if err != nil {
		return "", false
	}
	if below, ok := belowFolder(top, named); ok {
		return below, true
	}
	if file, err = filepath.EvalSymlinks(named); err != nil {
		return "", false
	}
	return belowFolder(top, file)
}

// CheckWrite returns an error if a file that lies in the working tree by its name
// would be written elsewhere: what is checked out can hold symbolic links, and
// where they lead is its own choice. A folder that is not there is no error here.
func (c *Checkout) CheckWrite(file string) error {
	if c.repo.Top == "" {
		return nil
	}
	top, err := os.Stat(c.repo.Top)
	if err != nil {
		return nil
	}
	named, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	if _, inside := belowFolder(top, named); !inside {
		return nil
	}
	if info, err := os.Lstat(file); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return errors.New("it is a symbolic link, and it lies in what is checked out, which may have made it (name a file outside, or remove the link)")
	}
	folder, base := filepath.Split(file) // as it is: "link/.." is not "."
	folder, err = real(cmp.Or(folder, "."))
	if err != nil {
		return nil // whoever writes will say so
	}
	if _, inside := belowFolder(top, filepath.Join(folder, base)); !inside {
		return errors.New("a symbolic link in what is checked out leads out of it (name a file outside)")
	}
	return nil
}

// belowFolder returns the way from a folder to file, an absolute path whose names
// are gone up until one is the folder.
func belowFolder(folder os.FileInfo, file string) (string, bool) {
	for dir := filepath.Dir(file); ; dir = filepath.Dir(dir) {
		if at, err := os.Stat(dir); err == nil && os.SameFile(at, folder) {
			below, err := filepath.Rel(dir, file)
			return filepath.ToSlash(below), err == nil
		}
		if dir == filepath.Dir(dir) {
			return "", false
		}
	}
}

// real returns path absolute and without symbolic links, which come before "..".
func real(path string) (string, error) {
	if !filepath.IsAbs(path) {
		here, err := os.Getwd()
		if err != nil {
			return "", err
		}
		path = here + string(filepath.Separator) + path // Join would take ".." first
	}
	return filepath.EvalSymlinks(path)
}
