package rules

import (
	"bytes"
	"strings"

	"keysweep/rules/ascii"
)

// What terminals, converters and editors put into text to change how it looks:
//
//	CSI   ESC [ parameters final     ESC[1;31m ESC[38:5:9m ESC[K
//	OSC   ESC ] text BEL or ESC \    a title, a link
//	else  ESC ( B, ESC 7             a character set, the cursor
//
// Logs and reports write ESC in many ways, or drop it; then CSI is only believed
// with parameters and a common final.
const (
	maxSequence = 40  // bytes of a sequence that is not OSC
	maxOSC      = 256 // bytes
	maxTag      = 200 // bytes
)

// escapes are the spellings of ESC.
var escapes = [...]string{"\x1b", `\x1b`, `\x1B`, `\033`, `\e`, `\u001b`, `\u001B`, "#x1B", "#x1b", "&#27;", "&#x1b;", "&#x1B;", "^[", "\ufffd", "\u241b"}

// escapeLen returns the length of the ESC at the start of b, or 0.
func escapeLen(b []byte) int {
	if len(b) > 0 && strings.IndexByte("\x1b\\#&^\xef\xe2", b[0]) >= 0 {
		for _, e := range escapes {
			if len(b) >= len(e) && string(b[:len(e)]) == e {
				return len(e)
			}
		}
	}
	return 0
}

// sequenceAt returns where the terminal sequence that starts at b[at:] ends, or
// at if there is none.
func sequenceAt(b []byte, at int) int {
	esc := escapeLen(b[at:])
	i := at + esc
	if i >= len(b) || esc == 0 && b[i] != '[' {
		return at
	}
	switch b[i] {
	case '[':
		params := i + 1
		i = ascii.RunEnd(b, params, maxSequence, func(c byte) bool { return c >= '0' && c <= '?' })
		if i < len(b) && (esc > 0 && b[i] >= '@' && b[i] <= '~' || i > params && (b[i] == 'm' || b[i] == 'K')) {
			return i + 1
		}
	case ']':
		for end := min(len(b), i+maxOSC); i < end; i++ {
			if b[i] == '\a' {
				return i + 1
			}
			if n := escapeLen(b[i:]); n > 0 && i+n < end && b[i+n] == '\\' {
				return i + n + 1
			}
		}
	case '(', ')':
		return min(len(b), i+2)
	case '7', '8', '=', '>', 'M', 'c':
		if esc == 1 {
			return i + 1
		}
	}
	return at
}

// sequenceBefore reports whether a terminal sequence ends at b[:at].
func sequenceBefore(b []byte, at int) bool {
	for i := at - 2; i >= max(0, at-maxSequence); i-- {
		if sequenceAt(b, i) == at {
			return true
		}
	}
	return false
}

// unseen are signs that a reader of the text does not see, and tags by their
// names, which mark a part of it.
var (
	unseen = [...]string{"\u200b", "\u00ad", "&shy;", "&#173;", "&#8203;", "&ZeroWidthSpace;"}
	tags   = [...]string{"b", "i", "u", "em", "wbr", "mark", "span", "strong", "code", "font"}
)

// What shells write at the right margin: bash a blank and a carriage return; zsh
// also ESC[K, the character that goes on in the next line, a carriage return, and
// the character again.
const (
	bashMargin = " \r"
	zshMargin  = " \r\x1b[K"
)

// marginAt returns where text goes on behind a margin at b[at:], or at.
func marginAt(b []byte, at int) int {
	rest := b[at:min(len(b), at+maxTag)]
	if n := len(zshMargin); bytes.HasPrefix(rest, []byte(zshMargin)) && len(rest) > n+2 && rest[n+1] == '\r' && rest[n] == rest[n+2] {
		return at + n + 2
	}
	if n := len(bashMargin); bytes.HasPrefix(rest, []byte(bashMargin)) && len(rest) > n && ascii.IsName(rest[n]) {
		return at + n
	}
	return at
}

// unseenAt returns where the signs end that start at b[at:] and are no part of the
// text, or at if there are none.
func unseenAt(b []byte, at int) int {
	for begin, start := at, -1; start != at && at-begin < maxTag; {
		start = at
		rest := b[at:min(len(b), at+maxTag)]
		at = max(sequenceAt(b, at), tagAt(b, at))
		for _, s := range unseen {
			if bytes.HasPrefix(rest, []byte(s)) {
				at += len(s)
				break
			}
		}
	}
	return at
}

// tagAt returns where the tag that starts at b[at:] ends, or at.
func tagAt(b []byte, at int) int {
	rest := b[at:min(len(b), at+maxTag)]
	if len(rest) == 0 || rest[0] != '<' {
		return at
	}
	end := bytes.IndexByte(rest, '>')
	name := bytes.TrimPrefix(rest[1:max(end, 1)], []byte("/"))
	name = name[:ascii.RunEnd(name, 0, len(name), ascii.IsAlnum)]
	for _, t := range tags {
		if end > 0 && string(name) == t {
			return at + end + 1
		}
	}
	return at
}
