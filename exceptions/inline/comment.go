// Package inline finds the comments by which a person accepts the keys of a line.
package inline

import (
	"bytes"
	"iter"
	"slices"

	"keysweep/rules"
	"keysweep/rules/ascii"
)

// allowWord accepts the keys on its line if a blank and a reason follow.
const allowWord = "keysweep:allow"

// foreignWords accept the secrets on their line for other scanners: gitleaks,
// betterleaks, trufflehog, ggshield, kingfisher and detect-secrets. Each contains one
// of foreignParts.
var foreignWords = [...]string{"gitleaks:allow", "betterleaks:allow", "trufflehog:ignore", "ggignore", "kingfisher:ignore",
	"pragma: allowlist secret", "pragma: whitelist secret", "pragma:allowlist secret", "pragma:whitelist secret"}

var foreignParts = [...]string{"ks:allow", "ignore", "pragma:"}

// LineEnds is what any program may take for the end of a line: a comment speaks for no
// key that a person sees on another line.
const LineEnds = "\n\r\v\f\u0085\u2028\u2029"

// reasonEnds close a comment of C, one of XML, a string.
var reasonEnds = [...]string{"*/", "-->", `"`}

// Find looks for keysweep:allow REASON in a line of any language. reason is where the
// reason is in line, empty if there is none. The word is by itself and in lower case. If
// there are several, the first with a reason counts. With foreign, a word of another
// scanner is a comment whose reason it is itself, if there is no other reason.
func Find(line []byte, foreign bool) (reason rules.Span, found bool) {
	for word := range words(line, allowWord) {
		reason, found = reasonAt(line, word.End), true
		if reason.Start < reason.End {
			return reason, true
		}
	}
	if foreign {
		if word, ok := FindForeign(line); ok {
			return word, true
		}
	}
	return reason, found
}

// FindForeign looks for the first word by which another scanner accepts the secrets on
// a line.
func FindForeign(line []byte) (first rules.Span, found bool) {
	if !slices.ContainsFunc(foreignParts[:], func(part string) bool { return bytes.Contains(line, []byte(part)) }) {
		return first, false
	}
	for _, w := range foreignWords {
		for word := range words(line, w) {
			if !found || word.Start < first.Start {
				first, found = word, true
			}
		}
	}
	return first, found
}

// words returns where word is by itself in line.
func words(line []byte, word string) iter.Seq[rules.Span] {
	return func(yield func(rules.Span) bool) {
		for end := 0; ; {
			i := bytes.Index(line[end:], []byte(word))
			if i < 0 {
				return
			}
			start := end + i
			end = start + len(word)
			alone := (start == 0 || !ascii.IsWord(line[start-1])) && (end == len(line) || !ascii.IsWord(line[end]))
			if alone && !yield(rules.Span{Start: start, End: end}) {
				return
			}
		}
	}
}

// reasonAt returns where the reason is in line that is behind a word and a blank at
// line[at:]; it is empty if there is none.
func reasonAt(line []byte, at int) rules.Span {
	rest := line[at:]
	if len(rest) == 0 || !ascii.IsBlank(rest[0]) {
		return rules.Span{Start: at, End: at}
	}
	for _, c := range reasonEnds {
		rest, _, _ = bytes.Cut(rest, []byte(c))
	}
	text := bytes.TrimSpace(rest)
	at += bytes.Index(rest, text)
	return rules.Span{Start: at, End: at + len(text)}
}
