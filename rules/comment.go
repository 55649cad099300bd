package rules

import (
	"bytes"

	"keysweep/rules/ascii"
)

// allowWord accepts the keys on its line if a blank and a reason follow. The
// words of other tools mean nothing here.
const allowWord = "keysweep:allow"

// commentEnds end a reason: they close a comment of C, one of XML, a string.
var commentEnds = []string{"*/", "-->", `"`}

// FindComment looks for keysweep:allow REASON in a line of any language. reason
// is where the reason is in line, empty if there is none. The word is by
// itself and is in lower case. If there are several, the first with a reason
// counts.
func FindComment(line []byte) (reason Span, found bool) {
	for at := 0; ; {
		i := bytes.Index(line[at:], []byte(allowWord))
		if i < 0 {
			return reason, found
		}
		start := at + i
		at = start + len(allowWord)
		if start > 0 && ascii.IsWord(line[start-1]) || at < len(line) && ascii.IsWord(line[at]) {
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
