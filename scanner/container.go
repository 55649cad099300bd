package scanner

import (
	"bytes"
	"cmp"
	"io"
	"slices"
	"strings"

	"keysweep/finding"
	"keysweep/scanner/container"
)

// unnamed is in location.inside for the file in a compressed one whose own name was not
// known.
const unnamed = "\x01"

// joinNames joins the names that lead to a member of a container, so that they can be
// compared; a name holds no NUL.
func joinNames(names []string) string {
	if len(names) > 0 && names[0] == "" {
		names = append([]string{unnamed}, names[1:]...)
	}
	return strings.Join(names, "\x00")
}

// names returns the names that lead to l, which is in a file at path; nil if that is no
// container.
func (l location) names(path string) []string {
	if l.inside == "" {
		return nil
	}
	names := strings.Split(l.inside, "\x00")
	if names[0] == unnamed {
		names[0] = container.Decompressed(path)
	}
	return names
}

// members judges what is in one container. It implements container.Visitor.
type members struct {
	judge   *judge
	at      location // of the container
	skipped []finding.Skipped
}

// opens reports whether what was streamed last is a container to be opened.
func (j *judge) opens() bool { return j.isContainer && j.collector.containers != nil }

// open judges what is in the container src, which is at at, after its own bytes were
// judged: what the judge has from its list's index from on. The error is the context's.
func (j *judge) open(src container.Source, at location, from int) ([]finding.Skipped, error) {
	to := len(j.list)
	clear(j.times) // what is in members is dropped
	m := &members{judge: j, at: at}
	opened, err := container.Walk(j.ctx, j.collector.containers, src, at.path, m)
	j.uncover(from, to, opened.Covered)
	return m.skipped, err
}

// wholeOpened judges content that is in memory, and what is in it if it is a blob that
// is a container. The error is the context's.
func (j *judge) wholeOpened(b []byte, at location, isBlob bool) ([]finding.Skipped, error) {
	if j.finder.Contains(b) {
		j.whole(b, at)
	}
	if !isBlob || j.collector.containers == nil || !container.Recognize(b, at.path) {
		return nil, nil
	}
	return j.open(container.Bytes(b), at, 0)
}

// uncover drops what was found in bytes that members cover: it is found there.
func (j *judge) uncover(from, to int, covered []container.Span) {
	kept := slices.DeleteFunc(j.list[from:to], func(k candidate) bool {
		i, found := slices.BinarySearchFunc(covered, k.offset, func(s container.Span, at int64) int {
			switch {
			case s.End <= at:
				return -1
			case s.Start > at:
				return 1
			}
			return 0
		})
		return found && k.at.line > 0 && covered[i].Start <= k.offset
	})
	rest := j.list[to:]
	j.list = append(j.list[:from+len(kept)], rest...)
}

func (m *members) inside(names []string) location {
	at := m.at
	at.inside = joinNames(names)
	return at
}

// Member implements container.Visitor.
func (m *members) Member(names []string, r io.Reader) error {
	at := m.inside(names)
	m.name(names[len(names)-1], at)
	_, err := m.judge.stream(at.target.images.member(m.at, names, r), at)
	return err
}

// name judges a name in the container, or a text like one.
func (m *members) name(name string, at location) {
	at.source = finding.SourcePath
	m.judge.name(name, at)
}

// Name implements container.Visitor.
func (m *members) Name(names []string, text string) error {
	m.name(text, m.inside(names))
	return nil
}

// Raw implements container.Visitor.
func (m *members) Raw(names []string, r io.Reader, covered []container.Span) error {
	from, times := len(m.judge.list), m.judge.times
	m.judge.times = make(map[finding.Secret]tally) // what is in members is dropped
	_, err := m.judge.stream(r, m.inside(names))
	m.judge.times = times
	m.judge.uncover(from, len(m.judge.list), covered)
	return err
}

var problems = map[container.Problem]finding.Reason{
	container.Encrypted: finding.ReasonEncrypted, container.Damaged: finding.ReasonDamagedMember,
	container.Unsupported: finding.ReasonFormat, container.TooLarge: finding.ReasonTooLarge,
	container.ReaderFailed: finding.ReasonReaderFailed, container.Unreadable: finding.ReasonUnreadable,
	container.NoHistory: finding.ReasonNoHistory,
}

// Note implements container.Visitor.
func (m *members) Note(n container.Note) error {
	var parts []string
	if where := strings.Join(append(m.at.what(), n.Inside...), "!/"); where != "" {
		parts = append(parts, where)
	}
	parts = append(parts, n.Format)
	if n.Detail != "" {
		parts = append(parts, n.Detail)
	}
	detail := strings.Join(parts, ": ")
	reason := problems[n.Problem]
	if reason == finding.ReasonTooLarge && m.judge.collector.unopened {
		reason = finding.ReasonUnopened
	}
	m.skip(finding.Skipped{Reason: reason, Count: 1, Detail: detail}, n.Format)
	return nil
}

// maxNotes is how many problems with one file or object are named; further ones are
// counted by format.
const maxNotes = 100

func (m *members) skip(s finding.Skipped, format string) {
	if len(m.skipped) >= maxNotes {
		s.Detail = strings.Join(append(m.at.what(), format, "further members"), ": ")
	}
	for i := range m.skipped {
		if m.skipped[i].Reason == s.Reason && m.skipped[i].Detail == s.Detail {
			m.skipped[i].Count += s.Count
			return
		}
	}
	m.skipped = append(m.skipped, s)
}

// what names the content at l for a person, if its name is known.
func (l location) what() []string {
	switch {
	case l.path != "":
		return []string{l.path}
	case l.source == finding.SourceStdin:
		return []string{"standard input"}
	}
	return nil
}

// streamOpened judges what r yields, and what is in it if it is a container: both at
// once, since r is read once.
func (j *judge) streamOpened(r io.Reader, at location, size int64) (n int64, skipped []finding.Skipped, err error) {
	if j.collector.containers == nil {
		n, err = j.stream(r, at)
		return n, nil, err
	}
	head := make([]byte, container.HeadSize)
	read, errRead := io.ReadFull(r, head)
	head = head[:read]
	switch {
	case errRead != nil && errRead != io.EOF && errRead != io.ErrUnexpectedEOF:
		n, err = j.stream(bytes.NewReader(head), at) // what came counts
		return n, nil, cmp.Or(err, errRead)
	case container.RecognizeHead(head, at.path):
		return j.both(io.MultiReader(bytes.NewReader(head), r), at, size)
	}
	n, err = j.stream(io.MultiReader(bytes.NewReader(head), r), at)
	return n, nil, err
}

// both judges a container that is a stream.
func (j *judge) both(r io.Reader, at location, size int64) (n int64, skipped []finding.Skipped, err error) {
	inner := j.collector.newJudge(j.ctx)
	m := &members{judge: inner, at: at}
	reader, writer := io.Pipe()
	var opened container.Opened
	var errWalk error
	done := make(chan struct{})
	go func() {
		defer close(done)
		opened, errWalk = container.Walk(j.ctx, j.collector.containers, container.Stream(reader, size), at.path, m)
		_, _ = io.Copy(io.Discard, reader)
	}()
	from := len(j.list)
	n, err = j.stream(io.TeeReader(r, writer), at)
	writer.CloseWithError(err)
	<-done
	j.uncover(from, len(j.list), opened.Covered)
	j.list = append(j.list, inner.list...)
	j.cut = j.cut || inner.cut
	if err == nil {
		err = errWalk
	}
	return n, m.skipped, err
}
