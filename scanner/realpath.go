package scanner

import (
	"io/fs"
	"os"
	"path/filepath"
)

// realPaths holds the paths without links of paths that were asked for, and of
// the folders above them. Each name is looked up once: repositories may be nested
// a thousand deep.
type realPaths map[string]string

// of returns path, which is absolute, without links: filepath.EvalSymlinks.
func (m realPaths) of(path string) (string, error) {
	if real, ok := m[path]; ok {
		return real, nil
	}
	if path != filepath.Clean(path) { // x/.. is not the same behind a link
		return filepath.EvalSymlinks(path)
	}
	info, err := os.Lstat(path)
	if err != nil {
		return "", err
	}
	parent, name := filepath.Dir(path), filepath.Base(path)
	real := path
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		real, err = filepath.EvalSymlinks(path)
	case parent != path:
		if real, err = m.of(parent); err == nil {
			real = filepath.Join(real, name)
		}
	}
	if err == nil {
		m[path] = real
	}
	return real, err
}

// inside reports whether all of paths are in folder, or are it, without links.
func (m realPaths) inside(folder string, paths ...string) (bool, error) {
	folder, err := m.of(folder)
	for _, path := range paths {
		if err == nil {
			path, err = m.of(path)
		}
		if err != nil {
			return false, err
		}
		if rel, err := filepath.Rel(folder, path); err != nil || !filepath.IsLocal(rel) {
			return false, nil
		}
	}
	return true, err
}
