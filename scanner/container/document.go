package container

import (
	"cmp"
	"errors"
	"io"
	"slices"

	"keysweep/scanner/document"
)

// document passes on the parts of a document. What is not in them is scanned as the
// bytes of the file.
func (o *opening) document(read func(document.File, document.Sink) error) error {
	at, size, err := o.random()
	if err != nil {
		return err
	}
	err = guarded(func() error {
		return read(document.File{ReaderAt: at, Size: size, Holds: o.budget.limits.Holds}, parts{o})
	})
	o.covered = merged(o.covered)
	return err
}

// merged sorts spans, and joins spans that touch or overlap.
func merged(spans []Span) []Span {
	slices.SortFunc(spans, func(a, b Span) int { return cmp.Compare(a.Start, b.Start) })
	kept := spans[:0]
	for _, s := range spans {
		if last := len(kept) - 1; last >= 0 && kept[last].End >= s.Start {
			kept[last].End = max(kept[last].End, s.End)
			continue
		}
		kept = append(kept, s)
	}
	return kept
}

// transformed passes on a document that is one text, which read returns: it takes the
// place of the member that holds it.
func (o *opening) transformed(read func(io.Reader) io.Reader) error {
	file := o.file
	if len(file) == 0 {
		file = []string{"text"}
	}
	out := o.meter.output(read(&input{meter: o.meter, r: o.src.stream})).(*output)
	if err := o.leaf(file, out); err != nil && !errors.Is(err, out.err) {
		return &visitError{err}
	}
	if out.err != io.EOF {
		return out.err
	}
	o.covered = []Span{{0, o.meter.consumed}}
	return nil
}

// parts implements document.Sink.
type parts struct{ o *opening }

// Part implements document.Sink.
func (p parts) Part(name string, r io.Reader, from ...document.Span) error {
	if err := p.o.member(name, r); err != nil {
		return p.o.problem(name, err)
	}
	for _, s := range from {
		p.o.covered = append(p.o.covered, Span(s))
	}
	return nil
}

// Problem implements document.Sink.
func (p parts) Problem(name string, err error) error { return p.o.problem(name, err) }
