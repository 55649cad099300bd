//go:build newergit

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// newerShapes are the ways in which a newer git may keep refs: as what it was made, which
// configuration it has, and what was done to its folder after two commits.
var newerShapes = map[string]struct {
	storage string
	config  []string
	change  func(t *testing.T, gitDir string)
}{
	"files":             {storage: "files"},
	"few tables":        {storage: "reftable"},
	"many tables":       {storage: "reftable", config: []string{"maintenance.auto=false"}},
	"small blocks":      {storage: "reftable", config: []string{"reftable.blockSize=256", "reftable.restartInterval=2"}},
	"JGit's file names": {storage: "reftable", change: renameAsJGit},
	"tables elsewhere":  {storage: "reftable", change: moveTables},
}

// renameAsJGit gives the tables names without 0x.
func renameAsJGit(t *testing.T, gitDir string) {
	dir := filepath.Join(gitDir, "reftable")
	list, err := os.ReadFile(filepath.Join(dir, "tables.list"))
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.FieldsSeq(string(list)) {
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(dir, strings.ReplaceAll(name, "0x", ""))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "tables.list"), []byte(strings.ReplaceAll(string(list), "0x", "")), 0o644); err != nil {
		t.Fatal(err)
	}
}

// moveTables puts the tables into a folder beside the repository's.
func moveTables(t *testing.T, gitDir string) {
	beside := filepath.Join(filepath.Dir(filepath.Dir(gitDir)), "refs")
	config := filepath.Join(gitDir, "config")
	b, err := os.ReadFile(config)
	err = errors.Join(err, os.Mkdir(beside, 0o755), os.Rename(filepath.Join(gitDir, "reftable"), filepath.Join(beside, "reftable")),
		os.WriteFile(config, []byte(strings.ReplaceAll(string(b), "refstorage = reftable", "refstorage = reftable://../../refs")), 0o644))
	if err != nil {
		t.Fatal(err)
	}
}

// newerGit lets commands run as the git that make corpus unpacks, and the program that make
// build makes, whose path it returns.
func newerGit(t *testing.T) (program string) {
	program, err := filepath.Abs("bin/keysweep")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(os.Getenv("KEYSWEEP_NEWER_GIT"))+string(filepath.ListSeparator)+filepath.Dir(program)+string(filepath.ListSeparator)+os.Getenv("PATH"))
	for name, value := range map[string]string{
		"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org",
		"GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org",
		"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.bareRepository", "GIT_CONFIG_VALUE_0": "explicit", // as in git 3.0
	} {
		t.Setenv(name, value)
	}
	return program
}

// running returns a function that runs a command in a folder, and says whether it is to
// succeed, and what its output, which does not hold key, has to contain.
func running(t *testing.T, key string) func(dir string, ok bool, wanted string, args ...string) {
	return func(dir string, ok bool, wanted string, args ...string) {
		t.Helper()
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if (err == nil) != ok || !strings.Contains(string(out), wanted) || strings.Contains(string(out), key) {
			t.Errorf("%s: %v, want success %v and %q\n%s", strings.Join(args, " "), err, ok, wanted, out)
		}
	}
}

func TestAnOptionalFolderOfHooksUnderNewerGit(t *testing.T) {
	program, key := newerGit(t), testKey("sk_live_", "optional", 24)
	run, top := running(t, key), t.TempDir()
	run(top, true, "", "git", "init", "-q", ".")
	run(top, true, "", "git", "config", "core.hooksPath", ":(optional)team")
	run(top, true, ".git/hooks/pre-commit", program, "install")
	run(top, true, "All is well.", program, "doctor")
	if err := os.WriteFile(filepath.Join(top, "k"), []byte("KEY="+key+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	run(top, true, "", "git", "add", "k")
	run(top, false, "stopped this commit", "git", "commit", "-m", "a key")
	if err := os.Mkdir(filepath.Join(top, "team"), 0o755); err != nil {
		t.Fatal(err)
	}
	run(top, false, "pre-commit does not run: core.hooksPath", program, "doctor")
	run(top, true, "team/pre-commit", program, "install")
	run(top, false, "stopped this commit", "git", "commit", "-m", "a key")
}

// The hooks follow GIT_REFERENCE_BACKEND: HEAD is in tables, and holds a key that the HEAD
// in files does not have.
func TestAnotherReferenceBackendUnderNewerGit(t *testing.T) {
	program, key := newerGit(t), testKey("sk_live_", "backend", 24)
	run, dir := running(t, key), t.TempDir()
	top := filepath.Join(dir, "shop")
	run(dir, true, "", "git", "init", "-q", "shop")
	run(top, true, "", "git", "commit", "-q", "--allow-empty", "-m", "in files")
	run(top, true, "installed", program, "install")
	run(dir, true, "", "git", "init", "-q", "--ref-format=reftable", "tables")
	t.Setenv("GIT_REFERENCE_BACKEND", "reftable://"+filepath.Join(dir, "tables/.git"))
	if err := os.WriteFile(filepath.Join(top, "k"), []byte("KEY="+key+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	run(top, true, "", "git", "add", "k")
	run(top, false, "stopped this commit", "git", "commit", "-m", "a key")
	run(top, true, "", "git", "commit", "-q", "--no-verify", "-m", "a key")
	run(top, true, "", "git", "mv", "k", "l")
	run(top, true, "", "git", "commit", "-q", "-m", "moved")
	run(top, false, "added in the range", program, "scan", "--range", "HEAD")
	run(top, true, "", program, "scan", "--range", "HEAD~1..HEAD")
	os.Unsetenv("GIT_REFERENCE_BACKEND") // empty, git refuses it
	run(top, false, "stopped this commit", "git", "commit", "-m", "new to this HEAD")
}

// Installed hooks, doctor and install, with a git that knows reftables.
func TestHooksUnderNewerGit(t *testing.T) {
	program := newerGit(t)
	key := testKey("sk_live_", "newer", 24)
	for shape, s := range newerShapes {
		for _, format := range []string{"sha1", "sha256"} {
			for _, how := range []string{"scripts", "configuration"} {
				t.Run(shape+", "+format+", "+how, func(t *testing.T) {
					dir := t.TempDir()
					top, server := filepath.Join(dir, "shop"), filepath.Join(dir, "server.git")
					linked := filepath.Join(dir, "linked")
					run := running(t, key)
					write := func(name, content string) {
						t.Helper()
						if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
							t.Fatal(err)
						}
					}
					install := []string{program, "install"}
					if how == "configuration" {
						install = append(install, "--config-hook")
					}
					t.Setenv("GIT_TEST_REFTABLE_AUTOCOMPACTION", strconv.FormatBool(shape != "many tables"))
					run(dir, true, "", "git", "init", "-q", "-b", "main", "--ref-format="+s.storage, "--object-format="+format, "shop")
					run(dir, true, "", "git", "init", "-q", "-b", "main", "--bare", "--ref-format="+s.storage, "--object-format="+format, "server.git")
					for _, setting := range s.config {
						name, value, _ := strings.Cut(setting, "=")
						run(top, true, "", "git", "config", name, value)
					}
					run(top, true, "installed", install...)
					run(server, true, "installed", install...)
					run(top, true, "unchanged", install...)
					run(top, true, "All is well.", program, "doctor")
					run(server, true, "All is well.", program, "doctor")

					write("shop/a", "clean\n")
					run(top, true, "", "git", "add", ".")
					run(top, true, "", "git", "commit", "-q", "-m", "first, and clean")
					run(top, true, "", "git", "commit", "-q", "--allow-empty", "-m", "second, and clean")
					if tables, _ := filepath.Glob(filepath.Join(top, ".git/reftable/*.ref")); shape == "many tables" && len(tables) < 3 {
						t.Errorf("there are %d tables", len(tables))
					}
					if s.change != nil {
						s.change(t, filepath.Join(top, ".git"))
						run(top, true, "second, and clean", "git", "log", "-1")
					}
					run(top, true, "", "git", "push", "-q", server, "main")
					write("shop/k", "KEY="+key+"\n")
					run(top, true, "", "git", "add", ".")
					run(top, false, "stopped this commit", "git", "commit", "-m", "a key")
					run(top, false, "stopped this commit", "git", "commit", "-a", "-m", "a key")
					run(top, false, "stopped this commit", "git", "commit", "-m", "a key", "--only", "k")
					run(top, false, "1 key found", program, "scan", "--staged")
					run(top, true, "", "git", "commit", "-q", "--no-verify", "-m", "a key")
					run(top, false, "still in HEAD", program, "scan", "--history", ".")
					run(top, false, "added in the range", program, "scan", "--range", "HEAD@{1}..HEAD")
					run(top, true, "This is a finding", program, "explain", "HEAD:k:1")
					run(top, false, "stopped this push", "git", "push", server, "main")
					run(top, false, "stopped this push", "git", "push", "--no-verify", server, "main")
					run(top, true, "", "git", "worktree", "add", "-q", "-b", "topic", linked, "HEAD~1")
					write("linked/l", "KEY="+key+"x\n")
					run(linked, true, "", "git", "add", ".")
					run(linked, false, "stopped this commit", "git", "commit", "-m", "a key")
					write("linked/l", "clean\n")
					run(linked, true, "", "git", "add", ".")
					run(linked, true, "", "git", "commit", "-q", "-m", "clean")
					run(linked, true, "", "git", "push", "-q", server, "topic")
					run(linked, true, "", program, "doctor")
					run(top, true, "removed", program, "uninstall")
				})
			}
		}
	}
}
