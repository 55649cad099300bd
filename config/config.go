// Package config finds and reads the configuration of a repository or folder,
// .keysweep.toml. It adds rules; it never stops a byte from being read or a
// built-in rule from running.
//
// A configuration is content of the repository that holds it: it counts for
// whoever works there, and not for whoever scans it from outside.
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"keysweep/rules"
	"keysweep/scanner/gitdb"
)

// Name is what a configuration is called.
const Name = ".keysweep.toml"

// maxSize is the most bytes of a configuration.
const maxSize = 1 << 20

// Config is a configuration that was read. The zero value is none.
type Config struct {
	// Path is the file, as the user named it or as it is best shown.
	Path string
	// Named says that the user named it, with --config.
	Named bool

	text []byte
}

// Rules returns the rule file that the configuration holds, for rules.Load. It
// has the same keys as a rule file; the loader refuses others.
func (c *Config) Rules() []rules.File {
	if c == nil || c.Path == "" {
		return nil
	}
	return []rules.File{{Name: c.Path, Text: c.text, Found: !c.Named}}
}

// Note is a sentence for the report on one of the paths given to Find.
type Note struct {
	Path  int // its index
	Words string
}

// Named reads the configuration that the user named. Errors name it.
func Named(path string) (*Config, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, wrap(path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, wrap(path, errNotRegular)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, wrap(path, err)
	}
	defer f.Close()
	text, err := readAll(f)
	if err != nil {
		return nil, wrap(path, err)
	}
	return &Config{Path: path, Named: true, text: text}, nil
}

// Find reads the configuration for a scan of paths ("-" is standard input; no
// path is "."): that of the innermost scanned root that holds the working
// directory. The root of a path is the top of its repository; else the folder
// itself, and for a file or standard input the working directory. It returns
// nil if there is none. Notes tell of configurations that were not used.
func Find(paths []string) (*Config, []Note, error) {
	here, err := realPath(".")
	if err != nil {
		return nil, nil, fmt.Errorf("configuration: %w", err)
	}
	if len(paths) == 0 {
		paths = []string{"."}
	}
	best, bestReal := "", ""
	var notes []Note
	for i, path := range paths {
		root, ok := rootOf(path)
		if !ok {
			continue
		}
		real, err := realPath(root)
		if err != nil {
			continue // the scan says that the path is not there
		}
		if _, err := os.Lstat(filepath.Join(root, Name)); err != nil {
			continue
		}
		switch {
		case !within(real, here):
			notes = append(notes, Note{i, shown(filepath.Join(root, Name)) + " was not used: the working directory is outside (--config reads it)."})
		case len(real) > len(bestReal):
			best, bestReal = root, real
		}
	}
	if best == "" {
		return nil, notes, nil
	}
	c, err := inRoot(best)
	return c, notes, err
}

// inRoot reads the configuration of a root. Its links may not lead out.
func inRoot(root string) (*Config, error) {
	path := shown(filepath.Join(root, Name))
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, wrap(path, err)
	}
	defer r.Close()
	info, err := r.Stat(Name) // first: opening a FIFO waits for a writer
	if err != nil {
		return nil, wrap(path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, wrap(path, errNotRegular)
	}
	f, err := r.Open(Name)
	if err != nil {
		return nil, wrap(path, err)
	}
	defer f.Close()
	text, err := readAll(f)
	if err != nil {
		return nil, wrap(path, err)
	}
	return &Config{Path: path, text: text}, nil
}

var errNotRegular = errors.New("not a regular file")

func readAll(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	if err == nil && len(text) > maxSize {
		err = errors.New("more than 1 MiB")
	}
	return text, err
}

func wrap(path string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return fmt.Errorf("configuration %s: %w", path, err)
}

// rootOf returns the folder whose configuration is that of a scanned path.
func rootOf(path string) (string, bool) {
	start := path
	if path == "-" {
		start = "."
	}
	info, err := os.Stat(start)
	if err != nil {
		return "", false
	}
	isFile := !info.IsDir()
	if isFile {
		start = filepath.Dir(start)
	}
	if dir, ok := gitdb.Discover(start); ok {
		// A bare repository, or what lies in a .git folder, has no tree.
		_, err := os.Lstat(filepath.Join(dir, ".git"))
		return dir, err == nil
	}
	if isFile {
		start = "."
	}
	return start, true
}

// realPath returns the absolute path with links resolved.
func realPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// within reports whether path is root or lies below it; both are real.
func within(root, path string) bool {
	rel, err := filepath.Rel(root, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// shown returns path from the working directory, if that is shorter.
func shown(path string) string {
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
