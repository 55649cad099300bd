package file

import (
	"io/fs"
	"path/filepath"
	"sync"
)

// RealPaths holds the paths without links of paths that were asked for, and of the
// folders above them. Each name is looked up once: repositories may be nested a
// thousand deep. It is safe for concurrent use. A nil one remembers nothing.
type RealPaths struct {
	mu      sync.Mutex
	known   map[string]string // guarded by mu
	lookups int               // guarded by mu; for tests
}

// Of returns path, which is absolute, without links: filepath.EvalSymlinks.
func (m *RealPaths) Of(path string) (string, error) {
	if m == nil {
		return filepath.EvalSymlinks(path)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil {
		m.known = make(map[string]string)
	}
	return m.of(path)
}

func (m *RealPaths) of(path string) (string, error) {
	if real, ok := m.known[path]; ok {
		return real, nil
	}
	if path != filepath.Clean(path) { // x/.. is not the same behind a link
		return filepath.EvalSymlinks(path)
	}
	m.lookups++
	info, err := Lstat(path)
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
		m.known[path] = real
	}
	return real, err
}

// Inside reports whether all of paths are in folder, or are it, without links.
func (m *RealPaths) Inside(folder string, paths ...string) (bool, error) {
	folder, err := m.Of(folder)
	for _, path := range paths {
		if err == nil {
			path, err = m.Of(path)
		}
		if err != nil {
			return false, err
		}
		if _, below := Below(folder, path); !below {
			return false, nil
		}
	}
	return true, err
}
