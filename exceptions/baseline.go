package exceptions

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"keysweep/finding"
)

// The file, version 1, is UTF-8, with a byte order mark or without, its lines end in
// LF or CRLF:
//
//	keysweep-baseline 1                                 first line
//	# …                                                 comments, and empty lines
//	#00 to #ff                                          256 posts
//	FINGERPRINT DATE ISSUER ENVIRONMENT PREFIX "REASON"[ # …]
//
// FINGERPRINT is the SHA-256 of the whole key in 64 hex digits: the rest of a
// line is there for people, the reason for reports. No line says where a key
// is, so that moving it changes nothing, and no line holds a character of
// its body.
//
// Lines are sorted by fingerprint, below the post with its first two digits. A
// merge of git conflicts where two branches add lines between the same two: the
// posts see to it that they hardly ever do. Readers need neither order nor
// posts, and take a line that is there twice, so that a conflict is solved by
// keeping both sides.

// BaselineName is what a baseline is called.
const BaselineName = ".keysweep-baseline"

// MaxBaseline is the most bytes of a baseline: 200 000 keys.
const MaxBaseline = 64 << 20

const (
	baselineTitle   = "keysweep-baseline"
	baselineVersion = "1"
)

// baselineHeader is above the posts of a new file.
const baselineHeader = `# Keys that people accepted, a line each: SHA-256 of the key, date, issuer,
# environment, prefix, reason. "keysweep baseline create" adds, "keysweep baseline
# prune" removes. Lines #00 to #ff keep merges apart; in a conflict, keep both sides.
`

// Baseline is a file of accepted keys.
type Baseline struct {
	Name string // of the file, for errors and reports

	lines  []*BaselineLine // sorted by fingerprint
	header []string        // comments above all keys
	footer []string        // comments below all keys
	eol    string          // of all lines; "": a new file's
}

// BaselineLine is one accepted key.
type BaselineLine struct {
	Fingerprint string // SHA-256 of the whole key, 64 hex digits
	Date        string // when it was accepted, 2026-01-31
	Issuer      string
	Environment string
	Prefix      string // the key, redacted without its last characters
	Reason      string
	// Comment is for people, "" if there is none. It may not hold a key.
	Comment string
	Number  int // of the line in the file that was read, 1-based

	text  string
	above []string // comments
}

const keyLine = `^([0-9a-f]{64}) ([0-9]{4}-[0-9]{2}-[0-9]{2}) ([^ "#]+) ([^ "#]+) ([^ "#]+) ("(?:[^"\\]|\\.)*")(?: # ?(.*))?$`

// NewBaseline returns a baseline without keys.
func NewBaseline(name string) *Baseline {
	return &Baseline{Name: name, header: strings.Split(strings.TrimSuffix(baselineHeader, "\n"), "\n")}
}

// ParseBaseline reads the bytes of a baseline called name, at most MaxBaseline.
// An error says the line.
func ParseBaseline(name string, text []byte) (*Baseline, error) {
	b := &Baseline{Name: name}
	lines := strings.Split(strings.TrimSuffix(strings.TrimPrefix(string(text), "\ufeff"), "\n"), "\n")
	title, version, _ := strings.Cut(strings.TrimSuffix(lines[0], "\r"), " ")
	switch {
	case title != baselineTitle:
		return nil, errors.New(`line 1: not a baseline of keysweep: its first line is not "` + baselineTitle + " " + baselineVersion + `"`)
	case version != baselineVersion:
		return nil, fmt.Errorf("line 1: version %q is not one that this keysweep reads; a newer one may", version)
	}
	if strings.HasSuffix(lines[0], "\r") {
		b.eol = "\r\n"
	}
	form := regexp.MustCompile(keyLine)
	var comments []string
	seen := map[string]bool{} // by fingerprint
	for i, line := range lines[1:] {
		line = strings.TrimRight(line, "\r")
		switch {
		case len(line) == 3 && line[0] == '#' && isHex(line[1:]):
			if len(b.lines) == 0 && b.header == nil {
				b.header, comments = slices.Concat([]string{}, comments), nil
			}
			continue
		case line == "" || line[0] == '#':
			comments = append(comments, line)
			continue
		}
		l, err := parseLine(form, line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+2, err)
		}
		if !seen[l.Fingerprint] {
			seen[l.Fingerprint] = true
			l.Number, l.text, l.above = i+2, line, comments
			b.lines, comments = append(b.lines, l), nil
		}
	}
	b.footer = comments
	slices.SortFunc(b.lines, func(x, y *BaselineLine) int { return cmp.Compare(x.Fingerprint, y.Fingerprint) })
	return b, nil
}

// parseLine reads the line of a key. Its errors repeat nothing of it: it may be
// anything.
func parseLine(form *regexp.Regexp, line string) (*BaselineLine, error) {
	for _, marker := range [...]string{"<<<<<<<", "|||||||", "=======", ">>>>>>>"} {
		if strings.HasPrefix(line, marker) {
			return nil, errors.New("a merge conflict: keep the lines of both sides, and remove its markers")
		}
	}
	m := form.FindStringSubmatch(line)
	if m == nil || !utf8.ValidString(line) {
		return nil, errors.New(`damaged: not FINGERPRINT DATE ISSUER ENVIRONMENT PREFIX "REASON"`)
	}
	if _, err := time.Parse(time.DateOnly, m[2]); err != nil {
		return nil, errors.New("damaged: " + m[2] + " is no date")
	}
	reason, err := strconv.Unquote(m[6])
	if err != nil {
		return nil, errors.New("damaged: its reason is not a quoted string")
	}
	if strings.TrimSpace(reason) == "" {
		return nil, errors.New("its reason is empty")
	}
	return &BaselineLine{Fingerprint: m[1], Date: m[2], Issuer: m[3], Environment: m[4], Prefix: m[5], Reason: reason, Comment: m[7]}, nil
}

// Lines returns the accepted keys, sorted by fingerprint.
func (b *Baseline) Lines() []*BaselineLine {
	if b == nil {
		return nil
	}
	return b.lines
}

// Line returns the line of a key, or nil.
func (b *Baseline) Line(fingerprint string) *BaselineLine {
	if b == nil {
		return nil
	}
	if i, found := b.search(fingerprint); found {
		return b.lines[i]
	}
	return nil
}

func (b *Baseline) search(fingerprint string) (at int, found bool) {
	return slices.BinarySearchFunc(b.lines, fingerprint, func(l *BaselineLine, f string) int { return cmp.Compare(l.Fingerprint, f) })
}

// exception returns l, of a baseline called file, for reports.
func (l *BaselineLine) exception(file string, p finding.ExceptionProblem) finding.Exception {
	return finding.Exception{Kind: finding.KindBaseline, File: file, Line: l.Number, Entry: l.Fingerprint[:16], Problem: p, Reason: l.Reason}
}

// Add accepts a key, and reports whether it was not yet accepted: a line that is
// there stays as it is. Its words are made fit for a line.
func (b *Baseline) Add(l BaselineLine) bool {
	at, found := b.search(l.Fingerprint)
	if found {
		return false
	}
	l.text = fmt.Sprintf("%s %s %s %s %s %s", l.Fingerprint, l.Date, word(l.Issuer), word(l.Environment), word(l.Prefix), strconv.Quote(l.Reason))
	if l.Comment != "" {
		l.text += " # " + oneLine(l.Comment)
	}
	b.lines = slices.Insert(b.lines, at, &l)
	return true
}

// Remove removes the keys that gone reports, with the comments above them, and
// returns their lines.
func (b *Baseline) Remove(gone func(*BaselineLine) bool) (removed []*BaselineLine) {
	b.lines = slices.DeleteFunc(b.lines, func(l *BaselineLine) bool {
		if !gone(l) {
			return false
		}
		removed = append(removed, l)
		return true
	})
	return removed
}

// Text returns the file: lines that were read and not removed are unchanged.
func (b *Baseline) Text() []byte {
	var out strings.Builder
	put := func(lines ...string) {
		for _, l := range lines {
			out.WriteString(l + cmp.Or(b.eol, "\n"))
		}
	}
	put(baselineTitle + " " + baselineVersion)
	put(b.header...)
	rest := b.lines
	for post := range 256 {
		digits := fmt.Sprintf("%02x", post)
		put("#" + digits)
		for len(rest) > 0 && rest[0].Fingerprint[:2] == digits {
			put(rest[0].above...)
			put(rest[0].text)
			rest = rest[1:]
		}
	}
	put(b.footer...)
	return []byte(out.String())
}

// word makes s a word of a line.
func word(s string) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r == '"' || r == '#' || r == utf8.RuneError || !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	return cmp.Or(s, "unknown")
}

// oneLine escapes what would end a line or move a cursor.
func oneLine(s string) string {
	var out strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd"):
			fmt.Fprintf(&out, `\x%02x`, s[i])
		case r == '\\' || strconv.IsPrint(r):
			out.WriteRune(r)
		default:
			out.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return out.String()
}
