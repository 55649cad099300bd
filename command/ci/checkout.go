package ci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	disk "keysweep/file"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/lookup"
	"keysweep/scanner/gitdb/oid"
)

// Checkout is a repository on disk. It implements Repository.
type Checkout struct {
	ctx  context.Context // of OpenCheckout, for lookups, which are short
	repo *gitdb.Repository
	db   *lookup.Database
	top  os.FileInfo // of the working tree's folder; nil: there is none

	guard *disk.Guard // of links in it
}

// OpenCheckout opens the repository that contains path, or returns nil if there is
// none. The caller closes it. Alternates outside the repository's folder are used
// if followAlternates is set.
func OpenCheckout(ctx context.Context, path string, reach disk.Reach, followAlternates bool) (*Checkout, error) {
	dir, inside, err := gitdb.Discover(path)
	if err != nil {
		return nil, fmt.Errorf("the repository of %q: %w", path, err)
	}
	if !inside {
		return nil, nil
	}
	repo, err := gitdb.Open(dir, reach)
	if err != nil {
		return nil, fmt.Errorf("the repository of %q: %w", path, err)
	}
	db, err := lookup.Open(ctx, repo, gitdb.OpenOptions{FollowAlternates: followAlternates})
	if err != nil {
		return nil, err
	}
	c := &Checkout{ctx, repo, db, nil, reach.Guard(dir)}
	if repo.Top != "" {
		c.top, err = os.Stat(repo.Top)
		if err != nil && !disk.Absent(err) {
			db.Close()
			return nil, err
		}
	}
	return c, nil
}

// Close closes the database.
func (c *Checkout) Close() { c.db.Close() }

// Find implements Repository. Another length than an id has here may be a ref.
func (c *Checkout) Find(id string) bool {
	if !fullID(id) || len(id) != 2*c.repo.Format.Size() {
		return false
	}
	_, err := c.db.Resolve(c.ctx, id+"^{commit}")
	return err == nil
}

// Complete implements Repository.
func (c *Checkout) Complete(digits string, tips []string) (string, bool) {
	var include []oid.ID
	for _, tip := range tips {
		if id, ok := oid.Parse([]byte(tip)); ok {
			include = append(include, id)
		}
	}
	r, err := c.db.NewRange(c.ctx, lookup.RangeOptions{Include: include})
	if err != nil || len(r.Skipped) > 0 || r.Cut > 0 {
		return "", false // it may be the start of another id, too
	}
	found := ""
	for _, commit := range r.Commits {
		if id := commit.ID.String(); strings.HasPrefix(id, digits) {
			if found != "" {
				return "", false
			}
			found = id
		}
	}
	return found, found != ""
}

// Reaches implements Repository. It walks by date, and not to the end: where clocks
// were wrong, it may not know.
func (c *Checkout) Reaches(from, id string) bool {
	above, ok := oid.Parse([]byte(from))
	below, okBelow := oid.Parse([]byte(id))
	if !ok || !okBelow {
		return false
	}
	r, err := c.db.NewRange(c.ctx, lookup.RangeOptions{Include: []oid.ID{below}, Exclude: []oid.ID{above}})
	return err == nil && len(r.Skipped) == 0 && len(r.Commits) == 0
}

// Parents implements Repository.
func (c *Checkout) Parents(id string) []string {
	const most = 2 // no CI makes merges with more
	var list []string
	for n := 1; n <= most+1; n++ {
		parent, err := c.db.Resolve(c.ctx, fmt.Sprintf("%s^%d", id, n))
		if err != nil {
			break
		}
		id := parent.String()
		if !c.Find(id) {
			break
		}
		list = append(list, id)
	}
	return list
}

// Ref implements Repository.
func (c *Checkout) Ref(name string) (string, bool) {
	for _, r := range c.repo.Refs {
		if r.Name == name {
			id := r.ID.String()
			return id, c.Find(id)
		}
	}
	return "", false
}

// Default implements Repository: what git clone notes as origin/HEAD.
func (c *Checkout) Default() string {
	const origin = "refs/remotes/origin/"
	name, ok := strings.CutPrefix(c.repo.Symbolic(origin+"HEAD"), origin)
	if !ok {
		return ""
	}
	return name
}

// Head implements Repository.
func (c *Checkout) Head() string {
	if id := c.repo.Head.String(); c.Find(id) {
		return id
	}
	return ""
}

// Shallow implements Repository.
func (c *Checkout) Shallow() bool { return len(c.repo.Shallow) > 0 }

// Top returns the folder of the working tree, "" if there is none.
func (c *Checkout) Top() string { return c.repo.Top }

// Below returns the path of a folder from the top of the working tree, with '/':
// "" for the top itself. ok is false if the folder is not in a working tree.
func (c *Checkout) Below(folder string) (below string, ok bool) {
	folder, err := resolve(folder)
	if err != nil {
		return "", false
	}
	return belowFolder(c.top, folder)
}

// Holds returns the path of a file from the top of the working tree, or "" and false
// if it is not in the working tree. It goes by the file's name, or else by where links
// lead: whatever a change can affect belongs to the change, and so does what cannot
// be found out.
func (c *Checkout) Holds(file string) (below string, ok bool) {
	named, err := filepath.Abs(file)
	if err != nil || file == "" {
		return "", false
	}
	if below, ok := disk.Below(c.guard.Base(), named); ok && c.guard.Links(named) != nil {
		return filepath.ToSlash(below), true
	}
	if below, ok := belowTop(c.top, named); ok {
		return below, true
	}
	if file, err = filepath.EvalSymlinks(named); disk.Absent(err) {
		return "", false
	} else if err != nil {
		return filepath.ToSlash(named), true
	}
	return belowTop(c.top, file)
}

// CheckWrite returns an error if writing a file whose name is in the working tree
// would write elsewhere: a checkout can contain symbolic links, and it chooses
// where they lead. A folder that does not exist is no error here.
func (c *Checkout) CheckWrite(file string) error {
	named, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	if _, ok := disk.Below(c.guard.Base(), named); ok {
		if err := c.guard.Links(named); err != nil {
			return err
		}
	}
	if _, inside := belowTop(c.top, named); !inside {
		return nil
	}
	if info, err := os.Lstat(file); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return errors.New("it is a symbolic link in the checkout (name a file outside, or remove the link)")
	}
	folder, base := filepath.Split(file) // as it is: "link/.." is not "."
	folder, err = resolve(cmp.Or(folder, "."))
	if err != nil {
		return nil // the write will fail
	}
	if _, inside := belowTop(c.top, filepath.Join(folder, base)); !inside {
		return errors.New("a symbolic link in the checkout leads out of it (name a file outside)")
	}
	return nil
}

// belowTop returns the path of a file below a folder. The file itself may be a
// link.
func belowTop(top os.FileInfo, file string) (string, bool) {
	below, ok := belowFolder(top, filepath.Dir(file))
	if !ok {
		return "", false
	}
	return path.Join(below, filepath.Base(file)), true
}

// belowFolder returns the path of a folder, given as an absolute path, below top,
// which is compared with each folder above. One that may be top is.
func belowFolder(top os.FileInfo, folder string) (below string, ok bool) {
	for {
		at, err := os.Stat(folder)
		if err == nil && os.SameFile(at, top) || err != nil && !disk.Absent(err) {
			return below, true
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", false
		}
		below = path.Join(filepath.Base(folder), below)
		folder = parent
	}
}

// resolve returns path absolute and without symbolic links, which are resolved
// before "..".
func resolve(path string) (string, error) {
	if !filepath.IsAbs(path) {
		here, err := os.Getwd()
		if err != nil {
			return "", err
		}
		if disk.Rooted(path) {
			here = filepath.VolumeName(here)
		} else {
			here += string(filepath.Separator)
		}
		path = here + path // Join would resolve ".." first
	}
	return filepath.EvalSymlinks(path)
}
