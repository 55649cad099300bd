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

	"keysweep/exceptions"
	"keysweep/file"
	"keysweep/rules"
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

	detail bool // for verbose reports
}

// kind is one of the two files in which a repository keeps exceptions.
type kind[T any] struct {
	word, name string // in messages, and of the file
	option     string // names such a file
	limit      int64  // bytes
	parse      func(name string, text []byte) (*T, error)
}

var (
	configs   = kind[Config]{"configuration", Name, "--config", maxSize, Parse}
	baselines = kind[exceptions.Baseline]{"baseline", exceptions.BaselineName, "--baseline", exceptions.MaxBaseline, exceptions.ParseBaseline}
)

// parsed parses what was read, unless err says that it was not. Errors name it.
func (k *kind[T]) parsed(name string, text []byte, err error) (v *T, _ error) {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err // without the path
	}
	if err == nil {
		v, err = k.parse(name, file.Text(text))
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", k.word, name, err)
	}
	return v, nil
}

func (k *kind[T]) named(path string) (*T, error) {
	text, err := file.Read(path, k.limit)
	return k.parsed(path, text, err)
}

// find reads the file of the innermost root that holds the working directory, or
// returns nil. Notes are about those that were not used.
func (k *kind[T]) find(roots []root) (v *T, at *root, notes []Note, err error) {
	for i := range roots {
		r := &roots[i]
		if r.unknown != nil {
			return nil, nil, notes, fmt.Errorf("%s of %s: %w", k.word, Shown(r.dir), r.unknown)
		}
		path := filepath.Join(r.dir, k.name)
		if _, err := os.Lstat(path); file.Absent(err) {
			continue
		} else if err != nil {
			_, err := k.parsed(Shown(path), nil, err)
			return nil, nil, notes, err
		}
		switch {
		case !r.own:
			notes = append(notes, Note{Path: r.index, Words: fmt.Sprintf("%s was not used: the working directory is outside (%s reads it).", Shown(path), k.option)})
		case at == nil || len(r.real) > len(at.real):
			at = r
		}
	}
	if at == nil {
		return nil, nil, notes, nil
	}
	text, err := inRoot(at, k.name, k.limit)
	v, err = k.parsed(Shown(filepath.Join(at.dir, k.name)), text, err)
	return v, at, notes, err
}

// Named reads the configuration that the user named. Errors name it.
func Named(path string) (*Config, error) {
	c, err := configs.named(path)
	if c != nil {
		c.Named = true
	}
	return c, err
}

// Find reads the configuration for a scan of paths ("-" is standard input; no
// path is "."): that of the innermost scanned root that holds the working
// directory. The root of a path is the top
// of its repository; else the folder itself, and for a file or standard input
// the working directory. It returns nil if there is none. Notes are about
// configurations that were not used.
func Find(paths []string) (*Config, []Note, error) {
	return findConfig(rootsOf(paths))
}

func findConfig(roots []root) (*Config, []Note, error) {
	c, at, notes, err := configs.find(roots)
	if c != nil {
		c.root = at.real
	}
	return c, notes, err
}

// FindBaseline reads the baseline for a scan of paths as Find does the
// configuration.
func FindBaseline(paths []string) (*exceptions.Baseline, []Note, error) {
	b, _, notes, err := baselines.find(rootsOf(paths))
	return b, notes, err
}

// NamedBaseline reads the baseline that the user named. Errors name it.
func NamedBaseline(path string) (*exceptions.Baseline, error) { return baselines.named(path) }

// inRoot is file.Read of a file of a root. Its links may not lead out.
func inRoot(at *root, name string, limit int64) ([]byte, error) {
	r, err := os.OpenRoot(at.dir)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	info, err := r.Stat(name) // first: opening a FIFO waits for a writer
	if err != nil {
		return nil, err
	}
	if file.InCloud(info) && !at.cloud {
		return nil, file.ErrCloud
	}
	if info.Mode().Type() == fs.ModeIrregular { // kept by a driver, and no link
		return file.Read(filepath.Join(at.dir, name), limit)
	}
	if !info.Mode().IsRegular() {
		return nil, file.ErrNotRegular
	}
	f, err := r.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return file.ReadAll(f, info.Size(), limit)
}
