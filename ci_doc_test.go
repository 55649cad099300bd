package main

import (
	"bytes"
	"keysweep/command"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// setUp is a block of docs/ci.md and the comment above it.
type setUp struct{ comment, text string }

func setUps(t *testing.T) (list []setUp) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("docs", "ci.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)(?:^<!-- ([^\n]*) -->\n)?^```(yaml|groovy|sh)\n(.*?)^```$")
	for _, m := range blocks.FindAllStringSubmatch(string(page), -1) {
		list = append(list, setUp{m[1], m[3]})
	}
	return list
}

// shellLine finds the commands of a set-up.
var shellLine = regexp.MustCompile(`(?m)^ *(?:sh '|- (?:run: |bash: )?|)((?:git clone|go build|\$HOME/bin/keysweep) .*?)'?$`)

// The commands of each set-up of another CI run, in a checkout of a change, with
// what the CI says of it. Only the clone is not made: the source is here.
func TestTheSetUpsOfTheCIPageFindWhatAChangeBringsIn(t *testing.T) {
	if testing.Short() {
		return // the keysweep that runs here is built without the race detector
	}
	s := newShop(t)
	source, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	if err := os.Symlink(source, filepath.Join(home, "keysweep")); err != nil {
		t.Skip("no symbolic links: ", err)
	}
	caches, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	cache, modules, _ := strings.Cut(strings.TrimSpace(string(caches)), "\n")
	played := 0
	for _, block := range setUps(t) {
		variables, ok := strings.CutPrefix(block.comment, "run: ")
		want := "removed"
		if block.comment == "run" && strings.Contains(block.text, "keysweep ci ") {
			ok, want = true, "in tag main old removed"
		}
		if !ok {
			if block.comment != "linted" && !strings.HasPrefix(block.text, "keysweep baseline") {
				t.Errorf("a block that is neither run nor linted:\n%s", block.text)
			}
			continue
		}
		played++
		if n := scriptLines(block.text); n != 0 && n != 3 {
			t.Errorf("%d lines of script, want 3:\n%s", n, block.text)
		}
		dir := s.checkout("head", 0)
		commands := shellLine.FindAllStringSubmatch(block.text, -1)
		if len(commands) != 3 {
			t.Errorf("%d commands, want 3:\n%s", len(commands), block.text)
			continue
		}
		var last *exec.Cmd
		var printed bytes.Buffer
		for _, c := range commands {
			if strings.HasPrefix(c[1], "git clone") {
				continue
			}
			last = exec.Command("sh", "-e", "-c", c[1])
			printed.Reset()
			last.Dir = dir
			last.Env = append(cleanEnvironment(), "CI=true", "HOME="+home, "GOCACHE="+cache, "GOMODCACHE="+modules, "GOFLAGS=-buildvcs=false")
			for _, v := range strings.Fields(variables) {
				name, value, _ := strings.Cut(v, "=")
				value = strings.NewReplacer("TIP", s.ids["head"], "BASE", s.ids["base"]).Replace(value)
				last.Env = append(last.Env, name+"="+value)
			}
			last.Stdout, last.Stderr = &printed, &printed
			if err = last.Run(); err != nil && strings.HasPrefix(c[1], "go build") {
				t.Fatalf("%s: %v\n%s", c[1], err, &printed)
			}
		}
		if last == nil || last.ProcessState.ExitCode() != command.StatusFound {
			t.Errorf("%s: %v, want status 1\n%s", variables, err, &printed)
			continue
		}
		if found := strings.Join(s.found(filepath.Join(dir, "keysweep.json")), " "); found != want {
			t.Errorf("%s: found %q, want %q\n%s", variables, found, want, &printed)
		}
		s.noKey(t, stepResult{printed: printed.String()})
	}
	if played != 6 {
		t.Errorf("%d set-ups were played, want 6", played)
	}
}

// scriptLines counts the entries of a list called script.
func scriptLines(text string) (n int) {
	_, list, _ := strings.Cut(text, "script:\n")
	for line := range strings.Lines(list) {
		if !strings.HasPrefix(strings.TrimLeft(line, " "), "- ") {
			break
		}
		n++
	}
	return n
}

// Once the keys that are known are accepted on the default branch, a change
// that adds none passes, and the next key does not.
func TestYesterdaysFindingsAreAcceptedAsTheCIPageSays(t *testing.T) {
	if testing.Short() {
		return // the keysweep that runs here is built without the race detector
	}
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin+string(filepath.Separator), ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s := newShop(t)
	dir := s.checkout("later", 0)
	run := func(command string, vars ...string) (int, string) {
		cmd := exec.Command("sh", "-e", "-c", command)
		cmd.Dir = dir
		cmd.Env = cleanEnvironment()
		for name, value := range gitEnvironment(t.TempDir()) {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		cmd.Env = append(append(cmd.Env, "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"), "CI=true"), vars...)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return cmd.ProcessState.ExitCode(), string(out)
	}
	played := 0
	for _, block := range setUps(t) {
		if block.comment == "run" && strings.HasPrefix(block.text, "keysweep baseline") {
			played++
			if status, out := run(block.text); status != 0 {
				t.Fatalf("status %d\n%s", status, out)
			}
		}
	}
	if played != 1 {
		t.Errorf("%d blocks were run, want 1", played)
	}
	s.ids["accepted"] = s.gitIn(dir, "rev-parse", "HEAD")
	if status, out := run("keysweep ci", "GITLAB_CI=true", "CI_PIPELINE_SOURCE=schedule", "CI_COMMIT_SHA="+s.ids["accepted"], "CI_COMMIT_BRANCH=main", "CI_DEFAULT_BRANCH=main"); status != 0 {
		t.Errorf("everything: status %d\n%s", status, out)
	}
	request := func(tip string) (int, string) {
		return run("keysweep ci", "GITLAB_CI=true", "CI_PIPELINE_SOURCE=merge_request_event", "CI_COMMIT_SHA="+tip, "CI_MERGE_REQUEST_DIFF_BASE_SHA="+s.ids["accepted"],
			"CI_MERGE_REQUEST_TARGET_BRANCH_NAME=main", "CI_DEFAULT_BRANCH=main")
	}
	add := func(key string) string {
		if err := os.WriteFile(filepath.Join(dir, key+".env"), []byte("KEY="+s.key(key)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		s.gitIn(dir, "add", "-A")
		s.gitIn(dir, "commit", "-q", "-m", key)
		return s.gitIn(dir, "rev-parse", "HEAD")
	}
	if status, out := request(add("removed")); status != 0 {
		t.Errorf("a known key: status %d\n%s", status, out)
	}
	if status, out := request(add("unknown")); status != command.StatusFound {
		t.Errorf("a new key: status %d\n%s", status, out)
	}
}

func TestTheWorkflowsOfTheCIPage(t *testing.T) {
	a := readAction(t)
	linter, err := filepath.Abs(filepath.Join("bin", "actionlint"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join("docs", "ci.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, names := range []map[string]string{a.inputs, a.outputs} {
		for name := range names {
			if !strings.Contains(string(page), "`"+name+"`") {
				t.Errorf("docs/ci.md does not tell of %s", name)
			}
		}
	}
	n := 0
	for _, block := range setUps(t) {
		if block.comment != "linted" {
			continue
		}
		if n++; n == 1 && strings.Count(block.text, "\n") > 10 {
			t.Errorf("more than ten lines:\n%s", block.text)
		}
		if !strings.Contains(block.text, "persist-credentials: false") || strings.Contains(block.text, "secrets.") {
			t.Errorf("more rights than needed:\n%s", block.text)
		}
		if !strings.Contains(block.text, "fetch-depth: 0") || !strings.Contains(block.text, "uses: keysweep/keysweep@") || !strings.Contains(block.text, "contents: read") {
			t.Errorf("something is missing:\n%s", block.text)
		}
		_, with, _ := strings.Cut(block.text, "uses: keysweep/keysweep@")
		for _, m := range regexp.MustCompile(`(?m)^ {10}([\w-]+):`).FindAllStringSubmatch(with, -1) {
			if _, ok := a.inputs[m[1]]; !ok {
				t.Errorf("the action has no input %s", m[1])
			}
		}
		if _, err := os.Stat(linter); err != nil {
			continue // make lint builds it
		}
		cmd := exec.Command(linter, "-")
		cmd.Stdin = strings.NewReader(block.text)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("actionlint: %v\n%s\n%s", err, out, block.text)
		}
	}
	if n != 3 {
		t.Errorf("%d workflows, want 3", n)
	}
}

// The project runs its own action, with no more rights than it needs.
func TestTheProjectsOwnWorkflow(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(".github", "workflows", "ci.yml"))
	if err != nil {
		t.Fatal(err)
	}
	workflow := string(text)
	for _, part := range []string{"  push:\n", "  pull_request:\n", "  merge_group:\n", "  schedule:\n", "\npermissions:\n  contents: read\n", "      - uses: ./\n"} {
		if !strings.Contains(workflow, part) {
			t.Errorf("ci.yml has no %q", part)
		}
	}
	if strings.Contains(workflow, "pull_request_target") || strings.Contains(workflow, "secrets.") {
		t.Error("more rights than needed")
	}
	pinned := regexp.MustCompile(`^[\w-]+/[\w/-]+@[0-9a-f]{40} # v[0-9]+\.[0-9]+\.[0-9]+$`)
	manifest, err := os.ReadFile("action.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)uses: (.*)$`).FindAllStringSubmatch(workflow+string(manifest), -1) {
		if m[1] != "./" && !pinned.MatchString(m[1]) {
			t.Errorf("%s is not pinned, or does not say to what", m[1])
		}
	}
	steps := strings.Split(workflow, "      - ")
	for _, step := range steps {
		if strings.HasPrefix(step, "uses: actions/checkout@") && (!strings.Contains(step, "fetch-depth: 0") || !strings.Contains(step, "persist-credentials: false")) {
			t.Errorf("a checkout that is not whole, or leaves its token behind:\n%s", step)
		}
	}
}
