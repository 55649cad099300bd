package scanner

import (
	"encoding/binary"
	"regexp"
	"strings"
	"sync"
	"unicode/utf16"

	"keysweep/finding"
	"keysweep/rules"
)

// commentReach is how far from the start of a key keysweep:allow is looked for,
// to both sides, on the lines that the key stands on: no further than other
// keys are asked for, which must not be printed with the reason.
const commentReach = nearby

// lineEnds matches what any program may take for the end of a line: a comment
// speaks for no key that a person sees on another line.
var lineEnds = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[\n\r\v\f\x{85}\x{2028}\x{2029}]`) })

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
	if ends := lineEnds().FindAllIndex(buf[from:m.Start], -1); len(ends) > 0 {
		from += ends[len(ends)-1][1]
	}
	to := min(len(buf), m.Start+commentReach)
	if m.End < to {
		if n := lineEnds().FindIndex(buf[m.End:to]); n != nil {
			to = m.End + n[0]
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
// that of big endian text may be the other one, a byte late, which changes
// nothing but how letters beyond ASCII come out in the reason. A reason with other
// candidates in it does not count: they have no place in the text that is read
// here.
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
