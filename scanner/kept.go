package scanner

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"keysweep/file"
	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/pack"
	"keysweep/scanner/worktree"
)

// Git LFS and git-annex keep the content of files beside git's objects. Git has a small
// file in place of each, a pointer, or a link of git-annex (annex.go); a pointer of Git
// LFS (git-lfs, docs/spec.md) is
//
//	version https://git-lfs.github.com/spec/v1
//	oid sha256:HEX
//	size N
//
// for the file lfs/objects/HE/X…/HEX in the repository folder. It may be elsewhere.
const (
	lfsVersion = "version https://git-lfs.github.com/spec/"
	lfsMax     = 1024 // bytes, more than a pointer has
)

// pointer is what git has of a file whose content is kept beside the objects.
type pointer struct {
	keeper string
	absent finding.Reason // of content that is not here
}

var (
	ofLFS   = &pointer{"git-lfs", finding.ReasonLFSPointer}
	ofAnnex = &pointer{"git-annex", finding.ReasonAnnexAbsent}
)

// pointerOf returns what sort of pointer a whole content is, nil for any other.
func pointerOf(content []byte) *pointer {
	switch {
	case len(content) < lfsMax && bytes.HasPrefix(content, []byte(lfsVersion)):
		return ofLFS
	case isAnnexed(content):
		return ofAnnex
	}
	return nil
}

// paths returns the paths below a repository folder at which the content may be.
func (p *pointer) paths(content []byte) []string {
	if p == ofAnnex {
		return annexPaths(string(content))
	}
	_, digits, _ := strings.Cut(string(content), "\noid sha256:")
	digits, _, _ = strings.Cut(digits, "\n")
	digits = strings.TrimSuffix(digits, "\r")
	if len(digits) != 64 || strings.Trim(digits, "0123456789abcdef") != "" {
		return nil
	}
	return []string{"lfs/objects/" + digits[:2] + "/" + digits[2:4] + "/" + digits}
}

// openKept calls use with the content that a pointer is for, if it is in the repository
// folder at below, '/'-separated, from root; again, if it changes meanwhile. The error
// wraps fs.ErrNotExist if it is not there.
func (p *pointer) openKept(ctx context.Context, content []byte, root, below string, use func(name string, r io.Reader) error) error {
	failed := fs.ErrNotExist
	for _, name := range p.paths(content) {
		folder, _, _ := strings.Cut(name, "/")
		info, err := file.Lstat(filepath.Join(root, filepath.FromSlash(below), folder))
		if err == nil && info.Mode()&fs.ModeSymlink != 0 {
			continue // somewhere else, which may be anywhere
		}
		name = path.Join(below, name)
		err = worktree.Reread(ctx, root, name, func(r io.Reader) error { return use(name, r) })
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) && !errors.Is(err, syscall.ELOOP):
			failed = err
		}
	}
	return failed
}

// keptAgain bounds the bytes that are read a second time, of content that several pointers
// are for: a hostile repository may have a million pointers for one file.
const keptAgain = 16 << 30

var errKeptAgain = fmt.Errorf("%w: several pointers are for it, and more than %d bytes were read again", pack.ErrTooLarge, int64(keptAgain))

// mayRead reports whether the file of kept content at path may be read, once more if it was.
func (s *Prepared) mayRead(path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.kept[path] || s.keptAgain < keptAgain
}

// noteKept notes that n bytes of the file at path were read.
func (s *Prepared) noteKept(path string, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept[path] {
		s.keptAgain += n
	}
	s.kept[path] = true
	s.result.Read.Bytes += n
}

// keptIn is a repository folder that may keep content: below, '/'-separated, from root.
type keptIn struct{ root, below string }

// readKept judges the content that the pointer at at, whose whole content is content, is
// for, and leaves what it finds to the caller of j. skip notes what is not here. The error
// is the context's.
func (s *Prepared) readKept(j *judge, p *pointer, content []byte, at location, skip func(...finding.Skipped), folders ...keptIn) error {
	what := cmp.Or(at.path, "objects of the history")
	reason, detail := p.absent, what
	for _, in := range folders {
		var kept string
		var n int64
		var skipped []finding.Skipped
		err := p.openKept(j.ctx, content, in.root, in.below, func(name string, r io.Reader) (err error) {
			j.drop()
			if kept = filepath.Join(in.root, filepath.FromSlash(name)); !s.mayRead(kept) {
				return errKeptAgain
			}
			n, skipped, err = j.streamOpened(r, at, -1)
			return err
		})
		if err == nil {
			for i := range skipped {
				if at.path == "" {
					skipped[i].Detail = fmt.Sprintf("object %s: %s", at.object, skipped[i].Detail)
				}
			}
			skip(skipped...)
			s.noteKept(kept, n)
			return nil
		}
		j.drop()
		if j.ctx.Err() != nil {
			return context.Cause(j.ctx)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			reason, detail = gitdb.ReasonOf(err), fmt.Sprintf("%s: the content that %s keeps: %s", what, p.keeper, plainError(err))
		}
	}
	skip(finding.Skipped{Reason: reason, Count: 1, Detail: detail})
	return nil
}

// keptAbove returns the folders that may keep the content of a file of t: of the
// repositories above it, and of its own.
func (t *target) keptAbove(name string) (list []keptIn) {
	for dir := path.Dir(name); ; dir = path.Dir(dir) {
		list = append(list, keptIn{t.root, path.Join(dir, ".git")})
		if dir == "." || dir == "/" {
			break
		}
	}
	if t.repo != nil {
		list = append(list, keptIn{t.repo.CommonDir, ""})
	}
	return list
}

// keptOf returns the folder of repo.
func keptOf(repo *gitdb.Repository) keptIn { return keptIn{repo.CommonDir, ""} }
