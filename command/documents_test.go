package command

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestTheReadmeListsTheExitStatuses(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	plain := strings.ReplaceAll(string(text), "`", "")
	for _, s := range scanStatuses {
		if row := fmt.Sprintf("| %s | %s |\n", s.number, s.meaning); !strings.Contains(plain, row) {
			t.Errorf("README.md lacks the row\n%s", row)
		}
	}
}

// What the documents name must exist.
func TestTheDocumentsNameWhatExists(t *testing.T) {
	option := regexp.MustCompile("(^|[ `(])(--[a-z][a-z-]+)")
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	documents, err := filepath.Glob("../*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"../docs", "../docs/internals"} {
		more, err := filepath.Glob(folder + "/*.md")
		if err != nil || len(more) == 0 {
			t.Fatal(folder, ": ", len(more), " documents, ", err)
		}
		documents = append(documents, more...)
	}
	sweep, err := os.ReadFile("../docs/sweep.md") // a test of that program checks its options
	if err != nil {
		t.Fatal(err)
	}
	ofSweep := option.FindAllString(strings.ReplaceAll(string(sweep), "\n", " "), -1)
	for i := range ofSweep {
		ofSweep[i] = strings.TrimLeft(ofSweep[i], " `(")
	}
	for _, name := range documents {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, line := range strings.Split(string(text), "\n") {
			if slices.ContainsFunc([]string{"git ", "rg ", "curl ", "`run --files", "docker run ", "sha256sum ", "npx ", "npm ", "gh attestation ", "gpg "}, func(program string) bool { return strings.Contains(line, program) }) {
				continue // an option of theirs
			}
			if strings.HasSuffix(name, "migrating.md") && strings.HasPrefix(line, "|") {
				cells := strings.Split(strings.Trim(line, "|"), "|")
				line = cells[len(cells)-1] // the others are about other scanners
			}
			for _, m := range option.FindAllStringSubmatch(line, -1) {
				if optionOf("", strings.TrimPrefix(m[2], "--")) == nil && !slices.Contains(ofSweep, m[2]) {
					t.Errorf("%s names %s, which does not exist", name, m[2])
				}
			}
		}
	}
}
