package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
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

// noted is main by the clock of a test, and notes that it was called.
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
	os.Exit(start(clockOfTests()))
}

// hookRunner is a program that runs hooks. Its name is that of its set-up.
type hookRunner struct {
	name    string
	program string // that must be there; "": none
	server  bool   // the hooks are in the repository that is pushed to
	// builds says that it builds keysweep from a clone of its own, and where
	// the programs are in its folder.
	builds string
	// system has it run the keysweep in PATH.
	system bool
	// all scans all files.
	all []string
}

var hookRunners = []hookRunner{
	{name: "keysweep install"},
	{name: "pre-commit", program: "pre-commit", builds: "repo*/golangenv*/bin/keysweep", all: []string{"pre-commit", "run", "--all-files"}},
	{name: "prek", program: "prek", builds: "hooks/golang-*/bin/keysweep", all: []string{"prek", "run", "--all-files"}},
	{name: "pre-commit + keysweep", program: "pre-commit", all: []string{"pre-commit", "run", "--all-files"}},
	{name: "prek + keysweep", program: "prek", all: []string{"prek", "run", "--all-files"}},
	{name: "lefthook", program: "lefthook"},
	{name: "husky", program: "husky"},
	{name: "pre-receive", server: true},
}

// workshop is the folder of everything, and what programs run in it know.
type workshop struct {
	dir string
	env []string
	// addressKey is the variable with git's setting of what is at address, and
	// revision the commit there.
	addressKey, revision string
}

// address is where the set-ups have keysweep from.
const address = "https://github.com/keysweep/keysweep"

// newWorkshop makes a folder in which programs know nothing of the machine.
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
		if !strings.HasPrefix(name, "GIT_") && !strings.HasPrefix(name, "PRE_COMMIT") && !strings.HasPrefix(name, "XDG_") &&
			!slices.Contains([]string{"PATH", "HOME", "NO_COLOR", "HUSKY", "LEFTHOOK", "SKIP", "GL_PROTOCOL"}, name) {
			w.env = append(w.env, v)
		}
	}
	settings := gitEnvironment(w.dir)
	n, err := strconv.Atoi(settings["GIT_CONFIG_COUNT"])
	if err != nil {
		t.Fatal(err)
	}
	w.addressKey = "GIT_CONFIG_KEY_" + strconv.Itoa(n)
	settings[w.addressKey], settings["GIT_CONFIG_VALUE_"+strconv.Itoa(n)] = "url.nowhere.insteadOf", address
	settings["GIT_CONFIG_COUNT"] = strconv.Itoa(n + 1)
	settings["GIT_TEMPLATE_DIR"] = "" // no samples of hooks
	for name, value := range settings {
		w.env = append(w.env, name+"="+value)
	}
	w.env = append(w.env, "GOCACHE="+cache, "GOMODCACHE="+modules,
		// All that is needed is here: this test was built of it. What make build
		// has built is taken from the cache.
		"GOPROXY=off", "GOTOOLCHAIN=local", "GOFLAGS=-buildvcs=false -trimpath", "CGO_ENABLED=0",
		"PRE_COMMIT_HOME="+filepath.Join(w.dir, "pre-commit"), "PREK_HOME="+filepath.Join(w.dir, "prek"),
		// npx finds husky here, and does not look for updates.
		"npm_config_offline=true", "npm_config_update_notifier=false",
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

// needs skips a test whose runner is not there.
func (w *workshop) needs(t *testing.T, r *hookRunner) {
	t.Helper()
	if r.program != "" && !w.has(r.program) {
		t.Skip("make test installs " + r.program)
	}
}

// has reports whether a program is in the PATH of the workshop.
func (w *workshop) has(program string) bool {
	out, err := w.run(w.dir, nil, "sh", "-c", "command -v "+program)
	return err == nil && out != ""
}

// withModule returns a workshop in which git finds this module at its address:
// all files, also what is not committed yet, in one commit. The manifest is
// rewritten for a pre-commit that is older than the names of its stages.
func (w *workshop) withModule(t *testing.T, older bool) *workshop {
	t.Helper()
	out, err := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Fatal("git ls-files: ", err)
	}
	module := filepath.Join(w.dir, "module")
	if older {
		module += " for an older pre-commit"
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
			continue // removed and not committed yet, or a link to a folder
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if older && name == ".pre-commit-hooks.yaml" {
			text = []byte(strings.NewReplacer("[pre-commit, pre-merge-commit, manual]", "[commit, merge-commit, manual]", "[pre-push]", "[push]",
				"minimum_pre_commit_version: 3.2.0", "minimum_pre_commit_version: 2.0.0").Replace(string(text)))
		}
		put(t, filepath.Join(module, name), string(text))
	}
	w.must(t, module, "git", "init", "-q")
	w.must(t, module, "git", "add", "-A")
	w.must(t, module, "git", "commit", "-q", "-m", "keysweep")
	with := *w
	with.revision = strings.TrimSpace(w.must(t, module, "git", "rev-parse", "HEAD"))
	with.env = append(slices.Clone(w.env), w.addressKey+"=url."+module+".insteadOf")
	return &with
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

// hookID finds the ids of hooks in a configuration of pre-commit.
var hookID = regexp.MustCompile(`(?m)^( *)(- id: \S+)`)

func hookSetUps(t *testing.T) (list []block) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("docs", "hooks.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range setUpBlock.FindAllStringSubmatch(string(page), -1) {
		names := strings.Split(m[1], ", ")
		for _, name := range names {
			if !slices.ContainsFunc(hookRunners, func(r hookRunner) bool { return r.name == name }) {
				t.Errorf("docs/hooks.md: a setup of %q, which no test tries", name)
			}
		}
		list = append(list, block{names, m[2], m[3]})
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
	if r.system {
		dir += " with PATH"
	}
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
	if r.program == "husky" { // npx finds it there
		for _, folder := range filepath.SplitList(os.Getenv(runnersVariable)) {
			if filepath.Base(folder) == ".bin" {
				if err := os.Symlink(filepath.Dir(folder), filepath.Join(shop, "node_modules")); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	used := 0
	for _, b := range hookSetUps(t) {
		for _, name := range b.names {
			if name != r.name {
				continue
			}
			used++
			if r.system {
				b.text = hookID.ReplaceAllString(b.text, "$1$2-system\n$1  args: [--min-confidence, high]")
			}
			if w.revision != "" {
				b.text = strings.ReplaceAll(b.text, revision(t), w.revision)
			}
			if b.file != "" {
				put(t, filepath.Join(at, b.file), b.text)
			} else {
				w.must(t, at, "sh", "-e", "-c", b.text)
			}
		}
	}
	if used == 0 {
		t.Fatalf("docs/hooks.md has no set-up of %s", r.name)
	}
	w.must(t, shop, "git", "add", "-A")
	w.must(t, shop, "git", "-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "Open")
	w.must(t, shop, "git", "-c", "core.hooksPath=/dev/null", "push", "-q", "origin", "main")
	d := &desk{T: t, w: w, runner: r, shop: shop, remote: remote, key: keyOf(r)}
	d.grow()
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
	if testing.Short() {
		return // they are the same programs with the race detector as without
	}
	findRunners(t)
	bare := newWorkshop(t)
	w := bare.withModule(t, false)
	version, older := "none", w
	if w.has("pre-commit") {
		version = strings.Fields(w.must(t, w.dir, "pre-commit", "--version"))[1]
		if regexp.MustCompile(`^([012]\.|3\.[01]\.)`).MatchString(version) {
			older = bare.withModule(t, true)
		}
	}
	seen := &results{cells: map[string]map[string]string{}}
	t.Run("with", func(t *testing.T) { // waits for all
		for _, r := range hookRunners {
			t.Run(r.name, func(t *testing.T) {
				w := w
				if r.program == "pre-commit" {
					w = older
				}
				w.needs(t, &r)
				t.Parallel()
				shop := w.shopOf(t, &r)
				if !r.server {
					said, err := w.run(filepath.Join(shop, "my shop"), nil, "keysweep", "doctor")
					for _, hook := range []string{"pre-commit", "commit-msg", "pre-push"} {
						if err != nil || !strings.Contains(said, "✓ "+hook+" ") {
							t.Errorf("doctor: %v\n%s", err, said)
						}
					}
				}
				for _, s := range situations {
					t.Run(s.name, func(t *testing.T) {
						t.Parallel()
						seen.set(r.name, s.name, w.newDesk(t, shop, &r).play(&s))
					})
				}
			})
		}
		t.Run("prek and the keysweep in PATH", func(t *testing.T) {
			r := hookRunner{name: "prek", program: "prek", system: true}
			w.needs(t, &r)
			t.Parallel()
			w.must(t, ".", "prek", "validate-manifest", ".pre-commit-hooks.yaml")
			shop := w.shopOf(t, &r)
			for _, s := range situations {
				if !slices.Contains([]string{"`git commit`", "the message of a commit", "push of a new branch"}, s.name) {
					continue
				}
				d := w.newDesk(t, shop, &r)
				if outcome := d.play(&s); outcome != stopped {
					t.Errorf("%s: %s", s.name, outcome)
				}
				calls, _ := os.ReadFile(d.calls)
				if !strings.Contains(string(calls), "hook "+s.hook+" --min-confidence high") {
					t.Errorf("%s: args do not arrive:\n%s", s.name, calls)
				}
			}
		})
	})
	page, err := os.ReadFile(filepath.Join("docs", "internals", "hooks.md"))
	if err != nil {
		t.Fatal(err)
	}
	now := table(seen, string(page))
	t.Logf("with pre-commit %s:\n%s", version, now)
	if !strings.Contains(string(page), "\n"+now+"\n") {
		t.Errorf("docs/internals/hooks.md does not have this table:\n%s", now)
	}
}

// Two managers are installed, one after the other, and the configuration of the
// first calls keysweep. What doctor says is what git then does.
func TestDoctorNamesTheManagerThatRuns(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("hook runners are installed on Linux only")
	}
	if testing.Short() {
		return // as above
	}
	findRunners(t)
	w := newWorkshop(t)
	ofPreCommit := "repos:\n- repo: local\n  hooks:\n  - {id: x, name: x, entry: COMMAND, language: system, always_run: true, pass_filenames: false}\n"
	managers := []struct{ name, install, file, text string }{
		{"keysweep", "keysweep install --hook pre-commit", "", ""},
		{"pre-commit", "pre-commit install", ".pre-commit-config.yaml", ofPreCommit},
		{"prek", "prek install", ".pre-commit-config.yaml", ofPreCommit},
		{"lefthook", "lefthook install", "lefthook.yml", "pre-commit: {commands: {x: {run: COMMAND}}}\n"},
		{"husky", "husky", ".husky/pre-commit", "COMMAND\n"},
	}
	for _, first := range managers {
		for _, second := range managers {
			if first.name == second.name {
				continue
			}
			t.Run(first.name+", then "+second.name, func(t *testing.T) {
				for _, m := range []string{first.name, second.name} {
					w.needs(t, &hookRunner{program: m})
				}
				t.Parallel()
				shop := t.TempDir()
				w.must(t, shop, "git", "init", "-q")
				for _, m := range []struct{ file, text, command string }{{second.file, second.text, "git --version"}, {first.file, first.text, "keysweep hook pre-commit"}} {
					if m.file != "" {
						put(t, filepath.Join(shop, m.file), strings.ReplaceAll(m.text, "COMMAND", m.command))
					}
				}
				w.must(t, shop, "git", "add", "-A")
				w.must(t, shop, "git", "commit", "-q", "--allow-empty", "-m", "Open")
				w.must(t, shop, "sh", "-c", first.install)
				_, _ = w.run(shop, nil, "sh", "-c", second.install) // some refuse
				said, _ := w.run(shop, nil, "keysweep", "doctor")
				well := strings.Contains(said, "✓ pre-commit ")
				clean, cleanErr := w.run(shop, nil, "git", "commit", "-q", "--allow-empty", "-m", "Clean")
				put(t, filepath.Join(shop, "pay.env"), "KEY="+testKey("sk_live_", "managers", 40)+"\n")
				w.must(t, shop, "git", "add", "pay.env")
				leak, leakErr := w.run(shop, nil, "git", "commit", "-q", "-m", "Pay")
				stops := leakErr != nil && strings.Contains(leak, "keysweep stopped this")
				if works := stops && cleanErr == nil; works != well || !well && !strings.Contains(said, "pre-commit  ") {
					t.Errorf("a key is stopped: %v; a clean commit: %v; doctor says\n%s%s%s", stops, cleanErr, said, clean, leak)
				}
				names := regexp.MustCompile(`\b` + first.name + `(\)| \(or prek\))? does not run|which is ` + first.name + `'s and refuses`)
				if !well && first.name != "keysweep" && !(names.MatchString(said) && strings.Contains(said, second.name)) {
					t.Errorf("doctor does not name both:\n%s", said)
				}
			})
		}
	}
}
