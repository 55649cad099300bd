package file

import (
	"errors"
	"strings"
)

// ErrBackslash is the error for a glob that separates folders by a backslash.
var ErrBackslash = errors.New(`folders are separated by "/" on every system, and \ only makes *?[]{}!-, and \ mean themselves`)

// CheckGlob returns ErrBackslash if a backslash in glob stands before what has no
// meaning to lose, so that the glob would match nothing that was meant. Of an option
// typed on Windows (system is a GOOS), that is * and ? too: no name there has them.
func CheckGlob(system, glob string, isOption bool) error {
	escaped := `*?[]{}!-,\`
	if isOption && system == "windows" {
		escaped = escaped[2:]
	}
	for i := 0; i < len(glob); i++ {
		if glob[i] != '\\' {
			continue
		}
		if i++; i == len(glob) || strings.IndexByte(escaped, glob[i]) < 0 {
			return ErrBackslash
		}
	}
	return nil
}
