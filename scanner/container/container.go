// Package container opens files that hold files: compressed files, archives, disk
// and container images. Bytes go in, members come out, to any depth that the limits
// allow. It knows no commits, no folders and no keys, and writes nothing under a name
// from inside a container.
//
// Everything that a container says of itself is a claim: sizes, counts, names. What is
// limited is what is produced (Limits), as it is produced. A library that panics, or
// reads much more than the container holds, ends that container alone.
package container

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"keysweep/scanner/document"
	"keysweep/scanner/gitdb/inflate"
)

// Problem is why something in a container was not read, or not all of it.
type Problem uint8

// The problems.
const (
	// Encrypted: a password is needed.
	Encrypted Problem = iota + 1
	// Damaged: what could be decoded was passed on, and the raw bytes too.
	Damaged
	// Unsupported: a format or method that is not opened; the raw bytes were passed on.
	Unsupported
	// TooLarge: over a limit.
	TooLarge
	// ReaderFailed: a decoder panicked, or read on and on.
	ReaderFailed
	// Unreadable: the system refused.
	Unreadable
	// NoHistory: objects of git were passed on without their commits.
	NoHistory
)

// Note is a Problem with one container or member.
type Note struct {
	// Inside names where it is: see Visitor. Empty: the container itself.
	Inside  []string
	Problem Problem
	Format  string // such as zip
	Detail  string // in words, without names from inside
}

// Visitor receives what is in a container. inside is the names that lead to it, the
// outermost first: config/app.properties in lib/core.jar. They are raw bytes of any
// kind but NUL, for which the replacement character is put; never cleaned, and valid
// until the call returns, as r is. An error ends the
// walk, and Walk returns it.
type Visitor interface {
	// Member is called for each file that is not opened itself.
	Member(inside []string, r io.Reader) error
	// Name is called for each further text that belongs to a member: the target of
	// a link, an attribute.
	Name(inside []string, text string) error
	// Raw is called for the bytes of a container within another one, or for what
	// follows where one could not be read on: they may hold more than its members. Of
	// the outermost it is not called. The bytes of covered, sorted spans of r, were
	// passed on as members.
	Raw(inside []string, r io.Reader, covered []Span) error
	// Note is called for each problem.
	Note(Note) error
}

// Limits are for one scan. They count what is produced, not what is declared.
type Limits struct {
	// Produced is how many bytes all containers of a scan may yield; zero: 64 GiB.
	Produced int64
	// Members is how many members they may have; zero: 1,000,000.
	Members int64
	// Holds reports whether bytes may hold what is looked for, for several goroutines;
	// nil: all may. Of databases, only what it grants is passed on.
	Holds func([]byte) bool
}

const (
	defaultProduced = 64 << 30
	defaultMembers  = 1_000_000
	// maxDepth is how many containers may be in one another; a compressed file that
	// holds one file does not count, but of both together there are at most maxLevel: a
	// file may be compressed so that it yields itself.
	maxDepth = 5
	maxLevel = 2 * maxDepth
	// maxRatio is how many bytes a container, and all within it, may yield for each
	// of its own, once it has yielded freeBytes.
	maxRatio  = 200
	freeBytes = 256 << 20
	// maxDictionary is the largest dictionary, in bytes, that a decoder may allocate.
	maxDictionary = 256 << 20
)

// Budget is what the containers of one scan may still yield. Its methods may be
// called by several goroutines.
type Budget struct {
	limits            Limits
	free              int64 // freeBytes
	produced, members atomic.Int64
	packs             sync.Mutex // held while a pack is read: it takes much memory
	// spooled is how many bytes are held in memory to be read at random, of all walks.
	spooled atomic.Int64
}

// NewBudget returns the budget of a scan.
func NewBudget(l Limits) *Budget {
	if l.Produced == 0 {
		l.Produced = defaultProduced
	}
	if l.Members == 0 {
		l.Members = defaultMembers
	}
	return &Budget{limits: l, free: freeBytes}
}

// Produced returns how many bytes the containers have yielded.
func (b *Budget) Produced() int64 { return b.produced.Load() }

// Span is a half-open range of byte offsets.
type Span struct{ Start, End int64 }

// Opened says what Walk did.
type Opened struct {
	// Format is what the content was opened as; "": it is no container.
	Format string
	// Covered are the bytes of the content whose meaning Walk passed on, sorted: a
	// key in them was found in a member. What it finds in others is not known.
	Covered []Span
}

// Walk passes on what is in src, which is called name, if that is a container. The
// error is v's or the context's.
func Walk(ctx context.Context, b *Budget, src Source, name string, v Visitor) (Opened, error) {
	w := &walk{ctx: ctx, budget: b, visitor: v}
	m := &meter{walk: w, size: src.size}
	opened, err := w.content(&src, name, nil, nil, m)
	if l := (*limitError)(nil); errors.As(err, &l) {
		err = nil // of the whole scan: noted where it was met
	}
	return opened, err
}

// walk is one call of Walk.
type walk struct {
	ctx     context.Context
	budget  *Budget
	visitor Visitor
	// heads and inflaters are not in use: an archive may have a million members.
	heads     []*bufio.Reader // of HeadSize
	inflaters []*inflate.Deflated
	buffers   [][]byte // of aheadSize
	inPacks   int      // packs that are read, each within the one before
}

// head returns a reader of r, to be given to putHead.
func (w *walk) head(r io.Reader) *bufio.Reader {
	last := len(w.heads) - 1
	if last < 0 {
		return bufio.NewReaderSize(r, HeadSize)
	}
	h := w.heads[last]
	w.heads = w.heads[:last]
	h.Reset(r)
	return h
}

func (w *walk) putHead(h *bufio.Reader) { w.heads = append(w.heads, h) }

// meter counts what one container and all within it have yielded.
type meter struct {
	walk     *walk
	parent   *meter // of the container that holds this one; nil: none
	depth    int    // containers around it; a compressed file is none
	level    int    // the same with compressed files
	size     int64  // of the container; -1: counted as it is read
	consumed int64  // is another goroutine's while it reads ahead of a size that is known
	produced int64
}

// limitError is the error of a reader that a limit ends. at is the container whose
// limit it is; nil: the scan's.
type limitError struct {
	at    *meter
	what  string
	noted bool
}

func (e *limitError) Error() string { return e.what }

// add counts n more bytes.
func (m *meter) add(n int) error {
	w := m.walk
	for p := m; p != nil; p = p.parent {
		p.produced += int64(n)
		size := p.size
		if size < 0 {
			size = p.consumed
		}
		if p.produced > w.budget.free && p.produced/maxRatio > size {
			return &limitError{at: p, what: fmt.Sprintf("more than %d bytes for each of its own", maxRatio)}
		}
	}
	if w.budget.produced.Add(int64(n)) > w.budget.limits.Produced {
		return &limitError{what: fmt.Sprintf("more than %d bytes in all", w.budget.limits.Produced)}
	}
	return nil
}

// output returns r with its bytes counted, as what the container of m yields.
func (m *meter) output(r io.Reader) io.Reader { return &output{m: m, r: r} }

type output struct {
	m    *meter
	r    io.Reader
	idle int
	err  error
}

// maxIdle is how many reads in a row may yield nothing.
const maxIdle = 1000

func (o *output) Read(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	if err := o.m.walk.ctx.Err(); err != nil {
		o.err = context.Cause(o.m.walk.ctx)
		return 0, o.err
	}
	n, err := o.read(p)
	if o.idle++; n > 0 {
		o.idle = 0
	}
	if err == nil && o.idle > maxIdle {
		err = &readerError{"reads without an end"}
	}
	if errL := o.m.add(n); errL != nil {
		err = errL
	}
	o.err = err
	return n, err
}

// read guards a call into a decoder.
func (o *output) read(p []byte) (n int, err error) {
	defer func() {
		if v := recover(); v != nil {
			n, err = 0, panicked(v)
		}
	}()
	return o.r.Read(p)
}

// readerError is the error of a decoder that failed in a way of its own.
type readerError struct{ what string }

func (e *readerError) Error() string { return e.what }

func panicked(v any) error {
	if err, ok := v.(error); ok {
		var fault interface{ Addr() uintptr }
		if errors.As(err, &fault) {
			panic(v) // of a mapped file that was cut: its owner handles it
		}
	}
	return &readerError{fmt.Sprintf("it panicked: %v", v)}
}

// guarded calls fn, which calls into a library.
func guarded(fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicked(v)
		}
	}()
	return fn()
}

// content walks one content: the outermost, or a member. file leads to it, inside to
// what is in it, as for inner.
func (w *walk) content(src *Source, name string, file, inside []string, m *meter) (Opened, error) {
	f, err := src.format(w.budget, name)
	if errors.Is(err, errSpool) {
		err = w.visitor.Note(Note{Inside: slices.Clone(inside), Problem: Unreadable, Detail: err.Error()})
		return Opened{}, err
	}
	if err != nil || f == nil {
		return Opened{}, err
	}
	if m.depth >= maxDepth && !f.isStream || m.level >= maxLevel {
		err := w.visitor.Note(Note{Inside: slices.Clone(inside), Problem: TooLarge, Format: f.name, Detail: fmt.Sprintf("more than %d containers in one another", maxDepth)})
		return Opened{}, err
	}
	o := &opening{walk: w, meter: m, format: f, src: *src, name: name, file: file, inside: inside}
	err = guarded(func() error { return f.open(o) })
	damaged := err != nil
	if o.spooled != nil {
		defer o.spooled.close()
	}
	if err = o.settle(err); err == nil && m.parent != nil {
		err = o.raw(damaged)
	}
	return Opened{Format: f.name, Covered: o.covered}, err
}

// raw passes on the bytes of a container within another one: all if it was read at
// random, else the rest, if it could not be read to its end.
func (o *opening) raw(damaged bool) error {
	if o.spooled != nil {
		return o.visitor.Raw(o.file, o.spooled.all(), o.covered)
	}
	if damaged {
		return o.visitor.Raw(o.file, o.src.stream, nil)
	}
	return nil
}

// opening is a container being opened.
type opening struct {
	*walk
	meter   *meter
	format  *format
	src     Source
	name    string   // of the container
	file    []string // that lead to the container
	inside  []string // that lead to what is in it: the same, unless it is in a compressed file
	covered []Span
	spooled *spool  // what random has put aside
	at      *frugal // what it returned; nil: not called
}

// settle turns the error of a container into a note, unless the walk must end.
func (o *opening) settle(err error) error {
	var limit *limitError
	var failed *readerError
	var visit *visitError
	var large largeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &visit):
		return visit.err
	case o.ctx.Err() != nil:
		return context.Cause(o.ctx)
	case errors.As(err, &limit):
		if limit.at != nil && limit.at != o.meter {
			return err // of a container around this one
		}
		if !limit.noted {
			if errN := o.note(TooLarge, limit.what); errN != nil {
				return errN
			}
		}
		if limit.at == nil {
			limit.noted = true
			return err
		}
		return nil
	case errors.As(err, &failed):
		return o.note(ReaderFailed, failed.what)
	case errors.Is(err, errEncrypted):
		return o.note(Encrypted, "")
	case errors.Is(err, errUnsupported):
		return o.note(Unsupported, err.Error())
	case errors.As(err, &large):
		return o.note(TooLarge, err.Error())
	case errors.Is(err, errSpool):
		return o.note(Unreadable, err.Error())
	}
	return o.note(Damaged, err.Error())
}

var (
	errEncrypted   = document.ErrEncrypted
	errUnsupported = document.ErrUnsupported
	errDictionary  = largeError("a dictionary over 256 MiB") // maxDictionary
)

// largeError is the error of a reader that would need more memory than it may.
type largeError string

func (e largeError) Error() string { return string(e) }

// visitError is an error of the visitor, on its way out through a library.
type visitError struct{ err error }

func (e *visitError) Error() string { return e.err.Error() }

func (o *opening) note(p Problem, detail string) error {
	return o.visitor.Note(Note{Inside: slices.Clone(o.inside), Problem: p, Format: o.format.name, Detail: detail})
}

// noteMember notes a problem with one member.
func (o *opening) noteMember(name string, p Problem, detail string) error {
	err := o.visitor.Note(Note{Inside: append(slices.Clone(o.inside), name), Problem: p, Format: o.format.name, Detail: detail})
	if err != nil {
		return &visitError{err}
	}
	return nil
}

// within returns the names that lead to the member called name.
func (o *opening) within(name string) []string {
	return append(o.inside[:len(o.inside):len(o.inside)], strings.ReplaceAll(name, "\x00", "\ufffd"))
}

// text passes on a text that belongs to a member.
func (o *opening) text(name, text string) error {
	if text == "" {
		return nil
	}
	if err := o.visitor.Name(o.within(name), text); err != nil {
		return &visitError{err}
	}
	return nil
}

// member passes on one member, whose content r yields: itself, or what is in it if
// it is a container. It returns r's own error, if r did not come to its end, and the
// visitor's as a visitError.
func (o *opening) member(name string, r io.Reader) error {
	if o.budget.members.Add(1) > o.budget.limits.Members {
		return &limitError{what: fmt.Sprintf("more than %d members in all", o.budget.limits.Members)}
	}
	inside := o.within(name)
	return o.inner(name, inside, inside, r, o.meter.depth+1)
}

// inner passes on r, which is called name: as the member file, or if it is a container
// what is in it, below folder.
func (o *opening) inner(name string, file, folder []string, r io.Reader, depth int) error {
	out := o.meter.output(r).(*output)
	head := o.head(out)
	defer o.putHead(head)
	src := streamSource(head)
	defer src.close()
	opened, err := o.content(&src, name, file, folder, &meter{walk: o.walk, parent: o.meter, depth: depth, level: o.meter.level + 1, size: -1})
	if err != nil {
		if out.err != nil && errors.Is(err, out.err) {
			return out.err
		}
		return o.leave(err)
	}
	if opened.Format == "" {
		pass := o.leaf
		if _, early := r.(*ahead); early {
			pass = o.visitor.Member
		}
		if err := pass(file, src.stream); err != nil && !errors.Is(err, out.err) {
			return &visitError{err}
		}
	} else if _, err := io.Copy(io.Discard, src.stream); err != nil && out.err == nil {
		return err
	}
	if out.err != nil && out.err != io.EOF {
		return out.err
	}
	return nil
}

// leaf passes on a member that is no container, and is not read ahead yet.
func (o *opening) leaf(file []string, r io.Reader) error {
	a := &ahead{r: r, wait: aheadAfter}
	defer a.close()
	return o.visitor.Member(file, a)
}

// leave returns an error of the walk within a member as one of this container.
func (o *opening) leave(err error) error {
	var limit *limitError
	if errors.As(err, &limit) || o.ctx.Err() != nil {
		return err
	}
	return &visitError{err}
}
