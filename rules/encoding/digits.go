package encoding

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"

	"keysweep/rules/ascii"
	"keysweep/rules/finder"
)

// digitDecoder reads text written in digits of 4 or 6 bits, hexadecimal (in
// either case) or base64 (RFC 4648, with either alphabet), in one line or broken
// into lines. In base64, three bytes become a quantum of four characters, so a
// prefix has three forms, by its offset in the quantum; a form holds only the
// characters that no neighbour of the prefix has a bit in:
//
//	offset 0   |c2tf|bGl2|ZV9.|        c2tfbGl2ZV
//	offset 1   |.HNr|X2xp|dmVf|         NrX2xpdmVf
//	offset 2   |..cz|...                za19saXZlX
type digitDecoder struct{ bits int }

func (d digitDecoder) name() string { return map[int]string{4: "hex", 6: "base64"}[d.bits] }

func (d digitDecoder) forms(plain []byte, nested bool) []form {
	list := make([]form, 0, 6)
	if d.bits == 4 {
		lower := hex.AppendEncode(nil, plain)
		return append(append(list, halves(lower, 0)...), halves(bytes.ToUpper(lower), 0)...)
	}
	for offset := range 3 {
		quanta := append(make([]byte, offset, offset+len(plain)), plain...)
		chars := base64.RawStdEncoding.AppendEncode(nil, quanta)[(8*offset+5)/6 : 8*len(quanta)/6]
		if whole := halves(chars, offset); len(whole) > 1 {
			list = append(list, whole...)
			continue
		}
		// Too short for halves: a form for each position of a line break.
		list = append(list, form{literal: chars, variant: offset})
		for i := 1; i < len(chars) && !nested; i++ {
			for _, br := range breaks[:2] {
				list = append(list, form{literal: slices.Concat(chars[:i], []byte(br), chars[i:]), variant: offset, single: true})
			}
			list = append(list, indented(chars, i, offset)...)
		}
	}
	return list
}

// indented returns forms of chars with a break before chars[i] and any number of spaces behind
// it: the longer piece, and as many of them as make it long enough to be searched for.
func indented(chars []byte, i, offset int) (list []form) {
	spaces := func(beside int) string { return strings.Repeat(" ", max(1, finder.HeadLen-beside)) }
	if tail := string(chars[i:]); len(tail) > i {
		return []form{{literal: []byte(spaces(len(tail)) + tail), variant: offset, skip: i, single: true}}
	}
	for _, br := range breaks[:2] {
		literal := string(chars[:i]) + br
		list = append(list, form{literal: []byte(literal + spaces(len(literal))), variant: offset, single: true})
	}
	return list
}

// base64Value returns the six bits of character c of either alphabet.
func base64Value(c byte) (byte, bool) {
	switch class := ascii.ClassOf(c); {
	case class == ascii.Upper:
		return c - 'A', true
	case class == ascii.Lower:
		return c - 'a' + 26, true
	case class == ascii.Digit:
		return c - '0' + 52, true
	case c == '+' || c == '-':
		return 62, true
	}
	return 63, c == '/' || c == '_'
}

func isBase64(c byte) bool {
	_, ok := base64Value(c)
	return ok
}

// base64Escapes are how + and / are spelt within a URL, a string of JSON or a
// page of HTML.
var base64Escapes = []struct {
	text  string
	value byte
}{
	{"%2B", 62}, {"%2F", 63}, {"%2b", 62}, {"%2f", 63},
	{`\/`, 63}, {`\u002b`, 62}, {`\u002f`, 63}, {`\u002B`, 62}, {`\u002F`, 63},
	{"%5C%2F", 63}, {"%5Cu002B", 62}, {"%5Cu002F", 63}, {"%5Cu002b", 62}, {"%5Cu002f", 63},
	{"&#43;", 62}, {"&#47;", 63}, {"&#x2B;", 62}, {"&#x2F;", 63}, {"&#x2b;", 62}, {"&#x2f;", 63}, {"&plus;", 62}, {"&sol;", 63},
}

// firstSextet is the position in the quantum of a form's first character, by
// offset.
var firstSextet = [3]int{0, 2, 3}

func (d digitDecoder) decode(raw []byte, at int, f form, reach int, dst *Text) (plain int, ok bool) {
	isDigit, chars, bytes := isBase64, 4, 3 // of a quantum
	if d.bits == 4 {
		isDigit, chars, bytes = ascii.IsHex, 2, 1
	}
	// Quanta are counted from the text's own, whose first character may be
	// on the line before.
	start := at
	for range f.skip + firstSextet[f.variant] {
		if start = previousOf(raw, start, isDigit); start < 0 {
			return 0, false // the text's first byte is not all there
		}
	}
	before := 0 // quanta
	for ; before < reach/bytes && start >= chars && ascii.RunStart(raw, start, chars, isDigit) == start-chars; before++ {
		start -= chars
	}
	// A form may hold a break, and the reader must get past it.
	wrapped := at + len(f.literal)
	end := min(len(raw), wrapped+reach*chars/bytes+MaxBreak*reach/minLine)
	var bits uint32
	n, last := 0, 0 // bits held, and where the last character is
	for i := start; i < end && !(dst.bare && len(dst.B) > bytes*before+reach); {
		v, width := d.digitAt(raw, i)
		if width == 0 {
			if i < wrapped && d.bits == 6 {
				i = breakAt(raw, i)
			} else {
				i = lineBreak(raw, i, isDigit)
			}
			if i < 0 {
				break
			}
			continue
		}
		bits = bits<<d.bits | uint32(v)
		if n += d.bits; n >= 8 {
			n -= 8
			dst.add(byte(bits>>n), last, i+width)
		}
		last = i
		i += width
	}
	plain = bytes*before + f.variant
	return plain, plain < len(dst.B)
}

// digitAt returns the bits of the character at raw[i:], and its width in bytes;
// 0 if there is none.
func (d digitDecoder) digitAt(raw []byte, i int) (value byte, width int) {
	c := raw[i]
	if d.bits == 4 {
		if ascii.IsHex(c) {
			return ascii.HexDigit(c), 1
		}
		return 0, 0
	}
	if v, ok := base64Value(c); ok {
		return v, 1
	}
	if c == '%' || c == '\\' || c == '&' {
		for _, e := range base64Escapes {
			if len(raw)-i >= len(e.text) && string(raw[i:i+len(e.text)]) == e.text {
				return e.value, len(e.text)
			}
		}
	}
	return 0, 0
}

// Gzip files in base64, as Helm, Terraform and cloud-init write them, and the base64 of
// that. They begin with
//
//	1f 8b 08 | flags, 1 byte | time, 4 bytes, zero if a program wrote it
//	H4sI     | A, C          | AAAAA
//
// where the flags say that there is a name, or nothing.

// packedHead begins a gzip file in base64.
const packedHead = "H4sI"

// PackedForms calls yield for every literal that shows where such a text is, or the
// base64 of it: that is found anywhere if its time is zero, else at the start.
func PackedForms(yield func(literal []byte, steps Steps)) {
	d, plain := digitDecoder{6}, form{literal: []byte(packedHead)}
	list := d.forms([]byte(packedHead+"AAAAAA"), true)
	for _, flags := range "AC" {
		for time := 'A'; time <= 'P'; time++ {
			head := []byte(packedHead + string(flags) + string(time))
			list = append(list, d.forms(head, true)[0])
			yield(head, Steps{{d, plain}})
		}
	}
	for _, out := range list {
		yield(out.literal, Steps{{d, out}, {d, plain}})
	}
}

// IsPacked reports whether b, which base64 was decoded to, begins a gzip file (RFC 1952).
func IsPacked(b []byte) bool {
	return len(b) > 18 && b[0] == 0x1f && b[1] == 0x8b && b[2] == 8 && b[3] < 0x20 && (b[9] <= 13 || b[9] == 0xff)
}
