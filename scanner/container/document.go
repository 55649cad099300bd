package container

import (
	"cmp"
	"errors"
	"fmt"
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
	err = guarded(func() error { return read(document.File{ReaderAt: at, Size: size}, parts{o}) })
	slices.SortFunc(o.covered, func(a, b Span) int { return cmp.Compare(a.Start, b.Start) })
	return documentError(err)
}

// documentError turns an error of package document into one of this package.
func documentError(err error) error {
	switch {
	case errors.Is(err, document.ErrEncrypted):
		return errEncrypted
	case errors.Is(err, document.ErrUnsupported):
		return fmt.Errorf("%w: %w", errUnsupported, err)
	}
	return err
}

// parts implements document.Sink.
type parts struct{ o *opening }

// Part implements document.Sink.
func (p parts) Part(name string, r io.Reader, from ...document.Span) error {
	if err := p.o.member(name, r); err != nil {
		return p.o.problem(name, documentError(err))
	}
	for _, s := range from {
		p.o.covered = append(p.o.covered, Span(s))
	}
	return nil
}

// Problem implements document.Sink.
func (p parts) Problem(name string, err error) error { return p.o.problem(name, documentError(err)) }
