// Package gitdb reads git repositories: where they are, their configuration and
// refs, where their objects are, and loose objects. Package history reads all
// objects of a repository, package lookup single ones. None of them runs git,
// follows configuration that could run a program, or opens what the repository's
// own content points to outside of it, unless asked.
package gitdb

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"keysweep/file"
	"keysweep/finding"
	"keysweep/scanner/gitdb/oid"
)

// ErrNotRepository is wrapped by Open's error for a folder that is not one.
var ErrNotRepository = errors.New("not a git repository")

// smallFile bounds what is read of a file that should be small (HEAD, a ref,
// a .git file, the configuration): the repository is not trusted.
const smallFile = 1 << 20

// Repository is an open repository: its layout, read once.
type Repository struct {
	// Top is the folder of the working tree, "" if there is none (bare).
	Top string
	// GitDir is the repository folder of this working tree, and CommonDir
	// that of the main one; they differ in a linked working tree.
	GitDir, CommonDir string
	Format            oid.Format
	IgnoreCase        bool // core.ignoreCase
	Promisor          bool // a partial clone: objects may be absent
	Shallow           []oid.ID
	Refs              []Ref  // none after OpenHead
	Head              oid.ID // zero: unborn, or not readable
	// Skipped is what could not be read while opening.
	Skipped Skips
}

// Discover returns the folder to Open for a path: path itself or the nearest
// folder above it that holds a repository. ok is false if there is none.
func Discover(path string) (dir string, ok bool) {
	dir, err := filepath.Abs(path)
	if err != nil {
		return "", false
	}
	for {
		if IsRepository(dir) {
			return dir, true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
}

// IsRepository reports whether dir is the top of a working tree or a bare
// repository.
func IsRepository(dir string) bool {
	_, _, err := locate(dir)
	return err == nil
}

// locate returns the repository folder for the top of a working tree, or for
// itself; top is then empty.
func locate(dir string) (gitDir, top string, err error) {
	gitDir, err = resolveGitDir(dir)
	switch {
	case err == nil:
		return gitDir, dir, nil
	case isGitDir(dir):
		return dir, "", nil
	case errors.Is(err, ErrNotRepository) || errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("%s: %w", dir, ErrNotRepository)
	}
	return "", "", err
}

// isGitDir follows git's own test: HEAD, objects and refs, the latter two in
// the common folder.
func isGitDir(dir string) bool {
	if _, err := os.Lstat(filepath.Join(dir, "HEAD")); err != nil {
		return false
	}
	common := commonDir(dir)
	for _, name := range []string{"objects", "refs"} {
		if info, err := os.Stat(filepath.Join(common, name)); err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}

// resolveGitDir returns the repository folder of the working tree at top:
// top/.git, or where the file top/.git points (gitrepository-layout(5)).
func resolveGitDir(top string) (string, error) {
	dotGit := filepath.Join(top, ".git")
	info, err := os.Stat(dotGit)
	if err != nil {
		return "", err
	}
	dir := dotGit
	if info.Mode().IsRegular() {
		b, err := readSmall(dotGit)
		if err != nil {
			return "", err
		}
		target, ok := strings.CutPrefix(string(b), "gitdir: ")
		if !ok {
			return "", fmt.Errorf("%s: %w: it does not begin with \"gitdir: \"", dotGit, ErrNotRepository)
		}
		dir = pathIn(top, target)
	}
	if !isGitDir(dir) {
		return "", fmt.Errorf("%s: %w", dir, ErrNotRepository)
	}
	return dir, nil
}

// commonDir returns the folder that a linked working tree shares with its main
// repository, or gitDir itself.
func commonDir(gitDir string) string {
	b, err := readSmall(filepath.Join(gitDir, "commondir"))
	if err != nil {
		return gitDir
	}
	return filepath.Clean(pathIn(gitDir, string(b)))
}

// pathIn returns the path that a line holds, which may be relative to dir.
func pathIn(dir, line string) string {
	path := filepath.FromSlash(strings.TrimRight(line, "\r\n"))
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// readSmall reads a regular file of at most smallFile bytes.
func readSmall(path string) ([]byte, error) { return readRegular(path, smallFile) }

// readRegular reads a regular file of at most limit bytes.
func readRegular(path string, limit int64) ([]byte, error) {
	b, err := file.Read(path, limit)
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return b, err
}

// Open reads the layout of the repository at dir: the top of a working tree, a
// .git folder, or a bare repository. What it cannot read, and can do without,
// is in Skipped.
func Open(dir string) (*Repository, error) { return open(dir, false) }

// OpenHead is Open for a caller that needs no ref but HEAD: there may be a hundred
// thousand. It does not report what is wrong with the others.
func OpenHead(dir string) (*Repository, error) { return open(dir, true) }

func open(dir string, onlyHead bool) (*Repository, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	gitDir, top, err := locate(dir)
	if err != nil {
		return nil, err
	}
	return newRepository(gitDir, top, onlyHead), nil
}

// OpenGitDir is Open for the repository folder gitDir, as git takes it from
// GIT_DIR. top is the folder of the working tree, "" if there is none. onlyHead
// is as in OpenHead.
func OpenGitDir(gitDir, top string, onlyHead bool) (*Repository, error) {
	gitDir, err := filepath.Abs(gitDir)
	if err != nil {
		return nil, err
	}
	if !isGitDir(gitDir) {
		return nil, fmt.Errorf("%s: %w", gitDir, ErrNotRepository)
	}
	if top != "" {
		if top, err = filepath.Abs(top); err != nil {
			return nil, err
		}
	}
	return newRepository(gitDir, top, onlyHead), nil
}

func newRepository(gitDir, top string, onlyHead bool) *Repository {
	r := &Repository{Top: top, GitDir: gitDir, CommonDir: commonDir(gitDir)}
	r.readConfig()
	r.readShallow()
	if onlyHead {
		r.readHead()
	} else {
		r.readRefs()
	}
	return r
}

// skip notes something that could not be read.
func (r *Repository) skip(reason finding.Reason, format string, args ...any) {
	r.Skipped.Add(reason, 1, format, args...)
}

// readConfig takes from the configuration the few values that say how to read
// the repository. It follows no include: those could name any file.
func (r *Repository) readConfig() {
	path := filepath.Join(r.CommonDir, "config")
	b, err := readSmall(path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		r.skip(finding.ReasonUnreadable, "%v", err)
		return
	}
	for _, v := range parseConfig(b) {
		switch value := v.value; v.name {
		case "core.ignorecase":
			r.IgnoreCase = isTrue(value)
		case "core.repositoryformatversion":
			if value != "0" && value != "1" {
				r.skip(finding.ReasonUnknownFormat, "repository format version %q", value)
			}
		case "extensions.objectformat":
			switch strings.ToLower(value) {
			case "sha1":
				r.Format = oid.SHA1
			case "sha256":
				r.Format = oid.SHA256
			default:
				r.skip(finding.ReasonUnknownFormat, "object format %q", value)
			}
		case "extensions.refstorage":
			if !strings.EqualFold(value, "files") {
				r.skip(finding.ReasonUnknownFormat, "ref storage %q: all objects are read, but what the refs reach is unknown", value)
			}
		case "extensions.partialclone":
			r.Promisor = true
		case "extensions.worktreeconfig", "extensions.noop", "extensions.noop-v1", "extensions.preciousobjects",
			"extensions.relativeworktrees", "extensions.compatobjectformat":
		default:
			if name, ok := strings.CutPrefix(v.name, "extensions."); ok {
				r.skip(finding.ReasonUnknownFormat, "repository extension %q", name)
			}
			if strings.HasPrefix(v.name, "remote.") && strings.HasSuffix(v.name, ".promisor") && isTrue(value) {
				r.Promisor = true
			}
		}
	}
}

// readShallow reads the commits whose parents a shallow clone leaves out.
func (r *Repository) readShallow() {
	list, err := readIDs(filepath.Join(r.CommonDir, "shallow"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.skip(finding.ReasonUnreadable, "%v", err)
	}
	r.Shallow = list
}

// readIDs reads the ids in a small file, one a line.
func readIDs(path string) (list []oid.ID, _ error) {
	b, err := readSmall(path)
	for line := range bytes.Lines(b) {
		if id, ok := oid.Parse(bytes.TrimSpace(line)); ok {
			list = append(list, id)
		}
	}
	return list, err
}
