package quote

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Shell returns arg as one word of a POSIX shell; PowerShell reads the
// plain and the single-quoted form alike. A name with control characters takes
// the $'…' form of bash and zsh, so that copying it is safe.
func Shell(arg string) string {
	special := func(r rune) bool {
		return r >= utf8.RuneSelf || !isLetter(byte(r)) && (r < '0' || r > '9') && !strings.ContainsRune("_-./:@%+=,", r)
	}
	switch {
	case arg != "" && arg[0] != '-' && !strings.ContainsFunc(arg, special) && !needsEscape(arg):
		return arg
	case needsEscape(arg):
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
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
