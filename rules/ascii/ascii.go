// Package ascii sorts bytes into the classes that keys and the text around them
// are made of. A byte beyond ASCII is in none.
package ascii

// Class is one of the classes of bytes within a body.
type Class int

// The classes.
const (
	Digit Class = iota
	Lower
	Upper
	Other
)

// ClassOf returns the class of c.
func ClassOf(c byte) Class {
	switch {
	case c >= '0' && c <= '9':
		return Digit
	case c >= 'a' && c <= 'z':
		return Lower
	case c >= 'A' && c <= 'Z':
		return Upper
	}
	return Other
}

// IsAlnum reports whether c is a letter or a digit.
func IsAlnum(c byte) bool { return ClassOf(c) != Other }

// IsWord reports whether c can be part of an identifier.
func IsWord(c byte) bool { return IsAlnum(c) || c == '_' }

// IsName reports whether c can be part of a name as settings have it: an
// identifier, perhaps with dashes.
func IsName(c byte) bool { return IsWord(c) || c == '-' }

// IsDotted reports whether c can be part of a name in several parts.
func IsDotted(c byte) bool { return IsName(c) || c == '.' }

// IsBlank reports whether c is a space or a tab.
func IsBlank(c byte) bool { return c == ' ' || c == '\t' }

// IsHex reports whether c is a hexadecimal digit in either case.
func IsHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

// IsSpace reports whether c is white space.
func IsSpace(c byte) bool { return IsBlank(c) || c == '\n' || c == '\r' }

// IsQuote reports whether c quotes a string.
func IsQuote(c byte) bool { return c == '"' || c == '\'' || c == '`' }

// HexDigit returns the value of the hexadecimal digit c.
func HexDigit(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return (c | 0x20) - 'a' + 10
}

// HexByte returns the byte that two hexadecimal digits mean, if they are two.
func HexByte(hi, lo byte) (byte, bool) {
	if !IsHex(hi) || !IsHex(lo) {
		return 0, false
	}
	return HexDigit(hi)<<4 | HexDigit(lo), true
}

// Fold returns c in lower case.
func Fold(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// RunEnd returns where the run of bytes that are in a class, which starts at
// b[at:], ends; a run of more than limit bytes is cut there.
func RunEnd(b []byte, at, limit int, in func(byte) bool) int {
	end := at
	for end < len(b) && end-at < limit && in(b[end]) {
		end++
	}
	return end
}

// RunStart returns where the run of bytes that are in a class, which ends at
// b[:at], starts; a run of more than limit bytes is cut there.
func RunStart(b []byte, at, limit int, in func(byte) bool) int {
	start := at
	for start > 0 && at-start < limit && in(b[start-1]) {
		start--
	}
	return start
}
