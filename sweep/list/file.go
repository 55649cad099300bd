package list

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"unicode/utf8"

	"keysweep/file"
	"keysweep/quote"
	"keysweep/remote"
)

// maxFile bounds a file of addresses and paths, in bytes.
const maxFile = 64 << 20

// readFile adds what a file of --repos names: an address or a path a line, where empty
// lines and comments, which begin with #, do not count. Paths are those of the working
// directory, wherever the file is.
func (l *lister) readFile(name string) error {
	text, err := l.read(name)
	if err != nil {
		return fmt.Errorf("--repos %s: %w", quote.Name(name), err)
	}
	n := 0
	for line := range bytes.Lines(bytes.TrimPrefix(text, []byte("\ufeff"))) { // which PowerShell begins UTF-8 with
		n++
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' {
			continue
		}
		if err := l.addLine(text); err != nil {
			return fmt.Errorf("%s:%d: %w", quote.Name(name), n, err)
		}
	}
	return nil
}

func (l *lister) read(name string) ([]byte, error) {
	if name != "-" {
		return file.Read(name, maxFile)
	}
	if l.Stdin == nil {
		return nil, errors.New("there is no standard input")
	}
	text, err := io.ReadAll(io.LimitReader(l.Stdin, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = errors.New("standard input is too long")
	}
	return text, err
}

// addLine adds what one line names.
func (l *lister) addLine(text string) error {
	if path, ok := remote.LocalPath(text); ok {
		text = path
	}
	switch {
	case strings.ContainsRune(text, 0):
		return errors.New("no path holds a NUL byte")
	case !utf8.ValidString(text):
		return errors.New("it is not UTF-8, as what a sweep stores: give it another name, or a link that has one")
	case quote.HideKeys(text) != text:
		return errors.New("it holds a key, which a sweep would store: give it another name, or a link that has one")
	case text == "-":
		return errors.New("a path of this name is ./-")
	}
	if !remote.IsAddress(text) {
		l.add(samePath(text), Repository{Name: text, Target: text})
		return nil
	}
	a, err := remote.Parse(text)
	if err != nil {
		return err
	}
	r := Repository{Name: a.String(), Target: a.String()}
	if u, err := url.Parse(text); err == nil && u.User != nil {
		if _, hasPassword := u.User.Password(); hasPassword || a.Scheme != "ssh" {
			return errors.New("it holds a user or password, which a sweep would store: --token-env HOST=NAME names a variable with the token")
		}
	}
	if a.Scheme == "ssh" {
		r.Target = text
	}
	if a.Scheme == "https" {
		for _, t := range l.TokenEnv {
			if host, name, ok := strings.Cut(t, "="); ok && (strings.EqualFold(host, a.Host) || strings.EqualFold(host, a.Origin())) {
				r.Token = a.Origin() + "=" + name
			}
		}
	}
	l.add(identity(a), r)
	return nil
}
