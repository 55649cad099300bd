package encoding

import (
	"bytes"

	"keysweep/rules/ascii"
)

// Encoded text may be broken into lines: LF or CRLF, as bytes or in one of the
// spellings that a string within another file gives them, and an indentation.
const (
	maxIndent = 16
	// minLine is how many characters a line must hold for the next one to be
	// read: a value alone on its line is followed by other words.
	minLine = 16
	maxLine = 1 << 10 // how far the next line is read
)

// MaxBreak is how many bytes a line break takes.
const MaxBreak = len("%0D%0A") + maxIndent

// breaks are the spellings of a line break. Of two that start alike the longer
// one comes first.
var breaks = [...]string{"\r\n", "\n", `\r\n`, `\n`, "%0D%0A", "%0A", "%0d%0a", "%0a"}

// breakAt returns the index behind the line break and indentation at raw[i:],
// or -1 if there is none.
func breakAt(raw []byte, i int) int {
	for _, br := range breaks {
		if len(raw)-i >= len(br) && string(raw[i:i+len(br)]) == br {
			return ascii.RunEnd(raw, i+len(br), maxIndent, ascii.IsBlank)
		}
	}
	return -1
}

// lineBreak returns where encoded text goes on behind the break at raw[i:], or -1: the line
// before must be a long one, or as long as its neighbour; the next must hold nothing but
// characters of the encoding and padding.
func lineBreak(raw []byte, i int, in func(byte) bool) int {
	next := breakAt(raw, i)
	if next < 0 || next >= len(raw) || !in(raw[next]) {
		return -1
	}
	end := ascii.RunEnd(raw, next, maxLine, in)
	if n := i - ascii.RunStart(raw, i, maxLine, in); n < minLine && n != end-next && !blockBefore(raw, i-n, n, in) {
		return -1
	}
	for n := 0; n < 2 && end < len(raw) && raw[end] == '='; n++ {
		end++
	}
	if end == len(raw) || end-next >= maxLine || breakAt(raw, end) >= 0 || ascii.IsQuote(raw[end]) || bytes.IndexByte([]byte(" \t<>-\\)]},;.|%&"), raw[end]) >= 0 {
		return next
	}
	return -1
}

// blockBefore reports whether a line of n characters ends before raw[i:]: lines
// as long as each other are a block, however short they are.
func blockBefore(raw []byte, i, n int, in func(byte) bool) bool {
	i = ascii.RunStart(raw, i, maxIndent, ascii.IsBlank)
	if i == 0 || raw[i-1] != '\n' {
		return false
	}
	if i--; i > 0 && raw[i-1] == '\r' {
		i--
	}
	return n > 0 && i-ascii.RunStart(raw, i, maxLine, in) == n
}

// previousOf returns the index of the character of an encoding that is
// before raw[i:], directly or with one line break between, or -1.
func previousOf(raw []byte, i int, in func(byte) bool) int {
	beside, end := i > 0 && in(raw[i-1]), i
	if !beside {
		end = ascii.RunStart(raw, i, maxIndent, ascii.IsBlank)
	}
	// The last character of a spelt break is one of base64, too.
	for _, br := range breaks {
		if last := end - len(br) - 1; last >= 0 && string(raw[last+1:end]) == br && in(raw[last]) {
			return last
		}
	}
	if beside {
		return i - 1
	}
	return -1
}
