// Package config finds and reads the configuration of a repository or folder,
// .keysweep.toml, and its baseline. A configuration adds rules and says which
// findings are accepted; it never stops a byte from being read or a built-in
// rule from running.
//
// Both are content of the repository that holds them: they count for those who
// work there, and not for those who scan it from outside. Whose exceptions count
// for a scan is decided here: of the working tree (Sources), of the index, or of
// a commit that the scanned change cannot have touched (Trust).
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"keysweep/exceptions"
	"keysweep/file"
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

	text   []byte
	allows []exceptions.Allow
	root   string // the real path of the folder it was found in; "" if not found
}

// Allows returns what the [[allow]] tables say, in their order.
func (c *Config) Allows() []exceptions.Allow {
	if c == nil {
		return nil
	}
	return c.allows
}

// Rules returns the rule file that the configuration holds, for rules.Load. It
// has the same keys as a rule file, and [[allow]]; the loader refuses others.
func (c *Config) Rules() []rules.File {
	if c == nil || c.Path == "" {
		return nil
	}
	return []rules.File{{Name: c.Path, Text: c.text, Found: !c.Named, Others: []string{allowArray}}}
}

// Note is a sentence for the report on one of the paths given to Find.
type Note struct {
	Path  int // its index
	Words string
}

// Named reads the configuration that the user named. Errors name it.
func Named(path string) (*Config, error) {
	text, err := file.Read(path, maxSize)
	if err != nil {
		return nil, wrap(path, err)
	}
	c, err := Parse(path, text)
	if err != nil {
		return nil, err
	}
	c.Named = true
	return c, nil
}

// Find reads the configuration for a scan of paths ("-" is standard input; no
// path is "."): that of the innermost scanned root that holds here, the working
// directory (".") or a folder that stands for it. The root of a path is the top
// of its repository; else the folder itself, and for a file or standard input
// the working directory. It returns nil if there is none. Notes are about
// configurations that were not used.
func Find(here string, paths []string) (*Config, []Note, error) {
	root, notes, err := find(here, paths, Name, "--config")
	if root == "" || err != nil {
		return nil, notes, err
	}
	path := shown(filepath.Join(root, Name))
	text, err := inRoot(root, Name, maxSize)
	if err != nil {
		return nil, notes, wrap(path, err)
	}
	c, err := Parse(path, text)
	if err != nil {
		return nil, notes, err
	}
	c.root, err = realPath(root)
	return c, notes, err
}

// FindBaseline reads the baseline for a scan of paths as Find does the
// configuration.
func FindBaseline(here string, paths []string) (*exceptions.Baseline, []Note, error) {
	root, notes, err := find(here, paths, exceptions.BaselineName, "--baseline")
	if root == "" || err != nil {
		return nil, notes, err
	}
	path := shown(filepath.Join(root, exceptions.BaselineName))
	text, err := inRoot(root, exceptions.BaselineName, exceptions.MaxBaseline)
	if err != nil {
		return nil, notes, wrapBaseline(path, err)
	}
	b, err := exceptions.ParseBaseline(path, text)
	return b, notes, err
}

// NamedBaseline reads the baseline that the user named. Errors name it.
func NamedBaseline(path string) (*exceptions.Baseline, error) {
	text, err := file.Read(path, exceptions.MaxBaseline)
	if err != nil {
		return nil, wrapBaseline(path, err)
	}
	return exceptions.ParseBaseline(path, text)
}

// find returns the innermost root of paths that holds here and a file called
// name, or "". option is the one that names such a file.
func find(here string, paths []string, name, option string) (best string, notes []Note, err error) {
	here, err = realPath(here)
	if err != nil {
		return "", nil, fmt.Errorf("configuration: %w", err)
	}
	if len(paths) == 0 {
		paths = []string{"."}
	}
	bestReal := ""
	for i, path := range paths {
		root, ok := rootOf(path)
		if !ok {
			continue
		}
		real, err := realPath(root)
		if err != nil {
			continue // the scan says that the path is not there
		}
		if _, err := os.Lstat(filepath.Join(root, name)); err != nil {
			continue
		}
		switch {
		case !within(real, here):
			notes = append(notes, Note{i, fmt.Sprintf("%s was not used: the working directory is outside (%s reads it).", shown(filepath.Join(root, name)), option)})
		case len(real) > len(bestReal):
			best, bestReal = root, real
		}
	}
	return best, notes, nil
}

// inRoot is file.Read of a file of a root. Its links may not lead out.
func inRoot(root, name string, limit int64) ([]byte, error) {
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	info, err := r.Stat(name) // first: opening a FIFO waits for a writer
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, file.ErrNotRegular
	}
	f, err := r.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return file.ReadAll(f, limit)
}

func wrap(path string, err error) error { return fmt.Errorf("configuration %s: %w", path, bare(err)) }

func wrapBaseline(path string, err error) error {
	return fmt.Errorf("baseline %s: %w", path, bare(err))
}

// bare takes the path out of an error: wrap names it.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
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
		// A bare repository, or what is in a .git folder, has no tree.
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

// Inside reports whether the working directory is in the root of a scanned
// path (see Find): what the root holds is then the user's own.
func Inside(path string) bool {
	here, err := realPath(".")
	if err != nil {
		return false
	}
	root, ok := rootOf(path)
	if !ok {
		return false
	}
	real, err := realPath(root)
	return err == nil && within(real, here)
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
