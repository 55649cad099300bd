//go:build wine

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"keysweep/scanner/gitdb/gittest"
)

// These tests run the Windows build under Wine (make windows), and compare it with
// the Linux build. They write the table of docs/internals/windows.md.

// TestUnderWine has a row of the table for each test that calls row.
func TestUnderWine(t *testing.T) {
	if wineHome == "" {
		t.Fatal("KEYSWEEP_WINE is not set: make windows sets it")
	}
	serveNative(t)
	// As long as a program runs, the next need not wait for Wine to start.
	w := newWine(t)
	defer w.start("holder.exe", "wait")()
	wineTemp = w.dir
	for _, name := range []string{"TMP", "TEMP"} {
		if got := w.run("", "wine", "reg", "add", `HKCU\Environment`, "/v", name, "/d", drive(wineTemp), "/f"); got.status != 0 {
			t.Fatalf("%+v", got)
		}
	}

	for _, group := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"equal", testReportsAreThoseOfLinux},
		{"own names", testWindowsHasItsOwnNames},
		{"hooks", testHooksAreInstalledAndRun},
		{"files", testFilesThatOthersHave},
		{"streams", testStreamsAndSignals},
		{"elsewhere", testNothingElsewhereIsOpened},
		{"packages", testPackages},
	} {
		t.Run(group.name, group.run)
	}
	if i := slices.IndexFunc(rowsOfWine, func(s string) bool { return strings.HasPrefix(s, "| tests of ") }); i >= 0 {
		slices.Sort(rowsOfWine[i:]) // they ran at once
	}
	text := "| situation | Windows under Wine, compared with Linux |\n|---|---|\n" + strings.Join(rowsOfWine, "")
	if err := os.WriteFile(filepath.Join(wineHome, "table.md"), []byte(text), 0o666); err != nil {
		t.Error(err)
	}
}

// rowsOfWine is the rows of TestUnderWine.
var (
	rowsMutex  sync.Mutex
	rowsOfWine []string // guarded by rowsMutex
)

// row adds a row when the test ends.
func row(t *testing.T, situation, result string) {
	t.Cleanup(func() {
		if t.Failed() {
			result = "FAILED"
		}
		rowsMutex.Lock()
		defer rowsMutex.Unlock()
		rowsOfWine = append(rowsOfWine, fmt.Sprintf("| %s | %s |\n", strings.ReplaceAll(situation, "|", `\|`), result))
	})
}

// wine is a folder with both builds, and a prefix of Wine.
type wine struct {
	t       *testing.T
	dir     string // where programs run
	key     string
	head    string   // of the repository
	env     []string // more than that of the test
	between func()   // what same does between its runs
}

var wineHome = os.Getenv("KEYSWEEP_WINE") // set by make windows

// newWine returns an empty folder to run in.
func newWine(t *testing.T) *wine {
	t.Helper()
	return &wine{t: t, dir: t.TempDir(), key: testKey("sk_live_", t.Name(), 40)}
}

// write writes a file; KEY in content stands for a key.
func (w *wine) write(name, content string) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err = errors.Join(err, os.WriteFile(path, []byte(strings.ReplaceAll(content, "KEY", w.key)), 0o600)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wine) environment() []string {
	env := append(os.Environ(), "WINEPREFIX="+filepath.Join(wineHome, "prefix"), "WINEDEBUG=-all", "NO_COLOR=1", "CI=",
		"WINEPATH=Z:"+strings.ReplaceAll(filepath.Join(wineHome, "path"), "/", `\`))
	for name, value := range gitEnvironment(w.dir) {
		env = append(env, name+"="+value)
	}
	return append(env, w.env...)
}

func (w *wine) git(args ...string) string {
	w.t.Helper()
	got := w.run("", append([]string{"git"}, args...)...)
	if got.status != 0 {
		w.t.Fatalf("git %q: %+v", args, got)
	}
	return strings.TrimSpace(got.stdout)
}

// ended is what a run left.
type ended struct {
	status         int
	stdout, stderr string
}

func (w *wine) command(command ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), 25*time.Minute)
	w.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir, cmd.Env = w.dir, w.environment()
	return cmd
}

func (w *wine) run(stdin string, command ...string) ended {
	w.t.Helper()
	cmd := w.command(command...)
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		w.t.Fatal(err)
	}
	return ended{cmd.ProcessState.ExitCode(), stdout.String(), wineWords.ReplaceAllString(stderr.String(), "")}
}

// wineWords is what Wine itself says without its 32-bit half.
var wineWords = regexp.MustCompile(`(?m)^(it looks like wine32|multiarch needs|execute "dpkg|apt-get install wine32).*\n?`)

func (w *wine) linux(stdin string, args ...string) ended {
	w.t.Helper()
	return w.run(stdin, append([]string{filepath.Join(wineHome, "keysweep")}, args...)...)
}

func (w *wine) windows(stdin string, args ...string) ended {
	w.t.Helper()
	return w.run(stdin, append([]string{"wine", filepath.Join(wineHome, "keysweep.exe")}, args...)...)
}

// start starts a program of wineHome, which prints a line when it is ready. stop ends it.
func (w *wine) start(program string, args ...string) (stop func()) {
	w.t.Helper()
	cmd := w.command(append([]string{"wine", filepath.Join(wineHome, program)}, args...)...)
	in, err := cmd.StdinPipe()
	out, errOut := cmd.StdoutPipe()
	if err = errors.Join(err, errOut, cmd.Start()); err != nil {
		w.t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		w.t.Fatal(err)
	}
	return func() {
		in.Close()
		_ = cmd.Wait()
	}
}

// without are the members of a report that differ from run to run.
var (
	without     = regexp.MustCompile(`(?m)^ *"(started|duration_ms|platform|startTimeUtc|endTimeUtc)": .*\n`)
	reportTimes = regexp.MustCompile(`in (under )?[0-9.,]+ m?s\b|"(started|duration_ms|platform)":("[^"]*"|\d+),?`)
)

// plainText is text without line endings of Windows and times.
func plainText(text string) string {
	text = without.ReplaceAllString(strings.ReplaceAll(text, "\r\n", "\n"), "")
	return reportTimes.ReplaceAllString(text, "in a moment")
}

// same runs both builds, and compares what they end with.
func (w *wine) same(stdin string, args ...string) ended {
	w.t.Helper()
	l := w.linux(stdin, args...)
	if w.between != nil {
		w.between()
	}
	win := w.windows(stdin, args...)
	if l.status != win.status || plainText(l.stdout) != plainText(win.stdout) || plainText(l.stderr) != plainText(win.stderr) {
		w.t.Errorf("%q differs, statuses %d and %d (-Linux +Windows):\n%s%s", args, l.status, win.status,
			cmp.Diff(plainText(l.stdout), plainText(win.stdout)), cmp.Diff(plainText(l.stderr), plainText(win.stderr)))
	}
	return win
}

// drive returns a path as Windows has it.
func drive(path string) string { return "Z:" + strings.ReplaceAll(path, "/", `\`) }

// repository makes a repository w with a key in its history and one in its tree.
func (w *wine) repository() {
	w.git("init", "-q", "-b", "main", "w")
	w.write("w/a.env", "A=KEY\n")
	w.write("w/.gitignore", "ignored\n")
	w.git("-C", "w", "add", ".")
	w.git("-C", "w", "commit", "-qm", "one")
	w.write("w/a.env", "A=\n")
	w.write("w/b/c.txt", "B=KEY\n")
	w.write("w/ignored", "KEY")
	w.git("-C", "w", "add", ".")
	w.git("-C", "w", "commit", "-qm", "two")
}

func testReportsAreThoseOfLinux(t *testing.T) {
	zero := strings.Repeat("0", 40)
	for _, tt := range []struct {
		name   string
		make   func(w *wine)
		stdin  string
		args   string // {} is the folder
		status int
	}{
		{"folder: CRLF, names of devices (`con`, `aux.txt`) and of other scripts, `x.` beside `x`, paths over 260 characters", func(w *wine) {
			w.write("w/a.env", "A=KEY\r\nB=KEY\r\n")
			w.write("w/ünï/世界 x.txt", "KEY")
			w.write("w/con", "KEY")
			w.write("w/aux.txt", "KEY")
			w.write("w/x.", "KEY\n")
			w.write("w/x", "nothing\n")
			w.write("w/d /x ", "KEY\n")
			w.write("w/"+strings.Repeat("long-name-of-a-folder/", 15)+"a", "KEY")
		}, "", "scan w -f json", 1},
		{"tree", (*wine).repository, "", "scan --tree w -f json", 1},
		{"history", (*wine).repository, "", "scan --history w -f json", 1},
		{"tree and history", (*wine).repository, "", "scan w -f json", 1},
		{"history with names of devices: folders and files `nul`, `com1.txt`, `x.`", func(w *wine) {
			w.repository()
			for _, name := range []string{"nul/a", "com1.txt", "x.", "y:z", `b\c`} {
				w.write("w/"+name, name+" KEY\n")
			}
			w.git("-C", "w", "add", ".")
			w.git("-C", "w", "commit", "-qm", "three")
			w.git("-C", "w", "rm", "-qr", "nul", "com1.txt", "x.", "y:z", `b\c`)
			w.git("-C", "w", "commit", "-qm", "four")
		}, "", "scan w -f json", 1},
		{"refs, working trees, nested repositories and packs named `aux`, `con`, `com1`, `nul.pack`", func(w *wine) {
			w.repository()
			w.git("-C", "w", "branch", "aux")
			w.git("-C", "w", "branch", "x/con")
			w.git("-C", "w", "worktree", "add", "-q", "../nul")
			w.git("-C", "w", "gc", "-q")
			for _, ext := range []string{"pack", "idx"} {
				list, _ := filepath.Glob(filepath.Join(w.dir, "w/.git/objects/pack/*."+ext))
				if len(list) != 1 || os.Rename(list[0], filepath.Join(w.dir, "w/.git/objects/pack/nul."+ext)) != nil {
					w.t.Fatal(list)
				}
			}
			w.git("-C", "w", "switch", "-qc", "lpt1")
			w.git("clone", "-q", "w", "w/com1")
		}, "", "scan w -f json", 1},
		{"packs", func(w *wine) { w.repository(); w.git("-C", "w", "gc", "-q") }, "", "scan w -f json", 1},
		{"staged", func(w *wine) {
			w.repository()
			w.write("w/new", "C="+testKey("sk_live_", "staged", 40))
			w.git("-C", "w", "add", "new")
		}, "", "scan --staged w -f json", 1},
		{"a range", (*wine).repository, "", "scan --range HEAD~1..HEAD w -f json", 0},
		{"a bare repository", func(w *wine) { w.repository(); w.git("clone", "-q", "--bare", "w", "b") }, "", "scan b -f json", 1},
		{"refs in reftables, with a linked working tree", func(w *wine) {
			w.repository()
			w.git("-C", "w", "worktree", "add", "-q", "../linked")
			(&gittest.Repo{T: w.t, Dir: filepath.Join(w.dir, "w")}).ToReftable(2)
		}, "", "scan w linked -f json", 1},
		{"refs in reftables: staged", func(w *wine) {
			w.repository()
			w.write("w/new", "C=KEY")
			w.git("-C", "w", "add", "new")
			(&gittest.Repo{T: w.t, Dir: filepath.Join(w.dir, "w")}).ToReftable(1)
		}, "", "scan --staged w -f json", 0},
		{"nested repositories whose names end in a dot", func(w *wine) {
			w.git("init", "-q", "w/r")
			w.git("init", "-q", "w/r.")
			w.write("w/r./f", "KEY")
			w.git("-C", "w/r.", "add", "f")
			w.git("-C", "w/r.", "commit", "-qm", "one")
		}, "", "scan w -f json", 1},
		{"archives: zip, jar in zip, tar.gz, docker save", func(w *wine) {
			w.write("w/a.env", "A=KEY\n")
			w.write("w/l/manifest.json", `[{"Config":"c","Layers":["0/layer.tar","1/layer.tar"]}]`)
			w.write("w/m/x", "")
			w.sh(`cd w && zip -q x.jar a.env && zip -q x.zip x.jar a.env && tar czf x.tgz a.env && mkdir l/0 l/1 && tar cf l/0/layer.tar a.env && touch .wh.a.env && tar cf l/1/layer.tar .wh.a.env && tar cf image.tar -C l . && rm -r l .wh.a.env`)
		}, "", "scan w -f json", 1},
		{"an archive in an archive, too large for the memory", func(w *wine) {
			w.write("w/a.env", "A=KEY\n")
			w.sh(`cd w && head -c 40000000 /dev/urandom >r && zip -q0 x.zip r a.env && tar czf x.tgz x.zip && rm r x.zip`)
		}, "", "scan w -f json", 1},
		{"an archive with a damaged member, and one with a password", func(w *wine) {
			w.write("w/a.env", "A=KEY\n")
			w.sh(`cd w && zip -qP x p.zip a.env && head -c 2000 /dev/urandom >r && gzip -c r | head -c 900 >t.gz`)
		}, "", "scan w -f json", 1},
		{"explain a member of an archive", func(w *wine) {
			w.write("w/a.env", "A=KEY\n")
			w.sh(`cd w && zip -q x.zip a.env`)
		}, "", "explain w/x.zip!/a.env:1", 0},
		{"explain in names of devices", func(w *wine) { w.write("w/d/con", "A=KEY\n") }, "", "explain w/d/con:1", 0},
		{"explain a revision", func(w *wine) { w.repository() }, "", "explain HEAD:b/c.txt:1", 2},
		{"standard input with 0x1A and CRLF", func(*wine) {}, "a\r\n\x1aA=KEY\r\n", "scan - -f json", 1},
		{"`--exclude '**/*.env'`", (*wine).repository, "", "scan w --exclude **/*.env -f json", 1},
		{"`--exclude 'a\\b'`: refused", (*wine).repository, "", `scan w --exclude a\b`, 2},
		{"`[[allow]] path = 'a\\b\\**'`: refused", func(w *wine) {
			w.write("c.toml", "[[allow]]\npath = 'a\\b\\**'\nreason = \"x\"\n")
			w.write("w/a", "KEY")
		}, "", "scan w --config c.toml", 2},
		{"`[[allow]] path = 'b\\[id\\]/**'`", func(w *wine) {
			w.write("c.toml", "[[allow]]\npath = 'b\\[id\\]/**'\nreason = \"x\"\n")
			w.write("w/b[id]/a", "KEY")
		}, "", "scan w --config c.toml -f json", 0},
		{"wrong use", func(*wine) {}, "", "scan --nothing", 2},
		{"help", func(*wine) {}, "", "scan --help", 0},
		{"baseline of PowerShell (UTF-16)", func(w *wine) {
			w.write("w/a", "KEY")
			w.write("b", "\xff\xfe"+wide("keysweep-baseline 1\r\n"))
		}, "", "scan w --baseline b -f json", 1},
		{"baseline create", func(w *wine) { w.repository(); w.between = func() { os.Remove(filepath.Join(w.dir, "b")) } }, "", "baseline create w -o b", 0},
		{"recheck of a report in UTF-16", func(w *wine) {
			w.write("w/a", "KEY")
			w.linux("", "scan", "w", "-o", "r.json")
			text, err := os.ReadFile(filepath.Join(w.dir, "r.json"))
			if err != nil {
				w.t.Fatal(err)
			}
			w.write("r.json", "\xff\xfe"+wide(string(text)))
		}, "", "recheck --dry-run r.json", 0},
		{"text, with colours", (*wine).repository, "", "scan w --color always", 1},
		{"JSONL", (*wine).repository, "", "scan w -f jsonl", 1},
		{"CSV", (*wine).repository, "", "scan w -f csv", 1},
		{"Markdown", (*wine).repository, "", "scan w -f markdown", 1},
		{"SARIF", (*wine).repository, "", "scan w -f sarif", 1},
		{"hook commit-msg", func(w *wine) { w.repository(); w.write("w/m", "a KEY\n") }, "", "hook commit-msg w/m", 2},
		{"hook pre-receive", func(w *wine) {
			w.repository()
			w.git("clone", "-q", "--bare", "w", "b")
			w.git("-C", "b", "update-ref", "-d", "refs/heads/main")
			w.git("-C", "b", "symbolic-ref", "HEAD", "refs/heads/y")
			w.head = w.git("-C", "w", "rev-parse", "HEAD")
			w.dir += "/b"
		}, zero + " HEAD refs/heads/x\n", "hook pre-receive", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			row(t, tt.name, "equal")
			w := newWine(t)
			tt.make(w)
			got := w.same(strings.NewReplacer("KEY", w.key, "HEAD", w.head).Replace(tt.stdin), strings.Fields(tt.args)...)
			if got.status != tt.status {
				t.Errorf("status %d, want %d: %s%s", got.status, tt.status, got.stdout, got.stderr)
			}
			if left, _ := filepath.Glob(filepath.Join(wineTemp, "keysweep-*")); len(left) > 0 {
				t.Errorf("temporary files are left: %q", left)
			}
		})
	}
}

// sh runs a script of a shell.
func (w *wine) sh(script string) {
	w.t.Helper()
	if got := w.run("", "bash", "-e", "-o", "pipefail", "-c", strings.ReplaceAll(script, "KEY", w.key)); got.status != 0 {
		w.t.Fatalf("%+v", got)
	}
}

// wide returns text in UTF-16, little endian.
func wide(text string) string {
	var b strings.Builder
	for _, c := range utf16.Encode([]rune(text)) {
		b.Write([]byte{byte(c), byte(c >> 8)})
	}
	return b.String()
}

func testWindowsHasItsOwnNames(t *testing.T) {
	w := newWine(t)
	w.repository()
	w.git("-C", "w", "worktree", "add", "-q", "../linked")
	w.write("linked/.git", "gitdir: "+filepath.ToSlash(drive(w.dir))+"/w/.git/worktrees/linked\n")
	w.write("f/a:b", "KEY")
	w.write("f/c\\d", "KEY")
	w.write("f/e", "KEY")
	w.write("a b/e", "KEY")
	w.write("t/x", "nothing\n")
	w.write("t/x.", "KEY\n")
	w.write("t/aux/con", "KEY\n")
	w.write("a$b/e", "KEY")
	w.write("b", "keysweep-baseline 1\n")
	w.git("init", "-q", "i")
	w.write("i/a:b", "KEY")
	w.write("i/c", "KEY")
	w.git("-C", "i", "add", ".")
	if err := os.Remove(filepath.Join(w.dir, "i/a:b")); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, result string
		args         []string
		status       int
		says         []string // in either stream
	}{
		{"a working tree linked with a drive letter", "only there: read",
			[]string{"scan", "linked", "-f", "json"}, 1, []string{`"path": "b/c.txt"`, `"commits": 2`}},
		{"a drive", "only there: read",
			[]string{"scan", drive(w.dir) + `\w`, "-f", "json"}, 1, []string{`"path": "b/c.txt"`}},
		{"`\\\\?\\`", "only there: read",
			[]string{"scan", `\\?\` + drive(w.dir) + `\w`, "-f", "json"}, 1, []string{`"path": "b/c.txt"`}},
		{"a rooted path without a drive, SARIF", "only there: right places",
			[]string{"scan", drive(w.dir)[2:] + `\w`, "-f", "sarif"}, 1, []string{`"uri": "w/b/c.txt"`, `"uriBaseId": "SRCROOT"`}},
		{"names with `:` or `\\` in a listing", "differs: incomplete, the system has no such names",
			[]string{"scan", "f"}, 1, []string{"a:b: names with", `c\d: names with`, "incomplete"}},
		{"a name with `:` only in the index", "equal: not in the working tree",
			[]string{"scan", "--staged", "i", "-f", "json"}, 1, []string{`"path": "a:b"`, `"complete": true`}},
		{"`--exclude 'a\\*'`", "differs: refused, no name there has a `*`",
			[]string{"scan", "f", "--exclude", `a\*`}, 2, []string{`separated by "/"`}},
		{"`-o r.json -o R.JSON`", "differs: refused, one file there",
			[]string{"scan", "f", "-o", "r.json", "-o", "R.JSON"}, 2, []string{"named twice"}},
		{"a path that is not there", "differs: the system's words",
			[]string{"scan", "nothing-here"}, 2, []string{"cannot scan nothing-here"}},
		{"a device: `scan NUL`", "only there: refused",
			[]string{"scan", "NUL"}, 2, []string{"cannot scan NUL"}},
		{"a target `x.` beside `x`", "equal: read as what it is",
			[]string{"scan", "t/x.", "-f", "json"}, 1, []string{`"path": "x."`}},
		{"a target in a folder `aux`", "equal: read",
			[]string{"scan", "t/aux/con", "-f", "json"}, 1, []string{`"path": "con"`}},
		{"explain `x.:1`", "equal: read as what it is",
			[]string{"explain", "t/x.:1"}, 0, []string{"t/x., line 1: 1 candidate"}},
		{"a command to copy, with a space", "differs: double quotes",
			[]string{"scan", "a b"}, 1, []string{`keysweep scan "a b"`}},
		{"a command to copy, with `$`", "differs: PATH, with the name beside it",
			[]string{"scan", "a$b"}, 1, []string{"keysweep scan PATH", "PATH is a$b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			row(t, tt.name, tt.result)
			w.t = t
			got := w.windows("", tt.args...)
			if got.status != tt.status {
				t.Errorf("status %d, want %d\n%s%s", got.status, tt.status, got.stdout, got.stderr)
			}
			for _, want := range tt.says {
				if !strings.Contains(got.stdout+got.stderr, want) {
					t.Errorf("does not say %q:\n%s%s", want, got.stdout, got.stderr)
				}
			}
		})
	}
}

// Git for Windows is git here: see serveNative. The hooks find keysweep in PATH, which
// is a script that starts the Windows build.
func testHooksAreInstalledAndRun(t *testing.T) {
	start := func(t *testing.T) *wine {
		w := newWine(t)
		w.repository()
		w.write("path/keysweep", "#!/bin/sh\nexec wine "+wineHome+"/path/keysweep.exe \"$@\"\n")
		if err := os.Chmod(filepath.Join(w.dir, "path/keysweep"), 0o700); err != nil {
			t.Fatal(err)
		}
		w.env = []string{"PATH=" + filepath.Join(w.dir, "path") + ":" + os.Getenv("PATH")}
		return w
	}
	t.Run("hooks", func(t *testing.T) {
		row(t, "install; a commit with a key, a clean one, a push of a key; uninstall", "equal: stopped, passed, stopped, gone")
		w := start(t)
		if got := w.windows("", "install", "w"); got.status != 0 {
			t.Fatalf("install: %+v", got)
		}
		w.sh("chmod a+x w/.git/hooks/*") // Wine keeps no such bit, and git here asks for it
		if got := w.windows("", "doctor", "w"); got.status != 0 || !strings.Contains(got.stdout, "pre-commit") {
			t.Errorf("doctor: %+v", got)
		}
		w.write("w/clean", "nothing\n")
		other := testKey("sk_live_", "another", 40)
		w.write("w/other", "C="+other)
		w.git("-C", "w", "add", "other")
		if got := w.run("", "git", "-C", "w", "commit", "-qm", "x"); got.status == 0 || !strings.Contains(got.stderr, "other:1") || strings.Contains(got.stderr, other) {
			t.Errorf("a commit with a key: %+v", got)
		}
		w.git("-C", "w", "reset", "-q")
		w.git("-C", "w", "add", "clean")
		if got := w.run("", "git", "-C", "w", "commit", "-qm", "x"); got.status != 0 || got.stderr != "" {
			t.Errorf("a clean commit: %+v", got)
		}
		w.git("-C", "w", "add", "other")
		w.git("-C", "w", "commit", "-qnm", "y")
		w.git("clone", "-q", "--bare", "w", "b")
		w.git("-C", "w", "remote", "add", "o", "../b")
		w.write("w/more", "C="+testKey("sk_live_", "more", 40))
		w.git("-C", "w", "add", "more")
		w.git("-C", "w", "commit", "-qnm", "z")
		if got := w.run("", "git", "-C", "w", "push", "-q", "o", "main"); got.status == 0 || !strings.Contains(got.stderr, "more:1") {
			t.Errorf("a push of a key: %+v", got)
		}
		if got := w.windows("", "uninstall", "w"); got.status != 0 {
			t.Errorf("uninstall: %+v", got)
		}
		if got := w.windows("", "doctor", "w"); !strings.Contains(got.stdout, "none installed") {
			t.Errorf("after uninstall: %+v", got)
		}
	})
	t.Run("pre-commit.exe", func(t *testing.T) {
		row(t, "install beside a `pre-commit.exe`", "only there: refused, git would not run it any more")
		w := start(t)
		w.write("w/.git/hooks/pre-commit.exe", "MZ")
		if got := w.windows("", "install", "w"); got.status != 2 || !strings.Contains(got.stderr, "pre-commit.exe is a hook, which git would not run any more") {
			t.Errorf("%+v", got)
		}
		if _, err := os.Stat(filepath.Join(w.dir, "w/.git/hooks/pre-commit")); err == nil {
			t.Error("a hook was written")
		}
	})
}

func testFilesThatOthersHave(t *testing.T) {
	t.Run("a report is replaced", func(t *testing.T) {
		row(t, "`-o r.json` twice", "equal: replaced")
		w := newWine(t)
		w.write("w/a", "KEY")
		for range 2 {
			if got := w.windows("", "scan", "w", "-o", "r.json"); got.status != 1 {
				t.Fatalf("%+v", got)
			}
		}
		text, err := os.ReadFile(filepath.Join(w.dir, "r.json"))
		var doc struct{ Findings []any }
		if err = errors.Join(err, json.Unmarshal(text, &doc)); err != nil || len(doc.Findings) != 1 {
			t.Errorf("%v: %s", err, text)
		}
	})
	t.Run("a report that another program has open", func(t *testing.T) {
		row(t, "a report that another program has open", "only there: tried again for 2 s; then status 2, a clear error, and the report on standard output")
		w := newWine(t)
		w.write("w/a", "KEY")
		w.write("r.json", "")
		stop := w.start("holder.exe", "hold", "r.json")
		got := w.windows("", "scan", "w", "-o", "r.json")
		if got.status != 2 || !strings.Contains(got.stderr, "another program has it open") || !strings.Contains(got.stdout, "1 key found") {
			t.Errorf("%+v", got)
		}
		go func() { time.Sleep(time.Second); stop() }()
		if got = w.windows("", "scan", "w", "-o", "r.json"); got.status != 1 && !strings.Contains(got.stderr, "another program has it open") {
			t.Errorf("closed meanwhile: %+v", got)
		}
		if got = w.windows("", "scan", "w", "-o", "r.json"); got.status != 1 {
			t.Errorf("closed: %+v", got)
		}
		w.nothingTemporary()
	})
	t.Run("temporary reports of a killed run", func(t *testing.T) {
		row(t, "the temporary report of a killed run", "equal: gone at the next run")
		w := newWine(t)
		w.write("w/a", "KEY")
		w.write("r.json", "")
		stop := w.start("holder.exe", "hold", "r.json")
		cmd := w.command("wine", filepath.Join(wineHome, "keysweep.exe"), "scan", "w", "-o", "r.json")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for range 3000 { // until it tries to rename
			if w.temporary() != nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		stop()
		if w.temporary() == nil {
			t.Fatal("the killed run left nothing")
		}
		time.Sleep(3 * time.Second) // older than a file that is about to be renamed
		if got := w.windows("", "scan", "w", "-o", "r.json"); got.status != 1 {
			t.Errorf("%+v", got)
		}
		w.nothingTemporary()
	})
	t.Run("an index that another program has locked", func(t *testing.T) {
		row(t, "an index that another program has locked", "only there: unreadable, incomplete")
		w := newWine(t)
		w.repository()
		defer w.start("holder.exe", "hold", `w\.git\index`)()
		for _, args := range [][]string{{"scan", "w", "-f", "json"}, {"scan", "--staged", "w", "-f", "json"}} {
			got := w.windows("", args...)
			if got.status == 0 || strings.Contains(got.stdout+got.stderr, "damaged") || strings.Contains(got.stdout+got.stderr, "corrupt") || strings.Contains(got.stdout, `"complete": true`) {
				t.Errorf("%q: %+v", args, got)
			}
		}
	})
	t.Run("a file that another program has locked", func(t *testing.T) {
		row(t, "a file that another program has locked", "only there: unreadable, incomplete")
		w := newWine(t)
		w.write("w/a", "nothing")
		w.write("w/b", "KEY")
		defer w.start("holder.exe", "hold", `w\a`)()
		if got := w.windows("", "scan", "w", "-f", "json"); got.status != 1 || !strings.Contains(got.stdout, `"complete": false`) || !strings.Contains(got.stdout, `"unreadable"`) {
			t.Errorf("%+v", got)
		}
	})
}

// temporary returns the temporary reports in the folder.
func (w *wine) temporary() []string {
	list, _ := filepath.Glob(filepath.Join(w.dir, ".r.json.keysweep-*"))
	return list
}

func (w *wine) nothingTemporary() {
	w.t.Helper()
	if list := w.temporary(); list != nil {
		w.t.Errorf("left: %q", list)
	}
}

func testStreamsAndSignals(t *testing.T) {
	t.Run("a closed pipe", func(t *testing.T) {
		row(t, "`keysweep scan -f json | head -1`", "equal: status 141, no word")
		w := newWine(t)
		for i := range 400 {
			w.write(fmt.Sprintf("w/a%d", i), "KEY"+fmt.Sprint(i))
		}
		for _, program := range []string{wineHome + "/keysweep", "wine " + wineHome + "/keysweep.exe"} {
			got := w.run("", "bash", "-c", program+" scan w -f json | head -1; echo ${PIPESTATUS[0]}")
			if got.stdout != "{\n141\n" && got.stdout != "{\r\n141\n" || got.stderr != "" {
				t.Errorf("%s: %+v", program, got)
			}
		}
	})
	t.Run("mintty", func(t *testing.T) {
		row(t, "colours in mintty, whose terminal is a pipe; in another pipe", "only there: coloured; not coloured")
		w := newWine(t)
		w.write("w/a", "KEY")
		w.env = []string{"NO_COLOR=", "TERM=xterm"}
		for name, want := range map[string]bool{"msys-1888ae32e00d56aa-pty0-to-master": true, "other-1888ae32e00d56aa-pty0-to-master": false} {
			got := w.run("", "wine", filepath.Join(wineHome, "holder.exe"), "pipe", name, drive(filepath.Join(wineHome, "keysweep.exe")), "scan", "w")
			if !strings.Contains(got.stdout, "1 key found") || strings.Contains(got.stdout, "\x1b[") != want {
				t.Errorf("%s: %+v", name, got)
			}
		}
	})
	t.Run("Ctrl-C", func(t *testing.T) {
		row(t, "Ctrl-C", "equal: status 130, what was found")
		w := newWine(t)
		w.write("w/a", "KEY")
		for _, program := range [][]string{{filepath.Join(wineHome, "keysweep")}, {"wine", filepath.Join(wineHome, "keysweep.exe")}} {
			cmd := w.command(append(program, "scan", "w", "-", "-f", "json")...)
			in, err := cmd.StdinPipe()
			var out bytes.Buffer
			cmd.Stdout = &out
			if err = errors.Join(err, cmd.Start()); err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(in, "nothing\n")
			time.Sleep(8 * time.Second) // until it waits for more
			_ = cmd.Process.Signal(syscall.SIGINT)
			_ = cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != 130 || !strings.Contains(out.String(), `"complete": false`) || !strings.Contains(out.String(), `"path": "a"`) {
				t.Errorf("%q: status %d, %s", program, got, &out)
			}
		}
	})
}

// windowsElsewhere are paths of other hosts, devices and streams on Windows.
var windowsElsewhere = []string{
	`\\` + hostInvalid + `\share\x`, `//` + hostInvalid + `/share/x`, `/\` + hostInvalid + `/share/x`, `\\` + hostInvalid + `@SSL\DavWWWRoot\x`,
	`\\?\UNC\` + hostInvalid + `\share\x`, `\\.\UNC\` + hostInvalid + `\share\x`, `//./` + hostInvalid, `\\?\GLOBALROOT\Device\Mup\` + hostInvalid + `\share`,
	`\??\UNC\` + hostInvalid + `\share`, `NUL.` + hostInvalid, `C:\x\aux.` + hostInvalid, `x/com7.` + hostInvalid, `lpt³.` + hostInvalid, `a.env:` + hostInvalid, `C:` + hostInvalid,
}

// Everything that Windows opens, or asks about, is in the log of Wine.
func testNothingElsewhereIsOpened(t *testing.T) {
	template := gittest.New(t, "--template=")
	w := newWine(t)
	template.Write("a.env", "A="+w.key+"\n")
	template.Commit("one")
	logged := func(args ...string) (lines []string, got ended) {
		w.env = []string{"WINEDEBUG=+file"}
		got = w.windows("", args...)
		w.env = nil
		for line := range strings.Lines(got.stderr) {
			if trace := wineTrace.MatchString(line); trace && strings.Contains(line, hostInvalid) {
				lines = append(lines, line)
			}
		}
		return lines, got
	}
	if lines, _ := logged("scan", windowsElsewhere[0]); len(lines) == 0 {
		t.Fatal("the log lacks what the user names")
	}
	runs, repositories, opened := 0, 0, 0
	check := func(args ...string) ended {
		lines, got := logged(args...)
		runs++
		opened += len(lines)
		if len(lines) > 0 {
			t.Errorf("%q: %s", args, lines[0])
		}
		return got
	}
	for i, path := range windowsElsewhere {
		folder := fmt.Sprint("f", i)
		list := slices.DeleteFunc(namesOf(path), func(n named) bool { return n.links != nil }) // Wine 8 has no symbolic links
		names := writeNames(t, list, template.Dir, filepath.Join(w.dir, folder))
		repositories += len(names)
		for _, args := range [][]string{{"scan"}, {"scan", "--tree", "--ignored"}, {"scan", "--follow-alternates"}} {
			if got := check(append(args, folder)...); got.status != 1 || !strings.Contains(got.stdout, "incomplete") {
				t.Errorf("%q: %+v", args, got)
			}
		}
		for _, name := range names {
			if i > 0 {
				break // how a path is written is judged in one place
			}
			for _, args := range [][]string{{"doctor"}, {"scan", "--staged"}, {"scan", "--history"}, {"scan", "--range", "HEAD"}, {"install", "--dry-run"}, {"baseline", "create", "-o", "b"}} {
				check(append(args, folder+"/"+name)...)
			}
		}
	}
	row(t, fmt.Sprintf("%d repositories that name a path of another host, a device or a stream (%d forms of paths): %d runs of `scan`, `--tree`, `--follow-alternates`, `--staged`, `--history`, `--range`, `doctor`, `install`, `baseline create`", repositories, len(windowsElsewhere), runs),
		fmt.Sprintf("equal: %d paths opened", opened))
}

// wineTrace is a line of Wine's log, and no message of ours.
var wineTrace = regexp.MustCompile(`^[0-9a-f]{4}:trace:file:`)

// nativePrograms are those of Linux that tests run under Wine.
var nativePrograms = []string{"git", "sh", "zip", "7zz", "bsdtar", "cpio", "xz", "bzip2", "zstd", "lz4", "compress", "dpkg-deb", "tar", "gzip", "python3"}

// serveNative runs programs of Linux for those under Wine: tools/windows/native, which
// is in their path under the name of each, asks for it.
func serveNative(t *testing.T) {
	path := filepath.Join(wineHome, "path")
	native, err := os.ReadFile(filepath.Join(wineHome, "native.exe"))
	keysweep, errRead := os.ReadFile(filepath.Join(wineHome, "keysweep.exe"))
	if err = errors.Join(err, errRead, os.RemoveAll(path), os.Mkdir(path, 0o777), os.WriteFile(filepath.Join(path, "keysweep.exe"), keysweep, 0o777)); err != nil {
		t.Fatal(err)
	}
	for _, name := range nativePrograms {
		if err := os.WriteFile(filepath.Join(path, name+".exe"), native, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	token := rand.Text()
	t.Setenv("KEYSWEEP_NATIVE", listener.Addr().String()+"/"+token)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				var q struct {
					Token, Program, Dir string
					Args, Env           []string
					Stdin               []byte
				}
				if json.NewDecoder(connection).Decode(&q) != nil || q.Token != token || !slices.Contains(nativePrograms, q.Program) {
					return
				}
				_ = json.NewEncoder(connection).Encode(runNative(q.Program, q.Dir, q.Args, q.Env, q.Stdin))
				_, _ = io.Copy(io.Discard, connection) // until the other side has read it
			}()
		}
	}()
}

// runNative runs a program with the folder, arguments and variables of one for Windows.
func runNative(program, dir string, args, env []string, stdin []byte) (a struct {
	Status         int
	Stdout, Stderr []byte
}) {
	for i, arg := range args {
		args[i] = unixPath(arg)
	}
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Stdin, cmd.Env = unixPath(dir), bytes.NewReader(stdin), os.Environ()
	for _, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "GIT_") || name == "HOME" || name == "TZ" {
			cmd.Env = append(cmd.Env, name+"="+unixPath(value))
		}
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		stderr.WriteString(err.Error())
		a.Status = 127
	} else {
		a.Status = cmd.ProcessState.ExitCode()
	}
	a.Stdout, a.Stderr = windowsPaths(stdout.Bytes()), windowsPaths(stderr.Bytes())
	return a
}

// unixPath returns text with a path of Wine's drive Z as Linux has it.
func unixPath(text string) string {
	if text == "NUL" {
		return os.DevNull
	}
	at := wineDrive.FindStringIndex(text)
	if at == nil {
		return text
	}
	return text[:at[0]] + strings.ReplaceAll(text[at[1]-1:], `\`, "/")
}

var wineDrive = regexp.MustCompile(`(?:\\\\\?\\)?\b[Zz]:[\\/]`)

// windowsPaths returns what a program printed with the paths of temporary folders as
// Windows has them.
func windowsPaths(text []byte) []byte {
	return bytes.ReplaceAll(text, []byte(wineTemp+"/"), []byte("Z:"+wineTemp+"/"))
}

// wineTemp is the folder of temporary files under Wine: outside of any repository.
var wineTemp string

// notOnWine are the packages whose tests do not run there, with the reason.
var notOnWine = map[string]string{
	"./verify":                "its server answers within seconds, which is too little there",
	".":                       "scripts, hook runners, strace and terminals of Unix; the rows above are instead",
	"./scanner/gitdb/gittest": "no tests",
	"./command/ci/citest":     "no tests",
}

var (
	testLine = regexp.MustCompile(`(?m)^--- (PASS|FAIL|SKIP): (\S+)`)
	// Wine 8 lacks what Go removes folders by.
	lacking = regexp.MustCompile(`(?m)^ +testing\.go:\d+: TempDir RemoveAll cleanup: .*\n?`)
	noGit   = regexp.MustCompile(`exec: "(git|go)": executable file not found`)
	noShell = regexp.MustCompile(`exec: "bash": executable file not found`)
)

// runGitOften are packages whose tests run git thousands of times, and under Wine it
// takes half a second each time: they are left without.
var runGitOften = []string{"./scanner", "./scanner/gitdb", "./scanner/gitdb/history", "./scanner/gitdb/lookup", "./scanner/gitdb/pack", "./scanner/gitdb/index", "./scanner/gitdb/reftable"}

// testPackages runs the tests of the packages, built for Windows.
func testPackages(t *testing.T) {
	out, err := exec.Command("go", "list", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.FieldsSeq(string(out)) {
		name = "." + strings.TrimPrefix(name, "keysweep")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if reason, ok := notOnWine[name]; ok {
				row(t, "tests of `"+name+"`", "not run: "+reason)
				return
			}
			w := newWine(t)
			program := filepath.Join(w.dir, "package.test.exe")
			build := exec.Command("go", "test", "-c", "-vet=off", "-o", program, name)
			build.Env = append(os.Environ(), "GOOS=windows", "CGO_ENABLED=0")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if _, err := os.Stat(program); err != nil {
				row(t, "tests of `"+name+"`", "not run: no tests")
				return
			}
			w.dir = filepath.Join(".", name)
			if slices.Contains(runGitOften, name) {
				w.env = []string{"WINEPATH="}
			}
			got := w.run("", "wine", program, "-test.v", "-test.short", "-test.timeout=20m")
			text := strings.ReplaceAll(got.stdout, "\r\n", "\n")
			at := testLine.FindAllStringSubmatchIndex(text, -1)
			if len(at) == 0 {
				t.Fatalf("no test ran: %s%s", text, got.stderr)
			}
			counts := map[string]int{}
			var left []string
			for i, m := range at {
				result, test := text[m[2]:m[3]], text[m[4]:m[5]]
				end := len(text)
				if i+1 < len(at) {
					end = at[i+1][0]
				}
				words, _, _ := strings.Cut(text[m[1]:end], "\n=== RUN ")
				if result != "PASS" {
					if before := strings.LastIndex(text[:m[0]], "=== RUN   "+test+"\n"); before >= 0 {
						words = text[before:m[0]] + words
					}
				}
				reason, known := failsUnderWine[test]
				switch {
				case result == "FAIL" && known:
					result = "left"
					left = append(left, test+" ("+reason+")")
				case result == "FAIL" && noGit.MatchString(words):
					result = "git"
				case result == "FAIL" && noShell.MatchString(words):
					result = "shell"
				case result == "FAIL" && onlyLacking(words):
					result = "PASS"
				case result == "FAIL":
					t.Errorf("%s: %.3000s", test, lacking.ReplaceAllString(words, ""))
				}
				counts[result]++
			}
			words := fmt.Sprintf("%d pass", counts["PASS"])
			if n := counts["SKIP"]; n > 0 {
				words += fmt.Sprintf(", %d leave themselves out", n)
			}
			if n := counts["git"]; n > 0 {
				words += fmt.Sprintf(", %d need git, which takes too long there", n)
			}
			if n := counts["shell"]; n > 0 {
				words += fmt.Sprintf(", %d need a shell and the programs that write archives", n)
			}
			if left != nil {
				words += ", not: " + strings.Join(left, "; ")
			}
			row(t, "tests of `"+name+"`", words)
		})
	}
}

// onlyLacking reports whether what a test said holds no error but that its folder
// could not be removed.
func onlyLacking(words string) bool {
	rest := lacking.ReplaceAllString(words, "")
	return rest != words && !failedLine.MatchString(rest)
}

var failedLine = regexp.MustCompile(`(?m)^ +\w+\.go:\d+: |^panic`)

// failsUnderWine are tests that fail there for a reason that is not ours.
var failsUnderWine = map[string]string{
	"TestStandardOutputMayNotBeTheFileOfAReport":    noLinks,
	"TestABaselineIsFoundAsAConfigurationIs":        noLinks,
	"TestTheProgramThatHooksRecord":                 noLinks,
	"TestNoLinkOfACheckoutLeadsAReportAway":         noLinks,
	"TestWhereAFolderOfACheckoutIs":                 noLinks,
	"TestBaselinesOfTwoBranchesMerge":               noRemoval,
	"TestWhatAChangeCanAffectBelongsToIt":           noLinks,
	"TestWhatIsFoundAndWhatHelps":                   "Windows has no executable bits, and no path `/gone/keysweep`; the other rows of it pass",
	"TestEventsOfAgents":                            noRemoval,
	"TestEventsThatAreNotAsTheContractSays":         noRemoval,
	"TestARepositoryIsFetchedOverHTTP":              noServer,
	"TestWhatServersDoWrongIsOneSentence":           noServer,
	"TestCredentialsGoToTheirHostAlone":             noServer,
	"TestAnErrorOfTheWriterStays":                   noServer,
	"TestHooksOfSeveralRepositoriesAreRefused":      noLinks,
	"TestUninstallFindsHooksThatAreShadowed":        "Wine 8 has another error for `/dev/null` than Windows",
	"TestACommitIsStoppedOrPasses":                  noHooks,
	"TestTheHookThatWasThereRunsFirst":              noHooks,
	"TestBothHooksReadAllOfWhatIsPushed":            noHooks,
	"TestInputOfAnyKindReachesBothHooks":            noHooks,
	"TestAHookWithoutKeysweepStopsAndSaysHowToGoOn": noHooks,
	"TestWhereGitLooksForHooks":                     noHooks,
	"TestInstallOverWhatIsThere":                    noHooks,
	"TestAHookCallsKeysweepWithTheOptionsItRecords": noHooks,
	"TestARepositoryMayMove":                        noHooks,
}

const (
	noLinks   = "Wine 8 makes no symbolic links, and says that it did"
	noRemoval = "Wine 8 cannot remove its folder; all else of it passes"
	noServer  = "its server is git of Linux, as a CGI program"
	noHooks   = "the git there is that of Linux, and runs no hook that Wine wrote, which is not executable; rows above run hooks"
)
