package exceptions

import (
	"bytes"

	"keysweep/finding"
)

// mark is what accepts the keys on its line, followed by a blank and a reason.
// Marks of other tools mean nothing here.
const mark = "keysweep:allow"

// closers end a reason, as they end comments: of C, of XML, and a string.
var closers = []string{"*/", "-->", `"`}

// FindComment looks for keysweep:allow REASON in a line of any language. from
// and to are where the reason stands in line; they are equal if it has none.
// The mark is a word of its own, in lower case. Of several marks, the first
// that has a reason counts.
func FindComment(line []byte) (from, to int, found bool) {
	for at := 0; ; {
		i := bytes.Index(line[at:], []byte(mark))
		if i < 0 {
			return from, to, found
		}
		start := at + i
		at = start + len(mark)
		if start > 0 && isWord(line[start-1]) || at < len(line) && isWord(line[at]) {
			continue
		}
		found = true
		from, to = at, at
		if at == len(line) || line[at] != ' ' && line[at] != '\t' {
			continue
		}
		rest := line[at:]
		for _, c := range closers {
			if n := bytes.Index(rest, []byte(c)); n >= 0 {
				rest = rest[:n]
			}
		}
		if text := bytes.TrimSpace(rest); len(text) > 0 {
			from = at + bytes.Index(rest, text)
			return from, from + len(text), true
		}
	}
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// InTrusted returns a Set.Inline that believes a comment only if a trusted
// version of the file has one too, on every line that holds the key. read
// returns the trusted version of the file that an occurrence stands in, and
// false if there is none. A key that stands there encoded is not recognised,
// and its comment not believed.
func InTrusted(read func(o *finding.Occurrence) ([]byte, bool)) func(*finding.Finding, *finding.Occurrence) bool {
	return func(f *finding.Finding, o *finding.Occurrence) bool {
		text, ok := read(o)
		if !ok {
			return false
		}
		key, held := []byte(f.Secret.Reveal()), false
		for line := range bytes.Lines(text) {
			if !bytes.Contains(line, key) {
				continue
			}
			if from, to, _ := FindComment(line); from == to {
				return false
			}
			held = true
		}
		return held
	}
}
