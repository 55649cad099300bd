package hooks

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"keysweep/file"
)

// bench is a folder with a repository and a keysweep that is none: a script
// that writes down how it was called, and ends as the file verdict says.
type bench struct {
	t       *testing.T
	dir     string // of everything
	repo    string
	program string
}

// strange is a name that every quoting must survive; Windows has no double quotes.
var strange = map[bool]string{false: `it's "a" $HOME folder`, true: `it's a $HOME folder`}[runtime.GOOS == "windows"]

// newBench makes a bench with an empty repository. git knows nothing of the
// machine, and finds no keysweep in PATH.
func newBench(t *testing.T) *bench {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "GIT_") {
			t.Setenv(name, "") // restored when the test ends
			os.Unsetenv(name)
		}
	}
	for name, value := range map[string]string{
		"HOME": dir, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": filepath.Join(dir, "gitconfig"),
		"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com",
		"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com",
		"LOG": filepath.Join(dir, "log"), "VERDICT": filepath.Join(dir, "verdict"),
	} {
		t.Setenv(name, value)
	}
	b := &bench{t: t, dir: dir, repo: filepath.Join(dir, strange, "repo"), program: filepath.Join(dir, strange, "bin", "keysweep")}
	b.write(b.dir, "gitconfig", "[protocol \"file\"]\n\tallow = always\n[init]\n\tdefaultBranch = main\n", 0o644)
	b.write(filepath.Dir(b.program), "keysweep", copies+`
echo "keysweep $*" >>"$LOG"
case $2 in pre-push|pre-receive) sed -e 's/end$//' -e '/^$/d' -e 's/^/  /' >>"$LOG" ;; esac
[ ! -f "$VERDICT" ] || { echo "a key" >&2; exit "$(cat "$VERDICT")"; }
`, 0o755)
	b.git(b.dir, "init", "-q", b.repo)
	return b
}

// copies is how scripts that stand for keysweep start: they copy standard input
// where the hook asks for it.
const copies = `#!/bin/sh
[ "$KEYSWEEP_STDIN" != copy ] || { cat; printf end; exit; }
`

func (b *bench) write(dir, name, text string, mode fs.FileMode) string {
	b.t.Helper()
	path := filepath.Join(dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644), os.Chmod(path, mode)); err != nil {
		b.t.Fatal(err)
	}
	return path
}

// try runs git and returns what it printed, both streams.
func (b *bench) try(dir string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (b *bench) git(dir string, args ...string) string {
	b.t.Helper()
	out, err := b.try(dir, args...)
	if err != nil {
		b.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// commit commits a new file in a working tree.
func (b *bench) commit(dir, name string) (string, error) {
	b.t.Helper()
	b.write(dir, name, name, 0o644)
	b.git(dir, "add", "--", name)
	return b.try(dir, "commit", "-q", "-m", name)
}

// verdict sets the status with which the next calls of keysweep end.
func (b *bench) verdict(status string) { b.write(b.dir, "verdict", status, 0o644) }

// log returns and forgets how hooks were called.
func (b *bench) log() string {
	b.t.Helper()
	path := filepath.Join(b.dir, "log")
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.t.Fatal(err)
	}
	os.Remove(path)
	return string(text)
}

func (b *bench) find(dir string) *Repository {
	b.t.Helper()
	r, err := Find(context.Background(), dir, file.Reach{})
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *bench) install(dir string, names ...string) []Step {
	b.t.Helper()
	steps, err := Install(b.find(dir), names, b.program, nil, false)
	if err != nil {
		b.t.Fatal(err)
	}
	return steps
}

// hook returns where a hook of the repository is.
func (b *bench) hook(name string) string { return filepath.Join(b.repo, ".git", "hooks", name) }

// own writes a hook that is not keysweep's and logs its calls.
func (b *bench) own(folder, name string) {
	b.write(folder, name, `#!/bin/sh
echo "own `+name+` $*" >>"$LOG"
case `+name+` in pre-push|pre-receive) sed 's/^/  /' >>"$LOG" ;; esac
[ ! -f "$VERDICT.own" ] || exit "$(cat "$VERDICT.own")"
`, 0o755)
}

// snapshot returns names, modes and bytes of a folder.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if target, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil {
			text = []byte("-> " + target)
		} else if err != nil && !e.IsDir() {
			text = []byte(err.Error())
		}
		_ = err
		files[e.Name()] = info.Mode().String() + info.ModTime().String() + string(text)
	}
	return files
}

func actions(steps []Step) (list []Action) {
	for _, s := range steps {
		list = append(list, s.Action)
	}
	return list
}

func TestACommitIsStoppedOrPasses(t *testing.T) {
	b := newBench(t)
	b.install(b.repo, "pre-commit", "commit-msg")
	if out, err := b.commit(b.repo, "clean"); err != nil || out != "" {
		t.Errorf("a clean commit: %v, printed %q; want silence", err, out)
	}
	if got := b.log(); got != "keysweep hook pre-commit\nkeysweep hook commit-msg .git/COMMIT_EDITMSG\n" {
		t.Errorf("calls:\n%s", got)
	}
	b.verdict("1")
	if out, err := b.commit(b.repo, "leak"); err == nil || out != "a key\n" {
		t.Errorf("a commit with a key: %v, printed %q", err, out)
	}
	if got := b.log(); got != "keysweep hook pre-commit\n" {
		t.Errorf("calls:\n%s", got)
	}
	if got := b.git(b.repo, "log", "--format=%s"); got != "clean\n" {
		t.Errorf("commits: %q", got)
	}
}

func TestTheHookThatWasThereRunsFirst(t *testing.T) {
	b := newBench(t)
	b.own(filepath.Join(b.repo, ".git", "hooks"), "pre-commit")
	before, _ := os.ReadFile(b.hook("pre-commit"))
	steps := b.install(b.repo, "pre-commit")
	if steps[0].Action != Chain || steps[0].Earlier != b.hook("pre-commit.before-keysweep") {
		t.Errorf("step: %+v", steps[0])
	}
	if kept, _ := os.ReadFile(b.hook("pre-commit.before-keysweep")); !bytes.Equal(kept, before) {
		t.Errorf("kept: %q", kept)
	}
	if out, err := b.commit(b.repo, "clean"); err != nil || out != "" {
		t.Errorf("%v, printed %q", err, out)
	}
	if got := b.log(); got != "own pre-commit \nkeysweep hook pre-commit\n" {
		t.Errorf("calls:\n%s", got)
	}
	b.write(b.dir, "verdict.own", "7", 0o644)
	if _, err := b.commit(b.repo, "refused"); err == nil {
		t.Error("the hook that was there refused, and the commit was made")
	}
	if got := b.log(); got != "own pre-commit \n" {
		t.Errorf("calls:\n%s", got)
	}
	// git makes 1 of every status: the script itself keeps it.
	cmd := exec.Command("sh", b.hook("pre-commit"))
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("%v, want the status 7 of the hook that was there", err)
	}
}

func TestBothHooksReadAllOfWhatIsPushed(t *testing.T) {
	b := newBench(t)
	remote := filepath.Join(b.dir, "remote.git")
	b.git(b.dir, "init", "-q", "--bare", remote)
	for _, place := range []struct{ folder, repo, name string }{
		{filepath.Join(b.repo, ".git", "hooks"), b.repo, "pre-push"},
		{filepath.Join(remote, "hooks"), remote, "pre-receive"},
	} {
		b.own(place.folder, place.name)
		b.install(place.repo, place.name)
	}
	if _, err := b.commit(b.repo, "a"); err != nil {
		t.Fatal(err)
	}
	b.git(b.repo, "branch", "two")
	b.git(b.repo, "push", "-q", remote, "main", "two")
	id := strings.TrimSpace(b.git(b.repo, "rev-parse", "HEAD"))
	zero := strings.Repeat("0", 40)
	pushed := "  refs/heads/main " + id + " refs/heads/main " + zero + "\n  refs/heads/two " + id + " refs/heads/two " + zero + "\n"
	received := "  " + zero + " " + id + " refs/heads/main\n  " + zero + " " + id + " refs/heads/two\n"
	want := "own pre-push " + remote + " " + remote + "\n" + pushed +
		"keysweep hook pre-push " + remote + " " + remote + "\n" + pushed +
		"own pre-receive \n" + received + "keysweep hook pre-receive\n" + received
	if got := b.log(); got != want {
		t.Errorf("calls:\n%s\nwant:\n%s", got, want)
	}
	b.verdict("1")
	b.git(b.repo, "branch", "three")
	if _, err := b.try(b.repo, "push", "-q", remote, "three"); err == nil {
		t.Error("keysweep refused, and the push was made")
	}
	if _, err := b.try(b.repo, "push", "-q", "--no-verify", remote, "three"); err == nil {
		t.Error("keysweep refused at the other end, and the push was taken")
	}
}

// shells are the shells that may be sh.
func shells(t *testing.T) (list [][]string) {
	for _, words := range [][]string{{"sh"}, {"dash"}, {"bash", "--posix"}, {"busybox", "sh"}, {"mksh"}, {"yash"}} {
		if _, err := exec.LookPath(words[0]); err == nil {
			list = append(list, words)
		}
	}
	if len(list) == 0 {
		t.Skip("no shell")
	}
	return list
}

func TestInputOfAnyKindReachesBothHooks(t *testing.T) {
	many := strings.Repeat("refs/heads/"+strings.Repeat("x", 80)+" 1 refs/heads/\xe9\\n%s 2\n", 5000)
	for _, shell := range shells(t) {
		for _, tt := range []struct{ name, input string }{
			{"no lines", ""}, {"one line", "a 1 b 2\n"}, {"no newline at the end", "a 1 b 2"}, {"blank lines at the end", "a\n\n\n"}, {"half a megabyte", many},
		} {
			t.Run(strings.Join(shell, " ")+", "+tt.name, func(t *testing.T) {
				b := newBench(t)
				b.write(b.dir, "p/keysweep", copies+"exec cat >\"$LOG.keysweep\"\n", 0o755)
				b.write(b.dir, "h/pre-push.before-keysweep", "#!/bin/sh\nexec cat >\"$LOG.own\"\n", 0o755)
				hook := b.write(b.dir, "h/pre-push", Script("pre-push", filepath.Join(b.dir, "p/keysweep")), 0o755)
				cmd := exec.Command(shell[0], append(shell[1:], hook, "origin", "url")...)
				cmd.Stdin = strings.NewReader(tt.input)
				if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
					t.Errorf("%v, printed %q", err, out)
				}
				for who, want := range map[string]string{"own": tt.input, "keysweep": tt.input + "end"} {
					if got, _ := os.ReadFile(filepath.Join(b.dir, "log."+who)); string(got) != want {
						t.Errorf("%s read %d bytes, want %d", who, len(got), len(want))
					}
				}
				// A hook that reads nothing breaks no pipe aloud.
				b.write(b.dir, "h/pre-push.before-keysweep", "#!/bin/sh\nexit 0\n", 0o755)
				cmd = exec.Command(shell[0], append(shell[1:], hook, "origin", "url")...)
				cmd.Stdin = strings.NewReader(tt.input)
				if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
					t.Errorf("with a hook that reads nothing: %v, printed %q", err, out)
				}
			})
		}
		t.Run(strings.Join(shell, " ")+", closed", func(t *testing.T) {
			b := newBench(t)
			b.own(filepath.Join(b.dir, "h"), "pre-push")
			if err := os.Rename(filepath.Join(b.dir, "h/pre-push"), filepath.Join(b.dir, "h/pre-push.before-keysweep")); err != nil {
				t.Fatal(err)
			}
			b.write(b.dir, "h/pre-push", Script("pre-push", b.program), 0o755)
			cmd := exec.Command("timeout", "20", "sh", "-c", strings.Join(shell, " ")+" h/pre-push origin url <&-")
			cmd.Dir = b.dir
			if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "the pre-push hook has no standard input") {
				t.Errorf("%v, printed %q", err, out)
			}
			if got := b.log(); got != "" {
				t.Errorf("calls:\n%s", got)
			}
		})
		t.Run(strings.Join(shell, " ")+", not to be read", func(t *testing.T) {
			b := newBench(t)
			b.own(b.dir, "h/pre-push.before-keysweep")
			hook := b.write(b.dir, "h/pre-push", Script("pre-push", b.program), 0o755)
			for _, copied := range []string{"exit 2", "echo cut", ""} { // it failed, ended early, was killed
				b.write(filepath.Dir(b.program), "keysweep", "#!/bin/sh\n"+copied+"\n", 0o755)
				if out, err := exec.Command(shell[0], append(shell[1:], hook, "origin", "url")...).CombinedOutput(); err == nil {
					t.Errorf("%q: the push was made, printed %q", copied, out)
				}
			}
			if got := b.log(); got != "" {
				t.Errorf("calls:\n%s", got)
			}
		})
		t.Run(strings.Join(shell, " ")+", cut script", func(t *testing.T) {
			b := newBench(t)
			text := Script("pre-push", b.program)
			for _, length := range []int{len(text) / 3, len(text) / 2, len(text) - 60} {
				hook := b.write(b.dir, "h/pre-push", text[:length], 0o755)
				if out, err := exec.Command(shell[0], append(shell[1:], hook, "origin", "url")...).CombinedOutput(); err == nil {
					t.Errorf("the first %d of %d bytes let the push through, printed %q", length, len(text), out)
				}
			}
		})
	}
}

func TestAHookWithoutKeysweepStopsAndSaysHowToGoOn(t *testing.T) {
	for _, tt := range []struct{ hook, onwards string }{
		{"pre-commit", "git commit --no-verify"}, {"commit-msg", "git commit --no-verify"},
		{"pre-push", "git push --no-verify"}, {"pre-receive", "the administrator must install"},
	} {
		for _, shell := range shells(t) {
			path := os.Getenv("PATH")
			b := newBench(t)
			hook := b.write(b.dir, "h/"+tt.hook, Script(tt.hook, b.program+" gone"), 0o755)
			b.own(filepath.Join(b.dir, "h"), tt.hook+".before-keysweep")
			out, err := exec.Command(shell[0], append(shell[1:], hook)...).CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("%s, %s: %v, want status 1", shell, tt.hook, err)
			}
			for _, want := range []string{"keysweep: the " + tt.hook + " hook found no keysweep at " + b.program + " gone and none in PATH", tt.onwards} {
				if !strings.Contains(string(out), want) {
					t.Errorf("%s, %s: %q is not in\n%s", shell, tt.hook, want, out)
				}
			}
			if got := b.log(); got != "" {
				t.Errorf("%s, %s: other hooks ran:\n%s", shell, tt.hook, got)
			}
			// The one in PATH is taken instead.
			t.Setenv("PATH", filepath.Dir(b.program)+string(filepath.ListSeparator)+os.Getenv("PATH"))
			if out, err := exec.Command(shell[0], append(shell[1:], hook)...).CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%s, %s, with keysweep in PATH: %v, printed %q", shell, tt.hook, err, out)
			}
			if got := b.log(); !strings.HasSuffix(got, "keysweep hook "+tt.hook+"\n") {
				t.Errorf("%s, %s: calls:\n%s", shell, tt.hook, got)
			}
			t.Setenv("PATH", path)
		}
	}
}

func TestWhereGitLooksForHooks(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(b *bench) (from, commitIn string) // where install runs, where a commit is made
		want    string                                 // the folder of hooks, from the repository
		inTree  bool
	}{
		{"the default", func(b *bench) (string, string) { return b.repo, b.repo }, ".git/hooks", false},
		{"no folder yet", func(b *bench) (string, string) {
			os.RemoveAll(filepath.Join(b.repo, ".git/hooks"))
			return b.repo, b.repo
		}, ".git/hooks", false},
		{"from a folder below", func(b *bench) (string, string) {
			b.write(b.repo, "x/y/z", "", 0o644)
			return filepath.Join(b.repo, "x/y"), b.repo
		}, ".git/hooks", false},
		{"from the .git folder", func(b *bench) (string, string) { return filepath.Join(b.repo, ".git"), b.repo }, ".git/hooks", false},
		{"a linked working tree", func(b *bench) (string, string) {
			b.git(b.repo, "commit", "-q", "--allow-empty", "-m", "root")
			b.git(b.repo, "worktree", "add", "-q", "-b", "linked", "../linked tree")
			linked := filepath.Join(filepath.Dir(b.repo), "linked tree")
			return linked, linked
		}, ".git/hooks", false},
		{"core.hooksPath, relative, from below", func(b *bench) (string, string) {
			b.git(b.repo, "config", "core.hooksPath", "team hooks")
			b.write(b.repo, "x/y", "", 0o644)
			return filepath.Join(b.repo, "x"), b.repo
		}, "team hooks", true},
		{"core.hooksPath, relative, in a linked working tree", func(b *bench) (string, string) {
			b.git(b.repo, "commit", "-q", "--allow-empty", "-m", "root")
			b.git(b.repo, "config", "core.hooksPath", "team hooks")
			b.git(b.repo, "worktree", "add", "-q", "-b", "linked", "../linked tree")
			linked := filepath.Join(filepath.Dir(b.repo), "linked tree")
			return linked, linked
		}, "../linked tree/team hooks", true},
		{"core.hooksPath, absolute, in the .git folder", func(b *bench) (string, string) {
			b.git(b.repo, "config", "core.hooksPath", filepath.Join(b.repo, ".git", "my hooks"))
			return b.repo, b.repo
		}, ".git/my hooks", false},
		{"a repository folder elsewhere", func(b *bench) (string, string) {
			os.RemoveAll(filepath.Join(b.repo, ".git"))
			b.git(b.dir, "init", "-q", "--separate-git-dir", filepath.Join(b.dir, strange, "else where"), b.repo)
			return b.repo, b.repo
		}, "../else where/hooks", false},
		{"a submodule", func(b *bench) (string, string) {
			b.git(b.dir, "init", "-q", "inner")
			b.git(filepath.Join(b.dir, "inner"), "commit", "-q", "--allow-empty", "-m", "root")
			b.git(b.repo, "submodule", "--quiet", "add", filepath.Join(b.dir, "inner"), "sub")
			return filepath.Join(b.repo, "sub"), filepath.Join(b.repo, "sub")
		}, ".git/modules/sub/hooks", false},
		{"GIT_DIR and GIT_WORK_TREE are set", func(b *bench) (string, string) {
			b.t.Setenv("GIT_DIR", filepath.Join(b.repo, ".git"))
			b.t.Setenv("GIT_WORK_TREE", b.repo)
			return b.dir, b.repo
		}, ".git/hooks", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			from, commitIn := tt.prepare(b)
			r := b.find(from)
			want := filepath.Join(b.repo, filepath.FromSlash(tt.want))
			if r.Hooks != want || !r.Inside(want) || r.InTree(want) != tt.inTree {
				t.Errorf("hooks in %s (inside %v, in the working tree %v), want %s (true, %v)", r.Hooks, r.Inside(r.Hooks), r.InTree(r.Hooks), want, tt.inTree)
			}
			if tt.inTree { // the path of a program of this machine does not go there
				t.Setenv("PATH", filepath.Dir(b.program)+string(filepath.ListSeparator)+os.Getenv("PATH"))
			}
			steps := b.install(from, "pre-commit")
			if steps[0].Path != filepath.Join(want, "pre-commit") || steps[0].Action != Write {
				t.Errorf("step: %+v", steps[0])
			}
			if got := Look(want, "pre-commit").Program; (got == "") != tt.inTree {
				t.Errorf("the script records %q", got)
			}
			if out, err := b.commit(commitIn, "a file"); err != nil || out != "" {
				t.Errorf("commit: %v, printed %q", err, out)
			}
			if got := b.log(); got != "keysweep hook pre-commit\n" {
				t.Errorf("calls: %q", got)
			}
			before := snapshot(t, want)
			if steps := b.install(from, "pre-commit"); steps[0].Action != Keep {
				t.Errorf("the second time: %+v", steps[0])
			}
			if after := snapshot(t, want); !maps.Equal(before, after) {
				t.Errorf("the second time changed %v into %v", before, after)
			}
			if steps, err := Uninstall(r, Names(), false); err != nil || len(steps) != 1 || steps[0].Action != Remove {
				t.Errorf("uninstall: %+v, %v", steps, err)
			}
			if _, err := os.Lstat(steps[0].Path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("uninstall left the hook: %v", err)
			}
		})
	}
}

func TestHooksOfSeveralRepositoriesAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(b *bench)
		want    []string
	}{
		{"a global core.hooksPath", func(b *bench) {
			b.write(b.dir, "shared/pre-commit", "#!/bin/sh\n", 0o755)
			b.git(b.repo, "config", "--global", "core.hooksPath", filepath.Join(b.dir, "shared"))
		}, []string{"core.hooksPath (global, file:", "outside this repository", `keysweep hook pre-commit "$@"`, "git config --local core.hooksPath '"}},
		{"one of its own, outside", func(b *bench) {
			b.git(b.repo, "config", "core.hooksPath", "../shared")
		}, []string{"core.hooksPath (local, file:"}},
		{"hooks that are switched off", func(b *bench) {
			b.git(b.repo, "config", "core.hooksPath", "/dev/null")
		}, []string{"/dev/null"}},
		{"a link that leads out", func(b *bench) {
			os.RemoveAll(filepath.Join(b.repo, ".git/hooks"))
			b.write(b.dir, "shared/x", "", 0o644)
			if err := os.Symlink(filepath.Join(b.dir, "shared"), filepath.Join(b.repo, ".git/hooks")); err != nil {
				b.t.Skip(err)
			}
		}, []string{"is a link that leads out of this repository"}},
		{"a link that leads nowhere", func(b *bench) {
			os.RemoveAll(filepath.Join(b.repo, ".git/hooks"))
			if err := os.Symlink(filepath.Join(b.dir, "missing"), filepath.Join(b.repo, ".git/hooks")); err != nil {
				b.t.Skip(err)
			}
		}, []string{"is a link that leads out of this repository"}},
		{"a file instead of the folder", func(b *bench) {
			os.RemoveAll(filepath.Join(b.repo, ".git/hooks"))
			b.write(b.repo, ".git/hooks", "", 0o644)
		}, []string{"is not a folder"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			tt.prepare(b)
			_, err := Install(b.find(b.repo), []string{"pre-commit"}, b.program, nil, false)
			var refused *Refused
			if !errors.As(err, &refused) {
				t.Fatalf("error %v, want a refusal", err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in\n%v", want, err)
				}
			}
			if _, err := os.Lstat(filepath.Join(b.dir, "shared/pre-push")); err == nil {
				t.Error("something was written")
			}
		})
	}
}

func TestInstallOverWhatIsThere(t *testing.T) {
	const name = "pre-commit"
	for _, tt := range []struct {
		name    string
		prepare func(b *bench, folder string)
		want    Action
		refused string // in the reason; "": it is installed
		ran     string // of a commit
	}{
		{"nothing", func(*bench, string) {}, Write, "", "keysweep hook pre-commit\n"},
		{"a hook that is not executable", func(b *bench, dir string) {
			b.own(dir, name)
			os.Chmod(filepath.Join(dir, name), 0o644)
		}, Chain, "", "keysweep hook pre-commit\n"},
		{"a link to a hook", func(b *bench, dir string) {
			b.own(filepath.Join(dir, "x"), name)
			os.Symlink("x/"+name, filepath.Join(dir, name))
		}, Chain, "", "own pre-commit \nkeysweep hook pre-commit\n"},
		{"a link to nowhere", func(b *bench, dir string) { os.Symlink("missing", filepath.Join(dir, name)) }, Chain, "", "keysweep hook pre-commit\n"},
		{"a binary", func(b *bench, dir string) {
			path, err := exec.LookPath("true")
			if err != nil {
				b.t.Skip(err)
			}
			text, _ := os.ReadFile(path)
			b.write(dir, name, string(text), 0o755)
		}, Chain, "", "keysweep hook pre-commit\n"},
		{"a folder", func(b *bench, dir string) { b.write(dir, name+"/x", "", 0o644) }, Keep, "is not a file", ""},
		{"an older one of ours", func(b *bench, dir string) { b.write(dir, name, older(name), 0o755) }, Update, "", "keysweep hook pre-commit\n"},
		{"ours, of another program", func(b *bench, dir string) { b.write(dir, name, Script(name, "/gone"), 0o755) }, Update, "", "keysweep hook pre-commit\n"},
		{"ours, not executable", func(b *bench, dir string) { b.write(dir, name, Script(name, b.program), 0o644) }, Enable, "", "keysweep hook pre-commit\n"},
		{"ours, changed", func(b *bench, dir string) { b.write(dir, name, Script(name, b.program)+"echo more\n", 0o755) }, Keep, "was edited after", ""},
		{"ours, changed inside", func(b *bench, dir string) {
			b.write(dir, name, strings.Replace(Script(name, b.program), "exec ", "", 1), 0o755)
		}, Keep, "was edited after", ""},
		{"a link to ours", func(b *bench, dir string) {
			b.write(dir, "x", Script(name, b.program), 0o755)
			os.Symlink("x", filepath.Join(dir, name))
		}, Keep, "", "keysweep hook pre-commit\n"},
		{"a link to an older one of ours", func(b *bench, dir string) {
			b.write(dir, "x", older(name), 0o755)
			os.Symlink("x", filepath.Join(dir, name))
		}, Keep, "is a link to an outdated hook", ""},
		{"one that calls keysweep by hand", func(b *bench, dir string) {
			b.write(dir, name, "#!/bin/sh\n\""+"keysweep"+"\" hook pre-commit \"$@\"\n", 0o755)
		}, Keep, "", "*"},
		{"a comment that names keysweep", func(b *bench, dir string) {
			b.write(dir, name, "#!/bin/sh\n# keysweep hook pre-commit\n", 0o755)
		}, Chain, "", "keysweep hook pre-commit\n"},
		{"a hook, and one that was kept", func(b *bench, dir string) {
			b.own(dir, name)
			b.own(dir, name+Suffix)
		}, Keep, "is not keysweep's, and ", ""},
		{"pre-commit's", func(b *bench, dir string) {
			b.write(dir, name, "#!/usr/bin/env bash\n# File generated by pre-commit: https://pre-commit.com\n", 0o755)
		}, Keep, "belongs to pre-commit", ""},
		{"pre-commit's, with ours moved aside", func(b *bench, dir string) {
			b.write(dir, name, "#!/bin/sh\n# File generated by pre-commit: https://pre-commit.com\nexec \"$0.legacy\"\n", 0o755)
			b.write(dir, name+".legacy", Script(name, b.program), 0o755)
		}, Keep, "", "keysweep hook pre-commit\n"},
		{"prek's", func(b *bench, dir string) {
			b.write(dir, name, "#!/bin/sh\n# File generated by prek: https://github.com/j178/prek\n", 0o755)
		}, Keep, "add to .pre-commit-config.yaml", ""},
		{"lefthook's", func(b *bench, dir string) {
			b.write(dir, name, "#!/bin/sh\ncall_lefthook()\n{\n}\ncall_lefthook run \"pre-commit\" \"$@\"\n", 0o755)
		}, Keep, "run: keysweep hook pre-commit", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			folder := filepath.Join(b.repo, ".git", "hooks")
			tt.prepare(b, folder)
			before := snapshot(t, folder)
			r := b.find(b.repo)
			planned, _ := Install(r, []string{name}, b.program, nil, true)
			if after := snapshot(t, folder); !maps.Equal(before, after) {
				t.Errorf("a dry run changed %v into %v", before, after)
			}
			steps, err := Install(r, []string{name}, b.program, nil, false)
			if tt.refused != "" {
				if err == nil || !strings.Contains(err.Error(), tt.refused) {
					t.Errorf("error %v, want one with %q", err, tt.refused)
				}
				if after := snapshot(t, folder); !maps.Equal(before, after) {
					t.Errorf("a refusal changed %v into %v", before, after)
				}
				return
			}
			if err != nil || steps[0].Action != tt.want || !slices.Equal(actions(planned), actions(steps)) {
				t.Fatalf("%+v, %v; want action %d; planned %+v", steps, err, tt.want, planned)
			}
			if tt.ran != "*" {
				if out, err := b.commit(b.repo, "a"); err != nil || out != "" {
					t.Errorf("commit: %v, printed %q", err, out)
				}
				if got := b.log(); got != tt.ran {
					t.Errorf("calls: %q, want %q", got, tt.ran)
				}
			}
			if steps, err := Install(r, []string{name}, b.program, nil, false); err != nil || steps[0].Action != Keep {
				t.Errorf("the second time: %+v, %v", steps, err)
			}
			if tt.want != Chain {
				return
			}
			if steps, err := Uninstall(r, []string{name}, false); err != nil || len(steps) != 1 || steps[0].Action != Restore {
				t.Errorf("uninstall: %+v, %v", steps, err)
			}
			if after := snapshot(t, folder); !maps.Equal(before, after) {
				t.Errorf("uninstall did not restore\n%v\nbut left\n%v", before, after)
			}
		})
	}
}

// older returns a hook as a version before this one may have written it.
func older(name string) string {
	text := "#!/bin/sh\nkeysweep='/old'\nexec \"$keysweep\" hook " + name + "\n"
	return text + "# keysweep hook 0 " + sum(text) + "\n"
}

func TestAHookCallsKeysweepWithTheOptionsItRecords(t *testing.T) {
	odd := []string{"--exclude=it's, \"$HOME\" \\ *", "--allow-incomplete"}
	said := " " + strings.Join(odd, " ")
	for _, chained := range []bool{false, true} {
		b := newBench(t)
		first, ahead := "", ""
		if chained {
			b.own(filepath.Dir(b.hook("x")), "pre-commit")
			b.own(filepath.Dir(b.hook("x")), "pre-push")
			first, ahead = "own pre-commit \n", "own pre-push origin ../other\n"
		}
		install := func(options []string) []Step {
			t.Helper()
			steps, err := Install(b.find(b.repo), []string{"pre-commit", "pre-push"}, b.program, options, false)
			if err != nil {
				t.Fatal(err)
			}
			return steps
		}
		install(odd)
		for _, name := range []string{"pre-commit", "pre-push"} {
			if s := Look(filepath.Dir(b.hook("x")), name); !slices.Equal(s.Options, odd) || !s.Current() {
				t.Errorf("%s records %q, current %v", name, s.Options, s.Current())
			}
		}
		b.commit(b.repo, "a")
		if got, want := b.log(), first+"keysweep hook pre-commit"+said+"\n"; got != want {
			t.Errorf("chained %v: calls\n%swant\n%s", chained, got, want)
		}
		b.git(b.dir, "init", "-q", "--bare", filepath.Join(filepath.Dir(b.repo), "other"))
		b.git(b.repo, "remote", "add", "origin", "../other")
		b.git(b.repo, "push", "-q", "origin", "main")
		for _, want := range []string{ahead, "keysweep hook pre-push" + said + " origin ../other\n  refs/heads/main "} {
			if got := b.log(); !strings.Contains(got, want) {
				t.Errorf("chained %v: calls\n%swant\n%s", chained, got, want)
			} else {
				b.write(b.dir, "log", got, 0o644)
			}
		}
		for _, s := range install(nil) {
			if s.Action != Keep || !slices.Equal(s.Options, odd) {
				t.Errorf("again, without options: %+v", s)
			}
		}
		for _, s := range install([]string{"--quiet"}) {
			if s.Action != Update || !slices.Equal(s.Options, []string{"--quiet"}) {
				t.Errorf("again, with others: %+v", s)
			}
		}
	}
}

func TestOptionsThatAHookCannotRecordAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name, option, want string
		prepare            func(b *bench)
	}{
		{"a line break", "--exclude=a\nb", "which has a line break", func(*bench) {}},
		{"another's hook that calls keysweep", "--quiet", "add the options there", func(b *bench) {
			b.write(filepath.Dir(b.hook("x")), "pre-commit", "#!/bin/sh\n"+"keysweep"+" hook pre-commit \"$@\"\n", 0o755)
		}},
	} {
		b := newBench(t)
		tt.prepare(b)
		_, err := Install(b.find(b.repo), []string{"pre-commit"}, b.program, []string{tt.option}, false)
		var refused *Refused
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestHuskyIsToldToCallKeysweep(t *testing.T) {
	for _, path := range []string{".husky", ".husky/_"} {
		b := newBench(t)
		b.git(b.repo, "config", "core.hooksPath", path)
		b.write(b.repo, path+"/pre-commit", "#!/usr/bin/env sh\n. \"${0%/*}/h\"\n", 0o755)
		for _, name := range []string{"pre-commit", "pre-push"} {
			t.Setenv("PATH", filepath.Dir(b.program)+string(filepath.ListSeparator)+os.Getenv("PATH"))
			_, err := Install(b.find(b.repo), []string{name}, b.program, nil, false)
			if err == nil || !strings.Contains(err.Error(), "add this line to .husky/"+name) {
				t.Errorf("%s, %s: %v", path, name, err)
			}
		}
	}
}

func TestOneRefusalWritesNothing(t *testing.T) {
	b := newBench(t)
	b.write(b.repo, ".git/hooks/pre-push", "#!/bin/sh\n# File generated by pre-commit: https://pre-commit.com\n", 0o755)
	before := snapshot(t, filepath.Dir(b.hook("x")))
	_, err := Install(b.find(b.repo), []string{"pre-commit", "pre-push"}, b.program, nil, false)
	if err == nil || !strings.Contains(err.Error(), "no hook was written; --hook NAME") {
		t.Errorf("error: %v", err)
	}
	if after := snapshot(t, filepath.Dir(b.hook("x"))); !maps.Equal(before, after) {
		t.Errorf("changed %v into %v", before, after)
	}
}

func TestUninstallLeavesWhatIsNotOurs(t *testing.T) {
	b := newBench(t)
	folder := filepath.Dir(b.hook("x"))
	b.own(folder, "pre-commit")
	b.write(folder, "pre-push", Script("pre-push", b.program)+"echo mine\n", 0o755)
	b.own(folder, "commit-msg"+Suffix)
	before := snapshot(t, folder)
	steps, err := Uninstall(b.find(b.repo), Names(), false)
	if err != nil || len(steps) != 1 || steps[0].Action != Leave || steps[0].Name != "pre-push" {
		t.Errorf("%+v, %v", steps, err)
	}
	if after := snapshot(t, folder); !maps.Equal(before, after) {
		t.Errorf("changed %v into %v", before, after)
	}
}

// Other repositories may use hooks outside this one, even if keysweep wrote them.
func TestUninstallLeavesHooksOfSeveralRepositories(t *testing.T) {
	b := newBench(t)
	b.git(b.repo, "config", "core.hooksPath", filepath.Join(b.dir, "shared"))
	b.write(b.dir, "shared/pre-commit", Script("pre-commit", b.program), 0o755)
	steps, err := Uninstall(b.find(b.repo), Names(), false)
	if _, missing := os.Stat(filepath.Join(b.dir, "shared/pre-commit")); err != nil || len(steps) > 0 || missing != nil {
		t.Errorf("%+v, %v, %v", steps, err, missing)
	}
}

// Only pre-commit runs a hook of this name.
func TestALegacyHookCountsBehindPreCommitAlone(t *testing.T) {
	for text, want := range map[string]Kind{"#!/bin/sh\nexit 0\n": Foreign, "#!/bin/sh\n# File generated by pre-commit\n": Ours} {
		b := newBench(t)
		folder := filepath.Dir(b.hook("x"))
		b.write(folder, "pre-commit", text, 0o755)
		b.write(folder, "pre-commit.legacy", Script("pre-commit", b.program), 0o755)
		if s := Look(folder, "pre-commit"); s.Kind != want {
			t.Errorf("%q: %+v", text, s)
		}
	}
}

func TestUninstallFindsHooksThatAreShadowed(t *testing.T) {
	b := newBench(t)
	b.install(b.repo, "pre-commit")
	b.git(b.repo, "config", "core.hooksPath", "/dev/null")
	steps, err := Uninstall(b.find(b.repo), Names(), false)
	if err != nil || len(steps) != 1 || steps[0].Path != b.hook("pre-commit") {
		t.Errorf("%+v, %v", steps, err)
	}
}

func TestARepositoryMayMove(t *testing.T) {
	b := newBench(t)
	b.own(filepath.Dir(b.hook("x")), "pre-commit")
	b.install(b.repo, "pre-commit")
	moved := filepath.Join(b.dir, "moved")
	if err := os.Rename(b.repo, moved); err != nil {
		t.Fatal(err)
	}
	if out, err := b.commit(moved, "a"); err != nil || out != "" {
		t.Errorf("%v, printed %q", err, out)
	}
	if got := b.log(); got != "own pre-commit \nkeysweep hook pre-commit\n" {
		t.Errorf("calls: %q", got)
	}
}

func TestAScriptSaysWhetherItIsAsWritten(t *testing.T) {
	for _, name := range Names() {
		for _, program := range []string{"", "/usr/bin/keysweep", `/a'b"c $d\e/keysweep`, "C:/Program Files/keysweep.exe"} {
			text := Script(name, program)
			if s := (State{text: text}); !s.parse() || s.Edited || s.Program != program || s.Version != Version {
				t.Errorf("%s, %q: %+v", name, program, s)
			}
			for _, changed := range []string{text + "\n", strings.ReplaceAll(text, "\n", "\r\n"), "#!/bin/bash" + text[len("#!/bin/sh"):], strings.TrimSuffix(text, "\n")} {
				if s := (State{text: changed}); !s.parse() || !s.Edited {
					t.Errorf("%s, changed: %+v\n%s", name, s, changed)
				}
			}
		}
	}
	for _, text := range []string{"", "#!/bin/sh\nkeysweep hook pre-commit\n", "# keysweep hook 1 xyz\n"} {
		if s := (State{text: text}); s.parse() {
			t.Errorf("%q is taken for ours", text)
		}
	}
}

func TestTheProgramThatHooksRecord(t *testing.T) {
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	if got, err := Program(); err != nil || got != filepath.ToSlash(own) || OnPath() != "" {
		t.Errorf("nothing in PATH: %s, %q", got, OnPath())
	}
	inPath := filepath.Join(dir, "keysweep")
	if err := os.WriteFile(inPath, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := Program(); err != nil || got != filepath.ToSlash(own) {
		t.Errorf("another program in PATH: %s", got)
	}
	if err := errors.Join(os.Remove(inPath), os.Symlink(own, inPath)); err != nil {
		t.Skip(err)
	}
	if got, err := Program(); err != nil || got != filepath.ToSlash(inPath) {
		t.Errorf("a link to this program in PATH: %s", got)
	}
}

func TestAFolderInNoRepository(t *testing.T) {
	b := newBench(t)
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(b.dir))
	if _, err := Find(context.Background(), b.dir, file.Reach{}); !errors.Is(err, ErrNotRepository) {
		t.Errorf("error %v", err)
	}
	t.Setenv("PATH", "")
	if _, err := Find(context.Background(), b.repo, file.Reach{}); !errors.Is(err, ErrNoGit) {
		t.Errorf("without git: %v", err)
	}
}

// Two installs may run at once: the hook that was there may not be lost.
func TestAChainedHookIsNeverOverwritten(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "pre-commit")
	earlier := path + Suffix
	for name, text := range map[string]string{path: Script("pre-commit", ""), earlier: "#!/bin/sh\n# the user's\n"} {
		if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	step := Step{Name: "pre-commit", Action: Chain, Path: path, Earlier: earlier, text: Script("pre-commit", "")}
	if err := step.apply(); err == nil || !strings.Contains(err.Error(), "try again") {
		t.Error(err)
	}
	if text, err := os.ReadFile(earlier); err != nil || !strings.Contains(string(text), "the user's") {
		t.Errorf("%q, %v", text, err)
	}
}

func TestAProgramOfWindowsThatIsAHookIsNotShadowed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pre-commit")
	if got := shadowed("windows", path); got != "" {
		t.Errorf("%q, and there is none", got)
	}
	if err := os.WriteFile(path+".exe", nil, 0o700); err != nil {
		t.Fatal(err)
	}
	if got := shadowed("windows", path); got != path+".exe" {
		t.Errorf("%q", got)
	}
	if got := shadowed("linux", path); got != "" {
		t.Errorf("%q on Linux, where git does not run it", got)
	}
}
