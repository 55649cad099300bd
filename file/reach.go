package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Reach says what may be opened because scanned content names it: a .git file, a
// list of alternates, a symbolic link. A path is judged as text before the system
// sees it. The zero value reaches this disk, and the share that what the user named
// is on.
type Reach struct {
	Shares []string // also these, as ParseShare returns them
	// Cloud reads files that are not on this disk, which downloads them.
	Cloud bool
	// AsGit reads all that git itself has just read: in a hook of git.
	AsGit bool
	// RefStorage is where refs are, as extensions.refStorage of git's configuration has
	// it and instead of that. "": as the configuration says.
	RefStorage string
	// Real may be nil, and is shared by all that opens repositories of one scan.
	Real *RealPaths
}

// ErrCloud is the error for a file that is not on this disk: to read it would
// download it.
var ErrCloud = errors.New("it is not on this disk, but in the cloud (--fetch-cloud-files downloads it)")

// Guard judges what is found in one folder by its Reach.
type Guard struct {
	Reach
	base   string   // absolute, as the user named it
	real   string   // without links; "": not known yet
	shares []string // that base is on, once real is known
}

// Guard returns a guard of what is in base, which the user named.
func (r Reach) Guard(base string) *Guard {
	if abs, err := Abs(base); err == nil {
		base = abs
	}
	return &Guard{Reach: r, base: base}
}

// Base returns the absolute path of the folder that the user named.
func (g *Guard) Base() string { return g.base }

// resolve finds out where base is. Its links are the user's.
func (g *Guard) resolve() {
	if g.real != "" {
		return
	}
	g.real = g.base
	if real, err := g.Real.Of(g.base); err == nil {
		g.real = real
	}
	for _, path := range []string{g.base, g.real} {
		if share, err := place(runtime.GOOS, path); err == nil && share != "" {
			g.shares = append(g.shares, share)
		}
	}
}

// Path returns the absolute path that text names, which content holds and which may
// be relative to folder. The error wraps ErrElsewhere.
func (g *Guard) Path(folder, text string) (string, error) {
	if g.AsGit {
		return absolute(runtime.GOOS, folder, text), nil
	}
	g.resolve()
	path, err := g.judge(folder, text)
	if err != nil {
		return "", err
	}
	return path, g.Links(path)
}

// judge goes by the text alone.
func (g *Guard) judge(folder, text string) (string, error) {
	path := absolute(runtime.GOOS, folder, text)
	judged := text
	if runtime.GOOS != "windows" {
		judged = path // .. may lead to /net; on Windows it ends at the volume
	}
	share, err := place(runtime.GOOS, judged)
	if err == nil && share != "" && !slices.Contains(g.shares, share) && !slices.Contains(g.Shares, share) {
		err = fmt.Errorf("%w: another host (--allow-share %s reads it)", ErrElsewhere, share)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", text, err)
	}
	return path, err
}

// Links judges the links on the way to path, which is absolute. That there is
// nothing at path is no error.
func (g *Guard) Links(path string) error {
	if g.AsGit {
		return nil
	}
	g.resolve()
	if rel, ok := Below(g.base, path); ok {
		return g.follow(g.real, split(rel)) // the folders above are the user's own
	}
	root := filepath.VolumeName(path) + string(filepath.Separator)
	return g.follow(root, split(path[len(filepath.VolumeName(path)):]))
}

// maxLinks is how many links are followed to one file: Linux has 40.
const maxLinks = 40

// follow judges the links among names, one below the other from at, which is
// without links.
func (g *Guard) follow(at string, names []string) error {
	for links := 0; len(names) > 0; {
		name := names[0]
		names = names[1:]
		if name == ".." {
			at = filepath.Dir(at)
		}
		if name == ".." || name == "." || name == "" {
			continue
		}
		next := filepath.Join(at, name)
		if _, above := Below(next, g.real); above {
			at = next // the user's own, and no link
			continue
		}
		info, err := Lstat(Exact(next))
		if err != nil {
			if Absent(err) {
				return nil
			}
			return err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return fmt.Errorf("%s: %w: too many links", next, ErrElsewhere)
		}
		text, err := os.Readlink(Exact(next))
		if err != nil {
			return fmt.Errorf("%w: %w", ErrElsewhere, err)
		}
		path, err := g.judge(at, text)
		if err != nil {
			return fmt.Errorf("%s leads to %w", next, err)
		}
		if rest := split(text); len(rest) == 0 || rest[0] != "" && filepath.VolumeName(text) == "" {
			names = append(rest, names...) // .. is of where the link is
			continue
		}
		volume := filepath.VolumeName(path)
		at, names = volume+string(filepath.Separator), append(split(path[len(volume):]), names...)
	}
	return nil
}

// split returns the names in a path, the first of them "" if it starts at a root.
func split(path string) []string { return strings.Split(filepath.ToSlash(path), "/") }

// Folder judges the links that a folder holds, but for those named in but. A folder
// that is not there holds none. An error that does not wrap ErrElsewhere says that
// the folder could not be listed.
func (g *Guard) Folder(path string, but ...string) error {
	if g.AsGit {
		return nil
	}
	list, err := os.ReadDir(path)
	for _, e := range list {
		if e.Type().IsRegular() || e.IsDir() || slices.Contains(but, e.Name()) {
			continue
		}
		if err := g.Links(filepath.Join(path, e.Name())); err != nil {
			return err
		}
	}
	if Absent(err) {
		return nil
	}
	return err
}

// Here returns ErrCloud if path is not on this disk and may not be downloaded.
func (g *Guard) Here(path string) error {
	if !hasClouds {
		return nil
	}
	info, err := Lstat(path)
	if err != nil {
		if Absent(err) {
			return nil
		}
		return err
	}
	return g.HereInfo(info)
}

// HereInfo is Here for what Lstat returned.
func (g *Guard) HereInfo(info fs.FileInfo) error {
	if !g.AsGit && !g.Cloud && InCloud(info) {
		return ErrCloud
	}
	return nil
}
