package scanner

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"io/fs"
	"path"
	"strings"
)

// Where git-annex keeps the content of a file, git has a link to it, or a pointer: a
// small file that names the key (git-annex's doc/internals and doc/internals/pointer_file).
//
//	link      …/.git/annex/objects/XX/YY/KEY/KEY
//	pointer   /annex/objects/KEY, and the end of the line
//
// XX/YY is made of the key's MD5, in one of two ways. The content may be elsewhere.
const (
	annexObjects = "annex/objects/"
	annexMax     = 32 << 10 // bytes, more than a pointer has (its maxPointerSz)
)

// isAnnexed reports whether a whole content is a link or a pointer of git-annex.
func isAnnexed(content []byte) bool {
	if len(content) == 0 || len(content) > annexMax || content[0] != '.' && content[0] != '/' {
		return false
	}
	line, rest, _ := bytes.Cut(content, newline)
	if bytes.HasPrefix(line, []byte("/"+annexObjects)) {
		return true
	}
	_, key, ok := strings.Cut(string(line), ".git/"+annexObjects)
	return ok && len(rest) == 0 && strings.Count(key, "/") == 3
}

// annexPaths returns the paths below a repository folder at which the content may be for
// a link or a pointer.
func annexPaths(content string) (list []string) {
	if _, below, isLink := strings.Cut(content, ".git/"+annexObjects); isLink {
		if list = []string{annexObjects + below}; !isInPlace(list[0]) {
			return nil
		}
		return list
	}
	key, _, _ := strings.Cut(strings.TrimPrefix(content, "/"+annexObjects), "\n")
	key = strings.TrimSuffix(key, "\r")
	sum := md5.Sum([]byte(key))
	lower := hex.EncodeToString(sum[:3])
	for _, folders := range []string{annexMixed(sum), lower[:3] + "/" + lower[3:]} {
		if below := annexObjects + folders + "/" + key + "/" + key; isInPlace(below) {
			list = append(list, below)
		}
	}
	return list
}

// annexMixed returns XX/YY as git-annex makes it where names differ by case
// (Annex/DirHashes.hs): six of eight letters for five bits each.
func annexMixed(sum [md5.Size]byte) string {
	const letters = "0123456789zqjxkmvwgpfZQJXKMVWGPF"
	word := binary.LittleEndian.Uint32(sum[:])
	var s [8]byte
	for i := range s {
		s[i^1] = letters[word>>(6*i)&31]
	}
	return string(s[0:2]) + "/" + string(s[2:4])
}

// isInPlace reports whether a path is annex/objects/XX/YY/KEY/KEY.
func isInPlace(below string) bool {
	parts := strings.Split(strings.TrimPrefix(below, annexObjects), "/")
	return len(parts) == 4 && path.Clean(below) == below && parts[2] == parts[3] && fs.ValidPath(below)
}
