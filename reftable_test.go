package main

import (
	"bytes"
	"context"
	"encoding/json"
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

// What users do in a repository gives the same in one whose refs are in reftables.
func TestARepositoryWithReftablesIsLikeAnyOther(t *testing.T) {
	plain(t)
	old, added := testKey("sk_live_", "old", 24), testKey("sk_live_", "added", 24)
	build := func() (dir, head string) {
		r := gittest.New(t)
		r.Write("old.env", "STRIPE_KEY="+old+"\n")
		first := strings.TrimSpace(r.Commit("one"))
		r.Write("new.txt", "nothing\n")
		head = strings.TrimSpace(r.Commit("two"))
		r.Git("update-ref", "refs/remotes/origin/main", first)
		r.Git("tag", "-a", "-m", "a tag", "v1", first)
		r.Write("added.env", "STRIPE_KEY="+added+"\n")
		r.Git("add", "added.env")
		return r.Dir, head
	}
	files, head := build()
	tables, again := build()
	if head != again {
		t.Fatal("two repositories of one kind differ")
	}
	(&gittest.Repo{T: t, Dir: tables}).ToReftable(2)

	zero := strings.Repeat("0", 40)
	for name, c := range map[string]struct {
		args   []string
		stdin  string
		status int
	}{
		"everything":         {args: []string{"scan", "-f", "jsonl", "."}, status: command.StatusFound},
		"staged":             {args: []string{"scan", "-f", "jsonl", "--staged", "."}, status: command.StatusFound},
		"a range":            {args: []string{"scan", "-f", "jsonl", "--range", "v1..HEAD", "."}, status: command.StatusClean},
		"a whole range":      {args: []string{"scan", "-f", "jsonl", "--range", "HEAD", "."}, status: command.StatusFound},
		"pre-commit":         {args: []string{"hook", "pre-commit"}, status: command.StatusFound},
		"pre-push":           {args: []string{"hook", "pre-push", "origin", "x"}, stdin: "refs/heads/main " + head + " refs/heads/main " + zero + "\n", status: command.StatusClean},
		"pre-receive":        {args: []string{"hook", "pre-receive"}, stdin: zero + " " + head + " refs/heads/other\n", status: command.StatusClean},
		"explain a revision": {args: []string{"explain", "HEAD:old.env:1"}, status: command.StatusClean},
	} {
		t.Run(name, func(t *testing.T) {
			statusF, want := runIn(t, files, c.stdin, c.args...)
			statusT, got := runIn(t, tables, c.stdin, c.args...)
			want, got = sameFolder(want, files), sameFolder(got, tables)
			if statusF != c.status || statusT != c.status || got != want {
				t.Errorf("status %d and %d, want %d; with files\n%s\nwith reftables\n%s", statusF, statusT, c.status, want, got)
			}
		})
	}
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
