package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync"

	"keysweep/config"
	"keysweep/exceptions"
	"keysweep/finding"
	"keysweep/scanner"
)

// trust says whose exceptions count in the place of the working tree's: those of
// the index, where the next commit is looked at, or those of a commit that the
// looked-at change cannot have touched.
type trust struct {
	// rev is a revision. "": the index.
	rev   string
	words string // what it is called
	// nothing says that no exception of the repository counts.
	nothing bool
	// own says that comments of what is scanned count as they stand there.
	own bool
	// anywhere says that this holds also if the working directory is outside.
	anywhere bool
	// config and baseline are paths from the top. "": the usual ones.
	config, baseline string
	// rules are files of rules that the user named, read here if they are there.
	rules []ruleFile

	ctx      context.Context
	prepared *scanner.Prepared
	files    map[string][]byte // of believes; nil: not there

	readConfig   func() (*config.Config, error)
	readBaseline func() (*exceptions.Baseline, error)
}

// look says what files are read from, for a scan of paths.
func (s *ruleSource) look(ctx context.Context, prepared *scanner.Prepared, paths []string) {
	t := s.from
	if t == nil {
		return
	}
	t.ctx, t.prepared = ctx, prepared
	if len(paths) == 0 || t.nothing || t.anywhere || config.Inside(paths[0]) {
		return
	}
	for _, name := range []string{config.Name, exceptions.BaselineName} {
		if _, err := t.read(name, exceptions.MaxBaseline); !errors.Is(err, fs.ErrNotExist) {
			s.notes = append(s.notes, config.Note{Words: t.name(name) + " was not used: the working directory is outside (--config and --baseline read files)."})
		}
	}
	t.nothing = true
}

// read is a config.Reader.
func (t *trust) read(path string, limit int64) ([]byte, error) {
	if t.nothing {
		return nil, fs.ErrNotExist
	}
	return t.prepared.ReadFile(t.ctx, t.rev, path, limit)
}

func (t *trust) name(path string) string { return path + " of " + t.words }

// loadConfig reads the configuration, once.
func (t *trust) loadConfig() (*config.Config, error) {
	if t.readConfig == nil {
		t.readConfig = sync.OnceValues(func() (*config.Config, error) {
			path := cmp.Or(t.config, config.Name)
			c, err := config.Trusted(t.name(path), path, t.read)
			if c != nil {
				c.Named = t.config != ""
			}
			return c, err
		})
	}
	return t.readConfig()
}

// loadBaseline reads the baseline, once.
func (t *trust) loadBaseline() (*exceptions.Baseline, error) {
	if t.readBaseline == nil {
		t.readBaseline = sync.OnceValues(func() (*exceptions.Baseline, error) {
			path := cmp.Or(t.baseline, exceptions.BaselineName)
			return config.TrustedBaseline(t.name(path), path, t.read)
		})
	}
	return t.readBaseline()
}

// believes says which comments count.
func (t *trust) believes() func(*finding.Finding, *finding.Occurrence) bool {
	if t.rev == "" || t.own {
		return func(*finding.Finding, *finding.Occurrence) bool { return !t.nothing }
	}
	t.files = map[string][]byte{}
	return exceptions.InTrusted(func(o *finding.Occurrence) ([]byte, bool) {
		path, ok := config.PlaceInTree(o)
		if !ok || strings.Contains(path, "\x00") {
			return nil, false
		}
		text, known := t.files[path]
		if !known {
			const limit = 16 << 20 // a larger file has no comments
			text, _ = t.read(path, limit)
			t.files[path] = text
		}
		return text, text != nil
	})
}

// added returns the exceptions that the next commit adds to those of HEAD:
// entries of the configuration and lines of the baseline. What is broken has
// none: load tells of the one in the index, and that of HEAD is being mended.
func (t *trust) added() []finding.Exception {
	after := t.all()
	if len(after.Allows) == 0 && after.Baseline == nil {
		return nil
	}
	head := &trust{rev: "HEAD", words: "HEAD", ctx: t.ctx, prepared: t.prepared}
	return exceptions.Added(head.all(), after)
}

// all returns the exceptions of t. What is broken has none.
func (t *trust) all() *exceptions.Set {
	c, _ := t.loadConfig()
	b, _ := t.loadBaseline()
	if b != nil {
		named := *b // of the file alone
		named.Name = cmp.Or(t.baseline, exceptions.BaselineName)
		b = &named
	}
	return &exceptions.Set{File: cmp.Or(t.config, config.Name), Allows: c.Allows(), Baseline: b}
}
