package scanner

import (
	"context"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"keysweep/finding"
	"keysweep/scanner/worktree"
)

// Where git-annex keeps the content of a file, git has a link to it, or a pointer: a
// small file that names the key (git-annex's doc/internals and doc/internals/pointer_file).
//
//	link      …/.git/annex/objects/XX/YY/KEY/KEY
//	pointer   /annex/objects/KEY, and the end of the line
//
// XX/YY is made of the key's MD5, in one of two ways. The content may be elsewhere.
const annexObjects = "annex/objects/"

// annexPaths returns the paths below a repository folder at which the content may be for
// a link, or a file that begins with head.
func annexPaths(head string) []string {
	if _, below, isLink := strings.Cut(head, ".git/"+annexObjects); isLink {
		return []string{annexObjects + below}
	}
	key, _, _ := strings.Cut(strings.TrimPrefix(head, "/"+annexObjects), "\n")
	key = strings.TrimSuffix(key, "\r")
	sum := md5.Sum([]byte(key))
	lower := hex.EncodeToString(sum[:3])
	return []string{annexObjects + annexMixed(sum) + "/" + key + "/" + key, annexObjects + lower[:3] + "/" + lower[3:] + "/" + key + "/" + key}
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

// readAnnexed judges the content of the file f of git-annex, which is at at and begins
// with head, if it is here: in the repository of t, or in one above the file.
func (s *Prepared) readAnnexed(j *judge, f *worktree.File, at location, head string) error {
	t := at.target
	var failed error // of content that is there
	try := func(root, below string) (read bool) {
		var skipped []finding.Skipped
		err := worktree.Reread(j.ctx, root, below, func(r io.Reader) (err error) {
			j.drop()
			_, skipped, err = j.streamOpened(r, at, -1)
			return err
		})
		if err != nil {
			j.drop()
			if !errors.Is(err, fs.ErrNotExist) {
				failed = err
			}
			return false
		}
		j.commit()
		s.skip(skipped...)
		return true
	}
	for _, below := range annexPaths(head) {
		if !isInPlace(below) {
			continue
		}
		for dir := path.Dir(f.Path); ; dir = path.Dir(dir) {
			if try(t.root, path.Join(dir, ".git", below)) {
				return nil
			}
			if dir == "." || dir == "/" {
				break
			}
		}
		if t.repo != nil && try(t.repo.CommonDir, below) {
			return nil
		}
	}
	if j.ctx.Err() != nil {
		return context.Cause(j.ctx)
	}
	if failed != nil {
		s.skipOne(finding.ReasonUnreadable, fmt.Sprintf("%s: the content that git-annex keeps: %s", f.Path, plainError(failed)))
	} else {
		s.skipOne(finding.ReasonAnnexAbsent, f.Path)
	}
	return nil
}

// isInPlace reports whether a path is annex/objects/XX/YY/KEY/KEY.
func isInPlace(below string) bool {
	parts := strings.Split(strings.TrimPrefix(below, annexObjects), "/")
	return len(parts) == 4 && path.Clean(below) == below && parts[2] == parts[3] && fs.ValidPath(below)
}
