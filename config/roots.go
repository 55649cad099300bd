package config

import (
	"os"
	"path/filepath"

	"keysweep/exceptions"
	"keysweep/scanner/gitdb"
)

// root is the folder whose configuration and baseline are those of a scanned
// path.
type root struct {
	index int    // of the path
	path  string // as the user named it
	dir   string
	real  string // the real path of dir
	start string // the real path of the scanned folder, or of the file's; "": unknown
	own   bool   // the working directory, or what stands for it, is inside
}

// rootsOf returns the roots of paths that have one; no path is ".". here is the
// working directory, or stands for it.
func rootsOf(here string, paths []string) (list []root) {
	here, err := realPath(here)
	if len(paths) == 0 {
		paths = []string{"."}
	}
	for i, path := range paths {
		if r, ok := rootOf(path); ok {
			r.index, r.own = i, err == nil && within(r.real, here)
			list = append(list, r)
		}
	}
	return list
}

func rootOf(path string) (r root, ok bool) {
	r = root{path: path, dir: path}
	if path == "-" {
		r.dir = "."
	}
	info, err := os.Stat(r.dir)
	if err != nil {
		return r, false // the scan says so
	}
	isFile := !info.IsDir()
	if isFile {
		r.dir = filepath.Dir(r.dir)
	}
	r.start, _ = realPath(r.dir)
	if dir, found := gitdb.Discover(r.dir); found {
		// A bare repository, or what is in a .git folder, has no tree.
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err != nil {
			return r, false
		}
		r.dir = dir
	} else if isFile {
		r.dir = "."
	}
	r.real, err = realPath(r.dir)
	return r, err == nil
}

// realPath returns the absolute path with links resolved.
func realPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// Inside reports whether the working directory is in the root of a scanned
// path (see Find): what the root holds is then the user's own.
func Inside(path string) bool {
	roots := rootsOf(".", []string{path})
	return len(roots) > 0 && roots[0].own
}

// Root returns the folder whose configuration and baseline are those of path
// (see Find), and false if it has none.
func Root(path string) (string, bool) {
	r, ok := rootOf(path)
	return Shown(r.dir), ok
}

// BaselinePath returns where the baseline of a scan of paths is or would be: at
// the root of the first path, if the working directory is inside.
func BaselinePath(paths []string) (string, bool) {
	roots := rootsOf(".", paths[:min(1, len(paths))])
	if len(roots) == 0 || !roots[0].own {
		return "", false
	}
	return Shown(filepath.Join(roots[0].dir, exceptions.BaselineName)), true
}

// within reports whether path is root or is below it; both are real.
func within(root, path string) bool {
	rel, err := filepath.Rel(root, path)
	return err == nil && filepath.IsLocal(rel)
}

// Shown returns path from the working directory, if that is shorter.
func Shown(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	here, err := filepath.Abs(".")
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(here, abs); err == nil && len(rel) < len(path) {
		return rel
	}
	return path
}
