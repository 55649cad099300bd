package rules

import (
	"bytes"
	"fmt"
	"html"
	"strings"
	"unicode/utf8"
)

// escapeDecoder reads text that some characters of stand in as escapes. Most
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

// evidenceReach is small: what stands around is searched as it is, too.
func (escapeDecoder) evidenceReach() (int, bool) { return 1 << 10, false }

// holds leaves out hex and base64, of which no escape is made, and Markdown
// around anything but text.
func (d escapeDecoder) holds(inner decoder) bool {
	switch inner.(type) {
	case hexDecoder, base64Decoder:
		return false
	}
	return d.kind != markdownEscapes
}

// spelling writes one byte as an escape; "" leaves it.
type spelling func(c byte) string

// spellings are the ways of a kind; each gives a form.
func (d escapeDecoder) spellings() []spelling {
	sign := func(format string, also string) spelling {
		return func(c byte) string {
			if c == '_' || c == 0 || strings.IndexByte(also, c) >= 0 {
				return fmt.Sprintf(format, c)
			}
			return ""
		}
	}
	switch d.kind {
	case percentEscapes:
		const signs = `%\&#;-`
		keep := func(s spelling) spelling { // as encodeURIComponent does
			return func(c byte) string {
				if c == '_' || c == '-' {
					return ""
				}
				return s(c)
			}
		}
		upper, lower := sign("%%%02X", signs), sign("%%%02x", signs)
		return []spelling{upper, lower, keep(upper), keep(lower)}
	case stringEscapes:
		backslash := func(s spelling) spelling {
			return func(c byte) string {
				if c == '\\' {
					return `\\`
				}
				return s(c)
			}
		}
		var list []spelling
		for _, format := range []string{`\u%04x`, `\u%04X`, `\x%02x`, `\x%02X`} {
			list = append(list, backslash(sign(format, "&")))
		}
		only := func(s string) spelling { // as JSON must, and as it may for HTML's sake
			return func(c byte) string {
				switch {
				case c == 0:
					return `\u0000`
				case c == '\\':
					return `\\`
				case strings.IndexByte(s, c) >= 0:
					return fmt.Sprintf(`\u%04x`, c)
				}
				return ""
			}
		}
		return append(list, only(""), only("&"))
	case entityEscapes:
		named := func(c byte) string {
			switch c {
			case '_':
				return "&lowbar;"
			case '&':
				return "&amp;"
			}
			return ""
		}
		amp := func(c byte) string {
			if c == '&' {
				return "&amp;"
			}
			return ""
		}
		numeric := func(format string) spelling {
			return func(c byte) string {
				if c == '_' {
					return fmt.Sprintf(format, c)
				}
				return amp(c)
			}
		}
		return []spelling{named, amp, numeric("&#%d;"), numeric("&#x%x;"), numeric("&#x%X;")}
	}
	return []spelling{func(c byte) string {
		if c == '_' {
			return `\_`
		}
		return ""
	}}
}

func (d escapeDecoder) forms(plain []byte) []form {
	var list []form
	seen := map[string]bool{string(plain): true}
	add := func(text []byte) {
		if !seen[string(text)] {
			seen[string(text)] = true
			list = append(list, form{literal: text})
		}
	}
	signs := 0 // underscores of a prefix
	for _, c := range plain {
		if c == '_' {
			signs++
		} else if !isAlnum(c) {
			signs = 0
			break
		}
	}
	for _, spell := range d.spellings() {
		add(spelt(plain, spell, -1))
		// Who escapes by hand may leave one of the underscores.
		for i := 0; i < signs && signs > 1; i++ {
			add(spelt(plain, spell, i))
		}
	}
	return list
}

// spelt returns plain in a spelling, but for its underscore number keep.
func spelt(plain []byte, spell spelling, keep int) []byte {
	var text []byte
	n := 0
	for _, c := range plain {
		escaped := spell(c)
		if c == '_' {
			if n == keep {
				escaped = ""
			}
			n++
		}
		if escaped == "" {
			text = append(text, c)
		}
		text = append(text, escaped...)
	}
	return text
}

func (d escapeDecoder) decode(raw []byte, at int, f form, reach int, dst *text) (plain int, ok bool) {
	dst.reset()
	plain = -1
	// Twice the reach is enough for text of which every other byte is escaped.
	end := min(len(raw), at+len(f.literal)+2*reach)
	for i := max(0, at-reach); i < end; {
		if i == at {
			plain = len(dst.b)
		}
		if plain >= 0 && len(dst.b)-plain > reach {
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
	return plain, plain >= 0 && plain < len(dst.b)
}

// maxEntity is the length of the longest named character reference that could
// mean a character of a key or of what stands beside it.
const maxEntity = len("&NonBreakingSpace;")

// escapeAt returns what the escape at the start of b means, and how many bytes
// it takes; 0 if there is none.
func (d escapeDecoder) escapeAt(b []byte) (value []byte, width int) {
	switch c := b[0]; {
	case c == '%' && d.kind == percentEscapes:
		if len(b) >= 3 {
			if v, ok := hexValue(b[1], b[2]); ok {
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
		if p := b[1]; p > ' ' && p < 0x7F && !isAlnum(p) {
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
	if digits == 0 || len(b) < 2+digits {
		return nil, 0
	}
	r := rune(0)
	for _, c := range b[2 : 2+digits] {
		if !isHex(c) {
			return nil, 0
		}
		r = r<<4 | rune(hexDigit(c))
	}
	if digits == 2 {
		return []byte{byte(r)}, 2 + digits
	}
	return utf8.AppendRune(nil, r), 2 + digits
}
