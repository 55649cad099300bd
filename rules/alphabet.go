package rules

// The classes of bytes within a body.
const (
	classDigit = iota
	classLower
	classUpper
	classOther
)

func classOf(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return classDigit
	case c >= 'a' && c <= 'z':
		return classLower
	case c >= 'A' && c <= 'Z':
		return classUpper
	}
	return classOther
}

func isAlnum(c byte) bool { return classOf(c) != classOther }

// isWord reports whether c can stand in an identifier.
func isWord(c byte) bool { return isAlnum(c) || c == '_' }

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func isQuote(c byte) bool { return c == '"' || c == '\'' || c == '`' }

// hexValue returns the byte that two hex digits mean.
func hexValue(hi, lo byte) (byte, bool) {
	if !isHex(hi) || !isHex(lo) {
		return 0, false
	}
	return hexDigit(hi)<<4 | hexDigit(lo), true
}

func hexDigit(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return (c | 0x20) - 'a' + 10
}

func fold(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// alphabet is a set of bytes.
type alphabet [256]bool

// defaultAlphabet is base64url: what every known issuer and generator of sk_
// keys draws from.
const defaultAlphabet = "A-Za-z0-9_-"
