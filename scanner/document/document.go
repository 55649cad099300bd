// Package document reads files that hold texts and files in a form of their own:
// mails, office documents, PDF, databases. Bytes go in, texts come out. What is opened
// in turn, limits and places are the business of package container.
//
// The bytes are hostile: numbers are checked before they are used, and no reader holds
// more than a fixed amount of memory.
package document

import (
	"errors"
	"io"
)

// Span is a half-open range of byte offsets.
type Span struct{ Start, End int64 }

// File is the content of a document.
type File struct {
	io.ReaderAt
	Size int64 // in bytes
	// Holds reports whether bytes may hold what is looked for; nil: all may. Of what
	// it denies, a reader need not pass on anything.
	Holds func([]byte) bool
}

func (f File) holds(b []byte) bool { return f.Holds == nil || f.Holds(b) }

// section returns what yields the bytes of s.
func (f File) section(s Span) *io.SectionReader {
	return io.NewSectionReader(f, s.Start, s.End-s.Start)
}

// Sink receives what is in a document. An error of it ends the reader, which
// returns it.
type Sink interface {
	// Part is called for a text or file in the document. r yields it, and is valid
	// until the call returns. The bytes of from were decoded to it, or hold
	// nothing else.
	Part(name string, r io.Reader, from ...Span) error
	// Problem is called for a part that cannot be read. err wraps ErrEncrypted,
	// ErrUnsupported, or says what is damaged.
	Problem(name string, err error) error
}

// What readers return or pass to Sink.Problem; other errors that are not the sink's say
// what is damaged.
var (
	// ErrEncrypted is wrapped by the error for what needs a password.
	ErrEncrypted = errors.New("encrypted")
	// ErrUnsupported is wrapped by the error for what is not read.
	ErrUnsupported = errors.New("not supported")
)

// cellEnd ends what is next to another text, but not continued by it: a column, a cell, a
// paragraph. The space keeps the scanner from joining the two like a wrapped line.
const cellEnd = " \n"
