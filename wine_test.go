//go:build wine

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

// These tests run the Windows build under Wine (make windows), and compare it with
// the Linux build: see docs/internals/windows.md.

// wine is a folder with both builds, and a prefix of Wine.
type wine struct {
	t   *testing.T
	dir string // where programs run
	key string
}

var wineHome = os.Getenv("KEYSWEEP_WINE") // set by make windows

// newWine returns an empty folder to run in.
func newWine(t *testing.T) *wine {
	t.Helper()
	if wineHome == "" {
		t.Fatal("KEYSWEEP_WINE is not set: make windows sets it")
	}
	return &wine{t, t.TempDir(), testKey("sk_live_", t.Name(), 40)}
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

func (w *wine) git(args ...string) string {
	w.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=n", "GIT_AUTHOR_EMAIL=e",
		"GIT_COMMITTER_NAME=n", "GIT_COMMITTER_EMAIL=e", "GIT_AUTHOR_DATE=2026-01-02T03:04:05Z", "GIT_COMMITTER_DATE=2026-01-02T03:04:05Z")
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %q: %v %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// ended is what a run left.
type ended struct {
	status         int
	stdout, stderr string
}

func (w *wine) run(debug, stdin string, command ...string) ended {
	w.t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir, cmd.Stdin = w.dir, strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "WINEPREFIX="+filepath.Join(wineHome, "prefix"), "WINEDEBUG="+debug, "NO_COLOR=1")
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
	return w.run("-all", stdin, append([]string{filepath.Join(wineHome, "keysweep")}, args...)...)
}

func (w *wine) windows(stdin string, args ...string) ended {
	return w.run("-all", stdin, append([]string{"wine", filepath.Join(wineHome, "keysweep.exe")}, args...)...)
}

// without are the members of a report that differ from run to run.
var without = regexp.MustCompile(`(?m)^ *"(started|duration_ms|platform|startTimeUtc|endTimeUtc)": .*\n`)

// same runs both builds, and compares what they end with.
func (w *wine) same(stdin string, args ...string) ended {
	w.t.Helper()
	l, win := w.linux(stdin, args...), w.windows(stdin, args...)
	plain := func(s string) string {
		s = without.ReplaceAllString(strings.ReplaceAll(s, "\r\n", "\n"), "")
		return regexp.MustCompile(`in [0-9.,]+ m?s\b`).ReplaceAllString(s, "in a moment")
	}
	if l.status != win.status || plain(l.stdout) != plain(win.stdout) || plain(l.stderr) != plain(win.stderr) {
		w.t.Errorf("%q differs, statuses %d and %d (-Linux +Windows):\n%s%s", args, l.status, win.status,
			cmp.Diff(plain(l.stdout), plain(win.stdout)), cmp.Diff(plain(l.stderr), plain(win.stderr)))
	}
	return win
}

// paths returns the paths with keys in a JSON report, sorted.
func (w *wine) paths(text string) (list []string) {
	w.t.Helper()
	var doc struct {
		Findings []struct {
			Occurrences []struct{ Path string }
		}
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		w.t.Fatalf("%v: %s", err, text)
	}
	for _, f := range doc.Findings {
		for _, o := range f.Occurrences {
			list = append(list, o.Path)
		}
	}
	slices.Sort(list)
	return list
}

func TestUnderWineReportsAreThoseOfLinux(t *testing.T) {
	for _, tt := range []struct {
		name   string
		make   func(w *wine)
		stdin  string
		args   string
		status int
	}{
		{"a folder", func(w *wine) {
			w.write("w/a.env", "A=KEY\r\nB=KEY\r\n")
			w.write("w/ünï/世界 x.txt", "KEY")
			w.write("w/con", "KEY")
			w.write("w/aux.txt", "KEY")
			w.write("w/x.", "KEY\n")
			w.write("w/x", "nothing\n")
			w.write("w/d /x ", "KEY\n")
			w.write("w/"+strings.Repeat("long-name-of-a-folder/", 15)+"a", "KEY")
		}, "", "scan w -f json", 1},
		{"a history", (*wine).repository, "", "scan --history w -f json", 1},
		{"tree and history", (*wine).repository, "", "scan w -f json", 1},
		{"packs", func(w *wine) { w.repository(); w.git("-C", "w", "gc", "-q") }, "", "scan w -f json", 1},
		{"staged", func(w *wine) {
			w.repository()
			w.write("w/new", "KEY")
			w.git("-C", "w", "add", "new")
		}, "", "scan --staged w -f json", 0},
		{"a range", (*wine).repository, "", "scan --range HEAD~1..HEAD w -f json", 0},
		{"a bare repository", func(w *wine) { w.repository(); w.git("clone", "-q", "--bare", "w", "b") }, "", "scan b -f json", 1},
		{"nested repositories whose names end in a dot", func(w *wine) {
			w.git("init", "-q", "w/r")
			w.git("init", "-q", "w/r.")
			w.write("w/r./f", "KEY")
			w.git("-C", "w/r.", "add", "f")
			w.git("-C", "w/r.", "commit", "-qm", "one")
		}, "", "scan w -f json", 1},
		{"standard input with 0x1A and CRLF", func(*wine) {}, "a\r\n\x1aA=KEY\r\n", "scan - -f json", 1},
		{"what is excluded", (*wine).repository, "", "scan w --exclude **/*.env -f json", 1},
		{"a glob with backslashes", (*wine).repository, "", `scan w --exclude a\b`, 2},
		{"wrong use", func(*wine) {}, "", "scan --nothing", 2},
		{"a baseline of PowerShell", func(w *wine) {
			w.write("w/a", "KEY")
			w.write("b", "\xff\xfe"+wide("keysweep-baseline 1\r\n"))
		}, "", "scan w --baseline b -f json", 1},
		{"SARIF", (*wine).repository, "", "scan w -f sarif", 1},
		{"help", func(*wine) {}, "", "scan --help", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWine(t)
			tt.make(w)
			got := w.same(strings.ReplaceAll(tt.stdin, "KEY", w.key), strings.Fields(tt.args)...)
			if got.status != tt.status {
				t.Errorf("status %d, want %d: %s%s", got.status, tt.status, got.stdout, got.stderr)
			}
		})
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

func TestUnderWineWindowsHasItsOwnNames(t *testing.T) {
	w := newWine(t)
	w.repository()
	w.git("-C", "w", "worktree", "add", "-q", "../linked")
	w.write("linked/.git", "gitdir: Z:"+w.dir+"/w/.git/worktrees/linked\n")
	w.write("f/a:b", "KEY")
	w.write("f/c\\d", "KEY")
	w.write("f/e", "KEY")
	drive := "Z:" + strings.ReplaceAll(w.dir, "/", `\`)
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		says   []string // in either stream
	}{
		{"a working tree linked with a drive letter", []string{"scan", "linked", "-f", "json"}, 1, []string{`"path": "b/c.txt"`, `"commits": 2`}},
		{"a drive", []string{"scan", drive + `\w`, "-f", "json"}, 1, []string{`"path": "b/c.txt"`}},
		{`\\?\`, []string{"scan", `\\?\` + drive + `\w`, "-f", "json"}, 1, []string{`"path": "b/c.txt"`}},
		{"a rooted path without a drive", []string{"scan", drive[2:] + `\w`, "-f", "sarif"}, 1, []string{`"uri": "w/b/c.txt"`, `"uriBaseId": "SRCROOT"`}},
		{"names with a colon or a backslash", []string{"scan", "f"}, 1, []string{"a:b: names with", `c\d: names with`, "incomplete"}},
		{`a glob with \*`, []string{"scan", "f", "--exclude", `a\*`}, 2, []string{`separated by "/"`}},
		{"two reports that differ in case", []string{"scan", "f", "-o", "r.json", "-o", "R.JSON"}, 2, []string{"named twice"}},
		{"a path that is not there", []string{"scan", "nothing-here"}, 2, []string{"cannot scan nothing-here"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
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

func TestUnderWineAReportIsReplacedAndAClosedPipeIsNoError(t *testing.T) {
	w := newWine(t)
	w.write("w/a", "KEY")
	for range 2 {
		if got := w.windows("", "scan", "w", "-o", "r.json"); got.status != 1 {
			t.Fatalf("%+v", got)
		}
	}
	text, err := os.ReadFile(filepath.Join(w.dir, "r.json"))
	if err != nil || len(w.paths(string(text))) != 1 {
		t.Errorf("%v: %s", err, text)
	}
	got := w.run("-all", "", "sh", "-c", fmt.Sprintf("wine %s/keysweep.exe scan w -f json | true; echo ${PIPESTATUS[0]}", wineHome))
	if strings.Contains(got.stderr, "could not be written") || strings.Contains(got.stderr, "production key") {
		t.Errorf("a closed pipe: %s", got.stderr)
	}
}

// Everything that Windows opens is in its log. A path on another host would be there
// as \??\UNC\host.invalid\….
func TestUnderWineNothingOfAnotherHostOrDeviceIsOpened(t *testing.T) {
	opened := 0
	commands := [][]string{{"scan", "w"}, {"scan", "--tree", "w"}, {"scan", "--staged", "w"}, {"scan", "--follow-alternates", "w"}, {"doctor", "w"}, {"baseline", "create", "w", "-o", "b"}}
	for i, path := range []string{`\\host.invalid\share\x`, `//host.invalid/share/x`, `\\?\UNC\host.invalid\share\x`, `//./host.invalid`, `\??\UNC\host.invalid\share`, `NUL`} {
		for _, tt := range []struct {
			name string
			make func(w *wine)
		}{
			{"a .git file", func(w *wine) { w.write("w/.git", "gitdir: "+path+"\n"); w.write("w/a", "KEY") }},
			{"a nested .git file", func(w *wine) { w.repository(); w.write("w/n/.git", "gitdir: "+path+"\n") }},
			{"commondir", func(w *wine) { w.repository(); w.write("w/.git/commondir", path+"\n") }},
			{"alternates", func(w *wine) { w.repository(); w.write("w/.git/objects/info/alternates", path+"\n") }},
			{"include.path", func(w *wine) {
				w.repository()
				w.write("w/.git/config", "[core]\n\trepositoryformatversion = 0\n[include]\n\tpath = \""+strings.ReplaceAll(path, `\`, `\\`)+"\"\n")
			}},
		} {
			t.Run(tt.name+" "+path, func(t *testing.T) {
				w := newWine(t)
				tt.make(w)
				if i > 0 {
					commands = commands[:1] // how a path is written is judged in one place
				}
				for _, args := range commands {
					got := w.run("+file", "", append([]string{"wine", filepath.Join(wineHome, "keysweep.exe")}, args...)...)
					for line := range strings.Lines(got.stderr) {
						isOpen := strings.Contains(line, "NtCreateFile") || strings.Contains(line, "CreateFile") || strings.Contains(line, "NtQuery")
						if isOpen && strings.Contains(line, "host.invalid") {
							opened++
							t.Errorf("%q opened %s", args, line)
						}
					}
					if tt.name != "include.path" && args[0] == "scan" && len(args) == 2 {
						plain := w.windows("", append(args, "-f", "json")...)
						if !strings.Contains(plain.stdout, "not followed") || !strings.Contains(plain.stdout, `"complete": false`) {
							t.Errorf("%q: status %d, %s%s", args, plain.status, plain.stdout, plain.stderr)
						}
					}
				}
			})
		}
	}
	t.Logf("%d paths of another host were opened", opened)
}

// packagesOnWine are those whose tests make sense under Wine: those that need git, a
// terminal, signals or links of Unix do not.
var packagesOnWine = []string{"./file", "./quote", "./screen", "./linehash", "./exceptions", "./toml", "./finding",
	"./rules/ascii", "./rules/encoding", "./rules/finder", "./rules/score", "./rules/attribution", "./rules",
	"./scanner/worktree", "./scanner/gitdb", "./scanner/gitdb/inflate", "./scanner/gitdb/reftable", "./scanner/gitdb/index", "./config", "./report", "./command/ci"}

var (
	testLine = regexp.MustCompile(`(?m)^--- (PASS|FAIL|SKIP): (\S+)`)
	// Wine 8 lacks what Go removes folders by, and there is no git for it.
	lacking = regexp.MustCompile(`(?m)^ +testing\.go:\d+: TempDir RemoveAll cleanup: .*Invalid function\.\n|^ +\S+: .*exec: "(git|go)": executable file not found.*\n`)
)

func TestUnderWinePackages(t *testing.T) {
	for _, name := range packagesOnWine {
		t.Run(name, func(t *testing.T) {
			w := newWine(t)
			program := filepath.Join(w.dir, "package.test.exe")
			build := exec.Command("go", "test", "-c", "-vet=off", "-o", program, name)
			build.Env = append(os.Environ(), "GOOS=windows", "CGO_ENABLED=0")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			w.dir = filepath.Join(".", name)
			got := w.run("-all", "", "wine", program, "-test.v", "-test.short", "-test.timeout=9m")
			counts := map[string]int{}
			text := strings.ReplaceAll(got.stdout, "\r\n", "\n")
			at := testLine.FindAllStringSubmatchIndex(text, -1)
			if len(at) == 0 {
				t.Fatalf("no test ran: %s%s", text, got.stderr)
			}
			lacksGit := lacking.ReplaceAllString(text, "") != text
			for i, m := range at {
				result, test := text[m[2]:m[3]], text[m[4]:m[5]]
				end := len(text)
				if i+1 < len(at) {
					end = at[i+1][0]
				}
				words := text[m[1]:end]
				if result == "FAIL" && lacksGit {
					before := text[:m[0]]
					own := before[max(0, strings.LastIndex(before, "=== RUN   "+test+"\n")):] + words
					if lacking.MatchString(own) {
						if strings.Contains(own, "executable file not found") {
							counts["need git"]++
						} else {
							counts["PASS"]++
						}
						continue
					}
				}
				counts[result]++
				if result == "FAIL" {
					t.Errorf("%s: %.2000s", test, words)
				}
			}
			t.Logf("%d passed, %d skipped by themselves, %d need git, %d failed", counts["PASS"], counts["SKIP"], counts["need git"], counts["FAIL"])
		})
	}
}
