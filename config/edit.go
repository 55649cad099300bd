package config

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"keysweep/exceptions"
	"keysweep/file"
	"keysweep/toml"
)

// Edited is a configuration that is being changed. What is not changed keeps its
// bytes: comments, order, blank lines and line ends.
type Edited struct {
	*Config        // as it is now
	text    []byte // likewise
}

// Edit reads the configuration at path, to change it. One that is not there is
// empty. Errors name it.
func Edit(path string) (*Edited, error) {
	text, err := file.Read(path, maxSize)
	if file.Absent(err) {
		text, err = nil, nil
	}
	c, err := configs.parsed(path, text, err)
	if err != nil {
		return nil, err
	}
	if !bytes.HasSuffix(text, c.text) {
		return nil, fmt.Errorf("configuration %s: it is UTF-16: save it as UTF-8 to have it changed", path)
	}
	return &Edited{c, text}, nil
}

// Path returns where the configuration of path (a folder or file) is or would be:
// at its root (see Find), if the working directory is inside.
func Path(path string) (string, bool) {
	roots := rootsOf([]string{path})
	if len(roots) == 0 || !roots[0].own {
		return "", false
	}
	return Shown(filepath.Join(roots[0].dir, Name)), true
}

// Text returns the file.
func (e *Edited) Text() []byte { return e.text }

// Add adds an entry at the end, with a comment on its first line; "": none. An error
// says what is wrong with a.
func (e *Edited) Add(a exceptions.Allow, comment string) error {
	a.Reason, a.Owner = strings.ToValidUTF8(a.Reason, "\ufffd"), strings.ToValidUTF8(a.Owner, "\ufffd")
	table := allowTable{Fingerprint: a.Fingerprint, Path: a.Path, Reason: a.Reason, Owner: a.Owner}
	if _, key, wrong := table.allow(); wrong != "" {
		return fmt.Errorf("%s: %s", key, wrong)
	}
	if len(toml.Tables(e.text, allowArray)) != len(e.allows) {
		return fmt.Errorf("configuration %s: %w", e.Path, errInline)
	}
	eol := "\n"
	if i := bytes.IndexByte(e.text, '\n'); i > 0 && e.text[i-1] == '\r' {
		eol = "\r\n"
	}
	var out strings.Builder
	line := func(words string) { out.WriteString(words + eol) }
	if len(e.text) > 0 {
		if !bytes.HasSuffix(e.text, []byte("\n")) {
			line("")
		}
		line("")
	}
	line("[[" + allowArray + "]]")
	if comment != "" {
		comment = " # " + comment
	}
	put := func(key, value string) {
		if value != "" {
			line(key + " = " + value + comment)
			comment = ""
		}
	}
	quoted := func(s string) string {
		if s == "" {
			return ""
		}
		return toml.Quote(s)
	}
	put("fingerprint", quoted(a.Fingerprint))
	put("path", quoted(a.Path))
	put("reason", quoted(a.Reason))
	put("owner", quoted(a.Owner))
	if !a.Expires.IsZero() {
		put("expires", a.Expires.Format(time.DateOnly))
	}
	return e.become(append(slices.Clone(e.text), out.String()...), append(slices.Clone(e.allows), a))
}

// Remove removes the entries that gone reports, and returns them. The comments
// around them stay, and one of two blank lines that meet.
func (e *Edited) Remove(gone func(*exceptions.Allow) bool) (removed []exceptions.Allow, err error) {
	spans := toml.Tables(e.text, allowArray)
	var left []exceptions.Allow
	text := e.text
	for i := len(e.allows) - 1; i >= 0; i-- {
		a := e.allows[i]
		if !gone(&a) {
			left = append(left, a)
			continue
		}
		if len(spans) != len(e.allows) {
			return nil, fmt.Errorf("configuration %s: %w", e.Path, errInline)
		}
		removed = append(removed, a)
		text = cut(text, spans[i])
	}
	slices.Reverse(left)
	slices.Reverse(removed)
	return removed, e.become(text, left)
}

// cut returns text without whole lines, and without the blank line above them if a
// blank line or nothing is below.
func cut(text []byte, s toml.Span) []byte {
	blank := func(line []byte) bool { return len(bytes.TrimSpace(line)) == 0 }
	next, _, _ := bytes.Cut(text[s.End:], []byte("\n"))
	above := bytes.TrimSuffix(text[:s.Start], []byte("\n"))
	if last := bytes.LastIndexByte(above, '\n') + 1; blank(next) && s.Start > 0 && blank(above[last:]) {
		s.Start = last
	}
	return slices.Concat(text[:s.Start], text[s.End:])
}

// errInline is about an array that has no header for each entry.
var errInline = errors.New("its entries are in one array, allow = [...]: write each as [[allow]] to have them changed")

// become replaces the file by text if that says what it should: allows, whatever
// their lines.
func (e *Edited) become(text []byte, allows []exceptions.Allow) error {
	if len(text) > maxSize {
		return fmt.Errorf("configuration %s: it would have more than %d bytes", e.Path, maxSize)
	}
	c, err := Parse(e.Path, file.Text(text))
	same := func(a, b exceptions.Allow) bool {
		a.Line, b.Line = 0, 0
		return a == b
	}
	if err == nil && !slices.EqualFunc(c.allows, allows, same) {
		err = errors.New("it would not say what it should")
	}
	if err != nil {
		return fmt.Errorf("configuration %s: changing it: %w", e.Path, err)
	}
	e.Config, e.text = c, text
	return nil
}

// Write replaces the file, or the one that a link there leads to, whole or not at
// all.
func (e *Edited) Write() error {
	if err := file.Replace(e.Path, e.text); err != nil {
		return fmt.Errorf("writing the configuration %s: %w", e.Path, err)
	}
	return nil
}
