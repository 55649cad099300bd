package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"keysweep/command"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"keysweep": noted})
}

// testKey returns prefix and n characters that look drawn at random, the same
// for the same seed: keys are made when a test runs, so that none is in the
// tree.
func testKey(prefix, seed string, n int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	key := []byte(prefix)
	for block := 0; len(key) < len(prefix)+n; block++ {
		for _, b := range sha256.Sum256([]byte(seed + strconv.Itoa(block))) {
			if int(b) < 4*len(alphabet) && len(key) < len(prefix)+n { // each letter alike
				key = append(key, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(key)
}

// clockVariable starts the clock of the program, which only the one that a test
// runs obeys, at a time in RFC 3339.
const clockVariable = "KEYSWEEP_TEST_CLOCK"

// clockOfTests returns a clock that started at the time of clockVariable when
// the program did; without it, the system's.
func clockOfTests() func() time.Time {
	at, err := time.Parse(time.RFC3339, os.Getenv(clockVariable))
	if err != nil {
		return time.Now
	}
	started := time.Now()
	return func() time.Time { return at.Add(time.Since(started)) }
}

// The clocks of scripts: one within the quarter in which a key should be
// replaced after the commits that they make, and one years after it.
const (
	soonAfter = "2024-04-01T12:00:00Z"
	longAfter = "2031-01-01T12:00:00Z"
)

// firstCommitDays is how old a key of a commit at gitEnvironment's date is then,
// as reports write it.
var firstCommitDays = map[string]string{soonAfter: "31", longAfter: "2,497"}

// scripts returns how the scripts of a folder run by a clock: a short list of commands
// beside testscript's own.
//
//	key NAME PREFIX SEED LENGTH   sets $NAME to a key made up from SEED
//	fill FILE…                    replaces ${NAME} in files
//	status N PROGRAM [ARG…]       runs a program that must end with status N
//	capture NAME                  sets $NAME to the standard output just seen
//	serve NAME …                  starts a server of repositories; see serveCommand
//	issuer …                      an API of an issuer; see issuerCommand
//
// $DAYS is the age of a key of the first commit; [over90] says that it is more
// than 90 days.
func scripts(dir, clock string) testscript.Params {
	return testscript.Params{
		Dir:                 dir,
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			for name, value := range gitEnvironment(env.WorkDir) {
				env.Setenv(name, value)
			}
			env.Setenv("HTTPS_PROXY", noWayOut)
			env.Setenv("GORACE", os.Getenv("GORACE")) // see Makefile
			env.Setenv(clockVariable, clock)
			env.Setenv("DAYS", firstCommitDays[clock])
			env.Values[issuerOfScript{}] = new(scriptIssuer)
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name == "over90" {
				return clock == longAfter, nil
			}
			return false, fmt.Errorf("no condition %q", name)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"key": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg || len(args) != 4 {
					ts.Fatalf("usage: key NAME PREFIX SEED LENGTH")
				}
				n, err := strconv.Atoi(args[3])
				ts.Check(err)
				ts.Setenv(args[0], testKey(args[1], args[2], n))
			},
			"fill": func(ts *testscript.TestScript, neg bool, args []string) {
				for _, name := range args {
					text := braced.ReplaceAllStringFunc(ts.ReadFile(name), func(name string) string {
						return ts.Getenv(name[2 : len(name)-1])
					})
					ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o666))
				}
			},
			"status": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg || len(args) < 2 {
					ts.Fatalf("usage: status N PROGRAM [ARG…]")
				}
				want, err := strconv.Atoi(args[0])
				ts.Check(err)
				err = ts.Exec(args[1], args[2:]...)
				var exit *exec.ExitError
				switch {
				case errors.As(err, &exit):
				case err != nil:
					ts.Fatalf("%v", err)
				}
				if got := exitCode(exit); got != want {
					ts.Fatalf("exit status %d, want %d", got, want)
				}
			},
			"serve": serveCommand,
			"capture": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg || len(args) != 1 {
					ts.Fatalf("usage: capture NAME")
				}
				ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
			},
			"issuer": issuerCommand,
		},
	}
}

var braced = regexp.MustCompile(`\$\{\w+\}`)

func exitCode(err *exec.ExitError) int {
	if err == nil {
		return 0
	}
	return err.ExitCode()
}

// gitEnvironment returns variables that make git forget the machine: who
// commits and when is fixed, and no configuration is read.
func gitEnvironment(home string) map[string]string {
	return map[string]string{
		"HOME":                home,
		"GIT_CONFIG_NOSYSTEM": "1",
		"GIT_CONFIG_GLOBAL":   os.DevNull,
		"GIT_CONFIG_COUNT":    "4",
		"GIT_CONFIG_KEY_0":    "init.defaultBranch",
		"GIT_CONFIG_VALUE_0":  "main",
		"GIT_CONFIG_KEY_1":    "gc.auto",
		"GIT_CONFIG_VALUE_1":  "0",
		"GIT_CONFIG_KEY_2":    "protocol.file.allow",
		"GIT_CONFIG_VALUE_2":  "always",
		"GIT_CONFIG_KEY_3":    "maintenance.auto", // a process for each commit
		"GIT_CONFIG_VALUE_3":  "false",
		"GIT_AUTHOR_NAME":     "Ada",
		"GIT_AUTHOR_EMAIL":    "ada@example.com",
		"GIT_AUTHOR_DATE":     "2024-03-01T10:00:00Z",
		"GIT_COMMITTER_NAME":  "Ada",
		"GIT_COMMITTER_EMAIL": "ada@example.com",
		"GIT_COMMITTER_DATE":  "2024-03-01T10:00:00Z",
	}
}

func TestScripts(t *testing.T) {
	testscript.Run(t, scripts(filepath.Join("testdata", "script"), soonAfter))
}

// Scripts that print an age, which they have in $DAYS, run years later, too.
func TestScriptsThatPrintAgesPassOnAnyDay(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	p := scripts("", longAfter)
	for _, file := range files {
		if text, err := os.ReadFile(file); err != nil || bytes.Contains(text, []byte("$DAYS")) {
			p.Files = append(p.Files, file)
		}
	}
	if len(p.Files) < 2 {
		t.Fatalf("scripts with $DAYS: %q", p.Files)
	}
	testscript.Run(t, p)
}

// plain makes a test's environment that of a person without a terminal's
// wishes: no CI, no colours asked for.
func plain(t *testing.T) {
	for _, name := range []string{"CI", "PRE_COMMIT", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "CLICOLOR"} {
		t.Setenv(name, "")
	}
	t.Setenv("TERM", "xterm")
}

// leak writes a file with a key and returns its path and the key.
func leak(t *testing.T) (path, key string) {
	t.Helper()
	key = testKey("sk_live_", t.Name(), 40)
	path = filepath.Join(t.TempDir(), "config.env")
	if err := os.WriteFile(path, []byte("PAYMENT_KEY="+key+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	return path, key
}

// pipeWithoutReader writes as a process does whose reader has gone.
type pipeWithoutReader struct{}

func (pipeWithoutReader) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestAClosedPipeIsQuiet(t *testing.T) {
	plain(t)
	path, _ := leak(t)
	var stderr bytes.Buffer
	status := command.Run(context.Background(), []string{"scan", path}, command.Process{Stdout: pipeWithoutReader{}, Stderr: &stderr, Now: time.Now})
	if status != command.StatusPipe || stderr.Len() > 0 {
		t.Errorf("status %d, stderr %q", status, &stderr)
	}
}

// panicking panics when it is read from, as a bug of ours might.
type panicking struct{ io.Writer }

func (panicking) Write([]byte) (int, error) {
	panic(fmt.Sprint("secret ", testKey("sk_live_", "panicking", 40)))
}

func TestAPanicEndsWithStatusTwo(t *testing.T) {
	plain(t)
	path, _ := leak(t)
	var stderr bytes.Buffer
	status := command.Run(context.Background(), []string{"scan", path}, command.Process{Stdout: panicking{}, Stderr: &stderr, Now: time.Now})
	if status != command.StatusUse || !strings.Contains(stderr.String(), "internal error (string)") || strings.Contains(stderr.String(), "secret") {
		t.Errorf("status %d, stderr:\n%s", status, &stderr)
	}
}
