package gitdb

import (
	"bytes"
	"strings"
)

// maxAnnexPointer is more bytes than a pointer of git-annex has (its maxPointerSz).
const maxAnnexPointer = 32 << 10

// IsAnnexed reports whether a blob is what git has of a file whose content git-annex
// keeps: a link to it, or a pointer.
func IsAnnexed(blob []byte) bool {
	if len(blob) == 0 || len(blob) > maxAnnexPointer || blob[0] != '.' && blob[0] != '/' {
		return false
	}
	line, rest, _ := bytes.Cut(blob, []byte("\n"))
	if bytes.HasPrefix(line, []byte("/annex/objects/")) {
		return true
	}
	_, key, ok := strings.Cut(string(line), ".git/annex/objects/")
	return ok && len(rest) == 0 && strings.Count(key, "/") == 3
}
