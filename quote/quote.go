// Package quote decides what may be printed: it makes untrusted text safe for a
// terminal, a CI log and a shell, and takes keys out of it.
package quote

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// HideLogins returns text without what stands before the host in addresses: user and
// password. Where an address lacks its scheme, as in USER:PASSWORD@HOST:PATH, an
// ellipsis shows where the password was.
func HideLogins(text string) string {
	var out strings.Builder
	for text != "" {
		end := strings.IndexAny(text, " \t\r\n\"'`")
		if end < 0 {
			end = len(text)
		}
		out.WriteString(hideLogin(text[:end]))
		space := min(end+1, len(text))
		out.WriteString(text[end:space])
		text = text[space:]
	}
	return out.String()
}

// hideLogin is HideLogins for one word.
func hideLogin(word string) string {
	before, rest, ok := strings.Cut(word, "://")
	if !ok {
		colon, at := strings.IndexByte(word, ':'), strings.LastIndexByte(word, '@')
		if colon < 0 || at < colon {
			return word
		}
		return word[:colon+1] + "…" + word[at:]
	}
	authority := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority = rest[:i]
	}
	at := strings.LastIndexByte(authority, '@')
	if at < 0 && strings.Contains(authority, ":") { // a password with a slash
		at = strings.LastIndexByte(rest, '@')
	}
	if rest = rest[at+1:]; strings.Contains(rest, "://") {
		rest = hideLogin(rest)
	}
	return hideLogin(before) + "://" + rest
}

// Text returns untrusted bytes in a form that is safe on a terminal and in a CI
// log. Every byte that the scanned content decides passes through it or through
// Words before it is printed.
//
// Text that a reader can see for what it is stays as it is. Anything else
// comes back in double quotes with C-style escapes, and strconv.Unquote gives
// the original bytes, so two different names never print alike. Escaped are:
//
//   - control characters (C0, DEL, C1) and bytes that are not UTF-8;
//   - what cannot be seen or moves other text: bidirectional controls,
//     zero-width characters, line separators, spaces other than U+0020;
//   - what a CI runner takes for a command: "::" at the start of a word
//     (GitHub trims leading space, and we wrap lines at spaces), and "##[",
//     "##vso[" and their like anywhere (Azure and the old GitHub syntax look
//     for them in the middle of a line).
func Text(b string) string {
	if b != "" && b[0] != '"' && b[0] != ' ' && b[len(b)-1] != ' ' && !needsEscape(b) {
		return b
	}
	var out strings.Builder
	out.Grow(len(b) + 8)
	out.WriteByte('"')
	escape(&out, b, true)
	out.WriteByte('"')
	return out.String()
}

// Words returns b with everything escaped that Text names, and without quotes:
// backslashes and double quotes stay, so that a sentence or the excerpt of a
// source line looks as it does in an editor. It is not reversible.
func Words(b string) string {
	if !needsEscape(b) {
		return b
	}
	var out strings.Builder
	out.Grow(len(b) + 8)
	escape(&out, b, false)
	return out.String()
}

// escape appends b to out with everything escaped that Text names. With quoted,
// the backslash and the double quote are escaped too, which makes the result
// reversible.
func escape(out *strings.Builder, b string, quoted bool) {
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRuneInString(b[i:])
		switch {
		case r == utf8.RuneError && size <= 1, commandAt(b, i):
			// Both runners compare exact characters: one escape disarms a command.
			fmt.Fprintf(out, `\x%02x`, b[i])
		case quoted && (r == '"' || r == '\\'):
			out.WriteByte('\\')
			out.WriteByte(byte(r))
		case Visible(r):
			out.WriteString(b[i : i+size])
		default:
			q := strconv.QuoteRuneToASCII(r) // '\x1b', '\u202e'
			out.WriteString(q[1 : len(q)-1])
		}
		i += size
	}
}

// needsEscape reports whether escape, not quoted, would change b.
func needsEscape(b string) bool {
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRuneInString(b[i:])
		if r == utf8.RuneError && size <= 1 || !Visible(r) || commandAt(b, i) {
			return true
		}
		i += size
	}
	return false
}

// Visible reports whether r prints as something that a reader can see, where
// it is. unicode.IsPrint already leaves out controls, format characters
// (bidi, zero-width), separators, private use and what is not assigned.
func Visible(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= ' ' && r < 0x7f
	}
	return unicode.IsPrint(r) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) &&
		!unicode.Is(unicode.Variation_Selector, r)
}

// maxCommandWord is longer than the word of any runner's "##word[" command.
const maxCommandWord = 32

// commandAt reports whether a runner could read a command from b[i] on.
func commandAt(b string, i int) bool {
	switch b[i] {
	case ':':
		// A colon at the end counts too: we print "path:line".
		return (i == 0 || b[i-1] == ' ') && (i+1 == len(b) || b[i+1] == ':')
	case '#':
		if !strings.HasPrefix(b[i:], "##") {
			return false
		}
		for j := i + 2; j < len(b) && j < i+2+maxCommandWord; j++ {
			if b[j] == '[' {
				return true
			}
			if c := b[j] | 0x20; c < 'a' || c > 'z' {
				return false
			}
		}
	}
	return false
}

// Word returns arg as one word of a command to copy on a system (a GOOS): of a POSIX
// shell, whose plain and single-quoted forms PowerShell reads alike; on Windows of
// cmd, PowerShell and Git's bash. ok is false if no quoting makes it one word for all
// of these: then word is PATH, and the caller says beside the command what that is.
func Word(system, arg string) (word string, ok bool) {
	special := func(r rune) bool {
		return r >= utf8.RuneSelf || !isLetter(byte(r)) && (r < '0' || r > '9') && !strings.ContainsRune("_-./:@%+=,", r)
	}
	hidden := needsEscape(arg)
	isPlain := arg != "" && arg[0] != '-' && !strings.ContainsFunc(arg, special) && !hidden
	switch {
	case system == "windows" && (hidden || strings.ContainsAny(arg, "$%!^`\"“”„") || strings.HasSuffix(arg, `\`)):
		return "PATH", false
	case system == "windows" && (!isPlain || strings.ContainsAny(arg, "@=,")):
		return `"` + arg + `"`, true
	case isPlain:
		return arg, true
	case hidden:
		return escapedWord(arg), true
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'", true
}

// escapedWord returns arg in the form $'…' of bash and zsh, so that copying what
// cannot be seen is safe.
func escapedWord(arg string) string {
	var out strings.Builder
	out.WriteString("$'")
	for _, c := range []byte(arg) {
		if c >= utf8.RuneSelf || c < ' ' || c == 0x7f || c == ':' || c == '#' || c == '\'' || c == '\\' {
			fmt.Fprintf(&out, `\x%02x`, c)
		} else {
			out.WriteByte(c)
		}
	}
	out.WriteByte('\'')
	return out.String()
}

// Shell is Word for this system.
func Shell(arg string) string {
	word, _ := Word(runtime.GOOS, arg)
	return word
}

// Beside returns what stands beside a command of this system that holds names, each
// put there by Word: what PATH is in it; "" if there is none.
func Beside(system string, names ...string) string {
	var list []string
	for _, name := range names {
		if _, ok := Word(system, name); !ok {
			list = append(list, Name(name))
		}
	}
	if len(list) == 0 {
		return ""
	}
	return "PATH is " + strings.Join(list, ", then ")
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
