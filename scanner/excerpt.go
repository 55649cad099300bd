package scanner

import (
	"bytes"

	"keysweep/finding"
	"keysweep/rules"
)

// excerptSide is how many bytes of a line are kept on either side of a key.
const excerptSide = 160

// excerpt returns the line around matches[i], with every candidate in it
// redacted: a neighbour may be a key of lower confidence, or the same key.
func excerpt(buf []byte, matches []rules.Match, i int) finding.Excerpt {
	m := &matches[i]
	var e finding.Excerpt
	from := bytes.LastIndexByte(buf[:m.Start], '\n') + 1
	if m.Start-from > excerptSide {
		from, e.CutLeft = m.Start-excerptSide, true
	}
	to := len(buf)
	if n := bytes.IndexByte(buf[m.End:], '\n'); n >= 0 {
		to = m.End + n
	}
	if to > m.End && buf[to-1] == '\r' {
		to--
	}
	if to-m.End > excerptSide {
		to, e.CutRight = m.End+excerptSide, true
	}
	e.Before, e.CutLeft = redactRun(buf, from, m.Start, matches[:i], e.CutLeft)
	e.Key = shown(m)
	e.After, _ = redactRun(buf, m.End, to, matches[i+1:], false)
	return e
}

// redactRun returns buf[from:to] without the bodies of the matches in it. A
// match that reaches into the run from the left is left out, which sets cut.
func redactRun(buf []byte, from, to int, matches []rules.Match, cut bool) (string, bool) {
	var b []byte
	for i := range matches {
		m := &matches[i]
		if m.End <= from {
			continue
		}
		if m.Start >= to {
			break
		}
		if m.Start < from {
			from, cut = min(m.End, to), true
			continue
		}
		b = append(b, buf[from:m.Start]...)
		b = append(b, shown(m)...)
		from = min(m.End, to)
	}
	return string(append(b, buf[from:to]...)), cut
}

// shown returns what replaces a match in an excerpt: the heading of its report.
// Encoded text is not shown: the encoding hides nothing.
func shown(m *rules.Match) string {
	f := finding.Finding{Secret: m.Secret, Confidence: m.Confidence, Typed: m.Typed}
	return f.Redacted()
}
