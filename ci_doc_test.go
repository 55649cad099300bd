package main

import (
	"bytes"
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
	blocks := regexp.MustCompile("(?ms)(?:^<!-- ([^\n]*) -->\n)?^```(yaml|groovy)\n(.*?)^```$")
	for _, m := range blocks.FindAllStringSubmatch(string(page), -1) {
		list = append(list, setUp{m[1], m[3]})
	}
	return list
}

// shellLine finds the commands of a set-up.
var shellLine = regexp.MustCompile(`(?m)^ *(?:sh '|- (?:run: |bash: )?)((?:git clone|go build|\$HOME/bin/keysweep) .*?)'?$`)

// The commands of each set-up of another CI run, in a checkout of a change, with
// what the CI says of it. Only the clone is not made: the source is here.
func TestTheSetUpsOfTheCIPageFindWhatAChangeBringsIn(t *testing.T) {
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
		if !ok {
			if block.comment != "linted" {
				t.Errorf("a block that is neither run nor linted:\n%s", block.text)
			}
			continue
		}
		played++
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
		if last == nil || last.ProcessState.ExitCode() != statusFound {
			t.Errorf("%s: %v, want status 1\n%s", variables, err, &printed)
			continue
		}
		if found := strings.Join(s.found(filepath.Join(dir, "keysweep.json")), " "); found != "removed" {
			t.Errorf("%s: found %q\n%s", variables, found, &printed)
		}
		s.noKey(t, stepResult{printed: printed.String()})
	}
	if played != 5 {
		t.Errorf("%d set-ups were played, want 5", played)
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
	if n != 2 {
		t.Errorf("%d workflows, want 2", n)
	}
}
