package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keysweep/command"
	"keysweep/scanner/gitdb/gittest"
)

// runIn runs keysweep in a folder, and returns its status and what it prints.
func runIn(t *testing.T, dir, stdin string, args ...string) (status int, output string) {
	t.Helper()
	t.Chdir(dir)
	var out bytes.Buffer
	status = command.Run(context.Background(), args, command.Process{
		Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &out, Now: clockOfTests(),
	})
	return status, out.String()
}

// reftableShapes are the ways in which a repository may keep refs in reftables. Each
// changes one that keeps them in files, and returns the working tree.
var reftableShapes = map[string]struct {
	init   []string
	change func(r *gittest.Repo, convert bool) (dir string)
}{
	"one table":      {nil, func(r *gittest.Repo, convert bool) string { return converted(r, convert, 1) }},
	"several tables": {nil, func(r *gittest.Repo, convert bool) string { return converted(r, convert, 3) }},
	"SHA-256":        {[]string{"--object-format=sha256"}, func(r *gittest.Repo, convert bool) string { return converted(r, convert, 2) }},
	"a detached HEAD": {nil, func(r *gittest.Repo, convert bool) string {
		r.Git("checkout", "-q", "--detach")
		return converted(r, convert, 2)
	}},
	"a linked working tree": {nil, func(r *gittest.Repo, convert bool) string {
		r.Git("stash", "-q")
		r.Git("worktree", "add", "-q", "-b", "linked", "../linked")
		dir := filepath.Join(filepath.Dir(r.Dir), "linked")
		r.GitIn(dir, "stash", "pop", "-q", "--index")
		converted(r, convert, 2)
		return dir
	}},
	"tables in a folder beside it": {nil, func(r *gittest.Repo, convert bool) string {
		converted(r, convert, 2)
		if convert {
			beside := filepath.Join(filepath.Dir(r.Dir), "refs")
			if err := errors.Join(os.Mkdir(beside, 0o755), os.Rename(filepath.Join(r.Dir, ".git/reftable"), filepath.Join(beside, "reftable"))); err != nil {
				r.T.Fatal(err)
			}
			r.GitIn(filepath.Dir(r.Dir), "config", "-f", filepath.Join(r.Dir, ".git/config"), "extensions.refStorage", "reftable://../../refs")
		}
		return r.Dir
	}},
}

func converted(r *gittest.Repo, convert bool, tables int) string {
	if convert {
		r.ToReftable(tables)
	}
	return r.Dir
}

// What users do in a repository gives the same in one whose refs are in reftables.
func TestARepositoryWithReftablesIsLikeAnyOther(t *testing.T) {
	plain(t)
	old, added, stashed := testKey("sk_live_", "old", 24), testKey("sk_live_", "added", 24), testKey("sk_live_", "stashed", 24)
	cells := 0
	for shape, s := range reftableShapes {
		build := func(t *testing.T, convert bool) (dir, head string) {
			r := gittest.New(t, s.init...)
			r.Write("old.env", "STRIPE_KEY="+old+"\n")
			first := r.Commit("one")
			r.Write("new.txt", "nothing\n")
			head = r.Commit("two")
			r.Git("update-ref", "refs/remotes/origin/main", first)
			r.Git("tag", "-a", "-m", "a tag", "v1", first)
			r.Write("stashed.env", "STRIPE_KEY="+stashed+"\n")
			r.Git("add", "stashed.env")
			r.Git("stash", "-q")
			r.Write("added.env", "STRIPE_KEY="+added+"\n")
			r.Git("add", "added.env")
			return s.change(r, convert), head
		}
		t.Run(shape, func(t *testing.T) {
			files, head := build(t, false)
			tables, again := build(t, true)
			if head != again {
				t.Fatal("two repositories of one kind differ")
			}
			zero := strings.Repeat("0", len(head))
			message := filepath.Join(t.TempDir(), "message")
			if err := os.WriteFile(message, []byte("KEY="+added+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			for name, c := range map[string]struct {
				args   []string
				stdin  string
				status int
			}{
				"everything":         {args: []string{"scan", "-f", "jsonl", "."}, status: command.StatusFound},
				"the history":        {args: []string{"scan", "-f", "jsonl", "--history", "."}, status: command.StatusFound},
				"staged":             {args: []string{"scan", "-f", "jsonl", "--staged", "."}, status: command.StatusFound},
				"a range":            {args: []string{"scan", "-f", "jsonl", "--range", "v1..HEAD", "."}, status: command.StatusClean},
				"a whole range":      {args: []string{"scan", "-f", "jsonl", "--range", "HEAD", "."}, status: command.StatusFound},
				"a range of reflogs": {args: []string{"scan", "-f", "jsonl", "--range", "main@{1}..stash@{0}", "."}, status: command.StatusFound},
				"pre-commit":         {args: []string{"hook", "pre-commit"}, status: command.StatusFound},
				"commit-msg":         {args: []string{"hook", "commit-msg", message}, status: command.StatusFound},
				"pre-push":           {args: []string{"hook", "pre-push", "origin", "x"}, stdin: "refs/heads/main " + head + " refs/heads/main " + zero + "\n", status: command.StatusClean},
				"a first push":       {args: []string{"hook", "pre-push", "other", "x"}, stdin: "refs/heads/main " + head + " refs/heads/main " + zero + "\n", status: command.StatusFound},
				"pre-receive":        {args: []string{"hook", "pre-receive"}, stdin: zero + " " + head + " refs/heads/other\n", status: command.StatusClean},
				"explain a revision": {args: []string{"explain", "v1:old.env:1"}, status: command.StatusClean},
				"explain a stash":    {args: []string{"explain", "stash@{0}:stashed.env:1"}, status: command.StatusClean},
			} {
				cells++
				statusF, want := runIn(t, files, c.stdin, c.args...)
				statusT, got := runIn(t, tables, c.stdin, c.args...)
				want, got = sameFolder(want, filepath.Dir(files)), sameFolder(got, filepath.Dir(tables))
				if statusF != c.status || statusT != c.status || got != want {
					t.Errorf("%s: status %d and %d, want %d; with files\n%s\nwith reftables\n%s", name, statusF, statusT, c.status, want, got)
				}
			}
		})
	}
	t.Logf("%d shapes, %d cells", len(reftableShapes), cells)
}

// sameFolder takes out of a report what two repositories never share: the folder, and
// how much was read of it when.
func sameFolder(output, dir string) string {
	var lines []string
	for line := range strings.Lines(output) {
		var object map[string]any
		if json.Unmarshal([]byte(line), &object) == nil && object["type"] == "scan" {
			continue
		}
		if !strings.Contains(line, " ms") {
			lines = append(lines, line)
		}
	}
	real, _ := filepath.EvalSymlinks(dir)
	return strings.NewReplacer(dir, "DIR", real, "DIR").Replace(strings.Join(lines, ""))
}
