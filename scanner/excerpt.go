package scanner

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"keysweep/exceptions/inline"
	"keysweep/finding"
	"keysweep/quote"
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
	e.After, _ = redactRun(buf, min(quote.EndBeside(buf, m), to), to, matches[i+1:], false)
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

// commentReach is how far from the start of a key keysweep:allow is searched
// for, to both sides, on the key's own lines: no further than other keys are
// known, which must not be printed with the reason.
const commentReach = nearby

// comment returns the comment on the line of matches[i]. With foreign, those of other
// scanners count as well.
func comment(buf []byte, matches []rules.Match, i int, foreign bool) finding.Comment {
	m := &matches[i]
	from := max(0, m.Start-commentReach)
	wide := len(m.Encoding) > 0 && m.Encoding[0] == "utf-16"
	if !wide {
		// Nearly no line has one, and every key of a scan comes by.
		near := buf[from:min(len(buf), m.Start+commentReach)]
		_, isOurs := inline.Find(near, false)
		if _, isForeign := inline.FindForeign(near); !isOurs && !isForeign {
			return finding.Comment{}
		}
	}
	if n := bytes.LastIndexAny(buf[from:m.Start], inline.LineEnds); n >= 0 {
		_, size := utf8.DecodeRune(buf[from+n:])
		from += n + size
	}
	to := min(len(buf), m.Start+commentReach)
	if m.End < to {
		if n := bytes.IndexAny(buf[m.End:to], inline.LineEnds); n >= 0 {
			to = m.End + n
		}
	}
	if wide {
		return wideComment(buf, from, to, matches, i, foreign)
	}
	c, at := readComment(buf[from:to], foreign)
	if c.Found {
		c.Reason, _ = redactRun(buf, from+at.Start, from+at.End, matches, false)
	}
	return c
}

// readComment returns the comment on a line, and where in the line its reason is.
func readComment(line []byte, foreign bool) (c finding.Comment, reason rules.Span) {
	reason, c.Found = inline.Find(line, foreign)
	if word, ok := inline.FindForeign(line); ok {
		c.Foreign = string(line[word.Start:word.End])
	}
	return c, reason
}

// wideComment is comment for UTF-16, in the byte order in which the key was read:
// that of big endian text may be the other one, a byte late, which changes only
// how letters beyond ASCII come out in the reason. A reason with other candidates
// in it does not count: where they are in the decoded text is not known.
func wideComment(buf []byte, from, to int, matches []rules.Match, i int, foreign bool) finding.Comment {
	m := &matches[i]
	unit := binary.LittleEndian.Uint16
	start := m.Start
	if start+1 < len(buf) && buf[start] == 0 {
		unit = binary.BigEndian.Uint16
	}
	from += (start - from) & 1
	var text []uint16
	for at := from; at+1 < to; at += 2 {
		text = append(text, unit(buf[at:]))
	}
	line := []byte(string(utf16.Decode(text)))
	c, at := readComment(line, foreign)
	c.Reason = string(line[at.Start:at.End])
	for k := range matches {
		if prefix := matches[k].Secret.Prefix(); prefix != "" && strings.Contains(c.Reason, prefix) {
			c.Reason = ""
		}
	}
	return c
}
