package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// The set-ups of docs/hooks.md are tried with the programs that they are for,
// in the situations of situations_test.go. A block of a set-up has a comment
// above it:
//
//	<!-- set-up NAME…: FILE -->   the block is the file
//	<!-- set-up NAME… -->         the block is commands, run at the top
//
// Blocks of one name are taken from top to bottom.

// runnersVariable is a list of folders as in PATH, with the programs that make
// test installs.
const runnersVariable = "KEYSWEEP_HOOK_RUNNERS"

// callsVariable names a file to which each call of keysweep appends its
// arguments.
const callsVariable = "KEYSWEEP_CALLS"

// noted is main, and notes that it was called.
func noted() {
	if path := os.Getenv(callsVariable); path != "" {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
		if err == nil {
			_, err = f.WriteString(strings.Join(os.Args[1:], " ") + "\n")
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			panic(err)
		}
	}
	main()
}

// hookRunner is a program that runs hooks. Its name is that of its set-up.
type hookRunner struct {
	name    string
	program string // that must be there; "": none
	server  bool   // the hooks are in the repository that is pushed to
	// builds says that it builds keysweep from a clone of its own, and where
	// the programs are in its folder.
	builds string
	// all looks at all files.
	all []string
}

var hookRunners = []hookRunner{
	{name: "keysweep install"},
	{name: "pre-commit", program: "pre-commit", builds: "repo*/golangenv*/bin/keysweep", all: []string{"pre-commit", "run", "--all-files"}},
	{name: "prek", program: "prek", builds: "hooks/golang-*/bin/keysweep", all: []string{"prek", "run", "--all-files"}},
	{name: "lefthook", program: "lefthook"},
	{name: "husky", program: "husky"},
	{name: "pre-receive", server: true},
}

// workshop is the folder of everything, and what programs run in it know.
type workshop struct {
	dir string
	env []string
}

// address is where the set-ups have keysweep from.
const address = "https://github.com/keysweep/keysweep"

// newWorkshop makes a folder with a copy of this module, which git finds at its
// address.
func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	w := &workshop{dir: t.TempDir()}
	if resolved, err := filepath.EvalSymlinks(w.dir); err == nil {
		w.dir = resolved
	}
	out, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	cache, modules, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	for _, v := range cleanEnvironment() {
		name, _, _ := strings.Cut(v, "=")
		if !strings.HasPrefix(name, "GIT_") && name != "PATH" && name != "HOME" {
			w.env = append(w.env, v)
		}
	}
	settings := gitEnvironment(w.dir)
	for _, more := range [][2]string{
		{"url." + filepath.Join(w.dir, "module") + ".insteadOf", address},
		{"advice.detachedHead", "false"},
	} {
		n := settings["GIT_CONFIG_COUNT"]
		settings["GIT_CONFIG_KEY_"+n], settings["GIT_CONFIG_VALUE_"+n] = more[0], more[1]
		settings["GIT_CONFIG_COUNT"] = string(n[0] + 1)
	}
	for name, value := range settings {
		w.env = append(w.env, name+"="+value)
	}
	w.env = append(w.env, "GOCACHE="+cache, "GOMODCACHE="+modules,
		"GOPROXY=off", "GOTOOLCHAIN=local", "GOFLAGS=-buildvcs=false", // all that is needed is here: this test was built
		"PRE_COMMIT_HOME="+filepath.Join(w.dir, "pre-commit"), "PREK_HOME="+filepath.Join(w.dir, "prek"),
		"PATH="+os.Getenv(runnersVariable)+string(filepath.ListSeparator)+os.Getenv("PATH"))
	return w
}

// run runs a program in a folder and returns what it printed, both streams.
func (w *workshop) run(dir string, env []string, args ...string) (string, error) {
	cmd := exec.Command(args[0], args[1:]...)
	// Looked up in the PATH of the workshop.
	for _, v := range w.env {
		if list, ok := strings.CutPrefix(v, "PATH="); ok && !strings.Contains(args[0], "/") {
			for _, folder := range filepath.SplitList(list) {
				if path := filepath.Join(folder, args[0]); folder != "" && executableFile(path) {
					cmd.Path, cmd.Err = path, nil
					break
				}
			}
		}
	}
	cmd.Dir = dir
	cmd.Env = append(append([]string{}, w.env...), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func executableFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// must is run for what cannot fail.
func (w *workshop) must(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := w.run(dir, nil, args...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// has reports whether a program is in the PATH of the workshop.
func (w *workshop) has(program string) bool {
	out, err := w.run(w.dir, nil, "sh", "-c", "command -v "+program)
	return err == nil && out != ""
}

// copyModule commits the files of this module, also what is not committed yet,
// to a repository of its own. The manifest is rewritten for a pre-commit that
// is older than the names of its stages.
func (w *workshop) copyModule(t *testing.T, older bool) {
	t.Helper()
	out, err := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Fatal("git ls-files: ", err)
	}
	module := filepath.Join(w.dir, "module")
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		text, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue // removed, and not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(module, name), string(text))
	}
	w.must(t, module, "git", "init", "-q")
	commit := func(tag string) {
		w.must(t, module, "git", "add", "-A")
		w.must(t, module, "git", "commit", "-q", "-m", "keysweep", "--allow-empty")
		w.must(t, module, "git", "tag", tag)
	}
	if older {
		path := filepath.Join(module, ".pre-commit-hooks.yaml")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		put(t, path, strings.NewReplacer("[pre-commit, pre-merge-commit,", "[commit, merge-commit,", "[pre-push]", "[push]",
			"minimum_pre_commit_version: 3.2.0", "minimum_pre_commit_version: 2.0.0").Replace(string(text)))
	}
	commit(revision(t))
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text), 0o666)); err != nil {
		t.Fatal(err)
	}
}

// block is one block of a set-up.
type block struct {
	names []string
	file  string // "": commands
	text  string
}

var setUpBlock = regexp.MustCompile("(?ms)^<!-- set-up ([^:\n]+?)(?:: (\\S+))? -->\n^```\\w*\n(.*?)^```$")

func hookSetUps(t *testing.T) (list []block) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("docs", "hooks.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range setUpBlock.FindAllStringSubmatch(string(page), -1) {
		list = append(list, block{strings.Split(m[1], ", "), m[2], m[3]})
	}
	return list
}

// revision is the one that the set-up of pre-commit names.
func revision(t *testing.T) string {
	t.Helper()
	for _, b := range hookSetUps(t) {
		if m := regexp.MustCompile(`(?m)^ *rev: (\S+)`).FindStringSubmatch(b.text); m != nil {
			return m[1]
		}
	}
	t.Fatal("docs/hooks.md: no set-up has a rev")
	return ""
}

// shopOf makes a repository "my shop" with a commit, the repository
// remote.git that it has pushed to, and the hooks of a runner.
func (w *workshop) shopOf(t *testing.T, r *hookRunner) (dir string) {
	t.Helper()
	dir = filepath.Join(w.dir, "shops", r.name)
	shop, remote := filepath.Join(dir, "my shop"), filepath.Join(dir, "remote.git")
	put(t, filepath.Join(shop, "README"), "A shop.\n")
	put(t, filepath.Join(shop, "till", "open hours"), "9 to 5\n")
	put(t, filepath.Join(shop, ".gitignore"), "node_modules\n")
	w.must(t, dir, "git", "init", "-q", "--bare", remote)
	w.must(t, shop, "git", "init", "-q")
	w.must(t, shop, "git", "remote", "add", "origin", "../remote.git")
	at := shop
	if r.server {
		at = remote
	}
	if r.program == "husky" {
		for _, folder := range filepath.SplitList(os.Getenv(runnersVariable)) {
			if filepath.Base(folder) == ".bin" {
				if err := os.Symlink(filepath.Dir(folder), filepath.Join(shop, "node_modules")); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	n := 0
	for _, b := range hookSetUps(t) {
		for _, name := range b.names {
			if name != r.name {
				continue
			}
			n++
			if b.file != "" {
				put(t, filepath.Join(at, b.file), b.text)
			} else {
				w.must(t, at, "sh", "-e", "-c", b.text)
			}
		}
	}
	if n == 0 {
		t.Fatalf("docs/hooks.md has no set-up of %s", r.name)
	}
	w.must(t, shop, "git", "add", "-A")
	w.must(t, shop, "git", "-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "Open")
	w.must(t, shop, "git", "-c", "core.hooksPath=/dev/null", "push", "-q", "origin", "main")
	if r.builds == "" {
		return dir
	}
	// It builds when it first runs. What it built is kept, and its calls noted.
	w.must(t, shop, r.all...)
	built, err := filepath.Glob(filepath.Join(w.dir, r.name, r.builds))
	if err != nil || len(built) == 0 {
		t.Fatalf("%s built no keysweep (%v)", r.name, err)
	}
	for _, program := range built {
		if err := os.Rename(program, program+".built"); err != nil {
			t.Fatal(err)
		}
		put(t, program, "#!/bin/sh\nprintf '%s\\n' \"$*\" >>\"$"+callsVariable+"\"\nexec '"+program+".built' \"$@\"\n")
		if err := os.Chmod(program, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// findRunners makes the folders of installed programs known, also where make
// test did not say them.
func findRunners(t *testing.T) {
	t.Helper()
	if os.Getenv(runnersVariable) != "" {
		return
	}
	var folders []string
	for _, folder := range []string{"@j178/prek-linux-x64-gnu", "lefthook-linux-x64/bin", ".bin"} {
		path, err := filepath.Abs(filepath.Join("bin", "runners", "node_modules", folder))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); err == nil {
			folders = append(folders, path)
		}
	}
	t.Setenv(runnersVariable, strings.Join(folders, string(filepath.ListSeparator)))
}

// results are the cells of the table: by runner and situation.
type results struct {
	mu    sync.Mutex
	cells map[string]map[string]string // guarded by mu
}

func (r *results) set(runner, situation, outcome string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cells[runner] == nil {
		r.cells[runner] = map[string]string{}
	}
	r.cells[runner][situation] = outcome
}

func TestHooksWithThoseWhoRunThem(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("hook runners are installed on Linux only")
	}
	findRunners(t)
	w := newWorkshop(t)
	version := ""
	if w.has("pre-commit") {
		version = strings.Fields(w.must(t, w.dir, "pre-commit", "--version"))[1]
	}
	w.copyModule(t, regexp.MustCompile(`^([012]\.|3\.[01]\.)`).MatchString(version))
	seen := &results{cells: map[string]map[string]string{}}
	t.Run("with", func(t *testing.T) {
		for _, r := range hookRunners {
			t.Run(r.name, func(t *testing.T) {
				if r.program != "" && !w.has(r.program) {
					t.Skip("make test installs " + r.program)
				}
				t.Parallel()
				shop := w.shopOf(t, &r)
				for _, s := range situations {
					t.Run(s.name, func(t *testing.T) {
						t.Parallel()
						d := w.newDesk(t, shop, &r)
						outcome := d.play(&s)
						seen.set(r.name, s.name, outcome)
					})
				}
			})
		}
	})
	t.Log("\n" + table(seen))
}
