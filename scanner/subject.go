package scanner

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/index"
	"keysweep/scanner/gitdb/lookup"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// subject is what ExplainOptions.What means.
type subject struct {
	file string // as the user named it, or "-"; "": a revision
	line int    // of file, 1-based; 0: all lines
	// rev and path are those of a revision; rev "" is the index. Whether path
	// ends with :LINE only the repository can say.
	rev, path  string
	isRevision bool
}

func parseSubject(what string) subject {
	name, line, numbered := cutLine(what)
	switch {
	case what == "-", exists(what):
		return subject{file: what}
	case numbered && (name == "-" || exists(name)):
		return subject{file: name, line: line}
	}
	rev, path, ok := cutRevision(what)
	return subject{rev: rev, path: path, isRevision: ok}
}

// ExplainedFile returns the file that what, as in ExplainOptions, means: its
// name, "-" for standard input, or "." for a revision.
func ExplainedFile(what string) string { return cmp.Or(parseSubject(what).file, ".") }

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// cutLine cuts :LINE from the end of s.
func cutLine(s string) (name string, line int, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 1 {
		return s, 0, false
	}
	line, ok = lineNumber(s[i+1:])
	return s[:i], line, ok
}

// lineNumber reads a number from 1 to a thousand million.
func lineNumber(s string) (n int, ok bool) {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' || n > 1e8 {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, n > 0
}

// cutRevision cuts REV:PATH at the first colon outside braces, as git does.
func cutRevision(s string) (rev, path string, ok bool) {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			depth--
		case ':':
			if depth <= 0 {
				return s[:i], s[i+1:], true
			}
		}
	}
	return s, "", false
}

// open finds the content and reads it.
func (e *explainer) open() error {
	s := parseSubject(e.opts.What)
	switch {
	case s.file == "-":
		e.out.Source, e.out.Line = finding.SourceStdin, s.line
		if err := e.read(e.opts.Stdin); err != nil {
			return errors.New("standard input: " + plainError(err))
		}
		return nil
	case s.file != "":
		if err := e.readFile(s); err != nil {
			return errors.New(plainError(err))
		}
		return nil
	case s.isRevision:
		return e.readRevision(s)
	case e.opts.What == "":
		return errors.New("the name of the file is empty")
	}
	return errors.New("no such file")
}

// readFile reads a file of the file system. A symbolic link is followed:
// the user named it.
func (e *explainer) readFile(s subject) error {
	info, err := os.Stat(s.file)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("not a file (keysweep scan %s looks into folders)", quoted(s.file))
	}
	f, err := os.Open(s.file)
	if err != nil {
		return err
	}
	defer f.Close()
	e.out.Source, e.out.Path, e.out.Line = finding.SourceWorktree, s.file, s.line
	return e.read(f)
}

// readRevision reads a blob of a revision or of the index.
func (e *explainer) readRevision(s subject) error {
	dir, inside := gitdb.Discover(".")
	if !inside {
		return errors.New("no such file, and the working directory is in no git repository")
	}
	repo, err := gitdb.Open(dir)
	if err != nil {
		return errors.New(plainError(err))
	}
	db, err := lookup.Open(e.ctx, repo, gitdb.OpenOptions{FollowAlternates: e.opts.FollowAlternates})
	if err != nil {
		return err
	}
	defer db.Close()
	e.out.Revision, e.out.Source = s.rev, finding.SourceBlob
	find := func(path string) (oid.ID, error) { return staged(repo, path) }
	if s.rev == "" {
		e.out.Source = finding.SourceIndex
		s.path = strings.TrimPrefix(s.path, "0:") // :0:PATH, the stage
	} else {
		root, err := db.Resolve(e.ctx, s.rev)
		if err != nil {
			return err
		}
		find = func(path string) (oid.ID, error) {
			entry, err := db.AtPath(e.ctx, root, path)
			if err == nil && (entry.IsTree() || entry.IsSubmodule()) {
				err = fmt.Errorf("%w: %s is no file", lookup.ErrRevision, path)
			}
			return entry.ID, err
		}
	}
	e.out.Path = fromTop(dir, s.path)
	id, err := find(e.out.Path)
	if name, line, numbered := cutLine(s.path); err != nil && numbered {
		e.out.Path, e.out.Line = fromTop(dir, name), line
		id, err = find(e.out.Path)
	}
	if err != nil {
		return err
	}
	e.out.Object = id.String()
	return db.Read(e.ctx, id, func(o *pack.Object) error {
		if o.Type != oid.Blob {
			return fmt.Errorf("%w: %s is a %v", lookup.ErrRevision, id, o.Type)
		}
		if o.Stream != nil {
			return e.read(o.Stream)
		}
		return e.read(bytes.NewReader(o.Data))
	})
}

// staged returns what the index has for path, at stage 0.
func staged(repo *gitdb.Repository, path string) (oid.ID, error) {
	x, err := lookup.OpenIndex(filepath.Join(repo.GitDir, "index"), repo.Format)
	if err != nil {
		return oid.ID{}, err
	}
	defer x.Close()
	entry, found, err := x.Find(path)
	if err != nil {
		return oid.ID{}, err
	}
	if !found || entry.Mode == index.ModeSubmodule {
		return oid.ID{}, fmt.Errorf("%w: the index has no %s", lookup.ErrRevision, path)
	}
	return oid.FromBytes(entry.ID), nil
}

// fromTop returns path as seen from the top of the repository: as it is, or,
// if it begins with ./ or ../, from the working directory.
func fromTop(top, path string) string {
	if !strings.HasPrefix(path, "./") && !strings.HasPrefix(path, "../") {
		return path
	}
	if below, ok := pathBelow(top, filepath.FromSlash(path)); ok {
		return below
	}
	return path
}

// pathBelow returns path, '/'-separated, as seen from top, and false if it is not
// below it. Both may be relative to the working directory.
func pathBelow(top, path string) (string, bool) {
	top, errTop := filepath.Abs(top)
	path, errPath := filepath.Abs(path)
	rel, err := filepath.Rel(top, path)
	return filepath.ToSlash(rel), errTop == nil && errPath == nil && err == nil && filepath.IsLocal(rel)
}
