package encoding

import (
	"bytes"
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"keysweep/rules/ascii"
)

// escapeDecoder reads text in which some characters are escapes: the underscores of a prefix,
// and of text under another encoding what that uses as a sign.
type escapeDecoder struct{ kind escapeKind }

// escapeKind is a family of escapes.
type escapeKind uint8

const (
	percentEscapes  escapeKind = iota // %5F (RFC 3986)
	stringEscapes                     // \u005f, \x5f, \\ (RFC 8259, ECMA-262)
	entityEscapes                     // &#95;, &lowbar; (HTML)
	markdownEscapes                   // \_ (CommonMark)
)

func (d escapeDecoder) name() string {
	return [...]string{percentEscapes: "percent", stringEscapes: "json", entityEscapes: "html", markdownEscapes: "markdown"}[d.kind]
}

// spelling is how each byte is written; "" leaves it.
type spelling [utf8.RuneSelf]string

// spell returns the spelling in which every byte of signs is written as format says,
// and each first byte of others as the rest.
func spell(format, signs string, others ...string) (s spelling) {
	for i := range len(signs) {
		s[signs[i]] = fmt.Sprintf(format, signs[i])
	}
	for _, other := range others {
		s[other[0]] = other[1:]
	}
	return s
}

// spellings are the ways of each kind; each gives a form. JSON has to escape
// backslash and NUL, and may escape & for HTML's sake.
var spellings = sync.OnceValue(func() [markdownEscapes + 1][]spelling {
	const backslash, amp = `\\\`, "&&amp;"
	return [...][]spelling{
		percentEscapes: {
			spell("%%%02X", "_-%\\&#;{}\x00"), spell("%%%02x", "_-%\\&#;{}\x00"),
			spell("%%%02X", "%\\&#;{}\x00"), spell("%%%02x", "%\\&#;{}\x00"), // as encodeURIComponent does
		},
		stringEscapes: {
			spell(`\u%04x`, "_&\x00", backslash), spell(`\u%04X`, "_&\x00", backslash), spell(`\x%02x`, "_&\x00", backslash), spell(`\x%02X`, "_&\x00", backslash),
			spell(`\u{%x}`, "_\x00", backslash), spell(`\%03o`, "_\x00", backslash), spell(`\u%04x`, "\x00", backslash), spell(`\u%04x`, "&\x00", backslash),
		},
		entityEscapes: {
			spell("", "", amp, "_&lowbar;"), spell("", "", amp, "_&UnderBar;"), spell("", "", amp),
			spell("&#0%d;", "_", amp), spell("&#%d;", "_", amp), spell("&#x%x;", "_", amp), spell("&#x%X;", "_", amp),
		},
		markdownEscapes: {spell(`\%c`, "_")},
	}
})

// wholes are the ways to write every character of a text as an escape.
var wholes = [markdownEscapes + 1][]string{
	percentEscapes: {"%%%02X", "%%%02x"},
	stringEscapes:  {`\u%04x`, `\u%04X`, `\x%02x`, `\x%02X`, `\u{%x}`, `\%03o`},
	entityEscapes:  {"&#%d;", "&#x%x;", "&#x%X;"},
}

func (d escapeDecoder) forms(plain []byte, _ bool) []form {
	signs := bytes.Count(plain, []byte("_")) // of a prefix
	if slices.ContainsFunc(plain, func(c byte) bool { return !ascii.IsWord(c) }) {
		signs = 0
	}
	list := make([]form, 0, 8)
	var buf []byte
	add := func(s *spelling, keep int) {
		buf = s.append(buf[:0], plain, keep)
		if bytes.Equal(buf, plain) || slices.ContainsFunc(list, func(f form) bool { return bytes.Equal(f.literal, buf) }) {
			return
		}
		list = append(list, form{literal: bytes.Clone(buf), single: keep >= 0})
	}
	for _, format := range wholes[d.kind] {
		if signs > 0 { // encoded text is not written so
			whole := spell(format, string(plain))
			add(&whole, -1)
			list[len(list)-1].whole = true
		}
	}
	if d.kind == entityEscapes && signs == 2 { // what converters take for emphasis in Markdown
		em := strings.Replace(strings.Replace(string(plain), "_", "<em>", 1), "_", "</em>", 1)
		list = append(list, form{literal: []byte(em), single: true})
	}
	all := spellings()[d.kind]
	for i := range all {
		add(&all[i], -1)
		// An escape by hand may leave one of the underscores.
		for keep := 0; keep < signs && signs > 1; keep++ {
			add(&all[i], keep)
		}
	}
	return list
}

// append appends plain in the spelling s to dst, but leaves its underscore
// number keep.
func (s *spelling) append(dst, plain []byte, keep int) []byte {
	n := -1
	for _, c := range plain {
		if c == '_' {
			n++
		}
		if c >= utf8.RuneSelf || s[c] == "" || c == '_' && n == keep {
			dst = append(dst, c)
		} else {
			dst = append(dst, s[c]...)
		}
	}
	return dst
}

func (d escapeDecoder) decode(raw []byte, at int, f form, reach int, dst *Text) (plain int, ok bool) {
	plain = -1
	// Every byte may be escaped.
	end := min(len(raw), at+len(f.literal)+len(`\u005f`)*reach)
	for i := max(0, at-reach); i < end; {
		if i == at {
			plain = len(dst.B)
		}
		if plain >= 0 && len(dst.B)-plain > reach {
			break
		}
		value, width := d.escapeAt(raw[i:])
		if width == 0 {
			value, width = raw[i:i+1], 1
		}
		if i < at && i+width > at {
			return 0, false // another escape ends within the text
		}
		for _, c := range value {
			dst.add(c, i, i+width)
		}
		i += width
	}
	return plain, plain >= 0 && plain < len(dst.B)
}

// maxEntity is the length of the longest named character reference that could
// mean a character of a key or of what is next to it.
const maxEntity = len("&NonBreakingSpace;")

// escapeAt returns what the escape at the start of b means, and how many bytes
// it takes; 0 if there is none.
func (d escapeDecoder) escapeAt(b []byte) (value []byte, width int) {
	switch c := b[0]; {
	case c == '%' && len(b) >= 3 && d.kind == percentEscapes:
		if v, ok := ascii.HexByte(b[1], b[2]); ok {
			return []byte{v}, 3
		}
	case c == '&' && d.kind == entityEscapes:
		entity := string(b[:bytes.IndexByte(b[:min(len(b), maxEntity)], ';')+1])
		if text := html.UnescapeString(entity); text != entity {
			return []byte(text), len(entity)
		}
	case c == '<' && d.kind == entityEscapes:
		for _, tag := range [...]string{"<em>", "</em>"} {
			if bytes.HasPrefix(b, []byte(tag)) {
				return []byte("_"), len(tag)
			}
		}
	case c == '\\' && len(b) > 1 && d.kind == markdownEscapes && b[1] > ' ' && b[1] < 0x7F && !ascii.IsAlnum(b[1]):
		return b[1:2], 2
	case c == '\\' && len(b) > 1 && d.kind == stringEscapes:
		return stringEscapeAt(b)
	}
	return nil, 0
}

// stringEscapeAt is escapeAt for a backslash and at least one more byte.
func stringEscapeAt(b []byte) (value []byte, width int) {
	const letters, meanings, maxBraced = "nrtbfv\\/\"'`", "\n\r\t\b\f\v\\/\"'`", len("\\u{10FFFF}")
	c, base, from, to := b[1], 16, 2, 0 // the digits are b[from:to]
	switch {
	case c == '0' || c == '1':
		base, from, to, width = 8, 1, 4, 4
	case c == 'x':
		to, width = 4, 4
	case c == 'u' && len(b) > 3 && b[2] == '{': // ECMA-262
		from, to = 3, bytes.IndexByte(b[:min(len(b), maxBraced)], '}')
		width = to + 1
	case c == 'u':
		to, width = 6, 6
	default:
		if i := strings.IndexByte(letters, c); i >= 0 {
			return []byte{meanings[i]}, 2
		}
	}
	if to <= from || to > len(b) {
		return nil, 0
	}
	v, err := strconv.ParseUint(string(b[from:to]), base, 32)
	if err != nil {
		return nil, 0
	}
	if c == 'u' {
		return utf8.AppendRune(nil, rune(v)), width
	}
	return []byte{byte(v)}, width
}

// maxEscape is the length of the longest escape that EscapeBefore recognises.
const maxEscape = len(`\U00000022`)

// EscapeBefore returns the length of the escape of a string, a URL or a mail that ends at
// b[:at] and means a byte that is not part of a word; 0 if there is none.
func EscapeBefore(b []byte, at int) int {
	for n := 2; n <= min(at, maxEscape); n++ {
		e := b[at-n : at]
		var value []byte
		width := 0
		switch {
		case e[0] == '\\' && n == maxEscape && e[1] == 'U':
			if v, err := strconv.ParseUint(string(e[2:]), 16, 32); err == nil {
				value, width = utf8.AppendRune(nil, rune(v)), n
			}
		case string(e) == `\0`:
			value, width = []byte{0}, n
		case e[0] == '\\':
			value, width = stringEscapeAt(e)
		case (e[0] == '%' || e[0] == '=') && n == 3, n == 5 && string(e[:3]) == "%25":
			if v, ok := ascii.HexByte(e[n-2], e[n-1]); ok {
				value, width = []byte{v}, n
			}
		}
		if width == n && !ascii.IsWord(value[0]) {
			return n
		}
	}
	return 0
}
