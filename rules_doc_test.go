package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// docs/rules.md walks through a rule of one's own. Its rule and its commands
// run here, one after the other in one folder, and what it says they print is
// compared, as for README.md.
func TestTheWalkThroughOfTheRulesPageIsTrue(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("docs", "rules.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, walk, found := strings.Cut(string(page), "\n## Your own rule, step by step\n")
	if !found {
		t.Fatal("docs/rules.md has no walk-through")
	}
	list, err := examples(string(page))
	if err != nil {
		t.Fatal("docs/rules.md: ", err)
	}
	if len(list) < 4 {
		t.Errorf("only %d examples run", len(list))
	}
	_, rule, _ := strings.Cut(walk, "```toml\n")
	rule, _, _ = strings.Cut(rule, "```\n")
	folder := t.TempDir()
	token := testKey("acme_pat_", "walk", 36)
	for name, text := range map[string]string{
		"acme.toml": rule,
		"deploy.sh": "#!/bin/sh\nexport ACME_TOKEN=" + token + "\n# ACME_TOKEN=acme_pat_your_token_here\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	runExamples(t, "docs/rules.md", list, folder, token)
}

// The rule and the probe of the recipes in CONTRIBUTING.md load, and their
// examples are what they say.
func TestTheRuleOfTheRecipesPasses(t *testing.T) {
	page, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	var rule strings.Builder
	for i, block := range strings.Split(string(page), "```toml\n") {
		text, _, closed := strings.Cut(block, "```\n")
		if i > 0 && closed {
			rule.WriteString(text)
		}
	}
	file := filepath.Join(t.TempDir(), "fabrikam.toml")
	if err := os.WriteFile(file, []byte(rule.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("keysweep", "rules", "test", file).CombinedOutput()
	if err != nil || !strings.Contains(rule.String(), "[[rule.probe.answers]]") {
		t.Errorf("%v\n%s%s", err, rule.String(), out)
	}
}

// runExamples runs the commands of a document one after the other in a folder,
// and compares what they print. The secret may not come out.
func runExamples(t *testing.T, document string, list []example, folder, secret string) {
	t.Helper()
	for _, e := range list {
		printed, status := "", 0
		for _, command := range splitLines(e.commands) { // the worst status counts
			cmd := exec.Command("sh", "-c", command)
			cmd.Dir = folder
			cmd.Env = append(os.Environ(), "CI=", "NO_COLOR=", "FORCE_COLOR=", "CLICOLOR_FORCE=")
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			printed, status = printed+string(out), max(status, exitCode(exit))
		}
		if status != e.status {
			t.Errorf("%s:%d: status %d, it says %d\n%s%s", document, e.line, status, e.status, e.commands, printed)
		}
		if strings.Contains(printed, secret) {
			t.Errorf("%s:%d: the key is printed", document, e.line)
		}
		if missing := mismatch(e.output, printed); e.output != "" && missing != "" {
			t.Errorf("%s:%d: %sdoes not print: %s\nbut:\n%s", document, e.line, e.commands, missing, printed)
		}
	}
}
