// Package gittest makes repositories with git, for tests alone.
package gittest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Repo is a repository that a test makes with git. Its clock goes forward by a
// minute a commit.
type Repo struct {
	T     testing.TB
	Dir   string
	Clock int // seconds since 1970 UTC

	tables int // reftables written
}

// New makes a repository in a folder of its own folder, so that no other one is
// beside it.
func New(t testing.TB, args ...string) *Repo {
	t.Helper()
	r := &Repo{T: t, Dir: filepath.Join(t.TempDir(), "repo"), Clock: 1_700_000_000}
	if err := os.Mkdir(r.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r.Git(append([]string{"init", "-q", "-b", "main"}, args...)...)
	return r
}

// Git runs git in the repository and returns what it prints.
func (r *Repo) Git(args ...string) string { return r.GitIn(r.Dir, args...) }

// GitIn runs git in another folder.
func (r *Repo) GitIn(dir string, args ...string) string {
	r.T.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	date := strconv.Itoa(r.Clock) + " +0000"
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_AUTHOR_DATE="+date,
		"GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.org", "GIT_COMMITTER_DATE="+date)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		r.T.Fatalf("git %s: %v\n%s%s", strings.Join(args, " "), err, out, errs.String())
	}
	return string(out)
}

// Write writes a file of the working tree.
func (r *Repo) Write(path, content string) {
	r.T.Helper()
	path = filepath.Join(r.Dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.T.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		r.T.Fatal(err)
	}
}

// Commit commits all files and returns the commit's id.
func (r *Repo) Commit(message string) string {
	r.T.Helper()
	r.Clock += 60
	r.Git("add", "-A")
	r.Git("commit", "-q", "--allow-empty", "-m", message)
	return strings.TrimSpace(r.Git("rev-parse", "HEAD"))
}

// LoosePath returns the path of a loose object.
func (r *Repo) LoosePath(id string) string {
	return filepath.Join(r.Dir, ".git/objects", id[:2], id[2:])
}

// RemoveLoose removes a loose object.
func (r *Repo) RemoveLoose(id string) {
	r.T.Helper()
	if err := os.Remove(r.LoosePath(id)); err != nil {
		r.T.Fatal(err)
	}
}

// Seeds is how many random histories a test makes: git takes seconds for each.
func Seeds() uint64 {
	if testing.Short() {
		return 1
	}
	return 3
}
