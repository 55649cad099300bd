package scanner

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"keysweep/finding"
	"keysweep/rules"
)

// commentReach is how far from the start of a key keysweep:allow is searched
// for, to both sides, on the key's own lines: no further than other keys are
// known, which must not be printed with the reason.
const commentReach = nearby

// lineEnds is what any program may take for the end of a line: a comment speaks
// for no key that a person sees on another line.
const lineEnds = "\n\r\v\f\u0085\u2028\u2029"

// comment returns the comment on the line of matches[i].
func comment(buf []byte, matches []rules.Match, i int) finding.Comment {
	m := &matches[i]
	from := max(0, m.Start-commentReach)
	wide := len(m.Encoding) > 0 && m.Encoding[0] == "utf-16"
	if !wide {
		// Nearly no line has one, and every key of a scan comes by.
		if _, found := rules.FindComment(buf[from:min(len(buf), m.Start+commentReach)]); !found {
			return finding.Comment{}
		}
	}
	if n := bytes.LastIndexAny(buf[from:m.Start], lineEnds); n >= 0 {
		_, size := utf8.DecodeRune(buf[from+n:])
		from += n + size
	}
	to := min(len(buf), m.Start+commentReach)
	if m.End < to {
		if n := bytes.IndexAny(buf[m.End:to], lineEnds); n >= 0 {
			to = m.End + n
		}
	}
	if wide {
		return wideComment(buf, from, to, matches, i)
	}
	at, found := rules.FindComment(buf[from:to])
	if !found {
		return finding.Comment{}
	}
	reason, _ := redactRun(buf, from+at.Start, from+at.End, matches, false)
	return finding.Comment{Found: true, Reason: reason}
}

// wideComment is comment for UTF-16, in the byte order in which the key was read:
// that of big endian text may be the other one, a byte late, which changes only
// how letters beyond ASCII come out in the reason. A reason with other candidates
// in it does not count: where they are in the decoded text is not known.
func wideComment(buf []byte, from, to int, matches []rules.Match, i int) finding.Comment {
	m := &matches[i]
	var order binary.ByteOrder = binary.LittleEndian
	start := m.Start
	if start+1 < len(buf) && buf[start] == 0 {
		order = binary.BigEndian
	}
	from += (start - from) & 1
	var text []uint16
	for at := from; at+1 < to; at += 2 {
		text = append(text, order.Uint16(buf[at:]))
	}
	line := []byte(string(utf16.Decode(text)))
	at, found := rules.FindComment(line)
	if !found {
		return finding.Comment{}
	}
	reason := string(line[at.Start:at.End])
	for k := range matches {
		if prefix := matches[k].Secret.Prefix(); prefix != "" && strings.Contains(reason, prefix) {
			reason = ""
		}
	}
	return finding.Comment{Found: true, Reason: reason}
}
