package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// README.md's commands run here, and what it says they print is compared. A
// block of commands has a comment in front of it:
//
//	<!-- run, status 1 -->
//	```sh
//	keysweep scan shop
//	```
//	```text
//	what it prints
//	```
//
// or <!-- not run: the reason -->. In what it prints, a line "…" matches any
// lines, and a line that ends with " …" for any end. The commands run one after
// the other in a folder with the repository shop (testdata/readme/shop.sh).

// example is a block of commands of a document, and what it promises.
type example struct {
	line     int // of the document
	commands string
	status   int
	output   string
}

var (
	runComment    = regexp.MustCompile(`^<!-- run, status (\d+) -->$`)
	notRunComment = regexp.MustCompile(`^<!-- (not run: .+|set-up .+) -->$`) // set-ups: runners_test.go
)

// examples returns the examples of a document. A block of commands that says
// neither that it runs nor why not is an error.
func examples(text string) (list []example, err error) {
	lines := strings.Split(text, "\n")
	var current *example // whose output may follow
	for i := 0; i < len(lines); i++ {
		fence, ok := strings.CutPrefix(lines[i], "```")
		if !ok {
			if lines[i] != "" {
				current = nil
			}
			continue
		}
		start := i
		for i++; i < len(lines) && lines[i] != "```"; i++ {
		}
		if i == len(lines) {
			return nil, fmt.Errorf("line %d: a block without an end", start+1)
		}
		body := strings.Join(lines[start+1:i], "\n") + "\n"
		above := ""
		if start > 0 {
			above = lines[start-1]
		}
		switch {
		case fence == "text" && current != nil:
			current.output = body
			current = nil
		case fence == "sh" && runComment.MatchString(above):
			status, _ := strconv.Atoi(runComment.FindStringSubmatch(above)[1])
			list = append(list, example{line: start + 1, commands: body, status: status})
			current = &list[len(list)-1]
		case fence == "sh" && notRunComment.MatchString(above):
			current = nil
		case fence == "sh":
			return nil, fmt.Errorf("line %d: commands that say neither <!-- run, status N --> nor <!-- not run: why -->", start+1)
		}
	}
	return list, nil
}

// mismatch compares what was printed with what is promised, and returns the
// first promised line that does not come, or "".
func mismatch(promised, printed string) string {
	want, got := splitLines(promised), splitLines(printed)
	skip := false // the line before was "…"
	for _, line := range want {
		if line == "…" {
			skip = true
			continue
		}
		for {
			if len(got) == 0 {
				return line
			}
			next := got[0]
			got = got[1:]
			if next == line || strings.HasSuffix(line, " …") && strings.HasPrefix(next, strings.TrimSuffix(line, "…")) {
				break
			}
			if !skip {
				return line
			}
		}
		skip = false
	}
	if !skip && len(got) > 0 {
		return "the end, before " + got[0]
	}
	return ""
}

func splitLines(s string) []string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
}

func TestTheExamplesOfTheReadmeAreTrue(t *testing.T) { runPage(t, "README.md", 4) }

func TestTheExamplesOfUsageAreTrue(t *testing.T) {
	runPage(t, filepath.Join("docs", "usage.md"), 8)
}

func TestTheExamplesOfTheFirstHourAreTrue(t *testing.T) {
	runPage(t, filepath.Join("docs", "leaked.md"), 3)
}

func TestTheExamplesOfHooksAreTrue(t *testing.T) {
	runPage(t, filepath.Join("docs", "hooks.md"), 3)
}

// runPage runs the examples of a document, of which there are at least
// least.
func runPage(t *testing.T, document string, least int) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	list, err := examples(string(text))
	if err != nil {
		t.Fatal(document, ": ", err)
	}
	if len(list) < least {
		t.Errorf("only %d examples run", len(list))
	}
	folder := t.TempDir()
	script, err := filepath.Abs(filepath.Join("testdata", "readme", "shop.sh"))
	if err != nil {
		t.Fatal(err)
	}
	key := testKey("sk_live_", "shop", 40)
	shell := func(arg ...string) (string, int) {
		cmd := exec.Command("sh", arg...)
		cmd.Dir = folder
		cmd.Env = append(os.Environ(), "KEY="+key, "CI=", "NO_COLOR=", "FORCE_COLOR=", "CLICOLOR_FORCE=")
		for name, value := range gitEnvironment(folder) {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return string(out), exitCode(exit)
	}
	if out, status := shell(script); status != 0 {
		t.Fatalf("shop.sh: status %d\n%s", status, out)
	}
	for _, e := range list {
		printed, status := "", 0
		for _, command := range splitLines(e.commands) { // the worst status counts
			out, s := shell("-c", command)
			printed, status = printed+out, max(status, s)
		}
		if status != e.status {
			t.Errorf("%s:%d: status %d, it says %d\n%s%s", document, e.line, status, e.status, e.commands, printed)
		}
		if strings.Contains(printed, key) {
			t.Errorf("%s:%d: the key is printed", document, e.line)
		}
		if missing := mismatch(e.output, printed); e.output != "" && missing != "" {
			t.Errorf("%s:%d: %sdoes not print: %s\nbut:\n%s", document, e.line, e.commands, missing, printed)
		}
	}
}

// The documents must be able to fail.
func TestALyingDocumentIsCaught(t *testing.T) {
	for _, tt := range []struct{ promised, printed, want string }{
		{"a\nb\n", "a\nb\n", ""},
		{"a\nb\n", "a\nc\n", "b"},
		{"a\n", "a\nb\n", "the end, before b"},
		{"a\nb\n", "a\n", "b"},
		{"a\n…\nd\n", "a\nb\nc\nd\n", ""},
		{"a\n…\nd\n", "a\nb\nc\n", "d"},
		{"a\n…\n", "a\nb\nc\n", ""},
		{"…\nc\n", "a\nb\nc\nd\n", "the end, before d"},
		{"took …\n", "took 3 ms\n", ""},
		{"took …\n", "gave 3 ms\n", "took …"},
		{"sk_live_…x\n", "sk_live_…y\n", "sk_live_…x"},
	} {
		if got := mismatch(tt.promised, tt.printed); got != tt.want {
			t.Errorf("%q, printed %q: %q, want %q", tt.promised, tt.printed, got, tt.want)
		}
	}
	for _, text := range []string{"```sh\nls\n```\n", "<!-- not run: -->\n```sh\nls\n```\n", "```sh\nls\n"} {
		if _, err := examples(text); err == nil {
			t.Errorf("%q is taken for true", text)
		}
	}
}

// pinned finds the commits that set-ups name: a rev, an action, or a clone, of
// which every one must be followed by a checkout.
var (
	pinned = regexp.MustCompile(`(?m)(?:rev: |keysweep/keysweep@|keysweep checkout -q )(\S+?)'?$`)
	cloned = regexp.MustCompile(`git clone .*github\.com/keysweep/keysweep.*`)
)

// README.md repeats set-ups of other pages, whose tests run them.
func TestSetUpsOfTheReadmeAreThoseOfThePages(t *testing.T) {
	read := func(page string) string {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	pages := read("docs/hooks.md") + read("docs/ci.md")
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```\n").FindAllStringSubmatch(read("README.md"), -1)
	for _, b := range blocks {
		if !strings.Contains(pages, b[1]) {
			t.Errorf("no page has\n%s", b[1])
		}
	}
	if len(blocks) != 2 {
		t.Errorf("%d set-ups", len(blocks))
	}
}

// Git for Windows adds carriage returns by default, and the embedded data would not load.
func TestACloneHasTheSameBytesEverywhere(t *testing.T) {
	for _, name := range []string{"main.go", "rules/data/heads.txt", "command/completion/bash", ".ci/source-sum"} {
		out, err := exec.Command("git", "check-attr", "text", "--", name).CombinedOutput()
		if err != nil || string(out) != name+": text: unset\n" {
			t.Errorf("%v %s", err, out)
		}
	}
}

// A copied set-up gets the commit that it names: one of this history, in
// which the hooks and the action are.
func TestSetUpsArePinnedToCommitsThatAreThere(t *testing.T) {
	for _, page := range []string{"README.md", "docs/hooks.md", "docs/ci.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, clone := range cloned.FindAllString(string(text), -1) {
			if !pinned.MatchString(clone) {
				t.Errorf("%s: no commit is pinned: %s", page, clone)
			}
		}
		pins := pinned.FindAllStringSubmatch(string(text), -1)
		if len(pins) == 0 {
			t.Errorf("%s: nothing is pinned", page)
		}
		for _, pin := range pins {
			for _, name := range []string{".pre-commit-hooks.yaml", "action.yml", ".gitattributes"} {
				if out, err := exec.Command("git", "cat-file", "-e", pin[1]+":"+name).CombinedOutput(); err != nil || len(pin[1]) != 40 {
					t.Errorf("%s: %s is no commit with %s: %v %s", page, pin[1], name, err, out)
				}
			}
			if out, err := exec.Command("git", "merge-base", "--is-ancestor", pin[1], "HEAD").CombinedOutput(); err != nil {
				t.Errorf("%s: %s is not in the history: %v %s", page, pin[1], err, out)
			}
		}
	}
}
