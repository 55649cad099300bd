package rules

import (
	"bytes"
	"slices"

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

// commentEnds end a reason: they close a comment of C, one of XML, a string.
var commentEnds = []string{"*/", "-->", `"`}

// FindComment looks for keysweep:allow REASON in a line of any language. reason
// is where the reason is in line, empty if there is none. The word is by
// itself and is in lower case. If there are several, the first with a reason
// counts. With foreign, a word of another scanner is a comment whose reason it is
// itself, if there is no other reason.
func FindComment(line []byte, foreign bool) (reason Span, found bool) {
	reason, found = findAllow(line)
	if foreign && reason.Start == reason.End {
		if word, ok := FindForeign(line); ok {
			return word, true
		}
	}
	return reason, found
}

// FindForeign looks for the first word by which another scanner accepts the secrets on
// a line.
func FindForeign(line []byte) (word Span, found bool) {
	if !slices.ContainsFunc(foreignParts[:], func(part string) bool { return bytes.Contains(line, []byte(part)) }) {
		return word, false
	}
	for _, w := range foreignWords {
		for at := 0; ; {
			i := bytes.Index(line[at:], []byte(w))
			if i < 0 {
				break
			}
			start := at + i
			at = start + len(w)
			if isWord(line, start, at) && (!found || start < word.Start) {
				word, found = Span{Start: start, End: at}, true
			}
		}
	}
	return word, found
}

// isWord reports whether line[start:end] is by itself.
func isWord(line []byte, start, end int) bool {
	return (start == 0 || !ascii.IsWord(line[start-1])) && (end == len(line) || !ascii.IsWord(line[end]))
}

func findAllow(line []byte) (reason Span, found bool) {
	for at := 0; ; {
		i := bytes.Index(line[at:], []byte(allowWord))
		if i < 0 {
			return reason, found
		}
		start := at + i
		at = start + len(allowWord)
		if !isWord(line, start, at) {
			continue
		}
		found = true
		reason = Span{Start: at, End: at}
		if at == len(line) || line[at] != ' ' && line[at] != '\t' {
			continue
		}
		rest := line[at:]
		for _, c := range commentEnds {
			if n := bytes.Index(rest, []byte(c)); n >= 0 {
				rest = rest[:n]
			}
		}
		if text := bytes.TrimSpace(rest); len(text) > 0 {
			from := at + bytes.Index(rest, text)
			return Span{Start: from, End: from + len(text)}, true
		}
	}
}
