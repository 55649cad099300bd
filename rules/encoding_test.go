package rules

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"
	"testing"

	"keysweep/finding"
)

func utf32le(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteString(s[i:i+1] + "\x00\x00\x00")
	}
	return b.String()
}

func utf32be(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteString("\x00\x00\x00" + s[i:i+1])
	}
	return b.String()
}

// escaped writes each of the bytes in signs as format says.
func escaped(format, signs string) func(string) string {
	return func(s string) string {
		var b strings.Builder
		for i := range len(s) {
			if strings.IndexByte(signs, s[i]) >= 0 {
				fmt.Fprintf(&b, format, s[i])
			} else {
				b.WriteByte(s[i])
			}
		}
		return b.String()
	}
}

// stringOf writes a string's body, with escapes of a format.
func stringOf(format string) func(string) string {
	return func(s string) string { return escaped(format, "_\"&\x00")(strings.ReplaceAll(s, `\`, `\\`)) }
}

// encoder makes an encoding of text.
type encoder struct {
	name, encoding string
	encode         func(string) string
}

var encoders = []encoder{
	{"UTF-16 little endian", "utf-16", utf16le},
	{"UTF-16 big endian", "utf-16", utf16be},
	{"UTF-32 little endian", "utf-32", utf32le},
	{"UTF-32 big endian", "utf-32", utf32be},
	{"hex", "hex", func(s string) string { return hex.EncodeToString([]byte(s)) }},
	{"HEX", "hex", func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) }},
	{"base64", "base64", func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }},
	{"base64url", "base64", func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }},
	{"percent", "percent", func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "_", "%5F") }},
	{"percent in lower case", "percent", func(s string) string { return escaped("%%%02x", "_%\\&#;{}\"= \x00")(s) }},
	{"JSON", "json", stringOf(`\u%04x`)},
	{"JSON in capitals", "json", stringOf(`\u%04X`)},
	{"JavaScript", "json", stringOf(`\x%02x`)},
	{"JavaScript, braces", "json", func(s string) string {
		return escaped(`\u{%x}`, "_\x00")(escaped(`\x%02x`, "\"&")(strings.ReplaceAll(s, `\`, `\\`)))
	}},
	{"octal", "json", func(s string) string {
		return escaped(`\%03o`, "_\x00")(escaped(`\x%02x`, "\"&")(strings.ReplaceAll(s, `\`, `\\`)))
	}},
	{"HTML, three digits", "html", func(s string) string { return strings.ReplaceAll(html.EscapeString(s), "_", "&#095;") }},
	{"HTML, another name", "html", func(s string) string { return strings.ReplaceAll(html.EscapeString(s), "_", "&UnderBar;") }},
	{"HTML", "html", func(s string) string { return strings.ReplaceAll(html.EscapeString(s), "_", "&#95;") }},
	{"HTML, hexadecimal", "html", func(s string) string { return strings.ReplaceAll(html.EscapeString(s), "_", "&#x5F;") }},
	{"HTML, named", "html", func(s string) string { return strings.ReplaceAll(html.EscapeString(s), "_", "&lowbar;") }},
	{"Markdown", "markdown", escaped(`\%c`, "_*`[\\")},
}

// makes no sense within, or changes nothing: base64 as it is, within percent.
func unchanged(outer, inner encoder, plain string) bool {
	in := inner.encode(plain)
	wides := []string{"utf-16", "utf-32"}
	return outer.encoding == "markdown" || slices.Contains(wides, outer.encoding) && slices.Contains(wides, inner.encoding) ||
		inner.encoding == "hex" && outer.encode(in) == in || outer.encode(in) == in ||
		// HTML has no way to write a NUL.
		outer.encoding == "html" && slices.Contains(wides, inner.encoding)
}

func TestEveryEncodingOfAKeyIsFound(t *testing.T) {
	s := loaded(t)
	m := s.NewMatcher()
	for _, prefix := range []string{"{{live}}", "{{test}}"} {
		for _, head := range []string{"", `a=`, `{"k": "`, "user:", "xy "} {
			for _, body := range []string{"{{base62:24:a}}", "51{{base62:87:b}}00{{base62:8:c}}", "{{hex:40:d}}"} {
				key := expand(t, prefix+body)
				plain := head + key + `", x`
				for _, e := range encoders {
					found(t, m, e.name, "("+e.encode(plain)+")", key, e.encoding)
				}
				for _, outer := range encoders {
					for _, inner := range encoders {
						if unchanged(outer, inner, plain) {
							continue
						}
						found(t, m, outer.name+" of "+inner.name, "("+outer.encode(inner.encode(plain))+")", key, outer.encoding, inner.encoding)
					}
				}
			}
		}
	}
}

// found checks that text holds key, and nothing else, under the encodings.
func found(t *testing.T, m *Matcher, name, text, key string, encodings ...string) {
	t.Helper()
	list := accepted(m.Matches([]byte(text), Span{0, len(text)}))
	if len(list) != 1 || list[0].Secret.Reveal() != key {
		t.Errorf("%s of %.12q: found\n%s", name, text, revealed(list))
		return
	}
	k := list[0]
	// base64 and hex are the same under escapes that they need none of.
	if !slices.Equal(k.Encoding, encodings) && !slices.Equal(k.Encoding, encodings[len(encodings)-1:]) {
		t.Errorf("%s: encoding %q", name, k.Encoding)
	}
	if k.Confidence != finding.High {
		t.Errorf("%s: confidence %v", name, k.Confidence)
	}
	if k.Start < 0 || k.End > len(text) || k.End-k.Start < len(key) {
		t.Errorf("%s: span [%d,%d)", name, k.Start, k.End)
	}
}

// literalIn reports whether text holds the prefix in base64 in one piece.
func literalIn(text string) bool {
	return strings.Contains(text, "c2tfbGl2ZV") || strings.Contains(text, "NrX2xpdmVf") || strings.Contains(text, "za19saXZlX")
}

// wrapped breaks text into lines.
func wrapped(text string, width int, br string) string {
	var lines []string
	for text != "" {
		n := min(width, len(text))
		lines, text = append(lines, text[:n]), text[n:]
	}
	return strings.Join(lines, br)
}

func TestWrappedBase64(t *testing.T) {
	m := loaded(t).NewMatcher()
	for _, head := range []string{"", "user:", "a:", "some longer text before it, "} {
		key := expand(t, "{{live}}{{base62:32:a}}")
		one := base64.StdEncoding.EncodeToString([]byte(head + key + ":"))
		// A shorter line breaks the prefix twice.
		for width := 10; width <= 76; width++ {
			for _, br := range []string{"\n", "\r\n", "\n    ", `\n`, `\r\n`, "%0A"} {
				text := "k: \"" + wrapped(one, width, br) + "\""
				list := accepted(m.Matches([]byte(text), Span{0, len(text)}))
				if br[0] < ' ' || width >= 16 && literalIn(text) {
					if len(list) != 1 || list[0].Secret.Reveal() != key {
						t.Errorf("%d a line, broken by %q: found\n%s%s", width, br, revealed(list), text)
					}
				}
			}
		}
	}
}

// joined writes each byte as format says, with sep between two.
func joined(format, sep string) func(string) string {
	return func(s string) string {
		var items []string
		for i := range len(s) {
			items = append(items, fmt.Sprintf(format, s[i]))
		}
		return strings.Join(items, sep)
	}
}

// dumped writes lines of 16 bytes as a dump has them: where they are, the bytes in
// groups, and the text.
func dumped(offset string, group int, gutter string) func(string) string {
	return func(s string) string {
		var b strings.Builder
		for at := 0; at < len(s); at += 16 {
			line := s[at:min(len(s), at+16)]
			fmt.Fprintf(&b, offset, at)
			n := 0
			for i := 0; i < len(line); i += group {
				part := " " + hex.EncodeToString([]byte(line[i:min(len(line), i+group)]))
				b.WriteString(part)
				n += len(part)
			}
			if gutter != "" {
				b.WriteString(strings.Repeat(" ", 16/group*(2*group+1)-n+2))
				fmt.Fprintf(&b, gutter, strings.ReplaceAll(line, "\n", "."))
			}
			b.WriteString("\n")
		}
		return b.String()
	}
}

// inWords writes 16 bytes a line behind an offset: in words of size bytes, the last byte first,
// or, if size is 0, as numbers.
func inWords(offset, format string, size int) func(string) string {
	return func(s string) string {
		s += strings.Repeat("\x00", 15-(len(s)+15)%16)
		var b strings.Builder
		for i := 0; i < len(s); i += max(size, 1) {
			if i%16 == 0 {
				fmt.Fprintf(&b, "\n"+offset, i)
			}
			if size == 0 {
				fmt.Fprintf(&b, format, s[i])
				continue
			}
			word := []byte(s[i : i+size])
			slices.Reverse(word)
			fmt.Fprintf(&b, format, fmt.Sprintf("%x", word))
		}
		return b.String() + "\n"
	}
}

// onOwnLine starts a line before what encode writes.
func onOwnLine(encode func(string) string) func(string) string {
	return func(s string) string { return "\n" + encode(s) }
}

// inCells writes text as od -c does.
func inCells(text string) string {
	var b strings.Builder
	b.WriteString("\n")
	for i := range len(text) {
		if i%16 == 0 {
			fmt.Fprintf(&b, "%07o", i)
		}
		switch c := text[i]; {
		case c == '\n':
			b.WriteString(`  \n`)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, " %03o", c)
		default:
			fmt.Fprintf(&b, "   %c", c)
		}
		if i%16 == 15 {
			b.WriteString("\n")
		}
	}
	return fmt.Sprintf("%s\n%07o\n", b.String(), len(text))
}

func TestKeysWhoseBytesAreWrittenOneByOne(t *testing.T) {
	m := loaded(t).NewMatcher()
	key := expand(t, "{{live}}51{{base62:87:b}}00{{base62:8:c}}")
	for _, e := range []encoder{
		{"escapes of a string", "json", joined(`\x%02x`, "")},
		{"escapes in capitals", "json", joined(`\x%02X`, "")},
		{"escapes of JSON", "json", joined(`\u%04x`, "")},
		{"escapes in braces", "json", joined(`\u{%x}`, "")},
		{"octal escapes", "json", joined(`\%03o`, "")},
		{"entities", "html", joined("&#%d;", "")},
		{"hexadecimal entities", "html", joined("&#x%X;", "")},
		{"percent escapes", "percent", joined("%%%02X", "")},
		{"an array", "hex", joined("0x%02x", ", ")},
		{"an array in lines", "hex", func(s string) string { return wrapped(joined("0x%02x", ", ")(s)+",", 72, "\n  ") }},
		{"an array without spaces", "hex", joined("0x%02X", ",")},
		{"0x and a blank", "hex", joined("0x%02x", " ")},
		{"gdb's x/xb", "hex", inWords("0x7ffffffe%02x:", "\t0x%s", 1)},
		{"gdb's x/xw", "hex", inWords("0x7ffffffe%02x:", "\t0x%s", 4)},
		{"gdb's x/xg", "hex", inWords("0x7ffffffe%02x:", "\t0x%s", 8)},
		{"hexdump without an option", "hex", inWords("%07x", " %s", 2)},
		{"od -t x4", "hex", inWords("%07o", " %s", 4)},
		{"Rust's {:02x?}", "hex", joined("%02x", ", ")},
		{"commas", "hex", joined("%02x", ",")},
		{"colons", "hex", joined("%02X", ":")},
		{"dashes", "hex", joined("%02X", "-")},
		{"spaces", "hex", joined("%02x", " ")},
		{"a registry file in lines", "hex", func(s string) string { return wrapped(joined("%02x", ",")(s), 75, "\\\r\n  ") }},
		{"od", "hex", dumped("%07o", 1, "")},
		{"hexdump", "hex", dumped("%08x ", 1, "|%s|")},
		{"xxd", "hex", dumped("%08x:", 2, "%s")},
		{"tcpdump -X", "hex", dumped("\t0x%04x: ", 2, "%s")},
		{"curl --trace", "hex", onOwnLine(func(s string) string { return strings.ReplaceAll(dumped("%04x:", 1, "\b%s")(s), " \b", "") })},
		{"Java", "hex", onOwnLine(dumped("  %04X:", 1, "%s"))},
		{"OpenSSL", "hex", dumped("%04x -", 1, "%s")},
		{"offsets of a few digits", "hex", dumped("%02x:", 1, "%s")},
		{"32 bytes behind a short offset", "hex", func(s string) string {
			var b strings.Builder
			for i := 0; i < len(s); i += 32 {
				fmt.Fprintf(&b, "\n%04x: % x", i, s[i:min(len(s), i+32)])
			}
			return b.String() + "\n"
		}},
		{"tshark", "hex", dumped("%04x ", 1, "%s")},
		{"a decimal array", "decimal", joined("%d", ", ")},
		{"a decimal array without spaces", "decimal", joined("%d", ",")},
		{"a printed slice", "decimal", joined("%d", " ")},
		{"Node's array", "decimal", func(s string) string {
			return strings.ReplaceAll(wrapped(joined("%3d", ", ")(s), 60, ",\n  "), ", ,\n", ",\n")
		}},
		{"od -t u1", "decimal", inWords("%07o", " %3d", 0)},
		{"an indented array", "decimal", joined("%d", ",\n    ")},
		{"od -c", "characters", inCells},
	} {
		for n := range 17 {
			found(t, m, e.name, "("+e.encode(strings.Repeat("x", n)+"\n"+key+"\n")+")", key, e.encoding)
		}
		if strings.HasPrefix(e.name, "escapes") {
			quoted := strings.ReplaceAll(e.encode(key), `\`, `\\`)
			found(t, m, e.name+" in JSON", `"`+quoted+`"`, key, e.encoding, e.encoding)
		}
	}
	found(t, m, "an indented list at the start", wrapped("    "+joined("%02x", ":")("k="+key), 45, "\n    "), key, "hex")
	found(t, m, "UTF-16 in a registry file", joined("%02x", ",")(utf16le(key)), key, "hex", "utf-16")
	found(t, m, "a registry file in UTF-16", utf16le(joined("%02x", ",")(key)), key, "utf-16", "hex")
}

func TestKeysInPiecesAreWhole(t *testing.T) {
	m := loaded(t).NewMatcher()
	for _, body := range []string{"51{{base62:87:b}}00{{base62:8:c}}", "{{hex:40:d}}", "{{base62:42:e}}"} {
		key := expand(t, "{{live}}"+body)
		prefix, rest := key[:8], key[8:]
		first, last := key[:29], key[29:] // 22 characters would be another key
		for name, text := range map[string]string{
			"colours within":              "k \x1b[31m" + first + "\x1b[1;32m" + last + "\x1b[0m x",
			"a colour of the prefix":      "k=\x1b[01;31m\x1b[K" + prefix + "\x1b[m\x1b[K" + rest + " x",
			"colours that are spelt":      `k \x1b[31m` + prefix + `\x1b[0m` + rest + `\x1b[0m`,
			"a terminal's link":           "\x1b]8;;http://x\x1b\\" + key + "\x1b]8;;\x1b\\",
			"the margin of zsh":           "$ k=" + first + " \r\x1b[K" + last[:1] + "\r" + last + "\r\n",
			"the margin of bash":          "$ k=" + first + " \r" + last + "\r\n",
			"a break of HTML":             "<td>" + prefix + "<wbr>" + rest + "</td>",
			"emphasis within":             "<p>" + first + "<b>" + last + "</b></p>",
			"a space of no width":         "k " + first + "\u200b" + last + " x",
			"quoted-printable":            "key=3D\"" + first + "=\r\n" + last + "\"",
			"a shell's continued line":    "export K=" + first + "\\\n" + last + "\n",
			"YAML's continued line":       "k: \"" + first + "\\\n    " + last + "\"\n",
			"a broken cell of psql":       "  1 | " + first + ".| note\n    |." + last + strings.Repeat(" ", 80) + "| \n(1 row)\n",
			"one of three lines":          "  1 | " + first + ".| note\n    |." + last[:9] + ".| \n    |." + last[9:] + "  | \n",
			"the same, with lines":        "  1 │ " + first + "…│ note\n    │…" + last + strings.Repeat(" ", 80) + "│ \n",
			"an expanded row of psql":     "key | " + first + ".\n    |." + last + "\nn   | note\n",
			"columns of SQLite":           "1   " + first + "  b\n    " + last + strings.Repeat(" ", 20) + "\n2   x\n",
			"a calendar's lines":          "NOTE:" + strings.Repeat("x", 75-len("NOTE:"+first)) + first + "\r\n " + last + "\\nx\r\n",
			"a screen of 80 columns":      strings.Repeat("x", 48) + " k=" + first + "\n" + last + " x",
			"wrapped mail":                "> K=" + first + "\n> " + last + "\n",
			"literals beside each other":  `k = "` + first + `" "` + last + `"`,
			"literals in Objective-C":     `k = @"` + first + `" @"` + last + `"`,
			"Python's formatted literals": `k = f"` + prefix + `" f"` + rest + `"`,
			"a method that joins":         `"` + prefix + `".concat("` + rest + `")`,
			"a constant of a template":    "const p = '" + prefix + "';\nconst k = `${p}" + rest + "`;",
			"a template of constants":     "`" + prefix + `${"` + rest + "\"}`",
			"a shell's quotes":            "K=" + prefix + `"` + rest + "\"\n",
			"curl --trace-ascii":          fmt.Sprintf("0040: Bearer %s\n%04x: %s\n%04x: x", first, 0x40+len("Bearer "+first), last, 0x40+len("Bearer "+key+"\r\n")),
			"a long literal in C":         "const char *k = \"" + prefix + "\"\n    \"" + rest + "\";",
			"emphasis of a converter":     "<p>" + "sk<em>live</em>" + rest + "</p>",
		} {
			list := accepted(m.Matches([]byte(text), Span{0, len(text)}))
			if len(list) != 1 || list[0].Secret.Reveal() != key {
				t.Errorf("%s: found\n%s", name, revealed(list))
			}
		}
	}
}
