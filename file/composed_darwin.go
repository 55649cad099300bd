package file

import "golang.org/x/text/unicode/norm"

// Composed returns a name as git has it in its index: the letters with their accents
// in one (core.precomposeUnicode). A disk of macOS may have taken them apart.
func Composed(name string) string { return norm.NFC.String(name) }
