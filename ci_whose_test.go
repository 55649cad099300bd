package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keysweep/command"
	"keysweep/command/ci/citest"
)

// wordShop is the repository that citest.Rows are about. Each commit accepts keys/ in
// its own name, and all but a and b hold an accepted and another key.
type wordShop struct {
	*shop
	checkouts map[string]string // by the letter of what is checked out
}

func newWordShop(t *testing.T) *wordShop {
	return newShopOf(t, func(s *wordShop, letter string) {
		s.write(".keysweep.toml", "[[allow]]\npath = \"keys/**\"\nreason = \"of "+letter+"\"\n")
		if letter == "c" {
			s.write("keys/accepted.env", "MARTIS_KEY="+s.key("accepted")+"\n")
			s.write("counted.env", "MARTIS_KEY="+s.key("counted")+"\n")
		}
	})
}

// newShopOf makes the commits of citest.Rows. fill writes the files of each; they stay
// for the next.
func newShopOf(t *testing.T, fill func(s *wordShop, letter string)) *wordShop {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "server")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := &wordShop{&shop{t: t, server: dir, keys: map[string]string{}, ids: map[string]string{"0": strings.Repeat("0", 40)}}, map[string]string{}}
	s.git("init", "-q", "-b", "main")
	tree := func(letter string) string {
		fill(s, letter)
		s.git("add", "-A")
		return s.git("write-tree")
	}
	commit := func(letter string, parents ...string) {
		args := []string{"commit-tree", "-m", letter, tree(letter)}
		for _, p := range parents {
			args = append(args, "-p", s.ids[p])
		}
		s.ids[letter] = s.git(args...)
	}
	commit("a")
	commit("b", "a")
	commit("c", "b")
	commit("d", "a", "c")
	commit("e", "a")
	commit("f", "a") // of nothing that the runs are about
	for ref, letter := range map[string]string{"heads/run": "d", "remotes/origin/main": "e", "remotes/origin/feature": "c"} {
		s.git("update-ref", "refs/"+ref, s.ids[letter])
	}
	s.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
	for _, letter := range []string{"c", "d", "e"} {
		s.checkouts[letter] = filepath.Join(t.TempDir(), letter)
		s.git("worktree", "add", "-q", "--detach", s.checkouts[letter], s.ids[letter])
	}
	return s
}

// accepted returns the reason for which the first key was accepted, and all findings.
func (s *wordShop) accepted(report string) (reason string, findings int) {
	s.t.Helper()
	text, err := os.ReadFile(report)
	if err != nil {
		s.t.Fatal(err)
	}
	var r struct {
		Findings []struct {
			Suppressed *struct{ Reason string }
		}
	}
	if err := json.Unmarshal(text, &r); err != nil {
		s.t.Error(err)
	}
	for _, f := range r.Findings {
		if f.Suppressed != nil {
			reason += f.Suppressed.Reason
		}
	}
	return reason, len(r.Findings)
}

// Each line of the table of docs/ci.md, run: whose exceptions count, whether keys are
// sent, and the status.
func TestEveryRunOfTheCIPage(t *testing.T) {
	if testing.Short() {
		return // the concurrent parts run elsewhere with the race detector
	}
	s := newWordShop(t)
	issuer := startIssuer(t)
	issuer.answer(s.key("accepted"), "expired")
	issuer.answer(s.key("counted"), "expired")
	report := filepath.Join(t.TempDir(), "report.json")
	counts := map[string]int{}
	s.eachRun(t, true, func(t *testing.T, r citest.Row, env map[string]string) {
		sent := len(issuer.requests())
		var stdout, stderr bytes.Buffer
		status := command.Run(context.Background(), []string{"ci", "--verify", "--fail-on", "active", "--endpoint", "martis=" + issuer.plain.URL, "-o", report, "-o", "-"},
			command.Process{Stdout: &stdout, Stderr: &stderr, Now: ciClock})
		asked := len(issuer.requests()) > sent
		counts[fmt.Sprintf("%v, sent %v, status %d", r.Word, asked, status)]++
		if r.Word == citest.Refused {
			if status != command.StatusUse || asked {
				t.Errorf("status %d, asked %v", status, asked)
			}
			return
		}
		isForeign := r.Word == citest.Foreign
		want := command.StatusClean
		if isForeign {
			want = command.StatusFound
		}
		reason, findings := s.accepted(report)
		if status != want || asked == isForeign || findings != 2 || r.Base != strings.TrimPrefix(reason, "of ") {
			t.Errorf("%v: status %d, asked %v, %d keys, accepted %q\n%s%s", env, status, asked, findings, reason, &stdout, &stderr)
		}
	})
	t.Log(counts)
}

func ciClock() time.Time { return time.Date(2024, 4, 1, 12, 0, 0, 0, time.UTC) }

// eachRun calls run for each run that citest.Rows are about, or for the first of each
// row, in its environment and checkout.
func (s *wordShop) eachRun(t *testing.T, all bool, run func(t *testing.T, r citest.Row, env map[string]string)) {
	id := func(letter string) string { return s.ids[letter] }
	files := 0
	event := func(text string) string {
		files++
		path := filepath.Join(s.server, ".git", fmt.Sprint("event", files))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, r := range citest.Rows {
		for _, env := range r.Runs(id, event) {
			for name := range env {
				t.Setenv(name, "") // so that none is left of a run before
			}
		}
	}
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "GITHUB_") || strings.HasPrefix(name, "CI_") || name == "CI" {
			t.Setenv(name, "")
		}
	}
	for _, r := range citest.Rows {
		for i, env := range r.Runs(id, event) {
			if i > 0 && !all {
				break
			}
			t.Run(r.System+" "+r.Run, func(t *testing.T) {
				for name, value := range env {
					t.Setenv(name, value)
				}
				t.Chdir(s.checkouts[r.Head])
				run(t, r, env)
			})
		}
	}
}

// Where keysweep:allow counts in a CI, a comment of another scanner does with
// --accept-foreign-comments, and nowhere else: each line of the table.
func TestForeignCommentsCountWhereOursDo(t *testing.T) {
	if testing.Short() {
		return
	}
	shopOf := func(comment string) *wordShop {
		return newShopOf(t, func(s *wordShop, letter string) {
			put := func(name string) { s.write(name+".env", "MARTIS_KEY="+s.key(name)+" # "+comment+"\n") }
			switch letter {
			case "a":
				put("old")
			case "c":
				put("new")
				s.write("both.env", "MARTIS_KEY="+s.key("both")+" # "+comment+"\nMARTIS_OTHER_KEY="+s.key("both")+"\n")
			case "e": // of main, without what feature adds
				put("late")
				for _, name := range []string{"new.env", "both.env"} {
					if err := os.Remove(filepath.Join(s.server, name)); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
	report := filepath.Join(t.TempDir(), "report.json")
	outcomes := func(s *wordShop, args ...string) (list []string) {
		s.eachRun(t, false, func(t *testing.T, r citest.Row, env map[string]string) {
			var out bytes.Buffer
			status := command.Run(context.Background(), append([]string{"ci", "-o", report}, args...), command.Process{Stdout: &out, Stderr: &out, Now: ciClock})
			reason, findings := "", 0
			if status != command.StatusUse {
				reason, findings = s.accepted(report)
			}
			list = append(list, fmt.Sprintf("%s, %s: status %d, %d keys, %d accepted", r.System, r.Run, status, findings, len(reason)/14))
		})
		return list
	}
	const ours, theirs = "keysweep:allow 14 characters!", "gitleaks:allow" // reasons of one length
	want := outcomes(shopOf(ours))
	if got := outcomes(shopOf(theirs), "--accept-foreign-comments"); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	counts := map[string]int{}
	for _, w := range want {
		counts[w[strings.LastIndex(w, ": ")+2:]]++
	}
	t.Log(counts)
	if len(counts) < 4 {
		t.Errorf("the runs are all alike: %v", counts)
	}
}
