package scanner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"keysweep/finding"
	"keysweep/rules"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/index"
	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

// ExplainOptions says what Explain reads.
type ExplainOptions struct {
	// What is FILE, FILE:LINE, REV:PATH, REV:PATH:LINE, :PATH, :PATH:LINE (the
	// index), "-" or -:LINE. A file of that name wins.
	What  string
	Stdin io.Reader
	// FollowAlternates is as in Options.
	FollowAlternates bool
}

// Explained is what Explain has to say.
type Explained struct {
	Source finding.Source // worktree, blob, index or stdin
	// Path is the file as the user named it, or the path in the repository;
	// "" for standard input.
	Path     string
	Revision string // as the user wrote it; "" for files
	Object   string // hex id of the blob; "" for files
	Line     int    // asked for, 1-based; 0: all lines
	Lines    int    // of the content, 1-based number of the last
	Keys     []ExplainedKey
	Cut      bool // there are more candidates
	// Before and After are the nearest lines with candidates, if Line has
	// none; 0: there is none.
	Before, After int
	NearMisses    []rules.NearMiss // on Line, if it has no candidate; At is an offset in the line
}

// ExplainedKey is one candidate with its reasons.
type ExplainedKey struct {
	rules.Explanation
	Line, Column  int   // of its start, 1-based, the column in bytes
	EndLine       int   // of its end
	LiteralColumn int   // of the literal, in LiteralLine
	LiteralLine   int   // 1-based
	Offset        int64 // of its start, in bytes from the start of the content
	// Issuer and IssuerWhy are the verdict on whose it is, from this place
	// alone: a scan also looks at the key's other places. RuleID is the rule
	// that speaks for it.
	Issuer    string
	IssuerWhy []string
	RuleID    string
	RuleFile  string
	Comment   finding.Comment // on its line
	// Suppressed is for the caller to fill in: who accepted it, and whether it
	// depends on the key's other places.
	Suppressed  *finding.Suppression
	OtherPlaces bool
}

// The limits of one explanation.
const (
	maxExplained   = 1000     // candidates
	maxExplainLine = 64 << 10 // bytes of a line that are searched for near misses
)

// Explain judges one line, or all of a file, as Scan would, and says why. An
// error that wraps ErrUse says that there is no such file, line or revision.
func Explain(ctx context.Context, opts ExplainOptions, set *rules.Set) (*Explained, error) {
	e := &explainer{ctx: ctx, opts: opts, set: set, finder: set.Finder(), matcher: set.NewMatcher(), out: &Explained{}}
	if err := e.open(); err != nil {
		return nil, err
	}
	if e.out.Line > e.out.Lines {
		return nil, fmt.Errorf("%w %s: it has %d lines", errExplain, quoted(opts.What), e.out.Lines)
	}
	if e.out.Line > 0 && len(e.out.Keys) == 0 {
		e.out.NearMisses = set.NearMisses(e.line)
	}
	return e.out, nil
}

// errExplain begins errors of wrong use.
var errExplain error = useError("cannot explain")

// useError is ErrUse in other words.
type useError string

func (e useError) Error() string     { return string(e) }
func (e useError) Is(err error) bool { return err == ErrUse }

// explainer is one run of Explain.
type explainer struct {
	ctx     context.Context
	opts    ExplainOptions
	set     *rules.Set
	finder  *rules.Finder
	matcher *rules.Matcher
	out     *Explained
	line    []byte // the line asked for, or its start
}

// open finds out what is meant, and reads it.
func (e *explainer) open() error {
	what := e.opts.What
	name, line, numbered := cutLine(what)
	switch {
	case what == "":
		return fmt.Errorf("%w: the name of the file is empty", errExplain)
	case what == "-":
		return e.stdin(0)
	case numbered && name == "-":
		return e.stdin(line)
	case exists(what):
		return e.file(what, 0)
	case numbered && exists(name):
		return e.file(name, line)
	}
	rev, path, isRevision := cutRevision(what)
	if !isRevision {
		return fmt.Errorf("%w %s: no such file", errExplain, quoted(what))
	}
	return e.revision(rev, path)
}

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

func (e *explainer) stdin(line int) error {
	e.out.Source, e.out.Line = finding.SourceStdin, line
	if err := e.read(e.opts.Stdin); err != nil {
		return fmt.Errorf("%w -: standard input: %s", errExplain, plainError(err))
	}
	return nil
}

// file reads a file of the file system. A symbolic link stands for its target
// here: the user named it.
func (e *explainer) file(name string, line int) error {
	info, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("%w %s: %s", errExplain, quoted(name), plainError(err))
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w %s: not a file (keysweep scan %s looks into folders)", errExplain, quoted(name), quoted(name))
	}
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("%w %s: %s", errExplain, quoted(name), plainError(err))
	}
	defer f.Close()
	e.out.Source, e.out.Path, e.out.Line = finding.SourceWorktree, name, line
	if err := e.read(f); err != nil {
		return fmt.Errorf("%w %s: %s", errExplain, quoted(name), plainError(err))
	}
	return nil
}

// revision reads PATH or PATH:LINE of a revision, or of the index if rev is
// empty.
func (e *explainer) revision(rev, path string) error {
	dir, inside := gitdb.Discover(".")
	if !inside {
		return fmt.Errorf("%w %s: no such file, and the working directory is in no git repository", errExplain, quoted(e.opts.What))
	}
	repo, err := gitdb.Open(dir)
	if err != nil {
		return fmt.Errorf("%w %s: %s", errExplain, quoted(e.opts.What), plainError(err))
	}
	db, err := repo.OpenDatabase(e.ctx, gitdb.OpenOptions{FollowAlternates: e.opts.FollowAlternates, LookupOnly: true})
	if err != nil {
		return err
	}
	defer db.Close()
	e.out.Revision, e.out.Source = rev, finding.SourceBlob
	lookup := func(path string) (oid.ID, error) { return e.staged(repo, path) }
	if rev == "" {
		e.out.Source = finding.SourceIndex
		if stage, rest, ok := strings.Cut(path, ":"); ok && stage == "0" {
			path = rest
		}
	} else {
		root, err := db.Resolve(e.ctx, rev)
		if err != nil {
			return e.revisionError(err)
		}
		lookup = func(path string) (oid.ID, error) {
			entry, err := db.AtPath(e.ctx, root, path)
			if err == nil && (entry.IsTree() || entry.IsSubmodule()) {
				err = fmt.Errorf("%w: %s is no file", gitdb.ErrRevision, path)
			}
			return entry.ID, err
		}
	}
	e.out.Path = fromTop(dir, path)
	id, err := lookup(e.out.Path)
	if name, line, numbered := cutLine(path); err != nil && numbered {
		e.out.Path, e.out.Line = fromTop(dir, name), line
		id, err = lookup(e.out.Path)
	}
	if err != nil {
		return e.revisionError(err)
	}
	e.out.Object = id.String()
	err = db.Read(e.ctx, id, func(o *pack.Object) error {
		if o.Type != oid.Blob {
			return fmt.Errorf("%w: %s is a %v", gitdb.ErrRevision, id, o.Type)
		}
		if o.Stream != nil {
			return e.read(o.Stream)
		}
		return e.read(bytes.NewReader(o.Data))
	})
	if err != nil {
		return e.revisionError(err)
	}
	return nil
}

func (e *explainer) revisionError(err error) error {
	if e.ctx.Err() != nil {
		return context.Cause(e.ctx)
	}
	return fmt.Errorf("%w %s: %w", errExplain, quoted(e.opts.What), err)
}

// staged returns what the index has for path, at stage 0.
func (e *explainer) staged(repo *gitdb.Repository, path string) (oid.ID, error) {
	x, err := index.Read(filepath.Join(repo.GitDir, "index"), repo.Format.Size())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return oid.ID{}, err
	}
	if x != nil {
		for _, entry := range x.Entries {
			if entry.Path == path && entry.Stage == 0 && entry.Mode != index.ModeSubmodule {
				return oid.FromBytes(entry.ID), nil
			}
		}
	}
	return oid.ID{}, fmt.Errorf("%w: the index has no %s", gitdb.ErrRevision, path)
}

// fromTop returns path as seen from the top of the repository: as it is, or,
// if it begins with ./ or ../, from the working directory.
func fromTop(top, path string) string {
	if !strings.HasPrefix(path, "./") && !strings.HasPrefix(path, "../") {
		return path
	}
	here, err := filepath.EvalSymlinks(".")
	if err == nil {
		here, err = filepath.Abs(here)
	}
	real, errTop := filepath.EvalSymlinks(top)
	if err != nil || errTop != nil {
		return path
	}
	rel, err := filepath.Rel(real, filepath.Join(here, filepath.FromSlash(path)))
	if err != nil {
		return path
	}
	return filepath.ToSlash(rel)
}

// read judges content in the windows of a scan.
func (e *explainer) read(r io.Reader) error {
	lines := &lineCounter{r: r, wanted: e.out.Line}
	w := window{finder: e.finder, matcher: e.matcher}
	reasons := e.set.NewMatcher()
	_, err := w.each(e.ctx, lines, func(buf []byte, at position, matches []rules.Match, core rules.Span) {
		pos, done := at, 0
		for _, k := range reasons.Explain(buf, core) {
			pos.advance(buf[done:k.Start])
			done = k.Start
			e.add(k, buf, matches, at, pos, lines.read)
		}
	})
	e.out.Lines, e.line = lines.last(), lines.line
	if e.ctx.Err() != nil {
		return context.Cause(e.ctx)
	}
	return err
}

// add notes a candidate if it is on the line asked for. at is the position of
// buf[0], pos that of the candidate; read bytes end with buf.
func (e *explainer) add(k rules.Explanation, buf []byte, matches []rules.Match, at, pos position, read int64) {
	key := ExplainedKey{Explanation: k, Line: pos.lines + 1, Column: pos.bytes + 1, RuleID: k.RuleID}
	key.EndLine = key.Line + bytes.Count(buf[k.Start:k.End], newline)
	if l := e.out.Line; l > 0 && (l < key.Line || l > key.EndLine) {
		if key.EndLine < l {
			e.out.Before = key.EndLine
		} else if e.out.After == 0 {
			e.out.After = key.Line
		}
		return
	}
	if len(e.out.Keys) == maxExplained {
		e.out.Cut = true
		return
	}
	at.advance(buf[:k.LiteralAt])
	key.LiteralLine, key.LiteralColumn = at.lines+1, at.bytes+1
	key.Offset = read - int64(len(buf)-k.Start)
	if i := slices.IndexFunc(matches, func(m rules.Match) bool { return m.Start == k.Start && m.End == k.End }); i >= 0 {
		key.Comment = comment(buf, matches, i)
	}
	if e.out.Path != "" {
		key.Evidence = append(key.Evidence, e.set.PathEvidence(e.pathBelowTop())...)
	}
	key.Issuer, key.IssuerWhy = e.set.Attribute(k.Shapes, key.Evidence)
	if rule := e.set.RuleOf(k.RuleID, key.Issuer); rule != nil {
		key.RuleID, key.RuleFile = rule.ID, rule.File
	}
	e.out.Keys = append(e.out.Keys, key)
}

// pathBelowTop returns the path that a scan of the repository, or of the
// working directory, would give the file.
func (e *explainer) pathBelowTop() string {
	if e.out.Source != finding.SourceWorktree {
		return e.out.Path
	}
	root, inside := gitdb.Discover(filepath.Dir(e.out.Path))
	if !inside {
		root = "."
	}
	path, err := filepath.Abs(e.out.Path)
	if err == nil {
		root, err = filepath.Abs(root)
	}
	if err == nil {
		path, err = filepath.Rel(root, path)
	}
	if err != nil || strings.HasPrefix(path, "..") {
		return filepath.Base(e.out.Path)
	}
	return filepath.ToSlash(path)
}

// lineCounter counts the lines of what is read, and keeps the start of one.
type lineCounter struct {
	r      io.Reader
	wanted int // 1-based; 0: none
	read   int64
	lines  int  // ends of lines read
	open   bool // something stands behind the last end of a line
	line   []byte
}

func (c *lineCounter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.read += int64(n)
	for b := p[:n]; len(b) > 0; {
		part, rest, ended := bytes.Cut(b, newline)
		if c.lines+1 == c.wanted {
			c.line = append(c.line, part[:min(len(part), maxExplainLine-len(c.line))]...)
		}
		c.open = !ended
		if ended {
			c.lines++
		}
		b = rest
	}
	return n, err
}

// last returns the number of the last line.
func (c *lineCounter) last() int {
	if c.open {
		return c.lines + 1
	}
	return c.lines
}

// ExplainedFile returns the file that what, as in ExplainOptions, means: its
// name, "-" for standard input, or "." for a revision.
func ExplainedFile(what string) string {
	name, _, numbered := cutLine(what)
	switch {
	case what == "-", exists(what):
		return what
	case numbered && (name == "-" || exists(name)):
		return name
	}
	return "."
}
