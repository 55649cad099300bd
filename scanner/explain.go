package scanner

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"keysweep/file"
	"keysweep/finding"
	"keysweep/quote"
	"keysweep/rules"
	"keysweep/scanner/container"
	"keysweep/scanner/gitdb"
)

// ExplainOptions says what Explain reads.
type ExplainOptions struct {
	// What is FILE, FILE:LINE, REV:PATH, REV:PATH:LINE, :PATH, :PATH:LINE (the
	// index), OBJECT, OBJECT:LINE, "-" or -:LINE. Without a Repository, an existing
	// file of that name comes first.
	What string
	// Repository is the folder of a repository, or one below it, for what is not a
	// file. "": the working directory.
	Repository string
	Stdin      io.Reader
	// FollowAlternates and Reach are as in Options.
	FollowAlternates bool
	Reach            file.Reach
	// ForeignComments is as in Options.
	ForeignComments bool
	// Now is the clock, for revisions that name a date.
	Now func() time.Time
}

// Explained is what Explain returns.
type Explained struct {
	Source finding.Source // worktree, blob, index, commit, tag or stdin
	// Path is the file as the user named it, or the path in the repository;
	// "" for standard input and for an object without a path.
	Path     string
	Revision string // as the user wrote it; "" for files
	Object   string // hex id of the object; "" for files
	Line     int    // asked for, 1-based; 0: all lines
	Lines    int    // how many the content has
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
	// Issuer and IssuerWhy say whose it is, from this occurrence alone: a scan
	// also takes the key's other ones into account. RuleID is the issuer's rule.
	Issuer    string
	IssuerWhy []string
	RuleID    string
	RuleFile  string
	Comment   finding.Comment // on its line
	// Suppressed is for the caller to fill in: who accepted it, and whether that
	// depends on the key's other occurrences.
	Suppressed  *finding.Suppression
	OtherPlaces bool
}

// The limits of one explanation.
const (
	maxExplained   = 1000     // candidates
	maxExplainLine = 64 << 10 // bytes of a line that are searched for near misses
)

// Explain judges one line, or all of a file, as Scan would, and says why. The
// error wraps ErrUse if there is no such file, line or revision.
func Explain(ctx context.Context, opts ExplainOptions, set *rules.Set) (*Explained, error) {
	e := &explainer{ctx: ctx, opts: opts, set: set, out: &Explained{}}
	if err := e.open(); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("%w %s: %w", errExplain, quoted(opts.What), err)
	}
	if e.out.Line > e.out.Lines {
		return nil, fmt.Errorf("%w %s: it has %d lines", errExplain, quoted(opts.What), e.out.Lines)
	}
	if e.out.Line > 0 && len(e.out.Keys) == 0 {
		e.out.NearMisses = set.NearMisses(e.line)
		for i := range e.out.NearMisses {
			if n := &e.out.NearMisses[i]; n.IsPacked() && e.tooLarge != "" {
				n.Why += "; not all of one in the file was read: " + e.tooLarge
			}
		}
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
	ctx  context.Context
	opts ExplainOptions
	set  *rules.Set
	out  *Explained
	line []byte // the line asked for, or its start
	// packed is what the gzip files in base64 hold that were met and not added yet;
	// tooLarge says what one of them held more.
	packed   []rules.Explanation
	tooLarge string
}

// read judges content in the windows of a scan.
func (e *explainer) read(r io.Reader) error {
	lines := &lineCounter{r: r, wanted: e.out.Line}
	w := window{finder: e.set.Finder(), matcher: e.set.NewMatcher()}
	reasons := e.set.NewMatcher()
	_, err := w.each(e.ctx, lines, e.unpacker(reasons), func(buf []byte, at position, matches []rules.Match, core rules.Span) {
		pos, done := at, 0
		reasons.Base = at.total
		list := append(reasons.Explain(buf, core), e.packed...)
		e.packed = e.packed[:0]
		slices.SortStableFunc(list, func(a, b rules.Explanation) int { return cmp.Compare(a.Start, b.Start) })
		for _, k := range list {
			pos.advance(buf[done:k.Start])
			done = k.Start
			e.add(k, buf, matches, at, pos, lines.read)
		}
	})
	e.out.Lines, e.line = lines.lines, lines.line
	if lines.open {
		e.out.Lines++
	}
	if e.ctx.Err() != nil {
		return context.Cause(e.ctx)
	}
	return err
}

// unpacker returns what looks into gzip files in base64, as a scan does, and fills packed.
func (e *explainer) unpacker(reasons *rules.Matcher) func(rules.Packed) []rules.Match {
	budget := container.NewBudget(container.Limits{Holds: e.set.Finder().Contains})
	w := window{finder: e.set.Finder(), matcher: e.set.NewMatcher()}
	return func(p rules.Packed) (list []rules.Match) {
		read := func(r io.Reader) (int64, error) {
			return w.each(e.ctx, r, nil, func(buf []byte, _ position, _ []rules.Match, core rules.Span) {
				for _, k := range reasons.Explain(buf, core) {
					if len(e.packed) > maxExplained {
						return
					}
					k.Start, k.End, k.Literal, k.LiteralAt = p.Start, p.End, p.Literal, p.Start
					k.Encoding = append(slices.Clip(p.Encoding), k.Encoding...)
					e.packed, list = append(e.packed, k), append(list, k.Match)
				}
			})
		}
		openPacked(e.ctx, budget, p, read, func(detail string) { e.tooLarge = detail })
		return list
	}
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
		key.Comment = comment(buf, matches, i, e.opts.ForeignComments)
	}
	if e.out.Path != "" && !k.Glued {
		key.Evidence = append(key.Evidence, e.set.Attributor().Path(e.pathBelowTop())...)
	}
	key.Issuer, key.IssuerWhy = e.set.Attributor().Attribute(k.Shapes, key.Evidence)
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
	root, inside, err := gitdb.Discover(filepath.Dir(e.out.Path))
	if err != nil || !inside {
		root = "."
	}
	if below, ok := pathBelow(root, e.out.Path); ok {
		return below
	}
	return filepath.Base(e.out.Path)
}

// lineCounter counts the lines of what is read, and keeps the start of one.
type lineCounter struct {
	r      io.Reader
	wanted int // 1-based; 0: none
	read   int64
	lines  int  // ends of lines read
	open   bool // there is something behind the last end of a line
	line   []byte
}

func (c *lineCounter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.read += int64(n)
	for line := range bytes.Lines(p[:n]) {
		text, ended := bytes.CutSuffix(line, newline)
		if c.lines+1 == c.wanted {
			c.line = append(c.line, text[:min(len(text), maxExplainLine-len(c.line))]...)
		}
		if c.open = !ended; ended {
			c.lines++
		}
	}
	return n, err
}

// subject is what ExplainOptions.What means.
type subject struct {
	file string // as the user named it, or "-"; "": a revision
	line int    // of file, 1-based; 0: all lines
	// rev and path are those of a revision; rev "" is the index. Whether path
	// ends with :LINE, or is LINE of the object rev, only the repository can say.
	rev, path string
	// inside names a member of the container that file is, or path without it.
	inside []string
}

// subject returns what the user asked for.
func (o *ExplainOptions) subject() subject {
	what := o.What
	name, line, numbered := cutLine(what)
	switch {
	case o.Repository != "":
		return revision(what)
	case what == "-", exists(what):
		return subject{file: what}
	case numbered && (name == "-" || exists(name)):
		return subject{file: name, line: line}
	}
	if outer, inside, ok := cutInside(name); ok && exists(outer) {
		return subject{file: outer, line: line, inside: inside}
	}
	return revision(what)
}

// Target returns what a scan that finds this would be of: the name of a file, "-" for
// standard input, or the folder of a repository.
func (o *ExplainOptions) Target() string { return cmp.Or(o.subject().file, o.Repository, ".") }

// exists reports whether there is such a file, or it is not known whether there is:
// reading it says why.
func exists(path string) bool {
	_, err := os.Lstat(file.Typed(path))
	return err == nil || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EIO)
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

// cutInside cuts app.jar!/config/app.env, as reports name a member of a container.
func cutInside(s string) (outer string, inside []string, ok bool) {
	names := strings.Split(s, "!/")
	return names[0], names[1:], len(names) > 1 && names[0] != ""
}

// revision cuts REV:PATH at the first colon outside braces, as git does; :/TEXT has no
// PATH.
func revision(s string) subject {
	if strings.HasPrefix(s, ":/") {
		return subject{rev: s}
	}
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			depth--
		case ':':
			if depth <= 0 {
				return subject{rev: s[:i], path: s[i+1:]}
			}
		}
	}
	return subject{rev: s}
}

// open finds the content and reads it.
func (e *explainer) open() error {
	s := e.opts.subject()
	switch {
	case e.opts.What == "":
		return errors.New("the name of the file is empty")
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
	}
	return e.readRevision(s)
}

// readFile reads a file of the file system. A symbolic link is followed:
// the user named it.
func (e *explainer) readFile(s subject) error {
	path := file.Typed(s.file)
	info, err := file.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("not a file (keysweep scan %s looks into folders)", quote.Shell(s.file))
	}
	e.out.Source, e.out.Path, e.out.Line = finding.SourceWorktree, s.file, s.line
	if len(s.inside) == 1 && strings.HasSuffix(s.file, ".ref") {
		return e.readTable(path, s.file, s.inside[0])
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return e.readInside(f, s.file, s.inside)
}

// readTable judges a member of a reftable, as a scan names them.
func (e *explainer) readTable(path, name, member string) error {
	e.out.Path = name + "!/" + member
	err := gitdb.TableText(path, func(m string, text []byte) error {
		if m != member {
			return nil
		}
		return cmp.Or(e.read(bytes.NewReader(text)), errMemberRead)
	})
	switch {
	case errors.Is(err, errMemberRead):
		return nil
	case err == nil:
		return fmt.Errorf("%s has no %s", quoted(name), quoted(member))
	}
	return err
}

// readInside judges content, or the member of it that inside names.
func (e *explainer) readInside(r io.Reader, name string, inside []string) error {
	if len(inside) == 0 {
		return e.read(r)
	}
	e.out.Path = strings.Join(append([]string{name}, inside...), "!/")
	m := &memberReader{e: e, inside: inside}
	_, err := container.Walk(e.ctx, container.NewBudget(container.Limits{}), container.Stream(r, -1), name, m)
	switch {
	case errors.Is(err, errMemberRead):
		return nil
	case err == nil:
		return fmt.Errorf("%s has no %s, or it cannot be opened", quoted(name), quoted(strings.Join(inside, "!/")))
	}
	return err
}

// errMemberRead ends the walk of memberReader.
var errMemberRead = errors.New("the member was read")

// memberReader judges one member of a container.
type memberReader struct {
	e      *explainer
	inside []string
}

// Member implements container.Visitor.
func (m *memberReader) Member(names []string, r io.Reader) error {
	if !slices.Equal(names, m.inside) {
		return nil
	}
	if err := m.e.read(r); err != nil {
		return err
	}
	return errMemberRead
}

// Raw implements container.Visitor: the bytes of a container within another one are
// named like a member.
func (m *memberReader) Raw(names []string, r io.Reader, _ []container.Span) error {
	return m.Member(names, r)
}

// Name implements container.Visitor.
func (m *memberReader) Name([]string, string) error { return nil }

// Note implements container.Visitor.
func (m *memberReader) Note(container.Note) error { return nil }

// pathBelow returns path, '/'-separated, as seen from top, and false if it is not
// below it. Both may be relative to the working directory.
func pathBelow(top, path string) (string, bool) {
	top, errTop := filepath.Abs(top)
	path, errPath := filepath.Abs(path)
	rel, below := file.Below(top, path)
	return filepath.ToSlash(rel), errTop == nil && errPath == nil && below
}
