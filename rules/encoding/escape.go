package encoding

import (
	"bytes"
	"fmt"
	"html"
	"slices"
	"sync"
	"unicode/utf8"

	"keysweep/rules/ascii"
)

// escapeDecoder reads text in which some characters are written as escapes. Most
// of such text stays as it is; a prefix has its underscores escaped, and text
// under another encoding whatever that encoding uses as a sign.
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

// with returns s with every byte of signs written as format says.
func (s spelling) with(format, signs string) spelling {
	for i := range len(signs) {
		s[signs[i]] = fmt.Sprintf(format, signs[i])
	}
	return s
}

// spellings are the ways of each kind; each gives a form. JSON has to escape
// backslash and NUL, and may escape & for HTML's sake.
var spellings = sync.OnceValue(func() [markdownEscapes + 1][]spelling {
	var none spelling
	amp := none
	amp['&'] = "&amp;"
	named := amp
	named['_'] = "&lowbar;"
	backslash := none
	backslash['\\'] = `\\`
	var all [markdownEscapes + 1][]spelling
	all[percentEscapes] = []spelling{
		none.with("%%%02X", "_-%\\&#;{}\x00"), none.with("%%%02x", "_-%\\&#;{}\x00"),
		none.with("%%%02X", "%\\&#;{}\x00"), none.with("%%%02x", "%\\&#;{}\x00"), // as encodeURIComponent does
	}
	for _, format := range []string{`\u%04x`, `\u%04X`, `\x%02x`, `\x%02X`} {
		all[stringEscapes] = append(all[stringEscapes], backslash.with(format, "_&\x00"))
	}
	all[stringEscapes] = append(all[stringEscapes], backslash.with(`\u{%x}`, "_\x00"), backslash.with(`\%03o`, "_\x00"))
	all[stringEscapes] = append(all[stringEscapes], backslash.with(`\u%04x`, "\x00"), backslash.with(`\u%04x`, "&\x00"))
	under := amp
	under['_'] = "&UnderBar;"
	all[entityEscapes] = []spelling{named, under, amp, amp.with("&#0%d;", "_"), amp.with("&#%d;", "_"), amp.with("&#x%x;", "_"), amp.with("&#x%X;", "_")}
	all[markdownEscapes] = []spelling{none.with(`\%c`, "_")}
	return all
})

func (d escapeDecoder) forms(plain []byte, _ bool) []form {
	signs := 0 // underscores of a prefix
	for _, c := range plain {
		if c == '_' {
			signs++
		} else if !ascii.IsAlnum(c) {
			signs = 0
			break
		}
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
	n := 0
	for _, c := range plain {
		escaped := ""
		if c < utf8.RuneSelf {
			escaped = s[c]
		}
		if c == '_' {
			if n == keep {
				escaped = ""
			}
			n++
		}
		if escaped == "" {
			dst = append(dst, c)
		}
		dst = append(dst, escaped...)
	}
	return dst
}

func (d escapeDecoder) decode(raw []byte, at int, f form, reach int, dst *Text) (plain int, ok bool) {
	plain = -1
	// Twice the reach is enough for text of which every other byte is escaped.
	end := min(len(raw), at+len(f.literal)+2*reach)
	for i := max(0, at-reach); i < end; {
		if i == at {
			plain = len(dst.B)
		}
		if plain >= 0 && len(dst.B)-plain > reach {
			break
		}
		value, width := d.escapeAt(raw[i:])
		switch {
		case width == 0:
			dst.add(raw[i], i, i+1)
			i++
			continue
		case i < at && i+width > at:
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
	case c == '%' && d.kind == percentEscapes:
		if len(b) >= 3 {
			if v, ok := ascii.HexByte(b[1], b[2]); ok {
				return []byte{v}, 3
			}
		}
	case c == '&' && d.kind == entityEscapes:
		end := bytes.IndexByte(b[:min(len(b), maxEntity)], ';')
		if end < 0 {
			return nil, 0
		}
		entity := string(b[:end+1])
		if text := html.UnescapeString(entity); text != entity {
			return []byte(text), end + 1
		}
	case c == '\\' && len(b) > 1 && d.kind == markdownEscapes:
		if p := b[1]; p > ' ' && p < 0x7F && !ascii.IsAlnum(p) {
			return b[1:2], 2
		}
	case c == '\\' && len(b) > 1 && d.kind == stringEscapes:
		return stringEscapeAt(b)
	}
	return nil, 0
}

// stringEscapeAt is escapeAt for a backslash and at least one more byte.
func stringEscapeAt(b []byte) (value []byte, width int) {
	digits := 0
	switch b[1] {
	case '0', '1':
		if len(b) >= 4 && ascii.IsOctal(b[2]) && ascii.IsOctal(b[3]) {
			return []byte{b[1]&1<<6 | b[2]&7<<3 | b[3]&7}, 4
		}
	case 'x':
		digits = 2
	case 'u':
		digits = 4
	case '\\', '/', '"', '\'', '`':
		return b[1:2], 2
	case 'n':
		return []byte{'\n'}, 2
	case 'r':
		return []byte{'\r'}, 2
	case 't':
		return []byte{'\t'}, 2
	case 'b':
		return []byte{'\b'}, 2
	case 'f':
		return []byte{'\f'}, 2
	}
	if digits == 4 && len(b) > 3 && b[2] == '{' {
		return bracedEscapeAt(b)
	}
	if digits == 0 || len(b) < 2+digits {
		return nil, 0
	}
	r := rune(0)
	for _, c := range b[2 : 2+digits] {
		if !ascii.IsHex(c) {
			return nil, 0
		}
		r = r<<4 | rune(ascii.HexDigit(c))
	}
	if digits == 2 {
		return []byte{byte(r)}, 2 + digits
	}
	return utf8.AppendRune(nil, r), 2 + digits
}

// bracedEscapeAt is escapeAt for \u{ and what follows (ECMA-262).
func bracedEscapeAt(b []byte) (value []byte, width int) {
	const maxDigits = 6
	r, i := rune(0), 3
	for ; i < len(b) && i < 3+maxDigits && ascii.IsHex(b[i]); i++ {
		r = r<<4 | rune(ascii.HexDigit(b[i]))
	}
	if i == 3 || i == len(b) || b[i] != '}' {
		return nil, 0
	}
	return utf8.AppendRune(nil, r), i + 1
}
