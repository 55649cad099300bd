package scanner

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/lookup"
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

// cutLine cuts :LINE from the end of s, a number from 1 to a thousand million.
func cutLine(s string) (name string, line int, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 1 || strings.Trim(s[i+1:], "0123456789") != "" {
		return s, 0, false
	}
	line, err := strconv.Atoi(s[i+1:])
	return s[:i], line, err == nil && line > 0 && line <= 1e9
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
	t := &target{repo: repo}
	p := &Prepared{opts: Options{FollowAlternates: e.opts.FollowAlternates}, targets: []*target{t}, result: &finding.Result{}}
	defer p.Close()
	db, err := p.lookup(e.ctx, t)
	if err != nil {
		return err
	}
	e.out.Revision, e.out.Source = s.rev, finding.SourceBlob
	if s.rev == "" {
		e.out.Source = finding.SourceIndex
		s.path = strings.TrimPrefix(s.path, "0:") // :0:PATH, the stage
	}
	find := func(path string) (entry pack.TreeEntry, err error) {
		e.out.Path = fromTop(dir, path)
		entry, err = p.entryAt(e.ctx, t, s.rev, e.out.Path)
		if err == nil && (entry.IsTree() || entry.IsSubmodule()) {
			err = fmt.Errorf("%w: %s is no file", lookup.ErrRevision, e.out.Path)
		}
		return entry, err
	}
	entry, err := find(s.path)
	if name, line, numbered := cutLine(s.path); err != nil && numbered {
		e.out.Line = line
		entry, err = find(name)
	}
	if err != nil {
		return err
	}
	e.out.Object = entry.ID.String()
	return readBlob(e.ctx, db, entry.ID, func(r io.Reader, _ int64) error { return e.read(r) })
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
