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
	"slices"
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
	ShallowUpdate     bool // receive.shallowUpdate: a push may bring a shallow history
	Shallow           []oid.ID
	Refs              []Ref  // none after OpenHead
	Head              oid.ID // zero: unborn, or not readable
	// Skipped is what could not be read while opening.
	Skipped Skips

	guard  file.Guard
	refs   refStorage
	pseudo []Ref // refs of reftables that are not below refs/, other than HEAD

	symbolic map[string]string // by the full name of a ref: the one that it leads to
}

// Discover returns the folder to Open for a path: path itself or the nearest
// folder above it that holds a repository, though that may be one that Open's
// reach does not cover; ok is false if there is none. The error says that this could
// not be found out: a folder above is then no answer.
func Discover(path string) (dir string, ok bool, err error) {
	dir, err = file.Abs(path)
	for err == nil {
		_, _, err = locate(file.Reach{}.Guard(dir), dir)
		if err == nil || errors.Is(err, file.ErrElsewhere) || errors.Is(err, file.ErrCloud) {
			return dir, true, nil
		}
		parent := filepath.Dir(dir)
		if !errors.Is(err, ErrNotRepository) {
			break
		}
		if err = nil; parent == dir {
			break
		}
		dir = parent
	}
	return "", false, err
}

// locate returns the repository folder for the top of a working tree, or for
// itself; top is then empty.
func locate(g *file.Guard, dir string) (gitDir, top string, err error) {
	gitDir, err = resolveGitDir(g, dir)
	if err == nil {
		return gitDir, dir, nil
	}
	bare, errBare := isGitDir(g, dir)
	switch {
	case bare:
		return dir, "", nil
	case errBare != nil:
		err = errBare
	case file.Absent(err):
		err = fmt.Errorf("%s: %w", dir, ErrNotRepository)
	}
	return "", "", err
}

// isGitDir follows git's own test: HEAD, objects and refs, the latter two in
// the common folder. The error says that this is not known, or that it leads where
// it may not be opened.
func isGitDir(g *file.Guard, dir string) (bool, error) {
	if _, err := os.Lstat(filepath.Join(dir, "HEAD")); err != nil {
		return false, present(err)
	}
	common, err := commonDir(g, dir)
	if err != nil {
		return false, err
	}
	for _, name := range []string{"objects", "refs"} {
		path := filepath.Join(common, name)
		if err := g.Links(path); err != nil {
			return false, err
		}
		if info, err := file.Stat(path); err != nil || !info.IsDir() {
			return false, present(err)
		}
	}
	return true, nil
}

// present returns err unless it says that there is nothing.
func present(err error) error {
	if file.Absent(err) {
		return nil
	}
	return err
}

// resolveGitDir returns the repository folder of the working tree at top:
// top/.git, or where the file top/.git points (gitrepository-layout(5)).
func resolveGitDir(g *file.Guard, top string) (string, error) {
	dir := filepath.Join(top, ".git")
	info, err := file.Lstat(dir)
	if err != nil {
		return "", err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		if err := g.Links(dir); err != nil {
			return "", err
		}
		if info, err = file.Stat(dir); err != nil {
			return "", err
		}
	}
	if info.Mode().IsRegular() {
		if dir, err = readDotGit(g, top, dir); err != nil {
			return "", err
		}
	}
	switch is, err := isGitDir(g, dir); {
	case err != nil:
		return "", err
	case !is && info.Mode().IsRegular():
		return "", fmt.Errorf("%s: %w: its .git names %s", top, ErrNotRepository, dir)
	case !is:
		return "", fmt.Errorf("%s: %w", top, ErrNotRepository)
	}
	return dir, nil
}

// readDotGit returns where a file .git points.
func readDotGit(g *file.Guard, top, path string) (string, error) {
	b, err := readGuarded(g, path)
	if err != nil {
		return "", err
	}
	target, ok := strings.CutPrefix(string(b), "gitdir: ")
	if !ok {
		return "", fmt.Errorf("%s: %w: it does not begin with \"gitdir: \"", path, ErrNotRepository)
	}
	return g.Path(top, line(target))
}

// commonDir returns the folder that a linked working tree shares with its main
// repository, or gitDir itself.
func commonDir(g *file.Guard, gitDir string) (string, error) {
	path := filepath.Join(gitDir, "commondir")
	if err := g.Links(path); err != nil {
		return "", err
	}
	b, err := readGuarded(g, path)
	if err != nil {
		return gitDir, present(err)
	}
	return g.Path(gitDir, line(string(b)))
}

// line returns the path that a line holds.
func line(text string) string { return strings.TrimRight(text, "\r\n") }

// readSmall reads a regular file of at most smallFile bytes.
func readSmall(path string) ([]byte, error) { return readRegular(path, smallFile) }

// readGuarded is readSmall of what may be in the cloud.
func readGuarded(g *file.Guard, path string) ([]byte, error) {
	if err := g.Here(path); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return readSmall(path)
}

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
// is in Skipped. The error wraps file.ErrElsewhere or file.ErrCloud if the
// repository is, in part, where reach does not lead.
func Open(dir string, reach file.Reach) (*Repository, error) { return open(dir, reach, false) }

// OpenHead is Open for a caller that needs no ref but HEAD: there may be a hundred
// thousand. It does not report what is wrong with the others.
func OpenHead(dir string, reach file.Reach) (*Repository, error) { return open(dir, reach, true) }

func open(dir string, reach file.Reach, onlyHead bool) (*Repository, error) {
	dir, err := file.Abs(dir)
	if err != nil {
		return nil, err
	}
	g := reach.Guard(dir)
	gitDir, top, err := locate(g, dir)
	if err != nil {
		return nil, err
	}
	return newRepository(g, gitDir, top, onlyHead)
}

// OpenGitDir is Open for the repository folder gitDir, as git takes it from
// GIT_DIR. top is the folder of the working tree, "" if there is none. onlyHead
// is as in OpenHead.
func OpenGitDir(gitDir, top string, reach file.Reach, onlyHead bool) (*Repository, error) {
	gitDir, err := file.Abs(gitDir)
	if err != nil {
		return nil, err
	}
	g := reach.Guard(gitDir)
	switch is, err := isGitDir(g, gitDir); {
	case err != nil:
		return nil, err
	case !is:
		return nil, fmt.Errorf("%s: %w", gitDir, ErrNotRepository)
	}
	if top != "" {
		if top, err = file.Abs(top); err != nil {
			return nil, err
		}
	}
	return newRepository(g, gitDir, top, onlyHead)
}

func newRepository(g *file.Guard, gitDir, top string, onlyHead bool) (*Repository, error) {
	common, err := commonDir(g, gitDir)
	if err != nil {
		return nil, err
	}
	if err := guardFolders(g, gitDir, common); err != nil {
		return nil, err
	}
	r := &Repository{Top: top, GitDir: gitDir, CommonDir: common, guard: *g}
	r.readConfig()
	r.readShallow()
	if onlyHead {
		r.readHead()
	} else {
		r.readRefs()
	}
	return r, nil
}

// guardFolders judges the links in the folders of a repository, and whether the
// files that it cannot do without are on this disk. Folders of objects are judged
// where they are listed, refs where they are read.
func guardFolders(g *file.Guard, gitDir, common string) error {
	for _, dir := range slices.Compact([]string{gitDir, common}) {
		// Nothing is read in these.
		if err := g.Folder(dir, "hooks", "logs", "lfs", "annex", "rr-cache", "branches"); err != nil {
			return err
		}
		for _, name := range []string{"HEAD", "config", "packed-refs", "shallow", "index"} {
			path := filepath.Join(dir, name)
			if err := g.Here(path); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
	}
	if err := g.Links(filepath.Join(common, "info", "exclude")); errors.Is(err, file.ErrElsewhere) {
		return err
	}
	if err := g.Folder(filepath.Join(common, "worktrees")); errors.Is(err, file.ErrElsewhere) {
		return err
	}
	return nil
}

// skip notes something that could not be read.
func (r *Repository) skip(reason finding.Reason, format string, args ...any) {
	r.Skipped.Add(reason, 1, format, args...)
}

// readConfig takes from the configuration the few values that say how to read
// the repository. It follows no include: those could name any file.
func (r *Repository) readConfig() {
	path, storage := filepath.Join(r.CommonDir, "config"), "files"
	defer func() { r.setRefStorage(storage) }()
	b, err := readSmall(path)
	if file.Absent(err) {
		return
	}
	if err != nil {
		r.skip(finding.ReasonUnreadable, "%v", err)
		return
	}
	settings := parseConfig(b)
	isVersion0 := !slices.ContainsFunc(settings, func(v setting) bool { return v.name == "core.repositoryformatversion" && v.value != "0" })
	for _, v := range settings {
		switch value := v.value; v.name {
		case "core.ignorecase":
			r.IgnoreCase = isTrue(value)
		case "receive.shallowupdate":
			r.ShallowUpdate = isTrue(value)
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
			storage = value
		case "extensions.partialclone":
			r.Promisor = true
		default:
			if name, ok := strings.CutPrefix(v.name, "extensions."); ok && !isFalse(value) {
				if isVersion0 || slices.Contains(harmlessExtensions, name) { // git knows no others in version 0
					r.skip(finding.ReasonExtension, "repository extension %q", name)
				} else {
					r.skip(finding.ReasonUnknownFormat, "repository extension %q", name)
				}
			}
			if strings.HasPrefix(v.name, "remote.") && strings.HasSuffix(v.name, ".promisor") && isTrue(value) {
				r.Promisor = true
			}
		}
	}
}

// harmlessExtensions are those of git 2.55 (setup.c) that change neither how objects are
// read nor how refs are; readConfig knows the others.
var harmlessExtensions = []string{"noop", "noop-v1", "worktreeconfig", "preciousobjects", "relativeworktrees", "compatobjectformat", "submodulepathconfig"}

// readShallow reads the commits whose parents a shallow clone leaves out.
func (r *Repository) readShallow() {
	list, err := readIDs(filepath.Join(r.CommonDir, "shallow"))
	if present(err) != nil {
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
